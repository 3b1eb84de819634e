#include "base/json.h"
#include "replay/scenario.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double MOST_A = 100000, MOST_S = 4e9;

// Thousandths of a number: mA of A, ms of s.
static void thousandths(struct ew_json *o, const char *key, enum ew_presence p, double least, double most,
                        int64_t *out)
{
    double value = (double)*out / 1000;
    ew_json_number(o, key, p, least, most, &value);
    if (o->err == EW_OK)
        *out = llround(value * 1000);
}

static void current(struct ew_json *o, const char *key, enum ew_presence p, int32_t *out)
{
    int64_t ma = *out;
    thousandths(o, key, p, 0, MOST_A, &ma);
    *out = (int32_t)ma;
}

static void duration(struct ew_json *o, const char *key, int32_t *out)
{
    int64_t ms = *out;
    thousandths(o, key, EW_OPTIONAL, 0, 1e6, &ms);
    *out = (int32_t)ms;
}

static void percent(struct ew_json *o, const char *key, int32_t *out)
{
    double value = *out / 100.0;
    ew_json_number(o, key, EW_OPTIONAL, 0, 100, &value);
    if (o->err == EW_OK)
        *out = (int32_t)lround(value * 100);
}

// Three currents, for example the base load.
static void three_currents(struct ew_json *o, const char *key, int32_t out[GREENUP_PHASES])
{
    const cJSON *list = ew_json_array(o, key, EW_REQUIRED, GREENUP_PHASES);
    if (!list)
        return;
    if (cJSON_GetArraySize(list) != GREENUP_PHASES) {
        ew_json_fail(o, key, "replay.three", "must be three numbers, one a phase");
        return;
    }
    int p = 0;
    for (const cJSON *item = list->child; item; item = item->next, p++) {
        if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > MOST_A) {
            ew_json_fail(o, key, "replay.current", "must be currents from 0 to %g A", MOST_A);
            return;
        }
        out[p] = (int32_t)lround(item->valuedouble * 1000);
    }
}

// One current for all phases, or one for each.
static void phase_currents(struct ew_json *o, const char *key, int32_t out[GREENUP_PHASES])
{
    if (cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(o->node, key))) {
        three_currents(o, key, out);
        return;
    }
    if (!ew_json_has(o, key))
        return;
    current(o, key, EW_OPTIONAL, &out[0]);
    out[1] = out[2] = out[0];
}

static void open_child(const struct ew_json *o, const char *key, int index, const cJSON *node,
                       struct ew_json *child)
{
    char path[EW_PATH_MAX];
    ew_json_path(o, key, index, path);
    ew_json_open(child, node, path, o->reason);
}

// Ends an object inside o; what is wrong with it is wrong with o.
static void close_child(struct ew_json *o, struct ew_json *child)
{
    const enum ew_err err = ew_json_close(child);
    if (o->err == EW_OK)
        o->err = err;
}

static void read_settings(struct ew_json *o, struct greenup_settings *s)
{
    static const char *const wirings[] = {"installation", "dedicated", NULL};
    int wiring = (int)s->wiring;
    const bool only_max = ew_json_has(o, "i_max_a") && !ew_json_has(o, "i_chg_a");
    phase_currents(o, "i_max_a", s->max_ma);
    phase_currents(o, "i_chg_a", s->charge_ma);
    for (int p = 0; p < GREENUP_PHASES; p++)
        if (only_max && s->charge_ma[p] > s->max_ma[p])
            s->charge_ma[p] = s->max_ma[p];
    percent(o, "hysteresis_pct", &s->hysteresis_bp);
    percent(o, "level1_pct", &s->level1_bp);
    percent(o, "level2_pct", &s->level2_bp);
    thousandths(o, "guaranteed_ah", EW_OPTIONAL, 0, 1e5, &s->guaranteed_mah);
    ew_json_enum(o, "wiring", EW_OPTIONAL, wirings, &wiring);
    current(o, "failsafe_a", EW_OPTIONAL, &s->failsafe_ma);
    ew_json_bool(o, "emergency", EW_OPTIONAL, &s->emergency);
    current(o, "i_min_a", EW_OPTIONAL, &s->min_ma);
    current(o, "step_a", EW_OPTIONAL, &s->step_ma);
    current(o, "off_limit_a", EW_OPTIONAL, &s->off_ma);
    double hard = s->hard_pct / 100.0;
    ew_json_number(o, "hard", EW_OPTIONAL, 1, 10, &hard);
    s->hard_pct = (int32_t)lround(hard * 100);
    ew_json_bool(o, "early", EW_OPTIONAL, &s->early);
    s->wiring = wiring ? GREENUP_DEDICATED : GREENUP_INSTALLATION;
}

static void check_settings(struct ew_json *o, const struct greenup_settings *s)
{
    struct ew_reason wrong;
    if (o->err == EW_OK && greenup_settings_check(s, &wrong) != EW_OK)
        ew_json_fail(o, wrong.path[0] == '/' ? wrong.path + 1 : wrong.path, "replay.settings", "%s",
                     wrong.text);
}

static void read_timing(struct ew_json *o, struct scenario *sc)
{
    struct greenup_settings *s = &sc->settings;
    duration(o, "tick_s", &s->tick_ms);
    duration(o, "settle_s", &s->settle_ms);
    duration(o, "up_s", &s->up_ms);
    duration(o, "min_off_s", &s->min_off_ms);
    duration(o, "meter_s", &s->meter_ms);
    duration(o, "stn_s", &s->station_ms);
    duration(o, "starve_s", &s->starve_ms);
    duration(o, "idle_s", &s->idle_ms);
    s->sample_ms = s->tick_ms;
    duration(o, "sample_s", &s->sample_ms);
    check_settings(o, s);
    if (o->err == EW_OK && (s->sample_ms > s->tick_ms || s->tick_ms % s->sample_ms != 0))
        ew_json_fail(o, "sample_s", "replay.sample", "must divide tick_s");
}

static void read_phases(struct ew_json *o, uint8_t *out, uint8_t order[GREENUP_PHASES])
{
    const cJSON *list = ew_json_array(o, "phases", EW_REQUIRED, GREENUP_PHASES);
    if (!list)
        return;
    unsigned mask = 0;
    int count = 0;
    for (const cJSON *item = list->child; item; item = item->next) {
        const double n = item->valuedouble;
        if (!cJSON_IsNumber(item) || (n != 1 && n != 2 && n != 3) || (mask >> ((int)n - 1) & 1)) {
            ew_json_fail(o, "phases", "replay.phases", "must be different phases out of 1, 2, 3");
            return;
        }
        mask |= 1U << ((int)n - 1);
        order[count++] = (uint8_t)(n - 1);
    }
    if (!mask)
        ew_json_fail(o, "phases", "replay.phases", "must name at least one phase");
    *out = (uint8_t)mask;
}

static void read_station(struct ew_json *o, const struct scenario *sc, struct scenario_station *st)
{
    st->cfg.fallback_ma = 6000;
    ew_json_text(o, "id", EW_REQUIRED, 1, sizeof(st->id), st->id);
    current(o, "rated_a", EW_REQUIRED, &st->cfg.rated_ma);
    read_phases(o, &st->cfg.phases, st->order);
    ew_json_bool(o, "priority", EW_OPTIONAL, &st->cfg.priority);
    ew_json_bool(o, "watchdog", EW_OPTIONAL, &st->cfg.watchdog);
    current(o, "fallback_a", EW_OPTIONAL, &st->cfg.fallback_ma);
    if (o->err == EW_OK && st->cfg.rated_ma < sc->settings.min_ma)
        ew_json_fail(o, "rated_a", "replay.rated", "must be at least the smallest charging current");
    for (int i = 0; i < sc->station_count && o->err == EW_OK; i++)
        if (strcmp(sc->station[i].id, st->id) == 0)
            ew_json_fail(o, "id", "replay.twice", "\"%s\" is there twice", st->id);
}

static void read_stations(struct ew_json *root, struct scenario *sc)
{
    const cJSON *list = ew_json_array(root, "stations", EW_REQUIRED, GREENUP_STATIONS_MAX);
    for (const cJSON *item = list ? list->child : NULL; item && root->err == EW_OK; item = item->next) {
        struct ew_json o;
        struct scenario_station st = {0};
        open_child(root, "stations", sc->station_count, item, &o);
        read_station(&o, sc, &st);
        close_child(root, &o);
        if (root->err == EW_OK)
            sc->station[sc->station_count++] = st;
    }
    scenario_rank(sc);
}

// ---- Events ---------------------------------------------------------------------------------------------

static int station_named(struct ew_json *o, const struct scenario *sc, const char *key)
{
    char id[SCENARIO_ID_MAX] = "";
    ew_json_text(o, key, EW_REQUIRED, 1, sizeof(id), id);
    for (int i = 0; i < sc->station_count && o->err == EW_OK; i++)
        if (strcmp(sc->station[i].id, id) == 0)
            return i;
    ew_json_fail(o, key, "replay.no_station", "there is no station \"%s\"", id);
    return 0;
}

static enum greenup_choice read_choice(struct ew_json *o, const char *key)
{
    if (!ew_json_has(o, key))
        return GREENUP_DEFAULT;
    bool yes = false;
    ew_json_bool(o, key, EW_OPTIONAL, &yes);
    return yes ? GREENUP_YES : GREENUP_NO;
}

static void read_vehicle(struct ew_json *o, const struct scenario *sc, struct scenario_event *e)
{
    int64_t phases = GREENUP_PHASES;
    e->wants_ma = sc->station[e->station].cfg.rated_ma;
    current(o, "wants_a", EW_OPTIONAL, &e->wants_ma);
    ew_json_int(o, "energy_wh", EW_OPTIONAL, 0, INT64_C(1000000000), &e->energy_wh);
    ew_json_int(o, "taper_wh", EW_OPTIONAL, 0, INT64_C(1000000000), &e->taper_wh);
    current(o, "least_a", EW_OPTIONAL, &e->least_ma);
    ew_json_int(o, "car_phases", EW_OPTIONAL, 1, GREENUP_PHASES, &phases);
    e->car_phases = (int)phases;
    if (o->err == EW_OK && e->least_ma < 6000)
        ew_json_fail(o, "least_a", "replay.least", "must be at least 6 A");
}

static void read_base(struct ew_json *o, const struct scenario *sc, struct scenario_event *e)
{
    (void)sc;
    three_currents(o, "base_a", e->base_ma);
}

static void read_charging(struct ew_json *o, const struct scenario *sc, struct scenario_event *e)
{
    int64_t level = 0;
    e->station = station_named(o, sc, "charging");
    read_vehicle(o, sc, e);
    thousandths(o, "since_s", EW_OPTIONAL, -MOST_S, (double)e->at_ms / 1000, &e->since_ms);
    thousandths(o, "ah", EW_OPTIONAL, 0, 1e5, &e->charge_mah);
    ew_json_int(o, "level", EW_OPTIONAL, 0, GREENUP_LEVELS - 1, &level);
    e->level = (int)level;
}

static void read_plug(struct ew_json *o, const struct scenario *sc, struct scenario_event *e)
{
    e->station = station_named(o, sc, "plug");
    read_vehicle(o, sc, e);
}

static void read_unplug(struct ew_json *o, const struct scenario *sc, struct scenario_event *e)
{
    e->station = station_named(o, sc, "unplug");
}

static void read_wants(struct ew_json *o, const struct scenario *sc, struct scenario_event *e)
{
    e->station = station_named(o, sc, "wants");
    current(o, "wants_a", EW_REQUIRED, &e->wants_ma);
}

static void read_meter(struct ew_json *o, const struct scenario *sc, struct scenario_event *e)
{
    static const char *const names[] = {"lost", "back", NULL};
    int which = 0;
    (void)sc;
    ew_json_enum(o, "meter", EW_REQUIRED, names, &which);
    e->flag = which == 1;
    int64_t phase = 0;
    ew_json_int(o, "phase", EW_OPTIONAL, 1, GREENUP_PHASES, &phase);
    if (phase > 0)
        e->phases = (uint8_t)(1U << (phase - 1));
}

static void read_is(struct ew_json *o, const struct scenario *sc, struct scenario_event *e)
{
    static const char *const names[] = {"lost", "back", "power_cycled", "disobeys", "obeys", NULL};
    int which = 0;
    e->station = station_named(o, sc, "station");
    ew_json_enum(o, "is", EW_REQUIRED, names, &which);
    e->is = (enum scenario_is)which;
}

static void read_set(struct ew_json *o, const struct scenario *sc, struct scenario_event *e)
{
    e->station = station_named(o, sc, "set");
    e->priority = read_choice(o, "priority");
    e->hold = read_choice(o, "hold");
    e->forced = read_choice(o, "forced");
    ew_json_bool(o, "session", EW_OPTIONAL, &e->session);
    if (o->err == EW_OK && !e->priority && !e->hold && !e->forced)
        ew_json_fail(o, "set", "replay.set", "sets nothing: priority, hold or forced is missing");
}

static void read_restart(struct ew_json *o, const struct scenario *sc, struct scenario_event *e)
{
    static const char *const names[] = {"restart", NULL};
    int which = 0;
    (void)sc;
    (void)e;
    ew_json_enum(o, "controller", EW_REQUIRED, names, &which);
}

// Its settings are read later, in the order of time, since each builds on those before.
static void read_change(struct ew_json *o, const struct scenario *sc, struct scenario_event *e)
{
    (void)sc;
    (void)e;
    (void)ew_json_object(o, "settings", EW_REQUIRED);
}

static void read_selector(struct ew_json *o, const struct scenario *sc, struct scenario_event *e)
{
    static const char *const names[] = {"off", "on", NULL};
    int which = 0;
    (void)sc;
    ew_json_enum(o, "selector", EW_REQUIRED, names, &which);
    e->flag = which == 1;
}

// The key that tells what an event is.
static const struct event_row {
    const char *key;
    enum scenario_kind kind;
    void (*read)(struct ew_json *o, const struct scenario *sc, struct scenario_event *e);
} event_rows[] = {
    {"base_a", SCENARIO_BASE, read_base},
    {"charging", SCENARIO_CHARGING, read_charging},
    {"plug", SCENARIO_PLUG, read_plug},
    {"unplug", SCENARIO_UNPLUG, read_unplug},
    {"wants", SCENARIO_WANTS, read_wants},
    {"meter", SCENARIO_METER, read_meter},
    {"station", SCENARIO_STATION, read_is},
    {"set", SCENARIO_SET, read_set},
    {"controller", SCENARIO_RESTART, read_restart},
    {"settings", SCENARIO_SETTINGS, read_change},
    {"selector", SCENARIO_SELECTOR, read_selector},
};

static const struct event_row *row_of(const struct ew_json *o)
{
    for (size_t i = 0; i < sizeof(event_rows) / sizeof(event_rows[0]); i++)
        if (ew_json_has(o, event_rows[i].key))
            return &event_rows[i];
    return NULL;
}

// What is still to be read of an event once all are in the order of time.
struct later {
    const cJSON *settings;
    int index;
};

static void read_event(struct ew_json *root, struct scenario *sc, const cJSON *item, int index)
{
    struct ew_json o;
    open_child(root, "events", index, item, &o);
    int64_t at_ms = 0;
    thousandths(&o, "t", EW_REQUIRED, 0, MOST_S, &at_ms);
    const struct event_row *row = o.err == EW_OK ? row_of(&o) : NULL;
    if (!row)
        ew_json_fail(&o, NULL, "replay.event", "nothing here says what happens");
    struct scenario_event e = scenario_event(row ? row->kind : SCENARIO_BASE, at_ms, 0);
    if (row)
        row->read(&o, sc, &e);
    close_child(root, &o);
    if (root->err == EW_OK)
        scenario_add(sc, &e);
}

static int by_time(const void *a, const void *b)
{
    const struct scenario_event *const *x = a, *const *y = b;
    if ((*x)->at_ms != (*y)->at_ms)
        return (*x)->at_ms < (*y)->at_ms ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

// Settings that change while running: each event gets the whole set in force from then on.
static void read_changes(struct ew_json *root, struct scenario *sc, const cJSON *list)
{
    struct scenario_event **changes = calloc((size_t)sc->event_count + 1, sizeof(*changes));
    const cJSON **nodes = calloc((size_t)sc->event_count + 1, sizeof(*nodes));
    if (!changes || !nodes)
        abort();
    size_t count = 0;
    int index = 0;
    for (const cJSON *item = list->child; item; item = item->next, index++) {
        nodes[index] = cJSON_GetObjectItemCaseSensitive(item, "settings");
        if (sc->events[index].kind == SCENARIO_SETTINGS)
            changes[count++] = &sc->events[index];
    }
    qsort(changes, count, sizeof(changes[0]), by_time);
    struct greenup_settings now = sc->settings;
    for (size_t i = 0; i < count && root->err == EW_OK; i++) {
        const int at = (int)(changes[i] - sc->events);
        char path[EW_PATH_MAX];
        struct ew_json o;
        (void)ew_format(path, sizeof(path), "/events/%d/settings", at);
        ew_json_open(&o, nodes[at], path, root->reason);
        read_settings(&o, &now);
        check_settings(&o, &now);
        close_child(root, &o);
        changes[i]->settings = malloc(sizeof(now));
        if (!changes[i]->settings)
            abort();
        *changes[i]->settings = now;
    }
    free(changes);
    free(nodes);
}

static void read_events(struct ew_json *root, struct scenario *sc)
{
    const cJSON *list = ew_json_array(root, "events", EW_REQUIRED, SCENARIO_EVENTS_MAX);
    int index = 0;
    for (const cJSON *item = list ? list->child : NULL; item && root->err == EW_OK; item = item->next)
        read_event(root, sc, item, index++);
    if (list && root->err == EW_OK)
        read_changes(root, sc, list);
    scenario_sort(sc);
}

static void read_part(struct ew_json *root, const char *key, struct scenario *sc,
                      void (*read)(struct ew_json *o, struct scenario *sc))
{
    const cJSON *node = ew_json_object(root, key, EW_OPTIONAL);
    if (!node)
        return;
    struct ew_json o;
    open_child(root, key, -1, node, &o);
    read(&o, sc);
    close_child(root, &o);
}

static void read_first_settings(struct ew_json *o, struct scenario *sc)
{
    // Without a current for charging of its own, a site may charge with all it has.
    if (ew_json_has(o, "i_max_a"))
        for (int p = 0; p < GREENUP_PHASES; p++)
            sc->settings.charge_ma[p] = INT32_MAX;
    read_settings(o, &sc->settings);
    check_settings(o, &sc->settings);
}

enum ew_err scenario_read(struct scenario *sc, const char *text, size_t len, struct ew_reason *reason)
{
    cJSON *tree = NULL;
    enum ew_err err = ew_json_parse(text, len, SCENARIO_FILE_MAX, &tree, reason);
    if (err != EW_OK)
        return err;
    struct ew_json root;
    int64_t lag = sc->lag_ticks;
    ew_json_open(&root, tree, "", reason);
    read_part(&root, "settings", sc, read_first_settings);
    read_part(&root, "timing", sc, read_timing);
    ew_json_int(&root, "ev_lag_ticks", EW_OPTIONAL, 0, SCENARIO_LAG_MAX, &lag);
    thousandths(&root, "until_s", EW_REQUIRED, 0, MOST_S, &sc->until_ms);
    sc->lag_ticks = (int)lag;
    if (root.err == EW_OK)
        read_stations(&root, sc);
    if (root.err == EW_OK)
        read_events(&root, sc);
    err = ew_json_close(&root);
    cJSON_Delete(tree);
    return err;
}
