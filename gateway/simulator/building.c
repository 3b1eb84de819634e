#include "simulator/building.h"

#include <stdlib.h>
#include <string.h>

enum { CATCH_UP_MAX_S = 7 * 86400 /* a suspended machine does not replay a month */ };

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        abort();
    return memory;
}

static const cJSON *list_of(const cJSON *site, const char *key)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(site, key);
    return cJSON_IsArray(list) ? list->child : NULL;
}

static int count_of(const cJSON *first)
{
    int count = 0;
    for (; first; first = first->next)
        count++;
    return count;
}

// ---- Devices ---------------------------------------------------------------------------------------------

struct making {
    struct building *building;
    const struct library *library;
    struct ew_reason *reason;
    struct site_device *sites; // as read
    const struct profile **profiles;
    int count;
};

// The profile that the device is served from: its own, or that of all modules at its address. What can't be
// put together is served as its first module: the gateway has to find that out. NULL with a reason when a
// profile is not there; NULL without (*ret_none) when nothing is known of its registers.
static const struct profile *profile_of(struct making *making, const struct site_device *device,
                                        const char *path, bool *ret_none)
{
    const struct profile *modules[SITE_PARTS_MAX + 1];
    int count = 0;
    for (int i = -1; i < device->part_count; i++) {
        const char *id = i < 0 ? device->profile : device->parts[i];
        if (id[0] && !(modules[count++] = library_find(making->library, id))) {
            (void)ew_fail(making->reason, EW_E_UNKNOWN, "simulator.profile", path,
                          "there is no profile \"%s\"", id);
            return NULL;
        }
    }
    *ret_none = count == 0;
    if (count <= 1)
        return count ? modules[0] : NULL;
    size_t head = (sizeof(struct profile) + 15) / 16 * 16;
    size_t memory = profile_compose_memory(modules, count);
    struct profile *group = zeroed(1, head + memory);
    struct ew_arena arena;
    struct ew_reason why;
    ew_arena_init(&arena, (unsigned char *)group + head, memory);
    if (profile_compose(modules, count, &arena, group, &why) != EW_OK) {
        free(group);
        return modules[0];
    }
    making->building->groups[making->building->group_count++] = group;
    return group;
}

static enum ew_err read_devices(struct making *making, const cJSON *site)
{
    int index = 0;
    for (const cJSON *node = list_of(site, "devices"); node; node = node->next, index++) {
        char path[EW_PATH_MAX];
        (void)ew_format(path, sizeof(path), "/devices/%d", index);
        struct site_device *device = &making->sites[making->count];
        enum ew_err err = site_device_read(node, path, device, making->reason);
        if (err != EW_OK)
            return err;
        bool none = false;
        const struct profile *profile = profile_of(making, device, path, &none);
        if (none) // unconfigured
            continue;
        if (!profile)
            return EW_E_UNKNOWN;
        making->profiles[making->count++] = profile;
    }
    return EW_OK;
}

static int main_meter(const struct making *making, const cJSON *site)
{
    const cJSON *greenup = cJSON_GetObjectItemCaseSensitive(site, "greenup");
    const cJSON *meter = cJSON_GetObjectItemCaseSensitive(greenup, "meter");
    for (int i = 0; i < making->count && cJSON_IsNumber(meter); i++)
        if ((double)making->sites[i].id == meter->valuedouble && making->profiles[i]->kind == PROFILE_METER)
            return i;
    for (int i = 0; i < making->count; i++)
        if (making->sites[i].circuit == 0 && making->profiles[i]->kind == PROFILE_METER)
            return i;
    return -1;
}

static enum ew_err make_device(struct making *making, int from, enum plant_role role)
{
    struct building *building = making->building;
    const struct site_device *site = &making->sites[from];
    struct plant_device *plant = &building->plant.devices[building->plant.count];
    plant_device_init(&building->plant, plant, site->id, role, site->phases,
                      site_param(site, "rated_current", 32));
    struct ew_reason why;
    enum ew_err err =
        device_init(&building->devices[building->device_count], site, making->profiles[from], plant, &why);
    if (err != EW_OK)
        return ew_fail(making->reason, err, why.code, "", "device %lld: %s", (long long)site->id, why.text);
    building->plant.count++;
    building->device_count++;
    return EW_OK;
}

static enum ew_err make_devices(struct making *making, const cJSON *site)
{
    int main_index = main_meter(making, site);
    enum ew_err err = EW_OK;
    for (int i = 0; i < making->count && err == EW_OK; i++) {
        bool station = making->profiles[i]->kind == PROFILE_STATION;
        if (i != main_index)
            err = make_device(making, i, station ? PLANT_STATION : PLANT_LOAD);
    }
    if (err == EW_OK && main_index >= 0)
        err = make_device(making, main_index, PLANT_MAIN);
    return err;
}

// ---- Buses -----------------------------------------------------------------------------------------------

static void give_devices(struct building *building, struct server *server)
{
    server->devices = zeroed((size_t)building->device_count, sizeof(struct device *));
    for (int i = 0; i < building->device_count; i++)
        if (building->devices[i].site.bus == server->bus.id)
            server->devices[server->device_count++] = &building->devices[i];
}

static enum ew_err make_servers(struct making *making, const cJSON *site, struct ew_loop *loop,
                                const char *listen)
{
    struct building *building = making->building;
    int index = 0;
    for (const cJSON *node = list_of(site, "buses"); node; node = node->next, index++) {
        char path[EW_PATH_MAX];
        struct site_bus bus;
        (void)ew_format(path, sizeof(path), "/buses/%d", index);
        enum ew_err err = site_bus_read(node, path, &bus, making->reason);
        if (err != EW_OK)
            return err;
        struct server *server = &building->servers[building->server_count++];
        server_init(server, &bus, loop, &building->plant);
        if (listen && bus.type != SITE_BUS_RTU)
            ew_copy(server->address, sizeof(server->address), listen);
        give_devices(building, server);
        err = server_plug(server, making->reason);
        if (err != EW_OK)
            return err;
    }
    return EW_OK;
}

enum ew_err building_make(struct building *building, const cJSON *site, const struct library *library,
                          const struct trace *trace, struct ew_loop *loop,
                          const struct building_options *options, struct ew_reason *reason)
{
    size_t devices = (size_t)count_of(list_of(site, "devices"));
    struct making making = {.building = building, .library = library, .reason = reason};
    struct site_settings settings;
    *building = (struct building){.speed = options->speed, .first_second = options->start_second};
    enum ew_err err =
        site_settings_read(cJSON_GetObjectItemCaseSensitive(site, "site"), "/site", &settings, reason);
    if (err != EW_OK)
        return err;
    building->plant = (struct plant){.trace = trace,
                                     .nominal_v = settings.nominal_voltage_v,
                                     .speed = options->speed,
                                     .second = options->start_second,
                                     .random = options->seed};
    building->plant.devices = zeroed(devices, sizeof(struct plant_device));
    building->devices = zeroed(devices, sizeof(struct device));
    building->servers = zeroed((size_t)count_of(list_of(site, "buses")), sizeof(struct server));
    building->groups = zeroed(devices, sizeof(struct profile *));
    making.sites = zeroed(devices, sizeof(struct site_device));
    making.profiles = zeroed(devices, sizeof(struct profile *));
    err = read_devices(&making, site);
    if (err == EW_OK)
        err = make_devices(&making, site);
    if (err == EW_OK) {
        course_init(&building->course, &building->plant);
        plant_step(&building->plant); // every channel has a value before the first question
        building->first_second = building->plant.second;
        building->began_ms = ew_loop_now_ms(loop);
        err = make_servers(&making, site, loop, options->listen);
    }
    free(making.sites);
    free(making.profiles);
    return err;
}

void building_done(struct building *building)
{
    for (int i = 0; i < building->server_count; i++) {
        server_unplug(&building->servers[i]);
        free(building->servers[i].devices);
    }
    for (int i = 0; i < building->device_count; i++)
        device_done(&building->devices[i]);
    for (int i = 0; i < building->group_count; i++)
        free(building->groups[i]);
    free(building->groups);
    course_done(&building->course);
    free(building->servers);
    free(building->devices);
    free(building->plant.devices);
    *building = (struct building){0};
}

static void step(struct building *building)
{
    plant_step(&building->plant);
    course_note(&building->course, &building->plant);
}

void building_catch_up(struct building *building, int64_t now_ms)
{
    double passed_s = (double)(now_ms - building->began_ms) / 1000 * building->speed;
    int64_t target = building->first_second + (int64_t)passed_s;
    if (target - building->plant.second > CATCH_UP_MAX_S) {
        building->first_second -= target - building->plant.second - CATCH_UP_MAX_S;
        target = building->plant.second + CATCH_UP_MAX_S;
    }
    while (building->plant.second < target)
        step(building);
}

void building_step(struct building *building, int64_t seconds)
{
    building->first_second += seconds;
    for (int64_t i = 0; i < seconds; i++)
        step(building);
}

struct device *building_device(struct building *building, int64_t id)
{
    for (int i = 0; i < building->device_count; i++)
        if (building->devices[i].site.id == id)
            return &building->devices[i];
    return NULL;
}

struct server *building_server(struct building *building, int64_t bus_id)
{
    for (int i = 0; i < building->server_count; i++)
        if (building->servers[i].bus.id == bus_id)
            return &building->servers[i];
    return NULL;
}
