// A charge point's own watchdog: set when it is commissioned, and verified by reading it back. Looked at
// again when the station was away (a power cut may have cost it its memory) and from time to time; written
// only when it reads otherwise, since such registers are often kept in a memory that wears out.
#include "poller/fleet_priv.h"

#include "base/clock.h"
#include <math.h>

enum { LOOK_AGAIN_MS = 600000, TRY_AGAIN_MS = 5000, TRIES_MAX = 3, GIVEN_UP_MS = 60000 };

static bool has_fallback(const struct device *device)
{
    return device->recipe->profile->watchdog.fallback.name[0] != 0;
}

// Bits by function 1, registers by 3.
static void add_read(struct inlet_job *job, const struct profile_bound *place)
{
    inlet_add_read(job, place->fc == 5 || place->fc == 15 ? 1 : 3, place->address, place->words);
}

static void add_write(struct inlet_job *job, const struct profile_command *command,
                      const struct profile_bound *place, double value)
{
    uint16_t words[4];
    profile_encode_command(command, place, value, words);
    inlet_add_write(job, place->fc, place->address, place->words, words);
}

static double wanted_fallback_a(const struct device *device)
{
    return device->station.config.fallback_ma / 1000.0;
}

static bool as_wanted(const struct device *device)
{
    const struct station *s = &device->station;
    bool time = fabs(s->dog_timeout_s - device->recipe->profile->watchdog.timeout_s) < 0.5;
    return time && (!has_fallback(device) || fabs(s->dog_fallback_a - wanted_fallback_a(device)) < 0.05);
}

static void read_it(const struct device *device, struct station *s, const struct inlet_step *timeout,
                    const struct inlet_step *fallback)
{
    const struct recipe *recipe = device->recipe;
    const struct profile_watchdog *dog = &recipe->profile->watchdog;
    s->dog_timeout_s = profile_decode_command(&dog->timeout, &recipe->dog_timeout, timeout->words);
    s->dog_fallback_a =
        fallback ? profile_decode_command(&dog->fallback, &recipe->dog_fallback, fallback->words) : 0;
}

static void conclude(const struct device *device, struct station *s, const struct inlet_job *job,
                     int64_t now_ms)
{
    bool wrote = s->dog_doing == DOG_WRITES;
    bool both = has_fallback(device);
    int first_read = wrote ? (both ? 2 : 1) : 0;
    s->dog_doing = DOG_RESTS;
    s->dog = DOG_UNVERIFIED;
    s->dog_has_reason = job->err != EW_OK;
    s->dog_due_ms = now_ms + (s->dog_tries < TRIES_MAX ? TRY_AGAIN_MS : GIVEN_UP_MS);
    s->dog_tries = s->dog_tries < TRIES_MAX ? s->dog_tries + wrote : 0;
    if (job->err != EW_OK) {
        s->dog_reason = job->reason;
        return;
    }
    read_it(device, s, &job->steps[first_read], both ? &job->steps[first_read + 1] : NULL);
    if (as_wanted(device)) {
        s->dog = DOG_VERIFIED;
        s->dog_tries = 0;
        s->dog_due_ms = now_ms + LOOK_AGAIN_MS;
    } else if (wrote) {
        s->dog_has_reason = true;
        ew_fail(&s->dog_reason, EW_E_PROTOCOL, "station.watchdog_not_taken", "",
                "The watchdog was set to %g s and %g A, but reads %g s and %g A.",
                device->recipe->profile->watchdog.timeout_s, wanted_fallback_a(device), s->dog_timeout_s,
                s->dog_fallback_a);
        ew_reason_param(&s->dog_reason, "told_s", "%g", device->recipe->profile->watchdog.timeout_s);
        ew_reason_param(&s->dog_reason, "told_a", "%g", wanted_fallback_a(device));
        ew_reason_param(&s->dog_reason, "says_s", "%g", s->dog_timeout_s);
        ew_reason_param(&s->dog_reason, "says_a", "%g", s->dog_fallback_a);
    } else {
        s->dog_due_ms = now_ms; // read otherwise: to be written
        s->dog_doing = DOG_WRITES;
    }
}

static void on_done(void *user, const struct inlet_job *job)
{
    struct fleet *fleet = user;
    struct device *device = fleet_device(fleet, job->device);
    if (!device || !device->recipe || job->tag != device->station_number)
        return;
    device->station.dog_busy = false;
    conclude(device, &device->station, job, ew_clock_up_ms());
    station_review(fleet, device);
}

static void ask(struct fleet *fleet, struct device *device, int64_t now_ms)
{
    struct station *s = &device->station;
    const struct recipe *recipe = device->recipe;
    const struct profile_watchdog *dog = &recipe->profile->watchdog;
    struct ew_reason reason;
    bool write = s->dog_doing == DOG_WRITES;
    struct inlet_job *job =
        inlet_job_new(INLET_COMMAND, recipe->unit, recipe->timeout_ms, recipe->gap_ms, on_done, fleet);
    job->device = device->id;
    job->tag = device->station_number;
    // The fallback first: armed before it, the watchdog would fall to whatever stands there.
    if (write && has_fallback(device))
        add_write(job, &dog->fallback, &recipe->dog_fallback, wanted_fallback_a(device));
    if (write)
        add_write(job, &dog->timeout, &recipe->dog_timeout, dog->timeout_s);
    add_read(job, &recipe->dog_timeout);
    if (has_fallback(device))
        add_read(job, &recipe->dog_fallback);
    s->dog_busy = fleet_ask(fleet, recipe->bus, job, &reason) == EW_OK;
    if (!s->dog_busy)
        s->dog_due_ms = now_ms + TRY_AGAIN_MS;
}

int64_t station_mind_watchdog(struct fleet *fleet, struct device *device, int64_t now_ms)
{
    struct station *s = &device->station;
    if (s->dog == DOG_NONE || !s->managed || s->dog_busy || device->said != RESULT_ON)
        return INT64_MAX;
    if (!s->config.reachable)
        return INT64_MAX;
    if (s->dog == DOG_VERIFIED && !as_wanted(device)) { // the site wants another fallback
        s->dog = DOG_UNVERIFIED;
        s->dog_due_ms = now_ms;
    }
    if (now_ms < s->dog_due_ms)
        return s->dog_due_ms;
    if (s->dog_doing == DOG_RESTS)
        s->dog_doing = DOG_READS;
    ask(fleet, device, now_ms);
    return s->dog_busy ? INT64_MAX : s->dog_due_ms;
}

void station_back(struct device *device)
{
    device->station.dog_due_ms = 0;
    device->station.dog_tries = 0;
}
