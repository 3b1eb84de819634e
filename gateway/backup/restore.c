// edgewatt restore: checks the archive whole, says what would change, asks, swaps.
#include "backup/backup.h"
#include "backup/backup_priv.h"

#include "base/file.h"
#include "service/paths.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char help[] =
    "Usage: edgewatt restore --data DIR [--passphrase-file FILE] [--check] [--yes] [ARCHIVE]\n"
    "\n"
    "Puts a backup back: export/database.zip, or ARCHIVE. It is checked whole before anything is touched; "
    "what would\n"
    "change is shown and asked for. When it fails half way, everything is as it was. The gateway must be "
    "stopped.\n"
    "Users, codes and passwords stay those of this machine unless the passphrase of the backup is given.\n"
    "\n"
    "  --passphrase-file FILE   its first line is the passphrase; - is standard input\n"
    "  --check                  checks and shows only\n"
    "  --yes                    does not ask\n"
    "Exit codes: 0 done, 1 refused or failed (said on standard error), 2 usage.\n";

struct job {
    const char *data, *archive, *passphrase_file;
    bool check, yes, recover;
    char default_archive[PATH_MAX], folder[PATH_MAX];
};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

// Both a supervisor and a service of its own hold one of them.
static enum ew_err lock(const struct job *job, struct ew_reason *reason)
{
    static const char *const names[] = {"run/lock", "run/config.lock"};
    char path[PATH_MAX];
    ew_path(path, job->data, "run");
    enum ew_err err = ew_dir_make(path, 0700, reason);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && err == EW_OK; i++) {
        ew_path(path, job->data, names[i]);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600); // held until we end
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
            err = ew_fail(reason, EW_E_BUSY, "backup.running", job->data,
                          "the gateway runs on this folder; stop it first");
    }
    return err;
}

static int newest_migration(void)
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

static cJSON *read_own_site(const struct job *job)
{
    char path[PATH_MAX];
    struct ew_buf text;
    cJSON *tree = NULL;
    ew_path(path, job->data, "site.json");
    ew_buf_init(&text, EW_SITE_FILE_MAX);
    if (ew_file_read(path, EW_SITE_FILE_MAX, &text, NULL) == EW_OK)
        (void)!ew_json_parse(ew_buf_text(&text), text.len, EW_SITE_FILE_MAX, &tree, NULL);
    ew_buf_done(&text);
    return tree;
}

static void show(const struct job *job, const struct backup_content *content)
{
    static const char *const lists[] = {"buses", "devices", "panels",    "circuits",
                                        "zones", "tariffs", "cost_rules"};
    const struct backup_manifest *m = &content->manifest;
    cJSON *own = read_own_site(job);
    const cJSON *site = cJSON_GetObjectItemCaseSensitive(own, "site");
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(site, "id"));
    char path[PATH_MAX];
    ew_path(path, job->data, "secrets/config.json");
    printf("backup of \"%s\" (%s), made %s by version %s\n", m->site_name, m->site_id, m->made, m->version);
    printf("%-12s %8s %8s\n", "", "now", "then");
    printf("%-12s %8s %8s\n", "site", id ? id : "-", m->site_id);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        printf("%-12s %8lld %8lld\n", lists[i], (long long)backup_list_size(own, lists[i]),
               (long long)backup_list_size(content->site, lists[i]));
    long long users = (long long)backup_count_users(path);
    printf("%-12s %8lld %8lld\n", "users", users < 0 ? 0 : users,
           content->unsealed ? (long long)m->users
           : users < 0       ? 0
                             : users);
    printf("history      %s\n", m->history ? "is replaced" : "stays as it is: the backup has none");
    printf("users        %s\n", content->unsealed ? "are replaced, with their codes"
                                : m->secrets      ? "stay as they are: no passphrase was given"
                                                  : "stay as they are: the backup has none");
    cJSON_Delete(own);
}

static bool agreed(const struct job *job)
{
    char answer[16] = "";
    if (job->yes)
        return true;
    printf("Replace all of this? Type yes: ");
    fflush(stdout);
    return fgets(answer, sizeof(answer), stdin) && strcmp(answer, "yes\n") == 0;
}

static enum ew_err restore(struct job *job, const char *passphrase, struct ew_reason *reason)
{
    static struct backup_content content;
    bool undone = false;
    // `edgewatt run` holds the lock when it asks for what was cut off to be undone.
    enum ew_err err = job->check || job->recover ? EW_OK : lock(job, reason);
    if (err == EW_OK && !job->check)
        err = backup_recover(job->data, &undone, reason);
    if (undone)
        printf("A restore that was cut off has been undone.\n");
    if (err != EW_OK || job->recover)
        return err;
    ew_path(job->folder, job->data, "restore.XXXXXX");
    if (!mkdtemp(job->folder))
        return ew_fail(reason, EW_E_IO, "file.io", job->folder, "can't be made: %s", strerror(errno));
    err = backup_unpack(job->archive, job->folder, passphrase, newest_migration(), &content, reason);
    if (err == EW_OK) {
        show(job, &content);
        if (!job->check && !agreed(job))
            err = ew_fail(reason, EW_E_CLOSED, "backup.refused", "", "nothing was changed");
        else if (!job->check)
            err = backup_swap(job->folder, job->data, reason);
    }
    backup_content_done(&content);
    (void)nftw(job->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (err == EW_OK)
        printf("%s\n", job->check ? "The backup is whole." : "Restored. Start the gateway again.");
    return err;
}

static int usage(const char *what)
{
    fprintf(stderr, "edgewatt restore: %s; edgewatt restore --help says more\n", what);
    return 2;
}

static int read_options(int argc, char **argv, struct job *job)
{
    static const struct option names[] = {
        {"data", required_argument, NULL, 'd'}, {"passphrase-file", required_argument, NULL, 'p'},
        {"check", no_argument, NULL, 'c'},      {"yes", no_argument, NULL, 'y'},
        {"recover", no_argument, NULL, 'r'}, // edgewatt run: undo what was cut off
        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1)
        switch (option) {
        case 'd':
            job->data = optarg;
            break;
        case 'p':
            job->passphrase_file = optarg;
            break;
        case 'c':
            job->check = true;
            break;
        case 'y':
            job->yes = true;
            break;
        case 'r':
            job->recover = true;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        default:
            return usage("not understood");
        }
    if (!job->data || !job->data[0])
        return usage("--data DIR is missing");
    ew_path(job->default_archive, job->data, "export/database.zip");
    job->archive = optind < argc ? argv[optind++] : job->default_archive;
    return optind < argc ? usage("not understood") : -1;
}

int restore_main(int argc, char **argv)
{
    static struct job job;
    struct ew_reason reason;
    char passphrase[BACKUP_PASSPHRASE_MAX] = "";
    int code = read_options(argc, argv, &job);
    if (code >= 0)
        return code;
    enum ew_err err = EW_OK;
    ew_reason_clear(&reason);
    if (sodium_init() < 0)
        err = ew_fail(&reason, EW_E_IO, "backup.random", "", "the machine gives no random numbers");
    if (err == EW_OK)
        err = ew_dir_make(job.data, 0700, &reason);
    if (err == EW_OK && job.passphrase_file)
        err = backup_passphrase(job.passphrase_file, passphrase, &reason);
    if (err == EW_OK)
        err = restore(&job, job.passphrase_file ? passphrase : NULL, &reason);
    sodium_memzero(passphrase, sizeof(passphrase));
    if (err != EW_OK)
        fprintf(stderr, "edgewatt restore: %s%s%s\n", reason.path, reason.path[0] ? ": " : "", reason.text);
    return err == EW_OK ? 0 : 1;
}
