// What one device is read with: its profile with the device's parameters put in, and the requests of each
// group. Immutable, so that the main thread and the device's bus thread share it; each holds a reference.
#ifndef EDGEWATT_POLLER_RECIPE_H
#define EDGEWATT_POLLER_RECIPE_H

#include "core/plan/load.h"
#include "core/plan/plan.h"
#include "core/plan/schedule.h"
#include "core/site/site.h"
#include "library/library.h"
#include "modbus/line.h"
#include <stdatomic.h>

// A loaded library that lives as long as a recipe points into it.
struct shelf {
    atomic_int references;
    struct library *library;
};
struct shelf *shelf_new(struct library *library); // takes the library
struct shelf *shelf_hold(struct shelf *shelf);
void shelf_release(struct shelf *shelf); // takes NULL

struct recipe {
    atomic_int references;
    struct shelf *shelf;
    const struct profile *profile;
    struct profile *group; // of several modules at one address: the profile, made for this recipe; else NULL
    int64_t device, bus;
    int unit, timeout_ms, gap_ms;
    int phases;    // profile_bind_phases
    bool reversed; // the current flows the other way through the sensor
    int period_ms[PROFILE_GROUP_COUNT];
    struct plan plans[PROFILE_GROUP_COUNT]; // without requests: the group is not read
    const struct profile_bound *bound;      // [profile->register_count]
    const struct profile_bound *writes;     // [profile->command_count]
    struct profile_bound dog_timeout, dog_fallback;
    struct profile_bound dog_timeout_read, dog_fallback_read; // the same where they are read in one place
    struct profile_bound alive, setup[PROFILE_SETUP_MAX];
    struct plan_cost cost; // of requests on its line
    uint8_t *learnt;       // [profile->register_count]: what the device had taught before this run (plan.h)
    uint64_t key;    // another one: another device, or another version of its profile; nothing learnt holds
    double press_ms; // load_press_ms of this device alone, because of the pauses that it wants
    bool urgent;     // the charging controller decides from it: a charge point, or the controller's meter
};

// NULL with a reason (device.no_profile, profile.unknown, profile.param_missing, plan.too_wide,
// device.nothing_to_read, device.unit) when the device can't be read as it is configured. One reference for
// the caller.
struct recipe *recipe_new(const struct site_device *device, const struct site_bus *bus, struct shelf *shelf,
                          struct ew_reason *reason);
// Do both read the same in the same way?
bool recipe_same(const struct recipe *a, const struct recipe *b);
struct recipe *recipe_hold(struct recipe *recipe);
void recipe_release(struct recipe *recipe); // any thread; takes NULL

// The line's settings from a bus of type rtu, tcp, rtu_tcp or server.
struct mb_options recipe_line_options(const struct site_bus *bus);
// Can this version poll buses of this type?
bool recipe_can_poll(enum site_bus_type type);
int recipe_period_ms(enum profile_group group, int poll_ms);
enum schedule_class recipe_class(const struct recipe *recipe, enum profile_group group);

#endif
