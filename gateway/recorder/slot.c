// Writing a slot: samples, roll-ups and counters in one transaction, so that they agree after any crash.
#include "recorder/sampler_priv.h"

static int64_t day_key(struct calendar_date date)
{
    return (int64_t)date.year * 10000 + date.month * 100LL + date.day;
}

static enum ew_err add_to(struct sampler *s, const char *sql, int64_t key, int64_t series, double value,
                          unsigned flags, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(s->store, sql);
    sqlite3_bind_int64(q, 1, key);
    sqlite3_bind_int64(q, 2, series);
    sqlite3_bind_double(q, 3, value);
    sqlite3_bind_int64(q, 4, flags);
    return store_execute(s->store, q, reason);
}

enum ew_err sampler_add_rollups(struct sampler *s, int64_t slot_s, int64_t series, double value,
                                unsigned flags, struct ew_reason *reason)
{
    static const char *const hour =
        "INSERT INTO hour (start, series, value, flags) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET value = value + excluded.value, flags = flags | excluded.flags";
    static const char *const day =
        "INSERT INTO day (date, series, value, flags) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET value = value + excluded.value, flags = flags | excluded.flags";
    static const char *const month =
        "INSERT INTO month (date, series, value, flags) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET value = value + excluded.value, flags = flags | excluded.flags";
    int64_t hour_s, hour_end_s;
    calendar_span(&s->zone, CALENDAR_HOUR, slot_s, &hour_s, &hour_end_s);
    struct calendar_date date = calendar_local(&s->zone, slot_s).date;
    enum ew_err err = add_to(s, hour, hour_s, series, value, flags, reason);
    if (err == EW_OK)
        err = add_to(s, day, day_key(date), series, value, flags, reason);
    if (err == EW_OK)
        err = add_to(s, month, day_key(date) / 100, series, value, flags, reason);
    return err;
}

static void bind_values(sqlite3_stmt *q, const struct sampler_series_entry *entry)
{
    if (entry->counter) {
        if (!(entry->count.flags & HISTORY_RESET) || entry->count.step > 0)
            sqlite3_bind_double(q, 5, entry->count.step);
    } else {
        sqlite3_bind_double(q, 5, history_gauge_mean(&entry->gauge));
        sqlite3_bind_double(q, 6, entry->gauge.low);
        sqlite3_bind_double(q, 7, entry->gauge.high);
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
        "low = min(low, excluded.low), high = max(high, excluded.high), flags = flags | excluded.flags";
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
        "INSERT OR REPLACE INTO unstamped (boot, up, series, length, value, low, high, flags, reading, at) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    sqlite3_stmt *q = store_statement(s->store, sql);
    sqlite3_bind_text(q, 1, s->boot, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, s->slot_start_s);
    sqlite3_bind_int64(q, 3, entry->id);
    sqlite3_bind_int64(q, 4, s->slot_end_s - s->slot_start_s);
    bind_values(q, entry);
    if (entry->counter) {
        sqlite3_bind_double(q, 9, entry->count.reading);
        sqlite3_bind_int64(q, 10, entry->count.at_s);
    }
    return store_execute(s->store, q, reason);
}

static enum ew_err write_counter(struct sampler *s, const struct sampler_series_entry *entry,
                                 struct ew_reason *reason)
{
    sqlite3_stmt *q =
        store_statement(s->store, "INSERT OR REPLACE INTO counter (series, reading, at) VALUES (?, ?, ?)");
    sqlite3_bind_int64(q, 1, entry->id);
    sqlite3_bind_double(q, 2, entry->count.reading);
    sqlite3_bind_int64(q, 3, entry->count.at_s);
    return store_execute(s->store, q, reason);
}

// A counter's first reading forms no step, but is kept as the start of the next one.
static bool has_row(const struct sampler_series_entry *entry)
{
    return entry->counter ? entry->count.has_step : entry->gauge.count > 0;
}

static enum ew_err write_entry(struct sampler *s, const struct sampler_series_entry *entry,
                               struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    if (s->untrusted)
        return has_row(entry) ? write_unstamped(s, entry, reason) : EW_OK;
    if (has_row(entry))
        err = write_sample(s, entry, reason);
    if (err == EW_OK && entry->counter && entry->count.has_step)
        err =
            sampler_add_rollups(s, s->slot_start_s, entry->id, entry->count.step, entry->count.flags, reason);
    if (err == EW_OK && entry->counter && entry->count.known && entry->count.at_s >= s->slot_start_s)
        err = write_counter(s, entry, reason);
    return err;
}

enum ew_err sampler_write_slot(struct sampler *s, struct ew_reason *reason)
{
    enum ew_err err = store_begin(s->store, reason);
    if (err != EW_OK)
        return err;
    bool any = false;
    for (int i = 0; i < s->series_count && err == EW_OK; i++) {
        any |= has_row(&s->series[i]);
        err = write_entry(s, &s->series[i], reason);
    }
    if (err != EW_OK) {
        store_rollback(s->store);
        return err;
    }
    err = store_commit(s->store, reason);
    if (err != EW_OK)
        return err;
    if (any && !s->untrusted && s->slot_end_s > s->last_s)
        s->last_s = s->slot_end_s;
    for (int i = 0; i < s->series_count; i++) {
        s->series[i].gauge = (struct history_gauge){0};
        history_counter_next(&s->series[i].count);
    }
    return EW_OK;
}
