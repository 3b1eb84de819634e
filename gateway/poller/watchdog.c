// What stands in a charge point beside its limit, its own watchdog before all: set when it is commissioned,
// and verified by reading it back. Looked at again when the station was away (a power cut may have cost it
// its memory) and from time to time; written only when it reads otherwise, since such registers are often
// kept in a memory that wears out.
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

// As the station can take it: below its smallest current it is nothing.
static double wanted_fallback(const struct device *device)
{
    const struct lease_station *c = &device->station.config;
    return profile_limit_told(&device->station.fallback, lease_writable_ma(c, c->fallback_ma));
}

// In amperes, for people.
static double fallback_a(const struct device *device, double told)
{
    return profile_limit_ma(&device->station.fallback, told) / 1000.0;
}

// Half a count: a station may keep it with other digits.
static double tolerance(const struct device *device)
{
    const struct profile_limit *unit = &device->station.fallback;
    return unit->unit == PROFILE_LIMIT_A || unit->count <= 0 ? 0.05 : unit->count / 2;
}

// What is minded now: the watchdog of stations that Green'Up has, the set-up of those for which a limit
// counts.
static bool minds_dog(const struct device *device)
{
    return device->station.managed && device->recipe->profile->watchdog.there;
}

bool station_minds_setup(const struct device *device)
{
    const struct station *s = &device->station;
    return s->lease.state != LEASE_NONE && s->config.writable && device->recipe->profile->setup_count > 0;
}

static bool dog_as_wanted(const struct device *device)
{
    const struct station *s = &device->station;
    bool time = fabs(s->dog_timeout_s - device->recipe->profile->watchdog.timeout_s) < 0.5;
    return time &&
           (!has_fallback(device) || fabs(s->dog_fallback - wanted_fallback(device)) < tolerance(device));
}

// ---- One look: reads, or writes and then reads -----------------------------------------------------------

static void add_dog_writes(const struct device *device, struct inlet_job *job)
{
    const struct recipe *recipe = device->recipe;
    const struct profile_watchdog *dog = &recipe->profile->watchdog;
    // The fallback first: armed before it, the watchdog would fall to whatever stands there.
    if (has_fallback(device))
        add_write(job, &dog->fallback, &recipe->dog_fallback, wanted_fallback(device));
    add_write(job, &dog->timeout, &recipe->dog_timeout, dog->timeout_s);
}

static void add_steps(const struct device *device, struct inlet_job *job, bool write)
{
    const struct recipe *recipe = device->recipe;
    const struct profile *profile = recipe->profile;
    bool dog = minds_dog(device), setup = station_minds_setup(device);
    for (int i = 0; write && setup && i < profile->setup_count; i++)
        add_write(job, &profile->setup[i], &recipe->setup[i], profile->setup[i].on);
    if (write && dog)
        add_dog_writes(device, job);
    if (dog)
        inlet_add_read(job, recipe->dog_timeout_read.fc, recipe->dog_timeout_read.address,
                       recipe->dog_timeout_read.words);
    if (dog && has_fallback(device))
        inlet_add_read(job, recipe->dog_fallback_read.fc, recipe->dog_fallback_read.address,
                       recipe->dog_fallback_read.words);
    for (int i = 0; setup && i < profile->setup_count; i++)
        add_read(job, &recipe->setup[i]);
}

static double read_at(const struct profile_command *write, const struct profile_command *read,
                      const struct profile_bound *place, const struct inlet_step *step)
{
    return profile_decode_command(read->name[0] ? read : write, place, step->words);
}

// Takes the answers from the first read on; false when the watchdog, or what is set up, reads otherwise.
static bool take_reads(struct device *device, const struct inlet_step *step)
{
    struct station *s = &device->station;
    const struct recipe *recipe = device->recipe;
    const struct profile *profile = recipe->profile;
    const struct profile_watchdog *dog = &profile->watchdog;
    bool as_wanted = true;
    if (minds_dog(device)) {
        s->dog_timeout_s = read_at(&dog->timeout, &dog->timeout_read, &recipe->dog_timeout_read, step++);
        s->dog_fallback = has_fallback(device) ? read_at(&dog->fallback, &dog->fallback_read,
                                                         &recipe->dog_fallback_read, step++)
                                               : 0;
        as_wanted = dog_as_wanted(device);
        s->dog = as_wanted ? DOG_VERIFIED : DOG_UNVERIFIED;
    }
    if (!station_minds_setup(device))
        return as_wanted;
    s->prepared = true;
    for (int i = 0; i < profile->setup_count; i++, step++)
        if (profile_decode_command(&profile->setup[i], &recipe->setup[i], step->words) !=
            profile->setup[i].on)
            s->prepared = false;
    return as_wanted && s->prepared;
}

static void say_not_taken(const struct device *device, struct station *s)
{
    s->dog_has_reason = true;
    if (station_minds_setup(device) && !s->prepared) {
        ew_fail(&s->dog_reason, EW_E_PROTOCOL, "station.setup_not_taken", "",
                "The charge point was set up to follow limits, but what it reads back says otherwise.");
        return;
    }
    double told_a = fallback_a(device, wanted_fallback(device)), says_a = fallback_a(device, s->dog_fallback);
    ew_fail(&s->dog_reason, EW_E_PROTOCOL, "station.watchdog_not_taken", "",
            "The watchdog was set to %g s and %g A, but reads %g s and %g A.",
            device->recipe->profile->watchdog.timeout_s, told_a, s->dog_timeout_s, says_a);
    ew_reason_param(&s->dog_reason, "told_s", "%g", device->recipe->profile->watchdog.timeout_s);
    ew_reason_param(&s->dog_reason, "told_a", "%g", told_a);
    ew_reason_param(&s->dog_reason, "says_s", "%g", s->dog_timeout_s);
    ew_reason_param(&s->dog_reason, "says_a", "%g", says_a);
}

static int first_read(const struct inlet_job *job)
{
    int index = 0;
    while (index < job->step_count && job->steps[index].fc > 4)
        index++;
    return index;
}

static void conclude(struct device *device, struct station *s, const struct inlet_job *job, int64_t now_ms)
{
    bool wrote = s->dog_doing == DOG_WRITES;
    s->dog_doing = DOG_RESTS;
    if (s->dog != DOG_NONE)
        s->dog = DOG_UNVERIFIED;
    s->dog_has_reason = job->err != EW_OK;
    s->dog_due_ms = now_ms + (s->dog_tries < TRIES_MAX ? TRY_AGAIN_MS : GIVEN_UP_MS);
    s->dog_tries = s->dog_tries < TRIES_MAX ? s->dog_tries + wrote : 0;
    if (job->err != EW_OK) {
        s->dog_reason = job->reason;
        return;
    }
    if (take_reads(device, &job->steps[first_read(job)])) {
        s->dog_tries = 0;
        s->dog_due_ms = now_ms + LOOK_AGAIN_MS;
    } else if (wrote) {
        say_not_taken(device, s);
    } else {
        s->dog_due_ms = now_ms; // read otherwise: to be written
        s->dog_doing = DOG_WRITES;
    }
}

static int asked_of(const struct device *device)
{
    return (minds_dog(device) ? 1 : 0) | (station_minds_setup(device) ? 2 : 0);
}

static void on_done(void *user, const struct inlet_job *job)
{
    struct fleet *fleet = user;
    struct device *device = fleet_device(fleet, job->device);
    if (!device || !device->recipe || job->tag >> 2 != device->station_number)
        return;
    device->station.dog_busy = false;
    if ((job->tag & 3) != asked_of(device)) { // what is minded changed meanwhile
        device->station.dog_due_ms = 0;
        station_review(fleet, device);
        return;
    }
    conclude(device, &device->station, job, ew_clock_up_ms());
    station_review(fleet, device);
}

static void ask(struct fleet *fleet, struct device *device, int64_t now_ms)
{
    struct station *s = &device->station;
    const struct recipe *recipe = device->recipe;
    struct ew_reason reason;
    struct inlet_job *job =
        inlet_job_new(INLET_COMMAND, recipe->unit, recipe->timeout_ms, recipe->gap_ms, on_done, fleet);
    job->device = device->id;
    job->tag = device->station_number << 2 | asked_of(device);
    add_steps(device, job, s->dog_doing == DOG_WRITES);
    s->dog_busy = fleet_ask(fleet, recipe->bus, job, &reason) == EW_OK;
    if (!s->dog_busy)
        s->dog_due_ms = now_ms + TRY_AGAIN_MS;
}

int64_t station_mind_watchdog(struct fleet *fleet, struct device *device, int64_t now_ms)
{
    struct station *s = &device->station;
    int minded = asked_of(device);
    if (minded == 0 || s->dog_busy || device->said != RESULT_ON || !s->reachable)
        return INT64_MAX;
    if (minded != s->dog_minded)
        s->dog_due_ms = now_ms;
    s->dog_minded = minded;
    if (s->dog == DOG_VERIFIED && minds_dog(device) &&
        !dog_as_wanted(device)) { // the site wants another fallback
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
    device->station.prepared = false;
    device->station.release = ORDER_UNKNOWN;
}
