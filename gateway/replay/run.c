#include "replay/run.h"

#include <stdlib.h>

struct run *run_new(const struct scenario *sc)
{
    struct run *run = calloc(1, sizeof(*run));
    if (!run)
        abort();
    struct greenup_station stations[GREENUP_STATIONS_MAX];
    for (int i = 0; i < sc->station_count; i++)
        stations[i] = sc->station[i].cfg;
    run->sc = sc;
    run->selector_on = true;
    run->meter_phases = GREENUP_PHASES * 2 + 1;
    greenup_init(&run->core, &sc->settings, stations, sc->station_count, GREENUP_RUN, 0);
    plant_init(&run->plant, stations, sc->station_count, (int64_t)sc->lag_ticks * sc->settings.tick_ms);
    for (int i = 0; i < sc->station_count; i++)
        plant_rotate(&run->plant, i, sc->station[i].order);
    return run;
}

void run_free(struct run *run)
{
    free(run);
}

static void restart(struct run *run)
{
    // What a controller keeps is the saved state; priorities are configuration.
    struct greenup_saved *saved = malloc(sizeof(*saved));
    if (!saved)
        abort();
    struct greenup_station stations[GREENUP_STATIONS_MAX];
    const int count = run->core.count;
    const struct greenup_settings set = run->core.set;
    for (int i = 0; i < count; i++)
        stations[i] = run->core.point[i].cfg;
    greenup_save(&run->core, run->next_ms, saved);
    greenup_init(&run->core, &set, stations, count, GREENUP_INIT, run->next_ms);
    greenup_restore(&run->core, saved, 0, run->next_ms);
    run->restarted = true;
    free(saved);
}

static void plug(struct run *run, const struct scenario_event *e, int64_t since_ms)
{
    const struct plant_vehicle vehicle = {.wants_ma = e->wants_ma,
                                          .energy_wh = e->energy_wh,
                                          .taper_wh = e->taper_wh,
                                          .least_ma = e->least_ma,
                                          .phases = e->car_phases};
    plant_plug(&run->plant, e->station, since_ms, &vehicle);
}

static void put_charging(struct run *run, const struct scenario_event *e)
{
    plug(run, e, e->since_ms);
    const struct greenup_session session = {
        .conn_ms = e->since_ms,
        .wait_ms = e->since_ms,
        .stop_ms = GREENUP_NEVER,
        .red_ms = e->level > 0 ? e->since_ms : GREENUP_NEVER,
        .charge_ma_ms = e->charge_mah * 3600000,
    };
    greenup_put(&run->core, e->station, e->level, &session, run->plant.station[e->station].plug_seq);
    plant_put(&run->plant, e->station, greenup_limit_ma(&run->core, e->station));
}

static void change_station(struct run *run, const struct scenario_event *e)
{
    struct plant_station *st = &run->plant.station[e->station];
    switch (e->is) {
    case SCENARIO_IS_LOST:
        st->online = false;
        break;
    case SCENARIO_IS_BACK:
        st->online = true;
        break;
    case SCENARIO_IS_POWER_CYCLED:
        plant_power_cycle(&run->plant, e->station);
        break;
    case SCENARIO_IS_DISOBEYS:
        st->disobeys = true;
        break;
    case SCENARIO_IS_OBEYS:
        st->disobeys = false;
        break;
    }
}

static void choose(struct run *run, const struct scenario_event *e)
{
    if (e->priority != GREENUP_DEFAULT)
        greenup_set_priority(&run->core, e->station, e->priority == GREENUP_YES, e->session);
    if (e->hold != GREENUP_DEFAULT)
        greenup_set_hold(&run->core, e->station, e->hold == GREENUP_YES, e->session);
    if (e->forced != GREENUP_DEFAULT)
        greenup_set_forced(&run->core, e->station, e->forced == GREENUP_YES, e->session);
}

static void apply(struct run *run, const struct scenario_event *e)
{
    switch (e->kind) {
    case SCENARIO_BASE:
        for (int p = 0; p < GREENUP_PHASES; p++)
            run->plant.base_ma[p] = e->base_ma[p];
        break;
    case SCENARIO_CHARGING:
        put_charging(run, e);
        break;
    case SCENARIO_PLUG:
        plug(run, e, e->at_ms);
        break;
    case SCENARIO_UNPLUG:
        plant_unplug(&run->plant, e->station);
        break;
    case SCENARIO_WANTS:
        run->plant.station[e->station].wants_ma = e->wants_ma;
        break;
    case SCENARIO_METER:
        run->meter_phases =
            (uint8_t)(e->flag ? run->meter_phases | e->phases : run->meter_phases & ~e->phases);
        break;
    case SCENARIO_STATION:
        change_station(run, e);
        break;
    case SCENARIO_SET:
        choose(run, e);
        break;
    case SCENARIO_RESTART:
        restart(run);
        break;
    case SCENARIO_SETTINGS:
        greenup_configure(&run->core, e->settings);
        break;
    case SCENARIO_SELECTOR:
        run->selector_on = e->flag;
        greenup_select(&run->core, e->flag, run->next_ms);
        break;
    }
}

static void control(struct run *run)
{
    struct greenup_in in = {.stations = run->readings};
    for (int p = 0; p < GREENUP_PHASES; p++)
        in.meter.i_ma[p] = run->meter_ma[p];
    in.meter.phases = run->meter_phases;
    in.meter.at_ms = run->now_ms;
    for (int i = 0; i < run->plant.count; i++)
        plant_read(&run->plant, i, run->now_ms, &run->readings[i]);
    greenup_step(&run->core, &in, run->now_ms, &run->out);
    for (int i = 0; i < run->plant.count; i++)
        plant_latch(&run->plant, i, greenup_limit_ma(&run->core, i), run->now_ms);
}

bool run_step(struct run *run)
{
    const struct scenario *sc = run->sc;
    if (run->next_ms > sc->until_ms)
        return false;
    plant_pass(&run->plant, run->next_ms - run->now_ms);
    run->first_event = run->next_event;
    while (run->next_event < sc->event_count && sc->events[run->next_event].at_ms <= run->next_ms)
        apply(run, &sc->events[run->next_event++]);
    run->last_event = run->next_event;
    run->now_ms = run->next_ms;
    plant_measure(&run->plant, run->now_ms, run->i_ma);
    for (int p = 0; p < GREENUP_PHASES; p++)
        run->meter_ma[p] = run->i_ma[p];
    if (run->noise)
        run->noise(run->user, run->now_ms, run->meter_ma);
    if (run->foreign) {
        run->out.command_count = 0;
    } else if (run->meter_phases || run->core.grid_ms <= run->now_ms) {
        control(run);
    } else {
        run->out.command_count = 0; // no sample between two ticks: the controller sleeps
        run->out.grid = false;
    }
    // A controller decides at its first sample; here its ticks then fall on those of the scenario again.
    if (run->restarted)
        run->core.grid_ms = (run->now_ms / sc->settings.tick_ms + 1) * sc->settings.tick_ms;
    run->restarted = false;
    run->next_ms += sc->settings.sample_ms;
    return true;
}

static void add_number(struct ew_buf *to, const char *lead, int64_t value)
{
    char text[SCENARIO_NUMBER_MAX];
    scenario_number(text, value);
    ew_buf_add_text(to, lead);
    ew_buf_add_text(to, text);
}

// An id as JSON text: it holds no control characters.
static void add_id(struct ew_buf *to, const char *id)
{
    ew_buf_add_text(to, "\"");
    for (const char *c = id; *c; c++) {
        if (*c == '"' || *c == '\\')
            ew_buf_add_text(to, "\\");
        ew_buf_add(to, c, 1);
    }
    ew_buf_add_text(to, "\"");
}

static void add_command(const struct run *run, const struct greenup_command *c, struct ew_buf *to)
{
    ew_buf_add_text(to, "{\"station\":");
    add_id(to, run->sc->station[c->station].id);
    ew_buf_printf(to, ",\"do\":\"%s\"", greenup_do_name(c->what));
    add_number(to, ",\"limit_a\":", c->limit_ma);
    ew_buf_printf(to, ",\"why\":\"%s\"}", greenup_why_name(c->why));
}

void run_line(const struct run *run, struct ew_buf *to)
{
    const struct greenup *g = &run->core;
    add_number(to, "{\"t\":", run->now_ms);
    ew_buf_add_text(to, ",\"i_a\":");
    for (int p = 0; p < GREENUP_PHASES; p++)
        add_number(to, p == 0 ? "[" : ",", run->meter_ma[p]);
    ew_buf_add_text(to, "],\"band\":");
    for (int p = 0; p < GREENUP_PHASES; p++)
        ew_buf_printf(to, "%s\"%s\"", p == 0 ? "[" : ",", greenup_band_name(g->phase[p].band));
    ew_buf_printf(to, "],\"mode\":\"%s\",\"limit_a\":{", greenup_mode_name(g->mode));
    for (int i = 0; i < g->count; i++) {
        ew_buf_add_text(to, i == 0 ? "" : ",");
        add_id(to, run->sc->station[i].id);
        add_number(to, ":", greenup_limit_ma(g, i));
    }
    ew_buf_add_text(to, "},\"commands\":[");
    for (int i = 0; i < run->out.command_count; i++) {
        ew_buf_add_text(to, i == 0 ? "" : ",");
        add_command(run, &run->out.commands[i], to);
    }
    ew_buf_add_text(to, "]}\n");
}
