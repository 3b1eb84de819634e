// Inside pricing: pricing.c (configuration, state), pricing_scan.c (rows to sums), pricing_build.c (the
// tables), pricing_query.c (answers).
#ifndef EDGEWATT_RECORDER_PRICING_PRIV_H
#define EDGEWATT_RECORDER_PRICING_PRIV_H

#include "recorder/pricing.h"

enum {
    PRICING_TARIFFS_MAX = SITE_SERVICE_COUNT * TARIFF_OF_SERVICE_MAX,
    PRICING_RULES_MAX = 256,
    PRICING_SEGMENTS_MAX = 4096,
    PRICING_SETTLE_MS = 2000
};

// What one counter used in a span, by place in its service's plan.
struct pricing_sum {
    int64_t device;
    enum site_service service;
    bool priced; // electricity or volume; others are passed over
    bool any;
    unsigned flags;
    int64_t amounts_milli[TARIFF_PLACES];
};

struct pricing_device {
    int64_t device;
    enum site_service service;
};

struct pricing_generation {
    int64_t generation; // 0 = none
    int64_t until;      // local date as 20260301; 0 = nothing yet
    int64_t rules;
};

struct pricing {
    struct store *store;
    const struct sampler *sampler;
    struct calendar_zone zone;
    bool zoned;
    char currency[4];
    int64_t changed_ms; // 0 = settled
    int tariff_count;
    struct site_tariff tariffs[PRICING_TARIFFS_MAX];
    int rule_count;
    struct site_cost_rule rules[PRICING_RULES_MAX];
    struct tariff_plan plans[SITE_SERVICE_COUNT];
    int64_t rules_hash; // of plans and zone
    int device_count, device_cap;
    struct pricing_device *devices; // whose volume is not water, ascending
    // By row id of `series`.
    struct pricing_sum *sums;
    int64_t sum_count;
    int64_t series_known; // rows of `series` that sums knows
    struct tariff_segment segments[SITE_SERVICE_COUNT][PRICING_SEGMENTS_MAX];
    int segment_count[SITE_SERVICE_COUNT];
    struct pricing_generation shown, build;
    int64_t first_date; // of history, while building: for progress
    struct pricing_answer answer;
};

int64_t pricing_date(struct calendar_date date); // 20260301
struct calendar_date pricing_date_split(int64_t date);
const struct site_tariff *pricing_tariff_of(const struct pricing *pricing, int64_t id); // NULL = gone
void pricing_plan(struct pricing *pricing); // plans and rules_hash from the rules

// pricing_scan.c: whose series is whose, in pricing->sums
enum ew_err pricing_learn_series(struct pricing *pricing, struct ew_reason *reason) EW_MUST_CHECK;
// Sums of what was used in start_s..end_s (at most a day; a span of the calendar) by tariff,
// into pricing->sums.
enum ew_err pricing_scan(struct pricing *pricing, int64_t start_s, int64_t end_s,
                         struct ew_reason *reason) EW_MUST_CHECK;

// pricing_build.c
bool pricing_behind(const struct pricing *pricing); // what is shown was not made by the rules of now
enum ew_err pricing_load_state(struct pricing *pricing, struct ew_reason *reason) EW_MUST_CHECK;

#endif
