// Looks a large database through beside the work: its pages are read on a thread and a connection of its own.
#ifndef EDGEWATT_RECORDER_CHECKER_H
#define EDGEWATT_RECORDER_CHECKER_H

#include "base/err.h"

struct checker;

enum checker_verdict { CHECKER_RUNNING, CHECKER_WHOLE, CHECKER_DAMAGED };

struct checker *checker_start(const char *database_path);
enum checker_verdict checker_verdict(const struct checker *checker);
// What was found, of a damaged one: on loan, valid once the verdict is there.
const char *checker_finding(const struct checker *checker);
void checker_free(struct checker *checker); // takes NULL; breaks off what runs

#endif
