// The box as a converter (NET-03): which requests of other masters are passed on to the local port, and what
// they are told when one came to nothing. Pure.
#ifndef EDGEWATT_CORE_REMOTE_FORWARD_H
#define EDGEWATT_CORE_REMOTE_FORWARD_H

#include "core/frame/frame.h"

struct forward_rules {
    bool path;   // there is a local bus, and it is on
    bool writes; // the owner allowed others to write
};

// FRAME_NO_EXCEPTION when the request may go to the line. Else 10 for a unit that is no device's (0, 248 and
// above) or without a path, 1 for a write that is not allowed.
enum frame_exception forward_may(const struct forward_rules *rules, uint8_t unit,
                                 const struct frame_request *request);
// What the other master is told of a failure: by its code, and by the device's own exception (0 = none).
enum frame_exception forward_exception(const char *code, int device_exception);

#endif
