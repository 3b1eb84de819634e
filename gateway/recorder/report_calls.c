#include "recorder/report_calls.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "recorder/report.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KEPT_MAX = 8, // accounts
    PIECE_MAX = 192 << 10,
    ANSWER_MAX = 512 << 10,
    KEPT_MS = 3600 * 1000,
    LOOK_MS = 250,     // while one waits for its turn
    SELDOM_MS = 30000, // while one is kept
};
static const int64_t kept_bytes_max = INT64_C(1) << 30; // of all archives

enum state { IDLE, WAITING, RUNNING, READY, FAILED };
static const char *const state_names[] = {"idle", "waiting", "running", "ready", "failed"};

// The newest report of one account; nobody else sees it.
struct kept {
    enum state state; // IDLE: free
    char account[EW_NAME_MAX];
    uint64_t turn;           // first come, first served
    struct report *question; // while it waits
    int64_t made_ms, size;
    struct ew_reason reason; // FAILED
};

struct report_calls {
    struct ew_service *service;
    struct jobs *jobs;
    struct mirror *mirror;
    struct calendar_zone zone;
    bool zoned;
    char folder[PATH_MAX]; // of archives that are whole: DATA/reports/<account>.zip
    char spare[PATH_MAX];  // where one is made
    struct kept kept[KEPT_MAX];
    uint64_t turn;
    struct ew_timer timer;
};

struct report_job {
    struct report_calls *calls;
    struct kept *kept;
    struct report *question;
    char data_dir[PATH_MAX], path[PATH_MAX];
    cJSON *site;
    struct calendar_zone zone;
    struct csv_options options;
    int64_t until_s;
};

// ---- What is kept ----------------------------------------------------------------------------------------

static void path_of(const struct report_calls *c, const char *account, char dst[PATH_MAX])
{
    if (ew_format(dst, PATH_MAX, "%s/%s.zip", c->folder, account) != EW_OK)
        abort(); // the folder was measured with the longest name
}

static struct kept *kept_of(struct report_calls *c, const char *account)
{
    for (int i = 0; i < KEPT_MAX; i++)
        if (c->kept[i].state != IDLE && strcmp(c->kept[i].account, account) == 0)
            return &c->kept[i];
    return NULL;
}

static void drop(struct report_calls *c, struct kept *kept)
{
    char path[PATH_MAX];
    path_of(c, kept->account, path);
    (void)unlink(path); // who is reading it goes on
    free(kept->question);
    *kept = (struct kept){0};
}

static bool over(const struct kept *kept)
{
    return kept->state == READY || kept->state == FAILED;
}

static struct kept *oldest_over(struct report_calls *c, const struct kept *but)
{
    struct kept *oldest = NULL;
    for (int i = 0; i < KEPT_MAX; i++) {
        struct kept *kept = &c->kept[i];
        if (kept != but && over(kept) && (!oldest || kept->made_ms < oldest->made_ms))
            oldest = kept;
    }
    return oldest;
}

static struct kept *free_place(struct report_calls *c)
{
    for (int i = 0; i < KEPT_MAX; i++)
        if (c->kept[i].state == IDLE)
            return &c->kept[i];
    struct kept *oldest = oldest_over(c, NULL);
    if (oldest)
        drop(c, oldest);
    return oldest;
}

static void limit_bytes(struct report_calls *c, const struct kept *newest)
{
    for (;;) {
        int64_t bytes = 0;
        for (int i = 0; i < KEPT_MAX; i++)
            bytes += c->kept[i].size;
        struct kept *oldest = bytes > kept_bytes_max ? oldest_over(c, newest) : NULL;
        if (!oldest)
            return;
        drop(c, oldest);
    }
}

// ---- Making one ------------------------------------------------------------------------------------------

static enum ew_err run_job(void *user, struct job_watch *watch, struct ew_reason *reason)
{
    const struct report_job *job = user;
    atomic_int unseen;
    atomic_init(&unseen, 0);
    struct csv_tree tree = {job->data_dir, job->site,    &job->zone,     job->options,
                            INT64_MIN,     job->until_s, &watch->cancel, &unseen};
    // REC-03: the export folder is as new as what is downloaded. A report does not fail with it.
    enum ew_err err = csv_tree_write(&tree, reason);
    if (err == EW_E_CLOSED)
        return err;
    if (err != EW_OK)
        ew_warning("report", "%s: %s, going on with the report", reason->path, reason->text);
    ew_reason_clear(reason);
    tree.per_mille = &watch->per_mille;
    return report_write(job->question, &report_limits, &tree, job->path, reason);
}

static void set_timer(struct report_calls *c)
{
    bool any = false, waits = false;
    for (int i = 0; i < KEPT_MAX; i++) {
        any = any || c->kept[i].state != IDLE;
        waits = waits || c->kept[i].state == WAITING;
    }
    if (any)
        ew_loop_timer_set(c->service->loop, &c->timer, ew_clock_up_ms() + (waits ? LOOK_MS : SELDOM_MS));
}

// Others may read it: the data folder is open to the gateway's own accounts only.
static enum ew_err show(const struct report_calls *c, struct kept *kept, const char *made,
                        struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct stat st;
    path_of(c, kept->account, path);
    if (chmod(made, 0644) != 0 || rename(made, path) != 0 || stat(path, &st) != 0)
        return ew_fail(reason, EW_E_IO, "file.io", path, "can't be written: %s", strerror(errno));
    kept->size = st.st_size;
    return EW_OK;
}

static void job_ended(void *user, enum ew_err err, const struct ew_reason *reason)
{
    struct report_job *job = user;
    struct report_calls *c = job->calls;
    struct kept *kept = job->kept;
    kept->reason = *reason;
    kept->made_ms = ew_clock_up_ms();
    if (err == EW_OK)
        err = show(c, kept, job->path, &kept->reason);
    kept->state = err == EW_OK ? READY : FAILED;
    (void)unlink(job->path);
    if (err == EW_E_CLOSED)
        drop(c, kept);
    else if (err == EW_OK)
        limit_bytes(c, kept);
    else
        ew_warning("report", "%s", kept->reason.text);
    cJSON_Delete(job->site);
    free(job->question);
    free(job);
    set_timer(c);
}

static void begin(struct report_calls *c, struct kept *kept)
{
    struct ew_reason reason;
    struct report_job *job = calloc(1, sizeof(*job));
    if (!job)
        abort();
    job->calls = c;
    job->kept = kept;
    job->question = kept->question;
    ew_copy(job->data_dir, sizeof(job->data_dir), c->service->data_dir);
    ew_copy(job->path, sizeof(job->path), c->spare);
    job->zone = c->zone;
    job->until_s = ew_clock_wall_ms() / 1000;
    const cJSON *csv = mirror_settings(c->mirror, "csv");
    const char *decimal = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(csv, "decimal"));
    const char *separator = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(csv, "separator"));
    job->options = (struct csv_options){decimal ? decimal[0] : ',', separator ? separator[0] : ';'};
    job->site = mirror_copy(c->mirror);
    struct job definition = {"report", run_job, job_ended, job};
    enum ew_err err = jobs_start(c->jobs, &definition, &reason);
    if (err != EW_OK) { // it waits on
        cJSON_Delete(job->site);
        free(job);
    } else {
        kept->state = RUNNING;
        kept->question = NULL; // the job's
    }
}

static void next(struct report_calls *c)
{
    int percent;
    struct kept *first = NULL;
    for (int i = 0; i < KEPT_MAX; i++)
        if (c->kept[i].state == WAITING && (!first || c->kept[i].turn < first->turn))
            first = &c->kept[i];
    if (first && !jobs_running(c->jobs, &percent))
        begin(c, first);
}

static void on_timer(struct ew_timer *timer, int64_t now_ms)
{
    struct report_calls *c = timer->user;
    for (int i = 0; i < KEPT_MAX; i++)
        if (over(&c->kept[i]) && now_ms - c->kept[i].made_ms >= KEPT_MS)
            drop(c, &c->kept[i]);
    next(c);
    set_timer(c);
}

// It becomes a file's name.
static bool name_formed(const char *account)
{
    return account[0] && strspn(account, "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(account);
}

static enum ew_err start(struct report_calls *c, const char *account, const cJSON *args,
                         struct ew_reason *reason)
{
    struct report *question = calloc(1, sizeof(*question));
    if (!question)
        abort();
    enum ew_err err = c->zoned ? report_read(args, &c->zone, question, reason)
                               : ew_fail(reason, EW_E_BUSY, "export.starting", NULL,
                                         "the recorder is just starting; try again in a moment");
    struct kept *kept = kept_of(c, account);
    if (err == EW_OK && !name_formed(account))
        err = ew_fail(reason, EW_E_DENIED, "access.denied", NULL, "This account has no right to do that.");
    else if (err == EW_OK && kept && !over(kept))
        err = ew_fail(reason, EW_E_BUSY, "report.running", NULL,
                      "your last report is still being made; wait for it or cancel it");
    if (err == EW_OK && kept)
        drop(c, kept);
    else if (err == EW_OK)
        kept = free_place(c);
    if (err == EW_OK && !kept)
        err = ew_fail(reason, EW_E_BUSY, "report.full", NULL,
                      "%d reports are being made already; try again when one has finished", (int)KEPT_MAX);
    if (err != EW_OK || !kept) {
        free(question);
        return err;
    }
    *kept = (struct kept){.state = WAITING, .turn = ++c->turn, .question = question};
    ew_copy(kept->account, sizeof(kept->account), account);
    next(c);
    set_timer(c);
    return EW_OK;
}

static void cancel(struct report_calls *c, struct kept *kept)
{
    if (kept && kept->state == RUNNING)
        jobs_cancel(c->jobs);
    else if (kept)
        drop(c, kept);
}

// ---- Answers ---------------------------------------------------------------------------------------------

static void write_state(const struct report_calls *c, const struct kept *kept, struct ew_jw *w)
{
    int percent;
    enum state state = kept ? kept->state : IDLE;
    (void)jobs_running(c->jobs, &percent);
    ew_jw_text(w, "state", state_names[state]);
    ew_jw_int(w, "percent", state == RUNNING ? percent : state == READY ? 100 : 0);
    ew_jw_int(w, "size", state == READY ? kept->size : 0);
    if (state == FAILED)
        ew_jw_reason(w, "reason", &kept->reason);
}

static enum ew_err add_piece(const struct report_calls *c, const struct kept *kept, int64_t offset,
                             struct ew_jw *w, struct ew_reason *reason)
{
    static unsigned char piece[PIECE_MAX];
    static char coded[PIECE_MAX / 3 * 4 + 8];
    char path[PATH_MAX];
    if (!kept || kept->state != READY)
        return ew_fail(reason, EW_E_UNKNOWN, "report.none", NULL, "there is no finished report of yours");
    path_of(c, kept->account, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
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
    if (err == EW_OK && action == 2)
        cancel(c, kept_of(c, account));
    write_state(c, kept_of(c, account), &w);
    if (err == EW_OK && action == 3)
        err = add_piece(c, kept_of(c, account), offset, &w, &reason);
    ew_jw_close_object(&w);
    if (err == EW_OK)
        mq_answer(request, &answer);
    else
        mq_answer_error(request, &reason);
    ew_buf_done(&answer);
}

// ---- Life ------------------------------------------------------------------------------------------------

// What a life before left: nobody can ask for it any more.
static void remove_files(const char *folder, const char *beginning)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir))
        if (entry->d_name[0] != '.' && strncmp(entry->d_name, beginning, strlen(beginning)) == 0)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
}

struct report_calls *report_calls_new(struct ew_service *service, struct jobs *jobs, struct mirror *mirror)
{
    struct report_calls *c = calloc(1, sizeof(*c));
    char spare[PATH_MAX], longest[PATH_MAX];
    struct ew_reason reason;
    if (!c || ew_format(c->folder, sizeof(c->folder), "%s/reports", service->data_dir) != EW_OK ||
        ew_format(longest, sizeof(longest), "%s/%*s.zip", c->folder, (int)EW_NAME_MAX, "") != EW_OK ||
        ew_format(spare, sizeof(spare), "%s/export.spare", service->data_dir) != EW_OK ||
        ew_format(c->spare, sizeof(c->spare), "%s/reportdata.zip", spare) != EW_OK)
        abort();
    c->service = service;
    c->jobs = jobs;
    c->mirror = mirror;
    c->timer = (struct ew_timer){.fn = on_timer, .user = c};
    if (ew_dir_make(c->folder, 0755, &reason) != EW_OK || chmod(c->folder, 0755) != 0)
        ew_warning("report", "%s can't be made; reports will not be ready", c->folder);
    remove_files(c->folder, "");
    remove_files(spare, "report");
    mq_serve(service->mq, "recorder", "report", on_call, c);
    return c;
}

void report_calls_free(struct report_calls *c)
{
    if (!c)
        return;
    ew_loop_timer_clear(c->service->loop, &c->timer);
    for (int i = 0; i < KEPT_MAX; i++)
        free(c->kept[i].question);
    free(c);
}

void report_calls_zone(struct report_calls *c, const struct calendar_zone *zone)
{
    c->zone = *zone;
    c->zoned = true;
}
