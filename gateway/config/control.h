// The conversation with the broker's dynamic security over $CONTROL: accounts that come and go while it runs.
// Only config may hold it.
#ifndef EDGEWATT_CONFIG_CONTROL_H
#define EDGEWATT_CONFIG_CONTROL_H

#include "config/dynsec.h"
#include "mqtt/mq.h"

// reason NULL: done. Called exactly once.
typedef void control_done_fn(void *user, const struct ew_reason *reason);

struct control;

struct control *control_new(struct ew_loop *loop, struct mq *mq); // subscribes to the answers
void control_free(struct control *control);                       // ends open commands without a callback

// An account with a role of its own. done may be NULL: a failure is logged then.
void control_open(struct control *control, const char *name, const char *password,
                  const struct access_list *list, control_done_fn *done, void *user);
// Its connections end at once.
void control_close(struct control *control, const char *name);

// The names of all accounts that the broker has, as a list of texts.
typedef void control_list_fn(void *user, const cJSON *names);
void control_list(struct control *control, control_list_fn *listed, void *user);

#endif
