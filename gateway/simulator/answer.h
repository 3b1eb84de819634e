// The answer to one frame, and what a fault makes of it.
#ifndef EDGEWATT_SIMULATOR_ANSWER_H
#define EDGEWATT_SIMULATOR_ANSWER_H

#include "simulator/device.h"

struct answer {
    size_t len; // 0 = silence
    int delay_ms;
    bool close; // the connection, instead of answering
    uint8_t bytes[FRAME_TCP_MAX];
};

// A unit that no device of the bus has is answered as a converter does: exception 11. Devices that share a
// unit (parts of one address) are asked in order until one has the registers.
void answer_make(struct device *const *devices, int count, int64_t second, const struct frame *frame,
                 struct answer *ret);

#endif
