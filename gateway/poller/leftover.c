#include "poller/leftover.h"

#include "base/limits.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>

// Every device has a status and up to nine groups.
enum { TOPICS_MAX = (EW_DEVICES_MAX + EW_BUSES_MAX) * 10 };

static const char *const filters[] = {"bus/+/status",        "bus/+/scan",     "device/+/status",
                                      "device/+/measures/+", "device/+/state", "device/+/charge",
                                      "device/+/links"};
enum { FILTERS = sizeof(filters) / sizeof(filters[0]) };

struct leftover {
    struct mq *mq;
    bool listening;
    char **topics;
    int count, capacity;
};

struct leftover *leftover_new(struct mq *mq)
{
    struct leftover *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    l->mq = mq;
    return l;
}

static void forget(struct leftover *l)
{
    for (int i = 0; i < l->count; i++)
        free(l->topics[i]);
    l->count = 0;
}

void leftover_free(struct leftover *l)
{
    if (!l)
        return;
    forget(l);
    free(l->topics);
    free(l);
}

static void on_message(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct leftover *l = user;
    if (!message->retained || message->payload_len == 0 || !l->listening || l->count >= TOPICS_MAX)
        return;
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 64;
        l->topics = realloc(l->topics, sizeof(*l->topics) * (size_t)l->capacity);
        if (!l->topics)
            abort();
    }
    l->topics[l->count] = strdup(message->topic);
    if (!l->topics[l->count++])
        abort();
}

void leftover_listen(struct leftover *l)
{
    forget(l);
    if (!l->listening)
        for (int i = 0; i < FILTERS; i++)
            mq_subscribe(l->mq, filters[i], 1, on_message, l);
    l->listening = true;
}

void leftover_clear(struct leftover *l, const struct fleet *fleet)
{
    if (!l->listening)
        return;
    l->listening = false;
    for (int i = 0; i < FILTERS; i++)
        mq_unsubscribe(l->mq, filters[i]);
    int cleared = 0;
    for (int i = 0; i < l->count; i++)
        if (!fleet_owns(fleet, l->topics[i]) && mq_clear(l->mq, l->topics[i]) == EW_OK)
            cleared++;
    if (cleared > 0)
        ew_info("poller", "cleared %d retained topics of an earlier run", cleared);
    forget(l);
}
