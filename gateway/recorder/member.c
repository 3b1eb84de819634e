// Where devices belong, and what was consumed there since recording began.
#include "recorder/sampler_priv.h"

#include "base/buf.h"
#include "base/limits.h"
#include <stdlib.h>
#include <string.h>

enum { MEMBERS_MAX = EW_DEVICES_MAX * 64, TOTALS_MAX = 65536, ZONES_TEXT_MAX = 64 };

const struct history_member *sampler_members(const struct sampler *s, int *ret_count)
{
    *ret_count = s->member_count;
    return s->members;
}

const struct history_place *sampler_place_at(const struct sampler *s, int64_t device, int64_t at_s,
                                             int64_t *ret_until_s)
{
    return history_place_at(s->members, s->member_count, device, at_s, ret_until_s);
}

void sampler_insert_member(struct sampler *s, const struct history_member *member)
{
    int at = history_member_at(s->members, s->member_count, member->device, member->since_s);
    if (at >= 0 && s->members[at].since_s == member->since_s) {
        s->members[at] = *member;
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
        for (place = 0; place < s->member_count && s->members[place].device < member->device;)
            place++;
    memmove(&s->members[place + 1], &s->members[place],
            (size_t)(s->member_count - place) * sizeof(*s->members));
    s->members[place] = *member;
    s->member_count++;
}

static void write_zones(const struct history_place *place, char dst[ZONES_TEXT_MAX])
{
    struct ew_buf text;
    ew_buf_init(&text, ZONES_TEXT_MAX - 1);
    for (int i = 0; i < place->zone_count; i++)
        ew_buf_printf(&text, "%s%lld", i ? "," : "", (long long)place->zones[i]);
    ew_copy(dst, ZONES_TEXT_MAX, ew_buf_text(&text));
    ew_buf_done(&text);
}

static void read_zones(const char *text, struct history_place *place)
{
    while (*text && place->zone_count < EW_ZONES_PER_DEVICE_MAX) {
        char *end;
        place->zones[place->zone_count++] = strtoll(text, &end, 10);
        if (end == text)
            return;
        text = *end ? end + 1 : end;
    }
}

static enum ew_err save_member(struct sampler *s, const struct history_member *member,
                               struct ew_reason *reason)
{
    char zones[ZONES_TEXT_MAX];
    write_zones(&member->place, zones);
    sqlite3_stmt *q =
        store_statement(s->store, "INSERT OR REPLACE INTO membership (device, since, circuit, "
                                  "panel, zones, excluded, service) VALUES (?, ?, ?, ?, ?, ?, ?)");
    sqlite3_bind_int64(q, 1, member->device);
    sqlite3_bind_int64(q, 2, member->since_s);
    sqlite3_bind_int64(q, 3, member->place.circuit);
    sqlite3_bind_int64(q, 4, member->place.panel);
    sqlite3_bind_text(q, 5, zones, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int(q, 6, member->place.excluded);
    sqlite3_bind_int(q, 7, (int)member->place.service);
    return store_execute(s->store, q, reason);
}

void sampler_member(struct sampler *s, int64_t device, const struct history_place *place,
                    const struct sampler_now *now)
{
    int at = history_member_at(s->members, s->member_count, device, INT64_MAX);
    if (at >= 0 && history_place_same(&s->members[at].place, place))
        return;
    if (s->member_count >= MEMBERS_MAX)
        return;
    // The first place of a device holds for all its past; later ones from the minute of the change.
    int64_t since_s = at < 0 ? 0 : now->wall_s - now->wall_s % 60;
    if (at >= 0 && s->members[at].since_s > since_s)
        since_s = s->members[at].since_s; // the clock stepped back: the newest change still wins
    struct history_member member = {device, since_s, *place};
    struct ew_reason reason;
    if (save_member(s, &member, &reason) != EW_OK)
        sampler_tell(s, &reason);
    sampler_insert_member(s, &member);
}

int64_t sampler_highest_id(const struct sampler *s)
{
    int64_t highest = 0;
    for (int i = 0; i < s->series_count; i++)
        if (s->series[i].device > highest)
            highest = s->series[i].device;
    for (int i = 0; i < s->member_count; i++) {
        const struct history_member *m = &s->members[i];
        int64_t ids[3 + EW_ZONES_PER_DEVICE_MAX] = {m->device, m->place.circuit, m->place.panel};
        memcpy(&ids[3], m->place.zones, (size_t)m->place.zone_count * sizeof(int64_t));
        for (int k = 0; k < 3 + m->place.zone_count; k++)
            if (ids[k] > highest)
                highest = ids[k];
    }
    return highest;
}

// ---- Totals ----------------------------------------------------------------------------------------------

const char *sampler_total_name(enum sampler_total_kind kind)
{
    static const char *const names[] = {"site", "circuit", "zone", "panel"};
    return names[kind];
}

bool sampler_total_at(const struct sampler *s, int index, struct sampler_total *ret)
{
    if (index < 0 || index >= s->total_count)
        return false;
    const struct sampler_total_entry *t = &s->totals[index];
    *ret = (struct sampler_total){t->kind, t->id, t->service, t->saved_th};
    return true;
}

static struct sampler_total_entry *total_of(struct sampler *s, enum sampler_total_kind kind, int64_t id,
                                            enum site_service service)
{
    for (int i = 0; i < s->total_count; i++)
        if (s->totals[i].kind == kind && s->totals[i].id == id && s->totals[i].service == service)
            return &s->totals[i];
    if (s->total_count == s->total_cap) {
        if (s->total_cap >= TOTALS_MAX)
            return NULL;
        s->total_cap = s->total_cap ? s->total_cap * 2 : 32;
        s->totals = realloc(s->totals, (size_t)s->total_cap * sizeof(*s->totals));
        if (!s->totals)
            abort();
    }
    s->totals[s->total_count] = (struct sampler_total_entry){.kind = kind, .id = id, .service = service};
    return &s->totals[s->total_count++];
}

static void add_total(struct sampler *s, enum sampler_total_kind kind, int64_t id, enum site_service service,
                      int64_t step_th)
{
    struct sampler_total_entry *total = total_of(s, kind, id, service);
    if (total)
        total->value_th += step_th;
}

static void count_step(struct sampler *s, const struct sampler_series_entry *entry,
                       const struct history_value *value)
{
    int64_t until_s;
    const struct history_place *place = sampler_place_at(s, entry->device, value->start_s, &until_s);
    if (place->excluded || !history_place_counts(place, history_measure_of(entry->quantity)))
        return;
    add_total(s, SAMPLER_SITE, 0, place->service, value->value_th);
    add_total(s, SAMPLER_CIRCUIT, place->circuit, place->service, value->value_th);
    add_total(s, SAMPLER_PANEL, place->panel, place->service, value->value_th);
    for (int i = 0; i < place->zone_count; i++)
        add_total(s, SAMPLER_ZONE, place->zones[i], place->service, value->value_th);
    if (place->zone_count == 0)
        add_total(s, SAMPLER_ZONE, 0, place->service, value->value_th);
}

void sampler_count_totals(struct sampler *s, const void *slot, size_t len, int64_t start_s, int length_s)
{
    struct history_slot_reader reader;
    struct history_value value;
    history_slot_open(&reader, slot, len, start_s, length_s);
    while (history_slot_next(&reader, &value) && reader.counter) {
        const struct sampler_series_entry *entry = sampler_by_id(s, reader.series);
        if (entry && value.has_value && value.value_th > 0)
            count_step(s, entry, &value);
    }
}

enum ew_err sampler_save_totals(struct sampler *s, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    for (int i = 0; i < s->total_count && err == EW_OK; i++) {
        const struct sampler_total_entry *t = &s->totals[i];
        if (t->value_th == t->saved_th)
            continue;
        sqlite3_stmt *q = store_statement(
            s->store, "INSERT OR REPLACE INTO total (kind, id, service, value) VALUES (?, ?, ?, ?)");
        sqlite3_bind_text(q, 1, sampler_total_name(t->kind), -1, SQLITE_STATIC);
        sqlite3_bind_int64(q, 2, t->id);
        sqlite3_bind_int(q, 3, (int)t->service);
        sqlite3_bind_int64(q, 4, t->value_th);
        err = store_execute(s->store, q, reason);
    }
    return err;
}

void sampler_settle_totals(struct sampler *s, bool committed)
{
    for (int i = 0; i < s->total_count; i++) {
        if (committed)
            s->totals[i].saved_th = s->totals[i].value_th;
        else
            s->totals[i].value_th = s->totals[i].saved_th;
    }
}

// ---- Loading ---------------------------------------------------------------------------------------------

static enum ew_err load_totals(struct sampler *s, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(s->store, "SELECT kind, id, service, value FROM total");
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(q, 0);
        int service = sqlite3_column_int(q, 2);
        for (int kind = SAMPLER_SITE; kind <= SAMPLER_PANEL; kind++)
            if (service >= 0 && service < SITE_SERVICE_COUNT &&
                strcmp(sampler_total_name((enum sampler_total_kind)kind), name) == 0)
                add_total(s, (enum sampler_total_kind)kind, sqlite3_column_int64(q, 1),
                          (enum site_service)service, sqlite3_column_int64(q, 3));
    }
    sqlite3_reset(q);
    sampler_settle_totals(s, true);
    return code == SQLITE_DONE ? EW_OK : store_fail(s->store, reason);
}

enum ew_err sampler_load_members(struct sampler *s, struct ew_reason *reason)
{
    sqlite3_stmt *q =
        store_statement(s->store, "SELECT device, since, circuit, panel, zones, excluded, service "
                                  "FROM membership ORDER BY device, since");
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        struct history_member member = {sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1), {0}};
        int service = sqlite3_column_int(q, 6);
        member.place.circuit = sqlite3_column_int64(q, 2);
        member.place.panel = sqlite3_column_int64(q, 3);
        read_zones((const char *)sqlite3_column_text(q, 4), &member.place);
        member.place.excluded = sqlite3_column_int(q, 5) == 1;
        if (service > 0 && service < SITE_SERVICE_COUNT)
            member.place.service = (enum site_service)service;
        sampler_insert_member(s, &member);
    }
    sqlite3_reset(q);
    return code == SQLITE_DONE ? load_totals(s, reason) : store_fail(s->store, reason);
}
