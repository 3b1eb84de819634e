#include "core/supervise/trial.h"

unsigned supervise_running(const struct supervise *s)
{
    unsigned running = 0;
    for (int i = 0; i < s->count; i++)
        if (s->children[i].state == SUPERVISE_RUNNING)
            running |= 1U << i;
    return running;
}

static bool steady(const struct supervise_child *c, int64_t now_ms)
{
    return c->state == SUPERVISE_RUNNING && now_ms - c->since_ms >= SUPERVISE_TRIAL_STEADY_MS;
}

enum supervise_verdict supervise_trial(const struct supervise *s, unsigned wanted, int64_t begun_ms,
                                       int64_t now_ms, int *ret_child)
{
    int missing = -1;
    for (int i = 0; i < s->count; i++) {
        const struct supervise_child *c = &s->children[i];
        if (!(wanted & (1U << i)) || steady(c, now_ms))
            continue;
        if (missing < 0 || c->failures > s->children[missing].failures)
            missing = i;
    }
    *ret_child = missing;
    if (missing < 0)
        return SUPERVISE_PROVEN;
    if (s->children[missing].failures >= SUPERVISE_TRIAL_TRIES || now_ms - begun_ms >= SUPERVISE_TRIAL_MS)
        return SUPERVISE_FAILED;
    return SUPERVISE_UNDECIDED;
}
