// A device's parameters against what its profile asks for.
#ifndef EDGEWATT_CONFIG_PARAMS_H
#define EDGEWATT_CONFIG_PARAMS_H

#include "core/site/site.h"
#include "library/library.h"

// EW_E_INVALID with the place below `path` for a parameter that the profile does not have, needs, or that is
// out of range. A device without a (known) profile is fine here.
enum ew_err params_check(const struct library *library, const struct site_device *device, const char *path,
                         struct ew_reason *reason) EW_MUST_CHECK;

#endif
