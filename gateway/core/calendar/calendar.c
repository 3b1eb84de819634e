#include "core/calendar/calendar.h"

#include "base/civil.h"
#include <assert.h>

enum { HOUR_S = 3600, DAY_S = 86400 };

int64_t calendar_days(struct calendar_date date)
{
    return ew_civil_days((struct ew_civil){date.year, date.month, date.day});
}

struct calendar_date calendar_from_days(int64_t days)
{
    struct ew_civil date = ew_civil_from_days(days);
    return (struct calendar_date){date.year, date.month, date.day};
}

// Index of the transition in force at at_s.
static int transition_at(const struct calendar_zone *zone, int64_t at_s)
{
    assert(zone->count >= 1);
    int low = 0, high = zone->count - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (zone->transitions[middle].at_s <= at_s)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

int32_t calendar_offset_s(const struct calendar_zone *zone, int64_t at_s)
{
    return zone->transitions[transition_at(zone, at_s)].offset_s;
}

int64_t calendar_offset_end_s(const struct calendar_zone *zone, int64_t at_s)
{
    int i = transition_at(zone, at_s) + 1;
    return i < zone->count ? zone->transitions[i].at_s : INT64_MAX;
}

struct calendar_local calendar_local(const struct calendar_zone *zone, int64_t at_s)
{
    struct calendar_local local = {.offset_s = calendar_offset_s(zone, at_s)};
    int64_t days = ew_floor_div(at_s + local.offset_s, DAY_S);
    int second = (int)(at_s + local.offset_s - days * DAY_S);
    local.date = calendar_from_days(days);
    local.hour = second / HOUR_S;
    local.minute = second / 60 % 60;
    local.second = second % 60;
    local.weekday = (int)(days + 3 - 7 * ew_floor_div(days + 3, 7)); // 1970-01-01 was a Thursday
    return local;
}

int64_t calendar_date_start_s(const struct calendar_zone *zone, struct calendar_date date)
{
    int64_t local_midnight_s = calendar_days(date) * DAY_S;
    // The first instant whose local time is at or after midnight: try each offset around, earliest first.
    int first = transition_at(zone, local_midnight_s - 2LL * DAY_S);
    for (int i = first; i < zone->count; i++) {
        int64_t start_s = local_midnight_s - zone->transitions[i].offset_s;
        if (start_s < zone->transitions[i].at_s)
            start_s = zone->transitions[i].at_s; // midnight was skipped by this transition
        bool last = i + 1 == zone->count;
        if (last || start_s < zone->transitions[i + 1].at_s)
            return start_s;
    }
    return local_midnight_s - zone->transitions[zone->count - 1].offset_s;
}

static int month_length(int year, int month)
{
    struct calendar_date first = {year, month, 1}, next = {year, month + 1, 1};
    return (int)(calendar_days(next) - calendar_days(first));
}

struct calendar_date calendar_add(struct calendar_date date, enum calendar_unit unit, int count)
{
    assert(unit != CALENDAR_HOUR);
    if (unit == CALENDAR_DAY) {
        date.day += count;
        return calendar_from_days(calendar_days(date));
    }
    int64_t months =
        (int64_t)date.year * 12 + date.month - 1 + (int64_t)count * (unit == CALENDAR_YEAR ? 12 : 1);
    date.year = (int)ew_floor_div(months, 12);
    date.month = (int)(months - (int64_t)date.year * 12) + 1;
    int length = month_length(date.year, date.month);
    if (date.day > length)
        date.day = length;
    return date;
}

// Hours follow the wall clock's marks under the offset in force, and a transition begins a new one.
static void hour_span(const struct calendar_zone *zone, int64_t at_s, int64_t *ret_start_s,
                      int64_t *ret_end_s)
{
    int i = transition_at(zone, at_s);
    int32_t offset_s = zone->transitions[i].offset_s;
    *ret_start_s = ew_floor_div(at_s + offset_s, HOUR_S) * HOUR_S - offset_s;
    *ret_end_s = *ret_start_s + HOUR_S;
    if (i > 0 && *ret_start_s < zone->transitions[i].at_s)
        *ret_start_s = zone->transitions[i].at_s;
    if (i + 1 < zone->count && *ret_end_s > zone->transitions[i + 1].at_s)
        *ret_end_s = zone->transitions[i + 1].at_s;
}

void calendar_span(const struct calendar_zone *zone, enum calendar_unit unit, int64_t at_s,
                   int64_t *ret_start_s, int64_t *ret_end_s)
{
    if (unit == CALENDAR_HOUR) {
        hour_span(zone, at_s, ret_start_s, ret_end_s);
        return;
    }
    struct calendar_date start = calendar_local(zone, at_s).date;
    if (unit != CALENDAR_DAY)
        start.day = 1;
    if (unit == CALENDAR_YEAR)
        start.month = 1;
    // Where clocks go back over midnight the date of at_s may come twice; its span holds both parts.
    *ret_start_s = calendar_date_start_s(zone, start);
    *ret_end_s = calendar_date_start_s(zone, calendar_add(start, unit, 1));
    if (at_s >= *ret_end_s) {
        start = calendar_add(start, unit, 1);
        *ret_start_s = *ret_end_s;
        *ret_end_s = calendar_date_start_s(zone, calendar_add(start, unit, 1));
    }
}

bool calendar_date_parse(const char *text, struct calendar_date *ret)
{
    static const int digits[] = {4, 2, 2};
    int fields[3] = {0, 0, 0};
    for (int f = 0; f < 3; f++) {
        for (int i = 0; i < digits[f]; i++, text++) {
            if (*text < '0' || *text > '9')
                return false;
            fields[f] = fields[f] * 10 + (*text - '0');
        }
        if (f < 2 && *text++ != '-')
            return false;
    }
    struct calendar_date date = {fields[0], fields[1], fields[2]};
    struct calendar_date real = calendar_from_days(calendar_days(date));
    if (*text || date.year < 1990 || real.month != date.month || real.day != date.day)
        return false;
    *ret = date;
    return true;
}
