#include "simulator/answer.h"

#include <string.h>

static size_t answer_read(const struct frame_request *request, const uint16_t *words,
                          uint8_t ret_pdu[FRAME_PDU_MAX])
{
    if (request->function >= 3)
        return frame_answer_registers(request->function, words, request->count, ret_pdu);
    uint8_t bits[FRAME_BITS_MAX];
    for (int i = 0; i < request->count; i++)
        bits[i] = (uint8_t)(words[i] != 0);
    return frame_answer_bits(request->function, bits, request->count, ret_pdu);
}

// The PDU, and the device that gave it (or the last one asked; NULL when the unit is nobody's).
static size_t true_answer(struct device *const *devices, int count, int64_t second, const struct frame *frame,
                          uint8_t ret_pdu[FRAME_PDU_MAX], const struct device **ret_device)
{
    struct frame_request request;
    uint16_t words[FRAME_BITS_MAX];
    enum frame_exception wrong = frame_request_read(frame->pdu, frame->pdu_len, &request);
    enum frame_exception result = FRAME_NO_TARGET;
    *ret_device = NULL;
    for (int i = 0; i < count && result != FRAME_NO_EXCEPTION; i++) {
        if (devices[i]->site.unit != frame->unit)
            continue;
        *ret_device = devices[i];
        result = wrong != FRAME_NO_EXCEPTION ? wrong : device_read(devices[i], second, &request, words);
    }
    if (result != FRAME_NO_EXCEPTION)
        return frame_answer_exception(request.function, result, ret_pdu);
    return answer_read(&request, words, ret_pdu);
}

static void garble(struct answer *answer)
{
    static const char noise[] = "\x00\x55\xFF not a modbus frame \xAA\x0D\x0A";
    memcpy(answer->bytes, noise, sizeof(noise));
    answer->len = sizeof(noise);
}

// Two bytes fewer of data, and lengths that agree with that: a well-formed answer to another question.
static size_t shorten(uint8_t *pdu, size_t len)
{
    if (len < 5 || pdu[0] & 0x80)
        return len;
    pdu[1] = (uint8_t)(pdu[1] - 2);
    return len - 2;
}

void answer_make(struct device *const *devices, int count, int64_t second, const struct frame *frame,
                 struct answer *ret)
{
    const struct device *device;
    uint8_t pdu[FRAME_PDU_MAX];
    size_t len = true_answer(devices, count, second, frame, pdu, &device);
    uint16_t transaction = frame->transaction;
    uint8_t unit = frame->unit, function = frame->pdu[0];
    int argument = device ? device->fault_argument : 0;
    enum device_fault fault = device ? device->fault : FAULT_NONE;
    *ret = (struct answer){0};
    if (fault == FAULT_NO_ANSWER)
        return;
    if (fault == FAULT_EXCEPTION)
        len = frame_answer_exception(function, (enum frame_exception)(argument ? argument : 4), pdu);
    else if (fault == FAULT_WRONG_UNIT)
        unit = (uint8_t)(unit + 1);
    else if (fault == FAULT_WRONG_TRANSACTION)
        transaction = (uint16_t)(transaction + 1000);
    else if (fault == FAULT_WRONG_FUNCTION)
        pdu[0] = (uint8_t)(pdu[0] ^ 1);
    else if (fault == FAULT_SHORT)
        len = shorten(pdu, len);
    ret->len = frame_tcp_write(transaction, unit, pdu, len, ret->bytes);
    if (fault == FAULT_LATE)
        ret->delay_ms = argument ? argument : 3000;
    else if (fault == FAULT_GARBAGE)
        garble(ret);
    else if (fault == FAULT_CUT)
        ret->len = (ret->len + 1) / 2;
    else if (fault == FAULT_CLOSE)
        ret->close = true;
}
