// Green'Up's settings: GRU-01, the parameters of the control notes and of `edgewatt replay`.
#include "core/site/site_priv.h"

#include <string.h>

static const char *const accepted_codes[] = {"greenup.no_watchdog", "greenup.unproven_profile", NULL};

// One current for all phases, or a list of three. False when it is absent.
static bool read_currents(struct ew_json *o, const char *key, double ret[3])
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(o->node, key);
    if (!cJSON_IsArray(node)) {
        double value = 0;
        ew_json_number(o, key, EW_OPTIONAL, 6, 10000, &value);
        ret[0] = ret[1] = ret[2] = value;
        return value > 0;
    }
    const cJSON *list = ew_json_array(o, key, EW_OPTIONAL, 3);
    int count = 0;
    for (const cJSON *child = list ? list->child : NULL; child; child = child->next) {
        double value = cJSON_IsNumber(child) ? child->valuedouble : -1;
        if (!(value >= 6 && value <= 10000)) {
            ew_json_fail(o, key, "json.range", "item %d must be a current of 6..10000 A", count + 1);
            return false;
        }
        ret[count++] = value;
    }
    if (list && count != 3)
        ew_json_fail(o, key, "site.three_phases", "must be one current, or three: L1, L2, L3");
    return true;
}

static void read_limits(struct ew_json *o, struct site_greenup *ret)
{
    const bool max = read_currents(o, "i_max_a", ret->max_a);
    const bool charge = read_currents(o, "i_chg_a", ret->charge_a);
    for (int i = 0; i < 3 && o->err == EW_OK && max && charge; i++)
        if (ret->charge_a[i] > ret->max_a[i])
            ew_json_fail(o, "i_chg_a", "site.charge_above_max",
                         "%g A for charging is above the %g A available", ret->charge_a[i], ret->max_a[i]);
    ret->configured = max && charge && ret->meter != 0;
}

static void read_levels(struct ew_json *o, struct site_greenup *ret)
{
    ew_json_number(o, "level1_pct", EW_OPTIONAL, 1, 100, &ret->level1_pct);
    ew_json_number(o, "level2_pct", EW_OPTIONAL, 1, 100, &ret->level2_pct);
    if (o->err == EW_OK && ret->level2_pct > ret->level1_pct)
        ew_json_fail(o, "level2_pct", "site.levels", "%g %% is above the first reduction level of %g %%",
                     ret->level2_pct, ret->level1_pct);
    ew_json_number(o, "hysteresis_pct", EW_OPTIONAL, 0, 20, &ret->hysteresis_pct);
    ew_json_number(o, "guaranteed_ah", EW_OPTIONAL, 0, 10000, &ret->guaranteed_ah);
    ew_json_number(o, "failsafe_a", EW_OPTIONAL, 0, 10000, &ret->failsafe_a);
    ew_json_number(o, "i_min_a", EW_OPTIONAL, 6, 8, &ret->min_a);
    ew_json_number(o, "hard", EW_OPTIONAL, 1, 2, &ret->hard);
    ew_json_number(o, "step_a", EW_OPTIONAL, 0.1, 5, &ret->step_a);
    ew_json_number(o, "off_limit_a", EW_OPTIONAL, 0, 10000, &ret->off_limit_a);
    if (o->err == EW_OK && ret->off_limit_a > 0 && ret->off_limit_a < ret->min_a)
        ew_json_fail(o, "off_limit_a", "json.range", "must be 0, or at least the smallest current of %g A",
                     ret->min_a);
    for (int i = 0; i < 3 && o->err == EW_OK; i++)
        if (ret->charge_a[i] > 0 && ret->charge_a[i] < ret->min_a)
            ew_json_fail(o, "i_chg_a", "json.range", "must be at least the smallest current of %g A",
                         ret->min_a);
}

static void read_timing(struct ew_json *greenup, struct site_greenup *ret)
{
    const struct {
        const char *key;
        int min, max;
        int *value;
    } times[] = {{"tick_s", 1, 60, &ret->tick_s},    {"settle_s", 1, 120, &ret->settle_s},
                 {"up_s", 1, 3600, &ret->up_s},      {"min_off_s", 0, 3600, &ret->min_off_s},
                 {"meter_s", 2, 120, &ret->meter_s}, {"stn_s", 2, 600, &ret->station_s},
                 {"idle_s", 10, 7200, &ret->idle_s}, {"starve_s", 60, 86400, &ret->starve_s},
                 {"sample_s", 1, 60, &ret->sample_s}};
    const cJSON *node = ew_json_object(greenup, "timing", EW_OPTIONAL);
    if (!node)
        return;
    char path[EW_PATH_MAX];
    ew_json_path(greenup, "timing", -1, path);
    struct ew_json o;
    ew_json_open(&o, node, path, greenup->reason);
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        site_read_count(&o, times[i].key, times[i].min, times[i].max, *times[i].value, times[i].value);
    greenup->err = ew_json_close(&o);
}

static void check_stations(struct ew_json *greenup)
{
    const cJSON *list = ew_json_array(greenup, "stations", EW_OPTIONAL, EW_DEVICES_MAX);
    int count = 0;
    for (const cJSON *child = list ? list->child : NULL; child && greenup->err == EW_OK;
         child = child->next) {
        char path[EW_PATH_MAX];
        struct ew_json o;
        int64_t device = 0;
        bool priority;
        ew_json_path(greenup, "stations", count++, path);
        ew_json_open(&o, child, path, greenup->reason);
        site_read_reference(&o, "device", EW_REQUIRED, &device);
        site_read_flag(&o, "priority", false, &priority);
        greenup->err = ew_json_close(&o);
    }
}

static enum ew_err read_accepted(const cJSON *node, const char *path, struct site_accepted *ret,
                                 struct ew_reason *reason)
{
    struct ew_json o;
    int code = 0;
    int64_t at_ms;
    ew_json_open(&o, node, path, reason);
    site_read_reference(&o, "device", EW_REQUIRED, &ret->device);
    ew_json_enum(&o, "code", EW_REQUIRED, accepted_codes, &code);
    ew_copy(ret->code, sizeof(ret->code), accepted_codes[code]);
    ew_json_text(&o, "account", EW_REQUIRED, 1, sizeof(ret->account), ret->account);
    ew_json_text(&o, "at", EW_REQUIRED, 1, sizeof(ret->at), ret->at);
    if (o.err == EW_OK && ew_rfc3339_parse(ret->at, &at_ms) != EW_OK)
        ew_json_fail(&o, "at", "json.date", "must be a date as 2026-03-01T12:00:00Z");
    ew_json_text(&o, "text", EW_REQUIRED, 1, sizeof(ret->text), ret->text);
    return ew_json_close(&o);
}

static void check_accepted(struct ew_json *greenup)
{
    const cJSON *list = ew_json_array(greenup, "accepted", EW_OPTIONAL, SITE_ACCEPTED_MAX);
    int count = 0;
    for (const cJSON *child = list ? list->child : NULL; child && greenup->err == EW_OK;
         child = child->next) {
        char path[EW_PATH_MAX];
        struct site_accepted entry = {0};
        ew_json_path(greenup, "accepted", count++, path);
        greenup->err = read_accepted(child, path, &entry, greenup->reason);
    }
}

static void set_defaults(struct site_greenup *ret)
{
    *ret = (struct site_greenup){.hysteresis_pct = 5,
                                 .level1_pct = 75,
                                 .level2_pct = 50,
                                 .guaranteed_ah = 32,
                                 .min_a = 6,
                                 .hard = 1.25,
                                 .step_a = 1,
                                 .tick_s = 5,
                                 .settle_s = 10,
                                 .up_s = 30,
                                 .min_off_s = 60,
                                 .meter_s = 15,
                                 .station_s = 15,
                                 .idle_s = 300,
                                 .starve_s = 1800,
                                 .sample_s = 5};
}

enum ew_err site_greenup_read(const cJSON *node, const char *path, struct site_greenup *ret,
                              struct ew_reason *reason)
{
    static const char *const wirings[] = {"installation", "dedicated", NULL};
    struct ew_json o;
    int wiring = 0;
    set_defaults(ret);
    ew_json_open(&o, node, path, reason);
    ew_json_skip(&o, "rev");
    site_read_flag(&o, "on", false, &ret->on);
    site_read_flag(&o, "emergency", true, &ret->emergency);
    site_read_reference(&o, "meter", EW_OPTIONAL, &ret->meter);
    ew_json_enum(&o, "wiring", EW_OPTIONAL, wirings, &wiring);
    ret->dedicated = wiring == 1;
    read_limits(&o, ret);
    read_levels(&o, ret);
    read_timing(&o, ret);
    check_stations(&o);
    check_accepted(&o);
    // GRU-01 and the manual 7.15.5: it must be configured before it is switched on.
    if (o.err == EW_OK && ret->on && ret->meter == 0)
        ew_json_fail(&o, "meter", "site.greenup_meter", "must name the meter before Green'Up is switched on");
    if (o.err == EW_OK && ret->on && !ret->configured)
        ew_json_fail(&o, ew_json_has(&o, "i_max_a") ? "i_chg_a" : "i_max_a", "site.greenup_current",
                     "must be set before Green'Up is switched on");
    return ew_json_close(&o);
}

enum ew_err site_greenup_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct site_greenup ignored;
    return site_greenup_read(node, path, &ignored, reason);
}

bool site_greenup_priority(const cJSON *node, int64_t device)
{
    const cJSON *child;
    cJSON_ArrayForEach(child, cJSON_GetObjectItemCaseSensitive(node, "stations"))
    {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(child, "device");
        if (cJSON_IsNumber(id) && (int64_t)id->valuedouble == device)
            return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(child, "priority"));
    }
    return false;
}

bool site_greenup_accepted(const cJSON *node, int index, struct site_accepted *ret)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(node, "accepted");
    const cJSON *child = cJSON_GetArrayItem(list, index);
    return child && read_accepted(child, "", ret, NULL) == EW_OK;
}

enum ew_err site_greenup_change_check(const cJSON *old_site, const cJSON *new_site, struct ew_reason *reason)
{
    const cJSON *was = cJSON_GetObjectItemCaseSensitive(old_site, "greenup");
    const cJSON *is = cJSON_GetObjectItemCaseSensitive(new_site, "greenup");
    const bool was_on = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(was, "on"));
    const bool is_on = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(is, "on"));
    if (is_on && !was_on)
        return ew_fail(reason, EW_E_DENIED, "greenup.use_switch", "/greenup/on",
                       "Green'Up is switched on by its switch, which looks first whether it may");
    const cJSON *kept = cJSON_GetObjectItemCaseSensitive(was, "accepted");
    const cJSON *now = cJSON_GetObjectItemCaseSensitive(is, "accepted");
    if (!kept && !now)
        return EW_OK;
    if (!kept || !now || !cJSON_Compare(kept, now, true))
        return ew_fail(reason, EW_E_DENIED, "greenup.accepted_kept", "/greenup/accepted",
                       "what was accepted for the stations is kept as it is");
    return EW_OK;
}
