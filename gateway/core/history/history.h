// What the readings of a sampling interval (a slot) come to: mean, least and greatest of a measured quantity,
// and the step of a counter. Counters are the truth about energy: a step is the difference of two readings of
// the device, nothing is interpolated. Pure; times are Unix seconds.
#ifndef EDGEWATT_CORE_HISTORY_HISTORY_H
#define EDGEWATT_CORE_HISTORY_HISTORY_H

#include "core/calendar/calendar.h"

// REC-01. Minutes of a sampling interval that may be chosen: 1, 2, 5, 10, 15, 30, 60.
bool history_interval_valid(int minutes);

// The slot that holds at_s: marks follow the local wall clock (10 min: 00, 10, 20 ... of the local hour), and
// a change of the offset ends a slot early rather than let it straddle.
void history_slot(const struct calendar_zone *zone, int minutes, int64_t at_s, int64_t *ret_start_s,
                  int64_t *ret_end_s);

// ---- Measured quantities ---------------------------------------------------------------------------------

struct history_gauge {
    int count;
    double sum, low, high;
};
void history_gauge_add(struct history_gauge *gauge, double value);
double history_gauge_mean(const struct history_gauge *gauge); // count >= 1

// ---- Counters --------------------------------------------------------------------------------------------

enum history_flag {
    HISTORY_RECOVERED =
        1, // the step holds the consumption of earlier slots too, in which the device was not read
    HISTORY_RESET =
        2, // the counter fell, or rose faster than can be: a new start; the step from before is not known
};

struct history_counter {
    bool known;     // `reading` holds
    double reading; // last one taken
    int64_t at_s;   // when it was taken
    double step;    // sum of the steps of the running slot
    bool taken;     // a reading was taken in the running slot
    bool has_step;  // at least one difference was formed in the running slot
    unsigned flags; // enum history_flag of the running slot
};

// The fastest that a counter can plausibly rise: 10 MW for energies in Wh, and 1000 m3/h for volumes in dm3.
// Beyond any panel this product is made for; a jump above it is a swapped or replaced device.
enum { HISTORY_RISE_MAX_PER_HOUR = 10000000 };

// Takes a reading made at at_s inside the slot that began at slot_start_s. A reading older than the last one,
// or not finite, is ignored. A gap: the last reading is older than the slot before this one (slot_start_s -
// slot_s).
void history_counter_add(struct history_counter *counter, double reading, int64_t at_s, int64_t slot_start_s,
                         int slot_s);
// Ends the slot: step, has_step and flags begin anew; the reading stays.
void history_counter_next(struct history_counter *counter);

// ---- Which clock to believe (DESIGN, Clock) --------------------------------------------------------------

struct history_clock_in {
    int64_t wall_s;     // the wall clock now
    int64_t up_s;       // CLOCK_BOOTTIME now
    bool synchronised;  // the kernel says so (adjtimex)
    int64_t build_s;    // when this program was built: no time before it is true
    int64_t last_row_s; // end of the newest stored slot, INT64_MIN = none
};

enum history_clock_verdict {
    HISTORY_CLOCK_TRUSTED,   // store under the wall clock
    HISTORY_CLOCK_UNTRUSTED, // not yet known: keep under boot id + BOOTTIME, stamp later
    HISTORY_CLOCK_WAIT,   // stepped back by up to an hour: history time waits until the wall clock has caught
                          // up
    HISTORY_CLOCK_FUTURE, // rows lie more than an hour in the future: set them aside and say so
};

enum { HISTORY_CLOCK_WAIT_MAX_S = 3600 };

// trusted_before: the verdict of this boot was TRUSTED once.
enum history_clock_verdict history_clock(const struct history_clock_in *in, bool trusted_before);

#endif
