// From the tables of history into a histogram: months, days, and what is finer, each where it is exact.
#ifndef EDGEWATT_RECORDER_FILL_H
#define EDGEWATT_RECORDER_FILL_H

#include "core/history/histogram.h"
#include "recorder/sampler.h"

// Adds what is recorded of a quantity (NULL: of what each service is summed by) in the histogram's spans,
// which are of this unit. A month or day in which a device moved is read from what is finer, so that each
// part goes where it belongs.
enum ew_err fill_histogram(struct store *store, const struct sampler *sampler,
                           const struct calendar_zone *zone, enum calendar_unit unit, const char *quantity,
                           struct history_histogram *histogram, struct ew_reason *reason) EW_MUST_CHECK;

#endif
