// Inside pricing: pricing.c (configuration, state), pricing_scan.c (a day's rows to sums), pricing_build.c
// (the tables), pricing_parts.c (what is read of them), pricing_query.c (answers).
#ifndef EDGEWATT_RECORDER_PRICING_PRIV_H
#define EDGEWATT_RECORDER_PRICING_PRIV_H

#include "recorder/pricing.h"

enum {
    PRICING_TARIFFS_MAX = SITE_SERVICE_COUNT * TARIFF_OF_SERVICE_MAX,
    PRICING_RULES_MAX = 256,
    PRICING_SEGMENTS_MAX = 4096,
    PRICING_SETTLE_MS = 2000
};

// What one counter used in a day, by place in the plan of the service it counted for.
struct pricing_sum {
    int64_t device;
    enum history_measure measure; // HISTORY_OTHER: has no price, is passed over
    struct pricing_used {
        bool any;
        unsigned flags;
        int64_t amounts_milli[TARIFF_PLACES];
    } used[SITE_SERVICE_COUNT];
};

struct pricing_generation {
    int64_t generation; // 0 = none
    int64_t until;      // local date as 20260301; 0 = nothing yet
    int64_t summed;     // months before this one (202603) are in tariff_sum, and years of such
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
    int64_t services_hash; // of who counts gas or water, and since when
    int64_t rules_hash;    // of plans, zone and services
    // By row id of `series`.
    struct pricing_sum *sums;
    int64_t sum_count;
    int64_t series_known; // rows of `series` that sums knows
    struct tariff_segment segments[SITE_SERVICE_COUNT][PRICING_SEGMENTS_MAX];
    int segment_count[SITE_SERVICE_COUNT];
    struct pricing_generation shown, build;
    bool leftovers;     // rows of other generations may be there
    int64_t first_date; // of history, while building
    int64_t whole_s;    // from here on its steps are there; what is older was made before they went
    struct pricing_answer answer;
};

int64_t pricing_date(struct calendar_date date); // 20260301
struct calendar_date pricing_date_split(int64_t date);
const struct site_tariff *pricing_tariff_of(const struct pricing *pricing, int64_t id); // NULL = gone
void pricing_plan(struct pricing *pricing); // plans and rules_hash from the rules
void pricing_note_services(struct pricing *pricing, int64_t now_ms);

// pricing_scan.c: whose series is whose, in pricing->sums
enum ew_err pricing_learn_series(struct pricing *pricing, struct ew_reason *reason) EW_MUST_CHECK;
// Sums of what was used in start_s..end_s (at most a day; a span of the calendar) by tariff,
// into pricing->sums.
enum ew_err pricing_scan(struct pricing *pricing, int64_t start_s, int64_t end_s,
                         struct ew_reason *reason) EW_MUST_CHECK;
// What a value of a series counts for; the place is looked up when it changes.
struct pricing_place {
    int64_t series, from_s, until_s; // series -1 = none yet
    const struct history_place *place;
};
bool pricing_service_of(const struct pricing *pricing, int64_t series, int64_t at_s,
                        struct pricing_place *known, enum site_service *ret);

// pricing_build.c
enum ew_err pricing_load_state(struct pricing *pricing, struct ew_reason *reason) EW_MUST_CHECK;

#endif
