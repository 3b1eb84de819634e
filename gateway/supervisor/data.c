// The data folder: made, locked against a second run, given its site file at the first start.
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "supervisor/supervisor_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_WAIT_MS = 5000, LOCK_STEP_MS = 20 };

void supervisor_path(const struct supervisor *s, const char *file, char dst[PATH_MAX])
{
    if (ew_format(dst, PATH_MAX, "%s/%s", s->data_dir, file) != EW_OK)
        abort();
}

enum ew_err supervisor_open_data(struct supervisor *s, struct ew_reason *reason)
{
    enum ew_err err = ew_dir_make(s->options.data, 0700, reason);
    if (err != EW_OK)
        return err;
    char resolved[PATH_MAX];
    if (!realpath(s->options.data, resolved))
        return ew_fail(reason, EW_E_IO, "file.io", s->options.data, "can't be resolved: %s", strerror(errno));
    // Room for the longest name below it, so that paths are never cut later.
    if (strlen(resolved) > PATH_MAX - 256)
        return ew_fail(reason, EW_E_TOO_LARGE, "file.path", s->options.data, "the path is too long");
    ew_copy(s->data_dir, sizeof(s->data_dir), resolved);
    struct stat st;
    if (stat(resolved, &st) == 0 && (st.st_mode & 077))
        ew_warning("data",
                   "%s is open to other users of this machine (mode %03o), going on; chmod 700 closes it",
                   resolved, (unsigned)(st.st_mode & 0777));
    char run[PATH_MAX];
    supervisor_path(s, "run", run);
    return ew_dir_make(run, 0700, reason);
}

static pid_t pid_in_lock(int fd)
{
    char text[16] = "";
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static enum ew_err refuse_second(const struct supervisor *s, pid_t other, struct ew_reason *reason)
{
    return ew_fail(
        reason, EW_E_BUSY, "run.second", s->data_dir,
        "another edgewatt run (process %d) works with this data folder; end it first, or give another "
        "folder with --data",
        (int)other);
}

// The children hold the lock too (they inherit it), so a lock without a living owner means that the last
// children of a run that was killed are just dying: worth a short wait.
enum ew_err supervisor_lock(struct supervisor *s, struct ew_reason *reason)
{
    char path[PATH_MAX];
    supervisor_path(s, "run/lock", path);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (s->lock_fd < 0)
        return ew_fail(reason, EW_E_IO, "file.io", path, "can't be opened: %s", strerror(errno));
    for (int waited_ms = 0; flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0; waited_ms += LOCK_STEP_MS) {
        pid_t other = pid_in_lock(s->lock_fd);
        if (errno != EWOULDBLOCK)
            return ew_fail(reason, EW_E_IO, "file.io", path, "can't be locked: %s", strerror(errno));
        if ((other > 0 && kill(other, 0) == 0) || waited_ms >= LOCK_WAIT_MS)
            return refuse_second(s, other, reason);
        nanosleep(&(struct timespec){.tv_nsec = LOCK_STEP_MS * 1000000L}, NULL);
    }
    char text[16];
    (void)ew_format(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(s->lock_fd, 0) != 0 || pwrite(s->lock_fd, text, strlen(text), 0) != (ssize_t)strlen(text))
        return ew_fail(reason, EW_E_IO, "file.io", path, "can't be written: %s", strerror(errno));
    return EW_OK;
}

enum ew_err supervisor_recover(struct supervisor *s, struct ew_reason *reason)
{
    static const char *const traces[] = {"restore.old", "restore.new"};
    const char *const args[] = {"restore", "--recover", "--data", s->data_dir, NULL};
    for (size_t i = 0; i < sizeof(traces) / sizeof(traces[0]); i++) {
        char path[PATH_MAX];
        supervisor_path(s, traces[i], path);
        if (ew_file_exists(path) && supervisor_run_command(args) != 0)
            return ew_fail(reason, EW_E_IO, "backup.unfinished", path,
                           "a restore was cut off and can't be undone");
    }
    return EW_OK;
}

static enum ew_err read_tree(const char *path, struct ew_buf *text, cJSON **ret_tree,
                             struct ew_reason *reason)
{
    ew_buf_init(text, EW_SITE_FILE_MAX);
    enum ew_err err = ew_file_read(path, EW_SITE_FILE_MAX, text, reason);
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(text), text->len, EW_SITE_FILE_MAX, ret_tree, reason);
    if (err != EW_OK && reason->path[0] == 0)
        ew_copy(reason->path, sizeof(reason->path), path);
    return err;
}

// What the gateway itself counts on while it runs does not make it another site.
static bool same_site(const char *a_path, const char *b_path)
{
    struct ew_buf a_text, b_text;
    cJSON *a = NULL, *b = NULL;
    struct ew_reason ignored;
    bool read = read_tree(a_path, &a_text, &a, &ignored) == EW_OK;
    read = read_tree(b_path, &b_text, &b, &ignored) == EW_OK && read;
    static const char *const counters[] = {"rev", "next_id"};
    for (size_t i = 0; read && i < sizeof(counters) / sizeof(counters[0]); i++) {
        cJSON_DeleteItemFromObjectCaseSensitive(a, counters[i]);
        cJSON_DeleteItemFromObjectCaseSensitive(b, counters[i]);
    }
    bool same = read && cJSON_Compare(a, b, /* case_sensitive= */ true);
    cJSON_Delete(a);
    cJSON_Delete(b);
    ew_buf_done(&a_text);
    ew_buf_done(&b_text);
    return same;
}

static enum ew_err copy_site(const struct supervisor *s, const char *from, const char *to,
                             struct ew_reason *reason)
{
    // The data folder may hold profiles of its own, put there before the first start.
    const char *const check[] = {"check", "--data", s->data_dir, from, NULL};
    if (supervisor_run_command(check) != 0)
        return ew_fail(reason, EW_E_INVALID, "run.site", from, "the site file is refused, see above");
    struct ew_buf text;
    ew_buf_init(&text, EW_SITE_FILE_MAX);
    enum ew_err err = ew_file_read(from, EW_SITE_FILE_MAX, &text, reason);
    if (err == EW_OK)
        err = ew_file_write(to, text.data, text.len, 0600, reason);
    ew_buf_done(&text);
    if (err == EW_OK)
        ew_notice("data", "site file copied from=%s to=%s", from, to);
    return err;
}

enum ew_err supervisor_import_site(struct supervisor *s, struct ew_reason *reason)
{
    char own[PATH_MAX];
    supervisor_path(s, "site.json", own);
    const char *given = s->options.site;
    if (ew_file_exists(own)) {
        if (given && !same_site(given, own))
            ew_warning(
                "data",
                "%s is there already and differs from %s, keeping it: what was changed since the first "
                "start is in it. For a fresh start from the other file use another data folder",
                own, given);
        return EW_OK;
    }
    if (!given) {
        ew_notice("data", "no site file was given, beginning with a new, empty site");
        return EW_OK; // broker-files makes it
    }
    return copy_site(s, given, own, reason);
}

enum ew_err supervisor_read_base(struct supervisor *s, struct ew_reason *reason)
{
    char path[PATH_MAX];
    supervisor_path(s, "run/broker.json", path);
    struct ew_buf text;
    cJSON *tree = NULL;
    enum ew_err err = read_tree(path, &text, &tree, reason);
    const char *base = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "base"));
    if (err == EW_OK && (!base || ew_format(s->base, sizeof(s->base), "%s", base) != EW_OK))
        err = ew_fail(reason, EW_E_INVALID, "run.base", path, "/base is missing");
    cJSON_Delete(tree);
    ew_buf_done(&text);
    return err;
}
