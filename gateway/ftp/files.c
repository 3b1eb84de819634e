#include "ftp/files.h"

#include "base/file.h"
#include "base/log.h"
#include "ftp/settings.h"
#include "service/paths.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHECK_MAX_S = 4 }; // a beat is missed after 5 s

void ftp_files_name(struct ftp_files *files, const char *data_dir)
{
    ew_path(files->folder, data_dir, "export");
    ew_path(files->run, data_dir, "run/ftp");
    ew_path(files->config, data_dir, "run/ftp/proftpd.conf");
    ew_path(files->log, data_dir, "run/ftp/log");
}

enum ew_err ftp_files_find_program(char ret[PATH_MAX], struct ew_reason *reason)
{
    const char *named = getenv("EDGEWATT_PROFTPD");
    const char *const places[] = {named ? named : "/usr/sbin/proftpd",
                                  named ? named : "/usr/local/sbin/proftpd"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        ew_copy(ret, PATH_MAX, places[i]);
        if (access(ret, X_OK) == 0)
            return EW_OK;
    }
    return ew_fail(reason, EW_E_UNKNOWN, "ftp.not_installed", "",
                   "The FTP server is not installed: the packages proftpd-core and proftpd-mod-crypto.");
}

// ---- Writing ---------------------------------------------------------------------------------------------

static enum ew_err write_file(const struct ftp_files *files, const char *name, struct ew_buf *text,
                              struct ew_reason *reason)
{
    char path[PATH_MAX];
    ew_path(path, files->run, name);
    enum ew_err err = ew_file_write(path, ew_buf_text(text), text->len, 0600, reason);
    ew_buf_clear(text);
    return err;
}

// proftpd -t: a module that is missing, a word that another version does not know.
static bool config_taken(const struct ftp_files *files, const char *program)
{
    static char name[] = "proftpd", test[] = "-t", quiet[] = "-q", option[] = "-c";
    char *args[] = {name, test, quiet, option, (char *)(uintptr_t)files->config, NULL};
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (nothing >= 0 && dup2(nothing, 0) >= 0 && dup2(nothing, 1) >= 0 && dup2(nothing, 2) >= 0) {
            alarm(CHECK_MAX_S);
            execv(program, args);
        }
        _exit(1);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static enum ew_err look_around(const struct ftp_files *files, struct ew_reason *reason)
{
    char certificate[PATH_MAX];
    struct stat st;
    ew_path(certificate, files->run, "tls.pem");
    // The recorder makes the folder; under systemd it must be his.
    if (stat(files->folder, &st) != 0 &&
        (getenv("EDGEWATT_SUPERVISED") == NULL || ew_dir_make(files->folder, 0755, reason) != EW_OK))
        return ew_fail(reason, EW_E_UNKNOWN, "ftp.no_folder", "", "There is no export folder yet.");
    if (access(certificate, R_OK) != 0)
        return ew_fail(reason, EW_E_UNKNOWN, "ftp.no_certificate", "",
                       "The certificate for FTPS can't be read (run/ftp/tls.pem).");
    return EW_OK;
}

enum ew_err ftp_files_write(const struct ftp_files *files, const struct ftp_jail *jail, const char *program,
                            const char *hash, bool plain, struct ew_reason *reason)
{
    const struct ftp_setting setting = {.folder = files->folder,
                                        .run = files->run,
                                        .user = jail->user,
                                        .group = jail->group,
                                        .uid = jail->uid,
                                        .gid = jail->gid,
                                        .plain = plain};
    struct ew_buf text;
    ew_buf_init(&text, FTP_CONFIG_MAX);
    enum ew_err err = look_around(files, reason);
    if (err == EW_OK)
        err = ftp_config_write(&setting, &text, reason);
    if (err == EW_OK)
        err = write_file(files, "proftpd.conf", &text, reason);
    if (err == EW_OK) {
        ftp_passwd_write(&setting, hash, &text);
        err = write_file(files, "passwd", &text, reason);
    }
    if (err == EW_OK) {
        ftp_group_write(&setting, &text);
        err = write_file(files, "group", &text, reason);
    }
    ew_buf_done(&text);
    if (err == EW_OK && !config_taken(files, program))
        err =
            ew_fail(reason, EW_E_UNSUPPORTED, "ftp.config", "",
                    "ProFTPD does not take its configuration; is the package proftpd-mod-crypto installed?");
    return err;
}

void ftp_files_sweep(const struct ftp_files *files)
{
    static const char begin[] = ".in.", end[] = ".database.zip.";
    DIR *dir = opendir(files->folder);
    if (!dir)
        return;
    for (const struct dirent *one = readdir(dir); one; one = readdir(dir)) {
        size_t len = strlen(one->d_name), tail = sizeof(end) - 1;
        if (strncmp(one->d_name, begin, sizeof(begin) - 1) == 0 && len > tail &&
            strcmp(one->d_name + len - tail, end) == 0 && unlinkat(dirfd(dir), one->d_name, 0) == 0)
            ew_notice("ftp", "removed what an upload left that was cut off file=%s", one->d_name);
    }
    closedir(dir);
}
