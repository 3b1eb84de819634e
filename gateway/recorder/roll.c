// Hours out of samples, days out of hours, months out of days: each once, when it is over. Made of what is
// stored, so that they agree with it whatever was lost on the way.
#include "recorder/sampler_priv.h"

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

// Flags are bits; SQLite has no "or" over rows, so each bit is a maximum of its own.
static enum ew_err roll_hour(struct sampler *s, int64_t start_s, int64_t end_s, struct ew_reason *reason)
{
    static const char *const sums =
        "INSERT OR REPLACE INTO hour (start, series, value, flags) SELECT ?1, a.series, sum(a.value), "
        "max(a.flags & 1) | max(a.flags & 2) FROM sample a JOIN series s ON s.id = a.series "
        "WHERE a.slot >= ?1 AND a.slot < ?2 AND s.kind = 1 AND a.value IS NOT NULL GROUP BY a.series";
    static const char *const readings = "INSERT OR REPLACE INTO counter (series, reading, at) SELECT "
                                        "a.series, a.high, max(a.slot + a.length) FROM sample a "
                                        "JOIN series s ON s.id = a.series WHERE a.slot >= ?1 AND a.slot < ?2 "
                                        "AND s.kind = 1 GROUP BY a.series";
    enum ew_err err = run3(s, sums, start_s, end_s, 0, reason);
    return err == EW_OK ? run3(s, readings, start_s, end_s, 0, reason) : err;
}

static enum ew_err roll_day(struct sampler *s, struct calendar_date date, struct ew_reason *reason)
{
    int64_t start_s = calendar_date_start_s(&s->zone, date);
    int64_t end_s = calendar_date_start_s(&s->zone, calendar_add(date, CALENDAR_DAY, 1));
    return run3(s,
                "INSERT OR REPLACE INTO day (date, series, value, flags) SELECT ?3, series, sum(value), "
                "max(flags & 1) | max(flags & 2) FROM hour WHERE start >= ?1 AND start < ?2 GROUP BY series",
                start_s, end_s, day_key(date), reason);
}

static enum ew_err roll_month(struct sampler *s, struct calendar_date date, struct ew_reason *reason)
{
    int64_t month = day_key(date) / 100;
    return run3(s,
                "INSERT OR REPLACE INTO month (date, series, value, flags) SELECT ?1, series, sum(value), "
                "max(flags & 1) | max(flags & 2) FROM day WHERE date > ?2 AND date < ?3 GROUP BY series",
                month, month * 100, month * 100 + 99, reason);
}

// What is over when history goes on from an hour of date `from` to one of date `to`.
static enum ew_err roll_dates(struct sampler *s, struct calendar_date from, struct calendar_date to,
                              struct ew_reason *reason)
{
    if (day_key(from) == day_key(to))
        return EW_OK;
    enum ew_err err = roll_day(s, from, reason);
    if (err == EW_OK && (from.year != to.year || from.month != to.month))
        err = roll_month(s, from, reason);
    return err;
}

// Start of the first sample at or after from_s; false when there is none.
static enum ew_err next_sample(struct sampler *s, int64_t from_s, bool *ret_found, int64_t *ret_slot_s,
                               struct ew_reason *reason)
{
    sqlite3_stmt *q =
        store_statement(s->store, "SELECT slot FROM sample WHERE slot >= ? ORDER BY slot LIMIT 1");
    sqlite3_bind_int64(q, 1, from_s);
    int code = sqlite3_step(q);
    *ret_found = code == SQLITE_ROW;
    if (*ret_found)
        *ret_slot_s = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    return code == SQLITE_ROW || code == SQLITE_DONE ? EW_OK : store_fail(s->store, reason);
}

// Rolls from s->rolled_s on while hours are over by until_s. Gaps are jumped over.
static enum ew_err roll_hours(struct sampler *s, int64_t until_s, int64_t *rolled_s, struct ew_reason *reason)
{
    for (;;) {
        bool found;
        int64_t slot_s = 0, start_s, end_s;
        enum ew_err err = next_sample(s, *rolled_s, &found, &slot_s, reason);
        if (err != EW_OK)
            return err;
        // Without samples before it, the hour that is running is where rolling goes on.
        int64_t at_s = found && slot_s < until_s ? slot_s : until_s;
        calendar_span(&s->zone, CALENDAR_HOUR, at_s, &start_s, &end_s);
        if (start_s < *rolled_s)
            start_s = *rolled_s; // the zone was changed in the middle of an hour
        if (*rolled_s != INT64_MIN)
            err = roll_dates(s, calendar_local(&s->zone, *rolled_s - 1).date,
                             calendar_local(&s->zone, start_s).date, reason);
        bool over = found && end_s <= until_s;
        if (err == EW_OK && over)
            err = roll_hour(s, start_s, end_s, reason);
        if (err != EW_OK)
            return err;
        *rolled_s = over ? end_s : start_s;
        if (!over)
            return EW_OK;
    }
}

enum ew_err sampler_roll(struct sampler *s, int64_t until_s, struct ew_reason *reason)
{
    int64_t start_s, end_s, rolled_s = s->rolled_s;
    calendar_span(&s->zone, CALENDAR_HOUR, until_s, &start_s, &end_s);
    if (rolled_s >= start_s)
        return EW_OK; // the hour of until_s is still running
    enum ew_err err = roll_hours(s, until_s, &rolled_s, reason);
    if (err == EW_OK)
        err = run3(s, "INSERT OR REPLACE INTO rolled (one, until) VALUES (1, ?)", rolled_s, 0, 0, reason);
    if (err == EW_OK)
        s->rolled_s = rolled_s;
    return err;
}

enum ew_err sampler_unroll(struct sampler *s, int64_t from_s, struct ew_reason *reason)
{
    if (from_s >= s->rolled_s)
        return EW_OK;
    int64_t start_s, end_s;
    calendar_span(&s->zone, CALENDAR_HOUR, from_s, &start_s, &end_s);
    int64_t date = day_key(calendar_local(&s->zone, start_s).date);
    enum ew_err err = run3(s, "DELETE FROM hour WHERE start >= ?", start_s, 0, 0, reason);
    if (err == EW_OK)
        err = run3(s, "DELETE FROM day WHERE date >= ?", date, 0, 0, reason);
    if (err == EW_OK)
        err = run3(s, "DELETE FROM month WHERE date >= ?", date / 100, 0, 0, reason);
    if (err == EW_OK)
        err = run3(s, "INSERT OR REPLACE INTO rolled (one, until) VALUES (1, ?)", start_s, 0, 0, reason);
    if (err == EW_OK)
        s->rolled_s = start_s;
    return err;
}

enum ew_err sampler_load_rolled(struct sampler *s, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(s->store, "SELECT until FROM rolled");
    int code = sqlite3_step(q);
    s->rolled_s = code == SQLITE_ROW ? sqlite3_column_int64(q, 0) : INT64_MIN;
    sqlite3_reset(q);
    return code == SQLITE_ROW || code == SQLITE_DONE ? EW_OK : store_fail(s->store, reason);
}
