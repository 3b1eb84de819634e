// Green'Up as a service: samples in, leases out (core/greenup decides).
#ifndef EDGEWATT_CONTROLLER_CONTROLLER_H
#define EDGEWATT_CONTROLLER_CONTROLLER_H

int controller_main(int argc, char **argv);

#endif
