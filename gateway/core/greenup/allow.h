// Whether Green'Up may be switched on: what must be changed first, and what a person must accept, each as a
// sentence. Pure.
#ifndef EDGEWATT_CORE_GREENUP_ALLOW_H
#define EDGEWATT_CORE_GREENUP_ALLOW_H

#include "core/greenup/settings.h"

#define GREENUP_TICK_WATCHDOG "greenup.no_watchdog"
#define GREENUP_TICK_PROFILE  "greenup.unproven_profile"

enum greenup_watchdog { GREENUP_WATCHDOG_NONE, GREENUP_WATCHDOG_UNVERIFIED, GREENUP_WATCHDOG_VERIFIED };

struct greenup_facts_station {
    int32_t id;
    uint8_t phases; // bits, 0 = unset
    bool read;      // it answers
    bool writable;
    bool proven; // its profile is "driver" or "document"
    enum greenup_watchdog watchdog;
    int32_t fallback_ma;
    const struct ew_reason *not_writable; // why; may be NULL
};

struct greenup_facts {
    bool configured;  // meter and currents are set
    bool meter_fresh; // there is a sample that may be used
    int32_t max_ma[GREENUP_PHASES];
    int count;
    const struct greenup_facts_station *stations;
};

// device 0: the site. tick false: must be changed; true: must be accepted, its code is one of the two above.
typedef void greenup_allow_fn(void *user, int32_t device, bool tick, const struct ew_reason *reason);
// Tells everything, the site first, then the stations in their order.
void greenup_allow(const struct greenup_facts *facts, greenup_allow_fn *tell, void *user);

#endif
