#include "core/tariff/tariff.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { MILLION = 1000000 };

int64_t tariff_price_at(const struct tariff_price *prices, int count, int date)
{
    const struct tariff_price *best = NULL;
    for (int i = 0; i < count; i++)
        if (prices[i].from_date <= date && (!best || prices[i].from_date > best->from_date))
            best = &prices[i];
    return best ? best->micro : -1;
}

bool tariff_price_read(double price, int64_t *ret_micro)
{
    if (!(price >= 0 && price <= 100000))
        return false;
    // A double near 10^5 is exact to 10^-11: what is written with six decimals comes back whole.
    double micro = price * MILLION;
    *ret_micro = llround(micro);
    return fabs(micro - (double)*ret_micro) < 1e-3;
}

static void carry(struct tariff_money *sum)
{
    sum->micro += sum->pico / MILLION;
    sum->pico %= MILLION;
}

void tariff_cost(struct tariff_money *sum, int64_t amount_milli, int64_t price_micro)
{
    assert(amount_milli >= 0 && price_micro >= 0);
    // 1 kWh = 10^6 thousandths of Wh, and 1 m3 = 10^6 thousandths of dm3: whole ones and the rest apart, so
    // that nothing overflows and nothing is cut.
    int64_t whole = amount_milli / MILLION, rest = amount_milli % MILLION;
    sum->micro += whole * price_micro + rest * price_micro / MILLION;
    sum->pico += rest * price_micro % MILLION;
    carry(sum);
}

void tariff_money_add(struct tariff_money *sum, const struct tariff_money *other)
{
    sum->micro += other->micro;
    sum->pico += other->pico;
    carry(sum);
}

int64_t tariff_round(const struct tariff_money *money, int digits)
{
    assert(digits >= 0 && digits <= 6);
    int64_t unit_micro = 1;
    for (int i = digits; i < 6; i++)
        unit_micro *= 10;
    int64_t whole = money->micro / unit_micro, rest = money->micro % unit_micro;
    // Half of an odd unit (1 micro) is in the pico part; every other half is whole micros.
    bool up = unit_micro == 1 ? money->pico >= MILLION / 2 : rest >= unit_micro / 2;
    return whole + (up ? 1 : 0);
}

int tariff_currency_digits(const char *currency)
{
    static const char *const by_digits[] = {
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", "", "",
        "BHD IQD JOD KWD LYD OMR TND", "CLF UYW"};
    if (strlen(currency) == 3)
        for (int digits = 0; digits < 5; digits++)
            if (strstr(by_digits[digits], currency))
                return digits;
    return 2;
}
