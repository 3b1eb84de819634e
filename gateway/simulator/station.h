// A charge point with cars that come and go.
#ifndef EDGEWATT_SIMULATOR_STATION_H
#define EDGEWATT_SIMULATOR_STATION_H

#include "simulator/plant.h"

void station_init(const struct plant *plant, struct plant_device *device, double rated_a);
// Sets state, powers of the phases and session of this second.
void station_step(const struct plant *plant, struct plant_device *device);

// What is written to a station: its limit (below 6 A: pause) as a current or a power, a sign of life alone,
// and its power cut for some seconds, after which it offers its rated current and has forgotten its watchdog,
// its release and its master.
void station_limit(const struct plant *plant, struct plant_device *device, double limit_a);
void station_power(const struct plant *plant, struct plant_device *device, double limit_w);
void station_feed(const struct plant *plant, struct plant_device *device);
// A release given or withdrawn; a sign of life (one that toggles counts when it is another than the last);
// its phases.
void station_release(const struct plant *plant, struct plant_device *device, bool on);
void station_lives(const struct plant *plant, struct plant_device *device, double sign, bool toggles);
void station_phases(struct plant_device *device, bool three);
void station_power_cycle(const struct plant *plant, struct plant_device *device, int seconds);
bool station_has_power(const struct plant *plant, const struct plant_device *device);

#endif
