#include "service/zone.h"

#include "base/buf.h"
#include "base/file.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400 };

static int32_t offset_at(int64_t at_s)
{
    time_t t = (time_t)at_s;
    struct tm local;
    if (!localtime_r(&t, &local))
        abort(); // only for years beyond int
    return (int32_t)local.tm_gmtoff;
}

// The first second after low_s (up to high_s) whose offset is the one of high_s.
static int64_t find_transition(int64_t low_s, int64_t high_s)
{
    int32_t after = offset_at(high_s);
    while (high_s - low_s > 1) {
        int64_t middle_s = low_s + (high_s - low_s) / 2;
        if (offset_at(middle_s) == after)
            high_s = middle_s;
        else
            low_s = middle_s;
    }
    return high_s;
}

static void collect(struct calendar_zone *zone)
{
    int64_t from_s = calendar_days((struct calendar_date){1990, 1, 1}) * DAY_S;
    int64_t to_s = calendar_days((struct calendar_date){2101, 1, 1}) * DAY_S;
    *zone = (struct calendar_zone){.count = 1};
    zone->transitions[0] = (struct calendar_transition){INT64_MIN, offset_at(from_s)};
    for (int64_t day_s = from_s; day_s < to_s; day_s += DAY_S) {
        int32_t before = zone->transitions[zone->count - 1].offset_s;
        if (offset_at(day_s + DAY_S) == before || zone->count == CALENDAR_TRANSITIONS_MAX)
            continue;
        int64_t at_s = find_transition(day_s, day_s + DAY_S);
        zone->transitions[zone->count++] = (struct calendar_transition){at_s, offset_at(at_s)};
    }
}

enum ew_err ew_zone_load(const char *tz, struct calendar_zone *ret_zone, struct ew_reason *reason)
{
    char file[PATH_MAX];
    const char *folder = getenv("TZDIR");
    bool good = tz[0] && tz[0] != '/' && tz[0] != ':' && !strstr(tz, "..") &&
                ew_format(file, sizeof(file), "%s/%s", folder ? folder : "/usr/share/zoneinfo", tz) == EW_OK;
    if (!good || !ew_file_exists(file)) {
        enum ew_err err = ew_fail(reason, EW_E_UNKNOWN, "site.tz_unknown", "",
                                  "the system does not know the time zone \"%.60s\"", tz);
        ew_reason_param(reason, "tz", "%.60s", tz);
        return err;
    }
    char *old = getenv("TZ");
    char *kept = old ? strdup(old) : NULL;
    if (setenv("TZ", tz, 1) != 0)
        abort();
    tzset();
    collect(ret_zone);
    if (kept ? setenv("TZ", kept, 1) : unsetenv("TZ"))
        abort();
    tzset();
    free(kept);
    return EW_OK;
}
