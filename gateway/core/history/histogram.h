// Amounts by time and by where they belong: the table behind every consumption page. The shell reads rows of
// history, this puts them where they go. Pure; memory is the caller's.
#ifndef EDGEWATT_CORE_HISTORY_HISTOGRAM_H
#define EDGEWATT_CORE_HISTORY_HISTOGRAM_H

#include "base/arena.h"
#include "core/calendar/calendar.h"
#include "core/history/member.h"

enum { HISTORY_SPANS_MAX = 800 }; // a month by hour is 745

// Spans that follow each other: span i is [edge_s[i], edge_s[i + 1]).
struct history_spans {
    int count;
    int64_t edge_s[HISTORY_SPANS_MAX + 1];
};
// `count` hours, days, months or years from the start of the date's unit (hours: of the date).
void history_spans_make(const struct calendar_zone *zone, enum calendar_unit unit, struct calendar_date from,
                        int count, struct history_spans *ret);
// The same number of spans before these.
void history_spans_before(const struct calendar_zone *zone, enum calendar_unit unit,
                          const struct history_spans *spans, struct history_spans *ret);
// The span that holds at_s; -1 = none.
int history_span_at(const struct history_spans *spans, int64_t at_s);

enum history_group {
    HISTORY_BY_CIRCUIT,
    HISTORY_BY_ZONE,
    HISTORY_BY_PANEL,
    HISTORY_BY_DEVICE,
    HISTORY_BY_SERVICE
};

enum { HISTORY_ANY = -1 };

struct history_ask {
    enum history_group group;
    int service;                          // enum site_service, HISTORY_ANY
    int64_t circuit, zone, panel, device; // HISTORY_ANY, or only what belongs there (0: to none)
};

struct history_cell {
    int64_t value_th;
    unsigned flags; // enum history_flag
    bool known;     // something was recorded
};

struct history_row {
    int64_t id;
    enum site_service service;
    struct history_cell *cells; // one a span
};

struct history_histogram {
    struct ew_arena *arena;
    const struct history_spans *spans;
    const struct history_ask *ask;
    const struct history_member *members;
    int member_count;
    int64_t until_s; // nothing is recorded from here on
    struct history_row *rows;
    int row_count, row_max, row_hint;
    struct history_track { // what of a device's time was recorded
        int64_t device;
        int *covered_s; // one a span; -1 = nothing
    } * tracks;
    int track_count, track_max, track_hint;
    bool full; // the memory did not suffice
};

// Bytes of arena that `rows` rows and `devices` devices over `spans` spans take.
size_t history_histogram_memory(int spans, int rows, int devices);
// Fails (full) at the first row or device beyond these.
void history_histogram_init(struct history_histogram *h, struct ew_arena *arena, int rows, int devices,
                            const struct history_spans *spans, const struct history_ask *ask,
                            const struct history_member *members, int member_count, int64_t until_s);

struct history_amount {
    int64_t device;
    enum history_measure measure; // HISTORY_OTHER: asked for by name
    int64_t start_s, length_s;    // lies in one span, and in one place of the device
    bool has_value;
    int64_t value_th;
    unsigned flags;
};
// What is outside the spans, or not asked for, is left out.
void history_histogram_add(struct history_histogram *h, const struct history_amount *amount);
// Marks gaps (a device's time that is not recorded, between times that are) and sorts the rows by service and
// id.
void history_histogram_finish(struct history_histogram *h);
// The ids of the rows to which a device belongs at a time; 0 = none is asked for. *ret_service: of the rows.
int history_histogram_ids(const struct history_histogram *h, int64_t device, int64_t at_s,
                          enum site_service *ret_service, int64_t ret_ids[EW_ZONES_PER_DEVICE_MAX]);
// The row of an id; NULL when it has none.
const struct history_row *history_histogram_row(const struct history_histogram *h, enum site_service service,
                                                int64_t id);

#endif
