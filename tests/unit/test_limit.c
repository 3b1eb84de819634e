// Limits in watts and per cent: what is told, what is read back, and that no phase ever carries more.
#include "check.h"

#include "core/profile/limit.h"
#include "profile_text.h"
#include <math.h>
#include <string.h>

#define AMPERES(count_)                                                                                      \
    {                                                                                                        \
        .unit = PROFILE_LIMIT_A, .count = (count_)                                                           \
    }
#define WATTS(phases_, count_)                                                                               \
    {                                                                                                        \
        PROFILE_LIMIT_W, 230, (phases_), 0, (count_)                                                         \
    }
#define PERCENT(rated_, count_)                                                                              \
    {                                                                                                        \
        PROFILE_LIMIT_PERCENT, 230, 1, (rated_), (count_)                                                    \
    }

static void limits_are_told_rounded_down_and_read_back_the_same(void **state)
{
    (void)state;
    static const struct {
        struct profile_limit limit;
        int32_t limit_ma;
        double told;
        int32_t read_ma, least_ma; // of a station that offers 6 A or more
    } cases[] = {
        {AMPERES(1), 16000, 16, 16000, 6000},
        {AMPERES(1), 7999, 7, 7000, 6000}, // not 8
        {AMPERES(0.1), 16000, 16, 16000, 6000},
        {AMPERES(0.1), 7960, 7.9, 7900, 6000},
        {AMPERES(0.06), 7000, 6.96, 6960, 6000},
        {AMPERES(0), 7123, 7.123, 7123, 6000},
        // At 207 V: what flows at 230 V is less.
        {WATTS(1, 1), 16000, 3312, 16000, 7334},
        {WATTS(3, 1), 16000, 9936, 16000, 7334},
        {WATTS(3, 1), 16001, 9936, 16000, 7334},
        {WATTS(1, 100), 16000, 3300, 15943, 7730},
        {WATTS(3, 100), 10000, 6200, 9984, 7408},
        {WATTS(1, 100), 400, 0, 0, 7730},
        {WATTS(3, 0), 10000, 6210, 10000, 7334},
        {PERCENT(32000, 1), 16000, 50, 16000, 6080},
        {PERCENT(32000, 1), 6000, 18, 5760, 6080},
        {PERCENT(16000, 0.1), 10010, 62.5, 10000, 6000},
        {PERCENT(16000, 1), 16000, 100, 16000, 6080},
        {WATTS(1, 1), 0, 0, 0, 7334},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct profile_limit *limit = &cases[i].limit;
        double told = profile_limit_told(limit, cases[i].limit_ma);
        if (fabs(told - cases[i].told) > 1e-6 || profile_limit_ma(limit, told) != cases[i].read_ma ||
            profile_limit_least_ma(limit, 6000) != cases[i].least_ma)
            fail_msg("case %zu: told %g, read back %d mA, least %d mA", i, told,
                     profile_limit_ma(limit, told), profile_limit_least_ma(limit, 6000));
    }
}

// Over every limit: never more than asked for, the same when told again, and the least really offers 6 A.
static void no_limit_lets_more_flow(void **state)
{
    (void)state;
    static const struct profile_limit limits[] = {
        AMPERES(1),          AMPERES(0.1),        AMPERES(0.06), WATTS(1, 1),   WATTS(2, 1),
        WATTS(3, 1),         WATTS(1, 100),       WATTS(3, 100), WATTS(3, 0.1), PERCENT(32000, 1),
        PERCENT(16000, 0.5), PERCENT(13000, 0.1), WATTS(1, 1000)};
    for (size_t i = 0; i < COUNT(limits); i++)
        for (int32_t ma = 0; ma <= 40000; ma += 7) {
            double told = profile_limit_told(&limits[i], ma);
            int32_t read_ma = profile_limit_ma(&limits[i], told);
            if (read_ma > ma || fabs(profile_limit_told(&limits[i], read_ma) - told) > 1e-6)
                fail_msg("limit %zu, %d mA: told %g, read back %d mA", i, ma, told, read_ma);
            if (limits[i].unit == PROFILE_LIMIT_W) // at the lowest voltage
                assert_true(told / (207 * limits[i].phases) * 1000 <= ma + 1e-6);
        }
    for (size_t i = 0; i < COUNT(limits); i++) {
        double told = profile_limit_told(&limits[i], profile_limit_least_ma(&limits[i], 6000));
        double a = limits[i].unit == PROFILE_LIMIT_W         ? told / (253 * limits[i].phases)
                   : limits[i].unit == PROFILE_LIMIT_PERCENT ? told * limits[i].rated_ma / 1e5
                                                             : told;
        assert_true(a >= 6 - 1e-6);
    }
}

static void what_is_no_current_is_none(void **state)
{
    (void)state;
    const struct profile_limit watts = WATTS(3, 1), nobody_knows = PERCENT(0, 1), known = PERCENT(1, 1);
    assert_int_equal(profile_limit_ma(&watts, -1), -1);
    assert_int_equal(profile_limit_ma(&watts, (double)NAN), -1);
    assert_int_equal(profile_limit_ma(&watts, 4294967295.0), -1);
    assert_false(profile_limit_known(&nobody_knows));
    assert_true(profile_limit_known(&known) && profile_limit_known(&watts));
}

static void phases_count_when_they_are_seen(void **state)
{
    (void)state;
    static const struct {
        double current_a[3];
        bool charges;
        int otherwise, phases;
    } cases[] = {
        {{16, 16, 16}, true, 1, 3},
        {{16, 0.2, 0}, true, 3, 1},
        {{0, 10, 9}, true, 1, 2},
        {{0, 0, 0}, true, 3, 3},     // not yet
        {{16, 16, 16}, false, 1, 1}, // its contactor is open: what it tells is old
        {{16, (double)NAN, 16}, true, 1, 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(profile_limit_phases(cases[i].current_a, cases[i].charges, cases[i].otherwise),
                         cases[i].phases);
}

#define STATION(limit, more)                                                                                 \
    "{'id':'s','version':'1','family':'f','model':'m','kind':'station','confidence':'driver',"               \
    "'references':['r'],'params':{'n':{'min':1,'max':3,'preset':2},'wide':{'min':0,'max':3,'preset':1}},"    \
    "'states':{'A':[0]},'registers':{'state':{'fc':3,'address':1,'type':'u16','group':'charge'}," more "},"  \
    "'commands':{'limit':{'fc':16,'address':10,'type':'u32'," limit "}}}"
#define POWER   "'power_limit':{'fc':3,'address':10,'type':'u32','unit':'W','group':'charge'}"
#define CURRENT "'current_limit':{'fc':3,'address':10,'type':'u32','unit':'A','group':'charge'}"
#define SHARE   "'percent_limit':{'fc':3,'address':10,'type':'u32','unit':'%','group':'charge'}"

static void a_profile_says_the_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path, *sentence; // sentence NULL: it is right
        enum profile_limit_unit unit;
    } cases[] = {
        {STATION("'unit':'W'", POWER), "", NULL, PROFILE_LIMIT_W},
        {STATION("'unit':'W','phases':3", POWER), "", NULL, PROFILE_LIMIT_W},
        {STATION("'unit':'W','phases':'$n'", POWER), "", NULL, PROFILE_LIMIT_W},
        {STATION("'unit':'%','scale':0.1", SHARE), "", NULL, PROFILE_LIMIT_PERCENT},
        {STATION("'scale':0.1", CURRENT), "", NULL, PROFILE_LIMIT_A},
        {STATION("'unit':'kW'", POWER), "/commands/limit/unit", "must be one of: A, W, %", 0},
        {STATION("'unit':'W'", CURRENT), "/commands/limit", "needs the register \"power_limit\"", 0},
        {STATION("'unit':'%'", CURRENT), "/commands/limit", "needs the register \"percent_limit\"", 0},
        {STATION("'unit':'A'", POWER), "/commands/limit", "needs the register \"current_limit\"", 0},
        {STATION("'unit':'W','phases':4", POWER), "/commands/limit/phases", "must be 1, 2 or 3", 0},
        {STATION("'unit':'W','phases':'$wide'", POWER), "/commands/limit/phases", "must be 1, 2 or 3", 0},
        {STATION("'unit':'W','phases':'$nobody'", POWER), "/commands/limit/phases", "nobody", 0},
        {STATION("'phases':3", CURRENT), "/commands/limit/phases", "goes with a limit in W", 0},
        {STATION("'unit':'W','step':1", POWER), "/commands/limit/step", "rounded down to the scale", 0},
        {STATION("'unit':'W','also':[20]", POWER), "/commands/limit/also", "goes with a limit in A", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct test_profile t;
        struct ew_reason reason = {0};
        enum ew_err err = test_profile_read(cases[i].text, &t, &reason);
        if ((err == EW_OK) != (cases[i].sentence == NULL))
            fail_msg("case %zu: %s: %s", i, reason.path, reason.text);
        if (err == EW_OK) {
            assert_int_equal(t.profile.commands[0].unit, cases[i].unit);
        } else if (strcmp(reason.path, cases[i].path) != 0 || !cases[i].sentence ||
                   !strstr(reason.text, cases[i].sentence)) {
            fail_msg("case %zu: %s: %s", i, reason.path, reason.text);
        }
        test_profile_done(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_told_rounded_down_and_read_back_the_same),
        cmocka_unit_test(no_limit_lets_more_flow),
        cmocka_unit_test(what_is_no_current_is_none),
        cmocka_unit_test(phases_count_when_they_are_seen),
        cmocka_unit_test(a_profile_says_the_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
