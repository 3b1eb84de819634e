#include "simulator/channel.h"

#include "core/profile/profile.h"
#include <string.h>

static const char *const names[] = {
#define CHANNEL_NAME(constant, name) name,
    CHANNELS(CHANNEL_NAME)
#undef CHANNEL_NAME
};

const char *channel_name(enum channel channel)
{
    return names[channel];
}

static bool find_name(const char *name, size_t len, enum channel *ret)
{
    for (int i = 0; i < CH_COUNT; i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
            *ret = (enum channel)i;
            return true;
        }
    return false;
}

bool channel_find(const char *quantity, enum channel *ret_channel, enum channel_form *ret_form)
{
    static const struct {
        const char *affix;
        bool before;
        enum channel_form form;
    } affixes[] = {
        {"sign_", true, CHANNEL_SIGN}, {"partial_", true, CHANNEL_PARTIAL}, {"_mean", false, CHANNEL_MEAN},
        {"_min", false, CHANNEL_MIN},  {"_max", false, CHANNEL_MAX},
    };
    size_t len = strlen(quantity);
    *ret_form = CHANNEL_VALUE;
    if (find_name(quantity, len, ret_channel))
        return true;
    for (size_t i = 0; i < sizeof(affixes) / sizeof(affixes[0]); i++) {
        size_t cut = strlen(affixes[i].affix);
        if (len <= cut)
            continue;
        const char *rest = affixes[i].before ? quantity + cut : quantity;
        const char *affix = affixes[i].before ? quantity : quantity + len - cut;
        *ret_form = affixes[i].form;
        if (memcmp(affix, affixes[i].affix, cut) == 0 && find_name(rest, len - cut, ret_channel))
            return true;
    }
    return false;
}
