// Writing a slot: what was measured, the totals, and what is over because of it, in one transaction, so that
// they agree after any crash.
#include "recorder/sampler_priv.h"

#include "base/buf.h"
#include "recorder/merge.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void counter_value(const struct sampler *s, const struct history_counter *c, struct history_value *ret)
{
    *ret = (struct history_value){.start_s = s->slot_start_s,
                                  .length_s = (int)(s->slot_end_s - s->slot_start_s),
                                  .has_value = c->has_step,
                                  .value_th = c->step_th,
                                  .high_th = c->reading_th,
                                  .flags = c->flags,
                                  // When it was read matters where the time scale is not the wall clock's.
                                  .has_at = s->untrusted,
                                  .at_s = c->at_s};
}

static bool gauge_value(const struct sampler *s, const struct history_gauge *g, struct history_value *ret)
{
    *ret = (struct history_value){
        .start_s = s->slot_start_s, .length_s = (int)(s->slot_end_s - s->slot_start_s), .has_value = true};
    if (!history_thousandths(g->low, &ret->low_th) || !history_thousandths(g->high, &ret->high_th) ||
        !history_thousandths(history_gauge_mean(g), &ret->value_th))
        return false;
    return true;
}

// A counter's first reading forms a value without a step: it is the start of the next one.
static void write_entries(const struct sampler *s, bool counters, struct history_slot_writer *writer,
                          struct ew_buf *out)
{
    uint8_t bytes[HISTORY_ENTRY_MAX];
    struct history_value value;
    for (int i = 0; i < s->series_count; i++) {
        const struct sampler_series_entry *entry = &s->series[i];
        if (entry->counter != counters || (counters ? !entry->count.taken : entry->gauge.count == 0))
            continue;
        if (counters)
            counter_value(s, &entry->count, &value);
        else if (!gauge_value(s, &entry->gauge, &value))
            continue;
        ew_buf_add(out, bytes, history_slot_put(writer, entry->id, counters, &value, bytes));
    }
}

// ---- Swapped counters ------------------------------------------------------------------------------------

static void tell_swapped(struct sampler *s, const struct sampler_series_entry *a,
                         const struct sampler_series_entry *b)
{
    struct ew_reason event;
    ew_reason_clear(&event);
    ew_fail(&event, EW_E_STALE, "history.swapped", "",
            "devices %lld and %lld have changed places: each goes on where the other's counter stood",
            (long long)a->device, (long long)b->device);
    ew_reason_param(&event, "device", "%lld", (long long)a->device);
    ew_reason_param(&event, "other", "%lld", (long long)b->device);
    s->event(s->event_user, &event);
}

static void find_swaps(struct sampler *s)
{
    for (int i = 0; i < s->series_count; i++) {
        struct sampler_series_entry *fell = &s->series[i];
        if (!fell->counter || !fell->count.jumped || !fell->count.jump.fell)
            continue;
        for (int k = 0; k < s->series_count; k++) {
            struct sampler_series_entry *other = &s->series[k];
            if (k == i || !other->counter || strcmp(fell->quantity, other->quantity) != 0 ||
                !history_swapped(&fell->count, &other->count))
                continue;
            tell_swapped(s, fell, other);
            break;
        }
    }
}

// ---- The slot --------------------------------------------------------------------------------------------

static enum ew_err insert_slot(struct sampler *s, int64_t start_s, int length_s, const void *data, size_t len,
                               struct ew_reason *reason)
{
    sqlite3_stmt *q =
        store_statement(s->store, "INSERT OR REPLACE INTO slot (start, length, data) VALUES (?, ?, ?)");
    sqlite3_bind_int64(q, 1, start_s);
    sqlite3_bind_int(q, 2, length_s);
    sqlite3_bind_blob64(q, 3, data, len, SQLITE_STATIC);
    enum ew_err err = store_execute(s->store, q, reason);
    sqlite3_clear_bindings(q);
    return err;
}

enum ew_err sampler_put_slot(struct sampler *s, int64_t start_s, int length_s, const void *data, size_t len,
                             struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(s->store, "SELECT length, data FROM slot WHERE start = ?");
    sqlite3_bind_int64(q, 1, start_s);
    int code = sqlite3_step(q);
    if (code != SQLITE_ROW) {
        sqlite3_reset(q);
        return code == SQLITE_DONE ? insert_slot(s, start_s, length_s, data, len, reason)
                                   : store_fail(s->store, reason);
    }
    // A late start of history time may meet a slot that is stored already (an interval was changed, the clock
    // was set back): steps add up, gauges keep what is there.
    struct ew_buf merged;
    ew_buf_init(&merged, SAMPLER_SLOT_MAX);
    int old_length_s = sqlite3_column_int(q, 0);
    merge_slots(sqlite3_column_blob(q, 1), (size_t)sqlite3_column_bytes(q, 1), data, len, start_s, &merged);
    sqlite3_reset(q);
    enum ew_err err = insert_slot(s, start_s, length_s > old_length_s ? length_s : old_length_s, merged.data,
                                  merged.len, reason);
    ew_buf_done(&merged);
    return err;
}

static enum ew_err put_unstamped(struct sampler *s, const struct ew_buf *data, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(
        s->store, "INSERT OR REPLACE INTO unstamped (boot, up, length, data) VALUES (?, ?, ?, ?)");
    sqlite3_bind_text(q, 1, s->boot, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, s->slot_start_s);
    sqlite3_bind_int64(q, 3, s->slot_end_s - s->slot_start_s);
    sqlite3_bind_blob64(q, 4, data->data, data->len, SQLITE_TRANSIENT);
    return store_execute(s->store, q, reason);
}

static enum ew_err put_trusted(struct sampler *s, const struct ew_buf *data, bool any,
                               struct ew_reason *reason)
{
    int length_s = (int)(s->slot_end_s - s->slot_start_s);
    enum ew_err err = EW_OK;
    if (any)
        err = sampler_put_slot(s, s->slot_start_s, length_s, data->data, data->len, reason);
    if (err == EW_OK && any) {
        sampler_count_totals(s, data->data, data->len, s->slot_start_s, length_s);
        err = sampler_save_totals(s, reason);
    }
    return err == EW_OK ? sampler_roll(s, s->slot_end_s, reason) : err;
}

static enum ew_err save_series(struct sampler *s, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    for (int i = 0; i < s->series_count && err == EW_OK; i++) {
        const struct sampler_series_entry *entry = &s->series[i];
        if (entry->stored)
            continue;
        sqlite3_stmt *q =
            store_statement(s->store, "INSERT INTO series (id, device, quantity, kind) VALUES (?, ?, ?, ?)");
        sqlite3_bind_int64(q, 1, entry->id);
        sqlite3_bind_int64(q, 2, entry->device);
        sqlite3_bind_text(q, 3, entry->quantity, -1, SQLITE_STATIC);
        sqlite3_bind_int(q, 4, entry->counter);
        err = store_execute(s->store, q, reason);
    }
    return err;
}

// All of it in one transaction; a failure leaves memory and store as they were.
static enum ew_err write_all(struct sampler *s, const struct ew_buf *data, bool any, struct ew_reason *reason)
{
    enum ew_err err = store_begin(s->store, reason);
    if (err != EW_OK)
        return err;
    int64_t rolled_s = s->rolled_s, last_s = s->last_s;
    if (any && !s->untrusted && s->slot_end_s > s->last_s)
        s->last_s = s->slot_end_s;
    err = save_series(s, reason);
    if (err == EW_OK && !s->untrusted)
        err = put_trusted(s, data, any, reason);
    else if (err == EW_OK && any)
        err = put_unstamped(s, data, reason);
    if (err == EW_OK)
        err = store_commit(s->store, reason);
    else
        store_rollback(s->store);
    sampler_settle_totals(s, err == EW_OK);
    if (err != EW_OK) {
        s->rolled_s = rolled_s;
        s->last_s = last_s;
    }
    return err;
}

enum ew_err sampler_write_slot(struct sampler *s, struct ew_reason *reason)
{
    uint8_t head[HISTORY_SLOT_HEAD_MAX];
    struct history_slot_writer writer = {0};
    struct ew_buf data;
    ew_buf_init(&data, SAMPLER_SLOT_MAX);
    find_swaps(s);
    size_t head_len = history_slot_head(head);
    ew_buf_add(&data, head, head_len);
    write_entries(s, true, &writer, &data);
    write_entries(s, false, &writer, &data);
    enum ew_err err = write_all(s, &data, data.len > head_len, reason);
    ew_buf_done(&data);
    if (err != EW_OK)
        return err;
    for (int i = 0; i < s->series_count; i++) {
        s->series[i].stored = true;
        s->series[i].gauge = (struct history_gauge){0};
        history_counter_next(&s->series[i].count);
    }
    return EW_OK;
}
