// From hours and samples to amounts by tariff. Hours that lie within one tariff are taken whole; of an hour
// that a change of tariff cuts, its samples say how it is shared. The amount of an hour is never changed by
// it.
#include "recorder/pricing_priv.h"

#include <assert.h>
#include <math.h>
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
static enum ew_err learn_series(struct pricing *p, struct ew_reason *reason)
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

static int64_t milli(double value)
{
    // Nothing negative is ever stored, and 10^14 (100 GWh in one step) is refused long before.
    return value > 0 && value < 1e11 ? llround(value * 1000) : 0;
}

// The place of the segment that holds all of start_s..end_s, -1 = a change of tariff cuts it.
static int place_of(const struct pricing *p, enum site_service service, int64_t start_s, int64_t end_s)
{
    const struct tariff_segment *s = p->segments[service];
    for (int i = 0; i < p->segment_count[service]; i++)
        if (s[i].end_s > start_s)
            return s[i].start_s <= start_s && s[i].end_s >= end_s ? s[i].place : -1;
    return -1;
}

static enum ew_err read_hours(struct pricing *p, int64_t start_s, int64_t end_s, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(
        p->store,
        "SELECT start, series, value, flags FROM hour WHERE start >= ? AND start < ? ORDER BY start");
    sqlite3_bind_int64(q, 1, start_s);
    sqlite3_bind_int64(q, 2, end_s);
    int64_t hour_s = INT64_MIN, hour_end_s = 0;
    int places[SITE_SERVICE_COUNT] = {0}, code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        struct pricing_sum *sum = sum_of(p, sqlite3_column_int64(q, 1));
        if (!sum)
            continue;
        if (sqlite3_column_int64(q, 0) != hour_s) {
            int64_t from_s;
            hour_s = sqlite3_column_int64(q, 0);
            calendar_span(&p->zone, CALENDAR_HOUR, hour_s, &from_s, &hour_end_s);
            if (hour_end_s > end_s)
                hour_end_s = end_s;
            for (int service = 0; service < SITE_SERVICE_COUNT; service++)
                places[service] = place_of(p, (enum site_service)service, hour_s, hour_end_s);
        }
        sum->any = true;
        sum->flags |= (unsigned)sqlite3_column_int64(q, 3);
        if (places[sum->service] >= 0)
            sum->amounts_milli[places[sum->service]] += milli(sqlite3_column_double(q, 2));
    }
    sqlite3_reset(q);
    return code == SQLITE_DONE ? EW_OK : store_fail(p->store, reason);
}

// Adds samples of start_s..end_s: as they are (the hour is not rolled yet), or as the shares of a cut hour.
static enum ew_err read_samples(struct pricing *p, int64_t start_s, int64_t end_s, bool cut,
                                struct ew_reason *reason)
{
    sqlite3_stmt *q =
        store_statement(p->store, "SELECT slot, length, series, value, flags FROM sample WHERE slot >= ? "
                                  "AND slot < ? AND value IS NOT NULL ORDER BY slot");
    sqlite3_bind_int64(q, 1, start_s);
    sqlite3_bind_int64(q, 2, end_s);
    int cursors[SITE_SERVICE_COUNT] = {0}, code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        struct pricing_sum *sum = sum_of(p, sqlite3_column_int64(q, 2));
        int64_t slot_s = sqlite3_column_int64(q, 0), slot_end_s = slot_s + sqlite3_column_int64(q, 1);
        if (!sum || slot_end_s <= slot_s || (cut && !sum->cut))
            continue;
        if (slot_end_s > end_s)
            slot_end_s = end_s; // the interval or the zone was changed in the middle of it
        int64_t amount_milli = milli(sqlite3_column_double(q, 3));
        tariff_share(p->segments[sum->service], p->segment_count[sum->service], &cursors[sum->service],
                     slot_s, slot_end_s, amount_milli, cut ? sum->parts_milli : sum->amounts_milli);
        sum->any = true;
        sum->seen_milli += amount_milli;
        sum->flags |= (unsigned)sqlite3_column_int64(q, 4);
    }
    sqlite3_reset(q);
    return code == SQLITE_DONE ? EW_OK : store_fail(p->store, reason);
}

// What the samples of a cut hour leave open: all of it when they are no longer kept (shared by time then),
// else the rounding of thousandths (given to the largest part).
static void settle_cut(struct pricing *p, struct pricing_sum *sum, int64_t start_s, int64_t end_s)
{
    int largest = 0, cursor = 0;
    if (sum->seen_milli == 0 && sum->hour_milli > 0)
        tariff_share(p->segments[sum->service], p->segment_count[sum->service], &cursor, start_s, end_s,
                     sum->hour_milli, sum->parts_milli);
    int64_t total_milli = 0;
    for (int i = 0; i < TARIFF_PLACES; i++) {
        total_milli += sum->parts_milli[i];
        if (sum->parts_milli[i] > sum->parts_milli[largest])
            largest = i;
    }
    sum->parts_milli[largest] += sum->hour_milli - total_milli;
    for (int i = 0; i < TARIFF_PLACES; i++) {
        sum->amounts_milli[i] += sum->parts_milli[i];
        sum->parts_milli[i] = 0;
    }
    sum->cut = false;
    sum->hour_milli = sum->seen_milli = 0;
}

static enum ew_err read_cut_hour(struct pricing *p, int64_t start_s, int64_t end_s, const bool cuts[],
                                 struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(p->store, "SELECT series, value FROM hour WHERE start = ?");
    sqlite3_bind_int64(q, 1, start_s);
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        struct pricing_sum *sum = sum_of(p, sqlite3_column_int64(q, 0));
        if (!sum || !cuts[sum->service])
            continue;
        sum->cut = true;
        sum->seen_milli = 0;
        sum->hour_milli = milli(sqlite3_column_double(q, 1));
    }
    sqlite3_reset(q);
    if (code != SQLITE_DONE)
        return store_fail(p->store, reason);
    enum ew_err err = read_samples(p, start_s, end_s, true, reason);
    for (int64_t i = 0; i < p->sum_count; i++)
        if (p->sums[i].cut)
            settle_cut(p, &p->sums[i], start_s, end_s);
    return err;
}

static enum ew_err read_cut_hours(struct pricing *p, int64_t start_s, int64_t end_s, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    for (int64_t at_s = start_s; at_s < end_s && err == EW_OK;) {
        int64_t from_s, to_s;
        bool cuts[SITE_SERVICE_COUNT], any = false;
        calendar_span(&p->zone, CALENDAR_HOUR, at_s, &from_s, &to_s);
        if (to_s > end_s)
            to_s = end_s;
        for (int service = 0; service < SITE_SERVICE_COUNT; service++) {
            cuts[service] = place_of(p, (enum site_service)service, at_s, to_s) < 0;
            any = any || cuts[service];
        }
        if (any)
            err = read_cut_hour(p, at_s, to_s, cuts, reason);
        at_s = to_s;
    }
    return err;
}

enum ew_err pricing_scan(struct pricing *p, int64_t start_s, int64_t end_s, struct ew_reason *reason)
{
    assert(start_s < end_s);
    enum ew_err err = learn_series(p, reason);
    for (int64_t i = 0; i < p->sum_count; i++) {
        struct pricing_sum *sum = &p->sums[i];
        sum->any = sum->cut = false;
        sum->flags = 0;
        sum->hour_milli = sum->seen_milli = 0;
        memset(sum->amounts_milli, 0, sizeof(sum->amounts_milli));
    }
    for (int service = 0; service < SITE_SERVICE_COUNT; service++)
        (void)tariff_segments(&p->plans[service], &p->zone, start_s, end_s, p->segments[service],
                              PRICING_SEGMENTS_MAX, &p->segment_count[service]); // a day has at most 514
    int64_t rolled_s = sampler_rolled_s(p->sampler);
    if (rolled_s > end_s)
        rolled_s = end_s;
    if (err == EW_OK && rolled_s > start_s) {
        err = read_hours(p, start_s, rolled_s, reason);
        if (err == EW_OK)
            err = read_cut_hours(p, start_s, rolled_s, reason);
    }
    if (rolled_s < start_s)
        rolled_s = start_s;
    if (err == EW_OK && rolled_s < end_s)
        err = read_samples(p, rolled_s, end_s, false, reason);
    return err;
}
