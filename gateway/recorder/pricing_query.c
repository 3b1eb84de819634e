// recorder/tariffs: days out of the tables, what is running out of hours and samples, prices of the date.
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

static void add(struct pricing *p, int64_t tariff, int64_t date, int64_t amount_milli, int span)
{
    struct pricing_figure *figure = figure_of(&p->answer, tariff, span);
    const struct site_tariff *its = tariff ? pricing_tariff_of(p, tariff) : NULL;
    int64_t price_micro = its ? tariff_price_at(its->prices, its->price_count, (int)date) : -1;
    figure->any = true;
    figure->amount_milli += amount_milli;
    if (price_micro >= 0)
        tariff_cost(&figure->money, amount_milli, price_micro);
    else
        figure->unpriced_milli += amount_milli;
}

// Whole days, from the tables.
static enum ew_err add_days(struct pricing *p, const struct pricing_query *query, int64_t from_date,
                            int64_t to_date, int span, struct ew_reason *reason)
{
    sqlite3_stmt *q =
        query->device
            ? store_statement(p->store,
                              "SELECT date, tariff, amount, flags FROM tariff_day WHERE generation = ?1 AND "
                              "date >= ?2 AND date < ?3 AND service = ?4 AND device = ?5")
            : store_statement(p->store,
                              "SELECT date, tariff, amount, flags FROM tariff_total WHERE generation = ?1 "
                              "AND date >= ?2 AND date < ?3 AND service = ?4");
    sqlite3_bind_int64(q, 1, p->shown.generation);
    sqlite3_bind_int64(q, 2, from_date);
    sqlite3_bind_int64(q, 3, to_date);
    sqlite3_bind_int64(q, 4, query->service);
    if (query->device)
        sqlite3_bind_int64(q, 5, query->device);
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        add(p, sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 2), span);
        p->answer.flags[span] |= (unsigned)sqlite3_column_int64(q, 3);
    }
    sqlite3_reset(q);
    return code == SQLITE_DONE ? EW_OK : store_fail(p->store, reason);
}

// At most a day, from hours and samples.
static enum ew_err add_scan(struct pricing *p, const struct pricing_query *query, int64_t start_s,
                            int64_t end_s, int span, struct ew_reason *reason)
{
    if (start_s >= end_s)
        return EW_OK;
    enum ew_err err = pricing_scan(p, start_s, end_s, reason);
    int64_t date = pricing_date(calendar_local(&p->zone, start_s).date);
    const struct tariff_plan *plan = &p->plans[query->service];
    for (int64_t id = 0; id < p->sum_count && err == EW_OK; id++) {
        const struct pricing_sum *sum = &p->sums[id];
        int64_t circuit;
        bool excluded = false;
        if (!sum->any || sum->service != query->service || (query->device && sum->device != query->device))
            continue;
        if (!query->device)
            (void)sampler_member_at(p->sampler, sum->device, end_s - 1, &circuit, &excluded);
        if (excluded)
            continue;
        for (int i = 0; i < plan->tariff_count; i++)
            if (i == 0 || sum->amounts_milli[i] > 0)
                add(p, plan->tariffs[i], date, sum->amounts_milli[i], span);
        p->answer.flags[span] |= sum->flags;
    }
    return err;
}

// ---- By hour: a day is read once, each part goes to its hour --------------------------------------------

struct hours {
    struct pricing *pricing;
    const struct pricing_query *query;
};

static int hour_of(const struct hours *h, int64_t at_s)
{
    const struct pricing_answer *a = &h->pricing->answer;
    int low = 0, high = h->query->spans - 1;
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
    struct hours *h = user;
    int64_t circuit;
    bool excluded = false;
    int span = hour_of(h, part->start_s);
    if (!h->query->device)
        (void)sampler_member_at(h->pricing->sampler, part->device, part->start_s, &circuit, &excluded);
    if (span < 0 || excluded)
        return;
    add(h->pricing, part->tariff, part->date, part->amount_milli, span);
    h->pricing->answer.flags[span] |= part->flags;
}

static enum ew_err add_hours(struct pricing *p, const struct pricing_query *query, struct ew_reason *reason)
{
    struct hours h = {p, query};
    struct pricing_time time = {query->service, query->device, p->answer.start_s[0],
                                p->answer.end_s[query->spans - 1]};
    return pricing_parts(p, &time, true, add_part, &h, reason);
}

// Days that the tables do not hold yet: the running one, and the one before for a moment after midnight.
static enum ew_err add_running(struct pricing *p, const struct pricing_query *query, int64_t start_s,
                               int64_t end_s, int span, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    int64_t last_s = sampler_last_s(p->sampler);
    while (start_s < end_s && start_s < last_s && err == EW_OK) {
        int64_t day_s, day_end_s;
        calendar_span(&p->zone, CALENDAR_DAY, start_s, &day_s, &day_end_s);
        err = add_scan(p, query, start_s, day_end_s < end_s ? day_end_s : end_s, span, reason);
        start_s = day_end_s;
    }
    return err;
}

static enum ew_err fill_span(struct pricing *p, const struct pricing_query *query, int span,
                             struct ew_reason *reason)
{
    int64_t start_s = p->answer.start_s[span], end_s = p->answer.end_s[span];
    int64_t from_date = pricing_date(calendar_local(&p->zone, start_s).date);
    int64_t to_date = pricing_date(calendar_local(&p->zone, end_s).date), until = p->shown.until;
    if (until == 0) // nothing was made yet: the first rebuild is under way, or history is a day old
        return add_running(p, query, end_s - start_s > 2 * 86400LL ? end_s - 86400 : start_s, end_s, span,
                           reason);
    enum ew_err err = add_days(p, query, from_date, to_date < until ? to_date : until, span, reason);
    if (err == EW_OK && until < to_date) {
        int64_t whole_s = until ? calendar_date_start_s(&p->zone, pricing_date_split(until)) : start_s;
        err = add_running(p, query, whole_s > start_s ? whole_s : start_s, end_s, span, reason);
    }
    return err;
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
    enum ew_err err = EW_OK;
    for (int i = 0; i < query->spans && err == EW_OK; i++) {
        calendar_span(&p->zone, query->by, at_s, &a->start_s[i], &a->end_s[i]);
        at_s = a->end_s[i];
        if (query->by != CALENDAR_HOUR)
            err = fill_span(p, query, i, reason);
    }
    if (query->by == CALENDAR_HOUR)
        err = add_hours(p, query, reason);
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
