// Two slots of the same start as one.
#ifndef EDGEWATT_RECORDER_MERGE_H
#define EDGEWATT_RECORDER_MERGE_H

#include "base/buf.h"
#include <stdint.h>

// Steps add up and the newer reading stays; of gauges, a's stay. Appends to out.
void merge_slots(const void *a, size_t a_len, const void *b, size_t b_len, int64_t start_s,
                 struct ew_buf *out);

#endif
