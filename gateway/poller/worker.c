#include "poller/worker_priv.h"

#include "base/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ORDERS = 8 + INLET_WAITING_MAX,
    FIGURES_MS = 5000,
    FIGURES_MIN_US = 1000000,
    EMIT_WAIT_MS = 200,
    RETRY_FIRST_MS = 500,
    RETRY_MAX_MS = 8000,
    STACK_BYTES = 512 << 10
};

// ---- Telling ---------------------------------------------------------------------------------------------

bool worker_emit(struct worker *w, struct result *result)
{
    result->bus = w->options.bus;
    result->worker = w->options.number;
    if (ew_queue_push_wait(w->options.results, &result, EMIT_WAIT_MS) == EW_OK)
        return true;
    result_free(result);
    w->figures.dropped++;
    return false;
}

static bool same_reason(const struct unit *u, const struct ew_reason *reason)
{
    if (u->has_reason != (reason != NULL))
        return false;
    return !reason ||
           (strcmp(u->reason.code, reason->code) == 0 && strcmp(u->reason.text, reason->text) == 0);
}

void worker_report(struct worker *w, struct unit *u, struct result *result, enum result_state state,
                   const struct ew_reason *reason)
{
    bool news = u->reported != state || !same_reason(u, reason);
    if (!news && !result)
        return;
    if (!result)
        result = result_new(RESULT_STATE, 0, 0);
    result->recipe = recipe_hold(u->recipe);
    if (news) {
        result->state = state;
        result_set_reason(result, reason);
    }
    bool told = worker_emit(w, result);
    if (!news)
        return;
    u->reported = told ? state : RESULT_UNCHANGED; // what was lost is told with the next result
    u->has_reason = reason != NULL;
    if (reason && reason != &u->reason)
        u->reason = *reason;
}

static double cycle_ms(const struct worker *w)
{
    double sum = 0;
    for (int j = 0; j < w->job_count; j++) {
        enum profile_group g = w->jobs[j].group;
        bool fast = g == PROFILE_INSTANT || g == PROFILE_STATE || g == PROFILE_CHARGE;
        if (fast && !w->healths[w->jobs[j].unit].dead)
            sum += (double)w->jobs[j].last_pass_us / 1000;
    }
    return sum;
}

static void tell_bus(struct worker *w, enum result_state state, const struct ew_reason *reason)
{
    struct result *result = result_new(RESULT_BUS, 0, 0);
    int64_t now_us = ew_clock_up_us();
    int64_t span_us = now_us - w->figures_from_us;
    bool long_enough = span_us >= FIGURES_MIN_US; // else the share means nothing: the span goes on
    if (long_enough)
        w->figures.load_pct = 100.0 * (double)w->busy_us / (double)span_us;
    w->figures.cycle_ms = cycle_ms(w);
    worker_measure_load(w, now_us / 1000);
    result->figures = w->figures;
    result->state = state;
    result_set_reason(result, reason);
    if (worker_emit(w, result) && state == RESULT_ERROR)
        w->said_down = true;
    if (long_enough) {
        w->figures_from_us = now_us;
        w->busy_us = 0;
        w->figures.late_ms = 0;
    }
    w->figures_due_ms = now_us / 1000 + FIGURES_MS;
}

// ---- The line --------------------------------------------------------------------------------------------

bool worker_others_alive(const struct worker *w, int unit)
{
    for (int i = 0; i < w->unit_count; i++)
        if (i != unit && w->units[i].answered && !w->healths[i].dead)
            return true;
    return false;
}

void worker_line_down(struct worker *w, const struct ew_reason *reason)
{
    int64_t now = ew_clock_up_ms();
    mb_line_close(w->line);
    int64_t pause = (int64_t)RETRY_FIRST_MS << (w->open_failures < 8 ? w->open_failures : 8);
    w->retry_ms = now + (pause < RETRY_MAX_MS ? pause : RETRY_MAX_MS);
    w->open_failures++;
    // Converters with one connection need a moment to forget the one we closed.
    if (!w->said_down && (w->open_failures > 1 || !w->was_open)) {
        tell_bus(w, RESULT_ERROR, reason);
        for (int i = 0; i < w->unit_count; i++) {
            w->units[i].reported = RESULT_UNCHANGED; // the main thread takes them to be in error too
            w->units[i].answered = false;
        }
    }
}

static void line_up(struct worker *w)
{
    int64_t now = ew_clock_up_ms();
    bool back = w->said_down;
    w->said_down = false;
    w->was_open = true;
    if (back || !w->said_up)
        tell_bus(w, RESULT_ON, NULL);
    w->said_up = true;
    if (!back)
        return;
    for (int i = 0; i < w->unit_count; i++)
        (void)schedule_answered(&w->healths[i]); // who is dead now is to be found out anew
    for (int j = 0; j < w->job_count; j++) {
        w->jobs[j].next_request = 0;
        schedule_start(&w->tasks[j], now, w->jobs[j].group == PROFILE_INFO);
    }
}

// True when the line is open.
static bool line_open(struct worker *w, int64_t now_ms, int64_t *ret_wait_ms)
{
    if (mb_line_is_open(w->line) && !w->said_down && w->said_up)
        return true;
    if (w->open_failures > 0 && now_ms < w->retry_ms) {
        *ret_wait_ms = w->retry_ms - now_ms;
        return false;
    }
    struct ew_reason reason;
    if (mb_line_open(w->line, &reason) == EW_OK) {
        line_up(w);
        return true;
    }
    if (!atomic_load(&w->stopped))
        worker_line_down(w, &reason);
    *ret_wait_ms = 0;
    return false;
}

// ---- Devices ---------------------------------------------------------------------------------------------

static void *take(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        abort();
    return memory;
}

static void drop_unit(struct worker *w, struct unit *u)
{
    for (int j = u->first_job; j < u->first_job + u->job_count; j++) {
        free(w->jobs[j].fresh);
        free(w->jobs[j].refusal);
    }
    unit_end_learning(u);
    free(u->values);
    recipe_release(u->recipe);
}

static int find_unit(const struct worker *w, const struct recipe *recipe)
{
    for (int i = 0; i < w->unit_count; i++)
        if (w->units[i].recipe == recipe)
            return i;
    return -1;
}

static int groups_read(const struct recipe *recipe)
{
    int count = 0;
    for (int g = 0; g < PROFILE_GROUP_COUNT; g++)
        count += recipe->plans[g].request_count > 0;
    return count;
}

// Fastest first, so that the first is the one that asks when the device is dead.
static const enum profile_group by_speed[PROFILE_GROUP_COUNT] = {
    PROFILE_CHARGE,    PROFILE_STATE,      PROFILE_INSTANT, PROFILE_ENERGY, PROFILE_QUALITY,
    PROFILE_HARMONICS, PROFILE_STATISTICS, PROFILE_LINKS,   PROFILE_INFO};

static void add_unit(struct worker *next, struct recipe *recipe, int64_t now_ms)
{
    struct unit *u = &next->units[next->unit_count];
    const struct profile *profile = recipe->profile;
    u->recipe = recipe_hold(recipe);
    u->values = take((size_t)profile->register_count, sizeof(*u->values));
    for (int i = 0; i < profile->register_count; i++)
        u->values[i].quality = PROFILE_NOT_READ;
    unit_begin_learning(u);
    u->first_job = next->job_count;
    for (int i = 0; i < PROFILE_GROUP_COUNT; i++) {
        enum profile_group g = by_speed[i];
        if (recipe->plans[g].request_count == 0)
            continue;
        struct job *job = &next->jobs[next->job_count];
        struct schedule_task *task = &next->tasks[next->job_count++];
        job->unit = next->unit_count;
        job->group = g;
        job->fresh = take((size_t)profile->register_count, sizeof(*job->fresh));
        *task = (struct schedule_task){.device = next->unit_count,
                                       .class = recipe_class(recipe, g),
                                       .period_ms = recipe->period_ms[g],
                                       .probe = u->job_count == 0};
        schedule_start(task, now_ms, g == PROFILE_INFO);
        u->job_count++;
    }
    next->healths[next->unit_count].urgent = recipe->urgent;
    worker_predict(next, next->unit_count++);
}

static void keep_unit(const struct worker *w, int from, struct worker *next)
{
    struct unit *u = &next->units[next->unit_count];
    *u = w->units[from];
    u->first_job = next->job_count;
    next->healths[next->unit_count] = w->healths[from];
    for (int j = 0; j < u->job_count; j++) {
        next->jobs[next->job_count] = w->jobs[w->units[from].first_job + j];
        next->tasks[next->job_count] = w->tasks[w->units[from].first_job + j];
        next->jobs[next->job_count].unit = next->tasks[next->job_count].device = next->unit_count;
        next->job_count++;
    }
    next->unit_count++;
}

// The new list takes the place of the old one; what stays keeps its values, its health and its step.
static void adopt(struct worker *w, const struct order *order)
{
    int jobs = 0;
    for (int i = 0; i < order->count; i++)
        jobs += groups_read(order->recipes[i]);
    struct worker next = {.units = take((size_t)order->count, sizeof(*next.units)),
                          .healths = take((size_t)order->count, sizeof(*next.healths)),
                          .jobs = take((size_t)jobs, sizeof(*next.jobs)),
                          .tasks = take((size_t)jobs, sizeof(*next.tasks))};
    bool *kept = take((size_t)w->unit_count, sizeof(*kept));
    int64_t now = ew_clock_up_ms();
    for (int i = 0; i < order->count; i++) {
        int from = find_unit(w, order->recipes[i]);
        if (from >= 0) {
            keep_unit(w, from, &next);
            kept[from] = true;
        } else {
            add_unit(&next, order->recipes[i], now);
        }
    }
    for (int i = 0; i < w->unit_count; i++)
        if (!kept[i])
            drop_unit(w, &w->units[i]);
    free(kept);
    free(w->units);
    free(w->healths);
    free(w->jobs);
    free(w->tasks);
    w->units = next.units;
    w->healths = next.healths;
    w->jobs = next.jobs;
    w->tasks = next.tasks;
    w->unit_count = next.unit_count;
    w->job_count = next.job_count;
    w->ordered = true;
}

static void order_done(struct order *order)
{
    for (int i = 0; i < order->count; i++)
        recipe_release(order->recipes[i]);
    free(order->recipes);
}

static void take_order(struct worker *w, struct order *order)
{
    if (order->job)
        inlet_take(w, order->job);
    else if (order->recipes)
        adopt(w, order);
    order_done(order);
}

// ---- The thread ------------------------------------------------------------------------------------------

// One step; returns how long nothing is to be done.
static int64_t step(struct worker *w)
{
    int64_t now = ew_clock_up_ms(), wait = FIGURES_MS;
    if (now >= w->figures_due_ms || worker_load_changed(w, now))
        tell_bus(w, RESULT_UNCHANGED, NULL);
    if (w->unit_count > 0) {
        if (!line_open(w, now, &wait))
            return wait;
        int64_t wake;
        int job = schedule_pick(w->tasks, w->job_count, w->healths, now, &wake);
        if (job >= 0) {
            worker_run(w, job);
            return 0;
        }
        wait = wake - now < FIGURES_MS ? wake - now : FIGURES_MS;
    } else if (w->ordered) {
        // Nobody to talk to: the line is left alone, other masters may want it.
        if (!inlet_waits(w))
            mb_line_close(w->line);
        if (!w->said_up || w->said_down)
            tell_bus(w, RESULT_ON, NULL);
        w->said_up = true;
        w->said_down = false;
    }
    return wait < w->figures_due_ms - now ? wait : w->figures_due_ms - now;
}

static void say_goodbye(struct worker *w)
{
    struct result *last = result_new(RESULT_ENDED, 0, 0);
    last->bus = w->options.bus;
    last->worker = w->options.number;
    // The main thread takes results out until it has seen this one.
    while (ew_queue_push_wait(w->options.results, &last, EMIT_WAIT_MS) != EW_OK)
        ;
}

static void *run(void *user)
{
    struct worker *w = user;
    char name[16];
    snprintf(name, sizeof(name), "bus-%lld", (long long)w->options.bus);
    pthread_setname_np(pthread_self(), name);
    int64_t wait = 0;
    while (!atomic_load(&w->stopped)) {
        struct order order;
        while (ew_queue_pop_wait(w->orders, &order, wait > 60000 ? 60000 : (int)wait)) {
            take_order(w, &order);
            wait = 0;
        }
        if (atomic_load(&w->stopped))
            break;
        wait = inlet_run(w) ? 0 : inlet_wait_ms(w, step(w));
    }
    mb_line_close(w->line);
    say_goodbye(w);
    return NULL;
}

struct worker *worker_new(const struct worker_options *options)
{
    struct worker *w = take(1, sizeof(*w));
    w->options = *options;
    w->line = mb_line_new(&options->line);
    w->orders = ew_queue_new(sizeof(struct order), ORDERS);
    w->figures_from_us = ew_clock_up_us();
    w->figures_due_ms = w->figures_from_us / 1000 + FIGURES_MS;
    atomic_init(&w->stopped, false);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    if (pthread_create(&w->thread, &attr, run, w) != 0)
        abort();
    pthread_attr_destroy(&attr);
    return w;
}

enum ew_err worker_give(struct worker *w, struct recipe *const *recipes, int count)
{
    struct order order = {.recipes = take((size_t)count, sizeof(*order.recipes)), .count = count};
    for (int i = 0; i < count; i++)
        order.recipes[i] = recipe_hold(recipes[i]);
    enum ew_err err = ew_queue_push(w->orders, &order);
    if (err != EW_OK)
        order_done(&order);
    return err;
}

void worker_stop(struct worker *w)
{
    atomic_store(&w->stopped, true);
    mb_line_interrupt(w->line);
    struct order end = {0};
    if (ew_queue_push(w->orders, &end) != EW_OK)
        return; // full: the thread is awake anyway
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    pthread_join(w->thread, NULL);
    struct order order;
    while (ew_queue_pop(w->orders, &order)) {
        if (order.job)
            inlet_close(w, order.job);
        order_done(&order);
    }
    for (int class = 0; class < INLET_CLASS_COUNT; class ++)
        for (struct inlet_job *job; (job = inlet_drop(w, (enum inlet_class) class)) != NULL;)
            inlet_close(w, job);
    for (int i = 0; i < w->unit_count; i++)
        drop_unit(w, &w->units[i]);
    free(w->units);
    free(w->healths);
    free(w->jobs);
    free(w->tasks);
    ew_queue_free(w->orders);
    mb_line_free(w->line);
    free(w);
}
