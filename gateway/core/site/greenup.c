// Green'Up's settings: GRU-01, the parameters of the control notes and of `edgewatt replay`.
#include "core/site/site_priv.h"

struct limits {
    double max_a[3], charge_a[3];
    int max_count, charge_count; // 0 = absent, 1 = one for all phases, 3 = one each
};

// One current for all phases, or a list of three.
static void read_currents(struct ew_json *o, const char *key, double ret[3], int *ret_count)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(o->node, key);
    if (!cJSON_IsArray(node)) {
        double value = -1;
        ew_json_number(o, key, EW_OPTIONAL, 6, 10000, &value);
        ret[0] = ret[1] = ret[2] = value;
        *ret_count = value < 0 ? 0 : 1;
        return;
    }
    const cJSON *list = ew_json_array(o, key, EW_OPTIONAL, 3);
    int count = 0;
    for (const cJSON *child = list ? list->child : NULL; child; child = child->next) {
        double value = cJSON_IsNumber(child) ? child->valuedouble : -1;
        if (!(value >= 6 && value <= 10000)) {
            ew_json_fail(o, key, "json.range", "item %d must be a current of 6..10000 A", count + 1);
            return;
        }
        ret[count++] = value;
    }
    if (list && count != 3)
        ew_json_fail(o, key, "site.three_phases", "must be one current, or three: L1, L2, L3");
    *ret_count = count;
}

static void check_currents(struct ew_json *o)
{
    struct limits limits = {.max_count = 0};
    read_currents(o, "i_max_a", limits.max_a, &limits.max_count);
    read_currents(o, "i_chg_a", limits.charge_a, &limits.charge_count);
    for (int i = 0; i < 3 && o->err == EW_OK && limits.max_count && limits.charge_count; i++)
        if (limits.charge_a[i] > limits.max_a[i])
            ew_json_fail(o, "i_chg_a", "site.charge_above_max",
                         "%g A for charging is above the %g A available", limits.charge_a[i],
                         limits.max_a[i]);
}

static void check_levels(struct ew_json *o)
{
    double level1 = 75, level2 = 50, other = 0;
    ew_json_number(o, "level1_pct", EW_OPTIONAL, 1, 100, &level1);
    ew_json_number(o, "level2_pct", EW_OPTIONAL, 1, 100, &level2);
    if (o->err == EW_OK && level2 > level1)
        ew_json_fail(o, "level2_pct", "site.levels", "%g %% is above the first reduction level of %g %%",
                     level2, level1);
    ew_json_number(o, "hysteresis_pct", EW_OPTIONAL, 0, 20, &other);
    ew_json_number(o, "guaranteed_ah", EW_OPTIONAL, 0, 10000, &other);
    ew_json_number(o, "failsafe_a", EW_OPTIONAL, 0, 10000, &other);
    ew_json_number(o, "i_min_a", EW_OPTIONAL, 6, 8, &other);
    ew_json_number(o, "hard", EW_OPTIONAL, 1, 2, &other);
    ew_json_number(o, "step_a", EW_OPTIONAL, 0.1, 5, &other);
    ew_json_number(o, "off_limit_a", EW_OPTIONAL, 0, 10000, &other);
}

static void check_timing(struct ew_json *greenup)
{
    static const struct {
        const char *key;
        int min, max;
    } times[] = {{"tick_s", 1, 60},      {"settle_s", 1, 120},    {"up_s", 1, 3600},
                 {"min_off_s", 0, 3600}, {"meter_s", 2, 120},     {"stn_s", 2, 600},
                 {"idle_s", 10, 7200},   {"starve_s", 60, 86400}, {"sample_s", 1, 60}};
    const cJSON *node = ew_json_object(greenup, "timing", EW_OPTIONAL);
    if (!node)
        return;
    char path[EW_PATH_MAX];
    ew_json_path(greenup, "timing", -1, path);
    struct ew_json o;
    ew_json_open(&o, node, path, greenup->reason);
    int seconds;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        site_read_count(&o, times[i].key, times[i].min, times[i].max, times[i].min, &seconds);
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

enum ew_err site_greenup_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    static const char *const wirings[] = {"installation", "dedicated", NULL};
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    ew_json_skip(&o, "rev");
    bool on, emergency;
    int64_t meter = 0;
    int wiring = 0;
    site_read_flag(&o, "on", false, &on);
    site_read_flag(&o, "emergency", true, &emergency);
    site_read_reference(&o, "meter", EW_OPTIONAL, &meter);
    ew_json_enum(&o, "wiring", EW_OPTIONAL, wirings, &wiring);
    check_currents(&o);
    check_levels(&o);
    check_timing(&o);
    check_stations(&o);
    // GRU-01 and the manual 7.15.5: it must be configured before it is switched on.
    if (o.err == EW_OK && on && meter == 0)
        ew_json_fail(&o, "meter", "site.greenup_meter", "must name the meter before Green'Up is switched on");
    if (o.err == EW_OK && on && (!ew_json_has(&o, "i_max_a") || !ew_json_has(&o, "i_chg_a")))
        ew_json_fail(&o, ew_json_has(&o, "i_max_a") ? "i_chg_a" : "i_max_a", "site.greenup_current",
                     "must be set before Green'Up is switched on");
    return ew_json_close(&o);
}
