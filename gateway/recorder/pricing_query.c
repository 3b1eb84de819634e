// recorder/tariffs: what was used, by time and tariff, at the prices of the date.
#include "recorder/pricing_priv.h"

#include <stdlib.h>
#include <string.h>

enum ew_err pricing_query_read(const cJSON *args, struct pricing_query *ret, struct ew_reason *reason)
{
    static const char *const units[] = {"hour", "day", "month", "year", NULL};
    static const char *const services[] = {"electricity", "gas", "water", NULL};
    *ret = (struct pricing_query){0};
    char from[16] = "";
    int by = 0, service = 0;
    int64_t spans = 0;
    struct ew_json o;
    ew_json_open(&o, args, "", reason);
    ew_json_enum(&o, "by", EW_REQUIRED, units, &by);
    ew_json_enum(&o, "service", EW_OPTIONAL, services, &service);
    ew_json_text(&o, "from", EW_REQUIRED, 10, sizeof(from), from);
    ew_json_int(&o, "spans", EW_REQUIRED, 1, by == CALENDAR_HOUR ? 50 : PRICING_SPANS_MAX, &spans);
    ew_json_int(&o, "device", EW_OPTIONAL, 1, INT32_MAX, &ret->device);
    if (o.err == EW_OK && !calendar_date_parse(from, &ret->from))
        ew_json_fail(&o, "from", "json.date", "must be a date as 2026-03-01");
    ret->by = (enum calendar_unit)by;
    ret->service = (enum site_service)service;
    ret->spans = (int)spans;
    return ew_json_close(&o);
}

// ---- Figures ---------------------------------------------------------------------------------------------

static struct pricing_figure *figure_of(struct pricing_answer *a, int64_t tariff, int span)
{
    int at = 0;
    while (at < a->row_count && a->rows[at].tariff != tariff)
        at++;
    if (at == (int)(sizeof(a->rows) / sizeof(a->rows[0])))
        at = 0; // cannot be: two generations have at most that many tariffs
    else if (at == a->row_count)
        a->rows[a->row_count++].tariff = tariff;
    return &a->rows[at].figures[span];
}

struct asked {
    struct pricing *pricing;
    const struct pricing_query *query;
};

static int span_of(const struct asked *x, int64_t at_s)
{
    const struct pricing_answer *a = &x->pricing->answer;
    int low = 0, high = x->query->spans - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (a->start_s[middle] <= at_s)
            low = middle;
        else
            high = middle - 1;
    }
    return a->start_s[low] <= at_s && at_s < a->end_s[low] ? low : -1;
}

static void add_part(void *user, const struct pricing_part *part)
{
    struct asked *x = user;
    struct pricing *p = x->pricing;
    int span = span_of(x, part->start_s);
    int64_t until_s;
    if (span < 0 ||
        (!x->query->device && sampler_place_at(p->sampler, part->device, part->start_s, &until_s)->excluded))
        return;
    struct pricing_figure *figure = figure_of(&p->answer, part->tariff, span);
    figure->any = true;
    figure->amount_milli += part->amount_milli;
    if (part->price_micro >= 0)
        tariff_cost(&figure->money, part->amount_milli, part->price_micro);
    else
        figure->unpriced_milli += part->amount_milli;
    p->answer.flags[span] |= part->flags;
}

static int by_tariff(const void *a, const void *b)
{
    const struct pricing_row *one = a, *other = b;
    return (one->tariff > other->tariff) - (one->tariff < other->tariff);
}

enum ew_err pricing_ask(struct pricing *p, const struct pricing_query *query,
                        const struct pricing_answer **ret, struct ew_reason *reason)
{
    struct pricing_answer *a = &p->answer;
    memset(a, 0, sizeof(*a));
    struct calendar_date date = query->from;
    if (query->by == CALENDAR_MONTH || query->by == CALENDAR_YEAR)
        date.day = 1;
    if (query->by == CALENDAR_YEAR)
        date.month = 1;
    int64_t at_s = calendar_date_start_s(&p->zone, date);
    for (int i = 0; i < query->spans; i++) {
        calendar_span(&p->zone, query->by, at_s, &a->start_s[i], &a->end_s[i]);
        at_s = a->end_s[i];
    }
    struct asked x = {p, query};
    struct pricing_time time = {query->service, query->device, a->start_s[0], at_s, query->by};
    enum ew_err err = pricing_parts(p, &time, add_part, &x, reason);
    qsort(a->rows, (size_t)a->row_count, sizeof(a->rows[0]), by_tariff);
    *ret = a;
    return err;
}

// ---- The answer ------------------------------------------------------------------------------------------

static void write_money(struct ew_jw *w, const char *key, const struct tariff_money *money, int digits)
{
    double unit = 1;
    for (int i = 0; i < digits; i++)
        unit *= 10;
    ew_jw_number(w, key, (double)tariff_round(money, digits) / unit);
}

static void write_figure(struct ew_jw *w, const struct pricing_figure *figure, int digits)
{
    ew_jw_number(w, "total", (double)figure->amount_milli / 1000);
    ew_jw_number(w, "unpriced", (double)figure->unpriced_milli / 1000);
    write_money(w, "cost", &figure->money, digits);
}

static void add_figure(struct pricing_figure *sum, const struct pricing_figure *figure)
{
    sum->amount_milli += figure->amount_milli;
    sum->unpriced_milli += figure->unpriced_milli;
    tariff_money_add(&sum->money, &figure->money);
}

static void write_row(struct ew_jw *w, const struct pricing_row *row, const struct pricing_query *query,
                      int digits, struct pricing_figure *grand)
{
    struct pricing_figure sum = {0};
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "tariff", row->tariff);
    ew_jw_open_array(w, "values");
    for (int i = 0; i < query->spans; i++) {
        add_figure(&sum, &row->figures[i]);
        if (row->figures[i].any)
            ew_jw_number(w, NULL, (double)row->figures[i].amount_milli / 1000);
        else
            ew_jw_null(w, NULL);
    }
    ew_jw_close_array(w);
    ew_jw_open_array(w, "costs");
    for (int i = 0; i < query->spans; i++)
        if (row->figures[i].any && row->figures[i].unpriced_milli < row->figures[i].amount_milli)
            write_money(w, NULL, &row->figures[i].money, digits);
        else
            ew_jw_null(w, NULL);
    ew_jw_close_array(w);
    write_figure(w, &sum, digits);
    ew_jw_close_object(w);
    add_figure(grand, &sum);
}

static void write_spans(struct ew_jw *w, const struct pricing_answer *a, int spans)
{
    ew_jw_open_array(w, "spans");
    for (int i = 0; i < spans; i++) {
        ew_jw_open_object(w, NULL);
        ew_jw_rfc3339(w, "start", a->start_s[i] * 1000);
        ew_jw_rfc3339(w, "end", a->end_s[i] * 1000);
        ew_jw_close_object(w);
    }
    ew_jw_close_array(w);
    ew_jw_open_array(w, "flags");
    for (int i = 0; i < spans; i++)
        ew_jw_int(w, NULL, a->flags[i]);
    ew_jw_close_array(w);
}

enum ew_err pricing_answer(struct pricing *p, const struct pricing_query *query, struct ew_buf *ret_json,
                           struct ew_reason *reason)
{
    static const char *const units[] = {"hour", "day", "month", "year"};
    static const char *const services[] = {"electricity", "gas", "water"};
    const struct pricing_answer *a;
    enum ew_err err = pricing_ask(p, query, &a, reason);
    if (err != EW_OK)
        return err;
    struct pricing_figure grand = {0};
    struct ew_jw w;
    ew_jw_init(&w, ret_json);
    ew_jw_open_object(&w, NULL);
    ew_jw_text(&w, "by", units[query->by]);
    ew_jw_text(&w, "service", services[query->service]);
    if (query->device)
        ew_jw_int(&w, "device", query->device);
    ew_jw_text(&w, "unit", query->service == SITE_ELECTRICITY ? "Wh" : "dm3");
    ew_jw_text(&w, "currency", p->currency);
    write_spans(&w, a, query->spans);
    ew_jw_open_array(&w, "tariffs");
    for (int i = 0; i < a->row_count; i++)
        write_row(&w, &a->rows[i], query, pricing_digits(p), &grand);
    ew_jw_close_array(&w);
    write_figure(&w, &grand, pricing_digits(p));
    ew_jw_bool(&w, "rebuilding", pricing_behind(p));
    if (sampler_last_s(p->sampler) > 0)
        ew_jw_rfc3339(&w, "until", sampler_last_s(p->sampler) * 1000);
    else
        ew_jw_null(&w, "until");
    ew_jw_close_object(&w);
    return EW_OK;
}

// ---- The year --------------------------------------------------------------------------------------------

enum ew_err pricing_calendar(struct pricing *p, const cJSON *args, int64_t now_s, struct ew_buf *ret_json,
                             struct ew_reason *reason)
{
    static const char *const services[] = {"electricity", "gas", "water", NULL};
    struct ew_json o;
    int service = 0;
    int64_t year = 0;
    ew_json_open(&o, args, "", reason);
    ew_json_enum(&o, "service", EW_REQUIRED, services, &service);
    ew_json_int(&o, "year", EW_REQUIRED, 1990, 2099, &year);
    enum ew_err err = ew_json_close(&o);
    if (err != EW_OK)
        return err;
    pricing_plan(p); // rules may have come a moment ago
    const struct tariff_plan *plan = &p->plans[service];
    int64_t at_s = calendar_date_start_s(&p->zone, (struct calendar_date){(int)year, 1, 1});
    int64_t end_s = calendar_date_start_s(&p->zone, (struct calendar_date){(int)year + 1, 1, 1});
    struct ew_jw w;
    ew_jw_init(&w, ret_json);
    ew_jw_open_object(&w, NULL);
    ew_jw_open_array(&w, "segments");
    while (at_s < end_s) {
        struct tariff_segment segment = tariff_next(plan, &p->zone, at_s, end_s);
        ew_jw_open_object(&w, NULL);
        ew_jw_rfc3339(&w, "start", segment.start_s * 1000);
        ew_jw_int(&w, "tariff", plan->tariffs[segment.place]);
        ew_jw_close_object(&w);
        at_s = segment.end_s;
    }
    ew_jw_close_array(&w);
    ew_jw_rfc3339(&w, "end", end_s * 1000);
    int rule = tariff_rule_at(plan, &p->zone, now_s), seen = 0;
    int64_t id = 0;
    for (int i = 0; i < p->rule_count && rule >= 0;
         i++) // plans hold a service's rules in the order of the list
        if ((int)p->rules[i].service == service && seen++ == rule)
            id = p->rules[i].id;
    if (id)
        ew_jw_int(&w, "rule", id);
    else
        ew_jw_null(&w, "rule");
    ew_jw_close_object(&w);
    return EW_OK;
}
