// What an installer finds a model by: its reference numbers, what the form asks, what it can tell.
#include "core/profile/profile_priv.h"

#include <string.h>

const char *const profile_asks[PROFILE_ASK_COUNT + 1] = {"supply", "position",  "side",
                                                         "phase",  "interface", NULL};

static size_t items_of(const cJSON *tree, const char *key)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, key);
    return cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
}

size_t profile_catalogue_memory(const cJSON *tree)
{
    return items_of(tree, "catalogue") * PROFILE_NUMBER_MAX + items_of(tree, "offers") * PROFILE_NAME_MAX +
           2 * _Alignof(max_align_t);
}

static bool fits(const cJSON *item, size_t size)
{
    return cJSON_IsString(item) && item->valuestring[0] && strlen(item->valuestring) < size;
}

static void read_numbers(struct ew_json *o, struct ew_arena *arena, struct profile *profile)
{
    const cJSON *list = ew_json_array(o, "catalogue", EW_OPTIONAL, PROFILE_CATALOGUE_MAX);
    if (!list || !list->child)
        return;
    profile->catalogue = ew_arena_take(arena, items_of(o->node, "catalogue"), sizeof(*profile->catalogue));
    for (const cJSON *item = list->child; item && profile->catalogue && o->err == EW_OK; item = item->next) {
        if (!fits(item, PROFILE_NUMBER_MAX))
            ew_json_fail(o, "catalogue", "profile.catalogue",
                         "every item must be a reference number of 1 to %d letters", PROFILE_NUMBER_MAX - 1);
        else
            ew_copy(profile->catalogue[profile->catalogue_count++], PROFILE_NUMBER_MAX, item->valuestring);
    }
}

static void read_offers(struct ew_json *o, struct ew_arena *arena, struct profile *profile)
{
    const cJSON *list = ew_json_array(o, "offers", EW_OPTIONAL, PROFILE_OFFERS_MAX);
    if (!list || !list->child)
        return;
    profile->offers = ew_arena_take(arena, items_of(o->node, "offers"), sizeof(*profile->offers));
    for (const cJSON *item = list->child; item && profile->offers && o->err == EW_OK; item = item->next) {
        if (!fits(item, PROFILE_NAME_MAX) || !profile_quantity_known(item->valuestring, NULL))
            ew_json_fail(o, "offers", "profile.unknown_quantity",
                         "every item must be a quantity of the vocabulary");
        else
            ew_copy(profile->offers[profile->offer_count++], PROFILE_NAME_MAX, item->valuestring);
    }
}

static void read_asks(struct ew_json *o, struct profile *profile)
{
    const cJSON *list = ew_json_array(o, "asks", EW_OPTIONAL, PROFILE_ASK_COUNT);
    for (const cJSON *item = list ? list->child : NULL; item && o->err == EW_OK; item = item->next) {
        int ask = 0;
        while (profile_asks[ask] &&
               !(cJSON_IsString(item) && strcmp(profile_asks[ask], item->valuestring) == 0))
            ask++;
        if (profile_asks[ask])
            profile->asks |= 1u << ask;
        else
            ew_json_fail(o, "asks", "profile.asks",
                         "every item must be one of supply, position, side, phase, interface");
    }
}

void profile_catalogue_read(struct ew_json *o, struct ew_arena *arena, struct profile *profile)
{
    read_numbers(o, arena, profile);
    read_offers(o, arena, profile);
    read_asks(o, profile);
    // A table that nobody has published can't be read: only then may a model say what it would tell.
    if (o->err == EW_OK && profile->offer_count > 0 && profile->register_count > 0)
        ew_json_fail(o, "offers", "profile.offers", "goes only with a profile that has no registers");
}
