// Frames: examples of the specification, captured conversations of real devices, and what must be refused.
#include "check.h"

#include "capture.h"
#include "core/frame/frame.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t bytes_of(const char *hex, uint8_t *ret, size_t size)
{
    int len = capture_hex(hex, strlen(hex), ret, size);
    assert_true(len >= 0);
    return (size_t)len;
}

static void tcp_streams_are_cut_into_frames(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int expected;
    } cases[] = {
        {"", 0},
        {"00 01 00", 0},
        {"00 01 00 00 00", 0},
        {"00 01 00 00 00 06 01 03 00 00 00", 0},
        {"00 01 00 00 00 06 01 03 00 00 00 01", 12},
        {"00 01 00 00 00 06 01 03 00 00 00 01 00 02", 12}, // the next one has begun
        {"00 01 00 01", -1},                               // protocol id
        {"00 01 00 00 00 01", -1},                         // no function
        {"00 01 00 00 00 00", -1},
        {"00 01 00 00 00 ff", -1}, // longer than a PDU may be
        {"00 01 00 00 00 fe", 0},
        {"47 45 54 20 2f 20", -1}, // GET /
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t data[64];
        size_t len = bytes_of(cases[i].hex, data, sizeof(data));
        if (frame_tcp_length(data, len) != cases[i].expected)
            fail_msg("%s: %d", cases[i].hex, frame_tcp_length(data, len));
    }
}

// MODBUS Application Protocol V1.1b3, sections 6.1 to 6.12: the examples there.
static void requests_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum frame_exception expected;
        uint8_t function;
        unsigned address, count, first; // first: register or bit of a write
    } cases[] = {
        {"01 00 13 00 13", 0, 1, 0x13, 0x13, 0},
        {"02 00 c4 00 16", 0, 2, 0xC4, 0x16, 0},
        {"03 00 6b 00 03", 0, 3, 0x6B, 3, 0},
        {"04 00 08 00 01", 0, 4, 8, 1, 0},
        {"05 00 ac ff 00", 0, 5, 0xAC, 1, 1},
        {"05 00 ac 00 00", 0, 5, 0xAC, 1, 0},
        {"06 00 01 00 03", 0, 6, 1, 1, 3},
        {"0f 00 13 00 0a 02 cd 01", 0, 15, 0x13, 10, 1},
        {"10 00 01 00 02 04 00 0a 01 02", 0, 16, 1, 2, 10},
        {"05 00 ac 12 34", FRAME_ILLEGAL_VALUE, 5, 0, 0, 0},
        {"03 00 00 00 00", FRAME_ILLEGAL_VALUE, 3, 0, 0, 0},
        {"03 00 00 00 7d", 0, 3, 0, 125, 0},
        {"03 00 00 00 7e", FRAME_ILLEGAL_VALUE, 3, 0, 0, 0},
        {"01 00 00 07 d0", 0, 1, 0, 2000, 0},
        {"01 00 00 07 d1", FRAME_ILLEGAL_VALUE, 1, 0, 0, 0},
        {"03 ff ff 00 01", 0, 3, 0xFFFF, 1, 0},
        {"03 ff ff 00 02", FRAME_ILLEGAL_ADDRESS, 3, 0, 0, 0},
        {"03 00 00 00", FRAME_ILLEGAL_VALUE, 3, 0, 0, 0},
        {"03 00 00 00 01 00", FRAME_ILLEGAL_VALUE, 3, 0, 0, 0},
        {"10 00 01 00 02 03 00 0a 01", FRAME_ILLEGAL_VALUE, 16, 0, 0, 0},
        {"10 00 01 00 02 04 00 0a 01", FRAME_ILLEGAL_VALUE, 16, 0, 0, 0},
        {"07", FRAME_ILLEGAL_FUNCTION, 7, 0, 0, 0},
        {"2b 0e 01 00", FRAME_ILLEGAL_FUNCTION, 0x2B, 0, 0, 0},
        {"83 02", FRAME_ILLEGAL_FUNCTION, 0x83, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t pdu[FRAME_PDU_MAX], again[FRAME_PDU_MAX];
        size_t len = bytes_of(cases[i].hex, pdu, sizeof(pdu));
        struct frame_request request;
        enum frame_exception got = frame_request_read(pdu, len, &request);
        if (got != cases[i].expected || request.function != cases[i].function)
            fail_msg("%s: exception %d, function %d", cases[i].hex, got, request.function);
        if (got != FRAME_NO_EXCEPTION)
            continue;
        assert_int_equal(request.address, cases[i].address);
        assert_int_equal(request.count, cases[i].count);
        bool bits = request.function == 5 || request.function == 15;
        if (request.data)
            assert_int_equal(bits ? frame_request_bit(&request, 0) : frame_request_register(&request, 0),
                             cases[i].first);
        assert_int_equal(frame_request_write(&request, again), len);
        assert_memory_equal(again, pdu, len);
    }
    struct frame_request nothing;
    assert_int_equal(frame_request_read(NULL, 0, &nothing), FRAME_ILLEGAL_FUNCTION);
}

static void answers_are_written_and_read(void **state)
{
    (void)state;
    static const uint16_t registers[FRAME_REGISTERS_MAX] = {0x022B, 0x0000, 0x0064};
    static const uint8_t bits[FRAME_BITS_MAX] = {1, 0, 1, 1, 0, 0, 1, 1, 1, 1};
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"03 00 6b 00 03", "03 06 02 2b 00 00 00 64"},
        {"04 00 6b 00 03", "04 06 02 2b 00 00 00 64"},
        {"01 00 13 00 0a", "01 02 cd 03"},
        {"06 00 01 00 03", "06 00 01 00 03"},
        {"05 00 ac ff 00", "05 00 ac ff 00"},
        {"0f 00 13 00 0a 02 cd 01", "0f 00 13 00 0a"},
        {"10 00 01 00 02 04 00 0a 01 02", "10 00 01 00 02"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t pdu[FRAME_PDU_MAX], expected[FRAME_PDU_MAX], answer[FRAME_PDU_MAX];
        size_t len = bytes_of(cases[i].request, pdu, sizeof(pdu));
        size_t expected_len = bytes_of(cases[i].answer, expected, sizeof(expected)), answer_len;
        struct frame_request request = {0};
        uint16_t words[FRAME_BITS_MAX] = {0};
        enum frame_exception exception;
        assert_int_equal(frame_request_read(pdu, len, &request), FRAME_NO_EXCEPTION);
        if (request.function <= 2)
            answer_len = frame_answer_bits(request.function, bits, request.count, answer);
        else if (request.function <= 4)
            answer_len = frame_answer_registers(request.function, registers, request.count, answer);
        else
            answer_len = frame_answer_write(&request, answer);
        assert_int_equal(answer_len, expected_len);
        assert_memory_equal(answer, expected, expected_len);
        assert_int_equal(frame_answer_read(&request, answer, answer_len, words, &exception), EW_OK);
        for (int k = 0; request.function <= 4 && k < request.count; k++)
            assert_int_equal(words[k], request.function <= 2 ? bits[k] : registers[k]);
        // Cut, lengthened, of another function, an exception: all told apart.
        assert_int_equal(frame_answer_read(&request, answer, answer_len - 1, words, &exception),
                         EW_E_PROTOCOL);
        assert_int_equal(frame_answer_read(&request, answer, answer_len + 1, words, &exception),
                         EW_E_PROTOCOL);
        answer[0] ^= 0x40;
        assert_int_equal(frame_answer_read(&request, answer, answer_len, words, &exception), EW_E_PROTOCOL);
        answer_len = frame_answer_exception(request.function, FRAME_BUSY, answer);
        assert_int_equal(frame_answer_read(&request, answer, answer_len, words, &exception), EW_E_EXCEPTION);
        assert_int_equal(exception, FRAME_BUSY);
    }
}

// Frames are facts: pasted by users in public threads, the same as in
// ../shared/data/modbus_vectors/field_traces.csv.
static void captured_rtu_frames_have_their_crc(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *source;
    } frames[] = {
        {"02 04 00 06 00 03 50 39", "Heidelberg Energy Control, evcc-io/evcc issue 9582"},
        {"02 04 06 00 00 00 00 00 00 74 63", "the same"},
        {"01 10 06 40 00 02 04 00 00 10 b1 11 8b", "Delta AC MAX, evcc-io/evcc issue 14890"},
        {"05 04 00 00 00 50 f1 b2", "Eastron SDM630 V2, nmakel/solaredge_meterproxy issue 16"},
    };
    for (size_t i = 0; i < COUNT(frames); i++) {
        uint8_t data[FRAME_RTU_MAX], again[FRAME_RTU_MAX];
        size_t len = bytes_of(frames[i].hex, data, sizeof(data));
        struct frame frame;
        if (frame_rtu_read(data, len, &frame) != EW_OK)
            fail_msg("%s: %s", frames[i].hex, frames[i].source);
        assert_int_equal(frame_rtu_write(frame.unit, frame.pdu, frame.pdu_len, again), len);
        assert_memory_equal(again, data, len);
        data[2] ^= 1;
        assert_int_equal(frame_rtu_read(data, len, &frame), EW_E_PROTOCOL);
    }
    struct frame frame;
    assert_int_equal(frame_rtu_read((const uint8_t *)"\x01\x03", 2, &frame), EW_E_PROTOCOL);
}

static void rtu_requests_have_a_length(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int length; // of the request at its start
    } cases[] = {
        {"", 0},
        {"05", 0},
        {"05 04 00 00 00 50 f1", 0},
        {"05 04 00 00 00 50 f1 b2", 8},
        {"05 04 00 00 00 50 f1 b2 05 04", 8},
        {"05 06 00 00 00 50 f1 b2", 8},
        {"01 10 06 40 00 02", 0},
        {"01 10 06 40 00 02 04 00 00 10 b1 11", 0},
        {"01 10 06 40 00 02 04 00 00 10 b1 11 8b", 13},
        {"01 10 06 40 00 02 ff", -1}, // more than a frame holds
        {"01 00", -1},
        {"01 2b 0e 01", -1},
        {"01 83 02", -1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t data[FRAME_RTU_MAX];
        size_t len = bytes_of(cases[i].hex, data, sizeof(data));
        if (frame_rtu_request_length(data, len) != cases[i].length)
            fail_msg("%s: %d", cases[i].hex, frame_rtu_request_length(data, len));
    }
}

// 100 frames that CISA's parser was tested with (cisagov/icsnpp-modbus, BSD-3-Clause): every reply must fit
// the request before it, and whatever we write of a request must be the bytes that were sent.
static void a_captured_conversation_is_understood(void **state)
{
    (void)state;
    char *text = capture_text("icsnpp_modbus_example.csv");
    if (!text)
        skip();
    struct frame_request request = {0};
    uint8_t request_bytes[FRAME_TCP_MAX];
    int understood = 0, refused = 0, exceptions = 0;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        char *fields[4] = {NULL};
        uint8_t data[FRAME_TCP_MAX], pdu[FRAME_PDU_MAX];
        if (capture_csv(line, fields, 4) < 3)
            continue;
        int len = capture_hex(fields[2], strlen(fields[2]), data, sizeof(data));
        if (len < 8)
            continue; // the header
        assert_int_equal(frame_tcp_length(data, (size_t)len), len);
        struct frame frame;
        frame_tcp_read(data, (size_t)len, &frame);
        if (strcmp(fields[1], "req") == 0) {
            memcpy(request_bytes, data, (size_t)len);
            frame_tcp_read(request_bytes, (size_t)len, &frame);
            bool known = frame_request_read(frame.pdu, frame.pdu_len, &request) == FRAME_NO_EXCEPTION;
            understood += known;
            refused += !known;
            if (known) {
                assert_int_equal(frame_request_write(&request, pdu), frame.pdu_len);
                assert_memory_equal(pdu, frame.pdu, frame.pdu_len);
            } else
                request.function = 0;
            continue;
        }
        uint16_t words[FRAME_BITS_MAX];
        enum frame_exception exception;
        if (request.function == 0)
            continue; // a function that we do not speak
        enum ew_err err = frame_answer_read(&request, frame.pdu, frame.pdu_len, words, &exception);
        exceptions += err == EW_E_EXCEPTION;
        if (err != EW_OK && err != EW_E_EXCEPTION)
            fail_msg("%s: does not fit its request", fields[2]);
    }
    free(text);
    printf("%d requests understood, %d of other functions, %d exceptions\n", understood, refused, exceptions);
    assert_true(understood >= 10);
    assert_true(refused >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_streams_are_cut_into_frames),
        cmocka_unit_test(requests_are_read),
        cmocka_unit_test(answers_are_written_and_read),
        cmocka_unit_test(captured_rtu_frames_have_their_crc),
        cmocka_unit_test(rtu_requests_have_a_length),
        cmocka_unit_test(a_captured_conversation_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
