#include "simulator/server.h"

#include "simulator/answer.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    OUTPUT_MAX = 64 << 10, // a client that never reads is dropped
    LATE_MAX = 32          // answers waiting to be late, per client
};

struct late {
    struct ew_timer timer;
    struct server_client *client; // NULL = free
    size_t len;
    uint8_t bytes[FRAME_TCP_MAX];
};

struct server_client {
    struct server *server;
    int fd;
    size_t in_len;
    uint8_t in[2 * FRAME_TCP_MAX];
    struct ew_buf out;
    struct late late[LATE_MAX];
};

static void client_close(struct server_client *client)
{
    struct server *server = client->server;
    ew_loop_remove_fd(server->loop, client->fd);
    close(client->fd);
    for (int i = 0; i < LATE_MAX; i++)
        ew_loop_timer_clear(server->loop, &client->late[i].timer);
    for (int i = 0; i < SERVER_CLIENTS_MAX; i++)
        if (server->clients[i] == client)
            server->clients[i] = NULL;
    ew_buf_done(&client->out);
    free(client);
}

// False when the client is gone.
static bool client_flush(struct server_client *client)
{
    while (client->out.len > 0) {
        ssize_t n = send(client->fd, client->out.data, client->out.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n < 0) {
            client_close(client);
            return false;
        }
        ew_buf_drop_front(&client->out, (size_t)n);
    }
    ew_loop_change_fd(client->server->loop, client->fd, client->out.len ? EPOLLIN | EPOLLOUT : EPOLLIN);
    return true;
}

static void send_late(struct ew_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct late *late = timer->user;
    struct server_client *client = late->client;
    late->client = NULL;
    ew_buf_add(&client->out, late->bytes, late->len);
    (void)client_flush(client);
}

static void put_late(struct server_client *client, const struct answer *answer)
{
    for (int i = 0; i < LATE_MAX; i++) {
        struct late *late = &client->late[i];
        if (late->client)
            continue;
        late->client = client;
        late->len = answer->len;
        memcpy(late->bytes, answer->bytes, answer->len);
        late->timer.fn = send_late;
        late->timer.user = late;
        struct ew_loop *loop = client->server->loop;
        ew_loop_timer_set(loop, &late->timer, ew_loop_now_ms(loop) + answer->delay_ms);
        return;
    } // more than LATE_MAX: the rest is never answered, as on a line that drowns
}

// One frame; false when the client is to be closed.
static bool take_frame(struct server_client *client, const uint8_t *data, size_t len)
{
    struct server *server = client->server;
    struct frame frame;
    struct answer answer;
    frame_tcp_read(data, len, &frame);
    answer_make(server->devices, server->device_count, server->plant->second, &frame, &answer);
    server->answered++;
    if (answer.close)
        return false;
    if (answer.delay_ms > 0)
        put_late(client, &answer);
    else
        ew_buf_add(&client->out, answer.bytes, answer.len);
    return !client->out.full;
}

static bool take_frames(struct server_client *client)
{
    size_t at = 0;
    for (;;) {
        int len = frame_tcp_length(client->in + at, client->in_len - at);
        if (len < 0)
            return false;
        if (len == 0)
            break;
        if (!take_frame(client, client->in + at, (size_t)len))
            return false;
        at += (size_t)len;
    }
    memmove(client->in, client->in + at, client->in_len - at);
    client->in_len -= at;
    return true;
}

static void client_ready(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)now_ms;
    struct server_client *client = user;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t n = recv(fd, client->in + client->in_len, sizeof(client->in) - client->in_len, 0);
        bool later = n < 0 && (errno == EAGAIN || errno == EINTR);
        if (n > 0)
            client->in_len += (size_t)n;
        if ((n <= 0 && !later) || !take_frames(client)) {
            client_close(client);
            return;
        }
    }
    (void)client_flush(client);
}

static void accept_client(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    (void)now_ms;
    struct server *server = user;
    int client_fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client_fd < 0)
        return;
    for (int i = 0; i < SERVER_CLIENTS_MAX; i++) {
        if (server->clients[i])
            continue;
        struct server_client *client = calloc(1, sizeof(*client));
        if (!client)
            abort();
        int on = 1;
        (void)setsockopt(client_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        client->server = server;
        client->fd = client_fd;
        ew_buf_init(&client->out, OUTPUT_MAX);
        server->clients[i] = client;
        ew_loop_add_fd(server->loop, client_fd, EPOLLIN, client_ready, client);
        return;
    }
    close(client_fd); // full
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

enum ew_err server_plug(struct server *server, struct ew_reason *reason)
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

void server_unplug(struct server *server)
{
    if (server->listener >= 0) {
        ew_loop_remove_fd(server->loop, server->listener);
        close(server->listener);
    }
    server->listener = -1;
    for (int i = 0; i < SERVER_CLIENTS_MAX; i++)
        if (server->clients[i])
            client_close(server->clients[i]);
}

int server_client_count(const struct server *server)
{
    int count = 0;
    for (int i = 0; i < SERVER_CLIENTS_MAX; i++)
        count += server->clients[i] != NULL;
    return count;
}
