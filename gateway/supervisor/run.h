// edgewatt run: supervises the broker and the services of a data folder.
#ifndef EDGEWATT_SUPERVISOR_RUN_H
#define EDGEWATT_SUPERVISOR_RUN_H

// argv[0] is "run". Returns the exit code.
int run_main(int argc, char **argv);

#endif
