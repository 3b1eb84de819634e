// The control period: inputs, sessions, bands, then the steps of A6 in their order.
#include "core/greenup/greenup_priv.h"

#include <assert.h>
#include <stddef.h>

enum { BETWEEN_MS = 1000, INIT_MS = 30000 };

static void disturb_all(struct greenup *g, int64_t now_ms)
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
        g->phase[p].bad_ms = now_ms;
        g->phase[p].overload = 0;
    }
}

// A start knows nothing: bands as if yellow, no calm, nothing read yet.
static void start_over(struct greenup *g, int64_t now_ms)
{
    g->start_ms = g->return_ms = now_ms;
    g->meter_lost = false;
    disturb_all(g, now_ms);
    greenup_base_reset(g);
    for (int p = 0; p < GREENUP_PHASES; p++)
        g->phase[p].band = (g->used >> p & 1) ? GREENUP_YELLOW : GREENUP_GREEN;
    for (int i = 0; i < g->count; i++)
        g->point[i].adopted = false;
}

void greenup_init(struct greenup *g, const struct greenup_settings *set,
                  const struct greenup_station *stations, int count, enum greenup_mode mode, int64_t now_ms)
{
    assert(count >= 0 && count <= GREENUP_STATIONS_MAX && mode != GREENUP_FAILSAFE);
    *g = (struct greenup){.set = *set, .mode = mode, .on = mode != GREENUP_OFF, .count = count};
    unsigned used = 0;
    for (int i = 0; i < count; i++) {
        struct greenup_point *st = &g->point[i];
        st->cfg = stations[i];
        used |= stations[i].phases;
        st->s = (struct greenup_session){.conn_ms = GREENUP_NEVER,
                                         .wait_ms = GREENUP_NEVER,
                                         .stop_ms = GREENUP_NEVER,
                                         .red_ms = GREENUP_NEVER};
        st->cmd_ms = st->up_ms = st->low_ms = st->over_ms = st->jump_ms = GREENUP_NEVER;
        st->lost = mode != GREENUP_RUN; // until it is read
        st->why_phase = -1;
        greenup_levels(set, stations[i].rated_ma, st->level_ma);
    }
    for (int i = 0; i < count; i++) {
        int rank = 0;
        for (int j = 0; j < count; j++)
            rank += stations[j].id < stations[i].id;
        g->by_id[rank] = (uint16_t)i;
    }
    g->used = (uint8_t)used;
    g->last_grid_ms = g->last_act_ms = GREENUP_NEVER;
    g->grid_ms = g->seen_ms = g->used_ms = now_ms;
    g->seen_ms = g->used_ms = now_ms - 1; // a sample taken at this very moment is a fresh one
    start_over(g, now_ms);
    greenup_limits(g);
    if (mode != GREENUP_RUN)
        return;
    g->return_ms = GREENUP_NEVER;
    for (int i = 0; i < count; i++)
        g->point[i].adopted = true;
}

void greenup_configure(struct greenup *g, const struct greenup_settings *set)
{
    g->set = *set;
    for (int i = 0; i < g->count; i++)
        greenup_levels(set, g->point[i].cfg.rated_ma, g->point[i].level_ma);
    greenup_limits(g);
}

void greenup_select(struct greenup *g, bool on, int64_t now_ms)
{
    if (on == g->on)
        return;
    g->on = on;
    g->mode = on ? GREENUP_INIT : GREENUP_OFF;
    if (!on)
        return;
    start_over(g, now_ms);
    for (int i = 0; i < g->count; i++)
        g->point[i].released = true;
}

// ---- Inputs ---------------------------------------------------------------------------------------------

static bool usable_sample(const struct greenup *g, const struct greenup_meter *meter)
{
    if (!meter->valid || meter->at_ms <= g->seen_ms)
        return false;
    for (int p = 0; p < GREENUP_PHASES; p++)
        if ((g->used >> p & 1) && meter->i_ma[p] < 0)
            return false;
    return true;
}

static bool take_sample(struct greenup *g, const struct greenup_meter *meter)
{
    if (!usable_sample(g, meter))
        return false;
    g->seen_ms = meter->at_ms;
    for (int p = 0; p < GREENUP_PHASES; p++)
        g->phase[p].i_ma = meter->i_ma[p] > 0 ? meter->i_ma[p] : 0;
    return true;
}

// A dedicated branch carries its stations and nothing else: their sum stands in for the lost meter (A9). A
// station that is lost too counts with what is set aside for it.
static void stand_in(struct greenup *g)
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
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
        g->phase[p].i_ma = sum;
    }
}

static bool everything_read(const struct greenup *g)
{
    if (g->now_ms - g->start_ms >= INIT_MS)
        return true;
    for (int i = 0; i < g->count; i++)
        if (!g->point[i].adopted && g->point[i].in.link == GREENUP_UNREAD)
            return false;
    return true;
}

// ---- Meter ----------------------------------------------------------------------------------------------

static bool too_old(const struct greenup *g)
{
    const int64_t since = g->seen_ms > g->start_ms ? g->seen_ms : g->start_ms;
    return g->now_ms - since >= g->set.meter_ms;
}

static void lose_meter(struct greenup *g)
{
    g->meter_lost = true;
    greenup_base_reset(g);
    for (int p = 0; p < GREENUP_PHASES; p++)
        g->phase[p].overload = 0;
}

static void meter_returns(struct greenup *g)
{
    g->meter_lost = false;
    g->return_ms = g->now_ms;
    disturb_all(g, g->now_ms);
    greenup_base_reset(g);
    if (g->mode == GREENUP_FAILSAFE)
        g->mode = GREENUP_RUN;
}

// Whether there is a current to decide by in this control period; the fail-safe is run here when there is
// none.
static bool know_current(struct greenup *g, bool fresh)
{
    if (fresh) {
        if (g->meter_lost)
            meter_returns(g);
        return true;
    }
    if (!g->meter_lost && too_old(g))
        lose_meter(g);
    if (!g->meter_lost)
        return false;
    if (g->set.wiring == GREENUP_DEDICATED) {
        if (g->mode == GREENUP_FAILSAFE)
            g->mode = GREENUP_RUN;
        stand_in(g);
        return true;
    }
    g->mode = GREENUP_FAILSAFE;
    greenup_failsafe(g);
    return false;
}

// ---- Steps ----------------------------------------------------------------------------------------------

static void measure(struct greenup *g)
{
    greenup_limits(g);
    greenup_bands(g);
    greenup_base_sample(g);
    greenup_forecast(g);
    g->last_act_ms = g->now_ms;
}

static bool nothing_may_grow(const struct greenup *g)
{
    return g->mode == GREENUP_INIT ||
           (g->return_ms != GREENUP_NEVER && g->now_ms - g->return_ms < g->set.up_ms);
}

static void say_return(struct greenup *g)
{
    for (int i = 0; i < g->count; i++) {
        struct greenup_point *st = &g->point[i];
        if (st->state == GREENUP_WAIT && greenup_point_usable(st) && st->in.requesting &&
            !greenup_point_held(st))
            greenup_say(st, GREENUP_WHY_WAIT_RETURN, -1, 0, g->set.up_ms);
    }
}

static void control_period(struct greenup *g)
{
    const int64_t longest = (int64_t)g->set.tick_ms * 3;
    int64_t elapsed = g->last_grid_ms == GREENUP_NEVER ? 0 : g->now_ms - g->last_grid_ms;
    elapsed =
        elapsed > longest ? longest : elapsed; // after a long sleep nothing is known of the time between
    g->last_grid_ms = g->now_ms;
    g->grid_ms += g->set.tick_ms;
    if (g->grid_ms <= g->now_ms)
        g->grid_ms = g->now_ms + g->set.tick_ms;

    const bool fresh = g->seen_ms > g->used_ms && g->now_ms - g->seen_ms < g->set.sample_ms;
    g->used_ms = g->seen_ms;
    greenup_visit(g, elapsed);
    if (g->mode == GREENUP_OFF) {
        if (fresh)
            measure(g);
        greenup_released(g);
        return;
    }
    if (!know_current(g, fresh))
        return;
    if (g->mode == GREENUP_INIT && everything_read(g))
        g->mode = GREENUP_RUN;
    measure(g);
    greenup_shed(g);
    if (nothing_may_grow(g)) {
        say_return(g);
        return;
    }
    uint8_t kept;
    if (!greenup_recover(g) && !greenup_admit(g, &kept))
        greenup_raise(g, kept);
}

// A sample between control periods: an overload is met with levels at once, everything else waits for the
// grid.
static void between(struct greenup *g, bool sampled)
{
    if (g->mode != GREENUP_RUN && g->mode != GREENUP_INIT)
        return;
    if (!g->meter_lost && too_old(g)) {
        (void)know_current(g, false);
        return;
    }
    if (!sampled || g->meter_lost || g->now_ms - g->last_act_ms < BETWEEN_MS || !greenup_sample_red(g))
        return;
    measure(g);
    greenup_shed(g);
}

// ---- Alarms ---------------------------------------------------------------------------------------------

static uint32_t alarms(const struct greenup *g)
{
    uint32_t bits = g->meter_lost ? GREENUP_ALARM_METER_LOST : 0;
    for (int i = 0; i < g->count; i++) {
        bits |= g->point[i].lost ? GREENUP_ALARM_STATION_LOST : 0;
        bits |= g->point[i].disobeys ? GREENUP_ALARM_DISOBEYS : 0;
    }
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const struct greenup_phase *ph = &g->phase[p];
        bits |= ph->band == GREENUP_RED ? GREENUP_ALARM_RED : 0;
        const int last = ph->peak_count - 1;
        if (ph->band == GREENUP_RED && last >= 0 && ph->peaks[last].ma > ph->max_ma)
            bits |= GREENUP_ALARM_NOT_CHARGING;
    }
    return bits;
}

void greenup_step(struct greenup *g, const struct greenup_in *in, int64_t now_ms, struct greenup_out *out)
{
    g->out = out;
    g->now_ms = now_ms;
    out->command_count = 0;
    out->grid = now_ms >= g->grid_ms;
    greenup_read(g, in);
    const bool sampled = take_sample(g, &in->meter);
    if (out->grid)
        control_period(g);
    else
        between(g, sampled);
    out->alarms = alarms(g);
    g->out = NULL;
}

int64_t greenup_next_due_ms(const struct greenup *g, int64_t now_ms)
{
    int64_t due = g->grid_ms;
    if (g->mode != GREENUP_OFF && !g->meter_lost) {
        const int64_t deadline = (g->seen_ms > g->start_ms ? g->seen_ms : g->start_ms) + g->set.meter_ms;
        due = deadline < due ? deadline : due;
    }
    return due > now_ms ? due : now_ms;
}
