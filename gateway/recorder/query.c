#include "recorder/query_priv.h"

#include "base/limits.h"
#include "recorder/fill.h"
#include <stdlib.h>
#include <string.h>

enum { CELLS_MAX = 400000 }; // rows or devices times spans: about 10 MB

// ---- Arguments -------------------------------------------------------------------------------------------

static const char *const unit_names[] = {"hour", "day", "month", "year", NULL};

const char *query_unit_name(enum calendar_unit unit)
{
    return unit_names[unit];
}

void query_read_period(struct ew_json *o, enum calendar_unit *ret_by, struct calendar_date *ret_from,
                       int *ret_spans)
{
    char from[16] = "";
    int by = 0;
    int64_t spans = 0;
    ew_json_enum(o, "by", EW_REQUIRED, unit_names, &by);
    ew_json_text(o, "from", EW_REQUIRED, 10, sizeof(from), from);
    ew_json_int(o, "spans", EW_REQUIRED, 1, HISTORY_SPANS_MAX, &spans);
    if (o->err == EW_OK && !calendar_date_parse(from, ret_from))
        ew_json_fail(o, "from", "json.date", "must be a date as 2026-03-01");
    *ret_by = (enum calendar_unit)by;
    *ret_spans = (int)spans;
}

enum ew_err query_consumption_read(const cJSON *args, struct query_consumption *ret, struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, args, "", reason);
    query_read_period(&o, &ret->by, &ret->from, &ret->spans);
    if (o.err == EW_OK && ret->by == CALENDAR_YEAR)
        ew_json_fail(&o, "by", "json.choice", "must be hour, day or month");
    return ew_json_close(&o);
}

// ---- The table -------------------------------------------------------------------------------------------

static int count_series(const struct query_world *world)
{
    struct sampler_series series;
    int count = 0, devices = 0;
    int64_t last = -1;
    for (; sampler_series_at(world->sampler, count, &series); count++) {
        devices += series.device != last;
        last = series.device;
    }
    return devices < EW_DEVICES_MAX ? devices : EW_DEVICES_MAX;
}

enum ew_err query_table_fill(const struct query_world *world, enum calendar_unit by, const char *quantity,
                             struct query_table *table, struct ew_reason *reason)
{
    int members, devices = table->ask.device == HISTORY_ANY ? count_series(world) : 1;
    const struct history_member *places = sampler_members(world->sampler, &members);
    // Beyond ids of circuits and zones rows are devices.
    int rows = devices > 64 ? devices : 64;
    if (table->ask.group != HISTORY_BY_DEVICE)
        rows = 256;
    if ((int64_t)(table->ask.group == HISTORY_BY_DEVICE ? rows : devices) * table->spans.count > CELLS_MAX)
        return ew_fail(reason, EW_E_TOO_LARGE, "query.too_large", "/spans",
                       "the answer would be too large; ask for fewer spans");
    size_t size = history_histogram_memory(table->spans.count, rows, devices);
    void *block = calloc(1, size);
    if (!block)
        abort();
    ew_arena_init(&table->arena, block, size);
    history_histogram_init(&table->histogram, &table->arena, rows, devices, &table->spans, &table->ask,
                           places, members, sampler_last_s(world->sampler));
    enum ew_err err =
        fill_histogram(world->store, world->sampler, world->zone, by, quantity, &table->histogram, reason);
    if (err == EW_OK && table->histogram.full)
        err = ew_fail(reason, EW_E_TOO_LARGE, "query.too_large", "/spans",
                      "the answer would be too large; ask for fewer spans");
    return err;
}

void query_table_done(struct query_table *table)
{
    free(table->arena.block);
    free(table->money);
    table->arena.block = NULL;
    table->money = NULL;
}

// ---- Writing ---------------------------------------------------------------------------------------------

void query_write_spans(struct ew_jw *w, const char *key, const struct history_spans *spans)
{
    ew_jw_open_array(w, key);
    for (int i = 0; i < spans->count; i++) {
        ew_jw_open_object(w, NULL);
        ew_jw_rfc3339(w, "start", spans->edge_s[i] * 1000);
        ew_jw_rfc3339(w, "end", spans->edge_s[i + 1] * 1000);
        ew_jw_close_object(w);
    }
    ew_jw_close_array(w);
}

void query_write_until(struct ew_jw *w, const struct sampler *sampler)
{
    if (sampler_last_s(sampler) > 0)
        ew_jw_rfc3339(w, "until", sampler_last_s(sampler) * 1000);
    else
        ew_jw_null(w, "until");
}

void query_write_values(struct ew_jw *w, const struct history_row *row, int spans, double factor)
{
    ew_jw_open_array(w, "values");
    for (int i = 0; i < spans; i++)
        if (row && row->cells[i].known)
            ew_jw_number(w, NULL, (double)row->cells[i].value_th * factor / 1000);
        else
            ew_jw_null(w, NULL);
    ew_jw_close_array(w);
}

void query_write_flags(struct ew_jw *w, const struct history_row *row, int spans)
{
    ew_jw_open_array(w, "flags");
    for (int i = 0; i < spans; i++)
        ew_jw_int(w, NULL, row ? row->cells[i].flags : 0);
    ew_jw_close_array(w);
}

void query_write_total(struct ew_jw *w, const struct history_row *row, int spans, double factor)
{
    int64_t sum_th = 0;
    bool known = false;
    for (int i = 0; row && i < spans; i++) {
        known = known || row->cells[i].known;
        sum_th += row->cells[i].value_th;
    }
    if (known)
        ew_jw_number(w, "total", (double)sum_th * factor / 1000);
    else
        ew_jw_null(w, "total");
}

// ---- recorder/consumption --------------------------------------------------------------------------------

static void write_consumption(const struct query_world *world, const struct query_consumption *query,
                              const struct query_table *table, struct ew_buf *out)
{
    struct ew_jw w;
    ew_jw_init(&w, out);
    ew_jw_open_object(&w, NULL);
    ew_jw_text(&w, "by", unit_names[query->by]);
    ew_jw_text(&w, "unit", "Wh");
    query_write_spans(&w, "spans", &table->spans);
    ew_jw_open_array(&w, "circuits");
    for (int i = 0; i < table->histogram.row_count; i++) {
        ew_jw_open_object(&w, NULL);
        ew_jw_int(&w, "circuit", table->histogram.rows[i].id);
        query_write_values(&w, &table->histogram.rows[i], query->spans, 1);
        ew_jw_close_object(&w);
    }
    ew_jw_close_array(&w);
    ew_jw_open_array(&w, "flags");
    for (int s = 0; s < query->spans; s++) {
        unsigned flags = 0;
        for (int i = 0; i < table->histogram.row_count; i++)
            flags |= table->histogram.rows[i].cells[s].flags;
        ew_jw_int(&w, NULL, flags);
    }
    ew_jw_close_array(&w);
    query_write_until(&w, world->sampler);
    ew_jw_close_object(&w);
}

enum ew_err query_consumption(const struct query_world *world, const struct query_consumption *query,
                              struct ew_buf *ret_json, struct ew_reason *reason)
{
    struct query_table table = {
        .ask = {HISTORY_BY_CIRCUIT, SITE_ELECTRICITY, HISTORY_ANY, HISTORY_ANY, HISTORY_ANY, HISTORY_ANY}};
    history_spans_make(world->zone, query->by, query->from, query->spans, &table.spans);
    enum ew_err err = query_table_fill(world, query->by, NULL, &table, reason);
    if (err == EW_OK)
        write_consumption(world, query, &table, ret_json);
    query_table_done(&table);
    return err;
}
