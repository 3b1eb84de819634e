#include "core/tariff/tariff.h"

#include "base/civil.h"
#include <assert.h>

enum { DAY_S = 86400, DAY_MIN = 1440 };

// ---- Rules -----------------------------------------------------------------------------------------------

struct day {
    int date; // 20201225
    int weekday;
};

static struct day day_of(int64_t days)
{
    struct ew_civil c = ew_civil_from_days(days);
    return (struct day){c.year * 10000 + c.month * 100 + c.day,
                        (int)(days + 3 - 7 * ew_floor_div(days + 3, 7))};
}

static bool in_period(const struct tariff_rule *rule, int date)
{
    if (!rule->yearly)
        return (rule->from_date == 0 || date >= rule->from_date) &&
               (rule->to_date == 0 || date <= rule->to_date);
    int at = date % 10000, from = rule->from_date % 10000, to = rule->to_date % 10000;
    return from <= to ? at >= from && at <= to : at >= from || at <= to;
}

static bool on_day(const struct tariff_rule *rule, const struct day *day)
{
    return (rule->weekdays >> day->weekday & 1U) != 0 && in_period(rule, day->date);
}

static bool is_true(const struct tariff_rule *rule, const struct day *today, const struct day *yesterday,
                    int minute)
{
    if (rule->from_min <= rule->to_min)
        return minute >= rule->from_min && minute <= rule->to_min && on_day(rule, today);
    return (minute >= rule->from_min && on_day(rule, today)) ||
           (minute <= rule->to_min && on_day(rule, yesterday));
}

static void add_break(struct tariff_plan *plan, int minute)
{
    int at = 0;
    while (at < plan->break_count && plan->breaks_min[at] < minute)
        at++;
    if (minute >= DAY_MIN || (at < plan->break_count && plan->breaks_min[at] == minute))
        return;
    for (int i = plan->break_count++; i > at; i--)
        plan->breaks_min[i] = plan->breaks_min[i - 1];
    plan->breaks_min[at] = minute;
}

static int place_of(struct tariff_plan *plan, int64_t tariff)
{
    for (int i = 1; i < plan->tariff_count; i++)
        if (plan->tariffs[i] == tariff)
            return i;
    if (plan->tariff_count == TARIFF_PLACES)
        return -1;
    plan->tariffs[plan->tariff_count] = tariff;
    return plan->tariff_count++;
}

bool tariff_plan_make(const struct tariff_rule *rules, int count, struct tariff_plan *ret)
{
    *ret = (struct tariff_plan){.tariff_count = 1};
    if (count > TARIFF_RULES_MAX)
        return false;
    add_break(ret, 0);
    for (int i = 0; i < count; i++) {
        assert(rules[i].from_min >= 0 && rules[i].from_min < DAY_MIN);
        assert(rules[i].to_min >= 0 && rules[i].to_min < DAY_MIN);
        ret->rules[i] = rules[i];
        ret->rule_place[i] = place_of(ret, rules[i].tariff);
        if (ret->rule_place[i] < 0)
            return false;
        add_break(ret, rules[i].from_min);
        add_break(ret, rules[i].to_min + 1);
    }
    ret->count = count;
    return true;
}

// ---- Segments --------------------------------------------------------------------------------------------

// The first true rule at at_s (-1 = none) and until when it surely stays that: the next minute at which any
// rule begins or ends, the end of the local day, or a change of the offset.
static int rule_until(const struct tariff_plan *plan, const struct calendar_zone *zone, int64_t at_s,
                      int64_t *ret_until_s)
{
    int64_t local_s = at_s + calendar_offset_s(zone, at_s), days = ew_floor_div(local_s, DAY_S);
    int second = (int)(local_s - days * DAY_S), minute = second / 60, next_min = DAY_MIN;
    for (int i = 0; i < plan->break_count && next_min == DAY_MIN; i++)
        if (plan->breaks_min[i] > minute)
            next_min = plan->breaks_min[i];
    int64_t until_s = at_s + next_min * 60LL - second, changes_s = calendar_offset_end_s(zone, at_s);
    *ret_until_s = until_s < changes_s ? until_s : changes_s;
    struct day today = day_of(days), yesterday = day_of(days - 1);
    for (int i = 0; i < plan->count; i++)
        if (is_true(&plan->rules[i], &today, &yesterday, minute))
            return i;
    return -1;
}

int tariff_rule_at(const struct tariff_plan *plan, const struct calendar_zone *zone, int64_t at_s)
{
    int64_t until_s;
    return rule_until(plan, zone, at_s, &until_s);
}

struct tariff_segment tariff_next(const struct tariff_plan *plan, const struct calendar_zone *zone,
                                  int64_t from_s, int64_t to_s)
{
    assert(from_s < to_s);
    struct tariff_segment segment = {.start_s = from_s, .end_s = from_s};
    while (segment.end_s < to_s) {
        int64_t until_s;
        int rule = rule_until(plan, zone, segment.end_s, &until_s);
        int place = rule < 0 ? 0 : plan->rule_place[rule];
        if (segment.end_s > from_s && place != segment.place)
            break;
        segment.place = place;
        segment.end_s = until_s < to_s ? until_s : to_s;
    }
    return segment;
}

bool tariff_segments(const struct tariff_plan *plan, const struct calendar_zone *zone, int64_t from_s,
                     int64_t to_s, struct tariff_segment *ret, int max, int *ret_count)
{
    *ret_count = 0;
    while (from_s < to_s) {
        if (*ret_count == max)
            return false;
        ret[*ret_count] = tariff_next(plan, zone, from_s, to_s);
        from_s = ret[(*ret_count)++].end_s;
    }
    return true;
}

void tariff_share(const struct tariff_segment *segments, int count, int *cursor, int64_t start_s,
                  int64_t end_s, int64_t amount_milli, int64_t sums_milli[TARIFF_PLACES])
{
    assert(start_s < end_s);
    int i = *cursor;
    if (i >= count || segments[i].start_s > start_s)
        i = 0;
    while (i < count && segments[i].end_s <= start_s)
        i++;
    *cursor = i;
    assert(i < count && segments[i].start_s <= start_s);
    int64_t left_milli = amount_milli;
    for (; segments[i].end_s < end_s; i++) {
        assert(i + 1 < count);
        int64_t part_s = segments[i].end_s - (segments[i].start_s > start_s ? segments[i].start_s : start_s);
        int64_t part_milli = amount_milli * part_s / (end_s - start_s);
        sums_milli[segments[i].place] += part_milli;
        left_milli -= part_milli;
    }
    sums_milli[segments[i].place] += left_milli;
}
