#include "recorder/places.h"

#include "base/log.h"
#include "core/site/site.h"
#include <stdlib.h>
#include <string.h>

struct model {
    char id[EW_NAME_MAX];
    bool known;
    enum site_service service;
    bool counts, has_power;
};

struct bus {
    int64_t id, panel;
};

struct place_of_device {
    int64_t id, bus;
    char model[EW_NAME_MAX];    // "" = unconfigured
    struct history_place place; // without panel and service
};

struct places {
    struct ew_service *service;
    struct sampler *sampler;
    places_now_fn *now;
    int model_count, bus_count, device_count;
    struct model models[EW_PROFILES_MAX];
    struct bus buses[EW_BUSES_MAX];
    struct place_of_device devices[EW_DEVICES_MAX]; // by rising id
};

// ---- Looking up ------------------------------------------------------------------------------------------

static struct model *model_of(struct places *p, const char *id)
{
    for (int i = 0; i < p->model_count; i++)
        if (strcmp(p->models[i].id, id) == 0)
            return &p->models[i];
    return NULL;
}

static struct bus *bus_of(struct places *p, int64_t id)
{
    for (int i = 0; i < p->bus_count; i++)
        if (p->buses[i].id == id)
            return &p->buses[i];
    return NULL;
}

static int device_at(const struct places *p, int64_t id)
{
    int low = 0, high = p->device_count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (p->devices[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool places_integrates(const struct places *p, int64_t id)
{
    int at = device_at(p, id);
    if (at == p->device_count || p->devices[at].id != id)
        return false;
    for (int i = 0; i < p->model_count; i++)
        if (strcmp(p->models[i].id, p->devices[at].model) == 0)
            return p->models[i].known && !p->models[i].counts && p->models[i].has_power;
    return false;
}

// A device is placed when its bus and its model are known: the first place holds for all its past.
static void apply(struct places *p, const struct place_of_device *device)
{
    struct history_place place = device->place;
    const struct bus *bus = bus_of(p, device->bus);
    const struct model *model = model_of(p, device->model);
    if (!bus || (device->model[0] && !(model && model->known)))
        return;
    place.panel = bus->panel;
    place.service = model ? model->service : SITE_ELECTRICITY;
    struct sampler_now now;
    p->now(&now);
    sampler_member(p->sampler, device->id, &place, &now);
}

static void apply_all(struct places *p, int64_t bus, const char *model)
{
    for (int i = 0; i < p->device_count; i++)
        if (p->devices[i].bus == bus || (model && strcmp(p->devices[i].model, model) == 0))
            apply(p, &p->devices[i]);
}

// ---- Configuration ---------------------------------------------------------------------------------------

static cJSON *parse(const struct mq_message *m)
{
    cJSON *tree = NULL;
    struct ew_reason reason;
    if (m->payload_len &&
        ew_json_parse(m->payload, m->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, &reason) != EW_OK)
        ew_warning("places", "%s: %s, ignoring", m->topic, reason.text);
    return tree;
}

static void on_bus(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct places *p = user;
    struct site_bus bus;
    cJSON *tree = parse(m); // an empty one: the bus is gone, and its devices before it
    if (tree && site_bus_read(tree, "", &bus, NULL) == EW_OK) {
        struct bus *known = bus_of(p, bus.id);
        if (!known && p->bus_count < EW_BUSES_MAX)
            known = &p->buses[p->bus_count++];
        if (known) {
            *known = (struct bus){bus.id, bus.panel};
            apply_all(p, bus.id, NULL);
        }
    }
    cJSON_Delete(tree);
}

static void read_quantities(const cJSON *tree, struct model *model)
{
    const cJSON *item;
    model->counts = model->has_power = false;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(tree, "quantities"))
    {
        const char *name = cJSON_GetStringValue(item);
        if (!name)
            continue;
        model->counts = model->counts || strcmp(name, history_service_quantity(SITE_ELECTRICITY)) == 0;
        model->has_power = model->has_power || strcmp(name, "active_power") == 0;
    }
}

static void on_profile(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct places *p = user;
    cJSON *tree = parse(m);
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "id"));
    const char *service = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "service"));
    if (id && strlen(id) < EW_NAME_MAX) {
        struct model *model = model_of(p, id);
        if (!model && p->model_count < EW_PROFILES_MAX)
            model = &p->models[p->model_count++];
        if (model) {
            ew_copy(model->id, sizeof(model->id), id);
            model->known = true;
            model->service = SITE_ELECTRICITY;
            for (int i = 0; service && i < SITE_SERVICE_COUNT; i++)
                if (strcmp(service, history_service_name((enum site_service)i)) == 0)
                    model->service = (enum site_service)i;
            read_quantities(tree, model);
            apply_all(p, -1, id);
        }
    }
    cJSON_Delete(tree);
}

static struct place_of_device *make_device(struct places *p, int64_t id)
{
    int at = device_at(p, id);
    if (at < p->device_count && p->devices[at].id == id)
        return &p->devices[at];
    if (p->device_count == EW_DEVICES_MAX)
        return NULL;
    memmove(&p->devices[at + 1], &p->devices[at], (size_t)(p->device_count - at) * sizeof(p->devices[0]));
    p->device_count++;
    return &p->devices[at];
}

static void on_device(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct places *p = user;
    struct ew_reason reason;
    struct site_device device;
    cJSON *tree = parse(m); // an empty one: the device is gone, its past stays
    if (tree && site_device_read(tree, "", &device, &reason) != EW_OK) {
        ew_warning("places", "%s%s: %s, ignoring", m->topic, reason.path, reason.text);
    } else if (tree) {
        struct place_of_device *known = make_device(p, device.id);
        if (known) {
            *known = (struct place_of_device){.id = device.id, .bus = device.bus};
            ew_copy(known->model, sizeof(known->model), device.profile);
            known->place.circuit = device.circuit;
            known->place.excluded = device.exclude_totals;
            known->place.zone_count = device.zone_count;
            memcpy(known->place.zones, device.zones, (size_t)device.zone_count * sizeof(device.zones[0]));
            apply(p, known);
        }
    }
    cJSON_Delete(tree);
}

struct places *places_new(struct ew_service *service, struct sampler *sampler, places_now_fn *now)
{
    struct places *p = calloc(1, sizeof(*p));
    if (!p)
        abort();
    p->service = service;
    p->sampler = sampler;
    p->now = now;
    mq_subscribe(service->mq, "config/bus/+", 1, on_bus, p);
    mq_subscribe(service->mq, "config/profile/+", 1, on_profile, p);
    mq_subscribe(service->mq, "config/device/+", 1, on_device, p);
    return p;
}

void places_free(struct places *p)
{
    free(p);
}
