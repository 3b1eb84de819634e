// Writing a slot: its samples, and what is over because of it, in one transaction, so that they agree after
// any crash.
#include "recorder/sampler_priv.h"

#include <math.h>

// Thousandths of the unit. Beyond what a double holds exactly nothing sensible is measured: no value
// then.
static void bind_thousandths(sqlite3_stmt *q, int index, double value)
{
    double scaled = round(value * 1000);
    if (fabs(scaled) < 9007199254740992.0)
        sqlite3_bind_int64(q, index, (int64_t)scaled);
}

static void bind_values(sqlite3_stmt *q, const struct sampler_series_entry *entry)
{
    if (entry->counter) {
        if (entry->count.has_step && (!(entry->count.flags & HISTORY_RESET) || entry->count.step > 0))
            sqlite3_bind_double(q, 5, entry->count.step);
        sqlite3_bind_double(q, 7, entry->count.reading);
    } else {
        bind_thousandths(q, 5, history_gauge_mean(&entry->gauge));
        bind_thousandths(q, 6, entry->gauge.low);
        bind_thousandths(q, 7, entry->gauge.high);
    }
    sqlite3_bind_int64(q, 8, entry->counter ? entry->count.flags : 0);
}

static enum ew_err write_sample(struct sampler *s, const struct sampler_series_entry *entry,
                                struct ew_reason *reason)
{
    // A late start of history time may meet a slot that is stored already (an interval was changed, the
    // recorder was restarted): steps add up, gauges keep the row that is there.
    static const char *const sql =
        "INSERT INTO sample (slot, series, length, value, low, high, flags) VALUES (?1, ?3, ?4, ?5, ?6, ?7, "
        "?8) "
        "ON CONFLICT DO UPDATE SET value = CASE WHEN ?2 THEN coalesce(value, 0) + coalesce(excluded.value, "
        "0) ELSE value END, "
        "low = min(low, excluded.low), high = CASE WHEN ?2 THEN excluded.high ELSE max(high, excluded.high) "
        "END, "
        "flags = flags | excluded.flags";
    sqlite3_stmt *q = store_statement(s->store, sql);
    sqlite3_bind_int64(q, 1, s->slot_start_s);
    sqlite3_bind_int64(q, 3, entry->id);
    sqlite3_bind_int64(q, 4, s->slot_end_s - s->slot_start_s);
    bind_values(q, entry);
    sqlite3_bind_int(q, 2, entry->counter);
    return store_execute(s->store, q, reason);
}

static enum ew_err write_unstamped(struct sampler *s, const struct sampler_series_entry *entry,
                                   struct ew_reason *reason)
{
    static const char *const sql =
        "INSERT OR REPLACE INTO unstamped (boot, up, series, length, value, low, high, flags, at) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    sqlite3_stmt *q = store_statement(s->store, sql);
    sqlite3_bind_text(q, 1, s->boot, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, s->slot_start_s);
    sqlite3_bind_int64(q, 3, entry->id);
    sqlite3_bind_int64(q, 4, s->slot_end_s - s->slot_start_s);
    bind_values(q, entry);
    if (entry->counter)
        sqlite3_bind_int64(q, 9, entry->count.at_s);
    return store_execute(s->store, q, reason);
}

// A counter's first reading forms a row without a step: it is the start of the next one.
static bool has_row(const struct sampler_series_entry *entry)
{
    return entry->counter ? entry->count.taken : entry->gauge.count > 0;
}

static enum ew_err write_rows(struct sampler *s, bool *ret_any, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    *ret_any = false;
    for (int i = 0; i < s->series_count && err == EW_OK; i++) {
        if (!has_row(&s->series[i]))
            continue;
        *ret_any = true;
        err =
            s->untrusted ? write_unstamped(s, &s->series[i], reason) : write_sample(s, &s->series[i], reason);
    }
    if (err == EW_OK && !s->untrusted)
        err = sampler_roll(s, s->slot_end_s, reason);
    return err;
}

enum ew_err sampler_write_slot(struct sampler *s, struct ew_reason *reason)
{
    enum ew_err err = store_begin(s->store, reason);
    if (err != EW_OK)
        return err;
    bool any;
    int64_t rolled_s = s->rolled_s;
    err = write_rows(s, &any, reason);
    if (err != EW_OK) {
        store_rollback(s->store);
    } else {
        err = store_commit(s->store, reason);
    }
    if (err != EW_OK) {
        s->rolled_s = rolled_s;
        return err;
    }
    if (any && !s->untrusted && s->slot_end_s > s->last_s)
        s->last_s = s->slot_end_s;
    for (int i = 0; i < s->series_count; i++) {
        s->series[i].gauge = (struct history_gauge){0};
        history_counter_next(&s->series[i].count);
    }
    return EW_OK;
}
