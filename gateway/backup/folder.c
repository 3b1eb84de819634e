#include "backup/backup_priv.h"

#include "base/file.h"
#include "service/paths.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_STEP_MS = 100 };

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void backup_remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

// Held until the process ends. An existing file first: in a folder that others write to, too, the kernel
// refuses to "create" a file of somebody else.
static enum ew_err lock_file(const char *data_dir, const char *name, struct ew_reason *reason)
{
    char path[PATH_MAX];
    ew_path(path, data_dir, name);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return EW_OK;
    int problem = errno;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && problem == EWOULDBLOCK)
        return EW_E_BUSY;
    return ew_fail(reason, EW_E_IO, "file.io", path, "can't be locked: %s", strerror(problem));
}

static enum ew_err make_run(const char *data_dir, struct ew_reason *reason)
{
    char path[PATH_MAX];
    ew_path(path, data_dir, "run");
    return ew_dir_make(path, 0700, reason);
}

// "backup.Xy12ab", "restore.Xy12ab" and "restore.new".
static bool left_over(const char *name)
{
    bool ours = strncmp(name, "backup.", 7) == 0 || strncmp(name, "restore.", 8) == 0;
    return ours && (strlen(strchr(name, '.')) == 7 || strcmp(name, "restore.new") == 0);
}

static void remove_left_over(const char *data_dir)
{
    DIR *dir = opendir(data_dir);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        char path[PATH_MAX];
        ew_path(path, data_dir, entry->d_name);
        if (left_over(entry->d_name))
            backup_remove_tree(path);
    }
    if (dir)
        closedir(dir);
}

enum ew_err backup_lock(const char *data_dir, bool tidy, struct ew_reason *reason)
{
    enum ew_err err = make_run(data_dir, reason);
    if (err == EW_OK)
        err = lock_file(data_dir, "run/backup.lock", reason);
    if (err == EW_E_BUSY)
        (void)ew_fail(reason, EW_E_BUSY, "backup.busy", data_dir,
                      "another backup or restore is under way; wait for its end");
    if (err == EW_OK && tidy)
        remove_left_over(data_dir);
    return err;
}

enum ew_err backup_lock_wait(const char *data_dir, int wait_ms, struct ew_reason *reason)
{
    enum ew_err err = backup_lock(data_dir, /* tidy= */ false, reason);
    for (int waited_ms = 0; err == EW_E_BUSY && waited_ms < wait_ms; waited_ms += LOCK_STEP_MS) {
        nanosleep(&(struct timespec){.tv_nsec = LOCK_STEP_MS * 1000000L}, NULL);
        err = backup_lock(data_dir, /* tidy= */ false, reason);
    }
    return err;
}

// Both a supervisor and a service of its own hold one of them.
enum ew_err backup_lock_services(const char *data_dir, bool supervised, struct ew_reason *reason)
{
    enum ew_err err = make_run(data_dir, reason);
    if (err == EW_OK && !supervised)
        err = lock_file(data_dir, "run/lock", reason);
    if (err == EW_OK)
        err = lock_file(data_dir, "run/config.lock", reason);
    if (err == EW_E_BUSY)
        (void)ew_fail(reason, err, "backup.running", data_dir,
                      "the gateway runs on this folder; stop it first");
    return err;
}

int backup_newest_history(void)
{
    char share[PATH_MAX], path[PATH_MAX];
    struct ew_reason reason;
    int newest = 0;
    if (ew_share_dir(share, &reason) != EW_OK)
        return 0;
    ew_path(path, share, "migrations");
    DIR *dir = opendir(path);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        int number = (int)strtol(entry->d_name, NULL, 10);
        newest = number > newest ? number : newest;
    }
    if (dir)
        closedir(dir);
    return newest;
}
