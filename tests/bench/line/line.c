// An RS485 line at its real speed, as an instrument: a pseudo-terminal on the master's side, an RTU-over-TCP
// slave on the other (edgewatt simulate, or anything else). It shares no code with the product, so that it
// can judge it.
//
//     line --pty LINK --slave HOST:PORT [--speed 19200] [--bits 11] [--cycle N] [--report FILE]
//
// A pty has no speed. This program gives it one: a request occupies the line for bytes x character time from
// the moment it is first seen; it reaches the slave when its last bit would have; the answer's bytes are put
// out one by one at absolute deadlines, none before 3.5 characters of silence have passed. A request that
// begins less than 3.5 characters after the last byte on the line is refused (dropped, as a slave that keeps
// to the rules would) and counted. Source of t3.5 and t1.5: "MODBUS over serial line specification and
// implementation guide" V1.02, 2.5.1.1 (1750 us above 19200 bit/s).
//
// On SIGTERM it prints one JSON object: what it saw, how long the line was busy and silent by rule, and its
// own error (how late it was against its deadlines). With --cycle N the wall time of every N answers in a row
// is held against busy and mandatory time in it: "cycles" lists the quotients, in 1/1000.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MAX = 256, LATE_SAMPLES_MAX = 1 << 20, ANSWER_WAIT_MS = 5000, CYCLES_MAX = 1000 };

struct line {
    int pty, slave;
    int64_t char_ns, silence_ns;
    int64_t free_ns; // when the last byte's last bit left the line
    int64_t busy_ns, mandatory_ns, first_ns, last_ns;
    long requests, answers, refused, incomplete;
    int32_t *late_us;
    long late_count;
    long cycle_answers; // 0 = no cycles
    int64_t cycle_start_ns, cycle_used_ns;
    int32_t cycles[CYCLES_MAX]; // wall / (busy + mandatory), in 1/1000
    int cycle_count;
};

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// Sleeps to within 60 us of the deadline and spins the rest: timers alone are late by that much.
static void wait_until(struct line *l, int64_t at_ns)
{
    int64_t early_ns = at_ns - 60000;
    struct timespec t = {.tv_sec = early_ns / 1000000000, .tv_nsec = early_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR && !stop_asked)
        continue;
    int64_t now;
    while ((now = now_ns()) < at_ns && !stop_asked)
        continue;
    if (l->late_count < LATE_SAMPLES_MAX)
        l->late_us[l->late_count++] = (int32_t)((now - at_ns) / 1000);
}

// Length of the request that begins with these bytes; 0 = more are needed, -1 = not one we can tell.
static int request_length(const uint8_t *p, int have)
{
    if (have < 2)
        return 0;
    switch (p[1]) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
        return 8;
    case 15:
    case 16:
        return have < 7 ? 0 : 9 + p[6];
    case 17:
        return 4;
    default:
        return -1;
    }
}

// Reads what the master has written, at most what fits; 0 = nothing yet (nobody may have the terminal open).
static int read_some(struct line *l, uint8_t frame[FRAME_MAX], int have)
{
    ssize_t got = read(l->pty, frame + have, (size_t)(FRAME_MAX - have));
    if (got < 0 && (errno == EIO || errno == EAGAIN)) {
        struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
    }
    return got > 0 ? (int)got : 0;
}

// Reads one request: its bytes come in a burst, and its length is known by its function code. Returns its
// length, 0 when asked to stop, and minus the bytes when the rest never came.
static int read_request(struct line *l, uint8_t frame[FRAME_MAX], int64_t *ret_start_ns)
{
    int have = 0;
    while (!stop_asked) {
        struct pollfd p = {.fd = l->pty, .events = POLLIN};
        int n = poll(&p, 1, have ? 20 : 200);
        if (n == 0 && have) {
            l->incomplete++;
            return -have;
        }
        int got = n > 0 ? read_some(l, frame, have) : 0;
        if (got && have == 0)
            *ret_start_ns = now_ns();
        have += got;
        int length = request_length(frame, have);
        if (length < 0 || (length > 0 && have >= length) || have == FRAME_MAX)
            return have;
    }
    return 0;
}

// Length of the answer that begins with these bytes; FRAME_MAX while it can't be told.
static int answer_length(const uint8_t *p, int have)
{
    if (have < 3)
        return FRAME_MAX;
    if (p[1] & 0x80)
        return 5;
    return p[1] <= 4 || p[1] == 17 ? 5 + p[2] : 8;
}

// Reads the slave's answer. 0 = none: the slave is silent, or the master has given up and asks again.
static int read_answer(struct line *l, uint8_t frame[FRAME_MAX])
{
    int have = 0;
    int64_t until_ns = now_ns() + (int64_t)ANSWER_WAIT_MS * 1000000;
    while (!stop_asked && have < answer_length(frame, have)) {
        struct pollfd p[2] = {{.fd = l->slave, .events = POLLIN},
                              {.fd = l->pty, .events = have ? 0 : POLLIN}};
        int n = poll(p, 2, have ? 2 : 50);
        bool from_slave = n > 0 && (p[0].revents & (POLLIN | POLLHUP));
        bool asked_again = n > 0 && (p[1].revents & POLLIN) && !from_slave;
        if (asked_again || (n == 0 && (have || now_ns() > until_ns)))
            return have;
        ssize_t got = from_slave ? read(l->slave, frame + have, (size_t)(FRAME_MAX - have)) : 0;
        if (from_slave && got <= 0)
            return have;
        have += (int)got;
    }
    return have;
}

static void put_answer(struct line *l, const uint8_t *frame, int length)
{
    int64_t start_ns = l->free_ns + l->silence_ns, now = now_ns();
    if (start_ns < now)
        start_ns = now;
    for (int i = 0; i < length && !stop_asked; i++) {
        wait_until(l, start_ns + (i + 1) * l->char_ns); // a byte is there when its last bit is
        if (write(l->pty, frame + i, 1) != 1)
            return; // the master hung up
    }
    l->free_ns = start_ns + length * l->char_ns;
    l->busy_ns += length * l->char_ns;
    l->mandatory_ns += l->silence_ns;
    l->answers++;
}

static void drain(int fd)
{
    uint8_t rest[FRAME_MAX];
    while (recv(fd, rest, sizeof(rest), MSG_DONTWAIT) > 0)
        continue;
}

// A cycle ends with its last answer's last bit, and the next one begins there.
static void end_cycle(struct line *l)
{
    if (l->cycle_answers == 0 || l->answers % l->cycle_answers != 0)
        return;
    int64_t used_ns = l->busy_ns + l->mandatory_ns;
    if (l->cycle_start_ns && l->cycle_count < CYCLES_MAX)
        l->cycles[l->cycle_count++] =
            (int32_t)((l->free_ns - l->cycle_start_ns) * 1000 / (used_ns - l->cycle_used_ns));
    l->cycle_start_ns = l->free_ns;
    l->cycle_used_ns = used_ns;
}

static void run(struct line *l)
{
    uint8_t frame[FRAME_MAX];
    while (!stop_asked) {
        int64_t start_ns = 0;
        int length = read_request(l, frame, &start_ns);
        if (length == 0)
            break;
        if (l->requests == 0)
            l->first_ns = start_ns;
        l->requests++;
        bool too_early = l->free_ns && start_ns < l->free_ns + l->silence_ns;
        l->busy_ns += (length < 0 ? -length : length) * l->char_ns;
        l->mandatory_ns += l->silence_ns;
        l->free_ns = start_ns + (length < 0 ? -length : length) * l->char_ns;
        if (too_early)
            l->refused++;
        if (too_early || length < 0)
            continue;
        wait_until(l, l->free_ns);
        drain(l->slave);
        if (send(l->slave, frame, (size_t)length, MSG_NOSIGNAL) != length)
            break;
        int answer = read_answer(l, frame);
        if (answer > 0) {
            put_answer(l, frame, answer);
            end_cycle(l);
        }
        l->last_ns = l->free_ns;
    }
}

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void report(struct line *l, FILE *to)
{
    qsort(l->late_us, (size_t)l->late_count, sizeof(*l->late_us), by_value);
    int32_t p50 = l->late_count ? l->late_us[l->late_count / 2] : 0;
    int32_t p99 = l->late_count ? l->late_us[l->late_count * 99 / 100] : 0;
    int32_t max = l->late_count ? l->late_us[l->late_count - 1] : 0;
    fprintf(to,
            "{\"requests\":%ld,\"answers\":%ld,\"refused\":%ld,\"incomplete\":%ld,\"wall_us\":%lld,\"busy_"
            "us\":%lld,"
            "\"mandatory_silence_us\":%lld,\"error_us\":{\"p50\":%d,\"p99\":%d,\"max\":%d},\"cycles\":[",
            l->requests, l->answers, l->refused, l->incomplete,
            (long long)((l->last_ns - l->first_ns) / 1000), (long long)(l->busy_ns / 1000),
            (long long)(l->mandatory_ns / 1000), p50, p99, max);
    for (int i = 0; i < l->cycle_count; i++)
        fprintf(to, "%s%d", i ? "," : "", l->cycles[i]);
    fprintf(to, "]}\n");
    fflush(to);
}

static int open_pty(const char *link_path)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        return -1;
    struct termios t;
    // The slave side stays open here, so that the master's closing and opening is no hang-up for us.
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0 || tcgetattr(slave, &t) != 0)
        return -1;
    cfmakeraw(&t);
    if (tcsetattr(slave, TCSANOW, &t) != 0)
        return -1;
    if ((unlink(link_path) != 0 && errno != ENOENT) || symlink(ptsname(master), link_path) != 0)
        return -1;
    return master;
}

static int connect_slave(const char *where)
{
    char host[64];
    const char *colon = strrchr(where, ':');
    if (!colon || (size_t)(colon - where) >= sizeof(host))
        return -1;
    memcpy(host, where, (size_t)(colon - where));
    host[colon - where] = 0;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10))};
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
        return -1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

struct arguments {
    const char *pty, *slave, *file;
    long speed, bits, cycle;
};

static bool read_arguments(int argc, char **argv, struct arguments *ret)
{
    *ret = (struct arguments){.speed = 19200, .bits = 11};
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (strcmp(name, "--pty") == 0)
            ret->pty = value;
        else if (strcmp(name, "--slave") == 0)
            ret->slave = value;
        else if (strcmp(name, "--speed") == 0)
            ret->speed = strtol(value, NULL, 10);
        else if (strcmp(name, "--bits") == 0)
            ret->bits = strtol(value, NULL, 10);
        else if (strcmp(name, "--cycle") == 0)
            ret->cycle = strtol(value, NULL, 10);
        else if (strcmp(name, "--report") == 0)
            ret->file = value;
        else
            return false;
    }
    return ret->pty && ret->slave && ret->speed >= 300 && ret->bits >= 10 && ret->bits <= 12;
}

static int report_to(struct line *l, const char *file)
{
    FILE *to = file ? fopen(file, "w") : stdout;
    if (!to)
        return 1;
    report(l, to);
    return fclose(to) != 0;
}

int main(int argc, char **argv)
{
    struct arguments args;
    if (!read_arguments(argc, argv, &args)) {
        fprintf(stderr, "usage: line --pty LINK --slave HOST:PORT [--speed 19200] [--bits 11] [--cycle N] "
                        "[--report FILE]\n");
        return 2;
    }
    struct line l = {.char_ns = args.bits * 1000000000 / args.speed, .cycle_answers = args.cycle};
    l.silence_ns = args.speed > 19200 ? 1750000 : l.char_ns * 7 / 2;
    l.late_us = malloc(sizeof(*l.late_us) * LATE_SAMPLES_MAX);
    l.pty = open_pty(args.pty);
    l.slave = connect_slave(args.slave);
    int code = 1;
    if (!l.late_us || l.pty < 0 || l.slave < 0) {
        fprintf(stderr, "line: %s: %s\n", l.pty < 0 ? args.pty : args.slave, strerror(errno));
    } else {
        struct sigaction action = {.sa_handler = on_signal};
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGINT, &action, NULL);
        printf("line ready\n");
        fflush(stdout);
        run(&l);
        code = report_to(&l, args.file);
    }
    unlink(args.pty);
    free(l.late_us);
    return code;
}
