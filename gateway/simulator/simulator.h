// `edgewatt simulate SITE`: the site's devices as Modbus TCP servers, from their profiles. They hang together
// as the wires would have it: one voltage, the main meter the sum of circuits and stations per phase, energy
// the integral of power, load from recordings of real houses.
#ifndef EDGEWATT_SIMULATOR_SIMULATOR_H
#define EDGEWATT_SIMULATOR_SIMULATOR_H

int simulate_main(int argc, char **argv);

#endif
