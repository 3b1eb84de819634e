// Days out of what is recorded, months out of days: each once, when it is over. Made of what is stored, so
// that they agree with it whatever was lost on the way.
#include "recorder/past.h"
#include "recorder/sampler_priv.h"

#include <stdlib.h>

enum { ROLL_DAYS = 7 };

static int64_t day_key(struct calendar_date date)
{
    return (int64_t)date.year * 10000 + date.month * 100LL + date.day;
}

static enum ew_err run3(struct sampler *s, const char *sql, int64_t a, int64_t b, int64_t c,
                        struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(s->store, sql);
    sqlite3_bind_int64(q, 1, a);
    if (sqlite3_bind_parameter_count(q) > 1)
        sqlite3_bind_int64(q, 2, b);
    if (sqlite3_bind_parameter_count(q) > 2)
        sqlite3_bind_int64(q, 3, c);
    return store_execute(s->store, q, reason);
}

// ---- A day -----------------------------------------------------------------------------------------------

struct day_sum {
    int64_t value_th, covered_s;
    unsigned flags;
    bool any;
};

struct day_sums {
    const struct sampler *sampler;
    const int64_t *ids;
    struct day_sum *sums; // beside ids
    int count;
};

static void add_value(void *user, int64_t series, const struct history_value *value)
{
    struct day_sums *d = user;
    int low = 0, high = d->count - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (d->ids[middle] < series)
            low = middle + 1;
        else
            high = middle;
    }
    struct day_sum *sum = &d->sums[low];
    sum->flags |= value->flags;
    if (!value->has_value)
        return;
    sum->any = true;
    sum->value_th += value->value_th;
    sum->covered_s += value->length_s;
}

static enum ew_err save_day(struct sampler *s, const struct day_sums *d, int64_t date, int64_t length_s,
                            struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    for (int i = 0; i < d->count && err == EW_OK; i++) {
        const struct day_sum *sum = &d->sums[i];
        if (!sum->any)
            continue;
        sqlite3_stmt *q = store_statement(
            s->store, "INSERT OR REPLACE INTO day (date, series, value, flags) VALUES (?, ?, ?, ?)");
        sqlite3_bind_int64(q, 1, date);
        sqlite3_bind_int64(q, 2, d->ids[i]);
        sqlite3_bind_int64(q, 3, sum->value_th);
        sqlite3_bind_int64(q, 4, sum->flags | (sum->covered_s < length_s ? HISTORY_GAP : 0U));
        err = store_execute(s->store, q, reason);
    }
    return err;
}

static enum ew_err roll_day(struct sampler *s, struct calendar_date date, int64_t start_s, int64_t end_s,
                            struct ew_reason *reason)
{
    struct day_sums d = {.sampler = s};
    int64_t *ids = calloc((size_t)s->series_count + 1, sizeof(*ids));
    d.sums = calloc((size_t)s->series_count + 1, sizeof(*d.sums));
    if (!ids || !d.sums)
        abort();
    for (int i = 0; i < s->series_count; i++)
        if (s->series[i].counter)
            ids[d.count++] = s->series[i].id;
    d.ids = ids;
    enum ew_err err = past_read(s, ids, d.count, true, start_s, end_s, add_value, &d, reason);
    if (err == EW_OK)
        err = save_day(s, &d, day_key(date), end_s - start_s, reason);
    free(d.sums);
    free(ids);
    return err;
}

static enum ew_err roll_month(struct sampler *s, struct calendar_date date, struct ew_reason *reason)
{
    // Flags are bits; SQLite has no "or" over rows, so each bit is a maximum of its own.
    int64_t month = day_key(date) / 100;
    return run3(s,
                "INSERT OR REPLACE INTO month (date, series, value, flags) SELECT ?1, series, sum(value), "
                "max(flags & 1) | max(flags & 2) | max(flags & 4) | max(flags & 8) | max(flags & 16) | "
                "max(flags & 32) | max(flags & 64) FROM day WHERE date > ?2 AND date < ?3 GROUP BY series",
                month, month * 100, month * 100 + 99, reason);
}

// ---- What is over ----------------------------------------------------------------------------------------

// The first moment that anything is recorded of, at or after from_s; false when there is none.
static enum ew_err first_record(struct sampler *s, int64_t from_s, bool *ret_found, int64_t *ret_at_s,
                                struct ew_reason *reason)
{
    // A day (UTC) begins before the moment asked for when that lies inside it.
    int64_t day = from_s <= 0 ? 0 : from_s / SAMPLER_DAY_S;
    sqlite3_stmt *q = store_statement(
        s->store,
        "SELECT min(at) FROM (SELECT (SELECT min(start) FROM slot WHERE start >= ?1) AS at UNION "
        "SELECT max(?1, ((SELECT min(key) FROM counter_day WHERE key >= ?2 << 20) >> 20) * 86400))");
    sqlite3_bind_int64(q, 1, from_s);
    sqlite3_bind_int64(q, 2, day);
    int code = sqlite3_step(q);
    *ret_found = code == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL;
    if (*ret_found)
        *ret_at_s = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    return code == SQLITE_ROW ? EW_OK : store_fail(s->store, reason);
}

// Rolls from *rolled_s on while days are over by until_s. Days without a record are jumped over.
static enum ew_err roll_days(struct sampler *s, int64_t until_s, int64_t *rolled_s, struct ew_reason *reason)
{
    for (;;) {
        bool found;
        int64_t at_s = 0, start_s, end_s;
        enum ew_err err = first_record(s, *rolled_s, &found, &at_s, reason);
        if (err != EW_OK)
            return err;
        if (!found || at_s > until_s)
            at_s = until_s;
        calendar_span(&s->zone, CALENDAR_DAY, at_s, &start_s, &end_s);
        if (start_s < *rolled_s)
            start_s = *rolled_s; // the zone was changed in the middle of a day
        struct calendar_date date = calendar_local(&s->zone, start_s).date;
        if (*rolled_s != INT64_MIN) {
            struct calendar_date last = calendar_local(&s->zone, *rolled_s - 1).date;
            if (last.year != date.year || last.month != date.month)
                err = roll_month(s, last, reason);
        }
        bool over = found && end_s <= until_s;
        if (err == EW_OK && over)
            err = roll_day(s, date, start_s, end_s, reason);
        if (err != EW_OK)
            return err;
        *rolled_s = over ? end_s : start_s;
        if (!over)
            return EW_OK;
    }
}

enum ew_err sampler_save_progress(struct sampler *s, struct ew_reason *reason)
{
    return run3(s,
                "UPDATE progress SET rolled_until = ?1, packing_day = ?2, packing_series = ?3 WHERE one = 1",
                s->rolled_s, s->packing_day, s->packing_series, reason);
}

// Years that are rolled anew are rolled a week at a time: the loop has a second, not a minute.
static enum ew_err not_too_much(struct sampler *s, int64_t *until_s, struct ew_reason *reason)
{
    bool found;
    int64_t at_s = 0;
    enum ew_err err = first_record(s, s->rolled_s, &found, &at_s, reason);
    if (err == EW_OK && found && *until_s - at_s > ROLL_DAYS * SAMPLER_DAY_S)
        *until_s = at_s + ROLL_DAYS * SAMPLER_DAY_S;
    return err;
}

enum ew_err sampler_roll(struct sampler *s, int64_t until_s, struct ew_reason *reason)
{
    int64_t start_s, end_s, rolled_s = s->rolled_s;
    calendar_span(&s->zone, CALENDAR_DAY, until_s, &start_s, &end_s);
    if (rolled_s >= start_s)
        return EW_OK; // the day of until_s is still running
    enum ew_err err = rolled_s == INT64_MIN ? EW_OK : not_too_much(s, &until_s, reason);
    if (err == EW_OK)
        err = roll_days(s, until_s, &rolled_s, reason);
    if (err != EW_OK)
        return err;
    s->rolled_s = rolled_s;
    return sampler_save_progress(s, reason);
}

enum ew_err sampler_unroll(struct sampler *s, int64_t from_s, struct ew_reason *reason)
{
    if (from_s >= s->rolled_s)
        return EW_OK;
    int64_t start_s, end_s;
    calendar_span(&s->zone, CALENDAR_DAY, from_s, &start_s, &end_s);
    int64_t date = day_key(calendar_local(&s->zone, start_s).date);
    enum ew_err err = run3(s, "DELETE FROM day WHERE date >= ?", date, 0, 0, reason);
    if (err == EW_OK)
        err = run3(s, "DELETE FROM month WHERE date >= ?", date / 100, 0, 0, reason);
    if (err != EW_OK)
        return err;
    s->rolled_s = start_s;
    return sampler_save_progress(s, reason);
}
