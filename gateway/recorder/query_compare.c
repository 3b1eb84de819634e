// recorder/compare: two devices beside each other (VIEW-04).
#include "recorder/query_priv.h"

enum ew_err query_compare_read(const cJSON *args, struct query_compare *ret, struct ew_reason *reason)
{
    struct ew_json o;
    *ret = (struct query_compare){.spans = 0};
    ew_json_open(&o, args, "", reason);
    query_read_period(&o, &ret->by, &ret->from, &ret->spans);
    ew_json_bool(&o, "equivalent", EW_OPTIONAL, &ret->equivalent);
    const cJSON *list = ew_json_array(&o, "devices", EW_REQUIRED, 2);
    int count = 0;
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next, count++)
        if (!cJSON_IsNumber(item) || !(item->valuedouble >= 1 && item->valuedouble <= SITE_ID_MAX) ||
            item->valuedouble != (double)(int64_t)item->valuedouble)
            ew_json_fail(&o, "devices", "json.range", "must be ids of devices");
        else
            ret->devices[count] = (int64_t)item->valuedouble;
    if (o.err == EW_OK && (count != 2 || ret->devices[0] == ret->devices[1]))
        ew_json_fail(&o, "devices", "query.two_devices", "must be two different devices");
    return ew_json_close(&o);
}

// By the place the device had at the end of the time; later changes of its model don't matter.
static enum ew_err service_of(const struct query_world *world, int64_t device, int64_t at_s,
                              enum site_service *ret, struct ew_reason *reason)
{
    int count;
    const struct history_member *members = sampler_members(world->sampler, &count);
    int at = history_member_at(members, count, device, at_s);
    if (at < 0) {
        ew_fail(reason, EW_E_UNKNOWN, "query.no_device", "/devices", "history knows no device %lld",
                (long long)device);
        ew_reason_param(reason, "device", "%lld", (long long)device);
        return EW_E_UNKNOWN;
    }
    *ret = members[at].place.service;
    return EW_OK;
}

static enum ew_err check_units(const struct query_world *world, const struct query_compare *query,
                               const enum site_service services[2], struct ew_reason *reason)
{
    if (!query->equivalent)
        return EW_OK;
    if (services[0] != SITE_GAS || services[1] != SITE_GAS)
        return ew_fail(reason, EW_E_INVALID, "query.compare_equivalent", "/equivalent",
                       "equivalent Wh of gas are compared with each other only");
    if (world->gas_kwh_per_m3 <= 0)
        return ew_fail(reason, EW_E_INVALID, "query.no_gas_factor", "/equivalent",
                       "the site has no conversion from m3 of gas to kWh");
    return EW_OK;
}

struct comparing {
    const struct query_world *world;
    const struct query_compare *query;
    struct history_spans spans;
    enum site_service services[2];
    bool only_cost;
};

static enum ew_err write_device(const struct comparing *c, int which, struct ew_jw *w,
                                struct ew_reason *reason)
{
    const struct query_compare *query = c->query;
    double factor = query->equivalent ? c->world->gas_kwh_per_m3 : 1;
    struct query_table table = {.spans = c->spans,
                                .ask = {HISTORY_BY_DEVICE, HISTORY_ANY, HISTORY_ANY, HISTORY_ANY, HISTORY_ANY,
                                        query->devices[which]}};
    enum ew_err err = query_table_fill(c->world, query->by, NULL, &table, reason);
    const struct history_row *row = NULL;
    if (err == EW_OK)
        row = history_histogram_row(&table.histogram, c->services[which], query->devices[which]);
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "device", query->devices[which]);
    ew_jw_text(w, "service", history_service_name(c->services[which]));
    if (c->only_cost)
        ew_jw_null(w, "values");
    else
        query_write_values(w, row, query->spans, factor);
    query_write_flags(w, row, query->spans);
    if (c->only_cost)
        ew_jw_null(w, "total");
    else
        query_write_total(w, row, query->spans, factor);
    if (err == EW_OK)
        err = query_table_price(c->world, query->by, &table, reason);
    if (err == EW_OK)
        query_write_costs(c->world, w, &table, row);
    ew_jw_close_object(w);
    query_table_done(&table);
    return err;
}

enum ew_err query_compare(const struct query_world *world, const struct query_compare *query,
                          struct ew_buf *ret_json, struct ew_reason *reason)
{
    struct comparing c = {.world = world, .query = query};
    history_spans_make(world->zone, query->by, query->from, query->spans, &c.spans);
    enum ew_err err = EW_OK;
    for (int i = 0; i < 2 && err == EW_OK; i++)
        err = service_of(world, query->devices[i], c.spans.edge_s[query->spans] - 1, &c.services[i], reason);
    if (err == EW_OK)
        err = check_units(world, query, c.services, reason);
    if (err != EW_OK)
        return err;
    c.only_cost = c.services[0] != c.services[1];
    struct ew_jw w;
    ew_jw_init(&w, ret_json);
    ew_jw_open_object(&w, NULL);
    ew_jw_text(&w, "by", query_unit_name(query->by));
    query_write_spans(&w, "spans", &c.spans);
    if (c.only_cost)
        ew_jw_null(&w, "unit");
    else
        ew_jw_text(&w, "unit", c.services[0] == SITE_ELECTRICITY || query->equivalent ? "Wh" : "dm3");
    ew_jw_bool(&w, "equivalent", query->equivalent);
    ew_jw_bool(&w, "only_cost", c.only_cost);
    ew_jw_text(&w, "currency", pricing_currency(world->pricing));
    ew_jw_open_array(&w, "rows");
    for (int i = 0; i < 2 && err == EW_OK; i++)
        err = write_device(&c, i, &w, reason);
    ew_jw_close_array(&w);
    query_write_until(&w, world->sampler);
    ew_jw_close_object(&w);
    return err;
}
