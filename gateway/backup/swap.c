// Puts new files in the place of old ones, all or none. Old ones are moved to restore.old/ below the data
// folder, under their place in a list that is on the disk before the first of them is touched: an attempt
// that was cut off, by a power cut too, is undone from it. The list is what decides: as long as it is there
// without a "trial" beside it the old site is the one. With it the new one is complete and has to prove
// itself (trial.c); from the moment the list is removed the new one stands for good.
#include "backup/backup_priv.h"

#include "base/file.h"
#include "service/paths.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TARGETS_MAX = 128, LIST_MAX = 64 << 10 };

struct swap {
    char old[PATH_MAX]; // folder restore.old
    int count;
    bool full;                                  // there are more targets than room
    char targets[TARGETS_MAX][BACKUP_NAME_MAX]; // below the data folder
    bool existed[TARGETS_MAX];
};

static enum ew_err fail(const char *path, struct ew_reason *reason)
{
    return ew_fail(reason, errno == ENOSPC ? EW_E_FULL : EW_E_IO, "file.io", path, "can't be replaced: %s",
                   strerror(errno));
}

static bool sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && syncfs(fd) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

static void kept_path(const struct swap *s, int i, char dst[PATH_MAX])
{
    char name[16];
    (void)ew_format(name, sizeof(name), "%d", i);
    ew_path(dst, s->old, name);
}

// ---- The list --------------------------------------------------------------------------------------------

static enum ew_err write_list(const struct swap *s, struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct ew_buf text;
    ew_path(path, s->old, "list");
    ew_buf_init(&text, LIST_MAX);
    for (int i = 0; i < s->count; i++)
        ew_buf_printf(&text, "%c %s\n", s->existed[i] ? '+' : '-', s->targets[i]);
    enum ew_err err = ew_file_write(path, ew_buf_text(&text), text.len, 0600, reason);
    ew_buf_done(&text);
    return err;
}

static enum ew_err read_list(struct swap *s, struct ew_reason *reason)
{
    char path[PATH_MAX];
    ew_path(path, s->old, "list");
    FILE *file = fopen(path, "re");
    char mark, name[BACKUP_NAME_MAX];
    if (!file)
        return fail(path, reason);
    while (s->count < TARGETS_MAX && fscanf(file, "%c %127[^\n]\n", &mark, name) == 2) {
        ew_copy(s->targets[s->count], BACKUP_NAME_MAX, name);
        s->existed[s->count++] = mark == '+';
    }
    bool bad = ferror(file);
    fclose(file);
    return bad ? fail(path, reason) : EW_OK;
}

// Nothing is undone any more; what was kept may go once the disk knows that.
static enum ew_err forget_list(const struct swap *s, const char *data_dir, struct ew_reason *reason)
{
    char path[PATH_MAX];
    ew_path(path, s->old, "list");
    if (unlink(path) != 0 && errno != ENOENT)
        return fail(path, reason);
    if (sync_folder(data_dir))
        backup_remove_tree(s->old);
    return EW_OK;
}

// What was moved goes back; what came where nothing was goes away. Can itself be cut off and done again.
static enum ew_err undo(const struct swap *s, const char *data_dir, struct ew_reason *reason)
{
    for (int i = s->count - 1; i >= 0; i--) {
        char kept[PATH_MAX], target[PATH_MAX];
        kept_path(s, i, kept);
        ew_path(target, data_dir, s->targets[i]);
        if (s->existed[i] && !ew_file_exists(kept))
            continue; // was not moved yet, or is back
        backup_remove_tree(target);
        if (ew_file_exists(target) || (s->existed[i] && rename(kept, target) != 0))
            return fail(target, reason);
    }
    // What is left of the new site would pass for one that was taken: backup_settle().
    char staged[PATH_MAX];
    ew_path(staged, data_dir, "restore.new");
    backup_remove_tree(staged);
    return sync_folder(data_dir) ? forget_list(s, data_dir, reason) : fail(data_dir, reason);
}

enum backup_stage backup_stage(const char *data_dir)
{
    char list[PATH_MAX], trial[PATH_MAX];
    ew_path(list, data_dir, "restore.old/list");
    ew_path(trial, data_dir, BACKUP_TRIAL);
    if (ew_file_exists(list))
        return ew_file_exists(trial) ? BACKUP_ON_TRIAL : BACKUP_CUT_OFF;
    return ew_file_exists(trial) ? BACKUP_PROVEN : BACKUP_NONE;
}

enum ew_err backup_undo(const char *data_dir, struct ew_reason *reason)
{
    struct swap s = {0};
    char trial[PATH_MAX];
    ew_path(s.old, data_dir, "restore.old");
    ew_path(trial, data_dir, BACKUP_TRIAL);
    enum ew_err err = read_list(&s, reason);
    // First it is no trial any more: a mix of both must never be started on.
    if (err == EW_OK && unlink(trial) != 0 && errno != ENOENT)
        err = fail(trial, reason);
    if (err == EW_OK && !sync_folder(data_dir))
        err = fail(data_dir, reason);
    return err == EW_OK ? undo(&s, data_dir, reason) : err;
}

enum ew_err backup_keep(const char *data_dir, struct ew_reason *reason)
{
    char list[PATH_MAX];
    ew_path(list, data_dir, "restore.old/list");
    if (unlink(list) != 0 && errno != ENOENT)
        return fail(list, reason);
    return sync_folder(data_dir) ? EW_OK : fail(data_dir, reason);
}

void backup_forget(const char *data_dir)
{
    char old[PATH_MAX];
    ew_path(old, data_dir, "restore.old");
    backup_remove_tree(old);
}

// ---- Doing it --------------------------------------------------------------------------------------------

static void add(struct swap *s, const char *data_dir, const char *name)
{
    char path[PATH_MAX];
    s->full = s->full || s->count == TARGETS_MAX;
    if (s->full)
        return;
    ew_path(path, data_dir, name);
    s->existed[s->count] = ew_file_exists(path);
    ew_copy(s->targets[s->count++], BACKUP_NAME_MAX, name);
}

static void list_targets(struct swap *s, const char *from, const char *data_dir)
{
    char path[PATH_MAX];
    add(s, data_dir, "site.json"); // first: had_site()
    add(s, data_dir, "profiles");
    ew_path(path, from, BACKUP_MEMORY);
    if (ew_file_exists(path) ||
        !backup_same_site(from, data_dir)) // of other stations: goes without a successor
        add(s, data_dir, BACKUP_MEMORY);
    ew_path(path, from, "history.db");
    if (ew_file_exists(path)) {
        add(s, data_dir, "history.db");
        add(s, data_dir, "history.db-wal"); // of the old one: goes without a successor
        add(s, data_dir, "history.db-shm");
    }
    ew_path(path, from, "secrets");
    DIR *dir = opendir(path);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        char name[BACKUP_NAME_MAX];
        if (entry->d_name[0] != '.' && ew_format(name, sizeof(name), "secrets/%s", entry->d_name) == EW_OK)
            add(s, data_dir, name);
    }
    if (dir)
        closedir(dir);
}

static void give_tree(const char *path, uid_t user, gid_t group)
{
    DIR *dir = opendir(path);
    (void)!lchown(path, user, group);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir))
        if (entry->d_name[0] != '.')
            (void)!fchownat(dirfd(dir), entry->d_name, user, group, AT_SYMLINK_NOFOLLOW);
    if (dir)
        closedir(dir);
}

// Under systemd each service owns its files; broker and secrets are given to theirs at the next start. A
// file keeps the rights that its predecessor had.
static void give(const char *path, const char *name, const struct stat *before)
{
    const char *user = strcmp(name, "history.db") == 0    ? "edgewatt-recorder"
                       : strcmp(name, BACKUP_MEMORY) == 0 ? "edgewatt-controller"
                                                          : "edgewatt-config";
    const struct passwd *owner = geteuid() == 0 ? getpwnam(user) : NULL;
    if (S_ISREG(before->st_mode))
        (void)!chmod(path, before->st_mode & 0777);
    if (geteuid() == 0 && before->st_nlink > 0)
        give_tree(path, before->st_uid, before->st_gid);
    else if (owner && strncmp(name, "secrets/", 8) != 0)
        give_tree(path, owner->pw_uid, owner->pw_gid);
}

static enum ew_err replace(const struct swap *s, int i, const char *from, const char *data_dir,
                           struct ew_reason *reason)
{
    char kept[PATH_MAX], target[PATH_MAX], fresh[PATH_MAX];
    struct stat before = {0};
    kept_path(s, i, kept);
    ew_path(target, data_dir, s->targets[i]);
    ew_path(fresh, from, s->targets[i]);
    (void)lstat(target, &before);
    if (s->existed[i] && rename(target, kept) != 0)
        return fail(target, reason);
    if (!ew_file_exists(fresh))
        return EW_OK;
    if (rename(fresh, target) != 0)
        return fail(target, reason);
    give(target, s->targets[i], &before);
    return EW_OK;
}

// A folder that had no site has nothing to go back to.
static bool had_site(const struct swap *s)
{
    return s->count > 0 && s->existed[0];
}

static enum ew_err prepare(struct swap *s, const char *from, const char *data_dir, struct ew_reason *reason)
{
    char secrets[PATH_MAX];
    ew_path(s->old, data_dir, "restore.old");
    ew_path(secrets, data_dir, "secrets");
    list_targets(s, from, data_dir);
    if (s->full)
        return ew_fail(reason, EW_E_TOO_LARGE, "backup.file", from, "there are too many files");
    enum ew_err err = ew_dir_make(s->old, 0700, reason);
    if (err == EW_OK)
        err = ew_dir_make(secrets, 0700, reason);
    if (err == EW_OK)
        err = write_list(s, reason);
    return err == EW_OK && !sync_folder(data_dir) ? fail(data_dir, reason) : err;
}

enum ew_err backup_swap(const char *from, const char *data_dir, struct ew_reason *reason)
{
    struct swap s = {0};
    // Over one that has not proven itself: what would be gone back to is the site before that.
    enum ew_err err = backup_stage(data_dir) == BACKUP_ON_TRIAL ? backup_undo(data_dir, reason) : EW_OK;
    if (err == EW_OK)
        err = backup_memory_merge(from, data_dir, reason);
    if (err == EW_OK)
        err = prepare(&s, from, data_dir, reason);
    for (int i = 0; i < s.count && err == EW_OK; i++)
        err = replace(&s, i, from, data_dir, reason);
    if (err == EW_OK && !sync_folder(data_dir))
        err = fail(data_dir, reason);
    if (err == EW_OK)
        err = had_site(&s) ? backup_trial_begin(data_dir, reason) : forget_list(&s, data_dir, reason);
    struct ew_reason second;
    if (err != EW_OK && backup_stage(data_dir) == BACKUP_CUT_OFF && undo(&s, data_dir, &second) != EW_OK)
        *reason = second;
    return err;
}
