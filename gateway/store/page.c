#include "store/page.h"

enum ew_err store_page_write(struct store *store, const struct store_page *page, struct ew_jw *w,
                             struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(store, page->count);
    page->bind(q, page->query);
    int step = sqlite3_step(q);
    if (step == SQLITE_ROW)
        ew_jw_int(w, "total", sqlite3_column_int64(q, 0));
    enum ew_err err = step == SQLITE_ROW ? EW_OK : store_fail(store, reason);
    sqlite3_reset(q);
    if (err != EW_OK)
        return err;
    ew_jw_int(w, "offset", page->offset);
    q = store_statement(store, page->rows);
    page->bind(q, page->query);
    sqlite3_bind_int64(q, sqlite3_bind_parameter_index(q, ":limit"), page->limit);
    sqlite3_bind_int64(q, sqlite3_bind_parameter_index(q, ":offset"), page->offset);
    ew_jw_open_array(w, "rows");
    while ((step = sqlite3_step(q)) == SQLITE_ROW)
        page->write(w, q);
    ew_jw_close_array(w);
    err = step == SQLITE_DONE ? EW_OK : store_fail(store, reason);
    sqlite3_reset(q);
    return err;
}
