// edgewatt backup: gathers, lists, seals, packs.
#include "backup/backup.h"
#include "backup/backup_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/rfc3339.h"
#include "core/site/site.h"
#include "service/paths.h"
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "Usage: edgewatt backup --data DIR [--no-history] [--passphrase-file FILE] [--output FILE]\n"
    "\n"
    "Makes export/database.zip: the configuration, the user's own profiles and, unless --no-history, the "
    "history.\n"
    "Works while the gateway runs. Users, codes and passwords are in it only with a passphrase, encrypted.\n"
    "\n"
    "  --passphrase-file FILE   its first line is the passphrase; - is standard input\n"
    "  --output FILE            somewhere else than export/database.zip\n"
    "Exit codes: 0 done, 1 could not be made (said on standard error), 2 usage.\n";

enum { PAGES_A_STEP = 2000, BUSY_WAIT_MS = 50 };

struct job {
    const char *data, *output, *passphrase_file;
    bool history;
    char folder[PATH_MAX]; // where it is put together
    struct backup_manifest manifest;
    struct ew_buf manifest_text, sealed;
};

static void say_progress(const char *what, int done, int all)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s %d %%%s", what, all > 0 ? done * 100 / all : 100, done == all ? "\n" : "");
}

// A copy that is whole and of one moment, while the recorder goes on writing.
static enum ew_err copy_history(struct job *job, struct ew_reason *reason)
{
    char source[PATH_MAX], target[PATH_MAX];
    sqlite3 *from = NULL, *to = NULL;
    ew_path(source, job->data, "history.db");
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
                say_progress("history", sqlite3_backup_pagecount(backup) - sqlite3_backup_remaining(backup),
                             sqlite3_backup_pagecount(backup));
            if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
                sqlite3_sleep(BUSY_WAIT_MS);
        } while (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED);
        sqlite3_backup_finish(backup);
        (void)sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    }
    if (code != SQLITE_DONE)
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
    ew_path(source, job->data, name);
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
    ew_path(folder, job->data, "profiles");
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
    char passphrase[BACKUP_PASSPHRASE_MAX];
    struct ew_buf secrets;
    ew_buf_init(&secrets, BACKUP_SECRETS_MAX);
    enum ew_err err = backup_passphrase(job->passphrase_file, passphrase, reason);
    if (err == EW_OK)
        err = backup_secrets_gather(job->data, &secrets, reason);
    if (err == EW_OK)
        err = backup_seal(passphrase, &job->manifest_text, &secrets, &job->sealed, reason);
    sodium_memzero(passphrase, sizeof(passphrase));
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
    (void)user;
    say_progress("packing", (int)(done * 100), 100);
}

static enum ew_err pack(struct job *job, const char *path, struct ew_reason *reason)
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
    (void)zip_register_progress_callback_with_state(zip, 0.05, on_packed, NULL, NULL);
    enum ew_err err = EW_OK;
    if (!good || zip_close(zip) != 0) {
        err = ew_fail(reason, EW_E_IO, "file.io", path, "can't be written: %s", zip_strerror(zip));
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
    m->history = job->history;
    m->secrets = job->passphrase_file != NULL;
    ew_path(path, job->data, "secrets/config.json");
    m->users = backup_count_users(path);
    enum ew_err err = add_site(job, reason);
    if (err == EW_OK)
        err = add_profiles(job, reason);
    if (err == EW_OK && job->history)
        err = copy_history(job, reason);
    if (err == EW_OK && job->history)
        err = list_file(job, "history.db", reason);
    if (err == EW_OK)
        backup_manifest_write(m, &job->manifest_text);
    return err == EW_OK && m->secrets ? seal(job, reason) : err;
}

// Made beside the export folder and shown whole.
static enum ew_err make(struct job *job, struct ew_reason *reason)
{
    char fresh[PATH_MAX], shown[PATH_MAX], folder[PATH_MAX];
    ew_path(fresh, job->folder, "database.zip");
    ew_path(folder, job->data, "export");
    ew_path(shown, folder, "database.zip");
    enum ew_err err = job->output ? EW_OK : ew_dir_make(folder, 0755, reason);
    if (err == EW_OK)
        err = gather(job, reason);
    if (err == EW_OK)
        err = pack(job, fresh, reason);
    const char *target = job->output ? job->output : shown;
    if (err == EW_OK && chmod(fresh, job->output ? 0600 : 0644) != 0)
        err = ew_fail(reason, EW_E_IO, "file.io", fresh, "%s", strerror(errno));
    if (err == EW_OK && rename(fresh, target) != 0)
        err = ew_fail(reason, EW_E_IO, "file.io", target, "can't be written: %s", strerror(errno));
    if (err == EW_OK)
        printf("%s\n", target);
    return err;
}

static void clean(struct job *job)
{
    static const char *const names[] = {"history.db", "history.db-journal", "site.json", "database.zip"};
    char path[PATH_MAX];
    for (int i = 0; i < job->manifest.count; i++) {
        ew_path(path, job->folder, job->manifest.files[i].name);
        (void)unlink(path);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ew_path(path, job->folder, names[i]);
        (void)unlink(path);
    }
    ew_path(path, job->folder, "profiles");
    (void)rmdir(path);
    (void)rmdir(job->folder);
    ew_buf_done(&job->manifest_text);
    ew_buf_done(&job->sealed);
}

static int usage(const char *what)
{
    fprintf(stderr, "edgewatt backup: %s; edgewatt backup --help says more\n", what);
    return 2;
}

static int read_options(int argc, char **argv, struct job *job)
{
    static const struct option names[] = {{"data", required_argument, NULL, 'd'},
                                          {"no-history", no_argument, NULL, 'n'},
                                          {"passphrase-file", required_argument, NULL, 'p'},
                                          {"output", required_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1)
        switch (option) {
        case 'd':
            job->data = optarg;
            break;
        case 'n':
            job->history = false;
            break;
        case 'p':
            job->passphrase_file = optarg;
            break;
        case 'o':
            job->output = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        default:
            return usage("not understood");
        }
    return optind < argc               ? usage("not understood")
           : job->data && job->data[0] ? -1
                                       : usage("--data DIR is missing");
}

int backup_main(int argc, char **argv)
{
    static struct job job = {.history = true};
    struct ew_reason reason;
    int code = read_options(argc, argv, &job);
    if (code >= 0)
        return code;
    ew_buf_init(&job.manifest_text, BACKUP_MANIFEST_MAX);
    ew_buf_init(&job.sealed, BACKUP_SECRETS_MAX + 1024);
    char pattern[PATH_MAX];
    ew_path(pattern, job.data, "backup.XXXXXX");
    if (sodium_init() < 0 || !mkdtemp(pattern)) {
        fprintf(stderr, "edgewatt backup: %s: %s\n", job.data, strerror(errno));
        return 1;
    }
    ew_copy(job.folder, sizeof(job.folder), pattern);
    enum ew_err err = make(&job, &reason);
    clean(&job);
    if (err != EW_OK)
        fprintf(stderr, "edgewatt backup: %s%s%s\n", reason.path, reason.path[0] ? ": " : "", reason.text);
    return err == EW_OK ? 0 : 1;
}
