// Whether the site's charging control is set up, and on.
#include "poller/fleet_priv.h"

void governed_read(struct greenup_stations *greenup, const cJSON *tree)
{
    greenup->set_up = cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(tree, "meter"));
    greenup->on = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "on"));
}
