// What a run is worth: the figures of control.md A12.
#ifndef EDGEWATT_REPLAY_METRICS_H
#define EDGEWATT_REPLAY_METRICS_H

#include "replay/run.h"

struct metrics;

struct metrics *metrics_new(const struct scenario *sc);
void metrics_free(struct metrics *m);
// After each run_step.
void metrics_sample(struct metrics *m, const struct run *run);
// Closes what is open and writes one JSON object with its end of line.
void metrics_write(struct metrics *m, struct ew_buf *to);

#endif
