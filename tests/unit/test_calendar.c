// Local hours, days, months over changes of the clock.
#include "check.h"

#include "base/rfc3339.h"
#include "core/calendar/calendar.h"
#include "service/zone.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t utc_s(const char *text)
{
    int64_t ms;
    assert_int_equal(ew_rfc3339_parse(text, &ms), EW_OK);
    return ms / 1000;
}

static struct calendar_zone zone_of(const char *tz)
{
    struct calendar_zone zone;
    struct ew_reason reason;
    assert_int_equal(ew_zone_load(tz, &zone, &reason), EW_OK);
    return zone;
}

static void spans_follow_the_wall_clock(void **state)
{
    (void)state;
    static const struct {
        const char *tz;
        enum calendar_unit unit;
        const char *at, *start, *end;
    } cases[] = {
        {"Europe/Paris", CALENDAR_HOUR, "2026-01-01T00:30:00Z", "2026-01-01T00:00:00Z",
         "2026-01-01T01:00:00Z"},
        {"Europe/Paris", CALENDAR_DAY, "2026-01-01T22:59:59Z", "2025-12-31T23:00:00Z",
         "2026-01-01T23:00:00Z"},
        {"Europe/Paris", CALENDAR_DAY, "2026-01-01T23:00:00Z", "2026-01-01T23:00:00Z",
         "2026-01-02T23:00:00Z"},
        // spring: 23 hours; 01:59:59 local is followed by 03:00:00
        {"Europe/Paris", CALENDAR_DAY, "2026-03-29T10:00:00Z", "2026-03-28T23:00:00Z",
         "2026-03-29T22:00:00Z"},
        {"Europe/Paris", CALENDAR_HOUR, "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z",
         "2026-03-29T02:00:00Z"},
        // autumn: 25 hours; the hour 02 comes twice
        {"Europe/Paris", CALENDAR_DAY, "2026-10-25T10:00:00Z", "2026-10-24T22:00:00Z",
         "2026-10-25T23:00:00Z"},
        {"Europe/Paris", CALENDAR_HOUR, "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z",
         "2026-10-25T01:00:00Z"},
        {"Europe/Paris", CALENDAR_HOUR, "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z",
         "2026-10-25T02:00:00Z"},
        {"Europe/Paris", CALENDAR_MONTH, "2026-03-15T00:00:00Z", "2026-02-28T23:00:00Z",
         "2026-03-31T22:00:00Z"},
        {"Europe/Paris", CALENDAR_YEAR, "2026-03-15T00:00:00Z", "2025-12-31T23:00:00Z",
         "2026-12-31T23:00:00Z"},
        {"Europe/Paris", CALENDAR_MONTH, "2028-02-29T12:00:00Z", "2028-01-31T23:00:00Z",
         "2028-02-29T23:00:00Z"},
        {"Asia/Kolkata", CALENDAR_HOUR, "2026-01-01T00:10:00Z", "2025-12-31T23:30:00Z",
         "2026-01-01T00:30:00Z"},
        // half an hour of summer time: the hour that the change cuts is 30 minutes long
        {"Australia/Lord_Howe", CALENDAR_HOUR, "2026-04-04T15:10:00Z", "2026-04-04T15:00:00Z",
         "2026-04-04T15:30:00Z"},
        {"Australia/Lord_Howe", CALENDAR_DAY, "2026-04-04T20:00:00Z", "2026-04-04T13:00:00Z",
         "2026-04-05T13:30:00Z"},
        // midnight itself is skipped: the day begins at 01:00
        {"America/Asuncion", CALENDAR_DAY, "2022-10-02T12:00:00Z", "2022-10-02T04:00:00Z",
         "2022-10-03T03:00:00Z"},
        // clocks go back from 01:00 to 00:00: the day begins at the first of the two midnights
        {"America/Havana", CALENDAR_DAY, "2026-11-01T05:30:00Z", "2026-11-01T04:00:00Z",
         "2026-11-02T05:00:00Z"},
        // a whole day does not exist (30 December 2011)
        {"Pacific/Apia", CALENDAR_DAY, "2011-12-30T09:00:00Z", "2011-12-29T10:00:00Z",
         "2011-12-30T10:00:00Z"},
        {"Pacific/Apia", CALENDAR_DAY, "2011-12-30T11:00:00Z", "2011-12-30T10:00:00Z",
         "2011-12-31T10:00:00Z"},
        {"UTC", CALENDAR_DAY, "1969-12-31T23:59:59Z", "1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct calendar_zone zone = zone_of(cases[i].tz);
        int64_t start_s, end_s;
        calendar_span(&zone, cases[i].unit, utc_s(cases[i].at), &start_s, &end_s);
        if (start_s != utc_s(cases[i].start) || end_s != utc_s(cases[i].end))
            print_error("case %zu: %s %s: %lld..%lld\n", i, cases[i].tz, cases[i].at, (long long)start_s,
                        (long long)end_s);
        assert_int_equal(start_s, utc_s(cases[i].start));
        assert_int_equal(end_s, utc_s(cases[i].end));
    }
}

static void dates_move_by_the_calendar(void **state)
{
    (void)state;
    static const struct {
        struct calendar_date from;
        enum calendar_unit unit;
        int count;
        struct calendar_date to;
    } cases[] = {
        {{2026, 1, 31}, CALENDAR_MONTH, 1, {2026, 2, 28}},
        {{2028, 1, 31}, CALENDAR_MONTH, 1, {2028, 2, 29}},
        {{2028, 2, 29}, CALENDAR_YEAR, 1, {2029, 2, 28}},
        {{2026, 3, 31}, CALENDAR_MONTH, -1, {2026, 2, 28}},
        {{2026, 1, 1}, CALENDAR_DAY, -1, {2025, 12, 31}},
        {{2026, 12, 15}, CALENDAR_MONTH, 1, {2027, 1, 15}},
        {{2026, 1, 15}, CALENDAR_MONTH, -13, {2024, 12, 15}},
        {{1900, 2, 28}, CALENDAR_DAY, 1, {1900, 3, 1}},
        {{2000, 2, 28}, CALENDAR_DAY, 1, {2000, 2, 29}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct calendar_date got = calendar_add(cases[i].from, cases[i].unit, cases[i].count);
        assert_int_equal(calendar_days(got), calendar_days(cases[i].to));
        assert_int_equal(got.month, cases[i].to.month);
        assert_int_equal(got.day, cases[i].to.day);
    }
}

// The C library is the second opinion: every 1801 s of ten years in zones with odd rules.
static void local_time_agrees_with_the_system(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Paris", "America/St_Johns", "Australia/Lord_Howe",
                                        "Africa/Casablanca", "Asia/Tehran"};
    for (size_t i = 0; i < COUNT(zones); i++) {
        struct calendar_zone zone = zone_of(zones[i]);
        assert_int_equal(setenv("TZ", zones[i], 1), 0);
        tzset();
        for (int64_t at_s = 1577836800; at_s < 1893456000; at_s += 18010) {
            time_t t = (time_t)at_s;
            struct tm tm;
            assert_non_null(localtime_r(&t, &tm));
            struct calendar_local local = calendar_local(&zone, at_s);
            assert_int_equal(local.date.year, tm.tm_year + 1900);
            assert_int_equal(local.date.month, tm.tm_mon + 1);
            assert_int_equal(local.date.day, tm.tm_mday);
            assert_int_equal(local.hour, tm.tm_hour);
            assert_int_equal(local.minute, tm.tm_min);
            assert_int_equal(local.weekday, (tm.tm_wday + 6) % 7);
        }
        unsetenv("TZ");
    }
}

// Days tile time without gap or overlap, whatever the zone does.
static void spans_tile_time(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Paris", "America/Havana", "America/Asuncion", "Pacific/Apia",
                                        "Australia/Lord_Howe"};
    static const enum calendar_unit units[] = {CALENDAR_HOUR, CALENDAR_DAY, CALENDAR_MONTH};
    for (size_t z = 0; z < COUNT(zones); z++) {
        struct calendar_zone zone = zone_of(zones[z]);
        for (size_t u = 0; u < COUNT(units); u++) {
            int64_t at_s = 1293840000, start_s, end_s, before_s = 0; // 2011
            for (int i = 0; i < 9000; i++) {
                calendar_span(&zone, units[u], at_s, &start_s, &end_s);
                assert_true(start_s <= at_s && at_s < end_s);
                if (i)
                    assert_int_equal(start_s, before_s);
                before_s = end_s;
                at_s = end_s;
                if (at_s > 1893456000)
                    break;
            }
        }
    }
}

static void unknown_zones_are_named(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "Mars/Olympus", "../etc/passwd", "/etc/passwd", ":UTC"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct calendar_zone zone;
        struct ew_reason reason;
        assert_int_equal(ew_zone_load(bad[i], &zone, &reason), EW_E_UNKNOWN);
        assert_string_equal(reason.code, "site.tz_unknown");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_follow_the_wall_clock),       cmocka_unit_test(dates_move_by_the_calendar),
        cmocka_unit_test(local_time_agrees_with_the_system), cmocka_unit_test(spans_tile_time),
        cmocka_unit_test(unknown_zones_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
