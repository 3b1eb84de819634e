// The adapter: life of the connection, back-off, publishing.
#include "mqtt/mq_priv.h"

#include "base/log.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum {
    RETRY_FIRST_MS = 200,
    RETRY_MAX_MS = 5000,
    STABLE_MS = 2000, // a connection that lasted this long makes the next back-off begin at the first step
    ATTEMPT_MAX_MS = 12000, // Paho looks at its own time-out (5 s) every 3 s
    CLOSE_MS = 1000,
    MQ_CLIENT_ID_MAX = 128,
};

char *mq_copy_text(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        abort();
    return copy;
}

bool mq_wire_topic(const struct mq *mq, const char *topic, char dst[MQ_WIRE_TOPIC_MAX])
{
    if (topic[0] == '/')
        return topic[1] && ew_format(dst, MQ_WIRE_TOPIC_MAX, "%s", topic + 1) == EW_OK;
    return topic[0] && ew_format(dst, MQ_WIRE_TOPIC_MAX, "%s/%s", mq->options.base, topic) == EW_OK;
}

// ---- Connecting -------------------------------------------------------------------------------------------

// Whoever connects with another client's id throws that client out, whatever his rights are (MQTT 5, 3.1.4).
// So ours is the account and 64 bits that follow from its password: the same after a restart, and not to be
// guessed.
static void client_id(const struct mq *mq, char dst[MQ_CLIENT_ID_MAX])
{
    uint64_t hash = 14695981039346656037u; // FNV-1a
    for (const char *p = mq->options.password; p && *p; p++)
        hash = (hash ^ (unsigned char)*p) * 1099511628211u;
    for (size_t i = 0; mq->options.several && i < sizeof(mq->run); i++)
        hash = (hash ^ mq->run[i]) * 1099511628211u;
    (void)ew_format(dst, MQ_CLIENT_ID_MAX, "%s-%016llx", mq->options.user, (unsigned long long)hash);
}

static void connect_now(struct mq *mq, int64_t now_ms)
{
    char id[MQ_CLIENT_ID_MAX];
    client_id(mq, id);
    mq_session_free(mq->session);
    mq->session = mq_session_new(&mq->inbox, ++mq->session_count, id);
    mq->phase = MQ_CONNECTING;
    ew_loop_timer_set(mq->loop, &mq->retry, now_ms + ATTEMPT_MAX_MS);
    if (mq_session_connect(mq->session, &mq->options) != EW_OK)
        ew_error("mqtt", "can't begin to connect to %s:%d: not a valid address or password, retrying",
                 mq->options.host, mq->options.port);
}

static void retry_later(struct mq *mq, int64_t now_ms)
{
    int step = mq->attempts < 5 ? mq->attempts : 5;
    int delay_ms = RETRY_FIRST_MS << step;
    if (delay_ms > RETRY_MAX_MS)
        delay_ms = RETRY_MAX_MS;
    mq->attempts++;
    mq->phase = MQ_WAITING;
    ew_loop_timer_set(mq->loop, &mq->retry, now_ms + delay_ms);
}

static void lost(struct mq *mq, int code, int64_t now_ms)
{
    bool was_connected = mq->phase == MQ_CONNECTED;
    if (mq->phase == MQ_WAITING)
        return; // heard already
    if (was_connected && now_ms - mq->connected_ms >= STABLE_MS)
        mq->attempts = 0;
    retry_later(mq, now_ms);
    struct ew_reason reason;
    (void)ew_fail(&reason, EW_E_CLOSED, was_connected ? "mqtt.lost" : "mqtt.refused", NULL, "%s %s:%d: %s",
                  was_connected ? "lost the connection to the broker" : "can't connect to the broker",
                  mq->options.host, mq->options.port, mq_code_text(code));
    ew_warning("mqtt", "%s, retrying", reason.text);
    if (!was_connected)
        return;
    mq_calls_lost(mq, &reason);
    if (mq->state_fn)
        mq->state_fn(mq->state_user, false, &reason);
}

static void connected(struct mq *mq, int64_t now_ms)
{
    if (mq->phase != MQ_CONNECTING)
        return; // too late: given up meanwhile
    mq->phase = MQ_CONNECTED;
    mq->connected_ms = now_ms;
    ew_loop_timer_clear(mq->loop, &mq->retry);
    ew_notice("mqtt", "connected to %s:%d as %s", mq->options.host, mq->options.port, mq->options.user);
    mq_subscriptions_renew(mq);
    if (mq->state_fn)
        mq->state_fn(mq->state_user, true, NULL);
}

static void on_retry(struct ew_timer *timer, int64_t now_ms)
{
    struct mq *mq = timer->user;
    if (mq->phase == MQ_CONNECTING)
        lost(mq, MQTTASYNC_FAILURE, now_ms);
    else
        connect_now(mq, now_ms);
}

// ---- Events -----------------------------------------------------------------------------------------------

static void handle(struct mq *mq, struct mq_event *event, int64_t now_ms)
{
    if (!mq->session || event->session != mq->session->id)
        return; // of an earlier connection
    switch (event->kind) {
    case MQ_EVENT_CONNECTED:
        connected(mq, now_ms);
        break;
    case MQ_EVENT_LOST:
        lost(mq, event->code, now_ms);
        break;
    case MQ_EVENT_MESSAGE:
        if (mq->phase == MQ_CONNECTED)
            mq_subscriptions_deliver(mq, event, now_ms);
        break;
    case MQ_EVENT_PUBLISH_REFUSED:
        ew_warning("mqtt", "the broker refused a message to %s: %s, ignoring", event->topic,
                   mq_code_text(event->code));
        mq_calls_refused(mq, event->call, event->code);
        break;
    case MQ_EVENT_SUBSCRIBE_REFUSED:
        mq_subscription_refused(mq, event);
        break;
    }
}

static void on_inbox(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)fd;
    (void)events;
    struct mq *mq = user;
    if (mq_inbox_overflowed(&mq->inbox) && mq->phase == MQ_CONNECTED) {
        ew_error("mqtt", "more than %d messages or %d bytes waited, connecting anew", MQ_INBOX_MAX,
                 MQ_INBOX_BYTES_MAX);
        lost(mq, MQTTREASONCODE_QUOTA_EXCEEDED, now_ms);
    }
    for (int i = 0; i < MQ_INBOX_BATCH; i++) {
        struct mq_event *event = mq_inbox_take(&mq->inbox);
        if (!event)
            return;
        handle(mq, event, now_ms);
        mq_event_free(event);
    }
}

// ---- Life -------------------------------------------------------------------------------------------------

static void free_options(struct mq *mq)
{
    free((char *)(uintptr_t)mq->options.host);
    free((char *)(uintptr_t)mq->options.user);
    free((char *)(uintptr_t)mq->options.password);
    free((char *)(uintptr_t)mq->options.base);
    free((char *)(uintptr_t)mq->options.will_topic);
    free((char *)(uintptr_t)mq->options.will_payload);
}

struct mq *mq_new(struct ew_loop *loop, const struct mq_options *options)
{
    struct mq *mq = calloc(1, sizeof(*mq));
    if (!mq)
        abort();
    mq->loop = loop;
    mq->options = (struct mq_options){.host = mq_copy_text(options->host),
                                      .port = options->port,
                                      .user = mq_copy_text(options->user),
                                      .password = mq_copy_text(options->password),
                                      .base = mq_copy_text(options->base),
                                      .will_payload = mq_copy_text(options->will_payload)};
    if (options->will_topic) {
        char wire[MQ_WIRE_TOPIC_MAX];
        bool ok = mq_wire_topic(mq, options->will_topic, wire);
        assert(ok);
        mq->options.will_topic = ok ? mq_copy_text(wire) : NULL;
    }
    mq_inbox_init(&mq->inbox);
    ew_loop_add_fd(loop, mq->inbox.fd, EPOLLIN, on_inbox, mq);
    mq_calls_init(mq);
    mq->retry.fn = on_retry;
    mq->retry.user = mq;
    ew_loop_timer_set(loop, &mq->retry, ew_loop_now_ms(loop));
    return mq;
}

void mq_free(struct mq *mq)
{
    if (!mq)
        return;
    if (mq->phase == MQ_CONNECTED)
        mq_session_close(mq->session, CLOSE_MS);
    mq->phase = MQ_WAITING;
    ew_loop_timer_clear(mq->loop, &mq->retry);
    ew_loop_remove_fd(mq->loop, mq->inbox.fd);
    mq_calls_done(mq);
    mq_requests_done(mq);
    mq_session_free(mq->session);
    mq_inbox_done(&mq->inbox);
    free_options(mq);
    free(mq);
}

void mq_set_broker(struct mq *mq, const char *host, int port, const char *password)
{
    if (mq->options.port == port && strcmp(mq->options.host, host) == 0 &&
        strcmp(mq->options.password, password) == 0)
        return;
    free((char *)(uintptr_t)mq->options.host);
    free((char *)(uintptr_t)mq->options.password);
    mq->options.host = mq_copy_text(host);
    mq->options.password = mq_copy_text(password);
    mq->options.port = port;
    mq->attempts = 0;
    if (mq->phase == MQ_WAITING)
        ew_loop_timer_set(mq->loop, &mq->retry, ew_loop_now_ms(mq->loop));
}

void mq_on_state(struct mq *mq, mq_state_fn *fn, void *user)
{
    mq->state_fn = fn;
    mq->state_user = user;
}

bool mq_connected(const struct mq *mq)
{
    return mq->phase == MQ_CONNECTED;
}

// ---- Publishing -------------------------------------------------------------------------------------------

enum ew_err mq_publish(struct mq *mq, const char *topic, const void *payload, size_t len,
                       struct mq_publish_options options)
{
    char wire[MQ_WIRE_TOPIC_MAX];
    if (len > EW_MQTT_PAYLOAD_MAX)
        return EW_E_TOO_LARGE;
    if (options.qos < 0 || options.qos > 1 || !mq_wire_topic(mq, topic, wire) || strpbrk(wire, "+#"))
        return EW_E_INVALID;
    if (mq->phase != MQ_CONNECTED)
        return EW_E_CLOSED;
    return mq_session_send(
        mq->session,
        &(struct mq_outgoing){.topic = wire, .payload = payload, .len = len, .options = options});
}

enum ew_err mq_retain(struct mq *mq, const char *topic, const struct ew_buf *payload)
{
    if (payload->full)
        return EW_E_TOO_LARGE; // its end is missing
    return mq_publish(mq, topic, payload->data, payload->len,
                      (struct mq_publish_options){.qos = 1, .retain = true});
}

enum ew_err mq_clear(struct mq *mq, const char *topic)
{
    return mq_publish(mq, topic, NULL, 0, (struct mq_publish_options){.qos = 1, .retain = true});
}
