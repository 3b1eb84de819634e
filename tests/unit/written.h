// History written straight into a database, for tests of what reads it.
#ifndef EDGEWATT_TESTS_WRITTEN_H
#define EDGEWATT_TESTS_WRITTEN_H

#include "store/store.h"

struct written {
    int64_t series;
    bool counter;
    double value; // step, or what was measured all the time
};
// One slot, replacing what is there. Values by rising series. False when it can't be stored.
bool written_slot(struct store *store, int64_t start_s, int length_s, const struct written *values,
                  int count);

#endif
