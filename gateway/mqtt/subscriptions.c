// Which handler sees which message. MQTT's subscription identifiers say it: each subscription has its own
// number, the broker puts the numbers of all that match into the message, or sends one message for each.
#include "mqtt/mq_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include <assert.h>
#include <string.h>

void mq_subscriptions_renew(struct mq *mq)
{
    for (int i = 0; i < MQ_SUBSCRIPTIONS_MAX; i++) {
        const struct mq_subscription *s = &mq->subscriptions[i];
        if (s->id)
            mq_session_subscribe(mq->session, s->filter, s->qos, s->id);
    }
}

void mq_subscribe(struct mq *mq, const char *filter, int qos, mq_message_fn *fn, void *user)
{
    struct mq_subscription *s = mq->subscriptions;
    while (s < mq->subscriptions + MQ_SUBSCRIPTIONS_MAX && s->id)
        s++;
    char wire[MQ_WIRE_TOPIC_MAX];
    bool ok = s < mq->subscriptions + MQ_SUBSCRIPTIONS_MAX && mq_wire_topic(mq, filter, wire);
    assert(ok);
    if (!ok) {
        ew_error("mqtt", "no room for a subscription to %s", filter);
        return;
    }
    *s = (struct mq_subscription){.id = ++mq->subscription_count, .qos = qos, .fn = fn, .user = user};
    memcpy(s->filter, wire, sizeof(wire));
    if (mq->phase == MQ_CONNECTED)
        mq_session_subscribe(mq->session, s->filter, s->qos, s->id);
}

void mq_unsubscribe(struct mq *mq, const char *filter)
{
    char wire[MQ_WIRE_TOPIC_MAX];
    if (!mq_wire_topic(mq, filter, wire))
        return;
    bool found = false;
    for (int i = 0; i < MQ_SUBSCRIPTIONS_MAX; i++) {
        struct mq_subscription *s = &mq->subscriptions[i];
        if (s->id && strcmp(s->filter, wire) == 0) {
            s->id = 0;
            found = true;
        }
    }
    if (found && mq->phase == MQ_CONNECTED)
        mq_session_unsubscribe(mq->session, wire);
}

void mq_subscription_refused(struct mq *mq, const struct mq_event *event)
{
    for (int i = 0; i < MQ_SUBSCRIPTIONS_MAX; i++)
        if (mq->subscriptions[i].id == event->subscription)
            ew_error("mqtt", "the broker refused the subscription to %s: %s, going on without",
                     mq->subscriptions[i].filter, mq_code_text(event->code));
}

// Strips base, or puts "/" in front of what is not below it.
static void topic_below_base(const struct mq *mq, const char *wire, char dst[MQ_WIRE_TOPIC_MAX])
{
    size_t base_len = strlen(mq->options.base);
    if (strncmp(wire, mq->options.base, base_len) == 0 && wire[base_len] == '/')
        ew_copy(dst, MQ_WIRE_TOPIC_MAX, wire + base_len + 1);
    else
        (void)ew_format(dst, MQ_WIRE_TOPIC_MAX, "/%s", wire);
}

// A property of text as a 0-terminated string; text that does not fit or holds a 0 byte becomes "".
static bool text_property(MQTTProperties *properties, enum MQTTPropertyCodes code, char *dst, size_t size)
{
    const MQTTProperty *p = MQTTProperties_getProperty(properties, code);
    if (!p)
        return false;
    dst[0] = 0;
    size_t len = p->value.data.len > 0 ? (size_t)p->value.data.len : 0;
    if (len && len < size && !memchr(p->value.data.data, 0, len)) {
        memcpy(dst, p->value.data.data, len);
        dst[len] = 0;
    }
    return true;
}

static void deliver_to(struct mq *mq, const char *filter, const struct mq_message *message, int64_t now_ms)
{
    for (int i = 0; i < MQ_SUBSCRIPTIONS_MAX; i++) {
        const struct mq_subscription *s = &mq->subscriptions[i];
        if (s->id && strcmp(s->filter, filter) == 0)
            s->fn(s->user, message, now_ms);
    }
}

static void deliver_by_id(struct mq *mq, uint32_t id, const struct mq_message *message, int64_t now_ms)
{
    for (int i = 0; i < MQ_SUBSCRIPTIONS_MAX; i++) {
        if (mq->subscriptions[i].id != id)
            continue;
        char filter[MQ_WIRE_TOPIC_MAX]; // handlers may change the table
        memcpy(filter, mq->subscriptions[i].filter, sizeof(filter));
        deliver_to(mq, filter, message, now_ms); // two subscriptions to the same filter are one to the broker
        return;
    }
}

void mq_subscriptions_deliver(struct mq *mq, struct mq_event *event, int64_t now_ms)
{
    MQTTProperties *properties = &event->message->properties;
    char topic[MQ_WIRE_TOPIC_MAX], response_topic[MQ_WIRE_TOPIC_MAX];
    if (strlen(event->paho_topic) >= MQ_WIRE_TOPIC_MAX - 1)
        return; // none of ours is that long
    topic_below_base(mq, event->paho_topic, topic);
    struct mq_message message = {.topic = topic,
                                 .payload = event->message->payload ? event->message->payload : "",
                                 .payload_len = (size_t)event->message->payloadlen,
                                 .retained = event->message->retained,
                                 .expiry_s = -1};
    const MQTTProperty *expiry =
        MQTTProperties_getProperty(properties, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL);
    if (expiry) {
        int64_t left_ms = (int64_t)expiry->value.integer4 * 1000 - (now_ms - event->up_ms);
        if (left_ms <= 0)
            return; // its time ran out while it waited for us
        message.expiry_s = left_ms / 1000;
    }
    if (text_property(properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC, response_topic, sizeof(response_topic)))
        message.response_topic = response_topic;
    const MQTTProperty *correlation =
        MQTTProperties_getProperty(properties, MQTTPROPERTY_CODE_CORRELATION_DATA);
    if (correlation) {
        message.correlation = correlation->value.data.data;
        message.correlation_len = (size_t)correlation->value.data.len;
    }
    int ids = MQTTProperties_propertyCount(properties, MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER);
    for (int i = 0; i < ids; i++) {
        const MQTTProperty *id =
            MQTTProperties_getPropertyAt(properties, MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER, i);
        deliver_by_id(mq, id->value.integer4, &message, now_ms);
    }
}
