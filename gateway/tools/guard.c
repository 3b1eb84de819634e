#include "tools/guard.h"

enum ew_err guard_write(const struct site_device *device, const struct profile *profile,
                        struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    if (profile && profile->confidence == PROFILE_CANDIDATE && !device->accept_candidate)
        err =
            ew_fail(reason, EW_E_DENIED, "tool.candidate", "",
                    "The registers of %s (%s) are inferred, not documented: nothing is written to it unless "
                    "that is accepted in the settings of this device.",
                    device->name, profile->id);
    else if (profile && profile->kind == PROFILE_STATION && device->on)
        err = ew_fail(reason, EW_E_DENIED, "tool.station", "",
                      "%s is a charge point in use and keeps to its set-points: switch it OFF first.",
                      device->name);
    if (err != EW_OK)
        ew_reason_param(reason, "device", "%s", device->name);
    return err;
}

enum {
    UNIT_ALL = 0,
    UNIT_ITSELF = 255
}; // Modbus Messaging on TCP/IP, 4.4.1: either is a device on the network

bool guard_reaches(enum site_bus_type type, int asked, int unit)
{
    return asked == unit || asked == UNIT_ALL || (type == SITE_BUS_TCP && asked == UNIT_ITSELF);
}
