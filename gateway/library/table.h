// A register table as people keep it, in CSV, made into a profile; everything that is wrong with it is found.
#ifndef EDGEWATT_LIBRARY_TABLE_H
#define EDGEWATT_LIBRARY_TABLE_H

#include "base/json.h"
#include "core/profile/profile.h"

enum { TABLE_BYTES_MAX = 512 << 10, TABLE_LINE_MAX = 120 /* of one reference */ };

struct table_head { // what the table does not say; texts are the caller's
    const char *id, *family, *model;
    enum profile_kind kind;
    const char *document; // title and page of a vendor's document the table was taken from; NULL: a candidate
    int first;            // number that the table gives to address 0: 0, 1, 30001, 40001 ...
    bool lsw;          // values of several registers begin with the least significant one where no row says
    int max_registers; // per request, 0 = 125
    int gap_ms;
    bool holes;
};

struct table_rows { // of the registers, in their order
    int count;
    int rows[PROFILE_REGISTERS_MAX];
};

enum { TABLE_FAULTS_MAX = 50 };

struct table_faults { // in order of row; count 0: nothing is wrong
    int count;
    bool more; // than fit
    // path: "row 7, address", or "" of the whole table; code and text as ew_fail; params row, column, value
    struct ew_reason at[TABLE_FAULTS_MAX];
};

// Header row first, separated by comma, semicolon or tab; columns in any order: quantity, fc, address (hex:
// its numbers are hexadecimal), type (needed), order, words, scale, group, nan, unit; note and description
// are passed over. Numbers as 30001 or 0x10; a decimal comma where the separator is no comma; a unit as kWh,
// or 0.1 V, is turned into a scale; types also as uint32, float. Rows that are empty or begin with # are
// passed over. UTF-8 with or without mark, UTF-16, and what is neither as Windows-1252. EW_OK: the profile's
// tree, the caller's, is in *ret and is not checked as a profile yet (table_check); with faults it holds the
// rows without any, or is NULL when there are none. EW_E_INVALID: faults->count > 0.
enum ew_err table_profile(const struct table_head *head, const char *text, size_t len,
                          struct table_rows *rows, cJSON **ret, struct table_faults *faults) EW_MUST_CHECK;
// What library_check_each says of a profile, each fault at its row (rows->count 0: at its path); adds to
// faults. EW_OK: none in all.
enum ew_err table_check(const cJSON *profile, const struct table_rows *rows, const char *share_dir,
                        const char *data_dir, struct table_faults *faults) EW_MUST_CHECK;
// Both.
enum ew_err table_make(const struct table_head *head, const char *text, size_t len, const char *share_dir,
                       const char *data_dir, cJSON **ret, struct table_faults *faults) EW_MUST_CHECK;

// A profile as this project writes them: a register a line. Into buf.
void table_print(const cJSON *profile, struct ew_buf *buf);

#endif
