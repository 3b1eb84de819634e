// Makes the offset table of an IANA time zone for core/calendar, from the system's zone database.
#ifndef EDGEWATT_SERVICE_ZONE_H
#define EDGEWATT_SERVICE_ZONE_H

#include "core/calendar/calendar.h"

// Transitions of 1990 to 2100. EW_E_UNKNOWN when the system does not know the name. Uses the C library's TZ
// machinery: call from the main thread only, not in a hot path (about 20 ms).
enum ew_err ew_zone_load(const char *tz, struct calendar_zone *ret_zone,
                         struct ew_reason *reason) EW_MUST_CHECK;

#endif
