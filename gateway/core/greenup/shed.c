// Red: levels first, then stops as the manual says, then the emergency steps (A6.2).
#include "core/greenup/greenup_priv.h"

enum { COUNT_STEP = 2, COUNT_STOP = 4, COUNT_HARD = 2, COUNT_EMERGENCY = 6, COUNT_MAX = 1000 };

// Between I_max - H and I_max nothing is done, whatever is predicted.
uint8_t greenup_overloaded(const struct greenup *g)
{
    unsigned found = 0;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const struct greenup_phase *ph = &g->phase[p];
        if ((g->known >> p & 1) && ph->band == GREENUP_RED && ph->i_ma > ph->max_ma &&
            ph->hat_ma > ph->max_ma)
            found |= 1U << p;
    }
    return (uint8_t)found;
}

// Phases of `among` whose predicted current is above I_max, or above I_max - H.
static uint8_t above_max(const struct greenup *g, uint8_t among)
{
    unsigned found = 0;
    for (int p = 0; p < GREENUP_PHASES; p++)
        if ((among >> p & 1) && g->phase[p].hat_ma > g->phase[p].max_ma)
            found |= 1U << p;
    return (uint8_t)found;
}

static uint8_t above_hold(const struct greenup *g, uint8_t among)
{
    unsigned found = 0;
    for (int p = 0; p < GREENUP_PHASES; p++)
        if ((among >> p & 1) && g->phase[p].hat_ma > g->phase[p].hold_ma)
            found |= 1U << p;
    return (uint8_t)found;
}

// The phase of the station that is worst off, for its sentence.
static int blamed(const struct greenup_point *st, uint8_t phases)
{
    for (int p = 0; p < GREENUP_PHASES; p++)
        if (st->cfg.phases & phases & (1U << p))
            return p;
    return -1;
}

static bool has_level_left(const struct greenup *g, const struct greenup_point *st)
{
    (void)g;
    return greenup_point_charging(st) && greenup_level_down(st, 2) >= 0;
}

static bool above_floor(const struct greenup *g, const struct greenup_point *st)
{
    (void)g;
    return greenup_point_charging(st) && st->limit_ma > st->level_ma[GREENUP_LEVELS - 1];
}

static bool had_its_share(const struct greenup *g, const struct greenup_point *st)
{
    return greenup_point_charging(st) && !greenup_point_priority(st) && greenup_point_satisfied(g, st);
}

static bool charging(const struct greenup *g, const struct greenup_point *st)
{
    (void)g;
    return greenup_point_charging(st);
}

// R1: one level at a time, spread over all before anyone is reduced twice, down to the lower edge of the
// band.
static void reduce(struct greenup *g, uint8_t act)
{
    for (uint8_t over; (over = above_hold(g, act)) != 0;) {
        struct greenup_point *st = greenup_first(g, over, has_level_left, greenup_order_reduce);
        if (!st)
            return;
        greenup_command(g, st, GREENUP_DO_REDUCE, greenup_level_down(st, 2), GREENUP_WHY_RED,
                        blamed(st, over));
    }
}

// An overload must show twice before anyone is stopped, so that one sample never stops a vehicle.
static void count_overload(struct greenup *g)
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
        struct greenup_phase *ph = &g->phase[p];
        if (!(g->known >> p & 1))
            continue;
        if (ph->band != GREENUP_RED)
            ph->overload = 0;
        else if (ph->i_ma > ph->max_ma && ph->hat_ma > ph->max_ma)
            ph->overload += ph->overload < COUNT_MAX ? COUNT_STEP : 0;
        else
            ph->overload -= ph->overload > 0 ? 1 : 0;
    }
}

bool greenup_counted(const struct greenup *g, uint8_t phases)
{
    for (int p = 0; p < GREENUP_PHASES; p++)
        if ((phases >> p & 1) && g->phase[p].overload >= COUNT_STEP)
            return true;
    return false;
}

static bool hard(const struct greenup *g, int p)
{
    const struct greenup_phase *ph = &g->phase[p];
    return (int64_t)ph->i_ma * 100 > (int64_t)ph->max_ma * g->set.hard_pct;
}

static uint8_t counted(const struct greenup *g, uint8_t act, int count, int hard_count)
{
    unsigned found = 0;
    for (int p = 0; p < GREENUP_PHASES; p++)
        if ((act >> p & 1) &&
            (g->phase[p].overload >= count || (g->phase[p].overload >= hard_count && hard(g, p))))
            found |= 1U << p;
    return (uint8_t)found;
}

static void stop_while(struct greenup *g, uint8_t phases, greenup_filter *filter, greenup_order *order,
                       enum greenup_why why)
{
    for (uint8_t over; (over = above_max(g, phases)) != 0;) {
        struct greenup_point *st = greenup_first(g, over, filter, order);
        if (!st)
            return;
        greenup_stop(g, st, why, blamed(st, over));
    }
}

static void floor_while(struct greenup *g, uint8_t phases)
{
    for (uint8_t over; (over = above_max(g, phases)) != 0;) {
        struct greenup_point *st = greenup_first(g, over, above_floor, greenup_order_reduce);
        if (!st)
            return;
        greenup_command(g, st, GREENUP_DO_REDUCE, GREENUP_LEVELS - 1, GREENUP_WHY_EMERGENCY,
                        blamed(st, over));
    }
}

void greenup_shed(struct greenup *g)
{
    const uint8_t act = greenup_overloaded(g);
    reduce(g, act);
    if (!g->out->grid)
        return;
    count_overload(g);
    const uint8_t sure = counted(g, act, COUNT_STOP, COUNT_HARD);
    stop_while(g, sure, had_its_share, greenup_order_stop, GREENUP_WHY_MANUAL); // R2
    if (!g->set.emergency)
        return;
    floor_while(g, sure); // R3
    stop_while(g, counted(g, act, COUNT_EMERGENCY, COUNT_HARD), charging, greenup_order_emergency,
               GREENUP_WHY_EMERGENCY); // R4
}
