#include "replay/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Long runs are drawn in columns, each with the least and the largest value in it.
enum {
    COLUMNS_MAX = 1200,
    MARKS_MAX = 4000,
    LEFT = 90,
    RIGHT = 20,
    TOP = 40,
    PHASE_HEIGHT = 150,
    STATION_HEIGHT = 40,
    GAP = 14
};

struct column {
    bool used;
    int32_t low_ma[GREENUP_PHASES], high_ma[GREENUP_PHASES];
    uint8_t band[GREENUP_PHASES]; // worst in the column
    uint8_t mode;                 // largest in the column
};

struct mark {
    int column, station; // station -1: the site
    char what;           // of struct greenup_do's name, or an event
};

struct plot {
    const struct scenario *sc;
    char title[128];
    int columns;
    struct column column[COLUMNS_MAX];
    int32_t *limit_ma, *draw_ma; // [station * COLUMNS_MAX + column], largest
    uint8_t *plugged;
    struct mark mark[MARKS_MAX];
    int mark_count, mark_lost;
    int32_t max_ma[GREENUP_PHASES], charge_ma[GREENUP_PHASES], hold_ma[GREENUP_PHASES]; // of the last sample
    int32_t top_ma;
};

struct plot *plot_new(const struct scenario *sc, const char *title)
{
    struct plot *plot = calloc(1, sizeof(*plot));
    const size_t cells = (size_t)(sc->station_count + 1) * COLUMNS_MAX;
    if (!plot)
        abort();
    plot->limit_ma = calloc(cells, sizeof(*plot->limit_ma));
    plot->draw_ma = calloc(cells, sizeof(*plot->draw_ma));
    plot->plugged = calloc(cells, sizeof(*plot->plugged));
    if (!plot->limit_ma || !plot->draw_ma || !plot->plugged)
        abort();
    plot->sc = sc;
    ew_copy(plot->title, sizeof(plot->title), title);
    const int64_t samples = sc->until_ms / sc->settings.sample_ms + 1;
    plot->columns = samples < COLUMNS_MAX ? (int)samples : COLUMNS_MAX;
    return plot;
}

void plot_free(struct plot *plot)
{
    if (!plot)
        return;
    free(plot->limit_ma);
    free(plot->draw_ma);
    free(plot->plugged);
    free(plot);
}

static void add_mark(struct plot *plot, int column, int station, char what)
{
    if (plot->mark_count == MARKS_MAX)
        plot->mark_lost++;
    else
        plot->mark[plot->mark_count++] = (struct mark){column, station, what};
}

static void take_phases(struct plot *plot, const struct run *run, struct column *c)
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const struct greenup_phase *ph = &run->core.phase[p];
        const int32_t i_ma = run->i_ma[p];
        c->low_ma[p] = !c->used || i_ma < c->low_ma[p] ? i_ma : c->low_ma[p];
        c->high_ma[p] = !c->used || i_ma > c->high_ma[p] ? i_ma : c->high_ma[p];
        c->band[p] = !c->used || ph->band > c->band[p] ? (uint8_t)ph->band : c->band[p];
        plot->max_ma[p] = run->core.set.max_ma[p];
        plot->charge_ma[p] = run->core.set.charge_ma[p];
        plot->hold_ma[p] = plot->max_ma[p] - greenup_hysteresis_ma(&run->core.set, p);
        plot->top_ma = i_ma > plot->top_ma ? i_ma : plot->top_ma;
        plot->top_ma = plot->max_ma[p] > plot->top_ma ? plot->max_ma[p] : plot->top_ma;
    }
}

static void take_events(struct plot *plot, const struct run *run, int at)
{
    for (int i = run->first_event; i < run->last_event; i++) {
        const struct scenario_event *e = &run->sc->events[i];
        if (e->kind == SCENARIO_METER)
            add_mark(plot, at, -1, e->flag ? 'M' : 'm');
        else if (e->kind == SCENARIO_RESTART)
            add_mark(plot, at, -1, 'R');
        else if (e->kind == SCENARIO_SETTINGS || e->kind == SCENARIO_SELECTOR)
            add_mark(plot, at, -1, 'S');
        else if (e->kind == SCENARIO_STATION)
            add_mark(plot, at, e->station, e->is == SCENARIO_IS_LOST ? 'l' : 'L');
    }
    for (int i = 0; i < run->out.command_count; i++) {
        const struct greenup_command *c = &run->out.commands[i];
        if (c->what == GREENUP_DO_STOP)
            add_mark(plot, at, c->station, 'x');
        else if (c->what == GREENUP_DO_START || c->what == GREENUP_DO_RESUME)
            add_mark(plot, at, c->station, 'o');
    }
}

void plot_sample(struct plot *plot, const struct run *run)
{
    const int64_t samples = plot->sc->until_ms / plot->sc->settings.sample_ms + 1;
    const int at = (int)(run->now_ms / plot->sc->settings.sample_ms * plot->columns / samples);
    struct column *c = &plot->column[at];
    take_phases(plot, run, c);
    c->mode = !c->used || run->core.mode == GREENUP_FAILSAFE ? (uint8_t)run->core.mode : c->mode;
    for (int i = 0; i < run->core.count; i++) {
        const size_t cell = (size_t)i * COLUMNS_MAX + (size_t)at;
        const int32_t limit = greenup_limit_ma(&run->core, i), draw = run->plant.station[i].draw_ma;
        plot->limit_ma[cell] = limit > plot->limit_ma[cell] || !c->used ? limit : plot->limit_ma[cell];
        plot->draw_ma[cell] = draw > plot->draw_ma[cell] || !c->used ? draw : plot->draw_ma[cell];
        plot->plugged[cell] |= run->plant.station[i].plugged;
    }
    c->used = true;
    take_events(plot, run, at);
}

// ---- Drawing --------------------------------------------------------------------------------------------

static const double WIDTH = 1100;

static double x_of(const struct plot *plot, int column)
{
    return LEFT + WIDTH * column / plot->columns;
}

static double y_of(double top, double height, double value, double most)
{
    return top + height - height * (most > 0 ? value / most : 0);
}

static void rect(struct ew_buf *to, double x, double y, double w, double h, const char *class)
{
    ew_buf_printf(to, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"/>\n", x, y, w,
                  h, class);
}

static void text(struct ew_buf *to, double x, double y, const char *class, const char *content)
{
    ew_buf_printf(to, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
    for (const char *c = content; *c; c++) {
        if (*c == '<')
            ew_buf_add_text(to, "&lt;");
        else if (*c == '&')
            ew_buf_add_text(to, "&amp;");
        else
            ew_buf_add(to, c, 1);
    }
    ew_buf_add_text(to, "</text>\n");
}

static void line(struct ew_buf *to, double x1, double y1, double x2, double y2, const char *class)
{
    ew_buf_printf(to, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2,
                  y2, class);
}

static void draw_threshold(struct ew_buf *to, double top, double most, int32_t ma, const char *class)
{
    char label[SCENARIO_NUMBER_MAX + 4], number[SCENARIO_NUMBER_MAX];
    const double y = y_of(top, PHASE_HEIGHT, ma, most);
    scenario_number(number, ma);
    (void)ew_format(label, sizeof(label), "%s A", number);
    line(to, LEFT, y, LEFT + WIDTH, y, class);
    text(to, LEFT - 4, y + 3, "scale", label);
}

static void draw_phase(const struct plot *plot, int p, double top, struct ew_buf *to)
{
    const double most = plot->top_ma * 1.08;
    static const char *const classes[] = {"green", "yellow", "red"};
    char label[8];
    (void)ew_format(label, sizeof(label), "L%d", p + 1);
    text(to, 8, top + PHASE_HEIGHT / 2.0, "name", label);
    // The band of every column, equal neighbours as one.
    for (int from = 0; from < plot->columns;) {
        int end = from + 1;
        while (end < plot->columns && plot->column[end].band[p] == plot->column[from].band[p])
            end++;
        rect(to, x_of(plot, from), top, x_of(plot, end) - x_of(plot, from), PHASE_HEIGHT,
             classes[plot->column[from].band[p]]);
        from = end;
    }
    draw_threshold(to, top, most, plot->max_ma[p], "max");
    if (plot->charge_ma[p] != plot->max_ma[p])
        draw_threshold(to, top, most, plot->charge_ma[p], "charge");
    line(to, LEFT, y_of(top, PHASE_HEIGHT, plot->hold_ma[p], most), LEFT + WIDTH,
         y_of(top, PHASE_HEIGHT, plot->hold_ma[p], most), "hold");
    ew_buf_add_text(to, "<path class=\"current\" d=\"M");
    for (int c = 0; c < plot->columns; c++) {
        const double high = y_of(top, PHASE_HEIGHT, plot->column[c].high_ma[p], most);
        const double low = y_of(top, PHASE_HEIGHT, plot->column[c].low_ma[p], most);
        ew_buf_printf(to, "%.1f %.1f H%.1f ", x_of(plot, c), high, x_of(plot, c + 1));
        if (low - high > 0.5)
            ew_buf_printf(to, "V%.1f V%.1f ", low, high);
        ew_buf_add_text(to, c + 1 < plot->columns ? "L" : "");
    }
    ew_buf_add_text(to, "\"/>\n");
}

static void steps(const struct plot *plot, const int32_t *ma, double top, double most, const char *class,
                  struct ew_buf *to)
{
    ew_buf_printf(to, "<path class=\"%s\" d=\"M%.1f %.1f", class, x_of(plot, 0),
                  y_of(top, STATION_HEIGHT, ma[0], most));
    for (int c = 0; c < plot->columns; c++)
        if (c == 0 || ma[c] != ma[c - 1])
            ew_buf_printf(to, " H%.1f V%.1f", x_of(plot, c), y_of(top, STATION_HEIGHT, ma[c], most));
    ew_buf_printf(to, " H%.1f\"/>\n", x_of(plot, plot->columns));
}

static void draw_station(const struct plot *plot, int i, double top, struct ew_buf *to)
{
    const struct scenario_station *st = &plot->sc->station[i];
    const double most = st->cfg.rated_ma * 1.05;
    const uint8_t *plugged = plot->plugged + (size_t)i * COLUMNS_MAX;
    char label[SCENARIO_NUMBER_MAX + 4], number[SCENARIO_NUMBER_MAX];
    for (int from = 0; from < plot->columns;) {
        int end = from + 1;
        while (end < plot->columns && plugged[end] == plugged[from])
            end++;
        if (plugged[from])
            rect(to, x_of(plot, from), top, x_of(plot, end) - x_of(plot, from), STATION_HEIGHT, "plugged");
        from = end;
    }
    scenario_number(number, st->cfg.rated_ma);
    (void)ew_format(label, sizeof(label), "%s A", number);
    text(to, 8, top + STATION_HEIGHT / 2.0 + 4, st->cfg.priority ? "name priority" : "name", st->id);
    text(to, LEFT - 4, top + 8, "scale", label);
    line(to, LEFT, top + STATION_HEIGHT, LEFT + WIDTH, top + STATION_HEIGHT, "axis");
    steps(plot, plot->draw_ma + (size_t)i * COLUMNS_MAX, top, most, "draw", to);
    steps(plot, plot->limit_ma + (size_t)i * COLUMNS_MAX, top, most, "limit", to);
}

static void draw_marks(const struct plot *plot, double stations_top, double bottom, struct ew_buf *to)
{
    for (int i = 0; i < plot->mark_count; i++) {
        const struct mark *m = &plot->mark[i];
        const double x = x_of(plot, m->column);
        if (m->station < 0) {
            static const struct {
                char what;
                const char *words;
            } words[] = {{'m', "meter lost"}, {'M', "meter back"}, {'R', "restart"}, {'S', "settings"}};
            line(to, x, TOP, x, bottom, "event");
            for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
                if (words[k].what == m->what)
                    text(to, x + 2, TOP - 4, "eventname", words[k].words);
            continue;
        }
        const double y = stations_top + (STATION_HEIGHT + GAP) * m->station + STATION_HEIGHT;
        if (m->what == 'l' || m->what == 'L')
            text(to, x + 2, y - STATION_HEIGHT + 8, "eventname", m->what == 'l' ? "lost" : "back");
        else
            ew_buf_printf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" class=\"%s\"/>\n", x, y,
                          m->what == 'x' ? "stop" : "start");
    }
}

static void draw_time(const struct plot *plot, double bottom, struct ew_buf *to)
{
    static const int steps_s[] = {10, 30, 60, 300, 600, 1800, 3600, 7200, 21600, 86400, 604800, 2592000};
    const double sample_s = (double)plot->sc->settings.sample_ms / 1000;
    const double span_s =
        floor((double)plot->sc->until_ms / (double)plot->sc->settings.sample_ms + 1) * sample_s;
    int step = steps_s[0];
    for (size_t i = 0; i < sizeof(steps_s) / sizeof(steps_s[0]) && span_s / step > 12; i++)
        step = steps_s[i];
    while (span_s / step > 24)
        step *= 2;
    for (int t = 0; t <= (int)span_s; t += step) {
        const double x = LEFT + WIDTH * t / span_s;
        char label[48];
        if (span_s < 3600)
            (void)ew_format(label, sizeof(label), "%d s", t);
        else if (span_s < 172800)
            (void)ew_format(label, sizeof(label), "%d:%02d", t / 3600, t / 60 % 60);
        else
            (void)ew_format(label, sizeof(label), "day %d", t / 86400);
        line(to, x, TOP, x, bottom, "grid");
        text(to, x, bottom + 14, "time", label);
    }
}

static const char style[] =
    "text{font:11px "
    "sans-serif;fill:#222}.title{font-size:14px;font-weight:bold}.scale{text-anchor:end;font-size:9px;"
    "fill:#555}.time{text-anchor:middle;font-size:10px}.name{font-weight:bold}.priority{fill:#7a1fa2}.green{"
    "fill:#e3f4e3}"
    ".yellow{fill:#fff4c2}.red{fill:#fbd3d0}.max{stroke:#c62828}.charge{stroke:#e0a100}.hold{stroke:#c62828;"
    "stroke-dasharray:2 "
    "3;opacity:.6}.current{fill:none;stroke:#111;stroke-width:1.2}.plugged{fill:#eef2f7}.axis{stroke:"
    "#999}.draw{fill:none;stroke:#1565c0;stroke-width:1}.limit{fill:none;stroke:#e65100;stroke-width:1.4}."
    "stop{fill:"
    "#c62828}.start{fill:#2e7d32}.event{stroke:#7a1fa2;stroke-dasharray:4 "
    "3}.eventname{fill:#7a1fa2;font-size:9px}.grid{"
    "stroke:#000;opacity:.08}";

void plot_write(const struct plot *plot, struct ew_buf *to)
{
    int phases = 0;
    unsigned used = 0;
    for (int i = 0; i < plot->sc->station_count; i++)
        used |= plot->sc->station[i].cfg.phases;
    for (int p = 0; p < GREENUP_PHASES; p++)
        phases += (int)(used >> p & 1);
    const double stations_top = TOP + phases * (PHASE_HEIGHT + GAP);
    const double bottom = stations_top + plot->sc->station_count * (STATION_HEIGHT + GAP);
    const double height = bottom + 40, width = LEFT + WIDTH + RIGHT;
    ew_buf_printf(
        to,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
        "height=\"%.0f\">\n<style>%s</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
        width, height, width, height, style);
    text(to, 8, 18, "title", plot->title);
    double top = TOP;
    for (int p = 0; p < GREENUP_PHASES; p++)
        if (used >> p & 1) {
            draw_phase(plot, p, top, to);
            top += PHASE_HEIGHT + GAP;
        }
    for (int i = 0; i < plot->sc->station_count; i++)
        draw_station(plot, i, stations_top + i * (STATION_HEIGHT + GAP), to);
    draw_time(plot, bottom, to);
    draw_marks(plot, stations_top, bottom, to);
    text(to, LEFT, bottom + 32, "legend",
         plot->mark_lost
             ? "black: current of the phase; orange: limit; blue: current drawn; dots: start, stop (some "
               "left out)"
             : "black: current of the phase; orange: limit; blue: current drawn; dots: start, stop");
    ew_buf_add_text(to, "</svg>\n");
}
