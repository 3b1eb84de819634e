// What a counter's readings come to. Counters are the truth about energy: a step is the difference of two
// readings of the device, nothing is interpolated. Readings and steps are whole thousandths of the counter's
// unit (mWh, cm3), so that sums are exact whatever is added first. Pure; times are Unix seconds.
#ifndef EDGEWATT_CORE_HISTORY_COUNTER_H
#define EDGEWATT_CORE_HISTORY_COUNTER_H

#include "base/err.h"
#include <stdint.h>

enum history_flag {
    HISTORY_RECOVERED = 1, // holds the consumption of earlier slots too, in which the device was not read
    HISTORY_RESET = 2,     // the counter began anew near zero; the step over it is not known and not counted
    HISTORY_ESTIMATED = 4, // integrated from the power: the device has no counter
    HISTORY_ROLLED = 8,    // the counter went past its last figure; the step is known
    HISTORY_SWAPPED = 16,  // two counters changed places; neither's step over that is counted
    HISTORY_REPLACED = 32, // another device answers; the step over that is not counted
    HISTORY_GAP = 64       // of a time: not all of it was recorded
};

enum {
    // The fastest that a counter can plausibly rise: 10 MW for energies in Wh, and 10 000 m3/h for volumes in
    // dm3. Beyond any panel this product is made for; a jump above it is another device.
    HISTORY_RISE_MAX_PER_HOUR = 10000000,
    // What may have run through a counter since it was set to zero; more on it and it is another device's.
    HISTORY_FRESH_MAX_PER_HOUR = 100000,
};

// Thousandths of a reading. False when it is not finite, or beyond what a double holds exactly (9 TWh).
bool history_thousandths(double value, int64_t *ret_th);

enum history_step { HISTORY_STEP_RISE, HISTORY_STEP_ROLLED, HISTORY_STEP_RESET, HISTORY_STEP_REPLACED };

// What a reading means after another one elapsed_s (>= 0) before. other_device: its serial number is another
// one since. *ret_step_th: how far it counted; 0 for RESET and REPLACED. A fall is a roll-over only when the
// last reading stood within a hundredth of the end of a register (2^16, 2^32) or display (10^n) that a
// counter can have; near zero it is a reset; anything else is another device.
enum history_step history_step(int64_t before_th, int64_t after_th, int64_t elapsed_s, int64_t *ret_step_th);

struct history_counter {
    bool known;         // reading_th holds
    int64_t reading_th; // last one taken
    int64_t at_s;       // when it was taken
    bool replaced;      // the next reading is another device's
    // of the running slot:
    int64_t step_th; // sum of its steps
    bool taken;      // a reading was taken
    bool has_step;   // at least one difference was counted
    unsigned flags;  // enum history_flag
    bool jumped;     // `jump` holds
    struct history_jump {
        int64_t before_th, after_th, elapsed_s, step_th; // the widest step, up or down, and what was counted
        bool fell;                                       // by a reset, or as another device
    } jump;
};

// Takes a reading made at at_s inside the slot that began at slot_start_s. One older than the last is
// ignored. A gap: the last reading is older than the slot before this one (slot_start_s - slot_s).
void history_counter_add(struct history_counter *counter, int64_t reading_th, int64_t at_s,
                         int64_t slot_start_s, int slot_s);
// Ends the slot: what belongs to it begins anew; the reading stays.
void history_counter_next(struct history_counter *counter);

// The device tells another serial number: the widest step of this slot was none; without a reading in this
// slot the next one begins anew.
void history_replaced(struct history_counter *counter);

// Two counters of one quantity have changed places in this slot: the one that fell goes on where the other
// stood, and the other where it stood. Then both are flagged, and what was counted over it is taken back.
bool history_swapped(struct history_counter *fell, struct history_counter *other);

// ---- Power where there is no counter ---------------------------------------------------------------------

struct history_integral {
    bool known;
    double power_w;
    int64_t at_ms;
    double rest_th; // less than one thousandth, kept for the next
};
// Adds the mean of two powers over the time between them, when that is at most gap_max_ms: over a gap nothing
// is invented. Only what is drawn counts. Returns whole thousandths of Wh.
int64_t history_integrate(struct history_integral *integral, double power_w, int64_t at_ms,
                          int64_t gap_max_ms);

#endif
