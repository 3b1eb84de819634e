// The recorder's side of the questions of the consumption pages.
#ifndef EDGEWATT_RECORDER_QUESTIONS_H
#define EDGEWATT_RECORDER_QUESTIONS_H

#include "recorder/query.h"
#include "service/service.h"

struct questions;
// Serves recorder/consumption, history, series, compare and quality, and follows the factor of gas. world is
// on loan.
struct questions *questions_new(struct ew_service *service, struct query_world *world);
void questions_free(struct questions *questions); // takes NULL

#endif
