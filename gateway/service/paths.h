// Where things are: the share folder beside the executable, and the files of a data folder.
#ifndef EDGEWATT_SERVICE_PATHS_H
#define EDGEWATT_SERVICE_PATHS_H

#include "base/err.h"
#include <limits.h>

// <folder of the executable>/../share/edgewatt, or EDGEWATT_SHARE. EW_E_UNKNOWN with a sentence when it is
// not there.
enum ew_err ew_share_dir(char dst[PATH_MAX], struct ew_reason *reason) EW_MUST_CHECK;

// dir + "/" + file; aborts when it is longer than PATH_MAX (data folders are checked for that at start).
void ew_path(char dst[PATH_MAX], const char *dir, const char *file);

#endif
