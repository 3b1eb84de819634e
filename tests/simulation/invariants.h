// What must hold in every run (A10 of the control notes), checked from outside sample by sample: the checker
// keeps its own base load, calm, charge and bands, and reads of the controller only its states and what it
// commands.
#ifndef EDGEWATT_TESTS_SIMULATION_INVARIANTS_H
#define EDGEWATT_TESTS_SIMULATION_INVARIANTS_H

#include "replay/run.h"

enum { CHECK_HISTORY = 128 };

struct check {
    char problem[400];       // empty while all is well; begins with the name of the invariant
    int64_t longest_over_ms; // of any phase, while it was bounded
    int late_commands;       // more than 15 min after the last event
    bool noisy;              // the meter is noisy: no bound, no quiescence, tolerances
    bool alone;              // at the end one vehicle is left, and no base load: it must charge
    double tolerance;        // share of I_max above it that does not count as over

    // What was before this sample.
    int32_t limit_ma[GREENUP_STATIONS_MAX], draw_ma[GREENUP_STATIONS_MAX], acting_ma[GREENUP_STATIONS_MAX];
    uint8_t car_phases[GREENUP_STATIONS_MAX];
    uint32_t plug_seq[GREENUP_STATIONS_MAX];
    int64_t stop_ms[GREENUP_STATIONS_MAX]; // of the running session, GREENUP_NEVER
    double charge_ma_ms[GREENUP_STATIONS_MAX];
    int64_t kept_charge[GREENUP_STATIONS_MAX];
    int32_t base_ma[GREENUP_PHASES];
    enum greenup_band band[GREENUP_PHASES];
    int64_t bad_ms[GREENUP_PHASES];
    bool early[GREENUP_PHASES];        // nothing kept a control period from beginning early since
    int64_t over_ms[GREENUP_PHASES];   // above I_max since, or since the last disturbance; GREENUP_NEVER
    int64_t return_ms[GREENUP_PHASES]; // restart or return of the meter, GREENUP_NEVER
    int64_t sample_ms[GREENUP_PHASES]; // last sample that the controller got
    int64_t grid_ms;                   // last control period
    int64_t event_ms;                  // last event
    bool on;                           // the selector
    uint8_t lost;                      // phases on which the meter was silent for too long
    bool restarted;                    // by an event of this sample, or switched on
    bool reborn;                       // restarted
    struct {
        int64_t at_ms;
        int32_t ma[GREENUP_PHASES]; // -1: not known then
    } base[CHECK_HISTORY];
    int base_count;
    int64_t base_from_ms[GREENUP_PHASES]; // entries before do not count
    // Bounds may not hold: somebody disobeyed just now, or the plant was disturbed otherwise.
    int64_t excused_ms;
};

void check_init(struct check *check);
// After each run_step; false at the first problem.
bool check_step(struct check *check, const struct run *run);
// After the last step: the requests that are left.
bool check_end(struct check *check, const struct run *run);

#endif
