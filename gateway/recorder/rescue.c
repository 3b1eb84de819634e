#include "recorder/rescue.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

struct files {
    char database[PATH_MAX], damaged[PATH_MAX], backup[PATH_MAX], part[PATH_MAX], mark[PATH_MAX];
};

static void name_files(const char *data_dir, struct files *f)
{
    (void)ew_format(f->database, sizeof(f->database), "%s/history.db", data_dir);
    (void)ew_format(f->damaged, sizeof(f->damaged), "%s/history.db.damaged", data_dir);
    (void)ew_format(f->backup, sizeof(f->backup), "%s/backup/history.db", data_dir);
    (void)ew_format(f->mark, sizeof(f->mark), "%s/history.db.check", data_dir);
    (void)ew_format(f->part, sizeof(f->part), "%s/history.db.part", data_dir);
}

// The log of a damaged database goes with it: without it the file alone may be of another time.
static bool put_beside(const struct files *f)
{
    static const char *const suffixes[] = {"-wal", "-shm"};
    for (size_t i = 0; i < 2; i++) {
        char from[PATH_MAX], to[PATH_MAX];
        if (ew_format(from, sizeof(from), "%s%s", f->database, suffixes[i]) != EW_OK ||
            ew_format(to, sizeof(to), "%s%s", f->damaged, suffixes[i]) != EW_OK)
            return false;
        if (rename(from, to) != 0 && errno != ENOENT)
            return false;
    }
    return rename(f->database, f->damaged) == 0;
}

static bool copy_whole(int from, int to)
{
    struct stat st;
    if (fstat(from, &st) != 0)
        return false;
    for (off_t left = st.st_size; left > 0;) {
        ssize_t n = sendfile(to, from, NULL, left < (1 << 20) ? (size_t)left : 1U << 20);
        if (n <= 0)
            return false;
        left -= n;
    }
    return fsync(to) == 0;
}

// The backup stays where it is; a copy of it becomes the database.
static bool put_back(const struct files *f)
{
    int from = open(f->backup, O_RDONLY | O_CLOEXEC);
    int to = from < 0 ? -1 : open(f->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool whole = to >= 0 && copy_whole(from, to);
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    if (whole && rename(f->part, f->database) == 0)
        return true;
    (void)unlink(f->part);
    return false;
}

static void tell_restored(const struct files *f, struct ew_reason *event)
{
    struct stat st = {0};
    char stamp[EW_RFC3339_MAX] = "";
    if (stat(f->backup, &st) == 0)
        ew_rfc3339_format((int64_t)st.st_mtim.tv_sec * 1000, stamp);
    (void)ew_fail(event, EW_E_IO, "history.restored", f->damaged,
                  "the history was damaged: its backup of %s goes on, the damaged one is kept", stamp);
    ew_reason_param(event, "at", "%s", stamp);
}

static enum ew_err open_anew(const struct files *f, const char *migrations_dir, struct store **ret,
                             struct ew_reason *event, struct ew_reason *reason)
{
    if (put_back(f)) {
        enum ew_err err = store_open(f->database, migrations_dir, ret, reason);
        if (err == EW_OK) {
            tell_restored(f, event);
            return EW_OK;
        }
        ew_warning("recorder", "%s: %s, going on without it", f->backup, reason->text);
        (void)unlink(f->database);
    }
    enum ew_err err = store_open(f->database, migrations_dir, ret, reason);
    if (err == EW_OK)
        (void)ew_fail(
            event, EW_E_IO, "history.begun_anew", f->damaged,
            "the history was damaged and there is no backup of it: a new one is begun, the damaged one "
            "is kept");
    return err;
}

enum ew_err rescue_open(const char *data_dir, const char *migrations_dir, struct store **ret,
                        struct ew_reason *event, struct ew_reason *reason)
{
    struct files f;
    name_files(data_dir, &f);
    ew_reason_clear(event);
    ew_reason_clear(reason);
    bool marked = access(f.mark, F_OK) == 0;
    if (marked && put_beside(&f)) {
        (void)unlink(f.mark);
        return open_anew(&f, migrations_dir, ret, event, reason);
    }
    enum ew_err err = store_open(f.database, migrations_dir, ret, reason);
    if (err == EW_OK || strcmp(reason->code, "store.damaged") != 0)
        return err;
    ew_error("recorder", "%s: %s", reason->path, reason->text);
    return put_beside(&f) ? open_anew(&f, migrations_dir, ret, event, reason) : err;
}

void rescue_mark(const char *data_dir)
{
    struct files f;
    struct ew_reason reason;
    name_files(data_dir, &f);
    if (ew_file_write(f.mark, "", 0, 0600, &reason) != EW_OK)
        ew_warning("recorder", "%s: %s, ignoring", reason.path, reason.text);
}
