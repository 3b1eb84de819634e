// What the site's settings say of charging: whether its control is set up, and on; the voltage.
#include "poller/fleet_priv.h"

#include "base/log.h"

void governed_read(struct greenup_stations *greenup, const cJSON *tree)
{
    greenup->set_up = cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(tree, "meter"));
    greenup->on = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "on"));
}

void fleet_set_site(struct fleet *fleet, const char *payload, size_t len)
{
    struct ew_reason reason = {0};
    struct site_settings settings;
    cJSON *tree = NULL;
    bool good = len > 0 && ew_json_parse(payload, len, EW_MQTT_PAYLOAD_MAX, &tree, &reason) == EW_OK &&
                site_settings_read(tree, "", &settings, &reason) == EW_OK;
    cJSON_Delete(tree);
    if (good)
        fleet->nominal_v = settings.nominal_voltage_v;
    else if (len > 0)
        ew_warning("fleet", "settings of the site: %s: %s, ignoring", reason.path, reason.text);
    for (int i = 0; i < fleet->device_count && good; i++)
        station_review(fleet, fleet->devices[i]);
}
