// The main function that every service shares: options, log, account, broker, ready, heartbeat, loop, drain.
//
//     int poller_main(int argc, char **argv) { return ew_service_main(argc, argv, &definition); }
//
// Order: options -> log -> definition.start (own state, subscriptions; may fail with a reason: exit 1) ->
// connect -> definition.connected after every connect (publish retained topics) -> READY=1 after the first ->
// a beat a second -> SIGTERM or SIGINT: definition.stop, status {"online":false}, exit 0. SIGHUP:
// definition.reload. Exit codes: 0, 1 with a sentence in the log, 2 for the command line.
//
// The broker and our account there: DATA/run/broker.json {"host","port","base"}, DATA/secrets/<name>.json
// {"user","password"}; read again whenever there is no connection.
// service/<name>/status: {"online","version","since","pid","rss_bytes","beat","late_ms", ...health}; beat
// counts the seconds of the loop, late_ms is the worst delay of one since the last status. Under edgewatt run
// also "restarts", and "last_exit" once there was one.
#ifndef EDGEWATT_SERVICE_SERVICE_H
#define EDGEWATT_SERVICE_SERVICE_H

#include "base/loop.h"
#include "mqtt/mq.h"

struct ew_service {
    const char *name;      // folder = topic name = broker account
    const char *data_dir;  // absolute, exists
    const char *share_dir; // absolute: <executable>/../share/edgewatt
    char base[128];        // "edgewatt/<site>"
    bool demo;
    struct ew_loop *loop;
    struct mq *mq;
    void *state; // definition.state_size zeroed bytes
    int argc;    // what is left of the command line for definition.option
    char **argv;
};

struct ew_service_definition {
    const char *name;
    const char *summary; // a line for --help
    size_t state_size;
    // An option of its own: returns how many arguments it used (0 = not known). May be NULL.
    int (*option)(struct ew_service *service, int argc, char **argv);
    const char *option_help; // lines for --help, may be NULL
    enum ew_err (*start)(struct ew_service *service, struct ew_reason *reason);
    void (*connected)(struct ew_service *service); // may be NULL
    void (*reload)(struct ew_service *service);    // may be NULL
    void (*health)(struct ew_service *service,
                   struct ew_jw *w);          // more keys for service/<name>/status; may be NULL
    void (*stop)(struct ew_service *service); // may be NULL; must take a half-started service
    // A service whose loop belongs to a library (web) runs it here until ew_loop_stopped(); NULL =
    // ew_loop_run.
    int (*run)(struct ew_service *service);
};

int ew_service_main(int argc, char **argv, const struct ew_service_definition *definition);
// Publishes service/<name>/status now (else once in 10 s while connected).
void ew_service_publish_status(struct ew_service *service);
// A line for whoever started us, as sd_notify(3) has it: "EDGEWATT_JOB=1" asks edgewatt run for the backup or
// restore that config has laid out.
void ew_service_notify(struct ew_service *service, const char *line);

#endif
