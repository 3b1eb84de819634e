#include "core/plan/load.h"

#include <stddef.h>

// A line is full a little before 1: between two requests there is the gateway's own work.
static const double full = 0.97, roomy = 0.9;

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

// Periods at the score where everything waits: each class is stretched by what the score is above its lead
// and what is made up for.
static double stretched(const struct load_demand *demand, double score, double ret[SCHEDULE_CLASSES])
{
    static const int ahead[SCHEDULE_CLASSES] = {SCHEDULE_FAST_AHEAD + SCHEDULE_CONTROL_AHEAD,
                                                SCHEDULE_FAST_AHEAD, 0};
    double total = demand->probes;
    for (int c = 0; c < SCHEDULE_CLASSES; c++) {
        double late = score - ahead[c] - 1.0 / SCHEDULE_CATCH_UP;
        ret[c] = late > 0 ? 1 + late : 1;
        total += demand->share[c] / ret[c];
    }
    return total;
}

void load_stretch(const struct load_demand *demand, double ret[SCHEDULE_CLASSES])
{
    double low = 0, high = 1;
    if (stretched(demand, low, ret) <= full)
        return;
    while (stretched(demand, high, ret) > full && high < 1e6)
        high *= 2;
    for (int i = 0; i < 40; i++) {
        double middle = (low + high) / 2;
        if (stretched(demand, middle, ret) > full)
            low = middle;
        else
            high = middle;
    }
    (void)stretched(demand, high, ret);
}

int load_kept_ms(int period_ms, double stretch)
{
    double kept = period_ms * stretch;
    int step = 1;
    if (stretch <= 1.0001)
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
