#include "core/site/site_priv.h"

#include <string.h>

static const char *const types[] = {"rtu", "tcp", "rtu_tcp", "server", "mqtt", "ocpp", "tic", NULL};
// The letter of "8E1" is understood too.
static const char *const parities[] = {"none", "even", "odd", "N", "E", "O", NULL};

const char *site_bus_type_name(enum site_bus_type type)
{
    return types[type];
}

static bool on_serial_line(enum site_bus_type type)
{
    return type == SITE_BUS_RTU || type == SITE_BUS_TIC;
}

// DESIGN has the serial settings of SYS-04 in one object; of a TCP bus it holds the time-out only.
static void read_serial(struct ew_json *bus, enum site_bus_type type, struct site_serial *ret)
{
    static const int speeds[] = {300,   600,   1200,  2400,  4800,   9600,
                                 14400, 19200, 38400, 57600, 115200, 230400};
    *ret = (struct site_serial){.speed_baud = 19200, .parity = 'E', .stop_bits = 1};
    ret->timeout_ms = on_serial_line(type) ? 300 : 1000;
    const cJSON *node = ew_json_object(bus, "serial", EW_OPTIONAL);
    if (!node)
        return;
    char path[EW_PATH_MAX];
    ew_json_path(bus, "serial", -1, path);
    struct ew_json o;
    ew_json_open(&o, node, path, bus->reason);
    site_read_count(&o, "speed", 1, 1000000, 19200, &ret->speed_baud);
    int parity = 1;
    ew_json_enum(&o, "parity", EW_OPTIONAL, parities, &parity);
    ret->parity = "NEO"[parity % 3];
    site_read_count(&o, "stop_bits", 1, 2, 1, &ret->stop_bits);
    site_read_count(&o, "timeout_ms", 20, 10000, ret->timeout_ms, &ret->timeout_ms);
    bool known = false;
    for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
        known = known || speeds[i] == ret->speed_baud;
    if (!known)
        ew_json_fail(&o, "speed", "site.speed",
                     "%d bit/s is not a usual speed of a serial line (300 to 230400)", ret->speed_baud);
    bus->err = ew_json_close(&o);
}

static void check_address(struct ew_json *o, const struct site_bus *bus)
{
    if (o->err != EW_OK)
        return;
    if (on_serial_line(bus->type)) {
        if (bus->address[0] != '/')
            ew_json_fail(o, "address", "site.port_path",
                         "must be the full path of a serial port as /dev/ttyUSB0");
        return;
    }
    static const char host[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:%";
    if (!site_text_only(bus->address, host))
        ew_json_fail(o, "address", "site.host", "must be a host name or an IP address, without a port");
}

enum ew_err site_bus_read(const cJSON *node, const char *path, struct site_bus *ret, struct ew_reason *reason)
{
    *ret = (struct site_bus){.id = 0};
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    site_read_id(&o, &ret->id);
    int type = 0;
    ew_json_enum(&o, "type", EW_REQUIRED, types, &type);
    ret->type = (enum site_bus_type)type;
    ew_json_text(&o, "name", EW_OPTIONAL, 1, sizeof(ret->name), ret->name);
    ew_json_text(&o, "address", EW_REQUIRED, 1, sizeof(ret->address), ret->address);
    ew_json_text(&o, "location", EW_OPTIONAL, 0, sizeof(ret->location), ret->location);
    site_read_count(&o, "port", 1, 65535, 502, &ret->port);
    site_read_count(&o, "poll_ms", 100, 3600000, 1000, &ret->poll_ms);
    read_serial(&o, ret->type, &ret->serial);
    site_read_flag(&o, "on", true, &ret->on);
    site_read_flag(&o, "local", false, &ret->local);
    site_read_reference(&o, "panel", EW_OPTIONAL, &ret->panel);
    site_read_reference(&o, "quality_device", EW_OPTIONAL, &ret->quality_device);
    check_address(&o, ret);
    if (!ret->name[0])
        ew_copy(ret->name, sizeof(ret->name), ret->address);
    return ew_json_close(&o);
}
