// Which files a month has, and which columns: schemas/csv/columns.json says the same.
#include "recorder/csv_tree_priv.h"

#include "core/profile/profile.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const services[] = {"energy", "gas", "water"};
static const char *const units[] = {"Wh", "dm3", "dm3"};

static struct csv_output *add_output(struct csv_run *run)
{
    if (run->output_count == run->output_cap) {
        run->output_cap = run->output_cap ? run->output_cap * 2 : 64;
        run->outputs = realloc(run->outputs, (size_t)run->output_cap * sizeof(struct csv_output *));
    }
    struct csv_output *output = calloc(1, sizeof(*output));
    if (!run->outputs || !output)
        abort();
    run->outputs[run->output_count++] = output;
    return output;
}

static void drop_last(struct csv_run *run)
{
    struct csv_output *output = run->outputs[--run->output_count];
    free(output->columns);
    free(output->checked);
    free(output);
}

static EW_PRINTF(5, 6) void add_column(struct csv_output *output, const struct csv_cell *cell,
                                       enum csv_part part, int decimals, const char *fmt, ...)
{
    if (output->column_count == output->column_cap) {
        output->column_cap = output->column_cap ? output->column_cap * 2 : 16;
        output->columns = realloc(output->columns, (size_t)output->column_cap * sizeof(*output->columns));
        if (!output->columns)
            abort();
    }
    struct csv_column *column = &output->columns[output->column_count++];
    *column = (struct csv_column){.cell = cell, .part = part, .decimals = decimals};
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(column->label, sizeof(column->label), fmt, args);
    va_end(args);
}

static void write_header(const struct csv_output *output, const struct csv_options *options,
                         struct ew_buf *header)
{
    struct csv_line line;
    csv_begin(&line, header, options);
    csv_text(&line, "time");
    csv_text(&line, "utc_offset");
    for (int i = 0; i < output->column_count; i++)
        csv_text(&line, output->columns[i].label);
    csv_quality_labels(output, &line);
    csv_text(&line, "flags");
    csv_end(&line);
}

// Opens the last output under this name; a version is put into the name where key is given.
static enum ew_err open_last(struct csv_run *run, const char *name, const char *key, struct ew_reason *reason)
{
    struct csv_output *output = run->outputs[run->output_count - 1];
    char full[256];
    struct ew_buf header, labels;
    ew_buf_init(&header, 1 << 20);
    ew_buf_init(&labels, 1 << 20);
    write_header(output, &run->tree->options, &header);
    write_header(output, &(struct csv_options){',', ';'}, &labels); // other separators are no other columns
    output->from_s = INT64_MIN;
    if (key) {
        int64_t since_s;
        int version = csv_state_version(run, key, ew_buf_text(&labels), &since_s);
        (void)ew_format(full, sizeof(full), "%s_%d.csv", name, version);
        output->from_s = since_s;
    } else {
        (void)ew_format(full, sizeof(full), "%s.csv", name);
    }
    enum ew_err err =
        csv_file_open(&output->file, run->export_dir, run->spare_dir, full, ew_buf_text(&header),
                      run->rewrite ? 0 : run->tree->options.separator, reason);
    ew_buf_done(&header);
    ew_buf_done(&labels);
    output->last_s = output->file.next_s == INT64_MIN ? INT64_MIN : output->file.next_s - 1;
    if (output->file.next_s < output->from_s)
        output->file.next_s = output->from_s;
    return err;
}

// ---- devices/ --------------------------------------------------------------------------------------------

enum { KIND_ENERGIES, KIND_STATISTICS, KIND_THD, KIND_HARMONICS, KIND_COUNT };
static const char *const kinds[] = {"energies", "statistics", "thd", "harmonics"};

static int kind_of(const struct csv_series *s)
{
    if (s->counter)
        return KIND_ENERGIES;
    if (strncmp(s->quantity, "thd_", 4) == 0)
        return KIND_THD;
    return strncmp(s->quantity, "harmonic_", 9) == 0 ? KIND_HARMONICS : KIND_STATISTICS;
}

static void add_series_columns(struct csv_output *output, const struct csv_series *s, const char *label)
{
    const char *unit = "";
    if (!profile_quantity_known(s->quantity, &unit))
        unit = s->counter ? "Wh" : "";
    if (s->counter) {
        add_column(output, &s->cell, CSV_VALUE, 3, "%s [%s]", label, unit);
        return;
    }
    add_column(output, &s->cell, CSV_VALUE, 3, "%s [%s]", label, unit);
    if (kind_of(s) == KIND_STATISTICS) {
        add_column(output, &s->cell, CSV_LOW, 3, "%s min [%s]", label, unit);
        add_column(output, &s->cell, CSV_HIGH, 3, "%s max [%s]", label, unit);
    }
}

static int by_device_and_quantity(const void *a, const void *b)
{
    const struct csv_series *one = *(const struct csv_series *const *)a,
                            *other = *(const struct csv_series *const *)b;
    if (one->device != other->device)
        return one->device < other->device ? -1 : 1;
    return strcmp(one->quantity, other->quantity);
}

static const struct csv_series **sorted_series(const struct csv_run *run, int *ret_count)
{
    const struct csv_series **list = calloc((size_t)run->series_max + 1, sizeof(*list));
    if (!list)
        abort();
    int count = 0;
    for (int64_t i = 0; run->series && i <= run->series_max; i++)
        if (run->series[i].device)
            list[count++] = &run->series[i];
    qsort(list, (size_t)count, sizeof(*list), by_device_and_quantity);
    *ret_count = count;
    return list;
}

static enum ew_err plan_device(struct csv_run *run, const struct csv_series *const *list, int count,
                               struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    for (int kind = 0; kind < KIND_COUNT && err == EW_OK && run->output_count < CSV_FILES_MAX; kind++) {
        char name[128];
        long long id = (long long)list[0]->device;
        struct csv_output *output = add_output(run);
        for (int i = 0; i < count; i++)
            if (kind_of(list[i]) == kind)
                add_series_columns(output, list[i], list[i]->quantity);
        (void)ew_format(name, sizeof(name), "devices/%lld/%lld_%s_%04d-%02d", id, id, kinds[kind],
                        run->month.year, run->month.month);
        if (output->column_count == 0)
            drop_last(run);
        else
            err = open_last(run, name, NULL, reason);
    }
    return err;
}

static enum ew_err plan_devices(struct csv_run *run, const struct csv_series *const *list, int count,
                                struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    for (int from = 0; from < count && err == EW_OK;) {
        int to = from;
        while (to < count && list[to]->device == list[from]->device)
            to++;
        err = plan_device(run, &list[from], to - from, reason);
        from = to;
    }
    return err;
}

// ---- energy/, gas/, water/ -------------------------------------------------------------------------------

static enum ew_err plan_service(struct csv_run *run, const struct csv_series *const *list, int count,
                                int service, struct ew_reason *reason)
{
    char name[128], key[32];
    struct csv_output *output = add_output(run);
    for (int i = 0; i < count; i++) {
        const struct csv_device *device = csv_device_of(run, list[i]->device);
        if (list[i]->service == service)
            add_column(output, &list[i]->cell, CSV_VALUE, 3, "%lld %s [%s]", (long long)list[i]->device,
                       device ? device->name : "", units[service]);
    }
    if (output->column_count == 0) {
        drop_last(run);
        return EW_OK;
    }
    (void)ew_format(key, sizeof(key), "%s/devices", services[service]);
    (void)ew_format(name, sizeof(name), "%s_%04d-%02d", key, run->month.year, run->month.month);
    enum ew_err err = open_last(run, name, key, reason);
    int trees = service == SITE_ELECTRICITY ? 2 : 1;
    for (int loads = 0; loads < trees && err == EW_OK; loads++) {
        const struct csv_group *groups = loads ? run->circuits : run->zones;
        int groups_count = loads ? run->circuit_count : run->zone_count;
        if (groups_count == 0)
            continue;
        output = add_output(run);
        for (int i = 0; i < groups_count; i++)
            add_column(output, &groups[i].cells[service], CSV_VALUE, 3, "%lld %s [%s]",
                       (long long)groups[i].id, groups[i].name, units[service]);
        (void)ew_format(name, sizeof(name), "%s/%s_%04d-%02d", services[service], loads ? "loads" : "groups",
                        run->month.year, run->month.month);
        err = open_last(run, name, NULL, reason);
    }
    return err;
}

// ---- overallTotal/ ---------------------------------------------------------------------------------------

static enum ew_err plan_totals(struct csv_run *run, struct ew_reason *reason)
{
    static const char *const names[] = {"electricity", "gas", "water"}, *const large[] = {"kWh", "m3", "m3"};
    char name[64];
    struct csv_output *values = add_output(run);
    for (int service = 0; service < SITE_SERVICE_COUNT; service++)
        add_column(values, &run->totals[service], CSV_VALUE, 6, "%s [%s]", names[service], large[service]);
    (void)ew_format(name, sizeof(name), "overallTotal/overallTotalValues_%04d-%02d", run->month.year,
                    run->month.month);
    enum ew_err err = open_last(run, name, NULL, reason);
    if (err != EW_OK)
        return err;
    struct csv_output *costs = add_output(run);
    for (int service = 0; service < SITE_SERVICE_COUNT; service++)
        add_column(costs, &run->costs[service], CSV_VALUE, 6, "%s [%s]", names[service], run->currency);
    (void)ew_format(name, sizeof(name), "overallTotal/overallTotalCosts_%04d-%02d", run->month.year,
                    run->month.month);
    return open_last(run, name, NULL, reason);
}

// ---- eqcheck/ --------------------------------------------------------------------------------------------

static bool is_quality_device(const struct csv_run *run, int64_t device)
{
    const cJSON *bus;
    cJSON_ArrayForEach(bus, csv_list(run, "bus"))
    {
        const cJSON *chosen = cJSON_GetObjectItemCaseSensitive(bus, "quality_device");
        if (cJSON_IsNumber(chosen) && (int64_t)chosen->valuedouble == device)
            return true;
    }
    return false;
}

// What EN 50160 looks at, of the devices chosen for it; a file a year.
static enum ew_err plan_quality(struct csv_run *run, const struct csv_series *const *list, int count,
                                struct ew_reason *reason)
{
    char name[64], label[96];
    struct csv_output *output = add_output(run);
    for (int i = 0; i < count; i++) {
        const char *q = list[i]->quantity;
        bool looked_at = strncmp(q, "voltage_", 8) == 0 || strcmp(q, "frequency") == 0 ||
                         strncmp(q, "thd_voltage", 11) == 0 || strncmp(q, "harmonic_voltage", 16) == 0;
        if (!looked_at || list[i]->counter || !is_quality_device(run, list[i]->device))
            continue;
        (void)ew_format(label, sizeof(label), "%lld %s", (long long)list[i]->device, q);
        add_series_columns(output, list[i], label);
        csv_quality_check(output, list[i]->device);
    }
    if (output->column_count == 0) {
        drop_last(run);
        return EW_OK;
    }
    output->yearly = true;
    (void)ew_format(name, sizeof(name), "eqcheck/eqcheck_%04d", run->month.year);
    return open_last(run, name, "eqcheck", reason);
}

enum ew_err csv_plan(struct csv_run *run, struct ew_reason *reason)
{
    int count;
    const struct csv_series **list = sorted_series(run, &count);
    enum ew_err err = plan_devices(run, list, count, reason);
    for (int service = 0; service < SITE_SERVICE_COUNT && err == EW_OK; service++)
        err = plan_service(run, list, count, service, reason);
    if (err == EW_OK)
        err = plan_totals(run, reason);
    if (err == EW_OK)
        err = plan_quality(run, list, count, reason);
    free(list);
    return err;
}

void csv_plan_done(struct csv_run *run)
{
    for (int i = 0; i < run->output_count; i++) {
        csv_file_done(&run->outputs[i]->file);
        free(run->outputs[i]->columns);
        free(run->outputs[i]->checked);
        free(run->outputs[i]);
    }
    run->output_count = 0;
}
