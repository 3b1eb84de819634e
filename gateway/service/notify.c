#include "service/notify_priv.h"

#include "base/log.h"
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_init(struct notify *n)
{
    n->fd = -1;
    const char *place = getenv("NOTIFY_SOCKET");
    if (!place || !place[0])
        return;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(place);
    if ((place[0] != '/' && place[0] != '@') || len >= sizeof(address.sun_path)) {
        ew_warning("service", "NOTIFY_SOCKET is neither a path nor an abstract name, ignoring");
        return;
    }
    memcpy(address.sun_path, place, len);
    if (place[0] == '@')
        address.sun_path[0] = 0; // an abstract name: its length counts, not a final 0
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (n->fd >= 0 && connect(n->fd, (struct sockaddr *)&address, size) == 0)
        return;
    ew_warning("service", "NOTIFY_SOCKET can't be used: %s, ignoring", strerror(errno));
    notify_done(n);
}

void notify_done(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

void notify_send(const struct notify *n, const char *lines)
{
    if (n->fd >= 0 && send(n->fd, lines, strlen(lines), MSG_NOSIGNAL) < 0)
        ew_debug("service", "notification not sent: %s", strerror(errno));
}
