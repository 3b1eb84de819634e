// Relay outputs of a device (DEV-08): which contact it is, and what "switched on" does.
#include "core/site/site_priv.h"

// 1..63 without leading zero, 0 = it is no such number.
static int output_number(const char *key)
{
    int number = 0;
    for (int i = 0; i < 3 && key[i] >= '0' && key[i] <= '9'; i++)
        number = number * 10 + (key[i] - '0');
    bool whole = number < 10 ? key[1] == 0 : key[2] == 0;
    return key[0] != '0' && whole && number <= 63 ? number : 0;
}

static void read_output(struct ew_json *outputs, const char *key, const cJSON *node, struct site_output *ret)
{
    static const char *const contacts[] = {"no", "nc", NULL}, *const forms[] = {"impulse", "blinking", NULL};
    int contact = 0, form = 0;
    char path[EW_PATH_MAX];
    ew_json_path(outputs, key, -1, path);
    int number = output_number(key);
    if (number == 0) {
        ew_json_fail(outputs, key, "site.output", "is not the number of an output, 1 to 63");
        return;
    }
    *ret = (struct site_output){.number = number};
    struct ew_json o;
    ew_json_open(&o, node, path, outputs->reason);
    ew_json_enum(&o, "contact", EW_OPTIONAL, contacts, &contact);
    ew_json_enum(&o, "form", EW_OPTIONAL, forms, &form);
    ew_json_number(&o, "on_s", EW_OPTIONAL, 0, 86400, &ret->on_s);
    ew_json_number(&o, "off_s", EW_OPTIONAL, 0.5, 86400, &ret->off_s);
    ret->normally_closed = contact == 1;
    ret->blinking = form == 1;
    if (ret->off_s <= 0)
        ret->off_s = ret->on_s; // the manual, 7.15.1.4: it switches at the rhythm of its ON time
    if (o.err == EW_OK && ret->blinking && ret->on_s < 0.5)
        ew_json_fail(&o, "on_s", "site.output_time", "must be at least 0.5 s for a blinking output");
    outputs->err = ew_json_close(&o);
}

void site_read_outputs(struct ew_json *device, struct site_device *ret)
{
    const cJSON *node = ew_json_object(device, "outputs", EW_OPTIONAL);
    if (!node)
        return;
    char path[EW_PATH_MAX];
    ew_json_path(device, "outputs", -1, path);
    struct ew_json o;
    ew_json_open(&o, node, path, device->reason);
    for (const cJSON *child = node->child; child && o.err == EW_OK; child = child->next) {
        if (ret->output_count == SITE_OUTPUTS_MAX)
            ew_json_fail(&o, NULL, "json.count", "more than %d outputs", SITE_OUTPUTS_MAX);
        else
            read_output(&o, child->string, child, &ret->outputs[ret->output_count++]);
    }
    device->err = o.err;
}
