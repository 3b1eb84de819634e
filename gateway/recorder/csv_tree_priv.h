// Inside the CSV tree: csv_tree.c (months, the pass over samples), csv_plan.c (which files have which
// columns), csv_quality.c (the weekly check), csv_settings.c (settings/), csv_state.c (versions),
// csv_values.c (reading), csv_cells.c (values of a slot).
#ifndef EDGEWATT_RECORDER_CSV_TREE_PRIV_H
#define EDGEWATT_RECORDER_CSV_TREE_PRIV_H

#include "core/site/site.h"
#include "recorder/csv_file.h"
#include "recorder/csv_tree.h"
#include <sqlite3.h>

enum { CSV_FILES_MAX = EW_DEVICES_MAX * 8, CSV_LABEL_MAX = 160 };

// What a slot holds of one thing, in thousandths (costs: in millionths of the currency).
struct csv_cell {
    bool known;
    int64_t value, low, high;
    unsigned flags;
};

struct csv_series {
    int64_t device; // 0 = no such row
    char quantity[64];
    bool counter;
    int service;  // enum site_service of what counts in sums, -1 = does not
    bool skipped; // csv_values passes it over
    struct csv_cell cell;
};

enum csv_part { CSV_VALUE, CSV_LOW, CSV_HIGH };

struct csv_column {
    char label[CSV_LABEL_MAX];
    const struct csv_cell *cell;
    enum csv_part part;
    int decimals; // 3; 6 where it is shown in kWh, m3 or the currency
};

struct csv_output {
    struct csv_file file;
    int column_count, column_cap;
    struct csv_column *columns;
    int64_t from_s; // of a version: nothing before it
    int64_t last_s; // of the newest line; INT64_MIN = there is none
    bool yearly;    // goes on over the months of a year
    int checked_count;
    int64_t *checked; // devices of which the weekly check of EN 50160 is told
};

struct csv_group {
    int64_t id;
    char name[EW_NAME_MAX];
    struct csv_cell cells[SITE_SERVICE_COUNT];
};

struct csv_member { // where a device belonged since a second, by device and second
    int64_t device, since_s, circuit;
    bool excluded;
    int service;
    int zone_count;
    int64_t zones[EW_ZONES_PER_DEVICE_MAX];
};

struct csv_device {
    int64_t id;
    char name[EW_NAME_MAX];
};

struct csv_run {
    const struct csv_tree *tree;
    char export_dir[PATH_MAX], spare_dir[PATH_MAX];
    sqlite3 *db;
    cJSON *state;   // versions: csv_state.c
    bool rewrite;   // separators were changed: no file goes on
    bool sums_only; // set before csv_load: only what counts in sums is read
    int64_t series_max;
    struct csv_series *series; // by row id
    int summed_count;
    struct csv_series **summed; // those that count in sums
    int device_count;
    struct csv_device *devices; // by id
    int member_count;
    struct csv_member *members;
    int circuit_count, zone_count;
    struct csv_group *circuits, *zones;
    struct csv_cell totals[SITE_SERVICE_COUNT], costs[SITE_SERVICE_COUNT];
    struct tariff_plan plans[SITE_SERVICE_COUNT];
    int tariff_count;
    struct site_tariff tariffs[SITE_SERVICE_COUNT * TARIFF_OF_SERVICE_MAX];
    char currency[4];
    struct calendar_date month;       // the first
    struct calendar_date first_month; // of this run
    int output_count, output_cap;
    struct csv_output **outputs;
};

// csv_cells.c
enum ew_err csv_load(struct csv_run *run, struct ew_reason *reason) EW_MUST_CHECK;
void csv_unload(struct csv_run *run);
const struct csv_device *csv_device_of(const struct csv_run *run, int64_t id); // NULL = deleted
void csv_cells_clear(struct csv_run *run);
void csv_cells_sum(struct csv_run *run, int64_t slot_s,
                   int64_t end_s);                                   // groups, totals and costs of the slot
enum ew_err csv_fail(struct csv_run *run, struct ew_reason *reason); // of the database
const cJSON *csv_list(const struct csv_run *run, const char *kind);

// csv_tree.c: when recording began; tree->until_s when nothing was recorded.
int64_t csv_first_sample(struct csv_run *run);

// csv_values.c: gives every value of from_s..to_s (an hour or a few) by rising start.
typedef void csv_value_fn(void *user, int64_t series, int64_t start_s, int64_t length_s,
                          const struct csv_cell *cell);
enum ew_err csv_values(struct csv_run *run, int64_t from_s, int64_t to_s, csv_value_fn *fn, void *user,
                       struct ew_reason *reason) EW_MUST_CHECK;

// csv_plan.c: opens the files of run->month.
enum ew_err csv_plan(struct csv_run *run, struct ew_reason *reason) EW_MUST_CHECK;
void csv_plan_done(struct csv_run *run);

// csv_quality.c: names of the columns of the weekly check, the devices that have them, and what a line says.
void csv_quality_labels(const struct csv_output *output, struct csv_line *line);
void csv_quality_check(struct csv_output *output, int64_t device);
enum ew_err csv_quality_fields(struct csv_run *run, const struct csv_output *output, int64_t slot_s,
                               struct csv_line *line, struct ew_reason *reason) EW_MUST_CHECK;

// csv_state.c: DATA/export.spare/state.json.
void csv_state_load(struct csv_run *run);
void csv_state_options(struct csv_run *run); // notes the separators, and whether they are others now
enum ew_err csv_state_save(struct csv_run *run, struct ew_reason *reason) EW_MUST_CHECK;
// The version of a file whose columns may change, and since when it has these.
int csv_state_version(struct csv_run *run, const char *key, const char *header, int64_t *ret_since_s);
void csv_state_seen(struct csv_run *run, int64_t slot_s); // lines of this slot are in the files
struct calendar_date
csv_state_month(const struct csv_run *run); // the first that is not complete; year 0 = none said
void csv_state_set_month(struct csv_run *run, struct calendar_date month);

int64_t csv_state_events(const struct csv_run *run); // until when csv_events ran last
void csv_state_set_events(struct csv_run *run, int64_t until_s);

// csv_events.c: what began and ended, apart from the slots; after the months.
enum ew_err csv_events(struct csv_run *run, struct ew_reason *reason) EW_MUST_CHECK;

// csv_settings.c
enum ew_err csv_settings(struct csv_run *run, struct ew_reason *reason) EW_MUST_CHECK;

#endif
