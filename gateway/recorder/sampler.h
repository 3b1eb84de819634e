// From readings to rows: gathers what devices measured in the running slot and writes the slot when it ends,
// samples, hour, day, month and counters in one transaction. Knows no MQTT and no clock: time comes in as
// struct sampler_now, so that tests run days in milliseconds.
#ifndef EDGEWATT_RECORDER_SAMPLER_H
#define EDGEWATT_RECORDER_SAMPLER_H

#include "core/calendar/calendar.h"
#include "core/history/history.h"
#include "store/store.h"

struct sampler;

struct sampler_now {
    int64_t wall_s;    // wall clock, Unix seconds
    int64_t up_ms;     // CLOCK_BOOTTIME
    bool synchronised; // the kernel's clock is disciplined
};

// What people should know: a full disk, rows set aside, a clock not yet known. Once per change.
typedef void sampler_event_fn(void *user, const struct ew_reason *event);

// The store stays the caller's. boot: the kernel's boot id. build_s: no true time is before it.
struct sampler *sampler_new(struct store *store, const char *boot, int64_t build_s, sampler_event_fn *fn,
                            void *user);
void sampler_free(
    struct sampler *sampler); // the running slot is dropped: its counters are recovered at the next start
// Reads series, counters and memberships. Call once, before anything else.
enum ew_err sampler_load(struct sampler *sampler, struct ew_reason *reason) EW_MUST_CHECK;

// Zone and sampling interval (REC-01). The running slot ends as it began; what is recorded stays as it is.
void sampler_configure(struct sampler *sampler, const struct calendar_zone *zone, int interval_min);

// The circuit of a device (0 = other) and whether totals leave it out, from now on (VIEW-08).
void sampler_member(struct sampler *sampler, int64_t device, int64_t circuit, bool excluded,
                    const struct sampler_now *now);

// One value of a device, read at up_ms. Values older than the running slot are dropped unless they are
// counters.
void sampler_reading(struct sampler *sampler, int64_t device, const char *quantity, bool counter,
                     double value, int64_t up_ms, const struct sampler_now *now);

// Ends the running slot when it is over. Call at least once a second. A slot that can't be written (disk
// full, busy) is kept and tried again at the next call; the counters lose nothing.
enum ew_err sampler_tick(struct sampler *sampler, const struct sampler_now *now,
                         struct ew_reason *reason) EW_MUST_CHECK;

// End of the newest slot in the store, Unix seconds; 0 = none.
int64_t sampler_last_s(const struct sampler *sampler);
// Up to where hours, days and months are in their own tables, Unix seconds; INT64_MIN = nowhere.
int64_t sampler_rolled_s(const struct sampler *sampler);
// "trusted", "untrusted", "waiting": for the health page.
const char *sampler_clock_name(const struct sampler *sampler);

// For queries: circuit of a device at a time, and whether it counted; false when it never was a member.
bool sampler_member_at(const struct sampler *sampler, int64_t device, int64_t at_s, int64_t *ret_circuit,
                       bool *ret_excluded);
#endif
