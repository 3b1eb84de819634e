// What the bus threads say, and how devices and buses are in consequence.
#include "poller/fleet_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include <string.h>

static bool same_reason(bool has_a, const struct ew_reason *a, const struct ew_reason *b)
{
    if (has_a != (b != NULL))
        return false;
    return !b || (strcmp(a->code, b->code) == 0 && strcmp(a->text, b->text) == 0);
}

static void log_state(enum ew_log_level level, const char *kind, int64_t id, const char *state,
                      const struct ew_reason *reason)
{
    ew_log(level, kind, "%s=%lld state=%s%s%s", kind, (long long)id, state, reason ? ": " : "",
           reason ? reason->text : "");
}

// A bus that goes down, or comes back, takes its devices with it: that is said once, of the bus.
static void log_device(const struct fleet *fleet, struct device *device, enum device_state state,
                       const struct ew_reason *reason)
{
    static const char *const names[] = {"unknown", "on", "off", "error", "fault", "unconfigured"};
    bool before = device->down_with_bus;
    device->down_with_bus = state == DEVICE_ERROR && fleet_bus_trouble(fleet, device) != NULL;
    bool of_bus = device->down_with_bus || (before && state == DEVICE_ON);
    if (device->state != state || before != device->down_with_bus)
        log_state(of_bus ? EW_LOG_INFO : EW_LOG_NOTICE, "device", device->id, names[state], reason);
}

void fleet_set_device_state(struct fleet *fleet, struct device *device, enum device_state state,
                            const struct ew_reason *reason)
{
    if (device->state == state && same_reason(device->has_reason, &device->reason, reason))
        return;
    if (device->state != state) {
        device->since_ms = ew_clock_wall_ms();
        if (state == DEVICE_ON)
            station_back(device);
    }
    log_device(fleet, device, state, reason);
    device->state = state;
    device->has_reason = reason != NULL;
    if (reason)
        device->reason = *reason;
    fleet_publish_device(fleet, device);
}

void fleet_set_bus_state(struct fleet *fleet, struct bus *bus, enum bus_state state,
                         const struct ew_reason *reason)
{
    static const char *const names[] = {"unknown", "on", "off", "error"};
    if (bus->state == state && same_reason(bus->has_reason, &bus->reason, reason))
        return;
    if (bus->state != state) {
        bus->since_ms = ew_clock_wall_ms();
        log_state(EW_LOG_NOTICE, "bus", bus->id, names[state], reason);
    }
    bus->state = state;
    bus->has_reason = reason != NULL;
    if (reason)
        bus->reason = *reason;
    fleet_publish_bus(fleet, bus);
}

const struct ew_reason *fleet_bus_trouble(const struct fleet *fleet, const struct device *device)
{
    const struct bus *bus = fleet_bus(fleet, device->config.bus);
    return bus && bus->down ? &bus->down_reason : NULL;
}

void fleet_review_device(struct fleet *fleet, struct device *device)
{
    if (!device->recipe)
        return; // off or unconfigured: said when that was found
    const struct ew_reason *trouble = fleet_bus_trouble(fleet, device);
    if (trouble)
        fleet_set_device_state(fleet, device, DEVICE_ERROR, trouble);
    else if (device->said == RESULT_ERROR)
        fleet_set_device_state(fleet, device, DEVICE_ERROR, &device->said_reason);
    else if (device->said == RESULT_ON && device->fault)
        fleet_set_device_state(fleet, device, DEVICE_FAULT, &device->fault_reason);
    else if (device->said == RESULT_ON)
        fleet_set_device_state(fleet, device, DEVICE_ON,
                               device->said_has_reason ? &device->said_reason : NULL);
}

// When every device of a line fails in the way that points at the line, the line is what a person must look
// at.
static bool line_is_mute(const struct fleet *fleet, const struct bus *bus, struct ew_reason *ret)
{
    bool serial = bus->line.kind != MB_TCP;
    int polled = 0, mute = 0, closed = 0;
    for (int i = 0; i < fleet->device_count; i++) {
        const struct device *d = fleet->devices[i];
        if (!d->recipe || d->recipe->bus != bus->id)
            continue;
        polled++;
        if (d->said != RESULT_ERROR)
            return false;
        mute += serial && strcmp(d->said_reason.code, "bus.timeout") == 0;
        if (strcmp(d->said_reason.code, "bus.closed") == 0) {
            closed++;
            *ret = d->said_reason;
        }
    }
    if (polled > 0 && closed == polled)
        return true;
    if (polled < 2 || mute != polled)
        return false;
    ew_fail(
        ret, EW_E_TIMEOUT, "bus.silent", "",
        "None of the %d devices on this line answers. Check the wiring (A and B swapped?), the speed and the "
        "parity.",
        polled);
    ew_reason_param(ret, "count", "%d", polled);
    return true;
}

void fleet_review_bus(struct fleet *fleet, struct bus *bus)
{
    struct ew_reason reason;
    if (!bus->configured || !bus->worker || bus->ending)
        return;
    if (bus->down)
        fleet_set_bus_state(fleet, bus, BUS_ERROR, &bus->down_reason);
    else if (line_is_mute(fleet, bus, &reason))
        fleet_set_bus_state(fleet, bus, BUS_ERROR, &reason);
    else if (bus->state != BUS_UNKNOWN || bus->figures.polls > 0)
        fleet_set_bus_state(fleet, bus, BUS_ON, fleet_over_full(bus, &reason) ? &reason : NULL);
}

static void take_bus(struct fleet *fleet, struct bus *bus, const struct result *result)
{
    bus->figures = result->figures;
    if (result->state == RESULT_ERROR && result->reason) {
        bus->down = true;
        bus->down_reason = *result->reason;
        for (int i = 0; i < fleet->device_count; i++) // how they are is not known until they are read again
            if (fleet->devices[i]->recipe && fleet->devices[i]->recipe->bus == bus->id)
                fleet->devices[i]->said = RESULT_UNCHANGED;
    } else if (result->state == RESULT_ON) {
        bus->down = false;
        if (bus->state == BUS_UNKNOWN)
            fleet_set_bus_state(fleet, bus, BUS_ON, NULL);
    }
    bool before = bus->state == BUS_ERROR;
    fleet_review_bus(fleet, bus);
    if (result->state != RESULT_UNCHANGED || before != (bus->state == BUS_ERROR))
        for (int i = 0; i < fleet->device_count; i++)
            if (fleet->devices[i]->config.bus == bus->id)
                fleet_review_device(fleet, fleet->devices[i]);
    fleet_publish_bus(fleet, bus); // the figures
}

static void say_error(struct device *device, uint64_t raw)
{
    char words[EW_PARAM_VALUE_MAX];
    profile_error_words(device->recipe->profile, raw, words, sizeof(words));
    ew_fail(&device->fault_reason, EW_E_IO, words[0] ? "station.error_word" : "station.error_code", "",
            words[0] ? "The charge point reports error %llu: %s." : "The charge point reports error %llu.",
            (unsigned long long)raw, words);
    ew_reason_param(&device->fault_reason, "error", "%llu", (unsigned long long)raw);
    if (words[0])
        ew_reason_param(&device->fault_reason, "word", "%s", words);
    device->fault = true;
}

// A charge point says itself that it is out of order.
static void find_fault(struct device *device)
{
    const struct profile *profile = device->recipe->profile;
    int code = profile_find(profile, "error_code");
    const struct remembered *m = code >= 0 ? &device->memory[code] : NULL;
    device->fault = false;
    if (m && m->known && m->good && !m->nulled && m->raw != 0) {
        say_error(device, m->raw);
        return;
    }
    const struct remembered *s =
        profile->state_register >= 0 ? &device->memory[profile->state_register] : NULL;
    const char *name = s && s->known && s->good && !s->nulled ? profile_state_name(profile, s->raw) : NULL;
    if (name && (strcmp(name, "E") == 0 || strcmp(name, "F") == 0)) {
        ew_fail(&device->fault_reason, EW_E_IO, "station.out_of_order", "",
                "The charge point says that it is out of order (state %s).", name);
        ew_reason_param(&device->fault_reason, "state", "%s", name);
        device->fault = true;
    }
}

static void take_device(struct fleet *fleet, const struct result *result)
{
    struct device *device = fleet_device(fleet, result->recipe->device);
    if (!device || device->recipe != result->recipe)
        return; // of before a change
    if (result->kind == RESULT_LEARNT) {
        if (lessons_take(fleet, device, result->learnt))
            fleet_publish_device(fleet, device);
        return;
    }
    if (result->state != RESULT_UNCHANGED) {
        device->said = result->state;
        device->said_has_reason = result->reason != NULL;
        if (result->reason)
            device->said_reason = *result->reason;
    }
    if (result->kind == RESULT_PASS && memory_pass(device, result)) {
        if (result->group == PROFILE_CHARGE)
            find_fault(device);
        fleet_publish_group(fleet, device, result->group);
        if (result->group == PROFILE_STATE)
            command_heard(fleet, device);
        if (result->group == PROFILE_CHARGE)
            station_heard(fleet, device, result->up_ms);
    }
    if (result->state != RESULT_UNCHANGED || result->group == PROFILE_CHARGE) {
        fleet_review_device(fleet, device);
        struct bus *bus = fleet_bus(fleet, device->config.bus);
        if (bus)
            fleet_review_bus(fleet, bus);
        station_review(fleet, device);
    }
}

static void take(struct fleet *fleet, struct result *result)
{
    struct bus *bus = fleet_bus(fleet, result->bus);
    if (!bus || !bus->worker || bus->number != result->worker)
        return;
    switch (result->kind) {
    case RESULT_PASS:
    case RESULT_STATE:
    case RESULT_LEARNT:
        if (!bus->ending)
            take_device(fleet, result);
        break;
    case RESULT_BUS:
        if (!bus->ending)
            take_bus(fleet, bus, result);
        break;
    case RESULT_JOB:
        worker_end_job(bus->worker, result->job);
        result->job = NULL;
        break;
    case RESULT_ENDED:
        worker_free(bus->worker);
        bus->worker = NULL;
        bus->ending = bus->down = false;
        bus->polls_before += bus->figures.polls;
        bus->errors_before += bus->figures.errors;
        bus->figures = (struct bus_figures){0};
        if (!fleet->stopping)
            fleet_apply_soon(fleet, 0);
        break;
    }
}

void fleet_take_result(void *user, struct result *result)
{
    take(user, result);
    result_free(result);
}
