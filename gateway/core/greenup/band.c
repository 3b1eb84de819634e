// The three bands of a phase, and how long it has been calm (A4).
#include "core/greenup/greenup_priv.h"

// While the meter of a dedicated branch is lost, the sum of the stations stands in for it, and the bound is
// I_max - H (A9): nothing may stay above that.
void greenup_limits(struct greenup *g)
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const bool blind = (g->lost >> p & 1) && g->set.wiring == GREENUP_DEDICATED;
        struct greenup_phase *ph = &g->phase[p];
        const int32_t hysteresis = greenup_hysteresis_ma(&g->set, p);
        ph->hold_ma = g->set.max_ma[p] - hysteresis;
        ph->max_ma = blind ? ph->hold_ma : g->set.max_ma[p];
        ph->charge_ma = g->set.charge_ma[p];
        ph->back_ma = ph->charge_ma - hysteresis;
        ph->bound_ma = ph->charge_ma < ph->hold_ma ? ph->charge_ma : ph->hold_ma;
    }
}

// Up at the threshold itself, down only the hysteresis below it, so that it never delays protection.
static enum greenup_band band_of(const struct greenup_phase *ph)
{
    if (ph->i_ma > ph->max_ma)
        return GREENUP_RED;
    if (ph->band == GREENUP_RED && ph->i_ma > ph->hold_ma)
        return GREENUP_RED;
    if (ph->band != GREENUP_GREEN && ph->i_ma > ph->back_ma)
        return GREENUP_YELLOW;
    return ph->i_ma > ph->charge_ma ? GREENUP_YELLOW : GREENUP_GREEN;
}

bool greenup_sample_red(const struct greenup *g, uint8_t phases)
{
    for (int p = 0; p < GREENUP_PHASES; p++)
        if ((g->used & phases) >> p & 1 && band_of(&g->phase[p]) == GREENUP_RED)
            return true;
    return false;
}

void greenup_bands(struct greenup *g)
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
        struct greenup_phase *ph = &g->phase[p];
        if (!(g->known >> p & 1))
            continue;
        ph->band = (g->used >> p & 1) ? band_of(ph) : GREENUP_GREEN;
        if (ph->band == GREENUP_RED)
            ph->bad_ms = g->now_ms;
    }
}

bool greenup_calm(const struct greenup *g, uint8_t phases)
{
    for (int p = 0; p < GREENUP_PHASES; p++)
        if ((phases >> p & 1) && g->now_ms - g->phase[p].bad_ms < g->set.up_ms)
            return false;
    return true;
}

bool greenup_all_green(const struct greenup *g, uint8_t phases)
{
    for (int p = 0; p < GREENUP_PHASES; p++)
        if ((phases >> p & 1) && g->phase[p].band != GREENUP_GREEN)
            return false;
    return true;
}

uint8_t greenup_red_phases(const struct greenup *g)
{
    unsigned red = 0;
    for (int p = 0; p < GREENUP_PHASES; p++)
        if (g->phase[p].band == GREENUP_RED)
            red |= 1U << p;
    return (uint8_t)red;
}
