// The weekly check of EN 50160 in the eqcheck file (PQ-01): the first line of a week says of the week before
// it, or of the last that has lines: its Monday, the verdict, and that of each criterion; "" = no verdict.
#include "recorder/csv_tree_priv.h"

#include "core/quality/quality.h"
#include <stdlib.h>

struct found {
    int series, length_s;
    int64_t start_s;
    struct csv_cell cell;
};

struct gathered {
    int count, cap;
    struct found *items;
};

void csv_quality_labels(const struct csv_output *output, struct csv_line *line)
{
    char label[CSV_LABEL_MAX];
    for (int i = 0; i < output->checked_count; i++) {
        long long device = (long long)output->checked[i];
        (void)ew_format(label, sizeof(label), "%lld en50160 week", device);
        csv_text(line, label);
        (void)ew_format(label, sizeof(label), "%lld en50160", device);
        csv_text(line, label);
        for (int c = 0; c < QUALITY_CRITERIA; c++) {
            (void)ew_format(label, sizeof(label), "%lld en50160 %s", device,
                            quality_criterion_name((enum quality_criterion)c));
            csv_text(line, label);
        }
    }
}

void csv_quality_check(struct csv_output *output, int64_t device)
{
    int count = output->checked_count;
    if (count > 0 && output->checked[count - 1] == device)
        return;
    output->checked = realloc(output->checked, (size_t)(count + 1) * sizeof(*output->checked));
    if (!output->checked)
        abort();
    output->checked[output->checked_count++] = device;
}

// ---- What was recorded in the week -----------------------------------------------------------------------

static void gather(void *user, int64_t series, int64_t start_s, int64_t length_s, const struct csv_cell *cell)
{
    struct gathered *g = user;
    if (g->count == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 4096;
        g->items = realloc(g->items, (size_t)g->cap * sizeof(*g->items));
        if (!g->items)
            abort();
    }
    g->items[g->count++] = (struct found){(int)series, (int)length_s, start_s, *cell};
}

static bool source_of(const struct csv_run *run, int64_t series, int64_t device, struct quality_source *ret)
{
    const struct csv_series *s = &run->series[series];
    return s->device == device && !s->counter && quality_source(s->quantity, ret);
}

// Of the device's series that the check looks at, and of no others.
static enum ew_err read_week(struct csv_run *run, int64_t device, const struct quality_week *week,
                             struct gathered *ret, struct ew_reason *reason)
{
    struct quality_source source;
    bool *before = calloc((size_t)run->series_max + 1, sizeof(*before));
    if (!before)
        abort();
    for (int64_t i = 0; i <= run->series_max; i++) {
        before[i] = run->series[i].skipped;
        run->series[i].skipped = !source_of(run, i, device, &source);
    }
    enum ew_err err = csv_values(run, week->start_s, week->end_s, gather, ret, reason);
    for (int64_t i = 0; i <= run->series_max; i++)
        run->series[i].skipped = before[i];
    free(before);
    return err;
}

static double nominal_v(const struct csv_run *run)
{
    const cJSON *site = cJSON_GetObjectItemCaseSensitive(csv_list(run, "settings"), "site");
    const cJSON *nominal = cJSON_GetObjectItemCaseSensitive(site, "nominal_voltage");
    return cJSON_IsNumber(nominal) && nominal->valuedouble > 0 ? nominal->valuedouble : 230;
}

static void judge(const struct csv_run *run, int64_t device, const struct quality_week *week,
                  const struct gathered *g, struct quality_result *ret)
{
    struct quality *q = malloc(sizeof(*q));
    struct quality_source source;
    if (!q)
        abort();
    quality_begin(q, week, nominal_v(run));
    for (int64_t i = 0; i <= run->series_max; i++) {
        if (!source_of(run, i, device, &source))
            continue;
        for (int k = 0; k < g->count; k++)
            if (g->items[k].series == i)
                quality_add(q, g->items[k].start_s, g->items[k].length_s, g->items[k].cell.value,
                            g->items[k].cell.low, g->items[k].cell.high);
        quality_end(q, &source);
    }
    quality_judge(q, ret);
    free(q);
}

// ---- The fields ------------------------------------------------------------------------------------------

static void put_verdict(struct csv_line *line, enum quality_verdict verdict)
{
    switch (verdict) {
    case QUALITY_OK:
        csv_text(line, "OK");
        return;
    case QUALITY_KO:
        csv_text(line, "KO");
        return;
    case QUALITY_NONE:
        csv_empty(line);
        return;
    }
}

static void put_week(struct csv_line *line, const struct quality_week *week,
                     const struct quality_result *result)
{
    char monday[16];
    (void)ew_format(monday, sizeof(monday), "%04d-%02d-%02d", week->monday.year, week->monday.month,
                    week->monday.day);
    csv_text(line, monday);
    put_verdict(line, result->verdict);
    for (int c = 0; c < QUALITY_CRITERIA; c++)
        put_verdict(line, result->findings[c].verdict);
}

enum ew_err csv_quality_fields(struct csv_run *run, const struct csv_output *output, int64_t slot_s,
                               struct csv_line *line, struct ew_reason *reason)
{
    const struct calendar_zone *zone = run->tree->zone;
    struct quality_week week;
    enum ew_err err = EW_OK;
    if (output->last_s == INT64_MIN)
        quality_week_over(zone, slot_s, &week);
    else
        quality_week(zone, calendar_local(zone, output->last_s).date, &week);
    for (int i = 0; i < output->checked_count && err == EW_OK; i++) {
        struct gathered g = {0};
        struct quality_result result;
        if (week.end_s <= slot_s)
            err = read_week(run, output->checked[i], &week, &g, reason);
        if (g.count > 0)
            judge(run, output->checked[i], &week, &g, &result);
        if (g.count > 0)
            put_week(line, &week, &result);
        for (int c = 0; g.count == 0 && c < QUALITY_CRITERIA + 2; c++)
            csv_empty(line);
        free(g.items);
    }
    return err;
}
