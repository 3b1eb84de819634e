// The conversation with the broker's dynamic security over $CONTROL: accounts that come and go while it runs.
// Only config may hold it.
#ifndef EDGEWATT_CONFIG_WARDEN_H
#define EDGEWATT_CONFIG_WARDEN_H

#include "config/dynsec.h"
#include "mqtt/mq.h"

// reason NULL: done. Called exactly once.
typedef void warden_done_fn(void *user, const struct ew_reason *reason);

struct warden;

struct warden *warden_new(struct ew_loop *loop, struct mq *mq); // subscribes to the answers
void warden_free(struct warden *warden);                        // ends open commands without a callback

// An account with a role of its own. done may be NULL: a failure is logged then.
void warden_open(struct warden *warden, const char *name, const char *password,
                 const struct access_list *list, warden_done_fn *done, void *user);
// Other rights for an account that there is; its connections stay. A failure is logged.
void warden_change(struct warden *warden, const char *name, const struct access_list *list);
// Its connections end at once.
void warden_close(struct warden *warden, const char *name);

// The names of all accounts that the broker has, as a list of texts.
typedef void warden_list_fn(void *user, const cJSON *names);
void warden_list(struct warden *warden, warden_list_fn *listed, void *user);

#endif
