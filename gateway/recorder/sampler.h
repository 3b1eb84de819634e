// From readings to rows: gathers what devices measured in the running slot and writes the slot when it ends,
// with its totals and the days and months that are over, in one transaction. Knows no MQTT and no clock: time
// comes in as struct sampler_now, so that tests run days in milliseconds.
#ifndef EDGEWATT_RECORDER_SAMPLER_H
#define EDGEWATT_RECORDER_SAMPLER_H

#include "core/calendar/calendar.h"
#include "core/history/history.h"
#include "core/history/member.h"
#include "store/store.h"

struct sampler;

struct sampler_now {
    int64_t wall_s;    // wall clock, Unix seconds
    int64_t up_ms;     // CLOCK_BOOTTIME
    bool synchronised; // the kernel's clock is disciplined
};

// What people should know: a full disk, rows set aside, swapped counters. Once per change.
typedef void sampler_event_fn(void *user, const struct ew_reason *event);

// The store stays the caller's. boot: the kernel's boot id. build_s: no true time is before it.
struct sampler *sampler_new(struct store *store, const char *boot, int64_t build_s, sampler_event_fn *fn,
                            void *user);
// The running slot is dropped: its counters are recovered at the next start.
void sampler_free(struct sampler *sampler);
// Reads series, counters, memberships and totals. Call once, before anything else.
enum ew_err sampler_load(struct sampler *sampler, struct ew_reason *reason) EW_MUST_CHECK;

// Zone and sampling interval (REC-01). The running slot ends as it began; what is recorded stays as it is.
void sampler_configure(struct sampler *sampler, const struct calendar_zone *zone, int interval_min);

// Where a device belongs from now on (VIEW-08); its first place holds for all its past.
void sampler_member(struct sampler *sampler, int64_t device, const struct history_place *place,
                    const struct sampler_now *now);

// One value of a device, read at up_ms. Values older than the running slot are dropped unless they are
// counters.
void sampler_reading(struct sampler *sampler, int64_t device, const char *quantity, bool counter,
                     double value, int64_t up_ms, const struct sampler_now *now);
// The power of a device that has no counter: its energy is integrated and flagged. gap_max_ms: between
// readings further apart nothing is counted.
void sampler_power(struct sampler *sampler, int64_t device, double power_w, int64_t gap_max_ms, int64_t up_ms,
                   const struct sampler_now *now);
// The serial number that a device tells: when it is another one, its counters begin anew.
void sampler_identity(struct sampler *sampler, int64_t device, const char *serial);

// Ends the running slot when it is over, and packs days that are. Call at least once a second. A slot that
// can't be written (disk full, busy) is kept and tried again at the next call; the counters lose nothing.
enum ew_err sampler_tick(struct sampler *sampler, const struct sampler_now *now,
                         struct ew_reason *reason) EW_MUST_CHECK;

// The zone was changed: days and months from this local date on are forgotten and made anew in the zone of
// now, the earlier ones stay. Questions are answered rightly at once, from the samples.
enum ew_err sampler_rebuild(struct sampler *sampler, struct calendar_date from,
                            struct ew_reason *reason) EW_MUST_CHECK;
// Rolls another week when days are behind. Call now and then.
enum ew_err sampler_catch_up(struct sampler *sampler, struct ew_reason *reason) EW_MUST_CHECK;

// End of the newest slot in the store, Unix seconds; 0 = none.
int64_t sampler_last_s(const struct sampler *sampler);
// Up to where days and months are in their own tables, Unix seconds; INT64_MIN = nowhere.
int64_t sampler_rolled_s(const struct sampler *sampler);
// "trusted", "untrusted", "waiting": for the health page.
const char *sampler_clock_name(const struct sampler *sampler);
// The highest id of a device, circuit, zone or panel that history knows; 0 = none.
int64_t sampler_highest_id(const struct sampler *sampler);

// Where a device belonged at a time, and until when; on loan (see history_place_at).
const struct history_place *sampler_place_at(const struct sampler *sampler, int64_t device, int64_t at_s,
                                             int64_t *ret_until_s);
// Dated places, sorted by (device, since_s); on loan.
const struct history_member *sampler_members(const struct sampler *sampler, int *ret_count);

// Series by rising id, from 0; false past the last.
struct sampler_series {
    int64_t id, device;
    const char *quantity;
    bool counter;
};
bool sampler_series_at(const struct sampler *sampler, int index, struct sampler_series *ret);
bool sampler_series_find(const struct sampler *sampler, int64_t device, const char *quantity,
                         struct sampler_series *ret);

// Totals since recording began, by index from 0; false past the last. Only grows.
enum sampler_total_kind { SAMPLER_SITE, SAMPLER_CIRCUIT, SAMPLER_ZONE, SAMPLER_PANEL };
const char *sampler_total_name(enum sampler_total_kind kind); // "circuit"
struct sampler_total {
    enum sampler_total_kind kind;
    int64_t id;
    enum site_service service;
    int64_t value_th;
};
bool sampler_total_at(const struct sampler *sampler, int index, struct sampler_total *ret);

#endif
