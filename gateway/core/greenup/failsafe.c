// The meter of the total is lost, or the selector is off (A9, A5).
#include "core/greenup/greenup_priv.h"

static bool running(const struct greenup *g, const struct greenup_point *st)
{
    return (st->cfg.phases & g->lost) && greenup_point_usable(st) &&
           (st->state == GREENUP_CHARGE || st->state == GREENUP_IDLE);
}

// Current per phase that may be shared: what the site set aside, less what stations take that can't be told.
static void budget(const struct greenup *g, int32_t room_ma[GREENUP_PHASES])
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
        room_ma[p] = g->set.failsafe_ma;
        for (int i = 0; i < g->count; i++) {
            const struct greenup_point *st = &g->point[i];
            if (st->lost)
                room_ma[p] -= greenup_booked(g, st, p);
            else if (st->disobeys)
                room_ma[p] -= greenup_point_draw(st, p);
        }
    }
}

static bool take(const struct greenup *g, const struct greenup_point *st, int32_t need_ma,
                 int32_t room_ma[GREENUP_PHASES])
{
    for (int p = 0; p < GREENUP_PHASES; p++)
        if ((st->cfg.phases & g->lost) >> p & 1 && room_ma[p] < need_ma)
            return false;
    for (int p = 0; p < GREENUP_PHASES; p++)
        if ((st->cfg.phases & g->lost) >> p & 1)
            room_ma[p] -= need_ma;
    return true;
}

// On phases without a meter: the smallest current for as many as fit, the others stop. Nothing grows.
void greenup_failsafe(struct greenup *g)
{
    int32_t room_ma[GREENUP_PHASES];
    budget(g, room_ma);
    uint16_t order[GREENUP_STATIONS_MAX];
    const int count = greenup_sorted(g, running, greenup_order_keep, order);
    for (int i = 0; i < count; i++) {
        struct greenup_point *st = &g->point[order[i]];
        const int32_t floor_ma = st->level_ma[GREENUP_LEVELS - 1];
        if (!take(g, st, floor_ma, room_ma))
            greenup_stop(g, st, GREENUP_WHY_FAILSAFE, -1);
        else if (st->limit_ma > floor_ma)
            greenup_command(g, st, GREENUP_DO_REDUCE, GREENUP_LEVELS - 1, GREENUP_WHY_FAILSAFE, -1);
    }
    for (int i = 0; i < g->count; i++) {
        struct greenup_point *st = &g->point[i];
        if ((st->cfg.phases & g->lost) && st->state == GREENUP_WAIT && !greenup_point_held(st))
            greenup_say(st, GREENUP_WHY_FAILSAFE, -1, 0, 0);
    }
}

// The meter is back: who charges says so instead of that it is silent. Who waits is told by what it waits
// for.
void greenup_failsafe_over(struct greenup *g)
{
    for (int i = 0; i < g->count; i++) {
        struct greenup_point *st = &g->point[i];
        if (st->why == GREENUP_WHY_FAILSAFE && !(st->cfg.phases & g->lost) && st->limit_ma > 0)
            greenup_say(st, GREENUP_WHY_RETURNED, -1, 0, 0);
    }
}

// Selector off: everybody at the configured limit, and nobody is watched.
void greenup_released(struct greenup *g)
{
    for (int i = 0; i < g->count; i++) {
        struct greenup_point *st = &g->point[i];
        const bool capped = g->set.off_ma > 0 && g->set.off_ma < st->cfg.rated_ma;
        st->limit_ma = capped ? g->set.off_ma : st->cfg.rated_ma;
        if (st->cap_ma >= 0 && st->cap_ma < st->limit_ma)
            st->limit_ma = st->cap_ma < g->set.min_ma ? 0 : st->cap_ma;
        st->state = st->in.plugged && !st->lost ? GREENUP_CHARGE : st->state;
        st->level = 0;
        st->s.red_ms = GREENUP_NEVER;
        greenup_say(st, GREENUP_WHY_OFF, -1, 0, 0);
    }
}
