// What readings come to: steps, resets, roll-overs, swapped and replaced counters, power integrated; days
// packed and unpacked; where amounts belong.
#include "check.h"

#include "core/history/counter.h"
#include "core/history/histogram.h"
#include "core/history/pack.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- A reading after another -----------------------------------------------------------------------------

static void a_reading_after_another(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        double before, after;
        int64_t elapsed_s;
        enum history_step expected;
        double step;
    } cases[] = {
        {"nothing", 1000, 1000, 10, HISTORY_STEP_RISE, 0},
        {"a tenth of a Wh", 1234.2, 1234.3, 10, HISTORY_STEP_RISE, 0.1},
        {"as fast as can be: a minute is granted", 0, 166666, 0, HISTORY_STEP_RISE, 166666},
        {"faster than can be", 0, 166667, 0, HISTORY_STEP_REPLACED, 0},
        {"an hour at 10 MW", 0, 10000000, 3600, HISTORY_STEP_RISE, 10000000},
        {"set to zero", 5000000, 0, 10, HISTORY_STEP_RESET, 0},
        {"set to zero, and used since", 5000000, 1600, 10, HISTORY_STEP_RESET, 0},
        {"another meter, with little on it", 5000000, 40000, 10, HISTORY_STEP_REPLACED, 0},
        {"another meter, with much on it", 9000, 4000000000, 600, HISTORY_STEP_REPLACED, 0},
        {"another meter, that stands lower", 5000000, 4000000, 600, HISTORY_STEP_REPLACED, 0},
        {"32 bits of Wh", 4294967290, 5, 10, HISTORY_STEP_ROLLED, 11},
        {"32 bits of 10 Wh", 42949672950, 20, 10, HISTORY_STEP_ROLLED, 30},
        {"16 bits of kWh", 65535000, 1000, 600, HISTORY_STEP_ROLLED, 2000},
        {"a display of 6 figures of kWh", 999999500, 500, 10, HISTORY_STEP_ROLLED, 1000},
        {"a display of 8 figures of 0.1 Wh", 9999999.9, 0.2, 10, HISTORY_STEP_ROLLED, 0.3},
        {"near the end, but too far to have been counted", 4294967290, 400000, 10, HISTORY_STEP_REPLACED, 0},
        {"not near the end", 4200000000, 5, 10, HISTORY_STEP_RESET, 0},
        {"negative is no roll-over", 999999500, -1, 10, HISTORY_STEP_REPLACED, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t before_th, after_th, step_th, want_th;
        assert_true(history_thousandths(cases[i].before, &before_th));
        assert_true(history_thousandths(cases[i].after, &after_th));
        assert_true(history_thousandths(cases[i].step, &want_th));
        if (history_step(before_th, after_th, cases[i].elapsed_s, &step_th) != cases[i].expected ||
            step_th != want_th)
            fail_msg("%s: step %lld", cases[i].what, (long long)step_th);
    }
}

static void numbers_beyond_what_is_exact_are_none(void **state)
{
    (void)state;
    int64_t th;
    static const double bad[] = {1e13, -1e13, (double)INFINITY, -(double)INFINITY, (double)NAN};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(history_thousandths(bad[i], &th));
    assert_true(history_thousandths(9e12, &th));
    assert_int_equal(th, 9000000000000000);
}

// ---- Slots of a counter: the golden rows -----------------------------------------------------------------
// Two meters, each read every 5 minutes in slots of 10; '-' = not read. A row: step and flags of each slot.

enum { SLOT_S = 600, READ_S = 300, READINGS = 12 };

struct story {
    const char *what;
    const char *readings[2]; // Wh
    int new_serial;          // before this reading of the first meter its serial number changes; -1 = never
    const char *rows[2];
};

static bool next_reading(const char **text, double *ret)
{
    char *end;
    *text += strspn(*text, " ");
    bool read = **text != '-';
    *ret = read ? strtod(*text, &end) : 0;
    *text = read ? end : *text + 1;
    return read;
}

static void write_slot(struct history_counter *c, char *row, size_t size)
{
    size_t used = strlen(row);
    const char *gap = used ? " " : "";
    if (!c->taken)
        (void)snprintf(row + used, size - used, "%s-", gap);
    else if (!c->has_step)
        (void)snprintf(row + used, size - used, "%s?/%u", gap, c->flags);
    else
        (void)snprintf(row + used, size - used, "%s%g/%u", gap, (double)c->step_th / 1000, c->flags);
    history_counter_next(c);
}

static void tell(const struct story *story)
{
    struct history_counter meters[2] = {{0}, {0}};
    const char *at[2] = {story->readings[0], story->readings[1]};
    char rows[2][256] = {"", ""};
    for (int i = 0; i < READINGS; i++) {
        int64_t now_s = (int64_t)i * READ_S, slot_s = now_s - now_s % SLOT_S;
        for (int m = 0; m < 2; m++) {
            double wh;
            int64_t wh_th;
            if (next_reading(&at[m], &wh) && history_thousandths(wh, &wh_th)) {
                if (m == 0 && i == story->new_serial)
                    history_replaced(&meters[0]);
                history_counter_add(&meters[m], wh_th, now_s, slot_s, SLOT_S);
            }
        }
        if (i % 2 == 1) {
            if (!history_swapped(&meters[0], &meters[1]))
                (void)history_swapped(&meters[1], &meters[0]);
            for (int m = 0; m < 2; m++)
                write_slot(&meters[m], rows[m], sizeof(rows[m]));
        }
    }
    for (int m = 0; m < 2; m++)
        if (strcmp(rows[m], story->rows[m]) != 0)
            fail_msg("%s, meter %d: %s, expected %s", story->what, m + 1, rows[m], story->rows[m]);
}

static void stories_of_two_meters(void **state)
{
    (void)state;
    // Flags: 1 recovered, 2 reset, 8 rolled over, 16 swapped, 32 replaced.
    static const struct story stories[] = {
        {"steady",
         {"100 110 120 130 140 150 160 170 180 190 200 210",
          "5000 5001 5002 5003 5004 5005 5006 5007 5008 5009 5010 5011"},
         -1,
         {"10/0 20/0 20/0 20/0 20/0 20/0", "1/0 2/0 2/0 2/0 2/0 2/0"}},
        {"a reset: the step over it is lost, nothing is invented",
         {"900100 900110 900120 900130 0 10 20 30 40 50 60 70",
          "5000 5000 5000 5000 5000 5000 5000 5000 5000 5000 5000 5000"},
         -1,
         {"10/0 20/0 10/2 20/0 20/0 20/0", "0/0 0/0 0/0 0/0 0/0 0/0"}},
        {"a roll-over: nothing is lost",
         {"4294967270 4294967280 4294967290 4 14 24 34 44 54 64 74 84", "1 1 1 1 1 1 1 1 1 1 1 1"},
         -1,
         {"10/0 20/8 20/0 20/0 20/0 20/0", "0/0 0/0 0/0 0/0 0/0 0/0"}},
        {"swapped: each goes on where the other stood, neither counts the change",
         {"700100 700110 700120 700130 300120 300121 300122 300123 300124 300125 300126 300127",
          "300100 300101 300110 300111 700140 700150 700160 700170 700180 700190 700200 700210"},
         -1,
         {"10/0 20/0 1/16 2/0 2/0 2/0", "1/0 10/0 10/16 20/0 20/0 20/0"}},
        {"swapped, and the rise alone would have been believed",
         {"10100 10110 10120 10130 10021 10022 10023 10024 10025 10026 10027 10028",
          "10000 10005 10010 10020 10140 10150 10160 10170 10180 10190 10200 10210"},
         -1,
         {"10/0 20/0 1/16 2/0 2/0 2/0", "5/0 15/0 10/16 20/0 20/0 20/0"}},
        {"another meter in its place",
         {"900100 900110 900120 900130 450000 450010 450020 450030 450040 450050 450060 450070",
          "1 1 1 1 1 1 1 1 1 1 1 1"},
         -1,
         {"10/0 20/0 10/32 20/0 20/0 20/0", "0/0 0/0 0/0 0/0 0/0 0/0"}},
        {"another meter that stands a little higher: its serial number tells",
         {"900100 900110 900120 900130 900940 900950 900960 900970 900980 900990 901000 901010",
          "1 1 1 1 1 1 1 1 1 1 1 1"},
         5,
         {"10/0 20/0 10/32 20/0 20/0 20/0", "0/0 0/0 0/0 0/0 0/0 0/0"}},
        {"another serial number, told before its first reading",
         {"900100 900110 900120 900130 900940 900950 900960 900970 900980 900990 901000 901010",
          "1 1 1 1 1 1 1 1 1 1 1 1"},
         4,
         {"10/0 20/0 10/32 20/0 20/0 20/0", "0/0 0/0 0/0 0/0 0/0 0/0"}},
        {"not read for a while: a gap, and all of it in one flagged slot",
         {"100 110 - - - - 160 170 180 190 200 210", "1 1 1 1 1 1 1 1 1 1 1 1"},
         -1,
         {"10/0 - - 60/1 20/0 20/0", "0/0 0/0 0/0 0/0 0/0 0/0"}},
        {"gone for good",
         {"100 110 - - - - - - - - - -", "1 - 1 - 1 - 1 - 1 - 1 -"},
         -1,
         {"10/0 - - - - -", "?/0 0/0 0/0 0/0 0/0 0/0"}},
    };
    for (size_t i = 0; i < COUNT(stories); i++)
        tell(&stories[i]);
}

static void power_is_integrated_without_inventing(void **state)
{
    (void)state;
    struct history_integral integral = {0};
    static const struct {
        double power_w;
        int64_t at_ms;
        int64_t expected_th;
    } cases[] = {
        {3600, 0, 0},        // the first tells nothing
        {3600, 1000, 1000},  // 1 Wh in a second
        {7200, 2000, 1500},  // the mean of both
        {-5000, 3000, 1000}, // what is given back is not counted
        {3600, 200000, 0},   // too long ago
        {3600, 201000, 1000},
        {3600, 200500, 0}, // time does not run back
        {(double)NAN, 202000, 500},
        {0.9, 203000, 0},
        {0.9, 204000, 0},
        {0.9, 205000, 0},
        {0.9, 206000, 0},
        {0.9, 207000, 1}, // rests add up
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t got = history_integrate(&integral, cases[i].power_w, cases[i].at_ms, 60000);
        if (got != cases[i].expected_th)
            fail_msg("case %zu: %lld", i, (long long)got);
    }
}

// ---- Packing ---------------------------------------------------------------------------------------------

static int make_day(bool counter, struct history_value *values)
{
    int count = 0;
    for (int64_t at_s = 0, step_s; at_s < 86400; at_s += step_s) {
        step_s = count == 40 ? 60 : 600; // the interval was changed
        if (at_s >= 30000 && at_s < 36000)
            continue; // a gap
        values[count] = (struct history_value){.start_s = 864000 + at_s,
                                               .length_s = (int)step_s,
                                               .has_value = count % 50 != 49,
                                               .flags = count % 33 == 32 ? HISTORY_RECOVERED : 0};
        int64_t value_th =
            counter ? 10000LL * (count % 7) : 230000 + 37LL * (count % 11) - 2000LL * (count % 3);
        if (values[count].has_value) {
            values[count].value_th = value_th;
            values[count].low_th = counter ? 0 : value_th - 150;
            values[count].high_th = counter ? 0 : value_th + 4000;
        }
        count++;
    }
    return count;
}

static void a_day_comes_back_as_it_was(void **state)
{
    (void)state;
    for (int counter = 0; counter < 2; counter++) {
        struct history_value values[200], back;
        uint8_t bytes[200 * HISTORY_ENTRY_MAX];
        int count = make_day(counter, values);
        size_t len = history_day_pack(values, count, counter, 864000, bytes, sizeof(bytes));
        assert_true(len > 0 && len < (size_t)count * (counter ? 2 : 7) + 60);
        assert_int_equal(history_day_pack(values, count, counter, 864000, bytes, 50), 0);
        struct history_day_reader reader;
        history_day_open(&reader, bytes, len, 864000);
        for (int i = 0; i < count; i++) {
            assert_true(history_day_next(&reader, &back));
            assert_memory_equal(&back, &values[i], sizeof(back));
        }
        assert_false(history_day_next(&reader, &back));
        assert_false(reader.bad);
        for (size_t cut = 0; cut < len; cut++) { // damaged: never more than was there
            int read = 0;
            history_day_open(&reader, bytes, cut, 864000);
            while (history_day_next(&reader, &back))
                read++;
            assert_true(read < count);
        }
    }
}

static void late_slots_are_put_among_the_others(void **state)
{
    (void)state;
    struct history_value a[] = {{.start_s = 0, .length_s = 600, .has_value = true, .value_th = 5},
                                {.start_s = 1200, .length_s = 600, .has_value = true, .value_th = 7}};
    struct history_value b[] = {
        {.start_s = 600, .length_s = 600, .has_value = true, .value_th = 6},
        {.start_s = 1200, .length_s = 600, .has_value = true, .value_th = 1, .flags = HISTORY_RESET},
        {.start_s = 1500, .length_s = 300, .has_value = true, .value_th = 2}};
    struct history_value all[5];
    assert_int_equal(history_values_merge(a, 2, b, 3, true, all), 4);
    static const int64_t starts[] = {0, 600, 1200, 1500}, steps[] = {5, 6, 8, 2},
                         lengths[] = {600, 600, 300, 300};
    for (int i = 0; i < 4; i++)
        assert_true(all[i].start_s == starts[i] && all[i].value_th == steps[i] &&
                    all[i].length_s == lengths[i]);
    assert_int_equal(all[2].flags, HISTORY_RESET);
    assert_int_equal(history_values_merge(a, 2, b, 3, false, all), 4);
    assert_int_equal(all[2].value_th, 7); // of what is measured, what was there stays
}

// ---- Where amounts belong --------------------------------------------------------------------------------

static const struct calendar_zone paris = {
    .count = 3, .transitions = {{INT64_MIN, 3600}, {1774746000, 7200}, {1792890000, 3600}}};

static void spans_follow_the_local_calendar(void **state)
{
    (void)state;
    static const struct {
        enum calendar_unit unit;
        struct calendar_date from;
        int count;
        int64_t first_s, last_s, before_s; // start, end, start of the period before
    } cases[] = {
        {CALENDAR_HOUR, {2026, 3, 29}, 23, 1774738800, 1774821600, 1774652400}, // 23 hours
        {CALENDAR_HOUR, {2026, 10, 25}, 25, 1792879200, 1792969200, 1792792800},
        {CALENDAR_DAY, {2026, 3, 28}, 3, 1774652400, 1774908000, 1774393200},
        {CALENDAR_MONTH, {2026, 3, 15}, 2, 1772319600, 1777586400, 1767222000},
        {CALENDAR_YEAR, {2026, 3, 15}, 1, 1767222000, 1798758000, 1735686000},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct history_spans spans, before;
        history_spans_make(&paris, cases[i].unit, cases[i].from, cases[i].count, &spans);
        assert_int_equal(spans.edge_s[0], cases[i].first_s);
        assert_int_equal(spans.edge_s[spans.count], cases[i].last_s);
        history_spans_before(&paris, cases[i].unit, &spans, &before);
        assert_int_equal(before.edge_s[0], cases[i].before_s);
        assert_int_equal(history_span_at(&spans, cases[i].first_s - 1), -1);
        assert_int_equal(history_span_at(&spans, cases[i].last_s), -1);
        assert_int_equal(history_span_at(&spans, cases[i].last_s - 1), spans.count - 1);
    }
}

static const struct history_member members[] = {
    {1, 0, {.circuit = 5, .zones = {8, 9}, .zone_count = 2}},
    {1, 3600, {.circuit = 6, .panel = 3}},
    {2, 0, {.circuit = 5, .excluded = true}},
    {3, 0, {.service = SITE_GAS}},
};

static void amounts_go_where_the_device_was(void **state)
{
    (void)state;
    static const struct {
        struct history_ask ask;
        const char *expected; // service/id:value per hour
    } cases[] = {
        {{HISTORY_BY_CIRCUIT, SITE_ELECTRICITY, -1, -1, -1, -1}, "0/5:1,- 0/6:-,10"},
        {{HISTORY_BY_ZONE, SITE_ELECTRICITY, -1, -1, -1, -1}, "0/0:-,10 0/8:1,- 0/9:1,-"},
        {{HISTORY_BY_ZONE, SITE_ELECTRICITY, -1, 8, -1, -1}, "0/8:1,-"},
        {{HISTORY_BY_PANEL, SITE_ELECTRICITY, -1, -1, -1, -1}, "0/0:1,- 0/3:-,10"},
        {{HISTORY_BY_DEVICE, SITE_ELECTRICITY, -1, -1, -1, -1}, "0/1:1,10"},
        {{HISTORY_BY_DEVICE, HISTORY_ANY, -1, -1, -1, 2}, "0/2:100,1000"},
        {{HISTORY_BY_SERVICE, HISTORY_ANY, -1, -1, -1, -1}, "0/0:1,10 1/0:7,70"},
        {{HISTORY_BY_DEVICE, SITE_ELECTRICITY, 6, -1, -1, -1}, "0/1:-,10"},
        {{HISTORY_BY_CIRCUIT, SITE_WATER, -1, -1, -1, -1}, ""},
    };
    static unsigned char block[65536];
    struct history_spans spans = {.count = 2, .edge_s = {0, 3600, 7200}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ew_arena arena;
        struct history_histogram h;
        char got[256] = "";
        ew_arena_init(&arena, block, sizeof(block));
        history_histogram_init(&h, &arena, 8, 8, &spans, &cases[i].ask, members, COUNT(members), 7200);
        for (int hour = 0; hour < 2; hour++) {
            static const int64_t values[] = {1, 100, 7};
            for (int d = 0; d < 3; d++) {
                struct history_amount amount = {.device = d + 1,
                                                .measure = d == 2 ? HISTORY_VOLUME : HISTORY_ENERGY,
                                                .start_s = hour * 3600,
                                                .length_s = 3600,
                                                .has_value = true,
                                                .value_th = values[d] * (hour ? 10 : 1)};
                history_histogram_add(&h, &amount);
            }
        }
        history_histogram_finish(&h);
        assert_false(h.full);
        for (int r = 0; r < h.row_count; r++) {
            size_t n = strlen(got);
            n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%d/%lld:", r ? " " : "",
                                  (int)h.rows[r].service, (long long)h.rows[r].id);
            for (int s = 0; s < 2; s++)
                n += (size_t)(h.rows[r].cells[s].known
                                  ? snprintf(got + n, sizeof(got) - n, "%s%lld", s ? "," : "",
                                             (long long)h.rows[r].cells[s].value_th)
                                  : snprintf(got + n, sizeof(got) - n, "%s-", s ? "," : ""));
        }
        assert_string_equal(got, cases[i].expected);
    }
}

static void missing_time_is_a_gap_only_between_records(void **state)
{
    (void)state;
    static unsigned char block[65536];
    struct history_spans spans = {.count = 6, .edge_s = {0, 3600, 7200, 10800, 14400, 18000, 21600}};
    static const struct history_ask ask = {HISTORY_BY_DEVICE, HISTORY_ANY, -1, -1, -1, 1};
    struct ew_arena arena;
    struct history_histogram h;
    ew_arena_init(&arena, block, sizeof(block));
    history_histogram_init(&h, &arena, 8, 8, &spans, &ask, members, COUNT(members), 16200);
    static const struct {
        int64_t start_s, length_s;
        unsigned flags;
    } amounts[] = {{3600, 3600, 0}, {10800, 1800, HISTORY_RECOVERED}, {14400, 1800, 0}};
    for (size_t i = 0; i < COUNT(amounts); i++) {
        struct history_amount amount = {1, HISTORY_ENERGY,  amounts[i].start_s, amounts[i].length_s, true,
                                        1, amounts[i].flags};
        history_histogram_add(&h, &amount);
    }
    history_histogram_finish(&h);
    // Not there yet; whole; nothing between records; half; whole as far as time has come; not yet.
    static const unsigned expected[] = {0, 0, HISTORY_GAP, HISTORY_GAP | HISTORY_RECOVERED, 0, 0};
    for (int i = 0; i < 6; i++)
        if (h.rows[0].cells[i].flags != expected[i])
            fail_msg("hour %d: flags %u", i, h.rows[0].cells[i].flags);
}

static void too_little_memory_is_told(void **state)
{
    (void)state;
    unsigned char block[4096];
    struct history_spans spans = {.count = 2, .edge_s = {0, 3600, 7200}};
    static const struct history_ask ask = {HISTORY_BY_DEVICE, HISTORY_ANY, -1, -1, -1, -1};
    struct ew_arena arena;
    struct history_histogram h;
    ew_arena_init(&arena, block, sizeof(block));
    history_histogram_init(&h, &arena, 1, 8, &spans, &ask, members, COUNT(members), 7200);
    for (int d = 1; d <= 3; d += 2) {
        struct history_amount amount = {d, d == 3 ? HISTORY_VOLUME : HISTORY_ENERGY, 0, 3600, true, 1, 0};
        history_histogram_add(&h, &amount);
        assert_int_equal(h.full, d == 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reading_after_another),
        cmocka_unit_test(numbers_beyond_what_is_exact_are_none),
        cmocka_unit_test(stories_of_two_meters),
        cmocka_unit_test(power_is_integrated_without_inventing),
        cmocka_unit_test(a_day_comes_back_as_it_was),
        cmocka_unit_test(late_slots_are_put_among_the_others),
        cmocka_unit_test(spans_follow_the_local_calendar),
        cmocka_unit_test(amounts_go_where_the_device_was),
        cmocka_unit_test(missing_time_is_a_gap_only_between_records),
        cmocka_unit_test(too_little_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
