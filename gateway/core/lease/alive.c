#include "core/lease/alive.h"

static int64_t due(const struct alive *alive, const struct alive_rule *rule)
{
    if (alive->tried_ms == 0)
        return 0;
    bool soon = alive->failed && rule->every_ms > ALIVE_RETRY_MS;
    return alive->tried_ms + (soon ? ALIVE_RETRY_MS : rule->every_ms);
}

int alive_next(struct alive *alive, const struct alive_rule *rule, bool wanted, int64_t now_ms,
               int64_t *ret_wake_ms)
{
    *ret_wake_ms = INT64_MAX;
    if (!wanted || alive->busy || rule->value_count == 0)
        return -1;
    int64_t at = due(alive, rule);
    if (at > now_ms) {
        *ret_wake_ms = at;
        return -1;
    }
    alive->busy = true;
    return alive->next;
}

int alive_value(const struct alive *alive)
{
    return alive->next;
}

void alive_wrote(struct alive *alive, const struct alive_rule *rule, bool alone, bool done, int64_t now_ms)
{
    if (alone)
        alive->busy = false;
    alive->failed = !done;
    alive->tried_ms = now_ms;
    if (done)
        alive->next = (alive->next + 1) % rule->value_count;
}
