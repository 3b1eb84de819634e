// The charging core where a scenario can't look: settings, levels, sentences, charge counting, freshness,
// saved state.
#include "check.h"

#include "base/file.h"
#include "base/json.h"
#include "core/greenup/greenup.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct greenup core;
static struct greenup_out out;
static struct greenup_saved saved;

static struct greenup_settings site(void)
{
    struct greenup_settings s;
    greenup_settings_init(&s);
    for (int p = 0; p < GREENUP_PHASES; p++) {
        s.max_ma[p] = 100000;
        s.charge_ma[p] = 90000;
    }
    return s;
}

// ---- Settings --------------------------------------------------------------------------------------------

static void settings_out_of_range_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *path; // NULL: fine
        size_t offset;
        int32_t value;
    } cases[] = {
#define FIELD(field) offsetof(struct greenup_settings, field)
        {NULL, FIELD(hysteresis_bp), 0},
        {NULL, FIELD(hysteresis_bp), 2000},
        {"/hysteresis_pct", FIELD(hysteresis_bp), 2001},
        {"/hysteresis_pct", FIELD(hysteresis_bp), -1},
        {"/i_max_a", FIELD(max_ma[1]), 5999},
        {"/i_max_a", FIELD(max_ma[2]), 100000001},
        {"/i_chg_a", FIELD(max_ma[0]), 89999},
        {NULL, FIELD(charge_ma[0]), 6000},
        {"/i_chg_a", FIELD(charge_ma[0]), 5999},
        {"/i_chg_a", FIELD(charge_ma[2]), 100001},
        {NULL, FIELD(charge_ma[2]), 100000},
        {"/level1_pct", FIELD(level1_bp), 10001},
        {"/level2_pct", FIELD(level1_bp), 4999},
        {"/level2_pct", FIELD(level2_bp), 0},
        {"/level2_pct", FIELD(level2_bp), 7501},
        {NULL, FIELD(level2_bp), 7500},
        {"/failsafe_a", FIELD(failsafe_ma), -1},
        {"/i_min_a", FIELD(min_ma), 5000},
        {NULL, FIELD(min_ma), 8000},
        {"/off_limit_a", FIELD(off_ma), 5000},
        {NULL, FIELD(off_ma), 6000},
        {"/step_a", FIELD(step_ma), 99},
        {"/hard", FIELD(hard_pct), 99},
        {"/tick_s", FIELD(tick_ms), 99},
        {"/meter_s", FIELD(meter_ms), 0},
        {"/stn_s", FIELD(station_ms), 0},
        {NULL, FIELD(idle_ms), 0},
#undef FIELD
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct greenup_settings s = site();
        struct ew_reason reason = {0};
        memcpy((char *)&s + cases[i].offset, &cases[i].value, sizeof(int32_t));
        const enum ew_err err = greenup_settings_check(&s, &reason);
        assert_int_equal(err, cases[i].path ? EW_E_INVALID : EW_OK);
        assert_string_equal(reason.path, cases[i].path ? cases[i].path : "");
    }
}

static void levels_are_whole_amperes_and_never_below_six(void **state)
{
    (void)state;
    static const struct {
        int32_t rated_ma, level1_bp, level2_bp, min_ma, levels[4];
    } cases[] = {
        {32000, 7500, 5000, 6000, {32000, 24000, 16000, 6000}}, // the examples of A4
        {20000, 7500, 5000, 6000, {20000, 15000, 10000, 6000}},
        {16000, 7500, 5000, 6000, {16000, 12000, 8000, 6000}},
        {10000, 7500, 5000, 6000, {10000, 7000, 6000, 6000}},
        {8000, 7500, 5000, 6000, {8000, 6000, 6000, 6000}},
        {6000, 7500, 5000, 6000, {6000, 6000, 6000, 6000}},
        {16500, 10000, 5000, 6000, {16500, 16000, 8000, 6000}},
        {32000, 7500, 2500, 7000, {32000, 24000, 8000, 7000}},
        {6000, 7500, 5000, 7000, {6000, 6000, 6000, 6000}}, // refused elsewhere; still in order
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct greenup_settings s = site();
        int32_t levels[GREENUP_LEVELS];
        s.level1_bp = cases[i].level1_bp;
        s.level2_bp = cases[i].level2_bp;
        s.min_ma = cases[i].min_ma;
        greenup_levels(&s, cases[i].rated_ma, levels);
        assert_memory_equal(levels, cases[i].levels, sizeof(levels));
    }
}

// ---- Sentences -------------------------------------------------------------------------------------------

static void every_reason_is_in_both_catalogues_with_its_holes(void **state)
{
    (void)state;
    static const char *const files[] = {EDGEWATT_SOURCE_DIR "/schemas/messages/en.json",
                                        EDGEWATT_SOURCE_DIR "/schemas/messages/fr.json"};
    for (size_t f = 0; f < COUNT(files); f++) {
        struct ew_buf text;
        cJSON *tree = NULL;
        ew_buf_init(&text, 1 << 20);
        assert_int_equal(ew_file_read(files[f], 1 << 20, &text, NULL), EW_OK);
        assert_int_equal(ew_json_parse(ew_buf_text(&text), text.len, 1 << 20, &tree, NULL), EW_OK);
        for (int why = 0; why < GREENUP_WHY_COUNT; why++) {
            const struct greenup_why_params params = {.phase = 0};
            struct ew_reason reason;
            char key[80];
            greenup_why_reason((enum greenup_why)why, &params, &reason);
            (void)snprintf(key, sizeof(key), "reason.%s", reason.code);
            const cJSON *sentence = cJSON_GetObjectItemCaseSensitive(tree, key);
            if (!cJSON_IsString(sentence))
                fail_msg("%s lacks %s", files[f], key);
            if (f == 0)
                assert_string_equal(sentence->valuestring, greenup_why_sentence((enum greenup_why)why));
            for (int i = 0; i < reason.param_count; i++) {
                char hole[40];
                (void)snprintf(hole, sizeof(hole), "{%s}", reason.params[i].name);
                if (!strstr(sentence->valuestring, hole))
                    fail_msg("%s: %s lacks %s", files[f], key, hole);
            }
        }
        cJSON_Delete(tree);
        ew_buf_done(&text);
    }
}

static void a_reason_is_a_whole_sentence(void **state)
{
    (void)state;
    const struct greenup_why_params params = {
        .limit_ma = 12500, .current_ma = 120040, .max_ma = 100000, .phase = 2, .seconds = 60};
    struct ew_reason reason;
    greenup_why_reason(GREENUP_WHY_RED, &params, &reason);
    assert_string_equal(reason.code, "greenup.red");
    assert_string_equal(reason.text, "Reduced to 12.5 A: 120.1 A on L3 was above the maximum of 100 A.");
    assert_int_equal(reason.param_count, 4);
    assert_string_equal(reason.params[2].name, "phase");
    assert_string_equal(reason.params[2].value, "L3");
    greenup_why_reason(GREENUP_WHY_FREE, &params, &reason);
    assert_int_equal(reason.param_count, 0);
}

// ---- Steps -----------------------------------------------------------------------------------------------

static const struct greenup_station three_phase = {.id = 1, .rated_ma = 32000, .phases = 7};

static struct greenup_reading vehicle(int64_t now_ms, int32_t l1, int32_t l2, int32_t l3)
{
    return (struct greenup_reading){.link = GREENUP_ONLINE,
                                    .read_ms = now_ms,
                                    .plugged = true,
                                    .requesting = true,
                                    .plug_seq = 1,
                                    .current_known = true,
                                    .i_ma = {l1, l2, l3},
                                    .limit_ma = -1,
                                    .session_wh = -1};
}

static void step(int64_t now_ms, const struct greenup_reading *reading, int32_t l1)
{
    const struct greenup_in in = {.meter = {.phases = l1 >= 0 ? 7 : 0, .at_ms = now_ms, .i_ma = {l1, l1, l1}},
                                  .stations = reading};
    greenup_step(&core, &in, now_ms, &out);
}

static void begin(enum greenup_mode mode)
{
    const struct greenup_settings s = site();
    greenup_init(&core, &s, &three_phase, 1, mode, 0);
}

static void charge_is_counted_per_phase(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int32_t i_ma[3];
        bool known;
        int64_t wh; // at the end
        int64_t mah;
    } cases[] = {
        {"32 A three-phase for an hour", {32000, 32000, 32000}, true, -1, 32000},
        {"single-phase vehicle on a three-phase station", {16000, 0, 0}, true, -1, 16000},
        {"a phase at 1 A does not count", {16000, 1000, 16000}, true, -1, 16000},
        {"no current known, energy is", {0, 0, 0}, false, 22080, 32000},
        {"neither known: nothing, so it stays protected", {0, 0, 0}, false, -1, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        begin(GREENUP_RUN);
        for (int64_t t = 0; t <= 3600000; t += 5000) {
            struct greenup_reading r = vehicle(t, cases[i].i_ma[0], cases[i].i_ma[1], cases[i].i_ma[2]);
            r.current_known = cases[i].known;
            r.session_wh = cases[i].wh < 0 ? -1 : cases[i].wh * t / 3600000;
            step(t, &r, 32000);
        }
        if (core.point[0].s.charge_ma_ms / 3600000 != cases[i].mah)
            fail_msg("%s: %lld mAh", cases[i].name, (long long)core.point[0].s.charge_ma_ms / 3600000);
        assert_int_equal(greenup_satisfied(&core, 0), cases[i].mah >= 32000);
    }
}

static void a_long_sleep_counts_for_three_periods_only(void **state)
{
    (void)state;
    begin(GREENUP_RUN);
    struct greenup_reading r = vehicle(0, 16000, 16000, 16000);
    step(0, &r, 20000);
    r = vehicle(600000, 16000, 16000, 16000);
    step(600000, &r, 20000);
    assert_int_equal(core.point[0].s.charge_ma_ms, 16000 * 15000);
}

static void nothing_is_decided_from_a_sample_that_is_not_fresh(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool valid;
        int64_t at_ms;
        int32_t l2;
        bool starts;
    } cases[] = {
        {"fresh", true, 5000, 20000, true},
        {"absent", false, 5000, 20000, false},
        {"the one of the last period again", true, 0, 20000, false},
        {"almost a sampling interval old", true, 1, 20000, true},
        {"negative on a phase in use", true, 5000, -1, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        begin(GREENUP_RUN);
        struct greenup_reading r = vehicle(0, 0, 0, 0);
        r.plugged = r.requesting = false;
        step(0, &r, 20000);
        r = vehicle(5000, 0, 0, 0);
        const struct greenup_in in = {.meter = {.phases = cases[i].valid ? 7 : 0,
                                                .at_ms = cases[i].at_ms,
                                                .i_ma = {20000, cases[i].l2, 20000}},
                                      .stations = &r};
        greenup_step(&core, &in, 5000, &out);
        if ((greenup_limit_ma(&core, 0) > 0) != cases[i].starts)
            fail_msg("%s: limit %d", cases[i].name, greenup_limit_ma(&core, 0));
    }
}

static void a_reading_that_stops_is_a_lost_station(void **state)
{
    (void)state;
    begin(GREENUP_RUN);
    struct greenup_reading r = vehicle(0, 0, 0, 0);
    step(0, &r, 20000);
    assert_int_equal(greenup_limit_ma(&core, 0), 32000);
    for (int64_t t = 5000; t <= 15000; t += 5000) {
        step(t, &r, 20000); // the reading of 0
        assert_int_equal(core.point[0].lost, t >= 15000);
        assert_int_equal(out.alarms & GREENUP_ALARM_STATION_LOST,
                         t >= 15000 ? GREENUP_ALARM_STATION_LOST : 0);
    }
    struct ew_reason reason;
    greenup_explain(&core, 0, &reason);
    assert_string_equal(reason.code, "greenup.lost");
    assert_int_equal(greenup_limit_ma(&core, 0), 32000);
}

static void the_next_step_is_due_at_the_period_or_when_the_meter_is_silent(void **state)
{
    (void)state;
    begin(GREENUP_RUN);
    struct greenup_reading r = vehicle(0, 0, 0, 0);
    assert_int_equal(greenup_next_due_ms(&core, 0), 0);
    step(0, &r, 20000);
    assert_int_equal(greenup_next_due_ms(&core, 10), 5000);
    step(5000, &r, 20000);
    r = vehicle(7000, 0, 0, 0);
    step(7000, &r, 20000); // between: only taken note of
    assert_false(out.grid);
    for (int64_t t = 10000; t <= 20000; t += 5000) {
        r = vehicle(t, 0, 0, 0);
        step(t, &r, -1);
    }
    // Silent since 7 s: lost at 22 s, before the period of 25 s.
    assert_int_equal(greenup_next_due_ms(&core, 20000), 22000);
    assert_int_equal(core.mode, GREENUP_RUN);
    r = vehicle(22000, 0, 0, 0);
    step(22000, &r, -1);
    assert_int_equal(core.mode, GREENUP_FAILSAFE);
    assert_int_equal(greenup_limit_ma(&core, 0), 0);
    assert_int_equal(greenup_next_due_ms(&core, 22001), 25000);
    assert_int_equal(greenup_next_due_ms(&core, 26000), 26000);
}

static void base_load_alone_above_the_maximum_is_told(void **state)
{
    (void)state;
    begin(GREENUP_RUN);
    struct greenup_reading r = vehicle(0, 0, 0, 0);
    step(0, &r, 100001);
    assert_true(out.alarms & GREENUP_ALARM_NOT_CHARGING);
    r = vehicle(5000, 10000, 10000, 10000);
    step(5000, &r, 105000);
    assert_true(out.alarms & GREENUP_ALARM_RED);
    assert_false(out.alarms & GREENUP_ALARM_NOT_CHARGING);
}

// ---- Starts and saved state ------------------------------------------------------------------------------

static void a_charge_found_at_a_start_is_adopted_not_raised(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int32_t limit_ma, draw_ma; // read back, drawn
        enum greenup_state state;
        int32_t adopted_ma;
    } cases[] = {
        {"at its rated current", 32000, 32000, GREENUP_CHARGE, 32000},
        {"between two levels", 20000, 16000, GREENUP_CHARGE, 16000},
        {"at level 1", 24000, 24000, GREENUP_CHARGE, 24000},
        {"below the floor", 5000, 5000, GREENUP_WAIT, 0},
        {"paused", 0, 0, GREENUP_WAIT, 0},
        {"allowed but not drawing", 32000, 0, GREENUP_WAIT, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        begin(GREENUP_INIT);
        struct greenup_reading r = vehicle(0, cases[i].draw_ma, cases[i].draw_ma, cases[i].draw_ma);
        r.limit_ma = cases[i].limit_ma;
        step(0, &r, 40000);
        if (core.point[0].state != cases[i].state || greenup_limit_ma(&core, 0) != cases[i].adopted_ma)
            fail_msg("%s: state %d at %d mA", cases[i].name, (int)core.point[0].state,
                     greenup_limit_ma(&core, 0));
        assert_int_equal(core.point[0].s.charge_ma_ms, 0);
    }
}

static void a_start_waits_for_stations_that_were_not_read(void **state)
{
    (void)state;
    begin(GREENUP_INIT);
    struct greenup_reading unread = {.link = GREENUP_UNREAD, .limit_ma = -1};
    for (int64_t t = 0; t < 30000; t += 5000) {
        step(t, &unread, 20000);
        assert_int_equal(core.mode, GREENUP_INIT);
    }
    step(30000, &unread, 20000);
    assert_int_equal(core.mode, GREENUP_RUN);
}

static void saved_state_goes_on(void **state)
{
    (void)state;
    begin(GREENUP_RUN);
    for (int64_t t = 0; t <= 60000; t += 5000) {
        struct greenup_reading r = vehicle(t, t > 0 ? 32000 : 0, t > 0 ? 32000 : 0, t > 0 ? 32000 : 0);
        step(t, &r, 40000);
    }
    greenup_set_priority(&core, 0, true, true);
    greenup_save(&core, 61000, &saved);
    assert_true(greenup_saved_check(&saved));
    const int64_t charge = core.point[0].s.charge_ma_ms;
    const struct greenup_settings s = site();
    // Another clock: it stands at 1 000 000 when 4 s have passed.
    greenup_init(&core, &s, &three_phase, 1, GREENUP_INIT, 1000000);
    greenup_restore(&core, &saved, 4000, 1000000);
    assert_int_equal(core.point[0].s.conn_ms, 1000000 - 65000);
    assert_int_equal(core.point[0].s.charge_ma_ms, charge);
    assert_int_equal(greenup_limit_ma(&core, 0), 32000);
    assert_true(greenup_priority(&core, 0));
    struct greenup_reading r = vehicle(1000000, 24000, 24000, 24000);
    r.limit_ma = 24000; // it fell back meanwhile
    step(1000000, &r, 40000);
    assert_int_equal(greenup_limit_ma(&core, 0), 24000);
    assert_int_equal(out.command_count, 1);
    assert_int_equal(out.commands[0].why, GREENUP_WHY_RESTART);
}

static void damaged_saved_state_is_refused(void **state)
{
    (void)state;
    begin(GREENUP_RUN);
    struct greenup_reading r = vehicle(0, 0, 0, 0);
    step(0, &r, 20000);
    greenup_save(&core, 0, &saved);
    assert_true(greenup_saved_check(&saved));
    static struct greenup_saved bad;
#define DAMAGE(change)                                                                                       \
    bad = saved;                                                                                             \
    change;                                                                                                  \
    assert_false(greenup_saved_check(&bad))
    DAMAGE(bad.count = -1);
    DAMAGE(bad.count = GREENUP_STATIONS_MAX + 1);
    DAMAGE(bad.point[0].state = (enum greenup_state)9);
    DAMAGE(bad.point[0].level = GREENUP_LEVELS);
    DAMAGE(bad.point[0].limit_ma = -1);
    DAMAGE(bad.point[0].charge_ma_ms = -1);
    DAMAGE(bad.point[0].conn_age_ms = -1);
    DAMAGE(bad.point[0].wait_age_ms = INT64_MAX);
    DAMAGE(bad.point[0].stop_age_ms = -2);
    DAMAGE(bad.point[0].hold = (enum greenup_choice)7);
#undef DAMAGE
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_out_of_range_are_named),
        cmocka_unit_test(levels_are_whole_amperes_and_never_below_six),
        cmocka_unit_test(every_reason_is_in_both_catalogues_with_its_holes),
        cmocka_unit_test(a_reason_is_a_whole_sentence),
        cmocka_unit_test(charge_is_counted_per_phase),
        cmocka_unit_test(a_long_sleep_counts_for_three_periods_only),
        cmocka_unit_test(nothing_is_decided_from_a_sample_that_is_not_fresh),
        cmocka_unit_test(a_reading_that_stops_is_a_lost_station),
        cmocka_unit_test(the_next_step_is_due_at_the_period_or_when_the_meter_is_silent),
        cmocka_unit_test(base_load_alone_above_the_maximum_is_told),
        cmocka_unit_test(a_charge_found_at_a_start_is_adopted_not_raised),
        cmocka_unit_test(a_start_waits_for_stations_that_were_not_read),
        cmocka_unit_test(saved_state_goes_on),
        cmocka_unit_test(damaged_saved_state_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
