#include "core/profile/profile_priv.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static bool whole_between(double value, double min, double max)
{
    return value >= min && value <= max && value == floor(value);
}

bool profile_place_fits(enum profile_type type, const struct profile_place *place, const char **ret_key,
                        const char **ret_problem)
{
    const struct profile_type_facts *facts = &profile_types[type];
    *ret_key = "fc";
    *ret_problem = "must be a read function, 1 to 4";
    if (!whole_between(place->fc, 1, 4))
        return false;
    *ret_problem = "functions 1 and 2 read single bits: the type must be bool";
    if (place->fc <= 2 && type != PROFILE_BOOL)
        return false;
    *ret_key = "words";
    *ret_problem = "does not fit the type";
    if (!whole_between(place->words, facts->words_min, facts->words_max))
        return false;
    *ret_key = "address";
    *ret_problem = "must be a whole number, and the register must end at 65535 or below";
    return whole_between(place->address, 0, 65536 - place->words);
}

int profile_param_find(const struct profile *profile, const char *name)
{
    for (int i = 0; i < profile->param_count; i++)
        if (strcmp(profile->params[i].name, name) == 0)
            return i;
    return -1;
}

bool profile_write_fits(enum profile_type type, const struct profile_place *place, const char **ret_key,
                        const char **ret_problem)
{
    bool bits = place->fc == 5 || place->fc == 15;
    *ret_key = "fc";
    *ret_problem = "must be a write function: 5, 6, 15 or 16";
    if (!bits && place->fc != 6 && place->fc != 16)
        return false;
    *ret_problem = "functions 5 and 15 write single bits: the type must be bool";
    if (bits && type != PROFILE_BOOL)
        return false;
    *ret_problem = "function 6 writes one register: the type is wider";
    if (place->fc == 6 && place->words != 1)
        return false;
    *ret_key = "address";
    *ret_problem = "must be a whole number, and the register must end at 65535 or below";
    return whole_between(place->address, 0, 65536 - place->words);
}

// What the parameters make of one number.
struct binding {
    const struct profile *profile;
    profile_param_fn *param;
    const void *user;
    struct ew_reason *reason;
};

static enum ew_err resolve(const struct binding *binding, const struct profile_number *number, double *ret)
{
    *ret = number->value;
    if (number->param[0] == 0)
        return EW_OK;
    int index = profile_param_find(binding->profile, number->param);
    assert(index >= 0); // profile_read refuses names that are not declared
    const struct profile_param *param = &binding->profile->params[index];
    double value = binding->param(binding->user, param->name, param->required ? (double)NAN : param->preset);
    enum ew_err err = EW_OK;
    if (isnan(value))
        err = ew_fail(binding->reason, EW_E_INVALID, "profile.param_missing", "",
                      "profile %s needs the parameter \"%s\"", binding->profile->id, param->name);
    else if (!(value >= param->min && value <= param->max))
        err = ew_fail(binding->reason, EW_E_INVALID, "profile.param_range", "",
                      "parameter \"%s\" of profile %s: %g is outside %g..%g", param->name,
                      binding->profile->id, value, param->min, param->max);
    if (err != EW_OK) {
        ew_reason_param(binding->reason, "param", "%s", param->name);
        ew_reason_param(binding->reason, "profile", "%s", binding->profile->id);
    }
    *ret = value;
    return err;
}

enum ew_err profile_bind(const struct profile *profile, int index, profile_param_fn *param, const void *user,
                         struct profile_bound *ret, struct ew_reason *reason)
{
    const struct profile_register *r = &profile->registers[index];
    const struct binding binding = {profile, param, user, reason};
    struct profile_place place;
    double scale;
    enum ew_err err = resolve(&binding, &r->fc, &place.fc);
    if (err == EW_OK)
        err = resolve(&binding, &r->address, &place.address);
    if (err == EW_OK)
        err = resolve(&binding, &r->words, &place.words);
    if (err == EW_OK)
        err = resolve(&binding, &r->scale, &scale);
    if (err == EW_OK && r->per_position) {
        struct profile_number position = {.param = "position"};
        double at = 1;
        err = resolve(&binding, &position, &at);
        place.address += r->per_position * (at - 1);
    }
    if (err != EW_OK)
        return err;
    const char *key, *problem;
    if (!profile_place_fits(r->type, &place, &key, &problem)) {
        err = ew_fail(reason, EW_E_INVALID, "profile.param_place", "", "%s of profile %s: %s %s", r->quantity,
                      profile->id, key, problem);
        ew_reason_param(reason, "quantity", "%s", r->quantity);
        ew_reason_param(reason, "profile", "%s", profile->id);
        return err;
    }
    *ret = (struct profile_bound){.fc = (uint8_t)place.fc,
                                  .address = (uint16_t)place.address,
                                  .words = (uint8_t)place.words,
                                  .scale = scale};
    return EW_OK;
}

enum ew_err profile_bind_number(const struct profile *profile, const struct profile_number *number,
                                profile_param_fn *param, const void *user, double *ret,
                                struct ew_reason *reason)
{
    const struct binding binding = {profile, param, user, reason};
    return resolve(&binding, number, ret);
}
