// Modbus frames as bytes: the MBAP header of Modbus TCP, the CRC of RTU, requests and answers (MODBUS
// Application Protocol Specification V1.1b3; MODBUS Messaging on TCP/IP Implementation Guide V1.0b). For
// whoever answers requests: the simulator, the Modbus TCP server. The poller asks through libmodbus. Pure.
#ifndef EDGEWATT_CORE_FRAME_FRAME_H
#define EDGEWATT_CORE_FRAME_FRAME_H

#include "base/err.h"
#include <stdint.h>

enum {
    FRAME_PDU_MAX = 253,
    FRAME_MBAP_SIZE = 7, // transaction, protocol, length, unit
    FRAME_TCP_MAX = FRAME_MBAP_SIZE + FRAME_PDU_MAX,
    FRAME_RTU_MAX = FRAME_PDU_MAX + 3, // unit and CRC
    FRAME_REGISTERS_MAX = 125,         // one read; a write takes 123
    FRAME_BITS_MAX = 2000              // one read; a write takes 1968
};

enum frame_exception {
    FRAME_NO_EXCEPTION = 0,
    FRAME_ILLEGAL_FUNCTION = 1,
    FRAME_ILLEGAL_ADDRESS = 2,
    FRAME_ILLEGAL_VALUE = 3,
    FRAME_DEVICE_FAILURE = 4,
    FRAME_BUSY = 6,
    FRAME_NO_PATH = 10,  // gateway path unavailable
    FRAME_NO_TARGET = 11 // gateway target device failed to respond
};

struct frame {            // where a PDU lies; a loan of the bytes given in
    uint16_t transaction; // TCP only
    uint8_t unit;
    const uint8_t *pdu;
    size_t pdu_len; // 1..FRAME_PDU_MAX
};

// Bytes of the frame at the start of a TCP stream: 0 = not all there yet, -1 = this is not Modbus TCP
// (protocol id or length impossible): nothing after it can be trusted, close.
int frame_tcp_length(const uint8_t *data, size_t len);
// `len` as frame_tcp_length said.
void frame_tcp_read(const uint8_t *data, size_t len, struct frame *ret);
// Header and PDU into ret; returns the length. The PDU may lie at ret + FRAME_MBAP_SIZE already.
size_t frame_tcp_write(uint16_t transaction, uint8_t unit, const uint8_t *pdu, size_t pdu_len,
                       uint8_t ret[FRAME_TCP_MAX]);

uint16_t frame_crc(const uint8_t *data, size_t len); // CRC-16/MODBUS; sent low byte first
// EW_E_PROTOCOL for a frame too short, too long or with a wrong CRC.
enum ew_err frame_rtu_read(const uint8_t *data, size_t len, struct frame *ret) EW_MUST_CHECK;
// Bytes of the request at the start of an RTU stream, by its function: 0 = not all there yet, -1 = a function
// whose length is not known here (only the silence after it would tell).
int frame_rtu_request_length(const uint8_t *data, size_t len);
size_t frame_rtu_write(uint8_t unit, const uint8_t *pdu, size_t pdu_len, uint8_t ret[FRAME_RTU_MAX]);

struct frame_request {
    uint8_t function;
    uint16_t address;
    uint16_t count;      // registers, or bits for functions 1, 2, 5, 15
    const uint8_t *data; // of a write: big-endian registers, or packed bits; NULL for reads. A loan
};
// Functions 1 to 6, 15 and 16. Anything else, and what the specification forbids (a count of 0, lengths that
// do not agree), is the exception to answer with.
enum frame_exception frame_request_read(const uint8_t *pdu, size_t len, struct frame_request *ret);
size_t frame_request_write(const struct frame_request *request, uint8_t ret_pdu[FRAME_PDU_MAX]);
// Register `index` of a write's data.
uint16_t frame_request_register(const struct frame_request *request, int index);
bool frame_request_bit(const struct frame_request *request, int index);

// Answers; each returns the length of the PDU. `bits` are one byte each, 0 or 1.
size_t frame_answer_registers(uint8_t function, const uint16_t *registers, int count,
                              uint8_t ret_pdu[FRAME_PDU_MAX]);
size_t frame_answer_bits(uint8_t function, const uint8_t *bits, int count, uint8_t ret_pdu[FRAME_PDU_MAX]);
size_t frame_answer_write(const struct frame_request *request,
                          uint8_t ret_pdu[FRAME_PDU_MAX]); // 5, 6, 15, 16
size_t frame_answer_exception(uint8_t function, enum frame_exception exception,
                              uint8_t ret_pdu[FRAME_PDU_MAX]);

// What an answer says, for a request that is known. EW_E_EXCEPTION fills ret_exception; EW_E_PROTOCOL when it
// does not fit the request. ret_registers takes request->count registers, or bits as 0 and 1; untouched for
// writes.
enum ew_err frame_answer_read(const struct frame_request *request, const uint8_t *pdu, size_t len,
                              uint16_t *ret_registers, enum frame_exception *ret_exception) EW_MUST_CHECK;

#endif
