#include "base/civil.h"

int64_t ew_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

int64_t ew_civil_days(struct ew_civil date)
{
    int64_t months = (int64_t)date.year * 12 + date.month - 1;
    int64_t year = ew_floor_div(months, 12);
    int month = (int)(months - year * 12) + 1;
    year -= month <= 2;
    int64_t era = ew_floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468 +
           date.day - 1;
}

struct ew_civil ew_civil_from_days(int64_t days)
{
    days += 719468;
    int64_t era = ew_floor_div(days, 146097);
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    struct ew_civil date = {.month = (int)(shifted < 10 ? shifted + 3 : shifted - 9),
                            .day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1)};
    date.year = (int)(year_of_era + era * 400) + (date.month <= 2);
    return date;
}
