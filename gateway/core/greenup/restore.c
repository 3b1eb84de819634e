// The ways up for those that charge already: from the floor back to level 2 (A6.3), then level by level
// (A6.5).
#include "core/greenup/greenup_priv.h"

static bool on_floor(const struct greenup *g, const struct greenup_point *st)
{
    return !(st->cfg.phases & ~g->grow) && greenup_point_charging(st) && st->level == GREENUP_LEVELS - 1;
}

static bool may_grow(const struct greenup *g, const struct greenup_point *st)
{
    return !(st->cfg.phases & ~g->grow) && greenup_point_charging(st) && st->level < GREENUP_LEVELS - 1 &&
           greenup_level_up(st) >= 0;
}

// Whether the worst case of phase p, with the station at `limit_ma`, stays within `bound_ma`.
static bool fits(const struct greenup *g, const struct greenup_point *st, int p, int32_t limit_ma,
                 int32_t bound_ma)
{
    return g->phase[p].booked_ma - greenup_booked(g, st, p) + limit_ma <= bound_ma;
}

static bool may_recover(const struct greenup *g, const struct greenup_point *st)
{
    if ((greenup_red_phases(g) & st->cfg.phases) || !greenup_calm(g, st->cfg.phases))
        return false;
    for (int p = 0; p < GREENUP_PHASES; p++)
        if ((st->cfg.phases >> p & 1) && !fits(g, st, p, st->level_ma[2], g->phase[p].hold_ma))
            return false;
    return true;
}

bool greenup_recover(struct greenup *g)
{
    uint16_t order[GREENUP_STATIONS_MAX];
    const int count = greenup_sorted(g, on_floor, greenup_order_raise, order);
    for (int i = 0; i < count; i++) {
        struct greenup_point *st = &g->point[order[i]];
        if (may_recover(g, st)) {
            greenup_command(g, st, GREENUP_DO_RESTORE, 2, GREENUP_WHY_CALM, -1);
            return true;
        }
    }
    return false;
}

// Phases of the station that keep it from going up to `level`.
static uint8_t obstacles(const struct greenup *g, const struct greenup_point *st, int level)
{
    unsigned bad = 0;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const uint8_t one = (uint8_t)(1U << p);
        if ((st->cfg.phases & one) && (g->phase[p].band != GREENUP_GREEN || !greenup_calm(g, one) ||
                                       !fits(g, st, p, st->level_ma[level], g->phase[p].bound_ma)))
            bad |= one;
    }
    return (uint8_t)bad;
}

void greenup_raise(struct greenup *g, uint8_t kept)
{
    uint16_t order[GREENUP_STATIONS_MAX];
    const int count = greenup_sorted(g, may_grow, greenup_order_raise, order);
    for (int i = 0; i < count; i++) {
        struct greenup_point *st = &g->point[order[i]];
        // The vehicle, not we, is the limit: more would only be booked for nothing.
        if (st->in.current_known && greenup_point_peak(st) < st->limit_ma - GREENUP_SLACK_MA)
            continue;
        const int level = greenup_level_up(st);
        const uint8_t bad = obstacles(g, st, level);
        if (!bad && !(st->cfg.phases & kept)) {
            greenup_command(g, st, GREENUP_DO_RAISE, level, GREENUP_WHY_GREEN, -1);
            return;
        }
        kept |= bad; // nobody later overtakes on the phase that holds this one back
    }
}
