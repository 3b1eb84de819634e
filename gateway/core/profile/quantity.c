// The one vocabulary: a name is [sign_] [partial_] stem [_conductor] [_mean | _min | _max].
#include "core/profile/profile.h"

#include <string.h>

enum {
    WHOLE = 1,      // nothing after the stem: the sum, or a thing there is one of
    PHASE = 2,      // _l1 _l2 _l3
    NEUTRAL = 4,    // _n
    TO_NEUTRAL = 8, // _l1_n _l2_n _l3_n
    BETWEEN = 16,   // _l1_l2 _l2_l3 _l3_l1
    ORDER = 32,     // a harmonic's order after the conductor: _5
    NUMBER = 64,    // _1 .. _63: inputs and outputs
    STATISTICS = 128,
    PARTIAL = 256
};
enum { QUANTITY_NUMBER_MAX = 63 }; // harmonics up to the 63rd (EN 50160 wants 25)

static const struct stem {
    const char *name;
    const char *unit;
    unsigned forms;
} stems[] = {
    {"voltage", "V", TO_NEUTRAL | BETWEEN | STATISTICS},
    {"current", "A", WHOLE | PHASE | NEUTRAL | STATISTICS},
    {"active_power", "W", WHOLE | PHASE | STATISTICS},
    {"reactive_power", "var", WHOLE | PHASE | STATISTICS},
    {"apparent_power", "VA", WHOLE | PHASE | STATISTICS},
    {"power_factor", "", WHOLE | PHASE | STATISTICS},
    {"frequency", "Hz", WHOLE | STATISTICS},
    {"active_energy_import", "Wh", WHOLE | PHASE | PARTIAL},
    {"active_energy_export", "Wh", WHOLE | PHASE | PARTIAL},
    {"reactive_energy_import", "varh", WHOLE | PHASE | PARTIAL},
    {"reactive_energy_export", "varh", WHOLE | PHASE | PARTIAL},
    {"apparent_energy", "VAh", WHOLE | PHASE | PARTIAL},
    {"thd_voltage", "%", PHASE | BETWEEN | STATISTICS},
    {"thd_current", "%", PHASE | NEUTRAL | STATISTICS},
    {"harmonic_voltage", "%", PHASE | BETWEEN | ORDER},
    {"harmonic_current", "%", PHASE | NEUTRAL | ORDER},
    {"volume", "dm3", WHOLE | PARTIAL},
    {"temperature", "degC", WHOLE | STATISTICS},
    {"operating_time", "s", WHOLE},
    {"ct_ratio", "", WHOLE},
    {"vt_ratio", "", WHOLE},
    {"serial_number", "", WHOLE},
    {"firmware_version", "", WHOLE},
    {"device_code", "", WHOLE},
    {"state", "", WHOLE},
    {"error_code", "", WHOLE},
    {"input", "", NUMBER},
    {"output", "", NUMBER},
    {"link_action", "", NUMBER},
    {"link_event", "", NUMBER},
    {"link_interface", "", NUMBER},
    {"link_error", "", NUMBER},
    {"current_limit", "A", WHOLE},
    {"power_limit", "W", WHOLE},
    {"percent_limit", "%", WHOLE},
    {"rated_current", "A", WHOLE},
    {"release", "", WHOLE},
    {"plug", "", WHOLE},
    {"socket", "", WHOLE},
    {"session_energy", "Wh", WHOLE},
    {"session_duration", "s", WHOLE},
};

static const struct {
    const char *text;
    unsigned form;
} conductors[] = {
    {"_l1", PHASE},        {"_l2", PHASE},        {"_l3", PHASE},        {"_n", NEUTRAL},
    {"_l1_n", TO_NEUTRAL}, {"_l2_n", TO_NEUTRAL}, {"_l3_n", TO_NEUTRAL}, {"_l1_l2", BETWEEN},
    {"_l2_l3", BETWEEN},   {"_l3_l1", BETWEEN},
};

// "_7": 1..63 without leading zero, and nothing after it.
static bool numbered(const char *text)
{
    int number = 0, digits = 0;
    if (*text++ != '_' || *text == '0')
        return false;
    for (; *text >= '0' && *text <= '9' && digits < 3; text++, digits++)
        number = number * 10 + (*text - '0');
    return digits > 0 && *text == 0 && number <= QUANTITY_NUMBER_MAX;
}

// What follows the conductor must be nothing, or a statistic, or (harmonics) an order.
static bool tail_fits(const char *tail, unsigned forms)
{
    if (forms & ORDER)
        return numbered(tail);
    if (*tail == 0)
        return true;
    return (forms & STATISTICS) &&
           (strcmp(tail, "_mean") == 0 || strcmp(tail, "_min") == 0 || strcmp(tail, "_max") == 0);
}

static bool rest_fits(const char *rest, unsigned forms)
{
    if ((forms & WHOLE) && tail_fits(rest, forms))
        return true;
    if ((forms & NUMBER) && numbered(rest))
        return true;
    for (size_t i = 0; i < sizeof(conductors) / sizeof(conductors[0]); i++) {
        size_t len = strlen(conductors[i].text);
        if ((forms & conductors[i].form) && strncmp(rest, conductors[i].text, len) == 0 &&
            tail_fits(rest + len, forms))
            return true;
    }
    return false;
}

static const struct stem *find(const char *name, bool partial)
{
    for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++) {
        size_t len = strlen(stems[i].name);
        if ((!partial || (stems[i].forms & PARTIAL)) && strncmp(name, stems[i].name, len) == 0 &&
            rest_fits(name + len, stems[i].forms))
            return &stems[i];
    }
    return NULL;
}

static const char *skip_prefix(const char *name, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(name, prefix, len) == 0 ? name + len : name;
}

bool profile_quantity_known(const char *quantity, const char **ret_unit)
{
    const char *signless = skip_prefix(quantity, "sign_");
    const char *name = skip_prefix(signless, "partial_");
    const struct stem *stem = find(name, name != signless);
    if (!stem)
        return false;
    if (ret_unit)
        *ret_unit = signless == quantity ? stem->unit : "";
    return true;
}

bool profile_quantity_at(int index, char ret[PROFILE_NAME_MAX])
{
    for (size_t s = 0; s < sizeof(stems) / sizeof(stems[0]); s++) {
        const struct stem *stem = &stems[s];
        const char *order = stem->forms & ORDER ? "_3" : "";
        if ((stem->forms & (WHOLE | NUMBER)) && index-- == 0)
            return ew_format(ret, PROFILE_NAME_MAX, "%s%s", stem->name, stem->forms & NUMBER ? "_1" : "") ==
                   EW_OK;
        for (size_t c = 0; c < sizeof(conductors) / sizeof(conductors[0]); c++)
            if ((stem->forms & conductors[c].form) && index-- == 0)
                return ew_format(ret, PROFILE_NAME_MAX, "%s%s%s", stem->name, conductors[c].text, order) ==
                       EW_OK;
    }
    return false;
}

bool profile_unit_counts(const char *unit)
{
    static const char *const units[] = {"Wh", "varh", "VAh", "dm3"};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(units[i], unit) == 0)
            return true;
    return false;
}
