// Which clock the recorder believes, and what happens to rows when that changes (DESIGN, Clock).
#include "recorder/sampler_priv.h"

// Counters whose last reading was taken before this boot, while the wall clock is not known: ten years before
// it.
enum { BEFORE_BOOT_S = -315576000 };

static enum ew_err run(struct sampler *s, sqlite3_stmt *q, struct ew_reason *reason)
{
    return store_execute(s->store, q, reason);
}

// ---- Time not known: slots under boot id and BOOTTIME
// --------------------------------------------------------------

// Takes the counters over to the BOOTTIME scale: from rows of this boot that a crash left, else "before the
// boot".
static enum ew_err enter_untrusted(struct sampler *s, struct ew_reason *reason)
{
    for (int i = 0; i < s->series_count; i++)
        s->series[i].count.at_s = BEFORE_BOOT_S;
    sqlite3_stmt *q = store_statement(
        s->store,
        "SELECT series, reading, at FROM unstamped WHERE boot = ? AND reading IS NOT NULL ORDER BY up");
    sqlite3_bind_text(q, 1, s->boot, -1, SQLITE_STATIC);
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW)
        for (int i = 0; i < s->series_count; i++)
            if (s->series[i].id == sqlite3_column_int64(q, 0)) {
                s->series[i].count.known = true;
                s->series[i].count.reading = sqlite3_column_double(q, 1);
                s->series[i].count.at_s = sqlite3_column_int64(q, 2);
            }
    sqlite3_reset(q);
    s->untrusted = true;
    return code == SQLITE_DONE ? EW_OK : store_fail(s->store, reason);
}

static enum ew_err tick_untrusted(struct sampler *s, int64_t up_s, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    if (!s->untrusted)
        err = enter_untrusted(s, reason);
    if (err == EW_OK && s->running && up_s < s->slot_end_s)
        return EW_OK;
    if (err == EW_OK && s->running)
        err = sampler_write_slot(s, reason);
    if (err != EW_OK)
        return err;
    s->slot_start_s = up_s;
    s->slot_end_s = up_s + (int64_t)s->interval_min * 60;
    s->running = true;
    return EW_OK;
}

// ---- The time became known: rows of this boot get their stamp
// ---------------------------------------------------------

static enum ew_err stamp_rows(struct sampler *s, int64_t shift_s, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(
        s->store, "INSERT OR IGNORE INTO sample (slot, series, length, value, low, high, flags) "
                  "SELECT up + ?1, series, length, value, low, high, flags FROM unstamped WHERE boot = ?2");
    sqlite3_bind_int64(q, 1, shift_s);
    sqlite3_bind_text(q, 2, s->boot, -1, SQLITE_STATIC);
    enum ew_err err = run(s, q, reason);
    q = store_statement(
        s->store, "SELECT u.up, u.series, u.value, u.flags FROM unstamped u JOIN series s ON s.id = u.series "
                  "WHERE u.boot = ? AND s.kind = 1 AND u.value IS NOT NULL");
    sqlite3_bind_text(q, 1, s->boot, -1, SQLITE_STATIC);
    int code = SQLITE_DONE;
    while (err == EW_OK && (code = sqlite3_step(q)) == SQLITE_ROW)
        err = sampler_add_rollups(s, sqlite3_column_int64(q, 0) + shift_s, sqlite3_column_int64(q, 1),
                                  sqlite3_column_double(q, 2), (unsigned)sqlite3_column_int64(q, 3), reason);
    sqlite3_reset(q);
    if (err == EW_OK && code != SQLITE_DONE)
        err = store_fail(s->store, reason);
    if (err != EW_OK)
        return err;
    // Rows of other boots have no time and never will; their consumption is not lost, because the counters'
    // stored readings are older and the next step holds it.
    return run(s, store_statement(s->store, "DELETE FROM unstamped"), reason);
}

static enum ew_err store_counters(struct sampler *s, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    for (int i = 0; i < s->series_count && err == EW_OK; i++) {
        const struct history_counter *c = &s->series[i].count;
        if (!s->series[i].counter || !c->known)
            continue;
        sqlite3_stmt *q = store_statement(
            s->store, "INSERT OR REPLACE INTO counter (series, reading, at) VALUES (?, ?, ?)");
        sqlite3_bind_int64(q, 1, s->series[i].id);
        sqlite3_bind_double(q, 2, c->reading);
        sqlite3_bind_int64(q, 3, c->at_s);
        err = store_execute(s->store, q, reason);
    }
    return err;
}

enum ew_err sampler_stamp(struct sampler *s, int64_t shift_s, struct ew_reason *reason)
{
    enum ew_err err = store_begin(s->store, reason);
    if (err != EW_OK)
        return err;
    for (int i = 0; i < s->series_count; i++)
        s->series[i].count.at_s += shift_s;
    err = stamp_rows(s, shift_s, reason);
    if (err == EW_OK)
        err = store_counters(s, reason);
    if (err == EW_OK)
        err = store_commit(s->store, reason);
    else
        store_rollback(s->store);
    if (err != EW_OK)
        for (int i = 0; i < s->series_count; i++)
            s->series[i].count.at_s -= shift_s;
    return err;
}

static enum ew_err leave_untrusted(struct sampler *s, const struct sampler_now *now, struct ew_reason *reason)
{
    int64_t up_s = now->up_ms / 1000;
    enum ew_err err = EW_OK;
    if (s->running && up_s > s->slot_start_s) {
        s->slot_end_s = up_s;
        err = sampler_write_slot(s, reason);
    }
    if (err == EW_OK)
        err = sampler_stamp(s, now->wall_s - up_s, reason);
    if (err != EW_OK)
        return err;
    s->untrusted = false;
    s->running = false;
    if (s->last_s < now->wall_s)
        s->last_s = now->wall_s;
    return EW_OK;
}

// ---- The clock ran ahead: rows of the future are set aside
// -----------------------------------------------------------

// Sums days from hours and months from days, from the day of from_s on.
static enum ew_err rebuild_days(struct sampler *s, int64_t from_s, struct ew_reason *reason)
{
    struct calendar_date date = calendar_local(&s->zone, from_s).date;
    int64_t day_key = (int64_t)date.year * 10000 + date.month * 100LL + date.day;
    sqlite3_stmt *q = store_statement(s->store, "DELETE FROM day WHERE date >= ?");
    sqlite3_bind_int64(q, 1, day_key);
    enum ew_err err = run(s, q, reason);
    q = store_statement(s->store,
                        "SELECT start, series, value, flags FROM hour WHERE start >= ? ORDER BY start");
    sqlite3_bind_int64(q, 1, calendar_date_start_s(&s->zone, date));
    int code = SQLITE_DONE;
    while (err == EW_OK && (code = sqlite3_step(q)) == SQLITE_ROW) {
        struct calendar_date d = calendar_local(&s->zone, sqlite3_column_int64(q, 0)).date;
        sqlite3_stmt *add = store_statement(
            s->store, "INSERT INTO day (date, series, value, flags) VALUES (?, ?, ?, ?) ON CONFLICT "
                      "DO UPDATE SET value = value + excluded.value, flags = flags | excluded.flags");
        sqlite3_bind_int64(add, 1, (int64_t)d.year * 10000 + d.month * 100LL + d.day);
        sqlite3_bind_int64(add, 2, sqlite3_column_int64(q, 1));
        sqlite3_bind_double(add, 3, sqlite3_column_double(q, 2));
        sqlite3_bind_int64(add, 4, sqlite3_column_int64(q, 3));
        err = run(s, add, reason);
    }
    sqlite3_reset(q);
    if (err == EW_OK && code != SQLITE_DONE)
        err = store_fail(s->store, reason);
    if (err != EW_OK)
        return err;
    q = store_statement(s->store, "DELETE FROM month WHERE date >= ?");
    sqlite3_bind_int64(q, 1, day_key / 100);
    err = run(s, q, reason);
    if (err != EW_OK)
        return err;
    q = store_statement(
        s->store, "INSERT INTO month (date, series, value, flags) SELECT date / 100, series, sum(value), "
                  "max(flags & 1) | max(flags & 2) FROM day WHERE date >= ? GROUP BY date / 100, series");
    sqlite3_bind_int64(q, 1, day_key / 100 * 100);
    return run(s, q, reason);
}

static enum ew_err rebuild_hours(struct sampler *s, int64_t from_s, struct ew_reason *reason)
{
    int64_t hour_s, end_s;
    calendar_span(&s->zone, CALENDAR_HOUR, from_s, &hour_s, &end_s);
    sqlite3_stmt *q = store_statement(s->store, "DELETE FROM hour WHERE start >= ?");
    sqlite3_bind_int64(q, 1, hour_s);
    enum ew_err err = run(s, q, reason);
    q = store_statement(
        s->store, "SELECT a.slot, a.series, a.value, a.flags FROM sample a JOIN series s ON s.id = a.series "
                  "WHERE a.slot >= ? AND s.kind = 1 AND a.value IS NOT NULL ORDER BY a.slot");
    sqlite3_bind_int64(q, 1, hour_s);
    int code = SQLITE_DONE;
    while (err == EW_OK && (code = sqlite3_step(q)) == SQLITE_ROW)
        err = sampler_add_rollups(s, sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),
                                  sqlite3_column_double(q, 2), (unsigned)sqlite3_column_int64(q, 3), reason);
    sqlite3_reset(q);
    if (err == EW_OK && code != SQLITE_DONE)
        err = store_fail(s->store, reason);
    return err == EW_OK ? rebuild_days(s, hour_s, reason) : err;
}

static enum ew_err move_future(struct sampler *s, int64_t wall_s, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(
        s->store, "INSERT OR IGNORE INTO set_aside SELECT slot, series, length, value, low, high, flags, ?1 "
                  "FROM sample WHERE slot + length > ?1");
    sqlite3_bind_int64(q, 1, wall_s);
    enum ew_err err = run(s, q, reason);
    if (err != EW_OK)
        return err;
    q = store_statement(s->store, "DELETE FROM sample WHERE slot + length > ?");
    sqlite3_bind_int64(q, 1, wall_s);
    err = run(s, q, reason);
    // The slot that holds wall_s is rebuilt with its hour.
    return err == EW_OK ? rebuild_hours(s, wall_s, reason) : err;
}

enum ew_err sampler_set_aside(struct sampler *s, int64_t wall_s, struct ew_reason *reason)
{
    enum ew_err err = store_begin(s->store, reason);
    if (err != EW_OK)
        return err;
    err = move_future(s, wall_s, reason);
    if (err == EW_OK)
        err = store_commit(s->store, reason);
    else
        store_rollback(s->store);
    if (err != EW_OK)
        return err;
    for (int i = 0; i < s->series_count; i++)
        if (s->series[i].count.at_s > wall_s)
            s->series[i].count.at_s = wall_s;
    s->last_s = wall_s;
    s->running = false;
    struct ew_reason event;
    ew_fail(&event, EW_E_STALE, "history.set_aside", "",
            "the clock was ahead; records that lie in the future were set aside");
    sampler_tell(s, &event);
    return EW_OK;
}

// ---- The tick
// ----------------------------------------------------------------------------------------------------------

// A slot never reaches back over what is stored: after a stamping it may begin late.
static void begin(struct sampler *s, int64_t at_s)
{
    history_slot(&s->zone, s->interval_min, at_s, &s->slot_start_s, &s->slot_end_s);
    if (s->last_s > s->slot_start_s && s->last_s < s->slot_end_s)
        s->slot_start_s = s->last_s;
    s->running = true;
}

static enum ew_err tick_trusted(struct sampler *s, int64_t wall_s, struct ew_reason *reason)
{
    if (s->running && wall_s < s->slot_end_s)
        return EW_OK;
    if (s->running) {
        enum ew_err err = sampler_write_slot(s, reason);
        if (err != EW_OK)
            return err;
    }
    begin(s, wall_s);
    return EW_OK;
}

static enum history_clock_verdict judge(const struct sampler *s, const struct sampler_now *now)
{
    struct history_clock_in in = {.wall_s = now->wall_s,
                                  .up_s = now->up_ms / 1000,
                                  .synchronised = now->synchronised,
                                  .build_s = s->build_s,
                                  .last_row_s = s->last_s};
    if (s->running && !s->untrusted && s->slot_start_s > in.last_row_s)
        in.last_row_s = s->slot_start_s;
    return history_clock(&in, s->trusted_before);
}

enum ew_err sampler_tick(struct sampler *s, const struct sampler_now *now, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    s->verdict = judge(s, now);
    if (s->verdict != HISTORY_CLOCK_UNTRUSTED && s->untrusted)
        err = leave_untrusted(s, now, reason);
    if (err == EW_OK)
        switch (s->verdict) {
        case HISTORY_CLOCK_UNTRUSTED:
            err = tick_untrusted(s, now->up_ms / 1000, reason);
            break;
        case HISTORY_CLOCK_WAIT:
            if (!s->running)
                begin(s, s->last_s);
            break;
        case HISTORY_CLOCK_FUTURE:
            err = sampler_set_aside(s, now->wall_s, reason);
            if (err == EW_OK)
                begin(s, now->wall_s);
            break;
        case HISTORY_CLOCK_TRUSTED:
            err = tick_trusted(s, now->wall_s, reason);
            break;
        }
    s->trusted_before |= s->verdict != HISTORY_CLOCK_UNTRUSTED && err == EW_OK;
    if (err != EW_OK && reason)
        sampler_tell(s, reason);
    else if (err == EW_OK && s->verdict == HISTORY_CLOCK_TRUSTED)
        s->told = EW_OK;
    return err;
}
