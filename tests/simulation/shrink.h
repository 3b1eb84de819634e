// Makes a failing scenario small.
#ifndef EDGEWATT_TESTS_SIMULATION_SHRINK_H
#define EDGEWATT_TESTS_SIMULATION_SHRINK_H

#include "replay/scenario.h"

// Whether a scenario still fails in the same way.
typedef bool shrink_fails(void *user, const struct scenario *sc);

// Removes events and stations, and the end, as long as it still fails.
void shrink(struct scenario *sc, shrink_fails *fails, void *user);
// A copy without the events first <= i < last, and without a station (< 0: all stay) and its events.
void shrink_copy(struct scenario *to, const struct scenario *from, int first, int last, int station);

#endif
