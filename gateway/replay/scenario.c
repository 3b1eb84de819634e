#include "replay/scenario.h"

#include <stdlib.h>
#include <string.h>

void scenario_init(struct scenario *sc)
{
    *sc = (struct scenario){.lag_ticks = 1};
    greenup_settings_init(&sc->settings);
    for (int p = 0; p < GREENUP_PHASES; p++) {
        sc->settings.max_ma[p] = 100000;
        sc->settings.charge_ma[p] = 90000;
    }
}

void scenario_done(struct scenario *sc)
{
    if (!sc)
        return;
    for (int i = 0; i < sc->event_count; i++)
        free(sc->events[i].settings);
    free(sc->events);
    sc->events = NULL;
    sc->event_count = 0;
}

struct scenario_event scenario_event(enum scenario_kind kind, int64_t at_ms, int station)
{
    return (struct scenario_event){.kind = kind,
                                   .at_ms = at_ms,
                                   .station = station,
                                   .phases = GREENUP_PHASES * 2 + 1,
                                   .energy_wh = -1,
                                   .least_ma = 6000,
                                   .car_phases = GREENUP_PHASES,
                                   .since_ms = at_ms};
}

void scenario_add(struct scenario *sc, const struct scenario_event *event)
{
    // Grown by doubling: the capacity is the next power of two.
    const int n = sc->event_count;
    if ((n & (n - 1)) == 0) {
        const size_t capacity = n == 0 ? 1 : (size_t)n * 2;
        struct scenario_event *events = realloc(sc->events, capacity * sizeof(*events));
        if (!events)
            abort();
        sc->events = events;
    }
    sc->events[n] = *event;
    if (event->settings) {
        sc->events[n].settings = malloc(sizeof(*event->settings));
        if (!sc->events[n].settings)
            abort();
        *sc->events[n].settings = *event->settings;
    }
    sc->event_count++;
}

// Stable: merges runs bottom-up.
void scenario_sort(struct scenario *sc)
{
    const size_t count = (size_t)sc->event_count;
    if (count < 2)
        return;
    struct scenario_event *from = sc->events, *to = calloc(count, sizeof(*to));
    if (!to)
        abort();
    struct scenario_event *spare = to;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += 2 * width) {
            const size_t middle = start + width < count ? start + width : count;
            const size_t end = start + 2 * width < count ? start + 2 * width : count;
            size_t a = start, b = middle;
            for (size_t i = start; i < end; i++)
                to[i] = a < middle && (b >= end || from[a].at_ms <= from[b].at_ms) ? from[a++] : from[b++];
        }
        struct scenario_event *swap = from;
        from = to;
        to = swap;
    }
    if (from != sc->events)
        memcpy(sc->events, from, count * sizeof(*from));
    free(spare);
}

void scenario_wire(struct scenario_station *st)
{
    int count = 0;
    for (int p = 0; p < GREENUP_PHASES; p++)
        if (st->cfg.phases >> p & 1)
            st->order[count++] = (uint8_t)p;
}

void scenario_rank(struct scenario *sc)
{
    for (int i = 0; i < sc->station_count; i++) {
        int rank = 0;
        for (int j = 0; j < sc->station_count; j++)
            rank += strcmp(sc->station[j].id, sc->station[i].id) < 0;
        sc->station[i].cfg.id = rank;
    }
}

void scenario_number(char dst[SCENARIO_NUMBER_MAX], int64_t thousandths)
{
    const int64_t whole = (thousandths < 0 ? -thousandths : thousandths) / 1000;
    const int rest = (int)((thousandths < 0 ? -thousandths : thousandths) % 1000);
    const char *sign = thousandths < 0 ? "-" : "";
    if (rest == 0)
        (void)ew_format(dst, SCENARIO_NUMBER_MAX, "%s%lld", sign, (long long)whole);
    else if (rest % 100 == 0)
        (void)ew_format(dst, SCENARIO_NUMBER_MAX, "%s%lld.%d", sign, (long long)whole, rest / 100);
    else if (rest % 10 == 0)
        (void)ew_format(dst, SCENARIO_NUMBER_MAX, "%s%lld.%02d", sign, (long long)whole, rest / 10);
    else
        (void)ew_format(dst, SCENARIO_NUMBER_MAX, "%s%lld.%03d", sign, (long long)whole, rest);
}
