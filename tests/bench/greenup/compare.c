// Ours against three other ways of sharing a current, over real days.
//     bench_greenup_compare [PLOT.svg]
// The recordings are read from ../shared/data; without them nothing is printed but that.
#include "days.h"
#include "rivals.h"

#include "base/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 86400000, COLUMNS = 720, WAYS = 4, NOMINAL_V = 230, MET_WH = 100 };

struct session {
    double wanted_wh, got_wh;
    int switches; // off again after it was on
};

struct score {
    const char *name;
    struct session *sessions;
    int count;
    double over_s, over_as, worst;
    int64_t run_s, longest_s;
    double day_ma[COLUMNS]; // largest phase current, for the plot
};

static struct score *score_new(const char *name, int sessions)
{
    struct score *score = calloc(1, sizeof(*score));
    if (!score)
        abort();
    score->name = name;
    score->sessions = calloc((size_t)sessions + 1, sizeof(*score->sessions));
    if (!score->sessions)
        abort();
    return score;
}

static void count_over(struct score *score, const struct greenup_settings *s,
                       const int32_t i_ma[GREENUP_PHASES])
{
    const double dt = s->tick_ms / 1000.0;
    bool over = false;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const double ratio = (double)i_ma[p] / s->max_ma[p];
        score->worst = ratio > score->worst ? ratio : score->worst;
        over = over || i_ma[p] > s->max_ma[p];
        score->over_as += i_ma[p] > s->max_ma[p] ? (i_ma[p] - s->max_ma[p]) / 1000.0 * dt : 0;
    }
    score->over_s += over ? dt : 0;
    score->run_s = over ? score->run_s + (int64_t)dt : 0;
    score->longest_s = score->run_s > score->longest_s ? score->run_s : score->longest_s;
}

// One run: the same plant and events, limits from ours (rival NULL) or from another way.
struct contest {
    const struct scenario *sc;
    rival_step *rival_step;
    struct score *score;
    int open[GREENUP_STATIONS_MAX]; // session of the station, -1
    bool on[GREENUP_STATIONS_MAX];
    int64_t plot_from_ms;
};

static void follow(struct contest *c, const struct run *run)
{
    for (int k = run->first_event; k < run->last_event; k++) {
        const struct scenario_event *e = &c->sc->events[k];
        if (e->kind == SCENARIO_UNPLUG)
            c->open[e->station] = -1;
        if (e->kind != SCENARIO_PLUG)
            continue;
        c->open[e->station] = c->score->count++;
        c->on[e->station] = false;
        c->score->sessions[c->open[e->station]].wanted_wh = (double)e->energy_wh;
    }
}

static void count_sessions(struct contest *c, const struct run *run)
{
    const double hours = c->sc->settings.tick_ms / 3.6e6;
    for (int i = 0; i < run->plant.count; i++) {
        const struct plant_station *st = &run->plant.station[i];
        if (c->open[i] < 0)
            continue;
        struct session *session = &c->score->sessions[c->open[i]];
        for (int p = 0; p < GREENUP_PHASES; p++)
            session->got_wh += (st->car_phases >> p & 1) ? st->draw_ma / 1000.0 * NOMINAL_V * hours : 0;
        const bool on = st->latched_ma > 0;
        session->switches += c->on[i] && !on && st->plugged;
        c->on[i] = on;
    }
}

static void count_plot(struct contest *c, const struct run *run)
{
    const int64_t at = run->now_ms - c->plot_from_ms;
    if (at < 0 || at >= DAY_MS)
        return;
    const int column = (int)(at * COLUMNS / DAY_MS);
    for (int p = 0; p < GREENUP_PHASES; p++)
        if (run->i_ma[p] > c->score->day_ma[column])
            c->score->day_ma[column] = run->i_ma[p];
}

// run_step without the controller, for the others.
static bool rival_tick(struct run *run, struct rival *rival, rival_step *step)
{
    if (!run_step(run))
        return false;
    step(rival, &run->plant, run->i_ma, run->now_ms);
    for (int i = 0; i < run->plant.count; i++)
        plant_latch(&run->plant, i, rival->station[i].limit_ma, run->now_ms);
    return true;
}

static void hold(const struct scenario *sc, rival_step *step, struct score *score, int64_t plot_from_ms)
{
    static struct rival rival;
    static struct contest c;
    struct run *run = run_new(sc);
    memset(&rival, 0, sizeof(rival));
    rival.sc = sc;
    c = (struct contest){.sc = sc, .rival_step = step, .score = score, .plot_from_ms = plot_from_ms};
    for (int i = 0; i < GREENUP_STATIONS_MAX; i++)
        c.open[i] = -1;
    run->foreign = step != NULL;
    while (step ? rival_tick(run, &rival, step) : run_step(run)) {
        follow(&c, run);
        count_sessions(&c, run);
        count_over(score, &sc->settings, run->i_ma);
        count_plot(&c, run);
    }
    run_free(run);
}

static void print_score(const struct score *score, const struct greenup_settings *s)
{
    double wanted = 0, got = 0, sum = 0, squares = 0;
    int met = 0, large = 0, reached = 0, switches = 0;
    const double guarantee_wh = (double)s->guaranteed_mah / 1000 * NOMINAL_V;
    for (int i = 0; i < score->count; i++) {
        const struct session *session = &score->sessions[i];
        const double share = session->got_wh < session->wanted_wh ? session->got_wh / session->wanted_wh : 1;
        wanted += session->wanted_wh;
        got += session->got_wh < session->wanted_wh ? session->got_wh : session->wanted_wh;
        met += session->wanted_wh - session->got_wh < MET_WH;
        large += session->wanted_wh >= guarantee_wh;
        reached += session->wanted_wh >= guarantee_wh && session->got_wh >= guarantee_wh;
        switches += session->switches;
        sum += share;
        squares += share * share;
    }
    printf("| %s | %.1f %% | %.1f %% | %.1f %% | %.0f s | %.0f | %.2f | %lld s | %.3f | %.3f |\n",
           score->name, 100 * got / wanted, 100.0 * met / score->count, 100.0 * reached / (large ? large : 1),
           score->over_s, score->over_as, score->worst, (long long)score->longest_s,
           (double)switches / score->count, sum * sum / (score->count * squares));
}

// ---- Plot ------------------------------------------------------------------------------------------------

static void draw(const struct score *const scores[WAYS], const struct greenup_settings *s, const char *path)
{
    enum { WIDTH = 900, HEIGHT = 110, LEFT = 120, GAP = 22 };
    struct ew_buf svg;
    struct ew_reason reason;
    double most = s->max_ma[0];
    ew_buf_init(&svg, 4 << 20);
    for (int w = 0; w < WAYS; w++)
        for (int c = 0; c < COLUMNS; c++)
            most = scores[w]->day_ma[c] > most ? scores[w]->day_ma[c] : most;
    ew_buf_printf(&svg,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\">\n<style>text{font:12px "
                  "sans-serif}path{fill:none;stroke:#111}line{stroke:#c62828}rect{fill:#f5f5f5}</style>\n",
                  LEFT + WIDTH + 20, WAYS * (HEIGHT + GAP) + 40);
    for (int w = 0; w < WAYS; w++) {
        const double top = 20 + w * (HEIGHT + GAP), limit = top + HEIGHT - HEIGHT * s->max_ma[0] / most;
        ew_buf_printf(&svg, "<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%d\"/>\n", LEFT, top, WIDTH,
                      HEIGHT);
        ew_buf_printf(&svg, "<text x=\"4\" y=\"%.1f\">%s</text>\n", top + HEIGHT / 2.0, scores[w]->name);
        ew_buf_printf(&svg, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>\n<path d=\"M", LEFT,
                      LEFT + WIDTH, limit, limit);
        for (int c = 0; c < COLUMNS; c++)
            ew_buf_printf(&svg, "%s%.1f %.1f", c ? "L" : "", LEFT + (double)WIDTH * c / COLUMNS,
                          top + HEIGHT - HEIGHT * scores[w]->day_ma[c] / most);
        ew_buf_add_text(&svg, "\"/>\n");
    }
    for (int h = 0; h <= 24; h += 3)
        ew_buf_printf(&svg, "<text x=\"%.1f\" y=\"%d\">%d h</text>\n", LEFT + WIDTH * h / 24.0 - 8,
                      WAYS * (HEIGHT + GAP) + 20, h);
    ew_buf_printf(&svg,
                  "<text x=\"%d\" y=\"14\">highest phase current of a busy day; red: %.0f A, what there "
                  "is</text>\n</svg>\n",
                  LEFT, s->max_ma[0] / 1000.0);
    if (ew_file_write(path, ew_buf_text(&svg), svg.len, 0644, &reason) != EW_OK)
        fprintf(stderr, "%s\n", reason.text);
    ew_buf_done(&svg);
}

// The day with the most sessions.
static int64_t busiest_day(const struct scenario *sc)
{
    static int counts[1000];
    int64_t best = 0;
    for (int i = 0; i < sc->event_count; i++)
        if (sc->events[i].kind == SCENARIO_PLUG && sc->events[i].at_ms / DAY_MS < 1000) {
            const int64_t day = sc->events[i].at_ms / DAY_MS;
            if (++counts[day] > counts[best])
                best = day;
        }
    return best;
}

int main(int argc, char **argv)
{
    static struct scenario sc;
    const struct days_site site = {
        .max_a = 100, .base_from_pct = 30, .base_to_pct = 80, .lag_ticks = 1, .days = 285};
    static const struct {
        const char *name;
        rival_step *step;
    } ways[WAYS] = {{"Edgewatt", NULL},
                    {"uncontrolled", rival_uncontrolled},
                    {"equal share", rival_equal_share},
                    {"first come", rival_first_come}};
    struct score *scores[WAYS];
    int days;
    if (!days_scenario(&sc, &site, &days)) {
        printf("../shared/data/ev_acn_caltech and steel_industry are not there\n");
        return 0;
    }
    printf("%d days with sessions, %d stations of 32 A on %d A a phase, factory load %d..%d %%\n\n", days,
           sc.station_count, site.max_a, site.base_from_pct, site.base_to_pct);
    printf("| | energy delivered | sessions met | guarantee reached | above the limit | ampere-seconds above "
           "| worst ratio | "
           "longest | interruptions a session | fairness |\n|---|---|---|---|---|---|---|---|---|---|\n");
    const int64_t plot_from_ms = busiest_day(&sc) * DAY_MS;
    for (int w = 0; w < WAYS; w++) {
        scores[w] = score_new(ways[w].name, sc.event_count);
        hold(&sc, ways[w].step, scores[w], plot_from_ms);
        print_score(scores[w], &sc.settings);
    }
    if (argc > 1)
        draw((const struct score *const *)scores, &sc.settings, argv[1]);
    for (int w = 0; w < WAYS; w++) {
        free(scores[w]->sessions);
        free(scores[w]);
    }
    scenario_done(&sc);
    return 0;
}
