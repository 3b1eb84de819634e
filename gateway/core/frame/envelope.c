// What is wrapped around a PDU: MBAP header, or unit and CRC.
#include "core/frame/frame.h"

#include <string.h>

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)(value >> 8 & 0xFF);
    p[1] = (uint8_t)(value & 0xFF);
}

int frame_tcp_length(const uint8_t *data, size_t len)
{
    // The length field counts the unit and the PDU: 2 at least, for a function and its unit.
    if (len >= 4 && get16(data + 2) != 0)
        return -1;
    if (len < 6)
        return 0;
    unsigned rest = get16(data + 4);
    if (rest < 2 || rest > FRAME_PDU_MAX + 1)
        return -1;
    return len >= 6 + rest ? (int)(6 + rest) : 0;
}

void frame_tcp_read(const uint8_t *data, size_t len, struct frame *ret)
{
    *ret = (struct frame){.transaction = get16(data),
                          .unit = data[6],
                          .pdu = data + FRAME_MBAP_SIZE,
                          .pdu_len = len - FRAME_MBAP_SIZE};
}

size_t frame_tcp_write(uint16_t transaction, uint8_t unit, const uint8_t *pdu, size_t pdu_len,
                       uint8_t ret[FRAME_TCP_MAX])
{
    memmove(ret + FRAME_MBAP_SIZE, pdu, pdu_len);
    put16(ret, transaction);
    put16(ret + 2, 0);
    put16(ret + 4, (unsigned)pdu_len + 1);
    ret[6] = unit;
    return FRAME_MBAP_SIZE + pdu_len;
}

uint16_t frame_crc(const uint8_t *data, size_t len)
{
    unsigned crc = 0xFFFF;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1;
    }
    return (uint16_t)crc;
}

enum ew_err frame_rtu_read(const uint8_t *data, size_t len, struct frame *ret)
{
    if (len < 4 || len > FRAME_RTU_MAX || frame_crc(data, len - 2) != (data[len - 1] << 8 | data[len - 2]))
        return EW_E_PROTOCOL;
    *ret = (struct frame){.unit = data[0], .pdu = data + 1, .pdu_len = len - 3};
    return EW_OK;
}

int frame_rtu_request_length(const uint8_t *data, size_t len)
{
    if (len < 2)
        return 0;
    int whole = 8; // reads and single writes: unit, function, address, count or value, CRC
    if (data[1] == 15 || data[1] == 16) {
        if (len < 7)
            return 0;
        whole = 9 + data[6];
    } else if (data[1] == 0 || data[1] > 6) {
        return -1;
    }
    if (whole > FRAME_RTU_MAX)
        return -1;
    return len >= (size_t)whole ? whole : 0;
}

size_t frame_rtu_write(uint8_t unit, const uint8_t *pdu, size_t pdu_len, uint8_t ret[FRAME_RTU_MAX])
{
    memmove(ret + 1, pdu, pdu_len);
    ret[0] = unit;
    unsigned crc = frame_crc(ret, pdu_len + 1);
    ret[pdu_len + 1] = (uint8_t)(crc & 0xFF);
    ret[pdu_len + 2] = (uint8_t)(crc >> 8);
    return pdu_len + 3;
}
