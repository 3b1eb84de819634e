// What was used, part by part, for sums by other things than tariffs.
#include "recorder/past.h"
#include "recorder/pricing_priv.h"

#include <stdlib.h>

enum { RECENT_S = 86400 };

struct parts {
    struct pricing *pricing;
    const struct pricing_time *time;
    pricing_part_fn *fn;
    void *user;
    int64_t date, end_s; // of the day that is read step by step
    int64_t last_s;
    int cursor;
};

static void give(const struct parts *x, struct pricing_part *part)
{
    const struct site_tariff *its = part->tariff ? pricing_tariff_of(x->pricing, part->tariff) : NULL;
    part->price_micro = its ? tariff_price_at(its->prices, its->price_count, (int)part->date) : -1;
    x->fn(x->user, part);
}

// ---- Step by step ----------------------------------------------------------------------------------------

static void give_step(void *user, int64_t series, const struct history_value *value)
{
    struct parts *x = user;
    struct pricing *p = x->pricing;
    const struct tariff_plan *plan = &p->plans[x->time->service];
    int64_t shares_milli[TARIFF_PLACES] = {0}, end_s = value->start_s + value->length_s;
    if (!value->has_value)
        return;
    if (value->start_s < x->last_s) // the next series begins
        x->cursor = 0;
    x->last_s = value->start_s;
    tariff_share(p->segments[x->time->service], p->segment_count[x->time->service], &x->cursor,
                 value->start_s, end_s < x->end_s ? end_s : x->end_s, value->value_th, shares_milli);
    for (int i = 0; i < plan->tariff_count; i++) {
        struct pricing_part part = {.device = p->sums[series].device,
                                    .start_s = value->start_s,
                                    .date = x->date,
                                    .tariff = plan->tariffs[i],
                                    .amount_milli = shares_milli[i],
                                    .flags = value->flags};
        if (i == 0 || shares_milli[i] > 0)
            give(x, &part);
    }
}

static enum ew_err read_day(struct parts *x, int64_t start_s, int64_t end_s, struct ew_reason *reason)
{
    struct pricing *p = x->pricing;
    enum site_service service = x->time->service;
    int64_t *ids = calloc((size_t)p->sum_count + 1, sizeof(*ids));
    int count = 0;
    if (!ids)
        abort();
    for (int64_t id = 0; id < p->sum_count; id++)
        if (p->sums[id].priced && p->sums[id].service == service &&
            (!x->time->device || p->sums[id].device == x->time->device))
            ids[count++] = id;
    x->date = pricing_date(calendar_local(&p->zone, start_s).date);
    x->end_s = end_s;
    x->last_s = INT64_MIN;
    (void)tariff_segments(&p->plans[service], &p->zone, start_s, end_s, p->segments[service],
                          PRICING_SEGMENTS_MAX, &p->segment_count[service]);
    enum ew_err err = past_read(p->sampler, ids, count, true, start_s, end_s, give_step, x, reason);
    free(ids);
    return err;
}

static enum ew_err read_steps(struct parts *x, int64_t start_s, int64_t end_s, struct ew_reason *reason)
{
    int64_t last_s = sampler_last_s(x->pricing->sampler);
    enum ew_err err = pricing_learn_series(x->pricing, reason);
    while (start_s < end_s && start_s < last_s && err == EW_OK) {
        int64_t day_s, day_end_s;
        calendar_span(&x->pricing->zone, CALENDAR_DAY, start_s, &day_s, &day_end_s);
        err = read_day(x, start_s, day_end_s < end_s ? day_end_s : end_s, reason);
        start_s = day_end_s;
    }
    return err;
}

// ---- Day by day ------------------------------------------------------------------------------------------

static enum ew_err read_device(struct parts *x, int64_t device, int64_t from_date, int64_t to_date,
                               struct ew_reason *reason)
{
    struct pricing *p = x->pricing;
    sqlite3_stmt *q = store_statement(
        p->store, "SELECT date, tariff, amount, flags FROM tariff_day WHERE generation = ?1 AND device = ?2 "
                  "AND date >= ?3 AND date < ?4 AND service = ?5 ORDER BY date");
    const int64_t keys[] = {p->shown.generation, device, from_date, to_date, x->time->service};
    for (int i = 0; i < 5; i++)
        sqlite3_bind_int64(q, i + 1, keys[i]);
    struct pricing_part part = {.device = device, .date = 0};
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        if (part.date != sqlite3_column_int64(q, 0)) {
            part.date = sqlite3_column_int64(q, 0);
            part.start_s = calendar_date_start_s(&p->zone, pricing_date_split(part.date));
        }
        part.tariff = sqlite3_column_int64(q, 1);
        part.amount_milli = sqlite3_column_int64(q, 2);
        part.flags = (unsigned)sqlite3_column_int64(q, 3);
        give(x, &part);
    }
    sqlite3_reset(q);
    return code == SQLITE_DONE ? EW_OK : store_fail(p->store, reason);
}

static enum ew_err read_days(struct parts *x, int64_t from_date, int64_t to_date, struct ew_reason *reason)
{
    struct pricing *p = x->pricing;
    enum ew_err err = pricing_learn_series(p, reason);
    for (int64_t id = 0; id < p->sum_count && err == EW_OK; id++)
        if (p->sums[id].priced && p->sums[id].service == x->time->service &&
            (!x->time->device || p->sums[id].device == x->time->device))
            err = read_device(x, p->sums[id].device, from_date, to_date, reason);
    return err;
}

enum ew_err pricing_parts(struct pricing *p, const struct pricing_time *time, bool fine, pricing_part_fn *fn,
                          void *user, struct ew_reason *reason)
{
    struct parts x = {.pricing = p, .time = time, .fn = fn, .user = user};
    int64_t from_date = pricing_date(calendar_local(&p->zone, time->start_s).date);
    int64_t to_date = pricing_date(calendar_local(&p->zone, time->end_s).date);
    // Before the first rebuild is through, only what is young is read step by step.
    int64_t whole_s = p->shown.until ? calendar_date_start_s(&p->zone, pricing_date_split(p->shown.until))
                                     : time->end_s - RECENT_S;
    if (fine)
        return read_steps(&x, time->start_s, time->end_s, reason);
    enum ew_err err = EW_OK;
    if (p->shown.until)
        err = read_days(&x, from_date, to_date < p->shown.until ? to_date : p->shown.until, reason);
    if (err == EW_OK && whole_s < time->end_s)
        err = read_steps(&x, whole_s > time->start_s ? whole_s : time->start_s, time->end_s, reason);
    return err;
}
