// Whether a station may be switched between one phase and three: never under load, not before nothing has
// flowed for a while, and not too often. Pure: times come in (CLOCK_BOOTTIME, ms).
#ifndef EDGEWATT_CORE_LEASE_PHASES_H
#define EDGEWATT_CORE_LEASE_PHASES_H

#include <stdbool.h>
#include <stdint.h>

enum { PHASES_IDLE_MA = 1000 }; // less than this is no load

struct phases_rule {
    int64_t pause_ms; // how long nothing must have flowed, and nothing may flow after
    int64_t rest_ms;  // between two switches
};

struct phases {          // zeroed
    int64_t idle_ms;     // since when nothing flows, 0 = something does or it is not known
    int64_t heard_ms;    // when that was last seen
    int64_t switched_ms; // the last switch, 0 = never
    int64_t held_ms;     // until when the limit is kept at nothing, 0 = it is not
};

// A pass over the station. charges: a state in which its contactor is closed; most_ma: the highest current,
// -1 = it tells none.
void phases_heard(struct phases *phases, bool known, bool charges, int32_t most_ma, int64_t read_ms);

enum phases_verdict { PHASES_MAY, PHASES_LOADED, PHASES_UNKNOWN, PHASES_TOO_SOON, PHASES_RESTS };
// *ret_wait_ms: how long it is still to be waited for PHASES_TOO_SOON and PHASES_RESTS. stale_ms: what was
// heard longer ago says nothing.
enum phases_verdict phases_may(const struct phases *phases, const struct phases_rule *rule, int64_t stale_ms,
                               int64_t now_ms, int64_t *ret_wait_ms);
// It is being switched: nothing may flow from now on.
void phases_begin(struct phases *phases, const struct phases_rule *rule, int64_t now_ms);
// How it ended. The rest counts from here even when it failed: nobody knows whether the contactor moved.
void phases_switched(struct phases *phases, const struct phases_rule *rule, int64_t now_ms);
bool phases_hold(const struct phases *phases, int64_t now_ms, int64_t *ret_wake_ms);

#endif
