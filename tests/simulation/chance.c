#include "chance.h"

#include <math.h>
#include <string.h>

// splitmix64 (Sebastiano Vigna, public domain description).
uint64_t chance_next(struct chance *c)
{
    uint64_t z = c->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

int chance_between(struct chance *c, int low, int high)
{
    return low + (int)(chance_next(c) % (uint64_t)(high - low + 1));
}

bool chance_of(struct chance *c, int percent)
{
    return chance_between(c, 0, 99) < percent;
}

double chance_normal(struct chance *c)
{
    // Twelve uniform numbers: near enough, and without logarithms that differ between machines.
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (double)(chance_next(c) >> 11) / 9007199254740992.0;
    return sum;
}

static void settings(struct chance *c, struct greenup_settings *s, const struct chance_kind *kind)
{
    const int max_a = chance_between(c, 20, 160);
    const int chg_a =
        chance_of(c, 30) ? max_a : chance_between(c, max_a * 6 / 10 > 6 ? max_a * 6 / 10 : 6, max_a);
    for (int p = 0; p < GREENUP_PHASES; p++) {
        s->max_ma[p] = max_a * 1000;
        s->charge_ma[p] = chg_a * 1000;
    }
    s->guaranteed_mah = chance_between(c, 0, 12) * INT64_C(1000);
    s->failsafe_ma = chance_of(c, 50) ? 0 : chance_between(c, 0, 40) * 1000;
    s->wiring = kind->dedicated ? GREENUP_DEDICATED : GREENUP_INSTALLATION;
    if (!kind->strange)
        return;
    s->hysteresis_bp = chance_between(c, 0, 1500);
    s->level1_bp = chance_between(c, 3000, 10000);
    s->level2_bp = chance_between(c, 2000, s->level1_bp);
    s->min_ma = chance_of(c, 70) ? 6000 : chance_between(c, 6, 8) * 1000;
    s->step_ma = chance_of(c, 70) ? 1000 : chance_between(c, 1, 20) * 100;
    s->min_off_ms = chance_between(c, 0, 120) * 1000;
    s->up_ms = chance_between(c, 5, 60) * 1000;
    s->idle_ms = chance_between(c, 30, 400) * 1000;
    s->starve_ms = chance_between(c, 60, 1800) * 1000;
    for (int p = 0; p < GREENUP_PHASES; p++)
        s->charge_ma[p] = s->charge_ma[p] < s->min_ma ? s->min_ma : s->charge_ma[p];
}

static void stations(struct chance *c, struct scenario *sc, int most)
{
    static const int rated[] = {10, 13, 16, 16, 16, 20, 32, 32, 32, 63, 8, 9};
    sc->station_count = chance_between(c, 1, most);
    for (int i = 0; i < sc->station_count; i++) {
        struct scenario_station *st = &sc->station[i];
        memset(st, 0, sizeof(*st));
        // Ids fall while indexes rise, so that an order by index is not taken for one by id.
        (void)ew_format(st->id, sizeof(st->id), "S%02d", 99 - i);
        st->cfg.rated_ma = rated[chance_between(c, 0, 11)] * 1000;
        unsigned phases = chance_of(c, 40) ? 7U : chance_of(c, 60) ? 1U : 1U << chance_between(c, 0, 2);
        st->cfg.phases = (uint8_t)phases;
        scenario_wire(st);
        if (st->cfg.phases == GREENUP_PHASES * 2 + 1 && chance_of(c, 50))
            for (int p = 0; p < GREENUP_PHASES; p++)
                st->order[p] = (uint8_t)((p + i) % GREENUP_PHASES); // rotated
        st->cfg.priority = chance_of(c, 25);
        st->cfg.watchdog = chance_of(c, 40);
        st->cfg.fallback_ma = chance_of(c, 50) ? 6000 : chance_between(c, 0, st->cfg.rated_ma / 1000) * 1000;
    }
    scenario_rank(sc);
}

// A base load that never is above I_max, often near the interesting borders.
static void base_step(struct chance *c, struct scenario *sc, int64_t at_ms)
{
    struct scenario_event e = scenario_event(SCENARIO_BASE, at_ms, 0);
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const int max_a = sc->settings.max_ma[p] / 1000;
        const int kind = chance_between(c, 0, 9);
        const int share = kind < 5 ? chance_between(c, 0, 60) : kind < 9 ? chance_between(c, 20, 95) : 100;
        e.base_ma[p] = sc->settings.wiring == GREENUP_DEDICATED ? 0 : max_a * share * 10;
    }
    scenario_add(sc, &e);
}

static void vehicle(struct chance *c, struct scenario *sc, int64_t at_ms, int station)
{
    const int rated_a = sc->station[station].cfg.rated_ma / 1000;
    const int what = chance_between(c, 0, 9);
    struct scenario_event e = scenario_event(what < 6   ? SCENARIO_PLUG
                                             : what < 8 ? SCENARIO_UNPLUG
                                                        : SCENARIO_WANTS,
                                             at_ms, station);
    e.wants_ma = (chance_of(c, 60) ? rated_a : chance_between(c, 0, rated_a)) * 1000;
    e.car_phases = chance_of(c, 80) ? GREENUP_PHASES : 1;
    scenario_add(sc, &e);
}

static void choice(struct chance *c, struct scenario *sc, int64_t at_ms, int station)
{
    struct scenario_event e = scenario_event(SCENARIO_SET, at_ms, station);
    const enum greenup_choice value = chance_of(c, 50) ? GREENUP_YES : GREENUP_NO;
    const int what = chance_between(c, 0, 2);
    e.priority = what == 0 ? value : GREENUP_DEFAULT;
    e.hold = what == 1 ? value : GREENUP_DEFAULT;
    e.forced = what == 2 ? value : GREENUP_DEFAULT;
    e.session = chance_of(c, 70);
    scenario_add(sc, &e);
}

static void fault(struct chance *c, struct scenario *sc, int64_t at_ms, int station)
{
    if (chance_of(c, 30)) {
        struct scenario_event e = scenario_event(SCENARIO_METER, at_ms, 0);
        e.flag = chance_of(c, 60);
        if (chance_of(c, 40))
            e.phases = (uint8_t)(1U << chance_between(c, 0, 2));
        scenario_add(sc, &e);
        return;
    }
    struct scenario_event e = scenario_event(SCENARIO_STATION, at_ms, station);
    static const enum scenario_is is[] = {SCENARIO_IS_LOST, SCENARIO_IS_LOST,         SCENARIO_IS_BACK,
                                          SCENARIO_IS_BACK, SCENARIO_IS_POWER_CYCLED, SCENARIO_IS_DISOBEYS,
                                          SCENARIO_IS_OBEYS};
    e.is = is[chance_between(c, 0, 6)];
    scenario_add(sc, &e);
}

static void change(struct chance *c, struct scenario *sc, const struct chance_kind *kind,
                   struct greenup_settings *now, int64_t at_ms)
{
    if (chance_of(c, 25)) {
        struct scenario_event e = scenario_event(SCENARIO_SELECTOR, at_ms, 0);
        e.flag = chance_of(c, 65);
        scenario_add(sc, &e);
        return;
    }
    struct scenario_event e = scenario_event(SCENARIO_SETTINGS, at_ms, 0);
    struct greenup_settings fresh = *now;
    settings(c, &fresh, kind);
    // Stations were given for the smallest current of the start; times belong to the scenario.
    fresh.min_ma = sc->settings.min_ma;
    fresh.tick_ms = now->tick_ms;
    fresh.sample_ms = now->sample_ms;
    fresh.up_ms = now->up_ms;
    fresh.min_off_ms = now->min_off_ms;
    fresh.idle_ms = now->idle_ms;
    fresh.starve_ms = now->starve_ms;
    for (int p = 0; p < GREENUP_PHASES; p++)
        fresh.charge_ma[p] = fresh.charge_ma[p] < fresh.min_ma ? fresh.min_ma : fresh.charge_ma[p];
    e.settings = &fresh;
    scenario_add(sc, &e);
    *now = fresh;
}

static void start_charges(struct chance *c, struct scenario *sc)
{
    for (int i = 0; i < sc->station_count; i++) {
        if (!chance_of(c, 40))
            continue;
        struct scenario_event e = scenario_event(SCENARIO_CHARGING, 0, i);
        e.since_ms = -chance_between(c, 0, 9000) * INT64_C(1000);
        e.charge_mah = chance_between(c, 0, 20) * INT64_C(1000);
        e.level = chance_between(c, 0, 3);
        e.wants_ma = sc->station[i].cfg.rated_ma;
        scenario_add(sc, &e);
    }
}

// The end: nothing happens, or one vehicle is left alone with the whole room.
static void finish(struct chance *c, struct scenario *sc, const struct chance_kind *kind, int64_t at_ms)
{
    if (!kind->emptied)
        return;
    const int left = chance_between(c, 0, sc->station_count - 1);
    struct scenario_event e = scenario_event(SCENARIO_BASE, at_ms, 0);
    scenario_add(sc, &e);
    for (int i = 0; i < sc->station_count; i++)
        if (i != left) {
            e = scenario_event(SCENARIO_UNPLUG, at_ms, i);
            scenario_add(sc, &e);
        }
}

static void something(struct chance *c, struct scenario *sc, const struct chance_kind *kind,
                      struct greenup_settings *now, int64_t at_ms)
{
    const int station = chance_between(c, 0, sc->station_count - 1);
    const int what = chance_between(c, 0, 99);
    if (what < 40)
        vehicle(c, sc, at_ms, station);
    else if (what < 65)
        base_step(c, sc, at_ms);
    else if (what < 75 && kind->people)
        choice(c, sc, at_ms, station);
    else if (what < 90 && kind->faults)
        fault(c, sc, at_ms, station);
    else if (what < 94 && kind->restarts) {
        const struct scenario_event e = scenario_event(SCENARIO_RESTART, at_ms, 0);
        scenario_add(sc, &e);
    } else if (what >= 94 && kind->changes)
        change(c, sc, kind, now, at_ms);
}

void chance_scenario(struct scenario *sc, const struct chance_kind *kind, uint64_t seed)
{
    struct chance c = {seed};
    scenario_init(sc);
    settings(&c, &sc->settings, kind);
    stations(&c, sc, chance_of(&c, 20) ? 10 : 6);
    for (int i = 0; i < sc->station_count; i++)
        if (sc->station[i].cfg.rated_ma < sc->settings.min_ma)
            sc->station[i].cfg.rated_ma = sc->settings.min_ma;
    sc->lag_ticks = kind->lag_ticks ? kind->lag_ticks : chance_between(&c, 1, 3);
    sc->settings.sample_ms = kind->between ? sc->settings.tick_ms / 5 : sc->settings.tick_ms;
    sc->settings.early = kind->early;
    sc->until_ms = (int64_t)(kind->seconds + kind->quiet_s) * 1000;
    base_step(&c, sc, 0);
    start_charges(&c, sc);
    struct greenup_settings now = sc->settings;
    const int mean_s = chance_between(&c, 10, 90);
    for (int64_t t = 0; (t += chance_between(&c, 1, 2 * mean_s)) < kind->seconds;)
        something(&c, sc, kind, &now, t * 1000 / sc->settings.sample_ms * sc->settings.sample_ms);
    finish(&c, sc, kind, (int64_t)kind->seconds * 1000);
    scenario_sort(sc);
}
