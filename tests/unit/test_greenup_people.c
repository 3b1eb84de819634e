// What people and the site may do with charging: the switch and what stands against it, ceilings, choices,
// the queue; a meter that no longer measures; changes of the site file that only the switch may make.
#include "check.h"

#include "base/json.h"
#include "core/greenup/allow.h"
#include "core/greenup/frozen.h"
#include "core/greenup/greenup.h"
#include "core/site/site.h"
#include <stdio.h>
#include <string.h>

// ---- The switch ------------------------------------------------------------------------------------------

struct heard {
    char text[512];
};

static void hear(void *user, int32_t device, bool tick, const struct ew_reason *reason)
{
    struct heard *heard = user;
    size_t len = strlen(heard->text);
    assert_true(reason->text[0] != 0);
    (void)snprintf(heard->text + len, sizeof(heard->text) - len, "%s%d%s%s", len ? " " : "", (int)device,
                   tick ? "?" : "!", reason->code + strlen("greenup."));
}

static void what_stands_against_switching_on(void **state)
{
    (void)state;
    static const struct greenup_facts_station good = {.id = 5,
                                                      .phases = 7,
                                                      .read = true,
                                                      .writable = true,
                                                      .proven = true,
                                                      .watchdog = GREENUP_WATCHDOG_VERIFIED,
                                                      .fallback_ma = 6000};
    struct greenup_facts_station unset = good, mute = good, bare = good, unsure = good, high = good;
    unset.phases = 0;
    mute.writable = false;
    bare.watchdog = GREENUP_WATCHDOG_NONE;
    unsure.watchdog = GREENUP_WATCHDOG_UNVERIFIED;
    unsure.proven = false;
    high.fallback_ma = 32001;
    high.phases = 2;
    struct greenup_facts_station unread = mute;
    unread.read = false;
    const struct greenup_facts_station two[] = {high, high};
    const struct {
        bool configured, fresh;
        int count;
        const struct greenup_facts_station *stations;
        const char *expected;
    } cases[] = {
        {true, true, 1, &good, ""},
        {false, false, 1, &good, "0!not_configured"},
        {true, false, 1, &good, "0!meter_silent"},
        {true, true, 0, NULL, "0!no_station"},
        {true, true, 1, &unset, "5!phase_unset"},
        {true, true, 1, &mute, "5!not_writable"},
        {true, true, 1, &unread, ""}, // not known yet: nothing to say
        {true, true, 1, &bare, "5?no_watchdog"},
        {true, true, 1, &unsure, "5?no_watchdog 5?unproven_profile"},
        {true, true, 1, &high, ""},
        {true, true, 2, two, "0!fallback_sum"}, // 64.002 A on L2 alone
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct greenup_facts facts = {.configured = cases[i].configured,
                                            .meter_fresh = cases[i].fresh,
                                            .max_ma = {64000, 64000, 64000},
                                            .count = cases[i].count,
                                            .stations = cases[i].stations};
        struct heard heard = {""};
        greenup_allow(&facts, hear, &heard);
        assert_string_equal(heard.text, cases[i].expected);
    }
}

// ---- A frozen meter --------------------------------------------------------------------------------------

static void a_meter_is_frozen_when_only_the_stations_move(void **state)
{
    (void)state;
    static const struct {
        int32_t draw_ma[2]; // of two stations at the end
        bool meter_changes; // a value of the meter changed half-way
        int64_t after_ms;
        bool expected;
    } cases[] = {
        {{16000, 0}, false, 60000, false},     // nobody moved
        {{14000, 0}, false, 60000, false},     // 2 A: not more
        {{13999, 0}, false, 60000, true},      //
        {{15000, 1001}, false, 60000, true},   // in sum, each way counts
        {{6000, 0}, false, 59999, false},      // not yet a minute
        {{6000, 0}, true, 60000, false},       // it does measure
        {{6000, 0}, true, 30000 + 60000, true} // a minute after that again
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct greenup_frozen f = {.started = false};
        const int32_t before_ma[2] = {16000, 0};
        assert_false(greenup_frozen_judge(&f, before_ma, 2, 1000));
        greenup_frozen_meter(&f, 0, 11, 1000);
        greenup_frozen_meter(&f, 1, 12, 1000);
        assert_false(greenup_frozen_judge(&f, before_ma, 2, 1000));
        if (cases[i].meter_changes) {
            greenup_frozen_meter(&f, 1, 13, 31000);
            assert_false(greenup_frozen_judge(&f, before_ma, 2, 31000));
        }
        greenup_frozen_meter(&f, 0, 11, 40000);
        greenup_frozen_meter(&f, 3, 77, 45000); // a slow group, read for the first time
        assert_int_equal(greenup_frozen_judge(&f, cases[i].draw_ma, 2, 1000 + cases[i].after_ms),
                         cases[i].expected);
        // Moved is moved: it may come back to where it was.
        assert_int_equal(greenup_frozen_judge(&f, before_ma, 2, 1000 + cases[i].after_ms), cases[i].expected);
        greenup_frozen_meter(&f, 0, 99, 200000);
        assert_false(greenup_frozen_judge(&f, before_ma, 2, 200000));
    }
}

// ---- Ceilings, choices, queue ----------------------------------------------------------------------------

static struct greenup core;
static struct greenup_out out;

static struct greenup_settings settings(void)
{
    struct greenup_settings s;
    greenup_settings_init(&s);
    for (int p = 0; p < GREENUP_PHASES; p++) {
        s.max_ma[p] = 60000;
        s.charge_ma[p] = 60000;
    }
    s.hysteresis_bp = 0;
    return s;
}

// Steps once with vehicles everywhere that draw what they may.
static void step(int count, int64_t now_ms)
{
    struct greenup_reading readings[4];
    struct greenup_meter meter = {.phases = 7, .at_ms = now_ms};
    for (int i = 0; i < count; i++) {
        const int32_t limit_ma = greenup_limit_ma(&core, i);
        readings[i] = (struct greenup_reading){.link = GREENUP_ONLINE,
                                               .read_ms = now_ms,
                                               .plugged = true,
                                               .requesting = true,
                                               .plug_seq = 1,
                                               .plug_ms = i,
                                               .current_known = true,
                                               .i_ma = {limit_ma, limit_ma, limit_ma},
                                               .limit_ma = limit_ma,
                                               .session_wh = -1};
        for (int p = 0; p < GREENUP_PHASES; p++)
            meter.i_ma[p] += limit_ma;
    }
    const struct greenup_in in = {.meter = meter, .stations = readings};
    greenup_step(&core, &in, now_ms, &out);
}

static void begin(int count)
{
    struct greenup_station stations[4];
    const struct greenup_settings set = settings();
    for (int i = 0; i < count; i++)
        stations[i] = (struct greenup_station){.id = i + 1, .rated_ma = 32000, .phases = 7};
    greenup_init(&core, &set, stations, count, GREENUP_RUN, 0);
}

static void a_ceiling_is_never_passed(void **state)
{
    (void)state;
    static const struct {
        int32_t cap_ma, expected_ma;
    } cases[] = {{-1, 32000},  {32000, 32000}, {40000, 32000}, {20000, 20000},
                 {6000, 6000}, {5999, 0},      {0, 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        begin(1);
        greenup_set_cap(&core, 0, cases[i].cap_ma);
        for (int64_t t = 0; t <= 200000; t += 5000)
            step(1, t);
        assert_int_equal(greenup_limit_ma(&core, 0), cases[i].expected_ma);
        // Set under a running charge, and taken away again.
        begin(1);
        for (int64_t t = 0; t <= 100000; t += 5000)
            step(1, t);
        assert_int_equal(greenup_limit_ma(&core, 0), 32000);
        greenup_set_cap(&core, 0, cases[i].cap_ma);
        step(1, 105000);
        assert_int_equal(greenup_limit_ma(&core, 0), cases[i].expected_ma);
        greenup_set_cap(&core, 0, -1);
        for (int64_t t = 110000; t <= 400000; t += 5000)
            step(1, t);
        assert_int_equal(greenup_limit_ma(&core, 0), 32000);
    }
}

static void a_ceiling_holds_without_control_too(void **state)
{
    (void)state;
    begin(1);
    greenup_select(&core, false, 0);
    greenup_set_cap(&core, 0, 10000);
    step(1, 0);
    assert_int_equal(greenup_limit_ma(&core, 0), 10000);
    greenup_set_cap(&core, 0, 3000);
    step(1, 5000);
    assert_int_equal(greenup_limit_ma(&core, 0), 0);
    greenup_set_cap(&core, 0, -1);
    step(1, 10000);
    assert_int_equal(greenup_limit_ma(&core, 0), 32000);
}

static void choices_go_back_to_the_default(void **state)
{
    (void)state;
    struct greenup_station_view view;
    begin(1);
    step(1, 0);
    greenup_choose(&core, 0, GREENUP_CHOOSE_PRIORITY, GREENUP_YES);
    greenup_choose(&core, 0, GREENUP_CHOOSE_HOLD, GREENUP_YES);
    greenup_look_station(&core, 0, &view);
    assert_true(view.priority && !view.priority_default && view.hold && !view.forced);
    greenup_choose(&core, 0, GREENUP_CHOOSE_FORCED, GREENUP_YES); // ends the hold
    greenup_choose(&core, 0, GREENUP_CHOOSE_PRIORITY, GREENUP_DEFAULT);
    greenup_look_station(&core, 0, &view);
    assert_true(!view.priority && !view.hold && view.forced);
    greenup_set_priority(&core, 0, true, false);
    greenup_choose(&core, 0, GREENUP_CHOOSE_PRIORITY, GREENUP_NO);
    greenup_choose(&core, 0, GREENUP_CHOOSE_FORCED, GREENUP_DEFAULT);
    greenup_look_station(&core, 0, &view);
    assert_true(!view.priority && view.priority_default && !view.forced);
}

static void the_queue_is_in_the_order_of_starts(void **state)
{
    (void)state;
    uint16_t queue[4];
    begin(4);
    greenup_set_priority(&core, 2, true, false);
    step(4, 0); // the first starts
    greenup_queue(&core, queue);
    assert_int_equal(queue[2], 0);
    assert_int_equal(queue[0], 1);
    assert_int_equal(queue[1], 2);
    assert_int_equal(queue[3], 3);
    greenup_choose(&core, 3, GREENUP_CHOOSE_FORCED, GREENUP_YES);
    greenup_choose(&core, 0, GREENUP_CHOOSE_HOLD, GREENUP_YES);
    greenup_queue(&core, queue);
    assert_int_equal(queue[3], 1);
    assert_int_equal(queue[1], 2);
    assert_int_equal(queue[0], 0);
}

static void a_verified_watchdog_frees_what_a_lost_station_does_not_take(void **state)
{
    (void)state;
    for (int verified = 0; verified <= 1; verified++) {
        struct greenup_phase_view phase;
        begin(1);
        for (int64_t t = 0; t <= 100000; t += 5000)
            step(1, t);
        greenup_set_watchdog(&core, 0, verified, 6000);
        greenup_set_cap(&core, 0, 10000);
        step(1, 105000);
        step(1, 120000);
        struct greenup_reading gone = {.link = GREENUP_LOST, .limit_ma = -1};
        const struct greenup_in in = {.meter = {.phases = 7, .at_ms = 125000, .i_ma = {10000, 10000, 10000}},
                                      .stations = &gone};
        greenup_step(&core, &in, 125000, &out);
        greenup_look_phase(&core, 0, &phase);
        assert_int_equal(phase.booked_ma - phase.base_ma, verified ? 10000 : 32000);
    }
}

// ---- The site file ---------------------------------------------------------------------------------------

static void the_switch_and_what_was_accepted_are_not_changed_otherwise(void **state)
{
    (void)state;
#define ENTRY                                                                                                \
    "{\"device\":5,\"code\":\"greenup.no_watchdog\",\"account\":\"A\",\"at\":\"2026-01-01T00:00:00Z\","      \
    "\"text\":\"x\"}"
    static const struct {
        const char *was, *is, *code; // code NULL: allowed
    } cases[] = {
        {"{}", "{}", NULL},
        {"{}", "{\"greenup\":{\"on\":true}}", "greenup.use_switch"},
        {"{\"greenup\":{\"on\":false}}", "{\"greenup\":{\"on\":true}}", "greenup.use_switch"},
        {"{\"greenup\":{\"on\":true}}", "{\"greenup\":{\"on\":true}}", NULL},
        {"{\"greenup\":{\"on\":true}}", "{\"greenup\":{\"on\":false}}", NULL},
        {"{\"greenup\":{\"on\":true}}", "{}", NULL},
        {"{}", "{\"greenup\":{\"accepted\":[" ENTRY "]}}", "greenup.accepted_kept"},
        {"{\"greenup\":{\"accepted\":[" ENTRY "]}}", "{\"greenup\":{\"accepted\":[" ENTRY "]}}", NULL},
        {"{\"greenup\":{\"accepted\":[" ENTRY "]}}", "{\"greenup\":{\"accepted\":[]}}",
         "greenup.accepted_kept"},
        {"{\"greenup\":{\"accepted\":[" ENTRY "]}}", "{\"greenup\":{}}", "greenup.accepted_kept"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ew_reason reason = {.code = ""};
        cJSON *was = cJSON_Parse(cases[i].was), *is = cJSON_Parse(cases[i].is);
        assert_non_null(was);
        assert_non_null(is);
        enum ew_err err = site_greenup_change_check(was, is, &reason);
        assert_string_equal(err == EW_OK ? "" : reason.code, cases[i].code ? cases[i].code : "");
        cJSON_Delete(was);
        cJSON_Delete(is);
    }
}

static void settings_are_read_with_their_defaults(void **state)
{
    (void)state;
    struct site_greenup site;
    struct ew_reason reason = {.code = ""};
    cJSON *tree = cJSON_Parse("{\"meter\":30,\"i_max_a\":[63,60,50],\"i_chg_a\":40,\"timing\":{\"tick_s\":2},"
                              "\"stations\":[{\"device\":7,\"priority\":true}],\"accepted\":[" ENTRY "]}");
    assert_int_equal(site_greenup_read(tree, "", &site, &reason), EW_OK);
    assert_true(site.configured && !site.on && site.emergency && !site.dedicated);
    assert_true(site.meter == 30 && site.tick_s == 2 && site.up_s == 30 && site.station_s == 15);
    assert_true(site.max_a[2] >= 50 && site.max_a[2] <= 50 && site.charge_a[0] >= 40);
    assert_true(site_greenup_priority(tree, 7) && !site_greenup_priority(tree, 8));
    struct site_accepted entry;
    assert_true(site_greenup_accepted(tree, 0, &entry));
    assert_int_equal(entry.device, 5);
    assert_string_equal(entry.account, "A");
    assert_false(site_greenup_accepted(tree, 1, &entry));
    cJSON_Delete(tree);
    static const struct {
        const char *json, *path;
    } wrong[] = {
        {"{\"accepted\":[{\"device\":5}]}", "/accepted/0/code"},
        {"{\"accepted\":[{\"device\":5,\"code\":\"x\",\"account\":\"A\",\"at\":\"b\",\"text\":\"x\"}]}",
         "/accepted/0/code"},
        {"{\"off_limit_a\":5}", "/off_limit_a"},
        {"{\"i_max_a\":10,\"i_chg_a\":7,\"i_min_a\":8}", "/i_chg_a"},
        {"{\"on\":true,\"i_max_a\":10,\"i_chg_a\":7}", "/meter"},
        {"{\"on\":true,\"meter\":3,\"i_max_a\":10}", "/i_chg_a"}};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        tree = cJSON_Parse(wrong[i].json);
        assert_int_not_equal(site_greenup_read(tree, "", &site, &reason), EW_OK);
        assert_string_equal(reason.path, wrong[i].path);
        cJSON_Delete(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_against_switching_on),
        cmocka_unit_test(a_meter_is_frozen_when_only_the_stations_move),
        cmocka_unit_test(a_ceiling_is_never_passed),
        cmocka_unit_test(a_ceiling_holds_without_control_too),
        cmocka_unit_test(choices_go_back_to_the_default),
        cmocka_unit_test(the_queue_is_in_the_order_of_starts),
        cmocka_unit_test(a_verified_watchdog_frees_what_a_lost_station_does_not_take),
        cmocka_unit_test(the_switch_and_what_was_accepted_are_not_changed_otherwise),
        cmocka_unit_test(settings_are_read_with_their_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
