// May a raw write go to this device? Said before anything is sent.
#ifndef EDGEWATT_TOOLS_GUARD_H
#define EDGEWATT_TOOLS_GUARD_H

#include "core/profile/profile.h"
#include "core/site/site.h"

// EW_E_DENIED: tool.candidate (its registers are inferred and the user did not accept that for it),
// tool.station (a charge point that is in use is steered by set-points alone: switch it off first).
// profile may be NULL.
enum ew_err guard_write(const struct site_device *device, const struct profile *profile,
                        struct ew_reason *reason) EW_MUST_CHECK;

// Does a write to the unit `asked` (0 to 255) get to a device at `unit` of such a bus? 0 is the broadcast of
// a serial line; on the network 0 and 255 often are the device itself, whatever its unit.
bool guard_reaches(enum site_bus_type type, int asked, int unit);

#endif
