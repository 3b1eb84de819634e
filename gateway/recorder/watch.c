#include "recorder/watch.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "core/site/site.h"
#include "core/topic/topic.h"
#include "recorder/journal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX = 256 << 10, PARAMS_MAX = 4096 };

struct place {
    int64_t id, bus; // bus 0: this is a bus
    char name[EW_NAME_MAX];
    char unit[32];
    bool quiet; // DEV-09: excluded from alarms
};

struct places {
    int count, cap;
    struct place *all;
};

struct watch {
    struct store *store;
    struct places devices, buses;
};

// ---- Where things are ------------------------------------------------------------------------------------

static struct place *find(const struct places *places, int64_t id)
{
    for (int i = 0; i < places->count; i++)
        if (places->all[i].id == id)
            return &places->all[i];
    return NULL;
}

static struct place *take(struct places *places, int64_t id, int max)
{
    struct place *known = find(places, id);
    if (known)
        return known;
    if (places->count == max)
        return NULL;
    if (places->count == places->cap) {
        places->cap = places->cap ? places->cap * 2 : 32;
        places->all = realloc(places->all, (size_t)places->cap * sizeof(*places->all));
        if (!places->all)
            abort();
    }
    struct place *place = &places->all[places->count++];
    *place = (struct place){.id = id};
    return place;
}

static void drop(struct places *places, int64_t id)
{
    struct place *known = find(places, id);
    if (known)
        *known = places->all[--places->count];
}

// "Parking.2"; a bus is its own address.
static void address_of(const struct watch *watch, const struct place *device, char dst[JOURNAL_ADDRESS_MAX])
{
    const struct place *bus = find(&watch->buses, device->bus);
    if (bus)
        (void)ew_format(dst, JOURNAL_ADDRESS_MAX, "%s.%s", bus->name, device->unit);
    else
        (void)ew_format(dst, JOURNAL_ADDRESS_MAX, "%" PRId64 ".%s", device->bus, device->unit);
}

static cJSON *parse(const struct mq_message *m)
{
    struct ew_reason reason;
    cJSON *tree = NULL;
    if (!m->payload_len)
        return NULL;
    if (ew_json_parse(m->payload, m->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, &reason) != EW_OK)
        ew_warning("alarms", "%s: %s, ignoring", m->topic, reason.text);
    return tree;
}

static void said(enum ew_err err, const struct ew_reason *reason)
{
    if (err != EW_OK)
        ew_error("alarms", "an alarm could not be recorded: %s", reason->text);
}

static void on_device(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct watch *watch = user;
    if (!m->payload_len)
        drop(&watch->devices, strtoll(m->topic + strlen("config/device/"), NULL, 10));
    cJSON *tree = parse(m);
    struct site_device device;
    struct ew_reason reason;
    struct place *place = NULL;
    if (tree && site_device_read(tree, "", &device, &reason) == EW_OK)
        place = take(&watch->devices, device.id, EW_DEVICES_MAX);
    if (place) {
        char address[JOURNAL_ADDRESS_MAX];
        place->bus = device.bus;
        place->quiet = device.exclude_alarms;
        ew_copy(place->name, sizeof(place->name), device.name);
        site_device_address(&device, place->unit);
        address_of(watch, place, address);
        said(journal_name(watch->store, device.id, place->name, address, &reason), &reason);
    }
    cJSON_Delete(tree);
}

static void on_bus(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct watch *watch = user;
    cJSON *tree = parse(m);
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(tree, "id");
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "name"));
    if (cJSON_IsNumber(id) && name) {
        struct place *place = take(&watch->buses, (int64_t)id->valuedouble, EW_BUSES_MAX);
        if (place)
            ew_copy(place->name, sizeof(place->name), name);
    }
    cJSON_Delete(tree);
}

// ---- What is wrong ---------------------------------------------------------------------------------------

// Device or bus `id` in words; false when it is excluded from alarms.
static bool place_of(const struct watch *watch, bool is_bus, int64_t id, struct journal_entry *entry,
                     char address[JOURNAL_ADDRESS_MAX])
{
    const struct place *place = find(is_bus ? &watch->buses : &watch->devices, id);
    address[0] = 0;
    entry->name = place ? place->name : "";
    entry->address = address;
    entry->device = is_bus ? 0 : id;
    entry->bus = is_bus ? id : place ? place->bus : 0;
    if (is_bus)
        ew_copy(address, JOURNAL_ADDRESS_MAX, entry->name);
    else if (place)
        address_of(watch, place, address);
    return !place || !place->quiet;
}

static int64_t stamp_of(const cJSON *tree, const char *key)
{
    int64_t ms;
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, key));
    return text && ew_rfc3339_parse(text, &ms) == EW_OK ? ms : ew_clock_wall_ms();
}

// Code, params and sentence of the member `reason`; those given where it has none. `params` is the memory.
static void reason_of(const cJSON *tree, const char *code, const char *text, struct journal_entry *entry,
                      char params[PARAMS_MAX])
{
    const cJSON *reason = cJSON_GetObjectItemCaseSensitive(tree, "reason");
    const cJSON *holes = cJSON_GetObjectItemCaseSensitive(reason, "params");
    const char *own_code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(reason, "code"));
    const char *own_text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(reason, "text"));
    ew_copy(params, PARAMS_MAX, "{}");
    if (cJSON_IsObject(holes) && !cJSON_PrintPreallocated((cJSON *)holes, params, PARAMS_MAX, false))
        ew_copy(params, PARAMS_MAX, "{}"); // too large to keep
    bool own = own_code && own_text && strlen(own_code) < EW_CODE_MAX;
    entry->code = own ? own_code : code;
    entry->text = own ? own_text : text;
    entry->params = params;
}

// state null: the topic was cleared. Off is no alarm: somebody wanted it so.
static void status(struct watch *watch, const struct mq_message *m, bool is_bus, int64_t id,
                   const cJSON *tree)
{
    char address[JOURNAL_ADDRESS_MAX], params[PARAMS_MAX], subject[JOURNAL_SUBJECT_MAX], code[32];
    struct ew_reason reason;
    const char *state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "state"));
    struct journal_entry entry = {.subject = subject, .source = "poller", .at_ms = stamp_of(tree, "since")};
    ew_copy(subject, sizeof(subject), m->topic);
    bool wrong = state && (strcmp(state, "error") == 0 || strcmp(state, "fault") == 0 ||
                           strcmp(state, "unconfigured") == 0);
    bool wanted = place_of(watch, is_bus, id, &entry, address);
    if (!wrong || !wanted) {
        said(journal_end(watch->store, subject, entry.at_ms, &reason), &reason);
        return;
    }
    (void)ew_format(code, sizeof(code), "alarm.%s", state);
    reason_of(tree, code, state, &entry, params);
    said(journal_begin(watch->store, &entry, NULL, &reason), &reason);
}

static void breaker(struct watch *watch, int64_t id, const cJSON *tree)
{
    char address[JOURNAL_ADDRESS_MAX], subject[JOURNAL_SUBJECT_MAX];
    struct ew_reason reason;
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(tree, "breaker");
    if (tree && (!member || cJSON_IsNull(member))) // has none, or it is not known: nothing new
        return;
    const char *state = cJSON_GetStringValue(member);
    struct journal_entry entry = {.subject = subject,
                                  .source = "poller",
                                  .at_ms = stamp_of(tree, "ts"),
                                  .code = "alarm.tripped",
                                  .params = "{}",
                                  .text = "The breaker has tripped."};
    (void)ew_format(subject, sizeof(subject), "device/%" PRId64 "/breaker", id);
    if (state && strcmp(state, "tripped") == 0 && place_of(watch, false, id, &entry, address))
        said(journal_begin(watch->store, &entry, NULL, &reason), &reason);
    else
        said(journal_end(watch->store, subject, entry.at_ms, &reason), &reason);
}

static void on_state(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct watch *watch = user;
    int64_t id;
    const char *rest;
    bool is_bus = !topic_split(m->topic, "device", &id, &rest);
    if (is_bus && !topic_split(m->topic, "bus", &id, &rest))
        return;
    cJSON *tree = parse(m);
    if (m->payload_len && !tree)
        return;
    if (strcmp(rest, "status") == 0)
        status(watch, m, is_bus, id, tree);
    else
        breaker(watch, id, tree);
    cJSON_Delete(tree);
}

// What no state tells: said once, or with `active` from its begin to its end.
static void on_event(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct watch *watch = user;
    char address[JOURNAL_ADDRESS_MAX], params[PARAMS_MAX], subject[JOURNAL_SUBJECT_MAX];
    struct ew_reason reason;
    cJSON *tree = parse(m);
    const char *source = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "source"));
    const cJSON *device = cJSON_GetObjectItemCaseSensitive(tree, "device");
    const cJSON *active = cJSON_GetObjectItemCaseSensitive(tree, "active");
    const int64_t id =
        cJSON_IsNumber(device) && device->valuedouble >= 1 && device->valuedouble < 2147483648.0
            ? (int64_t)device->valuedouble
            : 0;
    struct journal_entry entry = {
        .subject = subject, .source = source ? source : "", .at_ms = stamp_of(tree, "ts")};
    bool wanted = tree && source && cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(tree, "reason"));
    if (wanted) {
        wanted = place_of(watch, false, id, &entry, address);
        reason_of(tree, "alarm.event", "", &entry, params);
        (void)ew_format(subject, sizeof(subject), "%s/%s/%" PRId64, source, entry.code, id);
    }
    enum ew_err err = EW_OK;
    if (wanted && cJSON_IsTrue(active))
        err = journal_begin(watch->store, &entry, NULL, &reason);
    else if (wanted && cJSON_IsFalse(active))
        err = journal_end(watch->store, subject, entry.at_ms, &reason);
    else if (wanted)
        err = journal_note(watch->store, &entry, &reason);
    said(err, &reason);
    cJSON_Delete(tree);
}

static void on_alarms(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct watch *watch = user;
    struct journal_query query;
    struct ew_reason reason;
    struct ew_buf answer;
    ew_buf_init(&answer, ANSWER_MAX);
    enum ew_err err = journal_query_read(args, &query, &reason);
    if (err == EW_OK)
        err = journal_query(watch->store, &query, &answer, &reason);
    if (err == EW_OK && answer.full)
        err = ew_fail(&reason, EW_E_TOO_LARGE, "query.too_large", "/limit",
                      "the answer would be too large; ask for fewer rows");
    if (err == EW_OK)
        mq_answer(request, &answer);
    else
        mq_answer_error(request, &reason);
    ew_buf_done(&answer);
}

// ---- Life ------------------------------------------------------------------------------------------------

struct watch *watch_new(struct store *store, struct mq *mq)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        abort();
    watch->store = store;
    mq_subscribe(mq, "config/bus/+", 1, on_bus, watch);
    mq_subscribe(mq, "config/device/+", 1, on_device, watch);
    mq_subscribe(mq, "bus/+/status", 1, on_state, watch);
    mq_subscribe(mq, "device/+/status", 1, on_state, watch);
    mq_subscribe(mq, "device/+/state", 1, on_state, watch);
    mq_subscribe(mq, "alarm/event", 1, on_event, watch);
    mq_serve(mq, "recorder", "alarms", on_alarms, watch);
    return watch;
}

void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    free(watch->devices.all);
    free(watch->buses.all);
    free(watch);
}
