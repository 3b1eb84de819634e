// Any bytes as a Modbus TCP stream, as an RTU frame, and as the answer to a request: nothing is read outside,
// what is understood is written back as it came.
#include "core/frame/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_request(const uint8_t *pdu, size_t len)
{
    struct frame_request request;
    uint8_t again[FRAME_PDU_MAX];
    if (frame_request_read(pdu, len, &request) != FRAME_NO_EXCEPTION)
        return;
    if (frame_request_write(&request, again) != len || memcmp(again, pdu, len) != 0)
        abort();
    for (int i = 0; request.data && i < request.count; i++) {
        if (request.function == 5 || request.function == 15)
            (void)frame_request_bit(&request, i);
        else
            (void)frame_request_register(&request, i);
    }
}

static void take_answer(const uint8_t *pdu, size_t len)
{
    for (uint8_t function = 1; function <= 4; function++) {
        const struct frame_request request = {
            .function = function, .count = len > 2 ? (uint16_t)((len - 2) / (function <= 2 ? 1 : 2)) : 1};
        uint16_t words[FRAME_BITS_MAX];
        enum frame_exception exception;
        if (request.count == 0 || request.count > (function <= 2 ? FRAME_BITS_MAX : FRAME_REGISTERS_MAX))
            continue;
        (void)frame_answer_read(&request, pdu, len, words, &exception);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame frame;
    for (size_t at = 0; at < size;) {
        int len = frame_tcp_length(data + at, size - at);
        if (len <= 0)
            break;
        if ((size_t)len > size - at || len > FRAME_TCP_MAX)
            abort();
        uint8_t again[FRAME_TCP_MAX];
        frame_tcp_read(data + at, (size_t)len, &frame);
        if (frame_tcp_write(frame.transaction, frame.unit, frame.pdu, frame.pdu_len, again) != (size_t)len ||
            memcmp(again, data + at, (size_t)len) != 0)
            abort();
        take_request(frame.pdu, frame.pdu_len);
        take_answer(frame.pdu, frame.pdu_len);
        at += (size_t)len;
    }
    if (size > 0 && size <= FRAME_PDU_MAX) {
        take_request(data, size);
        take_answer(data, size);
    }
    if (frame_rtu_read(data, size, &frame) == EW_OK && frame.pdu_len + 3 != size)
        abort();
    return 0;
}
