#include "books.h"

#include <string.h>

void check_init(struct check *check)
{
    memset(check, 0, sizeof(*check));
    for (int i = 0; i < GREENUP_STATIONS_MAX; i++)
        check->stop_ms[i] = GREENUP_NEVER;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        check->over_ms[p] = check->return_ms[p] = check->base_from_ms[p] = GREENUP_NEVER;
        check->band[p] = GREENUP_YELLOW;
    }
    check->on = true;
    check->grid_ms = check->excused_ms = GREENUP_NEVER;
}

// ---- Small questions ------------------------------------------------------------------------------------

bool on_phase(const struct greenup_point *st, int p)
{
    return st->cfg.phases >> p & 1;
}

bool priority_of(const struct run *run, int i)
{
    return greenup_priority(&run->core, i);
}

static bool obeys(const struct greenup_point *st)
{
    return !st->lost && !st->disobeys && st->in.plugged;
}

bool charging(const struct greenup_point *st)
{
    return st->state == GREENUP_CHARGE && obeys(st);
}

bool held(const struct greenup_point *st)
{
    return st->s.hold == GREENUP_DEFAULT ? st->default_hold : st->s.hold == GREENUP_YES;
}

bool waiting(const struct greenup_point *st)
{
    return st->state == GREENUP_WAIT && obeys(st) && !held(st);
}

bool is_up(enum greenup_do what)
{
    return what == GREENUP_DO_START || what == GREENUP_DO_RESUME || what == GREENUP_DO_RAISE ||
           what == GREENUP_DO_RESTORE;
}

int32_t max_of(const struct run *run, const struct check *check, int p)
{
    const bool blind = (check->lost >> p & 1) && run->core.set.wiring == GREENUP_DEDICATED;
    const int32_t max = run->core.set.max_ma[p];
    return blind ? max - greenup_hysteresis_ma(&run->core.set, p) : max;
}

bool over_max(const struct run *run, const struct check *check, int p)
{
    return run->core.phase[p].i_ma > max_of(run, check, p);
}

const char *name(const struct run *run, int i)
{
    return run->sc->station[i].id;
}

// ---- Keeping up -----------------------------------------------------------------------------------------

static void start_over(struct check *check, int64_t now_ms, int p)
{
    check->return_ms[p] = check->bad_ms[p] = check->base_from_ms[p] = now_ms;
}

static void begin_again(struct check *check, const struct run *run, bool reborn)
{
    check->restarted = true;
    check->reborn = check->reborn || reborn;
    // A restart in the fail-safe stays in it until a sample comes; anything else begins anew.
    check->lost = reborn && run->core.set.wiring == GREENUP_INSTALLATION ? check->lost : 0;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        start_over(check, run->now_ms, p);
        check->sample_ms[p] = run->now_ms;
        check->band[p] = GREENUP_YELLOW;
    }
}

static void put_charging(struct check *check, const struct run *run, const struct scenario_event *e)
{
    const int i = e->station;
    check->limit_ma[i] = check->draw_ma[i] = run->core.point[i].level_ma[e->level];
    check->charge_ma_ms[i] = (double)e->charge_mah * 3600000;
    check->kept_charge[i] = 0;
    check->plug_seq[i] = run->plant.station[i].plug_seq;
    check->stop_ms[i] = GREENUP_NEVER;
}

static void follow_event(struct check *check, const struct run *run, const struct scenario_event *e)
{
    switch (e->kind) {
    case SCENARIO_RESTART:
        begin_again(check, run, true);
        break;
    case SCENARIO_SELECTOR:
        if (e->flag && !check->on)
            begin_again(check, run, false);
        check->on = e->flag;
        break;
    case SCENARIO_PLUG:
        check->plug_seq[e->station] = UINT32_MAX; // another vehicle, even if one was put here just before
        return;
    case SCENARIO_CHARGING:
        put_charging(check, run, e);
        return;
    case SCENARIO_SETTINGS:
    case SCENARIO_STATION:
    case SCENARIO_METER:
        break;
    case SCENARIO_BASE:
    case SCENARIO_UNPLUG:
    case SCENARIO_WANTS:
    case SCENARIO_SET:
        return;
    }
    check->excused_ms = run->now_ms; // the plant itself was disturbed
}

static void follow_events(struct check *check, const struct run *run)
{
    check->restarted = check->reborn = false;
    for (int i = run->first_event; i < run->last_event; i++) {
        check->event_ms = run->now_ms;
        follow_event(check, run, &run->sc->events[i]);
    }
}

static void follow_vehicles(struct check *check, const struct run *run)
{
    for (int i = 0; i < run->core.count; i++) {
        const struct plant_station *st = &run->plant.station[i];
        // A vehicle that came or went while the station was lost is seen when the station is back.
        if (!st->online || (st->plugged && st->plug_seq == check->plug_seq[i]))
            continue;
        check->plug_seq[i] = st->plug_seq;
        check->stop_ms[i] = GREENUP_NEVER;
        check->charge_ma_ms[i] = 0;
        check->kept_charge[i] = 0;
    }
}

static void follow_meter(struct check *check, const struct run *run)
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const unsigned one = 1U << p;
        if (run->meter_phases & one) {
            check->sample_ms[p] = run->now_ms;
            if ((check->lost & one) && run->out.grid) {
                check->lost = (uint8_t)(check->lost & ~one);
                start_over(check, run->now_ms, p);
            }
        } else if (run->out.grid && run->now_ms - check->sample_ms[p] >= run->core.set.meter_ms &&
                   !(check->lost & one)) {
            check->lost = (uint8_t)(check->lost | (run->core.used & one));
            check->base_from_ms[p] = run->now_ms;
        }
    }
    if (!run->selector_on)
        check->lost = 0;
}

bool known_phase(const struct check *check, const struct run *run, int p)
{
    const bool lost = check->lost >> p & 1; // until the next control period
    if (lost)
        return run->out.grid && run->core.set.wiring == GREENUP_DEDICATED;
    return run->meter_phases >> p & 1;
}

bool measured(const struct run *run)
{
    return run->core.last_look_ms == run->now_ms;
}

// The base load as the meter and the stations give it, when the controller took the sample.
void books_follow_base(struct check *check, const struct run *run)
{
    if (!measured(run))
        return;
    const struct greenup *g = &run->core;
    int old = 0;
    while (old < check->base_count && run->now_ms - check->base[old].at_ms >= g->set.up_ms)
        old++;
    check->base_count -= old;
    memmove(check->base, check->base + old, (size_t)check->base_count * sizeof(check->base[0]));
    const int at = check->base_count++;
    check->base[at].at_ms = run->now_ms;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const bool blind = check->lost >> p & 1;
        int32_t base = blind ? 0 : run->meter_ma[p];
        for (int i = 0; i < g->count; i++) {
            const struct greenup_point *st = &g->point[i];
            if (st->lost || !(run->plant.station[i].car_phases >> p & 1))
                continue;
            if (blind)
                base += st->disobeys ? run->plant.station[i].draw_ma : 0;
            else
                base -= st->disobeys ? 0 : run->plant.station[i].draw_ma;
        }
        check->base[at].ma[p] = !known_phase(check, run, p) ? -1 : base > 0 ? base : 0;
    }
}

static int32_t base_peak(const struct check *check, int p)
{
    int32_t peak = 0;
    for (int i = 0; i < check->base_count; i++)
        if (check->base[i].at_ms >= check->base_from_ms[p] && check->base[i].ma[p] > peak)
            peak = check->base[i].ma[p];
    return peak;
}

int32_t worst_case(const struct check *check, const struct run *run, int p, int moved)
{
    int32_t sum = base_peak(check, p);
    for (int i = 0; i < run->core.count; i++) {
        const struct greenup_point *st = &run->core.point[i];
        const struct plant_station *ps = &run->plant.station[i];
        if (!on_phase(st, p))
            continue;
        const int32_t draw = i != moved && (ps->car_phases >> p & 1) ? ps->draw_ma : 0;
        if (st->lost) {
            const int32_t known = st->limit_ma > st->cfg.fallback_ma ? st->limit_ma : st->cfg.fallback_ma;
            sum += st->cfg.watchdog ? known : st->cfg.rated_ma;
        } else if (!st->disobeys) {
            sum += st->state == GREENUP_CHARGE && st->limit_ma > draw ? st->limit_ma : draw;
        }
    }
    return sum;
}

void books_follow(struct check *check, const struct run *run)
{
    follow_events(check, run);
    follow_vehicles(check, run);
    follow_meter(check, run);
}

void books_close(struct check *check, const struct run *run)
{
    for (int i = 0; i < run->core.count; i++) {
        check->limit_ma[i] = greenup_limit_ma(&run->core, i);
        check->draw_ma[i] = run->plant.station[i].draw_ma;
        check->acting_ma[i] = run->plant.station[i].acting_ma;
        check->car_phases[i] = run->plant.station[i].car_phases;
    }
    for (int p = 0; p < GREENUP_PHASES; p++)
        check->base_ma[p] = run->plant.base_ma[p];
}
