// The sign of life that some stations want: which value is to be written, and when. Pure: times come in
// (CLOCK_BOOTTIME, ms), writes are the caller's.
#ifndef EDGEWATT_CORE_LEASE_ALIVE_H
#define EDGEWATT_CORE_LEASE_ALIVE_H

#include <stdbool.h>
#include <stdint.h>

enum { ALIVE_RETRY_MS = 500 };

struct alive_rule {
    int value_count; // written in turn
    int64_t every_ms;
};

struct alive { // zeroed = never written
    bool busy; // a write of it alone is under way
    int next;  // which value comes
    bool failed;
    int64_t tried_ms; // 0 = never
};

// The index of the value to be written now, -1 = nothing; from then on a write is under way. *ret_wake_ms:
// when to ask again (INT64_MAX: not by itself).
int alive_next(struct alive *alive, const struct alive_rule *rule, bool wanted, int64_t now_ms,
               int64_t *ret_wake_ms);
// The value for a write that goes in front of a limit.
int alive_value(const struct alive *alive);
// How a write ended, alone or in front of a limit. The next value's turn comes only when the station took
// this one.
void alive_wrote(struct alive *alive, const struct alive_rule *rule, bool alone, bool done, int64_t now_ms);

#endif
