// Order keys (A7), ascending: rank, then time, then id, so that everything is decided by the site, never by
// the order of its configuration.
#include "core/greenup/greenup_priv.h"

#include <stddef.h>

void greenup_order_reduce(const struct greenup *g, const struct greenup_point *st, struct greenup_key *ret)
{
    *ret = (struct greenup_key){(greenup_point_priority(st) ? 8 : 0) + st->level * 2 +
                                    (greenup_point_satisfied(g, st) ? 0 : 1),
                                st->s.conn_ms, st->cfg.id};
}

void greenup_order_stop(const struct greenup *g, const struct greenup_point *st, struct greenup_key *ret)
{
    (void)g;
    *ret = (struct greenup_key){0, st->s.conn_ms, st->cfg.id};
}

void greenup_order_emergency(const struct greenup *g, const struct greenup_point *st, struct greenup_key *ret)
{
    *ret =
        (struct greenup_key){(greenup_point_priority(st) ? 2 : 0) + (greenup_point_satisfied(g, st) ? 0 : 1),
                             st->s.conn_ms, st->cfg.id};
}

void greenup_order_wait(const struct greenup *g, const struct greenup_point *st, struct greenup_key *ret)
{
    (void)g;
    *ret = (struct greenup_key){(greenup_point_priority(st) ? 0 : 2) + (greenup_point_forced(st) ? 0 : 1),
                                st->s.wait_ms, st->cfg.id};
}

void greenup_order_raise(const struct greenup *g, const struct greenup_point *st, struct greenup_key *ret)
{
    (void)g;
    *ret = (struct greenup_key){greenup_point_priority(st) ? 0 : 1, st->s.red_ms, st->cfg.id};
}

// The reverse of the emergency order: connected last is kept first.
void greenup_order_keep(const struct greenup *g, const struct greenup_point *st, struct greenup_key *ret)
{
    *ret =
        (struct greenup_key){(greenup_point_priority(st) ? 0 : 2) + (greenup_point_satisfied(g, st) ? 1 : 0),
                             -st->s.conn_ms, st->cfg.id};
}

static bool before(const struct greenup_key *a, const struct greenup_key *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank;
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms;
    return a->id < b->id;
}

struct greenup_point *greenup_first(struct greenup *g, uint8_t phases, greenup_filter *filter,
                                    greenup_order *order)
{
    struct greenup_point *best = NULL;
    struct greenup_key best_key = {0};
    for (int i = 0; i < g->count; i++) {
        struct greenup_point *st = &g->point[i];
        if (!(st->cfg.phases & phases) || !filter(g, st))
            continue;
        struct greenup_key key;
        order(g, st, &key);
        if (!best || before(&key, &best_key)) {
            best = st;
            best_key = key;
        }
    }
    return best;
}

// Moves the item at `root` down until the heap (largest first) holds again.
static void sift(struct greenup_key *keys, uint16_t *items, int root, int count)
{
    for (;;) {
        int child = root * 2 + 1;
        if (child >= count)
            return;
        if (child + 1 < count && before(&keys[child], &keys[child + 1]))
            child++;
        if (!before(&keys[root], &keys[child]))
            return;
        const struct greenup_key key = keys[root];
        const uint16_t item = items[root];
        keys[root] = keys[child];
        items[root] = items[child];
        keys[child] = key;
        items[child] = item;
        root = child;
    }
}

int greenup_sorted(const struct greenup *g, greenup_filter *filter, greenup_order *order,
                   uint16_t ret[GREENUP_STATIONS_MAX])
{
    struct greenup_key keys[GREENUP_STATIONS_MAX];
    int count = 0;
    for (int i = 0; i < g->count; i++)
        if (filter(g, &g->point[i])) {
            order(g, &g->point[i], &keys[count]);
            ret[count++] = (uint16_t)i;
        }
    for (int i = count / 2 - 1; i >= 0; i--)
        sift(keys, ret, i, count);
    for (int last = count - 1; last > 0; last--) {
        const struct greenup_key key = keys[0];
        const uint16_t item = ret[0];
        keys[0] = keys[last];
        ret[0] = ret[last];
        keys[last] = key;
        ret[last] = item;
        sift(keys, ret, 0, last);
    }
    return count;
}
