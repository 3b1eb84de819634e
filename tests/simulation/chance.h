// Random scenarios, the same for the same seed on every machine.
#ifndef EDGEWATT_TESTS_SIMULATION_CHANCE_H
#define EDGEWATT_TESTS_SIMULATION_CHANCE_H

#include "replay/scenario.h"

struct chance {
    uint64_t state;
};

uint64_t chance_next(struct chance *c);
// low..high, both included.
int chance_between(struct chance *c, int low, int high);
// true in `percent` of all cases.
bool chance_of(struct chance *c, int percent);
// About normal: mean 0, deviation 1.
double chance_normal(struct chance *c);

// What may happen in a scenario.
struct chance_kind {
    const char *name;
    int lag_ticks; // 0: one of 1..3
    int seconds;   // during which things happen; a quiet time follows
    int quiet_s;   // constant at the end
    bool people;   // holds, starts, priorities
    bool faults;   // stations lost, power-cycled, disobedient; meter lost
    bool restarts;
    bool changes;   // settings and selector while running
    bool dedicated; // a branch without base load
    bool between;   // samples between ticks
    bool early;     // and control periods that begin early
    bool emptied;   // at the end one vehicle stays, the base is 0
    bool strange;   // unusual levels, times and hysteresis
};

// The scenario must not hold events; it is initialised here.
void chance_scenario(struct scenario *sc, const struct chance_kind *kind, uint64_t seed);

#endif
