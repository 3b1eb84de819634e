// A service made of nothing but the shared main function, to see that function from outside. What it did is
// on its topics: device/1/state counts connects, greenup/status says "stopped" at its end.
#include "service/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct rig {
    char greeting[32];
    int connects, reloads;
};

static int rig_option(struct ew_service *service, int argc, char **argv)
{
    struct rig *rig = service->state;
    if (strcmp(argv[0], "--greeting") != 0 || argc < 2)
        return 0;
    ew_copy(rig->greeting, sizeof(rig->greeting), argv[1]);
    return 2;
}

static void put(struct ew_service *service, const char *topic, const char *key, int64_t value)
{
    struct ew_buf payload;
    struct ew_jw w;
    ew_buf_init(&payload, 256);
    ew_jw_init(&w, &payload);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, key, value);
    ew_jw_close_object(&w);
    if (mq_retain(service->mq, topic, &payload) != EW_OK)
        fprintf(stderr, "rig: %s was not published\n", topic);
    ew_buf_done(&payload);
}

// {"ms": N}: the loop stands still for so long.
static void rig_block(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)user;
    (void)now_ms;
    const cJSON *ms = cJSON_GetObjectItemCaseSensitive(args, "ms");
    long wanted = cJSON_IsNumber(ms) ? (long)ms->valuedouble : 0;
    struct timespec t = {wanted / 1000, wanted % 1000 * 1000000};
    nanosleep(&t, NULL);
    struct ew_buf result;
    ew_buf_init(&result, 16);
    ew_buf_add_text(&result, "true");
    mq_answer(request, &result);
    ew_buf_done(&result);
}

static enum ew_err rig_start(struct ew_service *service, struct ew_reason *reason)
{
    struct rig *rig = service->state;
    if (strcmp(rig->greeting, "fail") == 0)
        return ew_fail(reason, EW_E_INVALID, "rig.fail", "/greeting", "this greeting is refused");
    mq_serve(service->mq, service->name, "block", rig_block, service);
    return EW_OK;
}

static void rig_connected(struct ew_service *service)
{
    struct rig *rig = service->state;
    put(service, "device/1/state", "connects", ++rig->connects);
}

static void rig_reload(struct ew_service *service)
{
    struct rig *rig = service->state;
    rig->reloads++;
    ew_service_publish_status(service);
}

static void rig_health(struct ew_service *service, struct ew_jw *w)
{
    const struct rig *rig = service->state;
    ew_jw_text(w, "greeting", rig->greeting);
    ew_jw_int(w, "reloads", rig->reloads);
    ew_jw_bool(w, "demo", service->demo);
}

static void rig_stop(struct ew_service *service)
{
    if (mq_connected(service->mq))
        put(service, "greenup/status", "stopped", 1);
}

int main(int argc, char **argv)
{
    static const struct ew_service_definition definition = {
        .name = "poller",
        .summary = "nothing, for tests",
        .state_size = sizeof(struct rig),
        .option = rig_option,
        .option_help = "  --greeting TEXT\n",
        .start = rig_start,
        .connected = rig_connected,
        .reload = rig_reload,
        .health = rig_health,
        .stop = rig_stop,
    };
    return ew_service_main(argc, argv, &definition);
}
