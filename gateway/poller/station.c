// Limits to charge points: what core/lease decides becomes jobs on the bus, and what comes back goes into it.
#include "poller/fleet_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include <math.h>
#include <string.h>

static int limit_of(const struct device *device)
{
    const struct profile *profile = device->recipe->profile;
    return profile->kind == PROFILE_STATION ? profile_find_command(profile, "limit") : -1;
}

// ---- What the site and the profile say -------------------------------------------------------------------

static bool may_write(const struct device *device, struct ew_reason *why)
{
    const struct profile *profile = device->recipe->profile;
    if (limit_of(device) < 0) {
        ew_fail(why, EW_E_UNSUPPORTED, "station.read_only", "",
                "The profile \"%s\" does not say how a limit is written.", profile->id);
        ew_reason_param(why, "profile", "%s", profile->id);
        return false;
    }
    if (!profile_limit_known(&device->station.limit) || !profile_limit_known(&device->station.fallback)) {
        ew_fail(why, EW_E_INVALID, "station.no_rating", "",
                "Its limit is a share of its rated current, which is not known: enter it.");
        return false;
    }
    return fleet_may_write(device, why);
}

static void configure(const struct fleet *fleet, struct device *device, int64_t now_ms)
{
    struct station *s = &device->station;
    const struct profile *profile = device->recipe->profile;
    struct lease_station *c = &s->config;
    limit_units(fleet, device);
    *c = (struct lease_station){.writable = may_write(device, &s->not_writable)};
    s->managed = c->writable && fleet->greenup.set_up;
    c->governed = s->managed && fleet->greenup.on;
    s->reachable = device->said != RESULT_ERROR && !fleet_bus_trouble(fleet, device);
    c->reachable = s->reachable && (s->prepared || !station_minds_setup(device));
    c->fallback_ma = limit_ma_of(site_param(&device->config, "fallback_current", 0));
    c->rated_ma = s->limit.rated_ma;
    int limit = limit_of(device);
    if (limit >= 0) {
        const struct profile_command *command = &profile->commands[limit];
        if (profile_limit_known(&s->limit))
            c->minimum_ma = profile_limit_least_ma(&s->limit, limit_ma_of(command->minimum_a));
        c->step_ma = limit_ma_of(command->step_a);
        c->off_ma = limit_ma_of(command->off_a);
        c->wears = command->wears;
        c->interval_ms = (int64_t)command->min_interval_s * 1000;
        c->repeat_ms = (int64_t)command->repeat_s * 1000;
        s->rule = (struct order_rule){.alive = profile->alive.there,
                                      .release = profile_find_command(profile, "release") >= 0,
                                      .wears = c->wears,
                                      .least_ma = c->minimum_ma};
    }
    int64_t wake;
    c->paused = phases_hold(&s->phases, now_ms, &wake);
    if (!profile->watchdog.there)
        s->dog = DOG_NONE;
    else if (s->dog == DOG_NONE)
        s->dog = DOG_UNVERIFIED;
    // Half of its time: one refresh may be lost.
    if (s->dog == DOG_VERIFIED && profile->watchdog.feed == PROFILE_FEED_LIMIT)
        c->feed_ms = (int64_t)(s->dog_timeout_s * 1000 / 2);
    if (!s->begun)
        lease_begin(&s->lease, c, now_ms);
    s->begun = true;
    lease_review(&s->lease, c, now_ms);
}

// ---- Writing the limit -----------------------------------------------------------------------------------

static void say(struct station *s, bool has, const struct ew_reason *reason)
{
    s->has_reason = has;
    if (has)
        s->reason = *reason;
}

static void on_written(void *user, const struct inlet_job *job)
{
    struct fleet *fleet = user;
    struct device *device = fleet_device(fleet, job->device);
    if (!device || !device->recipe || job->tag >> 32 != device->station_number)
        return; // changed meanwhile: it began anew
    struct station *s = &device->station;
    int32_t limit_ma = (int32_t)(job->tag & INT32_MAX);
    int32_t back_ma = -1;
    bool done = limit_done(device, job, &back_ma);
    bool taken = lease_wrote(&s->lease, &s->config, limit_ma, done, back_ma, ew_clock_up_ms());
    struct ew_reason reason;
    if (job->err != EW_OK) {
        say(s, true, &job->reason);
    } else if (!taken) {
        ew_fail(&reason, EW_E_PROTOCOL, "station.not_taken", "",
                "The charge point was told %g A and says that %g A are in force.", limit_ma / 1000.0,
                back_ma / 1000.0);
        ew_reason_param(&reason, "told", "%g", limit_ma / 1000.0);
        ew_reason_param(&reason, "says", "%g", back_ma / 1000.0);
        say(s, true, &reason);
    } else {
        say(s, false, NULL);
    }
    if (s->has_reason)
        ew_warning("station", "device=%lld limit=%g A not confirmed: %s", (long long)device->id,
                   limit_ma / 1000.0, s->reason.text);
    station_review(fleet, device);
}

static void write_limit(struct fleet *fleet, struct device *device, int32_t limit_ma)
{
    struct station *s = &device->station;
    const struct recipe *recipe = device->recipe;
    struct ew_reason reason;
    struct inlet_job *job =
        inlet_job_new(INLET_SETPOINT, recipe->unit, recipe->timeout_ms, recipe->gap_ms, on_written, fleet);
    job->device = device->id;
    job->tag = device->station_number << 32 | limit_ma;
    s->written = s->limit;
    limit_add(device, job, limit_ma);
    if (fleet_ask(fleet, recipe->bus, job, &reason) == EW_OK)
        return;
    (void)lease_wrote(&s->lease, &s->config, limit_ma, false, -1, ew_clock_up_ms());
    say(s, true, &reason);
}

// ---- Coming in -------------------------------------------------------------------------------------------

static void on_timer(struct ew_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct device *device = timer->user;
    station_review(device->fleet, device);
}

static struct station_shown shown_of(const struct station *s)
{
    return (struct station_shown){.state = s->lease.state,
                                  .limit_ma = s->lease.limit_ma,
                                  .confirmed = s->lease.confirmed,
                                  .has_reason = s->has_reason,
                                  .dog = s->dog,
                                  .seq = s->lease.seq};
}

static bool same_shown(const struct station_shown *a, const struct station_shown *b)
{
    return a->state == b->state && a->limit_ma == b->limit_ma && a->confirmed == b->confirmed &&
           a->has_reason == b->has_reason && a->dog == b->dog && a->seq == b->seq;
}

void station_review(struct fleet *fleet, struct device *device)
{
    struct station *s = &device->station;
    if (!device->recipe || device->recipe->profile->kind != PROFILE_STATION)
        return;
    int64_t now = ew_clock_up_ms(), wake;
    configure(fleet, device, now);
    int32_t limit_ma = lease_next(&s->lease, &s->config, now, &wake);
    if (limit_ma >= 0)
        write_limit(fleet, device, limit_ma);
    int64_t dog_wake = station_mind_watchdog(fleet, device, now);
    int64_t alive_wake = station_mind_alive(fleet, device, now), held_wake;
    if (limit_ma >= 0) // the write's end comes back here
        wake = s->lease.busy ? INT64_MAX : now + LEASE_RETRY_MS;
    wake = dog_wake < wake ? dog_wake : wake;
    wake = alive_wake < wake ? alive_wake : wake;
    (void)phases_hold(&s->phases, now, &held_wake);
    wake = held_wake < wake ? held_wake : wake;
    s->timer.fn = on_timer;
    s->timer.user = device;
    if (wake == INT64_MAX)
        ew_loop_timer_clear(fleet->options.loop, &s->timer);
    else
        ew_loop_timer_set(fleet->options.loop, &s->timer, wake);
    struct station_shown shown = shown_of(s);
    if (!same_shown(&shown, &device->shown)) {
        if (shown.state != device->shown.state)
            ew_notice("station", "device=%lld lease=%s", (long long)device->id,
                      lease_state_name(shown.state));
        device->shown = shown;
        if (device->groups[PROFILE_CHARGE].up_ms > 0)
            fleet_publish_group(fleet, device, PROFILE_CHARGE);
    }
}

void station_heard(struct fleet *fleet, struct device *device, int64_t read_ms)
{
    if (device->station.begun)
        limit_units(fleet, device);
    int32_t in_force_ma = device->station.begun ? limit_in_force_ma(device) : -1;
    if (in_force_ma >= 0)
        lease_heard(&device->station.lease, &device->station.config, in_force_ma, read_ms);
    switching_heard(device, read_ms);
    station_review(fleet, device);
}

void station_end(struct device *device)
{
    ew_loop_timer_clear(device->fleet->options.loop, &device->station.timer);
    device->station = (struct station){0};
    device->shown = (struct station_shown){0};
    device->station_number++;
}

void fleet_setpoint(struct fleet *fleet, int64_t id, const char *payload, size_t len)
{
    struct device *device = fleet_device(fleet, id);
    struct lease_setpoint setpoint;
    struct ew_reason reason;
    cJSON *tree = NULL;
    static const char *const refusals[] = {"", "its run or number is old", "it came too late",
                                           "its clock is ahead", "nothing may be written"};
    if (!device || !device->recipe || device->recipe->profile->kind != PROFILE_STATION)
        return;
    enum ew_err err = ew_json_parse(payload, len, EW_MQTT_PAYLOAD_MAX, &tree, &reason);
    if (err == EW_OK)
        err = lease_read_setpoint(tree, &setpoint, &reason);
    cJSON_Delete(tree);
    if (err != EW_OK) {
        ew_warning("station", "device=%lld set-point refused: %s: %s", (long long)id, reason.path,
                   reason.text);
        return;
    }
    int64_t now = ew_clock_up_ms();
    configure(fleet, device, now);
    enum lease_verdict verdict = lease_offer(&device->station.lease, &device->station.config, &setpoint, now);
    if (verdict != LEASE_TAKEN)
        ew_warning("station", "device=%lld run=%s seq=%lld set-point ignored: %s", (long long)id,
                   setpoint.run, (long long)setpoint.seq, refusals[verdict]);
    station_review(fleet, device);
}

void fleet_controller(struct fleet *fleet, bool online)
{
    if (online)
        return;
    for (int i = 0; i < fleet->device_count; i++) {
        struct device *device = fleet->devices[i];
        if (!device->recipe || device->recipe->profile->kind != PROFILE_STATION || !device->station.begun)
            continue;
        lease_orphan(&device->station.lease, &device->station.config, ew_clock_up_ms());
        station_review(fleet, device);
    }
}
