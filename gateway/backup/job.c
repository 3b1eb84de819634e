// edgewatt backup-job: what the page asked config for. config leaves run/job/request.json and, in the pipe
// run/job/passphrase, the passphrase; how far it is and what came of it stands in run/job/state.json, as
// schemas/calls/backup.schema.json says.
//
// A restore has two halves. The first checks the archive whole into restore.new/ while the gateway runs, and
// ends with BACKUP_STAGED. Then whoever started it (edgewatt run, or the unit) stops all services and runs
// the second, --swap, which takes an instant; then the services start again. Whether they do is what proves
// the new site: --keep, or --back, is then asked for (trial.c).
#include "backup/backup.h"
#include "backup/backup_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "service/paths.h"
#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REQUEST_MAX = 4096, SAY_EVERY_MS = 300, NICE = 10, LOCK_WAIT_MS = 60000 };
enum kind { KIND_MAKE, KIND_CHECK, KIND_RESTORE };
static const char *const kinds[] = {"make", "check", "restore", NULL};

struct job {
    const char *data;
    bool swap, keep, supervised;
    const char *back, *why; // the trial failed: the service that did not run, and why; NULL = not asked
    int kind;
    bool history, secrets, upload;
    char sum[2 * BACKUP_HASH_SIZE + 1]; // restore: what the person was shown
    char by[EW_NAME_MAX];
    char step[16];
    int percent;
    int64_t said_ms;
    cJSON *backup, *changes; // of the state, once known
};

// ---- The state -------------------------------------------------------------------------------------------

static cJSON *state_tree(const struct job *job)
{
    cJSON *tree = cJSON_CreateObject();
    bool good =
        cJSON_AddStringToObject(tree, "kind", kinds[job->kind]) &&
        cJSON_AddBoolToObject(tree, "done", false) && cJSON_AddStringToObject(tree, "step", job->step) &&
        cJSON_AddNumberToObject(tree, "percent", job->percent) &&
        cJSON_AddStringToObject(tree, "by", job->by) &&
        (!job->backup || cJSON_AddItemToObject(tree, "backup", cJSON_Duplicate(job->backup, true))) &&
        (!job->changes || cJSON_AddItemToObject(tree, "changes", cJSON_Duplicate(job->changes, true)));
    if (!good)
        abort();
    return tree;
}

static void say(struct job *job)
{
    cJSON *tree = state_tree(job);
    (void)backup_state_write(job->data, tree);
    cJSON_Delete(tree);
    job->said_ms = ew_clock_up_ms();
}

static void on_progress(void *user, const char *step, int percent)
{
    struct job *job = user;
    bool next = strcmp(job->step, step) != 0;
    job->percent = percent;
    ew_copy(job->step, sizeof(job->step), step);
    if (next || ew_clock_up_ms() - job->said_ms >= SAY_EVERY_MS)
        say(job);
}

static void finish(struct job *job, enum ew_err err, const struct ew_reason *reason)
{
    cJSON *tree = state_tree(job);
    backup_state_end(tree, err == EW_OK ? NULL : reason);
    (void)backup_state_write(job->data, tree);
    cJSON_Delete(tree);
    if (err == EW_OK)
        ew_notice("backup", "%s done", kinds[job->kind]);
    else
        ew_log_reason(EW_LOG_WARNING, "backup", reason);
}

static void note_backup(struct job *job, const struct backup_manifest *m, const char *sum, int64_t bytes)
{
    cJSON *o = job->backup = cJSON_CreateObject();
    bool good =
        cJSON_AddStringToObject(o, "version", m->version) && cJSON_AddStringToObject(o, "made", m->made) &&
        cJSON_AddStringToObject(o, "site_id", m->site_id) &&
        cJSON_AddStringToObject(o, "site_name", m->site_name) &&
        cJSON_AddNumberToObject(o, "buses", (double)m->buses) &&
        cJSON_AddNumberToObject(o, "devices", (double)m->devices) &&
        cJSON_AddNumberToObject(o, "users", (double)m->users) &&
        cJSON_AddBoolToObject(o, "history", m->history) && cJSON_AddBoolToObject(o, "secrets", m->secrets) &&
        cJSON_AddNumberToObject(o, "bytes", (double)bytes) && cJSON_AddStringToObject(o, "sum", sum) &&
        cJSON_AddBoolToObject(o, "upload", job->upload);
    if (!good)
        abort();
}

static void note_changes(struct job *job, const struct backup_content *content)
{
    struct backup_change change;
    backup_compare(job->data, content, &change);
    cJSON *o = job->changes = cJSON_CreateObject();
    cJSON *rows = cJSON_AddArrayToObject(o, "rows");
    bool good = rows && cJSON_AddBoolToObject(o, "users_replaced", content->unsealed) &&
                cJSON_AddStringToObject(o, "site_id", change.site_now);
    for (int i = 0; i < BACKUP_ROWS && good; i++) {
        cJSON *row = cJSON_CreateObject();
        good = cJSON_AddItemToArray(rows, row) && cJSON_AddStringToObject(row, "what", change.rows[i].what) &&
               cJSON_AddNumberToObject(row, "now", (double)change.rows[i].now) &&
               cJSON_AddNumberToObject(row, "then", (double)change.rows[i].then);
    }
    if (!good)
        abort();
}

// ---- The request -----------------------------------------------------------------------------------------

// EW_E_UNKNOWN: there is none.
static enum ew_err read_request(struct job *job, struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct ew_buf text;
    struct ew_json o;
    cJSON *tree = NULL;
    ew_path(path, job->data, "run/job/request.json");
    ew_buf_init(&text, REQUEST_MAX);
    enum ew_err err = ew_file_read(path, REQUEST_MAX, &text, reason);
    (void)unlink(path); // asked once, done once
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(&text), text.len, REQUEST_MAX, &tree, reason);
    ew_buf_done(&text);
    if (err != EW_OK)
        return err;
    ew_json_open(&o, tree, "", reason);
    ew_json_enum(&o, "kind", EW_REQUIRED, kinds, &job->kind);
    ew_json_bool(&o, "history", EW_REQUIRED, &job->history);
    ew_json_bool(&o, "secrets", EW_REQUIRED, &job->secrets);
    ew_json_bool(&o, "upload", EW_REQUIRED, &job->upload);
    ew_json_text(&o, "sum", EW_REQUIRED, 0, sizeof(job->sum), job->sum);
    ew_json_text(&o, "by", EW_REQUIRED, 0, sizeof(job->by), job->by);
    err = ew_json_close(&o);
    cJSON_Delete(tree);
    return err;
}

static enum ew_err read_passphrase(const struct job *job, char ret[BACKUP_PASSPHRASE_MAX],
                                   struct ew_reason *reason)
{
    char path[PATH_MAX];
    ew_path(path, job->data, "run/job/passphrase");
    if (!job->secrets)
        return EW_OK;
    enum ew_err err = backup_passphrase(path, ret, reason);
    reason->path[0] = 0; // the pipe means nothing to a person
    return err;
}

// ---- Doing it --------------------------------------------------------------------------------------------

static enum ew_err make(struct job *job, const char *passphrase, struct ew_reason *reason)
{
    static struct backup_made made;
    struct backup_order order = {job->data, NULL, passphrase, job->history, {on_progress, job}};
    enum ew_err err = backup_make(&order, &made, reason);
    if (err == EW_OK)
        note_backup(job, &made.manifest, made.sum, made.bytes);
    return err;
}

// Checked whole into restore.new.
static enum ew_err stage(struct job *job, const char *passphrase, struct ew_reason *reason)
{
    static struct backup_content content;
    struct backup_progress progress = {on_progress, job};
    char archive[PATH_MAX], folder[PATH_MAX], sum[2 * BACKUP_HASH_SIZE + 1];
    struct stat st = {0};
    ew_path(archive, job->data, job->upload ? "upload/database.zip" : "export/database.zip");
    ew_path(folder, job->data, "restore.new");
    if (mkdir(folder, 0700) != 0)
        return ew_fail(reason, errno == ENOSPC ? EW_E_FULL : EW_E_IO, "file.io", folder, "can't be made: %s",
                       strerror(errno));
    (void)stat(archive, &st);
    enum ew_err err = backup_unpack(archive, folder, passphrase, &progress, &content, reason);
    backup_sum(&content.manifest_text, sum);
    if (err == EW_OK && job->kind == KIND_RESTORE && strcmp(sum, job->sum) != 0)
        err = ew_fail(reason, EW_E_STALE, "backup.other", "",
                      "this is another backup than the one that was shown; look at it again");
    if (err == EW_OK) {
        note_backup(job, &content.manifest, sum, st.st_size);
        note_changes(job, &content);
    }
    backup_content_done(&content);
    if (err != EW_OK || job->kind == KIND_CHECK)
        backup_remove_tree(folder);
    return err;
}

static int run(struct job *job)
{
    struct ew_reason reason;
    char passphrase[BACKUP_PASSPHRASE_MAX] = "";
    ew_reason_clear(&reason);
    enum ew_err lock = backup_lock(job->data, /* tidy= */ true, &reason);
    struct ew_reason second;
    enum ew_err err = read_request(job, lock == EW_OK ? &reason : &second); // config waits for it to go
    if (err == EW_E_UNKNOWN)
        return 0;
    if (err == EW_OK)
        err = lock;
    if (err == EW_OK)
        err = read_passphrase(job, passphrase, &reason);
    const char *given = passphrase[0] ? passphrase : NULL;
    if (err == EW_OK)
        err = job->kind == KIND_MAKE ? make(job, given, &reason) : stage(job, given, &reason);
    sodium_memzero(passphrase, sizeof(passphrase));
    if (err == EW_OK && job->kind == KIND_RESTORE) {
        on_progress(job, "replacing", 0);
        ew_notice("backup", "checked whole, replacing what is here");
        return BACKUP_STAGED;
    }
    job->percent = 100;
    finish(job, err, &reason);
    return 0;
}

static enum ew_err replace_all(const struct job *job, const char *folder, struct ew_reason *reason)
{
    char site[PATH_MAX];
    ew_path(site, folder, "site.json");
    enum ew_err err = backup_lock(job->data, /* tidy= */ false, reason);
    if (err == EW_OK)
        err = backup_lock_services(job->data, job->supervised, reason);
    if (err == EW_OK && backup_stage(job->data) == BACKUP_CUT_OFF)
        err = backup_undo(job->data, reason);
    if (err == EW_OK && !ew_file_exists(site))
        err = ew_fail(reason, EW_E_UNKNOWN, "file.io", folder, "does not exist");
    return err == EW_OK ? backup_swap(folder, job->data, reason) : err;
}

static int swap(const struct job *job)
{
    struct ew_reason reason;
    char folder[PATH_MAX], upload[PATH_MAX];
    ew_reason_clear(&reason);
    ew_path(folder, job->data, "restore.new");
    ew_path(upload, job->data, "upload/database.zip");
    enum ew_err err = replace_all(job, folder, &reason);
    bool trial = err == EW_OK && backup_stage(job->data) == BACKUP_ON_TRIAL;
    // What could not be said is said at the next start, which sees by this folder how it ended.
    if (trial ? backup_state_proving(job->data)
              : backup_state_restored(job->data, err == EW_OK ? NULL : &reason))
        backup_remove_tree(folder);
    if (err == EW_OK)
        (void)unlink(upload);
    if (err == EW_OK)
        ew_notice("backup", trial ? "put in place, what was there before is kept until it has proven itself"
                                  : "restored");
    else
        ew_log_reason(EW_LOG_ERROR, "backup", &reason);
    // What could not be undone must not be started on.
    return backup_stage(job->data) == BACKUP_CUT_OFF ? 1 : 0;
}

// What came of the trial, as whoever started the services saw it.
static int judge(const struct job *job)
{
    struct ew_reason reason;
    ew_reason_clear(&reason);
    enum ew_err err = backup_lock_wait(job->data, LOCK_WAIT_MS, &reason);
    if (err == EW_OK && job->back)
        err = backup_lock_services(job->data, job->supervised, &reason);
    if (err == EW_OK)
        err = job->back ? backup_trial_back(job->data, job->back, job->why, &reason)
                        : backup_trial_keep(job->data, &reason);
    if (err == EW_OK)
        return 0;
    ew_log_reason(EW_LOG_ERROR, "backup", &reason);
    return 1;
}

static int usage(void)
{
    fprintf(stderr, "Usage: edgewatt backup-job --data DIR [--swap | --keep | --back SERVICE [--why TEXT]] "
                    "[--supervised]\n"
                    "What the page Server configuration asked for; run by edgewatt run or its unit.\n");
    return 2;
}

static bool take(struct job *job, int option)
{
    switch (option) {
    case 'd':
        job->data = optarg;
        return true;
    case 's':
        return job->swap = true;
    case 'k':
        return job->keep = true;
    case 'b':
        job->back = optarg;
        return true;
    case 'w':
        job->why = optarg;
        return true;
    case 'u':
        return job->supervised = true;
    default:
        return false;
    }
}

int backup_job_main(int argc, char **argv)
{
    static const struct option names[] = {{"data", required_argument, NULL, 'd'},
                                          {"swap", no_argument, NULL, 's'},
                                          {"keep", no_argument, NULL, 'k'},
                                          {"back", required_argument, NULL, 'b'},
                                          {"why", required_argument, NULL, 'w'},
                                          {"supervised", no_argument, NULL, 'u'},
                                          {NULL, 0, NULL, 0}};
    static struct job job = {.step = "starting", .why = ""};
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
        if (!take(&job, option))
            return usage();
    if (!job.data || !job.data[0] || optind < argc || job.swap + job.keep + (job.back != NULL) > 1)
        return usage();
    ew_log_init("backup", EW_LOG_INFO);
    if (sodium_init() < 0)
        return 1;
    if (job.keep || job.back)
        return judge(&job);
    if (job.swap)
        return swap(&job);
    (void)!nice(NICE); // polling and charging come first
    int code = run(&job);
    cJSON_Delete(job.backup);
    cJSON_Delete(job.changes);
    return code;
}
