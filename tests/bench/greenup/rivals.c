#include "rivals.h"

#include <string.h>

enum { LEAST_MA = 6000, SHORT_TICKS = 3, PAUSE_MS = 60000 };

static void follow_plugs(struct rival *rival, const struct plant *plant, int64_t now_ms)
{
    for (int i = 0; i < plant->count; i++) {
        struct rival_station *st = &rival->station[i];
        const struct plant_station *ps = &plant->station[i];
        if (!ps->plugged) {
            memset(st, 0, sizeof(*st));
        } else if (st->plug_seq != ps->plug_seq) {
            *st = (struct rival_station){.plug_seq = ps->plug_seq, .since_ms = now_ms};
        }
    }
}

// The same bound as ours: min(I_chg, I_max - H), less the load that is not charging.
static void room(const struct rival *rival, const struct plant *plant, const int32_t i_ma[GREENUP_PHASES],
                 int32_t ret_ma[GREENUP_PHASES])
{
    const struct greenup_settings *s = &rival->sc->settings;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const int32_t hold = s->max_ma[p] - greenup_hysteresis_ma(s, p);
        int32_t base = i_ma[p];
        for (int i = 0; i < plant->count; i++)
            base -= (plant->station[i].car_phases >> p & 1) ? plant->station[i].draw_ma : 0;
        ret_ma[p] = (s->charge_ma[p] < hold ? s->charge_ma[p] : hold) - base;
    }
}

void rival_uncontrolled(struct rival *rival, const struct plant *plant, const int32_t i_ma[GREENUP_PHASES],
                        int64_t now_ms)
{
    (void)i_ma;
    follow_plugs(rival, plant, now_ms);
    for (int i = 0; i < plant->count; i++)
        rival->station[i].limit_ma = plant->station[i].plugged ? plant->station[i].cfg.rated_ma : 0;
}

static bool wants(const struct rival *rival, const struct plant *plant, int i, int64_t now_ms)
{
    const struct plant_station *ps = &plant->station[i];
    // A vehicle that is allowed and draws nothing is done.
    const struct rival_station *st = &rival->station[i];
    const bool done = st->limit_ma >= LEAST_MA && ps->acting_ma >= LEAST_MA && ps->draw_ma == 0;
    return ps->plugged && !done && now_ms >= st->off_until_ms;
}

// The smallest equal part of a station's phases.
static int32_t part_of(const struct plant_station *ps, const int32_t room_ma[GREENUP_PHASES],
                       const int users[GREENUP_PHASES])
{
    int32_t part = ps->cfg.rated_ma;
    for (int p = 0; p < GREENUP_PHASES; p++)
        if ((ps->cfg.phases >> p & 1) && users[p] > 0 && room_ma[p] / users[p] < part)
            part = room_ma[p] / users[p];
    return part;
}

static void pause_last(struct rival *rival, const struct plant *plant, uint8_t phases, int64_t now_ms)
{
    int last = -1;
    for (int i = 0; i < plant->count; i++)
        if (rival->station[i].limit_ma > 0 && (plant->station[i].cfg.phases & phases) &&
            (last < 0 || rival->station[i].since_ms >= rival->station[last].since_ms))
            last = i;
    if (last < 0)
        return;
    rival->station[last].limit_ma = 0;
    rival->station[last].off_until_ms = now_ms + PAUSE_MS;
    rival->station[last].short_ticks = 0;
}

void rival_equal_share(struct rival *rival, const struct plant *plant, const int32_t i_ma[GREENUP_PHASES],
                       int64_t now_ms)
{
    int32_t room_ma[GREENUP_PHASES];
    int users[GREENUP_PHASES] = {0};
    follow_plugs(rival, plant, now_ms);
    room(rival, plant, i_ma, room_ma);
    for (int i = 0; i < plant->count; i++)
        for (int p = 0; p < GREENUP_PHASES; p++)
            users[p] += wants(rival, plant, i, now_ms) && (plant->station[i].cfg.phases >> p & 1);
    for (int i = 0; i < plant->count; i++) {
        struct rival_station *st = &rival->station[i];
        const struct plant_station *ps = &plant->station[i];
        if (!wants(rival, plant, i, now_ms)) {
            st->limit_ma = ps->plugged && now_ms >= st->off_until_ms ? LEAST_MA : 0; // done: may come again
            continue;
        }
        const int32_t part = part_of(ps, room_ma, users);
        const bool running = st->limit_ma > 0;
        if (part >= LEAST_MA) {
            st->limit_ma = !running || part < st->limit_ma ? (running ? part : LEAST_MA)
                                                           : st->limit_ma + (part - st->limit_ma) / 4;
            st->short_ticks = 0;
        } else if (running) {
            st->limit_ma = LEAST_MA;
            if (++st->short_ticks >= SHORT_TICKS) {
                pause_last(rival, plant, ps->cfg.phases, now_ms);
                st->short_ticks = 0;
            }
        }
    }
}

void rival_first_come(struct rival *rival, const struct plant *plant, const int32_t i_ma[GREENUP_PHASES],
                      int64_t now_ms)
{
    int32_t room_ma[GREENUP_PHASES];
    bool served[GREENUP_STATIONS_MAX] = {false};
    follow_plugs(rival, plant, now_ms);
    room(rival, plant, i_ma, room_ma);
    for (int n = 0; n < plant->count; n++) {
        int next = -1;
        for (int i = 0; i < plant->count; i++)
            if (!served[i] && (next < 0 || rival->station[i].since_ms < rival->station[next].since_ms))
                next = i;
        if (next < 0)
            return;
        served[next] = true;
        struct rival_station *st = &rival->station[next];
        const struct plant_station *ps = &plant->station[next];
        int32_t most = ps->cfg.rated_ma;
        for (int p = 0; p < GREENUP_PHASES; p++)
            if ((ps->cfg.phases >> p & 1) && room_ma[p] < most)
                most = room_ma[p];
        const bool wanting = wants(rival, plant, next, now_ms);
        st->limit_ma = !ps->plugged || most < LEAST_MA ? 0 : most;
        for (int p = 0; p < GREENUP_PHASES; p++)
            room_ma[p] -= wanting && (ps->cfg.phases >> p & 1) ? st->limit_ma : 0;
    }
}
