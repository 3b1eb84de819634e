// "commands" of a profile.
#include "core/profile/profile_priv.h"

#include <string.h>

static bool only(const char *text, const char *alphabet)
{
    return text[0] && text[strspn(text, alphabet)] == 0;
}

// limit, release, phases, plug, socket, output_1 to output_63, reset_<what>.
static bool name_known(const char *name)
{
    static const char *const fixed[] = {"limit", "release", "phases", "plug", "socket"};
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        if (strcmp(name, fixed[i]) == 0)
            return true;
    if (strncmp(name, "output_", 7) == 0)
        return profile_quantity_known(name, NULL);
    return strncmp(name, "reset_", 6) == 0 && only(name + 6, "abcdefghijklmnopqrstuvwxyz0123456789_");
}

void profile_read_write_place(struct ew_json *o, const struct profile *profile, struct profile_command *c)
{
    int type = PROFILE_U16, order = PROFILE_MSW;
    profile_read_place(o, "fc", EW_REQUIRED, profile, &c->fc);
    profile_read_place(o, "address", EW_REQUIRED, profile, &c->address);
    ew_json_enum(o, "type", EW_REQUIRED, profile_type_names, &type);
    ew_json_enum(o, "order", EW_OPTIONAL, profile_orders, &order);
    ew_json_bool(o, "readable", EW_OPTIONAL, &c->readable);
    c->type = (enum profile_type)type;
    c->order = (enum profile_order)order;
    c->words = profile_types[type].words_max;
    c->scale.value = 1;
    if (o->err == EW_OK && c->type == PROFILE_STRING)
        ew_json_fail(o, "type", "profile.place", "text can't be written");
    bool bits = c->fc.value == 5 || c->fc.value == 15;
    struct profile_place place = {.fc = c->fc.param[0] ? (c->type == PROFILE_BOOL ? 5 : 16) : c->fc.value,
                                  .address = c->address.param[0] ? 0 : c->address.value,
                                  .words = bits ? 1 : c->words};
    const char *key, *problem;
    if (o->err == EW_OK && !profile_write_fits(c->type, &place, &key, &problem))
        ew_json_fail(o, key, "profile.place", "%s", problem);
}

void profile_read_limit_unit(struct ew_json *o, struct profile_command *c)
{
    static const char *const units[] = {"A", "W", "%", NULL}; // enum profile_limit_unit
    int unit = PROFILE_LIMIT_A;
    ew_json_enum(o, "unit", EW_OPTIONAL, units, &unit);
    c->unit = (enum profile_limit_unit)unit;
}

// "phases": a number, or "$parameter" where only the installer knows which vehicles come.
static void read_shared(struct ew_json *o, const struct profile *profile, struct profile_command *c)
{
    c->phases.value = 1; // whatever the vehicle, no phase carries more
    bool said = ew_json_has(o, "phases");
    if (said)
        profile_read_place(o, "phases", EW_OPTIONAL, profile, &c->phases);
    int param = profile_param_find(profile, c->phases.param);
    double least = param < 0 ? c->phases.value : profile->params[param].min;
    double most = param < 0 ? c->phases.value : profile->params[param].max;
    if (o->err == EW_OK && said && c->unit != PROFILE_LIMIT_W)
        ew_json_fail(o, "phases", "profile.limit_unit", "goes with a limit in W");
    else if (o->err == EW_OK && (least < 1 || most > 3))
        ew_json_fail(o, "phases", "profile.limit_unit", "must be 1, 2 or 3");
}

// What only a limit in A has.
static void check_amperes(struct ew_json *o, const struct profile_command *c)
{
    if (o->err != EW_OK || c->unit == PROFILE_LIMIT_A)
        return;
    if (c->also_count > 0)
        ew_json_fail(o, "also", "profile.limit_unit", "goes with a limit in A");
    else if (c->step_a > 0)
        ew_json_fail(o, "step", "profile.limit_unit",
                     "goes with a limit in A: others are rounded down to the scale");
}

static void read_read_back(struct ew_json *o, const struct profile *profile, struct profile_command *c)
{
    static const char *const quantities[] = {"current_limit", "power_limit", "percent_limit"};
    c->read_back = profile_find(profile, quantities[c->unit]);
    if (o->err == EW_OK && profile->kind != PROFILE_STATION)
        ew_json_fail(o, NULL, "profile.command", "only stations have a limit");
    else if (o->err == EW_OK && c->read_back < 0)
        ew_json_fail(o, NULL, "profile.read_back", "needs the register \"%s\", that reads what is in force",
                     quantities[c->unit]);
}

// "also": the other phases' places, for stations with a limit for each.
static void read_also(struct ew_json *o, struct profile_command *c)
{
    const cJSON *list = ew_json_array(o, "also", EW_OPTIONAL, PROFILE_ALSO_MAX);
    for (const cJSON *item = list ? list->child : NULL; item && o->err == EW_OK; item = item->next) {
        uint64_t address;
        if (!ew_json_hex_value(item, &address) || address + (uint64_t)c->words > 65536)
            ew_json_fail(o, "also", "profile.place",
                         "every item must be an address, and the register must end at 65535 or below");
        else
            c->also[c->also_count++] = (uint16_t)address;
    }
}

static void read_limit(struct ew_json *o, const struct profile *profile, struct profile_command *c)
{
    static const char *const memories[] = {"ram", "eeprom", NULL};
    int memory = 0;
    int64_t interval = 0, repeat = 0;
    profile_read_scale(o, profile, &c->scale);
    profile_read_limit_unit(o, c);
    read_shared(o, profile, c);
    read_also(o, c);
    c->minimum_a = 6; // IEC 61851-1: no smaller current can be offered
    ew_json_number(o, "minimum", EW_OPTIONAL, 0, 100, &c->minimum_a);
    ew_json_number(o, "step", EW_OPTIONAL, 0, 10, &c->step_a);
    ew_json_number(o, "off", EW_OPTIONAL, 0, 5.99, &c->off_a);
    ew_json_enum(o, "memory", EW_OPTIONAL, memories, &memory);
    ew_json_int(o, "min_interval_s", EW_OPTIONAL, 0, 3600, &interval);
    ew_json_int(o, "repeat_s", EW_OPTIONAL, 1, 3600, &repeat);
    c->repeat_s = (int)repeat;
    c->wears = memory == 1;
    c->min_interval_s = (int)interval;
    check_amperes(o, c);
    read_read_back(o, profile, c);
}

void profile_read_raw(struct ew_json *o, const char *key, enum ew_presence presence, double *ret)
{
    uint64_t raw = (uint64_t)*ret;
    ew_json_hex(o, key, presence, UINT32_MAX, &raw);
    *ret = (double)raw;
}

// A switch of phases is never under load, and wears a contactor: how long nothing must have flowed before it,
// and how long it rests after the last.
static void read_phases(struct ew_json *o, const struct profile *profile, struct profile_command *c)
{
    int64_t pause = 10, rest = 300;
    profile_read_raw(o, "three", EW_REQUIRED, &c->on);
    profile_read_raw(o, "one", EW_REQUIRED, &c->off);
    ew_json_int(o, "pause_s", EW_OPTIONAL, 1, 600, &pause);
    ew_json_int(o, "min_interval_s", EW_OPTIONAL, 1, 3600, &rest);
    if (o->err == EW_OK && profile->kind != PROFILE_STATION)
        ew_json_fail(o, NULL, "profile.command", "only stations have phases to switch");
    c->pause_s = (int)pause;
    c->rest_s = (int)rest;
}

static enum ew_err read_command(const cJSON *node, const struct profile *profile, struct profile_command *c,
                                struct ew_reason *reason)
{
    char path[EW_PATH_MAX];
    (void)ew_format(path, sizeof(path), "/commands/%s", node->string);
    *c = (struct profile_command){.read_back = -1, .on = 1, .readable = true};
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    if (strlen(node->string) >= sizeof(c->name) || !name_known(node->string))
        ew_json_fail(&o, NULL, "profile.command",
                     "is not one of limit, release, phases, plug, socket, output_<1..63>, reset_<what>");
    ew_copy(c->name, sizeof(c->name), node->string);
    bool reset = strncmp(c->name, "reset_", 6) == 0;
    if (reset)
        c->readable = false;
    profile_read_write_place(&o, profile, c);
    if (strcmp(c->name, "limit") == 0) {
        read_limit(&o, profile, c);
    } else if (strcmp(c->name, "phases") == 0) {
        read_phases(&o, profile, c);
    } else if (reset) {
        profile_read_raw(&o, "value", EW_OPTIONAL, &c->on);
    } else {
        profile_read_raw(&o, "on", EW_OPTIONAL, &c->on);
        profile_read_raw(&o, "off", EW_OPTIONAL, &c->off);
        c->read_back = profile_find(profile, c->name);
    }
    if (o.err == EW_OK && !reset && strcmp(c->name, "limit") != 0 && c->on == c->off)
        ew_json_fail(&o, "off", "profile.command", "is the same as on");
    return ew_json_close(&o);
}

void profile_read_commands(struct ew_json *o, struct ew_arena *arena, struct profile *profile)
{
    const cJSON *node = ew_json_object(o, "commands", EW_OPTIONAL);
    int count = 0;
    for (const cJSON *child = node ? node->child : NULL; child; child = child->next)
        count++;
    if (count == 0 || o->err != EW_OK)
        return;
    if (count > PROFILE_COMMANDS_MAX) {
        ew_json_fail(o, "commands", "json.count", "more than %d commands", PROFILE_COMMANDS_MAX);
        return;
    }
    profile->commands = ew_arena_take(arena, (size_t)count, sizeof(*profile->commands));
    if (!profile->commands) {
        ew_json_fail(o, "commands", "profile.memory", "no room for %d commands", count);
        return;
    }
    for (const cJSON *child = node->child; child && o->err == EW_OK; child = child->next)
        o->err = read_command(child, profile, &profile->commands[profile->command_count++], o->reason);
    if (o->err == EW_OK && profile_find_command(profile, "release") >= 0 &&
        profile_find_command(profile, "limit") < 0)
        ew_json_fail(o, "commands", "profile.command", "\"release\" goes with \"limit\"");
}
