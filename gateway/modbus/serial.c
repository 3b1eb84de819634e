// RTU frames, on a serial port or over TCP. A frame carries no number, so an answer that comes after its
// time-out looks like the answer of the next request of the same unit, function and length. Devices answer in
// order: once a unit has answered a request of another shape, nothing older can come. So requests that timed
// out are remembered until then, an answer of their shape is thrown away, and a request of their shape is not
// sent.
#include "modbus/line_priv.h"

#include "base/clock.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

enum {
    DRAIN_US = 200000, // longest wait for a line to fall silent after damage
    // Time-outs in a row after which a converter is called anew: it may have forgotten the connection (a
    // power cut, a firewall), and nothing would ever tell.
    SILENT_MAX = 3
};

// ---- Late answers ----------------------------------------------------------------------------------------

int mb_answer_bytes(const struct mb_request *rq)
{
    if (mb_is_write(rq->fc))
        return 3;
    return mb_is_bits(rq->fc) ? (rq->count + 7) / 8 : rq->count * 2;
}

int mb_answer_mark(const struct mb_request *rq)
{
    return mb_is_write(rq->fc) ? rq->address >> 8 : mb_answer_bytes(rq);
}

int mb_request_bytes(const struct mb_request *rq)
{
    return rq->fc == 15 ? 9 + (rq->count + 7) / 8 : rq->fc == 16 ? 9 + 2 * rq->count : 8;
}

void mb_late_add(struct mb_line *line, const struct mb_request *rq)
{
    if (mb_late_matches(line, rq->unit, rq->fc, mb_answer_mark(rq)))
        return;
    line->late[line->late_next] =
        (struct mb_late){.unit = (uint8_t)rq->unit, .fc = (uint8_t)rq->fc, .mark = mb_answer_mark(rq)};
    line->late_next = (line->late_next + 1) % MB_LATE_MAX;
}

bool mb_late_matches(const struct mb_line *line, int unit, int fc, int mark)
{
    for (int i = 0; i < MB_LATE_MAX; i++) {
        const struct mb_late *l = &line->late[i];
        if (l->fc != 0 && l->unit == unit && l->fc == fc && l->mark == mark)
            return true;
    }
    return false;
}

bool mb_late_has(const struct mb_line *line, int unit)
{
    for (int i = 0; i < MB_LATE_MAX; i++)
        if (line->late[i].fc != 0 && line->late[i].unit == unit)
            return true;
    return false;
}

void mb_late_clear(struct mb_line *line, int unit)
{
    for (int i = 0; i < MB_LATE_MAX; i++)
        if (line->late[i].unit == unit)
            line->late[i] = (struct mb_late){0};
}

struct mb_request mb_late_other_shape(const struct mb_line *line, const struct mb_request *rq)
{
    struct mb_request other = *rq;
    if (mb_is_write(rq->fc)) { // nothing is written twice: a read of the same place clears the air
        other.fc = mb_is_bits(rq->fc) ? 1 : 3;
        other.count = 1;
        other.words = NULL;
        if (!mb_late_matches(line, other.unit, other.fc, mb_answer_mark(&other)))
            return other;
    }
    int step = other.fc <= 2 ? 8 : 1, count = other.count;
    int max = other.fc <= 2 ? MB_READ_BITS_MAX : MB_READ_MAX;
    // Shorter first: it stays inside what was asked. Longer may meet an illegal address, which is an answer
    // too.
    for (int n = count - step; n >= 1; n -= step) {
        other.count = n;
        if (!mb_late_matches(line, rq->unit, other.fc, mb_answer_mark(&other)))
            return other;
    }
    for (int n = count + step; n <= max && rq->address + n <= 65536; n += step) {
        other.count = n;
        if (!mb_late_matches(line, rq->unit, other.fc, mb_answer_mark(&other)))
            return other;
    }
    other.count = count; // more time-outs in a row than shapes: the ring forgets the oldest
    return other;
}

// ---- The port --------------------------------------------------------------------------------------------

static enum ew_err open_failed(const struct mb_line *line, int error, struct ew_reason *reason)
{
    const char *port = line->options.address;
    enum ew_err err;
    switch (error) {
    case ENOENT:
    case ENXIO:
    case ENODEV:
        err = ew_fail(reason, EW_E_UNKNOWN, "bus.port_missing", "",
                      "There is no serial port %s. Is the adapter plugged in?", port);
        break;
    case EACCES:
    case EPERM:
        err = ew_fail(reason, EW_E_DENIED, "bus.port_denied", "",
                      "The serial port %s may not be opened by this program (group dialout).", port);
        break;
    case EBUSY:
        err = ew_fail(reason, EW_E_BUSY, "bus.port_busy", "",
                      "The serial port %s is used by another program.", port);
        break;
    default:
        err = ew_fail(reason, EW_E_IO, "bus.io", "", "%s: %s.", port, strerror(error));
        break;
    }
    ew_reason_param(reason, "host", "%s", port);
    ew_reason_param(reason, "error", "%s", strerror(error));
    return err;
}

enum ew_err mb_serial_open(struct mb_line *line, struct ew_reason *reason)
{
    if (modbus_connect(line->context) != 0)
        return open_failed(line, errno, reason);
    int fd = modbus_get_socket(line->context);
    if (fd >= FD_SETSIZE) {
        modbus_close(line->context);
        return open_failed(line, EMFILE, reason);
    }
    tcflush(fd, TCIOFLUSH);
    pthread_mutex_lock(&line->lock);
    line->fd = fd;
    pthread_mutex_unlock(&line->lock);
    return EW_OK;
}

int mb_line_wire_us(const struct mb_options *o, int bytes)
{
    if (o->kind == MB_TCP || o->speed_baud <= 0)
        return 0;
    int bits = 1 + 8 + (o->parity != 'N' ? 1 : 0) + o->stop_bits;
    return (int)((int64_t)bytes * bits * 1000000 / o->speed_baud);
}

// 3.5 characters, and 1.75 ms above 19200 bit/s (MODBUS over Serial Line V1.02, 2.5.1.1).
static int64_t silence_us(const struct mb_options *o)
{
#ifdef EDGEWATT_BENCH_SILENCE_US // the bench of the paced line must notice a gap that is too short
    (void)o;
    return EDGEWATT_BENCH_SILENCE_US;
#else
    return o->speed_baud > 19200 ? 1750 : (int64_t)mb_line_wire_us(o, 7) / 2 + 1;
#endif
}

// ---- One exchange ----------------------------------------------------------------------------------------

// Reads away what is there; false when the descriptor is no good any more.
static bool drain(struct mb_line *line, int *ret_bytes)
{
    uint8_t waste[256];
    ssize_t n;
    *ret_bytes = 0;
    do {
        n = line->options.kind == MB_RTU ? read(line->fd, waste, sizeof(waste))
                                         : recv(line->fd, waste, sizeof(waste), MSG_DONTWAIT);
        if (n > 0) {
            *ret_bytes += (int)n;
            line->quiet_us = ew_clock_up_us();
        }
    } while (n > 0 && *ret_bytes < 4096);
    if (n == 0)
        return line->options.kind == MB_RTU; // a serial port with VMIN 0 says 0 for "nothing"
    return n > 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

// After damage the line must fall silent before anything on it can be the begin of a frame.
static void settle(struct mb_line *line)
{
    int64_t until = ew_clock_up_us() + DRAIN_US;
    int bytes;
    while (line->fd >= 0 && drain(line, &bytes)) {
        int64_t quiet = ew_clock_up_us() + silence_us(&line->options) + 5000;
        if (quiet > until || mb_wait_fd(line, line->fd, POLLIN, quiet) != MB_WAIT_READY)
            return;
    }
}

static enum ew_err send_frame(struct mb_line *line, const struct mb_request *rq, struct ew_reason *reason)
{
    int bytes;
    if (!drain(line, &bytes))
        return mb_closed(line, reason);
    uint8_t raw[1 + FRAME_PDU_MAX] = {(uint8_t)rq->unit};
    int len = 1 + (int)mb_request_write(rq, raw + 1);
    // libmodbus checks the range of the unit (0..247) here and compares it with the answer's.
    if (modbus_set_slave(line->context, rq->unit) != 0)
        return ew_fail(reason, EW_E_INVALID, "bus.request", "",
                       "Unit %d is not possible on a serial line (1..247).", rq->unit);
    line->sent = true;
    if (modbus_send_raw_request(line->context, raw, len) < 0)
        return errno == EPIPE || errno == ECONNRESET ? mb_closed(line, reason) : mb_io(line, errno, reason);
    return EW_OK;
}

// libmodbus gives a frame of another unit back without looking at its checksum.
static bool foreign_whole(const uint8_t *frame)
{
    int len = frame[1] & 0x80 ? 5 : mb_is_write(frame[1]) ? 8 : frame[2] + 5;
    return len <= 256 && frame_crc(frame, (size_t)len - 2) == (frame[len - 2] | frame[len - 1] << 8);
}

enum ew_err mb_serial_receive(struct mb_line *line, const struct mb_request *rq, int64_t until_us,
                              uint16_t *ret, struct ew_reason *reason)
{
    for (;;) {
        uint8_t frame[MODBUS_TCP_MAX_ADU_LENGTH] = {(uint8_t)~rq->unit}; // no answer of it begins like this
        int len = 0;
        enum ew_err err = mb_receive(line, rq, until_us, frame, &len, reason);
        if (err != EW_OK)
            return err;
        bool whole = len > 0 || foreign_whole(frame);
        bool wanted = frame[0] == rq->unit && frame[1] == rq->fc && frame[2] == mb_answer_mark(rq);
        if (whole && !wanted && mb_late_matches(line, frame[0], frame[1], frame[2]))
            continue; // the answer of an earlier request; ours is still to come
        if (len == 0)
            return whole ? mb_wrong_unit(rq, frame[0], reason) : mb_bad_crc(rq, reason);
        return mb_answer_check(rq, frame + 1, (size_t)len - 3, ret, reason);
    }
}

static enum ew_err one_exchange(struct mb_line *line, const struct mb_request *rq, uint16_t *ret,
                                struct ew_reason *reason)
{
    int64_t gap = (int64_t)rq->gap_ms * 1000;
    if (gap < silence_us(&line->options))
        gap = silence_us(&line->options);
    enum ew_err err = mb_keep_gap(line, gap, reason);
    if (err == EW_OK)
        err = send_frame(line, rq, reason);
    if (err != EW_OK)
        return err;
    int wire_us = mb_line_wire_us(&line->options, mb_request_bytes(rq) + 5 + mb_answer_bytes(rq));
    int64_t until = ew_clock_up_us() + (int64_t)rq->timeout_ms * 1000 + wire_us;
    err = mb_serial_receive(line, rq, until, ret, reason);
    bool had_late = mb_late_has(line, rq->unit);
    if (err == EW_OK || err == EW_E_EXCEPTION)
        mb_late_clear(line, rq->unit);
    // A refusal has no shape: it may be the late one of an earlier request, and ours still to come.
    if ((err != EW_OK && err != EW_E_EXCEPTION) || (err == EW_E_EXCEPTION && had_late))
        mb_late_add(line, rq);
    return err;
}

enum ew_err mb_serial_exchange(struct mb_line *line, const struct mb_request *rq, uint16_t *ret,
                               struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    if (mb_late_matches(line, rq->unit, rq->fc, mb_answer_mark(rq))) {
        struct mb_request other = mb_late_other_shape(line, rq);
        uint16_t ignored[MB_READ_BITS_MAX];
        err = one_exchange(line, &other, ignored, reason);
        if (err == EW_E_EXCEPTION)
            err = EW_OK;
    }
    if (err == EW_OK)
        err = one_exchange(line, rq, ret, reason);
    if (err == EW_E_PROTOCOL)
        settle(line);
    bool forgotten = line->options.kind == MB_RTU_TCP && line->silent >= SILENT_MAX;
    if (err == EW_E_CLOSED || err == EW_E_IO || forgotten) {
        mb_line_close(line);
        line->silent = 0;
    }
    return err;
}
