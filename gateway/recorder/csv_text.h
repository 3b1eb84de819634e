// The text of CSV files: fields, numbers, local times (REC-04). Fields are quoted as RFC 4180 has it.
#ifndef EDGEWATT_RECORDER_CSV_TEXT_H
#define EDGEWATT_RECORDER_CSV_TEXT_H

#include "base/buf.h"
#include "core/calendar/calendar.h"

struct csv_options {
    char decimal, separator; // ',' and ';' when a site says nothing
};

// A separator is put before every field but the first of a line.
struct csv_line {
    struct ew_buf *out;
    struct csv_options options;
    bool begun;
};

void csv_begin(struct csv_line *line, struct ew_buf *out, const struct csv_options *options);
void csv_end(struct csv_line *line);
// Text that a spreadsheet might take for a formula gets an apostrophe before it.
void csv_text(struct csv_line *line, const char *text);
void csv_empty(struct csv_line *line);
// As many digits as the value has, never an exponent.
void csv_number(struct csv_line *line, double value);
// value x 10^-decimals, without trailing zeros.
void csv_decimal(struct csv_line *line, int64_t value, int decimals);
void csv_integer(struct csv_line *line, int64_t value);
// "2026-03-24 00:10:00" and "+01:00".
void csv_time(struct csv_line *line, const struct calendar_zone *zone, int64_t at_s);
// Reads those two fields at the start of a line back; false when they are something else.
bool csv_time_read(const char *text, size_t len, char separator, int64_t *ret_at_s);

// enum history_flag in words: "recovered estimated"; "" for none.
void csv_flags(struct csv_line *line, unsigned flags);

#endif
