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
    enum ew_err told; // the last event, so that it is told once
};

int64_t sampler_time_s(const struct sampler *sampler,
                       const struct sampler_now *now); // of the running slot's scale
void sampler_tell(struct sampler *sampler, const struct ew_reason *event);

// slot.c
enum ew_err sampler_write_slot(struct sampler *sampler, struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err sampler_add_rollups(struct sampler *sampler, int64_t slot_s, int64_t series, double value,
                                unsigned flags, struct ew_reason *reason) EW_MUST_CHECK;
// clockwork.c
enum ew_err sampler_stamp(struct sampler *sampler, int64_t wall_minus_up_s,
                          struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err sampler_set_aside(struct sampler *sampler, int64_t wall_s,
                              struct ew_reason *reason) EW_MUST_CHECK;

#endif
