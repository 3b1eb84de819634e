// Requests of other masters on their way to the local port and back (NET-03). The line is the poller's: it is
// asked by the same call as a person's tool would be, gives others what polling leaves of the line, and
// refuses writes as it does there.
#ifndef EDGEWATT_SERVER_FORWARD_H
#define EDGEWATT_SERVER_FORWARD_H

#include "mqtt/mq.h"
#include "server/door.h"

enum { FORWARD_MAX = 4 /* under way at once; the next one is told that the server is busy */ };

struct forward;

struct forward *forward_new(struct mq *mq, struct door *door);
void forward_free(struct forward *forward); // takes NULL

// config/bus/<id>; tree NULL: it is gone.
void forward_take_bus(struct forward *forward, int64_t id, const cJSON *tree);
void forward_allow_writes(struct forward *forward, bool allowed);
// FRAME_NO_EXCEPTION: it is under way, and the door is told the answer later.
enum frame_exception forward_ask(struct forward *forward, const struct door_ticket *ticket,
                                 const struct frame_request *request);
int64_t forward_passed(const struct forward *forward);
int64_t forward_refused(const struct forward *forward);

#endif
