// A simulated device is made: its registers bound, the tables of what it answers to laid out.
#include "simulator/device_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const fault_names[] = {
#define DEVICE_FAULT_NAME(constant, name) name,
    DEVICE_FAULTS(DEVICE_FAULT_NAME)
#undef DEVICE_FAULT_NAME
};

const char *device_fault_name(enum device_fault fault)
{
    return fault_names[fault];
}

bool device_fault_find(const char *name, enum device_fault *ret)
{
    for (size_t i = 0; i < sizeof(fault_names) / sizeof(fault_names[0]); i++)
        if (strcmp(fault_names[i], name) == 0) {
            *ret = (enum device_fault)i;
            return true;
        }
    return false;
}

static double site_parameter(const void *user, const char *name, double fallback)
{
    return site_param(user, name, fallback);
}

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        abort();
    return memory;
}

static void widen(const struct profile_bound *bound, int fc, struct device_image *image, int *last)
{
    if (bound->fc != fc)
        return;
    image->first = bound->address < image->first ? bound->address : image->first;
    *last = bound->address + bound->words - 1 > *last ? bound->address + bound->words - 1 : *last;
}

static void declare(struct device *device, const struct profile_bound *bound)
{
    struct device_image *image = &device->images[bound->fc];
    for (int w = 0; w < bound->words; w++)
        image->declared[bound->address - image->first + w] = true;
}

// The span of addresses of each table, then its words.
static void make_images(struct device *device)
{
    const struct profile *profile = device->profile;
    for (int fc = 1; fc <= 4; fc++) {
        struct device_image *image = &device->images[fc];
        int last = -1;
        image->first = 65536;
        for (int i = 0; i < profile->register_count; i++)
            widen(&device->bounds[i], fc, image, &last);
        for (int i = 0; i < device_place_count(device); i++) {
            struct profile_bound bound = device_readable_place(device, i);
            if (device_command(device, i)->readable)
                widen(&bound, fc, image, &last);
        }
        image->count = last < 0 ? 0 : last - image->first + 1;
        image->words = zeroed((size_t)image->count, sizeof(*image->words));
        image->declared = zeroed((size_t)image->count, sizeof(*image->declared));
    }
    for (int i = 0; i < profile->register_count; i++)
        declare(device, &device->bounds[i]);
    for (int i = 0; i < device_place_count(device); i++) {
        struct profile_bound bound = device_readable_place(device, i);
        if (device_command(device, i)->readable)
            declare(device, &bound);
    }
}

// A set-up place begins with anything but what is wanted there.
static double begin_value(const struct device *device, int place)
{
    const struct profile_command *command = device_command(device, place);
    int number;
    if (place < device->profile->command_count)
        return command->off;
    return device_extra_of(device, place, &number) == DEVICE_EXTRA_SETUP && command->on == 0 ? 1 : 0;
}

static enum ew_err bind_places(struct device *device, struct ew_reason *reason)
{
    int count = device_place_count(device);
    const struct profile_alive *alive = &device->profile->alive;
    device->places = zeroed((size_t)count, sizeof(*device->places));
    device->reads = zeroed((size_t)count, sizeof(*device->reads));
    device->written = zeroed((size_t)count, sizeof(*device->written));
    for (int i = 0; i < count; i++) {
        device->written[i] = begin_value(device, i);
        enum ew_err err = profile_bind_command(device->profile, device_command(device, i), site_parameter,
                                               &device->site, &device->places[i], reason);
        if (err == EW_OK)
            err = profile_bind_command(device->profile, device_read_command(device, i), site_parameter,
                                       &device->site, &device->reads[i], reason);
        if (err != EW_OK)
            return err;
    }
    struct plant_station *station = &device->plant->station;
    int limit = profile_find_command(device->profile, "limit");
    if (limit >= 0)
        device->written[limit] = station->rated_a;
    for (int i = 0; i < PROFILE_ALSO_MAX; i++)
        device->also[i] = station->rated_a;
    station->in_watts = limit >= 0 && device->profile->commands[limit].unit == PROFILE_LIMIT_W;
    station->wants_life = alive->there;
    station->unprepared = device->profile->setup_count > 0;
    if (alive->there && device->profile->watchdog.feed != PROFILE_FEED_ALIVE) {
        // What is not known is taken to be the worst.
        station->life_s = alive->timeout_s > 0 ? alive->timeout_s : 2 * alive->every_s;
        station->lost_a = alive->fallback_a >= 0 ? alive->fallback_a : station->rated_a;
    }
    return EW_OK;
}

enum ew_err device_init(struct device *device, const struct site_device *site, const struct profile *profile,
                        struct plant_device *plant, struct ew_reason *reason)
{
    *device = (struct device){.site = *site, .profile = profile, .plant = plant, .imaged_second = -1};
    size_t count = (size_t)profile->register_count;
    device->bounds = zeroed(count, sizeof(*device->bounds));
    device->ordered = zeroed(count, sizeof(*device->ordered));
    for (int i = 0; i < profile->register_count; i++) {
        device->ordered[i] = NAN;
        enum ew_err err = profile_bind(profile, i, site_parameter, &device->site, &device->bounds[i], reason);
        if (err != EW_OK) {
            device_done(device);
            return err;
        }
    }
    enum ew_err err = bind_places(device, reason);
    if (err != EW_OK) {
        device_done(device);
        return err;
    }
    plant->value[CH_CT_RATIO] = site_param(site, "ct_ratio", 1);
    plant->value[CH_VT_RATIO] = site_param(site, "vt_ratio", 1);
    make_images(device);
    return EW_OK;
}

void device_done(struct device *device)
{
    for (int fc = 1; fc <= 4; fc++) {
        free(device->images[fc].words);
        free(device->images[fc].declared);
    }
    free(device->bounds);
    free(device->ordered);
    free(device->places);
    free(device->reads);
    free(device->written);
    *device = (struct device){0};
}
