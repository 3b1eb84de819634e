// The whole of a simulated site: plant, devices and servers, put together from a site file.
#ifndef EDGEWATT_SIMULATOR_BUILDING_H
#define EDGEWATT_SIMULATOR_BUILDING_H

#include "library/library.h"
#include "simulator/course.h"
#include "simulator/server.h"

struct building {
    struct plant plant;
    struct device *devices; // in the plant's order: plant.devices[i] belongs to devices[i]
    int device_count;
    struct profile **groups; // of devices with several modules at their address
    int group_count;
    struct server *servers;
    int server_count;
    struct course course;
    double speed;     // simulated seconds a second
    int64_t began_ms; // on the loop's clock
    int64_t first_second;
};

struct building_options {
    const char *listen; // NULL = each bus's own address
    uint64_t seed;
    double speed;
    int64_t start_second; // of the recording
};

// Reads the objects of a site tree and connects them. The main meter is Green'Up's, else the first meter
// without a circuit. library and trace must outlive the building.
enum ew_err building_make(struct building *building, const cJSON *site, const struct library *library,
                          const struct trace *trace, struct ew_loop *loop,
                          const struct building_options *options, struct ew_reason *reason) EW_MUST_CHECK;
void building_done(struct building *building);
// Lets the plant catch up with the loop's clock.
void building_catch_up(struct building *building, int64_t now_ms);
// Lets simulated time pass at once, beside the clock.
void building_step(struct building *building, int64_t seconds);

struct device *building_device(struct building *building, int64_t id); // NULL when there is none
struct server *building_server(struct building *building, int64_t bus_id);

#endif
