#include "recorder/fill.h"

#include "core/history/counter.h"
#include "recorder/past.h"
#include <stdlib.h>
#include <string.h>

struct moved { // a piece in which a device moved: to be read from what is finer
    int place; // in `ids`
    int64_t start_s, end_s;
};

struct filling {
    struct store *store;
    const struct sampler *sampler;
    const struct calendar_zone *zone;
    enum calendar_unit unit;
    struct history_histogram *histogram;
    int count; // of the series that are asked for, by rising id
    int64_t *ids, *devices;
    enum history_measure *measures;
    struct moved *moved;
    int moved_count, moved_cap;
};

// ---- Which series ----------------------------------------------------------------------------------------

static bool is_asked(const struct history_ask *ask, const char *quantity, const struct sampler_series *series)
{
    if (!series->counter || (ask->device != HISTORY_ANY && ask->device != series->device))
        return false;
    if (quantity)
        return strcmp(quantity, series->quantity) == 0;
    if (ask->service != HISTORY_ANY)
        return strcmp(series->quantity, history_service_quantity((enum site_service)ask->service)) == 0;
    return history_measure_of(series->quantity) != HISTORY_OTHER;
}

static void find_series(struct filling *f, const char *quantity)
{
    struct sampler_series series;
    int total = 0;
    while (sampler_series_at(f->sampler, total, &series))
        total++;
    f->ids = calloc((size_t)total + 1, sizeof(*f->ids));
    f->devices = calloc((size_t)total + 1, sizeof(*f->devices));
    f->measures = calloc((size_t)total + 1, sizeof(*f->measures));
    if (!f->ids || !f->devices || !f->measures)
        abort();
    for (int i = 0; i < total; i++)
        if (sampler_series_at(f->sampler, i, &series) && is_asked(f->histogram->ask, quantity, &series)) {
            f->measures[f->count] = quantity ? HISTORY_OTHER : history_measure_of(series.quantity);
            f->ids[f->count] = series.id;
            f->devices[f->count++] = series.device;
        }
}

static int place_of(const struct filling *f, int64_t series)
{
    int low = 0, high = f->count - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        if (f->ids[middle] == series)
            return middle;
        if (f->ids[middle] < series)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return -1;
}

// ---- Steps -----------------------------------------------------------------------------------------------

static void add_step(void *user, int64_t series, const struct history_value *value)
{
    struct filling *f = user;
    int place = place_of(f, series);
    if (place < 0)
        return;
    struct history_amount amount = {f->devices[place], f->measures[place], value->start_s, value->length_s,
                                    value->has_value,  value->value_th,    value->flags};
    history_histogram_add(f->histogram, &amount);
}

static enum ew_err add_steps(struct filling *f, int64_t from_s, int64_t to_s, struct ew_reason *reason)
{
    return past_read(f->sampler, f->ids, f->count, true, from_s, to_s, add_step, f, reason);
}

// ---- Days and months -------------------------------------------------------------------------------------

static int64_t day_key(struct calendar_date date)
{
    return (int64_t)date.year * 10000 + date.month * 100LL + date.day;
}

static struct calendar_date date_of_key(int64_t key)
{
    return (struct calendar_date){(int)(key / 10000), (int)(key / 100 % 100), (int)(key % 100)};
}

static void note_moved(struct filling *f, int place, int64_t start_s, int64_t end_s)
{
    if (f->moved_count == f->moved_cap) {
        f->moved_cap = f->moved_cap ? f->moved_cap * 2 : 16;
        f->moved = realloc(f->moved, (size_t)f->moved_cap * sizeof(*f->moved));
        if (!f->moved)
            abort();
    }
    f->moved[f->moved_count++] = (struct moved){place, start_s, end_s};
}

struct piece {
    int64_t key, start_s, end_s;
};

// The rows of a day or month come in a run: its bounds are worked out once.
static void note_piece(const struct filling *f, bool months, int64_t key, struct piece *piece)
{
    if (piece->key == key)
        return;
    struct calendar_date date = date_of_key(months ? key * 100 + 1 : key);
    enum calendar_unit unit = months ? CALENDAR_MONTH : CALENDAR_DAY;
    *piece = (struct piece){key, calendar_date_start_s(f->zone, date),
                            calendar_date_start_s(f->zone, calendar_add(date, unit, 1))};
}

static void add_row(struct filling *f, sqlite3_stmt *q, int place, const struct piece *piece)
{
    const struct history_histogram *h = f->histogram;
    if (history_member_moves(h->members, h->member_count, f->devices[place], piece->start_s, piece->end_s)) {
        note_moved(f, place, piece->start_s, piece->end_s);
        return;
    }
    struct history_amount amount = {.device = f->devices[place],
                                    .measure = f->measures[place],
                                    .start_s = piece->start_s,
                                    .length_s = piece->end_s - piece->start_s,
                                    .has_value = true,
                                    .value_th = sqlite3_column_int64(q, 2),
                                    .flags = (unsigned)sqlite3_column_int64(q, 3)};
    history_histogram_add(f->histogram, &amount);
}

// Rows of keys [from, to]; only: the place of one series, -1 = all that are asked for.
static enum ew_err add_rows(struct filling *f, bool months, int64_t from, int64_t to, int only,
                            struct ew_reason *reason)
{
    sqlite3_stmt *q =
        months
            ? store_statement(f->store, "SELECT date, series, value, flags FROM month WHERE date BETWEEN ? "
                                        "AND ? ORDER BY date, series")
            : store_statement(f->store, "SELECT date, series, value, flags FROM day WHERE date BETWEEN ? "
                                        "AND ? ORDER BY date, series");
    sqlite3_bind_int64(q, 1, from);
    sqlite3_bind_int64(q, 2, to);
    struct piece piece = {.key = -1};
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        int place = place_of(f, sqlite3_column_int64(q, 1));
        if (place < 0 || (only >= 0 && place != only))
            continue;
        note_piece(f, months, sqlite3_column_int64(q, 0), &piece);
        add_row(f, q, place, &piece);
    }
    sqlite3_reset(q);
    return code == SQLITE_DONE ? EW_OK : store_fail(f->store, reason);
}

// ---- A time ----------------------------------------------------------------------------------------------

static int64_t ceil_to(const struct calendar_zone *zone, enum calendar_unit unit, int64_t at_s)
{
    int64_t start_s, end_s;
    calendar_span(zone, unit, at_s, &start_s, &end_s);
    return start_s == at_s ? at_s : end_s;
}

static int64_t floor_to(const struct calendar_zone *zone, enum calendar_unit unit, int64_t at_s)
{
    int64_t start_s, end_s;
    calendar_span(zone, unit, at_s, &start_s, &end_s);
    return start_s;
}

static int64_t key_at(const struct filling *f, bool months, int64_t at_s)
{
    int64_t key = day_key(calendar_local(f->zone, at_s).date);
    return months ? key / 100 : key;
}

// Whole days in [from, to) that are over come from `day`, the rest from steps.
static enum ew_err add_days(struct filling *f, int64_t from_s, int64_t to_s, int only,
                            struct ew_reason *reason)
{
    int64_t rolled_s = sampler_rolled_s(f->sampler);
    if (rolled_s == INT64_MIN) // nothing yet
        return add_steps(f, from_s, to_s, reason);
    int64_t first_s = ceil_to(f->zone, CALENDAR_DAY, from_s);
    int64_t last_s = floor_to(f->zone, CALENDAR_DAY, to_s < rolled_s ? to_s : rolled_s);
    if (f->unit == CALENDAR_HOUR || first_s >= last_s)
        return add_steps(f, from_s, to_s, reason);
    enum ew_err err = add_steps(f, from_s, first_s, reason);
    if (err == EW_OK)
        err = add_rows(f, false, key_at(f, false, first_s), key_at(f, false, last_s - 1), only, reason);
    return err == EW_OK ? add_steps(f, last_s, to_s, reason) : err;
}

static enum ew_err add_time(struct filling *f, int64_t from_s, int64_t to_s, struct ew_reason *reason)
{
    int64_t rolled_s = sampler_rolled_s(f->sampler);
    if (f->unit == CALENDAR_HOUR || f->unit == CALENDAR_DAY || rolled_s == INT64_MIN)
        return add_days(f, from_s, to_s, -1, reason);
    int64_t first_s = ceil_to(f->zone, CALENDAR_MONTH, from_s);
    int64_t last_s = floor_to(f->zone, CALENDAR_MONTH, to_s < rolled_s ? to_s : rolled_s);
    if (first_s >= last_s)
        return add_days(f, from_s, to_s, -1, reason);
    enum ew_err err = first_s > from_s ? add_days(f, from_s, first_s, -1, reason) : EW_OK;
    if (err == EW_OK)
        err = add_rows(f, true, key_at(f, true, first_s), key_at(f, true, last_s - 1), -1, reason);
    return err == EW_OK && to_s > last_s ? add_days(f, last_s, to_s, -1, reason) : err;
}

// Pieces in which a device moved: of a month its days, of a day its steps.
static enum ew_err add_moved(struct filling *f, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    for (int i = 0; i < f->moved_count && err == EW_OK; i++) { // days add to the list
        struct moved m = f->moved[i];
        if (m.end_s - m.start_s > 2 * 86400)
            err = add_days(f, m.start_s, m.end_s, m.place, reason);
        else
            err = past_read(f->sampler, &f->ids[m.place], 1, true, m.start_s, m.end_s, add_step, f, reason);
    }
    return err;
}

enum ew_err fill_histogram(struct store *store, const struct sampler *sampler,
                           const struct calendar_zone *zone, enum calendar_unit unit, const char *quantity,
                           struct history_histogram *histogram, struct ew_reason *reason)
{
    const struct history_spans *spans = histogram->spans;
    struct filling f = {
        .store = store, .sampler = sampler, .zone = zone, .unit = unit, .histogram = histogram};
    find_series(&f, quantity);
    enum ew_err err = add_time(&f, spans->edge_s[0], spans->edge_s[spans->count], reason);
    if (err == EW_OK)
        err = add_moved(&f, reason);
    free(f.ids);
    free(f.devices);
    free(f.measures);
    free(f.moved);
    if (err == EW_OK)
        history_histogram_finish(histogram);
    return err;
}
