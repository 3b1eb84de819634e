// Can a value that a register gave be true in a building? And when it hardly can: which other word order,
// type or scale would make it likely. For a register table under test; pure.
#ifndef EDGEWATT_CORE_PROFILE_PLAUSIBLE_H
#define EDGEWATT_CORE_PROFILE_PLAUSIBLE_H

#include "core/profile/profile.h"

enum { PROFILE_FIXES_MAX = 3 };

enum profile_looks {
    PROFILE_LOOKS_GOOD,
    PROFILE_LOOKS_ODD,
    PROFILE_LOOKS_ZERO,
    PROFILE_LOOKS_UNKNOWN, // nothing can be said of this quantity
    PROFILE_LOOKS_NONE     // the device says that it has no value
};
enum profile_fix_what { PROFILE_FIX_ORDER, PROFILE_FIX_TYPE, PROFILE_FIX_SCALE };

struct profile_fix {
    enum profile_fix_what what;
    enum profile_order order;
    enum profile_type type;
    double scale;
    double value; // what it would come to
};

struct profile_verdict {
    enum profile_looks looks;
    int fix_count;
    struct profile_fix fixes[PROFILE_FIXES_MAX];
};

// value: of register `index`, decoded and finished, in the unit of its quantity; words: as read. nominal_v:
// of the site, phase to neutral.
void profile_judge(const struct profile *profile, int index, const struct profile_bound *bound,
                   const uint16_t *words, const struct profile_value *value, double nominal_v,
                   struct profile_verdict *ret);

// "good" ..., "order" ..., by the enums above.
const char *profile_looks_name(enum profile_looks looks);
const char *profile_fix_name(enum profile_fix_what what);

#endif
