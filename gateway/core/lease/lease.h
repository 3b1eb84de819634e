// A charge point's limit is a lease (DESIGN, safety rules 2 and 3): a set-point of the controller counts
// until it runs out or the controller is gone; then the fallback current is written. What is to be written to
// a station, and when. Pure: times come in (CLOCK_BOOTTIME, ms), writes are the caller's.
#ifndef EDGEWATT_CORE_LEASE_LEASE_H
#define EDGEWATT_CORE_LEASE_LEASE_H

#include "base/json.h"

enum {
    LEASE_GRACE_MS = 30000, // after the start of the poller: as long as a lease
    LEASE_RUN_MAX = 33,
    LEASE_VALID_MAX_S = 120,
    LEASE_AHEAD_MAX_MS = 2000, // a set-point from further in the future has a wrong clock
    LEASE_RETRY_MS = 1000,     // after a write that failed; doubled each time,
    LEASE_RETRY_MAX_MS = 8000, // up to this
    LEASE_TOLERANCE_MA = 100   // of what is read back
};

enum lease_state { LEASE_NONE, LEASE_GRACE, LEASE_HELD, LEASE_FALLBACK };

struct lease_station { // what the site and the profile say; may change at any time
    bool governed;     // Green'Up is on and has this station: what runs out ends in the fallback
    bool writable;
    bool reachable; // it answers; nothing is written to one that does not
    int32_t fallback_ma;
    int32_t rated_ma;   // no limit is above it; 0 = not known
    int32_t minimum_ma; // smallest current but 0
    int32_t step_ma;    // multiples of it; 0 = any
    int32_t off_ma;     // what means "no charging"
    bool wears;         // its memory wears out: not raised sooner than
    int64_t interval_ms;
    int64_t feed_ms;   // its watchdog wants the limit written again after this long; 0 = it wants nothing
    int64_t repeat_ms; // so does a station that forgets what it was told, while a limit is in force
    bool paused;       // nothing may flow just now (it switches its phases), whatever the limit
};

struct lease { // zeroed, then lease_begin
    enum lease_state state;
    int32_t limit_ma; // what is to be in force; -1 = nothing is known yet
    int64_t until_ms; // GRACE, HELD
    char run[LEASE_RUN_MAX];
    int64_t seq, up_ms; // of the last set-point taken; up_ms 0 = there was none
    int32_t read_ma;    // what the station says is in force; -1 = not read yet
    bool confirmed;     // the station has taken limit_ma
    bool busy;          // a write is under way
    bool paused;        // as the station was
    int32_t restore_ma; // of a station that nobody governs: what it had before; -1 = nothing
    int failures;       // in a row
    int64_t tried_ms, written_ms, raised_ms; // 0 = never
};

struct lease_setpoint {
    int32_t limit_ma;
    int64_t valid_ms, seq, up_ms;
    char run[LEASE_RUN_MAX];
};

// schemas/topics/setpoint.schema.json. EW_E_INVALID with path and sentence.
enum ew_err lease_read_setpoint(const cJSON *tree, struct lease_setpoint *ret,
                                struct ew_reason *reason) EW_MUST_CHECK;

void lease_begin(struct lease *lease, const struct lease_station *station, int64_t now_ms);
// After the station's facts have changed: one that is governed from now on gets its grace, one that is no
// more keeps what it has until that runs out.
void lease_review(struct lease *lease, const struct lease_station *station, int64_t now_ms);

enum lease_verdict { LEASE_TAKEN, LEASE_OLD, LEASE_LATE, LEASE_AHEAD, LEASE_NOT_WRITABLE };
enum lease_verdict lease_offer(struct lease *lease, const struct lease_station *station,
                               const struct lease_setpoint *setpoint, int64_t now_ms);
// The controller's will: what is held ends now.
void lease_orphan(struct lease *lease, const struct lease_station *station, int64_t now_ms);

// What the station says is in force, read at `read_ms` (an answer from before the last write says nothing).
void lease_heard(struct lease *lease, const struct lease_station *station, int32_t limit_ma, int64_t read_ms);

// What is to be written now, -1 = nothing; from then on a write is under way. *ret_wake_ms: when to ask again
// (INT64_MAX: not by itself).
int32_t lease_next(struct lease *lease, const struct lease_station *station, int64_t now_ms,
                   int64_t *ret_wake_ms);
// How the write ended: not done, or what was read back (-1: it could not be). True when the station has taken
// it.
bool lease_wrote(struct lease *lease, const struct lease_station *station, int32_t limit_ma, bool done,
                 int32_t read_ma, int64_t now_ms);

// What a station can be told of this limit: never more.
int32_t lease_writable_ma(const struct lease_station *station, int32_t limit_ma);
const char *lease_state_name(enum lease_state state);

#endif
