// A VFS of SQLite over its own: what is written where the same bytes stand already is not written. A copy
// that is brought up to date page by page then costs the disk what has changed, not what there is.
#ifndef EDGEWATT_STORE_SAMEFILE_H
#define EDGEWATT_STORE_SAMEFILE_H

#include <stdbool.h>
#include <stdint.h>

#define SAMEFILE_VFS "edgewatt-same"

// Registers it, once; any number of calls. False: SQLite has no VFS of its own.
bool samefile_register(void);
// Bytes that really were written through it since the start of the process.
int64_t samefile_written(void);

#endif
