// Where a passphrase comes from: a file, a pipe, a terminal. Never the command line, which everybody can
// read.
#include "backup/backup_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { SHORTEST = 8 };

static enum ew_err check_length(const char *path, const char *passphrase, struct ew_reason *reason)
{
    return strlen(passphrase) >= SHORTEST
               ? EW_OK
               : ew_fail(reason, EW_E_INVALID, "backup.short", path,
                         "a passphrase of at least %d characters is needed", SHORTEST);
}

// Up to the end of a line. A pipe that nobody writes to is empty, not waited for.
static ssize_t read_line(int fd, char *ret, size_t size)
{
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < size - 1 && !memchr(ret, '\n', len)) {
        got = read(fd, ret + len, size - 1 - len);
        len += got > 0 ? (size_t)got : 0;
    }
    ret[len] = 0;
    ret[strcspn(ret, "\r\n")] = 0;
    return got;
}

enum ew_err backup_passphrase(const char *path, char ret[BACKUP_PASSPHRASE_MAX], struct ew_reason *reason)
{
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ret[0] = 0;
    ssize_t got = fd < 0 ? -1 : read_line(fd, ret, BACKUP_PASSPHRASE_MAX);
    int problem = errno;
    if (fd > STDIN_FILENO)
        close(fd);
    if (got < 0)
        return ew_fail(reason, EW_E_IO, "file.io", path, "can't be read: %s", strerror(problem));
    return check_length(path, ret, reason);
}

// ---- At a terminal ---------------------------------------------------------------------------------------

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    interrupted = number;
}

// The echo comes back, whatever ends the question.
static bool ask(const char *question, char ret[BACKUP_PASSPHRASE_MAX])
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    enum { COUNT = sizeof(signals) / sizeof(signals[0]) };
    struct sigaction before[COUNT];
    struct sigaction mine = {.sa_handler = on_interrupt};
    struct termios seen, hidden;
    if (tcgetattr(STDIN_FILENO, &seen) != 0)
        return false;
    hidden = seen;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    interrupted = 0;
    for (int i = 0; i < COUNT; i++)
        sigaction(signals[i], &mine, &before[i]);
    bool done = tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
    fprintf(stderr, "%s: ", question);
    fflush(stderr);
    done = done && read_line(STDIN_FILENO, ret, BACKUP_PASSPHRASE_MAX) > 0;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &seen);
    fputc('\n', stderr);
    for (int i = 0; i < COUNT; i++)
        sigaction(signals[i], &before[i], NULL);
    if (interrupted)
        raise(interrupted);
    return done;
}

enum ew_err backup_passphrase_ask(const char *question, bool twice, char ret[BACKUP_PASSPHRASE_MAX],
                                  struct ew_reason *reason)
{
    char again[BACKUP_PASSPHRASE_MAX] = "";
    ret[0] = 0;
    if (!ask(question, ret))
        return ew_fail(reason, EW_E_CLOSED, "backup.unasked", "", "no passphrase was typed");
    if (!ret[0])
        return EW_OK;
    enum ew_err err = check_length("", ret, reason);
    if (err == EW_OK && twice && (!ask("The same once more", again) || strcmp(ret, again) != 0))
        err = ew_fail(reason, EW_E_INVALID, "backup.differ", "", "the two passphrases differ");
    sodium_memzero(again, sizeof(again));
    return err;
}
