#include "core/plan/schedule.h"

void schedule_start(struct schedule_task *task, int64_t now_ms, bool first)
{
    task->begun = false;
    task->first = first;
    task->due_ms = now_ms;
}

struct candidate {
    bool first;
    int64_t late_ms, period_ms;
};

static struct candidate look(const struct schedule_task *task, const struct schedule_health *health,
                             int64_t now_ms)
{
    if (!health->dead)
        return (struct candidate){task->first, now_ms - task->due_ms,
                                  task->period_ms > 0 ? task->period_ms : 1};
    // A probe has no hurry but must not starve: what it may cost is bounded by how seldom it is due.
    int64_t late = task->probe ? now_ms - health->probe_due_ms : INT64_MIN / 2;
    return (struct candidate){false, late, SCHEDULE_PROBE_IDLE_MS};
}

static bool goes_before(const struct candidate *a, const struct candidate *b)
{
    if (a->first != b->first)
        return a->first;
    return a->late_ms * b->period_ms > b->late_ms * a->period_ms;
}

int schedule_pick(const struct schedule_task *tasks, int count, const struct schedule_health *healths,
                  int64_t now_ms, int64_t *ret_wake_ms)
{
    int chosen = -1;
    struct candidate best = {0};
    *ret_wake_ms = INT64_MAX;
    for (int i = 0; i < count; i++) {
        struct candidate c = look(&tasks[i], &healths[tasks[i].device], now_ms);
        if (c.late_ms < 0) {
            if (c.late_ms > INT64_MIN / 2 && now_ms - c.late_ms < *ret_wake_ms)
                *ret_wake_ms = now_ms - c.late_ms;
        } else if (chosen < 0 || goes_before(&c, &best)) {
            chosen = i;
            best = c;
        }
    }
    return chosen;
}

void schedule_done(struct schedule_task *task, int64_t started_ms, int64_t now_ms)
{
    int64_t base = task->begun ? task->due_ms : started_ms;
    task->begun = true;
    task->first = false;
    task->due_ms = base + task->period_ms;
    if (task->due_ms < now_ms) // over-full: what was missed can't be made up for
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

static int64_t pause_ms(const struct schedule_health *health, int cost_ms, bool others)
{
    // 1, 2, 4 ... s: what was only unplugged for a moment is back soon.
    int64_t pause = health->probes < 10 ? (int64_t)1000 << health->probes : SCHEDULE_PROBE_MAX_MS;
    if (!others)
        return pause < SCHEDULE_PROBE_IDLE_MS ? pause : SCHEDULE_PROBE_IDLE_MS;
    int64_t budget = (int64_t)cost_ms * 1000 / SCHEDULE_PROBE_SHARE;
    if (pause < budget)
        pause = budget;
    int64_t max = health->urgent ? SCHEDULE_PROBE_URGENT_MS : SCHEDULE_PROBE_MAX_MS;
    if (cost_ms > SCHEDULE_PROBE_FULL_MS && !health->urgent)
        return budget;
    return pause < max ? pause : max;
}

bool schedule_silent(struct schedule_health *health, int64_t now_ms, int cost_ms, bool others)
{
    bool was_dead = health->dead;
    if (health->failures < SCHEDULE_FAILURES)
        health->failures++;
    if (health->failures < SCHEDULE_FAILURES)
        return false;
    health->dead = true;
    health->probe_due_ms = now_ms + pause_ms(health, cost_ms, others);
    health->probes++;
    return !was_dead;
}

int schedule_timeout_ms(const struct schedule_health *health, int timeout_ms)
{
    bool full = health->probes % SCHEDULE_PROBE_FULL_EVERY == 0;
    if (!health->dead || full || timeout_ms < SCHEDULE_PROBE_TIMEOUT_MS)
        return timeout_ms;
    return SCHEDULE_PROBE_TIMEOUT_MS;
}
