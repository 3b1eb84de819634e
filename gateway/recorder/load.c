// What the store has, at the start.
#include "recorder/sampler_priv.h"

#include "base/buf.h"
#include "base/limits.h"
#include <stdlib.h>

static enum ew_err load_series(struct sampler *s, struct ew_reason *reason)
{
    sqlite3_stmt *q =
        store_statement(s->store, "SELECT s.id, s.device, s.quantity, s.kind, c.reading, c.at FROM series s "
                                  "LEFT JOIN counter c ON c.series = s.id ORDER BY s.id");
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        struct sampler_series_entry *entry =
            sampler_insert_series(s, sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),
                                  (const char *)sqlite3_column_text(q, 2), sqlite3_column_int(q, 3) == 1);
        entry->stored = true;
        entry->count.known = sqlite3_column_type(q, 4) != SQLITE_NULL;
        entry->count.reading_th = sqlite3_column_int64(q, 4);
        entry->count.at_s = sqlite3_column_int64(q, 5);
    }
    sqlite3_reset(q);
    return code == SQLITE_DONE ? EW_OK : store_fail(s->store, reason);
}

void sampler_take_readings(struct sampler *s, const void *slot, size_t len, int64_t start_s, int length_s)
{
    struct history_slot_reader reader;
    struct history_value value;
    history_slot_open(&reader, slot, len, start_s, length_s);
    while (history_slot_next(&reader, &value) && reader.counter) {
        struct sampler_series_entry *entry = sampler_by_id(s, reader.series);
        if (!entry || (entry->count.known && value.at_s < entry->count.at_s))
            continue;
        entry->count.known = true;
        entry->count.reading_th = value.high_th;
        entry->count.at_s = value.at_s;
    }
}

static void load_slot(struct sampler *s, sqlite3_stmt *q)
{
    int64_t start_s = sqlite3_column_int64(q, 0);
    int length_s = sqlite3_column_int(q, 1);
    sampler_take_readings(s, sqlite3_column_blob(q, 2), (size_t)sqlite3_column_bytes(q, 2), start_s,
                          length_s);
    s->last_s = start_s + length_s;
}

// Readings newer than the last packed day are in the slots.
static enum ew_err load_slots(struct sampler *s, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(s->store, "SELECT start, length, data FROM slot ORDER BY start");
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW)
        load_slot(s, q);
    sqlite3_reset(q);
    if (code != SQLITE_DONE)
        return store_fail(s->store, reason);
    if (s->last_s != INT64_MIN)
        return EW_OK;
    // No slot: a day was just packed.
    q = store_statement(s->store, "SELECT (max(key) >> 20) * 86400 + 86400 FROM (SELECT max(key) AS key FROM "
                                  "counter_day UNION SELECT max(key) FROM gauge_day)");
    code = sqlite3_step(q);
    if (code == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL)
        s->last_s = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    return code == SQLITE_ROW ? EW_OK : store_fail(s->store, reason);
}

static enum ew_err load_progress(struct sampler *s, struct ew_reason *reason)
{
    sqlite3_stmt *q =
        store_statement(s->store, "SELECT rolled_until, packing_day, packing_series FROM progress");
    int code = sqlite3_step(q);
    if (code == SQLITE_ROW) {
        s->rolled_s = sqlite3_column_int64(q, 0);
        s->packing_day = sqlite3_column_int64(q, 1);
        s->packing_series = sqlite3_column_int64(q, 2);
    }
    sqlite3_reset(q);
    return code == SQLITE_ROW ? EW_OK : store_fail(s->store, reason);
}

static enum ew_err load_serials(struct sampler *s, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(s->store, "SELECT device, serial FROM identity");
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW && s->serial_count < EW_DEVICES_MAX) {
        struct sampler_serial *known = &s->serials[s->serial_count++];
        known->device = sqlite3_column_int64(q, 0);
        ew_copy(known->serial, sizeof(known->serial), (const char *)sqlite3_column_text(q, 1));
    }
    sqlite3_reset(q);
    return code == SQLITE_DONE || code == SQLITE_ROW ? EW_OK : store_fail(s->store, reason);
}

enum ew_err sampler_load(struct sampler *s, struct ew_reason *reason)
{
    enum ew_err err = load_series(s, reason);
    if (err == EW_OK)
        err = sampler_load_members(s, reason);
    if (err == EW_OK)
        err = load_progress(s, reason);
    if (err == EW_OK)
        err = load_serials(s, reason);
    return err == EW_OK ? load_slots(s, reason) : err;
}
