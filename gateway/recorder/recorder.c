#include "recorder/recorder.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "core/profile/profile.h"
#include "core/site/site.h"
#include "core/topic/topic.h"
#include "recorder/charges.h"
#include "recorder/checker.h"
#include "recorder/estimate.h"
#include "recorder/export_calls.h"
#include "recorder/keeper.h"
#include "recorder/optimise.h"
#include "recorder/places.h"
#include "recorder/pricing_calls.h"
#include "recorder/questions.h"
#include "recorder/report_calls.h"
#include "recorder/rescue.h"
#include "recorder/sampler.h"
#include "recorder/totals.h"
#include "recorder/watch.h"
#include "service/paths.h"
#include "service/service.h"
#include "service/zone.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>

enum { TICK_MS = 1000, OPEN_AGAIN_MS = 10000 };

struct recorder {
    struct store *store; // NULL: it could not be opened yet, and nothing below is there
    struct sampler *sampler;
    struct keeper *keeper;
    struct checker *checker;  // NULL: the database was looked through when it was opened
    struct ew_reason trouble; // err EW_OK: none; said in words until it is over
    struct ew_reason event;   // of the opening, until somebody can be told; code "" = none
    struct pricing_calls *pricing;
    struct watch *watch;
    struct places *places;
    struct totals *totals;
    struct query_world world;
    struct questions *questions;
    struct charges *charges;
    struct mirror *mirror;
    struct jobs *jobs;
    struct export_calls *export;
    struct report_calls *report;
    struct calendar_zone zone;
    int interval_min;
    struct optimise *optimise;
    bool optimising; // at the last tick
    bool estimates_free;
    int64_t estimates_ms; // when they were saved
    struct ew_timer tick;
};

static void read_now(struct sampler_now *ret)
{
    struct timex kernel = {0};
    int state = adjtimex(&kernel);
    *ret = (struct sampler_now){.wall_s = ew_clock_wall_ms() / 1000,
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
        r->world.nominal_v = settings.nominal_voltage_v;
        sampler_configure(r->sampler, &r->zone, r->interval_min);
        pricing_calls_site(r->pricing, &r->zone, settings.currency);
        export_calls_zone(r->export, &r->zone);
        report_calls_zone(r->report, &r->zone);
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
    int64_t budget_mb = 0;
    ew_json_int(&o, "interval_min", EW_OPTIONAL, 1, 60, &minutes);
    ew_json_int(&o, "budget_mb", EW_OPTIONAL, 0, 1000000, &budget_mb);
    if (o.err == EW_OK && history_interval_valid((int)minutes)) {
        r->interval_min = (int)minutes;
        sampler_configure(r->sampler, &r->zone, r->interval_min);
        keeper_budget(r->keeper, budget_mb * 1000000);
    } else {
        ew_warning("recorder", "%s: not a sampling interval, ignoring", m->topic);
    }
    cJSON_Delete(tree);
}

// ---- Measures --------------------------------------------------------------------------------------------

enum { INTEGRATION_GAP_MIN_MS = 60000 };

static void take_power(struct recorder *r, int64_t device, const cJSON *tree, double power_w, int64_t up_ms,
                       const struct sampler_now *now)
{
    const cJSON *period = cJSON_GetObjectItemCaseSensitive(tree, "period_ms");
    int64_t gap_ms = INTEGRATION_GAP_MIN_MS;
    if (cJSON_IsNumber(period) && period->valuedouble < 1e9 && period->valuedouble * 3 > (double)gap_ms)
        gap_ms = (int64_t)(period->valuedouble * 3);
    sampler_power(r->sampler, device, power_w, gap_ms, up_ms, now);
}

static void take_values(struct recorder *r, int64_t device, const cJSON *tree, int64_t up_ms)
{
    struct sampler_now now;
    read_now(&now);
    const cJSON *v;
    cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(tree, "values"))
    {
        const char *unit;
        if (!cJSON_IsNumber(v) || !profile_quantity_known(v->string, &unit))
            continue;
        sampler_reading(r->sampler, device, v->string, profile_unit_counts(unit), v->valuedouble, up_ms,
                        &now);
        if (strcmp(v->string, "active_power") == 0 && places_integrates(r->places, device))
            take_power(r, device, tree, v->valuedouble, up_ms, &now);
    }
}

static void take_info(struct recorder *r, int64_t device, const cJSON *tree)
{
    const cJSON *values = cJSON_GetObjectItemCaseSensitive(tree, "values");
    const char *serial = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(values, "serial_number"));
    if (serial)
        sampler_identity(r->sampler, device, serial);
}

static void on_measures(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct recorder *r = ((struct ew_service *)user)->state;
    int64_t device;
    const char *rest;
    if (!m->payload_len || !topic_split(m->topic, "device", &device, &rest))
        return;
    struct ew_reason reason;
    cJSON *tree = parse(m, &reason);
    if (!tree)
        return;
    const cJSON *up = cJSON_GetObjectItemCaseSensitive(tree, "up_ms");
    const cJSON *values = cJSON_GetObjectItemCaseSensitive(tree, "values");
    if (!cJSON_IsNumber(up) || !(up->valuedouble >= 0 && up->valuedouble < 1e15) || !cJSON_IsObject(values))
        ew_warning("recorder", "%s: has no up_ms or values, ignoring", m->topic);
    else if (strcmp(rest, "measures/info") == 0)
        take_info(r, device, tree);
    else
        take_values(r, device, tree, (int64_t)up->valuedouble);
    cJSON_Delete(tree);
}

// ---- What people should know -----------------------------------------------------------------------------

static bool publish_event(struct ew_service *service, const struct ew_reason *event, bool active)
{
    struct ew_buf json;
    struct ew_jw w;
    ew_buf_init(&json, EW_LOG_LINE_MAX * 2);
    ew_jw_init(&w, &json);
    ew_jw_open_object(&w, NULL);
    ew_jw_rfc3339(&w, "ts", ew_clock_wall_ms());
    ew_jw_text(&w, "source", "recorder");
    if (!active)
        ew_jw_bool(&w, "active", false);
    ew_jw_reason(&w, "reason", event);
    ew_jw_close_object(&w);
    bool said = mq_publish(service->mq, "alarm/event", json.data, json.len,
                           (struct mq_publish_options){.qos = 1}) == EW_OK;
    ew_buf_done(&json);
    return said;
}

static void on_event(void *user, const struct ew_reason *event)
{
    struct ew_service *service = user;
    ew_notice("recorder", "%s", event->text);
    if (!publish_event(service, event, true))
        ew_warning("recorder", "the alarm could not be published, ignoring");
}

// The same trouble is told once, and its end.
static void note_trouble(struct ew_service *service, enum ew_err err, const struct ew_reason *reason)
{
    struct recorder *r = service->state;
    bool same = err != EW_OK && r->trouble.err != EW_OK && strcmp(reason->code, r->trouble.code) == 0;
    if (same || (err == EW_OK && r->trouble.err == EW_OK))
        return;
    if (r->trouble.err != EW_OK) {
        ew_notice("recorder", "over: %s", r->trouble.text);
        (void)publish_event(service, &r->trouble, false);
    }
    ew_reason_clear(&r->trouble);
    if (err != EW_OK) {
        r->trouble = *reason;
        ew_error("recorder", "%s: %s, retrying", reason->path, reason->text);
        (void)publish_event(service, reason, true);
    }
    ew_service_publish_status(service);
}

// ---- Each second -----------------------------------------------------------------------------------------

static enum ew_err open_history(struct ew_service *service, struct ew_reason *reason);

// The next start puts the damaged database beside.
static void begin_again(struct ew_service *service, const char *finding)
{
    ew_error("recorder", "the database is damaged: %s; starting again without it", finding);
    rescue_mark(service->data_dir);
    ew_loop_stop(service->loop, 1);
}

static void record(struct ew_service *service)
{
    struct recorder *r = service->state;
    struct sampler_now now;
    struct ew_reason reason, aside;
    read_now(&now);
    enum ew_err err = sampler_tick(r->sampler, &now, &reason);
    if (err == EW_OK)
        err = sampler_catch_up(r->sampler, &reason);
    note_trouble(service, err, &reason);
    // Met by a row, a question, a price, an alarm or a charge.
    if (store_damage(r->store))
        begin_again(service, store_damage(r->store));
    else if (r->checker && checker_verdict(r->checker) == CHECKER_DAMAGED)
        begin_again(service, checker_finding(r->checker));
    if (err == EW_OK && keeper_tick(r->keeper, &r->zone, now.wall_s, &aside) != EW_OK)
        ew_warning("recorder", "%s: %s, retrying", aside.path, aside.text);
}

static void on_tick(struct ew_timer *timer, int64_t now_ms)
{
    struct ew_service *service = timer->user;
    struct recorder *r = service->state;
    if (!r->store) { // the disk was read-only or full: perhaps it is no more
        struct ew_reason reason;
        note_trouble(service, open_history(service, &reason), &reason);
        ew_loop_timer_set(service->loop, timer, now_ms + (r->store ? TICK_MS : OPEN_AGAIN_MS));
        return;
    }
    bool optimising = optimise_running(r->optimise);
    if (optimising || r->optimising)
        ew_service_publish_status(service); // who looks on sees it go on
    r->optimising = optimising;
    const char *clock = sampler_clock_name(r->sampler);
    if (!optimising) // while the database is copied it takes no rows; the slot ends when it does
        record(service);
    if (r->sampler && strcmp(clock, sampler_clock_name(r->sampler)) != 0)
        ew_service_publish_status(service); // every page says so while it is not trusted
    if (r->event.code[0] && publish_event(service, &r->event, true))
        ew_reason_clear(&r->event);
    totals_publish_new(r->totals);
    if (r->estimates_free && now_ms - r->estimates_ms >= ESTIMATE_EVERY_MS) {
        estimate_save(r->sampler, service->data_dir);
        r->estimates_ms = now_ms;
    }
    ew_loop_timer_set(service->loop, timer, now_ms + TICK_MS);
}

// ---- Optimise --------------------------------------------------------------------------------------------

static void on_optimise(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)args;
    (void)now_ms;
    struct ew_service *service = user;
    struct recorder *r = service->state;
    struct ew_reason reason;
    struct ew_buf answer;
    if (optimise_start(r->optimise, &reason) != EW_OK) {
        mq_answer_error(request, &reason);
        return;
    }
    ew_buf_init(&answer, 64);
    ew_buf_add_text(&answer, "{\"state\":\"running\"}");
    mq_answer(request, &answer);
    ew_buf_done(&answer);
    r->optimising = true;
    ew_service_publish_status(service);
}

// After a change of zone: {from: "2026-03-01"}.
static void on_rebuild(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct recorder *r = ((struct ew_service *)user)->state;
    struct calendar_date from = {0};
    struct ew_reason reason;
    struct ew_json o;
    char text[16] = "";
    ew_reason_clear(&reason);
    ew_json_open(&o, args, "", &reason);
    ew_json_text(&o, "from", EW_REQUIRED, 1, sizeof(text), text);
    enum ew_err err = ew_json_close(&o);
    if (err == EW_OK && !calendar_date_parse(text, &from))
        err = ew_fail(&reason, EW_E_INVALID, "json.date", "/from", "must be a date as 2026-03-01");
    if (err == EW_OK)
        err = sampler_rebuild(r->sampler, from, &reason);
    if (err != EW_OK) {
        mq_answer_error(request, &reason);
        return;
    }
    ew_notice("recorder", "days and months are made anew from=%s", text);
    struct ew_buf answer;
    ew_buf_init(&answer, 64);
    ew_buf_printf(&answer, "{\"from\":\"%s\"}", text);
    mq_answer(request, &answer);
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

static enum ew_err load_history(struct ew_service *service, struct ew_reason *reason)
{
    struct recorder *r = service->state;
    char boot[64];
    read_boot_id(boot);
    r->sampler = sampler_new(r->store, boot, EDGEWATT_BUILD_S, on_event, service);
    r->zone = (struct calendar_zone){.count = 1, .transitions = {{INT64_MIN, 0}}};
    r->interval_min = 10;
    enum ew_err err = sampler_load(r->sampler, reason);
    if (err == EW_OK)
        estimate_load(r->sampler, service->data_dir);
    r->estimates_free = estimate_free(service->data_dir);
    if (err == EW_OK)
        err = pricing_calls_start(service, r->store, r->sampler, &r->pricing, reason);
    return err;
}

static void serve(struct ew_service *service, const char *path)
{
    struct recorder *r = service->state;
    r->keeper = keeper_new(r->store, r->sampler, service->data_dir);
    if (!store_checked(r->store))
        r->checker = checker_start(path);
    mq_subscribe(service->mq, "config/settings/site", 1, on_site, service);
    mq_subscribe(service->mq, "config/settings/sampling", 1, on_sampling, service);
    r->optimise = optimise_new(r->store, path);
    mq_serve(service->mq, "recorder", "optimise", on_optimise, service);
    mq_serve(service->mq, "recorder", "rebuild", on_rebuild, service);
    r->watch = watch_new(r->store, service->mq);
    r->places = places_new(service, r->sampler, read_now);
    r->world = (struct query_world){.store = r->store,
                                    .nominal_v = r->world.nominal_v,
                                    .sampler = r->sampler,
                                    .zone = &r->zone,
                                    .pricing = pricing_calls_pricing(r->pricing)};
    r->questions = questions_new(service, &r->world);
    r->totals = totals_new(service, r->sampler);
    mq_subscribe(service->mq, "device/+/measures/+", 0, on_measures, service);
    r->charges = charges_new(service, r->store);
    r->mirror = mirror_new(service);
    r->jobs = jobs_new(service->loop);
    r->export = export_calls_new(service, r->jobs, r->mirror);
    r->report = report_calls_new(service, r->jobs, r->mirror);
}

static void recorder_stop(struct ew_service *service);

// What can't be opened now is tried again: the recorder stays, and says why.
static enum ew_err open_history(struct ew_service *service, struct ew_reason *reason)
{
    struct recorder *r = service->state;
    char path[PATH_MAX], migrations[PATH_MAX];
    ew_path(path, service->data_dir, "history.db");
    ew_path(migrations, service->share_dir, "migrations");
    enum ew_err err = rescue_open(service->data_dir, migrations, &r->store, &r->event, reason);
    if (err != EW_OK) {
        r->store = NULL;
        return err;
    }
    err = load_history(service, reason);
    if (err != EW_OK) {
        recorder_stop(service);
        return err;
    }
    serve(service, path);
    if (r->event.code[0])
        ew_error("recorder", "%s", r->event.text);
    return EW_OK;
}

static enum ew_err recorder_start(struct ew_service *service, struct ew_reason *reason)
{
    struct recorder *r = service->state;
    enum ew_err err = open_history(service, reason);
    char before[PATH_MAX];
    ew_path(before, service->data_dir, "restore.old");
    if (err != EW_OK && ew_file_exists(before))
        return err; // a restore is on trial: what was there before can come back
    if (err != EW_OK) {
        r->trouble = *reason;
        ew_error("recorder", "%s: %s, retrying", reason->path, reason->text);
    }
    r->tick = (struct ew_timer){.fn = on_tick, .user = service};
    ew_loop_timer_set(service->loop, &r->tick, ew_loop_now_ms(service->loop) + TICK_MS);
    return EW_OK;
}

static void recorder_connected(struct ew_service *service)
{
    struct recorder *r = service->state;
    if (r->trouble.err != EW_OK)
        (void)publish_event(service, &r->trouble, true);
    if (r->store)
        totals_publish_all(r->totals);
}

static void recorder_health(struct ew_service *service, struct ew_jw *w)
{
    const struct recorder *r = service->state;
    if (r->trouble.err != EW_OK)
        ew_jw_reason(w, "reason", &r->trouble);
    if (!r->store)
        return;
    ew_jw_text(w, "clock", sampler_clock_name(r->sampler));
    if (sampler_last_s(r->sampler) > 0)
        ew_jw_rfc3339(w, "last_sample", sampler_last_s(r->sampler) * 1000);
    else
        ew_jw_null(w, "last_sample");
    ew_jw_int(w, "interval_min", r->interval_min);
    ew_jw_int(w, "highest_id", sampler_highest_id(r->sampler));
    ew_jw_int(w, "database_bytes", store_size_bytes(r->store));
    ew_jw_int(w, "free_bytes", store_free_bytes(r->store));
    keeper_health(r->keeper, w);
    pricing_calls_health(r->pricing, w);
    optimise_write(r->optimise, w);
    export_calls_health(r->export, w);
}

static void recorder_stop(struct ew_service *service)
{
    struct recorder *r = service->state;
    if (r->store && r->sampler)
        estimate_save(r->sampler, service->data_dir);
    jobs_free(r->jobs);
    export_calls_free(r->export);
    report_calls_free(r->report);
    mirror_free(r->mirror);
    totals_free(r->totals);
    questions_free(r->questions);
    places_free(r->places);
    pricing_calls_stop(r->pricing);
    watch_free(r->watch);
    charges_free(r->charges);
    optimise_free(r->optimise);
    keeper_free(r->keeper);
    checker_free(r->checker);
    sampler_free(r->sampler);
    store_close(r->store);
    struct ew_reason trouble = r->trouble;
    *r = (struct recorder){.trouble = trouble, .tick = r->tick};
}

static const struct ew_service_definition definition = {
    .name = "recorder",
    .summary = "records history and answers questions about it",
    .state_size = sizeof(struct recorder),
    .start = recorder_start,
    .connected = recorder_connected,
    .health = recorder_health,
    .stop = recorder_stop,
};

int recorder_main(int argc, char **argv)
{
    return ew_service_main(argc, argv, &definition);
}
