// EN 50160 by the week: which marks it has, what is judged from how many of them, what is never OK.
#include "check.h"

#include "core/quality/quality.h"
#include "service/zone.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct calendar_zone zone_of(const char *tz)
{
    struct calendar_zone zone;
    struct ew_reason reason;
    assert_int_equal(ew_zone_load(tz, &zone, &reason), EW_OK);
    return zone;
}

static struct calendar_date date_of(const char *text)
{
    struct calendar_date date;
    assert_true(calendar_date_parse(text, &date));
    return date;
}

// ---- The week --------------------------------------------------------------------------------------------

static void a_week_has_its_marks(void **state)
{
    (void)state;
    static const struct {
        const char *tz, *date;
        int month, day, marks;
    } cases[] = {
        {"Europe/Paris", "2026-03-02", 3, 2, 1008},         {"Europe/Paris", "2026-03-08", 3, 2, 1008},
        {"Europe/Paris", "2026-03-25", 3, 23, 1002},        {"Europe/Paris", "2026-03-30", 3, 30, 1008},
        {"Europe/Paris", "2026-10-25", 10, 19, 1014},       {"Europe/Paris", "2026-01-01", 12, 29, 1008},
        {"America/New_York", "2026-03-08", 3, 2, 1002},     {"Asia/Kathmandu", "2026-03-04", 3, 2, 1008},
        {"Australia/Lord_Howe", "2026-04-05", 3, 30, 1011},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct calendar_zone zone = zone_of(cases[i].tz);
        struct quality_week week;
        quality_week(&zone, date_of(cases[i].date), &week);
        if (week.marks != cases[i].marks || week.monday.month != cases[i].month ||
            week.monday.day != cases[i].day || calendar_local(&zone, week.start_s).weekday != 0 ||
            week.first_s % QUALITY_MARK_S != 0 || week.first_s < week.start_s)
            fail_msg("%s %s: %d marks from %d-%d", cases[i].tz, cases[i].date, week.marks, week.monday.month,
                     week.monday.day);
    }
}

static void the_last_week_is_one_that_is_over(void **state)
{
    (void)state;
    struct calendar_zone zone = zone_of("Europe/Paris");
    struct quality_week week, last;
    quality_week(&zone, date_of("2026-03-25"), &week);
    quality_week_over(&zone, week.end_s, &last);
    assert_int_equal(last.start_s, week.start_s);
    quality_week_over(&zone, week.end_s - 1, &last);
    assert_int_equal(last.end_s, week.start_s);
}

static void only_what_the_check_looks_at(void **state)
{
    (void)state;
    static const struct {
        const char *quantity;
        int kind, conductor, order; // kind -1 = not looked at
    } cases[] = {
        {"voltage_l1_n", QUALITY_OF_VOLTAGE, 0, 0},
        {"voltage_l3_l1", QUALITY_OF_VOLTAGE, 5, 0},
        {"voltage_l1_n_max", -1, 0, 0},
        {"thd_voltage_l2", QUALITY_OF_THD, 1, 0},
        {"thd_voltage_l1_l2", QUALITY_OF_THD, 3, 0},
        {"thd_current_l1", -1, 0, 0},
        {"harmonic_voltage_l3_5", QUALITY_OF_HARMONIC, 2, 5},
        {"harmonic_voltage_l2_l3_25", QUALITY_OF_HARMONIC, 4, 25},
        {"harmonic_voltage_l1_1", -1, 0, 0},
        {"harmonic_voltage_l1_27", -1, 0, 0},
        {"frequency", QUALITY_OF_FREQUENCY, 0, 0},
        {"frequency_mean", -1, 0, 0},
        {"active_power", -1, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct quality_source source;
        bool found = quality_source(cases[i].quantity, &source);
        if (found != (cases[i].kind >= 0) ||
            (found && ((int)source.kind != cases[i].kind || source.conductor != cases[i].conductor ||
                       source.order != cases[i].order)))
            fail_msg("%s", cases[i].quantity);
    }
}

// ---- The verdict -----------------------------------------------------------------------------------------

// A part of a week in which a quantity has a value: [from, from + count) of its marks.
struct part {
    const char *quantity;
    int from, count;        // count 0: the quantity exists, without a value
    double mean, low, high; // low and high 0: the mean
};

struct expected {
    enum quality_criterion criterion;
    enum quality_verdict verdict;
    enum quality_reason reason;
    int beyond;
};

enum { ALL = 2000, PARTS = 12, EXPECTED = 3 };

struct week_case {
    const char *name, *date;
    int step_s; // of the intervals
    struct part parts[PARTS];
    enum quality_verdict verdict;
    struct expected expected[EXPECTED];
};

static void add_part(struct quality *q, const struct part *part, int step_s)
{
    int64_t from_s = q->week.first_s + (int64_t)part->from * QUALITY_MARK_S;
    int64_t to_s = from_s + (int64_t)part->count * QUALITY_MARK_S;
    for (int64_t at_s = from_s; at_s < to_s && at_s < q->week.end_s; at_s += step_s)
        quality_add(q, at_s, step_s, (int64_t)(part->mean * 1000 + 0.5),
                    (int64_t)((part->low > 0 || part->high > 0 ? part->low : part->mean) * 1000 + 0.5),
                    (int64_t)((part->high > 0 ? part->high : part->mean) * 1000 + 0.5));
}

static void judge_case(const struct calendar_zone *zone, const struct week_case *c, double nominal_v,
                       struct quality *q, struct quality_result *ret)
{
    struct quality_week week;
    quality_week(zone, date_of(c->date), &week);
    quality_begin(q, &week, nominal_v);
    for (int i = 0; i < PARTS && c->parts[i].quantity; i++) {
        struct quality_source source;
        assert_true(quality_source(c->parts[i].quantity, &source));
        add_part(q, &c->parts[i], c->step_s);
        // Parts of one quantity stand together.
        if (i + 1 == PARTS || !c->parts[i + 1].quantity ||
            strcmp(c->parts[i].quantity, c->parts[i + 1].quantity) != 0)
            quality_end(q, &source);
    }
    quality_judge(q, ret);
}

#define SOUND                                                                                                \
    {                                                                                                        \
        "voltage_l1_n", 0, ALL, 230, 0, 0                                                                    \
    }

static const struct week_case cases[] = {
    // The share, met and passed by one.
    {"50 of 1008 low",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 0, 50, 206.9, 0, 0}, {"voltage_l1_n", 50, ALL, 230, 0, 0}},
     QUALITY_OK,
     {{QUALITY_VOLTAGE, QUALITY_OK, QUALITY_WITHIN, 50},
      {QUALITY_VOLTAGE_ALL, QUALITY_OK, QUALITY_WITHIN, 0}}},
    {"51 of 1008 low",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 0, 51, 206.9, 0, 0}, {"voltage_l1_n", 51, ALL, 230, 0, 0}},
     QUALITY_KO,
     {{QUALITY_VOLTAGE, QUALITY_KO, QUALITY_BEYOND, 51}}},
    {"50 of 1002",
     "2026-03-25",
     600,
     {{"voltage_l1_n", 0, 50, 206.9, 0, 0}, {"voltage_l1_n", 50, ALL, 230, 0, 0}},
     QUALITY_OK,
     {{QUALITY_VOLTAGE, QUALITY_OK, QUALITY_WITHIN, 50}}},
    {"51 of 1002",
     "2026-03-25",
     600,
     {{"voltage_l1_n", 951, 51, 206.9, 0, 0}, {"voltage_l1_n", 0, 951, 230, 0, 0}},
     QUALITY_KO,
     {{QUALITY_VOLTAGE, QUALITY_KO, QUALITY_BEYOND, 51}}},
    {"50 of 1014",
     "2026-10-25",
     600,
     {{"voltage_l1_n", 964, 50, 206.9, 0, 0}, {"voltage_l1_n", 0, 964, 230, 0, 0}},
     QUALITY_OK,
     {{QUALITY_VOLTAGE, QUALITY_OK, QUALITY_WITHIN, 50}}},
    {"51 of 1014",
     "2026-10-25",
     600,
     {{"voltage_l1_n", 963, 51, 206.9, 0, 0}, {"voltage_l1_n", 0, 963, 230, 0, 0}},
     QUALITY_KO,
     {{QUALITY_VOLTAGE, QUALITY_KO, QUALITY_BEYOND, 51}}},
    // Limits themselves are within.
    {"at the limits",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 0, 500, 207, 0, 0}, {"voltage_l1_n", 500, ALL, 253, 0, 0}},
     QUALITY_OK,
     {{QUALITY_VOLTAGE, QUALITY_OK, QUALITY_WITHIN, 0},
      {QUALITY_VOLTAGE_ALL, QUALITY_OK, QUALITY_WITHIN, 0}}},
    {"once too high",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 0, 1, 253.1, 0, 0}, {"voltage_l1_n", 1, ALL, 230, 0, 0}},
     QUALITY_KO,
     {{QUALITY_VOLTAGE, QUALITY_OK, QUALITY_WITHIN, 1},
      {QUALITY_VOLTAGE_ALL, QUALITY_KO, QUALITY_BEYOND, 1}}},
    {"once too low",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 0, 1, 195.4, 0, 0}, {"voltage_l1_n", 1, ALL, 230, 0, 0}},
     QUALITY_KO,
     {{QUALITY_VOLTAGE_ALL, QUALITY_KO, QUALITY_BEYOND, 1}}},
    {"lowest allowed",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 0, 1, 195.5, 0, 0}, {"voltage_l1_n", 1, ALL, 230, 0, 0}},
     QUALITY_OK,
     {{QUALITY_VOLTAGE_ALL, QUALITY_OK, QUALITY_WITHIN, 0}}},
    // Each phase alone: 30 here and 30 there are not 60; one phase is enough.
    {"phases apart",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 0, 30, 200, 0, 0},
      {"voltage_l1_n", 30, ALL, 230, 0, 0},
      {"voltage_l2_n", 0, 30, 230, 0, 0},
      {"voltage_l2_n", 30, 30, 200, 0, 0},
      {"voltage_l2_n", 60, ALL, 230, 0, 0}},
     QUALITY_OK,
     {{QUALITY_VOLTAGE, QUALITY_OK, QUALITY_WITHIN, 30}}},
    {"one phase bad",
     "2026-03-02",
     600,
     {SOUND, {"voltage_l2_n", 0, ALL, 230, 0, 0}, {"voltage_l3_n", 0, ALL, 200, 0, 0}},
     QUALITY_KO,
     {{QUALITY_VOLTAGE, QUALITY_KO, QUALITY_BEYOND, 1008}}},
    // Too little: never OK; what no missing mark can mend is KO all the same.
    {"nothing at all",
     "2026-03-02",
     600,
     {{NULL, 0, 0, 0, 0, 0}},
     QUALITY_NONE,
     {{QUALITY_VOLTAGE, QUALITY_NONE, QUALITY_NOT_MEASURED, 0},
      {QUALITY_FLICKER, QUALITY_NONE, QUALITY_NOT_MEASURED, 0}}},
    {"no value",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 0, 0, 0, 0, 0}},
     QUALITY_NONE,
     {{QUALITY_VOLTAGE, QUALITY_NONE, QUALITY_FEW, 0}}},
    {"908 of 1008",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 100, ALL, 230, 0, 0}},
     QUALITY_OK,
     {{QUALITY_VOLTAGE, QUALITY_OK, QUALITY_WITHIN, 0}}},
    {"907 of 1008",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 101, ALL, 230, 0, 0}},
     QUALITY_NONE,
     {{QUALITY_VOLTAGE, QUALITY_NONE, QUALITY_FEW, 0}}},
    {"a day missing",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 144, ALL, 230, 0, 0}},
     QUALITY_NONE,
     {{QUALITY_VOLTAGE, QUALITY_NONE, QUALITY_FEW, 0}}},
    {"a day missing, bad enough",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 144, 51, 206, 0, 0}, {"voltage_l1_n", 195, ALL, 230, 0, 0}},
     QUALITY_KO,
     {{QUALITY_VOLTAGE, QUALITY_KO, QUALITY_BEYOND, 51}}},
    {"50 of 950: more than 5 % of what is known, not of all",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 58, 50, 206, 0, 0}, {"voltage_l1_n", 108, ALL, 230, 0, 0}},
     QUALITY_NONE,
     {{QUALITY_VOLTAGE, QUALITY_NONE, QUALITY_UNDECIDED, 50}}},
    {"the distortion was not read",
     "2026-03-02",
     600,
     {SOUND, {"thd_voltage_l1", 500, ALL, 3, 0, 0}},
     QUALITY_NONE,
     {{QUALITY_VOLTAGE, QUALITY_OK, QUALITY_WITHIN, 0}, {QUALITY_THD, QUALITY_NONE, QUALITY_FEW, 0}}},
    {"without a voltage",
     "2026-03-02",
     600,
     {{"frequency", 0, ALL, 50, 0, 0}},
     QUALITY_NONE,
     {{QUALITY_FREQUENCY, QUALITY_OK, QUALITY_WITHIN, 0},
      {QUALITY_VOLTAGE, QUALITY_NONE, QUALITY_NOT_MEASURED, 0}}},
    // Other intervals.
    {"by the minute",
     "2026-03-25",
     60,
     {SOUND},
     QUALITY_OK,
     {{QUALITY_VOLTAGE, QUALITY_OK, QUALITY_WITHIN, 0}}},
    {"quarters of an hour",
     "2026-03-02",
     900,
     {SOUND},
     QUALITY_NONE,
     {{QUALITY_VOLTAGE, QUALITY_NONE, QUALITY_COARSE, 0}}},
    // Interruptions are left out, dips are not; a phase that is not connected is no interruption.
    {"an interruption",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 0, 60, 120, 0, 231}, {"voltage_l1_n", 60, ALL, 230, 0, 0}},
     QUALITY_OK,
     {{QUALITY_VOLTAGE, QUALITY_OK, QUALITY_WITHIN, 0}}},
    {"a dip",
     "2026-03-02",
     600,
     {{"voltage_l1_n", 0, 1, 190, 12, 231}, {"voltage_l1_n", 1, ALL, 230, 0, 0}},
     QUALITY_KO,
     {{QUALITY_VOLTAGE_ALL, QUALITY_KO, QUALITY_BEYOND, 1}}},
    {"one phase of three connected",
     "2026-03-02",
     600,
     {SOUND, {"voltage_l2_n", 0, ALL, 0.4, 0, 0}, {"voltage_l3_n", 0, ALL, 0, 0, 0}},
     QUALITY_OK,
     {{QUALITY_VOLTAGE, QUALITY_OK, QUALITY_WITHIN, 0}}},
    // Distortion and harmonics.
    {"distortion at its limit",
     "2026-03-02",
     600,
     {SOUND, {"thd_voltage_l1", 0, ALL, 8, 0, 0}},
     QUALITY_OK,
     {{QUALITY_THD, QUALITY_OK, QUALITY_WITHIN, 0}}},
    {"distortion",
     "2026-03-02",
     600,
     {SOUND, {"thd_voltage_l1", 0, 51, 8.001, 0, 0}, {"thd_voltage_l1", 51, ALL, 2, 0, 0}},
     QUALITY_KO,
     {{QUALITY_THD, QUALITY_KO, QUALITY_BEYOND, 51},
      {QUALITY_HARMONICS, QUALITY_NONE, QUALITY_NOT_MEASURED, 0}}},
    {"orders add up",
     "2026-03-02",
     600,
     {SOUND,
      {"harmonic_voltage_l1_5", 0, 26, 6.1, 0, 0},
      {"harmonic_voltage_l1_5", 26, ALL, 1, 0, 0},
      {"harmonic_voltage_l1_15", 0, 26, 0.1, 0, 0},
      {"harmonic_voltage_l1_15", 26, 25, 0.6, 0, 0},
      {"harmonic_voltage_l1_15", 51, ALL, 0.5, 0, 0}},
     QUALITY_KO,
     {{QUALITY_HARMONICS, QUALITY_KO, QUALITY_BEYOND, 51}}},
    {"an order is not read",
     "2026-03-02",
     600,
     {SOUND, {"harmonic_voltage_l1_5", 0, ALL, 1, 0, 0}, {"harmonic_voltage_l1_7", 0, 800, 1, 0, 0}},
     QUALITY_NONE,
     {{QUALITY_HARMONICS, QUALITY_NONE, QUALITY_FEW, 0}}},
    // Unbalance from the three sides: 400/400/388 is 2.010 %, 400/396/404 is 1.155 %.
    {"unbalance",
     "2026-03-02",
     600,
     {{"voltage_l1_l2", 0, ALL, 400, 0, 0},
      {"voltage_l2_l3", 0, ALL, 400, 0, 0},
      {"voltage_l3_l1", 0, ALL, 388, 0, 0}},
     QUALITY_KO,
     {{QUALITY_UNBALANCE, QUALITY_KO, QUALITY_BEYOND, 1008},
      {QUALITY_VOLTAGE, QUALITY_OK, QUALITY_WITHIN, 0}}},
    {"balanced",
     "2026-03-02",
     600,
     {{"voltage_l1_l2", 0, ALL, 400, 0, 0},
      {"voltage_l2_l3", 0, ALL, 396, 0, 0},
      {"voltage_l3_l1", 0, ALL, 404, 0, 0}},
     QUALITY_OK,
     {{QUALITY_UNBALANCE, QUALITY_OK, QUALITY_WITHIN, 0}}},
    // Frequency: samples of a mark all out, some out, beyond everything.
    {"frequency, 5 of 1008 maybe",
     "2026-03-02",
     600,
     {SOUND, {"frequency", 0, 5, 50, 49.4, 50.1}, {"frequency", 5, ALL, 50, 49.5, 50.5}},
     QUALITY_OK,
     {{QUALITY_FREQUENCY, QUALITY_OK, QUALITY_WITHIN, 0},
      {QUALITY_FREQUENCY_ALL, QUALITY_OK, QUALITY_WITHIN, 0}}},
    {"frequency, 6 of 1008 maybe",
     "2026-03-02",
     600,
     {SOUND, {"frequency", 0, 6, 50, 49.4, 50.1}, {"frequency", 6, ALL, 50, 49.9, 50.1}},
     QUALITY_NONE,
     {{QUALITY_FREQUENCY, QUALITY_NONE, QUALITY_UNDECIDED, 0}}},
    {"frequency, 6 of 1008 for certain",
     "2026-03-02",
     600,
     {SOUND, {"frequency", 0, 6, 49, 48.9, 49.4}, {"frequency", 6, ALL, 50, 49.9, 50.1}},
     QUALITY_KO,
     {{QUALITY_FREQUENCY, QUALITY_KO, QUALITY_BEYOND, 6}}},
    {"frequency once at 52.01",
     "2026-03-02",
     600,
     {SOUND, {"frequency", 0, 1, 50, 50, 52.01}, {"frequency", 1, ALL, 50, 49.9, 50.1}},
     QUALITY_KO,
     {{QUALITY_FREQUENCY_ALL, QUALITY_KO, QUALITY_BEYOND, 1},
      {QUALITY_FREQUENCY, QUALITY_OK, QUALITY_WITHIN, 0}}},
};

static void verdicts(void **state)
{
    (void)state;
    struct calendar_zone zone = zone_of("Europe/Paris");
    struct quality *q = malloc(sizeof(*q));
    assert_non_null(q);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct week_case *c = &cases[i];
        struct quality_result result;
        judge_case(&zone, c, 230, q, &result);
        if (result.verdict != c->verdict)
            fail_msg("%s: %s", c->name, quality_verdict_name(result.verdict));
        for (int e = 0; e < EXPECTED && c->expected[e].reason + c->expected[e].verdict > 0; e++) {
            const struct expected *want = &c->expected[e];
            const struct quality_finding *f = &result.findings[want->criterion];
            if (f->verdict != want->verdict || f->reason != want->reason || f->beyond != want->beyond)
                fail_msg("%s: %s is %s, %s, %d of %d", c->name, quality_criterion_name(want->criterion),
                         quality_verdict_name(f->verdict), quality_reason_name(f->reason), f->beyond,
                         f->known);
        }
    }
    free(q);
}

static void interruptions_are_counted(void **state)
{
    (void)state;
    struct calendar_zone zone = zone_of("Europe/Paris");
    struct quality *q = malloc(sizeof(*q));
    assert_non_null(q);
    static const struct week_case c = {"",
                                       "2026-03-02",
                                       600,
                                       {{"voltage_l1_n", 0, 60, 120, 0, 231},
                                        {"voltage_l1_n", 60, ALL, 230, 0, 0},
                                        {"thd_voltage_l1", 0, 60, 40, 0, 0},
                                        {"thd_voltage_l1", 60, ALL, 2, 0, 0}},
                                       QUALITY_OK,
                                       {{0}}};
    struct quality_result result;
    judge_case(&zone, &c, 230, q, &result);
    assert_int_equal(result.interrupted, 60);
    assert_int_equal(result.findings[QUALITY_VOLTAGE].known, 948);
    assert_int_equal(result.findings[QUALITY_THD].verdict, QUALITY_OK); // left out of every criterion
    free(q);
}

static void the_nominal_voltage_is_the_site_s(void **state)
{
    (void)state;
    struct calendar_zone zone = zone_of("Europe/Paris");
    struct quality *q = malloc(sizeof(*q));
    assert_non_null(q);
    static const struct {
        const char *quantity;
        double nominal_v, highest_v;
    } pairs[] = {{"voltage_l1_n", 230, 253},
                 {"voltage_l1_l2", 230, 440},
                 {"voltage_l1_n", 240, 264},
                 {"voltage_l1_l2", 220, 418}};
    for (size_t i = 0; i < 2 * sizeof(pairs) / sizeof(pairs[0]); i++) {
        double over_v = i % 2 ? 0.1 : 0;
        struct week_case c = {
            "",         "2026-03-02",
            600,        {{pairs[i / 2].quantity, 0, ALL, pairs[i / 2].highest_v + over_v, 0, 0}},
            QUALITY_OK, {{0}}};
        struct quality_result result;
        judge_case(&zone, &c, pairs[i / 2].nominal_v, q, &result);
        assert_int_equal(result.verdict, i % 2 ? QUALITY_KO : QUALITY_OK);
    }
    free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_week_has_its_marks),         cmocka_unit_test(the_last_week_is_one_that_is_over),
        cmocka_unit_test(only_what_the_check_looks_at), cmocka_unit_test(verdicts),
        cmocka_unit_test(interruptions_are_counted),    cmocka_unit_test(the_nominal_voltage_is_the_site_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
