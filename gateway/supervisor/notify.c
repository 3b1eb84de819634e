// Ready and heartbeat: systemd's protocol (sd_notify(3)) over a datagram socket. The kernel names the sender,
// so only our own children are believed.
#include "base/log.h"
#include "supervisor/supervisor_priv.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { MESSAGE_MAX = 1024, MESSAGES_A_TURN = 64 };

static void on_readable(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)fd;
    (void)events;
    supervisor_notify_read(user, now_ms);
    supervisor_decide(user, now_ms);
}

// An abstract address: no path that could be too long for a socket, nothing left behind after a kill.
enum ew_err supervisor_notify_open(struct supervisor *s, struct ew_reason *reason)
{
    unsigned random = 0;
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return ew_fail(reason, EW_E_IO, "run.notify", "", "no random number: %s", strerror(errno));
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len =
        snprintf(address.sun_path, sizeof(address.sun_path), "@edgewatt-run/%d-%08x", (int)getpid(), random);
    ew_copy(s->notify_address, sizeof(s->notify_address), address.sun_path);
    address.sun_path[0] = 0;
    s->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len);
    if (s->notify_fd < 0 || setsockopt(s->notify_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
        bind(s->notify_fd, (struct sockaddr *)&address, size) != 0)
        return ew_fail(reason, EW_E_IO, "run.notify", "", "the notify socket can't be opened: %s",
                       strerror(errno));
    ew_loop_add_fd(s->loop, s->notify_fd, EPOLLIN, on_readable, s);
    return EW_OK;
}

static void take_line(struct supervisor *s, int child, const char *line, int64_t now_ms)
{
    struct supervisor_child *c = &s->children[child];
    if (strcmp(line, "READY=1") == 0) {
        supervise_ready(&s->policy, child, now_ms);
        s->changed = true;
    } else if (strcmp(line, "WATCHDOG=1") == 0) {
        supervise_beat(&s->policy, child, now_ms);
    } else if (strncmp(line, "STATUS=", 7) == 0 && strcmp(c->status, line + 7) != 0) {
        ew_copy(c->status, sizeof(c->status), line + 7);
        s->changed = true;
    } else if (strcmp(line, "EDGEWATT_JOB=1") == 0 && strcmp(supervisor_child_name(child), "config") == 0) {
        supervisor_job_start(s);
    }
}

static pid_t sender_of(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
            struct ucred who;
            memcpy(&who, CMSG_DATA(c), sizeof(who));
            return who.pid;
        }
    }
    return 0;
}

void supervisor_notify_read(struct supervisor *s, int64_t now_ms)
{
    for (int i = 0; i < MESSAGES_A_TURN; i++) {
        char text[MESSAGE_MAX + 1];
        union {
            char space[CMSG_SPACE(sizeof(struct ucred))];
            struct cmsghdr align;
        } control;
        struct iovec part = {.iov_base = text, .iov_len = MESSAGE_MAX};
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(s->notify_fd, &message, MSG_CMSG_CLOEXEC);
        if (n < 0)
            return;
        // Descriptors that somebody attaches do not fit the control space: the kernel drops them.
        int child = supervisor_child_of_pid(s, sender_of(&message));
        if (child <= 0 || (message.msg_flags & MSG_TRUNC))
            continue; // the broker's life is judged by its answers, strangers are not heard
        text[n] = 0;
        char *rest = text;
        for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
            take_line(s, child, line, now_ms);
    }
}
