// Random lines in virtual time: devices with random profiles that lack some of their registers, die and come
// back, on a line that may be over-full. Whatever comes of it must keep what core/plan promises.
//     polling RUNS [SEED]     prints the seed of the first run that breaks a promise; exit code 1.
// EDGEWATT_POLLING_RUNS has the last word: every build runs a few hundred, thousands are for when it matters.
#include "core/plan/load.h"
#include "core/plan/plan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEVICES = 24,
    REGISTERS = 24,
    GROUPS = 3,
    TASKS = DEVICES * GROUPS,
    PHASE_MS = 1200000,
    BEGIN_MS = 1000000
};
static const enum profile_group groups[GROUPS] = {PROFILE_INSTANT, PROFILE_ENERGY, PROFILE_STATISTICS};
static const int periods_ms[GROUPS] = {1000, 10000, 60000};

static uint64_t dice;

static int below(int limit) // xorshift64*
{
    dice ^= dice >> 12;
    dice ^= dice << 25;
    dice ^= dice >> 27;
    return (int)((dice * 2685821657736338717u >> 33) % (uint64_t)limit);
}

struct gadget {
    struct profile profile;
    struct profile_register registers[REGISTERS];
    struct profile_bound bound[REGISTERS];
    bool lacks[REGISTERS], known[REGISTERS];
    uint8_t learnt[REGISTERS];
    struct plan plans[GROUPS];
    unsigned char memory[8192];
    int latency_us;
    int64_t dies_ms, returns_ms, back_ms; // back_ms: first answer after its return
    struct schedule_patience patience;
    int64_t probing_us, dead_from_ms, dead_ms;
};

struct task_log {
    int next_request;
    int64_t started_ms, last_ms, worst_ms;
    int passes, seen[REGISTERS];
    bool changed, split; // the plan, in this pass
    bool hurried;        // it comes soon because of that
};

struct line {
    uint64_t seed;
    int devices, count;
    struct plan_cost cost;
    struct gadget gadgets[DEVICES];
    struct schedule_health healths[DEVICES];
    struct schedule_task tasks[TASKS];
    struct task_log logs[TASKS];
    int64_t now_us;
    bool broken;
};

static int64_t now_ms(const struct line *l)
{
    return l->now_us / 1000;
}

static void complain(struct line *l, const char *what, int task, long long got, long long bound)
{
    if (!l->broken)
        printf("seed %llu: %s: task %d, %lld, allowed %lld\n", (unsigned long long)l->seed, what, task, got,
               bound);
    l->broken = true;
}

// ---- A random line ---------------------------------------------------------------------------------------

static void make_profile(struct gadget *g)
{
    g->profile = (struct profile){.register_count = 1 + below(REGISTERS), .registers = g->registers};
    g->profile.limits.max_registers = 8 + below(118);
    bool lacking = below(3) == 0;
    int address = below(50000);
    for (int i = 0; i < g->profile.register_count; i++) {
        int words = 1 + below(2);
        g->registers[i] = (struct profile_register){
            .group = groups[i == 0 ? 0 : below(GROUPS)], .scale_from = {-1, -1}, .sign_from = -1};
        g->bound[i] = (struct profile_bound){
            .fc = 3, .address = (uint16_t)address, .words = (uint8_t)words, .scale = 1};
        g->lacks[i] = i > 0 && lacking && below(4) == 0;
        address += words + (below(3) == 0 ? below(20) : 0);
    }
}

static void replan(struct line *l, struct gadget *g)
{
    struct ew_arena arena;
    ew_arena_init(&arena, g->memory, sizeof(g->memory));
    for (int i = 0; i < GROUPS; i++)
        if (plan_build(&g->profile, g->bound, g->learnt, groups[i], &l->cost, &arena, &g->plans[i], NULL) !=
            EW_OK)
            abort();
}

static void predict(struct line *l, int device)
{
    struct plan_cost cost = l->cost;
    if (l->healths[device].latency_us > 0)
        cost.request_us += l->healths[device].latency_us - cost.latency_us;
    for (int g = 0; g < GROUPS; g++) {
        const struct plan *plan = &l->gadgets[device].plans[g];
        struct schedule_task *task = &l->tasks[device * GROUPS + g];
        task->cost_us = 0;
        for (int r = 0; r < plan->request_count; r++)
            task->cost_us += plan_request_us(&cost, 3, plan->requests[r].count);
    }
}

static void make_line(struct line *l, uint64_t seed)
{
    static const int speeds[] = {9600, 19200, 38400, 115200}, timeouts[] = {200, 300, 500, 700};
    *l = (struct line){.seed = seed, .now_us = BEGIN_MS * INT64_C(1000)};
    dice = seed * 0x9e3779b97f4a7c15u + 1;
    l->devices = 1 + below(DEVICES);
    l->count = l->devices * GROUPS;
    l->cost = plan_cost_serial(speeds[below(4)], 11, 5000, 0);
    for (int d = 0; d < l->devices; d++) {
        struct gadget *g = &l->gadgets[d];
        make_profile(g);
        replan(l, g);
        bool slow = below(12) == 0; // fills a line by itself
        g->latency_us = slow ? 100000 + below(400000) : 1000 + below(14000);
        g->patience = (struct schedule_patience){.timeout_ms = slow ? 700 : timeouts[below(4)],
                                                 .floor_ms = 100,
                                                 .probe_wire_ms = plan_wire_us(&l->cost, 3, 1) / 1000 + 1};
        g->dies_ms = g->returns_ms = g->back_ms = INT64_MAX;
        l->healths[d].urgent = below(4) == 0;
        if (d > 0 && below(5) == 0) {
            g->dies_ms = BEGIN_MS + PHASE_MS / 4 * 5 + below(PHASE_MS / 4);
            g->returns_ms = g->dies_ms + PHASE_MS / 2 + below(PHASE_MS / 4);
        }
        for (int i = 0; i < GROUPS; i++) {
            struct schedule_task *task = &l->tasks[d * GROUPS + i];
            *task = (struct schedule_task){.device = d,
                                           .class = i > 0                  ? SCHEDULE_SLOW
                                                    : l->healths[d].urgent ? SCHEDULE_CONTROL
                                                                           : SCHEDULE_FAST,
                                           .period_ms = periods_ms[i],
                                           .probe = i == 0};
            schedule_start(task, BEGIN_MS, false);
        }
        predict(l, d);
    }
}

// ---- Promises --------------------------------------------------------------------------------------------

// Nobody is passed over who presses more: by class, and by how late.
static void check_order(struct line *l, int chosen)
{
    static const int lead_ms[SCHEDULE_CLASSES] = {6000, 1000, 0}, part[SCHEDULE_CLASSES] = {1, 1, 3};
    const struct schedule_task *t = &l->tasks[chosen];
    int64_t late = now_ms(l) - t->due_ms, press = lead_ms[t->class] + late / part[t->class];
    if (l->healths[t->device].dead)
        return;
    if (late < 0)
        complain(l, "asked before it was due", chosen, now_ms(l), t->due_ms);
    for (int i = 0; i < l->count; i++) {
        const struct schedule_task *other = &l->tasks[i];
        int64_t others = now_ms(l) - other->due_ms;
        if (others >= 0 && !l->healths[other->device].dead &&
            lead_ms[other->class] + others / part[other->class] > press)
            complain(l, "passed over", i, others, late);
    }
}

static void check_request(struct line *l, int task, const struct plan_request *request)
{
    const struct gadget *g = &l->gadgets[l->tasks[task].device];
    for (int a = request->address; a < request->address + request->count; a++) {
        bool declared = false;
        for (int i = 0; i < g->profile.register_count; i++)
            declared |= a >= g->bound[i].address && a < g->bound[i].address + g->bound[i].words;
        if (!declared)
            complain(l, "read outside of what is declared", task, a, request->address);
    }
}

static void check_pass(struct line *l, int task)
{
    const struct schedule_task *t = &l->tasks[task];
    const struct gadget *g = &l->gadgets[t->device];
    struct task_log *log = &l->logs[task];
    for (int i = 0; i < g->profile.register_count; i++) {
        bool wanted = g->registers[i].group == groups[task % GROUPS] && !plan_refused(g->learnt[i]);
        if (!log->changed && log->seen[i] != wanted)
            complain(l, "register in a pass", task, log->seen[i], wanted);
    }
    if (log->passes++ > 0 && !log->hurried &&
        log->started_ms - log->last_ms < t->period_ms * INT64_C(3) / 4 - 1)
        complain(l, "read again too soon", task, log->started_ms - log->last_ms, t->period_ms);
    if (log->started_ms - log->last_ms > log->worst_ms)
        log->worst_ms = log->started_ms - log->last_ms;
    log->last_ms = log->started_ms;
    log->hurried = log->changed;
}

// ---- The line in virtual time: what poller/pass.c does ---------------------------------------------------

static bool others_alive(const struct line *l, int device)
{
    for (int d = 0; d < l->devices; d++)
        if (d != device && !l->healths[d].dead)
            return true;
    return false;
}

static bool refuses(const struct gadget *g, const struct plan_request *request)
{
    for (int i = 0; i < g->profile.register_count; i++)
        if (g->lacks[i] && g->bound[i].address < request->address + request->count &&
            g->bound[i].address + g->bound[i].words > request->address)
            return true;
    return false;
}

static void answered(struct line *l, int task, const struct plan_request *request)
{
    struct gadget *g = &l->gadgets[l->tasks[task].device];
    const struct plan *plan = &g->plans[task % GROUPS];
    struct task_log *log = &l->logs[task];
    bool refused = refuses(g, request);
    for (int k = request->first_item; k < request->first_item + request->item_count; k++) {
        log->seen[plan->items[k].index]++;
        if (!refused)
            g->known[plan->items[k].index] = true;
    }
    enum plan_lesson lesson = refused
                                  ? plan_learn(plan, request, g->known, g->profile.register_count, g->learnt)
                                  : PLAN_LEARNT_NOTHING;
    log->changed |= lesson != PLAN_LEARNT_NOTHING;
    log->split |= lesson == PLAN_LEARNT_SPLIT;
}

static void end_pass(struct line *l, int task)
{
    int device = l->tasks[task].device;
    struct task_log *log = &l->logs[task];
    check_pass(l, task);
    log->next_request = 0;
    schedule_done(&l->tasks[task], log->started_ms, now_ms(l));
    if (log->changed) {
        replan(l, &l->gadgets[device]);
        schedule_retry(&l->tasks[task], now_ms(l), log->split ? 0 : 10000);
        for (int i = 0; i < GROUPS; i++)
            l->logs[device * GROUPS + i].next_request = 0;
    }
    predict(l, device);
}

static void silence(struct line *l, int task, int64_t took_us)
{
    int device = l->tasks[task].device;
    struct gadget *g = &l->gadgets[device];
    bool was_dead = l->healths[device].dead;
    if (was_dead)
        g->probing_us += took_us;
    schedule_silent(&l->healths[device], &g->patience, now_ms(l), (int)(took_us / 1000),
                    others_alive(l, device));
    l->logs[task].next_request = 0;
    schedule_done(&l->tasks[task], now_ms(l), now_ms(l));
    if (!was_dead && l->healths[device].dead)
        g->dead_from_ms = now_ms(l);
}

static void back(struct line *l, int device)
{
    struct gadget *g = &l->gadgets[device];
    g->dead_ms = g->returns_ms - g->dead_from_ms;
    g->back_ms = now_ms(l);
    for (int i = 0; i < GROUPS; i++) {
        schedule_start(&l->tasks[device * GROUPS + i], now_ms(l), false);
        l->logs[device * GROUPS + i] = (struct task_log){.worst_ms = l->logs[device * GROUPS + i].worst_ms};
    }
}

static void ask(struct line *l, int task)
{
    struct schedule_task *t = &l->tasks[task];
    struct schedule_health *health = &l->healths[t->device];
    struct gadget *g = &l->gadgets[t->device];
    struct task_log *log = &l->logs[task];
    const struct plan *plan = &g->plans[task % GROUPS];
    if (plan->request_count == 0) {
        t->due_ms = INT64_MAX / 4;
        return;
    }
    struct plan_request request = plan->requests[log->next_request];
    if (health->dead)
        request = (struct plan_request){.fc = 3, .address = g->bound[0].address, .count = 1};
    else if (log->next_request == 0) {
        log->started_ms = now_ms(l);
        log->changed = log->split = false;
        memset(log->seen, 0, sizeof(log->seen));
    }
    check_request(l, task, &request);
    int rest_us = plan_request_us(&l->cost, 3, request.count) - l->cost.latency_us, timeout_ms;
    bool silent = now_ms(l) >= g->dies_ms && now_ms(l) < g->returns_ms;
    timeout_ms = schedule_timeout_ms(health, &g->patience);
    int64_t took_us = rest_us + (silent ? timeout_ms * 1000 : g->latency_us);
    l->now_us += took_us;
    if (silent || g->latency_us > timeout_ms * 1000) {
        silence(l, task, took_us);
        return;
    }
    schedule_latency(health, g->latency_us);
    if (schedule_answered(health)) {
        back(l, t->device);
        return;
    }
    answered(l, task, &request);
    if (++log->next_request >= plan->request_count)
        end_pass(l, task);
}

static void run_until(struct line *l, int64_t until_ms)
{
    while (now_ms(l) < until_ms && !l->broken) {
        int64_t wake;
        int task = schedule_pick(l->tasks, l->count, l->healths, now_ms(l), &wake);
        if (task < 0) {
            l->now_us = (wake < until_ms ? wake : until_ms) * 1000;
            continue;
        }
        check_order(l, task);
        ask(l, task);
    }
}

// What is measured over a time in which nobody dies and nothing is learnt any more.
static void check_periods(struct line *l)
{
    struct load_demand demand = load_of(l->tasks, l->count, l->healths, l->devices);
    double press_ms = load_press_ms(l->tasks, l->count, l->healths, l->devices);
    int64_t round_ms = 0;
    for (int t = 0; t < l->count; t++)
        round_ms += l->tasks[t].cost_us / 1000;
    for (int t = 0; t < l->count; t++) {
        if (l->gadgets[l->tasks[t].device].plans[t % GROUPS].request_count == 0)
            continue;
        // Stale after three kept periods: never where everybody answers.
        int64_t kept = load_kept_ms(l->tasks[t].period_ms, l->tasks[t].class, press_ms);
        if (l->logs[t].worst_ms > kept * 3)
            complain(l, "stale", t, l->logs[t].worst_ms, kept * 3);
        // Whatever the classes, and however over-full the line: some rounds over everything are waited for.
        int64_t bound = l->tasks[t].period_ms + 2 * SCHEDULE_CONTROL_LEAD_MS + 3 * round_ms;
        if (l->logs[t].worst_ms > bound)
            complain(l, "starved", t, l->logs[t].worst_ms, bound);
        if (load_total(&demand) < 0.6 && l->logs[t].passes < PHASE_MS / 4 / l->tasks[t].period_ms - 1)
            complain(l, "passes in a quarter of a phase", t, l->logs[t].passes,
                     PHASE_MS / 4 / l->tasks[t].period_ms);
    }
}

static void check_learnt(struct line *l)
{
    for (int d = 0; d < l->devices; d++) {
        const struct gadget *g = &l->gadgets[d];
        for (int i = 0; i < g->profile.register_count; i++)
            if (plan_refused(g->learnt[i]) != g->lacks[i] || g->known[i] == g->lacks[i])
                complain(l, "what it lacks was not found out", d, plan_refused(g->learnt[i]), g->lacks[i]);
    }
}

static void check_dead(struct line *l)
{
    for (int d = 0; d < l->devices; d++) {
        const struct gadget *g = &l->gadgets[d];
        if (g->dies_ms == INT64_MAX || l->devices == 1)
            continue;
        int64_t patience = l->healths[d].urgent && g->latency_us < 100000 ? 10000 : 60000;
        if (g->back_ms - g->returns_ms > patience)
            complain(l, "back after (ms)", d * GROUPS, g->back_ms - g->returns_ms, patience);
        if (g->probing_us > g->dead_ms * 15)
            complain(l, "probing took (us)", d * GROUPS, g->probing_us, g->dead_ms * 15);
    }
}

static bool run(uint64_t seed)
{
    static struct line l;
    make_line(&l, seed);
    run_until(&l, BEGIN_MS + PHASE_MS);
    struct load_demand demand = load_of(l.tasks, l.count, l.healths, l.devices);
    if (load_total(&demand) < 1)
        check_learnt(&l);
    for (int t = 0; t < l.count; t++) {
        l.logs[t].worst_ms = 0;
        l.logs[t].passes = 0;
    }
    run_until(&l, BEGIN_MS + PHASE_MS / 4 * 5);
    check_periods(&l);
    run_until(&l, BEGIN_MS + PHASE_MS * INT64_C(3));
    check_dead(&l);
    return !l.broken;
}

int main(int argc, char **argv)
{
    const char *more = getenv("EDGEWATT_POLLING_RUNS");
    long runs = more ? strtol(more, NULL, 10) : argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (long i = 0; i < runs; i++)
        if (!run(seed + (uint64_t)i))
            return 1;
    printf("%ld lines of an hour, seeds %llu to %llu: every promise kept\n", runs, (unsigned long long)seed,
           (unsigned long long)(seed + (uint64_t)runs - 1));
    return 0;
}
