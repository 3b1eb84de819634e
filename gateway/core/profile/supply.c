#include "core/profile/profile.h"

#include <string.h>

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

// The register of the same energy the other way, or itself.
static int opposite(const struct profile *profile, int index)
{
    static const char *const ways[2] = {"_import", "_export"};
    const char *quantity = profile->registers[index].quantity;
    for (int way = 0; way < 2; way++) {
        const char *at = strstr(quantity, ways[way]);
        if (!at)
            continue;
        char other[PROFILE_NAME_MAX];
        if (ew_format(other, sizeof(other), "%.*s%s%s", (int)(at - quantity), quantity, ways[1 - way],
                      at + strlen(ways[way])) != EW_OK)
            return index;
        int found = profile_find(profile, other);
        return found >= 0 ? found : index;
    }
    return index;
}

int profile_reversed(const struct profile *profile, int index, double *number)
{
    const char *quantity = profile->registers[index].quantity;
    if (starts(quantity, "active_power") || starts(quantity, "reactive_power") ||
        starts(quantity, "power_factor"))
        *number = -*number;
    return opposite(profile, index);
}
