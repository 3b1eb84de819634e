// Month by month: which files there are, one pass over the samples that are not in them yet, all shown
// together.
#include "recorder/csv_tree_priv.h"

#include "base/file.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 5000, CHUNK_S = 4 * 3600 };

// ---- A line ----------------------------------------------------------------------------------------------

static void add_column(struct csv_line *line, const struct csv_column *column)
{
    const struct csv_cell *cell = column->cell;
    if (!cell->known)
        csv_empty(line);
    else
        csv_decimal(line,
                    column->part == CSV_LOW    ? cell->low
                    : column->part == CSV_HIGH ? cell->high
                                               : cell->value,
                    column->decimals);
}

static enum ew_err add_line(struct csv_run *run, struct csv_output *output, int64_t slot_s,
                            struct ew_reason *reason)
{
    unsigned flags = 0;
    bool any = false;
    for (int i = 0; i < output->column_count; i++)
        if (output->columns[i].cell->known) {
            any = true;
            flags |= output->columns[i].cell->flags;
        }
    if (!any || slot_s < output->file.next_s)
        return EW_OK;
    struct csv_line line;
    csv_begin(&line, &output->file.text, &run->tree->options);
    csv_time(&line, run->tree->zone, slot_s);
    line.begun = true;
    for (int i = 0; i < output->column_count; i++)
        add_column(&line, &output->columns[i]);
    enum ew_err err = csv_quality_fields(run, output, slot_s, &line, reason);
    csv_flags(&line, flags);
    csv_end(&line);
    output->last_s = slot_s;
    return err;
}

static enum ew_err end_slot(struct csv_run *run, int64_t slot_s, int64_t end_s, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    if (slot_s == INT64_MIN)
        return EW_OK;
    csv_cells_sum(run, slot_s, end_s);
    for (int i = 0; i < run->output_count && err == EW_OK; i++) {
        err = add_line(run, run->outputs[i], slot_s, reason);
        if (err == EW_OK)
            err = csv_file_flush(&run->outputs[i]->file, false, reason);
    }
    csv_cells_clear(run);
    csv_state_seen(run, slot_s);
    return err;
}

// ---- A month ---------------------------------------------------------------------------------------------

struct pass {
    struct csv_run *run;
    int64_t slot_s, end_s; // the slot whose values are being gathered; INT64_MIN = none
    enum ew_err err;
    struct ew_reason *reason;
};

static void take_value(void *user, int64_t series, int64_t start_s, int64_t length_s,
                       const struct csv_cell *cell)
{
    struct pass *pass = user;
    struct csv_run *run = pass->run;
    if (pass->err != EW_OK || !run->series || series < 0 || series > run->series_max)
        return;
    if (start_s != pass->slot_s) {
        pass->err = end_slot(run, pass->slot_s, pass->end_s, pass->reason);
        pass->slot_s = start_s;
        pass->end_s = start_s + (length_s > 0 ? length_s : 1);
    }
    run->series[series].cell = *cell;
}

static enum ew_err pass(struct csv_run *run, int64_t from_s, int64_t to_s, struct ew_reason *reason)
{
    struct pass pass = {run, INT64_MIN, 0, EW_OK, reason};
    csv_cells_clear(run);
    for (int64_t at_s = from_s; at_s < to_s && pass.err == EW_OK; at_s += CHUNK_S) {
        enum ew_err err =
            csv_values(run, at_s, at_s + CHUNK_S < to_s ? at_s + CHUNK_S : to_s, take_value, &pass, reason);
        if (pass.err == EW_OK)
            pass.err = err;
        if (pass.err == EW_OK)
            pass.err = end_slot(run, pass.slot_s, pass.end_s, reason);
        pass.slot_s = INT64_MIN;
        atomic_store(run->tree->per_mille, (int)((at_s - from_s) * 1000 / (to_s - from_s)));
        if (pass.err == EW_OK && atomic_load(run->tree->cancel))
            pass.err = ew_fail(reason, EW_E_CLOSED, "export.cancelled", NULL, "was cancelled");
    }
    return pass.err;
}

// Everything of a month is shown after it is on the disk, so that a power cut leaves whole files.
static enum ew_err show(struct csv_run *run, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    bool any = false;
    for (int i = 0; i < run->output_count && err == EW_OK; i++) {
        err = csv_file_flush(&run->outputs[i]->file, true, reason);
        any = any || run->outputs[i]->file.prepared || run->outputs[i]->file.added;
    }
    if (err != EW_OK || !any)
        return err;
    int dir = open(run->spare_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || syncfs(dir) != 0)
        err = ew_fail(reason, EW_E_IO, "file.io", run->spare_dir, "can't be synchronised");
    if (dir >= 0)
        close(dir);
    for (int i = 0; i < run->output_count && err == EW_OK; i++)
        err = csv_file_show(&run->outputs[i]->file, reason);
    return err;
}

// Files of a month begin with it. One of a year that is made anew, because separators were changed, begins
// with the year.
static int64_t begin_outputs(struct csv_run *run, int64_t month_s)
{
    struct calendar_date new_year = {run->month.year, 1, 1};
    int64_t begin_s = month_s;
    for (int i = 0; i < run->output_count; i++) {
        struct csv_output *output = run->outputs[i];
        bool anew = output->yearly && run->rewrite;
        if (anew)
            begin_s = calendar_date_start_s(run->tree->zone, new_year);
        else if (output->file.next_s < month_s)
            output->file.next_s = month_s;
    }
    return begin_s;
}

static enum ew_err write_month(struct csv_run *run, int64_t from_s, int64_t to_s, struct ew_reason *reason)
{
    enum ew_err err = csv_plan(run, reason);
    from_s = begin_outputs(run, from_s);
    int64_t until_s = to_s < run->tree->until_s ? to_s : run->tree->until_s, next_s = until_s;
    for (int i = 0; i < run->output_count; i++)
        if (run->outputs[i]->file.next_s < next_s)
            next_s = run->outputs[i]->file.next_s;
    if (next_s < from_s)
        next_s = from_s;
    if (err == EW_OK && next_s < until_s)
        err = pass(run, next_s, until_s, reason);
    if (err == EW_OK)
        err = show(run, reason);
    csv_plan_done(run);
    return err;
}

int64_t csv_first_sample(struct csv_run *run)
{
    static const char *const sql =
        "SELECT min(at) FROM (SELECT min(start) AS at FROM slot UNION ALL SELECT (SELECT key FROM "
        "counter_day ORDER BY key LIMIT 1) / 1048576 * 86400)";
    sqlite3_stmt *q = NULL;
    int64_t first_s = run->tree->until_s;
    if (sqlite3_prepare_v2(run->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW &&
        sqlite3_column_type(q, 0) != SQLITE_NULL)
        first_s = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return first_s;
}

// From the first month that is not complete; a new folder begins with the month before this one.
static struct calendar_date first_month(struct csv_run *run)
{
    const struct csv_tree *tree = run->tree;
    struct calendar_date month = csv_state_month(run);
    if (tree->from_s != INT64_MIN)
        month = calendar_local(tree->zone, tree->from_s).date;
    else if (month.year == 0)
        month = calendar_add(calendar_local(tree->zone, tree->until_s).date, CALENDAR_MONTH, -1);
    struct calendar_date first = calendar_local(tree->zone, csv_first_sample(run)).date;
    if (calendar_days(first) > calendar_days(month))
        month = first;
    month.day = 1;
    return month;
}

static enum ew_err write_months(struct csv_run *run, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    run->first_month = first_month(run);
    for (run->month = run->first_month; err == EW_OK;) {
        struct calendar_date next = calendar_add(run->month, CALENDAR_MONTH, 1);
        int64_t from_s = calendar_date_start_s(run->tree->zone, run->month);
        int64_t to_s = calendar_date_start_s(run->tree->zone, next);
        if (from_s > run->tree->until_s)
            break;
        err = write_month(run, from_s, to_s, reason);
        if (to_s > run->tree->until_s)
            break;
        run->month = next;
    }
    if (err == EW_OK)
        csv_state_set_month(run, run->month);
    return err;
}

// ---- The tree --------------------------------------------------------------------------------------------

static enum ew_err make_folders(struct csv_run *run, struct ew_reason *reason)
{
    static const char *const folders[] = {"",     "/devices",      "/energy",   "/eqcheck",
                                          "/gas", "/overallTotal", "/settings", "/water"};
    enum ew_err err = ew_dir_make(run->spare_dir, 0700, reason);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && err == EW_OK; i++) {
        char path[PATH_MAX];
        err = ew_format(path, sizeof(path), "%s%s", run->export_dir, folders[i]);
        if (err == EW_OK)
            err = ew_dir_make(path, 0755, reason);
        struct stat st; // who may write there besides is not ours to say: the FTP server may, at the top
        if (err == EW_OK && stat(path, &st) == 0 && (st.st_mode & 0755) != 0755)
            (void)chmod(path, (st.st_mode & 07777) | 0755);
    }
    return err;
}

enum ew_err csv_tree_write(const struct csv_tree *tree, struct ew_reason *reason)
{
    struct csv_run run = {.tree = tree};
    char path[PATH_MAX];
    if (ew_format(run.export_dir, PATH_MAX, "%s/export", tree->data_dir) != EW_OK ||
        ew_format(run.spare_dir, PATH_MAX, "%s/export.spare", tree->data_dir) != EW_OK ||
        ew_format(path, PATH_MAX, "%s/history.db", tree->data_dir) != EW_OK)
        return ew_fail(reason, EW_E_TOO_LARGE, "file.path", tree->data_dir, "the path is too long");
    atomic_store(tree->per_mille, 0);
    enum ew_err err = make_folders(&run, reason);
    if (err == EW_OK &&
        sqlite3_open_v2(path, &run.db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        err = csv_fail(&run, reason);
    if (err == EW_OK)
        sqlite3_busy_timeout(run.db, BUSY_MS);
    csv_state_load(&run);
    csv_state_options(&run);
    if (err == EW_OK)
        err = csv_load(&run, reason);
    if (err == EW_OK)
        err = write_months(&run, reason);
    if (err == EW_OK)
        err = csv_events(&run, reason);
    if (err == EW_OK)
        err = csv_settings(&run, reason);
    if (err == EW_OK)
        err = csv_state_save(&run, reason);
    csv_unload(&run);
    cJSON_Delete(run.state);
    free(run.outputs);
    sqlite3_close(run.db);
    atomic_store(tree->per_mille, 1000);
    return err;
}
