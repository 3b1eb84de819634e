#include "simulator/guide.h"

#include <string.h>

enum { NAMES_MAX = 6 }; // of devices in a line: what to type, not the whole site

bool guide_asked(const char *line)
{
    line += strspn(line, " \t\r");
    return strncmp(line, "help", 4) == 0 && line[4 + strspn(line + 4, " \t\r")] == 0;
}

static void add_name(int *count, int64_t id, const char *name, struct ew_buf *answer)
{
    if (*count < NAMES_MAX)
        ew_buf_printf(answer, "%s%lld %s", *count ? ", " : "", (long long)id, name);
    else if (*count == NAMES_MAX)
        ew_buf_add_text(answer, " ...");
    (*count)++;
}

static void add_devices(const struct building *building, const char *what, enum plant_role role,
                        struct ew_buf *answer)
{
    int count = 0;
    ew_buf_printf(answer, "  %-14s ", what);
    for (int i = 0; i < building->device_count; i++)
        if (building->devices[i].plant->role == role)
            add_name(&count, building->devices[i].site.id, building->devices[i].site.name, answer);
    ew_buf_add_text(answer, count ? "\n" : "none\n");
}

void guide_write(const struct building *building, struct ew_buf *answer)
{
    static const char text[] =
        "What happens on the simulated site:\n"
        "  unplug BUS, plug BUS            the cable of a bus\n"
        "  car DEVICE arrive, leave        a car at a charge point\n"
        "  load DEVICE WATTS, auto         what a circuit draws\n"
        "  lost DEVICE on, off             a device does not answer\n"
        "  disobey DEVICE on, off          a charge point does not keep to its limit\n"
        "  power DEVICE cycle [SECONDS]    a charge point loses its power for so long\n"
        "  set DEVICE QUANTITY VALUE, auto what a register says; get DEVICE QUANTITY\n"
        "  fault DEVICE FAULT, none        late, exception, wrong_unit, garbage, bad_crc, short, cut ...\n"
        "  step SECONDS                    lets so much time pass at once\n";
    int count = 0;
    ew_buf_add_text(answer, text);
    ew_buf_printf(answer, "  %-14s ", "Buses:");
    for (int i = 0; i < building->server_count; i++)
        add_name(&count, building->servers[i].bus.id, building->servers[i].bus.name, answer);
    ew_buf_add_text(answer, count ? "\n" : "none\n");
    add_devices(building, "Charge points:", PLANT_STATION, answer);
    add_devices(building, "Main meter:", PLANT_MAIN, answer);
    add_devices(building, "Circuits:", PLANT_LOAD, answer);
}
