// Requests and answers.
#include "core/frame/frame.h"

#include <string.h>

enum { WRITE_REGISTERS_MAX = 123, WRITE_BITS_MAX = 1968, COIL_ON = 0xFF00 };

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)(value >> 8 & 0xFF);
    p[1] = (uint8_t)(value & 0xFF);
}

enum shape { SHAPE_NONE, SHAPE_READ, SHAPE_WRITE_ONE, SHAPE_WRITE_MANY };

static const struct function {
    enum shape shape;
    bool bits;
    int count_max;
} functions[] = {
    [1] = {SHAPE_READ, true, FRAME_BITS_MAX},
    [2] = {SHAPE_READ, true, FRAME_BITS_MAX},
    [3] = {SHAPE_READ, false, FRAME_REGISTERS_MAX},
    [4] = {SHAPE_READ, false, FRAME_REGISTERS_MAX},
    [5] = {SHAPE_WRITE_ONE, true, 1},
    [6] = {SHAPE_WRITE_ONE, false, 1},
    [15] = {SHAPE_WRITE_MANY, true, WRITE_BITS_MAX},
    [16] = {SHAPE_WRITE_MANY, false, WRITE_REGISTERS_MAX},
};

static const struct function *find(uint8_t code)
{
    bool known = code < sizeof(functions) / sizeof(functions[0]) && functions[code].shape != SHAPE_NONE;
    return known ? &functions[code] : NULL;
}

static size_t data_bytes(const struct function *function, unsigned count)
{
    return function->bits ? (count + 7) / 8 : 2 * (size_t)count;
}

static enum frame_exception read_write_one(const uint8_t *pdu, size_t len, const struct function *function,
                                           struct frame_request *ret)
{
    bool coil = get16(pdu + 3) == COIL_ON || get16(pdu + 3) == 0;
    ret->data = pdu + 3;
    return len != 5 || (function->bits && !coil) ? FRAME_ILLEGAL_VALUE : FRAME_NO_EXCEPTION;
}

enum frame_exception frame_request_read(const uint8_t *pdu, size_t len, struct frame_request *ret)
{
    *ret = (struct frame_request){.function = len ? pdu[0] : 0, .count = 1};
    const struct function *function = len ? find(pdu[0]) : NULL;
    if (!function)
        return FRAME_ILLEGAL_FUNCTION;
    if (len < 5)
        return FRAME_ILLEGAL_VALUE;
    ret->address = get16(pdu + 1);
    if (function->shape == SHAPE_WRITE_ONE)
        return read_write_one(pdu, len, function, ret);
    ret->count = get16(pdu + 3);
    if (ret->count == 0 || ret->count > function->count_max)
        return FRAME_ILLEGAL_VALUE;
    if (function->shape == SHAPE_WRITE_MANY) {
        size_t bytes = data_bytes(function, ret->count);
        if (len != 6 + bytes || pdu[5] != bytes)
            return FRAME_ILLEGAL_VALUE;
        ret->data = pdu + 6;
    } else if (len != 5) {
        return FRAME_ILLEGAL_VALUE;
    }
    return ret->address + ret->count > 65536 ? FRAME_ILLEGAL_ADDRESS : FRAME_NO_EXCEPTION;
}

size_t frame_request_write(const struct frame_request *request, uint8_t ret_pdu[FRAME_PDU_MAX])
{
    const struct function *function = find(request->function);
    if (!function || request->count == 0 || request->count > function->count_max)
        return 0;
    ret_pdu[0] = request->function;
    put16(ret_pdu + 1, request->address);
    if (function->shape == SHAPE_WRITE_ONE) {
        memcpy(ret_pdu + 3, request->data, 2);
        return 5;
    }
    put16(ret_pdu + 3, request->count);
    if (function->shape == SHAPE_READ)
        return 5;
    size_t bytes = data_bytes(function, request->count);
    ret_pdu[5] = (uint8_t)bytes;
    memcpy(ret_pdu + 6, request->data, bytes);
    return 6 + bytes;
}

uint16_t frame_request_register(const struct frame_request *request, int index)
{
    return get16(request->data + 2 * (size_t)index);
}

bool frame_request_bit(const struct frame_request *request, int index)
{
    if (request->function == 5)
        return get16(request->data) == COIL_ON;
    return request->data[index / 8] >> (index % 8) & 1;
}

size_t frame_answer_registers(uint8_t function, const uint16_t *registers, int count,
                              uint8_t ret_pdu[FRAME_PDU_MAX])
{
    ret_pdu[0] = function;
    ret_pdu[1] = (uint8_t)(2 * count);
    for (int i = 0; i < count; i++)
        put16(ret_pdu + 2 + 2 * (size_t)i, registers[i]);
    return 2 + 2 * (size_t)count;
}

size_t frame_answer_bits(uint8_t function, const uint8_t *bits, int count, uint8_t ret_pdu[FRAME_PDU_MAX])
{
    size_t bytes = ((size_t)count + 7) / 8;
    memset(ret_pdu, 0, 2 + bytes);
    ret_pdu[0] = function;
    ret_pdu[1] = (uint8_t)bytes;
    for (int i = 0; i < count; i++)
        if (bits[i])
            ret_pdu[2 + i / 8] = (uint8_t)(ret_pdu[2 + i / 8] | 1u << (i % 8));
    return 2 + bytes;
}

size_t frame_answer_write(const struct frame_request *request, uint8_t ret_pdu[FRAME_PDU_MAX])
{
    ret_pdu[0] = request->function;
    put16(ret_pdu + 1, request->address);
    if (request->function == 5 || request->function == 6)
        memcpy(ret_pdu + 3, request->data, 2);
    else
        put16(ret_pdu + 3, request->count);
    return 5;
}

size_t frame_answer_exception(uint8_t function, enum frame_exception exception,
                              uint8_t ret_pdu[FRAME_PDU_MAX])
{
    ret_pdu[0] = (uint8_t)(function | 0x80);
    ret_pdu[1] = (uint8_t)exception;
    return 2;
}

static enum ew_err read_write_answer(const struct frame_request *request, const struct function *function,
                                     const uint8_t *pdu, size_t len)
{
    if (len != 5 || get16(pdu + 1) != request->address)
        return EW_E_PROTOCOL;
    bool same = function->shape == SHAPE_WRITE_ONE ? memcmp(pdu + 3, request->data, 2) == 0
                                                   : get16(pdu + 3) == request->count;
    return same ? EW_OK : EW_E_PROTOCOL;
}

enum ew_err frame_answer_read(const struct frame_request *request, const uint8_t *pdu, size_t len,
                              uint16_t *ret_registers, enum frame_exception *ret_exception)
{
    const struct function *function = find(request->function);
    *ret_exception = FRAME_NO_EXCEPTION;
    if (!function || len < 2)
        return EW_E_PROTOCOL;
    if (pdu[0] == (request->function | 0x80) && len == 2) {
        *ret_exception = (enum frame_exception)pdu[1];
        return EW_E_EXCEPTION;
    }
    if (pdu[0] != request->function)
        return EW_E_PROTOCOL;
    if (function->shape != SHAPE_READ)
        return read_write_answer(request, function, pdu, len);
    size_t bytes = data_bytes(function, request->count);
    if (len != 2 + bytes || pdu[1] != bytes)
        return EW_E_PROTOCOL;
    for (int i = 0; i < request->count; i++)
        ret_registers[i] =
            (uint16_t)(function->bits ? pdu[2 + i / 8] >> (i % 8) & 1 : get16(pdu + 2 + 2 * (size_t)i));
    return EW_OK;
}
