// What the broker says of itself below $SYS, for the health page (SYS-07).
#ifndef EDGEWATT_CONFIG_BROKER_WATCH_H
#define EDGEWATT_CONFIG_BROKER_WATCH_H

#include "base/json.h"
#include "mqtt/mq.h"

struct broker_watch { // zeroed = nothing known
    struct broker_figure {
        bool known;
        double value;
    } clients, received_min, sent_min, heap_bytes; // received_min: messages a minute, mean of the last one
};

void broker_watch_start(struct broker_watch *watch, struct mq *mq);
// "broker": {clients, received_s, sent_s, heap_bytes}; null until known.
void broker_watch_write(const struct broker_watch *watch, struct ew_jw *w);

#endif
