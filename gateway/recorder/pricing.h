// What consumption costs: what was used by device, local day and tariff, kept in tables of its own and
// rebuilt in the background when rules change; prices are applied when a question is answered (SPEC CST,
// DESIGN History).
#ifndef EDGEWATT_RECORDER_PRICING_H
#define EDGEWATT_RECORDER_PRICING_H

#include "base/json.h"
#include "core/site/site.h"
#include "recorder/sampler.h"

struct pricing;

// Store and sampler stay the caller's.
struct pricing *pricing_new(struct store *store, const struct sampler *sampler);
void pricing_free(struct pricing *pricing); // takes NULL
// Reads how far it was. Call once, before anything else.
enum ew_err pricing_load(struct pricing *pricing, struct ew_reason *reason) EW_MUST_CHECK;

// Configuration as it comes; NULL = that object is gone. Each call puts the next rebuild off until nothing
// came for two seconds, so that a list of rules counts as one change.
void pricing_site(struct pricing *pricing, const struct calendar_zone *zone, const char *currency,
                  int64_t now_ms);
void pricing_tariff(struct pricing *pricing, int64_t id, const struct site_tariff *tariff, int64_t now_ms);
void pricing_rule(struct pricing *pricing, int64_t id, const struct site_cost_rule *rule, int64_t now_ms);

// Works for about budget_ms; *ret_more: there is more to do at once.
enum ew_err pricing_work(struct pricing *pricing, int64_t now_ms, int budget_ms, bool *ret_more,
                         struct ew_reason *reason) EW_MUST_CHECK;
bool pricing_behind(const struct pricing *pricing); // what is shown was not made by the rules of now
// "tariffs": {"state": "ready"|"building", "percent"} for service/recorder/status.
void pricing_health(const struct pricing *pricing, struct ew_jw *w);

// ---- Questions -------------------------------------------------------------------------------------------

enum { PRICING_SPANS_MAX = 400 };

struct pricing_query {
    enum site_service service;
    enum calendar_unit by;
    struct calendar_date from; // spans are counted from the start of its hour's day, day, month or year
    int spans;
    int64_t device; // 0 = all that count in totals
};
enum ew_err pricing_query_read(const cJSON *args, struct pricing_query *ret,
                               struct ew_reason *reason) EW_MUST_CHECK;

struct pricing_figure {
    int64_t amount_milli;   // thousandths of Wh or dm3
    int64_t unpriced_milli; // of it, where no price is valid
    struct tariff_money money;
    bool any; // anything was recorded
};
struct pricing_row {
    int64_t tariff; // 0 = outside all rules
    struct pricing_figure figures[PRICING_SPANS_MAX];
};
struct pricing_answer {
    int64_t start_s[PRICING_SPANS_MAX], end_s[PRICING_SPANS_MAX];
    unsigned flags[PRICING_SPANS_MAX]; // enum history_flag
    int row_count;
    struct pricing_row rows[2 * TARIFF_PLACES]; // the tariffs of old figures too, while new ones are made
};
// *ret is the pricing's, until the next question.
enum ew_err pricing_ask(struct pricing *pricing, const struct pricing_query *query,
                        const struct pricing_answer **ret, struct ew_reason *reason) EW_MUST_CHECK;
// What was used, part by part: a day, month or year of a device at a tariff that it kept its place and its
// price in, or a step of its counter.
struct pricing_time {
    enum site_service service;
    int64_t device; // 0 = all, excluded from totals or not
    int64_t start_s, end_s;
    enum calendar_unit by; // no part is longer, and none runs over the end of such a span
};
struct pricing_part {
    int64_t device, start_s;
    int64_t tariff; // 0 = outside all rules
    int64_t amount_milli;
    int64_t price_micro; // -1 = none is valid
    unsigned flags;
};
typedef void pricing_part_fn(void *user, const struct pricing_part *part);
enum ew_err pricing_parts(struct pricing *pricing, const struct pricing_time *time, pricing_part_fn *fn,
                          void *user, struct ew_reason *reason) EW_MUST_CHECK;
// The answer of recorder/tariffs as schemas/calls/tariffs.schema.json has it.
enum ew_err pricing_answer(struct pricing *pricing, const struct pricing_query *query,
                           struct ew_buf *ret_json, struct ew_reason *reason) EW_MUST_CHECK;
// The answer of recorder/tariff_calendar: the year's segments, and the rule that is true at now_s.
enum ew_err pricing_calendar(struct pricing *pricing, const cJSON *args, int64_t now_s,
                             struct ew_buf *ret_json, struct ew_reason *reason) EW_MUST_CHECK;
int pricing_digits(const struct pricing *pricing);
const char *pricing_currency(const struct pricing *pricing);

#endif
