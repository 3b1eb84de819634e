// Which clock the recorder believes, and what happens to rows when that changes (DESIGN, Clock).
#include "recorder/sampler_priv.h"

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
    sqlite3_stmt *q =
        store_statement(s->store, "SELECT up, length, data FROM unstamped WHERE boot = ? ORDER BY up");
    sqlite3_bind_text(q, 1, s->boot, -1, SQLITE_STATIC);
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW)
        sampler_take_readings(s, sqlite3_column_blob(q, 2), (size_t)sqlite3_column_bytes(q, 2),
                              sqlite3_column_int64(q, 0), sqlite3_column_int(q, 1));
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

// One at a time, since storing a slot uses statements of its own. *ret_up_s: of the one stamped.
static enum ew_err stamp_next(struct sampler *s, int64_t shift_s, int64_t after_s, bool *ret_found,
                              int64_t *ret_up_s, struct ew_reason *reason)
{
    sqlite3_stmt *q =
        store_statement(s->store, "SELECT up, length, data FROM unstamped WHERE boot = ? AND up "
                                  "> ? ORDER BY up LIMIT 1");
    sqlite3_bind_text(q, 1, s->boot, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, after_s);
    int code = sqlite3_step(q);
    enum ew_err err = code == SQLITE_ROW || code == SQLITE_DONE ? EW_OK : store_fail(s->store, reason);
    *ret_found = code == SQLITE_ROW;
    if (code == SQLITE_ROW) {
        *ret_up_s = sqlite3_column_int64(q, 0);
        int length_s = sqlite3_column_int(q, 1);
        const void *data = sqlite3_column_blob(q, 2);
        size_t len = (size_t)sqlite3_column_bytes(q, 2);
        err = sampler_put_slot(s, *ret_up_s + shift_s, length_s, data, len, reason);
        sampler_count_totals(s, data, len, *ret_up_s + shift_s, length_s);
        if (*ret_up_s + shift_s + length_s > s->last_s)
            s->last_s = *ret_up_s + shift_s + length_s;
    }
    sqlite3_reset(q);
    return err;
}

static enum ew_err stamp_rows(struct sampler *s, int64_t shift_s, struct ew_reason *reason)
{
    bool found = true, first = true;
    int64_t up_s = INT64_MIN, first_s = INT64_MAX;
    enum ew_err err = EW_OK;
    while (err == EW_OK && found) {
        err = stamp_next(s, shift_s, up_s, &found, &up_s, reason);
        if (found && first)
            first_s = up_s + shift_s;
        first = false;
    }
    if (err == EW_OK && first_s != INT64_MAX)
        err = sampler_unroll(s, first_s, reason);
    if (err == EW_OK)
        err = sampler_save_totals(s, reason);
    // Rows of other boots have no time and never will; their consumption is not lost, because the counters'
    // stored readings are older and the next step holds it.
    if (err == EW_OK)
        err = store_execute(s->store, store_statement(s->store, "DELETE FROM unstamped"), reason);
    return err;
}

static enum ew_err stamp(struct sampler *s, const struct sampler_now *now, struct ew_reason *reason)
{
    int64_t shift_s = now->wall_s - now->up_ms / 1000, rolled_s = s->rolled_s, last_s = s->last_s;
    enum ew_err err = sampler_pack_rest(s, reason);
    if (err == EW_OK)
        err = store_begin(s->store, reason);
    if (err != EW_OK)
        return err;
    err = stamp_rows(s, shift_s, reason);
    if (err == EW_OK)
        err = sampler_roll(s, now->wall_s, reason);
    if (err == EW_OK)
        err = store_commit(s->store, reason);
    else
        store_rollback(s->store);
    sampler_settle_totals(s, err == EW_OK);
    if (err != EW_OK) {
        s->rolled_s = rolled_s;
        s->last_s = last_s;
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

static enum ew_err set_aside(struct sampler *s, int64_t wall_s, struct ew_reason *reason)
{
    enum ew_err err = sampler_pack_rest(s, reason);
    if (err == EW_OK)
        err = store_begin(s->store, reason);
    if (err != EW_OK)
        return err;
    err = sampler_move_future(s, wall_s, reason);
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
    if (s->running && wall_s < s->slot_end_s) {
        bool more;
        return sampler_pack(s, s->slot_start_s, &more, reason);
    }
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
    if (err == EW_OK && s->verdict == HISTORY_CLOCK_TRUSTED)
        s->told = EW_OK;
    return err;
}
