// NET-01: what another server reads at unit 247, and what it is told when there is nothing.
#include "check.h"
#include "core/remote/remote.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct remote_table *filled(void)
{
    static const struct remote_value values[] = {
        {.address = REMOTE_ALL, .wh = 123456789012.0},
        {.address = REMOTE_DEVICE + 7, .wh = 70000.9, .up_ms = 100000, .period_ms = 10000},
        {.address = REMOTE_DEVICE + 8, .wh = NAN, .up_ms = 100000, .period_ms = 10000},
        {.address = REMOTE_CIRCUIT + 3, .wh = 5},
        {.address = REMOTE_ZONE + 9, .wh = 65535},
    };
    struct remote_table *table = calloc(1, sizeof(*table));
    for (size_t i = 0; i < COUNT(values); i++)
        assert_true(remote_set(table, &values[i]));
    return table;
}

static void energies_are_read_by_their_number(void **state)
{
    (void)state;
    static const struct {
        uint8_t unit, function;
        int address, count, now_s;
        int exception; // 0 = the number below
        uint64_t wh;
    } cases[] = {
        {247, 3, 10007, 4, 100, 0, 70000},
        {247, 4, 10007, 2, 130, 0, 70000}, // three periods old: just good
        {247, 3, 10007, 2, 131, 11, 0},
        {247, 3, 10008, 2, 100, 11, 0}, // the device does not answer
        {247, 3, 10007, 1, 100, 3, 0},  // 70000 does not fit one register
        {247, 3, 30009, 1, 100, 0, 65535},
        {247, 3, 20003, 3, 999999, 0, 5}, // a total is what was recorded, however long ago
        {247, 3, 29999, 4, 100, 0, 123456789012},
        {247, 3, 29999, 2, 100, 3, 0},
        {247, 3, 10007, 5, 100, 3, 0},
        {247, 3, 10009, 2, 100, 2, 0},
        {247, 3, 0, 2, 100, 2, 0},
        {247, 6, 10007, 1, 100, 1, 0},
        {1, 3, 10007, 2, 100, 10, 0},
    };
    struct remote_table *table = filled();
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t pdu[FRAME_PDU_MAX], answer[FRAME_PDU_MAX];
        uint16_t words[FRAME_REGISTERS_MAX] = {0};
        static const uint8_t data[2] = {0, 1};
        struct frame_request request = {.function = cases[i].function,
                                        .address = (uint16_t)cases[i].address,
                                        .count = (uint16_t)cases[i].count,
                                        .data = data};
        enum frame_exception exception = FRAME_NO_EXCEPTION;
        size_t len = frame_request_write(&request, pdu);
        len = remote_answer(table, cases[i].unit, pdu, len, (int64_t)cases[i].now_s * 1000, answer);
        enum ew_err err = frame_answer_read(&request, answer, len, words, &exception);
        if ((int)exception != cases[i].exception || (err == EW_OK) != (cases[i].exception == 0))
            fail_msg("case %zu: exception %d", i, (int)exception);
        uint64_t wh = 0;
        for (int k = 0; k < cases[i].count && err == EW_OK; k++)
            wh = wh << 16 | words[k];
        if (err == EW_OK && wh != cases[i].wh)
            fail_msg("case %zu: %llu Wh", i, (unsigned long long)wh);
    }
    free(table);
}

static void numbers_follow_the_manual(void **state)
{
    (void)state;
    static const struct {
        enum remote_kind kind;
        int64_t id;
        int address;
    } cases[] = {
        {REMOTE_KIND_DEVICE, 1, 10001},   {REMOTE_KIND_DEVICE, 9998, 19998},  {REMOTE_KIND_DEVICE, 9999, 0},
        {REMOTE_KIND_CIRCUIT, 14, 20014}, {REMOTE_KIND_CIRCUIT, 9998, 29998}, {REMOTE_KIND_ZONE, 1, 30001},
        {REMOTE_KIND_DEVICE, 0, 0},       {REMOTE_KIND_DEVICE, -5, 0},        {REMOTE_KIND_SITE, 0, 29999}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(remote_address(cases[i].kind, cases[i].id), cases[i].address);
}

static void the_table_is_bounded_and_forgets(void **state)
{
    (void)state;
    struct remote_table *table = calloc(1, sizeof(*table));
    for (int i = 0; i < REMOTE_VALUES_MAX; i++) {
        // In no order, as messages come.
        struct remote_value value = {.address = (uint16_t)(10001 + (i * 1009) % REMOTE_VALUES_MAX), .wh = i};
        assert_true(remote_set(table, &value));
        assert_true(remote_set(table, &value)); // again: the same place
    }
    assert_int_equal(table->count, REMOTE_VALUES_MAX);
    assert_false(remote_set(table, &(struct remote_value){.address = 30001}));
    remote_remove(table, 30001); // not there: nothing
    for (int i = 0; i < REMOTE_VALUES_MAX; i++)
        remote_remove(table, (uint16_t)(10001 + i));
    assert_int_equal(table->count, 0);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energies_are_read_by_their_number),
        cmocka_unit_test(numbers_follow_the_manual),
        cmocka_unit_test(the_table_is_bounded_and_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
