// What the pages and the journal are told.
#include "core/greenup/greenup_priv.h"

int32_t greenup_limit_ma(const struct greenup *g, int station)
{
    return g->point[station].limit_ma;
}

bool greenup_priority(const struct greenup *g, int station)
{
    return greenup_point_priority(&g->point[station]);
}

bool greenup_satisfied(const struct greenup *g, int station)
{
    return greenup_point_satisfied(g, &g->point[station]);
}

enum greenup_band greenup_worst_band(const struct greenup *g)
{
    enum greenup_band worst = GREENUP_GREEN;
    for (int p = 0; p < GREENUP_PHASES; p++)
        if (g->phase[p].band > worst)
            worst = g->phase[p].band;
    return worst;
}

void greenup_explain(const struct greenup *g, int station, struct ew_reason *ret)
{
    const struct greenup_point *st = &g->point[station];
    enum greenup_why why = st->why;
    if (st->lost && st->in.link == GREENUP_UNREAD)
        why = st->remembered ? st->why : GREENUP_WHY_NEW;
    else if (st->lost)
        why = GREENUP_WHY_LOST;
    else if (st->state == GREENUP_CHARGE && st->level == 0 && g->mode != GREENUP_OFF)
        why = GREENUP_WHY_FULL;
    const struct greenup_why_params params = {
        .limit_ma = st->limit_ma,
        .current_ma = st->why_ma,
        .max_ma = st->why_phase >= 0 ? g->phase[st->why_phase].max_ma : 0,
        .seconds = st->why_s,
        .phase = st->why_phase,
    };
    greenup_why_reason(why, &params, ret);
}

void greenup_look_phase(const struct greenup *g, int phase, struct greenup_phase_view *ret)
{
    const struct greenup_phase *ph = &g->phase[phase];
    *ret = (struct greenup_phase_view){.band = ph->band,
                                       .known = ph->seen_ms >= g->start_ms && ph->seen_ms > 0,
                                       .current_ma = ph->i_ma,
                                       .max_ma = ph->max_ma,
                                       .hold_ma = ph->hold_ma,
                                       .charge_max_ma = ph->charge_ma,
                                       .base_ma = ph->base_ma,
                                       .booked_ma = ph->booked_ma};
}

void greenup_look_station(const struct greenup *g, int station, struct greenup_station_view *ret)
{
    const struct greenup_point *st = &g->point[station];
    *ret = (struct greenup_station_view){.state = st->state,
                                         .level = st->level,
                                         .limit_ma = st->limit_ma,
                                         .rated_ma = st->cfg.rated_ma,
                                         .cap_ma = st->cap_ma,
                                         .current_known = st->in.current_known && !st->lost,
                                         .priority = greenup_point_priority(st),
                                         .priority_default = st->cfg.priority,
                                         .hold = greenup_point_held(st),
                                         .forced = greenup_point_forced(st),
                                         .plugged = st->s.conn_ms != GREENUP_NEVER,
                                         .lost = st->lost,
                                         .disobeys = st->disobeys,
                                         .plug_ms = st->s.conn_ms,
                                         .charge_ma_ms = st->s.charge_ma_ms};
    for (int p = 0; p < GREENUP_PHASES; p++)
        ret->current_ma[p] = greenup_point_draw(st, p);
}

static bool waits(const struct greenup *g, const struct greenup_point *st)
{
    (void)g;
    return st->state == GREENUP_WAIT && greenup_point_usable(st) && st->in.requesting &&
           !greenup_point_held(st);
}

void greenup_queue(const struct greenup *g, uint16_t *ret)
{
    uint16_t order[GREENUP_STATIONS_MAX];
    for (int i = 0; i < g->count; i++)
        ret[i] = 0;
    const int count = greenup_sorted(g, waits, greenup_order_wait, order);
    for (int i = 0; i < count; i++)
        ret[order[i]] = (uint16_t)(i + 1);
}

enum greenup_mode greenup_mode_now(const struct greenup *g)
{
    return g->mode;
}

bool greenup_meter_lost(const struct greenup *g, int phase)
{
    return g->lost >> phase & 1;
}

const char *greenup_band_name(enum greenup_band band)
{
    static const char *const names[] = {"green", "yellow", "red"};
    return names[band];
}

const char *greenup_mode_name(enum greenup_mode mode)
{
    static const char *const names[] = {"off", "init", "run", "failsafe"};
    return names[mode];
}

const char *greenup_do_name(enum greenup_do what)
{
    static const char *const names[] = {"start",  "resume", "raise", "restore",
                                        "reduce", "stop",   "idle",  "wake"};
    return names[what];
}
