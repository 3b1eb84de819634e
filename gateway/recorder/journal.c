#include "recorder/journal.h"

#include "base/rfc3339.h"
#include "store/page.h"
#include <string.h>

static void bind_text(sqlite3_stmt *q, int place, const char *text)
{
    sqlite3_bind_text(q, place, text, -1, SQLITE_TRANSIENT);
}

static void bind_id(sqlite3_stmt *q, int place, int64_t id)
{
    if (id > 0)
        sqlite3_bind_int64(q, place, id);
    else
        sqlite3_bind_null(q, place);
}

// ---- Writing ---------------------------------------------------------------------------------------------

static enum ew_err insert(struct store *store, const struct journal_entry *e, bool goes_on,
                          struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(
        store,
        "INSERT INTO alarm (at, until, subject, source, device, bus, name, address, code, params, text) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    sqlite3_bind_int64(q, 1, e->at_ms);
    if (goes_on)
        sqlite3_bind_null(q, 2);
    else
        sqlite3_bind_int64(q, 2, e->at_ms);
    bind_text(q, 3, e->subject);
    bind_text(q, 4, e->source);
    bind_id(q, 5, e->device);
    bind_id(q, 6, e->bus);
    bind_text(q, 7, e->name);
    bind_text(q, 8, e->address);
    bind_text(q, 9, e->code);
    bind_text(q, 10, e->params);
    bind_text(q, 11, e->text);
    enum ew_err err = store_execute(store, q, reason);
    if (err != EW_OK)
        return err;
    q = store_statement(store, "DELETE FROM alarm WHERE id <= ?");
    sqlite3_bind_int64(q, 1, sqlite3_last_insert_rowid(store_db(store)) - JOURNAL_MAX);
    return store_execute(store, q, reason);
}

// Whether an alarm of the subject with this code goes on.
static enum ew_err goes_on(struct store *store, const char *subject, const char *code, bool *ret,
                           struct ew_reason *reason)
{
    sqlite3_stmt *q =
        store_statement(store, "SELECT code = ? FROM alarm WHERE subject = ? AND until IS NULL");
    bind_text(q, 1, code);
    bind_text(q, 2, subject);
    int step = sqlite3_step(q);
    *ret = step == SQLITE_ROW && sqlite3_column_int(q, 0);
    sqlite3_reset(q);
    return step == SQLITE_ROW || step == SQLITE_DONE ? EW_OK : store_fail(store, reason);
}

enum ew_err journal_end(struct store *store, const char *subject, int64_t at_ms, struct ew_reason *reason)
{
    // A clock that was set back ends nothing before it began.
    sqlite3_stmt *q =
        store_statement(store, "UPDATE alarm SET until = max(at, ?) WHERE subject = ? AND until IS NULL");
    sqlite3_bind_int64(q, 1, at_ms);
    bind_text(q, 2, subject);
    return store_execute(store, q, reason);
}

enum ew_err journal_begin(struct store *store, const struct journal_entry *entry, bool *ret_new,
                          struct ew_reason *reason)
{
    bool same = false;
    if (ret_new)
        *ret_new = false;
    enum ew_err err = goes_on(store, entry->subject, entry->code, &same, reason);
    if (err != EW_OK || same)
        return err;
    err = store_begin(store, reason);
    if (err != EW_OK)
        return err;
    err = journal_end(store, entry->subject, entry->at_ms, reason);
    if (err == EW_OK)
        err = insert(store, entry, true, reason);
    if (err != EW_OK) {
        store_rollback(store);
        return err;
    }
    if (ret_new)
        *ret_new = true;
    return store_commit(store, reason);
}

enum ew_err journal_note(struct store *store, const struct journal_entry *entry, struct ew_reason *reason)
{
    enum ew_err err = store_begin(store, reason);
    if (err != EW_OK)
        return err;
    err = insert(store, entry, false, reason);
    if (err != EW_OK) {
        store_rollback(store);
        return err;
    }
    return store_commit(store, reason);
}

enum ew_err journal_name(struct store *store, int64_t device, const char *name, const char *address,
                         struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(
        store, "UPDATE alarm SET name = ?, address = ? WHERE device = ? AND until IS NULL AND name = ''");
    bind_text(q, 1, name);
    bind_text(q, 2, address);
    sqlite3_bind_int64(q, 3, device);
    return store_execute(store, q, reason);
}

// ---- Asking ----------------------------------------------------------------------------------------------

enum { SORT_AT, SORT_UNTIL, SORT_DEVICE, SORT_ADDRESS, SORT_TYPE };

static void read_stamp(struct ew_json *o, const char *key, int64_t *ret_ms)
{
    char text[EW_RFC3339_MAX] = "";
    ew_json_text(o, key, EW_OPTIONAL, 1, sizeof(text), text);
    if (o->err == EW_OK && text[0] && ew_rfc3339_parse(text, ret_ms) != EW_OK)
        ew_json_fail(o, key, "json.stamp", "must be a time stamp as 2026-03-01T12:00:00Z");
}

enum ew_err journal_query_read(const cJSON *args, struct journal_query *ret, struct ew_reason *reason)
{
    static const char *const sorts[] = {"at", "until", "device", "address", "type", NULL};
    *ret = (struct journal_query){.limit = 50, .from_ms = INT64_MIN, .to_ms = INT64_MAX, .down = true};
    struct ew_json o;
    ew_json_open(&o, args, "", reason);
    ew_json_int(&o, "offset", EW_OPTIONAL, 0, JOURNAL_MAX, &ret->offset);
    ew_json_int(&o, "limit", EW_OPTIONAL, 1, JOURNAL_PAGE_MAX, &ret->limit);
    ew_json_enum(&o, "sort", EW_OPTIONAL, sorts, &ret->sort);
    ew_json_bool(&o, "down", EW_OPTIONAL, &ret->down);
    ew_json_bool(&o, "active", EW_OPTIONAL, &ret->active);
    ew_json_text(&o, "code", EW_OPTIONAL, 0, sizeof(ret->code), ret->code);
    ew_json_text(&o, "text", EW_OPTIONAL, 0, sizeof(ret->text), ret->text);
    read_stamp(&o, "from", &ret->from_ms);
    read_stamp(&o, "to", &ret->to_ms);
    return ew_json_close(&o);
}

// Parameters 1 to 5 of every statement about a selection. What goes on is the newest of all ends.
#define SELECTED                                                                                             \
    " FROM alarm WHERE at >= ?1 AND at < ?2 AND (?3 = 0 OR until IS NULL) AND (?4 = '' OR code = ?4) "       \
    "AND (?5 = '' OR instr(lower(name || ' ' || address || ' ' || text), lower(?5)) > 0) "
#define ROWS                                                                                                 \
    "SELECT id, at, until, source, device, bus, name, address, code, params, text" SELECTED                  \
    "ORDER BY CASE ?6 WHEN 0 THEN at WHEN 1 THEN ifnull(until, 9223372036854775807) WHEN 2 THEN "            \
    "lower(name) "                                                                                           \
    "WHEN 3 THEN lower(address) ELSE code END "

static void bind_selection(sqlite3_stmt *q, const void *asked)
{
    const struct journal_query *query = asked;
    sqlite3_bind_int64(q, 1, query->from_ms);
    sqlite3_bind_int64(q, 2, query->to_ms);
    sqlite3_bind_int(q, 3, query->active);
    bind_text(q, 4, query->code);
    bind_text(q, 5, query->text);
    sqlite3_bind_int(q, 6, query->sort);
}

static const char *column(sqlite3_stmt *q, int place)
{
    const char *text = (const char *)sqlite3_column_text(q, place);
    return text ? text : "";
}

static void write_optional(struct ew_jw *w, const char *key, sqlite3_stmt *q, int place)
{
    if (sqlite3_column_type(q, place) == SQLITE_NULL)
        ew_jw_null(w, key);
    else
        ew_jw_int(w, key, sqlite3_column_int64(q, place));
}

static void write_row(struct ew_jw *w, sqlite3_stmt *q)
{
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "id", sqlite3_column_int64(q, 0));
    ew_jw_rfc3339(w, "at", sqlite3_column_int64(q, 1));
    if (sqlite3_column_type(q, 2) == SQLITE_NULL)
        ew_jw_null(w, "until");
    else
        ew_jw_rfc3339(w, "until", sqlite3_column_int64(q, 2));
    ew_jw_text(w, "source", column(q, 3));
    write_optional(w, "device", q, 4);
    write_optional(w, "bus", q, 5);
    ew_jw_text(w, "name", column(q, 6));
    ew_jw_text(w, "address", column(q, 7));
    ew_jw_open_object(w, "reason");
    ew_jw_text(w, "code", column(q, 8));
    cJSON *params = cJSON_Parse(column(q, 9));
    if (params)
        ew_jw_tree(w, "params", params);
    cJSON_Delete(params);
    ew_jw_text(w, "text", column(q, 10));
    ew_jw_close_object(w);
    ew_jw_close_object(w);
}

// How many there are of each type, over all time: what can be chosen.
static enum ew_err write_codes(struct store *store, struct ew_jw *w, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(
        store, "SELECT code, count(*), sum(until IS NULL) FROM alarm GROUP BY code ORDER BY code LIMIT 100");
    ew_jw_open_array(w, "codes");
    int step;
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        ew_jw_open_object(w, NULL);
        ew_jw_text(w, "code", column(q, 0));
        ew_jw_int(w, "count", sqlite3_column_int64(q, 1));
        ew_jw_int(w, "active", sqlite3_column_int64(q, 2));
        ew_jw_close_object(w);
    }
    ew_jw_close_array(w);
    sqlite3_reset(q);
    return step == SQLITE_DONE ? EW_OK : store_fail(store, reason);
}

enum ew_err journal_query(struct store *store, const struct journal_query *query, struct ew_buf *ret_json,
                          struct ew_reason *reason)
{
    struct ew_jw w;
    ew_jw_init(&w, ret_json);
    ew_jw_open_object(&w, NULL);
    const struct store_page page = {.count = "SELECT count(*)" SELECTED,
                                    .rows = query->down ? ROWS "DESC, id DESC LIMIT :limit OFFSET :offset"
                                                        : ROWS "ASC, id ASC LIMIT :limit OFFSET :offset",
                                    .offset = query->offset,
                                    .limit = query->limit,
                                    .query = query,
                                    .bind = bind_selection,
                                    .write = write_row};
    enum ew_err err = store_page_write(store, &page, &w, reason);
    if (err == EW_OK)
        err = write_codes(store, &w, reason);
    ew_jw_close_object(&w);
    return err;
}
