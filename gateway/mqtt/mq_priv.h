// What the files of gateway/mqtt share. Two worlds meet here: Paho's threads, which only put events into the
// inbox, and the loop's thread, which does everything else. Paho calls back with its own lock held, so its
// callbacks never wait for us, and our locks are never held while Paho is called.
#ifndef EDGEWATT_MQTT_MQ_PRIV_H
#define EDGEWATT_MQTT_MQ_PRIV_H

#include "base/limits.h"
#include "mqtt/mq.h"
#include <MQTTAsync.h>
#include <pthread.h>

enum {
    MQ_WIRE_TOPIC_MAX = 2 * EW_TOPIC_MAX, // base + topic
    MQ_SUBSCRIPTIONS_MAX = 64,
    MQ_METHODS_MAX = 64,
    MQ_CALLS_MAX = 256,
    MQ_CALL_TIMEOUT_MIN_MS = 3000, // Paho may stall a second
    MQ_REQUESTS_MAX = 256,         // unanswered ones a service holds
    MQ_REQUESTS_PER_ACCOUNT_MAX = 64,
    MQ_CORRELATION_MAX = 256,
    MQ_OUTBOX_MAX = 10000, // as Mosquitto's max_queued_messages
    MQ_OUTBOX_BYTES_MAX = 32 << 20,
    MQ_INBOX_MAX = 32768, // every retained topic of a few thousand devices in one burst
    MQ_INBOX_BYTES_MAX = 64 << 20,
    MQ_INBOX_BATCH = 256, // messages handled a turn, so that timers run in between
};

// ---- Inbox: from Paho's threads to the loop ---------------------------------------------------------------

enum mq_event_kind {
    MQ_EVENT_CONNECTED,
    MQ_EVENT_LOST, // or the attempt to connect failed
    MQ_EVENT_MESSAGE,
    MQ_EVENT_PUBLISH_REFUSED,
    MQ_EVENT_SUBSCRIBE_REFUSED,
};

struct mq_event {
    struct mq_event *next;
    enum mq_event_kind kind;
    uint32_t session;           // that of the connection it belongs to
    int code;                   // MQTT reason code when > 0, Paho's return code when < 0
    int64_t up_ms;              // when it was put in
    uint64_t call;              // PUBLISH_REFUSED: the call it was the request of, 0 = none
    uint32_t subscription;      // SUBSCRIBE_REFUSED
    MQTTAsync_message *message; // MESSAGE: Paho's memory
    char *paho_topic;           // MESSAGE: Paho's memory
    char topic[];               // PUBLISH_REFUSED
};

struct mq_inbox {
    pthread_mutex_t lock;
    struct mq_event *first, *last;
    size_t count, bytes;
    bool
        overflowed; // a message was dropped: the connection is begun anew, so that retained topics come again
    int fd;         // eventfd, readable while events wait or overflowed is set
};

void mq_inbox_init(struct mq_inbox *inbox);
void mq_inbox_done(struct mq_inbox *inbox); // frees what waits
struct mq_event *mq_event_new(enum mq_event_kind kind, uint32_t session, const char *topic);
void mq_event_free(struct mq_event *event);
void mq_inbox_put(struct mq_inbox *inbox, struct mq_event *event); // takes the event
struct mq_event *mq_inbox_take(struct mq_inbox *inbox);            // NULL when empty
bool mq_inbox_overflowed(struct mq_inbox *inbox);                  // and clears it

// ---- One connection: a Paho handle of its own, so that nothing queued in it outlives it ------------------

struct mq_sending { // a message Paho has not reported on yet
    struct mq_sending *next, *previous;
    struct mq_session *session;
    size_t bytes;
    uint64_t call;
    char topic[];
};

struct mq_session {
    struct mq_inbox *inbox;
    uint32_t id;
    MQTTAsync handle;
    pthread_mutex_t lock; // of what follows
    pthread_cond_t changed;
    struct mq_sending *sending;
    size_t sending_count, sending_bytes;
    size_t receive_maximum; // the broker's: so many unacknowledged messages at once
    bool disconnected;
};

struct mq_session *mq_session_new(struct mq_inbox *inbox, uint32_t id, const char *client_id);
void mq_session_free(struct mq_session *session); // takes NULL
// EW_OK: an event CONNECTED or LOST will follow.
enum ew_err mq_session_connect(struct mq_session *session, const struct mq_options *options);

struct mq_outgoing {
    const char *topic; // as on the wire
    const void *payload;
    size_t len;
    struct mq_publish_options options;
    const char *response_topic;
    const void *correlation;
    size_t correlation_len;
    uint64_t call;
};
enum ew_err mq_session_send(struct mq_session *session, const struct mq_outgoing *out);
void mq_session_subscribe(struct mq_session *session, const char *filter, int qos, uint32_t id);
void mq_session_unsubscribe(struct mq_session *session, const char *filter);
// Waits until everything was handed over, then says goodbye: at most timeout_ms in all.
void mq_session_close(struct mq_session *session, int timeout_ms);
void mq_wake_sender(void); // wakeup.c
// "Not authorized", "connection refused ...": for people.
const char *mq_code_text(int code);

// ---- The adapter ------------------------------------------------------------------------------------------

struct mq_subscription {
    uint32_t id; // MQTT's subscription identifier, never used twice; 0 = free
    int qos;
    mq_message_fn *fn;
    void *user;
    char filter[MQ_WIRE_TOPIC_MAX];
};

struct mq_method {
    const char *service, *method; // owned
    mq_serve_fn *fn;
    void *user;
};

struct mq_call {
    struct mq_call *next;
    uint64_t id;
    int64_t due_ms;
    bool sent;
    struct ew_reason failure; // what to say when due; already known for calls that were never sent
    mq_reply_fn *fn;
    void *user;
    char name[]; // "config/login"
};

struct mq_request {
    struct mq_request *next, *previous;
    struct mq *mq; // NULL once the adapter is gone
    char account[EW_NAME_MAX];
    char response_topic[MQ_WIRE_TOPIC_MAX];
    unsigned char correlation[MQ_CORRELATION_MAX];
    size_t correlation_len;
};

enum mq_phase { MQ_WAITING, MQ_CONNECTING, MQ_CONNECTED };

struct mq {
    struct ew_loop *loop;
    struct mq_options options; // strings owned
    char *full_will_topic;
    struct mq_inbox inbox;
    struct mq_session *session;
    enum mq_phase phase;
    uint32_t session_count;
    struct ew_timer retry; // WAITING: the next attempt; CONNECTING: giving up on this one
    int attempts;          // failed ones in a row
    int64_t connected_ms;
    mq_state_fn *state_fn;
    void *state_user;

    struct mq_subscription subscriptions[MQ_SUBSCRIPTIONS_MAX];
    uint32_t subscription_count; // ids given out

    struct mq_call *calls;
    int calls_under_way;
    uint64_t call_count;
    unsigned char run[8]; // random: an answer to an earlier process with our name is not ours
    bool replies_subscribed;
    struct ew_timer call_timer;

    struct mq_method methods[MQ_METHODS_MAX];
    int method_count;
    struct mq_request *requests;
};

// Wire form of a topic below base or with a leading "/"; false when it is too long or empty.
bool mq_wire_topic(const struct mq *mq, const char *topic, char dst[MQ_WIRE_TOPIC_MAX]);
char *mq_copy_text(const char *text); // aborts without memory

void mq_subscriptions_renew(struct mq *mq);
void mq_subscriptions_deliver(struct mq *mq, struct mq_event *event, int64_t now_ms);
void mq_subscription_refused(struct mq *mq, const struct mq_event *event);

void mq_calls_init(struct mq *mq);
void mq_calls_lost(struct mq *mq, const struct ew_reason *reason);
void mq_calls_refused(struct mq *mq, uint64_t call, int code);
void mq_calls_done(struct mq *mq);

void mq_requests_done(struct mq *mq);

#endif
