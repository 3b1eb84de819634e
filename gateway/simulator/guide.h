// "help" for a person at a terminal: what can be typed, with the buses and devices of this very site.
#ifndef EDGEWATT_SIMULATOR_GUIDE_H
#define EDGEWATT_SIMULATOR_GUIDE_H

#include "simulator/building.h"

// True when the line (without its newline) asks for help.
bool guide_asked(const char *line);
// Several lines, each with its newline. The names are those of the site file.
void guide_write(const struct building *building, struct ew_buf *answer);

#endif
