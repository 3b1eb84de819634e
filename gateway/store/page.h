// A page of a long list: how many rows there are, and those asked for, as JSON.
#ifndef EDGEWATT_STORE_PAGE_H
#define EDGEWATT_STORE_PAGE_H

#include "base/json.h"
#include "store/store.h"

struct store_page {
    const char *count, *rows; // SQL, literals: the number of rows; rows, with ":limit" and ":offset"
    int64_t offset, limit;
    const void *query;
    void (*bind)(sqlite3_stmt *statement, const void *query); // of both; what one has not is passed over
    void (*write)(struct ew_jw *w, sqlite3_stmt *row);        // one object
};
// Writes "total", "offset" and "rows" into the open object of w.
enum ew_err store_page_write(struct store *store, const struct store_page *page, struct ew_jw *w,
                             struct ew_reason *reason) EW_MUST_CHECK;

#endif
