// What requests of a bus thread take, as predicted from their bytes and what devices took before, and how
// long to wait for them.
#include "poller/worker_priv.h"

#include <math.h>

enum {
    // The process may have to wait for the processor, serial adapters hand bytes over in bunches; a lost
    // packet is sent again after 200 ms (RFC 6298 allows less, Linux has this as its floor).
    FLOOR_SERIAL_MS = 100,
    FLOOR_NETWORK_MS = 250,
    TELL_MIN_MS = 1000,
    TELL_FULL_MS = 100 // values must not be taken for stale before the line is known to be over-full
};

int worker_probe_count(const struct unit *u, const struct plan *plan)
{
    const struct plan_request *request = &plan->requests[0];
    int index = plan->items[request->first_item].index;
    int words = request->fc <= 2 ? 1 : u->recipe->bound[index].words;
    return words < request->count ? words : request->count;
}

struct schedule_patience worker_patience(const struct worker *w, const struct unit *u)
{
    const struct plan *plan = unit_probe_plan(u);
    int wire_us = plan_wire_us(&u->recipe->cost, plan->requests[0].fc, worker_probe_count(u, plan)) + 999;
    return (struct schedule_patience){.timeout_ms = u->recipe->timeout_ms,
                                      .minimum_ms = u->recipe->profile->limits.timeout_ms,
                                      .floor_ms =
                                          w->options.line.kind == MB_RTU ? FLOOR_SERIAL_MS : FLOOR_NETWORK_MS,
                                      .probe_wire_ms = wire_us / 1000};
}

// On TCP the pause that a device wants is its own: others use the connection meanwhile.
static struct plan_cost line_cost(const struct worker *w, const struct unit *u)
{
    struct plan_cost cost = u->recipe->cost;
    if (w->options.line.kind == MB_TCP)
        cost.request_us = cost.latency_us;
    return cost;
}

int worker_gap_ms(const struct worker *w, const struct unit *u)
{
    return w->options.line.kind == MB_TCP ? 0 : u->recipe->gap_ms;
}

void worker_note_asked(struct worker *w, int unit_number, int64_t now_ms)
{
    for (int i = 0; i < w->unit_count && w->options.line.kind == MB_TCP; i++)
        if (w->units[i].recipe->unit == unit_number && w->units[i].recipe->gap_ms > 0)
            w->healths[i].ready_ms = now_ms + w->units[i].recipe->gap_ms + 1;
}

void worker_note_latency(struct worker *w, int unit, const struct plan_request *request, int64_t elapsed_us)
{
    struct plan_cost cost = line_cost(w, &w->units[unit]);
    int64_t rest = plan_request_us(&cost, request->fc, request->count) - cost.latency_us;
    int64_t sample = elapsed_us - rest;
    schedule_latency(&w->healths[unit], sample > 0 ? (int)sample : 1);
}

void worker_predict(struct worker *w, int unit)
{
    const struct unit *u = &w->units[unit];
    struct plan_cost cost = line_cost(w, u);
    int latency_us = w->healths[unit].latency_us;
    if (latency_us > 0)
        cost.request_us += latency_us - cost.latency_us;
    for (int j = u->first_job; j < u->first_job + u->job_count; j++) {
        const struct plan *plan = &u->plans[w->jobs[j].group];
        struct schedule_task *task = &w->tasks[j];
        task->cost_us = task->wire_us = 0;
        for (int r = 0; r < plan->request_count; r++) {
            const struct plan_request *request = &plan->requests[r];
            task->cost_us += plan_request_us(&cost, request->fc, request->count);
            task->wire_us += plan_wire_us(&cost, request->fc, request->count);
        }
    }
}

static struct load_demand demand_of(const struct worker *w)
{
    return load_of(w->tasks, w->job_count, w->healths, w->unit_count);
}

void worker_measure_load(struct worker *w, int64_t now_ms)
{
    w->figures.demand = demand_of(w);
    w->figures.press_ms = load_press_ms(w->tasks, w->job_count, w->healths, w->unit_count);
    w->figures.alive = 0;
    for (int i = 0; i < w->unit_count; i++)
        w->figures.alive += !w->healths[i].dead;
    w->told_demand = load_total(&w->figures.demand);
    w->told_ms = now_ms;
}

bool worker_load_changed(const struct worker *w, int64_t now_ms)
{
    if (now_ms - w->told_ms < TELL_FULL_MS)
        return false;
    struct load_demand demand = demand_of(w);
    double total = load_total(&demand), change = total - w->told_demand;
    if (total < 0.9 && w->told_demand < 0.9) // periods are kept
        return false;
    return change > 0.1 * w->told_demand ||
           (now_ms - w->told_ms >= TELL_MIN_MS && -change > 0.1 * w->told_demand);
}
