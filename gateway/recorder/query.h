// Answers of the recorder: histograms out of the roll-ups, by circuit.
#ifndef EDGEWATT_RECORDER_QUERY_H
#define EDGEWATT_RECORDER_QUERY_H

#include "base/json.h"
#include "recorder/sampler.h"

enum { QUERY_SPANS_MAX = 800 }; // a month by hour is 745

// The arguments of recorder/consumption: {"by": "hour"|"day"|"month", "from": "2026-03-01", "spans": 24}.
// `from` is a local date; `spans` hours, days or months are counted from its start (its month's, by month).
struct query_consumption {
    enum calendar_unit by;
    struct calendar_date from;
    int spans;
};
enum ew_err query_consumption_read(const cJSON *args, struct query_consumption *ret,
                                   struct ew_reason *reason) EW_MUST_CHECK;

// Writes {"by","unit":"Wh","spans":[{"start","end"}...],"circuits":[{"circuit":1,"values":[Wh|null...]}...],
// "flags":[...],"until":stamp|null}. Circuits are those that consumed anything; 0 = other. `until` is the end
// of the newest stored slot: later values are not known yet and are null.
enum ew_err query_consumption(struct store *store, const struct sampler *sampler,
                              const struct calendar_zone *zone, const struct query_consumption *query,
                              struct ew_buf *ret_json, struct ew_reason *reason) EW_MUST_CHECK;

#endif
