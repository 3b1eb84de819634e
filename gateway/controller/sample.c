// What meter and stations say. Only values with a fresh up_ms are used.
#include "base/log.h"
#include "controller/controller_priv.h"
#include "core/topic/topic.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CURRENT_MAX_A = 100000, UP_MAX = 1 << 30 };

static cJSON *parse(const struct mq_message *m)
{
    cJSON *tree = NULL;
    struct ew_reason reason;
    if (ew_json_parse(m->payload, m->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, &reason) == EW_OK)
        return tree;
    ew_warning("sample", "%s: %s, ignoring", m->topic, reason.text);
    return NULL;
}

// CLOCK_BOOTTIME of the reply; false when there is none, or it is of a later time than now (another boot).
static bool read_up(const cJSON *tree, int64_t now_ms, int64_t *ret)
{
    const cJSON *up = cJSON_GetObjectItemCaseSensitive(tree, "up_ms");
    if (!cJSON_IsNumber(up) || !(up->valuedouble >= 0 && up->valuedouble <= (double)now_ms + 1000))
        return false;
    *ret = (int64_t)up->valuedouble < now_ms ? (int64_t)up->valuedouble : now_ms;
    return true;
}

// A number of amperes as mA; false when it is not known.
static bool read_ma(const cJSON *tree, const char *key, int32_t *ret)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(tree, key);
    if (!cJSON_IsNumber(node) || !(node->valuedouble >= 0 && node->valuedouble <= CURRENT_MAX_A))
        return false;
    *ret = (int32_t)lround(node->valuedouble * 1000);
    return true;
}

// The current of a phase as mA. An export, or a current transformer the wrong way round, is told as a
// negative one: it loads the phase as much.
static bool read_current_ma(const cJSON *tree, const char *key, int32_t *ret)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(tree, key);
    if (!cJSON_IsNumber(node) || !(fabs(node->valuedouble) <= CURRENT_MAX_A))
        return false;
    *ret = (int32_t)lround(fabs(node->valuedouble) * 1000);
    return true;
}

static const char *const current_keys[] = {"current_l1", "current_l2", "current_l3"};

// ---- Meter -----------------------------------------------------------------------------------------------

// FNV-1a over names and bits of all values.
static uint64_t hash_values(const cJSON *values)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    const cJSON *v;
    cJSON_ArrayForEach(v, values)
    {
        const double number = cJSON_IsNumber(v) ? v->valuedouble : -1;
        unsigned char bytes[sizeof(number)];
        memcpy(bytes, &number, sizeof(number));
        for (const char *p = v->string; p && *p; p++)
            hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
        for (size_t i = 0; i < sizeof(bytes); i++)
            hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

// The groups that are read often: what is read once a minute would show an old change late.
static int group_number(const char *group)
{
    static const char *const names[GREENUP_FROZEN_GROUPS] = {"instant", "energy", "quality", "harmonics"};
    for (int i = 0; i < GREENUP_FROZEN_GROUPS; i++)
        if (strcmp(group, names[i]) == 0)
            return i;
    return -1;
}

static void take_currents(struct controller *c, const cJSON *values, int64_t up_ms)
{
    struct greenup_meter sample = {.at_ms = up_ms};
    unsigned phases = 0;
    for (int i = 0; i < 3; i++) {
        int32_t ma;
        const int p = c->meter.map[i];
        if (p < 0 || !read_current_ma(values, current_keys[i], &ma))
            continue;
        sample.i_ma[p] = ma;
        phases |= 1U << p;
        // One value stands for all phases (A4).
        for (int q = 0; c->meter.one_current && q < GREENUP_PHASES; q++) {
            sample.i_ma[q] = ma;
            phases |= 1U << q;
        }
    }
    sample.phases = (uint8_t)phases;
    c->meter.sample = sample;
    c->meter.seen = c->meter.seen || phases;
}

static void on_meter(void *user, const struct mq_message *m, int64_t now_ms)
{
    struct controller *c = user;
    int64_t device, up_ms;
    const char *rest;
    if (!m->payload_len || !topic_split(m->topic, "device", &device, &rest) || device != c->meter.device)
        return;
    const int group = group_number(rest + strlen("measures/"));
    cJSON *tree = group >= 0 ? parse(m) : NULL;
    const cJSON *values = cJSON_GetObjectItemCaseSensitive(tree, "values");
    if (cJSON_IsObject(values) && read_up(tree, now_ms, &up_ms)) {
        greenup_frozen_meter(&c->meter.watch, group, hash_values(values), up_ms);
        if (group == 0 && up_ms > c->meter.sample.at_ms) {
            take_currents(c, values, up_ms);
            controller_step(c, now_ms);
        }
    }
    cJSON_Delete(tree);
}

void sample_meter_chosen(struct controller *c, int64_t device)
{
    topic_text filter;
    if (c->meter.device) {
        topic_device_measures(filter, c->meter.device, "+");
        mq_unsubscribe(c->service->mq, filter);
    }
    c->meter = (struct meter){.device = device};
    if (!device)
        return;
    topic_device_measures(filter, device, "+");
    mq_subscribe(c->service->mq, filter, 0, on_meter, c);
}

// ---- Stations --------------------------------------------------------------------------------------------

// On one phase: some tell it as their L1, some as the phase that they are wired to.
static void read_current(struct station *st, const cJSON *tree)
{
    st->reading.current_known = false;
    for (int i = 0; i < 3; i++) {
        int32_t ma;
        if (!read_current_ma(tree, current_keys[i], &ma))
            continue;
        st->reading.current_known = true;
        if (ma > st->reading.i_ma[st->map[0]])
            st->reading.i_ma[st->map[0]] = ma;
    }
}

static void read_currents(struct station *st, const cJSON *tree)
{
    st->reading.current_known = true;
    for (int p = 0; p < GREENUP_PHASES; p++)
        st->reading.i_ma[p] = 0;
    if (st->map[0] >= 0 && st->map[1] < 0) {
        read_current(st, tree);
        return;
    }
    for (int i = 0; i < 3; i++) {
        int32_t ma = 0;
        if (st->map[i] < 0)
            continue;
        if (!read_current_ma(tree, current_keys[i], &ma))
            st->reading.current_known = false;
        st->reading.i_ma[st->map[i]] = ma;
    }
}

static void read_plug(struct controller *c, struct station *st, bool plugged)
{
    if (plugged && !st->reading.plugged) {
        // Known before a restart: the same vehicle, unless what the station counts began anew meanwhile.
        const bool open = st->charge.id[0] && !st->charge.ended_ms;
        const bool counted_back =
            st->session_wh >= 0 && st->charge.wh_known && st->session_wh + 1 < st->charge.wh_last;
        const bool same = !st->plugged_known && open && !counted_back;
        st->reading.plug_seq += !same;
        st->reading.plug_ms = st->reading.read_ms;
        st->reading.plugged = true;
        if (!same)
            charge_plugged(c, st);
    } else if (!plugged && (st->reading.plugged || !st->plugged_known)) {
        st->reading.plugged = false;
        charge_unplugged(st);
    }
    st->plugged_known = true;
}

// IEC 61851-1: A no vehicle, B a vehicle, C and D it draws, E and F out of order. Whether a vehicle in B
// wants current can't be told while it is offered none: it asks.
static void read_state(struct controller *c, struct station *st, const cJSON *tree)
{
    const char *state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "state"));
    const char letter = state && state[0] && !state[1] ? state[0] : 0;
    const cJSON *errors = cJSON_GetObjectItemCaseSensitive(tree, "errors");
    st->reading.fault = letter == 'E' || letter == 'F' || cJSON_GetArraySize(errors) > 0;
    if (letter < 'A' || letter > 'D')
        return; // as it was
    read_plug(c, st, letter != 'A');
    st->reading.requesting = letter != 'A';
}

static void read_energy(struct station *st, const cJSON *tree)
{
    const cJSON *wh = cJSON_GetObjectItemCaseSensitive(tree, "session_wh");
    st->session_wh =
        cJSON_IsNumber(wh) && wh->valuedouble >= 0 && wh->valuedouble < 1e9 ? wh->valuedouble : -1;
    st->reading.session_wh = st->session_wh < 0 ? -1 : (int64_t)st->session_wh;
}

static void read_watchdog(struct controller *c, struct station *st, const cJSON *tree)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(tree, "watchdog");
    const char *state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, "state"));
    int32_t fallback_ma = 0;
    const bool known = read_ma(node, "fallback_a", &fallback_ma);
    st->watchdog = GREENUP_WATCHDOG_NONE;
    if (state && strcmp(state, "verified") == 0 && known)
        st->watchdog = GREENUP_WATCHDOG_VERIFIED;
    else if (state && strcmp(state, "none") != 0)
        st->watchdog = GREENUP_WATCHDOG_UNVERIFIED;
    st->fallback_ma = fallback_ma;
    greenup_set_watchdog(&c->core, (int)(st - c->stations), st->watchdog == GREENUP_WATCHDOG_VERIFIED,
                         fallback_ma);
    const cJSON *writable = cJSON_GetObjectItemCaseSensitive(tree, "writable");
    const cJSON *why = cJSON_GetObjectItemCaseSensitive(tree, "not_writable");
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(why, "text"));
    st->writable = cJSON_IsTrue(writable);
    ew_copy(st->not_writable.text, sizeof(st->not_writable.text), text ? text : "");
}

static void on_charge(void *user, const struct mq_message *m, int64_t now_ms)
{
    struct controller *c = user;
    int64_t id, up_ms;
    const char *rest;
    if (!m->payload_len || !c->running || !topic_split(m->topic, "device", &id, &rest))
        return;
    struct station *st = controller_station(c, id);
    cJSON *tree = st ? parse(m) : NULL;
    if (tree && read_up(tree, now_ms, &up_ms) && now_ms - up_ms < (int64_t)c->site.station_s * 1000) {
        int32_t rated_ma;
        st->reading.link = GREENUP_ONLINE;
        st->reading.read_ms = up_ms;
        if (!read_ma(tree, "limit_a", &st->reading.limit_ma))
            st->reading.limit_ma = -1;
        read_currents(st, tree);
        read_energy(st, tree);
        read_state(c, st, tree);
        read_watchdog(c, st, tree);
        if (read_ma(tree, "rated_a", &rated_ma) && rated_ma >= 6000 && rated_ma != st->rated_ma) {
            st->rated_ma = rated_ma;
            controller_apply_soon(c);
        }
    }
    cJSON_Delete(tree);
}

// A station that can't be read is lost before its last reading is old.
static void on_status(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct controller *c = user;
    int64_t id;
    const char *rest;
    if (!m->payload_len || !topic_split(m->topic, "device", &id, &rest))
        return;
    struct station *st = controller_station(c, id);
    cJSON *tree = st ? parse(m) : NULL;
    const char *state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "state"));
    if (st && state)
        st->in_error = strcmp(state, "on") != 0 && strcmp(state, "fault") != 0;
    cJSON_Delete(tree);
}

// The poller is gone: nobody speaks to the stations (A9, broker lost).
static void on_poller(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct controller *c = user;
    cJSON *tree = m->payload_len ? parse(m) : NULL;
    const cJSON *online = cJSON_GetObjectItemCaseSensitive(tree, "online");
    if (cJSON_IsBool(online))
        c->poller_offline = cJSON_IsFalse(online);
    cJSON_Delete(tree);
}

// ---- Ceilings --------------------------------------------------------------------------------------------

static void on_command(void *user, const struct mq_message *m, int64_t now_ms)
{
    struct controller *c = user;
    int64_t id;
    int32_t ma = -1;
    const char *rest;
    if (m->retained || !m->payload_len || !c->running || !topic_split(m->topic, "device", &id, &rest))
        return;
    struct station *st = controller_station(c, id);
    cJSON *tree = st ? parse(m) : NULL;
    const cJSON *cap = cJSON_GetObjectItemCaseSensitive(tree, "cap_a");
    if (st && cap && (cJSON_IsNull(cap) || read_ma(tree, "cap_a", &ma))) {
        st->cap_ma = cJSON_IsNull(cap) ? -1 : ma;
        greenup_set_cap(&c->core, (int)(st - c->stations), st->cap_ma);
        ew_notice("station", "device=%lld ceiling %s%g A", (long long)id, ma < 0 ? "taken away, was " : "",
                  ma < 0 ? 0 : ma / 1000.0);
        c->dirty = true;
        status_publish(c, now_ms);
    }
    cJSON_Delete(tree);
}

void sample_start(struct controller *c)
{
    mq_subscribe(c->service->mq, "device/+/charge", 0, on_charge, c);
    mq_subscribe(c->service->mq, "device/+/status", 1, on_status, c);
    mq_subscribe(c->service->mq, "device/+/command", 1, on_command, c);
    mq_subscribe(c->service->mq, "service/poller/status", 1, on_poller, c);
}
