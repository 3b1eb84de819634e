// A raw read or write as programs and people give it, and what registers mean by a type.
#ifndef EDGEWATT_TOOLS_VALUES_H
#define EDGEWATT_TOOLS_VALUES_H

#include "core/profile/profile.h"
#include "modbus/answer.h"

struct value_type {
    const char *name;
    enum profile_type type;
    int words; // 0 = all there are
};
// "u16" ...; NULL when there is none of that name.
const struct value_type *value_type_find(const char *name);

struct value_request {
    struct mb_request rq; // without the line's patience; words point to `words` for writes
    const struct value_type *type;
    enum profile_order order;
    uint16_t words[MB_WRITE_MAX];
};

// {unit, fc, address, count?, type?, order?} and for writes {value | values}: addresses may be hexadecimal
// text. A value is a number of `type`; for functions 5 and 15 it is 0 or 1. EW_E_INVALID with the field.
enum ew_err value_request_read(const cJSON *args, bool write, struct value_request *ret,
                               struct ew_reason *reason) EW_MUST_CHECK;
// Puts numbers into ret->words by ret->type: functions 6 and 16; 5 and 15 take 0 and 1.
enum ew_err value_request_fill(struct value_request *ret, const double *numbers, int count,
                               struct ew_reason *reason) EW_MUST_CHECK;

// What the registers from `at` on mean; returns how many they are.
int value_at(const struct value_request *request, const uint16_t *registers, int at,
             struct profile_value *ret);
// {"ok":true, "ms", "registers":[...], "values":[...]} of a read, {"ok":false, "ms", "reason"}; a write has
// no registers (NULL).
void value_answer_write(const struct value_request *request, const uint16_t *registers, double ms,
                        const struct ew_reason *failure, struct ew_jw *w);

#endif
