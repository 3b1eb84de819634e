// call/<account>/config/backup: what the page Server configuration asks for (SYS-08). The work is done by
// `edgewatt backup-job`, which edgewatt run or its unit starts: config leaves run/job/request.json, tells
// edgewatt run, and reads in run/job/state.json how far it is. The passphrase waits in a pipe: it is on no
// disk, in no command line and in no log.
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "config/config_priv.h"
#include "core/access/access.h"
#include "service/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STATE_MAX = 64 << 10,
    PASSPHRASE_MAX = 512,
    PASSPHRASE_MIN = 8,
    SUM_SIZE = 65,
    LOOK_MS = 500,
    CALL_MS = 4000,
    CSV_MS = 120000,      // what the recorder may take to write the export tree
    TAKEN_MS = 10000,     // within this somebody has taken the request
    REPLACING_MS = 60000, // from "checked whole" to our own end
    ANSWER_MAX = 128 << 10
};

enum action { ACTION_STATUS, ACTION_MAKE, ACTION_CHECK, ACTION_RESTORE };

struct wanted {
    int action;
    bool history, upload;
    char passphrase[PASSPHRASE_MAX], sum[SUM_SIZE];
};

struct backup_call {
    struct config *config;
    struct ew_timer timer;
    cJSON *request; // waits for the export tree; NULL = none
    int64_t csv_until_ms, asked_ms;
    int pipe;  // -1 = none
    bool told; // what came of a restore before our start
};

static void path_of(const struct backup_call *b, const char *name, char dst[PATH_MAX])
{
    char folder[PATH_MAX];
    ew_path(folder, b->config->service->data_dir, "run/job");
    ew_path(dst, folder, name);
}

// ---- The state -------------------------------------------------------------------------------------------

// NULL = nothing was ever done.
static cJSON *read_state(const struct backup_call *b)
{
    char path[PATH_MAX];
    struct ew_buf text;
    cJSON *tree = NULL;
    path_of(b, "state.json", path);
    ew_buf_init(&text, STATE_MAX);
    if (ew_file_read(path, STATE_MAX, &text, NULL) == EW_OK)
        (void)!ew_json_parse(ew_buf_text(&text), text.len, STATE_MAX, &tree, NULL);
    ew_buf_done(&text);
    return tree;
}

static enum ew_err write_file(const struct backup_call *b, const char *name, const cJSON *tree,
                              struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct ew_buf text;
    struct ew_jw w;
    path_of(b, name, path);
    ew_buf_init(&text, STATE_MAX);
    ew_jw_init(&w, &text);
    ew_jw_tree(&w, NULL, tree);
    enum ew_err err = ew_file_write(path, ew_buf_text(&text), text.len, 0600, reason);
    ew_buf_done(&text);
    return err;
}

static void add(cJSON *object, const char *key, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    if (!value || !cJSON_AddItemToObject(object, key, value))
        abort();
}

static bool is_true(const cJSON *object, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? text : "";
}

static void finish(struct backup_call *b, cJSON *state, const struct ew_reason *why)
{
    struct ew_buf text;
    struct ew_jw w;
    struct ew_reason reason;
    ew_buf_init(&text, STATE_MAX);
    ew_jw_init(&w, &text);
    ew_jw_open_object(&w, NULL);
    ew_jw_rfc3339(&w, "at", ew_clock_wall_ms());
    ew_jw_reason(&w, "reason", why);
    ew_jw_close_object(&w);
    cJSON *end = cJSON_Parse(ew_buf_text(&text));
    ew_buf_done(&text);
    add(state, "done", cJSON_CreateTrue());
    add(state, "at", cJSON_DetachItemFromObjectCaseSensitive(end, "at"));
    add(state, "reason", cJSON_DetachItemFromObjectCaseSensitive(end, "reason"));
    cJSON_Delete(end);
    ew_log_reason(EW_LOG_WARNING, "backup", why);
    if (write_file(b, "state.json", state, &reason) != EW_OK)
        ew_log_reason(EW_LOG_ERROR, "backup", &reason);
}

static void close_pipe(struct backup_call *b)
{
    char path[PATH_MAX];
    path_of(b, "passphrase", path);
    if (b->pipe >= 0)
        close(b->pipe);
    b->pipe = -1;
    (void)unlink(path);
}

static bool lock_held(const struct backup_call *b)
{
    char path[PATH_MAX];
    ew_path(path, b->config->service->data_dir, "run/backup.lock");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return held;
}

// Whether the state is final; one that will not become so by itself is ended in words.
static bool settle(struct backup_call *b, cJSON *state)
{
    char request[PATH_MAX], old[PATH_MAX];
    struct ew_reason why;
    int64_t waited_ms = ew_loop_now_ms(b->config->service->loop) - b->asked_ms;
    if (is_true(state, "done") || b->request)
        return !b->request;
    path_of(b, "request.json", request);
    ew_path(old, b->config->service->data_dir, "restore.old");
    ew_reason_clear(&why);
    if (ew_file_exists(old))
        return false; // whoever started us judges whether all run on what was restored
    if (ew_file_exists(request)) {
        if (b->asked_ms && waited_ms < TAKEN_MS)
            return false;
        (void)unlink(request);
        (void)ew_fail(&why, EW_E_TIMEOUT, "backup.nobody", "",
                      "nobody took the request: edgewatt run or edgewatt-job.path must be running");
    } else if (lock_held(b) || (strcmp(text_of(state, "step"), "replacing") == 0 && b->asked_ms &&
                                waited_ms < REPLACING_MS)) {
        if (lock_held(b))
            b->asked_ms = ew_loop_now_ms(b->config->service->loop);
        return false;
    } else {
        (void)ew_fail(&why, EW_E_CLOSED, "backup.cut_off", "",
                      "the work ended before it was done; everything is as it was before");
    }
    finish(b, state, &why);
    return true;
}

// ---- Asking for it ---------------------------------------------------------------------------------------

static enum ew_err open_pipe(struct backup_call *b, const char *passphrase, struct ew_reason *reason)
{
    char path[PATH_MAX], line[PASSPHRASE_MAX + 1];
    path_of(b, "passphrase", path);
    close_pipe(b);
    if (mkfifo(path, 0600) == 0)
        b->pipe = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    int len = snprintf(line, sizeof(line), "%s\n", passphrase);
    bool done = b->pipe >= 0 && write(b->pipe, line, (size_t)len) == len;
    explicit_bzero(line, sizeof(line));
    return done ? EW_OK : ew_fail(reason, EW_E_IO, "file.io", path, "can't be written: %s", strerror(errno));
}

static void launch(struct backup_call *b)
{
    struct ew_reason reason;
    cJSON *request = b->request;
    b->request = NULL;
    b->asked_ms = ew_loop_now_ms(b->config->service->loop);
    ew_reason_clear(&reason);
    if (write_file(b, "request.json", request, &reason) == EW_OK) {
        ew_service_notify(b->config->service, "EDGEWATT_JOB=1");
    } else {
        cJSON *state = read_state(b);
        finish(b, state, &reason);
        cJSON_Delete(state);
    }
    cJSON_Delete(request);
}

static void on_export(void *user, const cJSON *result, const struct ew_reason *reason)
{
    struct backup_call *b = ((struct config *)user)->backup;
    if (!b || !b->request)
        return; // we are ending
    bool running = result && strcmp(text_of(result, "state"), "running") == 0;
    if (reason)
        ew_warning("backup", "the export tree was not written: %s, going on", reason->text);
    if (!running || ew_loop_now_ms(b->config->service->loop) >= b->csv_until_ms)
        launch(b);
    // else the timer asks again
}

static void ask_export(struct backup_call *b, const char *action)
{
    struct ew_buf args;
    ew_buf_init(&args, 64);
    ew_buf_printf(&args, "{\"action\":\"%s\"}", action);
    mq_call(b->config->service->mq, "recorder", "export", &args, CALL_MS, on_export, b->config);
    ew_buf_done(&args);
}

// What came of a restore is told by the config that it started: the journal of before may have gone with it.
static void tell(struct backup_call *b, cJSON *state)
{
    struct ew_reason reason;
    if (strcmp(text_of(state, "kind"), "restore") != 0 || !is_true(state, "done") || is_true(state, "told"))
        return;
    const char *code = text_of(cJSON_GetObjectItemCaseSensitive(state, "reason"), "code");
    bool back = strcmp(code, "backup.unproven") == 0 || strcmp(code, "backup.never_ran") == 0;
    if (!code[0] || back)
        publish_audit(b->config, "config", text_of(state, "by"), back ? "restore_undone" : "restored", NULL);
    add(state, "told", cJSON_CreateTrue());
    if (write_file(b, "state.json", state, &reason) != EW_OK)
        ew_log_reason(EW_LOG_WARNING, "backup", &reason);
}

static void on_timer(struct ew_timer *timer, int64_t now_ms)
{
    struct backup_call *b = timer->user;
    cJSON *state = read_state(b);
    bool done = !state || settle(b, state);
    if (state && done)
        tell(b, state);
    cJSON_Delete(state);
    if (done)
        close_pipe(b);
    else
        ew_loop_timer_set(b->config->service->loop, timer, now_ms + LOOK_MS);
    if (b->request)
        ask_export(b, "status");
}

static const char *const kinds[] = {"status", "make", "check", "restore", NULL};

static cJSON *request_tree(const struct wanted *wanted, const char *by)
{
    cJSON *o = cJSON_CreateObject();
    bool good = cJSON_AddStringToObject(o, "kind", kinds[wanted->action]) &&
                cJSON_AddBoolToObject(o, "history", wanted->history) &&
                cJSON_AddBoolToObject(o, "secrets", wanted->passphrase[0] != 0) &&
                cJSON_AddBoolToObject(o, "upload", wanted->upload) &&
                cJSON_AddStringToObject(o, "sum", wanted->sum) && cJSON_AddStringToObject(o, "by", by);
    if (!good)
        abort();
    return o;
}

static enum ew_err write_first_state(struct backup_call *b, const struct wanted *wanted, const char *by,
                                     struct ew_reason *reason)
{
    cJSON *state = cJSON_CreateObject();
    bool good = cJSON_AddStringToObject(state, "kind", kinds[wanted->action]) &&
                cJSON_AddBoolToObject(state, "done", false) &&
                cJSON_AddStringToObject(state, "step", wanted->action == ACTION_MAKE ? "csv" : "starting") &&
                cJSON_AddNumberToObject(state, "percent", 0) && cJSON_AddStringToObject(state, "by", by);
    if (!good)
        abort();
    enum ew_err err = write_file(b, "state.json", state, reason);
    cJSON_Delete(state);
    return err;
}

static enum ew_err begin(struct backup_call *b, const struct wanted *wanted,
                         const struct config_caller *caller, struct ew_reason *reason)
{
    char folder[PATH_MAX];
    const char *by = caller->user[0] ? caller->user : caller->account;
    int64_t now_ms = ew_loop_now_ms(b->config->service->loop);
    cJSON *state = read_state(b);
    bool busy = state && !settle(b, state); // a command at the console is noticed by the job itself
    cJSON_Delete(state);
    if (busy)
        return ew_fail(reason, EW_E_BUSY, "backup.busy", "",
                       "another backup or restore is under way; wait for its end");
    ew_path(folder, b->config->service->data_dir, "run/job");
    enum ew_err err = ew_dir_make(folder, 0700, reason);
    if (err == EW_OK && wanted->passphrase[0])
        err = open_pipe(b, wanted->passphrase, reason);
    if (err == EW_OK)
        err = write_first_state(b, wanted, by, reason);
    if (err != EW_OK)
        return err;
    b->request = request_tree(wanted, by);
    b->csv_until_ms = now_ms + CSV_MS;
    ew_notice("backup", "%s asked for by %s", kinds[wanted->action], by);
    if (wanted->action != ACTION_CHECK)
        publish_audit(b->config, caller->account, caller->user,
                      wanted->action == ACTION_MAKE ? "backup" : "restore", NULL);
    if (wanted->action == ACTION_MAKE)
        ask_export(b, "write");
    else
        launch(b);
    ew_loop_timer_set(b->config->service->loop, &b->timer, now_ms + LOOK_MS);
    return EW_OK;
}

// ---- The call --------------------------------------------------------------------------------------------

static void read_wanted(struct ew_json *o, struct wanted *wanted)
{
    ew_json_enum(o, "action", EW_REQUIRED, kinds, &wanted->action);
    ew_json_bool(o, "history", EW_OPTIONAL, &wanted->history);
    ew_json_bool(o, "upload", EW_OPTIONAL, &wanted->upload);
    ew_json_text(o, "passphrase", EW_OPTIONAL, 0, sizeof(wanted->passphrase), wanted->passphrase);
    ew_json_text(o, "sum", wanted->action == ACTION_RESTORE ? EW_REQUIRED : EW_OPTIONAL, 0,
                 sizeof(wanted->sum), wanted->sum);
    size_t len = strlen(wanted->passphrase);
    if (o->err == EW_OK && len > 0 && len < PASSPHRASE_MIN)
        ew_json_fail(o, "passphrase", "backup.short", "a passphrase of at least %d characters is needed",
                     PASSPHRASE_MIN);
    if (o->err == EW_OK && strpbrk(wanted->passphrase, "\r\n"))
        ew_json_fail(o, "passphrase", "backup.line", "a passphrase is one line");
}

static void write_archive(const struct backup_call *b, const char *key, const char *name, struct ew_jw *w)
{
    char path[PATH_MAX];
    struct stat st;
    ew_path(path, b->config->service->data_dir, name);
    if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        ew_jw_null(w, key);
        return;
    }
    ew_jw_open_object(w, key);
    ew_jw_int(w, "bytes", st.st_size);
    ew_jw_rfc3339(w, "at", (int64_t)st.st_mtim.tv_sec * 1000);
    ew_jw_close_object(w);
}

static void answer(struct backup_call *b, struct mq_request *request)
{
    struct ew_buf text;
    struct ew_jw w;
    cJSON *state = read_state(b);
    bool running = state && !settle(b, state);
    ew_buf_init(&text, ANSWER_MAX);
    ew_jw_init(&w, &text);
    ew_jw_open_object(&w, NULL);
    ew_jw_bool(&w, "running", running);
    if (state)
        ew_jw_tree(&w, "last", state);
    else
        ew_jw_null(&w, "last");
    write_archive(b, "export", "export/database.zip", &w);
    write_archive(b, "upload", "upload/database.zip", &w);
    ew_jw_close_object(&w);
    mq_answer(request, &text);
    cJSON_Delete(state);
    ew_buf_done(&text);
}

static void on_call(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct backup_call *b = user;
    struct config_caller caller;
    struct wanted wanted = {.history = true};
    struct ew_reason reason;
    struct ew_json o;
    if (!config_may(b->config, request, ACCESS_SERVER, &caller))
        return;
    ew_reason_clear(&reason);
    ew_json_open(&o, args, "", &reason);
    read_wanted(&o, &wanted);
    enum ew_err err = ew_json_close(&o);
    if (err == EW_OK && wanted.action != ACTION_STATUS)
        err = begin(b, &wanted, &caller, &reason);
    explicit_bzero(wanted.passphrase, sizeof(wanted.passphrase));
    if (err == EW_OK)
        answer(b, request);
    else
        mq_answer_error(request, &reason);
}

// ---- Life ------------------------------------------------------------------------------------------------

void backup_call_connected(struct config *config)
{
    struct backup_call *b = config->backup;
    cJSON *state = b->told ? NULL : read_state(b);
    b->told = true;
    if (state && is_true(state, "done"))
        tell(b, state);
    else if (state) // it may be on trial
        ew_loop_timer_set(config->service->loop, &b->timer, ew_loop_now_ms(config->service->loop) + LOOK_MS);
    cJSON_Delete(state);
}

void backup_call_start(struct config *config)
{
    struct backup_call *b = calloc(1, sizeof(*b));
    if (!b)
        abort();
    b->config = config;
    b->pipe = -1;
    b->timer = (struct ew_timer){.fn = on_timer, .user = b};
    close_pipe(b); // of one before us
    config->backup = b;
    mq_serve(config->service->mq, "config", "backup", on_call, b);
}

void backup_call_stop(struct config *config)
{
    struct backup_call *b = config->backup;
    if (!b)
        return;
    config->backup = NULL;
    ew_loop_timer_clear(config->service->loop, &b->timer);
    close_pipe(b);
    cJSON_Delete(b->request);
    b->request = NULL;
    free(b);
}
