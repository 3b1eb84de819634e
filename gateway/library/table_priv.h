// What the files of a register table share.
#ifndef EDGEWATT_LIBRARY_TABLE_PRIV_H
#define EDGEWATT_LIBRARY_TABLE_PRIV_H

#include "library/table.h"

// table_text.c: the bytes of a file as UTF-8 without a mark, whatever wrote them. ret is full when they do
// not fit.
void table_utf8(const char *bytes, size_t len, struct ew_buf *ret);

// table_words.c: what papers call our types: "UINT32" is u32. NULL when it is none.
const char *table_type(const char *name);
// A number, decimal or 0x1F; with a decimal comma where the separator is none.
bool table_number(const char *text, char separator, double *ret);
// How much of `si` one of this unit is: "kWh" of "Wh" is 1000, "0.1 V" of "V" is 0.1. false: no such unit.
bool table_unit(const char *text, const char *si, char separator, double *ret);

#endif
