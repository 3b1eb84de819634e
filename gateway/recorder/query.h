// Questions to the recorder: arguments in, JSON out (schemas/calls/).
#ifndef EDGEWATT_RECORDER_QUERY_H
#define EDGEWATT_RECORDER_QUERY_H

#include "base/json.h"
#include "core/history/histogram.h"
#include "core/quality/quality.h"
#include "recorder/pricing.h"
#include "recorder/sampler.h"

enum { QUERY_POINTS_MAX = 2000, QUERY_POINTS = 500 };

struct query_world { // what answers are made of; all on loan
    struct store *store;
    const struct sampler *sampler;
    const struct calendar_zone *zone;
    double gas_kwh_per_m3;   // 0 = not configured
    struct pricing *pricing; // NULL = no costs
    double nominal_v;        // phase to neutral; 0 = not configured: 230
};

// ---- recorder/consumption --------------------------------------------------------------------------------
// {"by": "hour"|"day"|"month", "from": "2026-03-01", "spans": 24}: electricity by circuit.
struct query_consumption {
    enum calendar_unit by;
    struct calendar_date from;
    int spans;
};
enum ew_err query_consumption_read(const cJSON *args, struct query_consumption *ret,
                                   struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err query_consumption(const struct query_world *world, const struct query_consumption *query,
                              struct ew_buf *ret_json, struct ew_reason *reason) EW_MUST_CHECK;

// ---- recorder/history ------------------------------------------------------------------------------------
struct query_history {
    enum calendar_unit by;
    struct calendar_date from;
    int spans;
    struct history_ask ask;
    char quantity[40]; // "" = what the services are summed by
    bool equivalent, previous, cost;
};
enum ew_err query_history_read(const cJSON *args, struct query_history *ret,
                               struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err query_history(const struct query_world *world, const struct query_history *query,
                          struct ew_buf *ret_json, struct ew_reason *reason) EW_MUST_CHECK;

// ---- recorder/compare ------------------------------------------------------------------------------------
struct query_compare {
    enum calendar_unit by;
    struct calendar_date from;
    int spans;
    int64_t devices[2];
    bool equivalent;
};
enum ew_err query_compare_read(const cJSON *args, struct query_compare *ret,
                               struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err query_compare(const struct query_world *world, const struct query_compare *query,
                          struct ew_buf *ret_json, struct ew_reason *reason) EW_MUST_CHECK;

// ---- recorder/series -------------------------------------------------------------------------------------
struct query_series {
    int64_t device;
    char quantity[40];
    int64_t from_s, to_s;
    int points;
};
enum ew_err query_series_read(const cJSON *args, struct query_series *ret,
                              struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err query_series(const struct query_world *world, const struct query_series *query,
                         struct ew_buf *ret_json, struct ew_reason *reason) EW_MUST_CHECK;

// ---- recorder/quality ------------------------------------------------------------------------------------
// {"device": 12, "from": "2026-03-02", "weeks": 2}: EN 50160 of the week that holds `from` (without it: the
// last that is over) and of those before it.
enum { QUERY_WEEKS_MAX = 5 };
struct query_quality {
    int64_t device;
    bool has_from;
    struct calendar_date from;
    int weeks;
};
enum ew_err query_quality_read(const cJSON *args, struct query_quality *ret,
                               struct ew_reason *reason) EW_MUST_CHECK;
// It takes a tenth of a second, so it is answered in steps: begin, then step until it is done or fails, then
// free (takes NULL). A step reads a series of a week: about a millisecond. *ret_json and world are on loan
// until then.
struct query_quality_run;
enum ew_err query_quality_begin(const struct query_world *world, const struct query_quality *query,
                                struct ew_buf *ret_json, struct query_quality_run **ret,
                                struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err query_quality_step(struct query_quality_run *run, bool *ret_done,
                               struct ew_reason *reason) EW_MUST_CHECK;
void query_quality_free(struct query_quality_run *run);

#endif
