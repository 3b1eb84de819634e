#include "replay/scenario.h"

#include <string.h>

static void add_number(struct ew_buf *to, const char *lead, int64_t value)
{
    char text[SCENARIO_NUMBER_MAX];
    scenario_number(text, value);
    ew_buf_printf(to, "%s%s", lead, text);
}

static void add_three(struct ew_buf *to, const char *lead, const int32_t ma[GREENUP_PHASES])
{
    ew_buf_add_text(to, lead);
    for (int p = 0; p < GREENUP_PHASES; p++)
        add_number(to, p == 0 ? "[" : ", ", ma[p]);
    ew_buf_add_text(to, "]");
}

// Ids were read from JSON text without control characters; quotes and backslashes are all that must be
// escaped.
static void add_text(struct ew_buf *to, const char *lead, const char *text)
{
    ew_buf_printf(to, "%s\"", lead);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            ew_buf_add_text(to, "\\");
        ew_buf_add(to, c, 1);
    }
    ew_buf_add_text(to, "\"");
}

static void add_settings(struct ew_buf *to, const struct greenup_settings *s)
{
    add_three(to, "{\"i_max_a\": ", s->max_ma);
    add_three(to, ", \"i_chg_a\": ", s->charge_ma);
    add_number(to, ", \"hysteresis_pct\": ", (int64_t)s->hysteresis_bp * 10);
    add_number(to, ", \"level1_pct\": ", (int64_t)s->level1_bp * 10);
    add_number(to, ", \"level2_pct\": ", (int64_t)s->level2_bp * 10);
    add_number(to, ", \"guaranteed_ah\": ", s->guaranteed_mah);
    ew_buf_printf(to, ", \"wiring\": \"%s\"", s->wiring == GREENUP_DEDICATED ? "dedicated" : "installation");
    add_number(to, ", \"failsafe_a\": ", s->failsafe_ma);
    ew_buf_printf(to, ", \"emergency\": %s", s->emergency ? "true" : "false");
    ew_buf_printf(to, ", \"early\": %s", s->early ? "true" : "false");
    add_number(to, ", \"i_min_a\": ", s->min_ma);
    add_number(to, ", \"step_a\": ", s->step_ma);
    add_number(to, ", \"off_limit_a\": ", s->off_ma);
    add_number(to, ", \"hard\": ", (int64_t)s->hard_pct * 10);
    ew_buf_add_text(to, "}");
}

static void add_timing(struct ew_buf *to, const struct scenario *sc)
{
    const struct greenup_settings *s = &sc->settings;
    add_number(to, "{\"tick_s\": ", s->tick_ms);
    add_number(to, ", \"sample_s\": ", sc->settings.sample_ms);
    add_number(to, ", \"settle_s\": ", s->settle_ms);
    add_number(to, ", \"up_s\": ", s->up_ms);
    add_number(to, ", \"min_off_s\": ", s->min_off_ms);
    add_number(to, ", \"meter_s\": ", s->meter_ms);
    add_number(to, ", \"stn_s\": ", s->station_ms);
    add_number(to, ", \"starve_s\": ", s->starve_ms);
    add_number(to, ", \"idle_s\": ", s->idle_ms);
    ew_buf_add_text(to, "}");
}

static void add_station(struct ew_buf *to, const struct scenario_station *st)
{
    add_text(to, "{\"id\": ", st->id);
    add_number(to, ", \"rated_a\": ", st->cfg.rated_ma);
    ew_buf_add_text(to, ", \"phases\": [");
    int count = 0;
    for (int p = 0; p < GREENUP_PHASES; p++)
        count += st->cfg.phases >> p & 1;
    for (int i = 0; i < count; i++)
        ew_buf_printf(to, "%s%d", i ? ", " : "", st->order[i] + 1);
    ew_buf_printf(to, "], \"priority\": %s, \"watchdog\": %s", st->cfg.priority ? "true" : "false",
                  st->cfg.watchdog ? "true" : "false");
    add_number(to, ", \"fallback_a\": ", st->cfg.fallback_ma);
    ew_buf_add_text(to, "}");
}

static void add_vehicle(struct ew_buf *to, const struct scenario_event *e)
{
    add_number(to, ", \"wants_a\": ", e->wants_ma);
    if (e->energy_wh >= 0)
        ew_buf_printf(to, ", \"energy_wh\": %lld", (long long)e->energy_wh);
    if (e->taper_wh > 0)
        ew_buf_printf(to, ", \"taper_wh\": %lld", (long long)e->taper_wh);
    if (e->least_ma != 6000)
        add_number(to, ", \"least_a\": ", e->least_ma);
    if (e->car_phases != GREENUP_PHASES)
        ew_buf_printf(to, ", \"car_phases\": %d", e->car_phases);
}

static void add_choice(struct ew_buf *to, const char *key, enum greenup_choice choice)
{
    if (choice != GREENUP_DEFAULT)
        ew_buf_printf(to, ", \"%s\": %s", key, choice == GREENUP_YES ? "true" : "false");
}

static void add_event(struct ew_buf *to, const struct scenario *sc, const struct scenario_event *e)
{
    static const char *const is[] = {"lost", "back", "power_cycled", "disobeys", "obeys"};
    const char *id = sc->station[e->station].id;
    add_number(to, "{\"t\": ", e->at_ms);
    switch (e->kind) {
    case SCENARIO_BASE:
        add_three(to, ", \"base_a\": ", e->base_ma);
        break;
    case SCENARIO_CHARGING:
        add_text(to, ", \"charging\": ", id);
        add_number(to, ", \"since_s\": ", e->since_ms);
        add_number(to, ", \"ah\": ", e->charge_mah);
        ew_buf_printf(to, ", \"level\": %d", e->level);
        add_vehicle(to, e);
        break;
    case SCENARIO_PLUG:
        add_text(to, ", \"plug\": ", id);
        add_vehicle(to, e);
        break;
    case SCENARIO_UNPLUG:
        add_text(to, ", \"unplug\": ", id);
        break;
    case SCENARIO_WANTS:
        add_text(to, ", \"wants\": ", id);
        add_number(to, ", \"wants_a\": ", e->wants_ma);
        break;
    case SCENARIO_METER:
        ew_buf_printf(to, ", \"meter\": \"%s\"", e->flag ? "back" : "lost");
        for (int p = 0; p < GREENUP_PHASES; p++)
            if (e->phases == 1U << p)
                ew_buf_printf(to, ", \"phase\": %d", p + 1);
        break;
    case SCENARIO_STATION:
        add_text(to, ", \"station\": ", id);
        ew_buf_printf(to, ", \"is\": \"%s\"", is[e->is]);
        break;
    case SCENARIO_SET:
        add_text(to, ", \"set\": ", id);
        add_choice(to, "priority", e->priority);
        add_choice(to, "hold", e->hold);
        add_choice(to, "forced", e->forced);
        ew_buf_add_text(to, e->session ? ", \"session\": true" : "");
        break;
    case SCENARIO_RESTART:
        ew_buf_add_text(to, ", \"controller\": \"restart\"");
        break;
    case SCENARIO_SETTINGS:
        ew_buf_add_text(to, ", \"settings\": ");
        add_settings(to, e->settings);
        break;
    case SCENARIO_SELECTOR:
        ew_buf_printf(to, ", \"selector\": \"%s\"", e->flag ? "on" : "off");
        break;
    }
    ew_buf_add_text(to, "}");
}

void scenario_write(const struct scenario *sc, struct ew_buf *to)
{
    ew_buf_add_text(to, "{\"settings\": ");
    add_settings(to, &sc->settings);
    ew_buf_add_text(to, ",\n \"timing\": ");
    add_timing(to, sc);
    ew_buf_add_text(to, ",\n \"stations\": [");
    for (int i = 0; i < sc->station_count; i++) {
        ew_buf_add_text(to, i == 0 ? "\n   " : ",\n   ");
        add_station(to, &sc->station[i]);
    }
    ew_buf_printf(to, "],\n \"ev_lag_ticks\": %d", sc->lag_ticks);
    add_number(to, ",\n \"until_s\": ", sc->until_ms);
    ew_buf_add_text(to, ",\n \"events\": [");
    for (int i = 0; i < sc->event_count; i++) {
        ew_buf_add_text(to, i == 0 ? "\n   " : ",\n   ");
        add_event(to, sc, &sc->events[i]);
    }
    ew_buf_add_text(to, "]}\n");
}
