// Local time from a table of offset transitions: hours, days, months and years of a site, 23- and 25-hour
// days included. The table is made by the shell (gateway/service/zone.h); nothing here knows a zone's rules.
// Pure.
//
// Times are Unix seconds, UTC. A local hour is an hour of the wall clock that lasts 3600 s of real time: in
// autumn the hour that comes twice gives two hours, told apart by their offset; in spring one is missing.
#ifndef EDGEWATT_CORE_CALENDAR_CALENDAR_H
#define EDGEWATT_CORE_CALENDAR_CALENDAR_H

#include "base/err.h"
#include <stdint.h>

enum { CALENDAR_TRANSITIONS_MAX = 512 };

struct calendar_zone {
    int count; // >= 1; transitions[0].at_s = INT64_MIN: the offset before all others
    struct calendar_transition {
        int64_t at_s;     // from this second on ...
        int32_t offset_s; // ... local = UTC + offset_s
    } transitions[CALENDAR_TRANSITIONS_MAX];
};

struct calendar_date {
    int year;
    int month; // 1..12
    int day;   // 1..31
};

struct calendar_local {
    struct calendar_date date;
    int hour, minute, second;
    int weekday; // 0 = Monday .. 6 = Sunday
    int32_t offset_s;
};

enum calendar_unit { CALENDAR_HOUR, CALENDAR_DAY, CALENDAR_MONTH, CALENDAR_YEAR };

int32_t calendar_offset_s(const struct calendar_zone *zone, int64_t at_s);
// The second from which on that offset no longer holds; INT64_MAX = for ever.
int64_t calendar_offset_end_s(const struct calendar_zone *zone, int64_t at_s);
struct calendar_local calendar_local(const struct calendar_zone *zone, int64_t at_s);

// The first second of a local date: 00:00, or the first instant of the date where 00:00 is skipped.
// Dates outside their range are carried over (month 13 = January, day 0 = the last of the month before).
int64_t calendar_date_start_s(const struct calendar_zone *zone, struct calendar_date date);

// The unit that holds at_s: *ret_start_s <= at_s < *ret_end_s.
void calendar_span(const struct calendar_zone *zone, enum calendar_unit unit, int64_t at_s,
                   int64_t *ret_start_s, int64_t *ret_end_s);

// The date `count` days, months or years later (the day is cut to the month's length). unit HOUR is not
// allowed.
struct calendar_date calendar_add(struct calendar_date date, enum calendar_unit unit, int count);

// Proleptic Gregorian: days since 1970-01-01, and back; any year within +-200 000.
int64_t calendar_days(struct calendar_date date);
struct calendar_date calendar_from_days(int64_t days);

// A real date of 1990 or later, as "2026-03-01"; false for anything else.
bool calendar_date_parse(const char *text, struct calendar_date *ret);

#endif
