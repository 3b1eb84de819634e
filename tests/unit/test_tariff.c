// Which tariff is in force when, against the manual's examples and against a second reading of the rules,
// minute by minute; and money that adds up.
#include "check.h"

#include "base/buf.h"
#include "base/file.h"
#include "core/site/site.h"
#include "core/tariff/tariff.h"
#include "service/zone.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_DAYS = 0x7F, SEGMENTS_MAX = 4096 };

static struct calendar_zone zone_of(const char *tz)
{
    struct calendar_zone zone;
    struct ew_reason reason;
    assert_int_equal(ew_zone_load(tz, &zone, &reason), EW_OK);
    return zone;
}

static int64_t local_s(const struct calendar_zone *zone,
                       const char *text) // "2020-03-05" or "2020-03-05 19:00"
{
    struct calendar_date date;
    char *at;
    date.year = (int)strtol(text, &at, 10);
    date.month = (int)strtol(at + 1, &at, 10);
    date.day = (int)strtol(at + 1, &at, 10);
    long hour = *at ? strtol(at + 1, &at, 10) : 0, minute = *at ? strtol(at + 1, &at, 10) : 0;
    assert_true(*at == 0);
    return calendar_date_start_s(zone, date) + hour * 3600LL + minute * 60LL;
}

// ---- The manual ------------------------------------------------------------------------------------------

static void check_golden_case(const struct calendar_zone *zone, const cJSON *golden)
{
    const char *name = cJSON_GetObjectItem(golden, "name")->valuestring;
    struct tariff_rule rules[8];
    int count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(golden, "rules"))
    {
        struct site_cost_rule rule;
        struct ew_reason reason;
        if (site_cost_rule_read(item, "", &rule, &reason) != EW_OK)
            fail_msg("%s: %s: %s", name, reason.path, reason.text);
        rules[count++] = rule.rule;
    }
    struct tariff_plan plan;
    assert_true(tariff_plan_make(rules, count, &plan));
    int64_t from_s = local_s(zone, cJSON_GetObjectItem(golden, "from")->valuestring);
    int64_t to_s = local_s(zone, cJSON_GetObjectItem(golden, "to")->valuestring);
    struct tariff_segment segments[64];
    int found;
    assert_true(tariff_segments(&plan, zone, from_s, to_s, segments, 64, &found));
    const cJSON *begins = cJSON_GetObjectItem(golden, "begins");
    if (found != cJSON_GetArraySize(begins))
        fail_msg("%s: %d segments, not %d", name, found, cJSON_GetArraySize(begins));
    for (int i = 0; i < found; i++) {
        const cJSON *begin = cJSON_GetArrayItem(begins, i);
        int64_t tariff = segments[i].place ? plan.tariffs[segments[i].place] : 0;
        const char *at = cJSON_GetArrayItem(begin, 0)->valuestring;
        if (segments[i].start_s != local_s(zone, at) || tariff != cJSON_GetArrayItem(begin, 1)->valueint)
            fail_msg("%s: segment %d should begin at %s", name, i, at);
    }
    assert_int_equal(segments[found - 1].end_s, to_s);
}

static void the_manuals_examples(void **state)
{
    (void)state;
    struct ew_buf text;
    struct ew_reason reason;
    cJSON *golden = NULL;
    ew_buf_init(&text, 64 << 10);
    assert_int_equal(
        ew_file_read(EDGEWATT_SOURCE_DIR "/tests/golden/tariff/manual.json", 64 << 10, &text, &reason),
        EW_OK);
    assert_int_equal(ew_json_parse(text.data, text.len, 64 << 10, &golden, &reason), EW_OK);
    struct calendar_zone zone = zone_of("Europe/Paris");
    const cJSON *item;
    int cases = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(golden, "cases"))
    {
        check_golden_case(&zone, item);
        cases++;
    }
    assert_int_equal(cases, 5);
    cJSON_Delete(golden);
    ew_buf_done(&text);
}

// ---- Cases -----------------------------------------------------------------------------------------------

static void rules_hold_where_calendars_are_odd(void **state)
{
    (void)state;
    static const struct {
        struct tariff_rule rule;
        const char *at; // local
        bool holds;
    } cases[] = {
        // over midnight, and the day it began
        {{1, 0, 0, false, 22 * 60, 5 * 60 + 59, 1U << 4}, "2026-03-06 22:00", true}, // Friday
        {{1, 0, 0, false, 22 * 60, 5 * 60 + 59, 1U << 4}, "2026-03-07 05:59", true}, // Saturday morning
        {{1, 0, 0, false, 22 * 60, 5 * 60 + 59, 1U << 4}, "2026-03-07 06:00", false},
        {{1, 0, 0, false, 22 * 60, 5 * 60 + 59, 1U << 4}, "2026-03-07 22:00", false},
        {{1, 0, 0, false, 22 * 60, 5 * 60 + 59, 1U << 4}, "2026-03-06 05:00", false}, // began on Thursday
        {{1, 20260301, 20260301, false, 22 * 60, 5 * 60 + 59, ALL_DAYS}, "2026-03-02 05:00", true},
        {{1, 20260301, 20260301, false, 22 * 60, 5 * 60 + 59, ALL_DAYS}, "2026-03-01 05:00", false},
        // a period over the end of a year, every year
        {{1, 20201220, 20210105, true, 0, 1439, ALL_DAYS}, "2026-12-20 00:00", true},
        {{1, 20201220, 20210105, true, 0, 1439, ALL_DAYS}, "2027-01-05 23:59", true},
        {{1, 20201220, 20210105, true, 0, 1439, ALL_DAYS}, "2027-01-06 00:00", false},
        {{1, 20201220, 20210105, true, 0, 1439, ALL_DAYS}, "2026-12-19 23:59", false},
        {{1, 20201231, 20201231, true, 22 * 60, 5 * 60 + 59, ALL_DAYS}, "2027-01-01 05:59", true},
        // 29 February
        {{1, 20240229, 20240229, true, 0, 1439, ALL_DAYS}, "2028-02-29 12:00", true},
        {{1, 20240229, 20240229, true, 0, 1439, ALL_DAYS}, "2026-02-28 12:00", false},
        {{1, 20240229, 20240229, true, 0, 1439, ALL_DAYS}, "2026-03-01 12:00", false},
        {{1, 20240215, 20240229, true, 0, 1439, ALL_DAYS}, "2026-02-28 23:59", true},
        {{1, 20240229, 20240310, true, 0, 1439, ALL_DAYS}, "2026-03-01 00:00", true},
        // one end open
        {{1, 20260301, 0, false, 0, 1439, ALL_DAYS}, "2026-02-28 23:59", false},
        {{1, 20260301, 0, false, 0, 1439, ALL_DAYS}, "2031-01-01 00:00", true},
        {{1, 0, 20260301, false, 0, 1439, ALL_DAYS}, "2026-03-01 23:59", true},
        {{1, 0, 20260301, false, 0, 1439, ALL_DAYS}, "2026-03-02 00:00", false},
    };
    struct calendar_zone zone = zone_of("Europe/Paris");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tariff_plan plan;
        assert_true(tariff_plan_make(&cases[i].rule, 1, &plan));
        if ((tariff_rule_at(&plan, &zone, local_s(&zone, cases[i].at)) == 0) != cases[i].holds)
            fail_msg("case %zu: %s", i, cases[i].at);
    }
}

// The night of 22:00 to 05:59 lasts 7 hours in spring, 9 in autumn: local time decides.
static void nights_of_daylight_saving(void **state)
{
    (void)state;
    static const struct {
        const char *evening, *noon;
        int hours;
    } cases[] = {{"2026-03-28 12:00", "2026-03-29 12:00", 7},
                 {"2026-06-28 12:00", "2026-06-29 12:00", 8},
                 {"2026-10-24 12:00", "2026-10-25 13:00", 9}};
    struct calendar_zone zone = zone_of("Europe/Paris");
    struct tariff_rule night = {1, 0, 0, false, 22 * 60, 5 * 60 + 59, ALL_DAYS};
    struct tariff_plan plan;
    assert_true(tariff_plan_make(&night, 1, &plan));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tariff_segment segments[4];
        int count;
        assert_true(tariff_segments(&plan, &zone, local_s(&zone, cases[i].evening),
                                    local_s(&zone, cases[i].noon), segments, 4, &count));
        assert_int_equal(count, 3);
        assert_int_equal(segments[1].end_s - segments[1].start_s, cases[i].hours * 3600);
    }
}

static void too_much_is_refused(void **state)
{
    (void)state;
    struct tariff_rule rules[TARIFF_RULES_MAX + 1];
    struct tariff_plan plan;
    for (int i = 0; i <= TARIFF_RULES_MAX; i++)
        rules[i] = (struct tariff_rule){1 + i % 5, 0, 0, false, (i * 7) % 1440, (i * 11) % 1440, ALL_DAYS};
    assert_true(tariff_plan_make(rules, TARIFF_RULES_MAX, &plan));
    assert_false(tariff_plan_make(rules, TARIFF_RULES_MAX + 1, &plan));
    rules[5].tariff = 99;
    assert_false(tariff_plan_make(rules, 6, &plan)); // six tariffs
    struct tariff_segment segments[2];
    int count;
    struct calendar_zone zone = zone_of("Europe/Paris");
    assert_true(tariff_plan_make(&(struct tariff_rule){1, 0, 0, false, 600, 660, ALL_DAYS}, 1, &plan));
    assert_false(tariff_segments(&plan, &zone, 0, 864000, segments, 2, &count));
    assert_int_equal(count, 2);
}

// ---- A second reading of the rules -----------------------------------------------------------------------

static uint64_t random_state;
static int chance(int below)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (int)((random_state >> 33) % (uint64_t)below);
}

// Does the rule's day hold? Written from CST-02, with a calendar of its own: month and day by counting.
static bool oracle_day(const struct tariff_rule *r, int64_t day_number)
{
    struct calendar_date d = calendar_from_days(day_number);
    int weekday = (int)(((day_number % 7) + 7 + 3) % 7);
    if (!(r->weekdays & (1U << weekday)))
        return false;
    int number = d.year * 10000 + d.month * 100 + d.day;
    if (!r->yearly) {
        bool after = !r->from_date || number >= r->from_date;
        bool before = !r->to_date || number <= r->to_date;
        return after && before;
    }
    // Walks the days of the period, as days of a leap year, until this one is met.
    int from = r->from_date % 10000, to = r->to_date % 10000, at = d.month * 100 + d.day;
    int64_t step = calendar_days((struct calendar_date){2024, from / 100, from % 100});
    for (int i = 0; i < 366; i++, step++) {
        struct calendar_date s = calendar_from_days(step);
        int md = s.month * 100 + s.day;
        if (s.year == 2025 &&
            md == 228) // the second year of the walk is no leap year: look at 29 February by hand
            if (at == 229 && to != 228)
                return true;
        if (md == at)
            return true;
        if (md == to)
            return false;
    }
    return false;
}

static int oracle(const struct tariff_rule *rules, int count, const struct calendar_zone *zone, int64_t at_s)
{
    struct calendar_local l = calendar_local(zone, at_s);
    int64_t day = calendar_days(l.date);
    int minute = l.hour * 60 + l.minute;
    for (int i = 0; i < count; i++) {
        const struct tariff_rule *r = &rules[i];
        // The window of a day, unrolled: minutes from the midnight at which its day began.
        int last = r->to_min < r->from_min ? r->to_min + 1440 : r->to_min;
        for (int back = 0; back <= 1; back++)
            if (minute + back * 1440 >= r->from_min && minute + back * 1440 <= last &&
                oracle_day(r, day - back))
                return i;
    }
    return -1;
}

static int random_date(int year_from)
{
    struct calendar_date d =
        calendar_from_days(calendar_days((struct calendar_date){year_from, 1, 1}) + chance(1461));
    return d.year * 10000 + d.month * 100 + d.day;
}

static int random_rules(struct tariff_rule *rules)
{
    int count = chance(6);
    for (int i = 0; i < count; i++) {
        struct tariff_rule *r = &rules[i];
        *r = (struct tariff_rule){.tariff = 1 + chance(5), .to_min = 1439, .weekdays = ALL_DAYS};
        if (chance(3)) {
            r->from_min = chance(2) ? chance(24) * 60 : chance(1440);
            r->to_min = chance(2) ? chance(24) * 60 + 59 : chance(1440);
        }
        if (chance(2))
            r->weekdays = (unsigned)(1 + chance(127));
        r->yearly = chance(3) == 0;
        if (r->yearly || chance(3) == 0)
            r->from_date = random_date(2024);
        if (r->yearly || chance(3) == 0)
            r->to_date = random_date(2024);
    }
    return count;
}

// Days worth looking at: changes of the clock, ends of years, 29 February.
static int64_t random_start(const struct calendar_zone *zone)
{
    static const struct calendar_date odd[] = {{2024, 2, 27}, {2025, 2, 26}, {2024, 12, 30}, {2027, 12, 30}};
    int kind = chance(3);
    if (kind == 0)
        return calendar_date_start_s(zone, odd[chance((int)COUNT(odd))]) + chance(1440) * 60LL;
    int64_t at_s = calendar_date_start_s(zone, (struct calendar_date){2024, 1, 1}) + chance(1461) * 86400LL;
    int64_t change_s = calendar_offset_end_s(zone, at_s);
    return kind == 1 && change_s != INT64_MAX ? change_s - chance(2880) * 60LL : at_s + chance(1440) * 60LL;
}

static void check_random_case(const struct calendar_zone *zone, int number)
{
    static struct tariff_segment segments[SEGMENTS_MAX];
    struct tariff_rule rules[8];
    struct tariff_plan plan;
    int rule_count = random_rules(rules), count, at = 0;
    assert_true(tariff_plan_make(rules, rule_count, &plan));
    int64_t from_s = random_start(zone), to_s = from_s + (1 + chance(4000)) * 60LL;
    assert_true(tariff_segments(&plan, zone, from_s, to_s, segments, SEGMENTS_MAX, &count));
    assert_int_equal(segments[0].start_s, from_s);
    assert_int_equal(segments[count - 1].end_s, to_s);
    for (int i = 1; i < count; i++) { // they tile the period, and no two neighbours are alike
        assert_int_equal(segments[i].start_s, segments[i - 1].end_s);
        assert_true(segments[i].start_s < segments[i].end_s && segments[i].place != segments[i - 1].place);
    }
    for (int64_t t = from_s; t < to_s; t += 60) {
        while (segments[at].end_s <= t)
            at++;
        int rule = oracle(rules, rule_count, zone, t);
        int64_t want = rule < 0 ? 0 : rules[rule].tariff, got = plan.tariffs[segments[at].place];
        if (got != want)
            fail_msg("case %d: at %lld tariff %lld, not %lld", number, (long long)t, (long long)got,
                     (long long)want);
    }
}

static void segments_agree_minute_by_minute(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Paris", "Australia/Lord_Howe", "America/Havana",
                                        "Asia/Kolkata", "Pacific/Apia"};
    for (size_t z = 0; z < COUNT(zones); z++) {
        struct calendar_zone zone = zone_of(zones[z]);
        random_state = 20260301 + z;
        for (int i = 0; i < 120; i++)
            check_random_case(&zone, i);
    }
}

// ---- Sharing and money -----------------------------------------------------------------------------------

static void a_cut_slot_is_shared_by_time(void **state)
{
    (void)state;
    const struct tariff_segment segments[] = {{0, 1000, 1}, {1000, 1900, 2}, {1900, 9000, 0}};
    static const struct {
        int64_t start_s, end_s, amount, want[3];
    } cases[] = {
        {0, 600, 7, {0, 7, 0}},        {400, 1000, 7, {0, 7, 0}},     {1000, 1600, 7, {0, 0, 7}},
        {700, 1300, 100, {0, 50, 50}}, {700, 1300, 101, {0, 50, 51}}, {999, 1599, 1000, {0, 1, 999}},
        {400, 2400, 20, {5, 6, 9}},    {2000, 2600, 9, {9, 0, 0}},
    };
    int cursor = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t sums[TARIFF_PLACES] = {0};
        tariff_share(segments, 3, &cursor, cases[i].start_s, cases[i].end_s, cases[i].amount, sums);
        for (int p = 0; p < 3; p++)
            assert_int_equal(sums[p], cases[i].want[p]);
    }
}

static void prices_by_date(void **state)
{
    (void)state;
    const struct tariff_price prices[] = {{20250201, 186200}, {20240229, 174200}, {20260101, 200000}};
    assert_int_equal(tariff_price_at(prices, 3, 20240228), -1);
    assert_int_equal(tariff_price_at(prices, 3, 20240229), 174200);
    assert_int_equal(tariff_price_at(prices, 3, 20250131), 174200);
    assert_int_equal(tariff_price_at(prices, 3, 20250201), 186200);
    assert_int_equal(tariff_price_at(prices, 3, 20991231), 200000);
    assert_int_equal(tariff_price_at(&(struct tariff_price){0, 5}, 1, 19900101), 5);
}

static void prices_are_decimal(void **state)
{
    (void)state;
    int64_t micro;
    assert_true(tariff_price_read(0.1742, &micro) && micro == 174200);
    assert_true(tariff_price_read(99999.999999, &micro) && micro == 99999999999);
    assert_true(tariff_price_read(0.000001, &micro) && micro == 1);
    assert_false(tariff_price_read(0.0000015, &micro));
    assert_false(tariff_price_read(-1, &micro));
    assert_int_equal(tariff_currency_digits("EUR"), 2);
    assert_int_equal(tariff_currency_digits("JPY"), 0);
    assert_int_equal(tariff_currency_digits("KWD"), 3);
    assert_int_equal(tariff_currency_digits("P K"), 2);
}

static void money_is_exact_and_rounded_once(void **state)
{
    (void)state;
    // A year of 10-minute slots of 1/3 Wh-like amounts: the sum is that of the whole amount, to the last
    // digit.
    struct tariff_money slots = {0}, whole = {0};
    int64_t total = 0;
    for (int i = 0; i < 52560; i++) {
        tariff_cost(&slots, 333333 + i, 174237);
        total += 333333 + i;
    }
    tariff_cost(&whole, total, 174237);
    assert_int_equal(slots.micro, whole.micro);
    assert_int_equal(slots.pico, whole.pico);
    static const struct {
        struct tariff_money money;
        int digits;
        int64_t want;
    } cases[] = {{{1004999, 999999}, 2, 100},
                 {{1005000, 0}, 2, 101},
                 {{1499999, 999999}, 0, 1},
                 {{1500000, 0}, 0, 2},
                 {{7, 499999}, 6, 7},
                 {{7, 500000}, 6, 8},
                 {{0, 0}, 2, 0},
                 {{1000500, 0}, 3, 1001}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(tariff_round(&cases[i].money, cases[i].digits), cases[i].want);
    struct tariff_money large = {0}; // 100 GWh at the dearest price
    tariff_cost(&large, 100000000000000, 100000000000 / 1000000);
    assert_int_equal(large.micro, 10000000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manuals_examples),
        cmocka_unit_test(rules_hold_where_calendars_are_odd),
        cmocka_unit_test(nights_of_daylight_saving),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(segments_agree_minute_by_minute),
        cmocka_unit_test(a_cut_slot_is_shared_by_time),
        cmocka_unit_test(prices_by_date),
        cmocka_unit_test(prices_are_decimal),
        cmocka_unit_test(money_is_exact_and_rounded_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
