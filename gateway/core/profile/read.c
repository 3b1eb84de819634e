#include "core/profile/profile_priv.h"

#include <string.h>

enum { PARAM_NAME_MAX = 24 /* as in struct site_param */, LINES_MAX = 32 /* references, evidence, notes */ };

static const char lower_digits_dash[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
static const char lower_digits_underscore[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

static void read_name(struct ew_json *o, const char *key, const char *alphabet, size_t size, char *out)
{
    ew_json_text(o, key, EW_REQUIRED, 1, size, out);
    if (o->err == EW_OK && out[strspn(out, alphabet)])
        ew_json_fail(o, key, "profile.name", "may only hold a-z, 0-9 and -");
}

// A list of lines of text that people read; only their number matters here.
static int read_lines(struct ew_json *o, const char *key)
{
    int count = 0;
    const cJSON *list = ew_json_array(o, key, EW_OPTIONAL, LINES_MAX);
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next, count++)
        if (!cJSON_IsString(item) || item->valuestring[0] == 0)
            ew_json_fail(o, key, "json.type", "every item must be text");
    return count;
}

static void read_limits(struct ew_json *parent, struct profile_limits *limits)
{
    *limits = (struct profile_limits){.max_registers = 125, .max_bits = 2000};
    const cJSON *node = ew_json_object(parent, "limits", EW_OPTIONAL);
    if (!node)
        return;
    int64_t registers = limits->max_registers, bits = limits->max_bits, gap = 0, timeout = 0;
    struct ew_json o;
    ew_json_open(&o, node, "/limits", parent->reason);
    ew_json_int(&o, "max_registers", EW_OPTIONAL, 1, 125, &registers);
    ew_json_int(&o, "max_bits", EW_OPTIONAL, 1, 2000, &bits);
    ew_json_int(&o, "gap_ms", EW_OPTIONAL, 0, 10000, &gap);
    ew_json_int(&o, "timeout_ms", EW_OPTIONAL, 0, 60000, &timeout);
    ew_json_bool(&o, "holes", EW_OPTIONAL, &limits->holes);
    ew_json_bool(&o, "one_value", EW_OPTIONAL, &limits->one_value);
    parent->err = ew_json_close(&o);
    limits->max_registers = (int)registers;
    limits->max_bits = (int)bits;
    limits->gap_ms = (int)gap;
    limits->timeout_ms = (int)timeout;
}

static enum ew_err read_param(const cJSON *node, struct profile_param *param, struct ew_reason *reason)
{
    char path[EW_PATH_MAX];
    (void)ew_format(path, sizeof(path), "/params/%s", node->string);
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    if (strlen(node->string) >= PARAM_NAME_MAX || node->string[strspn(node->string, lower_digits_underscore)])
        ew_json_fail(&o, NULL, "profile.name", "may only hold a-z, 0-9 and _, at most %d",
                     PARAM_NAME_MAX - 1);
    ew_copy(param->name, sizeof(param->name), node->string);
    ew_json_number(&o, "min", EW_REQUIRED, -1e15, 1e15, &param->min);
    ew_json_number(&o, "max", EW_REQUIRED, -1e15, 1e15, &param->max);
    ew_json_bool(&o, "required", EW_OPTIONAL, &param->required);
    ew_json_number(&o, "preset", param->required ? EW_OPTIONAL : EW_REQUIRED, -1e15, 1e15, &param->preset);
    if (o.err == EW_OK && param->min > param->max)
        ew_json_fail(&o, "min", "profile.param_range", "is above max");
    if (o.err == EW_OK && !param->required && (param->preset < param->min || param->preset > param->max))
        ew_json_fail(&o, "preset", "profile.param_range", "is outside min..max");
    return ew_json_close(&o);
}

static void read_params(struct ew_json *o, struct profile *profile)
{
    const cJSON *node = ew_json_object(o, "params", EW_OPTIONAL);
    for (const cJSON *child = node ? node->child : NULL; child && o->err == EW_OK; child = child->next) {
        if (profile->param_count == PROFILE_PARAMS_MAX)
            ew_json_fail(o, "params", "json.count", "more than %d parameters", PROFILE_PARAMS_MAX);
        else
            o->err = read_param(child, &profile->params[profile->param_count++], o->reason);
    }
}

static void read_state(struct ew_json *o, const char *name, const cJSON *item, struct profile *profile)
{
    uint64_t raw;
    if (!ew_json_hex_value(item, &raw)) {
        ew_json_fail(o, name, "json.hex", "every item must be a whole number or hexadecimal text");
        return;
    }
    const char *taken = profile_state_name(profile, raw);
    if (taken)
        ew_json_fail(o, name, "profile.state_twice", "%llu already means \"%s\"", (unsigned long long)raw,
                     taken);
    else if (profile->state_count == PROFILE_STATES_MAX)
        ew_json_fail(o, name, "json.count", "more than %d states", PROFILE_STATES_MAX);
    else {
        struct profile_state *state = &profile->states[profile->state_count++];
        state->raw = raw;
        ew_copy(state->state, sizeof(state->state), name);
    }
}

// "states": {"A": [0], "B": [1, 2]}: our word, and the raw values of the register "state" that mean it.
static void read_states(struct ew_json *parent, struct profile *profile)
{
    static const char *const station[] = {"A", "B", "C", "D", "E", "F", NULL};
    static const char *const breaker[] = {"open", "closed", "tripped", NULL};
    const cJSON *node = ew_json_object(parent, "states", EW_OPTIONAL);
    bool has_words = profile->kind == PROFILE_STATION || profile->kind == PROFILE_BREAKER;
    if (node && !has_words)
        ew_json_fail(parent, "states", "profile.states", "only stations and breakers have states");
    if (!node || !has_words)
        return;
    struct ew_json o;
    ew_json_open(&o, node, "/states", parent->reason);
    for (const char *const *name = profile->kind == PROFILE_STATION ? station : breaker; *name; name++) {
        const cJSON *list = ew_json_array(&o, *name, EW_OPTIONAL, PROFILE_STATES_MAX);
        for (const cJSON *item = list ? list->child : NULL; item; item = item->next)
            read_state(&o, *name, item, profile);
    }
    parent->err = ew_json_close(&o);
}

static void read_identity(struct ew_json *o, const char *quantity, const cJSON *item, struct profile *profile)
{
    struct profile_identity *one = &profile->identify[profile->identify_count];
    *one = (struct profile_identity){.raw = 0};
    bool is_text = profile->registers[profile->identify_register].type == PROFILE_STRING;
    if (is_text && cJSON_IsString(item) && item->valuestring[0] &&
        strlen(item->valuestring) < sizeof(one->text))
        ew_copy(one->text, sizeof(one->text), item->valuestring);
    else if (is_text || !ew_json_hex_value(item, &one->raw))
        ew_json_fail(o, quantity, "profile.identify",
                     "every item must be the register's raw value, or how its text begins");
    profile->identify_count++;
}

// "identify": {"device_code": [112]}: the register that names the model, and what it holds in this one.
static void read_identify(struct ew_json *parent, struct profile *profile)
{
    const cJSON *node = ew_json_object(parent, "identify", EW_OPTIONAL);
    const cJSON *child = node ? node->child : NULL;
    if (!node || parent->err != EW_OK)
        return;
    struct ew_json o;
    ew_json_open(&o, node, "/identify", parent->reason);
    profile->identify_register = child && !child->next ? profile_find(profile, child->string) : -1;
    if (profile->identify_register < 0) {
        ew_json_fail(&o, NULL, "profile.identify", "must name one register of this profile");
        parent->err = o.err;
        return;
    }
    const cJSON *list = ew_json_array(&o, child->string, EW_REQUIRED, PROFILE_IDENTIFY_MAX);
    for (const cJSON *item = list ? list->child : NULL; item && o.err == EW_OK; item = item->next)
        read_identity(&o, child->string, item, profile);
    parent->err = ew_json_close(&o);
}

// All names first, since a register may name one that stands below it.
static void read_registers(struct ew_json *o, struct ew_arena *arena, struct profile *profile)
{
    const cJSON *node = ew_json_object(o, "registers", EW_REQUIRED);
    int count = 0;
    for (const cJSON *child = node ? node->child : NULL; child; child = child->next)
        count++;
    if (!node || o->err != EW_OK)
        return;
    if (count > PROFILE_REGISTERS_MAX) {
        ew_json_fail(o, "registers", "json.count", "%d registers are more than the %d allowed", count,
                     PROFILE_REGISTERS_MAX);
        return;
    }
    profile->registers = ew_arena_take(arena, (size_t)count, sizeof(*profile->registers));
    if (!profile->registers) {
        ew_json_fail(o, "registers", "profile.memory", "no room for %d registers", count);
        return;
    }
    for (const cJSON *child = node->child; child; child = child->next) {
        struct profile_register *r = &profile->registers[profile->register_count++];
        if (strlen(child->string) >= sizeof(r->quantity))
            ew_json_fail(o, "registers", "json.length", "\"%.40s...\" is not a quantity of the vocabulary",
                         child->string);
        ew_copy(r->quantity, sizeof(r->quantity), child->string);
    }
    int index = 0;
    for (const cJSON *child = node->child; child && o->err == EW_OK; child = child->next)
        o->err = profile_register_read(child, profile, index++, o->reason);
    if (o->err == EW_OK)
        o->err = profile_registers_check(profile, o->reason);
}

// DESIGN: "without evidence from outside at best driver".
static void check_claims(struct ew_json *o, const struct profile *profile)
{
    if (profile->confidence == PROFILE_DOCUMENT && profile->evidence_count == 0)
        ew_json_fail(
            o, "confidence", "profile.evidence",
            "\"document\" needs \"evidence\" from outside the project; without it at best \"driver\"");
    else if (profile->confidence >= PROFILE_DRIVER && profile->reference_count == 0)
        ew_json_fail(o, "confidence", "profile.references", "\"%s\" needs \"references\"",
                     profile_confidences[profile->confidence]);
    bool blank = profile->confidence == PROFILE_NONE && profile->register_count == 0;
    if (profile->kind == PROFILE_STATION && profile->state_register < 0 && !blank)
        ew_json_fail(o, "registers", "profile.no_state", "a station needs the register \"state\"");
    if ((profile->state_register >= 0) != (profile->state_count > 0))
        ew_json_fail(o, "states", "profile.states", "\"states\" and the register \"state\" go together");
}

static size_t entries(const cJSON *object)
{
    size_t count = 0;
    for (const cJSON *child = cJSON_IsObject(object) ? object->child : NULL; child; child = child->next)
        count++;
    return count;
}

size_t profile_memory(const cJSON *tree)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(tree, "registers");
    const cJSON *commands = cJSON_GetObjectItemCaseSensitive(tree, "commands");
    return entries(node) * sizeof(struct profile_register) +
           entries(commands) * sizeof(struct profile_command) + 2 * _Alignof(max_align_t) +
           profile_catalogue_memory(tree) + profile_errors_memory(tree);
}

enum ew_err profile_read(const cJSON *tree, struct ew_arena *arena, struct profile *ret,
                         struct ew_reason *reason)
{
    int kind = PROFILE_METER, service = PROFILE_ELECTRICITY, confidence = PROFILE_NONE;
    *ret = (struct profile){.state_register = -1, .identify_register = -1};
    struct ew_json o;
    ew_json_open(&o, tree, "", reason);
    read_name(&o, "id", lower_digits_dash, sizeof(ret->id), ret->id);
    ew_json_text(&o, "version", EW_REQUIRED, 1, sizeof(ret->version), ret->version);
    ew_json_text(&o, "family", EW_REQUIRED, 1, sizeof(ret->family), ret->family);
    ew_json_text(&o, "model", EW_REQUIRED, 1, sizeof(ret->model), ret->model);
    ew_json_enum(&o, "kind", EW_REQUIRED, profile_kinds, &kind);
    ew_json_enum(&o, "service", EW_OPTIONAL, profile_services, &service);
    ew_json_enum(&o, "confidence", EW_REQUIRED, profile_confidences, &confidence);
    ret->kind = (enum profile_kind)kind;
    ret->service = (enum profile_service)service;
    ret->confidence = (enum profile_confidence)confidence;
    read_lines(&o, "aliases");
    ew_json_skip(&o, "extends");
    ret->reference_count = read_lines(&o, "references");
    ret->evidence_count = read_lines(&o, "evidence");
    read_lines(&o, "notes");
    read_limits(&o, &ret->limits);
    read_params(&o, ret);
    read_registers(&o, arena, ret);
    profile_catalogue_read(&o, arena, ret);
    ret->state_register = profile_find(ret, "state");
    read_states(&o, ret);
    profile_read_commands(&o, arena, ret);
    profile_read_watchdog(&o, ret);
    profile_errors_read(&o, arena, ret);
    read_identify(&o, ret);
    if (o.err == EW_OK)
        check_claims(&o, ret);
    enum ew_err err = ew_json_close(&o);
    if (err != EW_OK)
        *ret = (struct profile){.state_register = -1, .identify_register = -1};
    return err;
}
