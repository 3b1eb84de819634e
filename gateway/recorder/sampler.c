// Series, and the readings that go into the running slot.
#include "recorder/sampler_priv.h"

#include "base/buf.h"
#include "base/limits.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SERIES_MAX = EW_DEVICES_MAX * 64 };

struct sampler *sampler_new(struct store *store, const char *boot, int64_t build_s, sampler_event_fn *fn,
                            void *user)
{
    struct sampler *s = calloc(1, sizeof(*s));
    if (!s || !(s->serials = calloc(EW_DEVICES_MAX, sizeof(*s->serials))))
        abort();
    s->store = store;
    s->build_s = build_s;
    s->event = fn;
    s->event_user = user;
    s->interval_min = 10;
    s->verdict = HISTORY_CLOCK_WAIT; // until the first tick has looked
    s->last_s = INT64_MIN;
    s->rolled_s = INT64_MIN;
    s->packing_day = -1;
    s->zone = (struct calendar_zone){.count = 1, .transitions = {{INT64_MIN, 0}}};
    ew_copy(s->boot, sizeof(s->boot), boot);
    return s;
}

void sampler_free(struct sampler *s)
{
    if (!s)
        return;
    free(s->series);
    free(s->order);
    free(s->members);
    free(s->totals);
    free(s->serials);
    free(s);
}

void sampler_configure(struct sampler *s, const struct calendar_zone *zone, int interval_min)
{
    assert(history_interval_valid(interval_min));
    s->zone = *zone;
    s->interval_min = interval_min;
}

void sampler_tell(struct sampler *s, const struct ew_reason *event)
{
    if (s->told == event->err)
        return;
    s->told = event->err;
    if (event->err != EW_OK)
        s->event(s->event_user, event);
}

int64_t sampler_last_s(const struct sampler *s)
{
    return s->last_s == INT64_MIN ? 0 : s->last_s;
}

int64_t sampler_rolled_s(const struct sampler *s)
{
    return s->rolled_s;
}

const char *sampler_clock_name(const struct sampler *s)
{
    switch (s->verdict) {
    case HISTORY_CLOCK_TRUSTED:
        return "trusted";
    case HISTORY_CLOCK_UNTRUSTED:
        return "untrusted";
    case HISTORY_CLOCK_WAIT:
    case HISTORY_CLOCK_FUTURE:
        break;
    }
    return "waiting";
}

// ---- Series ----------------------------------------------------------------------------------------------

static int compare(const struct sampler_series_entry *entry, int64_t device, const char *quantity)
{
    if (entry->device != device)
        return entry->device < device ? -1 : 1;
    return strcmp(entry->quantity, quantity);
}

// Place in `order` of the series, or where it would stand (*ret_found false).
static int find(const struct sampler *s, int64_t device, const char *quantity, bool *ret_found)
{
    int low = 0, high = s->series_count;
    while (low < high) {
        int middle = (low + high) / 2;
        int order = compare(&s->series[s->order[middle]], device, quantity);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = false;
    return low;
}

struct sampler_series_entry *sampler_insert_series(struct sampler *s, int64_t id, int64_t device,
                                                   const char *quantity, bool counter)
{
    if (s->series_count == s->series_cap) {
        s->series_cap = s->series_cap ? s->series_cap * 2 : 64;
        s->series = realloc(s->series, (size_t)s->series_cap * sizeof(*s->series));
        s->order = realloc(s->order, (size_t)s->series_cap * sizeof(*s->order));
        if (!s->series || !s->order)
            abort();
    }
    bool found;
    int at = find(s, device, quantity, &found);
    memmove(&s->order[at + 1], &s->order[at], (size_t)(s->series_count - at) * sizeof(*s->order));
    s->order[at] = s->series_count;
    struct sampler_series_entry *entry = &s->series[s->series_count++];
    *entry = (struct sampler_series_entry){.id = id, .device = device, .counter = counter};
    ew_copy(entry->quantity, sizeof(entry->quantity), quantity);
    return entry;
}

struct sampler_series_entry *sampler_by_id(struct sampler *s, int64_t id)
{
    int low = 0, high = s->series_count - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        if (s->series[middle].id == id)
            return &s->series[middle];
        if (s->series[middle].id < id)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return NULL;
}

static struct sampler_series series_view(const struct sampler_series_entry *entry)
{
    return (struct sampler_series){entry->id, entry->device, entry->quantity, entry->counter};
}

bool sampler_series_at(const struct sampler *s, int index, struct sampler_series *ret)
{
    if (index < 0 || index >= s->series_count)
        return false;
    *ret = series_view(&s->series[index]);
    return true;
}

bool sampler_series_find(const struct sampler *s, int64_t device, const char *quantity,
                         struct sampler_series *ret)
{
    bool found;
    int at = find(s, device, quantity, &found);
    if (found)
        *ret = series_view(&s->series[s->order[at]]);
    return found;
}

// The series of a device's quantity, made on first sight; it is stored with the slot. NULL at the ceiling, or
// when history has it as the other kind.
static struct sampler_series_entry *series_of(struct sampler *s, int64_t device, const char *quantity,
                                              bool counter)
{
    bool found;
    int at = find(s, device, quantity, &found);
    if (found)
        return s->series[s->order[at]].counter == counter ? &s->series[s->order[at]] : NULL;
    if (s->series_count >= SERIES_MAX || strlen(quantity) >= PROFILE_NAME_MAX)
        return NULL;
    int64_t id = s->series_count ? s->series[s->series_count - 1].id + 1 : 1;
    return sampler_insert_series(s, id, device, quantity, counter);
}

// ---- Readings --------------------------------------------------------------------------------------------

int64_t sampler_time_s(const struct sampler *s, const struct sampler_now *now)
{
    return s->untrusted ? now->up_ms / 1000 : now->wall_s;
}

static void add_reading(struct sampler *s, struct sampler_series_entry *entry, int64_t reading_th,
                        int64_t up_ms, const struct sampler_now *now)
{
    int64_t at_s = sampler_time_s(s, now) - (now->up_ms - up_ms) / 1000;
    // While history waits for a clock that was set back, readings belong to the running slot.
    if (at_s < s->slot_start_s && s->verdict == HISTORY_CLOCK_WAIT)
        at_s = s->slot_start_s;
    if (entry->count.known && at_s < entry->count.at_s && s->verdict == HISTORY_CLOCK_WAIT)
        at_s = entry->count.at_s;
    history_counter_add(&entry->count, reading_th, at_s, s->slot_start_s, s->interval_min * 60);
}

void sampler_reading(struct sampler *s, int64_t device, const char *quantity, bool counter, double value,
                     int64_t up_ms, const struct sampler_now *now)
{
    int64_t value_th;
    if (!s->running || up_ms > now->up_ms || !history_thousandths(value, &value_th))
        return;
    struct sampler_series_entry *entry = series_of(s, device, quantity, counter);
    if (!entry)
        return;
    int64_t at_s = sampler_time_s(s, now) - (now->up_ms - up_ms) / 1000;
    if (counter)
        add_reading(s, entry, value_th, up_ms, now);
    else if (at_s >= s->slot_start_s || s->verdict == HISTORY_CLOCK_WAIT)
        history_gauge_add(&entry->gauge, value);
}

void sampler_power(struct sampler *s, int64_t device, double power_w, int64_t gap_max_ms, int64_t up_ms,
                   const struct sampler_now *now)
{
    if (!s->running || up_ms > now->up_ms)
        return;
    struct sampler_series_entry *entry =
        series_of(s, device, history_service_quantity(SITE_ELECTRICITY), true);
    if (!entry)
        return;
    if (!entry->integral.known && entry->count.known) // goes on where the recorder's life before ended
        entry->counted_th = entry->count.reading_th;
    entry->counted_th += history_integrate(&entry->integral, power_w, up_ms, gap_max_ms);
    add_reading(s, entry, entry->counted_th, up_ms, now);
    entry->count.flags = (entry->count.flags & ~(unsigned)HISTORY_RECOVERED) | HISTORY_ESTIMATED;
}

static struct sampler_serial *serial_of(struct sampler *s, int64_t device)
{
    for (int i = 0; i < s->serial_count; i++)
        if (s->serials[i].device == device)
            return &s->serials[i];
    if (s->serial_count == EW_DEVICES_MAX)
        return NULL;
    s->serials[s->serial_count] = (struct sampler_serial){.device = device};
    return &s->serials[s->serial_count++];
}

void sampler_identity(struct sampler *s, int64_t device, const char *serial)
{
    struct sampler_serial *known = serial_of(s, device);
    if (!known || !serial[0] || strcmp(known->serial, serial) == 0)
        return;
    bool other = known->serial[0] != 0;
    ew_copy(known->serial, sizeof(known->serial), serial);
    sqlite3_stmt *q =
        store_statement(s->store, "INSERT OR REPLACE INTO identity (device, serial) VALUES (?, ?)");
    sqlite3_bind_int64(q, 1, device);
    sqlite3_bind_text(q, 2, known->serial, -1, SQLITE_TRANSIENT);
    struct ew_reason reason;
    if (store_execute(s->store, q, &reason) != EW_OK)
        sampler_tell(s, &reason);
    if (!other)
        return;
    for (int i = 0; i < s->series_count; i++)
        if (s->series[i].device == device && s->series[i].counter)
            history_replaced(&s->series[i].count);
}
