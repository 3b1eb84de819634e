// What a charge point wants beside its limit: "watchdog", "keep_alive" and "setup".
#include "core/profile/profile_priv.h"

#include <string.h>

static void open_place(struct ew_json *parent, const char *key, const cJSON *node, struct ew_json *o)
{
    char path[EW_PATH_MAX];
    ew_json_path(parent, key, -1, path);
    ew_json_open(o, node, path, parent->reason);
}

// "read": where the value is read when that is not where it is written.
static void read_elsewhere(struct ew_json *parent, const struct profile *profile, const char *name,
                           struct profile_command *ret)
{
    const cJSON *node = ew_json_object(parent, "read", EW_OPTIONAL);
    if (!node)
        return;
    int type = PROFILE_U16, order = PROFILE_MSW;
    int64_t function = 3;
    struct ew_json o;
    open_place(parent, "read", node, &o);
    *ret = (struct profile_command){.read_back = -1, .readable = true, .fc = {.value = 16}};
    ew_copy(ret->name, sizeof(ret->name), name);
    ew_json_int(&o, "fc", EW_OPTIONAL, 3, 4, &function);
    profile_read_place(&o, "address", EW_REQUIRED, profile, &ret->address);
    ew_json_enum(&o, "type", EW_REQUIRED, profile_type_names, &type);
    ew_json_enum(&o, "order", EW_OPTIONAL, profile_orders, &order);
    ret->input = function == 4;
    ret->type = (enum profile_type)type;
    ret->order = (enum profile_order)order;
    ret->words = profile_types[type].words_max;
    ret->scale.value = 1;
    if (o.err == EW_OK && (type == PROFILE_STRING || type == PROFILE_BOOL))
        ew_json_fail(&o, "type", "profile.place", "must be a number");
    if (o.err == EW_OK && !ret->address.param[0] && ret->address.value + ret->words > 65536)
        ew_json_fail(&o, "address", "profile.place", "the register must end at 65535 or below");
    parent->err = ew_json_close(&o);
}

static void read_dog_place(struct ew_json *parent, const char *key, enum ew_presence presence,
                           const struct profile *profile, struct profile_command *c,
                           struct profile_command *elsewhere)
{
    const cJSON *node = ew_json_object(parent, key, presence);
    if (!node)
        return;
    struct ew_json o;
    open_place(parent, key, node, &o);
    *c = (struct profile_command){.read_back = -1, .readable = true};
    ew_copy(c->name, sizeof(c->name), key);
    profile_read_write_place(&o, profile, c);
    read_elsewhere(&o, profile, key, elsewhere);
    if (strcmp(key, "fallback_register") == 0) {
        profile_read_scale(&o, profile, &c->scale);
        profile_read_limit_unit(&o, c);
        elsewhere->scale = c->scale;
        elsewhere->unit = c->unit;
    }
    if (o.err == EW_OK && !c->readable)
        ew_json_fail(&o, "readable", "profile.read_back", "a watchdog that can't be read back is none");
    parent->err = ew_json_close(&o);
}

// {"register": where the time-out is, "unit": "s" or "ms", "timeout_s": what is set, "fallback_register",
// "feed": "limit", "any" or "keep_alive"}
static void read_dog(struct ew_json *parent, struct profile *profile)
{
    static const char *const units[] = {"s", "ms", NULL}, *const feeds[] = {"limit", "any", "keep_alive",
                                                                            NULL};
    const cJSON *node = ew_json_object(parent, "watchdog", EW_OPTIONAL);
    struct profile_watchdog *dog = &profile->watchdog;
    if (!node)
        return;
    int unit = 0, feed = PROFILE_FEED_LIMIT;
    struct ew_json o;
    ew_json_open(&o, node, "/watchdog", parent->reason);
    read_dog_place(&o, "register", EW_REQUIRED, profile, &dog->timeout, &dog->timeout_read);
    read_dog_place(&o, "fallback_register", EW_OPTIONAL, profile, &dog->fallback, &dog->fallback_read);
    ew_json_enum(&o, "unit", EW_REQUIRED, units, &unit);
    ew_json_enum(&o, "feed", EW_OPTIONAL, feeds, &feed);
    dog->timeout_s = 30; // as long as a lease (DESIGN, safety rule 2)
    ew_json_number(&o, "timeout_s", EW_OPTIONAL, 4, 600, &dog->timeout_s);
    dog->unit_s = unit == 1 ? 0.001 : 1;
    dog->timeout.scale.value = dog->timeout_read.scale.value = dog->unit_s;
    dog->feed = (enum profile_feed)feed;
    dog->there = true;
    if (o.err == EW_OK && dog->feed == PROFILE_FEED_ALIVE && !profile->alive.there)
        ew_json_fail(&o, "feed", "profile.alive", "needs \"keep_alive\"");
    else if (o.err == EW_OK && dog->feed == PROFILE_FEED_ALIVE &&
             profile->alive.every_s * 2 > dog->timeout_s) // one may be lost
        ew_json_fail(&o, "timeout_s", "profile.alive", "must be twice \"every_s\" of \"keep_alive\" or more");
    parent->err = ew_json_close(&o);
}

static void read_values(struct ew_json *o, struct profile_alive *alive)
{
    const cJSON *list = ew_json_array(o, "values", EW_REQUIRED, PROFILE_ALIVE_MAX);
    for (const cJSON *item = list ? list->child : NULL; item && o->err == EW_OK; item = item->next) {
        uint64_t raw;
        if (!ew_json_hex_value(item, &raw) || raw > UINT16_MAX)
            ew_json_fail(o, "values", "json.hex", "every item must be a whole number of 0 to 65535");
        else
            alive->values[alive->value_count++] = (double)raw;
    }
    if (o->err == EW_OK && alive->value_count == 0)
        ew_json_fail(o, "values", "json.count", "needs one value at least");
}

// {a place, "values": written in turn, "every_s", "timeout_s": how long the station waits, "fallback": what
// it offers then}
static void read_alive(struct ew_json *parent, struct profile *profile)
{
    const cJSON *node = ew_json_object(parent, "keep_alive", EW_OPTIONAL);
    struct profile_alive *alive = &profile->alive;
    alive->fallback_a = -1;
    if (!node)
        return;
    struct ew_json o;
    ew_json_open(&o, node, "/keep_alive", parent->reason);
    alive->place = (struct profile_command){.read_back = -1, .readable = false};
    ew_copy(alive->place.name, sizeof(alive->place.name), "keep_alive");
    profile_read_write_place(&o, profile, &alive->place);
    read_values(&o, alive);
    ew_json_number(&o, "every_s", EW_REQUIRED, 1, 300, &alive->every_s);
    ew_json_number(&o, "timeout_s", EW_OPTIONAL, 2, 3600, &alive->timeout_s);
    ew_json_number(&o, "fallback", EW_OPTIONAL, 0, 100, &alive->fallback_a);
    alive->there = true;
    if (o.err == EW_OK && alive->timeout_s > 0 && alive->every_s * 2 > alive->timeout_s)
        ew_json_fail(&o, "every_s", "profile.alive",
                     "must be half of \"timeout_s\" or less: one may be lost");
    parent->err = ew_json_close(&o);
}

// [{a place, "value"}]: read, written when it reads otherwise, and read back.
static void read_setup(struct ew_json *parent, struct profile *profile)
{
    const cJSON *list = ew_json_array(parent, "setup", EW_OPTIONAL, PROFILE_SETUP_MAX);
    for (const cJSON *item = list ? list->child : NULL; item && parent->err == EW_OK; item = item->next) {
        struct profile_command *c = &profile->setup[profile->setup_count];
        char path[EW_PATH_MAX];
        ew_json_path(parent, "setup", profile->setup_count++, path);
        struct ew_json o;
        ew_json_open(&o, item, path, parent->reason);
        *c = (struct profile_command){.read_back = -1, .readable = true};
        ew_copy(c->name, sizeof(c->name), "setup");
        profile_read_write_place(&o, profile, c);
        profile_read_raw(&o, "value", EW_REQUIRED, &c->on);
        if (o.err == EW_OK && !c->readable)
            ew_json_fail(&o, "readable", "profile.read_back",
                         "what can't be read back is not known to stand there");
        parent->err = ew_json_close(&o);
    }
}

void profile_read_watchdog(struct ew_json *o, struct profile *profile)
{
    read_alive(o, profile);
    read_setup(o, profile);
    read_dog(o, profile);
    bool any = profile->watchdog.there || profile->alive.there || profile->setup_count > 0;
    if (o->err == EW_OK && any && profile_find_command(profile, "limit") < 0)
        ew_json_fail(o, "commands", "profile.command",
                     "\"watchdog\", \"keep_alive\" and \"setup\" need the command \"limit\"");
}
