// A limit in the unit that a station takes: amperes, watts, or per cent of its rated current. What is told
// never lets more flow than was asked for: it is rounded down, and watts are told at the lowest voltage a
// grid may have (EN 50160: 90 to 110 % of the nominal one). Pure.
#ifndef EDGEWATT_CORE_PROFILE_LIMIT_H
#define EDGEWATT_CORE_PROFILE_LIMIT_H

#include "core/profile/profile.h"

struct profile_limit {
    enum profile_limit_unit unit;
    double nominal_v; // W: phase to neutral, as the site says
    int phases;       // W: on how many phases it is drawn, 1..3
    int32_t rated_ma; // %: 100 %; 0 = not known
    double count;     // what one count of the register is worth, in the unit; 0 = any fraction (float)
};

// Can currents be told in this unit? Not in per cent of a rated current that nobody knows.
bool profile_limit_known(const struct profile_limit *limit);
// The three below need a limit that is known.
// What is written for limit_ma, in the unit: a multiple of the count.
double profile_limit_told(const struct profile_limit *limit, int32_t limit_ma);
// What may flow at most when the station says this; -1 = no number. The inverse: what is read back and told
// again is the same.
int32_t profile_limit_ma(const struct profile_limit *limit, double told);
// The smallest limit at which a station really offers minimum_ma, whatever the voltage and after rounding.
int32_t profile_limit_least_ma(const struct profile_limit *limit, int32_t minimum_ma);
// On how many phases a vehicle draws, from the station's currents (A; NaN = not known). Where they don't
// tell, or nothing is drawn yet, `otherwise`.
int profile_limit_phases(const double current_a[3], bool charges, int otherwise);

#endif
