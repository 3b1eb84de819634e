// What a site decides about its charging: currents, levels, times. Pure.
#ifndef EDGEWATT_CORE_GREENUP_SETTINGS_H
#define EDGEWATT_CORE_GREENUP_SETTINGS_H

#include "base/err.h"
#include <stdint.h>

enum { GREENUP_PHASES = 3, GREENUP_LEVELS = 4, GREENUP_STATIONS_MAX = 256 };

// Where the meter of the total sits (manual 7.15.5.1, images 1 and 2).
enum greenup_wiring {
    GREENUP_INSTALLATION, // it sees other loads too; the room for charging moves with them
    GREENUP_DEDICATED     // a branch that feeds charge points only
};

struct greenup_settings {
    int32_t max_ma[GREENUP_PHASES];    // threshold yellow/red, what the installation may draw
    int32_t charge_ma[GREENUP_PHASES]; // threshold green/yellow; min_ma <= charge_ma <= max_ma
    int32_t hysteresis_bp;             // in 0.01 % of max_ma, 0..2000
    int32_t level1_bp;      // first and second reduction level in 0.01 % of a station's rated current,
    int32_t level2_bp;      // 10000 >= level1_bp >= level2_bp > 0
    int64_t guaranteed_mah; // milliampere-hours of one phase
    enum greenup_wiring wiring;
    int32_t failsafe_ma; // current of each phase free for charging while the meter is lost
    bool emergency;      // whether the steps beyond the manual (floor, stop of anyone) are taken
    int32_t min_ma;      // no limit lies between 0 and this; IEC 61851-1: 6 A. 6000..16000
    int32_t step_ma;     // set-points are multiples of this, but for a rated current or min_ma
    int32_t hard_pct;    // above this share of max_ma everything is done at once
    // A control period begins early when two samples in between show an overload that levels do not mend.
    // Off, stops are counted on the grid alone, as control.md A6 has it, and may be a period later.
    bool early;
    int32_t off_ma; // limit of every station while control is off; 0 means its rated current

    // Times in ms; where they come from is in reference documents of the project, chapter on timing.
    int32_t tick_ms;    // control period
    int32_t sample_ms;  // a control period needs a sample younger than this
    int32_t settle_ms;  // how long a vehicle has to follow a new limit
    int32_t up_ms;      // calm needed before anything grows
    int32_t min_off_ms; // from a stop to the next start
    int32_t meter_ms;   // silence after which the meter is lost
    int32_t station_ms; // silence after which a station is lost
    int32_t idle_ms;    // below 1 A for this long: the vehicle is done
    int32_t starve_ms;  // waiting longer than this keeps later requests back
};

// The defaults; max and charge are 0 and must be set.
void greenup_settings_init(struct greenup_settings *s);

// EW_OK, or what is wrong with `reason->path` = "/hysteresis_pct" and the like (names as in a replay
// scenario).
enum ew_err greenup_settings_check(const struct greenup_settings *s, struct ew_reason *reason) EW_MUST_CHECK;

// The hysteresis of one phase as a current.
int32_t greenup_hysteresis_ma(const struct greenup_settings *s, int phase);

// The four limits a station may get: rated, level 1, level 2, floor. Never rising.
void greenup_levels(const struct greenup_settings *s, int32_t rated_ma, int32_t ret_ma[GREENUP_LEVELS]);

#endif
