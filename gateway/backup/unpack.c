// Takes an archive apart into a folder of its own and checks every byte of it before anybody else looks.
#include "backup/backup_priv.h"

#include "base/file.h"
#include "core/site/site.h"
#include "service/paths.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static enum ew_err damaged(const char *name, const char *what, struct ew_reason *reason)
{
    enum ew_err err =
        ew_fail(reason, EW_E_INVALID, "backup.damaged", name, "the backup is damaged: %s", what);
    ew_reason_param(reason, "file", "%s", name);
    return err;
}

static zip_file_t *open_entry(zip_t *zip, const char *name, int64_t max, int64_t *ret_size)
{
    zip_stat_t st;
    zip_stat_init(&st);
    if (zip_stat(zip, name, ZIP_FL_ENC_UTF_8, &st) != 0 || !(st.valid & ZIP_STAT_SIZE) ||
        st.size > (zip_uint64_t)max ||
        ((st.valid & ZIP_STAT_ENCRYPTION_METHOD) && st.encryption_method != ZIP_EM_NONE))
        return NULL;
    *ret_size = (int64_t)st.size;
    return zip_fopen(zip, name, ZIP_FL_ENC_UTF_8);
}

static enum ew_err read_entry(zip_t *zip, const char *name, int64_t max, struct ew_buf *out,
                              struct ew_reason *reason)
{
    char block[8192];
    int64_t size = 0, got;
    zip_file_t *file = open_entry(zip, name, max, &size);
    if (!file)
        return damaged(name, "a file is missing or too large", reason);
    while ((got = zip_fread(file, block, sizeof(block))) > 0 && !out->full)
        ew_buf_add(out, block, (size_t)got);
    if (zip_fclose(file) != 0 || got < 0 || out->full || (int64_t)out->len != size)
        return damaged(name, "a file can't be read", reason);
    return EW_OK;
}

static enum ew_err not_written(const char *path, struct ew_reason *reason)
{
    if (errno == ENOSPC || errno == EDQUOT)
        return ew_fail(reason, EW_E_FULL, "backup.full", path, "the disk is full");
    return ew_fail(reason, EW_E_IO, "file.io", path, "can't be written: %s", strerror(errno));
}

static enum ew_err write_block(int fd, const char *path, const char *block, size_t len,
                               struct ew_reason *reason)
{
    for (size_t at = 0; at < len;) {
        ssize_t put = write(fd, block + at, len - at);
        if (put < 0 && errno != EINTR)
            return not_written(path, reason);
        at += put > 0 ? (size_t)put : 0;
    }
    return EW_OK;
}

struct copy {
    const char *name;
    int64_t size;
    const struct backup_progress *progress;
};

// Exactly so many bytes, on the disk.
static enum ew_err copy_out(zip_file_t *file, int fd, const char *path, const struct copy *copy,
                            struct ew_reason *reason)
{
    char block[65536];
    int64_t written = 0, got;
    enum ew_err err = EW_OK;
    while (err == EW_OK && (got = zip_fread(file, block, sizeof(block))) != 0) {
        if (got < 0 || written + got > copy->size)
            return damaged(copy->name, "a file can't be read", reason);
        err = write_block(fd, path, block, (size_t)got, reason);
        written += got;
        backup_progress(copy->progress, "unpacking", (int)(written * 100 / copy->size));
    }
    if (err == EW_OK && written != copy->size)
        err = damaged(copy->name, "a file can't be read", reason);
    return err == EW_OK && fsync(fd) != 0 ? not_written(path, reason) : err;
}

static enum ew_err write_entry(zip_t *zip, const struct backup_file *wanted, const char *folder,
                               const struct backup_progress *progress, struct ew_reason *reason)
{
    char path[PATH_MAX];
    int64_t size = 0;
    struct backup_file found;
    ew_path(path, folder, wanted->name);
    zip_file_t *file = open_entry(zip, wanted->name, wanted->size, &size);
    if (!file || size != wanted->size) {
        if (file)
            zip_fclose(file);
        return damaged(wanted->name, "a file is missing or of another size", reason);
    }
    // Profiles are read by several services; the others get the rights of what they replace.
    mode_t mode = strchr(wanted->name, '/') ? 0644 : 0600;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    struct copy copy = {wanted->name, size, progress};
    bool opened = fd >= 0 && fchmod(fd, mode) == 0; // the umask is for secrets
    enum ew_err err = opened ? copy_out(file, fd, path, &copy, reason) : not_written(path, reason);
    if (fd >= 0 && close(fd) != 0 && err == EW_OK)
        err = not_written(path, reason);
    if (zip_fclose(file) != 0 && err == EW_OK)
        err = damaged(wanted->name, "a file can't be read", reason);
    if (err == EW_OK)
        err = backup_measure(path, &found, reason);
    if (err == EW_OK && strcmp(found.sha256, wanted->sha256) != 0)
        err = damaged(wanted->name, "a file was changed", reason);
    return err;
}

static enum ew_err read_manifest(zip_t *zip, struct backup_content *ret, struct ew_reason *reason)
{
    struct ew_buf sum;
    char hex[2 * BACKUP_HASH_SIZE + 1];
    ew_buf_init(&sum, 2 * BACKUP_HASH_SIZE);
    enum ew_err err = read_entry(zip, "manifest.json", BACKUP_MANIFEST_MAX, &ret->manifest_text, reason);
    if (err == EW_OK)
        err = read_entry(zip, "manifest.sum", 2 * BACKUP_HASH_SIZE, &sum, reason);
    backup_sum(&ret->manifest_text, hex);
    if (err == EW_OK && strcmp(ew_buf_text(&sum), hex) != 0)
        err = damaged("manifest.json", "the list of its files was changed", reason);
    ew_buf_done(&sum);
    if (err == EW_OK)
        err = backup_manifest_read(&ret->manifest_text, &ret->manifest, reason);
    // Nothing that the manifest does not name.
    int64_t expected = ret->manifest.count + 2 + (ret->manifest.secrets ? 1 : 0);
    if (err == EW_OK && zip_get_num_entries(zip, 0) != expected)
        err = damaged("manifest.json", "it holds other files than it says", reason);
    return err;
}

static enum ew_err check_room(const struct backup_manifest *m, const char *folder, struct ew_reason *reason)
{
    struct statvfs st;
    int64_t size = 0;
    for (int i = 0; i < m->count; i++)
        size += m->files[i].size;
    if (statvfs(folder, &st) == 0 && (int64_t)(st.f_bavail * st.f_frsize) < size + (16 << 20))
        return ew_fail(reason, EW_E_FULL, "backup.full", folder, "the disk is full");
    return EW_OK;
}

// The first one is told.
static void note_problem(void *user, const struct ew_reason *problem)
{
    struct ew_reason *first = user;
    if (!first->code[0])
        *first = *problem;
}

static enum ew_err check_site_file(const char *folder, struct backup_content *ret, struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct ew_buf text;
    ew_path(path, folder, "site.json");
    ew_buf_init(&text, EW_SITE_FILE_MAX);
    enum ew_err err = ew_file_read(path, EW_SITE_FILE_MAX, &text, reason);
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(&text), text.len, EW_SITE_FILE_MAX, &ret->site, reason);
    ew_buf_done(&text);
    if (err != EW_OK)
        return err;
    struct ew_reason first = {.code = ""};
    struct site_check check = {.problem = note_problem, .user = &first};
    size_t size = site_check_memory(ret->site);
    void *memory = malloc(size);
    if (!memory)
        abort();
    err = site_check(ret->site, &check, memory, size);
    free(memory);
    if (err == EW_OK)
        return EW_OK;
    (void)ew_fail(reason, err, "backup.site", "site.json",
                  "the configuration in the backup is not valid: %s: %s", first.path, first.text);
    ew_reason_param(reason, "where", "%s", first.path);
    return err;
}

static int64_t ask_number(sqlite3 *db, const char *question)
{
    sqlite3_stmt *q = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(db, question, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        number = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return number;
}

// A database that somebody else may have made: nothing in it is run. Ours has neither triggers nor views.
static bool sound(sqlite3 *db)
{
    sqlite3_stmt *q = NULL;
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    bool good = ask_number(db, "SELECT count(*) FROM sqlite_master WHERE type IN ('trigger', 'view')") == 0 &&
                sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &q, NULL) == SQLITE_OK &&
                sqlite3_step(q) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(q, 0), "ok") == 0;
    sqlite3_finalize(q);
    return good;
}

static enum ew_err check_history(const char *folder, struct ew_reason *reason)
{
    char path[PATH_MAX];
    sqlite3 *db = NULL;
    ew_path(path, folder, "history.db");
    bool good = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK && sound(db);
    int64_t version = good ? ask_number(db, "PRAGMA user_version") : -1;
    sqlite3_close(db);
    if (version < 1)
        return damaged("history.db", "the history is no database", reason);
    if (version > backup_newest_history())
        return ew_fail(reason, EW_E_UNSUPPORTED, "backup.newer", "history.db",
                       "the backup was made by a newer version");
    return EW_OK;
}

static enum ew_err unseal(zip_t *zip, const char *folder, const char *passphrase, struct backup_content *ret,
                          struct ew_reason *reason)
{
    struct ew_buf sealed, secrets;
    ew_buf_init(&sealed, BACKUP_SECRETS_MAX + 1024);
    ew_buf_init(&secrets, BACKUP_SECRETS_MAX);
    enum ew_err err = read_entry(zip, "secrets.bin", BACKUP_SECRETS_MAX + 1024, &sealed, reason);
    if (err == EW_OK && passphrase) {
        err = backup_unseal(passphrase, &ret->manifest_text, &sealed, &secrets, reason);
        if (err == EW_OK)
            err = backup_secrets_spread(&secrets, folder, reason);
        ret->unsealed = err == EW_OK;
    }
    if (secrets.data)
        sodium_memzero(secrets.data, secrets.cap);
    ew_buf_done(&secrets);
    ew_buf_done(&sealed);
    return err;
}

static bool names(const struct backup_manifest *m, const char *name)
{
    for (int i = 0; i < m->count; i++)
        if (strcmp(m->files[i].name, name) == 0)
            return true;
    return false;
}

static enum ew_err write_files(zip_t *zip, const char *folder, const struct backup_manifest *m,
                               const struct backup_progress *progress, struct ew_reason *reason)
{
    char profiles[PATH_MAX];
    ew_path(profiles, folder, "profiles");
    enum ew_err err = ew_dir_make(profiles, 0755, reason);
    if (err == EW_OK && chmod(profiles, 0755) != 0)
        err = not_written(profiles, reason);
    if (err == EW_OK && (!names(m, "site.json") || names(m, "history.db") != m->history))
        err = damaged("manifest.json", "it holds other files than it says", reason);
    for (int i = 0; i < m->count && err == EW_OK; i++)
        err = write_entry(zip, &m->files[i], folder, progress, reason);
    return err;
}

static enum ew_err unpack(zip_t *zip, const char *folder, const char *passphrase,
                          const struct backup_progress *progress, struct backup_content *ret,
                          struct ew_reason *reason)
{
    enum ew_err err = read_manifest(zip, ret, reason);
    if (err == EW_OK)
        err = check_room(&ret->manifest, folder, reason);
    if (err == EW_OK && passphrase && !ret->manifest.secrets)
        err = ew_fail(reason, EW_E_INVALID, "backup.no_secrets", "secrets.bin",
                      "the backup was made without a passphrase");
    if (err == EW_OK && ret->manifest.secrets)
        err = unseal(zip, folder, passphrase, ret, reason);
    if (err == EW_OK)
        err = write_files(zip, folder, &ret->manifest, progress, reason);
    if (err == EW_OK)
        err = check_site_file(folder, ret, reason);
    if (err == EW_OK && names(&ret->manifest, BACKUP_MEMORY))
        err = backup_memory_check(folder, reason);
    if (err != EW_OK || !ret->manifest.history)
        return err;
    backup_progress(progress, "checking", 0);
    return check_history(folder, reason);
}

// Something that is no file is not waited for.
static zip_t *open_archive(const char *archive)
{
    int fd = open(archive, O_RDONLY | O_CLOEXEC | O_NONBLOCK), code = 0;
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        zip_t *zip = zip_fdopen(fd, ZIP_CHECKCONS, &code); // takes fd when it can be read
        if (zip)
            return zip;
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

bool backup_has_secrets(const char *archive)
{
    zip_t *zip = open_archive(archive);
    bool has = zip && zip_name_locate(zip, "secrets.bin", ZIP_FL_ENC_UTF_8) >= 0;
    if (zip)
        zip_discard(zip);
    return has;
}

enum ew_err backup_unpack(const char *archive, const char *folder, const char *passphrase,
                          const struct backup_progress *progress, struct backup_content *ret,
                          struct ew_reason *reason)
{
    *ret = (struct backup_content){0};
    ew_buf_init(&ret->manifest_text, BACKUP_MANIFEST_MAX);
    zip_t *zip = open_archive(archive);
    if (!zip)
        return ew_file_exists(archive) ? damaged(archive, "it is no archive", reason)
                                       : ew_fail(reason, EW_E_UNKNOWN, "file.io", archive, "does not exist");
    enum ew_err err = unpack(zip, folder, passphrase, progress, ret, reason);
    zip_discard(zip);
    return err;
}

void backup_content_done(struct backup_content *content)
{
    cJSON_Delete(content->site);
    ew_buf_done(&content->manifest_text);
}
