#include "modbus/answer.h"

bool mb_is_write(int fc)
{
    return fc == 5 || fc == 6 || fc == 15 || fc == 16;
}

bool mb_is_bits(int fc)
{
    return fc == 1 || fc == 2 || fc == 5 || fc == 15;
}

static int count_max(int fc)
{
    switch (fc) {
    case 5:
    case 6:
        return 1;
    case 15:
        return MB_WRITE_BITS_MAX;
    case 16:
        return MB_WRITE_MAX;
    default:
        return mb_is_bits(fc) ? MB_READ_BITS_MAX : MB_READ_MAX;
    }
}

enum ew_err mb_request_check(const struct mb_request *rq, struct ew_reason *reason)
{
    if (rq->unit < 0 || rq->unit > 255)
        return ew_fail(reason, EW_E_INVALID, "bus.request", "", "unit %d is outside 0..255", rq->unit);
    if ((rq->fc < 1 || rq->fc > 4) && !mb_is_write(rq->fc))
        return ew_fail(reason, EW_E_INVALID, "bus.request", "",
                       "function code %d is not one of 1, 2, 3, 4, 5, 6, 15, 16", rq->fc);
    if (mb_is_write(rq->fc) != (rq->words != NULL))
        return ew_fail(reason, EW_E_INVALID, "bus.request", "", "function code %d %s data", rq->fc,
                       mb_is_write(rq->fc) ? "needs" : "takes no");
    if (rq->address < 0 || rq->address > 65535)
        return ew_fail(reason, EW_E_INVALID, "bus.request", "", "address %d is outside 0..65535",
                       rq->address);
    int max = count_max(rq->fc);
    if (rq->count < 1 || rq->count > max || rq->address + rq->count > 65536)
        return ew_fail(reason, EW_E_INVALID, "bus.request", "",
                       "%d from address %d is not possible: at most %d at once, up to address 65535",
                       rq->count, rq->address, max);
    return EW_OK;
}

const char *mb_exception_name(int code)
{
    static const char *const names[] = {"",
                                        "illegal function",
                                        "illegal data address",
                                        "illegal data value",
                                        "device failure",
                                        "acknowledge",
                                        "device busy",
                                        "negative acknowledge",
                                        "memory parity error",
                                        "",
                                        "gateway path unavailable",
                                        "gateway target device failed to respond"};
    if (code < 0 || code >= (int)(sizeof(names) / sizeof(names[0])) || names[code][0] == 0)
        return "unknown exception";
    return names[code];
}

static enum ew_err exception(const struct mb_request *rq, int code, struct ew_reason *reason)
{
    if (code == 10 || code == 11) {
        enum ew_err err = ew_fail(reason, EW_E_TIMEOUT, "bus.gateway_silent", "",
                                  "The converter says that unit %d does not answer (exception %d, %s).",
                                  rq->unit, code, mb_exception_name(code));
        ew_reason_param(reason, "unit", "%d", rq->unit);
        ew_reason_param(reason, "exception", "%d", code);
        ew_reason_param(reason, "name", "%s", mb_exception_name(code));
        return err;
    }
    enum ew_err err = ew_fail(reason, EW_E_EXCEPTION, "bus.exception", "",
                              "Unit %d refuses function %d at address %d: exception %d, %s.", rq->unit,
                              rq->fc, rq->address, code, mb_exception_name(code));
    ew_reason_param(reason, "unit", "%d", rq->unit);
    ew_reason_param(reason, "exception", "%d", code);
    ew_reason_param(reason, "name", "%s", mb_exception_name(code));
    ew_reason_param(reason, "address", "%d", rq->address);
    return err;
}

static enum ew_err wrong_length(const struct mb_request *rq, int got, int expected, struct ew_reason *reason)
{
    enum ew_err err =
        ew_fail(reason, EW_E_PROTOCOL, "bus.wrong_length", "",
                "Unit %d answered with %d bytes of data instead of %d.", rq->unit, got, expected);
    ew_reason_param(reason, "unit", "%d", rq->unit);
    ew_reason_param(reason, "got", "%d", got);
    ew_reason_param(reason, "expected", "%d", expected);
    return err;
}

// MODBUS Application Protocol V1.1b3, 6.5, 6.6, 6.11, 6.12: the address, then the value (5, 6) or the count.
static enum ew_err check_echo(const struct mb_request *rq, const uint8_t *pdu, size_t len,
                              struct ew_reason *reason)
{
    if (len != 5)
        return wrong_length(rq, (int)len - 1, 4, reason);
    int second = rq->fc == 5 ? (rq->words[0] ? 0xFF00 : 0) : rq->fc == 6 ? rq->words[0] : rq->count;
    if ((pdu[1] << 8 | pdu[2]) == rq->address && (pdu[3] << 8 | pdu[4]) == second)
        return EW_OK;
    enum ew_err err =
        ew_fail(reason, EW_E_PROTOCOL, "bus.wrong_echo", "",
                "Unit %d confirmed another write than the one at address %d.", rq->unit, rq->address);
    ew_reason_param(reason, "unit", "%d", rq->unit);
    ew_reason_param(reason, "address", "%d", rq->address);
    return err;
}

enum ew_err mb_answer_check(const struct mb_request *rq, const uint8_t *pdu, size_t len, uint16_t *ret,
                            struct ew_reason *reason)
{
    int expected = mb_is_write(rq->fc) ? 4 : mb_is_bits(rq->fc) ? (rq->count + 7) / 8 : rq->count * 2;
    if (len < 2)
        return wrong_length(rq, (int)len, expected, reason);
    if (pdu[0] == (rq->fc | 0x80))
        return exception(rq, pdu[1], reason);
    if (pdu[0] != rq->fc) {
        enum ew_err err =
            ew_fail(reason, EW_E_PROTOCOL, "bus.wrong_function", "",
                    "Unit %d answered with function %d instead of %d.", rq->unit, pdu[0], rq->fc);
        ew_reason_param(reason, "unit", "%d", rq->unit);
        ew_reason_param(reason, "got", "%d", pdu[0]);
        ew_reason_param(reason, "expected", "%d", rq->fc);
        return err;
    }
    if (mb_is_write(rq->fc))
        return check_echo(rq, pdu, len, reason);
    if (pdu[1] != expected || len != (size_t)expected + 2)
        return wrong_length(rq, pdu[1] != expected ? pdu[1] : (int)len - 2, expected, reason);
    for (int i = 0; i < rq->count; i++)
        ret[i] = (uint16_t)(mb_is_bits(rq->fc) ? (pdu[2 + i / 8] >> (i % 8)) & 1
                                               : pdu[2 + 2 * i] << 8 | pdu[3 + 2 * i]);
    return EW_OK;
}
