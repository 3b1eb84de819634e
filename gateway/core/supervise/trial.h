// Whether a restored site runs: what a supervisor judges it by. Times as in supervise.h. Pure.
#ifndef EDGEWATT_CORE_SUPERVISE_TRIAL_H
#define EDGEWATT_CORE_SUPERVISE_TRIAL_H

#include "core/supervise/supervise.h"

enum {
    SUPERVISE_TRIAL_STEADY_MS = 5000, // all have run for so long, each since its own start
    SUPERVISE_TRIAL_TRIES = 3,        // so many failures of one in a row are enough
    SUPERVISE_TRIAL_MS = 150000,      // to get there; longer than the tries of one that is never ready
};

enum supervise_verdict { SUPERVISE_UNDECIDED, SUPERVISE_PROVEN, SUPERVISE_FAILED };

// wanted: a bit for each child that has to run. *ret_child: of FAILED, who does not.
enum supervise_verdict supervise_trial(const struct supervise *s, unsigned wanted, int64_t begun_ms,
                                       int64_t now_ms, int *ret_child);
// Those that run now, as wanted.
unsigned supervise_running(const struct supervise *s);

#endif
