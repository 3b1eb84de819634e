// A day that is over, from slots (all series of a moment) to days of one series: part by part, so that no
// step takes long or much memory, each part in a transaction.
#include "base/civil.h"
#include "recorder/sampler_priv.h"

#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 100000 /* 6 MB */ };

struct part {
    struct sampler *sampler;
    int64_t first, last;          // series ids, inclusive
    int slots_max;                // values per series
    struct history_value *values; // [series - first][slot]
    int *counts;
    bool *counters;
};

static enum ew_err damaged(struct ew_reason *reason)
{
    return ew_fail(reason, EW_E_IO, "store.damaged", "", "the database is damaged: a record can't be read");
}

static enum ew_err take_slot(struct part *p, sqlite3_stmt *q, struct ew_reason *reason)
{
    struct history_slot_reader reader;
    struct history_value value;
    history_slot_open(&reader, sqlite3_column_blob(q, 2), (size_t)sqlite3_column_bytes(q, 2),
                      sqlite3_column_int64(q, 0), sqlite3_column_int(q, 1));
    while (history_slot_next(&reader, &value)) {
        if (reader.series < p->first || reader.series > p->last)
            continue;
        int64_t at = reader.series - p->first;
        p->counters[at] = reader.counter;
        p->values[at * p->slots_max + p->counts[at]++] = value;
    }
    return reader.bad ? damaged(reason) : EW_OK;
}

static enum ew_err read_part(struct part *p, int64_t day, struct ew_reason *reason)
{
    struct store *store = p->sampler->store;
    sqlite3_stmt *q = store_statement(
        store,
        "SELECT start, length, data FROM slot WHERE start >= ?1 AND start < ?1 + 86400 ORDER BY start");
    sqlite3_bind_int64(q, 1, day * SAMPLER_DAY_S);
    int code = SQLITE_DONE, slots = 0;
    enum ew_err err = EW_OK;
    while (err == EW_OK && slots++ < p->slots_max && (code = sqlite3_step(q)) == SQLITE_ROW)
        err = take_slot(p, q, reason);
    if (err == EW_OK && code != SQLITE_DONE && code != SQLITE_ROW)
        err = store_fail(store, reason);
    sqlite3_reset(q);
    return err;
}

// ---- One series ------------------------------------------------------------------------------------------

// What was packed of that day before (slots that were stored late). *ret: malloc'ed, NULL = nothing.
static enum ew_err read_packed(struct part *p, int64_t key, bool counter, struct history_value **ret,
                               int *ret_count, struct ew_reason *reason)
{
    struct store *store = p->sampler->store;
    sqlite3_stmt *q = counter ? store_statement(store, "SELECT data FROM counter_day WHERE key = ?")
                              : store_statement(store, "SELECT data FROM gauge_day WHERE key = ?");
    sqlite3_bind_int64(q, 1, key);
    int code = sqlite3_step(q);
    enum ew_err err = code == SQLITE_ROW || code == SQLITE_DONE ? EW_OK : store_fail(store, reason);
    *ret = NULL;
    *ret_count = 0;
    if (code == SQLITE_ROW) {
        struct history_day_reader reader;
        size_t len = (size_t)sqlite3_column_bytes(q, 0);
        *ret = calloc(len + 1, sizeof(**ret)); // a value has a byte at least
        if (!*ret)
            abort();
        history_day_open(&reader, sqlite3_column_blob(q, 0), len,
                         (key >> SAMPLER_SERIES_BITS) * SAMPLER_DAY_S);
        while (history_day_next(&reader, &(*ret)[*ret_count]))
            ++*ret_count;
        if (reader.bad)
            err = damaged(reason);
    }
    sqlite3_reset(q);
    return err;
}

static enum ew_err save_packed(struct part *p, int64_t key, bool counter, const struct history_value *values,
                               int count, struct ew_reason *reason)
{
    struct store *store = p->sampler->store;
    size_t size = 8 + (size_t)count * HISTORY_ENTRY_MAX;
    uint8_t *bytes = malloc(size);
    if (!bytes)
        abort();
    size_t len =
        history_day_pack(values, count, counter, (key >> SAMPLER_SERIES_BITS) * SAMPLER_DAY_S, bytes, size);
    sqlite3_stmt *q =
        counter ? store_statement(store, "INSERT OR REPLACE INTO counter_day (key, data) VALUES (?, ?)")
                : store_statement(store, "INSERT OR REPLACE INTO gauge_day (key, data) VALUES (?, ?)");
    sqlite3_bind_int64(q, 1, key);
    sqlite3_bind_blob64(q, 2, bytes, len, SQLITE_STATIC);
    enum ew_err err = store_execute(store, q, reason);
    sqlite3_clear_bindings(q);
    free(bytes);
    return err;
}

static enum ew_err save_reading(struct part *p, int64_t series, const struct history_value *last,
                                struct ew_reason *reason)
{
    sqlite3_stmt *q =
        store_statement(p->sampler->store,
                        "INSERT INTO counter (series, reading, at) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE "
                        "SET reading = excluded.reading, at = excluded.at WHERE excluded.at > at");
    sqlite3_bind_int64(q, 1, series);
    sqlite3_bind_int64(q, 2, last->high_th);
    sqlite3_bind_int64(q, 3, last->at_s);
    return store_execute(p->sampler->store, q, reason);
}

static enum ew_err pack_series(struct part *p, int64_t day, int64_t series, struct ew_reason *reason)
{
    int64_t at = series - p->first, key = (day << SAMPLER_SERIES_BITS) + series;
    const struct history_value *values = &p->values[at * p->slots_max];
    int count = p->counts[at], before_count = 0;
    bool counter = p->counters[at];
    struct history_value *before = NULL, *all = NULL;
    enum ew_err err = read_packed(p, key, counter, &before, &before_count, reason);
    if (err == EW_OK && before_count > 0) {
        all = calloc((size_t)before_count + (size_t)count, sizeof(*all));
        if (!all)
            abort();
        int merged = history_values_merge(before, before_count, values, count, counter, all);
        err = save_packed(p, key, counter, all, merged, reason);
    } else if (err == EW_OK) {
        err = save_packed(p, key, counter, values, count, reason);
    }
    if (err == EW_OK && counter)
        err = save_reading(p, series, &values[count - 1], reason);
    free(all);
    free(before);
    return err;
}

// ---- A part of a day -------------------------------------------------------------------------------------

static enum ew_err number_of(struct sampler *s, const char *sql, int64_t from_s, int64_t *ret,
                             struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(s->store, sql);
    sqlite3_bind_int64(q, 1, from_s);
    int code = sqlite3_step(q);
    *ret = code == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL ? sqlite3_column_int64(q, 0) : -1;
    sqlite3_reset(q);
    return code == SQLITE_ROW ? EW_OK : store_fail(s->store, reason);
}

static enum ew_err end_day(struct sampler *s, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(s->store, "DELETE FROM slot WHERE start >= ?1 AND start < ?1 + 86400");
    sqlite3_bind_int64(q, 1, s->packing_day * SAMPLER_DAY_S);
    s->packing_day = -1;
    s->packing_series = 0;
    return store_execute(s->store, q, reason);
}

static enum ew_err pack_all(struct part *p, int64_t day, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    for (int64_t id = p->first; id <= p->last && err == EW_OK; id++)
        if (p->counts[id - p->first] > 0)
            err = pack_series(p, day, id, reason);
    return err;
}

static enum ew_err pack_part(struct sampler *s, int64_t slots, struct ew_reason *reason)
{
    int64_t highest = s->series_count ? s->series[s->series_count - 1].id : 0;
    int64_t room = slots > 0 && slots < VALUES_MAX ? VALUES_MAX / slots : 1;
    struct part p = {.sampler = s, .first = s->packing_series + 1, .slots_max = (int)(slots > 0 ? slots : 1)};
    p.last = p.first + room - 1 < highest ? p.first + room - 1 : highest;
    size_t series = p.last >= p.first ? (size_t)(p.last - p.first + 1) : 0;
    p.values = calloc(series * (size_t)p.slots_max + 1, sizeof(*p.values));
    p.counts = calloc(series + 1, sizeof(*p.counts));
    p.counters = calloc(series + 1, sizeof(*p.counters));
    if (!p.values || !p.counts || !p.counters)
        abort();
    enum ew_err err = read_part(&p, s->packing_day, reason);
    if (err == EW_OK)
        err = pack_all(&p, s->packing_day, reason);
    free(p.values);
    free(p.counts);
    free(p.counters);
    if (err != EW_OK)
        return err;
    s->packing_series = p.last;
    if (p.last >= highest)
        err = end_day(s, reason);
    return err == EW_OK ? sampler_save_progress(s, reason) : err;
}

enum ew_err sampler_pack(struct sampler *s, int64_t until_s, bool *ret_more, struct ew_reason *reason)
{
    int64_t oldest_s, slots, day = s->packing_day, series = s->packing_series;
    enum ew_err err = EW_OK;
    *ret_more = false;
    if (s->packing_day < 0) {
        err = number_of(s, "SELECT min(start) FROM slot WHERE start >= ?", 0, &oldest_s, reason);
        if (err != EW_OK || oldest_s < 0 ||
            (ew_floor_div(oldest_s, SAMPLER_DAY_S) + 1) * SAMPLER_DAY_S > until_s)
            return err;
        s->packing_day = ew_floor_div(oldest_s, SAMPLER_DAY_S);
        s->packing_series = 0;
    }
    err = number_of(s, "SELECT count(*) FROM slot WHERE start >= ?1 AND start < ?1 + 86400",
                    s->packing_day * SAMPLER_DAY_S, &slots, reason);
    if (err == EW_OK)
        err = store_begin(s->store, reason);
    if (err == EW_OK) {
        err = pack_part(s, slots, reason);
        if (err == EW_OK)
            err = store_commit(s->store, reason);
        else
            store_rollback(s->store);
    }
    if (err != EW_OK) {
        s->packing_day = day;
        s->packing_series = series;
    }
    *ret_more = err == EW_OK && s->packing_day >= 0;
    return err;
}

enum ew_err sampler_pack_rest(struct sampler *s, struct ew_reason *reason)
{
    bool more = s->packing_day >= 0;
    enum ew_err err = EW_OK;
    while (more && err == EW_OK)
        err = sampler_pack(s, INT64_MIN, &more, reason);
    return err;
}
