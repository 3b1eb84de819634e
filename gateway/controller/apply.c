// How a new configuration takes effect: charges go on, what did not change does not notice.
#include "base/clock.h"
#include "base/log.h"
#include "controller/controller_priv.h"
#include "core/topic/topic.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { APPLY_MS = 200, ALL_PHASES = 7, NO_LIMIT_MA = 100000000 };

void controller_apply_soon(struct controller *c)
{
    ew_loop_timer_set(c->service->loop, &c->apply, ew_loop_now_ms(c->service->loop) + APPLY_MS);
}

struct known_profile *controller_profile(const struct controller *c, const char *id)
{
    for (int i = 0; i < c->profile_count; i++)
        if (strcmp(c->profiles[i].id, id) == 0)
            return &c->profiles[i];
    return NULL;
}

struct station *controller_station(struct controller *c, int64_t id)
{
    for (int i = 0; i < c->count; i++)
        if (c->stations[i].id == id)
            return &c->stations[i];
    return NULL;
}

static const struct known_device *find_device(const struct controller *c, int64_t id)
{
    for (int i = 0; i < c->device_count; i++)
        if (c->devices[i].id == id)
            return &c->devices[i];
    return NULL;
}

// Where its L1, L2 and L3 are on the site.
static void make_map(const struct known_device *device, int map[3])
{
    for (int i = 0; i < 3; i++) {
        map[i] = device->phase_count ? -1 : i;
        if (i < device->phase_count)
            map[i] = device->phase_order[i] - 1;
    }
}

// ---- Settings --------------------------------------------------------------------------------------------

static int32_t ma_of(double a)
{
    return (int32_t)lround(a * 1000);
}

static void make_settings(const struct site_greenup *site, struct greenup_settings *ret)
{
    greenup_settings_init(ret);
    for (int p = 0; p < GREENUP_PHASES; p++) {
        ret->max_ma[p] = site->configured ? ma_of(site->max_a[p]) : NO_LIMIT_MA;
        ret->charge_ma[p] = site->configured ? ma_of(site->charge_a[p]) : NO_LIMIT_MA;
    }
    ret->hysteresis_bp = (int32_t)lround(site->hysteresis_pct * 100);
    ret->level1_bp = (int32_t)lround(site->level1_pct * 100);
    ret->level2_bp = (int32_t)lround(site->level2_pct * 100);
    ret->guaranteed_mah = llround(site->guaranteed_ah * 1000);
    ret->wiring = site->dedicated ? GREENUP_DEDICATED : GREENUP_INSTALLATION;
    ret->failsafe_ma = ma_of(site->failsafe_a);
    ret->emergency = site->emergency;
    ret->min_ma = ma_of(site->min_a);
    ret->step_ma = ma_of(site->step_a);
    ret->hard_pct = (int32_t)lround(site->hard * 100);
    ret->early = true; // rule 1 of the safety rules is in seconds, not in ticks
    ret->off_ma = ma_of(site->off_limit_a);
    ret->tick_ms = site->tick_s * 1000;
    ret->sample_ms = site->sample_s * 1000;
    ret->settle_ms = site->settle_s * 1000;
    ret->up_ms = site->up_s * 1000;
    ret->min_off_ms = site->min_off_s * 1000;
    ret->meter_ms = site->meter_s * 1000;
    ret->station_ms = site->station_s * 1000;
    ret->idle_ms = site->idle_s * 1000;
    ret->starve_ms = site->starve_s * 1000;
}

// What is wrong with the settings leaves the ones in force alone.
static bool read_settings(struct controller *c, struct site_greenup *site, struct greenup_settings *set)
{
    cJSON *none = c->settings ? NULL : cJSON_CreateObject();
    if (!c->settings && !none)
        abort();
    c->settings_reason = (struct ew_reason){0};
    enum ew_err err = site_greenup_read(c->settings ? c->settings : none, "", site, &c->settings_reason);
    cJSON_Delete(none);
    if (err == EW_OK) {
        make_settings(site, set);
        err = greenup_settings_check(set, &c->settings_reason);
    }
    c->settings_wrong = err != EW_OK;
    if (c->settings_wrong)
        ew_error("config", "config/settings/greenup%s: %s, going on with what was set before",
                 c->settings_reason.path, c->settings_reason.text);
    return err == EW_OK;
}

// ---- Stations --------------------------------------------------------------------------------------------

static void fill_station(struct controller *c, struct station *st, const struct known_device *device,
                         const struct known_profile *profile)
{
    const cJSON *more = memory_of(c, device->id);
    if (!st->id) {
        const cJSON *rated = cJSON_GetObjectItemCaseSensitive(more, "rated_ma");
        const cJSON *cap = cJSON_GetObjectItemCaseSensitive(more, "cap_ma");
        st->id = device->id;
        st->cap_ma = cJSON_IsNumber(cap) ? cap->valueint : -1;
        st->rated_ma = cJSON_IsNumber(rated) ? rated->valueint : 0;
        st->reading = (struct greenup_reading){.link = GREENUP_UNREAD, .limit_ma = -1, .session_wh = -1};
        st->session_wh = -1;
        charge_read(st, cJSON_GetObjectItemCaseSensitive(more, "charge"));
        for (int i = 0; i < c->memory.count; i++)
            if (c->memory.point[i].id == device->id)
                st->reading.plug_seq = c->memory.point[i].plug_seq;
    }
    if (st->rated_ma < 6000)
        st->rated_ma = device->rated_a >= 6 ? ma_of(device->rated_a) : CONTROLLER_RATED_MA;
    ew_copy(st->name, sizeof(st->name), device->name);
    ew_copy(st->profile, sizeof(st->profile), device->profile);
    st->phases = device->phases;
    make_map(device, st->map);
    st->proven = profile->proven;
    st->priority = site_greenup_priority(c->settings, device->id);
}

static int by_id(const void *a, const void *b)
{
    const int64_t x = ((const struct station *)a)->id, y = ((const struct station *)b)->id;
    return (x > y) - (x < y);
}

static void drop_station(struct controller *c, struct station *st)
{
    topic_text topic;
    (void)ew_format(topic, sizeof(topic), "session/%lld", (long long)st->id);
    if (mq_connected(c->service->mq))
        (void)mq_clear(c->service->mq, topic);
    charge_done(&st->charge);
}

// The stations of the configuration, in the order of their ids; those we know keep what is known.
static struct station *collect(struct controller *c, int *ret_count)
{
    struct station *list = calloc(GREENUP_STATIONS_MAX, sizeof(*list));
    int count = 0;
    if (!list)
        abort();
    for (int i = 0; i < c->device_count; i++) {
        const struct known_device *device = &c->devices[i];
        const struct known_profile *profile = controller_profile(c, device->profile);
        if (!device->on || !profile || !profile->station)
            continue;
        if (count == GREENUP_STATIONS_MAX) {
            ew_error("config", "there are more than %d charge points, ignoring the others",
                     GREENUP_STATIONS_MAX);
            break;
        }
        struct station *known = controller_station(c, device->id);
        if (known) {
            list[count] = *known;
            known->charge = (struct charge){0}; // it has moved
            known->id = 0;
        }
        fill_station(c, &list[count++], device, profile);
    }
    for (int i = 0; i < c->count; i++)
        if (c->stations[i].id)
            drop_station(c, &c->stations[i]);
    qsort(list, (size_t)count, sizeof(*list), by_id);
    *ret_count = count;
    return list;
}

static struct greenup_station core_station(const struct station *st)
{
    return (struct greenup_station){.id = (int32_t)st->id,
                                    .rated_ma = st->rated_ma,
                                    .phases = st->phases ? (uint8_t)st->phases : ALL_PHASES,
                                    .priority = st->priority,
                                    .watchdog = st->watchdog == GREENUP_WATCHDOG_VERIFIED,
                                    .fallback_ma = st->fallback_ma};
}

static bool same_stations(const struct controller *c)
{
    if (!c->running || c->count != c->core.count)
        return false;
    for (int i = 0; i < c->count; i++) {
        const struct greenup_station is = core_station(&c->stations[i]), *was = &c->core.point[i].cfg;
        if (is.id != was->id || is.rated_ma != was->rated_ma || is.phases != was->phases)
            return false;
    }
    return true;
}

// ---- All of it -------------------------------------------------------------------------------------------

static void change(struct controller *c, const struct greenup_settings *set, int64_t now_ms)
{
    greenup_configure(&c->core, set);
    for (int i = 0; i < c->count; i++)
        greenup_set_priority(&c->core, i, c->stations[i].priority, false);
    greenup_select(&c->core, c->site.on, now_ms);
}

static void build(struct controller *c, const struct greenup_settings *set, int64_t now_ms)
{
    struct greenup_station list[GREENUP_STATIONS_MAX];
    for (int i = 0; i < c->count; i++)
        list[i] = core_station(&c->stations[i]);
    greenup_init(&c->core, set, list, c->count, c->site.on ? GREENUP_INIT : GREENUP_OFF, now_ms);
    for (int i = 0; i < c->count; i++)
        greenup_set_cap(&c->core, i, c->stations[i].cap_ma);
    c->memory.on = c->site.on;
    greenup_restore(&c->core, &c->memory, now_ms - c->memory_ms, now_ms);
    ew_notice("controller", "%d charge points, Green'Up is %s", c->count, c->site.on ? "on" : "off");
}

static void choose_meter(struct controller *c)
{
    const struct known_device *device = find_device(c, c->site.meter);
    const struct known_profile *profile = device ? controller_profile(c, device->profile) : NULL;
    if (c->meter.device != c->site.meter)
        sample_meter_chosen(c, c->site.meter);
    for (int i = 0; i < 3; i++)
        c->meter.map[i] = i;
    if (device)
        make_map(device, c->meter.map);
    c->meter.one_current = profile && profile->one_current;
}

// A session of a station that went away while nobody looked.
static void on_session(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct controller *c = user;
    int64_t id;
    const char *text = m->topic + strlen("session/");
    if (m->retained && m->payload_len && topic_parse_id(text, strlen(text), &id) &&
        !controller_station(c, id))
        (void)mq_clear(c->service->mq, m->topic);
}

void controller_apply(struct controller *c, int64_t now_ms)
{
    struct greenup_settings set;
    struct site_greenup site;
    const bool first = !c->running;
    if (!read_settings(c, &site, &set)) {
        if (first)
            return; // nothing was set before: what the stations have is kept by their leases
        site = c->site;
        set = c->core.set;
    }
    const bool switched = c->running && site.on != c->site.on;
    if (c->running)
        memory_take(c, now_ms);
    c->site = site;
    c->ever_on = c->ever_on || site.on;
    int count;
    struct station *list = collect(c, &count);
    memcpy(c->stations, list, sizeof(*list) * (size_t)count);
    c->count = count;
    free(list);
    choose_meter(c);
    if (same_stations(c))
        change(c, &set, now_ms);
    else
        build(c, &set, now_ms);
    if (switched)
        ew_notice("controller", "Green'Up was switched %s", site.on ? "on" : "off");
    c->running = true;
    c->dirty = true;
    if (first)
        mq_subscribe(c->service->mq, "session/+", 1, on_session, c);
    controller_step(c, now_ms);
    status_publish(c, now_ms);
}
