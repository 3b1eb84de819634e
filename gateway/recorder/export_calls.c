#include "recorder/export_calls.h"

#include "base/clock.h"
#include "base/log.h"
#include "recorder/csv_tree.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_MS = 10000,
    EVERY_H = 6,     // REC-03, when the site says nothing
    SETTLE_S = 30,   // after the mark: the slot that ended there is stored by then
    START_MS = 20000 // after a start: the configuration has come by then
};

struct export_calls {
    struct ew_service *service;
    struct jobs *jobs;
    struct mirror *mirror;
    struct calendar_zone zone;
    bool zoned;
    struct ew_timer timer;
    int64_t written_s; // until when the files are, wall clock; 0 = not known
    bool failed;
    struct ew_reason reason; // of the last failure
};

struct export_job {
    struct export_calls *calls;
    char data_dir[PATH_MAX];
    cJSON *site;
    struct calendar_zone zone;
    struct csv_options options;
    int64_t from_s, until_s;
};

static enum ew_err run_job(void *user, struct job_watch *watch, struct ew_reason *reason)
{
    const struct export_job *job = user;
    struct csv_tree tree = {job->data_dir, job->site,    &job->zone,     job->options,
                            job->from_s,   job->until_s, &watch->cancel, &watch->per_mille};
    return csv_tree_write(&tree, reason);
}

static void job_ended(void *user, enum ew_err err, const struct ew_reason *reason)
{
    struct export_job *job = user;
    struct export_calls *c = job->calls;
    c->failed = err != EW_OK && err != EW_E_CLOSED;
    if (err == EW_OK)
        c->written_s = job->until_s;
    if (c->failed) {
        c->reason = *reason;
        ew_error("export", "%s: %s, retrying later", reason->path, reason->text);
    }
    cJSON_Delete(job->site);
    free(job);
    ew_service_publish_status(c->service);
}

static struct csv_options options_of(const struct export_calls *c)
{
    const cJSON *csv = mirror_settings(c->mirror, "csv");
    const char *decimal = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(csv, "decimal"));
    const char *separator = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(csv, "separator"));
    return (struct csv_options){decimal ? decimal[0] : ',', separator ? separator[0] : ';'};
}

static enum ew_err start(struct export_calls *c, int64_t from_s, struct ew_reason *reason)
{
    if (!c->zoned)
        return ew_fail(reason, EW_E_BUSY, "export.starting", NULL,
                       "the recorder is just starting; try again in a moment");
    struct export_job *job = calloc(1, sizeof(*job));
    if (!job)
        abort();
    job->calls = c;
    ew_copy(job->data_dir, sizeof(job->data_dir), c->service->data_dir);
    job->zone = c->zone;
    job->options = options_of(c);
    job->from_s = from_s;
    job->until_s = ew_clock_wall_ms() / 1000;
    job->site = mirror_copy(c->mirror);
    struct job definition = {"export", run_job, job_ended, job};
    enum ew_err err = jobs_start(c->jobs, &definition, reason);
    if (err != EW_OK) {
        cJSON_Delete(job->site);
        free(job);
    }
    return err;
}

// ---- By the clock ----------------------------------------------------------------------------------------

// The newest mark: a local hour that `every` divides; midnight is always one.
static int64_t last_mark_s(const struct export_calls *c, int64_t now_s, int every)
{
    int64_t at_s = now_s, end_s;
    for (;;) {
        calendar_span(&c->zone, CALENDAR_HOUR, at_s, &at_s, &end_s);
        if (calendar_local(&c->zone, at_s).hour % every == 0)
            return at_s;
        at_s--;
    }
}

static void on_timer(struct ew_timer *timer, int64_t now_ms)
{
    struct export_calls *c = timer->user;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(mirror_settings(c->mirror, "csv"), "every_h");
    int every =
            cJSON_IsNumber(item) && item->valueint >= 1 && item->valueint <= 24 ? item->valueint : EVERY_H,
        percent;
    int64_t now_s = ew_clock_wall_ms() / 1000;
    struct ew_reason reason;
    if (c->zoned && !jobs_running(c->jobs, &percent) &&
        c->written_s < last_mark_s(c, now_s - SETTLE_S, every) + SETTLE_S &&
        start(c, INT64_MIN, &reason) != EW_OK)
        ew_warning("export", "%s, retrying", reason.text);
    ew_loop_timer_set(c->service->loop, timer, now_ms + LOOK_MS * (c->failed ? 30 : 1));
}

// ---- recorder/export -------------------------------------------------------------------------------------

static void write_state(const struct export_calls *c, struct ew_jw *w)
{
    int percent;
    const char *running = jobs_running(c->jobs, &percent);
    bool ours = running && strcmp(running, "export") == 0;
    ew_jw_text(w, "state", ours ? "running" : c->failed ? "failed" : "idle");
    ew_jw_int(w, "percent", ours ? percent : 100);
    if (c->written_s)
        ew_jw_rfc3339(w, "until", c->written_s * 1000);
    else
        ew_jw_null(w, "until");
    if (c->failed)
        ew_jw_reason(w, "reason", &c->reason);
}

static enum ew_err act(struct export_calls *c, const cJSON *args, struct ew_reason *reason)
{
    static const char *const actions[] = {"status", "write", "cancel", NULL};
    struct ew_json o;
    int action = 0;
    char from[16] = "";
    struct calendar_date date = {0};
    ew_json_open(&o, args, "", reason);
    ew_json_enum(&o, "action", EW_OPTIONAL, actions, &action);
    ew_json_text(&o, "from", EW_OPTIONAL, 10, sizeof(from), from);
    if (o.err == EW_OK && from[0] && !calendar_date_parse(from, &date))
        ew_json_fail(&o, "from", "json.date", "must be a date as 2026-03-01");
    enum ew_err err = ew_json_close(&o);
    int percent;
    const char *running = jobs_running(c->jobs, &percent);
    if (err == EW_OK && action == 1)
        err = start(c, from[0] ? calendar_date_start_s(&c->zone, date) : INT64_MIN, reason);
    if (err == EW_OK && action == 2 && running && strcmp(running, "export") == 0)
        jobs_cancel(c->jobs);
    return err;
}

static void on_call(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct export_calls *c = user;
    struct ew_reason reason;
    struct ew_buf answer;
    struct ew_jw w;
    if (act(c, args, &reason) != EW_OK) {
        mq_answer_error(request, &reason);
        return;
    }
    ew_buf_init(&answer, 4096);
    ew_jw_init(&w, &answer);
    ew_jw_open_object(&w, NULL);
    write_state(c, &w);
    ew_jw_close_object(&w);
    mq_answer(request, &answer);
    ew_buf_done(&answer);
}

// ---- Life ------------------------------------------------------------------------------------------------

struct export_calls *export_calls_new(struct ew_service *service, struct jobs *jobs, struct mirror *mirror)
{
    struct export_calls *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->service = service;
    c->jobs = jobs;
    c->mirror = mirror;
    mq_serve(service->mq, "recorder", "export", on_call, c);
    c->timer = (struct ew_timer){.fn = on_timer, .user = c};
    ew_loop_timer_set(service->loop, &c->timer, ew_loop_now_ms(service->loop) + START_MS);
    return c;
}

void export_calls_free(struct export_calls *c)
{
    if (!c)
        return;
    ew_loop_timer_clear(c->service->loop, &c->timer);
    free(c);
}

void export_calls_zone(struct export_calls *c, const struct calendar_zone *zone)
{
    c->zone = *zone;
    c->zoned = true;
}

void export_calls_health(const struct export_calls *c, struct ew_jw *w)
{
    ew_jw_open_object(w, "export");
    write_state(c, w);
    ew_jw_close_object(w);
}
