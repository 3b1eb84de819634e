#include "core/plan/load.h"

#include <stddef.h>

// A line is full before 1: between two requests there is the gateway's own work, and passes come in bunches.
static const double full = 0.85, roomy = 0.9;

struct load_demand load_of(const struct schedule_task *tasks, int task_count,
                           const struct schedule_health *healths, int device_count)
{
    struct load_demand demand = {0};
    for (int i = 0; i < task_count; i++) {
        const struct schedule_task *t = &tasks[i];
        if (t->period_ms <= 0 || healths[t->device].dead)
            continue;
        demand.share[t->class] += t->cost_us / 1000.0 / t->period_ms;
        demand.wire[t->class] += t->wire_us / 1000.0 / t->period_ms;
    }
    for (int d = 0; d < device_count; d++)
        if (healths[d].dead)
            demand.probes += SCHEDULE_PROBE_SHARE / 1000.0;
    return demand;
}

double load_total(const struct load_demand *demand)
{
    double total = demand->probes;
    for (int c = 0; c < SCHEDULE_CLASSES; c++)
        total += demand->share[c];
    return total;
}

// The period of a task when all press so much. What is made up for is not felt.
static double period_when(int period_ms, enum schedule_class class, double press_ms)
{
    double late = schedule_late_ms(class, press_ms) - (double)period_ms / SCHEDULE_CATCH_UP;
    return late > 0 ? period_ms + late : period_ms;
}

static double total_when(const struct schedule_task *tasks, int task_count,
                         const struct schedule_health *healths, double press_ms)
{
    double total = 0;
    for (int i = 0; i < task_count; i++)
        if (tasks[i].period_ms > 0 && !healths[tasks[i].device].dead)
            total += tasks[i].cost_us / 1000.0 / period_when(tasks[i].period_ms, tasks[i].class, press_ms);
    return total;
}

double load_press_ms(const struct schedule_task *tasks, int task_count, const struct schedule_health *healths,
                     int device_count)
{
    double room = full, low = 0, high = 1000;
    for (int d = 0; d < device_count; d++)
        room -= healths[d].dead ? SCHEDULE_PROBE_SHARE / 1000.0 : 0;
    if (room < 0.1)
        room = 0.1;
    if (total_when(tasks, task_count, healths, 0) <= room)
        return 0;
    while (total_when(tasks, task_count, healths, high) > room && high < 1e9)
        high *= 2;
    for (int i = 0; i < 30; i++) {
        double middle = (low + high) / 2;
        if (total_when(tasks, task_count, healths, middle) > room)
            low = middle;
        else
            high = middle;
    }
    return high;
}

int load_kept_ms(int period_ms, enum schedule_class class, double press_ms)
{
    double kept = period_when(period_ms, class, press_ms);
    int step = 1;
    if (kept <= period_ms * 1.0001)
        return period_ms;
    if (kept > 1e9)
        kept = 1e9;
    while (kept / step >= 100)
        step *= 10;
    int steps = (int)(kept / step);
    return (steps * step < kept ? steps + 1 : steps) * step;
}

bool load_over_full(const struct load_demand *demand, bool was)
{
    return load_total(demand) > (was ? roomy : 1);
}

static int round_poll(double poll_ms)
{
    static const int steps[][2] = {{1000, 100}, {10000, 500}, {60000, 1000}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (poll_ms <= steps[i][0])
            return ((int)poll_ms + steps[i][1] - 1) / steps[i][1] * steps[i][1];
    return 0; // nobody wants that
}

static int speed_for(const struct load_demand *demand, int speed_baud)
{
    static const int speeds[] = {1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200};
    double total = load_total(demand), wire = 0;
    for (int c = 0; c < SCHEDULE_CLASSES; c++)
        wire += demand->wire[c];
    for (size_t i = 0; speed_baud > 0 && i < sizeof(speeds) / sizeof(speeds[0]); i++)
        if (speeds[i] > speed_baud && total - wire + wire * speed_baud / speeds[i] <= roomy)
            return speeds[i];
    return 0;
}

struct load_advice load_advise(const struct load_demand *demand, int poll_ms, int speed_baud, int devices)
{
    double total = load_total(demand);
    double fast = demand->share[SCHEDULE_CONTROL] + demand->share[SCHEDULE_FAST], rest = total - fast;
    struct load_advice advice = {.speed_baud = speed_for(demand, speed_baud)};
    advice.need_pct = total < 1e6 ? (int)(total * 10 + 0.5) * 10 : 10000000;
    if (rest < roomy - 0.01 && fast > 0)
        advice.poll_ms = round_poll(poll_ms * fast / (roomy - rest) + 1);
    double move = devices * (1 - roomy / total);
    if (devices > 1 && move > 0)
        advice.move = (int)move + 1;
    if (advice.move >= devices)
        advice.move = 0;
    return advice;
}
