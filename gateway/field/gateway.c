#include "field/gateway.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "mqtt/mq.h"
#include "service/paths.h"
#include "service/place.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 5000, CALL_MS = 30000, TURN_MS = 200, RUN_JSON_MAX = 64 << 10 };

struct field_gateway {
    struct ew_loop *loop;
    struct mq *mq;
    struct place place;
    // A call
    bool answered;
    cJSON *result;
    enum ew_err err;
    struct ew_reason reason;
    // A watch
    field_watch_fn *watch;
    void *watch_user;
    bool seen_enough;
};

// DIR/run/run.json of a gateway that lives, or the broker's file that systemd's units share.
static bool runs(const char *data_dir)
{
    char path[PATH_MAX];
    struct ew_buf text;
    cJSON *tree = NULL;
    struct ew_reason reason;
    bool alive = false;
    ew_path(path, data_dir, "run/run.json");
    if (!ew_file_exists(path)) {
        ew_path(path, data_dir, "run/broker.json");
        return ew_file_exists(path);
    }
    ew_buf_init(&text, RUN_JSON_MAX);
    if (ew_file_read(path, RUN_JSON_MAX, &text, NULL) == EW_OK &&
        ew_json_parse(ew_buf_text(&text), text.len, RUN_JSON_MAX, &tree, &reason) == EW_OK) {
        const cJSON *pid = cJSON_GetObjectItemCaseSensitive(tree, "pid");
        alive = cJSON_IsNumber(pid) && pid->valueint > 1 && (kill(pid->valueint, 0) == 0 || errno == EPERM);
    }
    cJSON_Delete(tree);
    ew_buf_done(&text);
    return alive;
}

enum ew_err field_gateway_open(const char *data_dir, struct field_gateway **ret, struct ew_reason *reason)
{
    if (!runs(data_dir))
        return ew_fail(reason, EW_E_UNKNOWN, "tool.no_gateway", "", "No gateway runs on %s.", data_dir);
    struct field_gateway *g = calloc(1, sizeof(*g));
    if (!g)
        abort();
    enum ew_err err = place_read(data_dir, "console", &g->place, reason);
    if (err != EW_OK) {
        free(g);
        return err;
    }
    g->loop = ew_loop_new();
    struct mq_options options = {.host = g->place.host,
                                 .port = g->place.port,
                                 .user = g->place.user,
                                 .password = g->place.password,
                                 .base = g->place.base,
                                 .several = true};
    ew_log_init("field", EW_LOG_ERROR);
    g->mq = mq_new(g->loop, &options);
    int64_t until = ew_clock_up_ms() + CONNECT_MS;
    while (!mq_connected(g->mq) && ew_clock_up_ms() < until)
        ew_loop_turn(g->loop, TURN_MS);
    if (!mq_connected(g->mq)) {
        field_gateway_close(g);
        return ew_fail(reason, EW_E_UNKNOWN, "tool.no_gateway", "", "The broker of %s does not answer.",
                       data_dir);
    }
    *ret = g;
    return EW_OK;
}

void field_gateway_close(struct field_gateway *g)
{
    if (!g)
        return;
    mq_free(g->mq);
    ew_loop_free(g->loop);
    place_wipe(&g->place);
    free(g);
}

static void on_reply(void *user, const cJSON *result, const struct ew_reason *reason)
{
    struct field_gateway *g = user;
    g->answered = true;
    g->err = EW_OK;
    g->result = result ? cJSON_Duplicate(result, true) : NULL;
    if (result)
        return;
    g->err = reason->err; // one of the two is there
    g->reason = *reason;
}

enum ew_err field_gateway_call(struct field_gateway *g, const char *service, const char *method,
                               const struct ew_buf *args, cJSON **ret_result, struct ew_reason *reason)
{
    g->answered = false;
    mq_call(g->mq, service, method, args, CALL_MS, on_reply, g);
    while (!g->answered)
        ew_loop_turn(g->loop, TURN_MS);
    *ret_result = g->result;
    if (g->err != EW_OK)
        *reason = g->reason;
    g->result = NULL;
    return g->err;
}

static void on_message(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct field_gateway *g = user;
    cJSON *tree = NULL;
    struct ew_reason reason;
    if (message->payload_len == 0 || g->seen_enough ||
        ew_json_parse(message->payload, message->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, &reason) != EW_OK)
        return;
    g->seen_enough = g->watch(g->watch_user, tree);
    cJSON_Delete(tree);
}

enum ew_err field_gateway_watch(struct field_gateway *g, const char *topic, field_watch_fn *fn, void *user,
                                struct ew_reason *reason)
{
    g->watch = fn;
    g->watch_user = user;
    g->seen_enough = false;
    mq_subscribe(g->mq, topic, 1, on_message, g);
    while (!g->seen_enough && mq_connected(g->mq)) {
        ew_loop_turn(g->loop, TURN_MS);
        g->seen_enough = g->seen_enough || fn(user, NULL); // a moment without news: it may want to stop
    }
    mq_unsubscribe(g->mq, topic);
    if (g->seen_enough)
        return EW_OK;
    return ew_fail(reason, EW_E_CLOSED, "tool.no_gateway", "", "The gateway has gone.");
}
