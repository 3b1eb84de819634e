// The registry of buses and devices, and how a new configuration is applied: what did not change does not
// notice.
#include "poller/fleet_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RESULTS = 4096,
    APPLY_MS = 20, // configuration comes in bursts
    STOP_MS = 900
};

// ---- The registry ----------------------------------------------------------------------------------------

struct bus *fleet_bus(const struct fleet *fleet, int64_t id)
{
    for (int low = 0, high = fleet->bus_count; low < high;) {
        int middle = (low + high) / 2;
        if (fleet->buses[middle]->id == id)
            return fleet->buses[middle];
        if (fleet->buses[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

struct device *fleet_device(const struct fleet *fleet, int64_t id)
{
    for (int low = 0, high = fleet->device_count; low < high;) {
        int middle = (low + high) / 2;
        if (fleet->devices[middle]->id == id)
            return fleet->devices[middle];
        if (fleet->devices[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void *take(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        abort();
    return memory;
}

static struct bus *bus_add(struct fleet *fleet, int64_t id)
{
    struct bus *bus = fleet_bus(fleet, id);
    if (bus || fleet->bus_count >= EW_BUSES_MAX)
        return bus;
    bus = take(sizeof(*bus));
    bus->id = id;
    int at = fleet->bus_count++;
    for (; at > 0 && fleet->buses[at - 1]->id > id; at--)
        fleet->buses[at] = fleet->buses[at - 1];
    return fleet->buses[at] = bus;
}

static struct device *device_add(struct fleet *fleet, int64_t id)
{
    struct device *device = fleet_device(fleet, id);
    if (device || fleet->device_count >= EW_DEVICES_MAX)
        return device;
    device = take(sizeof(*device));
    device->id = id;
    device->fleet = fleet;
    int at = fleet->device_count++;
    for (; at > 0 && fleet->devices[at - 1]->id > id; at--)
        fleet->devices[at] = fleet->devices[at - 1];
    return fleet->devices[at] = device;
}

enum ew_err fleet_ask(struct fleet *fleet, int64_t bus_id, struct inlet_job *job, struct ew_reason *reason)
{
    struct bus *bus = fleet_bus(fleet, bus_id);
    enum ew_err err = EW_OK;
    if (!bus || !bus->worker || bus->ending)
        err = ew_fail(reason, EW_E_UNKNOWN, "inlet.no_bus", "", "The bus %lld is not there or is off.",
                      (long long)bus_id);
    else if (worker_ask(bus->worker, job) != EW_OK)
        err = ew_fail(reason, EW_E_FULL, "inlet.full", "", "Too many requests already wait for the bus %lld.",
                      (long long)bus_id);
    if (err == EW_OK)
        return EW_OK;
    ew_reason_param(reason, "bus", "%lld", (long long)bus_id);
    inlet_job_free(job);
    return err;
}

// ---- Configuration comes in ------------------------------------------------------------------------------

void fleet_apply_soon(struct fleet *fleet, int delay_ms)
{
    int64_t due = ew_clock_up_ms() + delay_ms;
    if (fleet->apply_timer.heap_index == 0 || fleet->apply_timer.due_ms > due)
        ew_loop_timer_set(fleet->options.loop, &fleet->apply_timer, due);
}

static cJSON *parse(const char *payload, size_t len, struct ew_reason *reason)
{
    cJSON *tree = NULL;
    if (ew_json_parse(payload, len, EW_MQTT_PAYLOAD_MAX, &tree, reason) != EW_OK)
        return NULL;
    return tree;
}

static void read_bus(struct bus *bus, const char *payload, size_t len)
{
    struct site_bus config = {0};
    cJSON *tree = parse(payload, len, &bus->bad_reason);
    bool good = tree && site_bus_read(tree, "", &config, &bus->bad_reason) == EW_OK;
    cJSON_Delete(tree);
    if (good) {
        bus->config = config;
        bus->config.id = bus->id;
        bus->bad = false;
        return;
    }
    bool running = bus->config.id != 0;
    ew_warning("bus", "bus=%lld: %s: %s, %s", (long long)bus->id, bus->bad_reason.path, bus->bad_reason.text,
               running ? "keeping what was there" : "ignoring");
    bus->bad = !running;
}

static void read_device(struct device *device, const char *payload, size_t len)
{
    struct site_device config = {0};
    cJSON *tree = parse(payload, len, &device->bad_reason);
    bool good = tree && site_device_read(tree, "", &config, &device->bad_reason) == EW_OK;
    cJSON_Delete(tree);
    if (good) {
        device->config = config;
        device->config.id = device->id;
        device->bad = false;
        return;
    }
    bool running = device->config.id != 0;
    ew_warning("device", "device=%lld: %s: %s, %s", (long long)device->id, device->bad_reason.path,
               device->bad_reason.text, running ? "keeping what was there" : "ignoring");
    device->bad = !running;
}

void fleet_set_bus(struct fleet *fleet, int64_t id, const char *payload, size_t len)
{
    struct bus *bus = len > 0 ? bus_add(fleet, id) : fleet_bus(fleet, id);
    if (!bus) {
        if (len > 0)
            ew_warning("bus", "bus=%lld: more than %d buses, ignoring", (long long)id, EW_BUSES_MAX);
        return;
    }
    bus->configured = bus->confirmed = len > 0;
    if (len > 0)
        read_bus(bus, payload, len);
    fleet_apply_soon(fleet, APPLY_MS);
}

void fleet_set_device(struct fleet *fleet, int64_t id, const char *payload, size_t len)
{
    struct device *device = len > 0 ? device_add(fleet, id) : fleet_device(fleet, id);
    if (!device) {
        if (len > 0)
            ew_warning("device", "device=%lld: more than %d devices, ignoring", (long long)id,
                       EW_DEVICES_MAX);
        return;
    }
    device->configured = device->confirmed = len > 0;
    if (len > 0) {
        device->seen_ms = ew_clock_up_ms();
        read_device(device, payload, len);
    }
    fleet_apply_soon(fleet, APPLY_MS);
}

void fleet_set_greenup(struct fleet *fleet, const char *payload, size_t len)
{
    struct ew_reason reason;
    cJSON *tree = len > 0 ? parse(payload, len, &reason) : NULL;
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(tree, "meter");
    int64_t meter = cJSON_IsNumber(node) && node->valuedouble >= 1 ? (int64_t)node->valuedouble : 0;
    governed_read(&fleet->greenup, tree);
    cJSON_Delete(tree);
    fleet->meter = meter;
    fleet_apply_soon(fleet, APPLY_MS);
}

void fleet_begin_config(struct fleet *fleet)
{
    for (int i = 0; i < fleet->bus_count; i++)
        fleet->buses[i]->confirmed = false;
    for (int i = 0; i < fleet->device_count; i++)
        fleet->devices[i]->confirmed = false;
}

void fleet_end_config(struct fleet *fleet)
{
    for (int i = 0; i < fleet->bus_count; i++)
        fleet->buses[i]->configured = fleet->buses[i]->confirmed;
    for (int i = 0; i < fleet->device_count; i++)
        fleet->devices[i]->configured = fleet->devices[i]->confirmed;
    fleet_apply_soon(fleet, 0);
}

static uint64_t hash_of(const char *data, size_t len) // FNV-1a
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)data[i]) * 1099511628211u;
    return hash;
}

// Does config read the same file as we did? A message that does not say so is believed.
static bool differs(const struct fleet *fleet, const char *id, const char *payload, size_t len)
{
    struct ew_reason reason;
    char mine[20];
    cJSON *tree = len > 0 ? parse(payload, len, &reason) : NULL;
    const char *said = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "digest"));
    (void)ew_format(mine, sizeof(mine), "%016llx",
                    (unsigned long long)library_digest(fleet->shelf->library, id));
    bool other = said && strcmp(said, mine) != 0;
    cJSON_Delete(tree);
    return other;
}

void fleet_set_profile(struct fleet *fleet, const char *id, const char *payload, size_t len)
{
    uint64_t hash = hash_of(payload, len);
    struct known_profile *known = NULL;
    for (int i = 0; i < fleet->profile_count && !known; i++)
        if (strcmp(fleet->profiles[i].id, id) == 0)
            known = &fleet->profiles[i];
    bool changed = known ? known->hash != hash : len > 0 && !library_find(fleet->shelf->library, id);
    if (!known && fleet->profile_count < EW_PROFILES_MAX) {
        known = &fleet->profiles[fleet->profile_count++];
        ew_copy(known->id, sizeof(known->id), id);
    }
    if (known)
        known->hash = hash;
    if (changed || differs(fleet, id, payload, len))
        fleet_reload_profiles(fleet);
}

static void profile_problem(void *user, const char *path, const struct ew_reason *reason)
{
    (void)user;
    ew_warning("profile", "%s: %s: %s, ignoring the file", path, reason->path, reason->text);
}

static enum ew_err load(struct fleet *fleet, struct ew_reason *reason)
{
    struct library *library;
    const char *data = fleet->data_dir[0] ? fleet->data_dir : NULL;
    enum ew_err err = library_load(fleet->share_dir, data, profile_problem, NULL, &library, reason);
    if (err != EW_OK)
        return err;
    shelf_release(fleet->shelf);
    fleet->shelf = shelf_new(library);
    return EW_OK;
}

void fleet_reload_profiles(struct fleet *fleet)
{
    struct ew_reason reason;
    if (load(fleet, &reason) != EW_OK)
        ew_log_reason(EW_LOG_WARNING, "profile", &reason);
    else
        fleet_apply_soon(fleet, 0);
}

// ---- Life ------------------------------------------------------------------------------------------------

static void on_again(struct ew_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    fleet_publish_all(timer->user);
}

enum ew_err fleet_new(const struct fleet_options *options, struct fleet **ret, struct ew_reason *reason)
{
    struct fleet *fleet = take(sizeof(*fleet));
    fleet->options = *options;
    fleet->nominal_v = 230;
    snprintf(fleet->share_dir, sizeof(fleet->share_dir), "%s", options->share_dir);
    snprintf(fleet->data_dir, sizeof(fleet->data_dir), "%s", options->data_dir ? options->data_dir : "");
    enum ew_err err = load(fleet, reason);
    if (err != EW_OK) {
        free(fleet);
        return err;
    }
    ew_buf_init(&fleet->buf, EW_MQTT_PAYLOAD_MAX);
    fleet->apply_timer = (struct ew_timer){.fn = fleet_apply, .user = fleet};
    fleet->again_timer = (struct ew_timer){.fn = on_again, .user = fleet};
    lessons_load(fleet);
    intake_init(&fleet->intake, options->loop, RESULTS, fleet_take_result, fleet);
    *ret = fleet;
    return EW_OK;
}

static bool all_ended(const struct fleet *fleet)
{
    for (int i = 0; i < fleet->bus_count; i++)
        if (fleet->buses[i]->worker)
            return false;
    return true;
}

void fleet_free(struct fleet *fleet)
{
    if (!fleet)
        return;
    fleet->stopping = true;
    int64_t until = ew_clock_up_ms() + STOP_MS;
    for (int i = 0; i < fleet->bus_count; i++)
        fleet_stop_worker(fleet->buses[i]);
    while (!all_ended(fleet) && ew_clock_up_ms() < until) {
        struct result *result;
        if (!ew_queue_pop_wait(fleet->intake.queue, &result, 50))
            continue;
        if (result->kind == RESULT_ENDED) {
            struct bus *bus = fleet_bus(fleet, result->bus);
            worker_free(bus->worker);
            bus->worker = NULL;
        } else if (result->kind == RESULT_JOB) {
            worker_end_job(fleet_bus(fleet, result->bus)->worker, result->job);
            result->job = NULL;
        }
        result_free(result);
    }
    if (!all_ended(fleet)) {
        ew_warning("poller", "a bus thread did not end in time, leaving it to the end of the process");
        return; // it still uses the queue
    }
    intake_done(&fleet->intake);
    ew_loop_timer_clear(fleet->options.loop, &fleet->apply_timer);
    ew_loop_timer_clear(fleet->options.loop, &fleet->again_timer);
    lessons_free(fleet);
    for (int i = 0; i < fleet->device_count; i++) {
        fleet->devices[i]->published = 0; // what is retained stays
        memory_begin(fleet->devices[i], NULL);
        free(fleet->devices[i]);
    }
    for (int i = 0; i < fleet->bus_count; i++)
        free(fleet->buses[i]);
    command_drop_all(fleet);
    ew_buf_done(&fleet->buf);
    shelf_release(fleet->shelf);
    free(fleet);
}

// ---- What is retained ------------------------------------------------------------------------------------

void fleet_publish_all(struct fleet *fleet)
{
    for (int i = 0; i < fleet->bus_count; i++)
        fleet_publish_bus(fleet, fleet->buses[i]);
    for (int i = 0; i < fleet->device_count; i++) {
        struct device *device = fleet->devices[i];
        fleet_publish_device(fleet, device);
        for (int g = 0; g < PROFILE_GROUP_COUNT; g++)
            if (device->recipe && device->groups[g].up_ms > 0)
                fleet_publish_group(fleet, device, (enum profile_group)g);
    }
}

bool fleet_owns(const struct fleet *fleet, const char *topic)
{
    int64_t id;
    const char *rest;
    if (topic_split(topic, "bus", &id, &rest))
        return fleet_bus(fleet, id) && strcmp(rest, "status") == 0;
    if (!topic_split(topic, "device", &id, &rest))
        return false;
    const struct device *device = fleet_device(fleet, id);
    if (!device)
        return false;
    if (strcmp(rest, "status") == 0)
        return true;
    for (int g = 0; g < PROFILE_GROUP_COUNT; g++) {
        topic_text own;
        payload_group_topic(own, id, (enum profile_group)g);
        if (strcmp(own, topic) == 0)
            return (device->published & 1u << g) != 0;
    }
    return false;
}

void fleet_health(const struct fleet *fleet, struct ew_jw *w)
{
    int64_t polls = 0, errors = 0;
    int devices_on = 0, buses_on = 0;
    for (int i = 0; i < fleet->bus_count; i++) {
        polls += fleet->buses[i]->polls_before + fleet->buses[i]->figures.polls;
        errors += fleet->buses[i]->errors_before + fleet->buses[i]->figures.errors;
        buses_on += fleet->buses[i]->state == BUS_ON;
    }
    for (int i = 0; i < fleet->device_count; i++)
        devices_on += fleet->devices[i]->state == DEVICE_ON;
    ew_jw_int(w, "buses", fleet->bus_count);
    ew_jw_int(w, "buses_on", buses_on);
    ew_jw_int(w, "devices", fleet->device_count);
    ew_jw_int(w, "devices_on", devices_on);
    ew_jw_int(w, "polls", polls);
    ew_jw_int(w, "errors", errors);
}
