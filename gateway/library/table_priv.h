// What the files of a register table share.
#ifndef EDGEWATT_LIBRARY_TABLE_PRIV_H
#define EDGEWATT_LIBRARY_TABLE_PRIV_H

#include "library/table.h"

// table.c
// A new place in the list; NULL when it is full.
struct ew_reason *table_next_fault(struct table_faults *faults);
void table_must(const void *memory); // aborts when there was none

// table_rows.c: the registers of a table in UTF-8, the caller's; NULL when it has no header that can be used.
// rows: the row of each, count 0 at the call.
cJSON *table_registers(const struct table_head *head, const char *text, size_t len, struct table_rows *rows,
                       struct table_faults *faults);

// table_text.c: the bytes of a file as UTF-8 without a mark, whatever wrote them. ret is full when they do
// not fit.
void table_utf8(const char *bytes, size_t len, struct ew_buf *ret);

// table_words.c: what papers call our types: "UINT32" is u32, "32-bit, float" f32. NULL when it is none.
const char *table_type(const char *name);
// What is mostly meant by a symbol: "U1" is voltage_l1_n. To be offered, not taken: papers differ.
bool table_symbol(const char *text, char ret[PROFILE_NAME_MAX]);
// A number, decimal or 0x1F; with a decimal comma where the separator is none.
bool table_number(const char *text, char separator, double *ret);
// How much of `si` one of this unit is: "kWh" of "Wh" is 1000, "0.1 V" of "V" is 0.1. false: no such unit.
bool table_unit(const char *text, const char *si, char separator, double *ret);

#endif
