#include "core/access/slowdown.h"

#include "base/buf.h"
#include <string.h>

int64_t slowdown_delay_ms(int wrong)
{
    if (wrong < 1)
        return 0;
    int64_t delay_ms = wrong > 6 ? SLOWDOWN_MAX_MS : INT64_C(1000) << (wrong - 1);
    return delay_ms < SLOWDOWN_MAX_MS ? delay_ms : SLOWDOWN_MAX_MS;
}

static int find(const struct slowdown *s, const char *address)
{
    char cut[sizeof(s->all.address)];
    ew_copy(cut, sizeof(cut), address);
    for (int i = 0; i < SLOWDOWN_ADDRESSES; i++)
        if (s->addresses[i].wrong && strcmp(s->addresses[i].address, cut) == 0)
            return i;
    return -1;
}

int64_t slowdown_wait_ms(const struct slowdown *s, const char *address, int64_t now_ms)
{
    int at = find(s, address);
    int64_t until_ms = at >= 0 ? s->addresses[at].until_ms : 0;
    if (s->all.until_ms > until_ms)
        until_ms = s->all.until_ms;
    return until_ms > now_ms ? until_ms - now_ms : 0;
}

// The address' own entry, a free one, or the one that was quiet longest.
static struct slowdown_entry *take(struct slowdown *s, const char *address)
{
    int at = find(s, address);
    if (at >= 0)
        return &s->addresses[at];
    at = 0;
    for (int i = 0; i < SLOWDOWN_ADDRESSES && s->addresses[at].wrong; i++)
        if (!s->addresses[i].wrong || s->addresses[i].last_ms < s->addresses[at].last_ms)
            at = i;
    s->addresses[at] = (struct slowdown_entry){.wrong = 0};
    ew_copy(s->addresses[at].address, sizeof(s->addresses[at].address), address);
    return &s->addresses[at];
}

void slowdown_wrong(struct slowdown *s, const char *address, int64_t now_ms)
{
    struct slowdown_entry *entry = take(s, address);
    if (entry->wrong && now_ms - entry->last_ms >= SLOWDOWN_FORGET_MS)
        entry->wrong = 0;
    if (entry->wrong < 1000)
        entry->wrong++;
    entry->last_ms = now_ms;
    entry->until_ms = now_ms + slowdown_delay_ms(entry->wrong);

    int64_t forgiven = (now_ms - s->all.last_ms) / (SLOWDOWN_FORGET_MS / 15);
    s->all.wrong = forgiven >= s->all.wrong ? 0 : s->all.wrong - (int)forgiven;
    if (s->all.wrong < 1000)
        s->all.wrong++;
    s->all.last_ms = now_ms;
    s->all.until_ms = now_ms + slowdown_delay_ms(s->all.wrong - SLOWDOWN_FREE_OVER_ALL);
}

void slowdown_right(struct slowdown *s, const char *address)
{
    int at = find(s, address);
    if (at >= 0)
        s->addresses[at] = (struct slowdown_entry){.wrong = 0};
}
