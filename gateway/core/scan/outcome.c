#include "core/scan/outcome.h"

#include "base/buf.h"
#include <string.h>

enum { ON_RTU = 1 << OUTCOME_RTU, ON_TCP = 1 << OUTCOME_TCP, ON_RTU_TCP = 1 << OUTCOME_RTU_TCP };
enum { ON_SERIAL = ON_RTU | ON_RTU_TCP, ON_ANY = ON_SERIAL | ON_TCP };

#define MIXED                                                                                                \
    "Answers and questions do not go together: another program may ask this device too, or it answers "      \
    "later than \"Patience for an answer\" of its bus allows."

static const struct advice {
    const char *failure;
    int exception; // 0 = any
    unsigned lines;
    const char *code, *text;
} advices[] = {
    {"bus.timeout", 0, ON_SERIAL, "test.advice.silent_serial",
     "Is the device switched on? Compare the address set on it, the speed and the parity; check the wires A "
     "and B, which may be swapped, and the termination."},
    {"bus.timeout", 0, ON_TCP, "test.advice.silent_tcp",
     "Something is at this address but does not answer as this unit. Compare the unit number; behind a "
     "converter check the wires A and B and its speed and parity."},
    {"bus.gateway_silent", 0, ON_ANY, "test.advice.behind",
     "The converter is reached, the device behind it is not. Is it switched on? Compare its address, the "
     "speed and the parity; check the wires A and B."},
    {"bus.cut_short", 0, ON_ANY, "test.advice.damaged",
     "Two devices with the same address, a missing termination or a wrong parity damage answers."},
    {"bus.bad_crc", 0, ON_ANY, "test.advice.damaged",
     "Two devices with the same address, a missing termination or a wrong parity damage answers."},
    {"bus.garbage", 0, ON_SERIAL, "test.advice.damaged",
     "Two devices with the same address, a missing termination or a wrong parity damage answers."},
    {"bus.garbage", 0, ON_TCP, "test.advice.framing",
     "Is this port for Modbus TCP? A converter that passes the serial line through wants the type RTU over "
     "TCP."},
    {"bus.wrong_unit", 0, ON_ANY, "test.advice.twice",
     "Switch one of the two devices off, or give it an address of its own."},
    {"bus.wrong_function", 0, ON_ANY, "test.advice.mixed", MIXED},
    {"bus.wrong_transaction", 0, ON_ANY, "test.advice.mixed", MIXED},
    {"bus.unasked", 0, ON_ANY, "test.advice.mixed", MIXED},
    {"bus.wrong_length", 0, ON_ANY, "test.advice.model",
     "The device is there, but it is probably another model than the one chosen."},
    {"bus.refused", 0, ON_ANY, "test.advice.refused",
     "Something is there but takes no Modbus connection: compare the port (usually 502) and switch Modbus "
     "TCP "
     "on in the device or converter."},
    {"bus.connect_timeout", 0, ON_ANY, "test.advice.unreachable",
     "Compare the IP address; is it switched on and on the same network?"},
    {"bus.unreachable", 0, ON_ANY, "test.advice.unreachable",
     "Compare the IP address; is it switched on and on the same network?"},
    {"bus.exception", 1, ON_ANY, "test.advice.model",
     "The device is there, but it is probably another model than the one chosen."},
    {"bus.exception", 2, ON_ANY, "test.advice.model",
     "The device is there, but it is probably another model than the one chosen."},
    {"bus.exception", 3, ON_ANY, "test.advice.model",
     "The device is there, but it is probably another model than the one chosen."},
    {"bus.exception", 4, ON_ANY, "test.advice.failure",
     "The device is there and reports a failure of its own: look at its display."},
    {"bus.exception", 6, ON_ANY, "test.advice.busy", "The device is there and busy: try again in a moment."},
};

bool outcome_advice(const char *code, int exception, enum outcome_line line, struct ew_reason *ret)
{
    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
        const struct advice *a = &advices[i];
        if (strcmp(a->failure, code) != 0 || (a->exception && a->exception != exception) ||
            !(a->lines & 1u << line))
            continue;
        ew_reason_clear(ret);
        (void)ew_fail(ret, EW_OK, a->code, "", "%s", a->text);
        return true;
    }
    return false;
}

// People read "in 0 ms" as a mistake.
static double shown_ms(double ms)
{
    return ms < 1 ? 1 : ms;
}

void outcome_answers(int unit, double ms, struct ew_reason *ret)
{
    ms = shown_ms(ms);
    ew_reason_clear(ret);
    (void)ew_fail(ret, EW_OK, "test.answers", "", "Unit %d answered in %.0f ms.", unit, ms);
    ew_reason_param(ret, "unit", "%d", unit);
    ew_reason_param(ret, "ms", "%.0f", ms);
}

void outcome_value(int unit, double ms, const char *quantity, const struct profile_value *value,
                   const char *si, struct ew_reason *ret)
{
    char shown[EW_PARAM_VALUE_MAX];
    ms = shown_ms(ms);
    ew_reason_clear(ret);
    if (value->quality != PROFILE_GOOD) {
        (void)ew_fail(ret, EW_OK, "test.no_value", "",
                      "Unit %d answered in %.0f ms; it has no value of %s just now.", unit, ms, quantity);
    } else {
        if (value->text[0])
            ew_copy(shown, sizeof(shown), value->text);
        else
            (void)ew_format(shown, sizeof(shown), "%.6g%s%s", value->number, si[0] ? " " : "", si);
        (void)ew_fail(ret, EW_OK, "test.value", "", "Unit %d answered in %.0f ms: %s = %s.", unit, ms,
                      quantity, shown);
    }
    ew_reason_param(ret, "unit", "%d", unit);
    ew_reason_param(ret, "ms", "%.0f", ms);
    ew_reason_param(ret, "quantity", "%s", quantity);
    if (value->quality == PROFILE_GOOD)
        ew_reason_param(ret, "value", "%s", shown);
}

void outcome_reached(const char *host, struct ew_reason *ret)
{
    ew_reason_clear(ret);
    (void)ew_fail(ret, EW_OK, "test.reached", "",
                  "%s is reached. No device is set up on this bus yet: add one, or scan for them.", host);
    ew_reason_param(ret, "host", "%s", host);
}
