// The schedule of a line in virtual time: cadence, order, no starvation, what a dead device costs.
#include "check.h"

#include "core/plan/load.h"
#include <stdio.h>
#include <string.h>

enum { DEVICES = 32, GROUPS = 3, TASKS = DEVICES * GROUPS };

struct line {
    struct schedule_health healths[DEVICES];
    struct schedule_task tasks[TASKS];
    int count, devices;
    bool silent[DEVICES];
    int latency_ms[DEVICES]; // 0 = none to speak of
    int pass_ms[GROUPS];
    struct schedule_patience patience;
    int64_t now, busy_ms, wasted_ms;
    int runs[TASKS];
    int64_t last[TASKS], worst[TASKS];
};

static void start(struct line *l, int devices, const int period_ms[GROUPS], const int pass_ms[GROUPS],
                  int timeout_ms)
{
    *l = (struct line){0};
    l->devices = devices;
    l->patience = (struct schedule_patience){
        .timeout_ms = timeout_ms, .minimum_ms = 0, .floor_ms = 100, .probe_wire_ms = 10};
    l->now = 1000000;
    memcpy(l->pass_ms, pass_ms, sizeof(l->pass_ms));
    for (int d = 0; d < devices; d++) {
        for (int g = 0; g < GROUPS; g++) {
            struct schedule_task *t = &l->tasks[l->count];
            *t = (struct schedule_task){.device = d,
                                        .class = g == 0 ? SCHEDULE_FAST : SCHEDULE_SLOW,
                                        .period_ms = period_ms[g],
                                        .cost_us = pass_ms[g] * 1000,
                                        .wire_us = pass_ms[g] * 900,
                                        .probe = g == 0};
            l->last[l->count++] = l->now;
            schedule_start(t, l->now, false);
        }
    }
}

static bool others_alive(const struct line *l, int device)
{
    for (int d = 0; d < l->devices; d++)
        if (d != device && !l->healths[d].dead)
            return true;
    return false;
}

static void run_one(struct line *l, int t)
{
    struct schedule_task *task = &l->tasks[t];
    struct schedule_health *health = &l->healths[task->device];
    int64_t began = l->now;
    if (l->silent[task->device]) {
        int cost = schedule_timeout_ms(health, &l->patience) + l->patience.probe_wire_ms;
        l->now += cost;
        l->wasted_ms += cost;
        schedule_silent(health, &l->patience, l->now, cost, others_alive(l, task->device));
    } else {
        l->now += l->pass_ms[t % GROUPS];
        schedule_latency(health, l->latency_ms[task->device] * 1000);
        if (schedule_answered(health))
            for (int i = 0; i < l->count; i++)
                if (l->tasks[i].device == task->device)
                    schedule_start(&l->tasks[i], l->now, false);
        l->runs[t]++;
        if (began - l->last[t] > l->worst[t])
            l->worst[t] = began - l->last[t];
        l->last[t] = began;
    }
    l->busy_ms += l->now - began;
    schedule_done(task, began, l->now);
}

static void run_until(struct line *l, int64_t until)
{
    while (l->now < until) {
        int64_t wake;
        int t = schedule_pick(l->tasks, l->count, l->healths, l->now, &wake);
        if (t < 0)
            l->now = wake < until ? wake : until;
        else
            run_one(l, t);
    }
}

static const int usual_periods[GROUPS] = {1000, 10000, 60000};
static const int64_t minute = 60000, hour = 3600000;

static void every_group_keeps_its_period(void **state)
{
    (void)state;
    struct line l;
    start(&l, 20, usual_periods, (int[GROUPS]){20, 30, 60}, 300);
    run_until(&l, 1000000 + hour);
    for (int t = 0; t < l.count; t++) {
        int expected = 3600000 / usual_periods[t % GROUPS];
        assert_in_range(l.runs[t], expected - 3, expected + 1); // all begin together
        // A pass that has begun is waited for, nothing else.
        assert_true(l.worst[t] <= usual_periods[t % GROUPS] + INT64_C(2000));
    }
}

static void an_over_full_line_starves_nobody(void **state)
{
    (void)state;
    struct line l;
    start(&l, 32, usual_periods, (int[GROUPS]){100, 200, 500}, 300); // 3.2 s of fast passes a second
    run_until(&l, 1000000 + 2 * minute);                             // when all begin together, all is late
    memset(l.worst, 0, sizeof(l.worst));
    double press_ms = load_press_ms(l.tasks, l.count, l.healths, l.devices);
    run_until(&l, 1000000 + hour / 2);
    for (int t = 0; t < l.count; t++) {
        assert_true(l.runs[t] > 1800000 / usual_periods[t % GROUPS] / 8);
        int kept = load_kept_ms(l.tasks[t].period_ms, l.tasks[t].class, press_ms);
        if (l.worst[t] >= INT64_C(2) * kept)
            fail_msg("task %d was not read for %lld ms, kept %d", t, (long long)l.worst[t], kept);
    }
    assert_int_equal(l.busy_ms, l.now - 1000000);
}

// How much of the line device 3 takes while it is dead, and how long it takes to be seen when it returns.
static void check_dead(int timeout_ms, int latency_ms, bool urgent, int back_ms)
{
    struct line l;
    start(&l, 8, usual_periods, (int[GROUPS]){20, 30, 60}, timeout_ms);
    l.healths[3].urgent = urgent;
    l.latency_ms[3] = latency_ms;
    run_until(&l, l.now + minute / 6);
    l.silent[3] = true;
    run_until(&l, l.now + 2 * minute); // the growing intervals of the begin
    l.wasted_ms = 0;
    int64_t from = l.now;
    run_until(&l, l.now + 4 * hour);
    double share = (double)l.wasted_ms / (double)(l.now - from);
    if (share > 0.015)
        fail_msg("time-out %d ms: a dead device takes %.2f %% of the line", timeout_ms, share * 100);
    for (int k = 0; k < 20; k++) { // it returns at 20 moments
        struct line again = l;
        run_until(&again, again.now + k * INT64_C(3100));
        int64_t returned = again.now;
        again.silent[3] = false;
        int before = again.runs[(size_t)3 * GROUPS];
        while (again.runs[(size_t)3 * GROUPS] == before)
            run_until(&again, again.now + 100);
        if (again.now - returned > back_ms)
            fail_msg("time-out %d ms: back after %lld ms", timeout_ms, (long long)(again.now - returned));
    }
}

static void a_dead_device_costs_little_and_comes_back(void **state)
{
    (void)state;
    struct schedule_health h = {.dead = true, .urgent = true, .probes = 1};
    const struct schedule_patience slow = {.timeout_ms = 1000, .minimum_ms = 1000, .probe_wire_ms = 10};
    assert_int_equal(schedule_timeout_ms(&h, &slow), 700); // never seen: its profile is believed
    h.latency_us = 5000;
    assert_int_equal(schedule_timeout_ms(&h, &slow), SCHEDULE_PROBE_QUICK_MIN_MS);
    static const int timeouts[] = {50, 300, 700, 800, 1000};
    for (size_t i = 0; i < COUNT(timeouts); i++)
        check_dead(timeouts[i], 5, false, 60000);
    static const struct {
        int timeout_ms, latency_ms, back_ms;
    } urgent[] = {{50, 5, 10000},
                  {300, 0, 10000},
                  {300, 5, 10000},
                  {300, 15, 10000},
                  {500, 30, 10000},
                  {1000, 5, 10000},
                  {1000, 30, 10000},
                  // It takes so long to answer that asking it each 10 s would cost more than it may.
                  {300, 100, 25000},
                  {700, 200, 60000},
                  {1000, 150, 75000}};
    for (size_t i = 0; i < COUNT(urgent); i++)
        check_dead(urgent[i].timeout_ms, urgent[i].latency_ms, true, urgent[i].back_ms);
}

static void alone_on_its_line_a_device_is_back_at_once(void **state)
{
    (void)state;
    struct line l;
    start(&l, 1, usual_periods, (int[GROUPS]){20, 30, 60}, 1000);
    l.silent[0] = true;
    run_until(&l, l.now + 10 * minute);
    l.silent[0] = false;
    int64_t returned = l.now;
    while (l.runs[0] == 0)
        run_until(&l, l.now + 100);
    assert_true(l.now - returned <= 6000);
}

static void one_lost_answer_is_no_death(void **state)
{
    (void)state;
    struct schedule_health h = {0};
    const struct schedule_patience p = {.timeout_ms = 300, .floor_ms = 100, .probe_wire_ms = 10};
    assert_false(schedule_silent(&h, &p, 1000, 300, true));
    assert_false(h.dead);
    assert_false(schedule_answered(&h));
    assert_false(schedule_silent(&h, &p, 2000, 300, true));
    assert_true(schedule_silent(&h, &p, 3000, 300, true));
    assert_true(h.dead);
    assert_false(schedule_silent(&h, &p, 30000, 300, true)); // was dead already
    assert_true(schedule_answered(&h));
}

static void a_started_task_leaves_the_others_in_step(void **state)
{
    (void)state;
    struct line l;
    start(&l, 4, usual_periods, (int[GROUPS]){20, 30, 60}, 300);
    run_until(&l, l.now + 30500);
    int64_t due[TASKS] = {0};
    for (int t = 0; t < l.count; t++)
        due[t] = l.tasks[t].due_ms;
    schedule_start(&l.tasks[0], l.now, true);
    int64_t wake;
    assert_int_equal(schedule_pick(l.tasks, l.count, l.healths, l.now, &wake), 0);
    for (int t = 1; t < l.count; t++)
        assert_int_equal(l.tasks[t].due_ms, due[t]);
}

static void patience_follows_the_latency(void **state)
{
    (void)state;
    static const struct {
        int timeout_ms, minimum_ms, floor_ms, latency_us, failures, expected_ms;
    } cases[] = {
        {300, 0, 100, 0, 0, 300},       // nothing is known yet
        {300, 0, 100, 5000, 0, 100},    // 20 ms: the floor
        {300, 0, 20, 5000, 0, 21},      //
        {300, 0, 100, 40000, 0, 161},   // four times
        {300, 0, 100, 90000, 0, 300},   // never above what is configured
        {300, 250, 100, 40000, 0, 250}, // the profile's minimum
        {50, 0, 100, 5000, 0, 50},      // the floor neither
        {300, 0, 100, 5000, 1, 300},    // nobody is taken for dead in haste
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct schedule_health h = {.latency_us = cases[i].latency_us, .failures = cases[i].failures};
        const struct schedule_patience p = {.timeout_ms = cases[i].timeout_ms,
                                            .minimum_ms = cases[i].minimum_ms,
                                            .floor_ms = cases[i].floor_ms};
        if (schedule_timeout_ms(&h, &p) != cases[i].expected_ms)
            fail_msg("case %zu: %d ms instead of %d", i, schedule_timeout_ms(&h, &p), cases[i].expected_ms);
    }
    struct schedule_health h = {0};
    schedule_latency(&h, 8000);
    assert_int_equal(h.latency_us, 8000);
    schedule_latency(&h, 40000);
    assert_int_equal(h.latency_us, 24000);
    for (int i = 0; i < 100; i++)
        schedule_latency(&h, 8000);
    assert_in_range(h.latency_us, 8000, 8200);
}

// Classes by deadline: what the controller decides from, fast groups, slow ones; nobody waits for ever.
static void classes_go_by_their_deadlines(void **state)
{
    (void)state;
    static const enum schedule_class C = SCHEDULE_CONTROL, F = SCHEDULE_FAST, S = SCHEDULE_SLOW;
    const struct {
        enum schedule_class class[2];
        int period_ms[2], late_ms[2], expected;
    } cases[] = {
        {{F, C}, {1000, 1000}, {0, 0}, 1},      {{F, C}, {1000, 1000}, {4900, 0}, 1},
        {{F, C}, {1000, 1000}, {5100, 0}, 0},   {{S, F}, {10000, 1000}, {2900, 0}, 1},
        {{S, F}, {10000, 1000}, {3100, 0}, 0},  {{F, F}, {1000, 1000}, {100, 200}, 1},
        {{F, F}, {1000, 5000}, {100, 200}, 1},  {{S, C}, {10000, 1000}, {17900, 0}, 1},
        {{S, C}, {60000, 1000}, {18100, 0}, 0}, {{S, S}, {60000, 10000}, {5000, 6000}, 1},
    };
    const struct schedule_health well[2] = {{0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct schedule_task tasks[2] = {{0}};
        for (int t = 0; t < 2; t++)
            tasks[t] = (struct schedule_task){.device = t,
                                              .class = cases[i].class[t],
                                              .period_ms = cases[i].period_ms[t],
                                              .begun = true,
                                              .due_ms = 1000000 - cases[i].late_ms[t]};
        int64_t wake;
        if (schedule_pick(tasks, 2, well, 1000000, &wake) != cases[i].expected)
            fail_msg("case %zu", i);
    }
}

static void a_device_that_wants_a_pause_is_left_alone(void **state)
{
    (void)state;
    struct schedule_health healths[2] = {{.ready_ms = 1500}, {0}};
    struct schedule_task tasks[2] = {{.device = 0, .period_ms = 1000, .due_ms = 900},
                                     {.device = 1, .period_ms = 1000, .due_ms = 1000}};
    int64_t wake;
    assert_int_equal(schedule_pick(tasks, 2, healths, 1000, &wake), 1);
    tasks[1].due_ms = 2000;
    assert_int_equal(schedule_pick(tasks, 2, healths, 1000, &wake), -1);
    assert_int_equal(wake, 1500);
    assert_int_equal(schedule_pick(tasks, 2, healths, 1500, &wake), 0);
    healths[0].dead = true;
    healths[0].probe_due_ms = 1200;
    tasks[0].probe = true;
    assert_int_equal(schedule_pick(tasks, 2, healths, 1300, &wake), -1);
    assert_int_equal(wake, 1500);
}

// What load.h says of the periods that a line keeps is what the schedule does.
static void periods_are_kept_as_predicted(void **state)
{
    (void)state;
    static const struct {
        int devices, pass_ms[GROUPS];
    } cases[] = {{8, {20, 30, 60}},     {20, {20, 30, 60}},    {32, {30, 30, 60}},   {32, {36, 60, 100}},
                 {32, {100, 200, 500}}, {32, {300, 200, 500}}, {32, {10, 900, 100}}, {4, {900, 30, 60}}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct line l;
        start(&l, cases[i].devices, usual_periods, cases[i].pass_ms, 300);
        double press_ms = load_press_ms(l.tasks, l.count, l.healths, l.devices);
        run_until(&l, 1000000 + hour);
        for (int t = 0; t < l.count; t++) {
            l.worst[t] = 0;
            l.runs[t] = 0;
        }
        run_until(&l, l.now + hour);
        for (int t = 0; t < l.count; t++) {
            int kept = load_kept_ms(l.tasks[t].period_ms, l.tasks[t].class, press_ms);
            double mean = 3600000.0 / l.runs[t];
            if (mean > kept * 1.05 + cases[i].pass_ms[1] || mean < kept * 0.7 ||
                l.worst[t] > kept * INT64_C(3) / 2 + 2000)
                fail_msg("case %zu task %d: kept %d ms, in truth %.0f, at worst %lld", i, t, kept, mean,
                         (long long)l.worst[t]);
        }
    }
}

static void kept_periods_are_round(void **state)
{
    (void)state;
    static const struct {
        int period_ms;
        enum schedule_class class;
        int press_ms, kept_ms;
    } cases[] = {
        {1000, SCHEDULE_CONTROL, 0, 1000},    {1000, SCHEDULE_CONTROL, 6250, 1000},
        {1000, SCHEDULE_CONTROL, 6260, 1100}, {1000, SCHEDULE_CONTROL, 8450, 3200},
        {1000, SCHEDULE_CONTROL, 8460, 3300}, {1000, SCHEDULE_FAST, 1250, 1000},
        {1000, SCHEDULE_FAST, 3450, 3200},    {10000, SCHEDULE_SLOW, 800, 10000},
        {10000, SCHEDULE_SLOW, 1800, 13000},  {100, SCHEDULE_FAST, 2485, 1600},
        {60000, SCHEDULE_SLOW, 14900, 90000},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (load_kept_ms(cases[i].period_ms, cases[i].class, cases[i].press_ms) != cases[i].kept_ms)
            fail_msg("case %zu: %d", i, load_kept_ms(cases[i].period_ms, cases[i].class, cases[i].press_ms));
}

static void an_over_full_line_says_what_to_change(void **state)
{
    (void)state;
    static const struct {
        double fast, slow;
        int poll_ms, speed_baud, devices;
        bool over_full;
        struct load_advice advice;
    } cases[] = {
        {0.5, 0.2, 1000, 9600, 8, false, {70, 800, 19200, 0}},
        {1.5, 0.2, 1000, 9600, 8, true, {170, 2500, 38400, 4}},
        {3.0, 0.1, 1000, 9600, 32, true, {310, 4000, 57600, 23}},
        {1.5, 0.2, 1000, 0, 8, true, {170, 2500, 0, 4}},              // TCP has no speed
        {9.0, 0.1, 1000, 57600, 31, true, {910, 11500 + 500, 0, 28}}, // no line is that fast
        {0.5, 0.95, 1000, 19200, 10, true, {150, 0, 38400, 4}},       // slow groups alone fill it
        {1.2, 0.0, 1000, 19200, 1, true, {120, 1500, 38400, 0}},      // nothing to move
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct load_demand demand = {
            .share = {[SCHEDULE_FAST] = cases[i].fast, [SCHEDULE_SLOW] = cases[i].slow},
            .wire = {[SCHEDULE_FAST] = cases[i].fast * 0.9, [SCHEDULE_SLOW] = cases[i].slow * 0.9}};
        const struct load_advice *e = &cases[i].advice;
        struct load_advice a = load_advise(&demand, cases[i].poll_ms, cases[i].speed_baud, cases[i].devices);
        assert_int_equal(load_over_full(&demand, false), cases[i].over_full);
        if (a.need_pct != e->need_pct || a.poll_ms != e->poll_ms || a.speed_baud != e->speed_baud ||
            a.move != e->move)
            fail_msg("case %zu: %d %% %d ms %d bit/s %d devices", i, a.need_pct, a.poll_ms, a.speed_baud,
                     a.move);
    }
    const struct load_demand nearly = {.share = {[SCHEDULE_FAST] = 0.95}};
    assert_false(load_over_full(&nearly, false));
    assert_true(load_over_full(&nearly, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_group_keeps_its_period),
        cmocka_unit_test(an_over_full_line_starves_nobody),
        cmocka_unit_test(a_dead_device_costs_little_and_comes_back),
        cmocka_unit_test(alone_on_its_line_a_device_is_back_at_once),
        cmocka_unit_test(one_lost_answer_is_no_death),
        cmocka_unit_test(patience_follows_the_latency),
        cmocka_unit_test(classes_go_by_their_deadlines),
        cmocka_unit_test(a_device_that_wants_a_pause_is_left_alone),
        cmocka_unit_test(periods_are_kept_as_predicted),
        cmocka_unit_test(kept_periods_are_round),
        cmocka_unit_test(an_over_full_line_says_what_to_change),
        cmocka_unit_test(a_started_task_leaves_the_others_in_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
