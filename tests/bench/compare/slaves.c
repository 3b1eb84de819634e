// Modbus TCP devices for benches: every unit on each of N ports, one process, one thread. Register a of unit
// u holds (7 a + u) mod 4096.
//     slaves PORTS        prints the first port; the others follow it
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORTS_MAX = 512, EVENTS = 64 };

static bool listens[65536];

static int listen_on(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 16) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

// That many free ports in a row; *ret_first is the first.
static bool listen_all(int count, int *fds, int *ret_first)
{
    for (int first = 20000 + (int)(getpid() % 1000) * 20; first + count < 60000; first += count) {
        int i = 0;
        while (i < count && (fds[i] = listen_on(first + i)) >= 0)
            i++;
        *ret_first = first;
        if (i == count)
            return true;
        while (i-- > 0)
            close(fds[i]);
    }
    return false;
}

static void watch(int epoll, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

static bool answer_one(int fd, const uint8_t *q)
{
    uint8_t a[260];
    int address = q[8] << 8 | q[9], count = q[10] << 8 | q[11];
    memcpy(a, q, 8);
    a[4] = 0;
    a[5] = (uint8_t)(3 + 2 * count);
    a[8] = (uint8_t)(2 * count);
    for (int i = 0; i < count && i < 125; i++) {
        int value = (7 * (address + i) + q[6]) % 4096;
        a[9 + 2 * i] = (uint8_t)(value >> 8);
        a[10 + 2 * i] = (uint8_t)value;
    }
    return send(fd, a, 9 + 2 * (size_t)count, MSG_NOSIGNAL) > 0;
}

// Reads only, twelve bytes each; some clients send several at once.
static void answer(int fd)
{
    enum { SIZE = 12 };
    uint8_t q[SIZE * 64];
    ssize_t n = recv(fd, q, sizeof(q), 0);
    bool good = n >= SIZE && n % SIZE == 0;
    for (ssize_t at = 0; good && at < n; at += SIZE)
        good = answer_one(fd, q + at);
    if (!good)
        close(fd);
}

int main(int argc, char **argv)
{
    int fds[PORTS_MAX], first, count = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1,
                               epoll = epoll_create1(0), on = 1;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (count < 1 || count > PORTS_MAX || !listen_all(count, fds, &first))
        return 1;
    for (int i = 0; i < count; i++) {
        listens[fds[i]] = true;
        watch(epoll, fds[i]);
    }
    printf("slaves from port %d\n", first);
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (!listens[fd]) {
                answer(fd);
                continue;
            }
            int peer = accept(fd, NULL, NULL);
            setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            watch(epoll, peer);
        }
    }
}
