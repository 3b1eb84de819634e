// All buses and devices as they are configured, polled and published: the main thread's side of the poller.
// What leaves here are retained topics, given to a function, so that tests need no broker.
#ifndef EDGEWATT_POLLER_FLEET_H
#define EDGEWATT_POLLER_FLEET_H

#include "base/json.h"
#include "base/loop.h"

struct fleet;

// payload NULL = clear the topic. Other errors than EW_E_FULL are the connection's, which publishes all again
// when it is back; EW_E_FULL makes the fleet publish all again after a second.
typedef enum ew_err fleet_retain_fn(void *user, const char *topic, const struct ew_buf *payload);

// An answer to a command, for the Response Topic it named.
typedef void fleet_respond_fn(void *user, const char *topic, const void *correlation, size_t correlation_len,
                              const struct ew_buf *payload);

struct fleet_options {
    struct ew_loop *loop;
    const char *share_dir, *data_dir; // profiles; data_dir may be NULL
    fleet_retain_fn *retain;
    fleet_respond_fn *respond; // NULL = nobody is answered
    void *user;
};

// Copies the options. EW_E_UNKNOWN when the profiles can't be read.
enum ew_err fleet_new(const struct fleet_options *options, struct fleet **ret,
                      struct ew_reason *reason) EW_MUST_CHECK;
// Stops every bus thread; returns within 1 s whatever they are waiting for. Takes NULL.
void fleet_free(struct fleet *fleet);

// A retained config/bus/<id> or config/device/<id>, len 0 = deleted. Applied a moment later, together with
// what else comes.
void fleet_set_bus(struct fleet *fleet, int64_t id, const char *payload, size_t len);
void fleet_set_device(struct fleet *fleet, int64_t id, const char *payload, size_t len);
// The retained config/settings/greenup, len 0 = deleted: names the meter that the charging controller waits
// for.
void fleet_set_greenup(struct fleet *fleet, const char *payload, size_t len);
// The retained config/settings/site: the nominal voltage. What can't be read changes nothing.
void fleet_set_site(struct fleet *fleet, const char *payload, size_t len);
// device/<id>/setpoint, and service/controller/status.
void fleet_setpoint(struct fleet *fleet, int64_t device, const char *payload, size_t len);
// device/<id>/command. stalled_ms: how long nobody had looked for messages when this one was found.
struct fleet_command {
    const char *payload;
    size_t len;
    int64_t expiry_s, stalled_ms;
    const char *response_topic; // NULL = none, or one that may not be answered at
    const void *correlation;
    size_t correlation_len;
};
void fleet_command(struct fleet *fleet, int64_t device, const struct fleet_command *command);
void fleet_controller(struct fleet *fleet, bool online);
// After a reconnect all objects come again; between the two calls those that do come are noted, and the
// others are taken as deleted by the second. Without the second nothing is.
void fleet_begin_config(struct fleet *fleet);
void fleet_end_config(struct fleet *fleet);
// A retained config/profile/<id>: profiles are read again when it is new or another than before.
void fleet_set_profile(struct fleet *fleet, const char *id, const char *payload, size_t len);
// Reads the profiles again (SIGHUP); devices whose profile is the same do not notice.
void fleet_reload_profiles(struct fleet *fleet);

// Everything that is to be retained, once more: after a connect.
void fleet_publish_all(struct fleet *fleet);
// Is this retained topic ("device/3/measures/energy") one that the fleet has published and stands by?
bool fleet_owns(const struct fleet *fleet, const char *topic);

// Counts for the service's status.
void fleet_health(const struct fleet *fleet, struct ew_jw *w);

#endif
