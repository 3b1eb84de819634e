// Whose values are in which column: series of devices, and their sums by circuit, zone and service as
// memberships were at that time.
#include "recorder/csv_tree_priv.h"

#include <stdlib.h>
#include <string.h>

static void *room(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    if (!p)
        abort();
    return p;
}

enum ew_err csv_fail(struct csv_run *run, struct ew_reason *reason)
{
    return ew_fail(reason, EW_E_IO, "store.io", "history.db", "%s", sqlite3_errmsg(run->db));
}

const cJSON *csv_list(const struct csv_run *run, const char *kind)
{
    return cJSON_GetObjectItemCaseSensitive(run->tree->site, kind);
}

static int64_t id_of(const cJSON *node)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(node, "id");
    return cJSON_IsNumber(id) ? (int64_t)id->valuedouble : 0;
}

// ---- Configuration ---------------------------------------------------------------------------------------

static int by_id(const void *a, const void *b)
{
    const struct csv_device *one = a, *other = b;
    return (one->id > other->id) - (one->id < other->id);
}

static void load_devices(struct csv_run *run)
{
    const cJSON *list = csv_list(run, "device"), *node;
    run->devices = room((size_t)cJSON_GetArraySize(list), sizeof(*run->devices));
    cJSON_ArrayForEach(node, list)
    {
        struct site_device device;
        struct csv_device *d = &run->devices[run->device_count];
        if (site_device_read(node, "", &device, NULL) != EW_OK)
            continue;
        d->id = device.id;
        ew_copy(d->name, sizeof(d->name), device.name);
        run->device_count++;
    }
    qsort(run->devices, (size_t)run->device_count, sizeof(*run->devices), by_id);
}

const struct csv_device *csv_device_of(const struct csv_run *run, int64_t id)
{
    struct csv_device key = {.id = id};
    return bsearch(&key, run->devices, (size_t)run->device_count, sizeof(*run->devices), by_id);
}

static int by_group_id(const void *a, const void *b)
{
    const struct csv_group *one = a, *other = b;
    return (one->id > other->id) - (one->id < other->id);
}

// With `none`, a group of id 0 for what belongs to none.
static struct csv_group *load_groups(const struct csv_run *run, const char *kind, bool none, int *ret_count)
{
    const cJSON *list = csv_list(run, kind), *node;
    struct csv_group *groups = room((size_t)cJSON_GetArraySize(list) + 1, sizeof(*groups));
    int count = none ? 1 : 0;
    if (none)
        ew_copy(groups[0].name, sizeof(groups[0].name), "other");
    cJSON_ArrayForEach(node, list)
    {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, "name"));
        const char *use = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, "use"));
        groups[count].id = id_of(node);
        ew_copy(groups[count].name, sizeof(groups[count].name), name ? name : use ? use : "");
        count += groups[count].id > 0;
    }
    qsort(groups, (size_t)count, sizeof(*groups), by_group_id);
    *ret_count = count;
    return groups;
}

static int by_order(const void *a, const void *b)
{
    const struct site_cost_rule *one = a, *other = b;
    return (one->order > other->order) - (one->order < other->order);
}

static void load_tariffs(struct csv_run *run)
{
    struct site_cost_rule all[TARIFF_RULES_MAX];
    struct tariff_rule rules[TARIFF_RULES_MAX];
    int count = 0;
    const cJSON *node;
    cJSON_ArrayForEach(node, csv_list(run, "tariff"))
    {
        int max = (int)(sizeof(run->tariffs) / sizeof(run->tariffs[0]));
        if (run->tariff_count < max &&
            site_tariff_read(node, "", &run->tariffs[run->tariff_count], NULL) == EW_OK)
            run->tariff_count++;
    }
    cJSON_ArrayForEach(node, csv_list(run, "cost_rule"))
    {
        if (count < TARIFF_RULES_MAX && site_cost_rule_read(node, "", &all[count], NULL) == EW_OK)
            count++;
    }
    qsort(all, (size_t)count, sizeof(all[0]), by_order);
    for (int service = 0; service < SITE_SERVICE_COUNT; service++) {
        int its = 0;
        for (int i = 0; i < count; i++)
            if ((int)all[i].service == service)
                rules[its++] = all[i].rule;
        if (!tariff_plan_make(rules, its, &run->plans[service]))
            (void)tariff_plan_make(rules, 0, &run->plans[service]);
    }
    struct site_settings settings;
    ew_copy(run->currency, sizeof(run->currency), "EUR");
    node = cJSON_GetObjectItemCaseSensitive(csv_list(run, "settings"), "site");
    if (site_settings_read(node, "", &settings, NULL) == EW_OK)
        ew_copy(run->currency, sizeof(run->currency), settings.currency);
}

// ---- The database ----------------------------------------------------------------------------------------

static const struct csv_member *member_at(const struct csv_run *run, int64_t device, int64_t at_s)
{
    int low = 0, high = run->member_count;
    while (low < high) {
        int middle = (low + high) / 2;
        const struct csv_member *m = &run->members[middle];
        if (m->device < device || (m->device == device && m->since_s <= at_s))
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && run->members[low - 1].device == device ? &run->members[low - 1] : NULL;
}

static void list_summed(struct csv_run *run)
{
    run->summed = room((size_t)run->series_max + 1, sizeof(*run->summed));
    for (int64_t i = 0; run->series && i <= run->series_max; i++)
        if (run->series[i].device && run->series[i].service >= 0)
            run->summed[run->summed_count++] = &run->series[i];
}

static enum ew_err load_series(struct csv_run *run, struct ew_reason *reason)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(run->db, "SELECT id, device, quantity, kind FROM series ORDER BY id DESC", -1, &q,
                           NULL) != SQLITE_OK)
        return csv_fail(run, reason);
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(q, 0);
        if (!run->series) {
            run->series_max = id;
            run->series = room((size_t)id + 1, sizeof(*run->series));
        }
        struct csv_series *s = &run->series[id];
        s->device = sqlite3_column_int64(q, 1);
        ew_copy(s->quantity, sizeof(s->quantity), (const char *)sqlite3_column_text(q, 2));
        s->counter = sqlite3_column_int(q, 3) == 1;
        s->service = -1;
        const struct csv_member *member = member_at(run, s->device, INT64_MAX);
        if (s->counter && strcmp(s->quantity, "active_energy_import") == 0)
            s->service = SITE_ELECTRICITY;
        else if (s->counter && strcmp(s->quantity, "volume") == 0)
            s->service = member && member->service == SITE_GAS ? SITE_GAS : SITE_WATER;
        s->skipped = run->sums_only && s->service < 0;
    }
    sqlite3_finalize(q);
    list_summed(run);
    return code == SQLITE_DONE ? EW_OK : csv_fail(run, reason);
}

static void read_zones(const char *text, struct csv_member *ret)
{
    char *end;
    for (const char *p = text ? text : ""; *p && ret->zone_count < EW_ZONES_PER_DEVICE_MAX;
         p = *end ? end + 1 : end) {
        ret->zones[ret->zone_count++] = strtoll(p, &end, 10);
        if (end == p)
            return;
    }
}

static enum ew_err load_members(struct csv_run *run, struct ew_reason *reason)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(run->db,
                           "SELECT device, since, circuit, excluded, service, zones FROM membership ORDER BY "
                           "device, since",
                           -1, &q, NULL) != SQLITE_OK)
        return csv_fail(run, reason);
    int code, cap = 0;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        if (run->member_count == cap) {
            cap = cap ? cap * 2 : 64;
            run->members = realloc(run->members, (size_t)cap * sizeof(*run->members));
            if (!run->members)
                abort();
        }
        struct csv_member *member = &run->members[run->member_count++];
        *member = (struct csv_member){.device = sqlite3_column_int64(q, 0),
                                      .since_s = sqlite3_column_int64(q, 1),
                                      .circuit = sqlite3_column_int64(q, 2),
                                      .excluded = sqlite3_column_int(q, 3) == 1,
                                      .service = sqlite3_column_int(q, 4)};
        read_zones((const char *)sqlite3_column_text(q, 5), member);
    }
    sqlite3_finalize(q);
    return code == SQLITE_DONE ? EW_OK : csv_fail(run, reason);
}

enum ew_err csv_load(struct csv_run *run, struct ew_reason *reason)
{
    load_devices(run);
    run->circuits = load_groups(run, "circuit", true, &run->circuit_count);
    run->zones = load_groups(run, "zone", false, &run->zone_count);
    load_tariffs(run);
    enum ew_err err = load_members(run, reason);
    return err == EW_OK ? load_series(run, reason) : err;
}

void csv_unload(struct csv_run *run)
{
    free(run->series);
    free(run->summed);
    free(run->devices);
    free(run->members);
    free(run->circuits);
    free(run->zones);
}

// ---- Sums of a slot --------------------------------------------------------------------------------------

static void clear_cells(struct csv_cell *cells, int count)
{
    memset(cells, 0, (size_t)count * sizeof(*cells));
}

void csv_cells_clear(struct csv_run *run)
{
    for (int i = 0; run->sums_only && i < run->summed_count; i++)
        run->summed[i]->cell.known = false;
    for (int64_t i = 0; !run->sums_only && run->series && i <= run->series_max; i++)
        run->series[i].cell.known = false;
    for (int i = 0; i < run->circuit_count; i++)
        clear_cells(run->circuits[i].cells, SITE_SERVICE_COUNT);
    for (int i = 0; i < run->zone_count; i++)
        clear_cells(run->zones[i].cells, SITE_SERVICE_COUNT);
    clear_cells(run->totals, SITE_SERVICE_COUNT);
    clear_cells(run->costs, SITE_SERVICE_COUNT);
}

static struct csv_group *group_of(struct csv_group *groups, int count, int64_t id)
{
    struct csv_group key = {.id = id};
    return bsearch(&key, groups, (size_t)count, sizeof(*groups), by_group_id);
}

static void add(struct csv_cell *sum, const struct csv_cell *cell)
{
    sum->known = true;
    sum->value += cell->value;
    sum->flags |= cell->flags;
}

static void add_series(struct csv_run *run, const struct csv_series *s, int64_t slot_s)
{
    const struct csv_member *member = member_at(run, s->device, slot_s);
    if (member && member->excluded)
        return;
    add(&run->totals[s->service], &s->cell);
    struct csv_group *circuit = group_of(run->circuits, run->circuit_count, member ? member->circuit : 0);
    add(&(circuit ? circuit : &run->circuits[0])->cells[s->service], &s->cell);
    for (int i = 0; member && i < member->zone_count; i++) {
        struct csv_group *zone = group_of(run->zones, run->zone_count, member->zones[i]);
        if (zone)
            add(&zone->cells[s->service], &s->cell);
    }
}

// The cost of a service's slot in millionths of the currency, rounded once.
static void price(struct csv_run *run, int service, int64_t slot_s, int64_t end_s)
{
    struct tariff_segment segments[64];
    int64_t sums_milli[TARIFF_PLACES] = {0};
    int count, cursor = 0;
    const struct tariff_plan *plan = &run->plans[service];
    if (!tariff_segments(plan, run->tree->zone, slot_s, end_s, segments, 64, &count))
        return;
    tariff_share(segments, count, &cursor, slot_s, end_s, run->totals[service].value, sums_milli);
    struct calendar_date date = calendar_local(run->tree->zone, slot_s).date;
    struct tariff_money money = {0};
    for (int place = 1; place < plan->tariff_count; place++)
        for (int i = 0; i < run->tariff_count; i++) {
            const struct site_tariff *t = &run->tariffs[i];
            int64_t micro = t->id == plan->tariffs[place]
                                ? tariff_price_at(t->prices, t->price_count,
                                                  date.year * 10000 + date.month * 100 + date.day)
                                : -1;
            if (micro < 0 || sums_milli[place] == 0)
                continue;
            tariff_cost(&money, sums_milli[place], micro);
            run->costs[service].known = true;
        }
    run->costs[service].value = tariff_round(&money, 6);
    run->costs[service].flags = run->totals[service].flags;
}

void csv_cells_sum(struct csv_run *run, int64_t slot_s, int64_t end_s)
{
    for (int i = 0; i < run->summed_count; i++)
        if (run->summed[i]->cell.known)
            add_series(run, run->summed[i], slot_s);
    for (int service = 0; service < SITE_SERVICE_COUNT; service++)
        if (run->totals[service].known && run->totals[service].value < 100000000000000)
            price(run, service, slot_s, end_s);
}
