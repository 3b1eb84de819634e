#include "shrink.h"

#include <stdlib.h>
#include <string.h>

static bool has_station(enum scenario_kind kind)
{
    return kind == SCENARIO_CHARGING || kind == SCENARIO_PLUG || kind == SCENARIO_UNPLUG ||
           kind == SCENARIO_WANTS || kind == SCENARIO_STATION || kind == SCENARIO_SET;
}

void shrink_copy(struct scenario *to, const struct scenario *from, int first, int last, int station)
{
    *to = *from;
    to->events = NULL;
    to->event_count = 0;
    if (station >= 0) {
        to->station_count--;
        memmove(&to->station[station], &to->station[station + 1],
                (size_t)(to->station_count - station) * sizeof(to->station[0]));
        scenario_rank(to);
    }
    for (int i = 0; i < from->event_count; i++) {
        struct scenario_event e = from->events[i];
        if ((i >= first && i < last) || (station >= 0 && has_station(e.kind) && e.station == station))
            continue;
        e.station -= station >= 0 && has_station(e.kind) && e.station > station;
        e.station = has_station(e.kind) ? e.station : 0;
        scenario_add(to, &e);
    }
}

// Takes `smaller` in the place of `sc` when it fails too; else drops it.
static bool take(struct scenario *sc, struct scenario *smaller, shrink_fails *fails, void *user)
{
    if (!fails(user, smaller)) {
        scenario_done(smaller);
        return false;
    }
    scenario_done(sc);
    *sc = *smaller;
    return true;
}

static bool drop_events(struct scenario *sc, struct scenario *spare, shrink_fails *fails, void *user)
{
    bool any = false;
    for (int chunk = sc->event_count > 0 ? sc->event_count : 1; chunk >= 1; chunk /= 2)
        for (int at = 0; at < sc->event_count;) {
            shrink_copy(spare, sc, at, at + chunk, -1);
            if (take(sc, spare, fails, user))
                any = true;
            else
                at += chunk;
        }
    return any;
}

static bool drop_stations(struct scenario *sc, struct scenario *spare, shrink_fails *fails, void *user)
{
    bool any = false;
    for (int i = sc->station_count - 1; i >= 0 && sc->station_count > 1; i--) {
        shrink_copy(spare, sc, 0, 0, i);
        any = take(sc, spare, fails, user) || any;
    }
    return any;
}

static void drop_end(struct scenario *sc, struct scenario *spare, shrink_fails *fails, void *user)
{
    for (int64_t step = sc->until_ms / 2; step >= sc->settings.tick_ms; step /= 2) {
        shrink_copy(spare, sc, 0, 0, -1);
        spare->until_ms -= step;
        (void)take(sc, spare, fails, user);
    }
}

void shrink(struct scenario *sc, shrink_fails *fails, void *user)
{
    struct scenario *spare = malloc(sizeof(*spare));
    if (!spare)
        abort();
    drop_end(sc, spare, fails, user);
    bool any = true;
    while (any) {
        any = drop_events(sc, spare, fails, user);
        any = drop_stations(sc, spare, fails, user) || any;
    }
    drop_end(sc, spare, fails, user);
    free(spare);
}
