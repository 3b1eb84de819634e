// What the objects of a site say about each other.
#include "core/site/check_priv.h"

#include <assert.h>
#include <string.h>

// ---- buses -----------------------------------------------------------------------------------------------

struct wanted_bus {
    const struct checker *c;
    const struct site_bus *bus;
};

static bool same_bus_name(const void *user, uint32_t item)
{
    const struct wanted_bus *wanted = user;
    return strcmp(wanted->c->buses[item].name, wanted->bus->name) == 0;
}

static bool serial_type(enum site_bus_type type)
{
    return type == SITE_BUS_RTU || type == SITE_BUS_TIC;
}

static bool same_line(const void *user, uint32_t item)
{
    const struct wanted_bus *wanted = user;
    const struct site_bus *a = &wanted->c->buses[item], *b = wanted->bus;
    return serial_type(a->type) == serial_type(b->type) && strcmp(a->address, b->address) == 0 &&
           (serial_type(a->type) || a->port == b->port);
}

static void check_reference(struct checker *c, enum site_kind kind, uint32_t index, const char *key,
                            enum site_kind target, int64_t id)
{
    if (id && !checker_exists(c, target, id))
        checker_fail(c, kind, index, key, "site.no_such", "there is no %s %lld", site_kind_name(target),
                     (long long)id);
}

static void check_quality_device(struct checker *c, uint32_t index)
{
    const struct site_bus *bus = &c->buses[index];
    int64_t device = bus->quality_device ? checker_find(c, SITE_DEVICE, bus->quality_device) : -1;
    check_reference(c, SITE_BUS, index, "quality_device", SITE_DEVICE, bus->quality_device);
    if (device < 0)
        return;
    const cJSON *where = cJSON_GetObjectItemCaseSensitive(c->lists[SITE_DEVICE].items[device].node, "bus");
    if (cJSON_IsNumber(where) && where->valuedouble != (double)bus->id)
        checker_fail(c, SITE_BUS, index, "quality_device", "site.other_bus", "device %lld is not on this bus",
                     (long long)bus->quality_device);
}

static void check_bus_alone(struct checker *c, uint32_t index, int64_t *local)
{
    const struct site_bus *bus = &c->buses[index];
    if (bus->type >= SITE_BUS_MQTT)
        checker_fail(c, SITE_BUS, index, "type", "site.bus_type_later",
                     "\"%s\" is reserved for a later version", site_bus_type_name(bus->type));
    if (bus->local && *local >= 0)
        checker_fail(c, SITE_BUS, index, "local", "site.two_local", "/buses/%lld is the local bus already",
                     (long long)*local);
    if (bus->local && *local < 0)
        *local = index;
    check_reference(c, SITE_BUS, index, "panel", SITE_PANEL, bus->panel);
    check_quality_device(c, index);
}

void checker_buses(struct checker *c)
{
    struct checker_list *list = &c->lists[SITE_BUS];
    struct site_index names, lines;
    c->buses = ew_arena_take(&c->arena, list->count, sizeof(*c->buses));
    assert(c->buses || list->count == 0);
    site_index_init(&names, &c->arena, list->count);
    site_index_init(&lines, &c->arena, list->count);
    int64_t local = -1;
    for (uint32_t i = 0; i < list->count; i++) {
        struct site_bus *bus = &c->buses[i];
        if (!list->items[i].good || site_bus_read(list->items[i].node, "", bus, NULL) != EW_OK)
            continue;
        check_bus_alone(c, i, &local);
        struct wanted_bus wanted = {c, bus};
        int64_t other =
            site_index_put(&names, site_hash(bus->name, strlen(bus->name)), i, same_bus_name, &wanted);
        if (other >= 0)
            checker_fail(c, SITE_BUS, i, "name", "site.name_twice", "\"%s\" is already the name of bus %lld",
                         bus->name, (long long)c->buses[other].id);
        other = site_index_put(&lines, site_hash(bus->address, strlen(bus->address)), i, same_line, &wanted);
        if (other >= 0)
            checker_fail(c, SITE_BUS, i, "address", "site.line_twice",
                         "bus %lld is already on this line; put its devices there",
                         (long long)c->buses[other].id);
    }
}

// ---- devices ---------------------------------------------------------------------------------------------

static bool same_key(const void *user, uint32_t item)
{
    const struct checker *c = ((const void *const *)user)[0];
    const struct checker_key *a = &c->keys[item], *b = ((const void *const *)user)[1];
    return a->bus == b->bus && a->unit == b->unit && a->interface == b->interface &&
           a->position == b->position && a->side == b->side;
}

static bool named(const struct checker *c, uint32_t index)
{
    return cJSON_GetObjectItemCaseSensitive(c->lists[SITE_DEVICE].items[index].node, "name") != NULL;
}

static bool same_device_name(const void *user, uint32_t item)
{
    const struct checker *c = ((const void *const *)user)[0];
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(c->lists[SITE_DEVICE].items[item].node, "name");
    return cJSON_IsString(name) && strcmp(name->valuestring, ((const void *const *)user)[1]) == 0;
}

static void check_key(struct checker *c, struct site_index *keys, uint32_t index,
                      const struct site_device *device)
{
    c->keys[index] =
        (struct checker_key){device->bus, device->unit, device->interface, device->position, device->side};
    uint32_t hash = site_hash(&device->bus, sizeof(device->bus)) * 31u + (uint32_t)device->unit * 131u +
                    (uint32_t)device->interface * 1031u + (uint32_t)device->position * 8209u +
                    (unsigned char)device->side;
    const void *user[] = {c, &c->keys[index]};
    int64_t other = site_index_put(keys, hash, index, same_key, user);
    if (other < 0)
        return;
    char address[32];
    site_device_address(device, address);
    checker_fail(c, SITE_DEVICE, index, "unit", "site.duplicate_address",
                 "address %s of bus %lld is already that of device %lld", address, (long long)device->bus,
                 (long long)c->lists[SITE_DEVICE].items[other].id);
}

// A device without a name shows its address, which may stand once on each bus; a given name is unique.
static void check_given_name(struct checker *c, struct site_index *names, uint32_t index,
                             const struct site_device *device)
{
    const void *user[] = {c, device->name};
    if (!named(c, index))
        return;
    int64_t other =
        site_index_put(names, site_hash(device->name, strlen(device->name)), index, same_device_name, user);
    if (other >= 0)
        checker_fail(c, SITE_DEVICE, index, "name", "site.name_twice",
                     "\"%s\" is already the name of device %lld", device->name,
                     (long long)c->lists[SITE_DEVICE].items[other].id);
}

static void check_default_name(struct checker *c, const struct site_index *names, uint32_t index,
                               const struct site_device *device)
{
    const void *user[] = {c, device->name};
    if (named(c, index))
        return;
    int64_t other =
        site_index_find(names, site_hash(device->name, strlen(device->name)), same_device_name, user);
    if (other >= 0)
        checker_fail(c, SITE_DEVICE, index, "name", "site.name_needed",
                     "is missing, and its address \"%s\" is already the name of device %lld", device->name,
                     (long long)c->lists[SITE_DEVICE].items[other].id);
}

static void check_profile(struct checker *c, uint32_t index, const char *key, const char *profile)
{
    if (profile[0] && c->check->profile_known && !c->check->profile_known(c->check->user, profile))
        checker_fail(c, SITE_DEVICE, index, key, "site.no_profile", "there is no profile \"%s\"", profile);
}

static void check_places(struct checker *c, uint32_t index, const struct site_device *device)
{
    check_reference(c, SITE_DEVICE, index, "bus", SITE_BUS, device->bus);
    check_reference(c, SITE_DEVICE, index, "circuit", SITE_CIRCUIT, device->circuit);
    for (int i = 0; i < device->zone_count; i++)
        check_reference(c, SITE_DEVICE, index, "zones", SITE_ZONE, device->zones[i]);
    int64_t at = checker_find(c, SITE_BUS, device->bus);
    if (at < 0 || !c->lists[SITE_BUS].items[at].good)
        return;
    // Modbus over serial line, 2.2: 0 is the broadcast, 248 to 255 are reserved.
    enum site_bus_type type = c->buses[at].type;
    if ((type == SITE_BUS_RTU || type == SITE_BUS_RTU_TCP) && (device->unit < 1 || device->unit > 247))
        checker_fail(c, SITE_DEVICE, index, "unit", "site.unit_range",
                     "%d is outside 1..247 (bus %lld is an RTU line)", device->unit, (long long)device->bus);
}

static void check_device(struct checker *c, uint32_t index, const struct site_device *device)
{
    const cJSON *node = c->lists[SITE_DEVICE].items[index].node;
    check_places(c, index, device);
    check_profile(c, index, "profile", device->profile);
    for (int i = 0; i < device->part_count; i++) {
        struct site_part part;
        char key[32];
        site_part_read(node, i, &part);
        (void)ew_format(key, sizeof(key), "parts/%d/profile", i);
        check_profile(c, index, key, part.profile);
    }
    struct ew_reason reason;
    char path[EW_PATH_MAX];
    ew_reason_clear(&reason);
    (void)ew_format(path, sizeof(path), "/devices/%u", index);
    if (c->check->device && c->check->device(c->check->user, device, path, &reason) != EW_OK)
        checker_report(c, &reason);
}

void checker_devices(struct checker *c)
{
    struct checker_list *list = &c->lists[SITE_DEVICE];
    struct site_index names, keys;
    struct site_device device;
    c->keys = ew_arena_take(&c->arena, list->count, sizeof(*c->keys));
    assert(c->keys || list->count == 0);
    site_index_init(&names, &c->arena, list->count);
    site_index_init(&keys, &c->arena, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        if (!list->items[i].good || site_device_read(list->items[i].node, "", &device, NULL) != EW_OK)
            continue;
        check_device(c, i, &device);
        check_key(c, &keys, i, &device);
        check_given_name(c, &names, i, &device);
    }
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i].good && site_device_read(list->items[i].node, "", &device, NULL) == EW_OK)
            check_default_name(c, &names, i, &device);
}

// ---- circuits, tariffs -----------------------------------------------------------------------------------

static int choice(const cJSON *node, const char *key, const char *const *names)
{
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(node, key);
    for (int i = 0; cJSON_IsString(text) && names[i]; i++)
        if (strcmp(names[i], text->valuestring) == 0)
            return i;
    return -1;
}

void checker_circuits(struct checker *c)
{
    int own = 0;
    int64_t used[8] = {0};
    for (uint32_t i = 0; i < c->lists[SITE_CIRCUIT].count; i++) {
        const struct checker_item *item = &c->lists[SITE_CIRCUIT].items[i];
        if (!item->good)
            continue;
        int use = choice(item->node, "use", site_uses);
        if (use < 0 && ++own == SITE_USER_CIRCUITS_MAX + 1)
            checker_fail(c, SITE_CIRCUIT, i, NULL, "site.circuits",
                         "is one more than the %d circuits of your own beside the built-in ones",
                         SITE_USER_CIRCUITS_MAX);
        if (use >= 0 && used[use])
            checker_fail(c, SITE_CIRCUIT, i, "use", "site.use_twice", "\"%s\" is already circuit %lld",
                         site_uses[use], (long long)used[use]);
        if (use >= 0 && !used[use])
            used[use] = item->id;
    }
}

static void check_rule(struct checker *c, uint32_t index)
{
    const struct checker_item *rule = &c->lists[SITE_COST_RULE].items[index];
    if (!rule->good)
        return;
    int64_t id = (int64_t)cJSON_GetObjectItemCaseSensitive(rule->node, "tariff")->valuedouble;
    check_reference(c, SITE_COST_RULE, index, "tariff", SITE_TARIFF, id);
    int64_t at = checker_find(c, SITE_TARIFF, id);
    if (at < 0 || !c->lists[SITE_TARIFF].items[at].good)
        return;
    int mine = choice(rule->node, "service", site_services);
    int its = choice(c->lists[SITE_TARIFF].items[at].node, "service", site_services);
    if (mine != its)
        checker_fail(c, SITE_COST_RULE, index, "tariff", "site.other_service", "tariff %lld is one of %s",
                     (long long)id, site_services[its]);
}

void checker_tariffs(struct checker *c)
{
    int counts[3] = {0};
    for (uint32_t i = 0; i < c->lists[SITE_TARIFF].count; i++) {
        const struct checker_item *item = &c->lists[SITE_TARIFF].items[i];
        int service = item->good ? choice(item->node, "service", site_services) : -1;
        if (service >= 0 && ++counts[service] == SITE_TARIFFS_PER_SERVICE_MAX + 1)
            checker_fail(c, SITE_TARIFF, i, NULL, "site.tariffs", "is one more than the %d tariffs of %s",
                         SITE_TARIFFS_PER_SERVICE_MAX, site_services[service]);
    }
    for (uint32_t i = 0; i < c->lists[SITE_COST_RULE].count; i++)
        check_rule(c, i);
}

// ---- devices named by singletons -------------------------------------------------------------------------

static void check_named_device(struct checker *c, const cJSON *id, const char *path)
{
    if (!cJSON_IsNumber(id) || id->valuedouble < 1 || id->valuedouble > SITE_ID_MAX ||
        checker_exists(c, SITE_DEVICE, (int64_t)id->valuedouble))
        return;
    struct ew_reason reason;
    ew_reason_clear(&reason);
    (void)ew_fail(&reason, EW_E_INVALID, "site.no_such", path, "there is no device %lld",
                  (long long)id->valuedouble);
    checker_report(c, &reason);
}

// Every object of the list at <singleton>/<list> may name a device under "device".
static void check_list_devices(struct checker *c, const char *singleton, const char *list)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(c->site, singleton);
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(node, list);
    int index = 0;
    for (const cJSON *child = cJSON_IsArray(array) ? array->child : NULL; child;
         child = child->next, index++) {
        char path[EW_PATH_MAX];
        (void)ew_format(path, sizeof(path), "/%s/%s/%d/device", singleton, list, index);
        check_named_device(c, cJSON_GetObjectItemCaseSensitive(child, "device"), path);
        const cJSON *devices = cJSON_GetObjectItemCaseSensitive(child, "devices");
        (void)ew_format(path, sizeof(path), "/%s/%s/%d/devices", singleton, list, index);
        for (const cJSON *id = cJSON_IsArray(devices) ? devices->child : NULL; id; id = id->next)
            check_named_device(c, id, path);
    }
}

static void check_stations_once(struct checker *c)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(c->site, "greenup");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(node, "stations");
    unsigned char seen[EW_DEVICES_MAX / 8] = {0};
    int index = 0;
    for (const cJSON *child = cJSON_IsArray(list) ? list->child : NULL; child; child = child->next, index++) {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(child, "device");
        int64_t at = cJSON_IsNumber(id) && id->valuedouble >= 1 && id->valuedouble <= SITE_ID_MAX
                         ? checker_find(c, SITE_DEVICE, (int64_t)id->valuedouble)
                         : -1;
        if (at < 0)
            continue;
        if (seen[at / 8] & 1u << at % 8) {
            struct ew_reason reason;
            char path[EW_PATH_MAX];
            ew_reason_clear(&reason);
            (void)ew_format(path, sizeof(path), "/greenup/stations/%d/device", index);
            (void)ew_fail(&reason, EW_E_INVALID, "json.twice", path, "device %lld stands twice",
                          (long long)id->valuedouble);
            checker_report(c, &reason);
        }
        seen[at / 8] = (unsigned char)(seen[at / 8] | 1u << at % 8);
    }
}

void checker_singletons(struct checker *c)
{
    const cJSON *greenup = cJSON_GetObjectItemCaseSensitive(c->site, "greenup");
    check_named_device(c, cJSON_GetObjectItemCaseSensitive(greenup, "meter"), "/greenup/meter");
    check_list_devices(c, "greenup", "stations");
    check_stations_once(c);
    check_list_devices(c, "reports", "automatic");
    check_list_devices(c, "notifications", "rules");
}
