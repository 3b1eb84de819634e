// What a change from a page may not do, though the site before and after are both right.
#include "core/site/site_priv.h"

#include <string.h>

static const cJSON *find_object(const cJSON *site, enum site_kind kind, int64_t id)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(site, site_kind_list(kind));
    for (const cJSON *child = cJSON_IsArray(list) ? list->child : NULL; child; child = child->next) {
        const cJSON *its = cJSON_GetObjectItemCaseSensitive(child, "id");
        if (cJSON_IsNumber(its) && (int64_t)its->valuedouble == id)
            return child;
    }
    return NULL;
}

static enum ew_err check_local_bus(const struct site_bus *old, const cJSON *new_node,
                                   struct ew_reason *reason)
{
    struct site_bus bus;
    if (!new_node || site_bus_read(new_node, "/buses", &bus, NULL) != EW_OK || !bus.local)
        return ew_fail(reason, EW_E_DENIED, "site.local_kept", "/buses",
                       "the local bus \"%s\" can't be deleted; it can be switched off", old->name);
    if (bus.type != old->type || strcmp(bus.address, old->address) != 0 || bus.port != old->port)
        return ew_fail(reason, EW_E_DENIED, "site.local_address", "/buses",
                       "the address of the local bus \"%s\" can't be changed", old->name);
    return EW_OK;
}

static enum ew_err check_buses(const cJSON *old_site, const cJSON *new_site, struct ew_reason *reason)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(old_site, "buses");
    enum ew_err err = EW_OK;
    for (const cJSON *child = cJSON_IsArray(list) ? list->child : NULL; child && err == EW_OK;
         child = child->next) {
        struct site_bus old;
        if (site_bus_read(child, "", &old, NULL) == EW_OK && old.local)
            err = check_local_bus(&old, find_object(new_site, SITE_BUS, old.id), reason);
    }
    return err;
}

static const char *use_of(const cJSON *circuit)
{
    const cJSON *use = cJSON_GetObjectItemCaseSensitive(circuit, "use");
    return cJSON_IsString(use) ? use->valuestring : "";
}

static enum ew_err check_circuits(const cJSON *old_site, const cJSON *new_site, struct ew_reason *reason)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(old_site, "circuits");
    for (const cJSON *child = cJSON_IsArray(list) ? list->child : NULL; child; child = child->next) {
        const char *use = use_of(child);
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(child, "id");
        if (!use[0] || !cJSON_IsNumber(id))
            continue;
        const cJSON *now = find_object(new_site, SITE_CIRCUIT, (int64_t)id->valuedouble);
        if (!now || strcmp(use, use_of(now)) != 0)
            return ew_fail(reason, EW_E_DENIED, "site.circuit_kept", "/circuits",
                           "the built-in circuit \"%s\" can't be deleted; it can be disabled", use);
    }
    return EW_OK;
}

enum ew_err site_change_check(const cJSON *old_site, const cJSON *new_site, struct ew_reason *reason)
{
    struct site_settings before, after;
    if (site_settings_read(cJSON_GetObjectItemCaseSensitive(old_site, "site"), "/site", &before, NULL) ==
            EW_OK &&
        site_settings_read(cJSON_GetObjectItemCaseSensitive(new_site, "site"), "/site", &after, NULL) ==
            EW_OK &&
        strcmp(before.id, after.id) != 0)
        return ew_fail(reason, EW_E_DENIED, "site.id_kept", "/site/id",
                       "is part of every topic; change it in the file while Edgewatt is stopped");
    enum ew_err err = check_buses(old_site, new_site, reason);
    return err == EW_OK ? check_circuits(old_site, new_site, reason) : err;
}
