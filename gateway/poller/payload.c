// The JSON of what is retained (schemas/topics/bus_status, device_status, measures, charge, state, links).
#include "poller/fleet_priv.h"

#include "base/clock.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const bus_states[] = {"on", "on", "off", "error"};
static const char *const device_states[] = {"on", "on", "off", "error", "fault", "unconfigured"};

static void put_reason(struct ew_jw *w, bool has, const struct ew_reason *reason)
{
    if (has)
        ew_jw_reason(w, "reason", reason);
    else
        ew_jw_null(w, "reason");
}

static double tenths(double value)
{
    return round(value * 10) / 10;
}

void payload_bus(struct ew_buf *buf, const struct bus *bus)
{
    struct ew_jw w;
    ew_buf_clear(buf);
    ew_jw_init(&w, buf);
    ew_jw_open_object(&w, NULL);
    ew_jw_text(&w, "state", bus_states[bus->state]);
    put_reason(&w, bus->has_reason, &bus->reason);
    ew_jw_rfc3339(&w, "since", bus->since_ms);
    ew_jw_int(&w, "up_ms", ew_clock_up_ms());
    ew_jw_number(&w, "load_pct", tenths(bus->figures.load_pct));
    ew_jw_number(&w, "cycle_ms", tenths(bus->figures.cycle_ms));
    ew_jw_number(&w, "late_ms", tenths(bus->figures.late_ms));
    ew_jw_int(&w, "polls", bus->polls_before + bus->figures.polls);
    ew_jw_int(&w, "errors", bus->errors_before + bus->figures.errors);
    ew_jw_close_object(&w);
}

// What the device was found not to have.
static void put_refused(struct ew_jw *w, const struct device *device)
{
    bool opened = false;
    for (int i = 0; device->learnt && i < device->recipe->profile->register_count; i++) {
        if (!plan_refused(device->learnt[i]) || device->recipe->profile->registers[i].hidden)
            continue;
        if (!opened)
            ew_jw_open_array(w, "refused");
        opened = true;
        ew_jw_text(w, NULL, device->recipe->profile->registers[i].quantity);
    }
    if (opened)
        ew_jw_close_array(w);
}

void payload_device(struct ew_buf *buf, const struct device *device)
{
    struct ew_jw w;
    ew_buf_clear(buf);
    ew_jw_init(&w, buf);
    ew_jw_open_object(&w, NULL);
    ew_jw_text(&w, "state", device_states[device->state]);
    put_reason(&w, device->has_reason, &device->reason);
    ew_jw_rfc3339(&w, "since", device->since_ms);
    ew_jw_int(&w, "up_ms", ew_clock_up_ms());
    put_refused(&w, device);
    ew_jw_close_object(&w);
}

static void put_value(struct ew_jw *w, const char *key, enum profile_type type, const struct remembered *m)
{
    if (m->nulled || !m->good)
        ew_jw_null(w, key);
    else if (type == PROFILE_STRING)
        ew_jw_text(w, key, m->text ? m->text : "");
    else if (m->single)
        ew_jw_float(w, key, (float)m->number);
    else
        ew_jw_number(w, key, m->number);
}

static void put_measures(struct ew_jw *w, const struct device *device, enum profile_group group)
{
    const struct profile *profile = device->recipe->profile;
    ew_jw_open_object(w, "values");
    for (int i = 0; i < profile->register_count; i++)
        if (profile->registers[i].group == group && device->memory[i].shown)
            put_value(w, profile->registers[i].quantity, profile->registers[i].type, &device->memory[i]);
    ew_jw_close_object(w);
}

// The state register in words; it stands in every message, the last known one while it is not stale.
static void put_state(struct ew_jw *w, const char *key, const struct device *device)
{
    const struct profile *profile = device->recipe->profile;
    if (profile->state_register < 0)
        return;
    const struct remembered *m = &device->memory[profile->state_register];
    const char *name = m->known && m->good && !m->nulled ? profile_state_name(profile, m->raw) : NULL;
    if (name)
        ew_jw_text(w, key, name);
    else
        ew_jw_null(w, key);
}

// Names of schemas/topics/charge where they differ from the quantity's.
static const char *charge_key(const char *quantity)
{
    static const char *const keys[][2] = {{"current_limit", "limit_a"},   {"power_limit", "limit_w"},
                                          {"percent_limit", "limit_pct"}, {"rated_current", "rated_a"},
                                          {"active_power", "power"},      {"session_energy", "session_wh"}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (strcmp(quantity, keys[i][0]) == 0)
            return keys[i][1];
    return quantity;
}

// What is in force is nothing while a station is not released, whatever its limit's register says.
static void put_charge_value(struct ew_jw *w, const struct device *device, int index)
{
    const struct profile_register *r = &device->recipe->profile->registers[index];
    int32_t in_force_ma = -1;
    if (device->station.rule.release && strcmp(r->quantity, "current_limit") == 0)
        in_force_ma = limit_in_force_ma(device);
    if (in_force_ma >= 0)
        ew_jw_number(w, charge_key(r->quantity), in_force_ma / 1000.0);
    else
        put_value(w, charge_key(r->quantity), r->type, &device->memory[index]);
}

// A limit told in watts or per cent, as a current too: what may flow at most.
static void put_told_limit(struct ew_jw *w, const struct device *device)
{
    const struct profile *profile = device->recipe->profile;
    int index = limit_register(profile);
    if (index < 0 || !device->station.begun || !device->memory[index].shown ||
        strcmp(profile->registers[index].quantity, "current_limit") == 0)
        return;
    int32_t in_force_ma = limit_in_force_ma(device);
    if (in_force_ma >= 0)
        ew_jw_number(w, "limit_a", in_force_ma / 1000.0);
    else
        ew_jw_null(w, "limit_a");
}

static void put_charge(struct ew_jw *w, const struct device *device)
{
    const struct profile *profile = device->recipe->profile;
    put_state(w, "state", device);
    for (int i = 0; i < profile->register_count; i++) {
        const struct profile_register *r = &profile->registers[i];
        if (r->group == PROFILE_CHARGE && device->memory[i].shown && i != profile->state_register &&
            strcmp(r->quantity, "error_code") != 0 && !payload_is_switch(r->quantity))
            put_charge_value(w, device, i);
    }
    put_told_limit(w, device);
    // A station that does not tell its rating has it as a parameter: a lost one is booked with it.
    double rated_a = site_param(&device->config, "rated_current", 0);
    if (rated_a > 0 && profile_find(profile, "rated_current") < 0)
        ew_jw_number(w, "rated_a", rated_a);
    payload_station(w, device);
    payload_switches(w, device);
    payload_command(w, device);
    ew_jw_open_array(w, "errors");
    if (device->fault)
        ew_jw_reason(w, NULL, &device->fault_reason);
    ew_jw_close_array(w);
}

static void put_ports(struct ew_jw *w, const struct device *device, const char *prefix, const char *key)
{
    const struct profile *profile = device->recipe->profile;
    size_t len = strlen(prefix);
    bool opened = false;
    for (int i = 0; i < profile->register_count; i++) {
        const struct profile_register *r = &profile->registers[i];
        const struct remembered *m = &device->memory[i];
        if (r->group != PROFILE_STATE || !m->shown || strncmp(r->quantity, prefix, len) != 0)
            continue;
        if (!opened)
            ew_jw_open_object(w, key);
        opened = true;
        if (r->type == PROFILE_BOOL && m->good && !m->nulled)
            ew_jw_bool(w, r->quantity + len, m->raw != 0);
        else
            put_value(w, r->quantity + len, r->type, m);
    }
    if (opened)
        ew_jw_close_object(w);
}

static void put_breaker(struct ew_jw *w, const struct device *device)
{
    put_state(w, "breaker", device);
    put_ports(w, device, "input_", "inputs");
    put_ports(w, device, "output_", "outputs");
    payload_command(w, device);
}

// A number of the link, null while it is not known; absent when the profile has no such register.
static void put_link_number(struct ew_jw *w, const struct device *device, const char *what,
                            const char *number, const char *key)
{
    char quantity[PROFILE_NAME_MAX];
    (void)ew_format(quantity, sizeof(quantity), "link_%s_%s", what, number);
    int index = profile_find(device->recipe->profile, quantity);
    const struct remembered *m = index >= 0 ? &device->memory[index] : NULL;
    if (m && m->known && m->good && !m->nulled)
        ew_jw_int(w, key, (int64_t)m->raw);
    else if (m)
        ew_jw_null(w, key);
}

// LNK-01: what the module itself says. 0 and "no value" are no link; what could not be read is null.
static void put_links(struct ew_jw *w, const struct device *device)
{
    static const char *const ends[][2] = {{"link_action_", "event"}, {"link_event_", "action"}};
    const struct profile *profile = device->recipe->profile;
    ew_jw_open_array(w, "links");
    for (int i = 0; i < profile->register_count; i++) {
        const char *quantity = profile->registers[i].quantity;
        const struct remembered *m = &device->memory[i];
        for (int end = 0; end < 2; end++) {
            size_t len = strlen(ends[end][0]);
            if (strncmp(quantity, ends[end][0], len) != 0 || profile->registers[i].hidden)
                continue;
            bool told = m->known && !m->nulled;
            if (told && (!m->good || m->raw == 0))
                continue;
            const char *number = quantity + len;
            ew_jw_open_object(w, NULL);
            ew_jw_int(w, "number", strtol(number, NULL, 10));
            ew_jw_text(w, "this", ends[end][1]);
            put_link_number(w, device, end == 0 ? "action" : "event", number, "unit");
            put_link_number(w, device, "interface", number, "interface");
            put_link_number(w, device, "error", number, "error");
            ew_jw_close_object(w);
        }
    }
    ew_jw_close_array(w);
}

void payload_group(struct ew_buf *buf, const struct device *device, enum profile_group group)
{
    struct ew_jw w;
    ew_buf_clear(buf);
    ew_jw_init(&w, buf);
    ew_jw_open_object(&w, NULL);
    ew_jw_rfc3339(&w, "ts", device->groups[group].wall_ms);
    ew_jw_int(&w, "up_ms", device->groups[group].up_ms);
    ew_jw_int(&w, "period_ms", memory_period_ms(device, group));
    if (group == PROFILE_CHARGE)
        put_charge(&w, device);
    else if (group == PROFILE_STATE)
        put_breaker(&w, device);
    else if (group == PROFILE_LINKS)
        put_links(&w, device);
    else
        put_measures(&w, device, group);
    ew_jw_close_object(&w);
}

void payload_group_topic(topic_text topic, int64_t device, enum profile_group group)
{
    if (group == PROFILE_CHARGE || group == PROFILE_STATE || group == PROFILE_LINKS)
        topic_device(topic, device, profile_group_name(group));
    else
        topic_device_measures(topic, device, profile_group_name(group));
}

// ---- Publishing ------------------------------------------------------------------------------------------

void fleet_retain(struct fleet *fleet, const char *topic, const struct ew_buf *payload)
{
    if (fleet->options.retain(fleet->options.user, topic, payload) == EW_E_FULL && !fleet->stopping)
        ew_loop_timer_set(fleet->options.loop, &fleet->again_timer,
                          ew_loop_now_ms(fleet->options.loop) + 1000);
}

void fleet_publish_bus(struct fleet *fleet, const struct bus *bus)
{
    topic_text topic;
    topic_bus_status(topic, bus->id);
    if (bus->state == BUS_UNKNOWN)
        return;
    payload_bus(&fleet->buf, bus);
    fleet_retain(fleet, topic, &fleet->buf);
}

void fleet_publish_device(struct fleet *fleet, const struct device *device)
{
    topic_text topic;
    topic_device(topic, device->id, "status");
    if (device->state == DEVICE_UNKNOWN)
        return;
    payload_device(&fleet->buf, device);
    fleet_retain(fleet, topic, &fleet->buf);
}

void fleet_publish_group(struct fleet *fleet, struct device *device, enum profile_group group)
{
    topic_text topic;
    payload_group_topic(topic, device->id, group);
    payload_group(&fleet->buf, device, group);
    device->published |= 1u << group;
    fleet_retain(fleet, topic, &fleet->buf);
}

void fleet_clear_group(struct fleet *fleet, struct device *device, enum profile_group group)
{
    topic_text topic;
    if (!(device->published & 1u << group))
        return;
    device->published &= ~(1u << group);
    payload_group_topic(topic, device->id, group);
    fleet_retain(fleet, topic, NULL);
}
