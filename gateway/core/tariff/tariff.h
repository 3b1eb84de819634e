// Which tariff is in force when, and what consumption costs. Pure. SPEC CST-01 to CST-05.
//
// Rules are read in local time. At each instant the first true rule from the top counts; where none is true
// there is no tariff, and no cost. A local hour that comes twice (autumn) is judged twice alike; one that is
// skipped (spring) never was.
//
// Money is exact: an amount in thousandths of Wh or dm3 times a price in millionths of the currency gives
// millionths of millionths ("pico"), which are added as whole numbers. A figure is rounded once, when it
// leaves: half up, from the exact sum. Totals are sums of exact figures, never of rounded ones.
#ifndef EDGEWATT_CORE_TARIFF_TARIFF_H
#define EDGEWATT_CORE_TARIFF_TARIFF_H

#include "core/calendar/calendar.h"

enum {
    TARIFF_PRICES_MAX = 5,     // CST-01
    TARIFF_RULES_MAX = 256,    // of one service
    TARIFF_OF_SERVICE_MAX = 5, // CST-01
    TARIFF_PLACES = 1 + TARIFF_OF_SERVICE_MAX
};

// ---- Which tariff when -----------------------------------------------------------------------------------

struct tariff_rule {
    int64_t tariff;         // id
    int from_date, to_date; // local dates as 20201225, both inclusive; 0 = open
    bool yearly; // only month and day count; the period may run over the end of a year. A period that
                 // is 29 February alone is true in leap years only
    int from_min, to_min; // minutes of the local day, 0..1439, both inclusive; to < from runs over midnight
                          // and belongs, date and weekday, to the day it began
    unsigned weekdays;    // bit 0 = Monday .. bit 6 = Sunday
};

// The rules of one service, made ready. Tariffs are known by their place: 0 = outside all rules, else
// tariffs[place].
struct tariff_plan {
    int count;
    struct tariff_rule rules[TARIFF_RULES_MAX];
    int tariff_count; // places in use, the 0th included
    int64_t tariffs[TARIFF_PLACES];
    int rule_place[TARIFF_RULES_MAX];
    int break_count;
    int breaks_min[2 * TARIFF_RULES_MAX +
                   1]; // minutes of the day at which some rule begins or ends, ascending
};

// Copies the rules, in their order. false when there are too many of them or of their tariffs.
bool tariff_plan_make(const struct tariff_rule *rules, int count, struct tariff_plan *ret);

// Index of the rule that counts at at_s, -1 = none.
int tariff_rule_at(const struct tariff_plan *plan, const struct calendar_zone *zone, int64_t at_s);

struct tariff_segment {
    int64_t start_s, end_s;
    int place;
};

// The segment of constant tariff that begins at from_s, cut at to_s (from_s < to_s). Called again with its
// end it tiles the period.
struct tariff_segment tariff_next(const struct tariff_plan *plan, const struct calendar_zone *zone,
                                  int64_t from_s, int64_t to_s);

// All segments of a period. false when there are more than max; the first max are given then.
bool tariff_segments(const struct tariff_plan *plan, const struct calendar_zone *zone, int64_t from_s,
                     int64_t to_s, struct tariff_segment *ret, int max, int *ret_count);

// Adds an amount used from start_s to end_s to the places in force then. Where a change of tariff cuts the
// time, it is shared in proportion; what is left of the division goes to the last part. The segments are of
// the period that holds start_s..end_s; *cursor (0 at first) makes slots in ascending order cheap.
void tariff_share(const struct tariff_segment *segments, int count, int *cursor, int64_t start_s,
                  int64_t end_s, int64_t amount_milli, int64_t sums_milli[TARIFF_PLACES]);

// ---- Money -----------------------------------------------------------------------------------------------

struct tariff_price {
    int from_date; // 20250201, 0 = always
    int64_t micro; // millionths of the currency per kWh or m3
};

// The price of a local date: the one valid from the latest day not after it; -1 = none is valid yet.
int64_t tariff_price_at(const struct tariff_price *prices, int count, int date);

// A price as people write it, to millionths; false when it has more than six decimals.
bool tariff_price_read(double price, int64_t *ret_micro);

struct tariff_money { // >= 0
    int64_t micro;    // millionths of the currency
    int64_t pico;     // and 0..999999 millionths of those
};

// *sum += amount x price. amount_milli: thousandths of Wh or dm3, 0..10^14.
void tariff_cost(struct tariff_money *sum, int64_t amount_milli, int64_t price_micro);
void tariff_money_add(struct tariff_money *sum, const struct tariff_money *other);
// In units of 10^-digits of the currency (digits 0..6), half up: the one rounding.
int64_t tariff_round(const struct tariff_money *money, int digits);

// Decimals of a currency's minor unit (ISO 4217): EUR 2, JPY 0, KWD 3. Unknown codes: 2.
int tariff_currency_digits(const char *currency);

#endif
