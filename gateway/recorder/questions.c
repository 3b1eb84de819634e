#include "recorder/questions.h"

#include "base/clock.h"
#include "base/log.h"
#include <stdlib.h>

enum {
    ANSWER_MAX = EW_MQTT_PAYLOAD_MAX - 4096,
    SHARE_MS = 4 // of a turn of the loop, for questions that take long
};

// A question that is answered bit by bit. There are never more than the broker's adapter lets through.
struct asked {
    struct asked *next;
    struct mq_request *request;
    struct ew_buf json;
    struct query_quality_run *run;
};

struct questions {
    struct ew_loop *loop;
    struct query_world *world;
    struct asked *first; // in the order in which they came
    struct ew_timer timer;
};

static void answer(struct mq_request *request, enum ew_err err, struct ew_buf *json, struct ew_reason *reason)
{
    if (err == EW_OK && json->full)
        err = ew_fail(reason, EW_E_TOO_LARGE, "query.too_large", "/spans",
                      "the answer would be too large; ask for fewer spans");
    if (err == EW_OK)
        mq_answer(request, json);
    else
        mq_answer_error(request, reason);
    ew_buf_done(json);
}

// Reads the arguments of a question and answers it.
#define QUESTION(name)                                                                                       \
    static void on_##name(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)         \
    {                                                                                                        \
        (void)now_ms;                                                                                        \
        struct questions *q = user;                                                                          \
        struct query_##name query;                                                                           \
        struct ew_reason reason;                                                                             \
        struct ew_buf json;                                                                                  \
        ew_buf_init(&json, ANSWER_MAX);                                                                      \
        enum ew_err err = query_##name##_read(args, &query, &reason);                                        \
        if (err == EW_OK)                                                                                    \
            err = query_##name(q->world, &query, &json, &reason);                                            \
        answer(request, err, &json, &reason);                                                                \
    }
QUESTION(consumption)
QUESTION(history)
QUESTION(series)
QUESTION(compare)

// ---- recorder/quality, bit by bit ------------------------------------------------------------------------

static void finish(struct questions *q, enum ew_err err, struct ew_reason *reason)
{
    struct asked *asked = q->first;
    q->first = asked->next;
    query_quality_free(asked->run);
    answer(asked->request, err, &asked->json, reason);
    free(asked);
}

static void on_turn(struct ew_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct questions *q = timer->user;
    struct ew_reason reason;
    int64_t until_ms = ew_clock_up_ms() + SHARE_MS;
    while (q->first && ew_clock_up_ms() < until_ms) {
        bool done = false;
        enum ew_err err = query_quality_step(q->first->run, &done, &reason);
        if (err != EW_OK || done)
            finish(q, err, &reason);
    }
    if (q->first)
        ew_loop_timer_set(q->loop, timer, ew_clock_up_ms());
}

static void on_quality(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    struct questions *q = user;
    struct query_quality query;
    struct ew_reason reason;
    struct asked *asked = calloc(1, sizeof(*asked));
    if (!asked)
        abort();
    asked->request = request;
    ew_buf_init(&asked->json, ANSWER_MAX);
    enum ew_err err = query_quality_read(args, &query, &reason);
    if (err == EW_OK)
        err = query_quality_begin(q->world, &query, &asked->json, &asked->run, &reason);
    if (err != EW_OK) {
        answer(request, err, &asked->json, &reason);
        free(asked);
        return;
    }
    struct asked **last = &q->first;
    while (*last)
        last = &(*last)->next;
    *last = asked;
    ew_loop_timer_set(q->loop, &q->timer, now_ms);
}

// ---- Life ------------------------------------------------------------------------------------------------

static void on_gas(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct questions *q = user;
    cJSON *tree = NULL;
    struct ew_reason reason;
    double factor = 0;
    if (m->payload_len &&
        ew_json_parse(m->payload, m->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, &reason) == EW_OK) {
        const cJSON *node = cJSON_GetObjectItemCaseSensitive(tree, "kwh_per_m3");
        if (cJSON_IsNumber(node) && node->valuedouble >= 1 && node->valuedouble <= 50)
            factor = node->valuedouble;
    }
    if (m->payload_len && factor == 0)
        ew_warning("recorder", "%s: no conversion of gas, ignoring", m->topic);
    q->world->gas_kwh_per_m3 = factor;
    cJSON_Delete(tree);
}

struct questions *questions_new(struct ew_service *service, struct query_world *world)
{
    struct questions *q = calloc(1, sizeof(*q));
    if (!q)
        abort();
    q->loop = service->loop;
    q->world = world;
    q->timer = (struct ew_timer){.fn = on_turn, .user = q};
    mq_subscribe(service->mq, "config/settings/gas", 1, on_gas, q);
    mq_serve(service->mq, "recorder", "consumption", on_consumption, q);
    mq_serve(service->mq, "recorder", "history", on_history, q);
    mq_serve(service->mq, "recorder", "series", on_series, q);
    mq_serve(service->mq, "recorder", "compare", on_compare, q);
    mq_serve(service->mq, "recorder", "quality", on_quality, q);
    return q;
}

void questions_free(struct questions *q)
{
    struct ew_reason reason;
    if (!q)
        return;
    ew_loop_timer_clear(q->loop, &q->timer);
    while (q->first) {
        enum ew_err err = ew_fail(&reason, EW_E_CLOSED, "call.closed", "", "the recorder ends");
        ew_reason_param(&reason, "call", "recorder/quality");
        finish(q, err, &reason);
    }
    free(q);
}
