#include "slave.h"

#include "core/frame/frame.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

enum { CONNECTIONS = 16 };

struct slave {
    enum slave_kind kind;
    pthread_t thread;
    pthread_mutex_t lock; // guards fault and registers
    struct slave_fault fault;
    uint16_t registers[65536];
    atomic_int requests, connections;
    atomic_bool ended, drop;
    int wake_fd, listen_fd, port;
    int fds[CONNECTIONS];
    int pty_peer;
    char path[128];
};

static void die(const char *what)
{
    perror(what);
    abort();
}

static void put(struct slave *s, int fd, const uint8_t *data, size_t len, bool bytewise)
{
    (void)s;
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, data + at, bytewise ? 1 : len - at);
        if (n <= 0)
            return;
        at += (size_t)n;
        if (bytewise)
            usleep(1000);
    }
}

// The fault's hex text with its holes filled. -1 = close the connection.
static int render(const char *raw, const uint8_t *transaction, int unit, uint8_t *out)
{
    if (strcmp(raw, "close") == 0)
        return -1;
    int len = 0, t = 0;
    for (const char *p = raw; *p;) {
        if (*p == ' ') {
            p++;
        } else if (strncmp(p, "TT", 2) == 0) {
            out[len++] = transaction[t++ % 2];
            p += 2;
        } else if (strncmp(p, "UU", 2) == 0) {
            out[len++] = (uint8_t)unit;
            p += 2;
        } else if (strncmp(p, "CC", 2) == 0) {
            uint16_t crc = frame_crc(out, (size_t)len);
            out[len++] = (uint8_t)crc;
            out[len++] = (uint8_t)(crc >> 8);
            p += 2;
        } else {
            char pair[3] = {p[0], p[1], 0};
            out[len++] = (uint8_t)strtoul(pair, NULL, 16);
            p += 2;
        }
    }
    return len;
}

static int write_answer(struct slave *s, const uint8_t *pdu, uint8_t *out)
{
    struct frame_request rq;
    size_t len = pdu[0] <= 6 ? 5 : 6 + (size_t)pdu[5];
    if (frame_request_read(pdu, len, &rq) != FRAME_NO_EXCEPTION)
        return (int)frame_answer_exception(pdu[0], FRAME_ILLEGAL_VALUE, out);
    for (int i = 0; i < rq.count; i++) {
        bool bits = rq.function == 5 || rq.function == 15;
        s->registers[rq.address + i] = bits ? frame_request_bit(&rq, i) : frame_request_register(&rq, i);
    }
    return (int)frame_answer_write(&rq, out);
}

static int good_answer(struct slave *s, const uint8_t *pdu, uint8_t *out)
{
    int address = pdu[1] << 8 | pdu[2], count = pdu[3] << 8 | pdu[4];
    out[0] = pdu[0];
    if (pdu[0] > 4)
        return write_answer(s, pdu, out);
    if (pdu[0] <= 2) {
        out[1] = (uint8_t)((count + 7) / 8);
        memset(out + 2, 0, out[1]);
        for (int i = 0; i < count; i++)
            out[2 + i / 8] = (uint8_t)(out[2 + i / 8] | ((s->registers[address + i] & 1) << (i % 8)));
        return 2 + out[1];
    }
    out[1] = (uint8_t)(count * 2);
    for (int i = 0; i < count; i++) {
        out[2 + 2 * i] = (uint8_t)(s->registers[(address + i) & 0xFFFF] >> 8);
        out[3 + 2 * i] = (uint8_t)s->registers[(address + i) & 0xFFFF];
    }
    return 2 + 2 * count;
}

// False = the connection is to be closed.
static bool answer(struct slave *s, int fd, const uint8_t *frame)
{
    bool tcp = s->kind == SLAVE_TCP;
    const uint8_t *pdu = tcp ? frame + 7 : frame + 1;
    int unit = tcp ? frame[6] : frame[0];
    uint8_t out[600];
    int number = atomic_fetch_add(&s->requests, 1) + 1;
    pthread_mutex_lock(&s->lock);
    struct slave_fault fault = s->fault;
    if (fault.every > 1 && number % fault.every != 0)
        fault = (struct slave_fault){0};
    int len;
    if (fault.raw) {
        len = render(fault.raw, frame, unit, out);
    } else if (tcp) {
        len = good_answer(s, pdu, out + 7);
        memcpy(out, frame, 7);
        out[4] = (uint8_t)((len + 1) >> 8);
        out[5] = (uint8_t)(len + 1);
        len += 7;
    } else {
        out[0] = (uint8_t)unit;
        len = 1 + good_answer(s, pdu, out + 1);
        uint16_t crc = frame_crc(out, (size_t)len);
        out[len++] = (uint8_t)crc;
        out[len++] = (uint8_t)(crc >> 8);
    }
    pthread_mutex_unlock(&s->lock);
    if (len < 0)
        return false;
    if (fault.delay_ms)
        usleep((useconds_t)fault.delay_ms * 1000);
    put(s, fd, out, (size_t)len, fault.bytewise);
    return true;
}

// Bytes of the request whose first bytes are there, 0 = more must come first.
static size_t request_size(const struct slave *s, const uint8_t *frame, size_t have)
{
    int n = s->kind == SLAVE_TCP ? frame_tcp_length(frame, have) : frame_rtu_request_length(frame, have);
    return n > 0 ? (size_t)n : 0;
}

static bool serve(struct slave *s, int fd)
{
    uint8_t frame[FRAME_TCP_MAX];
    size_t have = 0, need = 8;
    while (have < need) {
        ssize_t n = read(fd, frame + have, need - have);
        if (n <= 0)
            return false;
        have += (size_t)n;
        if (have == need && request_size(s, frame, have) == 0)
            need++;
    }
    return answer(s, fd, frame);
}

static void take_connection(struct slave *s)
{
    int fd = accept(s->listen_fd, NULL, NULL);
    if (fd < 0)
        return;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    for (int i = 0; i < CONNECTIONS; i++) {
        if (s->fds[i] < 0) {
            s->fds[i] = fd;
            atomic_fetch_add(&s->connections, 1);
            return;
        }
    }
    close(fd);
}

static void close_at(struct slave *s, int i)
{
    if (s->fds[i] >= 0 && s->kind != SLAVE_RTU) {
        close(s->fds[i]);
        s->fds[i] = -1;
    }
}

static void *run(void *user)
{
    struct slave *s = user;
    while (!atomic_load(&s->ended)) {
        struct pollfd p[2 + CONNECTIONS] = {{.fd = s->wake_fd, .events = POLLIN},
                                            {.fd = s->listen_fd, .events = POLLIN}};
        for (int i = 0; i < CONNECTIONS; i++)
            p[2 + i] = (struct pollfd){.fd = s->fds[i], .events = POLLIN};
        if (poll(p, 2 + CONNECTIONS, -1) < 0)
            continue;
        eventfd_t ignored;
        if (p[0].revents)
            (void)eventfd_read(s->wake_fd, &ignored);
        if (atomic_exchange(&s->drop, false))
            for (int i = 0; i < CONNECTIONS; i++)
                close_at(s, i);
        if (p[1].revents)
            take_connection(s);
        for (int i = 0; i < CONNECTIONS; i++)
            if (p[2 + i].revents && s->fds[i] == p[2 + i].fd && !serve(s, s->fds[i]))
                close_at(s, i);
    }
    return NULL;
}

static void listen_tcp(struct slave *s)
{
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    if (s->listen_fd < 0 || bind(s->listen_fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
        listen(s->listen_fd, 16) != 0 || getsockname(s->listen_fd, (struct sockaddr *)&a, &len) != 0)
        die("listen");
    s->port = ntohs(a.sin_port);
}

static void open_pty(struct slave *s)
{
    struct termios raw = {0};
    cfmakeraw(&raw);
    if (openpty(&s->fds[0], &s->pty_peer, s->path, &raw, NULL) != 0)
        die("openpty");
}

struct slave *slave_new(enum slave_kind kind)
{
    struct slave *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->kind = kind;
    s->listen_fd = -1;
    s->pty_peer = -1;
    for (int i = 0; i < CONNECTIONS; i++)
        s->fds[i] = -1;
    for (int i = 0; i < 65536; i++)
        s->registers[i] = (uint16_t)i;
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&s->lock, NULL);
    if (kind == SLAVE_RTU)
        open_pty(s);
    else
        listen_tcp(s);
    if (pthread_create(&s->thread, NULL, run, s) != 0)
        die("pthread_create");
    return s;
}

static void wake(struct slave *s)
{
    if (eventfd_write(s->wake_fd, 1) != 0)
        die("eventfd");
}

void slave_free(struct slave *s)
{
    if (!s)
        return;
    atomic_store(&s->ended, true);
    wake(s);
    pthread_join(s->thread, NULL);
    for (int i = 0; i < CONNECTIONS; i++)
        if (s->fds[i] >= 0)
            close(s->fds[i]);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->pty_peer >= 0)
        close(s->pty_peer);
    close(s->wake_fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int slave_port(const struct slave *s)
{
    return s->port;
}

const char *slave_path(const struct slave *s)
{
    return s->path;
}

void slave_set_fault(struct slave *s, struct slave_fault fault)
{
    pthread_mutex_lock(&s->lock);
    s->fault = fault;
    pthread_mutex_unlock(&s->lock);
}

void slave_set_register(struct slave *s, int address, uint16_t value)
{
    pthread_mutex_lock(&s->lock);
    s->registers[address] = value;
    pthread_mutex_unlock(&s->lock);
}

void slave_drop(struct slave *s)
{
    atomic_store(&s->drop, true);
    wake(s);
}

int slave_requests(struct slave *s)
{
    return atomic_load(&s->requests);
}

int slave_connections(struct slave *s)
{
    return atomic_load(&s->connections);
}
