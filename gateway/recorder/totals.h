// total/<kind>/<id>, retained: what was consumed in circuits, zones, panels and the site since recording
// began.
#ifndef EDGEWATT_RECORDER_TOTALS_H
#define EDGEWATT_RECORDER_TOTALS_H

#include "recorder/sampler.h"
#include "service/service.h"

struct totals;
// Looks for leftovers, so call before the service connects. The sampler stays the caller's.
struct totals *totals_new(struct ew_service *service, const struct sampler *sampler);
void totals_free(struct totals *totals);        // takes NULL
void totals_publish_all(struct totals *totals); // after a connect
void totals_publish_new(struct totals *totals); // when a slot was stored since
#endif
