// A register table as people keep it, in CSV, made into a profile.
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
    int max_registers;    // per request, 0 = 125
    int gap_ms;
    bool holes;
};

struct table_rows { // of the registers, in their order
    int count;
    int rows[PROFILE_REGISTERS_MAX];
};

// Header row first, separated by comma, semicolon or tab; columns in any order: quantity, fc, address, type
// (needed), order, words, scale, group, nan, unit. Numbers as 30001 or 0x10; a decimal comma where the
// separator is no comma; rows that are empty or begin with # are passed over. The profile's tree is the
// caller's. Refused with the row and column in reason->path ("row 7, address") and what was expected; the
// tree is not checked as a profile yet (library_check_tree).
enum ew_err table_profile(const struct table_head *head, const char *text, size_t len,
                          struct table_rows *rows, cJSON **ret, struct ew_reason *reason) EW_MUST_CHECK;
// What library_check_tree said of such a profile, at its row: "/registers/current_l1/type" becomes "row 4,
// type".
void table_locate(const cJSON *profile, const struct table_rows *rows, struct ew_reason *reason);

// A profile as this project writes them: a register a line. Into buf.
void table_print(const cJSON *profile, struct ew_buf *buf);

#endif
