// Who waits, who starts, and making room for him (A6.4).
#include "core/greenup/greenup_priv.h"

static bool may_start(const struct greenup *g, const struct greenup_point *st)
{
    (void)g;
    return st->state == GREENUP_WAIT && greenup_point_usable(st) && st->in.requesting &&
           !greenup_point_held(st);
}

static bool ever_stopped(const struct greenup_point *w)
{
    return w->s.stop_ms != GREENUP_NEVER;
}

// Whether the worst case with `w` at a level stays within B, or within I_max - H, on all its phases.
static bool fits(const struct greenup *g, const struct greenup_point *w, int level, bool within_hold)
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
        if (!(w->cfg.phases >> p & 1))
            continue;
        const struct greenup_phase *ph = &g->phase[p];
        const int32_t others = ph->booked_ma - greenup_booked(g, w, p);
        if (others + w->level_ma[level] > (within_hold ? ph->hold_ma : ph->bound_ma))
            return false;
    }
    return true;
}

// The level at which it can start now, or -1.
static int start_level(const struct greenup *g, const struct greenup_point *w)
{
    for (int k = ever_stopped(w) || w->s.made_room ? 2 : 0; k <= 2; k++)
        if (fits(g, w, k, false))
            return k;
    // Green authorises a new request even if it turns yellow by it [M7].
    return !ever_stopped(w) && fits(g, w, 2, true) ? 2 : -1;
}

// FEAS: would it fit at level 2 if all that it may reduce were at level 2?
static bool feasible(const struct greenup *g, const struct greenup_point *w)
{
    const int class = greenup_point_priority(w) ? 1 : 0;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        if (!(w->cfg.phases >> p & 1))
            continue;
        const struct greenup_phase *ph = &g->phase[p];
        if (ph->least_ma[class] - greenup_told(g, w, p) + w->level_ma[2] > ph->bound_ma)
            return false;
        if (ph->band != GREENUP_GREEN && ph->least_hat_ma[class] > ph->back_ma)
            return false;
    }
    return true;
}

static bool normal_with_level_left(const struct greenup *g, const struct greenup_point *st)
{
    (void)g;
    return greenup_point_charging(st) && greenup_level_down(st, 2) >= 0 && !greenup_point_priority(st);
}

static bool any_with_level_left(const struct greenup *g, const struct greenup_point *st)
{
    (void)g;
    return greenup_point_charging(st) && greenup_level_down(st, 2) >= 0;
}

// Phases of `w` where the limits as commanded still leave too little.
static uint8_t tight(const struct greenup *g, const struct greenup_point *w)
{
    unsigned found = 0;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        if (!(w->cfg.phases >> p & 1))
            continue;
        const struct greenup_phase *ph = &g->phase[p];
        if (ph->told_ma - greenup_told(g, w, p) + w->level_ma[2] > ph->bound_ma ||
            (ph->band != GREENUP_GREEN && ph->hat_ma > ph->back_ma))
            found |= 1U << p;
    }
    return (uint8_t)found;
}

// MAKE ROOM [M8]: one level at a time, until the limits as commanded leave room for level 2.
static void make_room(struct greenup *g, struct greenup_point *w)
{
    greenup_filter *filter = greenup_point_priority(w) ? any_with_level_left : normal_with_level_left;
    for (uint8_t phases; (phases = tight(g, w)) != 0;) {
        struct greenup_point *st = greenup_first(g, phases, filter, greenup_order_reduce);
        if (!st)
            return;
        greenup_command(g, st, GREENUP_DO_REDUCE, greenup_level_down(st, 2), GREENUP_WHY_ROOM, -1);
        w->s.made_room = true;
    }
}

// Says why it waits: the first phase that stands in its way.
static void say_obstacle(const struct greenup *g, struct greenup_point *w)
{
    for (int p = 0; p < GREENUP_PHASES; p++)
        if ((w->cfg.phases >> p & 1) && g->phase[p].band != GREENUP_GREEN) {
            greenup_say(w, GREENUP_WHY_WAIT_BAND, p, g->phase[p].i_ma, 0);
            return;
        }
    if (ever_stopped(w) && !greenup_calm(g, w->cfg.phases)) {
        greenup_say(w, GREENUP_WHY_WAIT_CALM, -1, 0, g->set.up_ms);
        return;
    }
    for (int p = 0; p < GREENUP_PHASES; p++)
        if ((w->cfg.phases >> p & 1) &&
            g->phase[p].booked_ma - greenup_booked(g, w, p) + w->level_ma[2] > g->phase[p].bound_ma) {
            greenup_say(w, GREENUP_WHY_WAIT_ROOM, p, 0, 0);
            return;
        }
}

static bool start(struct greenup *g, struct greenup_point *w)
{
    if (!greenup_all_green(g, w->cfg.phases) || (ever_stopped(w) && !greenup_calm(g, w->cfg.phases)))
        return false;
    const int level = start_level(g, w);
    if (level < 0)
        return false;
    greenup_command(g, w, ever_stopped(w) ? GREENUP_DO_RESUME : GREENUP_DO_START, level, GREENUP_WHY_GREEN,
                    -1);
    return true;
}

bool greenup_admit(struct greenup *g, uint8_t *ret_kept)
{
    uint16_t order[GREENUP_STATIONS_MAX];
    const int count = greenup_sorted(g, may_start, greenup_order_wait, order);
    uint8_t blocked = 0; // no start here: an older request comes first
    *ret_kept = 0;       // no raise here: a request that can be served waits
    for (int i = 0; i < count; i++) {
        struct greenup_point *w = &g->point[order[i]];
        const uint8_t phases = w->cfg.phases;
        if (phases & ~g->grow) {
            // Nothing grows on one of its phases now. It keeps its place, unless that may last.
            blocked |= phases & g->lost ? 0 : phases;
            greenup_say(w, GREENUP_WHY_WAIT_RETURN, -1, 0, g->set.up_ms);
            continue;
        }
        if (ever_stopped(w) && g->now_ms - w->s.stop_ms < g->set.min_off_ms) {
            greenup_say(w, GREENUP_WHY_WAIT_PAUSE, -1, 0, g->set.min_off_ms);
            if (feasible(g, w))
                *ret_kept |= phases;
            continue;
        }
        if (phases & blocked) {
            greenup_say(w, GREENUP_WHY_WAIT_QUEUE, -1, 0, 0);
            blocked |= phases;
            continue;
        }
        if (start(g, w))
            return true;
        say_obstacle(g, w);
        if (feasible(g, w)) {
            blocked |= phases;
            *ret_kept |= phases;
            if (!(greenup_red_phases(g) & phases))
                make_room(g, w);
            if (w->s.made_room && w->why == GREENUP_WHY_WAIT_ROOM)
                greenup_say(w, GREENUP_WHY_WAIT_MADE, -1, 0, 0);
        } else if (g->now_ms - w->s.wait_ms > g->set.starve_ms) {
            blocked |= phases;
        }
    }
    return false;
}
