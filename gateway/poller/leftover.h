// Retained topics of an earlier run that nobody stands by any more: found by listening to our own prefix for
// a moment after a connect, then cleared.
#ifndef EDGEWATT_POLLER_LEFTOVER_H
#define EDGEWATT_POLLER_LEFTOVER_H

#include "mqtt/mq.h"
#include "poller/fleet.h"

struct leftover;

struct leftover *leftover_new(struct mq *mq);
void leftover_free(struct leftover *leftover); // takes NULL
void leftover_listen(struct leftover *leftover);
// Clears what was heard and is not the fleet's, and stops listening.
void leftover_clear(struct leftover *leftover, const struct fleet *fleet);

#endif
