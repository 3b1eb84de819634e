// devices/<id>/<id>_state_<yyyy-mm>.csv and <id>_charges_<yyyy-mm>.csv: what was wrong with a device, and the
// charges of a station, by the month they began in. A line may end in a later month: so a file is made anew
// when a line of it ended since the last run.
#include "recorder/csv_tree_priv.h"

#include "base/limits.h"
#include "core/history/counter.h"
#include <string.h>

enum { TEXT_MAX = 16 << 20 };

struct events {
    struct csv_run *run;
    const char *kind, *header; // of the columns between utc_offset and flags
    int64_t since_s;           // of the last run
    // The file that is being gathered; device 0 = none.
    int64_t device;
    struct calendar_date month;
    bool wanted;
    struct ew_buf text;
    struct csv_line line;
};

static void add_header(struct events *e)
{
    char label[32];
    csv_begin(&e->line, &e->text, &e->run->tree->options);
    csv_text(&e->line, "time");
    csv_text(&e->line, "utc_offset");
    for (const char *p = e->header; *p; p += strcspn(p, ";") + (p[strcspn(p, ";")] != 0)) {
        (void)ew_format(label, sizeof(label), "%.*s", (int)strcspn(p, ";"), p);
        csv_text(&e->line, label);
    }
    csv_text(&e->line, "flags");
    csv_end(&e->line);
}

static enum ew_err end_file(struct events *e, struct ew_reason *reason)
{
    char name[128];
    long long id = (long long)e->device;
    enum ew_err err = EW_OK;
    (void)ew_format(name, sizeof(name), "devices/%lld/%lld_%s_%04d-%02d.csv", id, id, e->kind, e->month.year,
                    e->month.month);
    if (e->device && e->wanted && e->text.full)
        err = ew_fail(reason, EW_E_TOO_LARGE, "file.too_large", name, "there is too much for one file");
    else if (e->device && e->wanted)
        err = csv_file_replace(e->run->export_dir, e->run->spare_dir, name, &e->text, reason);
    ew_buf_clear(&e->text);
    e->device = 0;
    return err;
}

// Begins the line of what lasted from..until (ms; until 0 = goes on), in the file it belongs to.
static enum ew_err begin_line(struct events *e, int64_t device, int64_t from_ms, int64_t until_ms,
                              struct ew_reason *reason)
{
    const struct csv_run *run = e->run;
    struct calendar_date month = calendar_local(run->tree->zone, from_ms / 1000).date;
    enum ew_err err = EW_OK;
    month.day = 1;
    if (device != e->device || calendar_days(month) != calendar_days(e->month)) {
        err = end_file(e, reason);
        e->device = device;
        e->month = month;
        e->wanted = calendar_days(month) >= calendar_days(run->first_month);
        add_header(e);
    }
    e->wanted = e->wanted || until_ms == 0 || until_ms / 1000 >= e->since_s;
    csv_time(&e->line, run->tree->zone, from_ms / 1000);
    e->line.begun = true;
    return err;
}

static void add_local(struct events *e, int64_t at_ms)
{
    char text[32];
    struct calendar_local l = calendar_local(e->run->tree->zone, at_ms / 1000);
    (void)ew_format(text, sizeof(text), "%04d-%02d-%02d %02d:%02d:%02d", l.date.year, l.date.month,
                    l.date.day, l.hour, l.minute, l.second);
    if (at_ms)
        csv_text(&e->line, text);
    else
        csv_empty(&e->line);
}

static void add_duration(struct events *e, int64_t from_ms, int64_t until_ms)
{
    if (until_ms >= from_ms)
        csv_decimal(&e->line, until_ms - from_ms, 3);
    else
        csv_empty(&e->line);
}

static void add_number(struct events *e, sqlite3_stmt *q, int column)
{
    if (sqlite3_column_type(q, column) == SQLITE_NULL)
        csv_empty(&e->line);
    else
        csv_number(&e->line, sqlite3_column_double(q, column));
}

static const char *text_at(sqlite3_stmt *q, int column)
{
    const char *text = (const char *)sqlite3_column_text(q, column);
    return text ? text : "";
}

// ---- The two kinds ---------------------------------------------------------------------------------------

static const char *const state_sql =
    "SELECT device, at, until, code, text FROM alarm WHERE device IS NOT NULL AND "
    "subject IN ('device/' || device || '/status', 'device/' || device || '/breaker') ORDER BY device, at, "
    "id";

static enum ew_err add_state(struct events *e, sqlite3_stmt *q, struct ew_reason *reason)
{
    int64_t from_ms = sqlite3_column_int64(q, 1), until_ms = sqlite3_column_int64(q, 2);
    enum ew_err err = begin_line(e, sqlite3_column_int64(q, 0), from_ms, until_ms, reason);
    add_local(e, until_ms);
    add_duration(e, from_ms, until_ms);
    csv_text(&e->line, text_at(q, 3));
    csv_text(&e->line, text_at(q, 4));
    csv_flags(&e->line, 0);
    csv_end(&e->line);
    return err;
}

static const char *const charges_sql =
    "SELECT station, plugged, started, ended, over, wh, ah, peak_a, json_array_length(interruptions) FROM "
    "charge ORDER BY station, plugged, id";

static enum ew_err add_charge(struct events *e, sqlite3_stmt *q, struct ew_reason *reason)
{
    int64_t from_ms = sqlite3_column_int64(q, 1), ended_ms = sqlite3_column_int64(q, 3);
    bool over = sqlite3_column_int(q, 4) == 1; // its end was not heard
    enum ew_err err =
        begin_line(e, sqlite3_column_int64(q, 0), from_ms, over && !ended_ms ? from_ms : ended_ms, reason);
    add_local(e, sqlite3_column_int64(q, 2));
    add_local(e, ended_ms);
    add_duration(e, from_ms, ended_ms);
    for (int column = 5; column <= 8; column++)
        add_number(e, q, column);
    csv_flags(&e->line, over && !ended_ms ? HISTORY_GAP : 0);
    csv_end(&e->line);
    return err;
}

static enum ew_err write_kind(struct csv_run *run, const char *kind, const char *header, const char *sql,
                              enum ew_err (*add)(struct events *, sqlite3_stmt *, struct ew_reason *),
                              struct ew_reason *reason)
{
    struct events e = {.run = run, .kind = kind, .header = header, .since_s = csv_state_events(run)};
    sqlite3_stmt *q = NULL;
    enum ew_err err = EW_OK;
    int code;
    if (sqlite3_prepare_v2(run->db, sql, -1, &q, NULL) != SQLITE_OK)
        return csv_fail(run, reason);
    ew_buf_init(&e.text, TEXT_MAX);
    while ((code = sqlite3_step(q)) == SQLITE_ROW && err == EW_OK)
        err = add(&e, q, reason);
    if (err == EW_OK && code != SQLITE_DONE)
        err = csv_fail(run, reason);
    if (err == EW_OK)
        err = end_file(&e, reason);
    ew_buf_done(&e.text);
    sqlite3_finalize(q);
    return err;
}

enum ew_err csv_events(struct csv_run *run, struct ew_reason *reason)
{
    enum ew_err err = write_kind(run, "state", "until;duration [s];code;text", state_sql, add_state, reason);
    if (err == EW_OK)
        err = write_kind(run, "charges",
                         "started;ended;duration [s];energy [Wh];charge [Ah];peak_current [A];interruptions",
                         charges_sql, add_charge, reason);
    if (err == EW_OK)
        csv_state_set_events(run, run->tree->until_s);
    return err;
}
