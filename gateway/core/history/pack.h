// How history is kept in few bytes: a slot of all series while the day runs (few pages are written at each
// interval), then a day of one series (a year of one device is 365 short reads). Numbers are LEB128 varints,
// signed ones zigzag; amounts are whole thousandths. Formats are numbered by their first byte. Pure.
#ifndef EDGEWATT_CORE_HISTORY_PACK_H
#define EDGEWATT_CORE_HISTORY_PACK_H

#include "base/err.h"
#include <stdint.h>

struct history_value {
    int64_t start_s;
    int length_s;
    bool has_value;   // counter: a step was counted
    int64_t value_th; // counter: step (>= 0); gauge: mean
    int64_t low_th;   // gauge
    int64_t high_th;  // gauge; counter: the reading at the end, in slots only
    unsigned flags;   // enum history_flag
    bool has_at;      // slots of counters: at_s differs from the slot's last second
    int64_t at_s;     // when the reading was taken
};

// ---- A slot: every series that has something in it --------------------------------------------------------
// First the counters, then the gauges, each by rising id, so that who wants energies reads no further.

enum { HISTORY_SLOT_HEAD_MAX = 8, HISTORY_ENTRY_MAX = 64 };

struct history_slot_writer {
    int64_t last_series;
    bool gauges; // the counters are done
};
// Bytes written, at most HISTORY_ENTRY_MAX. Series ids rise within counters and within gauges.
size_t history_slot_head(uint8_t dst[HISTORY_SLOT_HEAD_MAX]);
size_t history_slot_put(struct history_slot_writer *writer, int64_t series, bool counter,
                        const struct history_value *value, uint8_t dst[HISTORY_ENTRY_MAX]);

struct history_slot_reader {
    const uint8_t *at, *end;
    int64_t series;
    bool counter; // of the value just read
    bool gauges, bad;
    int64_t start_s;
    int length_s;
};
// The data stays the caller's. `bad` tells data that is no slot; what was read until then is right.
void history_slot_open(struct history_slot_reader *reader, const void *data, size_t len, int64_t start_s,
                       int length_s);
// False at the end. reader->series and reader->counter tell whose it is.
bool history_slot_next(struct history_slot_reader *reader, struct history_value *ret);

// ---- A day of one series ----------------------------------------------------------------------------------

// Values by rising start, not overlapping, none before day_s. Bytes written; 0 when `size` was too little
// (HISTORY_ENTRY_MAX each and 8 more are always enough). Readings and at_s are not kept.
size_t history_day_pack(const struct history_value *values, int count, bool counter, int64_t day_s,
                        uint8_t *dst, size_t size);

struct history_day_reader {
    const uint8_t *at, *end;
    bool counter, bad;
    int64_t next_s;
    int length_s;
    uint64_t left; // of the run
    int64_t quantum, last_th;
};
void history_day_open(struct history_day_reader *reader, const void *data, size_t len, int64_t day_s);
bool history_day_next(struct history_day_reader *reader, struct history_value *ret);

// Puts b's values among a's, both by rising start, into dst (room for both). Of two with one start, steps are
// added (gauge: a's stays). Returns how many.
int history_values_merge(const struct history_value *a, int a_count, const struct history_value *b,
                         int b_count, bool counter, struct history_value *dst);

#endif
