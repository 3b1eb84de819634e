// What device/<id>/charge tells of writing: may it be, what is in force, the station's watchdog.
#include "poller/fleet_priv.h"

#include "base/clock.h"
#include <string.h>

static void put_watchdog(struct ew_jw *w, const struct station *s, const struct profile *profile)
{
    static const char *const names[] = {"none", "unverified", "verified"};
    ew_jw_open_object(w, "watchdog");
    ew_jw_text(w, "state", names[s->dog]);
    if (s->dog == DOG_VERIFIED) {
        ew_jw_number(w, "timeout_s", s->dog_timeout_s);
        if (profile->watchdog.fallback.name[0]) // else it is not known what it falls to
            ew_jw_number(w, "fallback_a", profile_limit_ma(&s->fallback, s->dog_fallback) / 1000.0);
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

// ---- EV plug, domestic socket, leave to charge -----------------------------------------------------------

static const char *const told_names[TOLD_COUNT] = {"plug", "socket"};
static const char *const switches[][2] = {{"plug", "plug"}, {"socket", "socket"}, {"release", "released"}};

bool payload_is_switch(const char *quantity)
{
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
        if (strcmp(quantity, switches[i][0]) == 0)
            return true;
    return false;
}

static const struct profile_command *command_of(const struct profile *profile, const char *name)
{
    int index = profile_find_command(profile, name);
    return index >= 0 ? &profile->commands[index] : NULL;
}

// A release that is neither given nor withdrawn is no leave to charge.
static bool is_on(const struct profile_command *command, const char *quantity, uint64_t raw)
{
    if (!command)
        return raw != 0;
    return strcmp(quantity, "release") == 0 ? (double)raw == command->on : profile_switched_on(command, raw);
}

// As the station's own register tells it; null when that was not read in time.
static void put_switch(struct ew_jw *w, const struct device *device, const char *quantity, const char *key)
{
    const struct profile *profile = device->recipe->profile;
    int index = profile_find(profile, quantity);
    const struct remembered *m = index >= 0 ? &device->memory[index] : NULL;
    if (!m || !m->shown)
        return;
    if (m->nulled || !m->good)
        ew_jw_null(w, key);
    else
        ew_jw_bool(w, key, is_on(command_of(profile, quantity), quantity, m->raw));
}

void payload_switches(struct ew_jw *w, const struct device *device)
{
    bool opened = false;
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
        put_switch(w, device, switches[i][0], switches[i][1]);
    for (int i = 0; i < TOLD_COUNT; i++) {
        const struct switch_told *told = &device->told[i];
        if (told->wall_ms == 0)
            continue;
        if (!opened)
            ew_jw_open_object(w, "told");
        opened = true;
        ew_jw_open_object(w, told_names[i]);
        ew_jw_bool(w, "on", told->on);
        ew_jw_rfc3339(w, "ts", told->wall_ms);
        ew_jw_close_object(w);
    }
    if (opened)
        ew_jw_close_object(w);
}

void told_note(struct device *device, const struct command *command, bool ok)
{
    for (int i = 0; device && ok && i < TOLD_COUNT; i++)
        if (strcmp(command->name, told_names[i]) == 0)
            device->told[i] = (struct switch_told){.wall_ms = ew_clock_wall_ms(), .on = command->on};
}
