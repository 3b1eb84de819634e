// Shared by the questions: a histogram with its memory, and how its parts are written.
#ifndef EDGEWATT_RECORDER_QUERY_PRIV_H
#define EDGEWATT_RECORDER_QUERY_PRIV_H

#include "recorder/query.h"

struct query_money {
    struct tariff_money money;
    bool priced; // something of it has a price
};

struct query_table {
    struct history_spans spans;
    struct history_ask ask;
    struct history_histogram histogram;
    struct ew_arena arena;
    struct query_money *money; // [row][span]; NULL = not asked for
};
// Fills table->histogram for table->spans and table->ask. query_table_done frees, also after a failure.
enum ew_err query_table_fill(const struct query_world *world, enum calendar_unit by, const char *quantity,
                             struct query_table *table, struct ew_reason *reason) EW_MUST_CHECK;
void query_table_done(struct query_table *table);

// Reads by, from and spans.
void query_read_period(struct ew_json *o, enum calendar_unit *ret_by, struct calendar_date *ret_from,
                       int *ret_spans);
const char *query_unit_name(enum calendar_unit unit); // "hour"

void query_write_spans(struct ew_jw *w, const char *key, const struct history_spans *spans);
void query_write_until(struct ew_jw *w, const struct sampler *sampler);
// values, flags and total of a row; factor turns its unit into the one that is shown. row NULL: nothing.
void query_write_values(struct ew_jw *w, const struct history_row *row, int spans, double factor);
void query_write_flags(struct ew_jw *w, const struct history_row *row, int spans);
void query_write_total(struct ew_jw *w, const struct history_row *row, int spans, double factor);
// Costs of every row of a filled table, then costs and cost of one; row NULL: nothing.
enum ew_err query_table_price(const struct query_world *world, enum calendar_unit by,
                              struct query_table *table, struct ew_reason *reason) EW_MUST_CHECK;
void query_write_costs(const struct query_world *world, struct ew_jw *w, const struct query_table *table,
                       const struct history_row *row);

#endif
