// NET-03: which requests of other masters go to the local port, and what they are told when nothing came of
// one.
#include "check.h"
#include "core/remote/forward.h"

static void only_what_may_goes_to_the_line(void **state)
{
    (void)state;
    static const struct {
        bool path, writes;
        uint8_t unit, function;
        int exception;
    } cases[] = {
        {true, false, 1, 3, 0},    {true, false, 246, 4, 0}, {true, false, 9, 1, 0}, {true, false, 9, 2, 0},
        {false, false, 9, 3, 10},  {true, false, 0, 3, 10},  {true, true, 0, 6, 10}, // never a broadcast
        {true, false, 248, 3, 10}, {true, true, 255, 3, 10}, {true, false, 9, 5, 1}, {true, false, 9, 6, 1},
        {true, false, 9, 15, 1},   {true, false, 9, 16, 1},  {true, true, 9, 5, 0},  {true, true, 9, 16, 0},
        {false, true, 9, 16, 10},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct forward_rules rules = {.path = cases[i].path, .writes = cases[i].writes};
        const struct frame_request request = {.function = cases[i].function, .count = 1};
        if ((int)forward_may(&rules, cases[i].unit, &request) != cases[i].exception)
            fail_msg("case %zu", i);
    }
}

static void failures_are_told_as_modbus_tells_them(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        int device, exception;
    } cases[] = {
        {"bus.exception", 2, 2},
        {"bus.exception", 4, 4},
        {"bus.exception", 0, 11},
        {"bus.exception", 300, 11},
        {"bus.gateway_silent", 11, 11},
        {"bus.timeout", 0, 11},
        {"bus.bad_crc", 0, 11},
        {"", 0, 11},
        {"inlet.no_bus", 0, 10},
        {"inlet.closed", 0, 10},
        {"tool.busy", 0, 6},
        {"inlet.full", 0, 6},
        {"inlet.late", 0, 6},
        {"tool.candidate", 0, 1},
        {"tool.station", 0, 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(forward_exception(cases[i].code, cases[i].device), cases[i].exception);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_may_goes_to_the_line),
        cmocka_unit_test(failures_are_told_as_modbus_tells_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
