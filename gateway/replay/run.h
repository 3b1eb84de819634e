// One run of a scenario: plant and controller, sample by sample.
#ifndef EDGEWATT_REPLAY_RUN_H
#define EDGEWATT_REPLAY_RUN_H

#include "replay/plant.h"
#include "replay/scenario.h"

struct run {
    const struct scenario *sc; // a loan for the life of the run
    struct greenup core;
    struct plant plant;
    struct greenup_reading readings[GREENUP_STATIONS_MAX];
    struct greenup_out out;
    int64_t now_ms;  // of the sample just done
    int64_t next_ms; // of the next one
    int next_event;
    int first_event, last_event; // events applied by the sample just done: first <= i < last
    uint8_t meter_phases;        // those the meter gives
    bool selector_on;
    bool foreign;                     // somebody else controls the plant: the core is not asked
    bool restarted;                   // by the sample under way
    int32_t i_ma[GREENUP_PHASES];     // real currents
    int32_t meter_ma[GREENUP_PHASES]; // what the meter says of them
    // Changes what the meter says; NULL leaves it exact.
    void (*noise)(void *user, int64_t now_ms, int32_t ma[GREENUP_PHASES]);
    void *user;
};

// A big object: on the heap.
struct run *run_new(const struct scenario *sc);
void run_free(struct run *run);
// The next sample: events, measurement, controller, latch. false when the scenario is over, and nothing is
// done.
bool run_step(struct run *run);
// One line of JSON as the replay prints it, with its end of line.
void run_line(const struct run *run, struct ew_buf *to);

#endif
