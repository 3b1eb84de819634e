#include "replay/plant.h"

#include <string.h>

// IEC 61851-1 has no current between 0 and 6 A.
enum { LEAST_MA = 6000, NOMINAL_V = 230 };

void plant_init(struct plant *plant, const struct greenup_station *stations, int count, int64_t lag_ms)
{
    memset(plant, 0, sizeof(*plant));
    plant->lag_ms = lag_ms;
    plant->count = count;
    for (int i = 0; i < count; i++) {
        plant->station[i].cfg = stations[i];
        plant->station[i].online = true;
        plant->station[i].left_ma_ms = -1;
        int wired = 0;
        for (int p = 0; p < GREENUP_PHASES; p++)
            if (stations[i].phases >> p & 1)
                plant->station[i].order[wired++] = (uint8_t)p;
    }
}

struct plant_vehicle plant_vehicle(int32_t wants_ma)
{
    return (struct plant_vehicle){
        .wants_ma = wants_ma, .energy_wh = -1, .least_ma = LEAST_MA, .phases = GREENUP_PHASES};
}

void plant_rotate(struct plant *plant, int station, const uint8_t order[GREENUP_PHASES])
{
    memcpy(plant->station[station].order, order, sizeof(plant->station[station].order));
}

static int phase_count(const struct plant_station *st)
{
    int count = 0;
    for (int p = 0; p < GREENUP_PHASES; p++)
        count += st->cfg.phases >> p & 1;
    return count;
}

static uint8_t first_phases(const struct plant_station *st, int count)
{
    unsigned used = 0;
    for (int i = 0; i < count && i < phase_count(st); i++)
        used |= 1U << st->order[i];
    return (uint8_t)used;
}

// Wh at the nominal voltage, as mA ms summed over phases.
static int64_t charge_of(int64_t wh)
{
    return wh * 3600000 / NOMINAL_V * 1000;
}

void plant_plug(struct plant *plant, int station, int64_t now_ms, const struct plant_vehicle *vehicle)
{
    struct plant_station *st = &plant->station[station];
    st->plugged = true;
    st->plug_seq++;
    st->plug_ms = now_ms;
    st->wants_ma = vehicle->wants_ma;
    st->least_ma = vehicle->least_ma;
    st->left_ma_ms = vehicle->energy_wh < 0 ? -1 : charge_of(vehicle->energy_wh);
    st->taper_ma_ms = charge_of(vehicle->taper_wh);
    st->car_phases = first_phases(st, vehicle->phases);
}

void plant_unplug(struct plant *plant, int station)
{
    plant->station[station].plugged = false;
    plant->station[station].wants_ma = 0;
}

void plant_put(struct plant *plant, int station, int32_t limit_ma)
{
    struct plant_station *st = &plant->station[station];
    st->latched_ma = st->acting_ma = limit_ma;
    if (st->online)
        st->told_ma = limit_ma;
    st->queued = 0;
}

void plant_power_cycle(struct plant *plant, int station)
{
    struct plant_station *st = &plant->station[station];
    st->latched_ma = st->acting_ma = st->cfg.rated_ma;
    st->queued = 0;
}

static void follow(struct plant_station *st, int64_t now_ms)
{
    int due = 0;
    while (due < st->queued && st->queue[due].at_ms <= now_ms)
        st->acting_ma = st->queue[due++].ma;
    if (due == 0)
        return;
    st->queued -= due;
    memmove(st->queue, st->queue + due, (size_t)st->queued * sizeof(st->queue[0]));
}

static int32_t draw_of(const struct plant_station *st)
{
    if (!st->plugged || st->left_ma_ms == 0)
        return 0;
    int32_t limit = st->disobeys ? st->cfg.rated_ma : st->acting_ma;
    limit = limit < st->cfg.rated_ma ? limit : st->cfg.rated_ma;
    const int32_t draw = limit < st->wants_ma ? limit : st->wants_ma;
    if (draw < st->least_ma)
        return 0;
    if (st->left_ma_ms < 0 || st->left_ma_ms >= st->taper_ma_ms)
        return draw;
    // A battery that is nearly full: one tenth of an ampere is the end.
    const int32_t less = (int32_t)((double)draw * (double)st->left_ma_ms / (double)st->taper_ma_ms);
    return less < 100 ? 0 : less;
}

void plant_measure(struct plant *plant, int64_t now_ms, int32_t ret_ma[GREENUP_PHASES])
{
    memcpy(ret_ma, plant->base_ma, sizeof(plant->base_ma));
    for (int i = 0; i < plant->count; i++) {
        struct plant_station *st = &plant->station[i];
        follow(st, now_ms);
        st->draw_ma = draw_of(st);
        for (int p = 0; p < GREENUP_PHASES; p++)
            if (st->car_phases >> p & 1)
                ret_ma[p] += st->draw_ma;
    }
}

void plant_pass(struct plant *plant, int64_t ms)
{
    for (int i = 0; i < plant->count; i++) {
        struct plant_station *st = &plant->station[i];
        if (st->left_ma_ms <= 0 || st->draw_ma == 0)
            continue;
        for (int p = 0; p < GREENUP_PHASES; p++)
            st->left_ma_ms -= (st->car_phases >> p & 1) ? st->draw_ma * ms : 0;
        st->left_ma_ms = st->left_ma_ms < 0 ? 0 : st->left_ma_ms;
    }
}

void plant_latch(struct plant *plant, int station, int32_t limit_ma, int64_t now_ms)
{
    struct plant_station *st = &plant->station[station];
    if (!st->online)
        return;
    st->told_ma = limit_ma;
    if (limit_ma == st->latched_ma)
        return;
    st->latched_ma = limit_ma;
    // A full queue: the newest limit takes the place of the one before it.
    const int at = st->queued < PLANT_QUEUE_MAX ? st->queued++ : PLANT_QUEUE_MAX - 1;
    st->queue[at].at_ms = now_ms + plant->lag_ms;
    st->queue[at].ma = limit_ma;
}

void plant_read(const struct plant *plant, int station, int64_t now_ms, struct greenup_reading *ret)
{
    const struct plant_station *st = &plant->station[station];
    *ret = (struct greenup_reading){.link = st->online ? GREENUP_ONLINE : GREENUP_LOST,
                                    .read_ms = now_ms,
                                    .plugged = st->plugged,
                                    .requesting = st->plugged,
                                    .plug_seq = st->plug_seq,
                                    .plug_ms = st->plug_ms,
                                    .current_known = true,
                                    .limit_ma = st->online ? st->latched_ma : st->told_ma,
                                    .session_wh = -1};
    for (int p = 0; p < GREENUP_PHASES; p++)
        ret->i_ma[p] = (st->car_phases >> p & 1) ? st->draw_ma : 0;
}
