#include "days.h"

#include "base/file.h"
#include "base/rfc3339.h"
#include "chance.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 8 << 20, DAY_MS = 86400000, QUARTER_MS = 900000, QUARTERS_MAX = 40000, WEEKS = 52 };

#define DATA EDGEWATT_SOURCE_DIR "/../shared/data/"

static bool load(const char *path, struct ew_buf *text)
{
    ew_buf_init(text, FILE_MAX);
    return ew_file_read(path, FILE_MAX, text, NULL) == EW_OK;
}

// The n-th field of a line of comma-separated values without quotes.
static void field(const char *line, int n, char *dst, size_t size)
{
    while (n > 0 && *line && *line != '\n')
        n -= *line++ == ',';
    (void)snprintf(dst, size, "%.*s", (int)strcspn(line, ",\r\n"), line);
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

// ---- Base load -------------------------------------------------------------------------------------------

// kWh of every quarter of an hour from Monday 1 January 2018, 00:00 on.
static int read_factory(double kwh[QUARTERS_MAX])
{
    struct ew_buf text;
    int count = 0;
    if (load(DATA "steel_industry/steel_15min_2018.csv", &text)) {
        const char *line = next_line(ew_buf_text(&text));
        for (; *line && count < QUARTERS_MAX; line = next_line(line)) {
            char value[32];
            field(line, 1, value, sizeof(value));
            kwh[count++] = strtod(value, NULL);
        }
    }
    ew_buf_done(&text);
    return count;
}

// The scenario begins on a Tuesday, as the sessions do.
static void add_base(struct scenario *sc, const struct days_site *site, const double *kwh, int count)
{
    const int week = 7 * 96;
    double least = kwh[0], most = kwh[0];
    for (int i = 0; i < count; i++) {
        least = kwh[i] < least ? kwh[i] : least;
        most = kwh[i] > most ? kwh[i] : most;
    }
    for (int64_t t = 0; t <= sc->until_ms; t += QUARTER_MS) {
        const int i = (int)((t / QUARTER_MS + 96) % (week * WEEKS));
        struct scenario_event e = scenario_event(SCENARIO_BASE, t, 0);
        for (int p = 0; p < GREENUP_PHASES; p++) {
            // The phases of a real building are not the same: one carries a little more, one a little less.
            const double share = (kwh[i < count ? i : count - 1] - least) / (most - least) * (1 - 0.05 * p);
            const double pct = site->base_from_pct + (site->base_to_pct - site->base_from_pct) * share;
            e.base_ma[p] = (int32_t)(site->max_a * 10 * pct);
        }
        scenario_add(sc, &e);
    }
}

// ---- Sessions --------------------------------------------------------------------------------------------

static int station_of(struct scenario *sc, const char *id, const struct days_site *site)
{
    for (int i = 0; i < sc->station_count; i++)
        if (strcmp(sc->station[i].id, id) == 0)
            return i;
    if (sc->station_count == DAYS_STATIONS_MAX)
        return -1;
    const int i = sc->station_count++;
    struct scenario_station *st = &sc->station[i];
    *st = (struct scenario_station){.cfg = {.rated_ma = 32000, .fallback_ma = 6000, .priority = i % 9 == 0}};
    ew_copy(st->id, sizeof(st->id), id);
    st->cfg.phases = (uint8_t)(site->vehicles ? 7U : 1U << i % 3);
    scenario_wire(st);
    for (int p = 0; p < GREENUP_PHASES && site->vehicles; p++)
        st->order[p] = (uint8_t)((p + i) % GREENUP_PHASES);
    return i;
}

// Most vehicles use one phase; some taper, and a few want more than 6 A.
static void remarkable(struct chance *c, struct scenario_event *e)
{
    e->car_phases = chance_of(c, 70) ? 1 : GREENUP_PHASES;
    e->wants_ma = chance_of(c, 60) ? 32000 : 16000;
    e->taper_wh = chance_of(c, 50) ? e->energy_wh / 7 : 0;
    e->least_ma = chance_of(c, 5) ? 7000 : 6000;
}

// Some recorded sessions got more than 32 A of one phase give in their time: those ask for what is possible,
// less the first minute.
static int64_t possible_wh(double kwh, int64_t ms)
{
    const double possible = 32 * 0.230 * ((double)ms / 3600000 - 1.0 / 60);
    return (int64_t)(1000 * (kwh < possible ? kwh : possible > 0 ? possible : 0));
}

static bool add_session(struct scenario *sc, const struct days_site *site, struct chance *c, const char *line,
                        int64_t origin_ms)
{
    char station[32], from[40], to[40], kwh[24];
    int64_t from_ms, to_ms;
    field(line, 2, station, sizeof(station));
    field(line, 5, from, sizeof(from));
    field(line, 7, to, sizeof(to));
    field(line, 8, kwh, sizeof(kwh));
    if (ew_rfc3339_parse(from, &from_ms) != EW_OK || ew_rfc3339_parse(to, &to_ms) != EW_OK)
        return false;
    const int i =
        from_ms >= origin_ms && from_ms - origin_ms < sc->until_ms ? station_of(sc, station, site) : -1;
    if (i < 0)
        return false;
    struct scenario_event e = scenario_event(SCENARIO_PLUG, from_ms - origin_ms, i);
    e.wants_ma = 32000;
    e.energy_wh = possible_wh(strtod(kwh, NULL), to_ms - from_ms);
    if (site->vehicles)
        remarkable(c, &e);
    scenario_add(sc, &e);
    e = scenario_event(SCENARIO_UNPLUG, to_ms - origin_ms, i);
    scenario_add(sc, &e);
    return true;
}

static int read_sessions(struct scenario *sc, const struct days_site *site)
{
    struct ew_buf text;
    struct chance c = {7};
    int64_t origin_ms = 0, last_day = -1;
    int days = 0;
    // Midnight in Pasadena before the first session.
    if (ew_rfc3339_parse("2020-12-01T08:00:00Z", &origin_ms) != EW_OK)
        return 0;
    origin_ms += (int64_t)site->first_day * DAY_MS;
    if (load(DATA "ev_acn_caltech/sessions_2020-12_2021-09.csv", &text))
        for (const char *line = next_line(ew_buf_text(&text)); *line; line = next_line(line))
            if (add_session(sc, site, &c, line, origin_ms)) {
                const int64_t day = sc->events[sc->event_count - 2].at_ms / DAY_MS;
                days += day != last_day;
                last_day = day;
            }
    ew_buf_done(&text);
    return days;
}

bool days_scenario(struct scenario *sc, const struct days_site *site, int *ret_days)
{
    static double kwh[QUARTERS_MAX];
    scenario_init(sc);
    for (int p = 0; p < GREENUP_PHASES; p++) {
        sc->settings.max_ma[p] = site->max_a * 1000;
        sc->settings.charge_ma[p] = site->max_a * 950;
    }
    sc->lag_ticks = site->lag_ticks;
    sc->until_ms = (int64_t)site->days * DAY_MS;
    const int quarters = read_factory(kwh);
    *ret_days = quarters > 0 ? read_sessions(sc, site) : 0;
    if (*ret_days == 0)
        return false;
    add_base(sc, site, kwh, quarters);
    scenario_sort(sc);
    scenario_rank(sc);
    return true;
}
