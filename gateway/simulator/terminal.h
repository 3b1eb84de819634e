// A pseudo-terminal under a fixed name: what programs take for a serial port.
#ifndef EDGEWATT_SIMULATOR_TERMINAL_H
#define EDGEWATT_SIMULATOR_TERMINAL_H

#include "base/err.h"
#include <stddef.h>

// Makes a terminal and the link to it. A link to a terminal (of a run that was killed) is replaced; anything
// else that has the name is not: EW_E_IO with a sentence. ret_master is non-blocking; ret_slave is to be held
// open, so that a program that closes the port is no hang-up.
enum ew_err terminal_open(const char *link, char *ret_name, size_t name_size, int *ret_master, int *ret_slave,
                          struct ew_reason *reason) EW_MUST_CHECK;
// Removes the link when it still points at `name`.
void terminal_unlink(const char *link, const char *name);

#endif
