#include "poller/recipe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOW_MS = 10000,       // energies, quality, harmonics
    STATISTICS_MS = 60000, // links too
    INFO_MS = 3600000,
    CONNECT_MS = 3000,
    // What a device takes before it answers, where only the wire's speed is known (control.md, part C).
    LATENCY_US = 5000,
    NETWORK_US = 2000
};

struct shelf *shelf_new(struct library *library)
{
    struct shelf *shelf = calloc(1, sizeof(*shelf));
    if (!shelf)
        abort();
    shelf->library = library;
    atomic_init(&shelf->references, 1);
    return shelf;
}

struct shelf *shelf_hold(struct shelf *shelf)
{
    atomic_fetch_add(&shelf->references, 1);
    return shelf;
}

void shelf_release(struct shelf *shelf)
{
    if (!shelf || atomic_fetch_sub(&shelf->references, 1) != 1)
        return;
    library_free(shelf->library);
    free(shelf);
}

struct recipe *recipe_hold(struct recipe *recipe)
{
    atomic_fetch_add(&recipe->references, 1);
    return recipe;
}

void recipe_release(struct recipe *recipe)
{
    if (!recipe || atomic_fetch_sub(&recipe->references, 1) != 1)
        return;
    shelf_release(recipe->shelf);
    free(recipe->group);
    free(recipe);
}

static bool alike(const struct profile_command *a, const struct profile_command *b, int count)
{
    return count == 0 || memcmp(a, b, sizeof(*a) * (size_t)count) == 0;
}

static bool same_alive(const struct profile_alive *a, const struct profile_alive *b)
{
    bool same = a->there == b->there && a->value_count == b->value_count && a->every_s == b->every_s &&
                a->timeout_s == b->timeout_s && a->fallback_a == b->fallback_a;
    for (int i = 0; same && i < a->value_count; i++)
        same = a->values[i] == b->values[i];
    return same && alike(&a->place, &b->place, 1);
}

static bool same_commands(const struct profile *a, const struct profile *b)
{
    const struct profile_watchdog *x = &a->watchdog, *y = &b->watchdog;
    return a->command_count == b->command_count && alike(a->commands, b->commands, a->command_count) &&
           x->there == y->there && x->feed == y->feed && x->unit_s == y->unit_s &&
           x->timeout_s == y->timeout_s && alike(&x->timeout, &y->timeout, 1) &&
           alike(&x->fallback, &y->fallback, 1) && alike(&x->timeout_read, &y->timeout_read, 1) &&
           alike(&x->fallback_read, &y->fallback_read, 1) && same_alive(&a->alive, &b->alive) &&
           a->setup_count == b->setup_count && alike(a->setup, b->setup, a->setup_count);
}

static bool same_errors(const struct profile *a, const struct profile *b)
{
    return a->error_bits == b->error_bits && a->error_count == b->error_count &&
           (a->error_count == 0 ||
            memcmp(a->errors, b->errors, sizeof(*a->errors) * (size_t)a->error_count) == 0);
}

// Profiles of two loads of the library are the same when every register is; padding that differs costs a
// restart.
static bool same_profile(const struct profile *a, const struct profile *b)
{
    if (a == b)
        return true;
    return strcmp(a->id, b->id) == 0 && strcmp(a->version, b->version) == 0 && a->kind == b->kind &&
           a->register_count == b->register_count && a->state_register == b->state_register &&
           a->state_count == b->state_count &&
           memcmp(a->states, b->states, sizeof(a->states[0]) * (size_t)a->state_count) == 0 &&
           memcmp(a->registers, b->registers, sizeof(a->registers[0]) * (size_t)a->register_count) == 0 &&
           same_commands(a, b) && same_errors(a, b);
}

static bool same_plan(const struct plan *a, const struct plan *b)
{
    if (a->request_count != b->request_count || a->item_count != b->item_count)
        return false;
    for (int i = 0; i < a->request_count; i++)
        if (a->requests[i].fc != b->requests[i].fc || a->requests[i].address != b->requests[i].address ||
            a->requests[i].count != b->requests[i].count)
            return false;
    return true;
}

static bool same_bound(const struct profile_bound *a, const struct profile_bound *b, int count)
{
    for (int i = 0; i < count; i++)
        if (a[i].fc != b[i].fc || a[i].address != b[i].address || a[i].words != b[i].words ||
            a[i].scale != b[i].scale)
            return false;
    return true;
}

static bool same_place(const struct recipe *a, const struct recipe *b)
{
    return a->device == b->device && a->bus == b->bus && a->unit == b->unit &&
           a->timeout_ms == b->timeout_ms && a->gap_ms == b->gap_ms && a->urgent == b->urgent &&
           a->phases == b->phases;
}

bool recipe_same(const struct recipe *a, const struct recipe *b)
{
    if (!same_place(a, b) || a->reversed != b->reversed || !same_profile(a->profile, b->profile) ||
        !same_bound(a->bound, b->bound, a->profile->register_count) ||
        !same_bound(a->writes, b->writes, a->profile->command_count) ||
        !same_bound(&a->dog_timeout, &b->dog_timeout, 1) ||
        !same_bound(&a->dog_fallback, &b->dog_fallback, 1) ||
        !same_bound(&a->dog_timeout_read, &b->dog_timeout_read, 1) ||
        !same_bound(&a->dog_fallback_read, &b->dog_fallback_read, 1) ||
        !same_bound(&a->alive, &b->alive, 1) || !same_bound(a->setup, b->setup, PROFILE_SETUP_MAX))
        return false;
    for (int g = 0; g < PROFILE_GROUP_COUNT; g++)
        if (a->period_ms[g] != b->period_ms[g] || !same_plan(&a->plans[g], &b->plans[g]))
            return false;
    return true;
}

bool recipe_can_poll(enum site_bus_type type)
{
    return type == SITE_BUS_RTU || type == SITE_BUS_TCP || type == SITE_BUS_RTU_TCP ||
           type == SITE_BUS_SERVER;
}

struct mb_options recipe_line_options(const struct site_bus *bus)
{
    struct mb_options o = {.kind = bus->type == SITE_BUS_RTU       ? MB_RTU
                                   : bus->type == SITE_BUS_RTU_TCP ? MB_RTU_TCP
                                                                   : MB_TCP,
                           .port = bus->port,
                           .speed_baud = bus->serial.speed_baud,
                           .parity = bus->serial.parity,
                           .stop_bits = bus->serial.stop_bits,
                           .connect_ms = CONNECT_MS};
    memcpy(o.address, bus->address, sizeof(o.address));
    return o;
}

int recipe_period_ms(enum profile_group group, int poll_ms)
{
    int slowest = poll_ms;
    switch (group) {
    case PROFILE_INSTANT:
    case PROFILE_STATE:
    case PROFILE_CHARGE:
        break;
    case PROFILE_ENERGY:
    case PROFILE_QUALITY:
    case PROFILE_HARMONICS:
        slowest = SLOW_MS;
        break;
    case PROFILE_LINKS:
    case PROFILE_STATISTICS:
        slowest = STATISTICS_MS;
        break;
    case PROFILE_INFO:
        slowest = INFO_MS;
        break;
    case PROFILE_GROUP_COUNT:
        assert(false);
    }
    return poll_ms > slowest ? poll_ms : slowest;
}

enum schedule_class recipe_class(const struct recipe *recipe, enum profile_group group)
{
    bool fast = group == PROFILE_INSTANT || group == PROFILE_STATE || group == PROFILE_CHARGE;
    if (!fast)
        return SCHEDULE_SLOW;
    return recipe->urgent ? SCHEDULE_CONTROL : SCHEDULE_FAST;
}

static uint64_t hash(uint64_t hash, const void *data, size_t len) // FNV-1a
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const unsigned char *)data)[i]) * 1099511628211u;
    return hash;
}

static uint64_t key_of(const struct recipe *recipe)
{
    const struct profile *profile = recipe->profile;
    char place[48];
    (void)ew_format(place, sizeof(place), "%lld %d", (long long)recipe->bus, recipe->unit);
    uint64_t key = hash(14695981039346656037u, place, strlen(place) + 1);
    key = hash(key, profile->id, strlen(profile->id) + 1);
    key = hash(key, profile->version, strlen(profile->version) + 1);
    for (int i = 0; i < profile->register_count; i++) {
        const struct profile_bound *b = &recipe->bound[i];
        uint64_t where = (uint64_t)b->fc << 32 | (uint64_t)b->address << 8 | b->words;
        key = hash(key, profile->registers[i].quantity, strlen(profile->registers[i].quantity) + 1);
        key = hash(key, &where, sizeof(where));
    }
    return key;
}

static struct plan_cost cost_on(const struct site_bus *bus, const struct profile *profile)
{
    int bits = 9 + (bus->serial.parity != 'N' ? 1 : 0) + bus->serial.stop_bits;
    if (bus->type == SITE_BUS_RTU)
        return plan_cost_serial(bus->serial.speed_baud, bits, LATENCY_US, profile->limits.gap_ms);
    if (bus->type == SITE_BUS_RTU_TCP)
        return plan_cost_serial(bus->serial.speed_baud, bits, LATENCY_US + NETWORK_US,
                                profile->limits.gap_ms);
    return plan_cost_tcp(profile->limits.gap_ms);
}

static double param_of(const void *user, const char *name, double fallback)
{
    return site_param(user, name, fallback);
}

// The device's own profile and those of the other modules at its address.
struct modules {
    const struct profile *list[SITE_PARTS_MAX + 1];
    int count;
};

static bool add_module(struct modules *modules, const char *id, const struct shelf *shelf,
                       struct ew_reason *reason)
{
    if (id[0] == 0)
        return true;
    const struct profile *profile = library_find(shelf->library, id);
    if (!profile) {
        ew_fail(reason, EW_E_UNKNOWN, "device.profile_unknown", "",
                "The profile \"%s\" is not there, or was refused when it was read.", id);
        ew_reason_param(reason, "profile", "%s", id);
        return false;
    }
    modules->list[modules->count++] = profile;
    return true;
}

static bool find_modules(const struct site_device *device, const struct shelf *shelf, struct modules *ret,
                         struct ew_reason *reason)
{
    ret->count = 0;
    bool found = add_module(ret, device->profile, shelf, reason);
    for (int i = 0; i < device->part_count && found; i++)
        found = add_module(ret, device->parts[i], shelf, reason);
    if (found && ret->count == 0)
        ew_fail(reason, EW_E_INVALID, "device.no_profile", "", "No model has been chosen for this device.");
    return found && ret->count > 0;
}

// One block: the profile, then its registers and commands.
static struct profile *compose(const struct modules *modules, struct ew_reason *reason)
{
    size_t head = (sizeof(struct profile) + 15) / 16 * 16;
    size_t memory = profile_compose_memory(modules->list, modules->count);
    struct profile *group = calloc(1, head + memory);
    if (!group)
        abort();
    struct ew_arena arena;
    ew_arena_init(&arena, (unsigned char *)group + head, memory);
    if (profile_compose(modules->list, modules->count, &arena, group, reason) == EW_OK)
        return group;
    free(group);
    return NULL;
}

// A place of the watchdog: where it is written, and where it is read.
static enum ew_err fill_dog(const struct profile *profile, const struct site_device *device,
                            const struct profile_command *write, const struct profile_command *read,
                            struct profile_bound *ret_write, struct profile_bound *ret_read,
                            struct ew_reason *reason)
{
    enum ew_err err = profile_bind_command(profile, write, param_of, device, ret_write, reason);
    *ret_read = *ret_write;
    if (err == EW_OK && read->name[0])
        err = profile_bind_command(profile, read, param_of, device, ret_read, reason);
    ret_read->fc = ret_read->fc == 5 || ret_read->fc == 15 ? 1 : read->input ? 4 : 3;
    return err;
}

// What a charge point wants beside its limit.
static enum ew_err fill_extras(struct recipe *recipe, const struct site_device *device,
                               struct ew_reason *reason)
{
    const struct profile *profile = recipe->profile;
    const struct profile_watchdog *dog = &profile->watchdog;
    enum ew_err err = EW_OK;
    if (dog->there)
        err = fill_dog(profile, device, &dog->timeout, &dog->timeout_read, &recipe->dog_timeout,
                       &recipe->dog_timeout_read, reason);
    if (err == EW_OK && dog->there && dog->fallback.name[0])
        err = fill_dog(profile, device, &dog->fallback, &dog->fallback_read, &recipe->dog_fallback,
                       &recipe->dog_fallback_read, reason);
    if (err == EW_OK && profile->alive.there)
        err = profile_bind_command(profile, &profile->alive.place, param_of, device, &recipe->alive, reason);
    for (int i = 0; i < profile->setup_count && err == EW_OK; i++)
        err = profile_bind_command(profile, &profile->setup[i], param_of, device, &recipe->setup[i], reason);
    return err;
}

static enum ew_err fill_writes(struct recipe *recipe, struct ew_arena *arena,
                               const struct site_device *device, struct ew_reason *reason)
{
    const struct profile *profile = recipe->profile;
    struct profile_bound *writes = ew_arena_take(arena, (size_t)profile->command_count + 1, sizeof(*writes));
    assert(writes);
    recipe->writes = writes;
    for (int i = 0; i < profile->command_count; i++) {
        enum ew_err err =
            profile_bind_command(profile, &profile->commands[i], param_of, device, &writes[i], reason);
        if (err != EW_OK)
            return err;
    }
    return fill_extras(recipe, device, reason);
}

static enum ew_err fill(struct recipe *recipe, struct profile_bound *bound, struct ew_arena *arena,
                        const struct site_device *device, const struct site_bus *bus,
                        struct ew_reason *reason)
{
    const struct profile *profile = recipe->profile;
    recipe->cost = cost_on(bus, profile);
    int requests = 0;
    for (int i = 0; i < profile->register_count; i++) {
        enum ew_err err = profile_bind(profile, i, param_of, device, &bound[i], reason);
        if (err != EW_OK)
            return err;
    }
    recipe->bound = bound;
    enum ew_err err = fill_writes(recipe, arena, device, reason);
    if (err == EW_OK)
        err = profile_bind_phases(profile, param_of, device, &recipe->phases, reason);
    if (err != EW_OK)
        return err;
    for (int g = 0; g < PROFILE_GROUP_COUNT; g++) {
        recipe->period_ms[g] = recipe_period_ms((enum profile_group)g, bus->poll_ms);
        err = plan_build(profile, bound, NULL, (enum profile_group)g, &recipe->cost, arena, &recipe->plans[g],
                         reason);
        if (err != EW_OK)
            return err;
        requests += recipe->plans[g].request_count;
    }
    if (profile->confidence == PROFILE_NONE && profile->register_count == 0) {
        err =
            ew_fail(reason, EW_E_INVALID, "device.no_table", "",
                    "No register table of the %s is public. Attach one to read this device.", profile->model);
        ew_reason_param(reason, "model", "%s", profile->model);
        return err;
    }
    if (requests == 0) {
        err = ew_fail(reason, EW_E_INVALID, "device.nothing_to_read", "",
                      "The profile \"%s\" names no register that could be read.", profile->id);
        ew_reason_param(reason, "profile", "%s", profile->id);
        return err;
    }
    return EW_OK;
}

// A device that wants to be left alone between requests may not keep its periods even when it has the line
// for itself.
static double press_alone(const struct recipe *recipe)
{
    const struct schedule_health health = {0};
    struct schedule_task tasks[PROFILE_GROUP_COUNT] = {{0}};
    for (int g = 0; g < PROFILE_GROUP_COUNT; g++)
        tasks[g] = (struct schedule_task){.class = recipe_class(recipe, (enum profile_group)g),
                                          .period_ms = recipe->period_ms[g],
                                          .cost_us = recipe->plans[g].request_count * recipe->gap_ms * 1000};
    return load_press_ms(tasks, PROFILE_GROUP_COUNT, &health, 1);
}

struct recipe *recipe_new(const struct site_device *device, const struct site_bus *bus, struct shelf *shelf,
                          struct ew_reason *reason)
{
    struct modules modules;
    struct profile *group = NULL;
    if (!find_modules(device, shelf, &modules, reason))
        return NULL;
    bool serial = bus->type == SITE_BUS_RTU || bus->type == SITE_BUS_RTU_TCP;
    if (serial && (device->unit < 1 || device->unit > 247)) {
        ew_fail(reason, EW_E_INVALID, "device.unit", "",
                "The address %d is not possible on a serial line: 1 to 247 are.", device->unit);
        ew_reason_param(reason, "unit", "%d", device->unit);
        return NULL;
    }
    if (modules.count > 1 && !(group = compose(&modules, reason)))
        return NULL;
    const struct profile *profile = group ? group : modules.list[0];
    size_t head = (sizeof(struct recipe) + 15) / 16 * 16;
    size_t bounds = sizeof(struct profile_bound) * (size_t)profile->register_count;
    bounds += sizeof(struct profile_bound) * ((size_t)profile->command_count + 2);
    size_t memory =
        bounds + (size_t)profile->register_count + plan_memory(profile) * PROFILE_GROUP_COUNT + 128;
    struct recipe *recipe = calloc(1, head + memory);
    if (!recipe)
        abort();
    atomic_init(&recipe->references, 1);
    recipe->shelf = shelf_hold(shelf);
    recipe->profile = profile;
    recipe->group = group;
    recipe->device = device->id;
    recipe->bus = bus->id;
    recipe->unit = device->unit;
    recipe->gap_ms = profile->limits.gap_ms;
    recipe->reversed = device->downstream;
    recipe->urgent = profile->kind == PROFILE_STATION;
    recipe->timeout_ms = bus->serial.timeout_ms > profile->limits.timeout_ms ? bus->serial.timeout_ms
                                                                             : profile->limits.timeout_ms;
    struct ew_arena arena;
    ew_arena_init(&arena, (unsigned char *)recipe + head, memory);
    struct profile_bound *bound = ew_arena_take(&arena, (size_t)profile->register_count + 1, sizeof(*bound));
    recipe->learnt = ew_arena_take(&arena, (size_t)profile->register_count + 1, 1);
    assert(bound && recipe->learnt);
    if (fill(recipe, bound, &arena, device, bus, reason) != EW_OK) {
        recipe_release(recipe);
        return NULL;
    }
    recipe->key = key_of(recipe);
    recipe->press_ms = press_alone(recipe);
    return recipe;
}
