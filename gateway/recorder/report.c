#include "recorder/report.h"

#include "base/civil.h"
#include "base/file.h"
#include "recorder/csv_tree_priv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zip.h>

enum {
    DAY_S = 24 * 3600,
    CHUNK_S = 4 * 3600,  // is read at once of so many series that
    SERIES_OF_DAY = 300, // a day of them, each minute, would be more than 20 MB
    TEXT_MAX = 1 << 20,
    SEGMENTS_MAX = 64,
    BUSY_MS = 5000,
    READ_PER_MILLE = 900, // of the work; packing is the rest
    PACK_LEVEL = 4        // tables: the best (9) takes 40 times as long for 8 % less
};
const struct report_limits report_limits = {.tables_bytes_max = INT64_C(2000000000),
                                            .free_bytes_min = INT64_C(256) << 20};

struct figure {
    const struct csv_cell *cell; // of the running slot
    bool known, priced;
    int64_t amount_th;
    struct tariff_money money;
    unsigned flags;
};

struct table { // of one service: values, and costs when asked for
    int service;
    int count, cap;
    struct figure *figures;
    char (*labels)[CSV_LABEL_MAX];
    char names[2][64], paths[2][PATH_MAX];
    FILE *files[2];
};

struct work {
    const struct report *report;
    const struct report_limits *limits;
    struct csv_run run;
    struct table tables[SITE_SERVICE_COUNT];
    int64_t slot_s, slot_end_s, group_s; // INT64_MIN = none
    int64_t written;                     // bytes of all files
    struct ew_buf text;                  // of a line
    enum ew_err err;
    struct ew_reason *reason;
};

// ---- The question ----------------------------------------------------------------------------------------

enum ew_err report_read(const cJSON *args, const struct calendar_zone *zone, struct report *ret,
                        struct ew_reason *reason)
{
    static const char *const scopes[] = {"devices", "stations", "zones", "circuits", NULL};
    static const char *const units[] = {"minutes", "hours", "days", NULL};
    *ret = (struct report){0};
    struct ew_json o;
    int scope = 0, by = 0;
    char from[16] = "", to[16] = "";
    struct calendar_date first = {0}, last = {0};
    ew_json_open(&o, args, "", reason);
    ew_json_skip(&o, "action");
    ew_json_enum(&o, "scope", EW_REQUIRED, scopes, &scope);
    ew_json_enum(&o, "by", EW_OPTIONAL, units, &by);
    ew_json_bool(&o, "cost", EW_OPTIONAL, &ret->cost);
    ew_json_text(&o, "from", EW_REQUIRED, 10, sizeof(from), from);
    ew_json_text(&o, "to", EW_REQUIRED, 10, sizeof(to), to);
    const cJSON *ids = ew_json_array(&o, "ids", EW_OPTIONAL, REPORT_IDS_MAX), *id;
    cJSON_ArrayForEach(id, ids)
    {
        if (!cJSON_IsNumber(id) || !(id->valuedouble >= 0 && id->valuedouble <= SITE_ID_MAX))
            ew_json_fail(&o, "ids", "json.type", "must be ids");
        else
            ret->ids[ret->id_count++] = (int64_t)id->valuedouble;
    }
    if (o.err == EW_OK && !calendar_date_parse(from, &first))
        ew_json_fail(&o, "from", "json.date", "must be a date as 2026-03-01");
    if (o.err == EW_OK && !calendar_date_parse(to, &last))
        ew_json_fail(&o, "to", "json.date", "must be a date as 2026-03-01");
    if (o.err == EW_OK && calendar_days(last) < calendar_days(first))
        ew_json_fail(&o, "to", "site.period", "is before from");
    ret->scope = (enum report_scope)scope;
    ret->by = (enum report_by)by;
    ret->from_s = calendar_date_start_s(zone, first);
    ret->to_s = calendar_date_start_s(zone, calendar_add(last, CALENDAR_DAY, 1));
    return ew_json_close(&o);
}

// ---- Columns ---------------------------------------------------------------------------------------------

static bool chosen(const struct report *report, int64_t id)
{
    for (int i = 0; i < report->id_count; i++)
        if (report->ids[i] == id)
            return true;
    return report->id_count == 0;
}

static bool is_station(const struct csv_run *run, int64_t id)
{
    const cJSON *device, *profile;
    const char *model = NULL;
    cJSON_ArrayForEach(device, csv_list(run, "device"))
    {
        const cJSON *number = cJSON_GetObjectItemCaseSensitive(device, "id");
        if (cJSON_IsNumber(number) && (int64_t)number->valuedouble == id)
            model = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(device, "profile"));
    }
    cJSON_ArrayForEach(profile, csv_list(run, "profile"))
    {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(profile, "id"));
        const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(profile, "kind"));
        if (model && name && kind && strcmp(name, model) == 0)
            return strcmp(kind, "station") == 0;
    }
    return false;
}

static void add_column(struct table *t, const struct csv_cell *cell, int64_t id, const char *name)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 16;
        t->figures = realloc(t->figures, (size_t)t->cap * sizeof(*t->figures));
        t->labels = realloc(t->labels, (size_t)t->cap * sizeof(*t->labels));
        if (!t->figures || !t->labels)
            abort();
    }
    t->figures[t->count] = (struct figure){.cell = cell};
    (void)ew_format(t->labels[t->count++], CSV_LABEL_MAX, "%lld %s", (long long)id, name);
}

static void choose_devices(struct work *w)
{
    struct csv_run *run = &w->run;
    bool stations = w->report->scope == REPORT_STATIONS;
    for (int i = 0; i < run->summed_count; i++) {
        struct csv_series *s = run->summed[i];
        const struct csv_device *device = csv_device_of(run, s->device);
        s->skipped = !chosen(w->report, s->device) || is_station(run, s->device) != stations;
        if (!s->skipped)
            add_column(&w->tables[s->service], &s->cell, s->device, device ? device->name : "");
    }
}

// Gas and water are listed for a zone that had a meter of it.
static bool counts_here(const struct csv_run *run, int64_t zone, int service)
{
    for (int i = 0; i < run->member_count; i++)
        for (int z = 0; z < run->members[i].zone_count; z++)
            if (run->members[i].zones[z] == zone && run->members[i].service == service)
                return true;
    return false;
}

static void choose_groups(struct work *w)
{
    bool zones = w->report->scope == REPORT_ZONES;
    const struct csv_group *groups = zones ? w->run.zones : w->run.circuits;
    int count = zones ? w->run.zone_count : w->run.circuit_count;
    int services = zones ? SITE_SERVICE_COUNT : 1;
    for (int i = 0; i < count; i++)
        for (int service = 0; service < services && chosen(w->report, groups[i].id); service++)
            if (service == SITE_ELECTRICITY || counts_here(&w->run, groups[i].id, service))
                add_column(&w->tables[service], &groups[i].cells[service], groups[i].id, groups[i].name);
}

// ---- Lines -----------------------------------------------------------------------------------------------

static void write_text(struct work *w, FILE *file)
{
    if (w->err == EW_OK && fwrite(ew_buf_text(&w->text), 1, w->text.len, file) != w->text.len)
        w->err = ew_fail(w->reason, errno == ENOSPC ? EW_E_FULL : EW_E_IO, "file.io", w->run.spare_dir,
                         "can't be written: %s", strerror(errno));
    w->written += (int64_t)w->text.len;
}

enum ew_err report_room(const struct report_limits *limits, int64_t tables_bytes, int64_t free_bytes,
                        struct ew_reason *reason)
{
    int gigabytes = (int)(limits->tables_bytes_max / 1000000000);
    if (tables_bytes > limits->tables_bytes_max) {
        enum ew_err err = ew_fail(reason, EW_E_TOO_LARGE, "report.too_large", "",
                                  "the report would be larger than %d GB; choose a shorter time, fewer "
                                  "devices, or hours or days",
                                  gigabytes);
        ew_reason_param(reason, "gigabytes", "%d", gigabytes);
        return err;
    }
    if (free_bytes < limits->free_bytes_min + tables_bytes / 4) // the archive is yet to come
        return ew_fail(reason, EW_E_FULL, "report.disk", "",
                       "there is too little room on the disk for this report");
    return EW_OK;
}

static void check_room(struct work *w)
{
    struct statvfs disk;
    int64_t free_bytes = INT64_MAX; // where it can't be asked
    if (w->err != EW_OK)
        return;
    if (statvfs(w->run.spare_dir, &disk) == 0)
        free_bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    w->err = report_room(w->limits, w->written, free_bytes, w->reason);
}

static void write_header(struct work *w, struct table *t, int cost)
{
    static const char *const units[] = {"Wh", "dm3", "dm3"};
    struct csv_line line;
    ew_buf_clear(&w->text);
    csv_begin(&line, &w->text, &w->run.tree->options);
    csv_text(&line, "time");
    csv_text(&line, "utc_offset");
    for (int i = 0; i < t->count; i++) {
        char label[CSV_LABEL_MAX + 16];
        (void)ew_format(label, sizeof(label), "%s [%s]", t->labels[i],
                        cost ? w->run.currency : units[t->service]);
        csv_text(&line, label);
    }
    csv_text(&line, "flags");
    csv_end(&line);
    write_text(w, t->files[cost]);
}

static void write_line(struct work *w, struct table *t, int cost)
{
    struct csv_line line;
    unsigned flags = 0;
    bool any = false;
    ew_buf_clear(&w->text);
    csv_begin(&line, &w->text, &w->run.tree->options);
    csv_time(&line, w->run.tree->zone, w->group_s);
    line.begun = true;
    for (int i = 0; i < t->count; i++) {
        const struct figure *f = &t->figures[i];
        any = any || f->known;
        flags |= f->flags;
        if (cost ? !f->priced : !f->known)
            csv_empty(&line);
        else if (cost)
            csv_decimal(&line, tariff_round(&f->money, 6), 6);
        else
            csv_decimal(&line, f->amount_th, 3);
    }
    csv_flags(&line, flags);
    csv_end(&line);
    if (any)
        write_text(w, t->files[cost]);
}

static void end_group(struct work *w)
{
    for (int s = 0; s < SITE_SERVICE_COUNT && w->group_s != INT64_MIN; s++) {
        struct table *t = &w->tables[s];
        for (int cost = 0; cost < (w->report->cost ? 2 : 1) && t->count > 0; cost++)
            write_line(w, t, cost);
        for (int i = 0; i < t->count; i++)
            t->figures[i] = (struct figure){.cell = t->figures[i].cell};
    }
}

// ---- Slots -----------------------------------------------------------------------------------------------

static void price(struct work *w, const struct tariff_plan *plan, const struct tariff_segment *segments,
                  int count, struct figure *f)
{
    int64_t sums[TARIFF_PLACES] = {0};
    int cursor = 0;
    struct calendar_date date = calendar_local(w->run.tree->zone, w->slot_s).date;
    tariff_share(segments, count, &cursor, w->slot_s, w->slot_end_s, f->cell->value, sums);
    for (int place = 1; place < plan->tariff_count; place++)
        for (int i = 0; i < w->run.tariff_count && sums[place] > 0; i++) {
            const struct site_tariff *t = &w->run.tariffs[i];
            int64_t micro =
                tariff_price_at(t->prices, t->price_count, date.year * 10000 + date.month * 100 + date.day);
            if (t->id != plan->tariffs[place] || micro < 0)
                continue;
            tariff_cost(&f->money, sums[place], micro);
            f->priced = true;
        }
}

static void add_slot(struct work *w)
{
    for (int s = 0; s < SITE_SERVICE_COUNT; s++) {
        struct tariff_segment segments[SEGMENTS_MAX];
        struct table *t = &w->tables[s];
        int count = 0;
        bool priced = w->report->cost && t->count > 0 &&
                      tariff_segments(&w->run.plans[s], w->run.tree->zone, w->slot_s, w->slot_end_s, segments,
                                      SEGMENTS_MAX, &count);
        for (int i = 0; i < t->count; i++) {
            struct figure *f = &t->figures[i];
            if (!f->cell->known)
                continue;
            f->known = true;
            f->amount_th += f->cell->value;
            f->flags |= f->cell->flags;
            if (priced && f->cell->value > 0)
                price(w, &w->run.plans[s], segments, count, f);
        }
    }
}

static void end_slot(struct work *w)
{
    if (w->slot_s == INT64_MIN)
        return;
    int64_t group_s = w->slot_s, end_s;
    if (w->report->by != REPORT_SLOTS)
        calendar_span(w->run.tree->zone, w->report->by == REPORT_HOURS ? CALENDAR_HOUR : CALENDAR_DAY,
                      w->slot_s, &group_s, &end_s);
    if (group_s != w->group_s)
        end_group(w);
    w->group_s = group_s;
    if (w->report->scope == REPORT_ZONES || w->report->scope == REPORT_CIRCUITS)
        csv_cells_sum(&w->run, w->slot_s, w->slot_end_s);
    add_slot(w);
    csv_cells_clear(&w->run);
    w->slot_s = INT64_MIN;
}

static void take_value(void *user, int64_t series, int64_t start_s, int64_t length_s,
                       const struct csv_cell *cell)
{
    struct work *w = user;
    if (!w->run.series || series < 0 || series > w->run.series_max)
        return;
    if (start_s != w->slot_s)
        end_slot(w);
    w->slot_s = start_s;
    w->slot_end_s = start_s + (length_s > 0 ? length_s : 1);
    w->run.series[series].cell = *cell;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void read_all(struct work *w)
{
    const struct report *r = w->report;
    const struct csv_tree *tree = w->run.tree;
    int64_t to_s = r->to_s < tree->until_s ? r->to_s : tree->until_s, next_s;
    csv_cells_clear(&w->run);
    for (int64_t at_s = later(r->from_s, csv_first_sample(&w->run)); at_s < to_s && w->err == EW_OK;
         at_s = next_s) {
        // A day of UTC: it is packed as one.
        next_s =
            w->run.summed_count > SERIES_OF_DAY ? at_s + CHUNK_S : (ew_floor_div(at_s, DAY_S) + 1) * DAY_S;
        enum ew_err err = csv_values(&w->run, at_s, next_s < to_s ? next_s : to_s, take_value, w, w->reason);
        end_slot(w);
        w->err = w->err == EW_OK ? err : w->err;
        atomic_store(tree->per_mille, (int)((at_s - r->from_s) * READ_PER_MILLE / (to_s - r->from_s)));
        check_room(w);
        if (w->err == EW_OK && atomic_load(tree->cancel))
            w->err = ew_fail(w->reason, EW_E_CLOSED, "export.cancelled", NULL, "was cancelled");
    }
    end_group(w);
}

// ---- The archive -----------------------------------------------------------------------------------------

static void open_files(struct work *w)
{
    static const char *const services[] = {"electricity", "gas", "water"};
    for (int s = 0; s < SITE_SERVICE_COUNT; s++) {
        struct table *t = &w->tables[s];
        t->service = s;
        for (int cost = 0; cost < (w->report->cost ? 2 : 1) && t->count > 0 && w->err == EW_OK; cost++) {
            const char *end = cost ? "_cost" : "";
            if (w->report->scope == REPORT_CIRCUITS)
                (void)ew_format(t->names[cost], sizeof(t->names[cost]), "report_energy_loads%s.csv", end);
            else
                (void)ew_format(t->names[cost], sizeof(t->names[cost]), "report_energy_%s_%s%s.csv",
                                w->report->scope == REPORT_ZONES ? "groups" : "devices", services[s], end);
            (void)ew_format(t->paths[cost], PATH_MAX, "%s/%s", w->run.spare_dir, t->names[cost]);
            t->files[cost] = fopen(t->paths[cost], "we");
            if (!t->files[cost])
                w->err = ew_fail(w->reason, EW_E_IO, "file.io", t->paths[cost], "can't be written: %s",
                                 strerror(errno));
            else
                write_header(w, t, cost);
        }
    }
}

static int was_cancelled(zip_t *zip, void *user)
{
    (void)zip;
    return atomic_load((atomic_bool *)user);
}

static void on_packed(zip_t *zip, double done, void *user)
{
    (void)zip;
    atomic_store((atomic_int *)user, READ_PER_MILLE + (int)(done * (1000 - READ_PER_MILLE)));
}

static void pack(struct work *w, const char *path)
{
    int code = 0;
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    bool good = zip != NULL, any = false;
    for (int s = 0; s < SITE_SERVICE_COUNT && good; s++)
        for (int cost = 0; cost < 2 && good; cost++) {
            struct table *t = &w->tables[s];
            if (!t->names[cost][0])
                continue;
            zip_source_t *source = zip_source_file(zip, t->paths[cost], 0, -1);
            zip_int64_t at = source ? zip_file_add(zip, t->names[cost], source, ZIP_FL_ENC_UTF_8) : -1;
            good =
                at >= 0 && zip_set_file_compression(zip, (zip_uint64_t)at, ZIP_CM_DEFLATE, PACK_LEVEL) == 0;
            any = true;
        }
    if (good && !any) {
        zip_discard(zip);
        w->err =
            ew_fail(w->reason, EW_E_UNKNOWN, "report.empty", "", "nothing was recorded of what was chosen");
        return;
    }
    if (good) {
        (void)zip_register_cancel_callback_with_state(zip, was_cancelled, NULL, w->run.tree->cancel);
        (void)zip_register_progress_callback_with_state(zip, 0.01, on_packed, NULL, w->run.tree->per_mille);
    }
    if (good && zip_close(zip) == 0)
        return;
    w->err = atomic_load(w->run.tree->cancel)
                 ? ew_fail(w->reason, EW_E_CLOSED, "export.cancelled", NULL, "was cancelled")
                 : ew_fail(w->reason, EW_E_IO, "file.io", path, "can't be written");
    if (zip)
        zip_discard(zip);
}

static void close_files(struct work *w, bool remove_them)
{
    for (int s = 0; s < SITE_SERVICE_COUNT; s++)
        for (int cost = 0; cost < 2; cost++) {
            struct table *t = &w->tables[s];
            if (t->files[cost] && fclose(t->files[cost]) != 0 && w->err == EW_OK)
                w->err = ew_fail(w->reason, EW_E_FULL, "file.io", t->paths[cost], "can't be written");
            t->files[cost] = NULL;
            if (remove_them && t->paths[cost][0])
                (void)unlink(t->paths[cost]);
        }
}

enum ew_err report_write(const struct report *report, const struct report_limits *limits,
                         const struct csv_tree *tree, const char *path, struct ew_reason *reason)
{
    struct work w = {.report = report,
                     .limits = limits,
                     .run = {.tree = tree, .sums_only = true},
                     .slot_s = INT64_MIN,
                     .group_s = INT64_MIN,
                     .reason = reason};
    char database[PATH_MAX];
    if (ew_format(w.run.spare_dir, PATH_MAX, "%s/export.spare", tree->data_dir) != EW_OK ||
        ew_format(database, PATH_MAX, "%s/history.db", tree->data_dir) != EW_OK)
        return ew_fail(reason, EW_E_TOO_LARGE, "file.path", tree->data_dir, "the path is too long");
    ew_buf_init(&w.text, TEXT_MAX);
    w.err = ew_dir_make(w.run.spare_dir, 0700, reason);
    if (w.err == EW_OK &&
        sqlite3_open_v2(database, &w.run.db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        w.err = csv_fail(&w.run, reason);
    if (w.err == EW_OK) {
        sqlite3_busy_timeout(w.run.db, BUSY_MS);
        w.err = csv_load(&w.run, reason);
    }
    if (w.err == EW_OK) {
        if (report->scope == REPORT_DEVICES || report->scope == REPORT_STATIONS)
            choose_devices(&w);
        else
            choose_groups(&w);
        open_files(&w);
    }
    if (w.err == EW_OK)
        read_all(&w);
    close_files(&w, /* remove_them= */ false);
    if (w.err == EW_OK)
        pack(&w, path);
    close_files(&w, /* remove_them= */ true);
    for (int s = 0; s < SITE_SERVICE_COUNT; s++) {
        free(w.tables[s].figures);
        free(w.tables[s].labels);
    }
    ew_buf_done(&w.text);
    csv_unload(&w.run);
    sqlite3_close(w.run.db);
    return w.err;
}
