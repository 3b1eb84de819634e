// Whole files: read with a ceiling, replaced atomically.
#ifndef EDGEWATT_BASE_FILE_H
#define EDGEWATT_BASE_FILE_H

#include "base/buf.h"
#include <sys/types.h>

// Reads the whole file into *buf (cleared first). EW_E_TOO_LARGE above max bytes, EW_E_UNKNOWN when it does
// not exist, EW_E_IO otherwise; reason (may be NULL) names the file.
enum ew_err ew_file_read(const char *path, size_t max, struct ew_buf *buf,
                         struct ew_reason *reason) EW_MUST_CHECK;

// Writes path.tmp, fsync, rename, fsync of the folder: after a power cut the old or the new content is there,
// whole.
enum ew_err ew_file_write(const char *path, const void *data, size_t len, mode_t mode,
                          struct ew_reason *reason) EW_MUST_CHECK;

// mkdir -p for the last component's parents too; existing folders are fine.
enum ew_err ew_dir_make(const char *path, mode_t mode, struct ew_reason *reason) EW_MUST_CHECK;

bool ew_file_exists(const char *path);

#endif
