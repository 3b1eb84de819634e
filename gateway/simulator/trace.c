#include "simulator/trace.h"

#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *path;
    struct trace_file *file;
    struct ew_reason *reason;
    int line;
};

static enum ew_err fail(const struct reader *reader, const char *what)
{
    return ew_fail(reader->reason, EW_E_INVALID, "trace.syntax", reader->path, "line %d: %s", reader->line,
                   what);
}

static enum ew_err read_header(const struct reader *reader, char *line)
{
    char *rest = line;
    const char *first = strsep(&rest, ",");
    if (strcmp(first, "second") != 0)
        return fail(reader, "the first column must be \"second\"");
    for (const char *name = strsep(&rest, ","); name; name = strsep(&rest, ",")) {
        struct trace_file *file = reader->file;
        if (file->columns == TRACE_COLUMNS_MAX || strlen(name) >= sizeof(file->names[0]))
            return fail(reader, "too many columns, or too long a name");
        ew_copy(file->names[file->columns++], sizeof(file->names[0]), name);
    }
    return reader->file->columns ? EW_OK : fail(reader, "no column after \"second\"");
}

static enum ew_err read_row(const struct reader *reader, char *line)
{
    struct trace_file *file = reader->file;
    char *rest = line;
    for (int i = -1; i < file->columns; i++) {
        const char *text = strsep(&rest, ",");
        char *end;
        double number = text ? strtod(text, &end) : (double)NAN;
        if (!text || end == text || *end || !isfinite(number))
            return fail(reader, "a number is missing or is none");
        if (i >= 0)
            file->values[(size_t)file->rows * (size_t)file->columns + (size_t)i] = number;
        else
            file->seconds[file->rows] = (int64_t)number;
    }
    if (rest)
        return fail(reader, "more values than columns");
    bool first = file->rows == 0;
    if (first ? file->seconds[0] != 0 : file->seconds[file->rows] <= file->seconds[file->rows - 1])
        return fail(reader, "seconds must begin at 0 and rise");
    file->rows++;
    return EW_OK;
}

static void file_done(struct trace_file *file)
{
    free(file->seconds);
    free(file->values);
}

static enum ew_err read_text(const char *path, char *text, struct trace_file *file, struct ew_reason *reason)
{
    struct reader reader = {.path = path, .file = file, .reason = reason};
    size_t lines = 1;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    if (lines > TRACE_ROWS_MAX)
        return ew_fail(reason, EW_E_TOO_LARGE, "trace.rows", path, "more than %d rows", TRACE_ROWS_MAX);
    for (char *line = strsep(&text, "\n"); line; line = strsep(&text, "\n")) {
        reader.line++;
        line[strcspn(line, "\r")] = 0;
        if (!*line)
            continue;
        enum ew_err err = file->columns ? read_row(&reader, line) : read_header(&reader, line);
        if (err == EW_OK && !file->values && file->columns > 0) {
            file->seconds = calloc(lines, sizeof(*file->seconds));
            file->values = calloc(lines * (size_t)file->columns, sizeof(*file->values));
            if (!file->seconds || !file->values)
                abort();
        }
        if (err != EW_OK)
            return err;
    }
    if (file->rows < 2)
        return fail(&reader, "a trace needs two rows");
    file->period_s = 2 * file->seconds[file->rows - 1] - file->seconds[file->rows - 2];
    return EW_OK;
}

static void note_loads(struct trace *trace, int index)
{
    const struct trace_file *file = &trace->files[index];
    for (int i = 0; i < file->columns && trace->load_count < TRACE_COLUMNS_MAX; i++) {
        size_t len = strlen(file->names[i]);
        if (len > 2 && strcmp(file->names[i] + len - 2, "_w") == 0) {
            trace->loads[trace->load_count].file = index;
            trace->loads[trace->load_count++].column = i;
        }
    }
}

enum ew_err trace_add(struct trace *trace, const char *path, struct ew_reason *reason)
{
    struct ew_buf buf;
    ew_buf_init(&buf, TRACE_FILE_MAX);
    enum ew_err err = ew_file_read(path, TRACE_FILE_MAX, &buf, reason);
    struct trace_file file = {0};
    if (err == EW_OK && buf.len == 0)
        err = ew_fail(reason, EW_E_INVALID, "trace.syntax", path, "is empty");
    if (err == EW_OK)
        err = read_text(path, buf.data, &file, reason);
    ew_buf_done(&buf);
    if (err != EW_OK) {
        file_done(&file);
        return err;
    }
    struct trace_file *files = realloc(trace->files, ((size_t)trace->file_count + 1) * sizeof(*trace->files));
    if (!files)
        abort();
    trace->files = files;
    trace->files[trace->file_count] = file;
    note_loads(trace, trace->file_count++);
    return EW_OK;
}

static int is_csv(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".csv") == 0;
}

enum ew_err trace_add_folder(struct trace *trace, const char *dir, struct ew_reason *reason)
{
    struct dirent **names;
    int count = scandir(dir, &names, is_csv, alphasort);
    if (count < 0)
        return ew_fail(reason, EW_E_UNKNOWN, "trace.folder", dir, "can't be read: %s", strerror(errno));
    enum ew_err err = EW_OK;
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        if (err == EW_OK && ew_format(path, sizeof(path), "%s/%s", dir, names[i]->d_name) == EW_OK)
            err = trace_add(trace, path, reason);
        free(names[i]);
    }
    free(names);
    if (err == EW_OK && trace->load_count == 0)
        err = ew_fail(reason, EW_E_UNKNOWN, "trace.none", dir, "holds no recorded load");
    return err;
}

void trace_done(struct trace *trace)
{
    for (int i = 0; i < trace->file_count; i++)
        file_done(&trace->files[i]);
    free(trace->files);
    *trace = (struct trace){0};
}

static double value_at(const struct trace_file *file, int column, int64_t second)
{
    int64_t at = second % file->period_s;
    if (at < 0)
        at += file->period_s;
    int low = 0, high = file->rows - 1; // the last row that is not after `at`
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (file->seconds[middle] <= at)
            low = middle;
        else
            high = middle - 1;
    }
    return file->values[(size_t)low * (size_t)file->columns + (size_t)column];
}

double trace_load_w(const struct trace *trace, int load, int64_t second)
{
    if (trace->load_count == 0)
        return 0;
    int index = load % trace->load_count;
    return value_at(&trace->files[trace->loads[index].file], trace->loads[index].column, second);
}

double trace_value(const struct trace *trace, const char *name, int64_t second, double fallback)
{
    for (int i = 0; i < trace->file_count; i++)
        for (int k = 0; k < trace->files[i].columns; k++)
            if (strcmp(trace->files[i].names[k], name) == 0)
                return value_at(&trace->files[i], k, second);
    return fallback;
}
