#include "config/broker_watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 32 };

// mosquitto(8), "Broker status": plain decimal numbers.
static void on_figure(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct broker_figure *figure = user;
    char text[NUMBER_MAX], *end;
    if (message->payload_len == 0 || message->payload_len >= sizeof(text))
        return;
    memcpy(text, message->payload, message->payload_len);
    text[message->payload_len] = 0;
    double value = strtod(text, &end);
    figure->known = end != text && !*end && isfinite(value) && value >= 0;
    figure->value = value;
}

void broker_watch_start(struct broker_watch *watch, struct mq *mq)
{
    mq_subscribe(mq, "/$SYS/broker/clients/connected", 0, on_figure, &watch->clients);
    mq_subscribe(mq, "/$SYS/broker/load/messages/received/1min", 0, on_figure, &watch->received_min);
    mq_subscribe(mq, "/$SYS/broker/load/messages/sent/1min", 0, on_figure, &watch->sent_min);
    mq_subscribe(mq, "/$SYS/broker/heap/current", 0, on_figure, &watch->heap_bytes);
}

static void write_figure(struct ew_jw *w, const char *name, const struct broker_figure *figure, double per)
{
    if (figure->known)
        ew_jw_number(w, name, round(figure->value / per * 10) / 10);
    else
        ew_jw_null(w, name);
}

void broker_watch_write(const struct broker_watch *watch, struct ew_jw *w)
{
    ew_jw_open_object(w, "broker");
    write_figure(w, "clients", &watch->clients, 1);
    write_figure(w, "received_s", &watch->received_min, 60);
    write_figure(w, "sent_s", &watch->sent_min, 60);
    write_figure(w, "heap_bytes", &watch->heap_bytes, 1);
    ew_jw_close_object(w);
}
