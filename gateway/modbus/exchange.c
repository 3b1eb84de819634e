// One request and its answer over Modbus TCP, and what serial.c shares with it.
#include "modbus/line_priv.h"

#include "base/clock.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum {
    // Serial adapters hand bytes over in bunches (FTDI: every 16 ms) and network converters cut frames where
    // they like: the rest of a serial frame that has begun may be that late.
    BUNCH_US = 100000,
    IDLE_US = 5000
};

enum ew_err mb_closed(struct mb_line *line, struct ew_reason *reason)
{
    if (atomic_load(&line->interrupted))
        return mb_interrupted(reason);
    line->repeat = true;
    if (line->options.kind == MB_RTU) {
        line->down = true;
        enum ew_err err =
            ew_fail(reason, EW_E_CLOSED, "bus.port_missing", "",
                    "The serial port %s has gone. Was the adapter unplugged?", line->options.address);
        ew_reason_param(reason, "host", "%s", line->options.address);
        return err;
    }
    enum ew_err err =
        ew_fail(reason, EW_E_CLOSED, "bus.closed", "",
                "%s closed the connection instead of answering. Does another program use it? Some "
                "converters take one connection only.",
                line->options.address);
    ew_reason_param(reason, "host", "%s", line->options.address);
    return err;
}

enum ew_err mb_io(struct mb_line *line, int error, struct ew_reason *reason)
{
    line->down = true;
    enum ew_err err =
        ew_fail(reason, EW_E_IO, "bus.io", "", "%s: %s.", line->options.address, strerror(error));
    ew_reason_param(reason, "host", "%s", line->options.address);
    ew_reason_param(reason, "error", "%s", strerror(error));
    return err;
}

enum ew_err mb_wrong_unit(const struct mb_request *rq, int got, struct ew_reason *reason)
{
    enum ew_err err = ew_fail(
        reason, EW_E_PROTOCOL, "bus.wrong_unit", "",
        "Unit %d answered although unit %d was asked. Do two devices have the same address?", got, rq->unit);
    ew_reason_param(reason, "unit", "%d", rq->unit);
    ew_reason_param(reason, "got", "%d", got);
    return err;
}

static enum ew_err silent(struct mb_line *line, const struct mb_request *rq, bool begun,
                          struct ew_reason *reason)
{
    if (atomic_load(&line->interrupted))
        return mb_interrupted(reason);
    line->silent = begun ? 0 : line->silent + 1;
    enum ew_err err =
        begun ? ew_fail(reason, EW_E_TIMEOUT, "bus.cut_short", "",
                        "Unit %d began to answer but did not finish within %d ms.", rq->unit, rq->timeout_ms)
              : ew_fail(reason, EW_E_TIMEOUT, "bus.timeout", "", "Unit %d did not answer within %d ms.",
                        rq->unit, rq->timeout_ms);
    ew_reason_param(reason, "unit", "%d", rq->unit);
    ew_reason_param(reason, "ms", "%d", rq->timeout_ms);
    return err;
}

enum ew_err mb_garbage(const struct mb_request *rq, struct ew_reason *reason)
{
    enum ew_err err = ew_fail(reason, EW_E_PROTOCOL, "bus.garbage", "",
                              "What came back from unit %d is not Modbus.", rq->unit);
    ew_reason_param(reason, "unit", "%d", rq->unit);
    return err;
}

enum ew_err mb_bad_crc(const struct mb_request *rq, struct ew_reason *reason)
{
    enum ew_err err =
        ew_fail(reason, EW_E_PROTOCOL, "bus.bad_crc", "",
                "The answer of unit %d is damaged (checksum). Check the wiring, the termination and "
                "the parity.",
                rq->unit);
    ew_reason_param(reason, "unit", "%d", rq->unit);
    return err;
}

static enum ew_err unasked(struct mb_line *line, struct ew_reason *reason)
{
    line->repeat = true;
    enum ew_err err = ew_fail(reason, EW_E_PROTOCOL, "bus.unasked", "",
                              "%s sends data that nobody asked for.", line->options.address);
    ew_reason_param(reason, "host", "%s", line->options.address);
    return err;
}

enum ew_err mb_keep_gap(struct mb_line *line, int64_t gap_us, struct ew_reason *reason)
{
    int64_t until = line->quiet_us + gap_us;
    if (gap_us > 0 && ew_clock_up_us() < until && mb_wait_fd(line, -1, 0, until) == MB_WAIT_INTERRUPTED)
        return mb_interrupted(reason);
    return EW_OK;
}

// Until a socket has something. libmodbus would wait as well, but not for a descriptor beside it: a serial
// port can't be shut down under it.
static enum ew_err await_first_byte(struct mb_line *line, const struct mb_request *rq, int64_t until_us,
                                    struct ew_reason *reason)
{
    switch (mb_wait_fd(line, line->fd, POLLIN, until_us)) {
    case MB_WAIT_INTERRUPTED:
        return mb_interrupted(reason);
    case MB_WAIT_TIMEOUT:
        return silent(line, rq, false, reason);
    case MB_WAIT_READY:
        break;
    }
    return EW_OK;
}

enum ew_err mb_receive(struct mb_line *line, const struct mb_request *rq, int64_t until_us,
                       uint8_t frame[MODBUS_TCP_MAX_ADU_LENGTH], int *ret_len, struct ew_reason *reason)
{
    if (line->options.kind == MB_RTU) {
        enum ew_err err = await_first_byte(line, rq, until_us, reason);
        if (err != EW_OK)
            return err;
    }
    int64_t left = until_us - ew_clock_up_us();
    int64_t rest = mb_line_wire_us(&line->options, 5 + mb_answer_bytes(rq)) + BUNCH_US;
    if (line->options.kind == MB_RTU && left > rest)
        left = rest;
    if (left < 1000)
        left = 1000;
    uint8_t untouched[2] = {frame[0], frame[1]};
    modbus_set_response_timeout(line->context, (uint32_t)(left / 1000000), (uint32_t)(left % 1000000));
    int n = modbus_receive_confirmation(line->context, frame);
    int error = errno;
    line->quiet_us = ew_clock_up_us();
    *ret_len = n;
    if (n >= 0) {
        line->silent = 0;
        return EW_OK;
    }
    bool begun = line->options.kind == MB_RTU || memcmp(frame, untouched, sizeof(untouched)) != 0;
    if (error == ETIMEDOUT)
        return silent(line, rq, begun, reason);
    if (error == ECONNRESET || error == EPIPE || error == ENOTCONN)
        return mb_closed(line, reason);
    if (error == EMBBADCRC)
        return mb_bad_crc(rq, reason);
    if (error == EMBBADDATA)
        return mb_garbage(rq, reason);
    return mb_io(line, error, reason);
}

size_t mb_request_write(const struct mb_request *rq, uint8_t pdu[FRAME_PDU_MAX])
{
    uint8_t data[2 * MB_WRITE_MAX] = {0};
    for (int i = 0; rq->words && i < rq->count; i++) {
        if (rq->fc == 15) {
            data[i / 8] = (uint8_t)(data[i / 8] | (rq->words[i] ? 1u << (i % 8) : 0));
            continue;
        }
        uint16_t word = rq->fc == 5 ? (rq->words[i] ? 0xFF00 : 0) : rq->words[i];
        data[2 * i] = (uint8_t)(word >> 8);
        data[2 * i + 1] = (uint8_t)(word & 0xFF);
    }
    const struct frame_request request = {.function = (uint8_t)rq->fc,
                                          .address = (uint16_t)rq->address,
                                          .count = (uint16_t)rq->count,
                                          .data = data};
    return frame_request_write(&request, pdu);
}

static enum ew_err tcp_send(struct mb_line *line, const struct mb_request *rq, struct ew_reason *reason)
{
    // Bytes that nobody asked for, and the end of the connection, show before the request goes out. Right
    // after an answer there is no use in looking; the number of the transaction guards anyway.
    ssize_t n = -1;
    if (ew_clock_up_us() - line->quiet_us > IDLE_US) {
        char byte;
        n = recv(line->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
            return mb_closed(line, reason);
        if (n > 0)
            return unasked(line, reason);
    }
    uint8_t adu[FRAME_TCP_MAX];
    size_t pdu = mb_request_write(rq, adu + FRAME_MBAP_SIZE);
    size_t len = frame_tcp_write(++line->transaction, (uint8_t)rq->unit, adu + FRAME_MBAP_SIZE, pdu, adu);
    n = send(line->fd, adu, len, MSG_NOSIGNAL);
    line->sent = n > 0;
    if (n == (ssize_t)len)
        return EW_OK;
    if (n < 0 && errno != EPIPE && errno != ECONNRESET && errno != EAGAIN && errno != ENOTCONN)
        return mb_io(line, errno, reason);
    return mb_closed(line, reason);
}

static enum ew_err tcp_check(const struct mb_line *line, const struct mb_request *rq, const uint8_t *frame,
                             int len, uint16_t *ret, struct ew_reason *reason)
{
    int declared = frame[4] << 8 | frame[5];
    if (frame[2] != 0 || frame[3] != 0)
        return mb_garbage(rq, reason);
    int transaction = frame[0] << 8 | frame[1];
    if (transaction != line->transaction) {
        enum ew_err err = ew_fail(reason, EW_E_PROTOCOL, "bus.wrong_transaction", "",
                                  "Unit %d answered an earlier request (number %d instead of %d).", rq->unit,
                                  transaction, line->transaction);
        ew_reason_param(reason, "unit", "%d", rq->unit);
        return err;
    }
    if (frame[6] != rq->unit)
        return mb_wrong_unit(rq, frame[6], reason);
    if (declared != len - 6) {
        enum ew_err err = ew_fail(reason, EW_E_PROTOCOL, "bus.wrong_length", "",
                                  "Unit %d announced %d bytes and sent %d.", rq->unit, declared, len - 6);
        ew_reason_param(reason, "unit", "%d", rq->unit);
        ew_reason_param(reason, "got", "%d", len - 6);
        ew_reason_param(reason, "expected", "%d", declared);
        return err;
    }
    return mb_answer_check(rq, frame + FRAME_MBAP_SIZE, (size_t)(len - FRAME_MBAP_SIZE), ret, reason);
}

enum ew_err mb_tcp_exchange(struct mb_line *line, const struct mb_request *rq, uint16_t *ret,
                            struct ew_reason *reason)
{
    uint8_t frame[MODBUS_TCP_MAX_ADU_LENGTH];
    int len = 0;
    bool clean = false; // the connection may serve the next request
    enum ew_err err = mb_keep_gap(line, (int64_t)rq->gap_ms * 1000, reason);
    if (err == EW_OK)
        err = tcp_send(line, rq, reason);
    // No answer begins like this: shows whether one has begun when it does not end in time.
    frame[0] = (uint8_t) ~(line->transaction >> 8);
    frame[1] = (uint8_t)~line->transaction;
    if (err == EW_OK)
        err = mb_receive(line, rq, ew_clock_up_us() + (int64_t)rq->timeout_ms * 1000, frame, &len, reason);
    if (err == EW_OK) {
        err = tcp_check(line, rq, frame, len, ret, reason);
        // A refusal, the converter's word that a device is silent: whole answers to this very request.
        clean = err == EW_OK || err == EW_E_EXCEPTION || err == EW_E_TIMEOUT;
    }
    if (!clean)
        mb_line_close(line);
    return err;
}
