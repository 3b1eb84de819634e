// RFC 3339 stamps in UTC with milliseconds: "2026-03-01T12:00:00.250Z". Pure.
#ifndef EDGEWATT_BASE_RFC3339_H
#define EDGEWATT_BASE_RFC3339_H

#include "base/err.h"
#include <stdint.h>

enum { EW_RFC3339_MAX = 32 };

// Valid for years 0000..9999; anything else is clamped to the nearest.
void ew_rfc3339_format(int64_t unix_ms, char dst[EW_RFC3339_MAX]);
// Accepts any offset and 0..9 decimals of a second; EW_E_INVALID otherwise (leap second 60 counts as 59).
enum ew_err ew_rfc3339_parse(const char *text, int64_t *ret_unix_ms) EW_MUST_CHECK;

#endif
