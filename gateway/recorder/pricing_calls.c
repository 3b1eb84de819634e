#include "recorder/pricing_calls.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/topic/topic.h"
#include <stdlib.h>
#include <string.h>

// A slice holds up readings and questions, its end costs an fsync.
enum { REST_MS = 1000, BREATH_MS = 5, SLICE_MS = 100, ANSWER_MAX = 256 << 10 };

struct pricing_calls {
    struct ew_service *service;
    struct pricing *pricing;
    struct ew_timer timer;
    bool behind; // as the status says
};

static cJSON *parse(const struct mq_message *m)
{
    cJSON *tree = NULL;
    struct ew_reason reason;
    if (m->payload_len &&
        ew_json_parse(m->payload, m->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, &reason) != EW_OK)
        ew_warning("pricing", "%s: %s, ignoring", m->topic, reason.text);
    return tree;
}

static bool read_id(const char *topic, int64_t *ret_id)
{
    const char *last = strrchr(topic, '/');
    return last && topic_parse_id(last + 1, strlen(last + 1), ret_id);
}

static void on_tariff(void *user, const struct mq_message *m, int64_t now_ms)
{
    struct pricing_calls *c = user;
    int64_t id;
    struct site_tariff tariff;
    struct ew_reason reason;
    if (!read_id(m->topic, &id))
        return;
    cJSON *tree = parse(m);
    if (!m->payload_len)
        pricing_tariff(c->pricing, id, NULL, now_ms);
    else if (tree && site_tariff_read(tree, "", &tariff, &reason) == EW_OK)
        pricing_tariff(c->pricing, id, &tariff, now_ms);
    else if (tree)
        ew_warning("pricing", "%s%s: %s, ignoring", m->topic, reason.path, reason.text);
    cJSON_Delete(tree);
}

static void on_rule(void *user, const struct mq_message *m, int64_t now_ms)
{
    struct pricing_calls *c = user;
    int64_t id;
    struct site_cost_rule rule;
    struct ew_reason reason;
    if (!read_id(m->topic, &id))
        return;
    cJSON *tree = parse(m);
    if (!m->payload_len)
        pricing_rule(c->pricing, id, NULL, now_ms);
    else if (tree && site_cost_rule_read(tree, "", &rule, &reason) == EW_OK)
        pricing_rule(c->pricing, id, &rule, now_ms);
    else if (tree)
        ew_warning("pricing", "%s%s: %s, ignoring", m->topic, reason.path, reason.text);
    cJSON_Delete(tree);
}

// ---- Questions -------------------------------------------------------------------------------------------

static void on_question(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct pricing_calls *c = user;
    struct pricing_query query;
    struct ew_reason reason;
    struct ew_buf answer;
    ew_buf_init(&answer, ANSWER_MAX);
    enum ew_err err = pricing_query_read(args, &query, &reason);
    if (err == EW_OK)
        err = pricing_answer(c->pricing, &query, &answer, &reason);
    if (err == EW_OK && answer.full)
        err = ew_fail(&reason, EW_E_TOO_LARGE, "query.too_large", "/spans",
                      "the answer would be too large; ask for fewer spans");
    if (err == EW_OK)
        mq_answer(request, &answer);
    else
        mq_answer_error(request, &reason);
    ew_buf_done(&answer);
}

static void on_calendar(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct pricing_calls *c = user;
    struct ew_reason reason;
    struct ew_buf answer;
    ew_buf_init(&answer, ANSWER_MAX);
    enum ew_err err = pricing_calendar(c->pricing, args, ew_clock_wall_ms() / 1000, &answer, &reason);
    if (err == EW_OK && answer.full)
        err = ew_fail(&reason, EW_E_TOO_LARGE, "query.too_large", "/year", "the answer would be too large");
    if (err == EW_OK)
        mq_answer(request, &answer);
    else
        mq_answer_error(request, &reason);
    ew_buf_done(&answer);
}

// ---- Life ------------------------------------------------------------------------------------------------

static void on_timer(struct ew_timer *timer, int64_t now_ms)
{
    struct pricing_calls *c = timer->user;
    struct ew_reason reason;
    bool more;
    if (pricing_work(c->pricing, now_ms, SLICE_MS, &more, &reason) != EW_OK)
        ew_error("pricing", "%s: %s, retrying", reason.path, reason.text);
    if (c->behind != pricing_behind(c->pricing)) { // who waits for costs sees it at once
        c->behind = !c->behind;
        ew_service_publish_status(c->service);
    }
    ew_loop_timer_set(c->service->loop, timer, ew_clock_up_ms() + (more ? BREATH_MS : REST_MS));
}

enum ew_err pricing_calls_start(struct ew_service *service, struct store *store,
                                const struct sampler *sampler, struct pricing_calls **ret,
                                struct ew_reason *reason)
{
    struct pricing_calls *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    *ret = c;
    c->service = service;
    c->pricing = pricing_new(store, sampler);
    enum ew_err err = pricing_load(c->pricing, reason);
    if (err != EW_OK)
        return err;
    mq_subscribe(service->mq, "config/tariff/+", 1, on_tariff, c);
    mq_subscribe(service->mq, "config/cost_rule/+", 1, on_rule, c);
    mq_serve(service->mq, "recorder", "tariffs", on_question, c);
    mq_serve(service->mq, "recorder", "tariff_calendar", on_calendar, c);
    c->timer = (struct ew_timer){.fn = on_timer, .user = c};
    ew_loop_timer_set(service->loop, &c->timer, ew_loop_now_ms(service->loop) + REST_MS);
    return EW_OK;
}

void pricing_calls_stop(struct pricing_calls *c)
{
    if (!c)
        return;
    ew_loop_timer_clear(c->service->loop, &c->timer);
    pricing_free(c->pricing);
    free(c);
}

void pricing_calls_site(struct pricing_calls *c, const struct calendar_zone *zone, const char *currency)
{
    pricing_site(c->pricing, zone, currency, ew_clock_up_ms());
}

void pricing_calls_health(const struct pricing_calls *c, struct ew_jw *w)
{
    pricing_health(c->pricing, w);
}

struct pricing *pricing_calls_pricing(struct pricing_calls *c)
{
    return c->pricing;
}
