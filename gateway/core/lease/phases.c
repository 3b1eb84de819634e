#include "core/lease/phases.h"

void phases_heard(struct phases *phases, bool known, bool charges, int32_t most_ma, int64_t read_ms)
{
    bool idle = known && !charges && most_ma < PHASES_IDLE_MA;
    phases->heard_ms = read_ms;
    if (!idle)
        phases->idle_ms = 0;
    else if (phases->idle_ms == 0)
        phases->idle_ms = read_ms;
}

static enum phases_verdict wait(enum phases_verdict verdict, int64_t ms, int64_t *ret_wait_ms)
{
    *ret_wait_ms = ms;
    return verdict;
}

enum phases_verdict phases_may(const struct phases *phases, const struct phases_rule *rule, int64_t stale_ms,
                               int64_t now_ms, int64_t *ret_wait_ms)
{
    *ret_wait_ms = 0;
    if (phases->heard_ms == 0 || now_ms - phases->heard_ms > stale_ms)
        return PHASES_UNKNOWN;
    if (phases->idle_ms == 0)
        return PHASES_LOADED;
    if (phases->switched_ms > 0 && now_ms - phases->switched_ms < rule->rest_ms)
        return wait(PHASES_RESTS, phases->switched_ms + rule->rest_ms - now_ms, ret_wait_ms);
    if (now_ms - phases->idle_ms < rule->pause_ms)
        return wait(PHASES_TOO_SOON, phases->idle_ms + rule->pause_ms - now_ms, ret_wait_ms);
    return PHASES_MAY;
}

void phases_begin(struct phases *phases, const struct phases_rule *rule, int64_t now_ms)
{
    phases->switched_ms = now_ms;
    phases->held_ms = now_ms + rule->pause_ms;
}

void phases_switched(struct phases *phases, const struct phases_rule *rule, int64_t now_ms)
{
    phases_begin(phases, rule, now_ms);
}

bool phases_hold(const struct phases *phases, int64_t now_ms, int64_t *ret_wake_ms)
{
    bool hold = now_ms < phases->held_ms;
    *ret_wake_ms = hold ? phases->held_ms : INT64_MAX;
    return hold;
}
