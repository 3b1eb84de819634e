#include "simulator/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    OUTPUT_MAX = 64 << 10, // a connection that never reads is dropped
    LATE_MAX = 32,         // answers waiting to be said, per client
    SILENCE_MS = 100       // ends what came of a serial frame: far above 3.5 characters, below any time-out
};

struct late {
    struct ew_timer timer;
    struct server_client *client; // NULL = free
    size_t at, len;
    int interval_ms;
    uint8_t bytes[FRAME_TCP_MAX];
};

struct server_client {
    struct server *server;
    int fd;
    bool forgotten;
    int64_t heard_ms;
    size_t in_len;
    uint8_t in[2 * FRAME_TCP_MAX];
    struct ew_buf out;
    struct late late[LATE_MAX];
};

static bool is_terminal(const struct server_client *client)
{
    return client->server->bus.type == SITE_BUS_RTU;
}

static void stop_listening(struct server_client *client)
{
    ew_loop_remove_fd(client->server->loop, client->fd);
    for (int i = 0; i < LATE_MAX; i++)
        ew_loop_timer_clear(client->server->loop, &client->late[i].timer);
}

void client_close(struct server_client *client)
{
    struct server *server = client->server;
    stop_listening(client);
    close(client->fd);
    for (int i = 0; i < SERVER_CLIENTS_MAX; i++)
        if (server->clients[i] == client)
            server->clients[i] = NULL;
    ew_buf_done(&client->out);
    free(client);
}

void client_forget(struct server_client *client)
{
    stop_listening(client);
    client->forgotten = true;
}

bool client_is_forgotten(const struct server_client *client)
{
    return client->forgotten;
}

static ssize_t put_bytes(struct server_client *client)
{
    if (is_terminal(client))
        return write(client->fd, client->out.data, client->out.len);
    return send(client->fd, client->out.data, client->out.len, MSG_NOSIGNAL);
}

// False when the client is gone.
static bool client_flush(struct server_client *client)
{
    while (client->out.len > 0) {
        ssize_t n = put_bytes(client);
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

// ---- Saying ----------------------------------------------------------------------------------------------

static void say_late(struct ew_timer *timer, int64_t now_ms)
{
    struct late *late = timer->user;
    struct server_client *client = late->client;
    size_t count = late->interval_ms > 0 ? 1 : late->len - late->at;
    ew_buf_add(&client->out, late->bytes + late->at, count);
    late->at += count;
    if (late->at < late->len)
        ew_loop_timer_set(client->server->loop, timer, now_ms + late->interval_ms);
    else
        late->client = NULL;
    (void)client_flush(client);
}

static void put_late(struct server_client *client, const struct answer *answer)
{
    for (int i = 0; i < LATE_MAX; i++) {
        struct late *late = &client->late[i];
        if (late->client || answer->len == 0)
            continue;
        late->client = client;
        late->at = 0;
        late->len = answer->len;
        late->interval_ms = answer->interval_ms;
        memcpy(late->bytes, answer->bytes, answer->len);
        late->timer.fn = say_late;
        late->timer.user = late;
        struct ew_loop *loop = client->server->loop;
        ew_loop_timer_set(loop, &late->timer, ew_loop_now_ms(loop) + answer->delay_ms);
        return;
    } // more than LATE_MAX: the rest is never answered, as on a line that drowns
}

static void put_noise(struct server_client *client, int count)
{
    for (int i = 0; i < count && client->out.len < OUTPUT_MAX; i++) {
        uint8_t byte = (uint8_t)(i * 37 + 0x55); // no frame of any kind begins with these
        ew_buf_add(&client->out, &byte, 1);
    }
}

// False when the client is to be closed.
static bool answer_frame(struct server_client *client, const struct frame *frame)
{
    struct server *server = client->server;
    struct answer answer;
    struct device *device = answer_device(server->devices, server->device_count, frame->unit);
    if (device) {
        device->asked++;
        device->asked_ms = ew_loop_now_ms(server->loop);
    }
    answer_make(server->devices, server->device_count, server->plant, server_framing(server), frame, &answer);
    server->answered++;
    if (answer.close)
        return is_terminal(client); // there is nothing to close on a terminal: silence
    if (answer.flood > 0)
        put_noise(client, answer.flood);
    else if (answer.delay_ms > 0 || answer.interval_ms > 0)
        put_late(client, &answer);
    else
        ew_buf_add(&client->out, answer.bytes, answer.len);
    return !client->out.full || is_terminal(client);
}

// ---- Hearing ---------------------------------------------------------------------------------------------

static void drop_front(struct server_client *client, size_t count)
{
    memmove(client->in, client->in + count, client->in_len - count);
    client->in_len -= count;
}

static bool take_tcp_frames(struct server_client *client)
{
    for (;;) {
        struct frame frame;
        int len = frame_tcp_length(client->in, client->in_len);
        if (len < 0)
            return false;
        if (len == 0)
            return true;
        frame_tcp_read(client->in, (size_t)len, &frame);
        if (!answer_frame(client, &frame))
            return false;
        drop_front(client, (size_t)len);
    }
}

// After a frame with a wrong checksum the next one is looked for byte by byte: here, other than on a wire,
// the silence between two frames may be lost on the way.
static bool take_rtu_frames(struct server_client *client)
{
    while (client->in_len > 0) {
        struct frame frame;
        int len = frame_rtu_request_length(client->in, client->in_len);
        if (len == 0)
            break;
        if (len < 0)
            len = client->in_len > FRAME_RTU_MAX ? FRAME_RTU_MAX : (int)client->in_len;
        if (frame_rtu_read(client->in, (size_t)len, &frame) != EW_OK)
            len = 1;
        else if (!answer_frame(client, &frame))
            return false;
        drop_front(client, (size_t)len);
    }
    return true;
}

static bool take_frames(struct server_client *client, int64_t now_ms)
{
    client->heard_ms = now_ms;
    return server_framing(client->server) == ANSWER_RTU ? take_rtu_frames(client) : take_tcp_frames(client);
}

static void client_ready(void *user, int fd, uint32_t events, int64_t now_ms)
{
    struct server_client *client = user;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        if (server_framing(client->server) == ANSWER_RTU && now_ms - client->heard_ms > SILENCE_MS)
            client->in_len = 0;
        ssize_t n = read(fd, client->in + client->in_len, sizeof(client->in) - client->in_len);
        bool later = n < 0 && (errno == EAGAIN || errno == EINTR);
        if (n > 0)
            client->in_len += (size_t)n;
        if ((n <= 0 && !later) || (n > 0 && !take_frames(client, now_ms))) {
            client_close(client);
            return;
        }
    }
    (void)client_flush(client);
}

bool client_open(struct server *server, int fd)
{
    for (int i = 0; i < SERVER_CLIENTS_MAX; i++) {
        if (server->clients[i])
            continue;
        struct server_client *client = calloc(1, sizeof(*client));
        if (!client)
            abort();
        client->server = server;
        client->fd = fd;
        ew_buf_init(&client->out, OUTPUT_MAX);
        server->clients[i] = client;
        ew_loop_add_fd(server->loop, fd, EPOLLIN, client_ready, client);
        return true;
    }
    close(fd);
    return false;
}
