// What is known of the current of each phase: a fresh sample, none this time (freeze), or none for too long
// (lost). One phase may be lost alone; then only its stations are concerned (A9).
#include "core/greenup/greenup_priv.h"

uint8_t greenup_meter_take(struct greenup *g, const struct greenup_meter *meter)
{
    unsigned sampled = 0;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        struct greenup_phase *ph = &g->phase[p];
        if (!(meter->phases >> p & 1) || meter->i_ma[p] < 0 || meter->at_ms <= ph->seen_ms)
            continue;
        ph->seen_ms = meter->at_ms;
        ph->i_ma = meter->i_ma[p];
        sampled |= 1U << p;
    }
    return (uint8_t)sampled;
}

uint8_t greenup_meter_fresh(struct greenup *g)
{
    unsigned fresh = 0;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        struct greenup_phase *ph = &g->phase[p];
        if (ph->seen_ms > ph->used_ms && g->now_ms - ph->seen_ms < g->set.sample_ms)
            fresh |= 1U << p;
        ph->used_ms = ph->seen_ms;
    }
    return (uint8_t)fresh;
}

static int64_t deadline_ms(const struct greenup *g, int p)
{
    const int64_t seen = g->phase[p].seen_ms;
    return (seen > g->start_ms ? seen : g->start_ms) + g->set.meter_ms;
}

static void forget(struct greenup_phase *ph)
{
    ph->overload = 0;
    ph->peak_count = 0;
}

static void phase_returns(struct greenup *g, int p)
{
    struct greenup_phase *ph = &g->phase[p];
    g->lost = (uint8_t)(g->lost & ~(1U << p));
    ph->return_ms = ph->bad_ms = g->now_ms;
    forget(ph);
}

static void lose_phase(struct greenup *g, int p)
{
    g->lost = (uint8_t)(g->lost | 1U << p);
    forget(&g->phase[p]);
}

// A dedicated branch carries its stations and nothing else: their sum stands in for the lost meter. A station
// that is lost too counts with what is set aside for it.
static int32_t stand_in(const struct greenup *g, int p)
{
    int32_t sum = 0;
    for (int i = 0; i < g->count; i++) {
        const struct greenup_point *st = &g->point[i];
        if (!(st->cfg.phases >> p & 1))
            continue;
        if (st->lost)
            sum += greenup_booked(g, st, p);
        else
            sum += st->in.current_known ? greenup_point_draw(st, p) : st->limit_ma;
    }
    return sum;
}

void greenup_meter_judge(struct greenup *g, uint8_t fresh)
{
    g->known = fresh;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const unsigned one = 1U << p;
        if (!(g->used & one))
            continue;
        if ((fresh & one) && (g->lost & one))
            phase_returns(g, p);
        else if (!(fresh & one) && !(g->lost & one) && g->now_ms >= deadline_ms(g, p))
            lose_phase(g, p);
        if ((g->lost & one) && g->set.wiring == GREENUP_DEDICATED) {
            g->phase[p].i_ma = stand_in(g, p);
            g->known = (uint8_t)(g->known | one);
        }
    }
    const bool blind = g->lost != 0 && g->set.wiring == GREENUP_INSTALLATION;
    if (blind)
        g->mode = GREENUP_FAILSAFE;
    else if (g->mode == GREENUP_FAILSAFE)
        g->mode = GREENUP_RUN;
}

bool greenup_meter_overdue(const struct greenup *g)
{
    for (int p = 0; p < GREENUP_PHASES; p++)
        if (((g->used & ~g->lost) >> p & 1) && g->now_ms >= deadline_ms(g, p))
            return true;
    return false;
}

int64_t greenup_meter_due_ms(const struct greenup *g, int64_t due_ms)
{
    for (int p = 0; p < GREENUP_PHASES; p++)
        if (((g->used & ~g->lost) >> p & 1) && deadline_ms(g, p) < due_ms)
            due_ms = deadline_ms(g, p);
    return due_ms;
}

uint8_t greenup_meter_grow(const struct greenup *g)
{
    unsigned grow = 0;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const int64_t since = g->phase[p].return_ms;
        if ((g->known >> p & 1) && (since == GREENUP_NEVER || g->now_ms - since >= g->set.up_ms))
            grow |= 1U << p;
    }
    return g->mode == GREENUP_INIT ? 0 : (uint8_t)grow;
}
