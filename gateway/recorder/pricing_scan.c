// From the steps of counters to amounts by tariff.
#include "recorder/pricing_priv.h"

#include "recorder/past.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static enum site_service service_of(const struct pricing *p, int64_t device)
{
    for (int i = 0; i < p->device_count; i++)
        if (p->devices[i].device == device)
            return p->devices[i].service;
    return SITE_WATER;
}

static void make_room(struct pricing *p, int64_t id)
{
    if (id < p->sum_count)
        return;
    int64_t count = id + 256;
    p->sums = realloc(p->sums, (size_t)count * sizeof(*p->sums));
    if (!p->sums)
        abort();
    memset(&p->sums[p->sum_count], 0, (size_t)(count - p->sum_count) * sizeof(*p->sums));
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
    sqlite3_stmt *q =
        store_statement(p->store, "SELECT id, device, quantity = 'volume' FROM series WHERE kind = 1 "
                                  "AND quantity IN ('active_energy_import', 'volume')");
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(q, 0), device = sqlite3_column_int64(q, 1);
        make_room(p, id);
        p->sums[id].device = device;
        p->sums[id].priced = true;
        p->sums[id].service = sqlite3_column_int(q, 2) ? service_of(p, device) : SITE_ELECTRICITY;
    }
    sqlite3_reset(q);
    if (code != SQLITE_DONE)
        return store_fail(p->store, reason);
    p->series_known = last;
    return EW_OK;
}

static struct pricing_sum *sum_of(struct pricing *p, int64_t series)
{
    return series >= 0 && series < p->sum_count && p->sums[series].priced ? &p->sums[series] : NULL;
}

struct scan {
    struct pricing *pricing;
    int64_t end_s;
    int64_t last_s; // start of the value before, for the cursors
    int cursors[SITE_SERVICE_COUNT];
};

static void add_value(void *user, int64_t series, const struct history_value *value)
{
    struct scan *scan = user;
    struct pricing *p = scan->pricing;
    struct pricing_sum *sum = sum_of(p, series);
    if (!sum || !value->has_value)
        return;
    int64_t end_s = value->start_s + value->length_s;
    if (end_s > scan->end_s)
        end_s = scan->end_s;           // the interval or the zone was changed in the middle of it
    if (value->start_s < scan->last_s) // the next series begins
        memset(scan->cursors, 0, sizeof(scan->cursors));
    scan->last_s = value->start_s;
    sum->any = true;
    sum->flags |= value->flags;
    tariff_share(p->segments[sum->service], p->segment_count[sum->service], &scan->cursors[sum->service],
                 value->start_s, end_s, value->value_th, sum->amounts_milli);
}

static enum ew_err read_values(struct pricing *p, int64_t start_s, int64_t end_s, struct ew_reason *reason)
{
    struct scan scan = {.pricing = p, .end_s = end_s, .last_s = INT64_MIN};
    int64_t *ids = calloc((size_t)p->sum_count + 1, sizeof(*ids));
    int count = 0;
    if (!ids)
        abort();
    for (int64_t id = 0; id < p->sum_count; id++)
        if (p->sums[id].priced)
            ids[count++] = id;
    enum ew_err err = past_read(p->sampler, ids, count, true, start_s, end_s, add_value, &scan, reason);
    free(ids);
    return err;
}

enum ew_err pricing_scan(struct pricing *p, int64_t start_s, int64_t end_s, struct ew_reason *reason)
{
    assert(start_s < end_s);
    enum ew_err err = pricing_learn_series(p, reason);
    for (int64_t i = 0; i < p->sum_count; i++) {
        struct pricing_sum *sum = &p->sums[i];
        sum->any = false;
        sum->flags = 0;
        memset(sum->amounts_milli, 0, sizeof(sum->amounts_milli));
    }
    for (int service = 0; service < SITE_SERVICE_COUNT; service++)
        (void)tariff_segments(&p->plans[service], &p->zone, start_s, end_s, p->segments[service],
                              PRICING_SEGMENTS_MAX, &p->segment_count[service]); // a day has at most 514
    return err == EW_OK ? read_values(p, start_s, end_s, reason) : err;
}
