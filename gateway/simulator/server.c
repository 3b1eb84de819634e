#include "simulator/client.h"

#include "simulator/terminal.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void server_init(struct server *server, const struct site_bus *bus, struct ew_loop *loop,
                 const struct plant *plant)
{
    *server = (struct server){.bus = *bus, .loop = loop, .listener = -1, .terminal = -1, .plant = plant};
    ew_copy(server->address, sizeof(server->address), bus->address);
}

enum answer_framing server_framing(const struct server *server)
{
    return !server || server->bus.type == SITE_BUS_TCP ? ANSWER_TCP : ANSWER_RTU;
}

static void accept_client(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    (void)now_ms;
    struct server *server = user;
    int on = 1, client_fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client_fd < 0)
        return;
    (void)setsockopt(client_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (server->alone && server_client_count(server) > 0)
        close(client_fd);
    else
        (void)client_open(server, client_fd);
}

static int listen_at(const struct addrinfo *info)
{
    int on = 1;
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, info->ai_protocol);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, SERVER_CLIENTS_MAX) == 0)
        return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

static enum ew_err plug_network(struct server *server, struct ew_reason *reason)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char port[12];
    (void)ew_format(port, sizeof(port), "%d", server->bus.port);
    int code = getaddrinfo(server->address, port, &hints, &list);
    if (code != 0)
        return ew_fail(reason, EW_E_UNKNOWN, "simulator.address", "", "bus %lld: %s: %s",
                       (long long)server->bus.id, server->address, gai_strerror(code));
    int fd = -1;
    for (const struct addrinfo *info = list; info && fd < 0; info = info->ai_next)
        fd = listen_at(info);
    freeaddrinfo(list);
    if (fd < 0)
        return ew_fail(
            reason, EW_E_IO, "simulator.listen", "",
            "bus %lld can't be served at %s port %d: %s (--listen 127.0.0.1 serves all buses there)",
            (long long)server->bus.id, server->address, server->bus.port, strerror(errno));
    server->listener = fd;
    ew_loop_add_fd(server->loop, fd, EPOLLIN, accept_client, server);
    return EW_OK;
}

static enum ew_err plug_terminal(struct server *server, struct ew_reason *reason)
{
    int master;
    enum ew_err err = terminal_open(server->address, server->terminal_name, sizeof(server->terminal_name),
                                    &master, &server->terminal, reason);
    if (err == EW_OK)
        (void)client_open(server, master);
    return err;
}

enum ew_err server_plug(struct server *server, struct ew_reason *reason)
{
    enum ew_err err =
        server->bus.type == SITE_BUS_RTU ? plug_terminal(server, reason) : plug_network(server, reason);
    server->plugged = err == EW_OK;
    return err;
}

void server_unplug(struct server *server)
{
    if (server->listener >= 0) {
        ew_loop_remove_fd(server->loop, server->listener);
        close(server->listener);
    }
    if (server->terminal >= 0) {
        terminal_unlink(server->address, server->terminal_name);
        close(server->terminal);
    }
    server->listener = server->terminal = -1;
    server->plugged = false;
    for (int i = 0; i < SERVER_CLIENTS_MAX; i++)
        if (server->clients[i])
            client_close(server->clients[i]);
}

void server_forget_clients(struct server *server)
{
    for (int i = 0; i < SERVER_CLIENTS_MAX; i++)
        if (server->clients[i])
            client_forget(server->clients[i]);
}

int server_client_count(const struct server *server)
{
    int count = 0;
    for (int i = 0; i < SERVER_CLIENTS_MAX; i++)
        count += server->clients[i] && !client_is_forgotten(server->clients[i]);
    return count;
}
