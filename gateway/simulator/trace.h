// Recorded load. A CSV file with a header: "second" first, then columns by what they are called: voltage_v
// (of a 230 V net), frequency_hz, power_factor, water_l_min, and any number of loads that end in _w. A row
// holds until the next; after the last the recording begins again.
#ifndef EDGEWATT_SIMULATOR_TRACE_H
#define EDGEWATT_SIMULATOR_TRACE_H

#include "base/err.h"
#include <stdint.h>

enum { TRACE_COLUMNS_MAX = 32, TRACE_ROWS_MAX = 200000, TRACE_FILE_MAX = 32 << 20 };

struct trace_file {
    char names[TRACE_COLUMNS_MAX][32]; // without the first
    int columns, rows;
    int64_t *seconds; // ascending, the first is 0
    double *values;   // rows x columns
    int64_t period_s; // last row + the step before it
};

struct trace {
    struct trace_file *files;
    int file_count;
    int load_count; // columns that end in _w, over all files
    struct {
        int file, column;
    } loads[TRACE_COLUMNS_MAX];
};

// EW_E_INVALID with line and sentence for a file that is no trace.
enum ew_err trace_add(struct trace *trace, const char *path, struct ew_reason *reason) EW_MUST_CHECK;
// Every *.csv of the folder, in order of name.
enum ew_err trace_add_folder(struct trace *trace, const char *dir, struct ew_reason *reason) EW_MUST_CHECK;
void trace_done(struct trace *trace);

// Load number `load` (modulo how many there are) in W at a second of the recording.
double trace_load_w(const struct trace *trace, int load, int64_t second);
// A column by name, from the first file that has it; fallback when none does.
double trace_value(const struct trace *trace, const char *name, int64_t second, double fallback);

#endif
