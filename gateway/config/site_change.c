#include "config/site_change.h"

#include <stdlib.h>
#include <string.h>

struct change {
    char path[EW_PATH_MAX];
    bool settings;
    enum site_kind kind;
    char name[32];      // of a singleton
    int64_t id;         // 0 = new
    const cJSON *value; // NULL = deleted
    int64_t index;      // -1 = not said
};

static void read_id(struct ew_json *o, struct change *ret)
{
    const cJSON *id = ew_json_any(o, "id", ret->settings ? EW_REQUIRED : EW_OPTIONAL);
    if (ret->settings) {
        ew_json_text(o, "id", EW_REQUIRED, 1, sizeof(ret->name), ret->name);
        if (o->err == EW_OK && !site_singleton_known(ret->name))
            ew_json_fail(o, "id", "site.no_settings", "there are no settings \"%s\"", ret->name);
    } else if (id && !cJSON_IsNull(id)) {
        ew_json_int(o, "id", EW_REQUIRED, 1, SITE_ID_MAX, &ret->id);
    }
}

static enum ew_err read_change(const cJSON *node, int number, struct change *ret, struct ew_reason *reason)
{
    struct ew_json o;
    char kind[32] = "";
    *ret = (struct change){.index = -1};
    (void)ew_format(ret->path, sizeof(ret->path), "/changes/%d", number);
    ew_json_open(&o, node, ret->path, reason);
    ew_json_text(&o, "kind", EW_REQUIRED, 1, sizeof(kind), kind);
    ret->settings = strcmp(kind, "settings") == 0;
    if (o.err == EW_OK && !ret->settings && !site_kind_find(kind, &ret->kind))
        ew_json_fail(&o, "kind", "site.no_kind", "there is no kind of object \"%s\"", kind);
    read_id(&o, ret);
    ew_json_int(&o, "index", EW_OPTIONAL, 0, EW_DEVICES_MAX, &ret->index);
    const cJSON *value = ew_json_any(&o, "value", EW_OPTIONAL);
    if (value && !cJSON_IsNull(value) && !cJSON_IsObject(value))
        ew_json_fail(&o, "value", "json.type", "must be an object, or null to delete");
    ret->value = cJSON_IsObject(value) ? value : NULL;
    if (o.err == EW_OK && !ret->value && !ret->settings && !ret->id)
        ew_json_fail(&o, "id", "json.missing", "is missing: what is to be deleted?");
    return ew_json_close(&o);
}

static cJSON *clean_copy(const cJSON *value)
{
    cJSON *copy = cJSON_Duplicate(value, true);
    if (!copy)
        abort();
    cJSON_DeleteItemFromObjectCaseSensitive(copy, "rev");
    cJSON_DeleteItemFromObjectCaseSensitive(copy, "order");
    return copy;
}

static enum ew_err change_settings(cJSON *site, const struct change *c, struct ew_reason *reason)
{
    if (!c->value && strcmp(c->name, "site") == 0)
        return ew_fail(reason, EW_E_INVALID, "site.settings_kept", c->path,
                       "these settings can't be deleted");
    cJSON *old = cJSON_GetObjectItemCaseSensitive(site, c->name);
    if (!c->value)
        cJSON_DeleteItemFromObjectCaseSensitive(site, c->name);
    else if (old)
        cJSON_ReplaceItemInObjectCaseSensitive(site, c->name, clean_copy(c->value));
    else
        cJSON_AddItemToObject(site, c->name, clean_copy(c->value));
    return EW_OK;
}

static int find_in_list(const cJSON *list, int64_t id)
{
    int at = 0;
    const cJSON *child;
    cJSON_ArrayForEach(child, list)
    {
        const cJSON *its = cJSON_GetObjectItemCaseSensitive(child, "id");
        if (cJSON_IsNumber(its) && (int64_t)its->valuedouble == id)
            return at;
        at++;
    }
    return -1;
}

// Appended, then what stands behind it is taken to the end one by one: Debian's cJSON_InsertItemInArray
// refuses some lists from which an item was just taken, and the object would be lost.
static void insert(cJSON *list, int64_t index, cJSON *item)
{
    int64_t behind = index < 0 ? 0 : cJSON_GetArraySize(list) - index;
    cJSON_AddItemToArray(list, item);
    for (int64_t i = 0; i < behind; i++)
        cJSON_AddItemToArray(list, cJSON_DetachItemFromArray(list, (int)index));
}

// The id is given from next_id, which goes up in the copy: a list of changes may make many objects.
static void set_id(cJSON *site, cJSON *item, int64_t *id)
{
    if (!*id) {
        *id = site_next_id(site);
        cJSON_DeleteItemFromObjectCaseSensitive(site, "next_id");
        cJSON_AddNumberToObject(site, "next_id", (double)*id + 1);
    }
    cJSON_DeleteItemFromObjectCaseSensitive(item, "id");
    cJSON *number = cJSON_CreateNumber((double)*id);
    if (!number)
        abort();
    cJSON *first = item->child;
    cJSON_AddItemToObject(item, "id", number);
    // The id stands first, for people who read the file.
    if (first)
        while (item->child != number) {
            cJSON *moved = cJSON_DetachItemViaPointer(item, item->child);
            cJSON_AddItemToArray(item, moved);
        }
}

// What Green'Up keeps of a charge point, as its priority, goes with it.
static void forget_station(cJSON *site, int64_t id)
{
    cJSON *greenup = cJSON_GetObjectItemCaseSensitive(site, "greenup");
    cJSON *list = cJSON_GetObjectItemCaseSensitive(greenup, "stations");
    for (int i = cJSON_GetArraySize(list) - 1; i >= 0; i--) {
        const cJSON *device = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(list, i), "device");
        if (cJSON_IsNumber(device) && (int64_t)device->valuedouble == id)
            cJSON_DeleteItemFromArray(list, i);
    }
}

static enum ew_err change_object(cJSON *site, struct change *c, struct ew_reason *reason)
{
    const char *name = site_kind_list(c->kind);
    cJSON *list = cJSON_GetObjectItemCaseSensitive(site, name);
    if (!list)
        list = cJSON_AddArrayToObject(site, name);
    int at = c->id ? find_in_list(list, c->id) : -1;
    if (c->id && at < 0)
        return ew_fail(reason, EW_E_UNKNOWN, "site.no_such", c->path, "there is no %s %lld",
                       site_kind_name(c->kind), (long long)c->id);
    if (!c->value) {
        cJSON_DeleteItemFromArray(list, at);
        if (c->kind == SITE_DEVICE)
            forget_station(site, c->id);
        return EW_OK;
    }
    cJSON *item = clean_copy(c->value);
    set_id(site, item, &c->id);
    if (at >= 0 && c->index < 0) {
        cJSON_ReplaceItemInArray(list, at, item);
    } else {
        if (at >= 0)
            cJSON_DeleteItemFromArray(list, at);
        insert(list, c->index, item);
    }
    return EW_OK;
}

enum ew_err site_change_apply(const cJSON *site, const cJSON *changes, cJSON **ret_copy, int64_t *ret_ids,
                              int *ret_count, struct ew_reason *reason)
{
    cJSON *copy = cJSON_Duplicate(site, true);
    if (!copy)
        abort();
    enum ew_err err = EW_OK;
    int count = 0;
    const cJSON *node;
    cJSON_ArrayForEach(node, changes)
    {
        struct change c;
        if (count == SITE_CHANGES_MAX)
            err = ew_fail(reason, EW_E_TOO_LARGE, "json.count", "/changes", "more than %d changes at once",
                          SITE_CHANGES_MAX);
        if (err == EW_OK)
            err = read_change(node, count, &c, reason);
        if (err == EW_OK)
            err = c.settings ? change_settings(copy, &c, reason) : change_object(copy, &c, reason);
        if (err != EW_OK)
            break;
        ret_ids[count++] = c.id;
    }
    *ret_count = count;
    if (err != EW_OK) {
        cJSON_Delete(copy);
        copy = NULL;
    }
    *ret_copy = copy;
    return err;
}

const char *site_change_what(const cJSON *change)
{
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(change, "kind"));
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(change, "id"));
    enum site_kind known;
    if (kind && strcmp(kind, "settings") == 0)
        return id && site_singleton_known(id) ? id : NULL;
    return kind && site_kind_find(kind, &known) ? site_kind_name(known) : NULL;
}

// ---- Deleted, but used -----------------------------------------------------------------------------------

static bool refers(const cJSON *node, const char *key, int64_t id)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(node, key), *child;
    if (cJSON_IsNumber(value))
        return (int64_t)value->valuedouble == id;
    cJSON_ArrayForEach(child, value)
    {
        if (cJSON_IsNumber(child) && (int64_t)child->valuedouble == id)
            return true;
    }
    return false;
}

static const struct {
    enum site_kind used, by;
    const char *key;
} uses[] = {{SITE_BUS, SITE_DEVICE, "bus"},
            {SITE_CIRCUIT, SITE_DEVICE, "circuit"},
            {SITE_ZONE, SITE_DEVICE, "zones"},
            {SITE_PANEL, SITE_BUS, "panel"},
            {SITE_DEVICE, SITE_BUS, "quality_device"},
            {SITE_TARIFF, SITE_COST_RULE, "tariff"}};

static enum ew_err check_unused(const cJSON *copy, const struct change *c, struct ew_reason *reason)
{
    const cJSON *greenup = cJSON_GetObjectItemCaseSensitive(copy, "greenup");
    if (c->kind == SITE_DEVICE && refers(greenup, "meter", c->id))
        return ew_fail(reason, EW_E_INVALID, "site.meter_in_use", c->path,
                       "device %lld can't be deleted: Green'Up measures the total with it; choose another "
                       "meter there first",
                       (long long)c->id);
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        const cJSON *child;
        if (uses[i].used != c->kind)
            continue;
        cJSON_ArrayForEach(child, cJSON_GetObjectItemCaseSensitive(copy, site_kind_list(uses[i].by)))
        {
            if (!refers(child, uses[i].key, c->id))
                continue;
            const cJSON *id = cJSON_GetObjectItemCaseSensitive(child, "id");
            const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(child, "name"));
            (void)ew_fail(reason, EW_E_INVALID, "site.in_use", c->path,
                          "%s %lld can't be deleted: %s %lld%s%s%s still uses it", site_kind_name(c->kind),
                          (long long)c->id, site_kind_name(uses[i].by), (long long)cJSON_GetNumberValue(id),
                          name ? " \"" : "", name ? name : "", name ? "\"" : "");
            ew_reason_param(reason, "what", "%s %lld", site_kind_name(c->kind), (long long)c->id);
            ew_reason_param(reason, "user", "%s %lld %s", site_kind_name(uses[i].by),
                            (long long)cJSON_GetNumberValue(id), name ? name : "");
            return EW_E_INVALID;
        }
    }
    return EW_OK;
}

enum ew_err site_change_unused(const cJSON *copy, const cJSON *changes, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    int number = 0;
    const cJSON *node;
    cJSON_ArrayForEach(node, changes)
    {
        struct change c;
        err = read_change(node, number++, &c, reason);
        if (err == EW_OK && !c.settings && !c.value)
            err = check_unused(copy, &c, reason);
        if (err != EW_OK)
            break;
    }
    return err;
}

// ---- Where a problem is ----------------------------------------------------------------------------------

static void move_path(struct ew_reason *reason, int number, const char *rest)
{
    char path[EW_PATH_MAX];
    (void)ew_format(path, sizeof(path), "/changes/%d/value%s", number, rest);
    ew_copy(reason->path, sizeof(reason->path), path);
}

static bool place_in_object(const cJSON *copy, const struct change *c, int number, struct ew_reason *reason)
{
    char prefix[32], *end = NULL;
    (void)ew_format(prefix, sizeof(prefix), "/%s/", site_kind_list(c->kind));
    size_t len = strlen(prefix);
    if (strncmp(reason->path, prefix, len) != 0)
        return false;
    long index = strtol(reason->path + len, &end, 10);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(copy, site_kind_list(c->kind));
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(list, (int)index), "id");
    if (end == reason->path + len || !cJSON_IsNumber(id) || (int64_t)id->valuedouble != c->id)
        return false;
    char rest[EW_PATH_MAX];
    ew_copy(rest, sizeof(rest), end);
    move_path(reason, number, rest);
    return true;
}

static bool place_in_settings(const struct change *c, int number, struct ew_reason *reason)
{
    size_t len = strlen(c->name);
    if (reason->path[0] != '/' || strncmp(reason->path + 1, c->name, len) != 0 ||
        (reason->path[1 + len] && reason->path[1 + len] != '/'))
        return false;
    char rest[EW_PATH_MAX];
    ew_copy(rest, sizeof(rest), reason->path + 1 + len);
    move_path(reason, number, rest);
    return true;
}

void site_change_place(const cJSON *copy, const cJSON *changes, const int64_t *ids, struct ew_reason *reason)
{
    int number = 0;
    const cJSON *node;
    cJSON_ArrayForEach(node, changes)
    {
        struct change c;
        if (read_change(node, number, &c, NULL) != EW_OK)
            return;
        c.id = ids[number];
        if (c.value &&
            (c.settings ? place_in_settings(&c, number, reason) : place_in_object(copy, &c, number, reason)))
            return;
        number++;
    }
}
