// Which charge points the site's charging control has.
#include "poller/fleet_priv.h"

void governed_read(struct greenup_stations *greenup, const cJSON *tree)
{
    greenup->set_up = cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(tree, "meter"));
    greenup->on = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "on"));
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, "stations");
    greenup->count = cJSON_IsArray(list) ? 0 : -1;
    for (const cJSON *item = greenup->count == 0 ? list->child : NULL; item; item = item->next) {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(item, "device");
        if (cJSON_IsNumber(id) && greenup->count < EW_DEVICES_MAX)
            greenup->devices[greenup->count++] = (int64_t)id->valuedouble;
    }
}

bool governed_has(const struct greenup_stations *greenup, int64_t device)
{
    bool found = greenup->count < 0;
    for (int i = 0; i < greenup->count && !found; i++)
        found = greenup->devices[i] == device;
    return greenup->set_up && found;
}
