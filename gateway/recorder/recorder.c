#include "recorder/recorder.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/profile/profile.h"
#include "core/site/site.h"
#include "core/topic/topic.h"
#include "recorder/pricing_calls.h"
#include "recorder/query.h"
#include "recorder/sampler.h"
#include "recorder/watch.h"
#include "service/paths.h"
#include "service/service.h"
#include "service/zone.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>

enum { TICK_MS = 1000, ANSWER_MAX = 256 << 10 };

struct recorder {
    struct store *store;
    struct sampler *sampler;
    struct pricing_calls *pricing;
    struct watch *watch;
    struct calendar_zone zone;
    int interval_min;
    struct ew_timer tick;
};

static struct sampler_now read_now(void)
{
    struct timex kernel = {0};
    int state = adjtimex(&kernel);
    return (struct sampler_now){.wall_s = ew_clock_wall_ms() / 1000,
                                .up_ms = ew_clock_up_ms(),
                                .synchronised =
                                    state >= 0 && state != TIME_ERROR && !(kernel.status & STA_UNSYNC)};
}

// ---- Configuration ---------------------------------------------------------------------------------------

static cJSON *parse(const struct mq_message *m, struct ew_reason *reason)
{
    cJSON *tree = NULL;
    if (ew_json_parse(m->payload, m->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, reason) != EW_OK) {
        ew_warning("recorder", "%s: %s, ignoring", m->topic, reason->text);
        return NULL;
    }
    return tree;
}

static void on_site(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct recorder *r = ((struct ew_service *)user)->state;
    struct ew_reason reason;
    cJSON *tree = m->payload_len ? parse(m, &reason) : NULL;
    if (!tree)
        return;
    struct site_settings settings;
    struct calendar_zone zone;
    enum ew_err err = site_settings_read(tree, "", &settings, &reason);
    if (err == EW_OK)
        err = ew_zone_load(settings.tz, &zone, &reason);
    if (err == EW_OK) {
        r->zone = zone;
        sampler_configure(r->sampler, &r->zone, r->interval_min);
        pricing_calls_site(r->pricing, &r->zone, settings.currency);
    } else {
        ew_warning("recorder", "%s%s: %s, ignoring", m->topic, reason.path, reason.text);
    }
    cJSON_Delete(tree);
}

static void on_sampling(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct recorder *r = ((struct ew_service *)user)->state;
    struct ew_reason reason;
    cJSON *tree = m->payload_len ? parse(m, &reason) : NULL;
    if (!tree)
        return;
    struct ew_json o;
    int64_t minutes = 10;
    ew_json_open(&o, tree, "", &reason);
    ew_json_int(&o, "interval_min", EW_OPTIONAL, 1, 60, &minutes);
    if (o.err == EW_OK && history_interval_valid((int)minutes)) {
        r->interval_min = (int)minutes;
        sampler_configure(r->sampler, &r->zone, r->interval_min);
    } else {
        ew_warning("recorder", "%s: not a sampling interval, ignoring", m->topic);
    }
    cJSON_Delete(tree);
}

static void on_device(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct recorder *r = ((struct ew_service *)user)->state;
    struct ew_reason reason;
    cJSON *tree =
        m->payload_len ? parse(m, &reason) : NULL; // an empty one: the device is gone, its past stays
    if (!tree)
        return;
    struct site_device device;
    if (site_device_read(tree, "", &device, &reason) == EW_OK) {
        struct sampler_now now = read_now();
        sampler_member(r->sampler, device.id, device.circuit, device.exclude_totals, &now);
        pricing_calls_device(r->pricing, device.id, device.profile);
    } else {
        ew_warning("recorder", "%s%s: %s, ignoring", m->topic, reason.path, reason.text);
    }
    cJSON_Delete(tree);
}

static void on_profile(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct recorder *r = ((struct ew_service *)user)->state;
    struct ew_reason reason;
    cJSON *tree = m->payload_len ? parse(m, &reason) : NULL;
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "id"));
    const char *service = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "service"));
    if (id && service)
        pricing_calls_model(r->pricing, id, service);
    cJSON_Delete(tree);
}

// ---- Measures --------------------------------------------------------------------------------------------

static bool is_counter(const char *unit)
{
    static const char *const units[] = {"Wh", "varh", "VAh", "dm3"};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(units[i], unit) == 0)
            return true;
    return false;
}

static void on_measures(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct recorder *r = ((struct ew_service *)user)->state;
    int64_t device;
    const char *rest;
    if (!m->payload_len || !topic_split(m->topic, "device", &device, &rest) ||
        strcmp(rest, "measures/info") == 0)
        return;
    struct ew_reason reason;
    cJSON *tree = parse(m, &reason);
    if (!tree)
        return;
    const cJSON *up = cJSON_GetObjectItemCaseSensitive(tree, "up_ms");
    const cJSON *values = cJSON_GetObjectItemCaseSensitive(tree, "values");
    if (!cJSON_IsNumber(up) || !(up->valuedouble >= 0 && up->valuedouble < 1e15) || !cJSON_IsObject(values)) {
        ew_warning("recorder", "%s: has no up_ms or values, ignoring", m->topic);
    } else {
        struct sampler_now now = read_now();
        for (const cJSON *v = values->child; v; v = v->next) {
            const char *unit;
            if (cJSON_IsNumber(v) && profile_quantity_known(v->string, &unit))
                sampler_reading(r->sampler, device, v->string, is_counter(unit), v->valuedouble,
                                (int64_t)up->valuedouble, &now);
        }
    }
    cJSON_Delete(tree);
}

static void on_tick(struct ew_timer *timer, int64_t now_ms)
{
    struct ew_service *service = timer->user;
    struct recorder *r = service->state;
    struct sampler_now now = read_now();
    struct ew_reason reason;
    if (sampler_tick(r->sampler, &now, &reason) != EW_OK)
        ew_error("recorder", "%s: %s, retrying", reason.path, reason.text);
    ew_loop_timer_set(service->loop, timer, now_ms + TICK_MS);
}

static void on_event(void *user, const struct ew_reason *event)
{
    struct ew_service *service = user;
    ew_notice("recorder", "%s", event->text);
    struct ew_buf json;
    ew_buf_init(&json, EW_LOG_LINE_MAX * 2);
    struct ew_jw w;
    ew_jw_init(&w, &json);
    ew_jw_open_object(&w, NULL);
    ew_jw_rfc3339(&w, "ts", ew_clock_wall_ms());
    ew_jw_text(&w, "source", "recorder");
    ew_jw_reason(&w, "reason", event);
    ew_jw_close_object(&w);
    if (service->mq && mq_publish(service->mq, "alarm/event", json.data, json.len,
                                  (struct mq_publish_options){.qos = 1}) != EW_OK)
        ew_warning("recorder", "the alarm could not be published, ignoring");
    ew_buf_done(&json);
}

// ---- Queries ---------------------------------------------------------------------------------------------

static void on_consumption(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct recorder *r = ((struct ew_service *)user)->state;
    struct query_consumption query;
    struct ew_reason reason;
    struct ew_buf answer;
    ew_buf_init(&answer, ANSWER_MAX);
    enum ew_err err = query_consumption_read(args, &query, &reason);
    if (err == EW_OK)
        err = query_consumption(r->store, r->sampler, &r->zone, &query, &answer, &reason);
    if (err == EW_OK && answer.full)
        err = ew_fail(&reason, EW_E_TOO_LARGE, "query.too_large", "/spans",
                      "the answer would be too large; ask for fewer spans");
    if (err == EW_OK)
        mq_answer(request, &answer);
    else
        mq_answer_error(request, &reason);
    ew_buf_done(&answer);
}

// ---- Life ------------------------------------------------------------------------------------------------

static void read_boot_id(char dst[64])
{
    ew_copy(dst, 64, "unknown");
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!f)
        return;
    if (fgets(dst, 64, f))
        dst[strcspn(dst, "\n")] = 0;
    fclose(f);
}

static enum ew_err recorder_start(struct ew_service *service, struct ew_reason *reason)
{
    struct recorder *r = service->state;
    char path[PATH_MAX], migrations[PATH_MAX], boot[64];
    ew_path(path, service->data_dir, "history.db");
    ew_path(migrations, service->share_dir, "migrations");
    enum ew_err err = store_open(path, migrations, &r->store, reason);
    if (err != EW_OK)
        return err;
    read_boot_id(boot);
    r->sampler = sampler_new(r->store, boot, EDGEWATT_BUILD_S, on_event, service);
    r->zone = (struct calendar_zone){.count = 1, .transitions = {{INT64_MIN, 0}}};
    r->interval_min = 10;
    err = sampler_load(r->sampler, reason);
    if (err != EW_OK)
        return err;
    mq_subscribe(service->mq, "config/settings/site", 1, on_site, service);
    mq_subscribe(service->mq, "config/settings/sampling", 1, on_sampling, service);
    mq_subscribe(service->mq, "config/device/+", 1, on_device, service);
    mq_subscribe(service->mq, "config/profile/+", 1, on_profile, service);
    mq_subscribe(service->mq, "device/+/measures/+", 0, on_measures, service);
    mq_serve(service->mq, "recorder", "consumption", on_consumption, service);
    err = pricing_calls_start(service, r->store, r->sampler, &r->pricing, reason);
    if (err != EW_OK)
        return err;
    r->watch = watch_new(r->store, service->mq);
    r->tick = (struct ew_timer){.fn = on_tick, .user = service};
    ew_loop_timer_set(service->loop, &r->tick, ew_loop_now_ms(service->loop) + TICK_MS);
    return EW_OK;
}

static void recorder_health(struct ew_service *service, struct ew_jw *w)
{
    const struct recorder *r = service->state;
    ew_jw_text(w, "clock", sampler_clock_name(r->sampler));
    if (sampler_last_s(r->sampler) > 0)
        ew_jw_rfc3339(w, "last_sample", sampler_last_s(r->sampler) * 1000);
    else
        ew_jw_null(w, "last_sample");
    ew_jw_int(w, "interval_min", r->interval_min);
    ew_jw_int(w, "database_bytes", store_size_bytes(r->store));
    ew_jw_int(w, "free_bytes", store_free_bytes(r->store));
    pricing_calls_health(r->pricing, w);
}

static void recorder_stop(struct ew_service *service)
{
    struct recorder *r = service->state;
    pricing_calls_stop(r->pricing);
    watch_free(r->watch);
    sampler_free(r->sampler);
    store_close(r->store);
    r->watch = NULL;
    r->sampler = NULL;
    r->store = NULL;
}

static const struct ew_service_definition definition = {
    .name = "recorder",
    .summary = "records history and answers questions about it",
    .state_size = sizeof(struct recorder),
    .start = recorder_start,
    .health = recorder_health,
    .stop = recorder_stop,
};

int recorder_main(int argc, char **argv)
{
    return ew_service_main(argc, argv, &definition);
}
