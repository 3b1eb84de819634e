#include "core/profile/profile_priv.h"

#include <string.h>

const char *const profile_groups[] = {
    [PROFILE_INSTANT] = "instant",     [PROFILE_ENERGY] = "energy",         [PROFILE_QUALITY] = "quality",
    [PROFILE_HARMONICS] = "harmonics", [PROFILE_STATISTICS] = "statistics", [PROFILE_INFO] = "info",
    [PROFILE_STATE] = "state",         [PROFILE_CHARGE] = "charge",         [PROFILE_LINKS] = "links",
    [PROFILE_GROUP_COUNT] = NULL,
};

const char *const profile_services[] = {"electricity", "gas", "water", NULL};
const char *const profile_kinds[] = {
    [PROFILE_METER] = "meter",    [PROFILE_BREAKER] = "breaker", [PROFILE_STATION] = "station",
    [PROFILE_PULSE] = "pulse",    [PROFILE_IO] = "io",           [PROFILE_VIRTUAL] = "virtual",
    [PROFILE_VIRTUAL + 1] = NULL,
};

const char *const profile_confidences[] = {
    [PROFILE_NONE] = "none",         [PROFILE_CANDIDATE] = "candidate", [PROFILE_DRIVER] = "driver",
    [PROFILE_DOCUMENT] = "document", [PROFILE_DOCUMENT + 1] = NULL,
};

const char *const profile_orders[] = {[PROFILE_MSW] = "msw", [PROFILE_LSW] = "lsw", NULL};

const char *const profile_type_names[] = {
    [PROFILE_BOOL] = "bool", [PROFILE_U16] = "u16",       [PROFILE_S16] = "s16",       [PROFILE_U32] = "u32",
    [PROFILE_S32] = "s32",   [PROFILE_U64] = "u64",       [PROFILE_S64] = "s64",       [PROFILE_F32] = "f32",
    [PROFILE_F64] = "f64",   [PROFILE_STRING] = "string", [PROFILE_STRING + 1] = NULL,
};

const struct profile_type_facts profile_types[] = {
    [PROFILE_BOOL] = {1, 1, PROFILE_UNSIGNED}, [PROFILE_U16] = {1, 1, PROFILE_UNSIGNED},
    [PROFILE_S16] = {1, 1, PROFILE_SIGNED},    [PROFILE_U32] = {1, 2, PROFILE_UNSIGNED},
    [PROFILE_S32] = {1, 2, PROFILE_SIGNED},    [PROFILE_U64] = {1, 4, PROFILE_UNSIGNED},
    [PROFILE_S64] = {1, 4, PROFILE_SIGNED},    [PROFILE_F32] = {2, 2, PROFILE_FLOATING},
    [PROFILE_F64] = {4, 4, PROFILE_FLOATING},  [PROFILE_STRING] = {1, PROFILE_STRING_WORDS_MAX, PROFILE_TEXT},
};

const char *profile_group_name(enum profile_group group)
{
    return profile_groups[group];
}

const char *profile_service_name(enum profile_service service)
{
    return profile_services[service];
}

bool profile_service_find(const char *name, enum profile_service *ret)
{
    for (int i = 0; profile_services[i]; i++)
        if (strcmp(profile_services[i], name) == 0) {
            *ret = (enum profile_service)i;
            return true;
        }
    return false;
}

const char *profile_kind_name(enum profile_kind kind)
{
    return profile_kinds[kind];
}

const char *profile_confidence_name(enum profile_confidence confidence)
{
    return profile_confidences[confidence];
}

const char *profile_type_name(enum profile_type type)
{
    return profile_type_names[type];
}

const char *profile_state_name(const struct profile *profile, uint64_t raw)
{
    for (int i = 0; i < profile->state_count; i++)
        if (profile->states[i].raw == raw)
            return profile->states[i].state;
    return NULL;
}

int profile_find(const struct profile *profile, const char *quantity)
{
    for (int i = 0; i < profile->register_count; i++)
        if (strcmp(profile->registers[i].quantity, quantity) == 0)
            return i;
    return -1;
}
