// Inside the sampler: shared by sampler.c (series, readings), member.c (places, totals), slot.c (writing),
// packing.c, roll.c (days, months), load.c (starting) and clockwork.c (which clock to believe).
#ifndef EDGEWATT_RECORDER_SAMPLER_PRIV_H
#define EDGEWATT_RECORDER_SAMPLER_PRIV_H

#include "core/history/counter.h"
#include "core/history/pack.h"
#include "core/profile/profile.h"
#include "recorder/sampler.h"

enum { SAMPLER_DAY_S = 86400, SAMPLER_SERIES_BITS = 20, SAMPLER_SLOT_MAX = 16 << 20 };

struct sampler_series_entry {
    int64_t id; // row of table series
    int64_t device;
    char quantity[PROFILE_NAME_MAX];
    bool counter;
    bool stored; // the row is there
    struct history_gauge gauge;
    struct history_counter count;
    struct history_integral integral; // of a power that stands in for a counter
    int64_t counted_th;               // synthetic reading: what was integrated so far
};

struct sampler_total_entry {
    enum sampler_total_kind kind;
    int64_t id;
    enum site_service service;
    int64_t value_th;
    int64_t saved_th; // what the store has
};

struct sampler_serial {
    int64_t device;
    char serial[64];
};

struct sampler {
    struct store *store;
    char boot[64];
    int64_t build_s;
    sampler_event_fn *event;
    void *event_user;
    struct calendar_zone zone;
    int interval_min;
    struct sampler_series_entry *series; // by rising id
    int *order;                          // places in `series` by (device, quantity)
    int series_count, series_cap;
    struct history_member *members; // sorted by (device, since_s)
    int member_count, member_cap;
    struct sampler_total_entry *totals;
    int total_count, total_cap;
    struct sampler_serial *serials;
    int serial_count;
    // The running slot. In untrusted time, start and end are on the BOOTTIME scale.
    bool running, untrusted;
    int64_t slot_start_s, slot_end_s;
    bool trusted_before;
    enum history_clock_verdict verdict;
    int64_t last_s;   // end of the newest stored slot
    int64_t rolled_s; // days that end by then are rolled; INT64_MIN = none
    int64_t packing_day, packing_series;
    enum ew_err told; // the last event, so that it is told once
};

int64_t sampler_time_s(const struct sampler *sampler,
                       const struct sampler_now *now); // of the running slot's scale
void sampler_tell(struct sampler *sampler, const struct ew_reason *event);

// sampler.c
struct sampler_series_entry *sampler_by_id(struct sampler *sampler, int64_t id);
struct sampler_series_entry *sampler_insert_series(struct sampler *sampler, int64_t id, int64_t device,
                                                   const char *quantity, bool counter);

// member.c
void sampler_insert_member(struct sampler *sampler, const struct history_member *member);
// Adds the steps of a slot to the totals of where each device belongs then; saved with the slot.
void sampler_count_totals(struct sampler *sampler, const void *slot, size_t len, int64_t start_s,
                          int length_s);
enum ew_err sampler_save_totals(struct sampler *sampler, struct ew_reason *reason) EW_MUST_CHECK;
void sampler_settle_totals(struct sampler *sampler, bool committed); // after the commit, or the roll-back
enum ew_err sampler_load_members(struct sampler *sampler, struct ew_reason *reason) EW_MUST_CHECK;

// load.c: the counters stand where this slot left them, unless they are known from later.
void sampler_take_readings(struct sampler *sampler, const void *slot, size_t len, int64_t start_s,
                           int length_s);

// slot.c: writes the running slot, and what is over because of it.
enum ew_err sampler_write_slot(struct sampler *sampler, struct ew_reason *reason) EW_MUST_CHECK;
// Stores a slot; one that is there already is merged. Inside a transaction of the caller's.
enum ew_err sampler_put_slot(struct sampler *sampler, int64_t start_s, int length_s, const void *data,
                             size_t len, struct ew_reason *reason) EW_MUST_CHECK;

// roll.c: days and months that are over. Inside a transaction of the caller's.
enum ew_err sampler_roll(struct sampler *sampler, int64_t until_s, struct ew_reason *reason) EW_MUST_CHECK;
// Forgets the roll-ups of the day of from_s and later, so that the next sampler_roll makes them anew.
enum ew_err sampler_unroll(struct sampler *sampler, int64_t from_s, struct ew_reason *reason) EW_MUST_CHECK;

// aside.c: what ends after wall_s goes to set_aside. Inside a transaction of the caller's.
enum ew_err sampler_move_future(struct sampler *sampler, int64_t wall_s,
                                struct ew_reason *reason) EW_MUST_CHECK;

// packing.c: packs a part of the oldest day that is over by `until_s`; *ret_more: there is more to do.
enum ew_err sampler_pack(struct sampler *sampler, int64_t until_s, bool *ret_more,
                         struct ew_reason *reason) EW_MUST_CHECK;
// Packs on until no day is half packed.
enum ew_err sampler_pack_rest(struct sampler *sampler, struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err sampler_save_progress(struct sampler *sampler, struct ew_reason *reason) EW_MUST_CHECK;

#endif
