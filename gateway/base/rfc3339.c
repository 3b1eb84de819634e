#include "base/rfc3339.h"

#include "base/buf.h"
#include "base/civil.h"

void ew_rfc3339_format(int64_t unix_ms, char dst[EW_RFC3339_MAX])
{
    const int64_t min_ms = ew_civil_days((struct ew_civil){0, 1, 1}) * 86400000;
    const int64_t max_ms = ew_civil_days((struct ew_civil){10000, 1, 1}) * 86400000 - 1;
    if (unix_ms < min_ms)
        unix_ms = min_ms;
    if (unix_ms > max_ms)
        unix_ms = max_ms;
    int64_t days = unix_ms / 86400000;
    int64_t ms = unix_ms % 86400000;
    if (ms < 0) {
        ms += 86400000;
        days--;
    }
    struct ew_civil date = ew_civil_from_days(days);
    int seconds = (int)(ms / 1000);
    if (ew_format(dst, EW_RFC3339_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", date.year, date.month, date.day,
                  seconds / 3600, seconds / 60 % 60, seconds % 60, (int)(ms % 1000)) != EW_OK)
        dst[0] = 0;
}

// Reads exactly `count` digits at *p and moves on; -1 when one is missing.
static int digits(const char **p, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return -1;
        value = value * 10 + (**p - '0');
    }
    return value;
}

static int separated(const char **p, const char *separators, int count)
{
    for (const char *s = separators; *s; s++)
        if (**p == *s) {
            (*p)++;
            return digits(p, count);
        }
    return -1;
}

static int fraction_ms(const char **p)
{
    if (**p != '.')
        return 0;
    (*p)++;
    int ms = 0, count = 0;
    for (; **p >= '0' && **p <= '9'; (*p)++, count++)
        if (count < 3)
            ms = ms * 10 + (**p - '0');
    if (count < 1 || count > 9)
        return -1;
    for (; count < 3; count++)
        ms *= 10;
    return ms;
}

// "Z" or "+hh:mm" up to the end of the text; false when it is neither.
static bool offset_minutes(const char **p, int *ret_minutes)
{
    *ret_minutes = 0;
    if (**p == 'Z' || **p == 'z') {
        (*p)++;
        return **p == 0;
    }
    int sign = **p == '-' ? -1 : 1;
    int hours = separated(p, "+-", 2);
    int minutes = separated(p, ":", 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || **p != 0)
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

enum ew_err ew_rfc3339_parse(const char *text, int64_t *ret_unix_ms)
{
    const char *p = text;
    int year = digits(&p, 4);
    int month = separated(&p, "-", 2);
    int day = separated(&p, "-", 2);
    int hour = separated(&p, "Tt ", 2);
    int minute = separated(&p, ":", 2);
    int second = separated(&p, ":", 2);
    int ms = fraction_ms(&p);
    int offset;
    if (year < 0 || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
        return EW_E_INVALID;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 || ms < 0)
        return EW_E_INVALID;
    if (!offset_minutes(&p, &offset))
        return EW_E_INVALID;
    if (second == 60)
        second = 59;
    int64_t days = ew_civil_days((struct ew_civil){year, month, day});
    *ret_unix_ms = ((days * 24 + hour) * 60 + minute - offset) * 60000 + second * 1000LL + ms;
    return EW_OK;
}
