// Listening sockets are ours, not libwebsockets': so that a newcomer can be counted, weighed and refused
// politely before anything is spent on it.
#include "web/web_priv.h"

#include "base/log.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 512,
    ACCEPTS_A_TURN = 16 // those who are in get their turn between newcomers
};

static void on_newcomers(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    struct web_listener *listener = user;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0)
            web_connection_accept(listener->web, accepted, listener->tls, now_ms);
        else if (errno == EAGAIN || errno == EMFILE || errno == ENFILE)
            return;
    }
}

struct place {
    struct sockaddr_storage address;
    socklen_t len;
};

static bool place_of(const char *text, int port, struct place *ret_place)
{
    *ret_place = (struct place){0};
    struct sockaddr_in *in = (struct sockaddr_in *)&ret_place->address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret_place->address;
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        ret_place->len = sizeof(*in);
        return true;
    }
    if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        ret_place->len = sizeof(*in6);
        return true;
    }
    return false;
}

static int listen_at(const struct place *place)
{
    int fd = socket(place->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (place->address.ss_family == AF_INET6) // :: takes IPv4 too
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, (const struct sockaddr *)&place->address, place->len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

static int port_of(int fd)
{
    union {
        struct sockaddr_storage any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } at = {0};
    socklen_t len = sizeof(at);
    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return 0;
    return ntohs(at.any.ss_family == AF_INET6 ? at.in6.sin6_port : at.in.sin_port);
}

enum ew_err web_listener_open(struct web_listener *listener, const char *address, int port,
                              struct ew_reason *reason)
{
    struct place place;
    if (!place_of(address ? address : "::", port, &place))
        return ew_fail(reason, EW_E_INVALID, "web.address", NULL, "\"%s\" is not an IP address", address);
    listener->fd = listen_at(&place);
    if (listener->fd < 0 && !address && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL) &&
        place_of("0.0.0.0", port, &place)) // a machine without IPv6
        listener->fd = listen_at(&place);
    if (listener->fd < 0)
        return ew_fail(reason, errno == EADDRINUSE ? EW_E_EXISTS : EW_E_DENIED, "web.port", NULL,
                       "port %d can't be opened: %s", port, strerror(errno));
    listener->port = port_of(listener->fd);
    ew_loop_add_fd(listener->web->service->loop, listener->fd, EPOLLIN, on_newcomers, listener);
    return EW_OK;
}

void web_listener_close(struct web_listener *listener)
{
    if (listener->fd < 0)
        return;
    ew_loop_remove_fd(listener->web->service->loop, listener->fd);
    close(listener->fd);
    listener->fd = -1;
}
