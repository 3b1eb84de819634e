// A charge point with cars that come and go.
#ifndef EDGEWATT_SIMULATOR_STATION_H
#define EDGEWATT_SIMULATOR_STATION_H

#include "simulator/plant.h"

void station_init(const struct plant *plant, struct plant_device *device, double rated_a);
// Sets state, powers of the phases and session of this second.
void station_step(const struct plant *plant, struct plant_device *device);

#endif
