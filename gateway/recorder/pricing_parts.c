// What was used, part by part: years, months and days out of the tables, what they can't tell step by step.
#include "recorder/past.h"
#include "recorder/pricing_priv.h"

#include <stdlib.h>

enum { RECENT_S = 2 * 86400, STARTS = 512 };

// A stretch of time that is read at once.
struct piece {
    enum calendar_unit unit; // CALENDAR_HOUR: step by step
    int64_t from_s, to_s;
};

struct parts {
    struct pricing *pricing;
    const struct pricing_time *time;
    pricing_part_fn *fn;
    void *user;
    int piece_count, piece_cap;
    struct piece *pieces;
    // Devices come to the same dates again and again: when they begin.
    struct start {
        int64_t key, at_s;
    } starts[STARTS];
    // Of what is read step by step:
    int64_t date, end_s; // the day
    int64_t last_s;
    int cursor;
    struct pricing_place place;
};

static void give(const struct parts *x, struct pricing_part *part, int64_t date)
{
    const struct site_tariff *its = part->tariff ? pricing_tariff_of(x->pricing, part->tariff) : NULL;
    part->price_micro = its ? tariff_price_at(its->prices, its->price_count, (int)date) : -1;
    x->fn(x->user, part);
}

// ---- Step by step ----------------------------------------------------------------------------------------

static void give_step(void *user, int64_t series, const struct history_value *value)
{
    struct parts *x = user;
    struct pricing *p = x->pricing;
    const struct tariff_plan *plan = &p->plans[x->time->service];
    int64_t shares_milli[TARIFF_PLACES] = {0}, end_s = value->start_s + value->length_s;
    enum site_service service;
    if (!value->has_value || !pricing_service_of(p, series, value->start_s, &x->place, &service) ||
        service != x->time->service)
        return;
    if (value->start_s < x->last_s) // the next series begins
        x->cursor = 0;
    x->last_s = value->start_s;
    tariff_share(p->segments[service], p->segment_count[service], &x->cursor, value->start_s,
                 end_s < x->end_s ? end_s : x->end_s, value->value_th, shares_milli);
    for (int i = 0; i < plan->tariff_count; i++) {
        struct pricing_part part = {.device = p->sums[series].device,
                                    .start_s = value->start_s,
                                    .tariff = plan->tariffs[i],
                                    .amount_milli = shares_milli[i],
                                    .flags = value->flags};
        if (i == 0 || shares_milli[i] > 0)
            give(x, &part, x->date);
    }
}

// Whether a series can be of the service at all; at what time its device's place tells.
static bool may_count(const struct parts *x, int64_t series, int64_t device)
{
    const struct pricing_sum *sum = &x->pricing->sums[series];
    enum history_measure measure = x->time->service == SITE_ELECTRICITY ? HISTORY_ENERGY : HISTORY_VOLUME;
    return sum->measure == measure && (!device || sum->device == device);
}

static enum ew_err read_day(struct parts *x, int64_t device, int64_t start_s, int64_t end_s,
                            struct ew_reason *reason)
{
    struct pricing *p = x->pricing;
    enum site_service service = x->time->service;
    int64_t *ids = calloc((size_t)p->sum_count + 1, sizeof(*ids));
    int count = 0;
    if (!ids)
        abort();
    for (int64_t id = 0; id < p->sum_count; id++)
        if (may_count(x, id, device))
            ids[count++] = id;
    x->date = pricing_date(calendar_local(&p->zone, start_s).date);
    x->end_s = end_s;
    x->last_s = INT64_MIN;
    (void)tariff_segments(&p->plans[service], &p->zone, start_s, end_s, p->segments[service],
                          PRICING_SEGMENTS_MAX, &p->segment_count[service]);
    enum ew_err err = past_read(p->sampler, ids, count, true, start_s, end_s, give_step, x, reason);
    free(ids);
    return err;
}

static enum ew_err read_steps(struct parts *x, int64_t device, int64_t start_s, int64_t end_s,
                              struct ew_reason *reason)
{
    int64_t last_s = sampler_last_s(x->pricing->sampler);
    enum ew_err err = EW_OK;
    while (start_s < end_s && start_s < last_s && err == EW_OK) {
        int64_t day_s, day_end_s;
        calendar_span(&x->pricing->zone, CALENDAR_DAY, start_s, &day_s, &day_end_s);
        err = read_day(x, device, start_s, day_end_s < end_s ? day_end_s : end_s, reason);
        start_s = day_end_s;
    }
    return err;
}

// ---- Which table tells it --------------------------------------------------------------------------------

// A price that begins inside a time: what was used before it and after it costs differently.
static bool price_changes(const struct parts *x, int64_t from_s, int64_t to_s)
{
    const struct pricing *p = x->pricing;
    int64_t from = pricing_date(calendar_local(&p->zone, from_s).date);
    int64_t to = pricing_date(calendar_local(&p->zone, to_s).date);
    for (int i = 0; i < p->tariff_count; i++)
        for (int k = 0; k < p->tariffs[i].price_count; k++)
            if (p->tariffs[i].prices[k].from_date > from && p->tariffs[i].prices[k].from_date < to)
                return true;
    return false;
}

// Where the tables of a unit end.
static int64_t end_of_table(const struct pricing *p, enum calendar_unit unit)
{
    const struct pricing_generation *g = &p->shown;
    int64_t date = g->until;
    if (unit != CALENDAR_DAY)
        date = unit == CALENDAR_MONTH ? g->summed * 100 + 1 : g->summed / 100 * 10000 + 101;
    return g->until == 0 || (unit != CALENDAR_DAY && g->summed == 0)
               ? INT64_MIN
               : calendar_date_start_s(&p->zone, pricing_date_split(date));
}

static bool is_one_row(const struct parts *x, int64_t device, enum calendar_unit unit, int64_t from_s,
                       int64_t to_s)
{
    int count;
    const struct history_member *members = sampler_members(x->pricing->sampler, &count);
    return to_s <= end_of_table(x->pricing, unit) &&
           !(device && history_member_moves(members, count, device, from_s, to_s)) &&
           (unit == CALENDAR_DAY || !price_changes(x, from_s, to_s));
}

static void add_piece(struct parts *x, enum calendar_unit unit, int64_t from_s, int64_t to_s)
{
    struct piece *last = x->piece_count ? &x->pieces[x->piece_count - 1] : NULL;
    if (last && last->unit == unit) {
        last->to_s = to_s;
        return;
    }
    if (x->piece_count == x->piece_cap) {
        x->piece_cap = x->piece_cap ? x->piece_cap * 2 : 16;
        x->pieces = realloc(x->pieces, (size_t)x->piece_cap * sizeof(*x->pieces));
        if (!x->pieces)
            abort();
    }
    x->pieces[x->piece_count++] = (struct piece){unit, from_s, to_s};
}

// Cuts a time into the longest spans that tables tell; device 0: one that stays in its place all the time.
static void cut(struct parts *x, int64_t device, int64_t from_s, int64_t to_s)
{
    x->piece_count = 0;
    while (from_s < to_s) {
        enum calendar_unit unit = x->time->by;
        int64_t start_s, end_s = to_s;
        for (; unit > CALENDAR_HOUR; unit--) {
            calendar_span(&x->pricing->zone, unit, from_s, &start_s, &end_s);
            if (start_s == from_s && end_s <= to_s && is_one_row(x, device, unit, start_s, end_s))
                break;
        }
        if (end_s > to_s)
            end_s = to_s;
        add_piece(x, unit, from_s, end_s); // step by step it ends with its day
        from_s = end_s;
    }
}

// ---- Out of the tables -----------------------------------------------------------------------------------

static int64_t start_of(struct parts *x, enum calendar_unit unit, int64_t key)
{
    int64_t date = unit == CALENDAR_DAY ? key : unit == CALENDAR_MONTH ? key * 100 + 1 : key * 10000 + 101;
    struct start *known = &x->starts[key % STARTS];
    if (known->key != key)
        *known = (struct start){key, calendar_date_start_s(&x->pricing->zone, pricing_date_split(date))};
    return known->at_s;
}

static int64_t key_at(const struct parts *x, enum calendar_unit unit, int64_t at_s)
{
    int64_t date = pricing_date(calendar_local(&x->pricing->zone, at_s).date);
    return unit == CALENDAR_DAY ? date : unit == CALENDAR_MONTH ? date / 100 : date / 10000;
}

static enum ew_err read_rows(struct parts *x, int64_t device, const struct piece *piece,
                             struct ew_reason *reason)
{
    struct pricing *p = x->pricing;
    sqlite3_stmt *q =
        piece->unit == CALENDAR_DAY
            ? store_statement(p->store,
                              "SELECT date, tariff, amount, flags FROM tariff_day WHERE generation = ?1 AND "
                              "device = ?2 AND date >= ?3 AND date < ?4 AND service = ?5 ORDER BY date")
            : store_statement(p->store,
                              "SELECT date, tariff, amount, flags FROM tariff_sum WHERE generation = ?1 AND "
                              "device = ?2 AND date >= ?3 AND date < ?4 AND service = ?5 ORDER BY date");
    const int64_t keys[] = {p->shown.generation, device, key_at(x, piece->unit, piece->from_s),
                            key_at(x, piece->unit, piece->to_s), x->time->service};
    for (int i = 0; i < 5; i++)
        sqlite3_bind_int64(q, i + 1, keys[i]);
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t key = sqlite3_column_int64(q, 0);
        struct pricing_part part = {.device = device,
                                    .start_s = start_of(x, piece->unit, key),
                                    .tariff = sqlite3_column_int64(q, 1),
                                    .amount_milli = sqlite3_column_int64(q, 2),
                                    .flags = (unsigned)sqlite3_column_int64(q, 3)};
        give(x, &part, piece->unit == CALENDAR_DAY ? key : key_at(x, CALENDAR_DAY, part.start_s));
    }
    sqlite3_reset(q);
    return code == SQLITE_DONE ? EW_OK : store_fail(p->store, reason);
}

static enum ew_err read_pieces(struct parts *x, int64_t device, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    for (int i = 0; i < x->piece_count && err == EW_OK; i++) {
        const struct piece *piece = &x->pieces[i];
        err = piece->unit == CALENDAR_HOUR ? read_steps(x, device, piece->from_s, piece->to_s, reason)
                                           : read_rows(x, device, piece, reason);
    }
    return err;
}

// Devices that stayed where they were share their cut; those that moved have one of their own.
static enum ew_err read_tables(struct parts *x, int64_t from_s, int64_t to_s, struct ew_reason *reason)
{
    const struct pricing *p = x->pricing;
    int count;
    const struct history_member *members = sampler_members(p->sampler, &count);
    enum ew_err err = EW_OK;
    bool own = true;
    for (int64_t id = 0; id < p->sum_count && err == EW_OK; id++) {
        int64_t device = p->sums[id].device;
        if (!may_count(x, id, x->time->device))
            continue;
        bool moves = history_member_moves(members, count, device, from_s, to_s);
        if (moves || own)
            cut(x, moves ? device : 0, from_s, to_s);
        own = moves;
        err = read_pieces(x, device, reason);
    }
    return err;
}

enum ew_err pricing_parts(struct pricing *p, const struct pricing_time *time, pricing_part_fn *fn, void *user,
                          struct ew_reason *reason)
{
    struct parts x = {.pricing = p, .time = time, .fn = fn, .user = user, .place = {.series = -1}};
    int64_t from_s = time->start_s, last_s = sampler_last_s(p->sampler);
    enum ew_err err = pricing_learn_series(p, reason);
    if (time->by != CALENDAR_HOUR) {
        // Before the first rebuild is through, only what is young is read step by step.
        int64_t whole_s = end_of_table(p, CALENDAR_DAY);
        if (whole_s == INT64_MIN)
            from_s = from_s > last_s - RECENT_S ? from_s : last_s - RECENT_S;
        else if (whole_s > from_s)
            from_s = whole_s < time->end_s ? whole_s : time->end_s;
        if (err == EW_OK && whole_s != INT64_MIN && time->start_s < from_s)
            err = read_tables(&x, time->start_s, from_s, reason);
    }
    if (err == EW_OK)
        err = read_steps(&x, time->device, from_s, time->end_s, reason);
    free(x.pieces);
    return err;
}
