// A meter that answers but no longer measures: everything it says has been the same for a minute while the
// stations behind it changed what they draw (A9). Pure.
#ifndef EDGEWATT_CORE_GREENUP_FROZEN_H
#define EDGEWATT_CORE_GREENUP_FROZEN_H

#include "core/greenup/settings.h"

enum { GREENUP_FROZEN_MS = 60000, GREENUP_FROZEN_MA = 2000, GREENUP_FROZEN_GROUPS = 4 };

struct greenup_frozen {
    uint64_t group[GREENUP_FROZEN_GROUPS]; // what each group of registers said, hashed
    bool seen[GREENUP_FROZEN_GROUPS];      // what is read for the first time has not changed
    int64_t same_ms;                       // since when nothing changed
    bool started, moved;
    int count;
    int32_t then_ma[GREENUP_STATIONS_MAX]; // what the stations drew when it began
};

// Zeroed memory is a fresh start. `hash` is of all values of one group (its number below
// GREENUP_FROZEN_GROUPS).
void greenup_frozen_meter(struct greenup_frozen *f, int group, uint64_t hash, int64_t now_ms);
// Sums over the phases of what each station draws now. True: what the meter says may not be used.
bool greenup_frozen_judge(struct greenup_frozen *f, const int32_t *draw_ma, int count, int64_t now_ms);

#endif
