#include "written.h"

#include "base/buf.h"
#include "core/history/pack.h"
#include <math.h>

bool written_slot(struct store *store, int64_t start_s, int length_s, const struct written *values, int count)
{
    uint8_t bytes[HISTORY_ENTRY_MAX];
    struct history_slot_writer writer = {0};
    struct ew_buf data;
    struct ew_reason reason;
    ew_buf_init(&data, 1 << 20);
    ew_buf_add(&data, bytes, history_slot_head(bytes));
    for (int gauges = 0; gauges < 2; gauges++)
        for (int i = 0; i < count; i++) {
            int64_t value_th = llround(values[i].value * 1000);
            struct history_value value = {.start_s = start_s,
                                          .has_value = true,
                                          .value_th = value_th,
                                          .low_th = value_th,
                                          .high_th = values[i].counter ? start_s * 1000 : value_th};
            if (values[i].counter == !gauges)
                ew_buf_add(&data, bytes, history_slot_put(&writer, values[i].series, !gauges, &value, bytes));
        }
    sqlite3_stmt *q =
        store_statement(store, "INSERT OR REPLACE INTO slot (start, length, data) VALUES (?, ?, ?)");
    sqlite3_bind_int64(q, 1, start_s);
    sqlite3_bind_int(q, 2, length_s);
    sqlite3_bind_blob64(q, 3, data.data, data.len, SQLITE_TRANSIENT);
    bool ok = !data.full && store_execute(store, q, &reason) == EW_OK;
    ew_buf_done(&data);
    return ok;
}
