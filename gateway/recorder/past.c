#include "recorder/past.h"

#include "base/civil.h"
#include "recorder/sampler_priv.h"

enum { DENSE_SHARE = 4 }; // above a quarter of all series, a day is read from end to end

struct reading {
    const struct sampler *sampler;
    const int64_t *series;
    int count;
    bool counters;
    int64_t from_s, to_s;
    past_fn *fn;
    void *user;
};

static bool is_wanted(const struct reading *r, int64_t series)
{
    int low = 0, high = r->count - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        if (r->series[middle] == series)
            return true;
        if (r->series[middle] < series)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return false;
}

static enum ew_err damaged(struct ew_reason *reason)
{
    return ew_fail(reason, EW_E_IO, "store.damaged", "", "the database is damaged: a record can't be read");
}

static enum ew_err give_day(const struct reading *r, sqlite3_stmt *q, struct ew_reason *reason)
{
    int64_t key = sqlite3_column_int64(q, 0);
    struct history_day_reader day;
    struct history_value value;
    history_day_open(&day, sqlite3_column_blob(q, 1), (size_t)sqlite3_column_bytes(q, 1),
                     (key >> SAMPLER_SERIES_BITS) * SAMPLER_DAY_S);
    while (history_day_next(&day, &value))
        if (value.start_s >= r->from_s && value.start_s < r->to_s)
            r->fn(r->user, key & ((1 << SAMPLER_SERIES_BITS) - 1), &value);
    return day.bad ? damaged(reason) : EW_OK;
}

static enum ew_err read_keys(const struct reading *r, int64_t from, int64_t to, bool all,
                             struct ew_reason *reason)
{
    struct store *store = r->sampler->store;
    sqlite3_stmt *q =
        r->counters
            ? store_statement(store,
                              "SELECT key, data FROM counter_day WHERE key BETWEEN ? AND ? ORDER BY key")
            : store_statement(store,
                              "SELECT key, data FROM gauge_day WHERE key BETWEEN ? AND ? ORDER BY key");
    sqlite3_bind_int64(q, 1, from);
    sqlite3_bind_int64(q, 2, to);
    int code = SQLITE_DONE;
    enum ew_err err = EW_OK;
    while (err == EW_OK && (code = sqlite3_step(q)) == SQLITE_ROW)
        if (all || is_wanted(r, sqlite3_column_int64(q, 0) & ((1 << SAMPLER_SERIES_BITS) - 1)))
            err = give_day(r, q, reason);
    if (err == EW_OK && code != SQLITE_DONE)
        err = store_fail(store, reason);
    sqlite3_reset(q);
    return err;
}

static enum ew_err read_days(const struct reading *r, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    int64_t first = ew_floor_div(r->from_s, SAMPLER_DAY_S), last = ew_floor_div(r->to_s - 1, SAMPLER_DAY_S);
    if (first < 0) // days are counted from 1970; nothing is older
        first = 0;
    bool dense = r->count > r->sampler->series_count / DENSE_SHARE && r->count > 1;
    for (int64_t day = first; day <= last && err == EW_OK; day++) {
        int64_t key = day << SAMPLER_SERIES_BITS;
        if (dense) {
            err = read_keys(r, key + r->series[0], key + r->series[r->count - 1], false, reason);
            continue;
        }
        for (int i = 0; i < r->count && err == EW_OK; i++)
            err = read_keys(r, key + r->series[i], key + r->series[i], true, reason);
    }
    return err;
}

static enum ew_err give_slot(const struct reading *r, sqlite3_stmt *q, struct ew_reason *reason)
{
    int64_t start_s = sqlite3_column_int64(q, 0);
    bool packing = ew_floor_div(start_s, SAMPLER_DAY_S) == r->sampler->packing_day;
    struct history_slot_reader slot;
    struct history_value value;
    int at = 0;
    history_slot_open(&slot, sqlite3_column_blob(q, 2), (size_t)sqlite3_column_bytes(q, 2), start_s,
                      sqlite3_column_int(q, 1));
    while (history_slot_next(&slot, &value)) {
        if (!slot.counter && r->counters)
            break; // the gauges stand behind
        if (slot.counter != r->counters || (packing && slot.series <= r->sampler->packing_series))
            continue;
        while (at < r->count && r->series[at] < slot.series)
            at++;
        if (at < r->count && r->series[at] == slot.series)
            r->fn(r->user, slot.series, &value);
    }
    return slot.bad ? damaged(reason) : EW_OK;
}

static enum ew_err read_slots(const struct reading *r, struct ew_reason *reason)
{
    struct store *store = r->sampler->store;
    sqlite3_stmt *q = store_statement(
        store, "SELECT start, length, data FROM slot WHERE start >= ? AND start < ? ORDER BY start");
    sqlite3_bind_int64(q, 1, r->from_s);
    sqlite3_bind_int64(q, 2, r->to_s);
    int code = SQLITE_DONE;
    enum ew_err err = EW_OK;
    while (err == EW_OK && (code = sqlite3_step(q)) == SQLITE_ROW)
        err = give_slot(r, q, reason);
    if (err == EW_OK && code != SQLITE_DONE)
        err = store_fail(store, reason);
    sqlite3_reset(q);
    return err;
}

enum ew_err past_read(const struct sampler *sampler, const int64_t *series, int count, bool counters,
                      int64_t from_s, int64_t to_s, past_fn *fn, void *user, struct ew_reason *reason)
{
    struct reading r = {sampler, series, count, counters, from_s, to_s, fn, user};
    if (count == 0 || from_s >= to_s)
        return EW_OK;
    // No day beyond what is there is looked for.
    if (r.to_s > sampler->last_s)
        r.to_s = sampler->last_s;
    if (r.from_s >= r.to_s)
        return EW_OK;
    enum ew_err err = read_days(&r, reason);
    return err == EW_OK ? read_slots(&r, reason) : err;
}
