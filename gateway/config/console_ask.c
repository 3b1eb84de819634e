#include "config/console_ask.h"

#include "base/clock.h"
#include "base/file.h"
#include "config/console_job.h"
#include "config/site_store.h"
#include "service/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_STEPS = 100, WAIT_STEP_MS = 50, ANSWER_S = 10 };

int console_lock(const char *data_dir)
{
    char path[PATH_MAX];
    ew_path(path, data_dir, "run");
    if (ew_dir_make(path, 0700, NULL) != EW_OK)
        return -1;
    ew_path(path, data_dir, "run/config.lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

// ---- While config runs -----------------------------------------------------------------------------------

static int dial(const char *data_dir)
{
    char folder[PATH_MAX];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ew_path(folder, data_dir, "run");
    int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)ew_format(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/config.sock", dir);
    bool good = dir >= 0 && fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    if (dir >= 0)
        close(dir);
    if (good)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static enum ew_err read_line(int fd, struct ew_buf *line, struct ew_reason *reason)
{
    char block[4096];
    ssize_t n;
    while ((n = recv(fd, block, sizeof(block), 0)) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0)
            ew_buf_add(line, block, (size_t)n);
        if (line->full)
            return ew_fail(reason, EW_E_TOO_LARGE, "console.answer", "", "the gateway's answer is too large");
        if (line->len && line->data[line->len - 1] == '\n')
            return EW_OK;
    }
    return ew_fail(reason, EW_E_TIMEOUT, "console.answer", "", "the gateway did not answer");
}

static enum ew_err read_error(const cJSON *error, struct ew_reason *reason)
{
    const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "code"));
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "text"));
    return ew_fail(reason, EW_E_REFUSED, code ? code : "console.answer", "", "%s", text ? text : "refused");
}

static enum ew_err ask_running(int fd, const struct ew_buf *request, cJSON **ret_result,
                               struct ew_reason *reason)
{
    struct ew_buf line;
    cJSON *answer = NULL;
    struct timeval patience = {.tv_sec = ANSWER_S};
    ew_buf_init(&line, CONSOLE_TEXT_MAX);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    enum ew_err err = EW_OK;
    if (send(fd, request->data, request->len, MSG_NOSIGNAL) != (ssize_t)request->len ||
        send(fd, "\n", 1, MSG_NOSIGNAL) != 1)
        err = ew_fail(reason, EW_E_IO, "console.answer", "", "the gateway closed the connection");
    if (err == EW_OK)
        err = read_line(fd, &line, reason);
    if (err == EW_OK)
        err = ew_json_parse(line.data, line.len, CONSOLE_TEXT_MAX, &answer, reason);
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error");
    if (err == EW_OK && error)
        err = read_error(error, reason);
    if (err == EW_OK)
        *ret_result = cJSON_DetachItemFromObjectCaseSensitive(answer, "result");
    cJSON_Delete(answer);
    if (line.data)
        secret_wipe(line.data, line.cap);
    ew_buf_done(&line);
    return err;
}

// ---- While config is stopped -----------------------------------------------------------------------------

static enum ew_err open_store(const char *data_dir, struct accounts *accounts, struct ew_reason *reason)
{
    struct secret_account own;
    char path[PATH_MAX];
    ew_path(path, data_dir, "secrets");
    enum ew_err err = ew_dir_make(path, 0700, reason);
    if (err == EW_OK)
        err = secret_account_ensure(data_dir, "config", &own, reason);
    secret_wipe(&own, sizeof(own));
    if (err == EW_OK)
        err = accounts_load(data_dir, ew_clock_up_ms(), accounts, reason);
    if (err == EW_OK && accounts->fresh)
        accounts_add_defaults(accounts);
    return err;
}

static enum ew_err run_here(struct accounts *accounts, const struct access_rights *rights,
                            const struct ew_buf *request, cJSON **ret_result, struct ew_reason *reason)
{
    struct console_effect effect;
    struct ew_buf text;
    cJSON *tree = NULL;
    ew_buf_init(&text, CONSOLE_TEXT_MAX);
    enum ew_err err = ew_json_parse(request->data, request->len, CONSOLE_TEXT_MAX, &tree, reason);
    if (err == EW_OK)
        err = console_job(accounts, rights, tree, ew_clock_wall_ms(), &text, &effect, reason);
    if (err == EW_OK && effect.what == CONSOLE_USER_RESET)
        for (int i = accounts->session_count - 1; i >= 0; i--)
            if (accounts->sessions[i].user == effect.user)
                accounts_session_end(accounts, &accounts->sessions[i]);
    if (err == EW_OK)
        err = accounts_save(accounts, reason);
    if (err == EW_OK)
        err = ew_json_parse(text.data, text.len, CONSOLE_TEXT_MAX, ret_result, reason);
    cJSON_Delete(tree);
    secret_wipe(&effect, sizeof(effect));
    if (text.data)
        secret_wipe(text.data, text.cap);
    ew_buf_done(&text);
    return err;
}

static enum ew_err ask_files(const char *data_dir, const struct ew_buf *request, cJSON **ret_result,
                             struct ew_reason *reason)
{
    struct accounts *accounts = calloc(1, sizeof(*accounts));
    struct rights_files files = {.services = NULL};
    char share[PATH_MAX];
    if (!accounts)
        abort();
    enum ew_err err = ew_share_dir(share, reason);
    if (err == EW_OK)
        err = rights_load(share, "", &files, reason);
    if (err == EW_OK)
        err = open_store(data_dir, accounts, reason);
    if (err == EW_OK)
        err = run_here(accounts, &files.rights, request, ret_result, reason);
    rights_done(&files);
    accounts_wipe(accounts);
    free(accounts);
    return err;
}

enum ew_err console_ask(const char *data_dir, const struct ew_buf *request, cJSON **ret_result,
                        struct ew_reason *reason)
{
    umask(077);
    secret_start();
    // Config may be just starting or stopping: neither its door nor the lock is free then, for a moment.
    for (int step = 0; step < WAIT_STEPS; step++) {
        int fd = dial(data_dir);
        if (fd >= 0) {
            enum ew_err err = ask_running(fd, request, ret_result, reason);
            close(fd);
            return err;
        }
        int lock = console_lock(data_dir);
        if (lock >= 0) {
            enum ew_err err = ask_files(data_dir, request, ret_result, reason);
            close(lock);
            return err;
        }
        nanosleep(&(struct timespec){.tv_nsec = WAIT_STEP_MS * 1000000L}, NULL);
    }
    return ew_fail(reason, EW_E_TIMEOUT, "console.busy", "",
                   "the gateway is running but does not let the console in; try as root or as its user");
}
