// Tariffs and cost rules: CST-01, CST-02.
#include "core/site/site_priv.h"

#include <string.h>

static void check_color(struct ew_json *o)
{
    char color[8] = "";
    ew_json_text(o, "color", EW_OPTIONAL, 7, sizeof(color), color);
    if (o->err == EW_OK && color[0] &&
        (color[0] != '#' || !site_text_only(color + 1, "0123456789abcdefABCDEF")))
        ew_json_fail(o, "color", "site.color", "must be a colour as #ff8800");
}

static enum ew_err read_price(const cJSON *node, const char *path, bool date_needed, struct tariff_price *ret,
                              struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    double price = 0;
    *ret = (struct tariff_price){0};
    ew_json_number(&o, "price", EW_REQUIRED, 0, 100000, &price);
    if (o.err == EW_OK && !tariff_price_read(price, &ret->micro))
        ew_json_fail(&o, "price", "site.price_decimals", "has more than six decimals");
    site_read_date(&o, "from", date_needed ? EW_REQUIRED : EW_OPTIONAL, &ret->from_date);
    return ew_json_close(&o);
}

// Several prices need a date each; two of one date would leave the price open.
static void read_prices(struct ew_json *o, struct site_tariff *ret)
{
    const cJSON *list = ew_json_array(o, "prices", EW_REQUIRED, TARIFF_PRICES_MAX);
    int size = list ? cJSON_GetArraySize(list) : 0;
    if (list && size == 0)
        ew_json_fail(o, "prices", "site.no_price", "needs at least one price");
    for (const cJSON *child = list ? list->child : NULL; child && o->err == EW_OK; child = child->next) {
        char path[EW_PATH_MAX];
        struct tariff_price *price = &ret->prices[ret->price_count];
        ew_json_path(o, "prices", ret->price_count, path);
        o->err = read_price(child, path, size > 1, price, o->reason);
        for (int i = 0; i < ret->price_count && o->err == EW_OK; i++)
            if (ret->prices[i].from_date == price->from_date)
                o->err = ew_fail(o->reason, EW_E_INVALID, "site.same_date", path,
                                 "two prices are valid from the same day");
        ret->price_count++;
    }
}

enum ew_err site_tariff_read(const cJSON *node, const char *path, struct site_tariff *ret,
                             struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    *ret = (struct site_tariff){0};
    int service = 0;
    site_read_id(&o, &ret->id);
    ew_json_enum(&o, "service", EW_REQUIRED, site_services, &service);
    ret->service = (enum site_service)service;
    ew_json_text(&o, "name", EW_REQUIRED, 1, sizeof(ret->name), ret->name);
    check_color(&o);
    read_prices(&o, ret);
    return ew_json_close(&o);
}

enum ew_err site_tariff_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct site_tariff tariff;
    return site_tariff_read(node, path, &tariff, reason);
}

// "hh:mm", the end minute inclusive: 00:00..23:59.
static void read_time(struct ew_json *o, const char *key, int preset_min, int *ret_min)
{
    *ret_min = preset_min;
    char text[8] = "";
    ew_json_text(o, key, EW_OPTIONAL, 5, 6, text);
    if (o->err != EW_OK || !text[0])
        return;
    bool right = text[2] == ':' && site_text_only(text, "0123456789:") && text[0] != ':' && text[1] != ':' &&
                 text[3] >= '0' && text[3] <= '5' && text[4] != ':';
    if (!right || (text[0] - '0') * 10 + text[1] - '0' > 23)
        ew_json_fail(o, key, "site.time", "must be a time of day as 18:59");
    else
        *ret_min = ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
}

static void read_weekdays(struct ew_json *o, unsigned *ret)
{
    const cJSON *list = ew_json_array(o, "weekdays", EW_OPTIONAL, 7);
    unsigned seen = 0;
    if (list && !list->child)
        ew_json_fail(o, "weekdays", "site.weekdays", "must name a day (leave it out for every day)");
    for (const cJSON *child = list ? list->child : NULL; child && o->err == EW_OK; child = child->next) {
        double day = cJSON_IsNumber(child) ? child->valuedouble : 0;
        if (!(day >= 1 && day <= 7) || (double)(int)day != day)
            ew_json_fail(o, "weekdays", "site.weekdays", "days are 1 (Monday) to 7 (Sunday)");
        else if (seen & 1u << (int)day)
            ew_json_fail(o, "weekdays", "json.twice", "%d stands twice", (int)day);
        else
            seen |= 1u << (int)day;
    }
    *ret = list ? seen >> 1 : 0x7F;
}

// A date alone opens or closes the validity; both make a period, ends inclusive; with "yearly" only month and
// day count, and a period may run over the end of the year.
static void read_period(struct ew_json *o, struct tariff_rule *ret)
{
    int from = 0, to = 0;
    bool yearly;
    site_read_date(o, "from_date", EW_OPTIONAL, &from);
    site_read_date(o, "to_date", EW_OPTIONAL, &to);
    site_read_flag(o, "yearly", false, &yearly);
    if (o->err != EW_OK)
        return;
    if (yearly && (from == 0 || to == 0))
        ew_json_fail(o, "yearly", "site.yearly", "needs from_date and to_date");
    else if (!yearly && from && to && to < from)
        ew_json_fail(o, "to_date", "site.period", "is before from_date");
    ret->from_date = from;
    ret->to_date = to;
    ret->yearly = yearly;
}

enum ew_err site_cost_rule_read(const cJSON *node, const char *path, struct site_cost_rule *ret,
                                struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    *ret = (struct site_cost_rule){0};
    int service = 0;
    site_read_id(&o, &ret->id);
    ew_json_int(&o, "order", EW_OPTIONAL, 0, SITE_COST_RULES_MAX, &ret->order);
    ew_json_enum(&o, "service", EW_REQUIRED, site_services, &service);
    ret->service = (enum site_service)service;
    site_read_reference(&o, "tariff", EW_REQUIRED, &ret->rule.tariff);
    read_period(&o, &ret->rule);
    read_time(&o, "from", 0, &ret->rule.from_min);
    read_time(&o, "to", 1439, &ret->rule.to_min);
    read_weekdays(&o, &ret->rule.weekdays);
    return ew_json_close(&o);
}

enum ew_err site_cost_rule_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct site_cost_rule rule;
    return site_cost_rule_read(node, path, &rule, reason);
}
