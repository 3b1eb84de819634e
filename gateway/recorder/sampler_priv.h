// Inside the sampler: shared by sampler.c (readings), slot.c (writing) and clockwork.c (which clock to
// believe).
#ifndef EDGEWATT_RECORDER_SAMPLER_PRIV_H
#define EDGEWATT_RECORDER_SAMPLER_PRIV_H

#include "core/profile/profile.h"
#include "recorder/sampler.h"

struct sampler_series_entry {
    int64_t id; // row of table series
    int64_t device;
    char quantity[PROFILE_NAME_MAX];
    bool counter;
    struct history_gauge gauge;
    struct history_counter count;
};

struct sampler_member_entry {
    int64_t device, since_s, circuit;
    bool excluded;
};

struct sampler {
    struct store *store;
    char boot[64];
    int64_t build_s;
    sampler_event_fn *event;
    void *event_user;
    struct calendar_zone zone;
    int interval_min;
    // Series sorted by (device, quantity).
    struct sampler_series_entry *series;
    int series_count, series_cap;
    struct sampler_member_entry *members; // sorted by (device, since_s)
    int member_count, member_cap;
    // The running slot. In untrusted time, start and end are on the BOOTTIME scale.
    bool running, untrusted;
    int64_t slot_start_s, slot_end_s;
    bool trusted_before;
    enum history_clock_verdict verdict;
    int64_t last_s;   // end of the newest stored slot
    int64_t rolled_s; // hours that end by then are rolled; INT64_MIN = none
    enum ew_err told; // the last event, so that it is told once
};

int64_t sampler_time_s(const struct sampler *sampler,
                       const struct sampler_now *now); // of the running slot's scale
void sampler_tell(struct sampler *sampler, const struct ew_reason *event);

// sampler.c: finds series by their row id (dense: rowids). The caller frees `place`.
struct sampler_index {
    int *place; // by id; -1 = none
    int64_t max_id;
};
void sampler_index_make(const struct sampler *sampler, struct sampler_index *ret_index);
struct sampler_series_entry *sampler_by_id(struct sampler *sampler, const struct sampler_index *index,
                                           int64_t id);

// slot.c: writes the running slot, and what is over because of it.
enum ew_err sampler_write_slot(struct sampler *sampler, struct ew_reason *reason) EW_MUST_CHECK;
// roll.c: hours, days and months that are over. Inside a transaction of the caller's.
enum ew_err sampler_roll(struct sampler *sampler, int64_t until_s, struct ew_reason *reason) EW_MUST_CHECK;
// Forgets the roll-ups of the hour of from_s and later, so that the next sampler_roll makes them anew.
enum ew_err sampler_unroll(struct sampler *sampler, int64_t from_s, struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err sampler_load_rolled(struct sampler *sampler, struct ew_reason *reason) EW_MUST_CHECK;

#endif
