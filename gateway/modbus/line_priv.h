// Shared by the files of this folder.
#ifndef EDGEWATT_MODBUS_LINE_PRIV_H
#define EDGEWATT_MODBUS_LINE_PRIV_H

#include "modbus/line.h"
#include <modbus/modbus.h>
#include <pthread.h>
#include <stdatomic.h>

enum { MB_LATE_MAX = 64 };

// A request on a serial line that timed out: its answer may still come.
struct mb_late {
    uint8_t unit, fc; // unit and fc 0 = free
    int mark;         // the third byte of its answer
};

struct lookup; // resolve.c

struct mb_line {
    struct mb_options options;
    modbus_t *context;
    pthread_mutex_t lock; // guards fd against mb_line_interrupt
    int fd;               // -1 = closed
    int wake_fd;          // eventfd, readable for ever once interrupted
    atomic_bool interrupted;
    bool down;   // the last failure was the way, not the device
    bool repeat; // the connection was gone before a byte of the answer came
    bool sent;   // some of the request went out
    uint16_t transaction;
    int answers;                      // since the line was opened
    int silent;                       // time-outs in a row, whoever was asked
    int64_t quiet_us;                 // when the last byte was seen, ew_clock_up_us
    struct mb_late late[MB_LATE_MAX]; // a ring
    int late_next;
    struct lookup *lookup; // a name resolution that took longer than connect_ms, still under way
};

enum mb_wait { MB_WAIT_READY, MB_WAIT_TIMEOUT, MB_WAIT_INTERRUPTED };

// Waits for `events` on fd (-1: only for the time) until `until_us` on the ew_clock_up_us scale.
enum mb_wait mb_wait_fd(struct mb_line *line, int fd, short events, int64_t until_us);

enum ew_err mb_interrupted(struct ew_reason *reason);

// A connected, non-blocking socket to the line's host.
enum ew_err mb_connect_tcp(struct mb_line *line, int *ret_fd, struct ew_reason *reason);

struct addrinfo;
// Name resolution that ends in time: EW_E_TIMEOUT leaves the work to a thread that cleans up after itself.
// The list belongs to the caller (freeaddrinfo).
enum ew_err mb_resolve(struct mb_line *line, struct addrinfo **ret, struct ew_reason *reason);

void mb_lookup_release(struct lookup *lookup); // takes NULL

// serial.c: answers of earlier requests on lines whose frames carry no number.
void mb_late_add(struct mb_line *line, const struct mb_request *rq);
bool mb_late_matches(const struct mb_line *line, int unit, int fc, int mark);
bool mb_late_has(const struct mb_line *line, int unit);
void mb_late_clear(struct mb_line *line, int unit);
// A request to the same place whose answer can't be mistaken for a late one.
struct mb_request mb_late_other_shape(const struct mb_line *line, const struct mb_request *rq);
// The byte of an answer that tells its shape: its length, or for a write the high byte of the address.
int mb_answer_mark(const struct mb_request *rq);
// Bytes of an answer beyond unit, function, mark and checksum; of a request altogether.
int mb_answer_bytes(const struct mb_request *rq);
int mb_request_bytes(const struct mb_request *rq);

// The answer to rq by until_us; answers of earlier requests are passed over.
enum ew_err mb_serial_receive(struct mb_line *line, const struct mb_request *rq, int64_t until_us,
                              uint16_t *ret, struct ew_reason *reason);
enum ew_err mb_serial_open(struct mb_line *line, struct ew_reason *reason);
enum ew_err mb_serial_exchange(struct mb_line *line, const struct mb_request *rq, uint16_t *ret,
                               struct ew_reason *reason);
// exchange.c
size_t mb_request_write(const struct mb_request *rq, uint8_t pdu[FRAME_PDU_MAX]); // returns its length
enum ew_err mb_tcp_exchange(struct mb_line *line, const struct mb_request *rq, uint16_t *ret,
                            struct ew_reason *reason);
// Waits out the gap since the last byte.
enum ew_err mb_keep_gap(struct mb_line *line, int64_t gap_us, struct ew_reason *reason);
// One frame by libmodbus, begun before until_us and whole by then. *ret_len is libmodbus's: 0 for an RTU
// frame of another unit.
enum ew_err mb_receive(struct mb_line *line, const struct mb_request *rq, int64_t until_us,
                       uint8_t frame[MODBUS_TCP_MAX_ADU_LENGTH], int *ret_len, struct ew_reason *reason);
enum ew_err mb_closed(struct mb_line *line, struct ew_reason *reason);
enum ew_err mb_wrong_unit(const struct mb_request *rq, int got, struct ew_reason *reason);
enum ew_err mb_garbage(const struct mb_request *rq, struct ew_reason *reason);
enum ew_err mb_bad_crc(const struct mb_request *rq, struct ew_reason *reason);
enum ew_err mb_io(struct mb_line *line, int error, struct ew_reason *reason);

#endif
