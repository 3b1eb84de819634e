#include "simulator/answer.h"

#include "simulator/station.h"
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

// Has the device not taken the request in, whatever it answers then?
static bool deaf(const struct device *device, const struct plant *plant)
{
    return device->fault == FAULT_NO_ANSWER || device->fault == FAULT_EXCEPTION ||
           device->fault == FAULT_CLOSE || !station_has_power(plant, device->plant);
}

static enum frame_exception ask(struct device *device, const struct plant *plant,
                                const struct frame_request *request, uint16_t *ret_words)
{
    bool is_deaf = deaf(device, plant);
    if (!is_deaf && device->profile->watchdog.there && device->profile->watchdog.feed == PROFILE_FEED_ANY)
        station_feed(plant, device->plant);
    if (request->function <= 4)
        return device_read(device, plant->second, request, ret_words);
    return is_deaf ? FRAME_DEVICE_FAILURE : device_write(device, plant, request);
}

// The PDU, and the device that gave it (or the last one asked; NULL when the unit is nobody's).
static size_t true_answer(struct device *const *devices, int count, const struct plant *plant,
                          const struct frame *frame, uint8_t ret_pdu[FRAME_PDU_MAX],
                          const struct device **ret_device)
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
        result = wrong != FRAME_NO_EXCEPTION ? wrong : ask(devices[i], plant, &request, words);
    }
    if (result != FRAME_NO_EXCEPTION)
        return frame_answer_exception(request.function, result, ret_pdu);
    return request.function > 4 ? frame_answer_write(&request, ret_pdu)
                                : answer_read(&request, words, ret_pdu);
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

struct device *answer_device(struct device *const *devices, int count, int unit)
{
    for (int i = 0; i < count; i++)
        if (devices[i]->site.unit == unit)
            return devices[i];
    return NULL;
}

bool answer_can(enum answer_framing framing, enum device_fault fault)
{
    return fault != (framing == ANSWER_TCP ? FAULT_BAD_CRC : FAULT_WRONG_TRANSACTION);
}

struct content { // of an answer, before it is wrapped
    uint16_t transaction;
    uint8_t unit;
    size_t len;
    uint8_t pdu[FRAME_PDU_MAX];
};

static void spoil_content(const struct device *device, uint8_t function, struct content *c)
{
    int argument = device->fault_argument;
    if (device->fault == FAULT_EXCEPTION)
        c->len = frame_answer_exception(function, (enum frame_exception)(argument ? argument : 4), c->pdu);
    else if (device->fault == FAULT_WRONG_UNIT)
        c->unit = (uint8_t)(c->unit + 1);
    else if (device->fault == FAULT_WRONG_TRANSACTION)
        c->transaction = (uint16_t)(c->transaction + 1000);
    else if (device->fault == FAULT_WRONG_FUNCTION)
        c->pdu[0] = (uint8_t)(c->pdu[0] ^ 1);
    else if (device->fault == FAULT_SHORT)
        c->len = shorten(c->pdu, c->len);
}

static void spoil_frame(const struct device *device, struct answer *answer)
{
    int argument = device->fault_argument;
    if (device->fault == FAULT_LATE)
        answer->delay_ms = argument ? argument : 3000;
    else if (device->fault == FAULT_GARBAGE)
        garble(answer);
    else if (device->fault == FAULT_BAD_CRC)
        answer->bytes[answer->len - 1] ^= 0x55;
    else if (device->fault == FAULT_CUT)
        answer->len = (answer->len + 1) / 2;
    else if (device->fault == FAULT_BYTEWISE)
        answer->interval_ms = argument ? argument : 2;
    else if (device->fault == FAULT_FLOOD)
        answer->flood = argument ? argument : 2000;
    else if (device->fault == FAULT_CLOSE)
        answer->close = true;
}

void answer_make(struct device *const *devices, int count, const struct plant *plant,
                 enum answer_framing framing, const struct frame *frame, struct answer *ret)
{
    const struct device *device;
    struct content c = {.transaction = frame->transaction, .unit = frame->unit};
    c.len = true_answer(devices, count, plant, frame, c.pdu, &device);
    *ret = (struct answer){0};
    if (device ? device->fault == FAULT_NO_ANSWER || !station_has_power(plant, device->plant)
               : framing == ANSWER_RTU)
        return;
    if (device)
        spoil_content(device, frame->pdu[0], &c);
    ret->len = framing == ANSWER_RTU ? frame_rtu_write(c.unit, c.pdu, c.len, ret->bytes)
                                     : frame_tcp_write(c.transaction, c.unit, c.pdu, c.len, ret->bytes);
    if (device)
        spoil_frame(device, ret);
}
