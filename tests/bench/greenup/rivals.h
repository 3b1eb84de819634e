// Other ways of sharing a current, on the same plant with the same meter and the same tick, to be compared
// with ours.
#ifndef EDGEWATT_TESTS_BENCH_GREENUP_RIVALS_H
#define EDGEWATT_TESTS_BENCH_GREENUP_RIVALS_H

#include "replay/run.h"

struct rival_station {
    int32_t limit_ma;
    int64_t since_ms; // plugged
    uint32_t plug_seq;
    int64_t off_until_ms; // not started again before
    int short_ticks;      // of the equal share: ticks in a row with too little
};

struct rival {
    const struct scenario *sc;
    struct rival_station station[GREENUP_STATIONS_MAX];
};

// One tick: currents on the meter, the plant as its stations report it, limits out
// (rival->station[].limit_ma).
typedef void rival_step(struct rival *rival, const struct plant *plant, const int32_t i_ma[GREENUP_PHASES],
                        int64_t now_ms);

// Everybody at the rated current.
rival_step rival_uncontrolled;
// What is left is divided by the vehicles on the phase, down at once and up by a quarter of the difference,
// as SmartEVSE does it; too little for all of them three ticks in a row: the last one plugged pauses for a
// minute.
rival_step rival_equal_share;
// First come, first served, as in ACN-Sim: in the order of arrival each gets as much as there is, or nothing
// below 6 A.
rival_step rival_first_come;

#endif
