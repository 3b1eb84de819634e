// The bus of a data folder, for tools that go on the line themselves, and the profiles.
#include "field/field_priv.h"

#include "base/file.h"
#include "service/paths.h"
#include "tools/guard.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum ew_err find_bus(const struct field_options *o, struct field_site *site, struct ew_reason *reason)
{
    const cJSON *node;
    int index = 0;
    cJSON_ArrayForEach(node, cJSON_GetObjectItemCaseSensitive(site->tree, "buses"))
    {
        char path[EW_PATH_MAX];
        (void)ew_format(path, sizeof(path), "/buses/%d", index++);
        if (site_bus_read(node, path, &site->bus, NULL) == EW_OK && site->bus.id == o->bus)
            return EW_OK;
    }
    return ew_fail(reason, EW_E_UNKNOWN, "inlet.no_bus", "", "There is no bus %d in %s.", o->bus, o->data);
}

static enum mb_kind kind_of(enum site_bus_type type)
{
    return type == SITE_BUS_RTU ? MB_RTU : type == SITE_BUS_RTU_TCP ? MB_RTU_TCP : MB_TCP;
}

static void use_bus(struct field_options *o, const struct site_bus *bus)
{
    o->has_line = true;
    o->line.kind = kind_of(bus->type);
    ew_copy(o->line.address, sizeof(o->line.address), bus->address);
    o->line.port = bus->port;
    o->line.speed_baud = bus->serial.speed_baud;
    o->line.parity = bus->serial.parity;
    o->line.stop_bits = bus->serial.stop_bits;
    if (o->timeout_ms == 0)
        o->timeout_ms = bus->serial.timeout_ms;
}

enum ew_err field_site_open(struct field_options *o, struct field_site *ret, struct ew_reason *reason)
{
    char share[PATH_MAX], path[PATH_MAX];
    struct ew_buf text;
    *ret = (struct field_site){0};
    enum ew_err err = ew_share_dir(share, reason);
    if (err == EW_OK)
        err = library_load(share, o->data, NULL, NULL, &ret->library, reason);
    if (err != EW_OK || !o->data || !o->bus)
        return err;
    ew_buf_init(&text, EW_SITE_FILE_MAX);
    ew_path(path, o->data, "site.json");
    err = ew_file_read(path, EW_SITE_FILE_MAX, &text, reason);
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(&text), text.len, EW_SITE_FILE_MAX, &ret->tree, reason);
    if (err == EW_OK)
        err = find_bus(o, ret, reason);
    if (err == EW_OK)
        use_bus(o, &ret->bus);
    ew_buf_done(&text);
    return err;
}

void field_site_close(struct field_site *site)
{
    cJSON_Delete(site->tree);
    library_free(site->library);
}

bool field_site_device(const struct field_site *site, int unit, struct site_device *ret)
{
    const cJSON *node;
    cJSON_ArrayForEach(node, cJSON_GetObjectItemCaseSensitive(site->tree, "devices"))
    {
        if (site_device_read(node, "", ret, NULL) == EW_OK && ret->bus == site->bus.id && ret->unit == unit)
            return true;
    }
    return false;
}

enum ew_err field_site_may_write(const struct field_site *site, int unit, struct ew_reason *reason)
{
    struct site_device device;
    enum ew_err err = EW_OK;
    const cJSON *node;
    cJSON_ArrayForEach(node, cJSON_GetObjectItemCaseSensitive(site->tree, "devices"))
    {
        if (err == EW_OK && site_device_read(node, "", &device, NULL) == EW_OK &&
            device.bus == site->bus.id && guard_reaches(site->bus.type, unit, device.unit))
            err = guard_write(&device, library_find(site->library, device.profile), reason);
    }
    return err;
}

int64_t field_site_known(const void *site, int unit)
{
    struct site_device device;
    return field_site_device(site, unit, &device) ? device.id : 0;
}

void field_say(const struct field_options *o, const struct ew_reason *reason)
{
    if (!o->json) {
        fprintf(stderr, "%s\n", reason->text);
        return;
    }
    struct ew_buf text;
    struct ew_jw w;
    ew_buf_init(&text, 4096);
    ew_jw_init(&w, &text);
    ew_jw_open_object(&w, NULL);
    ew_jw_bool(&w, "ok", false);
    ew_jw_reason(&w, "reason", reason);
    ew_jw_close_object(&w);
    printf("%s\n", ew_buf_text(&text));
    ew_buf_done(&text);
}
