// What a limit comes to for stations that want a release, a sign of life, a pause before their phases are
// switched.
#include "check.h"

#include "core/lease/alive.h"
#include "core/lease/order.h"
#include "core/lease/phases.h"
#include <stdio.h>
#include <string.h>

// ---- Order -----------------------------------------------------------------------------------------------

// "A" the sign of life, "L<mA>" the limit, "R" the release given, "W" withdrawn.
static void spell(const struct order *order, char dst[64])
{
    size_t len = 0;
    dst[0] = 0;
    for (int i = 0; i < order->count; i++) {
        static const char letters[] = {
            [ORDER_ALIVE] = 'A', [ORDER_LIMIT] = 'L', [ORDER_RELEASE] = 'R', [ORDER_WITHDRAW] = 'W'};
        dst[len++] = letters[order->steps[i].place];
        if (order->steps[i].place == ORDER_LIMIT)
            len += (size_t)snprintf(dst + len, 64 - len, "%d", order->steps[i].limit_ma);
        dst[len] = 0;
    }
}

static void what_is_written_in_which_order(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct order_rule rule;
        int32_t limit_ma, in_force_ma;
        const char *order;
    } cases[] = {
        {"a limit alone", {.least_ma = 6000}, 16000, 32000, "L16000"},
        {"a limit alone, nothing", {.least_ma = 6000}, 0, 32000, "L0"},
        {"the limit before the release", {.release = true, .least_ma = 6000}, 16000, 0, "L16000R"},
        {"released already", {.release = true, .least_ma = 6000}, 16000, 10000, "L16000"},
        {"not known whether it is released", {.release = true, .least_ma = 6000}, 16000, -1, "L16000R"},
        {"withdrawn first, then left small", {.release = true, .least_ma = 6000}, 0, 16000, "WL6000"},
        {"withdrawn again", {.release = true, .least_ma = 6000}, 0, 0, "WL6000"},
        {"below the smallest is nothing", {.release = true, .least_ma = 6000}, 5999, 16000, "WL6000"},
        {"a memory that wears is spared", {.release = true, .wears = true, .least_ma = 6000}, 0, 16000, "W"},
        {"the sign of life before all",
         {.alive = true, .release = true, .least_ma = 6000},
         8000,
         0,
         "AL8000R"},
        {"... also of a pause", {.alive = true, .release = true, .least_ma = 6000}, 0, 8000, "AWL6000"},
        {"... and of a limit alone", {.alive = true, .least_ma = 6000}, 8000, 32000, "AL8000"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct order order;
        char text[64];
        order_make(&cases[i].rule, cases[i].limit_ma, cases[i].in_force_ma, &order);
        spell(&order, text);
        if (strcmp(text, cases[i].order) != 0)
            fail_msg("%s: %s", cases[i].what, text);
    }
}

static void what_is_in_force(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        bool release, readable;
        enum order_release is;
        int32_t limit_ma;
        bool charges;
        int32_t in_force_ma;
    } cases[] = {
        {"no release", false, false, ORDER_UNKNOWN, 16000, true, 16000},
        {"not read yet", false, false, ORDER_UNKNOWN, -1, false, -1},
        {"released", true, true, ORDER_RELEASED, 16000, false, 16000},
        {"held, and it says so", true, true, ORDER_HELD, 16000, false, 0},
        {"held, and it says so, while the car still draws", true, true, ORDER_HELD, 16000, true, 0},
        {"its register was not read", true, true, ORDER_UNKNOWN, 16000, false, -1},
        {"unreadable, never written: the limit at worst", true, false, ORDER_UNKNOWN, 16000, false, 16000},
        {"unreadable, withdrawn", true, false, ORDER_HELD, 6000, false, 0},
        {"unreadable, withdrawn, yet it charges: belied", true, false, ORDER_HELD, 32000, true, 32000},
        {"unreadable, given", true, false, ORDER_RELEASED, 10000, false, 10000},
        {"held, limit not read", true, true, ORDER_HELD, -1, false, -1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct order_rule rule = {.release = cases[i].release, .least_ma = 6000};
        int32_t got =
            order_in_force_ma(&rule, cases[i].readable, cases[i].is, cases[i].limit_ma, cases[i].charges);
        if (got != cases[i].in_force_ma)
            fail_msg("%s: %d", cases[i].what, got);
    }
}

// ---- The sign of life ------------------------------------------------------------------------------------

static void a_sign_of_life_comes_in_time(void **state)
{
    (void)state;
    enum { NO = -1, DONE = 1, FAILED = 2, BEFORE_LIMIT = 3 };
    static const struct {
        int64_t at_ms;
        bool wanted;
        int index;       // what alive_next says
        int64_t wake_ms; // ... when it says nothing
        int then;        // how the write ends, at once
    } events[] = {
        {1000, false, NO, INT64_MAX, NO}, // nobody governs it
        {2000, true, 0, 0, DONE},         // at once
        {2001, true, NO, 7000, NO},
        {6999, true, NO, 7000, NO},
        {7000, true, 1, 0, FAILED}, // not taken: the same again, soon
        {7100, true, NO, 7500, NO},
        {7500, true, 1, 0, DONE},
        {8000, true, NO, 12500, BEFORE_LIMIT}, // one in front of a limit counts
        {12500, true, NO, 13000, NO},
        {13000, true, 1, 0, DONE},
        {14000, false, NO, INT64_MAX, NO},
        {99000, true, 0, 0, DONE},
    };
    const struct alive_rule rule = {.value_count = 2, .every_ms = 5000};
    struct alive alive = {0};
    for (size_t i = 0; i < COUNT(events); i++) {
        int64_t wake;
        int index = alive_next(&alive, &rule, events[i].wanted, events[i].at_ms, &wake);
        if (index != events[i].index || (index < 0 && wake != events[i].wake_ms))
            fail_msg("%lld ms: %d, wakes at %lld", (long long)events[i].at_ms, index, (long long)wake);
        if (index >= 0)
            assert_int_equal(alive_next(&alive, &rule, true, events[i].at_ms, &wake), NO); // one at a time
        if (events[i].then != NO)
            alive_wrote(&alive, &rule, events[i].then != BEFORE_LIMIT, events[i].then != FAILED,
                        events[i].at_ms);
    }
}

// ---- Phases ----------------------------------------------------------------------------------------------

static void phases_are_never_switched_under_load(void **state)
{
    (void)state;
    const struct phases_rule rule = {.pause_ms = 10000, .rest_ms = 300000};
    static const struct {
        const char *what;
        int64_t at_ms;
        bool hear, known, charges;
        int32_t most_ma;
        enum phases_verdict verdict;
        int64_t wait_ms;
        bool begin;
    } events[] = {
        {"never heard", 1000, false, false, false, 0, PHASES_UNKNOWN, 0, false},
        {"its state is not known", 2000, true, false, false, 0, PHASES_LOADED, 0, false},
        {"charges", 3000, true, true, true, 16000, PHASES_LOADED, 0, false},
        {"paused, the car still draws", 4000, true, true, false, 3000, PHASES_LOADED, 0, false},
        {"contactor closed without a current", 5000, true, true, true, 0, PHASES_LOADED, 0, false},
        {"nothing flows", 6000, true, true, false, 200, PHASES_TOO_SOON, 10000, false},
        {"still waiting", 15999, true, true, false, 0, PHASES_TOO_SOON, 1, false},
        {"long enough", 16000, true, true, false, 0, PHASES_MAY, 0, false},
        {"not heard of for too long", 20000, false, true, false, 0, PHASES_UNKNOWN, 0, false},
        {"switched", 20500, true, true, false, -1, PHASES_MAY, 0, true},
        {"rests", 20600, true, true, false, -1, PHASES_RESTS, 299900, false},
        {"charged meanwhile", 310000, true, true, true, 9000, PHASES_LOADED, 0, false},
        {"rests no more, but just stopped", 321000, true, true, false, 0, PHASES_TOO_SOON, 10000, false},
        {"again", 331000, true, true, false, 0, PHASES_MAY, 0, false},
    };
    struct phases phases = {0};
    for (size_t i = 0; i < COUNT(events); i++) {
        int64_t wait_ms, wake;
        if (events[i].hear)
            phases_heard(&phases, events[i].known, events[i].charges, events[i].most_ma, events[i].at_ms);
        enum phases_verdict verdict = phases_may(&phases, &rule, 3000, events[i].at_ms, &wait_ms);
        if (verdict != events[i].verdict || wait_ms != events[i].wait_ms)
            fail_msg("%s: %d, %lld ms", events[i].what, (int)verdict, (long long)wait_ms);
        if (!events[i].begin)
            continue;
        phases_begin(&phases, &rule, events[i].at_ms);
        assert_true(phases_hold(&phases, events[i].at_ms + 9999, &wake) && wake == events[i].at_ms + 10000);
        assert_false(phases_hold(&phases, events[i].at_ms + 10000, &wake));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_in_which_order),
        cmocka_unit_test(what_is_in_force),
        cmocka_unit_test(a_sign_of_life_comes_in_time),
        cmocka_unit_test(phases_are_never_switched_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
