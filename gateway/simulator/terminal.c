#include "simulator/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static const char terminals[] = "/dev/pts/";

static bool read_link(const char *link, char ret[PATH_MAX])
{
    ssize_t n = readlink(link, ret, PATH_MAX - 1);
    ret[n > 0 ? n : 0] = 0;
    return n > 0;
}

static enum ew_err place_link(const char *link, const char *name, struct ew_reason *reason)
{
    char target[PATH_MAX];
    struct stat there;
    if (lstat(link, &there) == 0) {
        if (!read_link(link, target) || strncmp(target, terminals, sizeof(terminals) - 1) != 0)
            return ew_fail(reason, EW_E_IO, "simulator.terminal", "",
                           "%s is there already and is not replaced: it is no link to a terminal", link);
        (void)unlink(link);
    }
    if (symlink(name, link) != 0)
        return ew_fail(reason, EW_E_IO, "simulator.terminal", "", "%s can't be made: %s", link,
                       strerror(errno));
    return EW_OK;
}

static bool open_pair(char *ret_name, size_t name_size, int *ret_master, int *ret_slave)
{
    struct termios t;
    *ret_slave = -1;
    *ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (*ret_master < 0 || grantpt(*ret_master) != 0 || unlockpt(*ret_master) != 0 ||
        ptsname_r(*ret_master, ret_name, name_size) != 0)
        return false;
    *ret_slave = open(ret_name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*ret_slave < 0 || tcgetattr(*ret_slave, &t) != 0)
        return false;
    cfmakeraw(&t);
    return tcsetattr(*ret_slave, TCSANOW, &t) == 0;
}

enum ew_err terminal_open(const char *link, char *ret_name, size_t name_size, int *ret_master, int *ret_slave,
                          struct ew_reason *reason)
{
    enum ew_err err;
    if (open_pair(ret_name, name_size, ret_master, ret_slave))
        err = place_link(link, ret_name, reason);
    else
        err = ew_fail(reason, EW_E_IO, "simulator.terminal", "", "no terminal can be made: %s",
                      strerror(errno));
    if (err == EW_OK)
        return EW_OK;
    if (*ret_master >= 0)
        close(*ret_master);
    if (*ret_slave >= 0)
        close(*ret_slave);
    *ret_master = *ret_slave = -1;
    return err;
}

void terminal_unlink(const char *link, const char *name)
{
    char target[PATH_MAX];
    if (read_link(link, target) && strcmp(target, name) == 0)
        (void)unlink(link);
}
