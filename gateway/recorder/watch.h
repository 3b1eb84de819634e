// Watches what services say of devices and buses, and writes what is wrong into the journal of alarms.
#ifndef EDGEWATT_RECORDER_WATCH_H
#define EDGEWATT_RECORDER_WATCH_H

#include "mqtt/mq.h"
#include "store/store.h"

struct watch;

// Subscribes to the configuration of devices and buses, their states, and alarm/event; serves
// recorder/alarms. The store and mq outlive it.
struct watch *watch_new(struct store *store, struct mq *mq);
void watch_free(struct watch *watch); // takes NULL

#endif
