#include "core/profile/profile_priv.h"

#include <math.h>
#include <string.h>

static bool is_param(const cJSON *node)
{
    return cJSON_IsString(node) && node->valuestring[0] == '$';
}

static void read_param(struct ew_json *o, const char *key, const struct profile *profile, const char *name,
                       struct profile_number *ret)
{
    if (profile_param_find(profile, name) < 0)
        ew_json_fail(o, key, "profile.unknown_param", "\"$%.*s\" is not in \"params\"", PROFILE_NAME_MAX,
                     name);
    else
        ew_copy(ret->param, sizeof(ret->param), name);
}

void profile_read_place(struct ew_json *o, const char *key, enum ew_presence presence,
                        const struct profile *profile, struct profile_number *ret)
{
    const cJSON *node = ew_json_any(o, key, presence);
    uint64_t value;
    if (!node)
        return;
    if (is_param(node))
        read_param(o, key, profile, node->valuestring + 1, ret);
    else if (!ew_json_hex_value(node, &value))
        ew_json_fail(o, key, "profile.number",
                     "must be a whole number, hexadecimal text as \"0x1F\", or \"$parameter\"");
    else
        ret->value = (double)value;
}

void profile_read_scale(struct ew_json *o, const struct profile *profile, struct profile_number *ret)
{
    const cJSON *node = ew_json_any(o, "scale", EW_OPTIONAL);
    ret->value = 1;
    if (!node)
        return;
    if (is_param(node))
        read_param(o, "scale", profile, node->valuestring + 1, ret);
    else if (!cJSON_IsNumber(node) || !isfinite(node->valuedouble) || node->valuedouble == 0)
        ew_json_fail(o, "scale", "profile.scale", "must be a number other than 0, or \"$parameter\"");
    else
        ret->value = node->valuedouble;
}

static void read_nan(struct ew_json *o, struct profile_register *r)
{
    const cJSON *list = ew_json_array(o, "nan", EW_OPTIONAL, (int)(sizeof(r->nan) / sizeof(r->nan[0])));
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next)
        if (!ew_json_hex_value(item, &r->nan[r->nan_count++]))
            ew_json_fail(o, "nan", "json.hex",
                         "every item must be a whole number or hexadecimal text as \"0xFFFF\"");
}

// The register that a helper's name means, -1 with the problem noted when it can't be one.
static int find_helper(struct ew_json *o, const char *key, const struct profile *profile, int self,
                       const char *name)
{
    int index = profile_find(profile, name);
    if (index < 0)
        ew_json_fail(o, key, "profile.unknown_register", "\"%.*s\" is not a register of this profile",
                     PROFILE_NAME_MAX, name);
    else if (index == self)
        ew_json_fail(o, key, "profile.self", "a register can't depend on itself");
    return index == self ? -1 : index;
}

static void read_steps(struct ew_json *o, struct profile_register *r)
{
    const cJSON *list = ew_json_array(o, "steps", EW_OPTIONAL, PROFILE_SCALE_STEPS_MAX);
    for (const cJSON *item = list ? list->child : NULL; item && o->err == EW_OK; item = item->next) {
        char path[EW_PATH_MAX];
        ew_json_path(o, "steps", r->step_count, path);
        struct profile_scale_step step = {0};
        struct ew_json s;
        ew_json_open(&s, item, path, o->reason);
        ew_json_number(&s, "from", EW_REQUIRED, 0, 1e15, &step.from);
        ew_json_number(&s, "scale", EW_REQUIRED, 1e-12, 1e15, &step.scale);
        if (s.err == EW_OK && r->step_count > 0 && step.from <= r->steps[r->step_count - 1].from)
            ew_json_fail(&s, "from", "profile.steps", "steps must rise");
        o->err = ew_json_close(&s);
        r->steps[r->step_count++] = step;
    }
}

static void read_scale_from(struct ew_json *parent, const struct profile *profile, int self,
                            struct profile_register *r)
{
    const cJSON *node = ew_json_object(parent, "scale_from", EW_OPTIONAL);
    if (!node)
        return;
    char path[EW_PATH_MAX];
    ew_json_path(parent, "scale_from", -1, path);
    struct ew_json o;
    ew_json_open(&o, node, path, parent->reason);
    const cJSON *list = ew_json_array(&o, "registers", EW_REQUIRED, 2);
    int count = 0;
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next)
        r->scale_from[count++] =
            find_helper(&o, "registers", profile, self, cJSON_IsString(item) ? item->valuestring : "");
    if (list && count == 0)
        ew_json_fail(&o, "registers", "json.count", "must name one or two registers");
    read_steps(&o, r);
    parent->err = ew_json_close(&o);
}

static void read_sign_from(struct ew_json *parent, const struct profile *profile, int self,
                           struct profile_register *r)
{
    const cJSON *node = ew_json_object(parent, "sign_from", EW_OPTIONAL);
    if (!node)
        return;
    char path[EW_PATH_MAX], name[PROFILE_NAME_MAX] = "";
    ew_json_path(parent, "sign_from", -1, path);
    struct ew_json o;
    ew_json_open(&o, node, path, parent->reason);
    ew_json_text(&o, "register", EW_REQUIRED, 1, sizeof(name), name);
    ew_json_hex(&o, "negative", EW_REQUIRED, UINT64_MAX, &r->sign_negative);
    if (o.err == EW_OK)
        r->sign_from = find_helper(&o, "register", profile, self, name);
    parent->err = ew_json_close(&o);
}

// The unit is the vocabulary's; saying it in the file is a cross-check on `scale`.
static void read_unit(struct ew_json *o, struct profile_register *r)
{
    const char *unit = "";
    bool known = profile_quantity_known(r->quantity, &unit);
    ew_copy(r->unit, sizeof(r->unit), unit);
    if (!known) {
        ew_json_fail(o, NULL, "profile.unknown_quantity", "is not a quantity of the vocabulary");
        return;
    }
    char said[sizeof(r->unit)];
    ew_copy(said, sizeof(said), unit);
    ew_json_text(o, "unit", EW_OPTIONAL, 0, sizeof(said), said);
    if (o->err == EW_OK && strcmp(said, unit) != 0)
        ew_json_fail(o, "unit", "profile.unit", "must be \"%s\": scale to that", unit);
}

static void read_bits(struct ew_json *o, struct profile_register *r)
{
    int64_t shift = 0;
    ew_json_hex(o, "mask", EW_OPTIONAL, UINT64_MAX, &r->mask);
    ew_json_int(o, "shift", EW_OPTIONAL, 0, 63, &shift);
    r->shift = (int)shift;
    enum profile_arithmetic arithmetic = profile_types[r->type].arithmetic;
    if ((r->mask || r->shift) && (arithmetic == PROFILE_FLOATING || arithmetic == PROFILE_TEXT))
        ew_json_fail(o, r->mask ? "mask" : "shift", "profile.bits", "only whole numbers have bits to take");
}

static void read_per_position(struct ew_json *o, const struct profile *profile, struct profile_register *r)
{
    int64_t step = 0;
    ew_json_int(o, "per_position", EW_OPTIONAL, 1, 1000, &step);
    r->per_position = (int)step;
    if (step && profile_param_find(profile, "position") < 0)
        ew_json_fail(o, "per_position", "profile.unknown_param", "needs \"position\" in \"params\"");
}

static void check_place(struct ew_json *o, const struct profile_register *r)
{
    // What a parameter gives is checked at bind time; until then the mildest number stands in for it.
    const struct profile_type_facts *facts = &profile_types[r->type];
    struct profile_place place = {
        .fc = r->fc.param[0] ? (r->type == PROFILE_BOOL ? 1 : 3) : r->fc.value,
        .address = r->address.param[0] ? 0 : r->address.value,
        .words = r->words.param[0] ? facts->words_min : r->words.value,
    };
    const char *key, *problem;
    if (o->err == EW_OK && !profile_place_fits(r->type, &place, &key, &problem))
        ew_json_fail(o, key, "profile.place", "%s", problem);
    if (r->type == PROFILE_STRING && r->order == PROFILE_LSW)
        ew_json_fail(o, "order", "profile.order", "text has no word order");
}

enum ew_err profile_register_read(const cJSON *node, struct profile *profile, int index,
                                  struct ew_reason *reason)
{
    struct profile_register *r = &profile->registers[index];
    int type = PROFILE_U16, order = PROFILE_MSW, group = PROFILE_INSTANT;
    char path[EW_PATH_MAX];
    (void)ew_format(path, sizeof(path), "/registers/%s", r->quantity);
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    r->scale_from[0] = r->scale_from[1] = r->sign_from = -1;
    read_unit(&o, r);
    profile_read_place(&o, "fc", EW_REQUIRED, profile, &r->fc);
    profile_read_place(&o, "address", EW_REQUIRED, profile, &r->address);
    ew_json_enum(&o, "type", EW_REQUIRED, profile_type_names, &type);
    ew_json_enum(&o, "order", EW_OPTIONAL, profile_orders, &order);
    ew_json_enum(&o, "group", EW_REQUIRED, profile_groups, &group);
    r->type = (enum profile_type)type;
    r->order = (enum profile_order)order;
    r->group = (enum profile_group)group;
    bool wordy = r->type == PROFILE_STRING;
    r->words.value = profile_types[type].words_max;
    profile_read_place(&o, "words", wordy ? EW_REQUIRED : EW_OPTIONAL, profile, &r->words);
    profile_read_scale(&o, profile, &r->scale);
    read_per_position(&o, profile, r);
    read_nan(&o, r);
    read_bits(&o, r);
    read_scale_from(&o, profile, index, r);
    read_sign_from(&o, profile, index, r);
    ew_json_number(&o, "divide_above", EW_OPTIONAL, 0, 1e15, &r->divide_above);
    ew_json_bool(&o, "four_quadrant", EW_OPTIONAL, &r->four_quadrant);
    ew_json_bool(&o, "hidden", EW_OPTIONAL, &r->hidden);
    check_place(&o, r);
    return ew_json_close(&o);
}
