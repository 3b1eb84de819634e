// A year of 255 devices at 10 minutes through the tariff engine alone: segments once, then every slot shared
// and priced. Prints the time; promised: below a second.
#include "base/clock.h"
#include "core/tariff/tariff.h"
#include "service/zone.h"
#include <stdio.h>

enum { DEVICES = 255, SLOT_S = 600, SEGMENTS_MAX = 4096 };

int main(void)
{
    static const struct tariff_rule rules[] = {
        {3, 20200301, 20200331, false, 0, 1439, 0x7F}, {2, 20201225, 20201225, true, 0, 1439, 0x7F},
        {1, 0, 0, false, 0, 18 * 60 + 34, 0x1F},       {2, 0, 0, false, 18 * 60 + 35, 1439, 0x1F},
        {4, 0, 0, false, 22 * 60, 5 * 60 + 59, 0x60},
    };
    static struct tariff_segment segments[SEGMENTS_MAX];
    static struct tariff_plan plan;
    struct calendar_zone zone;
    struct ew_reason reason;
    if (ew_zone_load("Europe/Paris", &zone, &reason) != EW_OK || !tariff_plan_make(rules, 5, &plan))
        return 1;
    int64_t begun_us = ew_clock_up_us();
    int64_t from_s = calendar_date_start_s(&zone, (struct calendar_date){2026, 1, 1});
    int64_t to_s = calendar_date_start_s(&zone, (struct calendar_date){2027, 1, 1});
    int count;
    if (!tariff_segments(&plan, &zone, from_s, to_s, segments, SEGMENTS_MAX, &count))
        return 1;
    struct tariff_money total = {0};
    for (int device = 0; device < DEVICES; device++) {
        int cursor = 0;
        int64_t sums[TARIFF_PLACES] = {0};
        for (int64_t at_s = from_s; at_s < to_s; at_s += SLOT_S)
            tariff_share(segments, count, &cursor, at_s, at_s + SLOT_S, 41667 + device, sums);
        for (int place = 1; place < TARIFF_PLACES; place++)
            tariff_cost(&total, sums[place], 174200 + place);
    }
    printf("%d segments, %d devices x %lld slots in %.0f ms; %lld.%02lld\n", count, DEVICES,
           (long long)((to_s - from_s) / SLOT_S), (double)(ew_clock_up_us() - begun_us) / 1000,
           (long long)(tariff_round(&total, 2) / 100), (long long)(tariff_round(&total, 2) % 100));
    return 0;
}
