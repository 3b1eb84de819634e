// A limit as requests on the bus: what core/lease/order says, and what the station answers to it.
#include "poller/fleet_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include <math.h>
#include <string.h>

int32_t limit_ma_of(double a)
{
    return a >= 0 && a < 1e6 ? (int32_t)lround(a * 1000) : -1;
}

const struct remembered *limit_heard(const struct device *device, const char *quantity)
{
    int index = profile_find(device->recipe->profile, quantity);
    const struct remembered *m = index >= 0 ? &device->memory[index] : NULL;
    return m && m->shown && m->good && !m->nulled ? m : NULL;
}

bool limit_charges(const struct device *device, bool *ret_known)
{
    const struct remembered *m = limit_heard(device, "state");
    const char *letter = m ? profile_state_name(device->recipe->profile, m->raw) : NULL;
    *ret_known = letter != NULL;
    return letter && (letter[0] == 'C' || letter[0] == 'D');
}

static const struct profile_command *release_of(const struct device *device)
{
    int index = profile_find_command(device->recipe->profile, "release");
    return index >= 0 ? &device->recipe->profile->commands[index] : NULL;
}

// What the release's register says; a value that is neither on nor off is no leave to charge.
static enum order_release released(const struct profile_command *release, uint64_t raw)
{
    return (double)raw == release->on ? ORDER_RELEASED : ORDER_HELD;
}

static enum order_release release_heard(const struct device *device)
{
    const struct profile_command *release = release_of(device);
    if (!release || release->read_back < 0)
        return device->station.release;
    const struct remembered *m = limit_heard(device, "release");
    return m ? released(release, m->raw) : ORDER_UNKNOWN;
}

static int32_t in_force(const struct device *device, enum order_release release, int32_t limit_ma)
{
    const struct profile_command *command = release_of(device);
    bool known, charges = limit_charges(device, &known);
    return order_in_force_ma(&device->station.rule, command && command->read_back >= 0, release, limit_ma,
                             charges);
}

// "No value" of a station that does not charge: nothing is in force.
static int32_t nothing_ma(const struct device *device)
{
    bool known, charges = limit_charges(device, &known);
    return known && !charges ? 0 : -1;
}

int32_t limit_in_force_ma(const struct device *device)
{
    int index = limit_register(device->recipe->profile);
    const struct remembered *m = index >= 0 ? &device->memory[index] : NULL;
    const struct profile_limit *unit = &device->station.limit;
    if (!m || !m->shown || m->nulled || !profile_limit_known(unit))
        return -1;
    if (!m->good)
        return nothing_ma(device);
    return in_force(device, release_heard(device), profile_limit_ma(unit, m->number));
}

// ---- Asking ----------------------------------------------------------------------------------------------

static void add_write(struct inlet_job *job, const struct profile_command *command,
                      const struct profile_bound *place, double value)
{
    uint16_t words[4];
    profile_encode_command(command, place, value, words);
    inlet_add_write(job, place->fc, place->address, place->words, words);
}

static void add_limit(const struct device *device, struct inlet_job *job, int32_t limit_ma)
{
    const struct recipe *recipe = device->recipe;
    int index = profile_find_command(recipe->profile, "limit");
    const struct profile_command *command = &recipe->profile->commands[index];
    struct profile_bound place = recipe->writes[index];
    double told = profile_limit_told(&device->station.limit, limit_ma);
    add_write(job, command, &place, told);
    for (int i = 0; i < command->also_count; i++) {
        place.address = command->also[i];
        add_write(job, command, &place, told);
    }
}

static void add_release(const struct device *device, struct inlet_job *job, bool on)
{
    const struct recipe *recipe = device->recipe;
    int index = profile_find_command(recipe->profile, "release");
    const struct profile_command *command = &recipe->profile->commands[index];
    add_write(job, command, &recipe->writes[index], on ? command->on : command->off);
}

void limit_add_alive(const struct device *device, struct inlet_job *job)
{
    const struct profile_alive *alive = &device->recipe->profile->alive;
    add_write(job, &alive->place, &device->recipe->alive, alive->values[alive_value(&device->station.alive)]);
}

void limit_add_writes(const struct device *device, struct inlet_job *job, int32_t limit_ma)
{
    struct order order;
    order_make(&device->station.rule, limit_ma, device->station.lease.read_ma, &order);
    for (int i = 0; i < order.count; i++) {
        if (order.steps[i].place == ORDER_ALIVE)
            limit_add_alive(device, job);
        else if (order.steps[i].place == ORDER_LIMIT)
            add_limit(device, job, order.steps[i].limit_ma);
        else
            add_release(device, job, order.steps[i].place == ORDER_RELEASE);
    }
}

static void add_read(struct inlet_job *job, const struct profile_bound *place)
{
    inlet_add_read(job, place->fc, place->address, place->words);
}

void limit_add(const struct device *device, struct inlet_job *job, int32_t limit_ma)
{
    const struct recipe *recipe = device->recipe;
    const struct profile_command *release = release_of(device);
    limit_add_writes(device, job, limit_ma);
    add_read(job, &recipe->bound[limit_register(recipe->profile)]);
    if (release && release->read_back >= 0)
        add_read(job, &recipe->bound[release->read_back]);
}

// ---- What came back --------------------------------------------------------------------------------------

static bool is_read(const struct inlet_step *step)
{
    return step->fc <= 4;
}

static int write_count(const struct inlet_job *job)
{
    int count = 0;
    while (count < job->step_count && !is_read(&job->steps[count]))
        count++;
    return count;
}

static bool read_one(const struct device *device, int index, const struct inlet_step *step,
                     struct profile_value *ret)
{
    profile_decode(device->recipe->profile, index, &device->recipe->bound[index], step->words, ret);
    return ret->quality == PROFILE_GOOD;
}

static int32_t read_back_ma(const struct device *device, const struct inlet_job *job, int reads)
{
    const struct profile *profile = device->recipe->profile;
    const struct profile_command *release = release_of(device);
    struct profile_value value;
    enum order_release is = device->station.release;
    if (job->next_step <= reads)
        return -1;
    if (!read_one(device, limit_register(profile), &job->steps[reads], &value))
        return value.quality == PROFILE_NO_VALUE ? nothing_ma(device) : -1;
    int32_t limit_ma = profile_limit_ma(&device->station.written, value.number);
    if (release && release->read_back >= 0) {
        if (job->next_step <= reads + 1 ||
            !read_one(device, release->read_back, &job->steps[reads + 1], &value))
            return -1;
        return in_force(device, released(release, value.raw), limit_ma);
    }
    // A release just withdrawn may still find the station in the state of before: it is belied by the next
    // pass.
    return is == ORDER_HELD && release ? 0 : limit_ma;
}

bool limit_done(struct device *device, const struct inlet_job *job, int32_t *ret_back_ma)
{
    struct station *s = &device->station;
    const struct profile_command *release = release_of(device);
    const struct recipe *recipe = device->recipe;
    int writes = write_count(job);
    bool done = job->next_step >= writes;
    if (s->rule.alive)
        limit_alive_wrote(device, false, job->next_step >= 1);
    for (int i = 0; i < writes && release; i++) {
        const struct profile_bound *place = &recipe->writes[profile_find_command(recipe->profile, "release")];
        if (job->steps[i].fc != place->fc || job->steps[i].address != place->address || !job->steps[i].asked)
            continue;
        uint16_t words[4];
        profile_encode_command(release, place, release->on, words);
        bool on = memcmp(words, job->steps[i].words, sizeof(words[0]) * place->words) == 0;
        s->release = i >= job->next_step ? ORDER_UNKNOWN : on ? ORDER_RELEASED : ORDER_HELD;
    }
    *ret_back_ma = done ? read_back_ma(device, job, writes) : -1;
    return done;
}

// ---- The sign of life ------------------------------------------------------------------------------------

static struct alive_rule alive_rule_of(const struct profile *profile)
{
    return (struct alive_rule){.value_count = profile->alive.value_count,
                               .every_ms = (int64_t)(profile->alive.every_s * 1000)};
}

void limit_alive_wrote(struct device *device, bool alone, bool done)
{
    struct alive_rule rule = alive_rule_of(device->recipe->profile);
    alive_wrote(&device->station.alive, &rule, alone, done, ew_clock_up_ms());
}

static void on_alive(void *user, const struct inlet_job *job)
{
    struct fleet *fleet = user;
    struct device *device = fleet_device(fleet, job->device);
    if (!device || !device->recipe || job->tag != device->station_number)
        return;
    limit_alive_wrote(device, true, job->err == EW_OK);
    if (job->err != EW_OK)
        ew_warning("station", "device=%lld sign of life: %s", (long long)device->id, job->reason.text);
    station_review(fleet, device);
}

int64_t station_mind_alive(struct fleet *fleet, struct device *device, int64_t now_ms)
{
    struct station *s = &device->station;
    const struct recipe *recipe = device->recipe;
    if (!recipe->profile->alive.there || !s->config.writable)
        return INT64_MAX;
    // While a limit counts, or its watchdog is armed. A station that nobody governs is left to itself.
    bool wanted = s->reachable && (s->dog == DOG_VERIFIED || s->lease.state != LEASE_NONE);
    struct alive_rule rule = alive_rule_of(recipe->profile);
    struct ew_reason reason;
    int64_t wake;
    if (alive_next(&s->alive, &rule, wanted, now_ms, &wake) < 0)
        return wake;
    struct inlet_job *job =
        inlet_job_new(INLET_SETPOINT, recipe->unit, recipe->timeout_ms, recipe->gap_ms, on_alive, fleet);
    job->device = device->id;
    job->tag = device->station_number;
    limit_add_alive(device, job);
    if (fleet_ask(fleet, recipe->bus, job, &reason) == EW_OK)
        return INT64_MAX;
    limit_alive_wrote(device, true, false);
    return now_ms + ALIVE_RETRY_MS;
}
