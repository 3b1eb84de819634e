// edgewatt backup: gathers, lists, seals, packs.
#include "backup/backup.h"
#include "backup/backup_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/rfc3339.h"
#include "core/site/site.h"
#include "field/field.h"
#include "service/paths.h"
#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "Usage: edgewatt backup --data DIR [--without-history] [--passphrase-file FILE | --without-secrets]\n"
    "                       [--output FILE]\n"
    "\n"
    "Makes export/database.zip: the configuration, the user's own profiles and, unless --without-history, "
    "the history.\n"
    "Works while the gateway runs, which writes its CSV files first. Secrets (users, codes and passwords) "
    "are in it only with a passphrase, "
    "encrypted;\n"
    "a terminal is asked for one.\n"
    "\n"
    "  --passphrase-file FILE   its first line is the passphrase; - is standard input\n"
    "  --without-secrets        asks for none\n"
    "  --output FILE            somewhere else than export/database.zip\n"
    "Exit codes: 0 done, 1 could not be made (said on standard error), 2 usage.\n";

enum { PAGES_A_STEP = 2000, BUSY_WAIT_MS = 50 };

struct job {
    const struct backup_order *order;
    char folder[PATH_MAX]; // where it is put together
    struct backup_manifest manifest;
    struct ew_buf manifest_text, sealed;
};

static void say_pages(const struct job *job, int left, int all)
{
    int64_t done = (int64_t)all - left;
    backup_progress(&job->order->progress, "history", all > 0 ? (int)(done * 100 / all) : 100);
}

// A copy that is whole and of one moment, while the recorder goes on writing.
static enum ew_err copy_history(struct job *job, struct ew_reason *reason)
{
    char source[PATH_MAX], target[PATH_MAX];
    sqlite3 *from = NULL, *to = NULL;
    ew_path(source, job->order->data_dir, "history.db");
    ew_path(target, job->folder, "history.db");
    enum ew_err err = EW_OK;
    int code = SQLITE_ERROR;
    if (sqlite3_open_v2(source, &from, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
        sqlite3_open(target, &to) == SQLITE_OK) {
        sqlite3_busy_timeout(from, 10000);
        sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
        do {
            code = backup ? sqlite3_backup_step(backup, PAGES_A_STEP) : SQLITE_ERROR;
            if (backup)
                say_pages(job, sqlite3_backup_remaining(backup), sqlite3_backup_pagecount(backup));
            if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
                sqlite3_sleep(BUSY_WAIT_MS);
        } while (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED);
        sqlite3_backup_finish(backup);
        (void)sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    }
    if (code == SQLITE_FULL)
        err = ew_fail(reason, EW_E_FULL, "backup.full", target, "the disk is full");
    else if (code != SQLITE_DONE)
        err = ew_fail(reason, EW_E_IO, "store.io", source, "can't be copied: %s",
                      sqlite3_errmsg(to ? to : from));
    sqlite3_close(to);
    sqlite3_close(from);
    return err;
}

static enum ew_err copy_file(struct job *job, const char *name, size_t max, struct ew_buf *text,
                             struct ew_reason *reason)
{
    char source[PATH_MAX], target[PATH_MAX];
    ew_path(source, job->order->data_dir, name);
    ew_path(target, job->folder, name);
    enum ew_err err = ew_file_read(source, max, text, reason);
    return err == EW_OK ? ew_file_write(target, ew_buf_text(text), text->len, 0600, reason) : err;
}

static enum ew_err list_file(struct job *job, const char *name, struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct backup_file *file = &job->manifest.files[job->manifest.count];
    if (job->manifest.count == BACKUP_FILES_MAX)
        return ew_fail(reason, EW_E_TOO_LARGE, "backup.file", name, "there are too many files");
    ew_path(path, job->folder, name);
    ew_copy(file->name, sizeof(file->name), name);
    job->manifest.count++;
    return backup_measure(path, file, reason);
}

static enum ew_err add_site(struct job *job, struct ew_reason *reason)
{
    struct ew_buf text;
    cJSON *tree = NULL;
    struct site_settings settings;
    ew_buf_init(&text, EW_SITE_FILE_MAX);
    enum ew_err err = copy_file(job, "site.json", EW_SITE_FILE_MAX, &text, reason);
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(&text), text.len, EW_SITE_FILE_MAX, &tree, reason);
    if (err == EW_OK)
        err = site_settings_read(cJSON_GetObjectItemCaseSensitive(tree, "site"), "/site", &settings, reason);
    if (err == EW_OK) {
        ew_copy(job->manifest.site_id, sizeof(job->manifest.site_id), settings.id);
        ew_copy(job->manifest.site_name, sizeof(job->manifest.site_name), settings.name);
        job->manifest.buses = backup_list_size(tree, "buses");
        job->manifest.devices = backup_list_size(tree, "devices");
        err = list_file(job, "site.json", reason);
    }
    cJSON_Delete(tree);
    ew_buf_done(&text);
    return err;
}

static enum ew_err add_profiles(struct job *job, struct ew_reason *reason)
{
    char folder[PATH_MAX], target[PATH_MAX];
    ew_path(folder, job->order->data_dir, "profiles");
    ew_path(target, job->folder, "profiles");
    enum ew_err err = ew_dir_make(target, 0700, reason);
    DIR *dir = err == EW_OK ? opendir(folder) : NULL;
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry && err == EW_OK; entry = readdir(dir)) {
        char name[BACKUP_NAME_MAX];
        size_t len = strlen(entry->d_name);
        struct ew_buf text;
        if (entry->d_name[0] == '.' || len < 6 || strcmp(entry->d_name + len - 5, ".json") != 0)
            continue;
        ew_buf_init(&text, EW_PROFILE_FILE_MAX);
        err = ew_format(name, sizeof(name), "profiles/%s", entry->d_name);
        if (err == EW_OK)
            err = copy_file(job, name, EW_PROFILE_FILE_MAX, &text, reason);
        if (err == EW_OK)
            err = list_file(job, name, reason);
        ew_buf_done(&text);
    }
    if (dir)
        closedir(dir);
    return err;
}

static enum ew_err seal(struct job *job, struct ew_reason *reason)
{
    struct ew_buf secrets;
    ew_buf_init(&secrets, BACKUP_SECRETS_MAX);
    enum ew_err err = backup_secrets_gather(job->order->data_dir, &secrets, reason);
    if (err == EW_OK)
        err = backup_seal(job->order->passphrase, &job->manifest_text, &secrets, &job->sealed, reason);
    if (secrets.data)
        sodium_memzero(secrets.data, secrets.cap);
    ew_buf_done(&secrets);
    return err;
}

// ---- The archive -----------------------------------------------------------------------------------------

static bool put_bytes(zip_t *zip, const char *name, const struct ew_buf *bytes)
{
    zip_source_t *source = zip_source_buffer(zip, ew_buf_text(bytes), bytes->len, 0);
    if (source && zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8) >= 0)
        return true;
    zip_source_free(source);
    return false;
}

static void on_packed(zip_t *zip, double done, void *user)
{
    (void)zip;
    const struct job *job = user;
    backup_progress(&job->order->progress, "packing", (int)(done * 100));
}

static enum ew_err pack_failed(zip_t *zip, const char *path, struct ew_reason *reason)
{
    const zip_error_t *error = zip_get_error(zip);
    if (zip_error_system_type(error) == ZIP_ET_SYS && zip_error_code_system(error) == ENOSPC)
        return ew_fail(reason, EW_E_FULL, "backup.full", path, "the disk is full");
    return ew_fail(reason, EW_E_IO, "file.io", path, "can't be written: %s", zip_strerror(zip));
}

static enum ew_err pack(const struct job *job, const char *path, struct ew_reason *reason)
{
    int code = 0;
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    struct ew_buf sum;
    char hex[2 * BACKUP_HASH_SIZE + 1];
    if (!zip)
        return ew_fail(reason, EW_E_IO, "file.io", path, "can't be written");
    backup_sum(&job->manifest_text, hex);
    ew_buf_init(&sum, sizeof(hex));
    ew_buf_add_text(&sum, hex);
    bool good = put_bytes(zip, "manifest.json", &job->manifest_text) &&
                put_bytes(zip, "manifest.sum", &sum) &&
                (!job->manifest.secrets || put_bytes(zip, "secrets.bin", &job->sealed));
    for (int i = 0; i < job->manifest.count && good; i++) {
        char file[PATH_MAX];
        ew_path(file, job->folder, job->manifest.files[i].name);
        zip_source_t *source = zip_source_file(zip, file, 0, -1);
        good = source && zip_file_add(zip, job->manifest.files[i].name, source, ZIP_FL_ENC_UTF_8) >= 0;
        if (!good)
            zip_source_free(source);
    }
    (void)zip_register_progress_callback_with_state(zip, 0.05, on_packed, NULL, (void *)(uintptr_t)job);
    enum ew_err err = EW_OK;
    if (!good || zip_close(zip) != 0) {
        err = pack_failed(zip, path, reason);
        zip_discard(zip);
    }
    ew_buf_done(&sum);
    return err;
}

static enum ew_err gather(struct job *job, struct ew_reason *reason)
{
    struct backup_manifest *m = &job->manifest;
    char path[PATH_MAX];
    ew_rfc3339_format(ew_clock_wall_ms(), m->made);
    ew_copy(m->version, sizeof(m->version), EDGEWATT_VERSION);
    m->history = job->order->history;
    m->secrets = job->order->passphrase != NULL;
    ew_path(path, job->order->data_dir, "secrets/config.json");
    m->users = backup_count_users(path);
    enum ew_err err = add_site(job, reason);
    if (err == EW_OK)
        err = add_profiles(job, reason);
    bool remembers = false;
    if (err == EW_OK)
        err = backup_memory_copy(job->order->data_dir, job->folder, m->made, &remembers, reason);
    if (err == EW_OK && remembers)
        err = list_file(job, BACKUP_MEMORY, reason);
    if (err == EW_OK && job->order->history)
        err = copy_history(job, reason);
    if (err == EW_OK && job->order->history)
        err = list_file(job, "history.db", reason);
    if (err == EW_OK)
        backup_manifest_write(m, &job->manifest_text);
    return err == EW_OK && m->secrets ? seal(job, reason) : err;
}

// Made beside the export folder and shown whole.
static enum ew_err show(const struct job *job, const char *fresh, struct backup_made *ret,
                        struct ew_reason *reason)
{
    struct stat st;
    const char *output = job->order->output;
    if (chmod(fresh, output ? 0600 : 0644) != 0 || stat(fresh, &st) != 0)
        return ew_fail(reason, EW_E_IO, "file.io", fresh, "%s", strerror(errno));
    if (rename(fresh, ret->path) != 0)
        return ew_fail(reason, EW_E_IO, "file.io", ret->path, "can't be written: %s", strerror(errno));
    ret->bytes = st.st_size;
    ret->manifest = job->manifest;
    backup_sum(&job->manifest_text, ret->sum);
    return EW_OK;
}

static enum ew_err make(struct job *job, struct backup_made *ret, struct ew_reason *reason)
{
    const struct backup_order *order = job->order;
    char fresh[PATH_MAX], folder[PATH_MAX];
    ew_path(fresh, job->folder, "database.zip");
    ew_path(folder, order->data_dir, "export");
    if (order->output)
        ew_copy(ret->path, sizeof(ret->path), order->output);
    else
        ew_path(ret->path, folder, "database.zip");
    enum ew_err err = order->output ? EW_OK : ew_dir_make(folder, 0755, reason);
    if (err == EW_OK)
        err = gather(job, reason);
    if (err == EW_OK)
        err = pack(job, fresh, reason);
    return err == EW_OK ? show(job, fresh, ret, reason) : err;
}

enum ew_err backup_make(const struct backup_order *order, struct backup_made *ret, struct ew_reason *reason)
{
    struct job *job = calloc(1, sizeof(*job));
    if (!job)
        abort();
    job->order = order;
    ew_buf_init(&job->manifest_text, BACKUP_MANIFEST_MAX);
    ew_buf_init(&job->sealed, BACKUP_SECRETS_MAX + 1024);
    ew_path(job->folder, order->data_dir, "backup.XXXXXX");
    enum ew_err err = EW_OK;
    if (!mkdtemp(job->folder))
        err = ew_fail(reason, EW_E_IO, "file.io", job->folder, "can't be made: %s", strerror(errno));
    if (err == EW_OK) {
        err = make(job, ret, reason);
        backup_remove_tree(job->folder);
    }
    ew_buf_done(&job->manifest_text);
    ew_buf_done(&job->sealed);
    free(job);
    return err;
}

// ---- The command -----------------------------------------------------------------------------------------

static void say_progress(void *user, const char *step, int percent)
{
    (void)user;
    fprintf(stderr, "\r%s %d %%%s", step, percent, percent == 100 ? "\n" : "");
}

static enum ew_err get_passphrase(const struct backup_options *options, char ret[BACKUP_PASSPHRASE_MAX],
                                  struct ew_reason *reason)
{
    if (options->passphrase_file)
        return backup_passphrase(options->passphrase_file, ret, reason);
    if (!options->no_secrets && isatty(STDIN_FILENO))
        return backup_passphrase_ask("Passphrase for users, codes and passwords (none: without secrets)",
                                     /* twice= */ true, ret, reason);
    return EW_OK;
}

// Who finds database.zip finds beside it the CSV files of the same hour. No gateway: they are as they were
// left.
static void write_files(const char *data_dir)
{
    struct ew_reason reason;
    if (field_export(data_dir, &reason) != EW_OK && strcmp(reason.code, "tool.no_gateway") != 0)
        fprintf(stderr, "edgewatt backup: the CSV files are not written up to now: %s\n", reason.text);
}

int backup_main(int argc, char **argv)
{
    static struct backup_options options;
    static struct backup_made made;
    struct ew_reason reason;
    char passphrase[BACKUP_PASSPHRASE_MAX] = "";
    int code = backup_options_read(argc, argv, help, &options);
    if (code >= 0)
        return code;
    struct backup_order order = {options.data, options.output, NULL, !options.no_history, {NULL, NULL}};
    if (isatty(STDERR_FILENO))
        order.progress.fn = say_progress;
    enum ew_err err = EW_OK;
    if (sodium_init() < 0)
        err = ew_fail(&reason, EW_E_IO, "backup.random", "", "the machine gives no random numbers");
    if (err == EW_OK)
        err = get_passphrase(&options, passphrase, &reason);
    order.passphrase = passphrase[0] ? passphrase : NULL;
    if (err == EW_OK && !options.output)
        write_files(options.data);
    if (err == EW_OK)
        err = backup_lock(options.data, /* tidy= */ true, &reason);
    if (err == EW_OK)
        err = backup_make(&order, &made, &reason);
    sodium_memzero(passphrase, sizeof(passphrase));
    if (err == EW_OK)
        printf("%s\n", made.path);
    else
        backup_say_reason("backup", &reason);
    return err == EW_OK ? 0 : 1;
}
