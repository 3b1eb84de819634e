#include "core/history/histogram.h"

#include "core/history/counter.h"
#include <stddef.h>
#include <string.h>

// ---- Spans -----------------------------------------------------------------------------------------------

static struct calendar_date unit_start(enum calendar_unit unit, struct calendar_date date)
{
    if (unit == CALENDAR_MONTH || unit == CALENDAR_YEAR)
        date.day = 1;
    if (unit == CALENDAR_YEAR)
        date.month = 1;
    return date;
}

void history_spans_make(const struct calendar_zone *zone, enum calendar_unit unit, struct calendar_date from,
                        int count, struct history_spans *ret)
{
    int64_t start_s, end_s, at_s = calendar_date_start_s(zone, unit_start(unit, from));
    ret->count = count;
    ret->edge_s[0] = at_s;
    for (int i = 0; i < count; i++) {
        calendar_span(zone, unit, at_s, &start_s, &end_s);
        ret->edge_s[i + 1] = at_s = end_s;
    }
}

void history_spans_before(const struct calendar_zone *zone, enum calendar_unit unit,
                          const struct history_spans *spans, struct history_spans *ret)
{
    ret->count = spans->count;
    ret->edge_s[spans->count] = spans->edge_s[0];
    int64_t start_s, end_s;
    // Days by hour: yesterday has its own number of hours, so it begins where its date does.
    if (unit == CALENDAR_HOUR) {
        int64_t length_s = spans->edge_s[spans->count] - spans->edge_s[0];
        int days = (int)((length_s + 43200) / 86400);
        struct calendar_date date = calendar_local(zone, spans->edge_s[0]).date;
        history_spans_make(zone, unit, calendar_add(date, CALENDAR_DAY, days ? -days : -1), spans->count,
                           ret);
        return;
    }
    for (int i = spans->count - 1; i >= 0; i--) {
        calendar_span(zone, unit, ret->edge_s[i + 1] - 1, &start_s, &end_s);
        ret->edge_s[i] = start_s;
    }
}

int history_span_at(const struct history_spans *spans, int64_t at_s)
{
    if (spans->count == 0 || at_s < spans->edge_s[0] || at_s >= spans->edge_s[spans->count])
        return -1;
    int low = 0, high = spans->count - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (spans->edge_s[middle] <= at_s)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

// ---- The table -------------------------------------------------------------------------------------------

size_t history_histogram_memory(int spans, int rows, int devices)
{
    size_t row = sizeof(struct history_row) + (size_t)spans * sizeof(struct history_cell);
    size_t track = sizeof(struct history_track) + (size_t)spans * sizeof(int);
    return ((size_t)rows + 1) * (row + 32) + ((size_t)devices + 1) * (track + 32);
}

void history_histogram_init(struct history_histogram *h, struct ew_arena *arena, int rows, int devices,
                            const struct history_spans *spans, const struct history_ask *ask,
                            const struct history_member *members, int member_count, int64_t until_s)
{
    *h = (struct history_histogram){.arena = arena,
                                    .spans = spans,
                                    .ask = ask,
                                    .members = members,
                                    .member_count = member_count,
                                    .until_s = until_s,
                                    .row_max = rows,
                                    .track_max = devices};
    h->rows = ew_arena_take(arena, (size_t)rows + 1, sizeof(*h->rows));
    h->tracks = ew_arena_take(arena, (size_t)devices + 1, sizeof(*h->tracks));
    h->full = !h->rows || !h->tracks;
}

static struct history_row *row_of(struct history_histogram *h, enum site_service service, int64_t id)
{
    // Amounts come in runs of one device, and devices in the same order again and again.
    for (int n = 0; n < h->row_count; n++) {
        int i = (h->row_hint + n) % h->row_count;
        if (h->rows[i].id == id && h->rows[i].service == service) {
            h->row_hint = i;
            return &h->rows[i];
        }
    }
    if (h->row_count == h->row_max) {
        h->full = true;
        return NULL;
    }
    struct history_cell *cells = ew_arena_take(h->arena, (size_t)h->spans->count, sizeof(*cells));
    if (!cells) {
        h->full = true;
        return NULL;
    }
    h->rows[h->row_count] = (struct history_row){id, service, cells};
    return &h->rows[h->row_count++];
}

static struct history_track *track_of(struct history_histogram *h, int64_t device)
{
    for (int n = 0; n < h->track_count; n++) {
        int i = (h->track_hint + n) % h->track_count;
        if (h->tracks[i].device == device) {
            h->track_hint = i;
            return &h->tracks[i];
        }
    }
    int *covered_s =
        h->track_count < h->track_max ? ew_arena_take(h->arena, (size_t)h->spans->count, sizeof(int)) : NULL;
    if (!covered_s) {
        h->full = true;
        return NULL;
    }
    for (int i = 0; i < h->spans->count; i++)
        covered_s[i] = -1;
    h->tracks[h->track_count] = (struct history_track){device, covered_s};
    return &h->tracks[h->track_count++];
}

static bool in_zone(const struct history_place *place, int64_t zone)
{
    for (int i = 0; i < place->zone_count; i++)
        if (place->zones[i] == zone)
            return true;
    return zone == 0 && place->zone_count == 0;
}

static bool wanted(const struct history_ask *ask, int64_t device, const struct history_place *place)
{
    if (ask->device != HISTORY_ANY)
        return device == ask->device; // its details, excluded from totals or not
    return !place->excluded &&
           (ask->service == HISTORY_ANY || place->service == (enum site_service)ask->service) &&
           (ask->circuit == HISTORY_ANY || place->circuit == ask->circuit) &&
           (ask->panel == HISTORY_ANY || place->panel == ask->panel) &&
           (ask->zone == HISTORY_ANY || in_zone(place, ask->zone));
}

// The ids of the rows that a place belongs to; a device in several zones counts in each.
static int ids_of(const struct history_ask *ask, int64_t device, const struct history_place *place,
                  int64_t ret[EW_ZONES_PER_DEVICE_MAX])
{
    ret[0] = 0;
    switch (ask->group) {
    case HISTORY_BY_CIRCUIT:
        ret[0] = place->circuit;
        return 1;
    case HISTORY_BY_PANEL:
        ret[0] = place->panel;
        return 1;
    case HISTORY_BY_DEVICE:
        ret[0] = device;
        return 1;
    case HISTORY_BY_SERVICE:
        return 1;
    case HISTORY_BY_ZONE:
        break;
    }
    if (ask->zone != HISTORY_ANY) {
        ret[0] = ask->zone;
        return 1;
    }
    for (int i = 0; i < place->zone_count; i++)
        ret[i] = place->zones[i];
    return place->zone_count ? place->zone_count : 1;
}

static const struct history_place *place_at(const struct history_histogram *h, int64_t device, int64_t at_s)
{
    int64_t until_s;
    return history_place_at(h->members, h->member_count, device, at_s, &until_s);
}

static void add_to(struct history_cell *cell, const struct history_amount *amount)
{
    cell->flags |= amount->flags;
    if (!amount->has_value)
        return;
    cell->known = true;
    cell->value_th += amount->value_th;
}

void history_histogram_add(struct history_histogram *h, const struct history_amount *amount)
{
    int span = history_span_at(h->spans, amount->start_s);
    if (span < 0 || h->full)
        return;
    const struct history_place *place = place_at(h, amount->device, amount->start_s);
    if (!wanted(h->ask, amount->device, place) ||
        (amount->measure != HISTORY_OTHER && !history_place_counts(place, amount->measure)))
        return;
    struct history_track *track = track_of(h, amount->device);
    if (!track)
        return;
    if (track->covered_s[span] < 0)
        track->covered_s[span] = 0;
    if (amount->has_value && !(amount->flags & HISTORY_GAP))
        track->covered_s[span] += (int)amount->length_s;
    int64_t ids[EW_ZONES_PER_DEVICE_MAX];
    int count = ids_of(h->ask, amount->device, place, ids);
    for (int i = 0; i < count; i++) {
        struct history_row *row = row_of(h, place->service, ids[i]);
        if (row)
            add_to(&row->cells[span], amount);
    }
}

int history_histogram_ids(const struct history_histogram *h, int64_t device, int64_t at_s,
                          enum site_service *ret_service, int64_t ret_ids[EW_ZONES_PER_DEVICE_MAX])
{
    const struct history_place *place = place_at(h, device, at_s);
    *ret_service = place->service;
    return wanted(h->ask, device, place) ? ids_of(h->ask, device, place, ret_ids) : 0;
}

static void mark_gap(struct history_histogram *h, const struct history_track *track, int span)
{
    enum site_service service;
    int64_t ids[EW_ZONES_PER_DEVICE_MAX];
    int count = history_histogram_ids(h, track->device, h->spans->edge_s[span], &service, ids);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < h->row_count; k++)
            if (h->rows[k].id == ids[i] && h->rows[k].service == service)
                h->rows[k].cells[span].flags |= HISTORY_GAP;
}

static void mark_gaps(struct history_histogram *h, const struct history_track *track)
{
    int first = 0, last = h->spans->count - 1;
    while (first <= last && track->covered_s[first] < 0)
        first++;
    while (last > first && track->covered_s[last] < 0)
        last--;
    for (int i = first; i <= last && i < h->spans->count; i++) {
        int64_t end_s = h->spans->edge_s[i + 1];
        if (end_s > h->until_s)
            end_s = h->until_s;
        if (track->covered_s[i] < end_s - h->spans->edge_s[i])
            mark_gap(h, track, i);
    }
}

static bool before(const struct history_row *a, const struct history_row *b)
{
    return a->service != b->service ? a->service < b->service : a->id < b->id;
}

void history_histogram_finish(struct history_histogram *h)
{
    for (int i = 0; i < h->track_count; i++)
        mark_gaps(h, &h->tracks[i]);
    for (int i = 1; i < h->row_count; i++) {
        struct history_row row = h->rows[i];
        int k = i;
        for (; k > 0 && before(&row, &h->rows[k - 1]); k--)
            h->rows[k] = h->rows[k - 1];
        h->rows[k] = row;
    }
}

const struct history_row *history_histogram_row(const struct history_histogram *h, enum site_service service,
                                                int64_t id)
{
    for (int i = 0; i < h->row_count; i++)
        if (h->rows[i].id == id && h->rows[i].service == service)
            return &h->rows[i];
    return NULL;
}
