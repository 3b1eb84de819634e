// Real days: charging sessions of a garage over the load of a factory, as a scenario. The recordings are read
// from
// ../shared/data (ev_acn_caltech, steel_industry) and are not part of the project.
#ifndef EDGEWATT_TESTS_SIMULATION_DAYS_H
#define EDGEWATT_TESTS_SIMULATION_DAYS_H

#include "replay/scenario.h"

enum { DAYS_STATIONS_MAX = 64 };

struct days_site {
    int max_a;                      // I_max of each phase
    int base_from_pct, base_to_pct; // the factory's least and largest load as shares of I_max
    bool vehicles; // vehicles of all kinds on rotated three-phase stations; else all single-phase at 32 A
    int lag_ticks;
    int first_day; // a multiple of 7, so that weekdays stay weekdays
    int days;      // the scenario ends after so many
};

// false when the recordings are not there. ret_days is the number of days with a session.
bool days_scenario(struct scenario *sc, const struct days_site *site, int *ret_days);

#endif
