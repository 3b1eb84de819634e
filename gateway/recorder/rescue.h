// Opening the history whatever state it is in.
#ifndef EDGEWATT_RECORDER_RESCUE_H
#define EDGEWATT_RECORDER_RESCUE_H

#include "store/store.h"

// Opens data_dir/history.db. A damaged one is put beside (history.db.damaged), and the backup takes its
// place, or an empty one where there is none that is whole; *event (cleared when nothing of the kind
// happened) says so in words. Anything else that is wrong (disk full, read-only, a newer version) fails, and
// nothing is touched.
enum ew_err rescue_open(const char *data_dir, const char *migrations_dir, struct store **ret,
                        struct ew_reason *event, struct ew_reason *reason) EW_MUST_CHECK;

// The database was found damaged while it is open: the next rescue_open puts it beside.
void rescue_mark(const char *data_dir);

#endif
