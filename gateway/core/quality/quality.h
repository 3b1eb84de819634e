// EN 50160, the weekly check of a low-voltage supply (PQ-01): means of ten minutes in, a verdict out. Pure.
//
// A week runs from Monday 00:00 to Monday 00:00 local time and is cut on UTC ten-minute marks: 1008 of them,
// 1002 in the week that loses an hour, 1014 in the one that gains one. Limits are shares of those. A mark
// counts when at least nine tenths of it are recorded and no phase was interrupted in it (below 5 % of the
// nominal voltage). Frequency is that of a large grid of 50 Hz.
//
// Nothing is OK for want of data: below nine tenths of the marks there is no verdict, unless more marks are
// out than the whole week allows, which no missing one can mend.
#ifndef EDGEWATT_CORE_QUALITY_QUALITY_H
#define EDGEWATT_CORE_QUALITY_QUALITY_H

#include "core/calendar/calendar.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    QUALITY_MARK_S = 600,
    QUALITY_MARKS_MAX = 1200, // a week that repeats a day has 1152
    QUALITY_CONDUCTORS = 6,   // L1 L2 L3 to neutral, then L1-L2 L2-L3 L3-L1
    QUALITY_ORDER_MAX = 25    // harmonics above have no limit
};

// ---- The week --------------------------------------------------------------------------------------------

struct quality_week {
    struct calendar_date monday;
    int64_t start_s, end_s; // local midnights
    int64_t first_s;        // the first ten-minute mark at or after start_s
    int marks;
};
// The week that holds a date.
void quality_week(const struct calendar_zone *zone, struct calendar_date date, struct quality_week *ret);
// The newest week that was over at at_s.
void quality_week_over(const struct calendar_zone *zone, int64_t at_s, struct quality_week *ret);

// ---- What is recorded ------------------------------------------------------------------------------------

enum quality_kind { QUALITY_OF_VOLTAGE, QUALITY_OF_THD, QUALITY_OF_HARMONIC, QUALITY_OF_FREQUENCY };

struct quality_source {
    enum quality_kind kind;
    int conductor; // 0..5; frequency 0
    int order;     // of a harmonic: 2..25, else 0
};
// False: the check does not look at this quantity of the vocabulary.
bool quality_source(const char *quantity, struct quality_source *ret);

// ---- The verdict -----------------------------------------------------------------------------------------

enum quality_criterion {
    QUALITY_VOLTAGE,       // 95 % within +-10 %
    QUALITY_VOLTAGE_ALL,   // all within +10/-15 %
    QUALITY_UNBALANCE,     // 95 % up to 2 %; from the voltages between phases
    QUALITY_HARMONICS,     // 95 % with every order that is read within its limit
    QUALITY_THD,           // 95 % up to 8 %
    QUALITY_FREQUENCY,     // 99.5 % within 49.5..50.5 Hz (of the week; the standard has the year)
    QUALITY_FREQUENCY_ALL, // no sample beyond 47..52 Hz
    QUALITY_FLICKER,       // needs an instrument of its own: never measured here
    QUALITY_CRITERIA
};
const char *quality_criterion_name(enum quality_criterion criterion); // "voltage_all"

enum quality_verdict { QUALITY_NONE, QUALITY_OK, QUALITY_KO };
const char *quality_verdict_name(enum quality_verdict verdict); // "ok"

enum quality_reason {
    QUALITY_WITHIN,      // OK
    QUALITY_BEYOND,      // KO
    QUALITY_FEW,         // too few marks are known
    QUALITY_COARSE,      // too few, for what is recorded is longer than ten minutes
    QUALITY_UNDECIDED,   // what is known allows both
    QUALITY_NOT_MEASURED // the device has no such quantity
};
const char *quality_reason_name(enum quality_reason reason); // "not_measured"

struct quality_finding {
    enum quality_verdict verdict;
    enum quality_reason reason;
    int conductor; // the one that decided
    int known;     // marks of it
    int beyond;    // of these, outside the limits for certain
    int allowed;   // of all marks of the week
};

struct quality_result {
    // KO: a criterion is. OK: the voltage is, and every other that the device measures. Else none.
    enum quality_verdict verdict;
    int interrupted; // marks left out
    struct quality_finding findings[QUALITY_CRITERIA];
};

struct quality_cell { // a mark of the series being read
    int64_t sum_th;   // mean x seconds
    int64_t low_th, high_th;
    int covered_s;
};

// About 110 kB; the caller's memory. Begin, then for each series of the device: add its values, end it;
// judge.
struct quality {
    struct quality_week week;
    int nominal_v[2]; // to neutral, between phases
    struct quality_cell cells[QUALITY_MARKS_MAX];
    bool coarse; // the series being read
    bool interrupted[QUALITY_MARKS_MAX];
    int64_t between_th[3][QUALITY_MARKS_MAX]; // voltages between phases; -1 = not known
    // Bits of conductors.
    unsigned has[QUALITY_CRITERIA], was_coarse[QUALITY_CRITERIA];
    uint8_t known[QUALITY_CRITERIA][QUALITY_MARKS_MAX];
    uint8_t lacking[QUALITY_CRITERIA][QUALITY_MARKS_MAX]; // one of the orders is not known
    uint8_t beyond[QUALITY_CRITERIA][QUALITY_MARKS_MAX];  // for certain
    uint8_t maybe[QUALITY_CRITERIA][QUALITY_MARKS_MAX];   // a part of the mark
};
// nominal_v: phase to neutral, 100..400; between phases it is the round figure of the pair (230/400,
// 220/380).
void quality_begin(struct quality *q, const struct quality_week *week, double nominal_v);
// One recorded interval: mean, lowest and highest sample in thousandths. Outside the week: ignored.
void quality_add(struct quality *q, int64_t start_s, int length_s, int64_t mean_th, int64_t low_th,
                 int64_t high_th);
void quality_end(struct quality *q, const struct quality_source *source);
void quality_judge(struct quality *q, struct quality_result *ret);

#endif
