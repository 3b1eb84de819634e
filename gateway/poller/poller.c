// The poller service: configuration in, measures and states out.
#include "poller/fleet.h"
#include "poller/leftover.h"
#include "poller/tools.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/command/command.h"
#include "core/topic/topic.h"
#include "poller/poller.h"
#include "service/service.h"
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 2000, AWAKE_MS = 250, STALL_MS = 1000 };

struct poller {
    struct fleet *fleet;
    struct leftover *leftover;
    struct tools *tools;
    struct ew_service *service;
    struct ew_timer settle;
    bool config_came; // since the connect
    struct ew_timer awake;
    int64_t awake_ms, stalled_from_ms, suspect_until_ms;
};

// Messages that came while this process stood still (stopped, or the machine suspended) are found when it
// goes on, and look as if they had just been sent: what is found soon after a gap counts as sent at its
// begin.
static void note_stall(struct poller *p, int64_t now_ms)
{
    if (now_ms - p->awake_ms > STALL_MS) {
        p->stalled_from_ms = p->awake_ms;
        p->suspect_until_ms = now_ms + STALL_MS;
    }
    p->awake_ms = now_ms;
}

static void on_awake(struct ew_timer *timer, int64_t now_ms)
{
    struct poller *p = timer->user;
    note_stall(p, now_ms);
    ew_loop_timer_set(p->service->loop, timer, now_ms + AWAKE_MS);
}

static enum ew_err retain(void *user, const char *topic, const struct ew_buf *payload)
{
    struct poller *p = user;
    // A measure that is lost on the way is followed by the next, and after a connect all is published again:
    // it costs no acknowledgement.
    const struct mq_publish_options sample = {.retain = true};
    struct mq *mq = p->service->mq;
    enum ew_err err = !payload ? mq_clear(mq, topic)
                      : strstr(topic, "/measures/") && !payload->full
                          ? mq_publish(mq, topic, payload->data, payload->len, sample)
                          : mq_retain(mq, topic, payload);
    if (err != EW_OK && err != EW_E_CLOSED)
        ew_warning("poller", "topic=%s was not published: %s, retrying", topic, ew_err_sentence(err));
    return err;
}

static void on_settled(struct ew_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct poller *p = timer->user;
    if (p->config_came)
        fleet_end_config(p->fleet);
    leftover_clear(p->leftover, p->fleet);
    tools_publish_all(p->tools); // the fleet knows nothing of scans
}

// Every config object that comes makes the end of the list later, until it was reached once.
static void on_config_message(struct poller *p)
{
    p->config_came = true;
    if (p->settle.heap_index != 0)
        ew_loop_timer_set(p->service->loop, &p->settle, ew_clock_up_ms() + SETTLE_MS);
}

static bool config_id(const struct mq_message *message, int64_t *ret_id)
{
    const char *id = strrchr(message->topic, '/');
    return id && topic_parse_id(id + 1, strlen(id + 1), ret_id);
}

static void on_bus(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct poller *p = user;
    int64_t id;
    if (!config_id(message, &id))
        return;
    on_config_message(p);
    fleet_set_bus(p->fleet, id, message->payload, message->payload_len);
}

static void on_device(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct poller *p = user;
    int64_t id;
    if (!config_id(message, &id))
        return;
    on_config_message(p);
    fleet_set_device(p->fleet, id, message->payload, message->payload_len);
}

static void on_greenup(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct poller *p = user;
    fleet_set_greenup(p->fleet, message->payload, message->payload_len);
}

static void on_site(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct poller *p = user;
    fleet_set_site(p->fleet, message->payload, message->payload_len);
}

static void on_setpoint(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct poller *p = user;
    int64_t id;
    const char *rest;
    // What is retained was not sent just now, whoever did that.
    if (!message->retained && topic_split(message->topic, "device", &id, &rest))
        fleet_setpoint(p->fleet, id, message->payload, message->payload_len);
}

static void on_command(void *user, const struct mq_message *message, int64_t now_ms)
{
    struct poller *p = user;
    int64_t id;
    const char *rest;
    if (message->retained || !topic_split(message->topic, "device", &id, &rest))
        return;
    note_stall(p, now_ms);
    struct fleet_command command = {.payload = message->payload,
                                    .len = message->payload_len,
                                    .expiry_s = message->expiry_s,
                                    .stalled_ms =
                                        now_ms < p->suspect_until_ms ? now_ms - p->stalled_from_ms : 0};
    if (message->response_topic && command_reply_fits(p->service->base, message->response_topic)) {
        command.response_topic = message->response_topic;
        command.correlation = message->correlation;
        command.correlation_len = message->correlation_len;
    }
    fleet_command(p->fleet, id, &command);
}

static void respond(void *user, const char *topic, const void *correlation, size_t correlation_len,
                    const struct ew_buf *payload)
{
    struct poller *p = user;
    enum ew_err err = mq_respond(p->service->mq, topic, payload, correlation, correlation_len);
    if (err != EW_OK)
        ew_warning("poller", "topic=%s: an answer was not sent: %s, ignoring", topic, ew_err_sentence(err));
}

static void on_controller(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct poller *p = user;
    cJSON *tree = NULL;
    bool parsed = message->payload_len > 0 && ew_json_parse(message->payload, message->payload_len,
                                                            EW_MQTT_PAYLOAD_MAX, &tree, NULL) == EW_OK;
    if (parsed)
        fleet_controller(p->fleet, cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "online")));
    cJSON_Delete(tree);
}

static void on_profile(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct poller *p = user;
    const char *id = strrchr(message->topic, '/');
    if (id)
        fleet_set_profile(p->fleet, id + 1, message->payload, message->payload_len);
}

static enum ew_err start(struct ew_service *service, struct ew_reason *reason)
{
    struct poller *p = service->state;
    p->service = service;
    p->settle = (struct ew_timer){.fn = on_settled, .user = p};
    p->awake = (struct ew_timer){.fn = on_awake, .user = p};
    p->awake_ms = ew_clock_up_ms();
    ew_loop_timer_set(service->loop, &p->awake, p->awake_ms + AWAKE_MS);
    p->leftover = leftover_new(service->mq);
    struct fleet_options options = {.loop = service->loop,
                                    .share_dir = service->share_dir,
                                    .data_dir = service->data_dir,
                                    .retain = retain,
                                    .respond = respond,
                                    .user = p};
    enum ew_err err = fleet_new(&options, &p->fleet, reason);
    if (err != EW_OK)
        return err;
    p->tools = tools_new(service, p->fleet);
    mq_subscribe(service->mq, "config/profile/+", 1, on_profile, p);
    mq_subscribe(service->mq, "config/settings/greenup", 1, on_greenup, p);
    mq_subscribe(service->mq, "config/settings/site", 1, on_site, p);
    mq_subscribe(service->mq, "service/controller/status", 1, on_controller, p);
    mq_subscribe(service->mq, "device/+/setpoint", 1, on_setpoint, p);
    mq_subscribe(service->mq, "device/+/command", 1, on_command, p);
    mq_subscribe(service->mq, "config/bus/+", 1, on_bus, p);
    mq_subscribe(service->mq, "config/device/+", 1, on_device, p);
    return EW_OK;
}

static void connected(struct ew_service *service)
{
    struct poller *p = service->state;
    p->config_came = false;
    fleet_begin_config(p->fleet);
    fleet_publish_all(p->fleet);
    tools_publish_all(p->tools);
    leftover_listen(p->leftover);
    ew_loop_timer_set(service->loop, &p->settle, ew_clock_up_ms() + SETTLE_MS);
}

static void reload(struct ew_service *service)
{
    struct poller *p = service->state;
    fleet_reload_profiles(p->fleet);
}

static void health(struct ew_service *service, struct ew_jw *w)
{
    struct poller *p = service->state;
    fleet_health(p->fleet, w);
}

static void stop(struct ew_service *service)
{
    struct poller *p = service->state;
    if (p->settle.heap_index != 0)
        ew_loop_timer_clear(service->loop, &p->settle);
    if (p->awake.heap_index != 0)
        ew_loop_timer_clear(service->loop, &p->awake);
    fleet_free(p->fleet); // ends every job of the tools
    tools_free(p->tools);
    leftover_free(p->leftover);
}

int poller_main(int argc, char **argv)
{
    static const struct ew_service_definition definition = {
        .name = "poller",
        .summary = "reads the devices of every bus and publishes what they say",
        .state_size = sizeof(struct poller),
        .start = start,
        .connected = connected,
        .reload = reload,
        .health = health,
        .stop = stop,
    };
    return ew_service_main(argc, argv, &definition);
}
