// Which clock the recorder believes, and what happens to rows when that changes (DESIGN, Clock).
#include "recorder/sampler_priv.h"

#include <stdlib.h>

// Counters whose last reading was taken before this boot, while the wall clock is not known: ten years before
// it.
enum { BEFORE_BOOT_S = -315576000 };

// ---- Time not known: slots under boot id and BOOTTIME ----------------------------------------------------

// Takes the counters over to the BOOTTIME scale: from rows of this boot that a crash left, else "before the
// boot".
static enum ew_err enter_untrusted(struct sampler *s, struct ew_reason *reason)
{
    for (int i = 0; i < s->series_count; i++)
        s->series[i].count.at_s = BEFORE_BOOT_S;
    sqlite3_stmt *q = store_statement(
        s->store, "SELECT series, high, at FROM unstamped WHERE boot = ? AND at IS NOT NULL ORDER BY up");
    sqlite3_bind_text(q, 1, s->boot, -1, SQLITE_STATIC);
    struct sampler_index index;
    sampler_index_make(s, &index);
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        struct sampler_series_entry *entry = sampler_by_id(s, &index, sqlite3_column_int64(q, 0));
        if (!entry)
            continue;
        entry->count.known = true;
        entry->count.reading = sqlite3_column_double(q, 1);
        entry->count.at_s = sqlite3_column_int64(q, 2);
    }
    free(index.place);
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

// ---- The time became known: rows of this boot get their stamp ---------------------------------------------

static enum ew_err stamp_rows(struct sampler *s, int64_t shift_s, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(s->store, "SELECT min(up) FROM unstamped WHERE boot = ?");
    sqlite3_bind_text(q, 1, s->boot, -1, SQLITE_STATIC);
    bool any = sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL;
    int64_t first_s = any ? sqlite3_column_int64(q, 0) + shift_s : 0;
    sqlite3_reset(q);
    enum ew_err err = any ? sampler_unroll(s, first_s, reason) : EW_OK;
    if (err != EW_OK)
        return err;
    q = store_statement(
        s->store, "INSERT OR IGNORE INTO sample (slot, series, length, value, low, high, flags) "
                  "SELECT up + ?1, series, length, value, low, high, flags FROM unstamped WHERE boot = ?2");
    sqlite3_bind_int64(q, 1, shift_s);
    sqlite3_bind_text(q, 2, s->boot, -1, SQLITE_STATIC);
    err = store_execute(s->store, q, reason);
    // Rows of other boots have no time and never will; their consumption is not lost, because the counters'
    // stored readings are older and the next step holds it.
    if (err == EW_OK)
        err = store_execute(s->store, store_statement(s->store, "DELETE FROM unstamped"), reason);
    return err;
}

static enum ew_err stamp(struct sampler *s, const struct sampler_now *now, struct ew_reason *reason)
{
    int64_t shift_s = now->wall_s - now->up_ms / 1000, rolled_s = s->rolled_s;
    enum ew_err err = store_begin(s->store, reason);
    if (err != EW_OK)
        return err;
    err = stamp_rows(s, shift_s, reason);
    if (err == EW_OK)
        err = sampler_roll(s, now->wall_s, reason);
    if (err == EW_OK)
        err = store_commit(s->store, reason);
    else
        store_rollback(s->store);
    if (err != EW_OK) {
        s->rolled_s = rolled_s;
        return err;
    }
    for (int i = 0; i < s->series_count; i++)
        s->series[i].count.at_s += shift_s;
    return EW_OK;
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
        err = stamp(s, now, reason);
    if (err != EW_OK)
        return err;
    s->untrusted = false;
    s->running = false;
    if (s->last_s < now->wall_s)
        s->last_s = now->wall_s;
    return EW_OK;
}

// ---- The clock ran ahead: rows of the future are set aside -----------------------------------------------

static enum ew_err move_future(struct sampler *s, int64_t wall_s, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(
        s->store, "INSERT OR IGNORE INTO set_aside SELECT slot, series, length, value, low, high, flags, ?1 "
                  "FROM sample WHERE slot + length > ?1");
    sqlite3_bind_int64(q, 1, wall_s);
    enum ew_err err = store_execute(s->store, q, reason);
    if (err != EW_OK)
        return err;
    q = store_statement(s->store, "DELETE FROM sample WHERE slot + length > ?");
    sqlite3_bind_int64(q, 1, wall_s);
    err = store_execute(s->store, q, reason);
    return err == EW_OK ? sampler_unroll(s, wall_s, reason) : err;
}

static enum ew_err set_aside(struct sampler *s, int64_t wall_s, struct ew_reason *reason)
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

// ---- The tick --------------------------------------------------------------------------------------------

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
            err = set_aside(s, now->wall_s, reason);
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
