// The only place that reads a clock. Core functions get these numbers as arguments.
#ifndef EDGEWATT_BASE_CLOCK_H
#define EDGEWATT_BASE_CLOCK_H

#include <stdint.h>

int64_t ew_clock_up_ms(void);   // CLOCK_BOOTTIME: control, leases, freshness. Never steps, counts suspend.
int64_t ew_clock_up_us(void);   // the same in microseconds, for measuring
int64_t ew_clock_wall_ms(void); // Unix time, UTC: for stamps shown to people, tariffs and history only

#endif
