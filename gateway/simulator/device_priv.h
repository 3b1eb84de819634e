// What the files of a simulated device share. A place is what can be written: see device_place_count.
#ifndef EDGEWATT_SIMULATOR_DEVICE_PRIV_H
#define EDGEWATT_SIMULATOR_DEVICE_PRIV_H

#include "simulator/device.h"

// device_place.c
// Places beside the commands, in this order.
enum device_extra { DEVICE_EXTRA_TIMEOUT, DEVICE_EXTRA_FALLBACK, DEVICE_EXTRA_ALIVE, DEVICE_EXTRA_SETUP };
// What a place beyond the commands is; *ret_number: which of the set-up.
enum device_extra device_extra_of(const struct device *device, int place, int *ret_number);
// How a place reads, which for some watchdogs is not where and as it is written.
const struct profile_command *device_read_command(const struct device *device, int place);
// Where a place can be read: coils, holding or input registers.
struct profile_bound device_readable_place(const struct device *device, int place);

#endif
