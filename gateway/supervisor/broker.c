// The broker: its files are made anew before every start, its answers are its heartbeat, its log lines pass
// through ours.
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "supervisor/supervisor_priv.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PROBE_START_MS = 50,      // between probes until it accepts
    PROBE_BEAT_MS = 1000,     // between probes afterwards
    PROBE_PATIENCE_MS = 2000, // an answer that takes longer is asked for again
    OUTPUT_LINE_MAX = 1000,
};

// ---- The probe --------------------------------------------------------------------------------------------

// MQTT 3.1.1 CONNECT (section 3.1), clean session, keep alive 10 s, no account. The broker answers CONNACK
// with "not authorised", which needs its loop alive; a mere accept() would come from the kernel.
#define PROBE_ID "edgewatt-probe"
static const char connect_packet[] = "\x10\x1a\x00\x04MQTT\x04\x02\x00\x0a\x00\x0e" PROBE_ID;
enum { CONNACK = 0x20, CONNACK_LEN = 4 };

static void probe_close(struct supervisor *s)
{
    if (s->probe.fd < 0)
        return;
    ew_loop_remove_fd(s->loop, s->probe.fd);
    close(s->probe.fd);
    s->probe.fd = -1;
}

static void probe_again(struct supervisor *s, int64_t now_ms)
{
    bool running = s->policy.children[0].state == SUPERVISE_RUNNING;
    ew_loop_timer_set(s->loop, &s->probe.timer, now_ms + (running ? PROBE_BEAT_MS : PROBE_START_MS));
}

static void on_answer(struct supervisor *s, int64_t now_ms)
{
    unsigned char answer[CONNACK_LEN];
    ssize_t n = recv(s->probe.fd, answer, sizeof(answer), 0);
    if (n == CONNACK_LEN && answer[0] == CONNACK) {
        s->changed = s->changed || s->policy.children[0].state == SUPERVISE_STARTING;
        supervise_ready(&s->policy, 0, now_ms);
        supervise_beat(&s->policy, 0, now_ms);
    }
    probe_close(s);
    probe_again(s, now_ms);
    supervisor_decide(s, now_ms);
}

static void on_probe(void *user, int fd, uint32_t events, int64_t now_ms)
{
    struct supervisor *s = user;
    if (events & EPOLLIN) {
        on_answer(s, now_ms);
        return;
    }
    if (events & (EPOLLERR | EPOLLHUP)) {
        probe_close(s);
        probe_again(s, now_ms);
        return;
    }
    size_t len = sizeof(connect_packet) - 1;
    if (send(fd, connect_packet, len, MSG_NOSIGNAL) == (ssize_t)len) {
        ew_loop_change_fd(s->loop, fd, EPOLLIN);
        s->probe.lines_owed++;
    } else {
        probe_close(s);
        probe_again(s, now_ms);
    }
}

static void probe_begin(struct supervisor *s, int64_t now_ms)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)s->mqtt.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 && errno != EINPROGRESS) {
        close(fd);
        return;
    }
    socklen_t len = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0)
        s->probe.local_ports[s->probe.next_port++ % SUPERVISOR_PROBE_PORTS] = ntohs(address.sin_port);
    s->probe.fd = fd;
    s->probe.begun_ms = now_ms;
    ew_loop_add_fd(s->loop, fd, EPOLLOUT, on_probe, s);
}

static void on_probe_timer(struct ew_timer *timer, int64_t now_ms)
{
    struct supervisor *s = timer->user;
    if (s->probe.fd >= 0 && now_ms - s->probe.begun_ms >= PROBE_PATIENCE_MS)
        probe_close(s);
    if (s->probe.fd < 0)
        probe_begin(s, now_ms);
    probe_again(s, now_ms);
}

void supervisor_probe_start(struct supervisor *s, int64_t now_ms)
{
    s->probe.timer.fn = on_probe_timer;
    s->probe.timer.user = s;
    s->probe.lines_owed = 0;
    ew_loop_timer_set(s->loop, &s->probe.timer, now_ms + PROBE_START_MS);
}

void supervisor_probe_stop(struct supervisor *s)
{
    probe_close(s);
    ew_loop_timer_clear(s->loop, &s->probe.timer);
}

// ---- Log lines --------------------------------------------------------------------------------------------

// "New connection from 127.0.0.1:40312 on port 1883."
static bool about_probe_port(struct supervisor *s, const char *line)
{
    static const char begin[] = "New connection from 127.0.0.1:";
    if (strncmp(line, begin, sizeof(begin) - 1) != 0)
        return false;
    long port = strtol(line + sizeof(begin) - 1, NULL, 10);
    for (int i = 0; i < SUPERVISOR_PROBE_PORTS; i++) {
        if (s->probe.local_ports[i] == port) {
            s->probe.local_ports[i] = 0;
            return true;
        }
    }
    return false;
}

// The broker notes each connection and each refusal; exactly as many such lines as there were probes are
// ours.
static bool about_probe(struct supervisor *s, const char *line)
{
    bool refusal = strstr(line, "not authorised") && (strstr(line, PROBE_ID) || strstr(line, "<unknown>"));
    if (!refusal)
        return about_probe_port(s, line);
    if (s->probe.lines_owed == 0)
        return false;
    s->probe.lines_owed--;
    return true;
}

// mosquitto writes "1690000000: text"; the journal has its own time.
static void pass_line(struct supervisor *s, const char *line)
{
    const char *text = line + strspn(line, "0123456789");
    text = strncmp(text, ": ", 2) == 0 ? text + 2 : line;
    if (!text[0] || about_probe(s, text))
        return;
    enum ew_log_level level = strncmp(text, "Error", 5) == 0     ? EW_LOG_ERROR
                              : strncmp(text, "Warning", 7) == 0 ? EW_LOG_WARNING
                                                                 : EW_LOG_INFO;
    ew_log(level, "broker", "%s", text);
}

static void pass_lines(struct supervisor *s)
{
    const char *end;
    while (s->output.len &&
           ((end = memchr(s->output.data, '\n', s->output.len)) || s->output.len >= OUTPUT_LINE_MAX)) {
        size_t len = end ? (size_t)(end - s->output.data) : s->output.len;
        char line[OUTPUT_LINE_MAX + 1];
        (void)ew_format(line, sizeof(line), "%.*s", (int)(len < OUTPUT_LINE_MAX ? len : OUTPUT_LINE_MAX),
                        s->output.data);
        pass_line(s, line);
        ew_buf_drop_front(&s->output, end ? len + 1 : len);
    }
}

static void on_output(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    (void)now_ms;
    struct supervisor *s = user;
    char block[OUTPUT_LINE_MAX];
    ssize_t n = read(fd, block, sizeof(block));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        supervisor_output_close(s);
        return;
    }
    ew_buf_add(&s->output, block, (size_t)n);
    pass_lines(s);
}

void supervisor_output_open(struct supervisor *s, int fd)
{
    supervisor_output_close(s);
    s->output_fd = fd;
    ew_loop_add_fd(s->loop, fd, EPOLLIN, on_output, s);
}

void supervisor_output_close(struct supervisor *s)
{
    if (s->output_fd < 0)
        return;
    ew_buf_add_text(&s->output, "\n"); // what is left is a line too
    pass_lines(s);
    ew_loop_remove_fd(s->loop, s->output_fd);
    close(s->output_fd);
    s->output_fd = -1;
}

// ---- The process ------------------------------------------------------------------------------------------

void supervisor_broker_become(const struct supervisor *s)
{
    char port[8], tls_port[8] = "off", config[PATH_MAX];
    (void)ew_format(port, sizeof(port), "%d", s->mqtt.port);
    if (s->mqtts.port >= 0)
        (void)ew_format(tls_port, sizeof(tls_port), "%d", s->mqtts.port);
    const char *listen = s->options.listen ? s->options.listen : s->options.demo ? "127.0.0.1" : NULL;
    const char *const files[] = {"broker-files", "--data",  s->data_dir, "--mqtt",
                                 port,           "--mqtts", tls_port,    listen ? "--listen" : NULL,
                                 listen,         NULL};
    if (supervisor_run_command(files) != 0) {
        fprintf(stderr, "Error: the broker's files can't be made\n");
        _exit(1);
    }
    supervisor_path(s, "run/broker/mosquitto.conf", config);
    unsetenv("NOTIFY_SOCKET"); // Debian's broker would speak; its answers say more
    execlp("mosquitto", "mosquitto", "-c", config, (char *)NULL);
    // An ordinary user's PATH has no sbin on Debian.
    execl("/usr/sbin/mosquitto", "mosquitto", "-c", config, (char *)NULL);
    execl("/usr/local/sbin/mosquitto", "mosquitto", "-c", config, (char *)NULL);
    fprintf(stderr, "Error: mosquitto can't be started (%s); is the package installed?\n", strerror(errno));
    _exit(1);
}
