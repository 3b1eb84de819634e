// The checker's own books: what it keeps of a run, and small questions about it. For invariants.c.
#ifndef EDGEWATT_TESTS_SIMULATION_BOOKS_H
#define EDGEWATT_TESTS_SIMULATION_BOOKS_H

#include "invariants.h"

bool on_phase(const struct greenup_point *st, int p);
bool priority_of(const struct run *run, int i);
bool charging(const struct greenup_point *st);
bool held(const struct greenup_point *st);
bool waiting(const struct greenup_point *st);
bool is_up(enum greenup_do what);
// The current above which a phase is red.
int32_t max_of(const struct run *run, const struct check *check, int p);
bool over_max(const struct run *run, const struct check *check, int p);
const char *name(const struct run *run, int i);
// Whether the controller took a sample of this step.
bool measured(const struct run *run);
// Whether there was a current to decide by.
bool known_phase(const struct check *check, const struct run *run, int p);
// Worst case of a phase, from the limits as they are now. What the station that moves up draws beyond its
// limit is on its way out.
int32_t worst_case(const struct check *check, const struct run *run, int p, int moved);

// Before the checks of a step: events, vehicles, meter. The base load after the bands are checked.
void books_follow(struct check *check, const struct run *run);
void books_follow_base(struct check *check, const struct run *run);
// After the checks.
void books_close(struct check *check, const struct run *run);

#endif
