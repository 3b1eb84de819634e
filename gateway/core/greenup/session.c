// What a station is right now: small questions that every rule asks.
#include "core/greenup/greenup_priv.h"

static bool chosen(enum greenup_choice choice, bool otherwise)
{
    return choice == GREENUP_DEFAULT ? otherwise : choice == GREENUP_YES;
}

bool greenup_point_priority(const struct greenup_point *st)
{
    return chosen(st->s.priority, st->cfg.priority);
}

bool greenup_point_held(const struct greenup_point *st)
{
    return chosen(st->s.hold, st->default_hold);
}

bool greenup_point_forced(const struct greenup_point *st)
{
    return chosen(st->s.forced, st->default_forced);
}

bool greenup_point_satisfied(const struct greenup *g, const struct greenup_point *st)
{
    return st->s.charge_ma_ms >= g->set.guaranteed_mah * 3600000;
}

bool greenup_point_usable(const struct greenup_point *st)
{
    return !st->lost && !st->disobeys && !st->in.fault && st->in.plugged && st->in.link == GREENUP_ONLINE;
}

bool greenup_point_charging(const struct greenup_point *st)
{
    return st->state == GREENUP_CHARGE && greenup_point_usable(st);
}

int32_t greenup_point_draw(const struct greenup_point *st, int phase)
{
    if (st->lost || !st->in.current_known || st->in.link != GREENUP_ONLINE || !(st->cfg.phases >> phase & 1))
        return 0;
    return st->in.i_ma[phase];
}

int32_t greenup_point_peak(const struct greenup_point *st)
{
    int32_t peak = 0;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const int32_t draw = greenup_point_draw(st, p);
        peak = draw > peak ? draw : peak;
    }
    return peak;
}

bool greenup_point_settling(const struct greenup *g, const struct greenup_point *st)
{
    if (st->cmd_ms == GREENUP_NEVER)
        return false;
    return g->now_ms == st->cmd_ms || g->now_ms - st->cmd_ms < g->set.settle_ms;
}

// ---- What people choose ---------------------------------------------------------------------------------

static enum greenup_choice choice_of(bool yes)
{
    return yes ? GREENUP_YES : GREENUP_NO;
}

void greenup_set_priority(struct greenup *g, int station, bool priority, bool session)
{
    struct greenup_point *st = &g->point[station];
    if (!session)
        st->cfg.priority = priority;
    else if (st->s.conn_ms != GREENUP_NEVER)
        st->s.priority = choice_of(priority);
}

void greenup_set_hold(struct greenup *g, int station, bool hold, bool session)
{
    struct greenup_point *st = &g->point[station];
    if (!session) {
        st->default_hold = hold;
        st->default_forced = st->default_forced && !hold;
        st->s.hold = GREENUP_DEFAULT;
    } else if (st->s.conn_ms != GREENUP_NEVER) {
        st->s.hold = choice_of(hold);
    }
    if (hold && st->s.forced == GREENUP_YES)
        st->s.forced = GREENUP_DEFAULT;
}

void greenup_set_forced(struct greenup *g, int station, bool forced, bool session)
{
    struct greenup_point *st = &g->point[station];
    if (!session) {
        st->default_forced = forced;
        st->default_hold = st->default_hold && !forced;
        st->s.forced = GREENUP_DEFAULT;
        if (forced)
            st->s.hold = GREENUP_DEFAULT;
    } else if (st->s.conn_ms != GREENUP_NEVER) {
        st->s.forced = choice_of(forced);
        if (forced)
            st->s.hold = GREENUP_NO;
    }
}

// ---- Looking --------------------------------------------------------------------------------------------

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
    if (st->lost)
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
