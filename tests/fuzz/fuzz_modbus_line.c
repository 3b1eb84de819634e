// Any bytes as what comes back on a Modbus line, in TCP and in RTU frames: nothing is read outside, what is
// no answer to the request is a reason in words, and a TCP connection that has gone wrong is closed.
#include "base/clock.h"
#include "modbus/line_priv.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mb_line *line_with(enum mb_kind kind, const uint8_t *data, size_t size, int ends[2])
{
    const struct mb_options options = {
        .kind = kind, .address = "127.0.0.1", .port = 1, .speed_baud = 921600, .parity = 'N', .stop_bits = 1};
    struct mb_line *line = mb_line_new(&options);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0)
        abort();
    line->fd = ends[0];
    line->quiet_us = ew_clock_up_us(); // just now: waiting bytes count as the answer, not as noise before it
    modbus_set_socket(line->context, ends[0]);
    if (write(ends[1], data, size) != (ssize_t)size || shutdown(ends[1], SHUT_WR) != 0)
        abort();
    return line;
}

static void check(enum ew_err err, const struct mb_request *rq, const uint16_t *got,
                  const struct ew_reason *reason)
{
    if (err == EW_OK && rq->fc <= 2 && (got[0] > 1 || got[1] > 1))
        abort();
    if (err != EW_OK && (reason->text[0] == 0 || reason->code[0] == 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 600)
        return 0;
    static const int functions[] = {1, 3, 5, 16};
    for (size_t f = 0; f < sizeof(functions) / sizeof(functions[0]); f++) {
        int fc = functions[f];
        static const uint16_t words[2] = {1, 2};
        const struct mb_request rq = {.unit = 1,
                                      .fc = fc,
                                      .address = 0,
                                      .count = fc == 5 ? 1 : 2,
                                      .timeout_ms = 1,
                                      .words = mb_is_write(fc) ? words : NULL};
        uint16_t got[2] = {0};
        struct ew_reason reason = {0};
        int ends[2];

        struct mb_line *tcp = line_with(MB_TCP, data, size, ends);
        enum ew_err err = mb_line_ask(tcp, &rq, got, &reason);
        check(err, &rq, got, &reason);
        if (err != EW_OK && err != EW_E_EXCEPTION && err != EW_E_TIMEOUT && mb_line_is_open(tcp))
            abort();
        mb_line_free(tcp);
        close(ends[1]);

        struct mb_line *rtu = line_with(MB_RTU_TCP, data, size, ends);
        const struct mb_request late = {
            .unit = 1, .fc = fc, .address = 0, .count = 1 + size % 8, .timeout_ms = 1, .words = rq.words};
        mb_late_add(rtu, &late);
        (void)modbus_set_slave(rtu->context, rq.unit);
        err = mb_serial_receive(rtu, &rq, ew_clock_up_us() + 1000, got, &reason);
        check(err, &rq, got, &reason);
        mb_line_free(rtu);
        close(ends[1]);

        err = mb_answer_check(&rq, data, size, got, &reason);
        check(err, &rq, got, &reason);
    }
    return 0;
}
