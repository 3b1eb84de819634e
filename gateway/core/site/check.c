// The whole check: every object by itself, ids, then how they hang together (relations.c).
#include "core/site/check_priv.h"

#include <assert.h>
#include <string.h>

enum { PROBLEMS_TOLD_MAX = 100 };

static enum ew_err check_bus(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct site_bus bus;
    return site_bus_read(node, path, &bus, reason);
}

static enum ew_err check_device(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct site_device device;
    return site_device_read(node, path, &device, reason);
}

static enum ew_err check_settings(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct site_settings settings;
    return site_settings_read(node, path, &settings, reason);
}

static const struct kind {
    const char *name, *list;
    int max;
    site_object_fn *check;
} kinds[SITE_KIND_COUNT] = {
    [SITE_BUS] = {"bus", "buses", EW_BUSES_MAX, check_bus},
    [SITE_DEVICE] = {"device", "devices", EW_DEVICES_MAX, check_device},
    [SITE_PANEL] = {"panel", "panels", SITE_PANELS_MAX, site_panel_check},
    [SITE_CIRCUIT] = {"circuit", "circuits", EW_CIRCUITS_MAX, site_circuit_check},
    [SITE_ZONE] = {"zone", "zones", SITE_ZONES_MAX, site_zone_check},
    [SITE_TARIFF] = {"tariff", "tariffs", 3 * SITE_TARIFFS_PER_SERVICE_MAX, site_tariff_check},
    [SITE_COST_RULE] = {"cost_rule", "cost_rules", SITE_COST_RULES_MAX, site_cost_rule_check},
};

const char *const site_singletons[] = {"site",    "sampling",      "csv", "gas",           "greenup",
                                       "reports", "notifications", "web", "modbus_server", NULL};
static site_object_fn *const singleton_checks[] = {
    check_settings,     site_sampling_check,      site_csv_check, site_gas_check,          site_greenup_check,
    site_reports_check, site_notifications_check, site_web_check, site_modbus_server_check};

const char *site_kind_name(enum site_kind kind)
{
    return kinds[kind].name;
}

const char *site_kind_list(enum site_kind kind)
{
    return kinds[kind].list;
}

bool site_kind_find(const char *name, enum site_kind *ret)
{
    for (int kind = 0; kind < SITE_KIND_COUNT; kind++)
        if (strcmp(kinds[kind].name, name) == 0) {
            *ret = (enum site_kind)kind;
            return true;
        }
    return false;
}

bool site_singleton_known(const char *name)
{
    for (int i = 0; site_singletons[i]; i++)
        if (strcmp(site_singletons[i], name) == 0)
            return true;
    return false;
}

void checker_report(struct checker *c, const struct ew_reason *reason)
{
    if (c->check->problems++ < PROBLEMS_TOLD_MAX && c->check->problem)
        c->check->problem(c->check->user, reason);
}

void checker_path(enum site_kind kind, uint32_t index, const char *key, char path[EW_PATH_MAX])
{
    (void)ew_format(path, EW_PATH_MAX, "/%s/%u%s%s", kinds[kind].list, index, key ? "/" : "", key ? key : "");
}

struct same_id {
    const struct checker_list *list;
    int64_t id;
};

static bool same_id(const void *user, uint32_t item)
{
    const struct same_id *wanted = user;
    return wanted->list->items[item].id == wanted->id;
}

int64_t checker_find(const struct checker *c, enum site_kind kind, int64_t id)
{
    const struct checker_list *list = &c->lists[kind];
    struct same_id wanted = {list, id};
    return site_index_find(&list->by_id, site_hash(&id, sizeof(id)), same_id, &wanted);
}

bool checker_exists(const struct checker *c, enum site_kind kind, int64_t id)
{
    return c->lists[kind].unreadable || checker_find(c, kind, id) >= 0;
}

static uint32_t count_items(const cJSON *site, enum site_kind kind)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(site, kinds[kind].list);
    uint32_t count = 0;
    if (cJSON_IsArray(list))
        for (const cJSON *child = list->child; child && count < (uint32_t)kinds[kind].max;
             child = child->next)
            count++;
    return count;
}

// The id even of an object that is wrong elsewhere, so that references to it are not problems too.
static int64_t raw_id(const cJSON *node)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(node, "id");
    double value = cJSON_IsNumber(id) ? id->valuedouble : 0;
    return value >= 1 && value <= SITE_ID_MAX && value == (double)(int64_t)value ? (int64_t)value : 0;
}

static void read_item(struct checker *c, enum site_kind kind, uint32_t index, const cJSON *node)
{
    struct checker_list *list = &c->lists[kind];
    struct checker_item *item = &list->items[index];
    struct ew_reason reason;
    char path[EW_PATH_MAX];
    ew_reason_clear(&reason);
    (void)ew_format(path, sizeof(path), "/%s/%u", kinds[kind].list, index);
    *item = (struct checker_item){.node = node, .id = raw_id(node)};
    item->good = kinds[kind].check(node, path, &reason) == EW_OK;
    if (!item->good)
        checker_report(c, &reason);
    if (!item->id)
        return;
    struct same_id wanted = {list, item->id};
    int64_t first =
        site_index_put(&list->by_id, site_hash(&item->id, sizeof(item->id)), index, same_id, &wanted);
    if (first >= 0)
        checker_fail(c, kind, index, "id", "site.id_twice", "id %lld is already that of /%s/%lld",
                     (long long)item->id, kinds[kind].list, (long long)first);
}

static void read_list(struct checker *c, enum site_kind kind)
{
    struct checker_list *list = &c->lists[kind];
    list->count = count_items(c->site, kind);
    list->items = ew_arena_take(&c->arena, list->count, sizeof(*list->items));
    assert(list->items || list->count == 0);
    site_index_init(&list->by_id, &c->arena, list->count);
    struct ew_reason reason;
    struct ew_json o;
    ew_reason_clear(&reason);
    ew_json_open(&o, c->site, "", &reason);
    const cJSON *array = ew_json_array(&o, kinds[kind].list, EW_OPTIONAL, kinds[kind].max);
    if (o.err != EW_OK)
        checker_report(c, &reason);
    uint32_t index = 0;
    for (const cJSON *child = array ? array->child : NULL; child; child = child->next)
        read_item(c, kind, index++, child);
    list->unreadable = o.err != EW_OK;
    if (!array)
        list->count = 0;
}

static bool root_key_known(const char *key)
{
    for (int kind = 0; kind < SITE_KIND_COUNT; kind++)
        if (strcmp(kinds[kind].list, key) == 0)
            return true;
    return site_singleton_known(key) || strcmp(key, "version") == 0 || strcmp(key, "rev") == 0 ||
           strcmp(key, "next_id") == 0;
}

// Version first: of a file that a newer Edgewatt wrote nothing else is judged.
static bool check_version(struct checker *c)
{
    struct ew_reason reason;
    struct ew_json o;
    int64_t version = 0, number = 0;
    ew_reason_clear(&reason);
    ew_json_open(&o, c->site, "", &reason);
    ew_json_int(&o, "version", EW_REQUIRED, 1, 1000000, &version);
    if (o.err == EW_OK && version > SITE_VERSION)
        ew_json_fail(&o, "version", "site.newer",
                     "version %lld was written by a newer Edgewatt; this one reads up to version %d",
                     (long long)version, SITE_VERSION);
    if (o.err != EW_OK) {
        checker_report(c, &reason);
        return false;
    }
    ew_json_int(&o, "rev", EW_OPTIONAL, 0, 9007199254740991, &number);
    ew_json_int(&o, "next_id", EW_OPTIONAL, 1, (int64_t)SITE_ID_MAX + 1, &number);
    if (o.err != EW_OK)
        checker_report(c, &reason);
    for (const cJSON *child = c->site->child; child; child = child->next) {
        if (root_key_known(child->string))
            continue;
        char path[EW_PATH_MAX];
        (void)ew_format(path, sizeof(path), "/%s", child->string);
        (void)ew_fail(&reason, EW_E_INVALID, "json.unknown_key", path, "unknown key");
        checker_report(c, &reason);
    }
    return true;
}

static void check_singletons(struct checker *c)
{
    for (int i = 0; site_singletons[i]; i++) {
        const cJSON *node = cJSON_GetObjectItemCaseSensitive(c->site, site_singletons[i]);
        char path[EW_PATH_MAX];
        struct ew_reason reason;
        ew_reason_clear(&reason);
        (void)ew_format(path, sizeof(path), "/%s", site_singletons[i]);
        enum ew_err err = EW_OK;
        if (node)
            err = singleton_checks[i](node, path, &reason);
        else if (singleton_checks[i] == check_settings)
            err = ew_fail(&reason, EW_E_INVALID, "json.missing", path, "is missing");
        if (err != EW_OK)
            checker_report(c, &reason);
    }
}

size_t site_check_memory(const cJSON *site)
{
    size_t size = 0, align = _Alignof(max_align_t);
    for (int kind = 0; kind < SITE_KIND_COUNT; kind++) {
        uint32_t count = count_items(site, (enum site_kind)kind);
        size += count * sizeof(struct checker_item) + align + site_index_memory(count);
        // Names, lines and keys: one more table each (relations.c).
        size += 2 * site_index_memory(count);
    }
    size += count_items(site, SITE_BUS) * sizeof(struct site_bus) + align;
    size += count_items(site, SITE_DEVICE) * sizeof(struct checker_key) + align;
    return size;
}

enum ew_err site_check(const cJSON *site, struct site_check *check, void *memory, size_t memory_size)
{
    struct checker c = {.check = check, .site = site};
    check->problems = 0;
    ew_arena_init(&c.arena, memory, memory_size);
    struct ew_reason reason;
    ew_reason_clear(&reason);
    if (!cJSON_IsObject(site)) {
        (void)ew_fail(&reason, EW_E_INVALID, "json.type", "/", "must be an object");
        checker_report(&c, &reason);
        return EW_E_INVALID;
    }
    if (!check_version(&c))
        return EW_E_INVALID;
    check_singletons(&c);
    for (int kind = 0; kind < SITE_KIND_COUNT; kind++)
        read_list(&c, (enum site_kind)kind);
    checker_buses(&c);
    checker_devices(&c);
    checker_circuits(&c);
    checker_tariffs(&c);
    checker_singletons(&c);
    return check->problems ? EW_E_INVALID : EW_OK;
}

int64_t site_next_id(const cJSON *site)
{
    const cJSON *next = cJSON_GetObjectItemCaseSensitive(site, "next_id");
    int64_t id =
        cJSON_IsNumber(next) && next->valuedouble >= 1 && next->valuedouble <= (double)SITE_ID_MAX + 1
            ? (int64_t)next->valuedouble
            : 1;
    for (int kind = 0; kind < SITE_KIND_COUNT; kind++) {
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(site, kinds[kind].list);
        for (const cJSON *child = cJSON_IsArray(list) ? list->child : NULL; child; child = child->next)
            if (raw_id(child) >= id)
                id = raw_id(child) + 1;
    }
    return id;
}
