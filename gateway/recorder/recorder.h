// The recorder service: measures in, history out (DESIGN, History; SPEC REC).
#ifndef EDGEWATT_RECORDER_RECORDER_H
#define EDGEWATT_RECORDER_RECORDER_H

int recorder_main(int argc, char **argv);

#endif
