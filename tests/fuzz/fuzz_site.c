// Any bytes as a site file: parsed, checked whole, printed and read again. What the check accepts every
// reader accepts, and printing loses nothing.
#include "config/site_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_objects(const cJSON *site)
{
    const cJSON *child;
    struct site_bus bus;
    struct site_device device;
    struct site_settings settings;
    if (site_settings_read(cJSON_GetObjectItemCaseSensitive(site, "site"), "", &settings, NULL) != EW_OK)
        abort();
    cJSON_ArrayForEach(child, cJSON_GetObjectItemCaseSensitive(site, "buses"))
    {
        if (site_bus_read(child, "", &bus, NULL) != EW_OK)
            abort();
    }
    cJSON_ArrayForEach(child, cJSON_GetObjectItemCaseSensitive(site, "devices"))
    {
        struct site_part part;
        char address[32];
        if (site_device_read(child, "", &device, NULL) != EW_OK)
            abort();
        site_device_address(&device, address);
        for (int i = 0; i < device.part_count; i++)
            site_part_read(child, i, &part);
    }
}

static void print_and_read_again(const cJSON *site, const struct site_check *check)
{
    struct ew_buf text;
    cJSON *again = NULL;
    ew_buf_init(&text, EW_SITE_FILE_MAX);
    site_print(site, &text);
    if (site_parse(ew_buf_text(&text), text.len, check, &again, NULL) != EW_OK || !site_same(site, again))
        abort();
    if (site_change_check(site, again, NULL) != EW_OK || site_next_id(site) != site_next_id(again))
        abort();
    cJSON_Delete(again);
    ew_buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct site_check check = {.problem = NULL};
    struct ew_reason reason;
    cJSON *site = NULL;
    ew_reason_clear(&reason);
    enum ew_err err = site_parse((const char *)data, size, &check, &site, &reason);
    if (err != EW_OK) {
        if (!reason.code[0] || !reason.text[0])
            abort();
        return 0;
    }
    read_objects(site);
    print_and_read_again(site, &check);
    cJSON_Delete(site);
    return 0;
}
