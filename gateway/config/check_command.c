// edgewatt check FILE...: site files and profiles, "file:path: problem" a line.
#include "base/file.h"
#include "base/log.h"
#include "config/commands.h"
#include "config/options.h"
#include "config/params.h"
#include "config/site_store.h"
#include "library/library.h"
#include "service/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MAX = 1024 };

static const char help[] = "Usage: edgewatt check [--data DIR] FILE...\n"
                           "\n"
                           "Checks site files and device profiles. Each problem is a line: file:path: "
                           "problem. Exit code 1 when there\n"
                           "was one.\n"
                           "\n"
                           "  --data DIR   profiles of this data folder are known too\n";

struct job {
    const char *file;
    const char *data; // NULL = none
    char share[PATH_MAX];
    struct library *library;
    int problems;
};

static void say(struct job *job, const char *path, const char *text)
{
    printf("%s:%s%s %s\n", job->file, path, path[0] ? ":" : "", text);
    job->problems++;
}

static void on_site_problem(void *user, const struct ew_reason *problem)
{
    say(user, problem->path, problem->text);
}

static void on_profile_problem(void *user, const char *path, const struct ew_reason *reason)
{
    (void)path;
    say(user, reason->path, reason->text);
}

// A profile of the data folder that was left out: of one that a device names, the site is only told that it
// is not there.
static void on_left_out(void *user, const char *path, const struct ew_reason *reason)
{
    (void)user;
    const char *inside = reason->path[0] == '/' && strcmp(reason->path, path) != 0 ? reason->path : "";
    printf("%s:%s%s %s\n", path, inside, inside[0] ? ":" : "", reason->text);
}

static void say_left_out(const struct job *job)
{
    struct library *library = NULL;
    struct ew_reason reason;
    if (job->data && library_load(job->share, job->data, on_left_out, NULL, &library, &reason) == EW_OK)
        library_free(library);
}

static enum ew_err device_checked(void *user, const struct site_device *device, const char *path,
                                  struct ew_reason *reason)
{
    const struct job *job = user;
    return params_check(job->library, device, path, reason);
}

static bool profile_known(void *user, const char *id)
{
    struct job *job = user;
    return library_knows(job->library, id);
}

// A zone that this machine does not have would silently count in UTC.
static void check_zone(struct job *job, const cJSON *site)
{
    struct site_settings settings;
    char path[PATH_MAX];
    if (site_settings_read(cJSON_GetObjectItemCaseSensitive(site, "site"), "/site", &settings, NULL) !=
            EW_OK ||
        !ew_file_exists("/usr/share/zoneinfo"))
        return;
    (void)ew_format(path, sizeof(path), "/usr/share/zoneinfo/%s", settings.tz);
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        say(job, "/site/tz", "is no time zone of this machine");
}

static void check_site(struct job *job, const cJSON *tree)
{
    if (!job->library) {
        struct ew_reason reason;
        ew_reason_clear(&reason);
        if (library_load(job->share, job->data, NULL, NULL, &job->library, &reason) != EW_OK)
            fprintf(stderr, "edgewatt check: %s: %s; profiles are not checked\n", reason.path, reason.text);
    }
    struct site_check check = {.problem = on_site_problem,
                               .user = job,
                               .profile_known = job->library ? profile_known : NULL,
                               .device = job->library ? device_checked : NULL};
    size_t size = site_check_memory(tree);
    void *memory = malloc(size);
    if (!memory)
        abort();
    enum ew_err err = site_check(tree, &check, memory, size);
    free(memory);
    if (err == EW_OK)
        check_zone(job, tree);
    if (check.problems > 100)
        printf("%s: and %d problems more\n", job->file, check.problems - 100);
    if (check.problems > 0)
        say_left_out(job);
}

static void check_file(struct job *job)
{
    struct ew_buf text;
    struct ew_reason reason;
    cJSON *tree = NULL;
    ew_reason_clear(&reason);
    ew_buf_init(&text, EW_SITE_FILE_MAX);
    enum ew_err err = ew_file_read(job->file, EW_SITE_FILE_MAX, &text, &reason);
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(&text), text.len, EW_SITE_FILE_MAX, &tree, &reason);
    if (err == EW_OK && library_is_profile(tree))
        library_check_file(job->file, job->share, job->data, on_profile_problem, job);
    else if (err == EW_OK)
        check_site(job, tree);
    else
        say(job, reason.path[0] == '/' && strcmp(reason.path, job->file) != 0 ? reason.path : "",
            reason.text);
    cJSON_Delete(tree);
    ew_buf_done(&text);
}

int check_main(int argc, char **argv)
{
    const char *data = NULL, *files[FILES_MAX];
    const struct command_option options[] = {{"--data", &data, NULL}};
    int count;
    int code = command_parse(argc, argv, help, options, 1, files, FILES_MAX, &count);
    if (code >= 0)
        return code;
    if (count == 0) {
        fprintf(stderr, "edgewatt check: name a file\n%.*s\n", (int)strcspn(help, "\n"), help);
        return 2;
    }
    struct job job = {.data = data};
    struct ew_reason reason;
    ew_reason_clear(&reason);
    if (ew_share_dir(job.share, &reason) != EW_OK) {
        fprintf(stderr, "edgewatt check: %s\n", reason.text);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        job.file = files[i];
        check_file(&job);
    }
    library_free(job.library);
    return job.problems ? 1 : 0;
}
