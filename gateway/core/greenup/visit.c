// Once a control period each station is visited: is it there, is a vehicle there, what has it had, does it
// draw, does it obey (A5, A6.0, A9).
#include "core/greenup/greenup_priv.h"

#include <stddef.h>

enum { OBEY_MS = 7000, PRESENT_MA = 1000 };

static const struct greenup_session no_session = {
    .conn_ms = GREENUP_NEVER, .wait_ms = GREENUP_NEVER, .stop_ms = GREENUP_NEVER, .red_ms = GREENUP_NEVER};

void greenup_read(struct greenup *g, const struct greenup_in *in)
{
    for (int i = 0; i < g->count; i++) {
        struct greenup_point *st = &g->point[i];
        st->in = in->stations[i];
        if (st->in.link == GREENUP_ONLINE && g->now_ms - st->in.read_ms >= g->set.station_ms)
            st->in.link = GREENUP_LOST;
        if (st->in.limit_ma >= 0)
            st->ack_ma = st->in.limit_ma;
    }
}

static void leave(struct greenup *g, struct greenup_point *st)
{
    st->s = no_session;
    st->state = GREENUP_FREE;
    st->level = 0;
    if (st->limit_ma > 0) {
        st->limit_ma = 0;
        st->cmd_dir = -1;
        st->cmd_ms = g->now_ms;
    }
    st->low_ms = st->over_ms = st->up_ms = GREENUP_NEVER;
    greenup_say(st, GREENUP_WHY_FREE, -1, 0, 0);
}

// A vehicle is plugged; it waits from the moment it asks.
static void arrive(struct greenup *g, struct greenup_point *st)
{
    const int64_t plug_ms = st->in.plug_ms < g->now_ms ? st->in.plug_ms : g->now_ms;
    if (st->s.conn_ms == GREENUP_NEVER) {
        st->s.conn_ms = plug_ms;
        st->s.wait_ms = st->in.requesting ? plug_ms : g->now_ms;
        st->plug_seq = st->in.plug_seq;
    }
    st->limit_ma = 0; // it may have been released until now
    if (st->in.requesting) {
        st->state = GREENUP_WAIT;
        greenup_say(st, GREENUP_WHY_NEW, -1, 0, 0);
    } else {
        st->s.wait_ms = g->now_ms;
        greenup_say(st, GREENUP_WHY_NOT_ASKING, -1, 0, 0);
    }
}

// Ampere-hours of one phase: the mean over the phases that carry current, so that a single-phase vehicle on a
// three-phase station counts right (M6).
static void count_charge(struct greenup_point *st, int64_t elapsed_ms)
{
    if (!st->in.current_known) {
        int64_t phases = 0;
        for (int p = 0; p < GREENUP_PHASES; p++)
            phases += st->cfg.phases >> p & 1;
        // Wh / 230 V are the ampere-hours of all phases; 3.6e9 mA ms are one ampere-hour.
        const int64_t most = INT64_C(1000000000);
        const int64_t wh = st->in.session_wh > most ? most : st->in.session_wh;
        if (wh > 0 && wh * 3600000 / (230 * phases) * 1000 > st->s.charge_ma_ms)
            st->s.charge_ma_ms = wh * 3600000 / (230 * phases) * 1000;
        return;
    }
    int64_t sum = 0;
    int active = 0;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const int32_t draw = greenup_point_draw(st, p);
        if (draw > PRESENT_MA) {
            sum += draw;
            active++;
        }
    }
    if (active > 0)
        st->s.charge_ma_ms += sum * elapsed_ms / active;
}

static void watch_idle(struct greenup *g, struct greenup_point *st)
{
    if (!st->in.current_known)
        return;
    const int32_t draw = greenup_point_peak(st);
    if (st->state == GREENUP_IDLE) {
        if (draw >= GREENUP_WAKE_MA) {
            st->low_ms = GREENUP_NEVER;
            greenup_command(g, st, GREENUP_DO_WAKE, st->level, GREENUP_WHY_WAKE, -1);
        }
        return;
    }
    if (st->state != GREENUP_CHARGE || draw >= GREENUP_IDLE_MA) {
        st->low_ms = GREENUP_NEVER;
        return;
    }
    if (st->low_ms == GREENUP_NEVER)
        st->low_ms = g->now_ms;
    if (g->now_ms - st->low_ms >= g->set.idle_ms)
        greenup_command(g, st, GREENUP_DO_IDLE, st->level > 2 ? st->level : 2, GREENUP_WHY_IDLE, -1);
}

static bool settled_since(const struct greenup *g, int64_t since_ms)
{
    return since_ms == GREENUP_NEVER || g->now_ms - since_ms >= g->set.settle_ms;
}

// A station that draws more than its limit, though it had the time to follow, is paused and counted as one
// load among others until it obeys. A station whose own limit just jumped was power-cycled: it gets the time
// again.
static void watch_obedience(struct greenup *g, struct greenup_point *st)
{
    if (st->in.limit_ma <= st->limit_ma)
        st->jump_ms = GREENUP_NEVER;
    else if (st->jump_ms == GREENUP_NEVER)
        st->jump_ms = g->now_ms;
    const int64_t draw = greenup_point_peak(st);
    if (!st->in.current_known || draw * 10 <= (int64_t)st->limit_ma * 11 + 5000) {
        st->over_ms = GREENUP_NEVER;
        st->disobeys = st->disobeys && !st->in.current_known;
        return;
    }
    if (st->disobeys || greenup_point_settling(g, st) || !settled_since(g, st->jump_ms))
        return;
    if (st->over_ms == GREENUP_NEVER)
        st->over_ms = g->now_ms;
    if (g->now_ms - st->over_ms <= OBEY_MS)
        return;
    st->disobeys = true;
    if (st->state == GREENUP_CHARGE || st->state == GREENUP_IDLE)
        greenup_stop(g, st, GREENUP_WHY_DISOBEYS, -1);
}

// Settings may have changed under a running charge: its limit becomes one of the new levels, never a higher
// one.
static void fit_level(struct greenup *g, struct greenup_point *st)
{
    if ((st->state != GREENUP_CHARGE && st->state != GREENUP_IDLE) || st->limit_ma == st->level_ma[st->level])
        return;
    const int32_t wanted = st->level_ma[st->level];
    const int k = greenup_level_at(st, wanted < st->limit_ma ? wanted : st->limit_ma);
    if (k < 0)
        greenup_stop(g, st, GREENUP_WHY_SETTINGS, -1);
    else if (st->level_ma[k] < st->limit_ma)
        greenup_command(g, st, GREENUP_DO_REDUCE, k, GREENUP_WHY_SETTINGS, -1);
    else
        st->level = (uint8_t)greenup_level_first(st, k);
}

// A charge that is under way though nothing is remembered of it: protected, since nobody knows what it had.
static void adopt_unknown(struct greenup *g, struct greenup_point *st, int level)
{
    arrive(g, st);
    st->state = GREENUP_CHARGE;
    st->level = (uint8_t)greenup_level_first(st, level);
    st->limit_ma = st->level_ma[level];
    st->s.red_ms = st->level > 0 ? g->now_ms : GREENUP_NEVER;
    greenup_say(st, GREENUP_WHY_RESTART, -1, 0, 0);
}

// A charge that was remembered, at the lower of its level and of what the station says it has.
static void adopt_known(struct greenup *g, struct greenup_point *st, int level)
{
    if (level < 0)
        greenup_stop(g, st, GREENUP_WHY_RESTART, -1);
    else if (st->level_ma[level] < st->limit_ma)
        greenup_command(g, st, GREENUP_DO_REDUCE, level, GREENUP_WHY_RESTART, -1);
}

// First reading after a start: what the station is found to do lowers what was remembered, never raises it
// (A9).
static void adopt(struct greenup *g, struct greenup_point *st)
{
    const bool was_released = st->released;
    st->adopted = true;
    st->released = false;
    if (!st->in.plugged) {
        st->limit_ma = 0; // it may have been released until now
        return;
    }
    const bool draws = greenup_point_peak(st) >= GREENUP_IDLE_MA;
    const bool unknown = st->s.conn_ms == GREENUP_NEVER && (!st->remembered || was_released);
    const int level = greenup_level_at(st, st->in.limit_ma >= 0 ? st->in.limit_ma : st->limit_ma);
    if (unknown && draws && level >= 0) {
        adopt_unknown(g, st, level);
    } else if (was_released && !draws && st->in.current_known) {
        st->state = GREENUP_WAIT;
        st->limit_ma = 0;
        st->s.wait_ms = st->s.conn_ms;
        greenup_say(st, GREENUP_WHY_NEW, -1, 0, 0);
    } else if (st->state == GREENUP_CHARGE || st->state == GREENUP_IDLE) {
        adopt_known(g, st, level);
    }
}

// Back on the line: it may have been power-cycled, so its limit counts as just commanded again.
static void come_back(struct greenup *g, struct greenup_point *st)
{
    st->lost = false;
    st->cmd_ms = g->now_ms;
    st->cmd_dir = -1;
    st->low_ms = st->over_ms = GREENUP_NEVER;
}

static void visit_controlled(struct greenup *g, struct greenup_point *st)
{
    const bool runs = st->state == GREENUP_CHARGE || st->state == GREENUP_IDLE;
    if (runs && st->in.fault)
        greenup_stop(g, st, GREENUP_WHY_FAULT, -1);
    else if (runs && greenup_point_held(st))
        greenup_stop(g, st, GREENUP_WHY_USER, -1);
    else
        fit_level(g, st);
    watch_idle(g, st);
    watch_obedience(g, st);
    if (st->state != GREENUP_WAIT)
        return;
    if (st->in.fault)
        greenup_say(st, GREENUP_WHY_FAULT, -1, 0, 0);
    else if (greenup_point_held(st))
        greenup_say(st, GREENUP_WHY_USER, -1, 0, 0);
    else if (!st->in.requesting)
        greenup_say(st, GREENUP_WHY_NOT_ASKING, -1, 0, 0);
}

static void visit(struct greenup *g, struct greenup_point *st, int64_t elapsed_ms)
{
    if (st->in.link != GREENUP_ONLINE) {
        st->lost = true;
        return;
    }
    if (st->lost)
        come_back(g, st);
    if (st->s.conn_ms != GREENUP_NEVER && (!st->in.plugged || st->in.plug_seq != st->plug_seq))
        leave(g, st);
    if (!st->adopted && g->mode != GREENUP_OFF)
        adopt(g, st);
    if (!st->in.plugged) {
        st->disobeys = false;
        return;
    }
    if (st->state == GREENUP_FREE || st->s.conn_ms == GREENUP_NEVER)
        arrive(g, st);
    count_charge(st, elapsed_ms);
    if (g->mode != GREENUP_OFF)
        visit_controlled(g, st);
}

void greenup_visit(struct greenup *g, int64_t elapsed_ms)
{
    for (int i = 0; i < g->count; i++)
        visit(g, &g->point[g->by_id[i]], elapsed_ms);
}
