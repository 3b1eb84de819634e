// recorder/series: one quantity of one device over time, at most so many points, extremes kept.
#include "recorder/query_priv.h"

#include "base/civil.h"
#include "base/rfc3339.h"
#include "core/history/counter.h"
#include "core/profile/profile.h"
#include "recorder/past.h"
#include <math.h>
#include <stdlib.h>

enum { SERIES_S_MAX = 11 * 366 * 86400 };

static void read_stamp(struct ew_json *o, const char *key, int64_t *ret_s)
{
    char text[40] = "";
    int64_t ms = 0;
    ew_json_text(o, key, EW_REQUIRED, 1, sizeof(text), text);
    if (o->err == EW_OK && ew_rfc3339_parse(text, &ms) != EW_OK)
        ew_json_fail(o, key, "json.stamp", "must be a time stamp as 2026-03-01T00:00:00Z");
    *ret_s = ew_floor_div(ms, 1000);
}

enum ew_err query_series_read(const cJSON *args, struct query_series *ret, struct ew_reason *reason)
{
    struct ew_json o;
    int64_t points = QUERY_POINTS;
    const char *unit;
    *ret = (struct query_series){.device = 0};
    ew_json_open(&o, args, "", reason);
    ew_json_int(&o, "device", EW_REQUIRED, 1, SITE_ID_MAX, &ret->device);
    ew_json_text(&o, "quantity", EW_REQUIRED, 1, sizeof(ret->quantity), ret->quantity);
    read_stamp(&o, "from", &ret->from_s);
    read_stamp(&o, "to", &ret->to_s);
    ew_json_int(&o, "points", EW_OPTIONAL, 2, QUERY_POINTS_MAX, &points);
    if (o.err == EW_OK && !profile_quantity_known(ret->quantity, &unit))
        ew_json_fail(&o, "quantity", "query.no_quantity", "is not a quantity of the vocabulary");
    if (o.err == EW_OK && (ret->to_s <= ret->from_s || ret->to_s - ret->from_s > SERIES_S_MAX))
        ew_json_fail(&o, "to", "query.range", "must lie after from, by at most eleven years");
    ret->points = (int)points;
    return ew_json_close(&o);
}

struct point {
    double weighted; // mean x seconds
    int64_t covered_s, sum_th, low_th, high_th;
    unsigned flags;
    bool any, counted;
};

struct grid {
    int64_t from_s, step_s;
    int count;
    struct point *points;
};

static void add_value(void *user, int64_t series, const struct history_value *value)
{
    (void)series;
    struct grid *grid = user;
    int64_t at = ew_floor_div(value->start_s - grid->from_s, grid->step_s);
    if (at < 0 || at >= grid->count)
        return;
    struct point *p = &grid->points[at];
    p->flags |= value->flags;
    if (!value->has_value)
        return;
    p->low_th = p->any && p->low_th < value->low_th ? p->low_th : value->low_th;
    p->high_th = p->any && p->high_th > value->high_th ? p->high_th : value->high_th;
    p->any = true;
    p->weighted += (double)value->value_th * value->length_s;
    p->covered_s += value->length_s;
    p->sum_th += value->value_th;
}

// The finest of the usual steps that needs no more points than asked for.
static int64_t step_for(int64_t length_s, int points)
{
    static const int64_t steps[] = {60,   120,   300,   600,   900,   1800,   3600,
                                    7200, 10800, 21600, 43200, 86400, 172800, 604800};
    size_t last = sizeof(steps) / sizeof(steps[0]) - 1;
    for (size_t i = 0; i < last; i++)
        if ((length_s + steps[i] - 1) / steps[i] + 1 <= points)
            return steps[i];
    int64_t weeks = 1;
    while (length_s / (weeks * steps[last]) + 2 > points)
        weeks++;
    return weeks * steps[last];
}

// Not finer than what is recorded, else every other point would be empty: told by the first values.
struct shortest {
    int length_s;
};
static void note_length(void *user, int64_t series, const struct history_value *value)
{
    (void)series;
    struct shortest *s = user;
    if (s->length_s == 0 || value->length_s > s->length_s)
        s->length_s = value->length_s;
}

static void make_grid(const struct query_world *world, const struct query_series *query, int length_s,
                      struct grid *grid)
{
    grid->step_s = step_for(query->to_s - query->from_s, query->points);
    if (grid->step_s < length_s)
        grid->step_s = length_s;
    // Points begin on marks of the local clock, as intervals do.
    int64_t offset_s = calendar_offset_s(world->zone, query->from_s);
    grid->from_s = ew_floor_div(query->from_s + offset_s, grid->step_s) * grid->step_s - offset_s;
    grid->count = (int)((query->to_s - grid->from_s + grid->step_s - 1) / grid->step_s);
    grid->points = calloc((size_t)grid->count, sizeof(*grid->points));
    if (!grid->points)
        abort();
}

enum column { SUM, MEAN, MIN, MAX };

static void write_column(struct ew_jw *w, const char *key, const struct grid *grid, enum column column)
{
    ew_jw_open_array(w, key);
    for (int i = 0; i < grid->count; i++) {
        const struct point *p = &grid->points[i];
        if (!p->any)
            ew_jw_null(w, NULL);
        else if (column == SUM)
            ew_jw_number(w, NULL, (double)p->sum_th / 1000);
        else if (column == MEAN) // to the thousandth that is stored
            ew_jw_number(w, NULL, round(p->weighted / (double)p->covered_s) / 1000);
        else
            ew_jw_number(w, NULL, (double)(column == MIN ? p->low_th : p->high_th) / 1000);
    }
    ew_jw_close_array(w);
}

static void write_series(const struct query_world *world, const struct query_series *query, bool counter,
                         const struct grid *grid, struct ew_buf *out)
{
    const char *unit = "";
    struct ew_jw w;
    (void)profile_quantity_known(query->quantity, &unit);
    ew_jw_init(&w, out);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "device", query->device);
    ew_jw_text(&w, "quantity", query->quantity);
    ew_jw_text(&w, "unit", unit);
    ew_jw_text(&w, "kind", counter ? "counter" : "gauge");
    ew_jw_rfc3339(&w, "from", grid->from_s * 1000);
    ew_jw_int(&w, "step_s", grid->step_s);
    ew_jw_int(&w, "count", grid->count);
    if (counter) {
        write_column(&w, "sum", grid, SUM);
    } else {
        write_column(&w, "mean", grid, MEAN);
        write_column(&w, "min", grid, MIN);
        write_column(&w, "max", grid, MAX);
    }
    ew_jw_open_array(&w, "flags");
    for (int i = 0; i < grid->count; i++) {
        const struct point *p = &grid->points[i];
        ew_jw_int(&w, NULL, p->flags | (p->any && p->covered_s < grid->step_s ? HISTORY_GAP : 0U));
    }
    ew_jw_close_array(&w);
    query_write_until(&w, world->sampler);
    ew_jw_close_object(&w);
}

enum ew_err query_series(const struct query_world *world, const struct query_series *query,
                         struct ew_buf *ret_json, struct ew_reason *reason)
{
    struct sampler_series series;
    if (!sampler_series_find(world->sampler, query->device, query->quantity, &series)) {
        ew_fail(reason, EW_E_UNKNOWN, "query.no_series", "/quantity",
                "nothing of this quantity is recorded of device %lld", (long long)query->device);
        ew_reason_param(reason, "device", "%lld", (long long)query->device);
        return EW_E_UNKNOWN;
    }
    struct shortest recorded = {0};
    struct grid grid = {0};
    // A day tells how finely it is recorded.
    int64_t last_s = sampler_last_s(world->sampler);
    int64_t end_s = query->to_s < last_s ? query->to_s : last_s;
    enum ew_err err = past_read(world->sampler, &series.id, 1, series.counter,
                                end_s - 86400 > query->from_s ? end_s - 86400 : query->from_s, end_s,
                                note_length, &recorded, reason);
    if (err != EW_OK)
        return err;
    make_grid(world, query, recorded.length_s, &grid);
    err = past_read(world->sampler, &series.id, 1, series.counter, grid.from_s,
                    grid.from_s + grid.count * grid.step_s, add_value, &grid, reason);
    if (err == EW_OK)
        write_series(world, query, series.counter, &grid, ret_json);
    free(grid.points);
    return err;
}
