#include "recorder/sampler_priv.h"

#include "base/buf.h"
#include "base/limits.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SERIES_MAX = EW_DEVICES_MAX * 64, MEMBERS_MAX = EW_DEVICES_MAX * 64 };

struct sampler *sampler_new(struct store *store, const char *boot, int64_t build_s, sampler_event_fn *fn,
                            void *user)
{
    struct sampler *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->store = store;
    s->build_s = build_s;
    s->event = fn;
    s->event_user = user;
    s->interval_min = 10;
    s->verdict = HISTORY_CLOCK_UNTRUSTED;
    s->last_s = INT64_MIN;
    s->rolled_s = INT64_MIN;
    s->zone = (struct calendar_zone){.count = 1, .transitions = {{INT64_MIN, 0}}};
    ew_copy(s->boot, sizeof(s->boot), boot);
    return s;
}

void sampler_free(struct sampler *s)
{
    if (!s)
        return;
    free(s->series);
    free(s->members);
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

// Place of the series, or where it would stand (*ret_found false).
static int find(const struct sampler *s, int64_t device, const char *quantity, bool *ret_found)
{
    int low = 0, high = s->series_count;
    while (low < high) {
        int middle = (low + high) / 2;
        int order = compare(&s->series[middle], device, quantity);
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

static struct sampler_series_entry *insert(struct sampler *s, int at, int64_t id, int64_t device,
                                           const char *quantity, bool counter)
{
    if (s->series_count == s->series_cap) {
        s->series_cap = s->series_cap ? s->series_cap * 2 : 64;
        s->series = realloc(s->series, (size_t)s->series_cap * sizeof(*s->series));
        if (!s->series)
            abort();
    }
    struct sampler_series_entry *entry = &s->series[at];
    memmove(entry + 1, entry, (size_t)(s->series_count - at) * sizeof(*entry));
    s->series_count++;
    *entry = (struct sampler_series_entry){.id = id, .device = device, .counter = counter};
    ew_copy(entry->quantity, sizeof(entry->quantity), quantity);
    return entry;
}

// The series of a device's quantity, made on first sight. NULL when it can't be made now (disk, ceiling).
static struct sampler_series_entry *series_of(struct sampler *s, int64_t device, const char *quantity,
                                              bool counter)
{
    bool found;
    int at = find(s, device, quantity, &found);
    if (found)
        return &s->series[at];
    if (s->series_count >= SERIES_MAX || strlen(quantity) >= PROFILE_NAME_MAX)
        return NULL;
    sqlite3_stmt *q =
        store_statement(s->store, "INSERT INTO series (device, quantity, kind) VALUES (?, ?, ?)");
    sqlite3_bind_int64(q, 1, device);
    sqlite3_bind_text(q, 2, quantity, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int(q, 3, counter);
    struct ew_reason reason;
    if (store_execute(s->store, q, &reason) != EW_OK) {
        sampler_tell(s, &reason);
        return NULL;
    }
    return insert(s, at, sqlite3_last_insert_rowid(store_db(s->store)), device, quantity, counter);
}

// ---- Memberships -----------------------------------------------------------------------------------------

// The entry in force for a device at at_s, -1 = none.
static int member_at(const struct sampler *s, int64_t device, int64_t at_s)
{
    int low = 0, high = s->member_count;
    while (low < high) {
        int middle = (low + high) / 2;
        const struct sampler_member_entry *m = &s->members[middle];
        if (m->device < device || (m->device == device && m->since_s <= at_s))
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && s->members[low - 1].device == device ? low - 1 : -1;
}

bool sampler_member_at(const struct sampler *s, int64_t device, int64_t at_s, int64_t *ret_circuit,
                       bool *ret_excluded)
{
    int at = member_at(s, device, at_s);
    if (at < 0)
        return false;
    *ret_circuit = s->members[at].circuit;
    *ret_excluded = s->members[at].excluded;
    return true;
}

static void insert_member(struct sampler *s, const struct sampler_member_entry *entry)
{
    int at = member_at(s, entry->device, entry->since_s);
    if (at >= 0 && s->members[at].since_s == entry->since_s) {
        s->members[at] = *entry;
        return;
    }
    if (s->member_count == s->member_cap) {
        s->member_cap = s->member_cap ? s->member_cap * 2 : 64;
        s->members = realloc(s->members, (size_t)s->member_cap * sizeof(*s->members));
        if (!s->members)
            abort();
    }
    int place = at + 1;
    if (at < 0)
        for (place = 0; place < s->member_count && s->members[place].device < entry->device;)
            place++;
    memmove(&s->members[place + 1], &s->members[place],
            (size_t)(s->member_count - place) * sizeof(*s->members));
    s->members[place] = *entry;
    s->member_count++;
}

void sampler_member(struct sampler *s, int64_t device, int64_t circuit, bool excluded,
                    const struct sampler_now *now)
{
    // The first membership of a device holds for all its past; later ones from the start of their slot.
    bool first = member_at(s, device, INT64_MAX) < 0;
    int64_t since_s = first ? 0 : now->wall_s - now->wall_s % 60;
    int at = member_at(s, device, INT64_MAX);
    if (at >= 0 && s->members[at].circuit == circuit && s->members[at].excluded == excluded)
        return;
    if (s->member_count >= MEMBERS_MAX)
        return;
    if (at >= 0 && s->members[at].since_s > since_s)
        since_s = s->members[at].since_s; // the clock stepped back: the newest change still wins
    sqlite3_stmt *q = store_statement(
        s->store, "INSERT OR REPLACE INTO membership (device, since, circuit, excluded) VALUES (?, ?, ?, ?)");
    sqlite3_bind_int64(q, 1, device);
    sqlite3_bind_int64(q, 2, since_s);
    sqlite3_bind_int64(q, 3, circuit);
    sqlite3_bind_int(q, 4, excluded);
    struct ew_reason reason;
    if (store_execute(s->store, q, &reason) != EW_OK)
        sampler_tell(s, &reason);
    struct sampler_member_entry entry = {device, since_s, circuit, excluded};
    insert_member(s, &entry);
}

// ---- Loading ---------------------------------------------------------------------------------------------

static enum ew_err load_series(struct sampler *s, struct ew_reason *reason)
{
    sqlite3_stmt *q =
        store_statement(s->store, "SELECT s.id, s.device, s.quantity, s.kind, c.reading, c.at FROM series s "
                                  "LEFT JOIN counter c ON c.series = s.id ORDER BY s.device, s.quantity");
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        struct sampler_series_entry *entry =
            insert(s, s->series_count, sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),
                   (const char *)sqlite3_column_text(q, 2), sqlite3_column_int(q, 3) == 1);
        entry->count.known = sqlite3_column_type(q, 4) != SQLITE_NULL;
        entry->count.reading = sqlite3_column_double(q, 4);
        entry->count.at_s = sqlite3_column_int64(q, 5);
    }
    sqlite3_reset(q);
    return code == SQLITE_DONE ? EW_OK : store_fail(s->store, reason);
}

static enum ew_err load_members(struct sampler *s, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(
        s->store, "SELECT device, since, circuit, excluded FROM membership ORDER BY device, since");
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        struct sampler_member_entry entry = {sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),
                                             sqlite3_column_int64(q, 2), sqlite3_column_int(q, 3) == 1};
        insert_member(s, &entry);
    }
    sqlite3_reset(q);
    return code == SQLITE_DONE ? EW_OK : store_fail(s->store, reason);
}

void sampler_index_make(const struct sampler *s, struct sampler_index *ret_index)
{
    *ret_index = (struct sampler_index){0};
    for (int i = 0; i < s->series_count; i++)
        if (s->series[i].id > ret_index->max_id)
            ret_index->max_id = s->series[i].id;
    ret_index->place = malloc(sizeof(int) * (size_t)(ret_index->max_id + 1));
    if (!ret_index->place)
        abort();
    for (int64_t id = 0; id <= ret_index->max_id; id++)
        ret_index->place[id] = -1;
    for (int i = 0; i < s->series_count; i++)
        ret_index->place[s->series[i].id] = i;
}

struct sampler_series_entry *sampler_by_id(struct sampler *s, const struct sampler_index *index, int64_t id)
{
    return id >= 0 && id <= index->max_id && index->place[id] >= 0 ? &s->series[index->place[id]] : NULL;
}

// Readings newer than the last rolled hour are in the samples.
static enum ew_err load_readings(struct sampler *s, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(
        s->store, "SELECT series, high, slot + length FROM sample WHERE slot >= ? ORDER BY slot");
    sqlite3_bind_int64(q, 1, s->rolled_s);
    struct sampler_index index;
    sampler_index_make(s, &index);
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        struct sampler_series_entry *entry = sampler_by_id(s, &index, sqlite3_column_int64(q, 0));
        if (!entry || !entry->counter)
            continue;
        entry->count.known = true;
        entry->count.reading = sqlite3_column_double(q, 1);
        entry->count.at_s = sqlite3_column_int64(q, 2) - 1;
    }
    free(index.place);
    sqlite3_reset(q);
    return code == SQLITE_DONE ? EW_OK : store_fail(s->store, reason);
}

static enum ew_err load_last(struct sampler *s, struct ew_reason *reason)
{
    sqlite3_stmt *q =
        store_statement(s->store, "SELECT slot + length FROM sample ORDER BY slot DESC LIMIT 1");
    int code = sqlite3_step(q);
    if (code == SQLITE_ROW)
        s->last_s = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    return code == SQLITE_ROW || code == SQLITE_DONE ? EW_OK : store_fail(s->store, reason);
}

enum ew_err sampler_load(struct sampler *s, struct ew_reason *reason)
{
    enum ew_err err = load_series(s, reason);
    if (err == EW_OK)
        err = load_members(s, reason);
    if (err == EW_OK)
        err = sampler_load_rolled(s, reason);
    if (err == EW_OK)
        err = load_last(s, reason);
    return err == EW_OK ? load_readings(s, reason) : err;
}

// ---- Readings --------------------------------------------------------------------------------------------

int64_t sampler_time_s(const struct sampler *s, const struct sampler_now *now)
{
    return s->untrusted ? now->up_ms / 1000 : now->wall_s;
}

void sampler_reading(struct sampler *s, int64_t device, const char *quantity, bool counter, double value,
                     int64_t up_ms, const struct sampler_now *now)
{
    if (!s->running || up_ms > now->up_ms)
        return;
    struct sampler_series_entry *entry = series_of(s, device, quantity, counter);
    if (!entry)
        return;
    int64_t at_s = sampler_time_s(s, now) - (now->up_ms - up_ms) / 1000;
    if (entry->counter) {
        // While history waits for a clock that was set back, readings belong to the running slot.
        if (at_s < s->slot_start_s && s->verdict == HISTORY_CLOCK_WAIT)
            at_s = s->slot_start_s;
        if (entry->count.known && at_s < entry->count.at_s && s->verdict == HISTORY_CLOCK_WAIT)
            at_s = entry->count.at_s;
        history_counter_add(&entry->count, value, at_s, s->slot_start_s, s->interval_min * 60);
    } else if (at_s >= s->slot_start_s || s->verdict == HISTORY_CLOCK_WAIT) {
        history_gauge_add(&entry->gauge, value);
    }
}
