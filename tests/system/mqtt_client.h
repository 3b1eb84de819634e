// Clients of a test, several in one loop, and what they saw.
#ifndef EDGEWATT_TESTS_MQTT_CLIENT_H
#define EDGEWATT_TESTS_MQTT_CLIENT_H

#include "broker.h"
#include "check.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "mqtt/mq_priv.h"

#define BASE "edgewatt/test"

enum { PATIENCE_MS = 60000, LOG_MAX = 64 };

extern struct broker broker; // of the test program
extern struct ew_loop *loop;
int group_setup(void **state);
int group_teardown(void **state);

struct client {
    struct mq *mq;
    const char *name;
    int ups, downs, flushes;
    char last_loss[64]; // its reason, what follows the last ": "
    int messages;       // all, also beyond the log
    struct {
        char topic[128], payload[128];
        bool retained;
        int64_t expiry_s;
    } log[LOG_MAX];
    char retain_at_connect[64]; // published again at every connect
};

void client_init(struct client *c, const char *user);
void connect_client(struct client *c, const char *user);                 // and waits until it is
void on_message(void *user, const struct mq_message *m, int64_t now_ms); // for mq_subscribe, user: the client
void publish_text(struct client *c, const char *topic, const char *text, struct mq_publish_options options);

typedef bool condition_fn(void *user);
bool wait_for(condition_fn *fn, void *user, int patience_ms); // false: not in time
bool is_up(void *user);                                       // user: a client
bool is_down(void *user);
void wait_messages(struct client *c, int wanted);
// Everything `from` sent before now has reached `to` (and its handlers) when this came round through the
// broker.
void flush(struct client *from, struct client *to);

// ---- Calls ------------------------------------------------------------------------------------------------

struct outcome {
    int calls;
    enum ew_err err; // EW_OK with a result
    char code[EW_CODE_MAX], path[EW_PATH_MAX], text[EW_TEXT_MAX];
    int param_count;
    double number;
};

bool is_answered(void *user); // user: an outcome
void call(struct client *c, const char *service, const char *method, const char *args, struct outcome *o);
void call_and_wait(struct client *c, const char *service, const char *method, const char *args,
                   struct outcome *o);

// The service "calc": double {n} answers 2 n, refuse answers an error, keep does not answer, huge answers too
// much.
struct server {
    struct client client;
    int asked;
    struct mq_request *kept[MQ_REQUESTS_PER_ACCOUNT_MAX + 1]; // requests of "keep"
    int kept_count;
    char account[EW_NAME_MAX];
};

void server_init(struct server *s);
void answer_number(struct mq_request *request, double number);

#endif
