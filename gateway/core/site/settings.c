#include "core/site/site_priv.h"

#include <string.h>

// SYS-02.
static const char *const languages[] = {"zh", "de",    "en", "es", "fr", "fr-BE", "el",
                                        "it", "nl-BE", "nl", "pl", "pt", "ru",    NULL};

static void check_words(struct ew_json *o, const struct site_settings *settings)
{
    if (o->err != EW_OK)
        return;
    if (!site_text_only(settings->id, "abcdefghijklmnopqrstuvwxyz0123456789_-"))
        ew_json_fail(o, "id", "site.id", "may hold only a-z, 0-9, - and _: it is part of every topic");
    if (!site_text_only(settings->tz, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") ||
        settings->tz[0] == '/' || strstr(settings->tz, "//"))
        ew_json_fail(o, "tz", "site.tz", "must be a time zone's name as Europe/Paris");
    if (strlen(settings->currency) != 3 || !site_text_only(settings->currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        ew_json_fail(o, "currency", "site.currency", "must be three capital letters as EUR");
}

enum ew_err site_settings_read(const cJSON *node, const char *path, struct site_settings *ret,
                               struct ew_reason *reason)
{
    *ret = (struct site_settings){.nominal_voltage_v = 230, .language = "en", .currency = "EUR"};
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    ew_json_skip(&o, "rev");
    ew_json_text(&o, "id", EW_REQUIRED, 1, sizeof(ret->id), ret->id);
    ew_json_text(&o, "name", EW_OPTIONAL, 1, sizeof(ret->name), ret->name);
    ew_json_text(&o, "tz", EW_REQUIRED, 1, sizeof(ret->tz), ret->tz);
    int language = -1;
    ew_json_enum(&o, "language", EW_OPTIONAL, languages, &language);
    if (language >= 0)
        ew_copy(ret->language, sizeof(ret->language), languages[language]);
    ew_json_number(&o, "nominal_voltage", EW_OPTIONAL, 100, 400, &ret->nominal_voltage_v);
    ew_json_text(&o, "currency", EW_OPTIONAL, 1, sizeof(ret->currency), ret->currency);
    check_words(&o, ret);
    if (!ret->name[0])
        ew_copy(ret->name, sizeof(ret->name), ret->id);
    return ew_json_close(&o);
}
