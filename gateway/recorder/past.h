// Reading what is stored at the sampling interval, packed or not.
#ifndef EDGEWATT_RECORDER_PAST_H
#define EDGEWATT_RECORDER_PAST_H

#include "core/history/pack.h"
#include "recorder/sampler.h"

typedef void past_fn(void *user, int64_t series, const struct history_value *value);

// Every value of these series (rising ids, all of one kind) whose slot begins in [from_s, to_s). Values of
// one series come by rising start, but for slots that were stored late.
enum ew_err past_read(const struct sampler *sampler, const int64_t *series, int count, bool counters,
                      int64_t from_s, int64_t to_s, past_fn *fn, void *user,
                      struct ew_reason *reason) EW_MUST_CHECK;

#endif
