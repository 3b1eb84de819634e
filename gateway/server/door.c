#include "server/door.h"

#include "base/buf.h"
#include "base/log.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OUTPUT_MAX = 16 << 10, SWEEP_MS = 10000 };

struct connection {
    struct door *door;
    int fd;        // -1 = free
    uint32_t life; // counts those that were here
    int64_t heard_ms;
    size_t in_len;
    uint8_t in[2 * FRAME_TCP_MAX];
    struct ew_buf out;
};

struct door {
    struct ew_loop *loop;
    door_answer_fn *answer;
    void *user;
    int listener, port;
    int64_t answered;
    struct ew_timer sweep;
    struct connection connections[DOOR_CONNECTIONS_MAX];
};

static void close_connection(struct connection *c)
{
    ew_loop_remove_fd(c->door->loop, c->fd);
    close(c->fd);
    c->fd = -1;
    ew_buf_done(&c->out);
}

static void put(struct connection *c, const struct door_ticket *ticket, const uint8_t *pdu, size_t len)
{
    uint8_t bytes[FRAME_TCP_MAX];
    ew_buf_add(&c->out, bytes, frame_tcp_write(ticket->transaction, ticket->unit, pdu, len, bytes));
    c->door->answered++;
}

// Frames that came whole are answered in order. False: this is no Modbus TCP, or nobody reads the answers.
static bool take_frames(struct connection *c, int64_t now_ms)
{
    for (;;) {
        int len = frame_tcp_length(c->in, c->in_len);
        if (len <= 0)
            return len == 0;
        struct frame frame;
        uint8_t pdu[FRAME_PDU_MAX];
        frame_tcp_read(c->in, (size_t)len, &frame);
        const struct door_ticket ticket = {.place = (int)(c - c->door->connections),
                                           .life = c->life,
                                           .transaction = frame.transaction,
                                           .unit = frame.unit};
        size_t count = c->door->answer(c->door->user, &ticket, frame.pdu, frame.pdu_len, now_ms, pdu);
        if (count > 0)
            put(c, &ticket, pdu, count);
        c->in_len -= (size_t)len;
        memmove(c->in, c->in + len, c->in_len);
        if (c->out.full)
            return false;
    }
}

static bool flush(struct connection *c)
{
    while (c->out.len > 0) {
        ssize_t sent = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (sent < 0)
            return false;
        ew_buf_drop_front(&c->out, (size_t)sent);
    }
    ew_loop_change_fd(c->door->loop, c->fd, c->out.len ? EPOLLIN | EPOLLOUT : EPOLLIN);
    return true;
}

static bool hear(struct connection *c, int64_t now_ms)
{
    ssize_t got = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, 0);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (got == 0)
        return false;
    c->heard_ms = now_ms;
    c->in_len += (size_t)got;
    return take_frames(c, now_ms);
}

static void on_connection(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)fd;
    struct connection *c = user;
    bool fine = true;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        fine = hear(c, now_ms);
    if (!fine || !flush(c))
        close_connection(c);
}

static void on_listener(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    struct door *door = user;
    int on = 1, peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (peer < 0)
        return; // gone again
    for (int i = 0; i < DOOR_CONNECTIONS_MAX; i++) {
        struct connection *c = &door->connections[i];
        if (c->fd >= 0)
            continue;
        (void)setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        c->fd = peer;
        c->life++;
        c->heard_ms = now_ms;
        c->in_len = 0;
        ew_buf_init(&c->out, OUTPUT_MAX);
        ew_loop_add_fd(door->loop, peer, EPOLLIN, on_connection, c);
        return;
    }
    ew_warning("modbus", "%d connections are open: one more was refused", DOOR_CONNECTIONS_MAX);
    close(peer);
}

// Whoever says nothing for two minutes makes room.
static void on_sweep(struct ew_timer *timer, int64_t now_ms)
{
    struct door *door = timer->user;
    for (int i = 0; i < DOOR_CONNECTIONS_MAX; i++)
        if (door->connections[i].fd >= 0 && now_ms - door->connections[i].heard_ms > DOOR_IDLE_MS)
            close_connection(&door->connections[i]);
    ew_loop_timer_set(door->loop, timer, now_ms + SWEEP_MS);
}

struct door *door_new(struct ew_loop *loop, door_answer_fn *answer, void *user)
{
    struct door *door = calloc(1, sizeof(*door));
    if (!door)
        abort();
    door->loop = loop;
    door->answer = answer;
    door->user = user;
    door->listener = -1;
    for (int i = 0; i < DOOR_CONNECTIONS_MAX; i++) {
        door->connections[i].door = door;
        door->connections[i].fd = -1;
    }
    door->sweep.fn = on_sweep;
    door->sweep.user = door;
    return door;
}

enum ew_err door_open(struct door *door, int port, struct ew_reason *reason)
{
    if (door->port == port && door->listener >= 0)
        return EW_OK;
    door_close(door);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_ANY)};
    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, DOOR_CONNECTIONS_MAX) != 0) {
        enum ew_err err =
            ew_fail(reason, EW_E_IO, "server.port", "", "port %d can't be opened: %s", port, strerror(errno));
        ew_reason_param(reason, "port", "%d", port);
        if (fd >= 0)
            close(fd);
        return err;
    }
    door->listener = fd;
    door->port = port;
    ew_loop_add_fd(door->loop, fd, EPOLLIN, on_listener, door);
    ew_loop_timer_set(door->loop, &door->sweep, ew_loop_now_ms(door->loop) + SWEEP_MS);
    return EW_OK;
}

void door_close(struct door *door)
{
    ew_loop_timer_clear(door->loop, &door->sweep);
    if (door->listener >= 0) {
        ew_loop_remove_fd(door->loop, door->listener);
        close(door->listener);
    }
    door->listener = -1;
    door->port = 0;
    for (int i = 0; i < DOOR_CONNECTIONS_MAX; i++)
        if (door->connections[i].fd >= 0)
            close_connection(&door->connections[i]);
}

void door_reply(struct door *door, const struct door_ticket *ticket, const uint8_t *pdu, size_t len)
{
    struct connection *c = &door->connections[ticket->place];
    if (c->fd < 0 || c->life != ticket->life)
        return;
    put(c, ticket, pdu, len);
    if (c->out.full || !flush(c))
        close_connection(c);
}

void door_free(struct door *door)
{
    if (!door)
        return;
    door_close(door);
    free(door);
}

int door_port(const struct door *door)
{
    return door->port;
}

int door_connections(const struct door *door)
{
    int count = 0;
    for (int i = 0; i < DOOR_CONNECTIONS_MAX; i++)
        count += door->connections[i].fd >= 0;
    return count;
}

int64_t door_answered(const struct door *door)
{
    return door->answered;
}
