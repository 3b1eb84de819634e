#include "recorder/report_calls.h"

#include "base/clock.h"
#include "base/limits.h"
#include "recorder/report.h"
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_MAX = 192 << 10, ANSWER_MAX = 512 << 10, KEPT_MS = 3600 * 1000 };

enum state { IDLE, RUNNING, READY, FAILED };
static const char *const state_names[] = {"idle", "running", "ready", "failed"};

struct report_calls {
    struct ew_service *service;
    struct jobs *jobs;
    struct mirror *mirror;
    struct calendar_zone zone;
    bool zoned;
    char path[PATH_MAX];
    // The newest report. Only who asked for it sees it.
    enum state state;
    char account[EW_NAME_MAX];
    int64_t made_ms, size;
    struct ew_reason reason;
    struct ew_timer timer;
};

struct report_job {
    struct report_calls *calls;
    struct report report;
    char data_dir[PATH_MAX], path[PATH_MAX];
    cJSON *site;
    struct calendar_zone zone;
    struct csv_options options;
    int64_t until_s;
};

static enum ew_err run_job(void *user, struct job_watch *watch, struct ew_reason *reason)
{
    const struct report_job *job = user;
    struct csv_tree tree = {job->data_dir, job->site,    &job->zone,     job->options,
                            INT64_MIN,     job->until_s, &watch->cancel, &watch->per_mille};
    return report_write(&job->report, &tree, job->path, reason);
}

static void job_ended(void *user, enum ew_err err, const struct ew_reason *reason)
{
    struct report_job *job = user;
    struct report_calls *c = job->calls;
    struct stat st;
    c->state = err == EW_OK ? READY : err == EW_E_CLOSED ? IDLE : FAILED;
    if (err != EW_OK)
        c->reason = *reason;
    c->size = err == EW_OK && stat(c->path, &st) == 0 ? st.st_size : 0;
    c->made_ms = ew_clock_up_ms();
    ew_loop_timer_set(c->service->loop, &c->timer, c->made_ms + KEPT_MS);
    cJSON_Delete(job->site);
    free(job);
}

static void on_timer(struct ew_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct report_calls *c = timer->user;
    if (c->state == RUNNING)
        return;
    c->state = IDLE;
    (void)unlink(c->path);
}

static enum ew_err start(struct report_calls *c, const char *account, const cJSON *args,
                         struct ew_reason *reason)
{
    if (!c->zoned)
        return ew_fail(reason, EW_E_BUSY, "export.starting", NULL,
                       "the recorder is just starting; try again in a moment");
    struct report_job *job = calloc(1, sizeof(*job));
    if (!job)
        abort();
    enum ew_err err = report_read(args, &c->zone, &job->report, reason);
    job->calls = c;
    ew_copy(job->data_dir, sizeof(job->data_dir), c->service->data_dir);
    ew_copy(job->path, sizeof(job->path), c->path);
    job->zone = c->zone;
    job->until_s = ew_clock_wall_ms() / 1000;
    const cJSON *csv = mirror_settings(c->mirror, "csv");
    const char *decimal = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(csv, "decimal"));
    const char *separator = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(csv, "separator"));
    job->options = (struct csv_options){decimal ? decimal[0] : ',', separator ? separator[0] : ';'};
    if (err == EW_OK) {
        struct job definition = {"report", run_job, job_ended, job};
        job->site = mirror_copy(c->mirror);
        err = jobs_start(c->jobs, &definition, reason);
    }
    if (err != EW_OK) {
        cJSON_Delete(job->site);
        free(job);
        return err;
    }
    c->state = RUNNING;
    ew_copy(c->account, sizeof(c->account), account);
    return EW_OK;
}

// ---- Answers ---------------------------------------------------------------------------------------------

static void write_state(const struct report_calls *c, const char *account, struct ew_jw *w)
{
    int percent;
    bool ours = strcmp(account, c->account) == 0;
    enum state state = ours || c->state == RUNNING ? c->state : IDLE;
    (void)jobs_running(c->jobs, &percent);
    ew_jw_text(w, "state", state_names[state]);
    ew_jw_bool(w, "own", ours);
    ew_jw_int(w, "percent", state == RUNNING ? percent : state == READY ? 100 : 0);
    ew_jw_int(w, "size", state == READY ? c->size : 0);
    if (state == FAILED)
        ew_jw_reason(w, "reason", &c->reason);
}

static enum ew_err add_piece(const struct report_calls *c, const char *account, int64_t offset,
                             struct ew_jw *w, struct ew_reason *reason)
{
    static unsigned char piece[PIECE_MAX];
    static char coded[PIECE_MAX / 3 * 4 + 8];
    if (c->state != READY || strcmp(account, c->account) != 0)
        return ew_fail(reason, EW_E_UNKNOWN, "report.none", NULL, "there is no finished report of yours");
    int fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = fd < 0 ? -1 : pread(fd, piece, sizeof(piece), offset);
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return ew_fail(reason, EW_E_IO, "file.io", "reportdata.zip", "can't be read");
    sodium_bin2base64(coded, sizeof(coded), piece, (size_t)got, sodium_base64_VARIANT_ORIGINAL);
    ew_jw_text(w, "data", coded);
    return EW_OK;
}

static void on_call(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    static const char *const actions[] = {"status", "start", "cancel", "read", NULL};
    struct report_calls *c = user;
    const char *account = mq_request_account(request);
    struct ew_reason reason;
    struct ew_json o;
    struct ew_buf answer;
    struct ew_jw w;
    int action = 0;
    int64_t offset = 0;
    ew_json_open(&o, args, "", &reason);
    ew_json_enum(&o, "action", EW_REQUIRED, actions, &action);
    ew_json_int(&o, "offset", EW_OPTIONAL, 0, INT64_C(1) << 40, &offset);
    enum ew_err err = o.err;
    ew_buf_init(&answer, ANSWER_MAX);
    ew_jw_init(&w, &answer);
    ew_jw_open_object(&w, NULL);
    if (err == EW_OK && action == 1)
        err = start(c, account, args, &reason);
    if (err == EW_OK && action == 2 && c->state == RUNNING && strcmp(account, c->account) == 0)
        jobs_cancel(c->jobs);
    write_state(c, account, &w);
    if (err == EW_OK && action == 3)
        err = add_piece(c, account, offset, &w, &reason);
    ew_jw_close_object(&w);
    if (err == EW_OK)
        mq_answer(request, &answer);
    else
        mq_answer_error(request, &reason);
    ew_buf_done(&answer);
}

struct report_calls *report_calls_new(struct ew_service *service, struct jobs *jobs, struct mirror *mirror)
{
    struct report_calls *c = calloc(1, sizeof(*c));
    if (!c ||
        ew_format(c->path, sizeof(c->path), "%s/export.spare/reportdata.zip", service->data_dir) != EW_OK)
        abort();
    c->service = service;
    c->jobs = jobs;
    c->mirror = mirror;
    c->timer = (struct ew_timer){.fn = on_timer, .user = c};
    (void)unlink(c->path); // of a life before
    mq_serve(service->mq, "recorder", "report", on_call, c);
    return c;
}

void report_calls_free(struct report_calls *c)
{
    if (!c)
        return;
    ew_loop_timer_clear(c->service->loop, &c->timer);
    free(c);
}

void report_calls_zone(struct report_calls *c, const struct calendar_zone *zone)
{
    c->zone = *zone;
    c->zoned = true;
}
