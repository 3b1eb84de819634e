// What is written: places put in for a device, values as registers and back.
#include "core/profile/profile_priv.h"

#include <math.h>
#include <string.h>

int profile_find_command(const struct profile *profile, const char *name)
{
    for (int i = 0; i < profile->command_count; i++)
        if (strcmp(profile->commands[i].name, name) == 0)
            return i;
    return -1;
}

enum ew_err profile_bind_command(const struct profile *profile, const struct profile_command *command,
                                 profile_param_fn *param, const void *user, struct profile_bound *ret,
                                 struct ew_reason *reason)
{
    struct profile_place place = {.words = command->words};
    double scale;
    enum ew_err err = profile_bind_number(profile, &command->fc, param, user, &place.fc, reason);
    if (err == EW_OK)
        err = profile_bind_number(profile, &command->address, param, user, &place.address, reason);
    if (err == EW_OK)
        err = profile_bind_number(profile, &command->scale, param, user, &scale, reason);
    if (err != EW_OK)
        return err;
    const char *key, *problem;
    if (!profile_write_fits(command->type, &place, &key, &problem)) {
        err = ew_fail(reason, EW_E_INVALID, "profile.param_place", "", "%s of profile %s: %s %s",
                      command->name, profile->id, key, problem);
        ew_reason_param(reason, "quantity", "%s", command->name);
        ew_reason_param(reason, "profile", "%s", profile->id);
        return err;
    }
    *ret = (struct profile_bound){.fc = (uint8_t)place.fc,
                                  .address = (uint16_t)place.address,
                                  .words = (uint8_t)place.words,
                                  .scale = scale};
    return EW_OK;
}

enum ew_err profile_bind_phases(const struct profile *profile, profile_param_fn *param, const void *user,
                                int *ret, struct ew_reason *reason)
{
    int limit = profile_find_command(profile, "limit");
    double phases = 1;
    enum ew_err err = EW_OK;
    if (limit >= 0 && profile->commands[limit].unit == PROFILE_LIMIT_W)
        err = profile_bind_number(profile, &profile->commands[limit].phases, param, user, &phases, reason);
    *ret = err == EW_OK ? (int)phases : 1;
    return err;
}

void profile_encode_command(const struct profile_command *command, const struct profile_bound *bound,
                            double value, uint16_t ret_words[4])
{
    profile_put_number(command->type, command->order, bound->words, value / bound->scale, ret_words);
}

bool profile_switched_on(const struct profile_command *command, uint64_t raw)
{
    if ((double)raw == command->on || (double)raw == command->off)
        return (double)raw == command->on;
    return raw != 0;
}

double profile_decode_command(const struct profile_command *command, const struct profile_bound *bound,
                              const uint16_t *words)
{
    struct profile_register r = {
        .type = command->type, .order = command->order, .sign_from = -1, .scale_from = {-1, -1}};
    const struct profile profile = {.registers = &r, .register_count = 1};
    struct profile_value value;
    profile_decode(&profile, 0, bound, words, &value);
    return value.quality == PROFILE_GOOD ? value.number : (double)NAN;
}
