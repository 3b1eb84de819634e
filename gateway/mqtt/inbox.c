#include "mqtt/mq_priv.h"

#include "base/clock.h"
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void mq_inbox_init(struct mq_inbox *inbox)
{
    *inbox = (struct mq_inbox){0};
    pthread_mutex_init(&inbox->lock, NULL);
    inbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (inbox->fd < 0)
        abort();
}

void mq_inbox_done(struct mq_inbox *inbox)
{
    struct mq_event *event;
    while ((event = mq_inbox_take(inbox)) != NULL)
        mq_event_free(event);
    close(inbox->fd);
    pthread_mutex_destroy(&inbox->lock);
}

struct mq_event *mq_event_new(enum mq_event_kind kind, uint32_t session, const char *topic)
{
    size_t len = topic ? strlen(topic) + 1 : 1;
    struct mq_event *event = calloc(1, sizeof(*event) + len);
    if (!event)
        abort();
    event->kind = kind;
    event->session = session;
    event->up_ms = ew_clock_up_ms();
    if (topic)
        memcpy(event->topic, topic, len);
    return event;
}

void mq_event_free(struct mq_event *event)
{
    if (!event)
        return;
    if (event->message)
        MQTTAsync_freeMessage(&event->message);
    if (event->paho_topic)
        MQTTAsync_free(event->paho_topic);
    free(event);
}

static size_t weight(const struct mq_event *event)
{
    return event->message ? (size_t)event->message->payloadlen : 0;
}

static void wake(struct mq_inbox *inbox)
{
    if (inbox->count == 0 && !inbox->overflowed && eventfd_write(inbox->fd, 1) != 0)
        abort(); // can only fail by overflow, which the test before it excludes
}

void mq_inbox_put(struct mq_inbox *inbox, struct mq_event *event)
{
    pthread_mutex_lock(&inbox->lock);
    wake(inbox);
    // Only messages are refused: the other kinds are few by nature and must not be lost.
    bool full = event->kind == MQ_EVENT_MESSAGE &&
                (inbox->count >= MQ_INBOX_MAX || inbox->bytes + weight(event) > MQ_INBOX_BYTES_MAX);
    if (full) {
        inbox->overflowed = true;
    } else {
        if (inbox->last)
            inbox->last->next = event;
        else
            inbox->first = event;
        inbox->last = event;
        inbox->count++;
        inbox->bytes += weight(event);
    }
    pthread_mutex_unlock(&inbox->lock);
    if (full)
        mq_event_free(event);
}

// Empties the eventfd when there is nothing more to do.
static void settle(struct mq_inbox *inbox)
{
    eventfd_t ignored;
    if (inbox->count == 0 && !inbox->overflowed && eventfd_read(inbox->fd, &ignored) != 0)
        abort();
}

struct mq_event *mq_inbox_take(struct mq_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    struct mq_event *event = inbox->first;
    if (event) {
        inbox->first = event->next;
        if (!inbox->first)
            inbox->last = NULL;
        inbox->count--;
        inbox->bytes -= weight(event);
        settle(inbox);
    }
    pthread_mutex_unlock(&inbox->lock);
    return event;
}

bool mq_inbox_overflowed(struct mq_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    bool overflowed = inbox->overflowed;
    if (overflowed) {
        inbox->overflowed = false;
        settle(inbox);
    }
    pthread_mutex_unlock(&inbox->lock);
    return overflowed;
}
