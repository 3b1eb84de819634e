// Where control lines come from: standard input and a UNIX socket.
#include "simulator/control.h"

#include "simulator/guide.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024, ANSWER_MAX = 16 << 20, PEERS_MAX = 16 };

struct peer {
    struct control *control;
    int in, out; // -1 = free
    size_t len;
    char text[LINE_MAX_BYTES];
};

struct control {
    struct building *building;
    struct ew_loop *loop;
    int listener;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct peer peers[PEERS_MAX];
};

static void peer_close(struct peer *peer)
{
    ew_loop_remove_fd(peer->control->loop, peer->in);
    if (peer->in > STDERR_FILENO)
        close(peer->in);
    peer->in = peer->out = -1;
}

static void write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; // whoever asked does not listen
        data += n;
        len -= (size_t)n;
    }
}

static void take_lines(struct peer *peer, int64_t now_ms)
{
    struct ew_buf answer;
    ew_buf_init(&answer, ANSWER_MAX);
    char *newline;
    while ((newline = memchr(peer->text, '\n', peer->len)) != NULL) {
        *newline = 0;
        building_catch_up(peer->control->building, now_ms);
        if (isatty(peer->in) && guide_asked(peer->text))
            guide_write(peer->control->building, &answer);
        else
            control_line(peer->control->building, peer->text, &answer);
        peer->len -= (size_t)(newline + 1 - peer->text);
        memmove(peer->text, newline + 1, peer->len);
    }
    write_all(peer->out, ew_buf_text(&answer), answer.len);
    ew_buf_done(&answer);
}

static void peer_ready(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    struct peer *peer = user;
    ssize_t n = read(fd, peer->text + peer->len, sizeof(peer->text) - peer->len);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) { // standard input may end: the simulation goes on
        peer_close(peer);
        return;
    }
    peer->len += (size_t)n;
    take_lines(peer, now_ms);
    if (peer->len == sizeof(peer->text))
        peer_close(peer); // no line is that long
}

static bool peer_open(struct control *control, int in, int out)
{
    for (int i = 0; i < PEERS_MAX; i++) {
        struct peer *peer = &control->peers[i];
        if (peer->in >= 0)
            continue;
        *peer = (struct peer){.control = control, .in = in, .out = out};
        ew_loop_add_fd(control->loop, in, EPOLLIN, peer_ready, peer);
        return true;
    }
    return false;
}

static void accept_peer(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    (void)now_ms;
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (peer >= 0 && !peer_open(user, peer, peer))
        close(peer);
}

static enum ew_err listen_at(struct control *control, const char *path, struct ew_reason *reason)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return ew_fail(reason, EW_E_TOO_LARGE, "simulator.control", path, "is too long for a socket");
    ew_copy(address.sun_path, sizeof(address.sun_path), path);
    (void)unlink(path);
    control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (control->listener < 0 || bind(control->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(control->listener, PEERS_MAX) != 0)
        return ew_fail(reason, EW_E_IO, "simulator.control", path, "can't be listened at: %s",
                       strerror(errno));
    ew_copy(control->path, sizeof(control->path), path);
    ew_loop_add_fd(control->loop, control->listener, EPOLLIN, accept_peer, control);
    return EW_OK;
}

// epoll takes terminals, pipes and sockets, but no plain files: /dev/null and redirected files have nothing
// to say later.
static bool can_wait_for(int fd)
{
    int probe = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    bool can = probe >= 0 && epoll_ctl(probe, EPOLL_CTL_ADD, fd, &event) == 0;
    if (probe >= 0)
        close(probe);
    return can;
}

enum ew_err control_new(struct building *building, struct ew_loop *loop, bool standard_input,
                        const char *socket_path, struct control **ret, struct ew_reason *reason)
{
    struct control *control = calloc(1, sizeof(*control));
    if (!control)
        abort();
    *ret = control;
    control->building = building;
    control->loop = loop;
    control->listener = -1;
    for (int i = 0; i < PEERS_MAX; i++)
        control->peers[i].in = control->peers[i].out = -1;
    if (standard_input && can_wait_for(STDIN_FILENO))
        (void)peer_open(control, STDIN_FILENO, STDOUT_FILENO);
    return socket_path ? listen_at(control, socket_path, reason) : EW_OK;
}

void control_free(struct control *control)
{
    if (!control)
        return;
    for (int i = 0; i < PEERS_MAX; i++)
        if (control->peers[i].in >= 0)
            peer_close(&control->peers[i]);
    if (control->listener >= 0) {
        ew_loop_remove_fd(control->loop, control->listener);
        close(control->listener);
    }
    if (control->path[0])
        (void)unlink(control->path);
    free(control);
}
