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
    // A ceiling too low to charge at is a wish to wait.
    return chosen(st->s.hold, st->default_hold) ||
           (st->cap_ma >= 0 && st->cap_ma < st->level_ma[GREENUP_LEVELS - 1]);
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

void greenup_point_levels(const struct greenup_settings *set, struct greenup_point *st)
{
    const bool capped = st->cap_ma >= set->min_ma && st->cap_ma < st->cfg.rated_ma;
    greenup_levels(set, capped ? st->cap_ma : st->cfg.rated_ma, st->level_ma);
}

void greenup_set_cap(struct greenup *g, int station, int32_t cap_ma)
{
    struct greenup_point *st = &g->point[station];
    st->cap_ma = cap_ma;
    greenup_point_levels(&g->set, st);
}

void greenup_set_watchdog(struct greenup *g, int station, bool verified, int32_t fallback_ma)
{
    g->point[station].cfg.watchdog = verified;
    g->point[station].cfg.fallback_ma = fallback_ma;
}

void greenup_choose(struct greenup *g, int station, enum greenup_what what, enum greenup_choice choice)
{
    struct greenup_session *s = &g->point[station].s;
    const bool yes = choice == GREENUP_YES, back = choice == GREENUP_DEFAULT;
    switch (what) {
    case GREENUP_CHOOSE_PRIORITY:
        if (back)
            s->priority = GREENUP_DEFAULT;
        else
            greenup_set_priority(g, station, yes, true);
        break;
    case GREENUP_CHOOSE_HOLD:
        if (back)
            s->hold = GREENUP_DEFAULT;
        else
            greenup_set_hold(g, station, yes, true);
        break;
    case GREENUP_CHOOSE_FORCED:
        if (back)
            s->forced = GREENUP_DEFAULT;
        else
            greenup_set_forced(g, station, yes, true);
        break;
    }
}
