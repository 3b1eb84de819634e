// What a test of a bus or a device came to, in words that lead to the mistake (BUS-05): time-out, connection
// refused, answer of another unit, exception code, value read. Pure.
#ifndef EDGEWATT_CORE_SCAN_OUTCOME_H
#define EDGEWATT_CORE_SCAN_OUTCOME_H

#include "core/profile/profile.h"

enum outcome_line { OUTCOME_RTU, OUTCOME_TCP, OUTCOME_RTU_TCP };

// What to look at when an exchange failed with this reason (a bus.* code): false when there is no advice. The
// codes are "test.advice.*" of the message catalogue.
bool outcome_advice(const char *code, int exception, enum outcome_line line, struct ew_reason *ret);

// What an exchange that the device answered says. test.value: a value was read; test.no_value: the device
// says that it has none (NaN); test.answers: no profile to tell a value by; test.reached: the way is open and
// nobody is set up to be asked. `value`, `quantity`: of test.value and test.no_value.
void outcome_value(int unit, double ms, const char *quantity, const struct profile_value *value,
                   const char *si, struct ew_reason *ret);
void outcome_answers(int unit, double ms, struct ew_reason *ret);
void outcome_reached(const char *host, struct ew_reason *ret);

#endif
