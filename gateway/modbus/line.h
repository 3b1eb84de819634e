// One Modbus line as its master: a TCP connection, a serial port (RTU) or RTU frames over TCP. A line belongs
// to one thread; only mb_line_interrupt may be called from another. libmodbus carries the bytes; names,
// connecting, waiting and the checks of what comes back are ours, so that each failure has its own sentence
// and no wait is longer than it says.
//
// The answer of an earlier request is never taken for the answer of the next: a TCP connection is closed
// after a time-out and after anything that is not a clean answer; on serial lines, where a frame carries no
// number, a request is never repeated in the same shape before the device has answered one of another shape.
#ifndef EDGEWATT_MODBUS_LINE_H
#define EDGEWATT_MODBUS_LINE_H

#include "base/limits.h"
#include "modbus/answer.h"

enum mb_kind { MB_TCP, MB_RTU, MB_RTU_TCP };

struct mb_options {
    enum mb_kind kind;
    char address[EW_HOST_MAX]; // host name, IP address, or the serial port's path
    int port;                  // TCP kinds
    int speed_baud;            // serial kinds: the speed of the wire (behind the converter for MB_RTU_TCP)
    char parity;               // 'N' 'E' 'O'
    int stop_bits;             // 1, 2
    int connect_ms;            // patience for the name server, and again for connecting
};

struct mb_line;

// Opens nothing yet. Aborts without memory.
struct mb_line *mb_line_new(const struct mb_options *options);
void mb_line_free(struct mb_line *line); // takes NULL; closes

// EW_OK when it is open already. EW_E_UNKNOWN (bus.host_unknown, bus.port_missing), EW_E_REFUSED
// (bus.refused), EW_E_TIMEOUT (bus.connect_timeout, bus.name_timeout), EW_E_DENIED (bus.port_denied), EW_E_IO
// (bus.unreachable, bus.io), EW_E_CLOSED (bus.interrupted).
enum ew_err mb_line_open(struct mb_line *line, struct ew_reason *reason) EW_MUST_CHECK;
void mb_line_close(struct mb_line *line);
bool mb_line_is_open(const struct mb_line *line);

// Sends one request and waits for its answer; opens the line first when it is closed. ret holds rq->count
// items (a write leaves it alone: NULL). A connection that the other side closed while it was idle is opened
// again and the request repeated, once; a write only when nothing of it had been sent.
// EW_E_TIMEOUT (bus.timeout, bus.gateway_silent), EW_E_EXCEPTION (bus.exception), EW_E_PROTOCOL
// (bus.wrong_unit, bus.wrong_transaction, bus.wrong_function, bus.wrong_length, bus.wrong_echo, bus.garbage,
// bus.bad_crc),
// EW_E_CLOSED (bus.closed, bus.interrupted), and those of mb_line_open.
enum ew_err mb_line_ask(struct mb_line *line, const struct mb_request *rq, uint16_t *ret,
                        struct ew_reason *reason) EW_MUST_CHECK;

// Any thread: what the line is doing returns at once with bus.interrupted, and so does everything after it:
// the line is good for nothing but mb_line_free.
void mb_line_interrupt(struct mb_line *line);

// Did the failure concern the way to the devices (the connection, the port), not one device?
bool mb_line_is_down(const struct mb_line *line);

// Time that `bytes` take on this line's wire, in µs; 0 for TCP, where the wire is not ours.
int mb_line_wire_us(const struct mb_options *options, int bytes);

#endif
