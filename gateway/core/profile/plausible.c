#include "core/profile/plausible.h"

#include "core/profile/profile_priv.h"
#include <math.h>
#include <string.h>

// What a building can show. Below `least`, but not 0, a value is nothing real; outside a tight range it is
// wrong by a scale.
struct range {
    bool there, tight;
    double min, max;
};
static const double LEAST = 1e-6;

const char *profile_looks_name(enum profile_looks looks)
{
    static const char *const names[] = {"good", "odd", "zero", "unknown", "none"};
    return names[looks];
}

const char *profile_fix_name(enum profile_fix_what what)
{
    static const char *const names[] = {"order", "type", "scale"};
    return names[what];
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

// Is the quantity a voltage between a phase and neutral, as voltage_l1_n or voltage_l1_n_mean?
static bool to_neutral(const char *quantity)
{
    const char *conductor = quantity + strlen("voltage_l1");
    return begins(conductor, "_n") && (conductor[2] == 0 || conductor[2] == '_');
}

static struct range around(double volts)
{
    return (struct range){true, true, volts * 0.6, volts * 1.3};
}

static struct range range_of(const char *quantity, double nominal_v)
{
    static const struct {
        const char *begin;
        struct range range;
    } ranges[] = {
        {"frequency", {true, true, 45, 65}},          {"power_factor", {true, true, -1.0001, 1.0001}},
        {"active_energy", {true, false, 0, 1e12}},    {"reactive_energy", {true, false, 0, 1e12}},
        {"apparent_energy", {true, false, 0, 1e12}},  {"session_energy", {true, false, 0, 1e12}},
        {"active_power", {true, false, -1e7, 1e7}},   {"reactive_power", {true, false, -1e7, 1e7}},
        {"apparent_power", {true, false, -1e7, 1e7}}, {"power_limit", {true, false, 0, 1e6}},
        {"current", {true, false, -1e4, 1e4}},        {"rated_current", {true, false, 0, 1e4}},
        {"percent_limit", {true, false, 0, 100}},     {"thd_", {true, false, 0, 200}},
        {"harmonic_", {true, false, 0, 200}},         {"temperature", {true, false, -50, 150}},
        {"volume", {true, false, 0, 1e10}},           {"ct_ratio", {true, false, 1, 1e5}},
        {"vt_ratio", {true, false, 1, 1e5}},          {"operating_time", {true, false, 0, 4e9}},
        {"session_duration", {true, false, 0, 4e9}},
    };
    if (begins(quantity, "partial_"))
        quantity += strlen("partial_");
    if (begins(quantity, "voltage_l"))
        return around(to_neutral(quantity) ? nominal_v : nominal_v * sqrt(3));
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (begins(quantity, ranges[i].begin))
            return ranges[i].range;
    return (struct range){0};
}

static bool inside(const struct range *range, double value)
{
    return value >= range->min && value <= range->max && (value == 0 || fabs(value) >= LEAST);
}

static void add(struct profile_verdict *verdict, const struct profile_fix *fix)
{
    if (verdict->fix_count < PROFILE_FIXES_MAX)
        verdict->fixes[verdict->fix_count++] = *fix;
}

// The same words read as another order or type: added when that gives something real.
static void try_as(const struct profile_register *changed, const struct profile_bound *bound,
                   const uint16_t *words, const struct range *range, struct profile_fix *fix,
                   struct profile_verdict *ret)
{
    struct profile_register r = *changed;
    struct profile one = {.registers = &r, .register_count = 1};
    struct profile_value value;
    profile_decode(&one, 0, bound, words, &value);
    fix->value = value.number;
    if (value.quality == PROFILE_GOOD && value.number != 0 && inside(range, value.number))
        add(ret, fix);
}

static void try_order(const struct profile_register *r, const struct profile_bound *bound,
                      const uint16_t *words, const struct range *range, struct profile_verdict *ret)
{
    struct profile_register changed = *r;
    changed.order = r->order == PROFILE_LSW ? PROFILE_MSW : PROFILE_LSW;
    struct profile_fix fix = {.what = PROFILE_FIX_ORDER, .order = changed.order};
    if (bound->words > 1)
        try_as(&changed, bound, words, range, &fix, ret);
}

static void try_types(const struct profile_register *r, const struct profile_bound *bound,
                      const uint16_t *words, const struct range *range, struct profile_verdict *ret)
{
    static const enum profile_type types[] = {PROFILE_U16, PROFILE_S16, PROFILE_U32, PROFILE_S32,
                                              PROFILE_U64, PROFILE_S64, PROFILE_F32, PROFILE_F64};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct profile_register changed = *r;
        struct profile_fix fix = {.what = PROFILE_FIX_TYPE, .type = types[i]};
        changed.type = types[i];
        bool masked = r->mask || r->shift; // bits of a word are no fraction
        if (types[i] != r->type && profile_types[types[i]].words_max == bound->words &&
            !(masked && profile_types[types[i]].arithmetic == PROFILE_FLOATING))
            try_as(&changed, bound, words, range, &fix, ret);
    }
}

// Its point moved: divided where that is exact, so that 2300 comes to 230 and not to 230.00000000000003.
static double moved(double number, int places)
{
    return places < 0 ? number / pow(10, -places) : number * pow(10, places);
}

static void try_scales(const struct profile_register *r, double scale, double value,
                       const struct range *range, struct profile_verdict *ret)
{
    static const int steps[] = {-1, 1, -2, 2, -3, 3, -4, 4};
    bool kilo = begins(r->quantity, "current") || begins(r->quantity, "active_") ||
                begins(r->quantity, "reactive_") || begins(r->quantity, "apparent_");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (!range->tight && !(kilo && steps[i] == -3))
            continue;
        struct profile_fix fix = {
            .what = PROFILE_FIX_SCALE, .scale = moved(scale, steps[i]), .value = moved(value, steps[i])};
        if (inside(range, fix.value) && fabs(fix.value) > range->max / 1e4)
            add(ret, &fix);
    }
}

void profile_judge(const struct profile *profile, int index, const struct profile_bound *bound,
                   const uint16_t *words, const struct profile_value *value, double nominal_v,
                   struct profile_verdict *ret)
{
    const struct profile_register *r = &profile->registers[index];
    struct range range = range_of(r->quantity, nominal_v);
    *ret = (struct profile_verdict){.looks = PROFILE_LOOKS_UNKNOWN};
    if (value->quality != PROFILE_GOOD) {
        ret->looks = PROFILE_LOOKS_NONE;
    } else if (r->type == PROFILE_STRING || !range.there) {
        ret->looks = PROFILE_LOOKS_UNKNOWN;
    } else if (value->number == 0) {
        ret->looks = PROFILE_LOOKS_ZERO;
    } else if (inside(&range, value->number)) {
        ret->looks = PROFILE_LOOKS_GOOD;
    } else {
        ret->looks = PROFILE_LOOKS_ODD;
        if (r->scale_from[0] >= 0 || r->sign_from >= 0)
            return; // what makes it is another register
        try_order(r, bound, words, &range, ret);
        try_types(r, bound, words, &range, ret);
        if (ret->fix_count == 0) // chance rarely makes those: a scale is not needed beside
            try_scales(r, bound->scale, value->number, &range, ret);
    }
}
