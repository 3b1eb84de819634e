// The answer to one frame, and what a fault makes of it.
#ifndef EDGEWATT_SIMULATOR_ANSWER_H
#define EDGEWATT_SIMULATOR_ANSWER_H

#include "simulator/device.h"

struct answer {
    size_t len; // 0 = silence
    int delay_ms;
    int interval_ms; // between its bytes; 0 = all at once
    int flood;       // bytes of noise instead
    bool close;      // the connection, instead of answering
    uint8_t bytes[FRAME_TCP_MAX];
};

// How frames are wrapped on the bus.
enum answer_framing { ANSWER_TCP, ANSWER_RTU };

// A unit that no device of the bus has: a Modbus TCP converter answers with exception 11, a line is silent.
// A device without power is silent. Faults that keep a request from being understood keep it from being
// carried out, too. Devices that share a unit (parts of one address) are asked in order until one has the
// registers.
void answer_make(struct device *const *devices, int count, const struct plant *plant,
                 enum answer_framing framing, const struct frame *frame, struct answer *ret);
// The device that this unit's faults come from, NULL = the unit is nobody's.
struct device *answer_device(struct device *const *devices, int count, int unit);
// False for a fault that can't happen with this framing.
bool answer_can(enum answer_framing framing, enum device_fault fault);

#endif
