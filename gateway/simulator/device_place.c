// What can be written to a simulated device, and where it reads back.
#include "simulator/device_priv.h"

static int dog_places(const struct profile *profile)
{
    return profile->watchdog.there ? profile->watchdog.fallback.name[0] ? 2 : 1 : 0;
}

int device_place_count(const struct device *device)
{
    const struct profile *profile = device->profile;
    return profile->command_count + dog_places(profile) + (profile->alive.there ? 1 : 0) +
           profile->setup_count;
}

enum device_extra device_extra_of(const struct device *device, int place, int *ret_number)
{
    const struct profile *profile = device->profile;
    int at = place - profile->command_count;
    *ret_number = 0;
    if (at < dog_places(profile))
        return at == 0 ? DEVICE_EXTRA_TIMEOUT : DEVICE_EXTRA_FALLBACK;
    at -= dog_places(profile);
    if (at == 0 && profile->alive.there)
        return DEVICE_EXTRA_ALIVE;
    *ret_number = at - (profile->alive.there ? 1 : 0);
    return DEVICE_EXTRA_SETUP;
}

const struct profile_command *device_command(const struct device *device, int place)
{
    const struct profile *profile = device->profile;
    int number;
    if (place < profile->command_count)
        return &profile->commands[place];
    switch (device_extra_of(device, place, &number)) {
    case DEVICE_EXTRA_TIMEOUT:
        return &profile->watchdog.timeout;
    case DEVICE_EXTRA_FALLBACK:
        return &profile->watchdog.fallback;
    case DEVICE_EXTRA_ALIVE:
        return &profile->alive.place;
    case DEVICE_EXTRA_SETUP:
        break;
    }
    return &profile->setup[number];
}

const struct profile_command *device_read_command(const struct device *device, int place)
{
    const struct profile_watchdog *dog = &device->profile->watchdog;
    const struct profile_command *written = device_command(device, place);
    if (written == &dog->timeout && dog->timeout_read.name[0])
        return &dog->timeout_read;
    return written == &dog->fallback && dog->fallback_read.name[0] ? &dog->fallback_read : written;
}

struct profile_bound device_readable_place(const struct device *device, int place)
{
    struct profile_bound bound = device->reads[place];
    bound.fc = bound.fc == 5 || bound.fc == 15 ? 1 : device_read_command(device, place)->input ? 4 : 3;
    return bound;
}
