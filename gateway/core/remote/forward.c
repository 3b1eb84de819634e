#include "core/remote/forward.h"

#include <string.h>

enum { UNIT_MAX = 247 }; // Modbus over serial line, 2.2: 0 is the broadcast, 248 to 255 are reserved

static bool writes(const struct frame_request *request)
{
    return request->function > 4;
}

enum frame_exception forward_may(const struct forward_rules *rules, uint8_t unit,
                                 const struct frame_request *request)
{
    if (!rules->path || unit < 1 || unit > UNIT_MAX)
        return FRAME_NO_PATH;
    return writes(request) && !rules->writes ? FRAME_ILLEGAL_FUNCTION : FRAME_NO_EXCEPTION;
}

enum frame_exception forward_exception(const char *code, int device_exception)
{
    static const struct {
        const char *code;
        enum frame_exception exception;
    } known[] = {
        {"inlet.no_bus", FRAME_NO_PATH},
        {"inlet.closed", FRAME_NO_PATH},
        {"tool.busy", FRAME_BUSY},
        {"inlet.full", FRAME_BUSY},
        {"inlet.late", FRAME_BUSY},
        {"tool.candidate", FRAME_ILLEGAL_FUNCTION},
        {"tool.station", FRAME_ILLEGAL_FUNCTION},
    };
    if (strcmp(code, "bus.exception") == 0 && device_exception > 0 && device_exception < 128)
        return (enum frame_exception)device_exception;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].code, code) == 0)
            return known[i].exception;
    return FRAME_NO_TARGET;
}
