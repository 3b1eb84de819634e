// The schedule of a line in virtual time: cadence, order, no starvation, what a dead device costs.
#include "check.h"

#include "core/plan/schedule.h"
#include <stdio.h>
#include <string.h>

enum { DEVICES = 32, GROUPS = 3, TASKS = DEVICES * GROUPS };

struct line {
    struct schedule_health healths[DEVICES];
    struct schedule_task tasks[TASKS];
    int count, devices;
    bool silent[DEVICES];
    int pass_ms[GROUPS], timeout_ms;
    int64_t now, busy_ms, wasted_ms;
    int runs[TASKS];
    int64_t last[TASKS], worst[TASKS];
};

static void start(struct line *l, int devices, const int period_ms[GROUPS], const int pass_ms[GROUPS],
                  int timeout_ms)
{
    *l = (struct line){0};
    l->devices = devices;
    l->timeout_ms = timeout_ms;
    l->now = 1000000;
    memcpy(l->pass_ms, pass_ms, sizeof(l->pass_ms));
    for (int d = 0; d < devices; d++) {
        for (int g = 0; g < GROUPS; g++) {
            struct schedule_task *t = &l->tasks[l->count];
            *t = (struct schedule_task){.device = d, .period_ms = period_ms[g], .probe = g == 0};
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
        int cost = schedule_timeout_ms(health, l->timeout_ms);
        l->now += cost;
        l->wasted_ms += cost;
        schedule_silent(health, l->now, cost, others_alive(l, task->device));
    } else {
        l->now += l->pass_ms[t % GROUPS];
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
        assert_in_range(l.runs[t], expected - 1, expected + 1);
        // A pass that has begun is waited for, nothing else.
        assert_true(l.worst[t] <= usual_periods[t % GROUPS] + INT64_C(2000));
    }
}

static void an_over_full_line_starves_nobody(void **state)
{
    (void)state;
    struct line l;
    start(&l, 32, usual_periods, (int[GROUPS]){100, 200, 500}, 300); // 3.2 s of fast passes a second
    run_until(&l, 1000000 + hour / 2);
    for (int t = 0; t < l.count; t++) {
        assert_true(l.runs[t] > 1800000 / usual_periods[t % GROUPS] / 8);
        assert_true(l.worst[t] < INT64_C(8) * usual_periods[t % GROUPS]);
    }
    assert_int_equal(l.busy_ms, l.now - 1000000);
}

static void a_dead_device_costs_little_and_comes_back(void **state)
{
    (void)state;
    static const int timeouts[] = {50, 300, 700, 800, 1000};
    for (size_t i = 0; i < COUNT(timeouts); i++) {
        for (int urgent = 0; urgent < 2; urgent++) {
            struct line l;
            start(&l, 8, usual_periods, (int[GROUPS]){20, 30, 60}, timeouts[i]);
            l.healths[3].urgent = urgent;
            l.silent[3] = true;
            run_until(&l, l.now + 2 * minute); // the growing intervals of the begin
            l.wasted_ms = 0;
            int64_t from = l.now;
            run_until(&l, l.now + 4 * hour);
            double share = (double)l.wasted_ms / (double)(l.now - from);
            if (!urgent && share > 0.015)
                fail_msg("time-out %d ms: a dead device takes %.2f %% of the line", timeouts[i], share * 100);
            for (int k = 0; k < 20; k++) { // it returns at 20 moments
                struct line again = l;
                run_until(&again, again.now + k * INT64_C(3100));
                int64_t returned = again.now;
                again.silent[3] = false;
                int before = again.runs[(size_t)3 * GROUPS];
                while (again.runs[(size_t)3 * GROUPS] == before)
                    run_until(&again, again.now + 100);
                if (again.now - returned > (urgent ? 10000 : 60000))
                    fail_msg("time-out %d ms: back after %lld ms", timeouts[i],
                             (long long)(again.now - returned));
            }
        }
    }
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
    assert_false(schedule_silent(&h, 1000, 300, true));
    assert_false(h.dead);
    assert_false(schedule_answered(&h));
    assert_false(schedule_silent(&h, 2000, 300, true));
    assert_true(schedule_silent(&h, 3000, 300, true));
    assert_true(h.dead);
    assert_false(schedule_silent(&h, 30000, 300, true)); // was dead already
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_group_keeps_its_period),
        cmocka_unit_test(an_over_full_line_starves_nobody),
        cmocka_unit_test(a_dead_device_costs_little_and_comes_back),
        cmocka_unit_test(alone_on_its_line_a_device_is_back_at_once),
        cmocka_unit_test(one_lost_answer_is_no_death),
        cmocka_unit_test(a_started_task_leaves_the_others_in_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
