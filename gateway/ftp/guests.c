#include "ftp/guests.h"

#include "base/buf.h"
#include "base/log.h"
#include "core/access/slowdown.h"
#include "ftp/settings.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BACKLOG = 16, ACCEPTS_A_TURN = 4, FILES_MAX = 64, ADDRESS_MAX = 48 };

struct guest {
    pid_t pid; // 0 = free
    char address[ADDRESS_MAX];
};

struct ftp_guests {
    struct ew_loop *loop;
    struct ftp_guests_options options;
    int listener; // -1 = closed
    int64_t refused;
    struct guest guests[FTP_GUESTS_MAX];
    struct slowdown slowdown;
};

// ---- In the child ----------------------------------------------------------------------------------------

static bool bound(int resource, rlim_t most)
{
    struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
    return setrlimit((unsigned)resource, &limit) == 0;
}

static void plain_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
}

// inetd's way: the connection is standard input and output. Everything else closes at exec.
static bool hand_over(int connection)
{
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    return nothing >= 0 && dup2(connection, STDIN_FILENO) >= 0 && dup2(connection, STDOUT_FILENO) >= 0 &&
           dup2(nothing, STDERR_FILENO) >= 0;
}

__attribute__((noreturn)) static void become(const struct ftp_guests_options *options, int connection,
                                             pid_t parent)
{
    static char name[] = "proftpd", option[] = "-c", path[] = "PATH=/usr/bin:/bin", zone[] = "TZ=UTC",
                language[] = "LC_ALL=C.UTF-8";
    char *environment[] = {path, zone, language, NULL};
    // execve takes char *const[] for history's sake; it changes nothing (POSIX, exec, rationale).
    char *args[] = {name, option, (char *)(uintptr_t)options->config, NULL};
    plain_signals();
    setpgid(0, 0);
    if (hand_over(connection) && bound(RLIMIT_CORE, 0) && bound(RLIMIT_NOFILE, FILES_MAX) &&
        bound(RLIMIT_FSIZE, (rlim_t)FTP_UPLOAD_MAX_MB << 20) && ftp_jail_enter(options->jail) &&
        prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
        execve(options->program, args, environment);
    _exit(1);
}

// ---- Who comes in ----------------------------------------------------------------------------------------

static void address_text(const struct sockaddr_storage *from, char dst[ADDRESS_MAX])
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)from;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
    dst[0] = 0;
    if (from->ss_family == AF_INET)
        (void)inet_ntop(AF_INET, &in->sin_addr, dst, ADDRESS_MAX);
    else if (from->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
        (void)inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], dst, ADDRESS_MAX);
    else if (from->ss_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &in6->sin6_addr, dst, ADDRESS_MAX);
}

static void refuse(struct ftp_guests *guests, int connection, const char *text)
{
    guests->refused++;
    (void)send(connection, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
    close(connection);
}

static struct guest *find_place(struct ftp_guests *guests, const char *address, int *ret_same)
{
    struct guest *place = NULL;
    *ret_same = 0;
    for (int i = 0; i < FTP_GUESTS_MAX; i++) {
        struct guest *one = &guests->guests[i];
        if (!one->pid)
            place = one;
        else
            *ret_same += strcmp(one->address, address) == 0;
    }
    return place;
}

static void let_in(struct ftp_guests *guests, int connection, const struct sockaddr_storage *from,
                   int64_t now_ms)
{
    char address[ADDRESS_MAX], text[96];
    int same;
    address_text(from, address);
    struct guest *place = find_place(guests, address, &same);
    int64_t wait_ms = slowdown_wait_ms(&guests->slowdown, address, now_ms);
    if (wait_ms > 0) {
        (void)ew_format(text, sizeof(text), "421 Too many wrong passwords; try again in %lld s.\r\n",
                        (long long)(wait_ms + 999) / 1000);
        refuse(guests, connection, text);
        return;
    }
    if (!place || same >= FTP_GUESTS_PER_ADDRESS) {
        refuse(guests, connection, "421 Too many connections; try again later.\r\n");
        return;
    }
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(&guests->options, connection, parent);
    if (pid < 0) {
        ew_error("ftp", "no process for %s: %s", address, strerror(errno));
        refuse(guests, connection, "421 No room; try again later.\r\n");
        return;
    }
    place->pid = pid;
    ew_copy(place->address, sizeof(place->address), address);
    close(connection);
    ew_debug("ftp", "connection from=%s pid=%d", address, (int)pid);
}

static void on_newcomers(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    struct ftp_guests *guests = user;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof(from);
        int connection = accept4(fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
        if (connection < 0)
            return;
        let_in(guests, connection, &from, now_ms);
    }
}

static void on_child(void *user, int number, int64_t now_ms)
{
    (void)number;
    (void)now_ms;
    struct ftp_guests *guests = user;
    int status;
    for (int i = 0; i < FTP_GUESTS_MAX; i++)
        if (guests->guests[i].pid && waitpid(guests->guests[i].pid, &status, WNOHANG) != 0)
            guests->guests[i].pid = 0;
}

const char *ftp_guests_tell(struct ftp_guests *guests, long pid, bool right, int64_t now_ms)
{
    for (int i = 0; i < FTP_GUESTS_MAX; i++) {
        const struct guest *one = &guests->guests[i];
        if (!one->pid || one->pid != pid)
            continue;
        if (right)
            slowdown_right(&guests->slowdown, one->address);
        else
            slowdown_wrong(&guests->slowdown, one->address, now_ms);
        return one->address;
    }
    return "";
}

// ---- The door --------------------------------------------------------------------------------------------

struct ftp_guests *ftp_guests_new(struct ew_loop *loop, const struct ftp_guests_options *options)
{
    struct ftp_guests *guests = calloc(1, sizeof(*guests));
    if (!guests)
        abort();
    guests->loop = loop;
    guests->options = *options;
    guests->listener = -1;
    ew_loop_add_signal(loop, SIGCHLD, on_child, guests);
    return guests;
}

static int listen_at(const char *address, int port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    bool six = !address || inet_pton(AF_INET6, address, &in6.sin6_addr) == 1; // :: takes IPv4 too
    if (!six && inet_pton(AF_INET, address, &in.sin_addr) != 1) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0;
    if (fd < 0 && six && !address) // a machine without IPv6
        return listen_at("0.0.0.0", port);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (six)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, six ? (const struct sockaddr *)&in6 : (const struct sockaddr *)&in,
             six ? sizeof(in6) : sizeof(in)) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

enum ew_err ftp_guests_open(struct ftp_guests *guests, const char *address, int port,
                            struct ew_reason *reason)
{
    if (guests->listener >= 0)
        return EW_OK;
    int fd = listen_at(address, port);
    if (fd < 0) {
        enum ew_err err =
            ew_fail(reason, EW_E_IO, "ftp.port", "", "Port %d can't be opened: %s", port, strerror(errno));
        ew_reason_param(reason, "port", "%d", port);
        ew_reason_param(reason, "problem", "%s", strerror(errno));
        return err;
    }
    guests->listener = fd;
    ew_loop_add_fd(guests->loop, fd, EPOLLIN, on_newcomers, guests);
    return EW_OK;
}

void ftp_guests_end(struct ftp_guests *guests)
{
    int status;
    for (int i = 0; i < FTP_GUESTS_MAX; i++) {
        pid_t pid = guests->guests[i].pid;
        if (!pid)
            continue;
        kill(pid, SIGKILL); // our unreaped child: the number can't be another's
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
        guests->guests[i].pid = 0;
    }
}

void ftp_guests_close(struct ftp_guests *guests)
{
    if (guests->listener >= 0) {
        ew_loop_remove_fd(guests->loop, guests->listener);
        close(guests->listener);
    }
    guests->listener = -1;
    ftp_guests_end(guests);
}

void ftp_guests_free(struct ftp_guests *guests)
{
    if (!guests)
        return;
    ftp_guests_close(guests);
    free(guests);
}

bool ftp_guests_listening(const struct ftp_guests *guests)
{
    return guests->listener >= 0;
}

int ftp_guests_count(const struct ftp_guests *guests)
{
    int count = 0;
    for (int i = 0; i < FTP_GUESTS_MAX; i++)
        count += guests->guests[i].pid != 0;
    return count;
}

int64_t ftp_guests_refused(const struct ftp_guests *guests)
{
    return guests->refused;
}
