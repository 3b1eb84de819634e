// What the phases carry, will carry, and could carry (A4): the base load with its peak hold, the current
// predicted once the last commands are obeyed, and the worst case if every vehicle takes all it may.
#include "core/greenup/greenup_priv.h"

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static void forget_old(struct greenup_phase *ph, int64_t now_ms, int64_t window_ms)
{
    int old = 0;
    while (old < ph->peak_count && now_ms - ph->peaks[old].at_ms >= window_ms)
        old++;
    for (int i = old; old > 0 && i < ph->peak_count; i++)
        ph->peaks[i - old] = ph->peaks[i];
    ph->peak_count -= old;
}

// Keeps the maximum of a sliding window: a value hides the smaller ones before it.
static void hold_peak(struct greenup_phase *ph, int64_t now_ms, int32_t ma)
{
    while (ph->peak_count > 0 && ph->peaks[ph->peak_count - 1].ma <= ma)
        ph->peak_count--;
    if (ph->peak_count == GREENUP_PEAKS_MAX) {
        // More falling values than there is room for: the last one stands in for this smaller one too.
        ph->peaks[GREENUP_PEAKS_MAX - 1].at_ms = now_ms;
        return;
    }
    ph->peaks[ph->peak_count++] = (struct greenup_peak){now_ms, ma};
}

void greenup_base_sample(struct greenup *g)
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
        struct greenup_phase *ph = &g->phase[p];
        const bool blind = g->lost >> p & 1; // the stations stand in for the meter: there is no base load
        if (!(g->known >> p & 1))
            continue;
        int32_t base = blind ? 0 : ph->i_ma;
        for (int i = 0; i < g->count; i++) {
            const struct greenup_point *st = &g->point[i];
            // A station that does not do what it is told is one load among others (A9).
            if (blind)
                base += st->disobeys ? greenup_point_draw(st, p) : 0;
            else
                base -= st->disobeys ? 0 : greenup_point_draw(st, p);
        }
        forget_old(ph, g->now_ms, g->set.up_ms);
        hold_peak(ph, g->now_ms, larger(base, 0));
        ph->base_ma = ph->peaks[0].ma;
    }
}

// What is set aside for a lost station: all it can take, unless it is known to fall back by itself.
static int32_t booked_lost(const struct greenup_point *st)
{
    if (!st->cfg.watchdog)
        return st->cfg.rated_ma;
    return larger(larger(st->ack_ma, st->limit_ma), st->cfg.fallback_ma);
}

int32_t greenup_booked(const struct greenup *g, const struct greenup_point *st, int phase)
{
    (void)g;
    if (!(st->cfg.phases >> phase & 1))
        return 0;
    if (st->lost)
        return booked_lost(st);
    if (st->disobeys)
        return 0;
    const int32_t draw = greenup_point_draw(st, phase);
    return st->state == GREENUP_CHARGE ? larger(st->limit_ma, draw) : draw;
}

// The same with the limit that was commanded, even if the vehicle is still on its way to it.
int32_t greenup_told(const struct greenup *g, const struct greenup_point *st, int phase)
{
    if (st->lost || st->disobeys || !(st->cfg.phases >> phase & 1))
        return greenup_booked(g, st, phase);
    if (st->state == GREENUP_CHARGE)
        return st->limit_ma;
    const int32_t draw = greenup_point_draw(st, phase);
    return st->cmd_dir < 0 && greenup_point_settling(g, st) ? smaller(draw, st->limit_ma) : draw;
}

// An up-move that the vehicle has not followed at all is still to come, even if a reduction was sent after
// it, and even if T_settle is over: some vehicles take longer.
static bool rise_to_come(const struct greenup *g, const struct greenup_point *st)
{
    const int64_t slowest_ms = (int64_t)g->set.settle_ms * 3;
    return st->up_ms != GREENUP_NEVER && g->now_ms - st->up_ms < slowest_ms &&
           greenup_point_peak(st) <= st->up_from_ma;
}

// Change of the current of a phase that is on its way once the limit is `limit_ma`, commanded downwards or
// not.
static int32_t on_its_way(const struct greenup *g, const struct greenup_point *st, int phase,
                          int32_t limit_ma, bool down, bool settling)
{
    const int32_t change = limit_ma - greenup_point_draw(st, phase);
    if (change > 0)
        return (settling && !down) || rise_to_come(g, st) ? change : 0;
    // Without a measured current there is nothing to take credit for.
    return settling && down && st->in.current_known ? change : 0;
}

int32_t greenup_pending(const struct greenup *g, const struct greenup_point *st, int phase)
{
    if (st->lost || st->disobeys || !(st->cfg.phases >> phase & 1))
        return 0;
    return on_its_way(g, st, phase, st->limit_ma, st->cmd_dir < 0, greenup_point_settling(g, st));
}

// Adds `sign` times the station to every sum of the phase.
static void count_in(struct greenup *g, const struct greenup_point *st, int p, int sign)
{
    struct greenup_phase *ph = &g->phase[p];
    const int32_t booked = greenup_booked(g, st, p), commanded = greenup_told(g, st, p),
                  pending = greenup_pending(g, st, p);
    ph->booked_ma += sign * booked;
    ph->told_ma += sign * commanded;
    ph->hat_ma += sign * pending;

    // As it would be at level 2, if it may be reduced for others.
    const bool reducible = greenup_point_charging(st);
    const int32_t least = reducible ? smaller(st->limit_ma, st->level_ma[2]) : commanded;
    int32_t least_pending = pending;
    if (reducible && least < st->limit_ma)
        least_pending = on_its_way(g, st, p, least, true, true);
    const bool priority = greenup_point_priority(st);
    ph->least_ma[0] += sign * (reducible && priority ? booked : least);
    ph->least_ma[1] += sign * least;
    ph->least_hat_ma[0] += sign * (priority ? pending : least_pending);
    ph->least_hat_ma[1] += sign * least_pending;
}

static void count(struct greenup *g, const struct greenup_point *st, int sign)
{
    for (int p = 0; p < GREENUP_PHASES; p++)
        if (st->cfg.phases >> p & 1)
            count_in(g, st, p, sign);
}

void greenup_forecast(struct greenup *g)
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
        struct greenup_phase *ph = &g->phase[p];
        ph->booked_ma = ph->told_ma = ph->least_ma[0] = ph->least_ma[1] = ph->base_ma;
        ph->hat_ma = ph->least_hat_ma[0] = ph->least_hat_ma[1] = ph->i_ma;
    }
    for (int i = 0; i < g->count; i++)
        count(g, &g->point[i], 1);
}

void greenup_forecast_drop(struct greenup *g, const struct greenup_point *st)
{
    count(g, st, -1);
}

void greenup_forecast_add(struct greenup *g, const struct greenup_point *st)
{
    count(g, st, 1);
}
