// More is wanted of a line than it can carry: what to change, in words.
#include "poller/fleet_priv.h"

#define WANTED "What is to be read on this line would take %d %% of its time, so it is read less often. "

bool fleet_over_full(struct bus *bus, struct ew_reason *ret)
{
    const struct load_demand *demand = &bus->figures.demand;
    bus->over_full = load_over_full(demand, bus->over_full);
    if (!bus->over_full)
        return false;
    int speed_baud = bus->line.kind == MB_TCP ? 0 : bus->line.speed_baud;
    struct load_advice a = load_advise(demand, bus->config.poll_ms, speed_baud, bus->figures.alive);
    if (a.poll_ms > 0 && a.speed_baud > 0 && a.move > 0)
        ew_fail(ret, EW_E_FULL, "bus.over_full_speed", "",
                WANTED "Poll every %d ms, raise the speed to %d bit/s, or move %d devices to another bus.",
                a.need_pct, a.poll_ms, a.speed_baud, a.move);
    else if (a.poll_ms > 0 && a.move > 0)
        ew_fail(ret, EW_E_FULL, "bus.over_full", "",
                WANTED "Poll every %d ms, or move %d devices to another bus.", a.need_pct, a.poll_ms, a.move);
    else if (a.poll_ms > 0)
        ew_fail(ret, EW_E_FULL, "bus.over_full_poll", "", WANTED "Poll every %d ms.", a.need_pct, a.poll_ms);
    else
        ew_fail(ret, EW_E_FULL, "bus.over_full_move", "", WANTED "Move %d devices to another bus.",
                a.need_pct, a.move);
    ew_reason_param(ret, "need_pct", "%d", a.need_pct);
    if (a.poll_ms > 0)
        ew_reason_param(ret, "poll_ms", "%d", a.poll_ms);
    if (a.poll_ms > 0 && a.speed_baud > 0 && a.move > 0)
        ew_reason_param(ret, "speed", "%d", a.speed_baud);
    if (a.move > 0)
        ew_reason_param(ret, "move", "%d", a.move);
    return true;
}
