// SYS-07: the database is checked and tidied up in the background, on a thread and a connection of its own.
#ifndef EDGEWATT_RECORDER_OPTIMISE_H
#define EDGEWATT_RECORDER_OPTIMISE_H

#include "base/json.h"
#include "store/store.h"

struct optimise;

struct optimise *optimise_new(struct store *store, const char *path); // the store stays the caller's
// What runs is broken off (the database is then as it was before).
void optimise_free(struct optimise *optimise);

// EW_E_BUSY while it runs, EW_E_FULL when the disk has not room for a second copy of the database. While it
// runs the store must not be written to: optimise_running(); who does all the same is told soon.
enum ew_err optimise_start(struct optimise *optimise, struct ew_reason *reason) EW_MUST_CHECK;
// Also ends what has run to its end.
bool optimise_running(struct optimise *optimise);
// "optimise": {state, percent, at, before_bytes, after_bytes, reason}; nothing before the first time.
void optimise_write(const struct optimise *optimise, struct ew_jw *w);

#endif
