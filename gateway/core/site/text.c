// Small readers that the objects of the site file share.
#include "core/site/site_priv.h"

#include <string.h>

const char *const site_services[] = {"electricity", "gas", "water", NULL};
const char *const site_uses[] = {"heating",  "cooling", "hot_water", "ventilation",
                                 "lighting", "sockets", NULL};

void site_read_id(struct ew_json *o, int64_t *ret_id)
{
    ew_json_int(o, "id", EW_REQUIRED, 1, SITE_ID_MAX, ret_id);
    ew_json_skip(o, "rev");
}

void site_read_reference(struct ew_json *o, const char *key, enum ew_presence presence, int64_t *ret_id)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(o->node, key);
    if (node && cJSON_IsNull(node)) {
        ew_json_skip(o, key);
        if (presence == EW_REQUIRED)
            ew_json_fail(o, key, "json.missing", "is missing");
        return;
    }
    ew_json_int(o, key, presence, presence == EW_REQUIRED ? 1 : 0, SITE_ID_MAX, ret_id);
}

void site_read_flag(struct ew_json *o, const char *key, bool preset, bool *ret)
{
    *ret = preset;
    ew_json_bool(o, key, EW_OPTIONAL, ret);
}

void site_read_count(struct ew_json *o, const char *key, int min, int max, int preset, int *ret)
{
    int64_t value = preset;
    ew_json_int(o, key, EW_OPTIONAL, min, max, &value);
    *ret = (int)value;
}

bool site_text_only(const char *text, const char *set)
{
    return text[strspn(text, set)] == 0;
}

static int digits(const char *text, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + text[i] - '0';
    }
    return value;
}

int site_date(const char *text)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
        return 0;
    int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    if (year < 1970 || month < 1 || month > 12 || day < 1)
        return 0;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > days[month - 1] + (month == 2 && leap))
        return 0;
    return year * 10000 + month * 100 + day;
}

void site_read_date(struct ew_json *o, const char *key, enum ew_presence presence, int *ret_date)
{
    char text[16] = "";
    ew_json_text(o, key, presence, 1, sizeof(text), text);
    if (o->err != EW_OK || !text[0])
        return;
    *ret_date = site_date(text);
    if (*ret_date == 0)
        ew_json_fail(o, key, "site.date", "\"%s\" is not a day of the calendar as 2026-12-31", text);
}

bool site_email(const char *text)
{
    const char *at = strchr(text, '@');
    return at && at != text && at[1] && !strchr(at + 1, '@') && !strpbrk(text, " ,;<>\"()[]\\");
}

void site_read_email(struct ew_json *o, const char *key, enum ew_presence presence)
{
    char text[EW_HOST_MAX] = "";
    ew_json_text(o, key, presence, 1, sizeof(text), text);
    if (o->err == EW_OK && text[0] && !site_email(text))
        ew_json_fail(o, key, "site.email", "\"%s\" is not an e-mail address", text);
}
