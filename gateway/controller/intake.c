// Topics about the configuration: kept, and applied together a moment later.
#include "base/log.h"
#include "controller/controller_priv.h"
#include "core/topic/topic.h"
#include <stdlib.h>
#include <string.h>

static cJSON *parse(const struct mq_message *m, struct ew_reason *reason)
{
    cJSON *tree = NULL;
    if (ew_json_parse(m->payload, m->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, reason) == EW_OK)
        return tree;
    ew_warning("config", "%s: %s, ignoring", m->topic, reason->text);
    return NULL;
}

static void *grown(void *list, int count, size_t size)
{
    if (count & (count - 1)) // full at powers of two only
        return list;
    void *more = realloc(list, (size_t)(count ? count * 2 : 1) * size);
    if (!more)
        abort();
    return more;
}

// ---- Devices ---------------------------------------------------------------------------------------------

static void forget_device(struct controller *c, int64_t id)
{
    for (int i = 0; i < c->device_count; i++)
        if (c->devices[i].id == id) {
            c->devices[i] = c->devices[--c->device_count];
            controller_apply_soon(c);
            return;
        }
}

static void keep_device(struct controller *c, const struct known_device *device)
{
    for (int i = 0; i < c->device_count; i++)
        if (c->devices[i].id == device->id) {
            c->devices[i] = *device;
            controller_apply_soon(c);
            return;
        }
    if (c->device_count == EW_DEVICES_MAX)
        return;
    c->devices = grown(c->devices, c->device_count, sizeof(*c->devices));
    c->devices[c->device_count++] = *device;
    controller_apply_soon(c);
}

static void on_device(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct controller *c = user;
    struct ew_reason reason;
    int64_t id;
    const char *text = m->topic + strlen("config/device/");
    if (!topic_parse_id(text, strlen(text), &id))
        return;
    cJSON *tree = m->payload_len ? parse(m, &reason) : NULL;
    struct site_device device;
    if (tree && site_device_read(tree, "", &device, &reason) == EW_OK) {
        struct known_device known = {.id = device.id,
                                     .on = device.on,
                                     .phases = device.phases,
                                     .phase_count = device.phase_count,
                                     .rated_a = site_param(&device, "rated_current", 0)};
        memcpy(known.phase_order, device.phase_order, sizeof(known.phase_order));
        ew_copy(known.name, sizeof(known.name), device.name);
        ew_copy(known.profile, sizeof(known.profile), device.profile);
        keep_device(c, &known);
    } else {
        if (tree)
            ew_warning("config", "%s%s: %s, ignoring this device", m->topic, reason.path, reason.text);
        forget_device(c, id);
    }
    cJSON_Delete(tree);
}

// ---- Profiles --------------------------------------------------------------------------------------------

static bool has_quantity(const cJSON *tree, const char *name)
{
    const cJSON *child;
    cJSON_ArrayForEach(child, cJSON_GetObjectItemCaseSensitive(tree, "quantities"))
    {
        if (cJSON_IsString(child) && strcmp(child->valuestring, name) == 0)
            return true;
    }
    return false;
}

static bool text_is(const cJSON *tree, const char *key, const char *text)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, key));
    return value && strcmp(value, text) == 0;
}

static void on_profile(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct controller *c = user;
    struct ew_reason reason;
    struct known_profile profile = {0};
    cJSON *tree = m->payload_len ? parse(m, &reason) : NULL;
    if (!tree)
        return; // it may still be used by a device whose change is on its way
    ew_copy(profile.id, sizeof(profile.id), m->topic + strlen("config/profile/"));
    profile.station = text_is(tree, "kind", "station");
    profile.proven = text_is(tree, "confidence", "driver") || text_is(tree, "confidence", "document");
    profile.one_current = has_quantity(tree, "current_l1") && !has_quantity(tree, "current_l2");
    cJSON_Delete(tree);
    struct known_profile *known = controller_profile(c, profile.id);
    if (known) {
        *known = profile;
    } else if (c->profile_count < EW_PROFILES_MAX) {
        c->profiles = grown(c->profiles, c->profile_count, sizeof(*c->profiles));
        c->profiles[c->profile_count++] = profile;
    }
    controller_apply_soon(c);
}

// ---- Settings --------------------------------------------------------------------------------------------

static void on_settings(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct controller *c = user;
    struct ew_reason reason;
    cJSON *tree = m->payload_len ? parse(m, &reason) : NULL;
    if (m->payload_len && !tree)
        return;
    cJSON_Delete(c->settings);
    c->settings = tree;
    controller_apply_soon(c);
}

void intake_start(struct controller *c)
{
    mq_subscribe(c->service->mq, "config/device/+", 1, on_device, c);
    mq_subscribe(c->service->mq, "config/profile/+", 1, on_profile, c);
    mq_subscribe(c->service->mq, "config/settings/greenup", 1, on_settings, c);
}
