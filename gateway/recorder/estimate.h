// What was integrated of the power of devices without a counter, for the recorder's next life: a counter goes
// on counting while no recorder runs, an integral is lost with who kept it. DATA/run/estimates.json.
#ifndef EDGEWATT_RECORDER_ESTIMATE_H
#define EDGEWATT_RECORDER_ESTIMATE_H

#include "recorder/sampler.h"

enum { ESTIMATE_EVERY_MS = 10000 };

// Whether run/ is in memory: then the file may be written every ESTIMATE_EVERY_MS. On a disk it is written at
// an orderly end only: each write would cost the disk as much as ten minutes of history.
bool estimate_free(const char *data_dir);
// Nothing is written where no device is integrated. A failure is logged: the slot under way is at stake, no
// more.
void estimate_save(const struct sampler *sampler, const char *data_dir);
// After sampler_load. What does not go on from what is stored is passed over.
void estimate_load(struct sampler *sampler, const char *data_dir);

#endif
