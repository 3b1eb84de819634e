// edgewatt replay SCENARIO.json [--plot FILE.svg] [--summary]: the Green'Up core in virtual time.
#ifndef EDGEWATT_REPLAY_REPLAY_H
#define EDGEWATT_REPLAY_REPLAY_H

// Exit code: 0 done, 1 the scenario is refused or a file fails, 2 usage.
int replay_main(int argc, char **argv);

#endif
