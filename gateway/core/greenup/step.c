// The control period: inputs, sessions, bands, then the steps of A6 in their order.
#include "core/greenup/greenup_priv.h"

#include <assert.h>
#include <stddef.h>

enum { BETWEEN_MS = 1000, INIT_MS = 30000 };

// A start knows nothing: bands as if yellow, no calm, nothing read yet.
static void start_over(struct greenup *g, int64_t now_ms)
{
    g->start_ms = now_ms;
    g->lost = 0;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        struct greenup_phase *ph = &g->phase[p];
        ph->return_ms = ph->bad_ms = now_ms;
        ph->overload = 0;
        ph->peak_count = 0;
        ph->band = (g->used >> p & 1) ? GREENUP_YELLOW : GREENUP_GREEN;
    }
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
        st->cap_ma = -1;
        greenup_point_levels(set, st);
    }
    for (int i = 0; i < count; i++) {
        int rank = 0;
        for (int j = 0; j < count; j++)
            rank += stations[j].id < stations[i].id;
        g->by_id[rank] = (uint16_t)i;
    }
    g->used = (uint8_t)used;
    g->last_grid_ms = g->last_look_ms = g->last_act_ms = GREENUP_NEVER;
    g->grid_ms = now_ms;
    for (int p = 0; p < GREENUP_PHASES; p++)
        g->phase[p].seen_ms = g->phase[p].used_ms = now_ms - 1; // a sample of this very moment is fresh
    start_over(g, now_ms);
    greenup_limits(g);
    if (mode != GREENUP_RUN)
        return;
    for (int p = 0; p < GREENUP_PHASES; p++)
        g->phase[p].return_ms = GREENUP_NEVER;
    for (int i = 0; i < count; i++)
        g->point[i].adopted = true;
}

void greenup_configure(struct greenup *g, const struct greenup_settings *set)
{
    g->set = *set;
    for (int i = 0; i < g->count; i++)
        greenup_point_levels(set, &g->point[i]);
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

static bool everything_read(const struct greenup *g)
{
    if (g->now_ms - g->start_ms >= INIT_MS)
        return true;
    for (int i = 0; i < g->count; i++)
        if (!g->point[i].adopted && g->point[i].in.link == GREENUP_UNREAD)
            return false;
    return true;
}

// ---- Steps ----------------------------------------------------------------------------------------------

static void measure(struct greenup *g)
{
    greenup_limits(g);
    greenup_bands(g);
    greenup_base_sample(g);
    greenup_forecast(g);
    g->last_look_ms = g->now_ms;
}

// The red steps run once a second at most; a control period without red has not run them.
static void shed(struct greenup *g)
{
    if (greenup_red_phases(g))
        g->last_act_ms = g->now_ms;
    greenup_shed(g);
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
    g->doubt = 0;
    g->grid_ms += g->set.tick_ms;
    if (g->grid_ms <= g->now_ms)
        g->grid_ms = g->now_ms + g->set.tick_ms;

    const uint8_t fresh = greenup_meter_fresh(g);
    greenup_visit(g, elapsed);
    if (g->mode == GREENUP_OFF) {
        g->known = fresh;
        g->lost = 0;
        if (fresh)
            measure(g);
        greenup_released(g);
        return;
    }
    greenup_meter_judge(g, fresh);
    if (g->mode == GREENUP_FAILSAFE)
        greenup_failsafe(g);
    greenup_failsafe_over(g);
    if (!(g->known & g->used))
        return;
    if (g->mode == GREENUP_INIT && everything_read(g))
        g->mode = GREENUP_RUN;
    measure(g);
    shed(g);
    g->grow = greenup_meter_grow(g);
    if (!(g->grow & g->used)) {
        say_return(g);
        return;
    }
    uint8_t kept;
    if (!greenup_recover(g) && !greenup_admit(g, &kept))
        greenup_raise(g, kept);
}

// Whether the second sample of an overload that levels do not mend begins the next control period, so that
// counting need not wait for the end of the running one. Not when it is counted already: vehicles are stopped
// a whole period after the first count.
static bool begins_early(const struct greenup *g, uint8_t phases)
{
    return g->set.early && (g->doubt & phases) && !greenup_counted(g, g->doubt);
}

// A sample between control periods: an overload is met with levels at once, everything else waits for the
// grid.
static void between(struct greenup *g, uint8_t sampled)
{
    if (g->mode == GREENUP_OFF)
        return;
    if (greenup_meter_overdue(g)) {
        greenup_meter_judge(g, 0);
        if (g->mode == GREENUP_FAILSAFE)
            greenup_failsafe(g);
    }
    const uint8_t phases = (uint8_t)(sampled & g->used & ~g->lost);
    const bool just = g->last_act_ms != GREENUP_NEVER && g->now_ms - g->last_act_ms < BETWEEN_MS;
    if (!phases || just)
        return;
    if (!greenup_sample_red(g, phases)) {
        g->doubt = 0;
        return;
    }
    if (begins_early(g, phases)) {
        g->out->grid = true;
        g->grid_ms = g->now_ms;
        control_period(g);
        return;
    }
    g->known = phases;
    measure(g);
    shed(g);
    g->doubt = greenup_overloaded(g);
}

// ---- Alarms ---------------------------------------------------------------------------------------------

static uint32_t alarms(const struct greenup *g)
{
    uint32_t bits = g->lost ? GREENUP_ALARM_METER_LOST : 0;
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
    const uint8_t sampled = greenup_meter_take(g, &in->meter);
    if (out->grid)
        control_period(g);
    else
        between(g, sampled);
    out->alarms = alarms(g);
    g->out = NULL;
}

int64_t greenup_next_due_ms(const struct greenup *g, int64_t now_ms)
{
    const int64_t due = g->mode == GREENUP_OFF ? g->grid_ms : greenup_meter_due_ms(g, g->grid_ms);
    return due > now_ms ? due : now_ms;
}
