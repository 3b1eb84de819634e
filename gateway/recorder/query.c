#include "recorder/query.h"

#include "base/limits.h"
#include <string.h>

enum { CIRCUITS_MAX = EW_CIRCUITS_MAX + 1 }; // and "other"

enum ew_err query_consumption_read(const cJSON *args, struct query_consumption *ret, struct ew_reason *reason)
{
    static const char *const units[] = {"hour", "day", "month", NULL};
    char from[16] = "";
    int by = 0;
    int64_t spans = 0;
    struct ew_json o;
    ew_json_open(&o, args, "", reason);
    ew_json_enum(&o, "by", EW_REQUIRED, units, &by);
    ew_json_text(&o, "from", EW_REQUIRED, 10, sizeof(from), from);
    ew_json_int(&o, "spans", EW_REQUIRED, 1, QUERY_SPANS_MAX, &spans);
    if (o.err == EW_OK && !calendar_date_parse(from, &ret->from))
        ew_json_fail(&o, "from", "json.date", "must be a date as 2026-03-01");
    ret->by = by == 0 ? CALENDAR_HOUR : by == 1 ? CALENDAR_DAY : CALENDAR_MONTH;
    ret->spans = (int)spans;
    return ew_json_close(&o);
}

struct table {
    int count;
    int64_t circuits[CIRCUITS_MAX];
    double values[CIRCUITS_MAX][QUERY_SPANS_MAX];
    bool known[CIRCUITS_MAX][QUERY_SPANS_MAX];
    unsigned flags[QUERY_SPANS_MAX];
    int64_t start_s[QUERY_SPANS_MAX], end_s[QUERY_SPANS_MAX];
};

static int row_of(struct table *t, int64_t circuit)
{
    for (int i = 0; i < t->count; i++)
        if (t->circuits[i] == circuit)
            return i;
    if (t->count == CIRCUITS_MAX)
        return row_of(
            t, 0); // cannot be: a site has at most EW_CIRCUITS_MAX; shown with "other" rather than lost
    t->circuits[t->count] = circuit;
    return t->count++;
}

static void fill_spans(struct table *t, const struct calendar_zone *zone,
                       const struct query_consumption *query)
{
    struct calendar_date date = query->from;
    if (query->by == CALENDAR_MONTH)
        date.day = 1;
    int64_t at_s = calendar_date_start_s(zone, date);
    for (int i = 0; i < query->spans; i++) {
        calendar_span(zone, query->by, at_s, &t->start_s[i], &t->end_s[i]);
        at_s = t->end_s[i];
    }
}

static int64_t key_of(const struct calendar_zone *zone, enum calendar_unit by, int64_t start_s)
{
    if (by == CALENDAR_HOUR)
        return start_s;
    struct calendar_date date = calendar_local(zone, start_s).date;
    int64_t day = (int64_t)date.year * 10000 + date.month * 100LL + date.day;
    return by == CALENDAR_DAY ? day : day / 100;
}

// Adds the rows of one statement, bound to [from, to), to a span: each to the circuit its device belonged to
// then.
static enum ew_err add_rows(struct store *store, const struct sampler *sampler, const char *sql, int64_t from,
                            int64_t to, struct table *t, int span, struct ew_reason *reason)
{
    if (from >= to)
        return EW_OK;
    sqlite3_stmt *q = store_statement(store, sql);
    sqlite3_bind_int64(q, 1, from);
    sqlite3_bind_int64(q, 2, to);
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t circuit = 0;
        bool excluded = false;
        // At the span's end: a device that moved within the span counts where it ended.
        (void)sampler_member_at(sampler, sqlite3_column_int64(q, 0), t->end_s[span] - 1, &circuit, &excluded);
        if (excluded)
            continue;
        int row = row_of(t, circuit);
        t->values[row][span] += sqlite3_column_double(q, 1);
        t->known[row][span] = true;
        t->flags[span] |= (unsigned)sqlite3_column_int64(q, 2);
    }
    sqlite3_reset(q);
    return code == SQLITE_DONE ? EW_OK : store_fail(store, reason);
}

#define ROWS_OF(table, time)                                                                                 \
    "SELECT s.device, sum(r.value), max(r.flags & 1) | max(r.flags & 2) FROM " table " r JOIN series s "     \
    "ON s.id = r.series WHERE r." time " >= ? AND r." time " < ? AND s.quantity = 'active_energy_import' "   \
    "AND r.value IS NOT NULL GROUP BY s.device"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

// One span. What is over is in its own table; of what is running, finished parts are in the finer tables.
static enum ew_err fill_span(struct store *store, const struct sampler *sampler,
                             const struct calendar_zone *zone, enum calendar_unit by, struct table *t,
                             int span, struct ew_reason *reason)
{
    int64_t start_s = t->start_s[span], end_s = t->end_s[span], rolled_s = sampler_rolled_s(sampler);
    int64_t key = key_of(zone, by, start_s);
    bool over = end_s <= rolled_s;
    if (over && by == CALENDAR_DAY)
        return add_rows(store, sampler, ROWS_OF("day", "date"), key, key + 1, t, span, reason);
    if (over && by == CALENDAR_MONTH)
        return add_rows(store, sampler, ROWS_OF("month", "date"), key, key + 1, t, span, reason);
    enum ew_err err = EW_OK;
    int64_t hours_from_s = start_s;
    if (by == CALENDAR_MONTH && start_s < rolled_s) {
        err = add_rows(store, sampler, ROWS_OF("day", "date"), key * 100, key * 100 + 99, t, span, reason);
        hours_from_s = most(start_s, calendar_date_start_s(zone, calendar_local(zone, rolled_s).date));
    }
    if (err == EW_OK)
        err = add_rows(store, sampler, ROWS_OF("hour", "start"), hours_from_s, least(end_s, rolled_s), t,
                       span, reason);
    if (err == EW_OK)
        err = add_rows(store, sampler, ROWS_OF("sample", "slot"), most(start_s, rolled_s), end_s, t, span,
                       reason);
    return err;
}

static void write_table(const struct table *t, const struct query_consumption *query, int64_t until_s,
                        struct ew_buf *out)
{
    static const char *const names[] = {"hour", "day", "month", "year"};
    struct ew_jw w;
    ew_jw_init(&w, out);
    ew_jw_open_object(&w, NULL);
    ew_jw_text(&w, "by", names[query->by]);
    ew_jw_text(&w, "unit", "Wh");
    ew_jw_open_array(&w, "spans");
    for (int i = 0; i < query->spans; i++) {
        ew_jw_open_object(&w, NULL);
        ew_jw_rfc3339(&w, "start", t->start_s[i] * 1000);
        ew_jw_rfc3339(&w, "end", t->end_s[i] * 1000);
        ew_jw_close_object(&w);
    }
    ew_jw_close_array(&w);
    ew_jw_open_array(&w, "circuits");
    for (int c = 0; c < t->count; c++) {
        ew_jw_open_object(&w, NULL);
        ew_jw_int(&w, "circuit", t->circuits[c]);
        ew_jw_open_array(&w, "values");
        for (int i = 0; i < query->spans; i++)
            if (t->known[c][i])
                ew_jw_number(&w, NULL, t->values[c][i]);
            else
                ew_jw_null(&w, NULL);
        ew_jw_close_array(&w);
        ew_jw_close_object(&w);
    }
    ew_jw_close_array(&w);
    ew_jw_open_array(&w, "flags");
    for (int i = 0; i < query->spans; i++)
        ew_jw_int(&w, NULL, t->flags[i]);
    ew_jw_close_array(&w);
    if (until_s > 0)
        ew_jw_rfc3339(&w, "until", until_s * 1000);
    else
        ew_jw_null(&w, "until");
    ew_jw_close_object(&w);
}

enum ew_err query_consumption(struct store *store, const struct sampler *sampler,
                              const struct calendar_zone *zone, const struct query_consumption *query,
                              struct ew_buf *ret_json, struct ew_reason *reason)
{
    static struct table table; // 200 KB: too much for a stack; the service is one thread
    memset(&table, 0, sizeof(table));
    fill_spans(&table, zone, query);
    enum ew_err err = EW_OK;
    for (int i = 0; i < query->spans && err == EW_OK; i++)
        err = fill_span(store, sampler, zone, query->by, &table, i, reason);
    if (err == EW_OK)
        write_table(&table, query, sampler_last_s(sampler), ret_json);
    return err;
}
