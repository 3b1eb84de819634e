// Records that lie in the future, when the clock was found to have run ahead: kept, never shown.
#include "base/civil.h"
#include "recorder/sampler_priv.h"

#include <stdlib.h>

enum {
    DAY_VALUES_MAX = 8192 /* 5 s apart were more */,
    DAY_BYTES_MAX = 8 + DAY_VALUES_MAX * HISTORY_ENTRY_MAX
};

struct split {
    struct history_value values[DAY_VALUES_MAX];
    uint8_t bytes[DAY_BYTES_MAX];
};

static enum ew_err put_aside(struct sampler *s, int64_t since_s, int64_t key, const uint8_t *data, size_t len,
                             struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(s->store, "INSERT INTO set_aside (since, key, data) VALUES (?, ?, ?)");
    sqlite3_bind_int64(q, 1, since_s);
    sqlite3_bind_int64(q, 2, key);
    sqlite3_bind_blob64(q, 3, data, len, SQLITE_TRANSIENT);
    return store_execute(s->store, q, reason);
}

static enum ew_err keep_part(struct sampler *s, bool counters, int64_t key, const uint8_t *data, size_t len,
                             struct ew_reason *reason)
{
    sqlite3_stmt *q = counters ? store_statement(s->store, "UPDATE counter_day SET data = ?2 WHERE key = ?1")
                               : store_statement(s->store, "UPDATE gauge_day SET data = ?2 WHERE key = ?1");
    sqlite3_bind_int64(q, 1, key);
    sqlite3_bind_blob64(q, 2, data, len, SQLITE_TRANSIENT);
    return store_execute(s->store, q, reason);
}

// Of the running day, what was before stays.
static enum ew_err split_day(struct sampler *s, bool counters, int64_t wall_s, int64_t key, const void *data,
                             size_t data_len, struct split *split, struct ew_reason *reason)
{
    struct history_day_reader reader;
    int64_t day_s = (key >> SAMPLER_SERIES_BITS) * SAMPLER_DAY_S;
    int count = 0, past = 0;
    history_day_open(&reader, data, data_len, day_s);
    while (count < DAY_VALUES_MAX && history_day_next(&reader, &split->values[count])) {
        past += split->values[count].start_s + split->values[count].length_s <= wall_s;
        count++;
    }
    enum ew_err err = EW_OK;
    if (past < count) {
        size_t len = history_day_pack(&split->values[past], count - past, counters, day_s, split->bytes,
                                      sizeof(split->bytes));
        err = put_aside(s, wall_s, key, split->bytes, len, reason);
    }
    if (err == EW_OK && past < count) {
        size_t len =
            history_day_pack(split->values, past, counters, day_s, split->bytes, sizeof(split->bytes));
        err = keep_part(s, counters, key, split->bytes, len, reason);
    }
    return err;
}

static enum ew_err split_days(struct sampler *s, bool counters, int64_t wall_s, struct ew_reason *reason)
{
    struct split *split = malloc(sizeof(*split));
    if (!split)
        abort();
    int64_t first = ew_floor_div(wall_s, SAMPLER_DAY_S) << SAMPLER_SERIES_BITS;
    enum ew_err err = EW_OK;
    for (int64_t key = first - 1; err == EW_OK;) {
        sqlite3_stmt *q =
            counters
                ? store_statement(s->store, "SELECT key, data FROM counter_day WHERE key > ? AND key < ? "
                                            "ORDER BY key LIMIT 1")
                : store_statement(s->store, "SELECT key, data FROM gauge_day WHERE key > ? AND key < ? "
                                            "ORDER BY key LIMIT 1");
        sqlite3_bind_int64(q, 1, key);
        sqlite3_bind_int64(q, 2, first + (1 << SAMPLER_SERIES_BITS));
        int code = sqlite3_step(q);
        if (code == SQLITE_ROW) {
            key = sqlite3_column_int64(q, 0);
            err = split_day(s, counters, wall_s, key, sqlite3_column_blob(q, 1),
                            (size_t)sqlite3_column_bytes(q, 1), split, reason);
        } else if (code != SQLITE_DONE) {
            err = store_fail(s->store, reason);
        }
        sqlite3_reset(q);
        if (code != SQLITE_ROW)
            break;
    }
    free(split);
    return err;
}

enum ew_err sampler_move_future(struct sampler *s, int64_t wall_s, struct ew_reason *reason)
{
    static const char *const steps[] = {
        "INSERT INTO set_aside (since, start, length, data) SELECT ?1, start, length, data FROM slot WHERE "
        "start + length > ?1",
        "DELETE FROM slot WHERE start + length > ?1",
        "INSERT INTO set_aside (since, key, data) SELECT ?1, key, data FROM counter_day WHERE key >= "
        "(?1 / 86400 + 1) << 20",
        "DELETE FROM counter_day WHERE key >= (?1 / 86400 + 1) << 20",
        "INSERT INTO set_aside (since, key, data) SELECT ?1, key, data FROM gauge_day WHERE key >= "
        "(?1 / 86400 + 1) << 20",
        "DELETE FROM gauge_day WHERE key >= (?1 / 86400 + 1) << 20",
    };
    enum ew_err err = split_days(s, true, wall_s, reason);
    if (err == EW_OK)
        err = split_days(s, false, wall_s, reason);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && err == EW_OK; i++) {
        sqlite3_stmt *q = store_statement(s->store, steps[i]);
        sqlite3_bind_int64(q, 1, wall_s);
        err = store_execute(s->store, q, reason);
    }
    return err == EW_OK ? sampler_unroll(s, wall_s, reason) : err;
}
