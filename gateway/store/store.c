#include "store/store.h"

#include "base/buf.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { STATEMENTS_MAX = 192, MIGRATION_FILE_MAX = 64 << 10, BUSY_MS = 5000, CHECK_BYTES_MAX = 64 << 20 };

struct store {
    sqlite3 *db;
    char path[PATH_MAX];
    bool checked;
    char damage[160]; // what was found; "" = nothing yet
    int statement_count;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } statements[STATEMENTS_MAX];
};

bool store_checked(const struct store *store)
{
    return store->checked;
}

const char *store_damage(const struct store *store)
{
    return store->damage[0] ? store->damage : NULL;
}

sqlite3 *store_db(struct store *store)
{
    return store->db;
}

// errno of the last call that failed on the database's log, else on the database itself.
static int io_errno(struct store *store)
{
    static const int files[] = {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER};
    int errnum = 0;
    for (int i = 0; i < 2 && errnum == 0; i++) {
        sqlite3_file *file = NULL;
        if (sqlite3_file_control(store->db, "main", files[i], &file) == SQLITE_OK && file && file->pMethods)
            (void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &errnum);
    }
    return errnum;
}

static enum ew_err fail_read_only(const struct store *store, const char *why, struct ew_reason *reason)
{
    return ew_fail(reason, EW_E_DENIED, "store.read_only", store->path, "the database can't be written: %s",
                   why);
}

enum ew_err store_fail(struct store *store, struct ew_reason *reason)
{
    int code = sqlite3_extended_errcode(store->db);
    const char *why = sqlite3_errmsg(store->db);
    switch (code & 0xFF) {
    case SQLITE_FULL:
        return ew_fail(reason, EW_E_FULL, "store.full", store->path, "the disk is full");
    case SQLITE_READONLY:
        return fail_read_only(store, why, reason);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        ew_copy(store->damage, sizeof(store->damage), why);
        return ew_fail(reason, EW_E_IO, "store.damaged", store->path, "the database is damaged: %s", why);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ew_fail(reason, EW_E_BUSY, "store.busy", store->path, "another program holds the database");
    case SQLITE_IOERR:
        // A disk that the kernel made read-only because it fails; a user's share of one that is used up.
        if (io_errno(store) == EROFS)
            return fail_read_only(store, "the disk has become read-only", reason);
        if (io_errno(store) == EDQUOT)
            return ew_fail(reason, EW_E_FULL, "store.full", store->path, "the disk is full");
        return ew_fail(reason, EW_E_IO, "store.io", store->path, "%s (%d)", why, code);
    default:
        return ew_fail(reason, EW_E_IO, "store.io", store->path, "%s (%d)", why, code);
    }
}

static enum ew_err execute_text(struct store *store, const char *sql, struct ew_reason *reason)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? EW_OK : store_fail(store, reason);
}

static enum ew_err read_number(struct store *store, const char *sql, int64_t *ret, struct ew_reason *reason)
{
    sqlite3_stmt *statement = NULL;
    enum ew_err err = EW_OK;
    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        err = store_fail(store, reason);
    else
        *ret = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return err;
}

static enum ew_err check_integrity(struct store *store, struct ew_reason *reason)
{
    sqlite3_stmt *statement = NULL;
    enum ew_err err = EW_OK;
    store->checked = store_size_bytes(store) <= CHECK_BYTES_MAX;
    if (!store->checked)
        return EW_OK;
    if (sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        err = store_fail(store, reason);
    else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
        err = ew_fail(reason, EW_E_IO, "store.damaged", store->path, "the database is damaged: %s",
                      (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return err;
}

// ---- Migrations ------------------------------------------------------------------------------------------

struct migration {
    int number;
    char file[256];
};

static int by_number(const void *a, const void *b)
{
    return ((const struct migration *)a)->number - ((const struct migration *)b)->number;
}

// Lists the migrations of a folder in order; they must be numbered 1, 2, 3 ... without a hole.
static enum ew_err list_migrations(const char *dir, struct migration *list, int max, int *ret_count,
                                   struct ew_reason *reason)
{
    DIR *folder = opendir(dir);
    if (!folder)
        return ew_fail(reason, EW_E_UNKNOWN, "file.io", dir, "can't be opened: %s", strerror(errno));
    int count = 0;
    for (struct dirent *entry = readdir(folder); entry && count < max; entry = readdir(folder)) {
        const char *dot = strrchr(entry->d_name, '.');
        char *end = NULL;
        long number = strtol(entry->d_name, &end, 10);
        if (!dot || strcmp(dot, ".sql") != 0 || end != entry->d_name + 4 || *end != '_')
            continue;
        list[count].number = (int)number;
        ew_copy(list[count].file, sizeof(list[count].file), entry->d_name);
        count++;
    }
    closedir(folder);
    qsort(list, (size_t)count, sizeof(*list), by_number);
    for (int i = 0; i < count; i++)
        if (list[i].number != i + 1)
            return ew_fail(reason, EW_E_INVALID, "store.migrations", dir, "migration %04d is missing", i + 1);
    *ret_count = count;
    return EW_OK;
}

static enum ew_err copy_before_migrating(struct store *store, int64_t version, struct ew_reason *reason)
{
    char copy[PATH_MAX];
    if (ew_format(copy, sizeof(copy), "%s.v%lld", store->path, (long long)version) != EW_OK)
        return ew_fail(reason, EW_E_TOO_LARGE, "file.path", store->path, "the path is too long");
    sqlite3 *target = NULL;
    enum ew_err err = EW_OK;
    if (sqlite3_open(copy, &target) != SQLITE_OK) {
        err = ew_fail(reason, EW_E_IO, "store.io", copy, "the copy before migrating can't be made: %s",
                      sqlite3_errmsg(target));
    } else {
        sqlite3_backup *backup = sqlite3_backup_init(target, "main", store->db, "main");
        int code = backup ? sqlite3_backup_step(backup, -1) : SQLITE_ERROR;
        if (backup)
            sqlite3_backup_finish(backup);
        if (code != SQLITE_DONE)
            err = ew_fail(reason, EW_E_IO, "store.io", copy, "the copy before migrating can't be made: %s",
                          sqlite3_errmsg(target));
    }
    sqlite3_close(target);
    return err;
}

static enum ew_err apply(struct store *store, const char *dir, const struct migration *migration,
                         struct ew_reason *reason)
{
    char path[PATH_MAX], version[64];
    struct ew_buf text;
    ew_buf_init(&text, MIGRATION_FILE_MAX);
    enum ew_err err = ew_format(path, sizeof(path), "%s/%s", dir, migration->file);
    if (err == EW_OK)
        err = ew_file_read(path, MIGRATION_FILE_MAX, &text, reason);
    if (err == EW_OK)
        err = store_begin(store, reason);
    if (err == EW_OK) {
        (void)ew_format(version, sizeof(version), "PRAGMA user_version = %d", migration->number);
        err = execute_text(store, ew_buf_text(&text), reason);
        if (err == EW_OK)
            err = execute_text(store, version, reason);
        if (err == EW_OK)
            err = store_commit(store, reason);
        else
            store_rollback(store);
    }
    ew_buf_done(&text);
    return err;
}

static enum ew_err migrate(struct store *store, const char *dir, struct ew_reason *reason)
{
    struct migration list[256];
    int count = 0;
    int64_t version = 0;
    enum ew_err err = list_migrations(dir, list, 256, &count, reason);
    if (err == EW_OK)
        err = read_number(store, "PRAGMA user_version", &version, reason);
    if (err != EW_OK)
        return err;
    if (version > count)
        return ew_fail(
            reason, EW_E_UNSUPPORTED, "store.newer", store->path,
            "the database was written by a newer version (%lld, this one knows %d); nothing was touched",
            (long long)version, count);
    if (version > 0 && version < count)
        err = copy_before_migrating(store, version, reason);
    for (int i = (int)version; i < count && err == EW_OK; i++)
        err = apply(store, dir, &list[i], reason);
    return err;
}

// ---- Opening and closing ---------------------------------------------------------------------------------

enum ew_err store_open(const char *path, const char *migrations_dir, struct store **ret,
                       struct ew_reason *reason)
{
    struct store *store = calloc(1, sizeof(*store));
    if (!store)
        abort();
    ew_copy(store->path, sizeof(store->path), path);
    enum ew_err err = EW_OK;
    if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        err = store_fail(store, reason);
    else
        sqlite3_busy_timeout(store->db, BUSY_MS);
    // WAL with FULL: a commit is on the disk when it returns; auto-checkpoints at 256 pages keep the log near
    // 1 MiB.
    static const char *const pragmas =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
        "PRAGMA wal_autocheckpoint = 256; PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY;"
        "PRAGMA trusted_schema = OFF";
    if (err == EW_OK)
        err = execute_text(store, pragmas, reason);
    if (err == EW_OK)
        err = check_integrity(store, reason);
    if (err == EW_OK)
        err = migrate(store, migrations_dir, reason);
    if (err != EW_OK) {
        store_close(store);
        return err;
    }
    *ret = store;
    return EW_OK;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    for (int i = 0; i < store->statement_count; i++)
        sqlite3_finalize(store->statements[i].statement);
    sqlite3_close(store->db);
    free(store);
}

// ---- Statements ------------------------------------------------------------------------------------------

sqlite3_stmt *store_statement(struct store *store, const char *sql)
{
    for (int i = 0; i < store->statement_count; i++)
        if (store->statements[i].sql == sql) {
            sqlite3_reset(store->statements[i].statement);
            sqlite3_clear_bindings(store->statements[i].statement);
            return store->statements[i].statement;
        }
    sqlite3_stmt *statement = NULL;
    if (store->statement_count == STATEMENTS_MAX ||
        sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
        fprintf(stderr, "<3>store: %s: %s\n", sqlite3_errmsg(store->db), sql);
        abort();
    }
    store->statements[store->statement_count].sql = sql;
    store->statements[store->statement_count++].statement = statement;
    return statement;
}

enum ew_err store_execute(struct store *store, sqlite3_stmt *statement, struct ew_reason *reason)
{
    int code = sqlite3_step(statement);
    enum ew_err err = code == SQLITE_DONE || code == SQLITE_ROW ? EW_OK : store_fail(store, reason);
    sqlite3_reset(statement);
    return err;
}

enum ew_err store_begin(struct store *store, struct ew_reason *reason)
{
    return execute_text(store, "BEGIN IMMEDIATE", reason);
}

enum ew_err store_commit(struct store *store, struct ew_reason *reason)
{
    enum ew_err err = execute_text(store, "COMMIT", reason);
    if (err != EW_OK)
        store_rollback(store);
    return err;
}

void store_rollback(struct store *store)
{
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL); // fails only when it was rolled back already
}

// ---- Sizes -----------------------------------------------------------------------------------------------

int64_t store_size_bytes(const struct store *store)
{
    char wal[PATH_MAX];
    struct stat st;
    if (stat(store->path, &st) != 0)
        return -1;
    int64_t size = st.st_size;
    if (ew_format(wal, sizeof(wal), "%s-wal", store->path) == EW_OK && stat(wal, &st) == 0)
        size += st.st_size;
    return size;
}

int64_t store_free_bytes(const struct store *store)
{
    struct statvfs st;
    return statvfs(store->path, &st) == 0 ? (int64_t)st.f_bavail * (int64_t)st.f_frsize : -1;
}
