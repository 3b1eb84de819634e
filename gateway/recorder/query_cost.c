// Costs of the rows of a table: what devices used at each tariff, given to where they belonged.
#include "recorder/query_priv.h"

#include <stdlib.h>

struct costing {
    const struct query_table *table;
    struct query_money *money; // [row][span]
};

static void add_part(void *user, const struct pricing_part *part)
{
    struct costing *c = user;
    const struct history_histogram *h = &c->table->histogram;
    enum site_service service;
    int64_t ids[EW_ZONES_PER_DEVICE_MAX];
    int span = history_span_at(h->spans, part->start_s);
    if (span < 0 || part->price_micro < 0)
        return;
    int count = history_histogram_ids(h, part->device, part->start_s, &service, ids);
    for (int i = 0; i < count; i++) {
        const struct history_row *row = history_histogram_row(h, service, ids[i]);
        if (!row)
            continue;
        struct query_money *cell = &c->money[(row - h->rows) * h->spans->count + span];
        cell->priced = true;
        tariff_cost(&cell->money, part->amount_milli, part->price_micro);
    }
}

enum ew_err query_table_price(const struct query_world *world, enum calendar_unit by,
                              struct query_table *table, struct ew_reason *reason)
{
    const struct history_spans *spans = &table->spans;
    struct costing c = {table, NULL};
    bool wanted[SITE_SERVICE_COUNT] = {false};
    table->money =
        calloc((size_t)table->histogram.row_count * (size_t)spans->count + 1, sizeof(*table->money));
    if (!table->money)
        abort();
    c.money = table->money;
    for (int i = 0; i < table->histogram.row_count; i++)
        wanted[table->histogram.rows[i].service] = true;
    enum ew_err err = EW_OK;
    for (int service = 0; service < SITE_SERVICE_COUNT && err == EW_OK; service++) {
        struct pricing_time time = {.service = (enum site_service)service,
                                    .device = table->ask.device == HISTORY_ANY ? 0 : table->ask.device,
                                    .start_s = spans->edge_s[0],
                                    .end_s = spans->edge_s[spans->count],
                                    .by = by};
        if (wanted[service])
            err = pricing_parts(world->pricing, &time, add_part, &c, reason);
    }
    return err;
}

static void write_money(struct ew_jw *w, const char *key, const struct query_money *cell, int digits)
{
    double unit = 1;
    for (int i = 0; i < digits; i++)
        unit *= 10;
    if (cell->priced)
        ew_jw_number(w, key, (double)tariff_round(&cell->money, digits) / unit);
    else
        ew_jw_null(w, key);
}

void query_write_costs(const struct query_world *world, struct ew_jw *w, const struct query_table *table,
                       const struct history_row *row)
{
    struct query_money sum = {.priced = false};
    int digits = pricing_digits(world->pricing);
    ew_jw_open_array(w, "costs");
    for (int i = 0; i < table->spans.count; i++) {
        static const struct query_money none = {.priced = false};
        const struct query_money *cell =
            row ? &table->money[(row - table->histogram.rows) * table->spans.count + i] : &none;
        sum.priced = sum.priced || cell->priced;
        tariff_money_add(&sum.money, &cell->money);
        write_money(w, NULL, cell, digits);
    }
    ew_jw_close_array(w);
    write_money(w, "cost", &sum, digits);
}
