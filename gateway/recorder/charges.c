#include "recorder/charges.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "store/page.h"
#include <stdlib.h>
#include <string.h>

enum {
    ANSWER_MAX = 900 << 10,
    INTERRUPTIONS_MAX = 64,
    INTERRUPTIONS_BYTES = 64 << 10,
    LATE_MAX = 256,
    AGAIN_MS = 10000
};

struct session {
    char id[41];
    int64_t station, plugged_ms, started_ms, ended_ms; // 0 = not yet
    double wh, ah, peak_a;                             // wh below 0: not told
    const cJSON *interruptions;
};

// ---- Taking ----------------------------------------------------------------------------------------------

static void read_stamp(struct ew_json *o, const char *key, bool needed, int64_t *ret_ms)
{
    char text[EW_RFC3339_MAX] = "";
    if (!needed && cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(o->node, key))) {
        ew_json_skip(o, key);
        return;
    }
    ew_json_text(o, key, needed ? EW_REQUIRED : EW_OPTIONAL, 1, sizeof(text), text);
    if (o->err == EW_OK && text[0] && ew_rfc3339_parse(text, ret_ms) != EW_OK)
        ew_json_fail(o, key, "json.stamp", "must be a time stamp as 2026-03-01T12:00:00Z");
}

static enum ew_err read_session(const cJSON *tree, struct session *ret, struct ew_reason *reason)
{
    struct ew_json o;
    *ret = (struct session){.wh = -1};
    ew_json_open(&o, tree, "", reason);
    ew_json_text(&o, "session", EW_REQUIRED, 1, sizeof(ret->id), ret->id);
    ew_json_int(&o, "station", EW_REQUIRED, 1, INT32_MAX, &ret->station);
    read_stamp(&o, "plugged_at", true, &ret->plugged_ms);
    read_stamp(&o, "started", false, &ret->started_ms);
    read_stamp(&o, "ended", false, &ret->ended_ms);
    if (cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(tree, "wh")))
        ew_json_number(&o, "wh", EW_REQUIRED, 0, 1e9, &ret->wh);
    ew_json_number(&o, "ah", EW_REQUIRED, 0, 1e6, &ret->ah);
    ew_json_number(&o, "peak_a", EW_REQUIRED, 0, 1e5, &ret->peak_a);
    ret->interruptions = ew_json_array(&o, "interruptions", EW_REQUIRED, INTERRUPTIONS_MAX);
    return o.err; // payloads are open: other members may stand there
}

static void bind_time(sqlite3_stmt *q, int place, int64_t ms)
{
    if (ms)
        sqlite3_bind_int64(q, place, ms);
    else
        sqlite3_bind_null(q, place);
}

// Written when it is new, and when something happened; what flows meanwhile comes with its end.
static enum ew_err upsert(struct store *store, const struct session *s, const char *interruptions,
                          struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(
        store,
        "INSERT INTO charge (session, station, plugged, started, ended, wh, ah, peak_a, interruptions) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session) DO UPDATE SET started = excluded.started, "
        "ended = excluded.ended, wh = excluded.wh, ah = excluded.ah, peak_a = excluded.peak_a, "
        "interruptions = excluded.interruptions WHERE charge.ended IS NULL AND (excluded.ended IS NOT NULL "
        "OR charge.started IS NOT excluded.started OR charge.interruptions <> excluded.interruptions)");
    sqlite3_bind_text(q, 1, s->id, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(q, 2, s->station);
    sqlite3_bind_int64(q, 3, s->plugged_ms);
    bind_time(q, 4, s->started_ms);
    bind_time(q, 5, s->ended_ms);
    if (s->wh < 0)
        sqlite3_bind_null(q, 6);
    else
        sqlite3_bind_double(q, 6, s->wh);
    sqlite3_bind_double(q, 7, s->ah);
    sqlite3_bind_double(q, 8, s->peak_a);
    sqlite3_bind_text(q, 9, interruptions, -1, SQLITE_TRANSIENT);
    return store_execute(store, q, reason);
}

// A station has one charge at a time: what it had before is over, though nobody heard it end.
static enum ew_err end_others(struct store *store, const struct session *s, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(store, "UPDATE charge SET over = 1 WHERE station = ? AND session <> ? "
                                             "AND ended IS NULL AND over = 0");
    sqlite3_bind_int64(q, 1, s->station);
    sqlite3_bind_text(q, 2, s->id, -1, SQLITE_TRANSIENT);
    enum ew_err err = store_execute(store, q, reason);
    if (err != EW_OK)
        return err;
    q = store_statement(store, "DELETE FROM charge WHERE id <= (SELECT max(id) FROM charge) - ?");
    sqlite3_bind_int64(q, 1, CHARGES_MAX);
    return store_execute(store, q, reason);
}

enum ew_err charges_take(struct store *store, const cJSON *session, struct ew_reason *reason)
{
    struct session s;
    struct ew_buf text;
    struct ew_jw w;
    enum ew_err err = read_session(session, &s, reason);
    if (err != EW_OK)
        return err;
    ew_buf_init(&text, INTERRUPTIONS_BYTES);
    ew_jw_init(&w, &text);
    ew_jw_tree(&w, NULL, s.interruptions);
    err = store_begin(store, reason);
    if (err == EW_OK) {
        err = upsert(store, &s, text.full ? "[]" : ew_buf_text(&text), reason);
        if (err == EW_OK)
            err = end_others(store, &s, reason);
        if (err == EW_OK)
            err = store_commit(store, reason);
        else
            store_rollback(store);
    }
    ew_buf_done(&text);
    return err;
}

// ---- Asking ----------------------------------------------------------------------------------------------

enum ew_err charges_query_read(const cJSON *args, struct charges_query *ret, struct ew_reason *reason)
{
    struct ew_json o;
    *ret = (struct charges_query){.limit = 50, .from_ms = INT64_MIN, .to_ms = INT64_MAX};
    ew_json_open(&o, args, "", reason);
    ew_json_int(&o, "station", EW_OPTIONAL, 1, INT32_MAX, &ret->station);
    ew_json_int(&o, "offset", EW_OPTIONAL, 0, CHARGES_MAX, &ret->offset);
    ew_json_int(&o, "limit", EW_OPTIONAL, 1, CHARGES_PAGE_MAX, &ret->limit);
    read_stamp(&o, "from", false, &ret->from_ms);
    read_stamp(&o, "to", false, &ret->to_ms);
    return ew_json_close(&o);
}

#define SELECTED " FROM charge WHERE plugged >= ?1 AND plugged < ?2 AND (?3 = 0 OR station = ?3) "

static void bind_selection(sqlite3_stmt *q, const void *asked)
{
    const struct charges_query *query = asked;
    sqlite3_bind_int64(q, 1, query->from_ms);
    sqlite3_bind_int64(q, 2, query->to_ms);
    sqlite3_bind_int64(q, 3, query->station);
}

static void write_time(struct ew_jw *w, const char *key, sqlite3_stmt *q, int place)
{
    if (sqlite3_column_type(q, place) == SQLITE_NULL)
        ew_jw_null(w, key);
    else
        ew_jw_rfc3339(w, key, sqlite3_column_int64(q, place));
}

static void write_row(struct ew_jw *w, sqlite3_stmt *q)
{
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "session", (const char *)sqlite3_column_text(q, 0));
    ew_jw_int(w, "station", sqlite3_column_int64(q, 1));
    write_time(w, "plugged_at", q, 2);
    write_time(w, "started", q, 3);
    write_time(w, "ended", q, 4);
    ew_jw_bool(w, "under_way", sqlite3_column_type(q, 4) == SQLITE_NULL && !sqlite3_column_int(q, 5));
    if (sqlite3_column_type(q, 6) == SQLITE_NULL)
        ew_jw_null(w, "wh");
    else
        ew_jw_number(w, "wh", sqlite3_column_double(q, 6));
    ew_jw_number(w, "ah", sqlite3_column_double(q, 7));
    ew_jw_number(w, "peak_a", sqlite3_column_double(q, 8));
    cJSON *interruptions = cJSON_Parse((const char *)sqlite3_column_text(q, 9));
    if (interruptions)
        ew_jw_tree(w, "interruptions", interruptions);
    cJSON_Delete(interruptions);
    ew_jw_close_object(w);
}

enum ew_err charges_query(struct store *store, const struct charges_query *query, struct ew_buf *ret_json,
                          struct ew_reason *reason)
{
    struct ew_jw w;
    ew_jw_init(&w, ret_json);
    ew_jw_open_object(&w, NULL);
    const struct store_page page = {
        .count = "SELECT count(*)" SELECTED,
        .rows = "SELECT session, station, plugged, started, ended, over, wh, ah, peak_a, "
                "interruptions" SELECTED "ORDER BY plugged DESC, id DESC LIMIT :limit OFFSET :offset",
        .offset = query->offset,
        .limit = query->limit,
        .query = query,
        .bind = bind_selection,
        .write = write_row};
    enum ew_err err = store_page_write(store, &page, &w, reason);
    ew_jw_close_object(&w);
    return err;
}

// ---- Topic and call --------------------------------------------------------------------------------------

struct charges {
    struct ew_loop *loop;
    struct store *store;
    struct ew_timer again;
    cJSON *late; // sessions that could not be stored, by name: the newest of each
};

// What a full or read-only disk did not take is kept, and tried again until it does.
static bool is_of_the_disk(enum ew_err err)
{
    return err == EW_E_FULL || err == EW_E_DENIED || err == EW_E_IO || err == EW_E_BUSY;
}

static const char *session_name(const cJSON *tree)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "session"));
    return name ? name : "";
}

static void keep(struct charges *charges, cJSON *tree)
{
    const char *name = session_name(tree);
    if (cJSON_GetArraySize(charges->late) >= LATE_MAX && !cJSON_HasObjectItem(charges->late, name)) {
        cJSON_Delete(tree);
        return;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(charges->late, name);
    cJSON_AddItemToObject(charges->late, name, tree);
    ew_loop_timer_set(charges->loop, &charges->again, ew_loop_now_ms(charges->loop) + AGAIN_MS);
}

static void on_again(struct ew_timer *timer, int64_t now_ms)
{
    struct charges *charges = timer->user;
    struct ew_reason reason;
    while (charges->late->child) {
        enum ew_err err = charges_take(charges->store, charges->late->child, &reason);
        if (is_of_the_disk(err)) {
            ew_loop_timer_set(charges->loop, timer, now_ms + AGAIN_MS);
            return;
        }
        cJSON_Delete(cJSON_DetachItemViaPointer(charges->late, charges->late->child));
    }
}

static void on_session(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct charges *charges = user;
    struct ew_reason reason;
    cJSON *tree = NULL;
    if (!m->payload_len)
        return; // the station is gone, its charges stay
    enum ew_err err = ew_json_parse(m->payload, m->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, &reason);
    if (err == EW_OK)
        err = charges_take(charges->store, tree, &reason);
    if (err == EW_OK) // what is kept is older
        cJSON_DeleteItemFromObjectCaseSensitive(charges->late, session_name(tree));
    if (tree && is_of_the_disk(err)) {
        ew_warning("charges", "%s: %s, retrying", m->topic, reason.text);
        keep(charges, tree);
        return;
    }
    if (err != EW_OK)
        ew_warning("charges", "%s%s: %s, ignoring", m->topic, reason.path, reason.text);
    cJSON_Delete(tree);
}

static void on_charges(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    const struct charges *charges = user;
    struct charges_query query;
    struct ew_reason reason;
    struct ew_buf answer;
    ew_buf_init(&answer, ANSWER_MAX);
    enum ew_err err = charges_query_read(args, &query, &reason);
    if (err == EW_OK)
        err = charges_query(charges->store, &query, &answer, &reason);
    if (err == EW_OK && answer.full)
        err = ew_fail(&reason, EW_E_TOO_LARGE, "query.too_large", "/limit",
                      "the answer would be too large; ask for fewer charges");
    if (err == EW_OK)
        mq_answer(request, &answer);
    else
        mq_answer_error(request, &reason);
    ew_buf_done(&answer);
}

struct charges *charges_new(struct ew_service *service, struct store *store)
{
    struct charges *charges = calloc(1, sizeof(*charges));
    if (!charges)
        abort();
    charges->loop = service->loop;
    charges->store = store;
    charges->again = (struct ew_timer){.fn = on_again, .user = charges};
    charges->late = cJSON_CreateObject();
    if (!charges->late)
        abort();
    mq_subscribe(service->mq, "session/+", 1, on_session, charges);
    mq_serve(service->mq, "recorder", "charges", on_charges, charges);
    return charges;
}

void charges_free(struct charges *charges)
{
    if (!charges)
        return;
    ew_loop_timer_clear(charges->loop, &charges->again);
    cJSON_Delete(charges->late);
    free(charges);
}
