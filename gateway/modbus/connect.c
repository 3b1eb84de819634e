#include "modbus/line_priv.h"

#include "base/clock.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

static enum ew_err connect_failed(const struct mb_line *line, int error, struct ew_reason *reason)
{
    const struct mb_options *o = &line->options;
    enum ew_err err;
    switch (error) {
    case ECONNREFUSED:
        err = ew_fail(
            reason, EW_E_REFUSED, "bus.refused", "",
            "%s refuses the connection on port %d. Is Modbus TCP switched on there, and the port right?",
            o->address, o->port);
        break;
    case ETIMEDOUT:
        err = ew_fail(reason, EW_E_TIMEOUT, "bus.connect_timeout", "",
                      "%s did not take the connection on port %d within %d ms. Is it switched on and cabled?",
                      o->address, o->port, o->connect_ms);
        break;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case EADDRNOTAVAIL:
        err = ew_fail(
            reason, EW_E_IO, "bus.unreachable", "",
            "%s (port %d) can't be reached from here: %s. Check the address, the cable and the network "
            "settings.",
            o->address, o->port, strerror(error));
        break;
    default:
        err = ew_fail(reason, EW_E_IO, "bus.connect_failed", "", "Connecting to %s port %d failed: %s.",
                      o->address, o->port, strerror(error));
        break;
    }
    ew_reason_param(reason, "host", "%s", o->address);
    ew_reason_param(reason, "port", "%d", o->port);
    return err;
}

static int fd_set_options(int fd)
{
    // libmodbus waits with select(), which writes beyond its set for descriptors from FD_SETSIZE on.
    if (fd >= FD_SETSIZE)
        return EMFILE;
    int one = 1, user_timeout_ms = 10000;
    // A connection whose other end lost its power is noticed although RTU over TCP keeps it over time-outs.
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof(user_timeout_ms));
    return 0;
}

// 0, an errno, or -1 when interrupted.
static int connect_one(struct mb_line *line, const struct addrinfo *to, int64_t until_us, int *ret_fd)
{
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to->ai_protocol);
    if (fd < 0)
        return errno;
    int error = fd_set_options(fd);
    if (error == 0 && connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
        error = errno;
        if (error == EINPROGRESS) {
            socklen_t len = sizeof(error);
            switch (mb_wait_fd(line, fd, POLLOUT, until_us)) {
            case MB_WAIT_READY:
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
                break;
            case MB_WAIT_TIMEOUT:
                error = ETIMEDOUT;
                break;
            case MB_WAIT_INTERRUPTED:
                error = -1;
                break;
            }
        }
    }
    if (error != 0) {
        close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

enum ew_err mb_connect_tcp(struct mb_line *line, int *ret_fd, struct ew_reason *reason)
{
    struct addrinfo *list;
    enum ew_err err = mb_resolve(line, &list, reason);
    if (err != EW_OK)
        return err;
    int left = 0;
    for (const struct addrinfo *a = list; a; a = a->ai_next)
        left++;
    // Each address gets its share of the time, so that a dead IPv6 route does not hide a living IPv4 one.
    int64_t until = ew_clock_up_us() + (int64_t)line->options.connect_ms * 1000;
    int error = EHOSTUNREACH;
    for (const struct addrinfo *a = list; a && error != 0 && error != -1; a = a->ai_next, left--) {
        int64_t now = ew_clock_up_us();
        error = connect_one(line, a, now + (until - now) / left, ret_fd);
    }
    freeaddrinfo(list);
    if (error == -1)
        return mb_interrupted(reason);
    return error == 0 ? EW_OK : connect_failed(line, error, reason);
}
