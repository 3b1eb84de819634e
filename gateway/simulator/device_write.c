// What a simulated device does with what is written to it.
#include "simulator/device_priv.h"

#include "simulator/station.h"
#include <math.h>
#include <string.h>

// The place that a write covers exactly, -1 = none.
static int find_place(const struct device *device, const struct frame_request *request)
{
    for (int i = 0; i < device_place_count(device); i++) {
        const struct profile_bound *bound = &device->places[i];
        if (bound->fc == request->function && bound->address == request->address &&
            bound->words == request->count)
            return i;
    }
    return -1;
}

static void prepare(struct device *device)
{
    const struct profile *profile = device->profile;
    int first = device_place_count(device) - profile->setup_count;
    device->plant->station.unprepared = false;
    for (int i = 0; i < profile->setup_count; i++)
        if (device->written[first + i] != profile->setup[i].on)
            device->plant->station.unprepared = true;
}

static double amperes_of(const struct device *device, const struct profile_command *command, double value)
{
    return command->unit == PROFILE_LIMIT_PERCENT ? value / 100 * device->plant->station.rated_a : value;
}

static void carry_out_extra(struct device *device, const struct plant *plant, int place, double value)
{
    struct plant_station *station = &device->plant->station;
    int number;
    switch (device_extra_of(device, place, &number)) {
    case DEVICE_EXTRA_TIMEOUT:
        station->watchdog_s = value;
        station_feed(plant, device->plant);
        break;
    case DEVICE_EXTRA_FALLBACK:
        if (device->profile->watchdog.fallback.unit == PROFILE_LIMIT_W)
            station->fallback_w = value;
        else
            station->fallback_a = amperes_of(device, &device->profile->watchdog.fallback, value);
        station_feed(plant, device->plant);
        break;
    case DEVICE_EXTRA_ALIVE:
        station_lives(plant, device->plant, value, device->profile->alive.value_count > 1);
        break;
    case DEVICE_EXTRA_SETUP:
        prepare(device);
        break;
    }
}

// A limit for each phase: what may be drawn is bounded by the highest.
static double highest_limit(const struct device *device, double value)
{
    int command = profile_find_command(device->profile, "limit");
    for (int i = 0; i < device->profile->commands[command].also_count; i++)
        value = fmax(value, device->also[i]);
    return value;
}

static void carry_out(struct device *device, const struct plant *plant, int place, double value)
{
    const struct profile_command *command = device_command(device, place);
    device->written[place] = value;
    if (place >= device->profile->command_count)
        carry_out_extra(device, plant, place, value);
    else if (strcmp(command->name, "limit") == 0 && command->unit == PROFILE_LIMIT_W)
        station_power(plant, device->plant, value);
    else if (strcmp(command->name, "limit") == 0)
        station_limit(plant, device->plant, amperes_of(device, command, highest_limit(device, value)));
    else if (strcmp(command->name, "release") == 0)
        station_release(plant, device->plant, value == command->on);
    else if (strcmp(command->name, "phases") == 0)
        station_phases(device->plant, value == command->on);
    else if (command->read_back >= 0) // an output is as it was told to be
        device->ordered[command->read_back] = value == command->on;
}

// One of the limit's other phases, -1 = it is none.
static int find_also(const struct device *device, const struct frame_request *request, int *ret_place)
{
    *ret_place = profile_find_command(device->profile, "limit");
    const struct profile_command *limit = *ret_place >= 0 ? &device->profile->commands[*ret_place] : NULL;
    for (int i = 0; limit && i < limit->also_count; i++)
        if (request->function == device->places[*ret_place].fc && request->address == limit->also[i] &&
            request->count == limit->words)
            return i;
    return -1;
}

static enum frame_exception write_place(struct device *device, const struct plant *plant,
                                        const struct frame_request *request, int place, int also)
{
    uint16_t words[4] = {0};
    bool bits = request->function == 5 || request->function == 15;
    for (int i = 0; i < request->count; i++)
        words[i] = bits ? frame_request_bit(request, i) : frame_request_register(request, i);
    double value = profile_decode_command(device_command(device, place), &device->places[place], words);
    if (isnan(value) || value < 0)
        return FRAME_ILLEGAL_VALUE;
    if (also >= 0) {
        device->also[also] = value;
        value = device->written[place];
    }
    carry_out(device, plant, place, value);
    device->writes++;
    device->written_ms = device->asked_ms;
    device->imaged_second = -1;
    return FRAME_NO_EXCEPTION;
}

enum frame_exception device_write(struct device *device, const struct plant *plant,
                                  const struct frame_request *request)
{
    int place = find_place(device, request), limit;
    int also = place < 0 ? find_also(device, request, &limit) : -1;
    if (place < 0 && also < 0)
        return device_place_count(device) > 0 ? FRAME_ILLEGAL_ADDRESS : FRAME_ILLEGAL_FUNCTION;
    return write_place(device, plant, request, also >= 0 ? limit : place, also);
}
