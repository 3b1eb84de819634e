#include "core/history/member.h"

#include <string.h>

const char *history_service_name(enum site_service service)
{
    static const char *const names[SITE_SERVICE_COUNT] = {"electricity", "gas", "water"};
    return names[service];
}

const char *history_service_quantity(enum site_service service)
{
    return service == SITE_ELECTRICITY ? "active_energy_import" : "volume";
}

enum history_measure history_measure_of(const char *quantity)
{
    if (strcmp(quantity, history_service_quantity(SITE_ELECTRICITY)) == 0)
        return HISTORY_ENERGY;
    return strcmp(quantity, history_service_quantity(SITE_GAS)) == 0 ? HISTORY_VOLUME : HISTORY_OTHER;
}

bool history_place_counts(const struct history_place *place, enum history_measure measure)
{
    return measure != HISTORY_OTHER && (measure == HISTORY_ENERGY) == (place->service == SITE_ELECTRICITY);
}

bool history_place_same(const struct history_place *a, const struct history_place *b)
{
    return a->circuit == b->circuit && a->panel == b->panel && a->excluded == b->excluded &&
           a->service == b->service && a->zone_count == b->zone_count &&
           memcmp(a->zones, b->zones, (size_t)a->zone_count * sizeof(*a->zones)) == 0;
}

int history_member_at(const struct history_member *members, int count, int64_t device, int64_t at_s)
{
    int low = 0, high = count;
    while (low < high) {
        int middle = (low + high) / 2;
        const struct history_member *m = &members[middle];
        if (m->device < device || (m->device == device && m->since_s <= at_s))
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && members[low - 1].device == device ? low - 1 : -1;
}

const struct history_place *history_place_at(const struct history_member *members, int count, int64_t device,
                                             int64_t at_s, int64_t *ret_until_s)
{
    static const struct history_place nowhere;
    int at = history_member_at(members, count, device, at_s), next = at + 1;
    if (at < 0) // its first entry may come later
        for (next = 0; next < count && members[next].device < device;)
            next++;
    *ret_until_s = next < count && members[next].device == device ? members[next].since_s : INT64_MAX;
    return at < 0 ? &nowhere : &members[at].place;
}

bool history_member_moves(const struct history_member *members, int count, int64_t device, int64_t from_s,
                          int64_t to_s)
{
    int first = history_member_at(members, count, device, from_s);
    return first != history_member_at(members, count, device, to_s - 1);
}
