// From the steps of counters to amounts by tariff.
#include "recorder/pricing_priv.h"

#include "recorder/past.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void make_room(struct pricing *p, int64_t id)
{
    if (id < p->sum_count)
        return;
    int64_t count = id + 256;
    p->sums = realloc(p->sums, (size_t)count * sizeof(*p->sums));
    if (!p->sums)
        abort();
    for (int64_t i = p->sum_count; i < count; i++)
        p->sums[i] = (struct pricing_sum){.measure = HISTORY_OTHER};
    p->sum_count = count;
}

// Series only ever grow in number, so that a count tells whether there are new ones.
enum ew_err pricing_learn_series(struct pricing *p, struct ew_reason *reason)
{
    sqlite3_stmt *newest = store_statement(p->store, "SELECT coalesce(max(id), 0) FROM series");
    int64_t last = sqlite3_step(newest) == SQLITE_ROW ? sqlite3_column_int64(newest, 0) : 0;
    sqlite3_reset(newest);
    if (last == p->series_known)
        return EW_OK;
    sqlite3_stmt *q = store_statement(p->store, "SELECT id, device, quantity FROM series WHERE kind = 1 "
                                                "AND quantity IN ('active_energy_import', 'volume')");
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(q, 0);
        make_room(p, id);
        p->sums[id].device = sqlite3_column_int64(q, 1);
        p->sums[id].measure = history_measure_of((const char *)sqlite3_column_text(q, 2));
    }
    sqlite3_reset(q);
    if (code != SQLITE_DONE)
        return store_fail(p->store, reason);
    p->series_known = last;
    return EW_OK;
}

bool pricing_service_of(const struct pricing *p, int64_t series, int64_t at_s, struct pricing_place *known,
                        enum site_service *ret)
{
    if (series < 0 || series >= p->sum_count || p->sums[series].measure == HISTORY_OTHER)
        return false;
    if (known->series != series || at_s < known->from_s || at_s >= known->until_s) {
        known->place = sampler_place_at(p->sampler, p->sums[series].device, at_s, &known->until_s);
        known->series = series;
        known->from_s = at_s;
    }
    *ret = known->place->service;
    return history_place_counts(known->place, p->sums[series].measure);
}

struct scan {
    struct pricing *pricing;
    int64_t end_s;
    int64_t last_s; // start of the value before, for the cursors
    int cursors[SITE_SERVICE_COUNT];
    struct pricing_place place;
};

static void add_value(void *user, int64_t series, const struct history_value *value)
{
    struct scan *scan = user;
    struct pricing *p = scan->pricing;
    enum site_service service;
    if (!value->has_value || !pricing_service_of(p, series, value->start_s, &scan->place, &service))
        return;
    int64_t end_s = value->start_s + value->length_s;
    if (end_s > scan->end_s)
        end_s = scan->end_s;           // the interval or the zone was changed in the middle of it
    if (value->start_s < scan->last_s) // the next series begins
        memset(scan->cursors, 0, sizeof(scan->cursors));
    scan->last_s = value->start_s;
    struct pricing_used *used = &p->sums[series].used[service];
    used->any = true;
    used->flags |= value->flags;
    tariff_share(p->segments[service], p->segment_count[service], &scan->cursors[service], value->start_s,
                 end_s, value->value_th, used->amounts_milli);
}

static enum ew_err read_values(struct pricing *p, int64_t start_s, int64_t end_s, struct ew_reason *reason)
{
    struct scan scan = {.pricing = p, .end_s = end_s, .last_s = INT64_MIN, .place = {.series = -1}};
    int64_t *ids = calloc((size_t)p->sum_count + 1, sizeof(*ids));
    int count = 0;
    if (!ids)
        abort();
    for (int64_t id = 0; id < p->sum_count; id++)
        if (p->sums[id].measure != HISTORY_OTHER)
            ids[count++] = id;
    enum ew_err err = past_read(p->sampler, ids, count, true, start_s, end_s, add_value, &scan, reason);
    free(ids);
    return err;
}

enum ew_err pricing_scan(struct pricing *p, int64_t start_s, int64_t end_s, struct ew_reason *reason)
{
    assert(start_s < end_s);
    enum ew_err err = pricing_learn_series(p, reason);
    for (int64_t i = 0; i < p->sum_count; i++)
        memset(p->sums[i].used, 0, sizeof(p->sums[i].used));
    for (int service = 0; service < SITE_SERVICE_COUNT; service++)
        (void)tariff_segments(&p->plans[service], &p->zone, start_s, end_s, p->segments[service],
                              PRICING_SEGMENTS_MAX, &p->segment_count[service]); // a day has at most 514
    return err == EW_OK ? read_values(p, start_s, end_s, reason) : err;
}
