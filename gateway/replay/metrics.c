#include "replay/metrics.h"

#include "base/json.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NOMINAL_V = 230, MET_WH = 100 };

// One charge, from plug to unplug.
struct charge {
    int station;
    bool priority;
    int64_t plug_ms;
    int64_t first_ms;   // first current, < 0 none yet
    int64_t reached_ms; // the guarantee was reached, < 0 not
    double wh;
    double wanted_wh; // < 0 not known
};

// A station's running charge and switching.
struct track {
    int open; // index of its charge, -1
    uint32_t plug_seq;
    double ma_ms; // charge of one phase
    int64_t on_since_ms, off_since_ms;
    bool on;
};

struct metrics {
    const struct scenario *sc;
    int64_t last_ms;
    bool any;
    double passed_s;
    struct charge *charges;
    int charge_count, charge_room;
    struct track track[GREENUP_STATIONS_MAX];
    int32_t draw_ma[GREENUP_STATIONS_MAX]; // as of the last sample
    double over_s, over_as, worst_ratio;
    int64_t over_since_ms, longest_over_ms;
    double band_s[3];
    double room_s, room_share_s;
    double class_as[2], class_s[2];
    double unbalance_sum, unbalance_max;
    int64_t unbalance_count;
    int64_t commands[GREENUP_DO_WAKE + 1];
    int64_t stops_manual, stops_unsatisfied, stops_emergency, stops_failsafe;
    int64_t shortest_on_ms, shortest_off_ms;
};

struct metrics *metrics_new(const struct scenario *sc)
{
    struct metrics *m = calloc(1, sizeof(*m));
    if (!m)
        abort();
    m->sc = sc;
    m->over_since_ms = m->shortest_on_ms = m->shortest_off_ms = -1;
    for (int i = 0; i < GREENUP_STATIONS_MAX; i++) {
        m->track[i].open = -1;
        m->track[i].off_since_ms = m->track[i].on_since_ms = -1;
    }
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    free(m->charges);
    free(m);
}

static struct charge *open_charge(struct metrics *m, int station)
{
    if (m->charge_count == m->charge_room) {
        m->charge_room = m->charge_room ? m->charge_room * 2 : 64;
        m->charges = realloc(m->charges, (size_t)m->charge_room * sizeof(*m->charges));
        if (!m->charges)
            abort();
    }
    m->track[station].open = m->charge_count;
    return &m->charges[m->charge_count++];
}

// The energy that an event said the vehicle wants, if it did.
static double wanted_wh(const struct run *run, int station)
{
    double wanted = -1;
    for (int i = run->first_event; i < run->last_event; i++) {
        const struct scenario_event *e = &run->sc->events[i];
        if ((e->kind == SCENARIO_PLUG || e->kind == SCENARIO_CHARGING) && e->station == station)
            wanted = (double)e->energy_wh;
    }
    return wanted;
}

static void watch_plug(struct metrics *m, const struct run *run, int i)
{
    const struct plant_station *st = &run->plant.station[i];
    struct track *t = &m->track[i];
    if (t->open >= 0 && (!st->plugged || st->plug_seq != t->plug_seq)) {
        t->open = -1;
        t->on = false;
        t->off_since_ms = -1; // another vehicle does not mind how long this one was off
    }
    if (t->open >= 0 || !st->plugged)
        return;
    struct charge *c = open_charge(m, i);
    *c = (struct charge){.station = i,
                         .priority = greenup_priority(&run->core, i),
                         .plug_ms = st->plug_ms,
                         .first_ms = -1,
                         .reached_ms = -1,
                         .wanted_wh = wanted_wh(run, i)};
    t->plug_seq = st->plug_seq;
    t->ma_ms = (double)run->core.point[i].s.charge_ma_ms;
    t->on_since_ms = -1;
}

// Switching is counted at the limit, where the contactor follows.
static void watch_switch(struct metrics *m, const struct run *run, int i)
{
    struct track *t = &m->track[i];
    const bool on = t->open >= 0 && greenup_limit_ma(&run->core, i) > 0;
    if (on == t->on)
        return;
    t->on = on;
    if (on) {
        const int64_t off_ms = run->now_ms - t->off_since_ms;
        if (t->off_since_ms >= 0 && (m->shortest_off_ms < 0 || off_ms < m->shortest_off_ms))
            m->shortest_off_ms = off_ms;
        t->on_since_ms = run->now_ms;
    } else {
        const int64_t on_ms = run->now_ms - t->on_since_ms;
        if (t->on_since_ms >= 0 && (m->shortest_on_ms < 0 || on_ms < m->shortest_on_ms))
            m->shortest_on_ms = on_ms;
        t->off_since_ms = run->now_ms;
    }
}

// Energy of the time since the last sample, at the currents measured then.
static void count_energy(struct metrics *m, const struct run *run, int i, double dt_ms)
{
    struct track *t = &m->track[i];
    const int32_t draw = m->draw_ma[i];
    if (t->open < 0 || draw == 0)
        return;
    struct charge *c = &m->charges[t->open];
    int phases = 0;
    for (int p = 0; p < GREENUP_PHASES; p++)
        phases += run->plant.station[i].car_phases >> p & 1;
    c->wh += draw / 1000.0 * phases * NOMINAL_V * dt_ms / 3600000.0;
    t->ma_ms += draw * dt_ms;
    m->class_as[c->priority] += draw / 1000.0 * dt_ms / 1000;
    m->class_s[c->priority] += dt_ms / 1000;
    if (c->reached_ms < 0 && t->ma_ms >= (double)run->core.set.guaranteed_mah * 3600000.0)
        c->reached_ms = run->now_ms;
}

static void watch_stations(struct metrics *m, const struct run *run, double dt_ms)
{
    for (int i = 0; i < run->plant.count; i++) {
        count_energy(m, run, i, dt_ms);
        watch_plug(m, run, i);
        watch_switch(m, run, i);
        m->draw_ma[i] = run->plant.station[i].draw_ma;
        const int open = m->track[i].open;
        if (open >= 0 && m->draw_ma[i] > 0 && m->charges[open].first_ms < 0)
            m->charges[open].first_ms = run->now_ms;
    }
}

static void watch_phases(struct metrics *m, const struct run *run, double dt_s)
{
    const struct greenup *g = &run->core;
    bool over = false;
    double largest = 0, sum = 0;
    int used = 0;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        if (!(g->used >> p & 1))
            continue;
        const double i_a = run->i_ma[p] / 1000.0, max_a = g->set.max_ma[p] / 1000.0;
        over = over || run->i_ma[p] > g->set.max_ma[p];
        m->over_as += i_a > max_a ? (i_a - max_a) * dt_s : 0;
        m->worst_ratio = fmax(m->worst_ratio, i_a / max_a);
        largest = fmax(largest, i_a);
        sum += i_a;
        used++;
    }
    if (over) {
        m->over_s += dt_s;
        m->over_since_ms = m->over_since_ms < 0 ? run->now_ms : m->over_since_ms;
        const int64_t run_ms = run->now_ms + run->sc->settings.sample_ms - m->over_since_ms;
        m->longest_over_ms = run_ms > m->longest_over_ms ? run_ms : m->longest_over_ms;
    } else {
        m->over_since_ms = -1;
    }
    m->band_s[greenup_worst_band(g)] += dt_s;
    if (used == GREENUP_PHASES && sum > 0) {
        // NEMA: largest deviation from the mean over the mean.
        double deviation = 0;
        for (int p = 0; p < GREENUP_PHASES; p++)
            deviation = fmax(deviation, fabs(run->i_ma[p] / 1000.0 - sum / 3));
        m->unbalance_sum += deviation / (sum / 3);
        m->unbalance_max = fmax(m->unbalance_max, deviation / (sum / 3));
        m->unbalance_count++;
    }
}

// How much of the current for charging was used while somebody had less than he could take.
static void watch_room(struct metrics *m, const struct run *run, double dt_s)
{
    const struct greenup *g = &run->core;
    unsigned limited = 0;
    for (int i = 0; i < g->count; i++) {
        const struct greenup_point *st = &g->point[i];
        const bool waits = st->state == GREENUP_WAIT && st->in.requesting;
        if (waits ||
            (st->state == GREENUP_CHARGE && st->limit_ma < run->plant.station[i].wants_ma && st->level > 0))
            limited |= st->cfg.phases;
    }
    double best = 0;
    for (int p = 0; p < GREENUP_PHASES; p++)
        if (limited >> p & 1)
            best = fmax(best, (double)run->i_ma[p] / g->set.charge_ma[p]);
    if (limited) {
        m->room_s += dt_s;
        m->room_share_s += best * dt_s;
    }
}

static void watch_commands(struct metrics *m, const struct run *run)
{
    for (int i = 0; i < run->out.command_count; i++) {
        const struct greenup_command *c = &run->out.commands[i];
        m->commands[c->what]++;
        if (c->what != GREENUP_DO_STOP)
            continue;
        const bool satisfied = greenup_satisfied(&run->core, c->station);
        m->stops_manual += c->why == GREENUP_WHY_MANUAL;
        m->stops_unsatisfied += c->why == GREENUP_WHY_MANUAL && !satisfied;
        m->stops_emergency += c->why == GREENUP_WHY_EMERGENCY;
        m->stops_failsafe += c->why == GREENUP_WHY_FAILSAFE;
    }
}

void metrics_sample(struct metrics *m, const struct run *run)
{
    const double passed_ms = m->any ? (double)(run->now_ms - m->last_ms) : 0;
    m->any = true;
    m->last_ms = run->now_ms;
    m->passed_s += passed_ms / 1000;
    watch_stations(m, run, passed_ms);
    watch_phases(m, run, (double)run->sc->settings.sample_ms / 1000);
    watch_room(m, run, (double)run->sc->settings.sample_ms / 1000);
    watch_commands(m, run);
}

// ---- Writing --------------------------------------------------------------------------------------------

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

// Rounded to 0.001; null when nothing was counted.
static void add(struct ew_jw *w, const char *key, double value)
{
    ew_jw_number(w, key, round(value * 1000) / 1000);
}

static void add_share(struct ew_jw *w, const char *key, double part, double whole)
{
    add(w, key, whole > 0 ? part / whole : NAN);
}

static void add_waiting(const struct metrics *m, struct ew_jw *w)
{
    double *waits = calloc((size_t)m->charge_count + 1, sizeof(*waits));
    if (!waits)
        abort();
    int count = 0, never = 0;
    double sum = 0;
    for (int i = 0; i < m->charge_count; i++) {
        const struct charge *c = &m->charges[i];
        never += c->first_ms < 0;
        if (c->first_ms < 0)
            continue;
        const double wait = (double)(c->first_ms - c->plug_ms) / 1000;
        waits[count++] = wait > 0 ? wait : 0;
        sum += wait > 0 ? wait : 0;
    }
    qsort(waits, (size_t)count, sizeof(*waits), by_value);
    const int p95 = count > 0 ? (int)ceil(0.95 * count) - 1 : 0;
    ew_jw_open_object(w, "wait_for_first_ampere_s");
    add(w, "mean", count ? sum / count : NAN);
    add(w, "p95", count ? waits[p95] : NAN);
    add(w, "max", count ? waits[count - 1] : NAN);
    ew_jw_int(w, "never", never);
    ew_jw_close_object(w);
    free(waits);
}

// Jain's index of delivered over requested, of one class (0, 1) or of all (2); NAN when no energy was
// requested.
static double jain(const struct metrics *m, int class)
{
    double sum = 0, squares = 0;
    int count = 0;
    for (int i = 0; i < m->charge_count; i++) {
        const struct charge *c = &m->charges[i];
        if (c->wanted_wh <= 0 || (class < 2 && c->priority != (class == 1)))
            continue;
        const double share = fmin(c->wh / c->wanted_wh, 1);
        sum += share;
        squares += share * share;
        count++;
    }
    return count > 0 && squares > 0 ? sum * sum / (count * squares) : NAN;
}

static void add_sessions(const struct metrics *m, struct ew_jw *w)
{
    double wh = 0, wanted = 0, got = 0, reach_s = 0;
    int known = 0, met = 0, reached = 0;
    for (int i = 0; i < m->charge_count; i++) {
        const struct charge *c = &m->charges[i];
        wh += c->wh;
        if (c->wanted_wh >= 0) {
            known++;
            wanted += c->wanted_wh;
            got += fmin(c->wh, c->wanted_wh);
            met += c->wanted_wh - c->wh < MET_WH;
        }
        if (c->reached_ms >= 0) {
            reached++;
            reach_s += (double)(c->reached_ms - c->plug_ms) / 1000;
        }
    }
    ew_jw_int(w, "sessions", m->charge_count);
    add(w, "energy_kwh", wh / 1000);
    add(w, "energy_requested_kwh", known ? wanted / 1000 : NAN);
    add_share(w, "energy_delivered_share", got, wanted);
    add_share(w, "sessions_met_share", met, known);
    add_share(w, "guarantee_reached_share", reached, m->charge_count);
    add(w, "time_to_guarantee_s", reached ? reach_s / reached : NAN);
    add_waiting(m, w);
    add(w, "fairness_jain", jain(m, 2));
    add(w, "fairness_jain_normal", jain(m, 0));
    add(w, "fairness_jain_priority", jain(m, 1));
}

static void add_limits(const struct metrics *m, struct ew_jw *w)
{
    ew_jw_open_object(w, "over_limit");
    add(w, "seconds", m->over_s);
    add(w, "ampere_seconds", m->over_as);
    add(w, "max_ratio", m->worst_ratio);
    add(w, "longest_ticks", (double)m->longest_over_ms / m->sc->settings.tick_ms);
    ew_jw_close_object(w);
    ew_jw_open_object(w, "band_s");
    for (int band = 0; band < 3; band++)
        add(w, greenup_band_name((enum greenup_band)band), m->band_s[band]);
    ew_jw_close_object(w);
    add_share(w, "use_of_room", m->room_share_s, m->room_s);
    const double priority = m->class_s[1] > 0 ? m->class_as[1] / m->class_s[1] : NAN;
    const double normal = m->class_s[0] > 0 ? m->class_as[0] / m->class_s[0] : NAN;
    add(w, "priority_gain", priority / normal);
    ew_jw_open_object(w, "unbalance");
    add(w, "mean", m->unbalance_count ? m->unbalance_sum / (double)m->unbalance_count : NAN);
    add(w, "max", m->unbalance_count ? m->unbalance_max : NAN);
    ew_jw_close_object(w);
}

static void add_commands(const struct metrics *m, struct ew_jw *w)
{
    int64_t all = 0;
    ew_jw_open_object(w, "commands");
    for (int what = 0; what <= GREENUP_DO_WAKE; what++) {
        ew_jw_int(w, greenup_do_name((enum greenup_do)what), m->commands[what]);
        all += m->commands[what];
    }
    ew_jw_close_object(w);
    const double station_days = m->passed_s / 86400 * m->sc->station_count;
    add(w, "commands_per_station_day", station_days > 0 ? (double)all / station_days : NAN);
    add(w, "stops_per_station_day",
        station_days > 0 ? (double)m->commands[GREENUP_DO_STOP] / station_days : NAN);
    add(w, "resumes_per_station_day",
        station_days > 0 ? (double)m->commands[GREENUP_DO_RESUME] / station_days : NAN);
    add(w, "shortest_on_s", m->shortest_on_ms < 0 ? NAN : (double)m->shortest_on_ms / 1000);
    add(w, "shortest_off_s", m->shortest_off_ms < 0 ? NAN : (double)m->shortest_off_ms / 1000);
    ew_jw_open_object(w, "stops");
    ew_jw_int(w, "manual", m->stops_manual);
    ew_jw_int(w, "manual_unsatisfied", m->stops_unsatisfied);
    ew_jw_int(w, "emergency", m->stops_emergency);
    ew_jw_int(w, "failsafe", m->stops_failsafe);
    ew_jw_close_object(w);
}

void metrics_write(struct metrics *m, struct ew_buf *to)
{
    struct ew_jw w;
    ew_jw_init(&w, to);
    ew_jw_open_object(&w, NULL);
    add(&w, "seconds", m->passed_s);
    ew_jw_int(&w, "stations", m->sc->station_count);
    add_sessions(m, &w);
    add_limits(m, &w);
    add_commands(m, &w);
    ew_jw_close_object(&w);
    ew_buf_add_text(to, "\n");
}
