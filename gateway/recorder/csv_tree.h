// The CSV tree of REC-03 below export/, made of history.db: folders, names and columns as schemas/csv/ lists
// them. Reads with a connection of its own and no clock, so that it runs on a thread beside the recorder.
#ifndef EDGEWATT_RECORDER_CSV_TREE_H
#define EDGEWATT_RECORDER_CSV_TREE_H

#include "base/json.h"
#include "recorder/csv_text.h"
#include <stdatomic.h>
#include <stdint.h>

struct csv_tree {
    const char *data_dir;
    // Configuration as published: {"device": [..], "circuit": [..], "zone": [..], "bus": [..], "panel": [..],
    // "profile": [..], "tariff": [..], "cost_rule": [..], "settings": {"site": {..}, "greenup": {..}}}
    const cJSON *site;
    const struct calendar_zone *zone;
    struct csv_options options;
    int64_t from_s;  // months from the one of this second on; INT64_MIN = where the last run ended
    int64_t until_s; // now: nothing after it
    // Watched by others.
    atomic_bool *cancel;
    atomic_int *per_mille; // how far it is
};

// EW_E_CLOSED when it was cancelled.
enum ew_err csv_tree_write(const struct csv_tree *tree, struct ew_reason *reason) EW_MUST_CHECK;

#endif
