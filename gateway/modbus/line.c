#include "modbus/line_priv.h"

#include "base/clock.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static modbus_t *context_new(const struct mb_options *o)
{
    modbus_t *context = NULL;
    switch (o->kind) {
    case MB_TCP:
        // Only its receiving half is used: the socket is ours (connect.c).
        context = modbus_new_tcp("127.0.0.1", 502);
        break;
    case MB_RTU:
        context = modbus_new_rtu(o->address[0] ? o->address : "/dev/null", o->speed_baud, o->parity, 8,
                                 o->stop_bits);
        break;
    case MB_RTU_TCP:
        // libmodbus has no backend for RTU over TCP, but its RTU half takes any descriptor.
        context = modbus_new_rtu("/dev/null", o->speed_baud, o->parity, 8, o->stop_bits);
        break;
    }
    if (!context)
        abort(); // no memory, or options that the site file's reader does not let through
    modbus_set_error_recovery(context, MODBUS_ERROR_RECOVERY_NONE);
    // 0: the whole answer must be there when the response time-out is over, however it trickles in.
    modbus_set_byte_timeout(context, 0, 0);
    return context;
}

struct mb_line *mb_line_new(const struct mb_options *options)
{
    struct mb_line *line = calloc(1, sizeof(*line));
    if (!line)
        abort();
    line->options = *options;
    line->fd = -1;
    line->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (line->wake_fd < 0)
        abort();
    atomic_init(&line->interrupted, false);
    pthread_mutex_init(&line->lock, NULL);
    line->context = context_new(options);
    return line;
}

void mb_line_free(struct mb_line *line)
{
    if (!line)
        return;
    mb_line_close(line);
    mb_lookup_release(line->lookup);
    modbus_free(line->context);
    pthread_mutex_destroy(&line->lock);
    close(line->wake_fd);
    free(line);
}

void mb_line_interrupt(struct mb_line *line)
{
    atomic_store(&line->interrupted, true);
    if (eventfd_write(line->wake_fd, 1) != 0)
        abort();
    // libmodbus may be waiting in the middle of an answer. A socket can be shut down under it; a serial port
    // can't, there the rest of a frame is waited for, which is short (serial.c).
    pthread_mutex_lock(&line->lock);
    if (line->fd >= 0 && line->options.kind != MB_RTU)
        shutdown(line->fd, SHUT_RDWR);
    pthread_mutex_unlock(&line->lock);
}

enum ew_err mb_interrupted(struct ew_reason *reason)
{
    return ew_fail(reason, EW_E_CLOSED, "bus.interrupted", "",
                   "The exchange was given up: the line is being closed.");
}

enum mb_wait mb_wait_fd(struct mb_line *line, int fd, short events, int64_t until_us)
{
    for (;;) {
        if (atomic_load(&line->interrupted))
            return MB_WAIT_INTERRUPTED;
        int64_t left = until_us - ew_clock_up_us();
        if (left < 0)
            left = 0;
        struct timespec t = {.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};
        struct pollfd fds[2] = {{.fd = line->wake_fd, .events = POLLIN}, {.fd = fd, .events = events}};
        int n = ppoll(fds, 2, &t, NULL);
        if (n < 0 && errno != EINTR)
            abort(); // wrong arguments or no kernel memory
        if (n > 0 && fds[1].revents)
            return atomic_load(&line->interrupted) ? MB_WAIT_INTERRUPTED : MB_WAIT_READY;
        if (n == 0)
            return MB_WAIT_TIMEOUT;
    }
}

bool mb_line_is_open(const struct mb_line *line)
{
    return line->fd >= 0;
}

bool mb_line_is_down(const struct mb_line *line)
{
    return line->down;
}

void mb_line_close(struct mb_line *line)
{
    if (line->fd < 0)
        return;
    pthread_mutex_lock(&line->lock);
    if (line->options.kind == MB_RTU)
        modbus_close(line->context); // gives the port its old settings back
    else
        close(line->fd);
    line->fd = -1;
    pthread_mutex_unlock(&line->lock);
    modbus_set_socket(line->context, -1);
}

static enum ew_err open_socket(struct mb_line *line, struct ew_reason *reason)
{
    int fd;
    enum ew_err err = mb_connect_tcp(line, &fd, reason);
    if (err != EW_OK)
        return err;
    pthread_mutex_lock(&line->lock);
    line->fd = fd;
    pthread_mutex_unlock(&line->lock);
    modbus_set_socket(line->context, fd);
    return EW_OK;
}

enum ew_err mb_line_open(struct mb_line *line, struct ew_reason *reason)
{
    if (atomic_load(&line->interrupted))
        return mb_interrupted(reason);
    if (line->fd >= 0)
        return EW_OK;
    line->answers = 0;
    enum ew_err err = line->options.kind == MB_RTU ? mb_serial_open(line, reason) : open_socket(line, reason);
    line->down = err != EW_OK;
    line->quiet_us = ew_clock_up_us();
    return err;
}

static enum ew_err exchange(struct mb_line *line, const struct mb_request *rq, uint16_t *ret,
                            struct ew_reason *reason)
{
    enum ew_err err = mb_line_open(line, reason);
    if (err != EW_OK)
        return err;
    line->down = line->repeat = line->sent = false;
    return line->options.kind == MB_TCP ? mb_tcp_exchange(line, rq, ret, reason)
                                        : mb_serial_exchange(line, rq, ret, reason);
}

enum ew_err mb_line_ask(struct mb_line *line, const struct mb_request *rq, uint16_t *ret,
                        struct ew_reason *reason)
{
    enum ew_err err = mb_request_check(rq, reason);
    if (err != EW_OK)
        return err;
    bool used = line->fd >= 0 && line->answers > 0;
    err = exchange(line, rq, ret, reason);
    // Many devices close a connection that was idle for some seconds. That is no error of theirs.
    bool again = line->repeat && used && !(mb_is_write(rq->fc) && line->sent);
    if (err != EW_OK && again && !atomic_load(&line->interrupted))
        err = exchange(line, rq, ret, reason);
    if (err == EW_OK || err == EW_E_EXCEPTION)
        line->answers++;
    return err;
}
