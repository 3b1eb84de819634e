// Dates of the proleptic Gregorian calendar as day numbers, and back. Pure.
// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". Years begin on 1 March there, so
// that the leap day is the last of the year; 400 years are 146097 days.
#ifndef EDGEWATT_BASE_CIVIL_H
#define EDGEWATT_BASE_CIVIL_H

#include <stdint.h>

struct ew_civil {
    int year;
    int month; // 1..12
    int day;   // 1..31
};

// Days since 1970-01-01, for years within +-200 000. Months and days outside their range are carried over
// (month 13 = January, day 0 = the last of the month before).
int64_t ew_civil_days(struct ew_civil date);
struct ew_civil ew_civil_from_days(int64_t days);

// a / b rounded down; b > 0.
int64_t ew_floor_div(int64_t a, int64_t b);

#endif
