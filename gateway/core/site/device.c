#include "core/site/site_priv.h"

#include <string.h>

static const char name_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

double site_param(const struct site_device *device, const char *name, double fallback)
{
    for (int i = 0; i < device->param_count; i++)
        if (strcmp(device->params[i].name, name) == 0)
            return device->params[i].value;
    if (strcmp(name, "unit") == 0)
        return device->unit;
    if (strcmp(name, "interface") == 0 && device->interface > 0)
        return device->interface;
    if (strcmp(name, "position") == 0 && device->position > 0)
        return device->position;
    return fallback;
}

void site_device_address(const struct site_device *device, char dst[32])
{
    char interface[12] = "", position[12] = "", side[3] = "";
    if (device->interface)
        (void)ew_format(interface, sizeof(interface), "-%d", device->interface);
    if (device->position)
        (void)ew_format(position, sizeof(position), "-%d", device->position);
    if (device->side)
        (void)ew_format(side, sizeof(side), "-%c", device->side);
    (void)ew_format(dst, 32, "%d%s%s%s", device->unit, interface, position, side);
}

// A profile's id may hold a vendor's dots and slashes; it never is a path.
static void read_profile(struct ew_json *o, char profile[EW_NAME_MAX])
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(o->node, "profile");
    if (node && cJSON_IsNull(node)) {
        ew_json_skip(o, "profile");
        return;
    }
    ew_json_text(o, "profile", EW_OPTIONAL, 0, EW_NAME_MAX, profile);
    if (o->err == EW_OK && !site_text_only(profile, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                    "0123456789_.-"))
        ew_json_fail(o, "profile", "site.profile_id", "may hold only letters, digits, - _ and .");
}

static void read_param(struct ew_json *params, const char *key, struct site_param *ret)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(params->node, key);
    if (strlen(key) >= sizeof(ret->name) || !key[0] || !site_text_only(key, name_letters)) {
        ew_json_fail(params, key, "site.param_name", "is not a parameter's name (a-z, 0-9, _; at most %zu)",
                     sizeof(ret->name) - 1);
        return;
    }
    ew_copy(ret->name, sizeof(ret->name), key);
    if (cJSON_IsBool(node)) {
        ew_json_skip(params, key);
        ret->value = cJSON_IsTrue(node) ? 1 : 0;
    } else if (cJSON_IsString(node)) {
        uint64_t bits = 0;
        ew_json_hex(params, key, EW_REQUIRED, 9007199254740991, &bits);
        ret->value = (double)bits;
    } else {
        ew_json_number(params, key, EW_REQUIRED, -1e15, 1e15, &ret->value);
    }
}

static void read_params(struct ew_json *device, struct site_device *ret)
{
    const cJSON *node = ew_json_object(device, "params", EW_OPTIONAL);
    if (!node)
        return;
    char path[EW_PATH_MAX];
    ew_json_path(device, "params", -1, path);
    struct ew_json o;
    ew_json_open(&o, node, path, device->reason);
    for (const cJSON *child = node->child; child && o.err == EW_OK; child = child->next) {
        if (ret->param_count == SITE_PARAMS_MAX)
            ew_json_fail(&o, NULL, "json.count", "more than %d parameters", SITE_PARAMS_MAX);
        else
            read_param(&o, child->string, &ret->params[ret->param_count++]);
    }
    device->err = o.err;
}

static int read_numbers(struct ew_json *o, const char *key, int max_items, int64_t min, int64_t max,
                        int64_t *ret)
{
    const cJSON *list = ew_json_array(o, key, EW_OPTIONAL, max_items);
    int count = 0;
    for (const cJSON *child = list ? list->child : NULL; child && o->err == EW_OK; child = child->next) {
        double value = cJSON_IsNumber(child) ? child->valuedouble : -1;
        if (!(value >= (double)min && value <= (double)max) || (double)(int64_t)value != value) {
            ew_json_fail(o, key, "json.range", "item %d must be a whole number of %lld..%lld", count + 1,
                         (long long)min, (long long)max);
            break;
        }
        for (int i = 0; i < count; i++)
            if (ret[i] == (int64_t)value)
                ew_json_fail(o, key, "json.twice", "%lld stands twice", (long long)value);
        ret[count++] = (int64_t)value;
    }
    return o->err == EW_OK ? count : 0;
}

static void read_phases(struct ew_json *o, struct site_device *ret)
{
    int64_t phases[3] = {0};
    ret->phase_count = read_numbers(o, "phases", 3, 1, 3, phases);
    for (int i = 0; i < ret->phase_count; i++) {
        ret->phase_order[i] = (int)phases[i];
        ret->phases |= 1u << (phases[i] - 1);
    }
    if (o->err == EW_OK && ret->phase_count == 2)
        ew_json_fail(o, "phases", "site.phases", "must name one phase or all three");
}

static void check_labels(struct ew_json *device)
{
    const cJSON *node = ew_json_object(device, "labels", EW_OPTIONAL);
    if (!node)
        return;
    char path[EW_PATH_MAX], label[EW_NAME_MAX];
    ew_json_path(device, "labels", -1, path);
    struct ew_json o;
    ew_json_open(&o, node, path, device->reason);
    int count = 0;
    for (const cJSON *child = node->child; child && o.err == EW_OK; child = child->next) {
        if (!child->string[0] || strlen(child->string) > 40 || !site_text_only(child->string, name_letters))
            ew_json_fail(&o, child->string, "site.label_name", "is not the name of an input or output");
        else if (++count > SITE_LABELS_MAX)
            ew_json_fail(&o, NULL, "json.count", "more than %d labels", SITE_LABELS_MAX);
        else
            ew_json_text(&o, child->string, EW_REQUIRED, 0, sizeof(label), label);
    }
    device->err = o.err;
}

static enum ew_err read_part(const cJSON *node, const char *path, struct site_part *ret,
                             struct ew_reason *reason)
{
    *ret = (struct site_part){.name = ""};
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    ew_json_text(&o, "name", EW_OPTIONAL, 1, sizeof(ret->name), ret->name);
    read_profile(&o, ret->profile);
    return ew_json_close(&o);
}

static void check_parts(struct ew_json *device, struct site_device *ret)
{
    const cJSON *list = ew_json_array(device, "parts", EW_OPTIONAL, SITE_PARTS_MAX);
    for (const cJSON *child = list ? list->child : NULL; child && device->err == EW_OK; child = child->next) {
        char path[EW_PATH_MAX];
        struct site_part part;
        ew_json_path(device, "parts", ret->part_count, path);
        device->err = read_part(child, path, &part, device->reason);
        ew_copy(ret->parts[ret->part_count++], EW_NAME_MAX, part.profile);
    }
}

void site_part_read(const cJSON *device_node, int index, struct site_part *ret)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(device_node, "parts");
    (void)read_part(cJSON_GetArrayItem(list, index), "", ret, NULL);
}

static void read_address(struct ew_json *o, struct site_device *ret)
{
    static const char *const sides[] = {"L", "R", NULL};
    int64_t unit = 0;
    ew_json_int(o, "unit", EW_REQUIRED, 0, 255, &unit);
    ret->unit = (int)unit;
    site_read_count(o, "interface", 0, 247, 0, &ret->interface);
    site_read_count(o, "position", 0, 255, 0, &ret->position);
    int side = -1;
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(o->node, "side");
    if (node && cJSON_IsNull(node))
        ew_json_skip(o, "side");
    else
        ew_json_enum(o, "side", EW_OPTIONAL, sides, &side);
    ret->side = side < 0 ? 0 : sides[side][0];
}

static void read_supply(struct ew_json *o, struct site_device *ret)
{
    static const char *const supplies[] = {"upstream", "downstream", NULL};
    int supply = 0;
    ew_json_enum(o, "supply", EW_OPTIONAL, supplies, &supply);
    ret->downstream = supply == 1;
}

enum ew_err site_device_read(const cJSON *node, const char *path, struct site_device *ret,
                             struct ew_reason *reason)
{
    *ret = (struct site_device){.id = 0};
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    site_read_id(&o, &ret->id);
    site_read_reference(&o, "bus", EW_REQUIRED, &ret->bus);
    ew_json_text(&o, "name", EW_OPTIONAL, 1, sizeof(ret->name), ret->name);
    read_profile(&o, ret->profile);
    read_address(&o, ret);
    read_phases(&o, ret);
    read_supply(&o, ret);
    site_read_flag(&o, "on", true, &ret->on);
    site_read_flag(&o, "exclude_totals", false, &ret->exclude_totals);
    site_read_flag(&o, "exclude_alarms", false, &ret->exclude_alarms);
    site_read_flag(&o, "accept_candidate", false, &ret->accept_candidate);
    site_read_reference(&o, "circuit", EW_OPTIONAL, &ret->circuit);
    ret->zone_count = read_numbers(&o, "zones", EW_ZONES_PER_DEVICE_MAX, 1, SITE_ID_MAX, ret->zones);
    read_params(&o, ret);
    check_labels(&o);
    site_read_outputs(&o, ret);
    check_parts(&o, ret);
    if (!ret->name[0])
        site_device_address(ret, ret->name);
    return ew_json_close(&o);
}
