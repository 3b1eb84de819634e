// Automatic reports (RPT-03) and notifications (MSG-01 to MSG-03). Passwords are in the notifier's secrets.
#include "core/site/site_priv.h"

#include <string.h>

static void check_recipients(struct ew_json *o, enum ew_presence presence)
{
    const cJSON *list = ew_json_array(o, "recipients", presence, 32);
    if (list && presence == EW_REQUIRED && !list->child)
        ew_json_fail(o, "recipients", "site.recipients", "needs at least one address");
    for (const cJSON *child = list ? list->child : NULL; child && o->err == EW_OK; child = child->next)
        if (!cJSON_IsString(child) || strlen(child->valuestring) >= EW_HOST_MAX ||
            !site_email(child->valuestring))
            ew_json_fail(o, "recipients", "site.email", "\"%.60s\" is not an e-mail address",
                         cJSON_IsString(child) ? child->valuestring : "");
}

static void check_devices(struct ew_json *o)
{
    const cJSON *list = ew_json_array(o, "devices", EW_OPTIONAL, EW_DEVICES_MAX);
    for (const cJSON *child = list ? list->child : NULL; child && o->err == EW_OK; child = child->next) {
        double id = cJSON_IsNumber(child) ? child->valuedouble : 0;
        if (!(id >= 1 && id <= SITE_ID_MAX) || (double)(int64_t)id != id)
            ew_json_fail(o, "devices", "json.type", "must hold ids of devices");
    }
}

static enum ew_err check_report(const cJSON *node, const char *path, struct ew_reason *reason)
{
    static const char *const contents[] = {"general", "detailed", NULL};
    static const char *const periods[] = {"month", "year", NULL};
    static const char *const formats[] = {"pdf", "csv", NULL};
    static const char *const sends[] = {"daily", "weekly", "monthly", NULL};
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    char name[EW_NAME_MAX];
    int choice = 0;
    bool on;
    ew_json_text(&o, "name", EW_OPTIONAL, 1, sizeof(name), name);
    ew_json_enum(&o, "content", EW_REQUIRED, contents, &choice);
    ew_json_enum(&o, "period", EW_REQUIRED, periods, &choice);
    ew_json_enum(&o, "format", EW_REQUIRED, formats, &choice);
    ew_json_enum(&o, "send", EW_REQUIRED, sends, &choice);
    site_read_flag(&o, "on", true, &on);
    check_recipients(&o, EW_REQUIRED);
    check_devices(&o);
    return ew_json_close(&o);
}

static void check_each(struct ew_json *o, const char *key, int max_items, site_object_fn *check)
{
    const cJSON *list = ew_json_array(o, key, EW_OPTIONAL, max_items);
    int index = 0;
    for (const cJSON *child = list ? list->child : NULL; child && o->err == EW_OK; child = child->next) {
        char path[EW_PATH_MAX];
        ew_json_path(o, key, index++, path);
        o->err = check(child, path, o->reason);
    }
}

static void check_inside(struct ew_json *o, const char *key, site_object_fn *check)
{
    const cJSON *node = ew_json_object(o, key, EW_OPTIONAL);
    if (!node)
        return;
    char path[EW_PATH_MAX];
    ew_json_path(o, key, -1, path);
    o->err = check(node, path, o->reason);
}

enum ew_err site_reports_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    ew_json_skip(&o, "rev");
    check_each(&o, "automatic", SITE_REPORTS_MAX, check_report);
    return ew_json_close(&o);
}

static enum ew_err check_email(const cJSON *node, const char *path, struct ew_reason *reason)
{
    static const char *const tls[] = {"tls", "starttls", "none", NULL};
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    char text[EW_HOST_MAX];
    int port, choice = 0;
    site_read_email(&o, "sender", EW_REQUIRED);
    ew_json_text(&o, "user", EW_OPTIONAL, 0, sizeof(text), text);
    ew_json_text(&o, "server", EW_REQUIRED, 1, sizeof(text), text);
    site_read_count(&o, "port", 1, 65535, 465, &port);
    ew_json_enum(&o, "security", EW_OPTIONAL, tls, &choice);
    return ew_json_close(&o);
}

static enum ew_err check_telegram_user(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    char name[EW_NAME_MAX];
    int64_t chat = 0;
    bool on;
    ew_json_int(&o, "chat", EW_REQUIRED, -9007199254740991, 9007199254740991, &chat);
    ew_json_text(&o, "name", EW_OPTIONAL, 0, sizeof(name), name);
    site_read_flag(&o, "on", true, &on);
    return ew_json_close(&o);
}

static enum ew_err check_telegram(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    char bot[EW_NAME_MAX];
    ew_json_text(&o, "bot", EW_REQUIRED, 1, sizeof(bot), bot);
    check_each(&o, "users", SITE_TELEGRAM_USERS_MAX, check_telegram_user);
    return ew_json_close(&o);
}

static enum ew_err check_rule_email(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    char subject[128];
    check_recipients(&o, EW_REQUIRED);
    ew_json_text(&o, "subject", EW_OPTIONAL, 0, sizeof(subject), subject);
    return ew_json_close(&o);
}

// MSG-03: a threshold has a quantity of a device, and exactly one side.
static void check_threshold(struct ew_json *o, bool wanted)
{
    char quantity[40] = "";
    int64_t device = 0;
    double value = 0;
    int delay;
    site_read_reference(o, "device", wanted ? EW_REQUIRED : EW_OPTIONAL, &device);
    ew_json_text(o, "quantity", wanted ? EW_REQUIRED : EW_OPTIONAL, 1, sizeof(quantity), quantity);
    ew_json_number(o, "above", EW_OPTIONAL, -1e15, 1e15, &value);
    ew_json_number(o, "below", EW_OPTIONAL, -1e15, 1e15, &value);
    ew_json_number(o, "hysteresis", EW_OPTIONAL, 0, 1e15, &value);
    site_read_count(o, "delay_s", 0, 86400, 0, &delay);
    if (o->err == EW_OK && wanted && ew_json_has(o, "above") == ew_json_has(o, "below"))
        ew_json_fail(o, NULL, "site.threshold", "needs either \"above\" or \"below\"");
    for (int i = 0; o->err == EW_OK && !wanted && i < 5; i++) {
        static const char *const keys[] = {"quantity", "above", "below", "hysteresis", "delay_s"};
        if (ew_json_has(o, keys[i]))
            ew_json_fail(o, keys[i], "site.threshold_only", "belongs to the event \"threshold\" only");
    }
}

static enum ew_err check_rule(const cJSON *node, const char *path, struct ew_reason *reason)
{
    static const char *const events[] = {"state", "threshold", "configuration", "communication", NULL};
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    int event = 0;
    bool on, telegram;
    char name[EW_NAME_MAX];
    ew_json_enum(&o, "event", EW_REQUIRED, events, &event);
    ew_json_text(&o, "name", EW_OPTIONAL, 1, sizeof(name), name);
    site_read_flag(&o, "on", true, &on);
    site_read_flag(&o, "telegram", false, &telegram);
    check_threshold(&o, event == 1);
    check_inside(&o, "email", check_rule_email);
    return ew_json_close(&o);
}

enum ew_err site_notifications_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    ew_json_skip(&o, "rev");
    check_inside(&o, "email", check_email);
    check_inside(&o, "telegram", check_telegram);
    check_each(&o, "rules", SITE_NOTIFICATIONS_MAX, check_rule);
    return ew_json_close(&o);
}
