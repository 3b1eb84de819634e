// One MQTT 5 connection to the site's broker, on top of Paho C. Everything here runs on the loop's thread:
// Paho's threads only queue and wake it. Reconnects by itself with back-off (0.2, 0.4 ... 5 s) and subscribes
// again.
//
// Topics given to these functions are below the site's base ("device/3/status"); `base` is put in front. A
// topic that begins with "/" is taken as it stands without the slash ("/homeassistant/..." ,
// "/$CONTROL/...").
#ifndef EDGEWATT_MQTT_MQ_H
#define EDGEWATT_MQTT_MQ_H

#include "base/json.h"
#include "base/loop.h"

struct mq;

struct mq_options {
    const char *host; // "127.0.0.1"
    int port;
    const char *user; // the broker account: also the <account> of call/ and reply/ topics
    const char *password;
    const char *base;       // "edgewatt/<site>"
    const char *will_topic; // below base, retained, QoS 1; NULL = none
    const char *will_payload;
    bool several; // this account may be connected more than once at a time: the client id is a random one
};

// Copies the options. Connecting begins with the first loop turn. Aborts without memory.
struct mq *mq_new(struct ew_loop *loop, const struct mq_options *options);
// Publishes what is queued (at most 1 s), ends open calls (EW_E_CLOSED), disconnects, frees. Not from within
// a callback of this adapter. Takes NULL. Paho's two threads stay as long as the process.
void mq_free(struct mq *mq);

// Called after each connect (subscriptions are already under way) and each loss. `reason` of a loss is a
// sentence.
typedef void mq_state_fn(void *user, bool connected, const struct ew_reason *reason);
void mq_on_state(struct mq *mq, mq_state_fn *fn, void *user);
bool mq_connected(const struct mq *mq);
// Where the broker is from the next attempt on (its port or our password may be new after it was restarted);
// when we wait for that attempt, it is made now. The user stays.
void mq_set_broker(struct mq *mq, const char *host, int port, const char *password);

struct mq_message {
    const char *topic; // below base, or with the leading "/" when it is not below it
    const char *payload;
    size_t payload_len;
    bool retained;
    int64_t expiry_s; // message expiry interval left, -1 = none given
    // MQTT 5 request properties; response_topic is as on the wire, NULL = none
    const char *response_topic;
    const void *correlation;
    size_t correlation_len;
};

// Filters may hold + and #. The handler sees every message that matches its own filter. Payloads above
// EW_MQTT_PAYLOAD_MAX never arrive (the broker refuses them). Up to 64 subscriptions.
typedef void mq_message_fn(void *user, const struct mq_message *message, int64_t now_ms);
void mq_subscribe(struct mq *mq, const char *filter, int qos, mq_message_fn *fn, void *user);
void mq_unsubscribe(struct mq *mq, const char *filter);

struct mq_publish_options {
    int qos; // 0 or 1
    bool retain;
    int expiry_s; // 0 = none
};
// EW_E_CLOSED when not connected (nothing is queued over a connection loss: owners publish their retained
// topics again when they are told of the new connection), EW_E_FULL when 10 000 messages wait.
enum ew_err mq_publish(struct mq *mq, const char *topic, const void *payload, size_t len,
                       struct mq_publish_options options);
// An answer to a Response Topic, spelled as on the wire (no base is put in front); QoS 1, gone after 60 s.
enum ew_err mq_respond(struct mq *mq, const char *wire_topic, const struct ew_buf *payload,
                       const void *correlation, size_t correlation_len);
// Most used forms: retained QoS 1 text, and removal of a retained topic.
enum ew_err mq_retain(struct mq *mq, const char *topic, const struct ew_buf *payload);
enum ew_err mq_clear(struct mq *mq, const char *topic);

// ---- Calls
// --------------------------------------------------------------------------------------------------- The
// client side: call/<own account>/<service>/<method>. The callback runs exactly once: result is the JSON
// value (on loan) or NULL with a reason (the service's own, EW_E_TIMEOUT, EW_E_CLOSED). timeout_ms >= 3000
// (Paho may stall 1 s).
typedef void mq_reply_fn(void *user, const cJSON *result, const struct ew_reason *reason);
void mq_call(struct mq *mq, const char *service, const char *method, const struct ew_buf *args,
             int timeout_ms, mq_reply_fn *fn, void *user);

// The service side: answers call/+/<service>/<method>. A request whose Response Topic is not below
// reply/<its account>/ or lacks correlation data is refused unanswered (and logged). Arguments that are not a
// JSON object are answered with an error. The request is the service's until it was answered; answers may
// come later.
struct mq_request;
typedef void mq_serve_fn(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms);
void mq_serve(struct mq *mq, const char *service, const char *method, mq_serve_fn *fn, void *user);
const char *mq_request_account(const struct mq_request *request);
// Each frees the request, also after mq_free (into the void then). result: the JSON text of the value.
void mq_answer(struct mq_request *request, const struct ew_buf *result);
void mq_answer_error(struct mq_request *request, const struct ew_reason *reason);
// With one member more in the error object: key and the JSON text of its value, left out when it does not
// fit.
void mq_answer_error_with(struct mq_request *request, const struct ew_reason *reason, const char *key,
                          const struct ew_buf *value);

// True when the topic matches the filter by the rules of MQTT 5 section 4.7 (a topic that begins with $ needs
// a filter that does). Pure.
bool mq_filter_matches(const char *filter, const char *topic);

#endif
