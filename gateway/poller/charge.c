// What device/<id>/charge tells of writing: may it be, what is in force, the station's watchdog.
#include "poller/fleet_priv.h"

static void put_watchdog(struct ew_jw *w, const struct station *s, const struct profile *profile)
{
    static const char *const names[] = {"none", "unverified", "verified"};
    ew_jw_open_object(w, "watchdog");
    ew_jw_text(w, "state", names[s->dog]);
    if (s->dog == DOG_VERIFIED) {
        ew_jw_number(w, "timeout_s", s->dog_timeout_s);
        if (profile->watchdog.fallback.name[0]) // else it is not known what it falls to
            ew_jw_number(w, "fallback_a", s->dog_fallback_a);
    }
    if (s->dog == DOG_UNVERIFIED && s->dog_has_reason)
        ew_jw_reason(w, "reason", &s->dog_reason);
    ew_jw_close_object(w);
}

static void put_lease(struct ew_jw *w, const struct station *s)
{
    const struct lease *lease = &s->lease;
    ew_jw_open_object(w, "lease");
    ew_jw_text(w, "state", lease_state_name(lease->state));
    if (lease->state != LEASE_NONE) {
        if (lease->limit_ma >= 0)
            ew_jw_number(w, "limit_a", lease->limit_ma / 1000.0);
        else
            ew_jw_null(w, "limit_a");
        ew_jw_bool(w, "written", lease->confirmed && lease->limit_ma >= 0);
    }
    if (lease->until_ms > 0)
        ew_jw_int(w, "until_up_ms", lease->until_ms);
    if (lease->up_ms > 0) {
        ew_jw_text(w, "run", lease->run);
        ew_jw_int(w, "seq", lease->seq);
    }
    if (s->has_reason)
        ew_jw_reason(w, "reason", &s->reason);
    else if (s->dog_has_reason && s->reachable &&
             !s->config.reachable) // not set up: nothing is written to it
        ew_jw_reason(w, "reason", &s->dog_reason);
    ew_jw_close_object(w);
}

void payload_station(struct ew_jw *w, const struct device *device)
{
    const struct station *s = &device->station;
    if (!s->begun)
        return;
    ew_jw_bool(w, "writable", s->config.writable);
    if (!s->config.writable)
        ew_jw_reason(w, "not_writable", &s->not_writable);
    put_watchdog(w, s, device->recipe->profile);
    put_lease(w, s);
}

void payload_command(struct ew_jw *w, const struct device *device)
{
    const struct command_shown *c = &device->command;
    if (!c->id[0])
        return;
    ew_jw_open_object(w, "command");
    ew_jw_text(w, "id", c->id);
    ew_jw_bool(w, "ok", c->ok);
    if (!c->ok)
        ew_jw_reason(w, "reason", &c->reason);
    ew_jw_int(w, "up_ms", c->up_ms);
    ew_jw_close_object(w);
}
