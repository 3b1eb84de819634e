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

static enum ew_err check_price(const cJSON *node, const char *path, bool date_needed, int *ret_date,
                               struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    double price = 0;
    ew_json_number(&o, "price", EW_REQUIRED, 0, 100000, &price);
    *ret_date = 0;
    site_read_date(&o, "from", date_needed ? EW_REQUIRED : EW_OPTIONAL, ret_date);
    return ew_json_close(&o);
}

// Several prices need a date each; two of one date would leave the price open.
static void check_prices(struct ew_json *o)
{
    const cJSON *list = ew_json_array(o, "prices", EW_REQUIRED, SITE_PRICES_MAX);
    int dates[SITE_PRICES_MAX], count = 0, size = list ? cJSON_GetArraySize(list) : 0;
    if (list && size == 0)
        ew_json_fail(o, "prices", "site.no_price", "needs at least one price");
    for (const cJSON *child = list ? list->child : NULL; child && o->err == EW_OK; child = child->next) {
        char path[EW_PATH_MAX];
        ew_json_path(o, "prices", count, path);
        o->err = check_price(child, path, size > 1, &dates[count], o->reason);
        for (int i = 0; i < count && o->err == EW_OK; i++)
            if (dates[i] == dates[count])
                o->err = ew_fail(o->reason, EW_E_INVALID, "site.same_date", path,
                                 "two prices are valid from the same day");
        count++;
    }
}

enum ew_err site_tariff_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    char name[EW_NAME_MAX];
    int64_t id = 0;
    int service = 0;
    site_read_id(&o, &id);
    ew_json_enum(&o, "service", EW_REQUIRED, site_services, &service);
    ew_json_text(&o, "name", EW_REQUIRED, 1, sizeof(name), name);
    check_color(&o);
    check_prices(&o);
    return ew_json_close(&o);
}

// "hh:mm", the end minute inclusive: 00:00..23:59.
static void check_time(struct ew_json *o, const char *key)
{
    char text[8] = "";
    ew_json_text(o, key, EW_OPTIONAL, 5, 6, text);
    if (o->err != EW_OK || !text[0])
        return;
    bool right = text[2] == ':' && site_text_only(text, "0123456789:") && text[0] != ':' && text[1] != ':' &&
                 text[3] >= '0' && text[3] <= '5' && text[4] != ':';
    if (!right || (text[0] - '0') * 10 + text[1] - '0' > 23)
        ew_json_fail(o, key, "site.time", "must be a time of day as 18:59");
}

static void check_weekdays(struct ew_json *o)
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
}

// A date alone opens or closes the validity; both make a period, ends inclusive; with "yearly" only month and
// day count, and a period may run over the end of the year.
static void check_period(struct ew_json *o)
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
}

enum ew_err site_cost_rule_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    int64_t id = 0, tariff = 0;
    int service = 0;
    site_read_id(&o, &id);
    ew_json_skip(&o, "order"); // the place in the list, in the published object
    ew_json_enum(&o, "service", EW_REQUIRED, site_services, &service);
    site_read_reference(&o, "tariff", EW_REQUIRED, &tariff);
    check_period(&o);
    check_time(&o, "from");
    check_time(&o, "to");
    check_weekdays(&o);
    return ew_json_close(&o);
}
