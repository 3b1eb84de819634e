// One Paho handle from connect to loss. Paho keeps commands that were queued but not sent over a reconnect,
// and we promise that nothing is: so each attempt to connect gets a handle of its own.
#include "mqtt/mq_priv.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEEP_ALIVE_S = 5, CONNECT_TIMEOUT_S = 5, RECEIVE_MAXIMUM_DEFAULT = 65535 };

const char *mq_code_text(int code)
{
    switch (code) { // Paho's own codes are negative
    case MQTTASYNC_FAILURE:
        return "connection refused or lost";
    case MQTTASYNC_DISCONNECTED:
        return "not connected";
    case MQTTASYNC_MAX_BUFFERED_MESSAGES:
        return "queue full";
    case MQTTASYNC_OPERATION_INCOMPLETE:
        return "connection lost meanwhile";
    default: {
        const char *text = code >= 0 ? MQTTReasonCode_toString((enum MQTTReasonCodes)code) : NULL;
        return text ? text : "unknown reason";
    }
    }
}

// ---- Paho's threads: these only queue ---------------------------------------------------------------------

static void put_event(struct mq_session *s, enum mq_event_kind kind, int code)
{
    struct mq_event *event = mq_event_new(kind, s->id, NULL);
    event->code = code;
    mq_inbox_put(s->inbox, event);
}

static void on_connected(void *context, MQTTAsync_successData5 *data)
{
    struct mq_session *s = context;
    const MQTTProperty *receive_maximum =
        MQTTProperties_getProperty(&data->properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM);
    pthread_mutex_lock(&s->lock);
    s->receive_maximum = receive_maximum ? receive_maximum->value.integer2 : RECEIVE_MAXIMUM_DEFAULT;
    pthread_mutex_unlock(&s->lock);
    put_event(s, MQ_EVENT_CONNECTED, 0);
}

static void on_connect_failed(void *context, MQTTAsync_failureData5 *data)
{
    put_event(context, MQ_EVENT_LOST, data->code ? data->code : (int)data->reasonCode);
}

static void on_lost(void *context, char *cause)
{
    (void)cause; // always NULL in this version
    put_event(context, MQ_EVENT_LOST, MQTTASYNC_FAILURE);
}

// The broker's own DISCONNECT; Paho then does not report the loss.
static void on_disconnected_by_broker(void *context, MQTTProperties *properties, enum MQTTReasonCodes code)
{
    (void)properties;
    put_event(context, MQ_EVENT_LOST, (int)code);
}

static int on_message(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    struct mq_session *s = context;
    struct mq_event *event = mq_event_new(MQ_EVENT_MESSAGE, s->id, NULL);
    event->message = message;
    event->paho_topic = topic;
    if (topic_len != 0 && strlen(topic) != (size_t)topic_len)
        mq_event_free(event); // a 0 byte in a topic: not one of ours
    else
        mq_inbox_put(s->inbox, event);
    return 1;
}

static void sending_done(struct mq_sending *sending)
{
    struct mq_session *s = sending->session;
    pthread_mutex_lock(&s->lock);
    if (sending->previous)
        sending->previous->next = sending->next;
    else
        s->sending = sending->next;
    if (sending->next)
        sending->next->previous = sending->previous;
    s->sending_count--;
    s->sending_bytes -= sending->bytes;
    bool others_waited = s->sending_count + 1 >= s->receive_maximum;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (others_waited)
        mq_wake_sender(); // Paho itself would look again after a second
    free(sending);
}

static void on_sent(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    sending_done(context);
}

static void on_not_sent(void *context, MQTTAsync_failureData5 *data)
{
    struct mq_sending *sending = context;
    if ((int)data->reasonCode >= (int)MQTTREASONCODE_UNSPECIFIED_ERROR) { // the broker said no
        struct mq_event *event = mq_event_new(MQ_EVENT_PUBLISH_REFUSED, sending->session->id, sending->topic);
        event->code = (int)data->reasonCode;
        event->call = sending->call;
        mq_inbox_put(sending->session->inbox, event);
    }
    sending_done(sending);
}

// A subscription is named by session and id; a small copy travels through Paho.
struct subscribing {
    struct mq_session *session;
    uint32_t id;
};

static void on_subscribed(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    free(context);
}

static void on_not_subscribed(void *context, MQTTAsync_failureData5 *data)
{
    struct subscribing *subscribing = context;
    if ((int)data->reasonCode >= (int)MQTTREASONCODE_UNSPECIFIED_ERROR) {
        struct mq_event *event = mq_event_new(MQ_EVENT_SUBSCRIBE_REFUSED, subscribing->session->id, NULL);
        event->code = (int)data->reasonCode;
        event->subscription = subscribing->id;
        mq_inbox_put(subscribing->session->inbox, event);
    }
    free(subscribing);
}

static void on_closed(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    struct mq_session *s = context;
    pthread_mutex_lock(&s->lock);
    s->disconnected = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

// ---- The loop's thread ------------------------------------------------------------------------------------

static MQTTAsync create_handle(const char *client_id)
{
    MQTTAsync handle = NULL;
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer5;
    options.maxBufferedMessages = MQ_OUTBOX_MAX + MQ_SUBSCRIPTIONS_MAX; // the real ceiling is ours
    if (MQTTAsync_createWithOptions(&handle, "tcp://127.0.0.1:1883", client_id, MQTTCLIENT_PERSISTENCE_NONE,
                                    NULL, &options) != MQTTASYNC_SUCCESS)
        abort(); // no memory, or a client id that is not UTF-8
    return handle;
}

// Paho stops its threads when the last handle goes, and that takes a second. This one, never connected, stays
// as long as the process, and so do the threads.
static void keep_threads(void)
{
    static MQTTAsync keeper;
    if (!keeper)
        keeper = create_handle("keeper");
}

struct mq_session *mq_session_new(struct mq_inbox *inbox, uint32_t id, const char *client_id)
{
    keep_threads();
    struct mq_session *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->inbox = inbox;
    s->id = id;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    s->handle = create_handle(client_id);
    MQTTAsync_setCallbacks(s->handle, s, on_lost, on_message, NULL);
    MQTTAsync_setDisconnected(s->handle, s, on_disconnected_by_broker);
    return s;
}

void mq_session_free(struct mq_session *s)
{
    if (!s)
        return;
    MQTTAsync_destroy(&s->handle); // reports on everything that is still queued
    for (struct mq_sending *sending = s->sending, *next; sending; sending = next) {
        next = sending->next; // none should be left
        free(sending);
    }
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void add_number(MQTTProperties *properties, enum MQTTPropertyCodes code, uint32_t value)
{
    MQTTProperty property = {.identifier = code};
    property.value.integer4 = value;
    if (MQTTProperties_add(properties, &property) != 0)
        abort();
}

static void add_bytes(MQTTProperties *properties, enum MQTTPropertyCodes code, const void *data, size_t len)
{
    MQTTProperty property = {.identifier = code};
    property.value.data = (MQTTLenString){.len = (int)len, .data = (char *)(uintptr_t)data}; // copied
    if (MQTTProperties_add(properties, &property) != 0)
        abort();
}

enum ew_err mq_session_connect(struct mq_session *s, const struct mq_options *o)
{
    char uri[EW_HOST_MAX + 16];
    if (ew_format(uri, sizeof(uri), "tcp://%s:%d", o->host, o->port) != EW_OK)
        return EW_E_INVALID;
    char *const uris[] = {uri};
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    will.topicName = o->will_topic;
    will.message = o->will_payload;
    will.retained = 1;
    will.qos = 1;
    MQTTProperties properties = MQTTProperties_initializer; // session expiry stays 0: nothing is kept for us
    add_number(&properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, EW_MQTT_PAYLOAD_MAX + 65536);
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer5;
    options.keepAliveInterval = KEEP_ALIVE_S;
    options.connectTimeout = CONNECT_TIMEOUT_S;
    options.cleanstart = 1;
    options.will = o->will_topic ? &will : NULL;
    options.username = o->user;
    options.password = o->password;
    options.serverURIcount = 1;
    options.serverURIs = uris;
    options.connectProperties = &properties;
    options.onSuccess5 = on_connected;
    options.onFailure5 = on_connect_failed;
    options.context = s;
    int rc = MQTTAsync_connect(s->handle, &options);
    MQTTProperties_free(&properties);
    return rc == MQTTASYNC_SUCCESS ? EW_OK : EW_E_INVALID;
}

// Takes note of a message before Paho may report on it; NULL when the ceiling is reached.
static struct mq_sending *sending_begin(struct mq_session *s, const struct mq_outgoing *out)
{
    size_t topic_size = strlen(out->topic) + 1;
    struct mq_sending *sending = calloc(1, sizeof(*sending) + topic_size);
    if (!sending)
        abort();
    sending->session = s;
    sending->bytes = out->len;
    sending->call = out->call;
    memcpy(sending->topic, out->topic, topic_size);
    pthread_mutex_lock(&s->lock);
    bool room = s->sending_count < MQ_OUTBOX_MAX && s->sending_bytes + out->len <= MQ_OUTBOX_BYTES_MAX;
    if (room) {
        sending->next = s->sending;
        if (s->sending)
            s->sending->previous = sending;
        s->sending = sending;
        s->sending_count++;
        s->sending_bytes += out->len;
    }
    pthread_mutex_unlock(&s->lock);
    if (!room) {
        free(sending);
        return NULL;
    }
    return sending;
}

static enum ew_err send_error(int rc)
{
    switch (rc) {
    case MQTTASYNC_SUCCESS:
        return EW_OK;
    case MQTTASYNC_DISCONNECTED:
        return EW_E_CLOSED;
    case MQTTASYNC_MAX_BUFFERED_MESSAGES:
    case MQTTASYNC_NO_MORE_MSGIDS:
        return EW_E_FULL;
    default:
        return EW_E_INVALID; // a topic that is not UTF-8
    }
}

enum ew_err mq_session_send(struct mq_session *s, const struct mq_outgoing *out)
{
    struct mq_sending *sending = sending_begin(s, out);
    if (!sending)
        return EW_E_FULL;
    MQTTAsync_message message = MQTTAsync_message_initializer;
    message.payload = (void *)(uintptr_t)(out->len ? out->payload : ""); // only read, and copied
    message.payloadlen = (int)out->len;
    message.qos = out->options.qos;
    message.retained = out->options.retain;
    if (out->options.expiry_s > 0)
        add_number(&message.properties, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL,
                   (uint32_t)out->options.expiry_s);
    if (out->response_topic)
        add_bytes(&message.properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC, out->response_topic,
                  strlen(out->response_topic));
    if (out->correlation)
        add_bytes(&message.properties, MQTTPROPERTY_CODE_CORRELATION_DATA, out->correlation,
                  out->correlation_len);
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    response.onSuccess5 = on_sent;
    response.onFailure5 = on_not_sent;
    response.context = sending;
    enum ew_err err = send_error(MQTTAsync_sendMessage(s->handle, out->topic, &message, &response));
    MQTTProperties_free(&message.properties);
    if (err != EW_OK)
        sending_done(sending);
    return err;
}

void mq_session_subscribe(struct mq_session *s, const char *filter, int qos, uint32_t id)
{
    struct subscribing *subscribing = malloc(sizeof(*subscribing));
    if (!subscribing)
        abort();
    *subscribing = (struct subscribing){.session = s, .id = id};
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    response.onSuccess5 = on_subscribed;
    response.onFailure5 = on_not_subscribed;
    response.context = subscribing;
    add_number(&response.properties, MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER, id);
    int rc = MQTTAsync_subscribe(s->handle, filter, qos, &response);
    MQTTProperties_free(&response.properties);
    if (rc != MQTTASYNC_SUCCESS)
        free(subscribing); // the connection is gone: the next one subscribes again
}

void mq_session_unsubscribe(struct mq_session *s, const char *filter)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    (void)MQTTAsync_unsubscribe(s->handle, filter, &response); // fails only without a connection
}

static struct timespec deadline_after(int timeout_ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += timeout_ms / 1000;
    t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

void mq_session_close(struct mq_session *s, int timeout_ms)
{
    struct timespec deadline = deadline_after(timeout_ms);
    pthread_mutex_lock(&s->lock);
    int r = 0;
    while (s->sending_count && r == 0)
        r = pthread_cond_timedwait(&s->changed, &s->lock, &deadline);
    pthread_mutex_unlock(&s->lock);
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer5;
    options.onSuccess5 = on_closed;
    options.context = s;
    if (r != 0 || MQTTAsync_disconnect(s->handle, &options) != MQTTASYNC_SUCCESS)
        return; // what is left ends with the handle
    pthread_mutex_lock(&s->lock);
    while (!s->disconnected && r == 0)
        r = pthread_cond_timedwait(&s->changed, &s->lock, &deadline);
    pthread_mutex_unlock(&s->lock);
}
