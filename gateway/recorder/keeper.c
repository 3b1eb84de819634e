#include "recorder/keeper.h"

#include "base/clock.h"
#include "base/file.h"
#include "recorder/sampler_priv.h"
#include "store/samefile.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COUNTERS_DAYS = 3653, // ten years at the sampling interval
    GAUGES_DAYS = 396,    // 13 months
    GAUGES_DAYS_MIN = 31, // a budget does not take the last month
    ASIDE_DAYS = 366,
    BACKUP_HOUR = 2,
    BACKUP_PAGES = 400,    // a second: 1.6 MB, so that polling boxes with slow cards stay quick
    ROOM_BYTES = 64 << 20, // left on the disk beside a backup
    RETRY_S = 3600
};

enum backup_state { BACKUP_NONE, BACKUP_RUNNING, BACKUP_DONE, BACKUP_FAILED };

struct keeper {
    struct store *store;
    const struct sampler *sampler;
    char folder[PATH_MAX], path[PATH_MAX], part[PATH_MAX];
    int64_t budget_bytes;
    // Backup
    enum backup_state state;
    sqlite3 *copy;
    sqlite3_backup *backup;
    int64_t backup_at_s; // of the newest whole one, 0 = none
    int64_t backup_bytes, next_try_s;
    struct ew_reason backup_reason;
    // Retention: a day at a time
    int64_t swept_day; // the day on which all that is too old was gone
};

// ---- Small things ----------------------------------------------------------------------------------------

static enum ew_err number(struct keeper *k, const char *sql, int64_t *ret, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(k->store, sql);
    int code = sqlite3_step(q);
    *ret = code == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_reset(q);
    return code == SQLITE_ROW || code == SQLITE_DONE ? EW_OK : store_fail(k->store, reason);
}

static void look_for_backup(struct keeper *k)
{
    struct stat st;
    if (stat(k->path, &st) != 0)
        return;
    k->state = BACKUP_DONE;
    k->backup_at_s = st.st_mtim.tv_sec;
    k->backup_bytes = st.st_size;
}

struct keeper *keeper_new(struct store *store, const struct sampler *sampler, const char *data_dir)
{
    struct keeper *k = calloc(1, sizeof(*k));
    if (!k)
        abort();
    k->store = store;
    k->sampler = sampler;
    k->swept_day = -1;
    (void)ew_format(k->folder, sizeof(k->folder), "%s/backup", data_dir);
    (void)ew_format(k->path, sizeof(k->path), "%s/backup/history.db", data_dir);
    (void)ew_format(k->part, sizeof(k->part), "%s/backup/history.db.new", data_dir);
    look_for_backup(k);
    return k;
}

static void give_up_part(struct keeper *k)
{
    if (k->backup)
        sqlite3_backup_finish(k->backup);
    if (k->copy)
        sqlite3_close(k->copy);
    k->backup = NULL;
    k->copy = NULL;
}

void keeper_free(struct keeper *k)
{
    if (!k)
        return;
    if (k->state == BACKUP_RUNNING)
        give_up_part(k); // what was copied so far is not copied again
    free(k);
}

void keeper_budget(struct keeper *k, int64_t bytes)
{
    k->budget_bytes = bytes;
}

// ---- Backup ----------------------------------------------------------------------------------------------

static enum ew_err backup_failed(struct keeper *k, int64_t wall_s, const char *code, const char *why,
                                 struct ew_reason *reason)
{
    give_up_part(k);
    (void)unlink(k->part);
    k->state = BACKUP_FAILED;
    k->next_try_s = wall_s + RETRY_S;
    ew_reason_clear(&k->backup_reason);
    (void)ew_fail(&k->backup_reason, EW_E_IO, code, k->path, "the backup of the history was not made: %s",
                  why);
    ew_reason_param(&k->backup_reason, "why", "%s", why);
    *reason = k->backup_reason;
    return EW_E_IO;
}

static int64_t part_bytes(const struct keeper *k)
{
    struct stat st;
    return stat(k->part, &st) == 0 ? st.st_size : 0;
}

// What the night before last left is brought up to date: only pages that differ are written. It is a copy of
// a database with a log beside it, which is said in two bytes of its head; it itself is to have none.
static bool prepare_part(const struct keeper *k)
{
    static const char no_log[] = {1, 1};
    int fd = open(k->part, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT;
    bool done = pwrite(fd, no_log, sizeof(no_log), 18) == (ssize_t)sizeof(no_log);
    return close(fd) == 0 && done;
}

static bool open_part(struct keeper *k)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    // A copy that is cut off is made anew, so no journal of it is kept, and it is synchronised at its end.
    static const char *const plain = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF";
    return samefile_register() && prepare_part(k) &&
           sqlite3_open_v2(k->part, &k->copy, flags, SAMEFILE_VFS) == SQLITE_OK &&
           sqlite3_exec(k->copy, plain, NULL, NULL, NULL) == SQLITE_OK &&
           (k->backup = sqlite3_backup_init(k->copy, "main", store_db(k->store), "main")) != NULL;
}

static enum ew_err start_backup(struct keeper *k, int64_t wall_s, struct ew_reason *reason)
{
    int64_t room = store_free_bytes(k->store), size = store_size_bytes(k->store);
    if (room >= 0 && room + part_bytes(k) < size + ROOM_BYTES)
        return backup_failed(k, wall_s, "backup.no_room", "there is not enough room on the disk", reason);
    if (ew_dir_make(k->folder, 0700, reason) != EW_OK)
        return backup_failed(k, wall_s, "backup.failed", reason->text, reason);
    bool open = open_part(k);
    if (!open) { // a half one, or no database at all: from nothing
        give_up_part(k);
        (void)unlink(k->part);
        open = open_part(k);
    }
    if (!open)
        return backup_failed(k, wall_s, "backup.failed", sqlite3_errmsg(k->copy), reason);
    k->state = BACKUP_RUNNING;
    return EW_OK;
}

// The copy becomes the backup when it is whole and on the disk: before that, the old one stands.
static enum ew_err end_backup(struct keeper *k, int64_t wall_s, struct ew_reason *reason)
{
    int code = sqlite3_backup_finish(k->backup);
    k->backup = NULL;
    if (code != SQLITE_OK)
        return backup_failed(k, wall_s, "backup.failed", sqlite3_errmsg(k->copy), reason);
    code = sqlite3_close(k->copy);
    k->copy = NULL;
    FILE *whole = code == SQLITE_OK ? fopen(k->part, "r+be") : NULL;
    bool kept = whole && fsync(fileno(whole)) == 0;
    if (whole)
        (void)fclose(whole);
    // The one before goes on as the next copy.
    bool exchanged = kept && renameat2(AT_FDCWD, k->part, AT_FDCWD, k->path, RENAME_EXCHANGE) == 0;
    if (!kept || (!exchanged && rename(k->part, k->path) != 0))
        return backup_failed(k, wall_s, "backup.failed", "the file could not be put in its place", reason);
    look_for_backup(k);
    k->backup_at_s = wall_s;
    return EW_OK;
}

static enum ew_err step_backup(struct keeper *k, int64_t wall_s, struct ew_reason *reason)
{
    int code = sqlite3_backup_step(k->backup, BACKUP_PAGES);
    if (code == SQLITE_DONE)
        return end_backup(k, wall_s, reason);
    if (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED)
        return EW_OK;
    return backup_failed(k, wall_s, "backup.failed", sqlite3_errstr(code), reason);
}

// Each night, and as soon as there is a night missing.
static bool backup_due(const struct keeper *k, const struct calendar_zone *zone, int64_t wall_s)
{
    if (sampler_last_s(k->sampler) == 0 || wall_s < k->next_try_s)
        return false;
    struct calendar_local now = calendar_local(zone, wall_s), then = calendar_local(zone, k->backup_at_s);
    int64_t days = calendar_days(now.date) - calendar_days(then.date);
    return k->backup_at_s == 0 || days > 1 || (days == 1 && now.hour >= BACKUP_HOUR);
}

// ---- What is too old -------------------------------------------------------------------------------------

static enum ew_err drop_day(struct keeper *k, const char *sql, int64_t before_day, bool *ret_any,
                            struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(k->store, sql);
    sqlite3_bind_int64(q, 1, before_day << SAMPLER_SERIES_BITS);
    enum ew_err err = store_execute(k->store, q, reason);
    *ret_any = err == EW_OK && sqlite3_changes(store_db(k->store)) > 0;
    return err;
}

static enum ew_err drop_gauges(struct keeper *k, int64_t before_day, bool *ret_any, struct ew_reason *reason)
{
    return drop_day(
        k,
        "DELETE FROM gauge_day WHERE key < ?1 AND key < (((SELECT min(key) FROM gauge_day) >> 20) + "
        "1) << 20",
        before_day, ret_any, reason);
}

static enum ew_err over_budget(struct keeper *k, bool *ret, struct ew_reason *reason)
{
    int64_t used = 0;
    enum ew_err err = EW_OK;
    if (k->budget_bytes > 0)
        err = number(k,
                     "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, "
                     "pragma_freelist_count, pragma_page_size",
                     &used, reason);
    *ret = err == EW_OK && k->budget_bytes > 0 && used > k->budget_bytes;
    return err;
}

// The oldest day that is too old, one at each call; *ret_any false: there is none left.
static enum ew_err sweep(struct keeper *k, int64_t today, bool *ret_any, struct ew_reason *reason)
{
    bool over = false;
    enum ew_err err = drop_gauges(k, today - GAUGES_DAYS, ret_any, reason);
    if (err == EW_OK && !*ret_any)
        err =
            drop_day(k,
                     "DELETE FROM counter_day WHERE key < ?1 AND key < (((SELECT min(key) FROM counter_day) "
                     ">> 20) + 1) << 20",
                     today - COUNTERS_DAYS, ret_any, reason);
    if (err == EW_OK && !*ret_any)
        err = drop_day(k, "DELETE FROM set_aside WHERE since < (?1 >> 20) * 86400", today - ASIDE_DAYS,
                       ret_any, reason);
    if (err == EW_OK && !*ret_any)
        err = over_budget(k, &over, reason);
    if (err == EW_OK && over)
        err = drop_gauges(k, today - GAUGES_DAYS_MIN, ret_any, reason);
    return err;
}

// ---- The tick --------------------------------------------------------------------------------------------

enum ew_err keeper_tick(struct keeper *k, const struct calendar_zone *zone, int64_t wall_s,
                        struct ew_reason *reason)
{
    int64_t today = wall_s / SAMPLER_DAY_S;
    bool any = false;
    enum ew_err err = EW_OK;
    if (k->state == BACKUP_RUNNING)
        return step_backup(k, wall_s, reason);
    if (k->swept_day != today) {
        err = sweep(k, today, &any, reason);
        if (err == EW_OK && !any)
            k->swept_day = today;
        return err;
    }
    return backup_due(k, zone, wall_s) ? start_backup(k, wall_s, reason) : EW_OK;
}

void keeper_health(const struct keeper *k, struct ew_jw *w)
{
    static const char *const states[] = {"none", "running", "done", "failed"};
    ew_jw_open_object(w, "backup");
    ew_jw_text(w, "state", states[k->state]);
    if (k->backup_at_s > 0)
        ew_jw_rfc3339(w, "at", k->backup_at_s * 1000);
    else
        ew_jw_null(w, "at");
    ew_jw_int(w, "bytes", k->backup_bytes);
    if (k->state == BACKUP_FAILED)
        ew_jw_reason(w, "reason", &k->backup_reason);
    ew_jw_close_object(w);
}
