// recorder/history: every histogram of the consumption pages.
#include "recorder/query_priv.h"

#include "core/profile/profile.h"
#include <assert.h>
#include <string.h>

static const char *const groups[] = {"circuit", "zone", "panel", "device", "service", NULL};
static const char *const services[] = {"electricity", "gas", "water", NULL};

// ---- Arguments -------------------------------------------------------------------------------------------

static void read_quantity(struct ew_json *o, struct query_history *ret)
{
    const char *unit;
    ew_json_text(o, "quantity", EW_OPTIONAL, 1, sizeof(ret->quantity), ret->quantity);
    if (o->err != EW_OK || !ret->quantity[0])
        return;
    if (!profile_quantity_known(ret->quantity, &unit) || !profile_unit_counts(unit))
        ew_json_fail(o, "quantity", "query.no_counter", "is not a quantity that is counted");
    else if (ret->ask.group != HISTORY_BY_DEVICE || ret->ask.device == HISTORY_ANY)
        ew_json_fail(o, "quantity", "query.quantity_device", "can be asked of a device only");
}

static void check_together(struct ew_json *o, const struct query_history *ret, bool has_service)
{
    if (o->err != EW_OK)
        return;
    if (ret->ask.group == HISTORY_BY_SERVICE && has_service)
        ew_json_fail(o, "service", "query.service_group", "is not asked for where services are compared");
    else if (ret->cost && ret->quantity[0])
        ew_json_fail(o, "cost", "query.cost_quantity", "a single quantity has no cost");
}

enum ew_err query_history_read(const cJSON *args, struct query_history *ret, struct ew_reason *reason)
{
    int group = 0, service = SITE_ELECTRICITY;
    struct ew_json o;
    *ret = (struct query_history){
        .ask = {HISTORY_BY_CIRCUIT, HISTORY_ANY, HISTORY_ANY, HISTORY_ANY, HISTORY_ANY, HISTORY_ANY}};
    ew_json_open(&o, args, "", reason);
    query_read_period(&o, &ret->by, &ret->from, &ret->spans);
    ew_json_enum(&o, "group", EW_OPTIONAL, groups, &group);
    bool has_service = ew_json_has(&o, "service");
    ew_json_enum(&o, "service", EW_OPTIONAL, services, &service);
    ew_json_int(&o, "circuit", EW_OPTIONAL, 0, SITE_ID_MAX, &ret->ask.circuit);
    ew_json_int(&o, "zone", EW_OPTIONAL, 0, SITE_ID_MAX, &ret->ask.zone);
    ew_json_int(&o, "panel", EW_OPTIONAL, 0, SITE_ID_MAX, &ret->ask.panel);
    ew_json_int(&o, "device", EW_OPTIONAL, 1, SITE_ID_MAX, &ret->ask.device);
    ew_json_bool(&o, "equivalent", EW_OPTIONAL, &ret->equivalent);
    ew_json_bool(&o, "previous", EW_OPTIONAL, &ret->previous);
    ew_json_bool(&o, "cost", EW_OPTIONAL, &ret->cost);
    ret->ask.group = (enum history_group)group;
    // A device has its own service; services side by side are all of them.
    if (group != HISTORY_BY_SERVICE && (has_service || ret->ask.device == HISTORY_ANY))
        ret->ask.service = service;
    read_quantity(&o, ret);
    check_together(&o, ret, has_service);
    return ew_json_close(&o);
}

// ---- The answer ------------------------------------------------------------------------------------------

struct writing {
    const struct query_world *world;
    const struct query_history *query;
    struct query_table *now, *before; // before NULL: not asked for
    struct ew_jw *w;
};

static double factor_of(const struct writing *x, enum site_service service)
{
    // 1 dm3 is a thousandth of a m3, 1 kWh is 1000 Wh: the factor is the same number.
    return x->query->equivalent && service == SITE_GAS ? x->world->gas_kwh_per_m3 : 1;
}

static const char *unit_of(const struct writing *x, enum site_service service)
{
    const char *unit = "Wh";
    if (x->query->quantity[0])
        (void)profile_quantity_known(x->query->quantity, &unit);
    else if (service != SITE_ELECTRICITY && !(x->query->equivalent && service == SITE_GAS))
        unit = "dm3";
    return unit;
}

static void write_figures(const struct writing *x, const struct query_table *table,
                          const struct history_row *row, enum site_service service)
{
    double factor = factor_of(x, service);
    query_write_values(x->w, row, x->query->spans, factor);
    query_write_flags(x->w, row, x->query->spans);
    query_write_total(x->w, row, x->query->spans, factor);
    if (x->query->cost)
        query_write_costs(x->world, x->w, table, row);
}

static void write_row(const struct writing *x, enum site_service service, int64_t id)
{
    ew_jw_open_object(x->w, NULL);
    ew_jw_int(x->w, "id", id);
    ew_jw_text(x->w, "service", services[service]);
    ew_jw_text(x->w, "unit", unit_of(x, service));
    write_figures(x, x->now, history_histogram_row(&x->now->histogram, service, id), service);
    if (x->before) {
        ew_jw_open_object(x->w, "previous");
        write_figures(x, x->before, history_histogram_row(&x->before->histogram, service, id), service);
        ew_jw_close_object(x->w);
    }
    ew_jw_close_object(x->w);
}

static bool row_before(const struct history_row *a, const struct history_row *b)
{
    return a->service != b->service ? a->service < b->service : a->id < b->id;
}

// Both tables are sorted: their rows are gone through side by side.
static void write_rows(const struct writing *x)
{
    const struct history_histogram *now = &x->now->histogram;
    const struct history_histogram *before = x->before ? &x->before->histogram : NULL;
    int i = 0, k = 0, before_count = before ? before->row_count : 0;
    ew_jw_open_array(x->w, "rows");
    while (i < now->row_count || k < before_count) {
        const struct history_row *a = i < now->row_count ? &now->rows[i] : NULL;
        const struct history_row *b = k < before_count ? &before->rows[k] : NULL;
        const struct history_row *first = b && (!a || row_before(b, a)) ? b : a;
        assert(first); // the loop goes on while there is one
        i += a && !row_before(first, a);
        k += b && !row_before(first, b);
        write_row(x, first->service, first->id);
    }
    ew_jw_close_array(x->w);
}

static void write_answer(const struct writing *x)
{
    const struct query_history *query = x->query;
    ew_jw_open_object(x->w, NULL);
    ew_jw_text(x->w, "by", query_unit_name(query->by));
    ew_jw_text(x->w, "group", groups[query->ask.group]);
    if (query->ask.service != HISTORY_ANY)
        ew_jw_text(x->w, "service", services[query->ask.service]);
    query_write_spans(x->w, "spans", &x->now->spans);
    if (x->before)
        query_write_spans(x->w, "previous", &x->before->spans);
    write_rows(x);
    if (query->cost)
        ew_jw_text(x->w, "currency", pricing_currency(x->world->pricing));
    ew_jw_bool(x->w, "equivalent", query->equivalent);
    if (query->equivalent)
        ew_jw_number(x->w, "kwh_per_m3", x->world->gas_kwh_per_m3);
    query_write_until(x->w, x->world->sampler);
    ew_jw_close_object(x->w);
}

enum ew_err query_history(const struct query_world *world, const struct query_history *query,
                          struct ew_buf *ret_json, struct ew_reason *reason)
{
    const char *quantity = query->quantity[0] ? query->quantity : NULL;
    struct query_table now = {.ask = query->ask}, before = {.ask = query->ask};
    if (query->equivalent && world->gas_kwh_per_m3 <= 0)
        return ew_fail(reason, EW_E_INVALID, "query.no_gas_factor", "/equivalent",
                       "the site has no conversion from m3 of gas to kWh");
    history_spans_make(world->zone, query->by, query->from, query->spans, &now.spans);
    history_spans_before(world->zone, query->by, &now.spans, &before.spans);
    enum ew_err err = query_table_fill(world, query->by, quantity, &now, reason);
    if (err == EW_OK && query->previous)
        err = query_table_fill(world, query->by, quantity, &before, reason);
    if (err == EW_OK && query->cost)
        err = query_table_price(world, query->by, &now, reason);
    if (err == EW_OK && query->cost && query->previous)
        err = query_table_price(world, query->by, &before, reason);
    struct ew_jw w;
    ew_jw_init(&w, ret_json);
    struct writing x = {world, query, &now, query->previous ? &before : NULL, &w};
    if (err == EW_OK)
        write_answer(&x);
    query_table_done(&now);
    query_table_done(&before);
    return err;
}
