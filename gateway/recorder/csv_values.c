// Reads a few hours of all series, packed by day or not, and gives them slot by slot.
#include "recorder/csv_tree_priv.h"

#include "base/civil.h"
#include "core/history/pack.h"
#include <stdlib.h>

enum { SERIES_BITS = 20, DAY_S = 86400 };

struct found {
    int64_t start_s;
    int series, length_s;
    struct csv_cell cell;
};

struct list {
    int count, cap;
    struct found *items;
    int64_t from_s, to_s;
};

static void put(struct list *list, int64_t series, const struct history_value *value)
{
    if (!value->has_value || value->start_s < list->from_s || value->start_s >= list->to_s)
        return;
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 4096;
        list->items = realloc(list->items, (size_t)list->cap * sizeof(*list->items));
        if (!list->items)
            abort();
    }
    list->items[list->count++] =
        (struct found){value->start_s,
                       (int)series,
                       value->length_s,
                       {true, value->value_th, value->low_th, value->high_th, value->flags}};
}

static int by_start(const void *a, const void *b)
{
    const struct found *one = a, *other = b;
    if (one->start_s != other->start_s)
        return one->start_s < other->start_s ? -1 : 1;
    return (one->series > other->series) - (one->series < other->series);
}

static bool skipped(const struct csv_run *run, int64_t series)
{
    return !run->series || series < 0 || series > run->series_max || run->series[series].skipped;
}

static enum ew_err read_days(struct csv_run *run, const char *sql, struct list *list,
                             struct ew_reason *reason)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(run->db, sql, -1, &q, NULL) != SQLITE_OK)
        return csv_fail(run, reason);
    sqlite3_bind_int64(q, 1, ew_floor_div(list->from_s, DAY_S) * (1 << SERIES_BITS));
    sqlite3_bind_int64(q, 2, (ew_floor_div(list->to_s - 1, DAY_S) + 1) * (1 << SERIES_BITS));
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t key = sqlite3_column_int64(q, 0);
        struct history_day_reader reader;
        struct history_value value;
        if (skipped(run, key & ((1 << SERIES_BITS) - 1)))
            continue;
        history_day_open(&reader, sqlite3_column_blob(q, 1), (size_t)sqlite3_column_bytes(q, 1),
                         (key >> SERIES_BITS) * DAY_S);
        while (history_day_next(&reader, &value))
            put(list, key & ((1 << SERIES_BITS) - 1), &value);
    }
    sqlite3_finalize(q);
    return code == SQLITE_DONE ? EW_OK : csv_fail(run, reason);
}

// Slots of the day that is being packed count only for series that are not packed yet.
static enum ew_err read_slots(struct csv_run *run, struct list *list, struct ew_reason *reason)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(
            run->db,
            "SELECT start, length, data, packing_day, packing_series FROM slot, progress WHERE start "
            ">= ? AND start < ? ORDER BY start",
            -1, &q, NULL) != SQLITE_OK)
        return csv_fail(run, reason);
    sqlite3_bind_int64(q, 1, list->from_s);
    sqlite3_bind_int64(q, 2, list->to_s);
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        struct history_slot_reader reader;
        struct history_value value;
        int64_t start_s = sqlite3_column_int64(q, 0);
        bool packing = ew_floor_div(start_s, DAY_S) == sqlite3_column_int64(q, 3);
        history_slot_open(&reader, sqlite3_column_blob(q, 2), (size_t)sqlite3_column_bytes(q, 2), start_s,
                          sqlite3_column_int(q, 1));
        while (history_slot_next(&reader, &value))
            if (!skipped(run, reader.series) && (!packing || reader.series > sqlite3_column_int64(q, 4)))
                put(list, reader.series, &value);
    }
    sqlite3_finalize(q);
    return code == SQLITE_DONE ? EW_OK : csv_fail(run, reason);
}

enum ew_err csv_values(struct csv_run *run, int64_t from_s, int64_t to_s, csv_value_fn *fn, void *user,
                       struct ew_reason *reason)
{
    struct list list = {.from_s = from_s, .to_s = to_s};
    // One look at the database: packing moves values from one table to another.
    if (sqlite3_exec(run->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return csv_fail(run, reason);
    enum ew_err err =
        read_days(run, "SELECT key, data FROM counter_day WHERE key >= ? AND key < ?", &list, reason);
    if (err == EW_OK && !run->sums_only)
        err = read_days(run, "SELECT key, data FROM gauge_day WHERE key >= ? AND key < ?", &list, reason);
    if (err == EW_OK)
        err = read_slots(run, &list, reason);
    (void)sqlite3_exec(run->db, "COMMIT", NULL, NULL, NULL);
    if (list.count)
        qsort(list.items, (size_t)list.count, sizeof(*list.items), by_start);
    for (int i = 0; i < list.count && err == EW_OK; i++)
        fn(user, list.items[i].series, list.items[i].start_s, list.items[i].length_s, &list.items[i].cell);
    free(list.items);
    return err;
}
