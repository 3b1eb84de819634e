#include "core/history/history.h"

#include <math.h>

bool history_interval_valid(int minutes)
{
    static const int allowed[] = {1, 2, 5, 10, 15, 30, 60};
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
        if (allowed[i] == minutes)
            return true;
    return false;
}

void history_slot(const struct calendar_zone *zone, int minutes, int64_t at_s, int64_t *ret_start_s,
                  int64_t *ret_end_s)
{
    // Every allowed interval divides the hour, so slots are cut out of local hours, which end where an offset
    // does.
    int64_t hour_start_s, hour_end_s;
    calendar_span(zone, CALENDAR_HOUR, at_s, &hour_start_s, &hour_end_s);
    struct calendar_local local = calendar_local(zone, at_s);
    int64_t into_slot_s = (local.minute % minutes) * 60 + local.second;
    *ret_start_s = at_s - into_slot_s;
    *ret_end_s = *ret_start_s + (int64_t)minutes * 60;
    if (*ret_start_s < hour_start_s)
        *ret_start_s = hour_start_s;
    if (*ret_end_s > hour_end_s)
        *ret_end_s = hour_end_s;
}

void history_gauge_add(struct history_gauge *gauge, double value)
{
    if (!isfinite(value))
        return;
    if (gauge->count == 0 || value < gauge->low)
        gauge->low = value;
    if (gauge->count == 0 || value > gauge->high)
        gauge->high = value;
    gauge->sum += value;
    gauge->count++;
}

double history_gauge_mean(const struct history_gauge *gauge)
{
    return gauge->sum / gauge->count;
}

enum history_clock_verdict history_clock(const struct history_clock_in *in, bool trusted_before)
{
    bool after_rows = in->wall_s >= in->last_row_s;
    bool plausible = after_rows && in->wall_s >= in->build_s;
    if (!in->synchronised && !plausible && !trusted_before)
        return HISTORY_CLOCK_UNTRUSTED;
    if (after_rows)
        return HISTORY_CLOCK_TRUSTED;
    // last_row_s - wall_s can't overflow here: it is positive, and both are real times.
    if (in->last_row_s - in->wall_s <= HISTORY_CLOCK_WAIT_MAX_S)
        return HISTORY_CLOCK_WAIT;
    return HISTORY_CLOCK_FUTURE;
}
