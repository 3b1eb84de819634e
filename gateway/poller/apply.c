// How a new configuration is applied: what did not change does not notice.
#include "poller/fleet_priv.h"

#include "base/clock.h"
#include <stdlib.h>
#include <string.h>

enum {
    NO_BUS_MS = 1000,  // a device may be heard of before its bus
    GIVE_AGAIN_MS = 50 // a bus thread was too busy to take its new plan
};

static bool bus_works(const struct bus *bus)
{
    return bus->configured && !bus->bad && bus->config.on && recipe_can_poll(bus->config.type);
}

static void give_later(struct fleet *fleet, const struct recipe *recipe)
{
    struct bus *bus = recipe ? fleet_bus(fleet, recipe->bus) : NULL;
    if (bus)
        bus->give = true;
}

static void take_recipe(struct fleet *fleet, struct device *device, struct recipe *recipe)
{
    if (recipe && device->recipe && recipe_same(device->recipe, recipe)) {
        recipe_release(recipe);
        return;
    }
    give_later(fleet, device->recipe);
    give_later(fleet, recipe);
    bool refused = lessons_any_refused(device);
    memory_begin(device, recipe);
    if (refused && device->recipe && !lessons_any_refused(device))
        fleet_publish_device(fleet, device);
}

static void not_polled(struct fleet *fleet, struct device *device, enum device_state state,
                       const struct ew_reason *reason)
{
    take_recipe(fleet, device, NULL);
    fleet_set_device_state(fleet, device, state, reason);
}

static void apply_device(struct fleet *fleet, struct device *device, int64_t now_ms)
{
    struct ew_reason reason;
    const struct bus *bus = fleet_bus(fleet, device->config.bus);
    if (device->bad) {
        not_polled(fleet, device, DEVICE_UNCONFIGURED, &device->bad_reason);
        return;
    }
    if (!device->config.on || (bus && bus->configured && !bus->bad && !bus->config.on)) {
        not_polled(fleet, device, DEVICE_OFF, NULL);
        return;
    }
    if (!bus || !bus->configured) {
        if (now_ms - device->seen_ms < NO_BUS_MS) {
            fleet_apply_soon(fleet, NO_BUS_MS);
            return;
        }
        ew_fail(&reason, EW_E_UNKNOWN, "device.no_bus", "", "The bus %lld of this device does not exist.",
                (long long)device->config.bus);
        ew_reason_param(&reason, "bus", "%lld", (long long)device->config.bus);
        not_polled(fleet, device, DEVICE_UNCONFIGURED, &reason);
        return;
    }
    if (!bus_works(bus)) {
        ew_fail(&reason, EW_E_UNSUPPORTED, "device.bus_unusable", "",
                "The bus of this device can't be used.");
        not_polled(fleet, device, DEVICE_UNCONFIGURED, bus->bad ? &bus->bad_reason : &reason);
        return;
    }
    struct recipe *recipe = recipe_new(&device->config, &bus->config, fleet->shelf, &reason);
    if (recipe) {
        recipe->urgent |= device->id == fleet->meter;
        lessons_recall(fleet, recipe);
        take_recipe(fleet, device, recipe);
    } else {
        not_polled(fleet, device, DEVICE_UNCONFIGURED, &reason);
    }
}

static bool same_line(const struct mb_options *a, const struct mb_options *b)
{
    return a->kind == b->kind && strcmp(a->address, b->address) == 0 && a->port == b->port &&
           a->speed_baud == b->speed_baud && a->parity == b->parity && a->stop_bits == b->stop_bits;
}

void fleet_stop_worker(struct bus *bus)
{
    if (bus->worker && !bus->ending) {
        bus->ending = true;
        worker_stop(bus->worker);
    }
}

static void start_worker(struct fleet *fleet, struct bus *bus)
{
    struct worker_options o = {.bus = bus->id,
                               .number = ++fleet->workers_started,
                               .line = recipe_line_options(&bus->config),
                               .results = fleet->intake.queue};
    bus->line = o.line;
    bus->number = o.number;
    bus->give = true;
    bus->worker = worker_new(&o);
}

static void give(struct fleet *fleet, struct bus *bus)
{
    struct recipe **list = calloc((size_t)fleet->device_count + 1, sizeof(*list));
    int count = 0;
    if (!list)
        abort();
    for (int i = 0; i < fleet->device_count; i++)
        if (fleet->devices[i]->recipe && fleet->devices[i]->recipe->bus == bus->id)
            list[count++] = fleet->devices[i]->recipe;
    if (worker_give(bus->worker, list, count) == EW_OK)
        bus->give = false;
    else
        fleet_apply_soon(fleet, GIVE_AGAIN_MS);
    free(list);
}

static void apply_bus(struct fleet *fleet, struct bus *bus)
{
    struct ew_reason reason;
    if (!bus_works(bus)) {
        fleet_stop_worker(bus);
        if (!bus->configured)
            return;
        ew_fail(&reason, EW_E_UNSUPPORTED, "bus.unsupported", "",
                "Buses of the type \"%s\" are not part of this version.",
                site_bus_type_name(bus->config.type));
        ew_reason_param(&reason, "type", "%s", site_bus_type_name(bus->config.type));
        if (!bus->bad && !bus->config.on)
            fleet_set_bus_state(fleet, bus, BUS_OFF, NULL);
        else
            fleet_set_bus_state(fleet, bus, BUS_ERROR, bus->bad ? &bus->bad_reason : &reason);
        return;
    }
    struct mb_options line = recipe_line_options(&bus->config);
    if (bus->worker && !same_line(&line, &bus->line))
        fleet_stop_worker(bus);
    if (!bus->worker)
        start_worker(fleet, bus);
    if (!bus->ending && bus->give)
        give(fleet, bus);
}

static void forget_device(struct fleet *fleet, int at)
{
    struct device *device = fleet->devices[at];
    topic_text topic;
    take_recipe(fleet, device, NULL);
    lessons_forget(fleet, device->id);
    topic_device(topic, device->id, "status");
    fleet_retain(fleet, topic, NULL);
    free(device);
    fleet->device_count--;
    memmove(fleet->devices + at, fleet->devices + at + 1,
            sizeof(device) * (size_t)(fleet->device_count - at));
}

static void forget_bus(struct fleet *fleet, int at)
{
    struct bus *bus = fleet->buses[at];
    topic_text topic;
    topic_bus_status(topic, bus->id);
    fleet_retain(fleet, topic, NULL);
    free(bus);
    fleet->bus_count--;
    memmove(fleet->buses + at, fleet->buses + at + 1, sizeof(bus) * (size_t)(fleet->bus_count - at));
}

void fleet_apply(struct ew_timer *timer, int64_t now_ms)
{
    struct fleet *fleet = timer->user;
    for (int i = fleet->device_count - 1; i >= 0; i--)
        if (!fleet->devices[i]->configured)
            forget_device(fleet, i);
    for (int i = 0; i < fleet->device_count; i++)
        apply_device(fleet, fleet->devices[i], now_ms);
    for (int i = 0; i < fleet->bus_count; i++)
        apply_bus(fleet, fleet->buses[i]);
    for (int i = fleet->bus_count - 1; i >= 0; i--)
        if (!fleet->buses[i]->configured && !fleet->buses[i]->worker)
            forget_bus(fleet, i);
    for (int i = 0; i < fleet->device_count; i++) {
        fleet_review_device(fleet, fleet->devices[i]);
        station_review(fleet, fleet->devices[i]);
    }
}
