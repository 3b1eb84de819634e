// A picture of a run as SVG: current of each phase over its bands, limit of each station, what happened.
#ifndef EDGEWATT_REPLAY_PLOT_H
#define EDGEWATT_REPLAY_PLOT_H

#include "replay/run.h"

struct plot;

struct plot *plot_new(const struct scenario *sc, const char *title);
void plot_free(struct plot *plot);
// After each run_step.
void plot_sample(struct plot *plot, const struct run *run);
void plot_write(const struct plot *plot, struct ew_buf *to);

#endif
