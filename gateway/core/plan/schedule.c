#include "core/plan/schedule.h"

void schedule_start(struct schedule_task *task, int64_t now_ms, bool first)
{
    task->begun = false;
    task->first = first;
    task->due_ms = now_ms;
}

static const int lead_ms[SCHEDULE_CLASSES] = {SCHEDULE_CONTROL_LEAD_MS, SCHEDULE_FAST_LEAD_MS, 0};
static const int part[SCHEDULE_CLASSES] = {1, 1, SCHEDULE_SLOW_PART};

int64_t schedule_press_ms(enum schedule_class class, int64_t late_ms)
{
    return lead_ms[class] + late_ms / part[class];
}

double schedule_late_ms(enum schedule_class class, double press_ms)
{
    return press_ms > lead_ms[class] ? (press_ms - lead_ms[class]) * part[class] : 0;
}

struct candidate {
    bool first;
    int64_t due_ms, press_ms;
};

static struct candidate look(const struct schedule_task *task, const struct schedule_health *health,
                             int64_t now_ms)
{
    struct candidate c = {.first = task->first, .due_ms = task->due_ms};
    // What probes may cost is bounded by how seldom they are due; when one is, nothing keeps it waiting.
    if (health->dead)
        c = (struct candidate){.first = true, .due_ms = task->probe ? health->probe_due_ms : INT64_MAX / 4};
    c.press_ms = schedule_press_ms(task->class, now_ms - c.due_ms);
    if (c.due_ms < health->ready_ms)
        c.due_ms = health->ready_ms;
    return c;
}

static bool goes_before(const struct candidate *a, const struct candidate *b)
{
    return a->first != b->first ? a->first : a->press_ms > b->press_ms;
}

int schedule_pick(const struct schedule_task *tasks, int count, const struct schedule_health *healths,
                  int64_t now_ms, int64_t *ret_wake_ms)
{
    int chosen = -1;
    struct candidate best = {0};
    *ret_wake_ms = INT64_MAX;
    for (int i = 0; i < count; i++) {
        struct candidate c = look(&tasks[i], &healths[tasks[i].device], now_ms);
        if (c.due_ms > now_ms) {
            if (c.due_ms < *ret_wake_ms)
                *ret_wake_ms = c.due_ms;
        } else if (chosen < 0 || goes_before(&c, &best)) {
            chosen = i;
            best = c;
        }
    }
    return chosen;
}

void schedule_done(struct schedule_task *task, int64_t started_ms, int64_t now_ms)
{
    int64_t late = task->begun ? started_ms - task->due_ms : 0;
    int64_t made_up = task->period_ms / SCHEDULE_CATCH_UP;
    task->begun = true;
    task->first = false;
    task->due_ms = started_ms + task->period_ms - (late < made_up ? late : made_up);
    if (task->due_ms < now_ms)
        task->due_ms = now_ms;
}

void schedule_retry(struct schedule_task *task, int64_t now_ms, int after_ms)
{
    if (now_ms + after_ms < task->due_ms)
        task->due_ms = now_ms + after_ms;
}

bool schedule_answered(struct schedule_health *health)
{
    bool was_dead = health->dead;
    health->failures = health->probes = 0;
    health->dead = false;
    return was_dead;
}

void schedule_latency(struct schedule_health *health, int sample_us)
{
    int sample = sample_us > 0 ? sample_us : 1;
    if (health->latency_us == 0)
        health->latency_us = sample;
    else if (sample > health->latency_us)
        health->latency_us += (sample - health->latency_us + 1) / 2;
    else
        health->latency_us -= (health->latency_us - sample) / 16;
}

// ---- Dead devices ----------------------------------------------------------------------------------------

// How a dead device that somebody waits for is probed: with so little patience that every
// SCHEDULE_PROBE_URGENT_MS is within the budget, and once in `full_every` with all of it. False where that
// can't be, because the device or the line is too slow.
static bool is_quick(const struct schedule_health *health, const struct schedule_patience *p, int *ret_ms,
                     int *ret_full_every)
{
    int budget = SCHEDULE_PROBE_URGENT_MS * SCHEDULE_PROBE_SHARE / 1000;
    int most = budget * 3 / 4 - p->probe_wire_ms;
    int wanted = health->latency_us > 0 ? health->latency_us / 250 + 1 : SCHEDULE_PROBE_QUICK_MS;
    if (wanted > most && health->latency_us > 0 && health->latency_us / 500 < most)
        wanted = most;
    if (wanted < SCHEDULE_PROBE_QUICK_MIN_MS)
        wanted = SCHEDULE_PROBE_QUICK_MIN_MS;
    // What a device was seen to take says more than its profile's minimum.
    bool hasty = health->latency_us == 0 && wanted < p->minimum_ms;
    if (!health->urgent || health->alone || hasty || wanted > most || wanted >= p->timeout_ms)
        return false;
    int quick = p->probe_wire_ms + wanted, full = p->probe_wire_ms + p->timeout_ms;
    *ret_ms = wanted;
    *ret_full_every = (full - quick) / (budget - quick) + 2;
    return true;
}

static int64_t pause_ms(const struct schedule_health *health, const struct schedule_patience *patience,
                        int cost_ms, bool others)
{
    // 1, 2, 4 ... s: what was only unplugged for a moment is back soon.
    int64_t pause = health->probes < 10 ? (int64_t)1000 << health->probes : SCHEDULE_PROBE_MAX_MS;
    int quick, full_every;
    if (!others)
        return pause < SCHEDULE_PROBE_IDLE_MS ? pause : SCHEDULE_PROBE_IDLE_MS;
    if (is_quick(health, patience, &quick, &full_every))
        return SCHEDULE_PROBE_URGENT_MS;
    int64_t budget = (int64_t)cost_ms * 1000 / SCHEDULE_PROBE_SHARE;
    int64_t max = health->urgent ? SCHEDULE_PROBE_URGENT_MS : SCHEDULE_PROBE_MAX_MS;
    if (budget > max && (health->urgent || cost_ms > SCHEDULE_PROBE_FULL_MS))
        return budget;
    if (pause < budget)
        pause = budget;
    return pause < max ? pause : max;
}

bool schedule_silent(struct schedule_health *health, const struct schedule_patience *patience, int64_t now_ms,
                     int cost_ms, bool others)
{
    bool was_dead = health->dead;
    // It may have become slower than it was; one that is dead was not.
    if (health->failures == 0 && health->latency_us < patience->timeout_ms * 1000)
        health->latency_us *= 2;
    else if (!was_dead)
        health->latency_us /= 2;
    if (health->failures < SCHEDULE_FAILURES)
        health->failures++;
    if (health->failures < SCHEDULE_FAILURES)
        return false;
    health->dead = true;
    health->alone = !others;
    health->probe_due_ms = now_ms + pause_ms(health, patience, cost_ms, others);
    health->probes++;
    return !was_dead;
}

static int probe_timeout_ms(const struct schedule_health *health, const struct schedule_patience *p)
{
    int quick, full_every;
    if (is_quick(health, p, &quick, &full_every))
        return health->probes % full_every == 0 ? p->timeout_ms : quick;
    bool full = health->probes % SCHEDULE_PROBE_FULL_EVERY == 0;
    return full || p->timeout_ms < SCHEDULE_PROBE_TIMEOUT_MS ? p->timeout_ms : SCHEDULE_PROBE_TIMEOUT_MS;
}

int schedule_timeout_ms(const struct schedule_health *health, const struct schedule_patience *p)
{
    if (health->dead)
        return probe_timeout_ms(health, p);
    if (health->failures > 0 || health->latency_us == 0)
        return p->timeout_ms;
    int timeout = health->latency_us / 250 + 1;
    if (timeout < p->floor_ms)
        timeout = p->floor_ms;
    if (timeout < p->minimum_ms)
        timeout = p->minimum_ms;
    return timeout < p->timeout_ms ? timeout : p->timeout_ms;
}
