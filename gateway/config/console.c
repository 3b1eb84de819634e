// The console's way in while config runs: DATA/run/config.sock, for root and for the user that config runs
// as. One line of JSON asks, one line answers: {"result":...} or {"error":{...}}.
#include "base/clock.h"
#include "base/log.h"
#include "config/config_priv.h"
#include "config/console_job.h"
#include "service/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { GUESTS_MAX = 8, PATIENCE_MS = 10000 };

struct guest {
    struct console *console;
    int fd;       // -1 = free
    bool waiting; // for the broker; the answer is ready
    int64_t due_ms;
    struct ew_buf in, out;
};

struct console {
    struct config *config;
    int fd;
    char path[PATH_MAX];
    struct guest guests[GUESTS_MAX];
    struct ew_timer timer;
};

static void drop(struct guest *guest)
{
    ew_loop_remove_fd(guest->console->config->service->loop, guest->fd);
    close(guest->fd);
    guest->fd = -1;
    if (guest->out.data)
        secret_wipe(guest->out.data, guest->out.cap);
    ew_buf_done(&guest->in);
    ew_buf_done(&guest->out);
}

// An answer is a few kilobytes at most into an empty socket: it fits, or the other side is not ours.
static void send_answer(struct guest *guest)
{
    ew_buf_add_text(&guest->out, "\n");
    if (send(guest->fd, guest->out.data, guest->out.len, MSG_NOSIGNAL | MSG_DONTWAIT) !=
        (ssize_t)guest->out.len)
        ew_warning("console", "an answer was not taken, ignoring");
    drop(guest);
}

static void put_error(struct guest *guest, const struct ew_reason *reason)
{
    struct ew_jw w;
    if (guest->out.data)
        secret_wipe(guest->out.data, guest->out.cap);
    ew_buf_clear(&guest->out);
    ew_jw_init(&w, &guest->out);
    ew_jw_open_object(&w, NULL);
    ew_jw_reason(&w, "error", reason);
    ew_jw_close_object(&w);
}

static void on_opened(void *user, const struct ew_reason *reason)
{
    struct guest *guest = user;
    guest->waiting = false;
    // The account stands in the store: without the broker it is opened at the broker's next start.
    if (reason)
        ew_warning("console", "the account is opened at the next start of the broker: %s", reason->text);
    send_answer(guest);
}

// True when the answer must wait for the broker.
static bool take_effect(struct guest *guest, const struct console_effect *effect)
{
    struct config *config = guest->console->config;
    struct ew_reason reason;
    ew_reason_clear(&reason);
    switch (effect->what) {
    case CONSOLE_NOTHING:
        return false;
    case CONSOLE_OPENED:
        publish_audit(config, "console", "", "account_add", NULL);
        ew_notice("console", "account added name=%s role=%s", effect->name,
                  effect->command ? "command" : "read");
        if (access_integration(&config->files.rights, effect->name, effect->command ? "command" : "read",
                               config->list, &reason) != EW_OK) {
            (void)ew_log_reason(EW_LOG_ERROR, "console", &reason);
            return false;
        }
        warden_open(config->warden, effect->name, effect->password, config->list, on_opened, guest);
        return true;
    case CONSOLE_CLOSED:
        publish_audit(config, "console", "", "account_remove", NULL);
        ew_notice("console", "account removed name=%s", effect->name);
        warden_close(config->warden, effect->name);
        return false;
    case CONSOLE_USER_RESET:
        login_end_sessions(config, effect->user);
        publish_audit(config, "console", effect->name, "user_reset", NULL);
        break;
    case CONSOLE_USER_UNLOCKED:
        publish_audit(config, "console", effect->name, "user_unlock", NULL);
        break;
    }
    for (int i = 0; i < config->accounts->user_count; i++)
        if (config->accounts->users[i].id == effect->user)
            config->user_until_ms[i] = 0;
    ew_notice("console", "codes or lock of a user changed name=%s", effect->name);
    return false;
}

static void run(struct guest *guest)
{
    struct config *config = guest->console->config;
    struct console_effect effect;
    struct ew_reason reason;
    cJSON *request = NULL;
    ew_reason_clear(&reason);
    enum ew_err err = ew_json_parse(guest->in.data, guest->in.len, CONSOLE_TEXT_MAX, &request, &reason);
    ew_buf_add_text(&guest->out, "{\"result\":");
    if (err == EW_OK)
        err = console_job(config->accounts, &config->files.rights, request, ew_clock_wall_ms(), &guest->out,
                          &effect, &reason);
    ew_buf_add_text(&guest->out, "}");
    cJSON_Delete(request);
    if (err != EW_OK) {
        put_error(guest, &reason);
        send_answer(guest);
        return;
    }
    guest->waiting = take_effect(guest, &effect);
    if (effect.what != CONSOLE_NOTHING)
        login_save(config);
    secret_wipe(&effect, sizeof(effect));
    if (!guest->waiting)
        send_answer(guest);
}

static void on_guest(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    (void)now_ms;
    struct guest *guest = user;
    char block[4096];
    ssize_t n = recv(fd, block, sizeof(block), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (guest->waiting) { // who goes away now is forgotten when the broker has answered
        if (n <= 0)
            ew_loop_change_fd(guest->console->config->service->loop, fd, 0);
        return;
    }
    if (n <= 0) {
        drop(guest);
        return;
    }
    ew_buf_add(&guest->in, block, (size_t)n);
    char *end = guest->in.data ? memchr(guest->in.data, '\n', guest->in.len) : NULL;
    if (guest->in.full) {
        drop(guest);
    } else if (end) {
        guest->in.len = (size_t)(end - guest->in.data);
        run(guest);
    }
}

static void on_timer(struct ew_timer *timer, int64_t now_ms)
{
    struct console *console = timer->user;
    for (int i = 0; i < GUESTS_MAX; i++)
        if (console->guests[i].fd >= 0 && !console->guests[i].waiting && console->guests[i].due_ms <= now_ms)
            drop(&console->guests[i]);
    ew_loop_timer_set(console->config->service->loop, timer, now_ms + PATIENCE_MS);
}

static bool may_come_in(int fd)
{
    struct ucred who;
    socklen_t len = sizeof(who);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && (who.uid == 0 || who.uid == geteuid());
}

static void on_door(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    struct console *console = user;
    int guest_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (guest_fd < 0)
        return;
    struct guest *guest = NULL;
    for (int i = 0; i < GUESTS_MAX && !guest; i++)
        if (console->guests[i].fd < 0)
            guest = &console->guests[i];
    if (!guest || !may_come_in(guest_fd)) {
        close(guest_fd);
        return;
    }
    *guest = (struct guest){.console = console, .fd = guest_fd, .due_ms = now_ms + PATIENCE_MS};
    ew_buf_init(&guest->in, CONSOLE_TEXT_MAX);
    ew_buf_init(&guest->out, CONSOLE_TEXT_MAX);
    ew_loop_add_fd(console->config->service->loop, guest_fd, EPOLLIN, on_guest, guest);
}

// A socket's path has 108 bytes; a data folder may be deeper. /proc/self/fd makes every path short.
static int bind_below(const char *folder, int fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -1;
    (void)ew_format(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/config.sock", dir);
    int r = bind(fd, (const struct sockaddr *)&address, sizeof(address));
    close(dir);
    return r;
}

struct console *console_new(struct config *config)
{
    struct console *console = calloc(1, sizeof(*console));
    char folder[PATH_MAX];
    if (!console)
        abort();
    console->config = config;
    for (int i = 0; i < GUESTS_MAX; i++)
        console->guests[i].fd = -1;
    ew_path(folder, config->service->data_dir, "run");
    ew_path(console->path, config->service->data_dir, "run/config.sock");
    console->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(console->path);
    if (console->fd < 0 || bind_below(folder, console->fd) != 0 || chmod(console->path, 0600) != 0 ||
        listen(console->fd, GUESTS_MAX) != 0) {
        ew_warning("console", "%s can't be opened (%s), going on without the console", console->path,
                   strerror(errno));
        return console;
    }
    ew_loop_add_fd(config->service->loop, console->fd, EPOLLIN, on_door, console);
    console->timer.fn = on_timer;
    console->timer.user = console;
    ew_loop_timer_set(config->service->loop, &console->timer,
                      ew_loop_now_ms(config->service->loop) + PATIENCE_MS);
    return console;
}

void console_free(struct console *console)
{
    if (!console)
        return;
    for (int i = 0; i < GUESTS_MAX; i++)
        if (console->guests[i].fd >= 0)
            drop(&console->guests[i]);
    ew_loop_timer_clear(console->config->service->loop, &console->timer);
    if (console->fd >= 0) {
        ew_loop_remove_fd(console->config->service->loop, console->fd);
        close(console->fd);
        unlink(console->path);
    }
    free(console);
}
