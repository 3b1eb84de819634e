// What a Modbus answer says, once its bytes are here: pure checks and the sentences people read. The line
// (modbus/line.h) carries the bytes; fuzzing and tests come in here. Source: MODBUS Application Protocol
// V1.1b3, MODBUS over Serial Line V1.02, MODBUS Messaging on TCP/IP V1.0b.
#ifndef EDGEWATT_MODBUS_ANSWER_H
#define EDGEWATT_MODBUS_ANSWER_H

#include "core/frame/frame.h"

enum {
    MB_READ_MAX = FRAME_REGISTERS_MAX, // registers in one request (FC 3, 4)
    MB_READ_BITS_MAX = FRAME_BITS_MAX, // FC 1, 2
    MB_WRITE_MAX = 123,                // FC 16
    MB_WRITE_BITS_MAX = 1968           // FC 15
};

// One read or write. Times in ms; timeout_ms is the patience for the answer itself: a serial line adds the
// time that the bytes take on the wire. gap_ms is the silence kept since the last byte of the exchange
// before.
struct mb_request {
    int unit;    // 0..255
    int fc;      // 1..6, 15, 16
    int address; // 0-based
    int count;   // registers or bits; 1 for functions 5 and 6
    int timeout_ms, gap_ms;
    const uint16_t *words; // of a write: `count` registers, or bits as 0 and 1. A loan; NULL for reads
};

bool mb_is_write(int fc);
bool mb_is_bits(int fc);

// EW_E_INVALID with a sentence when the request can't be put in a frame.
enum ew_err mb_request_check(const struct mb_request *rq, struct ew_reason *reason) EW_MUST_CHECK;

// Checks the answer's protocol data unit (from the function byte) against the request and takes the registers
// out, or the bits as 0 and 1; a write's answer must be the echo of its request (bus.wrong_echo) and leaves
// ret alone. EW_E_EXCEPTION: the device refused (bus.exception); EW_E_TIMEOUT: a converter
// says that the device is silent (bus.gateway_silent); EW_E_PROTOCOL: bus.wrong_function, bus.wrong_length.
// ret holds rq->count items (NULL for writes).
enum ew_err mb_answer_check(const struct mb_request *rq, const uint8_t *pdu, size_t len, uint16_t *ret,
                            struct ew_reason *reason) EW_MUST_CHECK;

// "illegal data address" for 2. Never NULL.
const char *mb_exception_name(int code);

#endif
