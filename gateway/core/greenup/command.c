// Changing a limit: the one place where a station's state, timers and the sums of the phases move together.
#include "core/greenup/greenup_priv.h"

#include <assert.h>

int greenup_level_first(const struct greenup_point *st, int level)
{
    assert(level >= 0 && level < GREENUP_LEVELS);
    int first = 0;
    while (st->level_ma[first] > st->level_ma[level])
        first++;
    return first;
}

int greenup_level_down(const struct greenup_point *st, int last)
{
    for (int k = st->level + 1; k <= last; k++)
        if (st->level_ma[k] < st->limit_ma)
            return k;
    return -1;
}

int greenup_level_up(const struct greenup_point *st)
{
    for (int k = st->level - 1; k >= 0; k--)
        if (st->level_ma[k] > st->limit_ma)
            return greenup_level_first(st, k);
    return -1;
}

int greenup_level_at(const struct greenup_point *st, int32_t limit_ma)
{
    for (int k = 0; k < GREENUP_LEVELS; k++)
        if (st->level_ma[k] <= limit_ma)
            return k;
    return -1;
}

void greenup_say(struct greenup_point *st, enum greenup_why why, int phase, int32_t ma, int32_t ms)
{
    st->why = why;
    st->why_phase = phase;
    st->why_ma = ma;
    st->why_s = ms / 1000;
}

static void note(struct greenup *g, const struct greenup_point *st, enum greenup_do what,
                 enum greenup_why why)
{
    struct greenup_out *out = g->out;
    assert(out && out->command_count < GREENUP_COMMANDS_MAX);
    out->commands[out->command_count++] =
        (struct greenup_command){(int)(st - g->point), what, st->limit_ma, why};
}

static void disturb(struct greenup *g, const struct greenup_point *st)
{
    for (int p = 0; p < GREENUP_PHASES; p++)
        if (st->cfg.phases >> p & 1)
            g->phase[p].bad_ms = g->now_ms;
}

static void set_limit(struct greenup *g, struct greenup_point *st, int32_t limit_ma)
{
    if (limit_ma == st->limit_ma)
        return;
    // One that has not followed the last reduction gets no credit for the next.
    const bool ignores = st->over_ms != GREENUP_NEVER && limit_ma < st->limit_ma;
    st->cmd_dir = limit_ma < st->limit_ma ? -1 : 1;
    if (!ignores) {
        st->cmd_ms = g->now_ms;
        st->over_ms = GREENUP_NEVER;
    }
    if (limit_ma > st->limit_ma) {
        st->up_ms = g->now_ms;
        st->up_from_ma = st->limit_ma;
    }
    st->limit_ma = limit_ma;
}

void greenup_command(struct greenup *g, struct greenup_point *st, enum greenup_do what, int level,
                     enum greenup_why why, int why_phase)
{
    assert(level >= 0 && level < GREENUP_LEVELS);
    greenup_forecast_drop(g, st);
    st->level = (uint8_t)greenup_level_first(st, level);
    set_limit(g, st, st->level_ma[level]);
    if (what == GREENUP_DO_START || what == GREENUP_DO_RESUME) {
        st->low_ms = g->now_ms;
        st->s.made_room = false;
    }
    if (what == GREENUP_DO_IDLE)
        st->state = GREENUP_IDLE;
    else if (what == GREENUP_DO_START || what == GREENUP_DO_RESUME || what == GREENUP_DO_WAKE)
        st->state = GREENUP_CHARGE;
    if (st->level == 0)
        st->s.red_ms = GREENUP_NEVER;
    else if (st->s.red_ms == GREENUP_NEVER)
        st->s.red_ms = g->now_ms;
    if (what == GREENUP_DO_REDUCE)
        disturb(g, st);
    greenup_say(st, why, why_phase, why_phase >= 0 ? g->phase[why_phase].i_ma : 0, 0);
    greenup_forecast_add(g, st);
    note(g, st, what, why);
}

void greenup_stop(struct greenup *g, struct greenup_point *st, enum greenup_why why, int why_phase)
{
    greenup_forecast_drop(g, st);
    set_limit(g, st, 0);
    st->state = GREENUP_WAIT;
    st->level = 0;
    st->s.wait_ms = st->s.stop_ms = g->now_ms;
    st->s.red_ms = GREENUP_NEVER;
    st->s.made_room = false;
    st->low_ms = GREENUP_NEVER;
    disturb(g, st);
    greenup_say(st, why, why_phase, why_phase >= 0 ? g->phase[why_phase].i_ma : 0, 0);
    greenup_forecast_add(g, st);
    note(g, st, GREENUP_DO_STOP, why);
}
