// A Mosquitto of the test's own on a free loopback port, for tests of the MQTT adapter alone.
#ifndef EDGEWATT_TESTS_BROKER_H
#define EDGEWATT_TESTS_BROKER_H

#include <stdbool.h>
#include <sys/types.h>

struct broker {
    pid_t pid;
    int port;
    char folder[64];
};

enum { BROKER_SKIP = 77 }; // exit code when there is no mosquitto to test with

// config: lines appended to the listener's, may be NULL. Exits with BROKER_SKIP or 1 when it can't be had.
void broker_init(struct broker *b, const char *config);
void broker_start(struct broker *b); // returns when it accepts connections
void broker_kill(struct broker *b);  // SIGKILL: no goodbye to anyone
void broker_stop(struct broker *b);  // SIGTERM
void broker_pause(struct broker *b, bool paused);
void broker_done(struct broker *b);
// Free now, and no other test's as long as this process lives.
int broker_free_port(void);

#endif
