// Sampling intervals (slots), what measured quantities come to in one (counters: counter.h), and which clock
// history goes by. Pure; times are Unix seconds.
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
