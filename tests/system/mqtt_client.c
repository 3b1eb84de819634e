#include "mqtt_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct broker broker;
struct ew_loop *loop;

static void on_state(void *user, bool connected, const struct ew_reason *reason)
{
    struct client *c = user;
    if (!connected) {
        assert_non_null(reason);
        assert_true(reason->text[0] != 0);
        c->downs++;
        const char *why = strrchr(reason->text, ':');
        ew_copy(c->last_loss, sizeof(c->last_loss), why ? why + 2 : reason->text);
        return;
    }
    assert_null(reason);
    c->ups++;
    if (c->retain_at_connect[0]) {
        struct ew_buf b;
        ew_buf_init(&b, 256);
        ew_buf_printf(&b, "{\"n\":%d}", c->ups);
        assert_int_equal(mq_retain(c->mq, c->retain_at_connect, &b), EW_OK);
        ew_buf_done(&b);
    }
}

void on_message(void *user, const struct mq_message *m, int64_t now_ms)
{
    assert_true(now_ms > 0);
    struct client *c = user;
    if (c->messages < LOG_MAX) {
        snprintf(c->log[c->messages].topic, sizeof(c->log[0].topic), "%s", m->topic);
        snprintf(c->log[c->messages].payload, sizeof(c->log[0].payload), "%.*s",
                 m->payload_len > 100 ? 100 : (int)m->payload_len, m->payload);
        c->log[c->messages].retained = m->retained;
        c->log[c->messages].expiry_s = m->expiry_s;
    }
    c->messages++;
}

static void on_flush(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)m;
    (void)now_ms;
    ((struct client *)user)->flushes++;
}

void client_init(struct client *c, const char *user)
{
    memset(c, 0, sizeof(*c));
    struct mq_options options = {
        .host = "127.0.0.1", .port = broker.port, .user = user, .password = "x", .base = BASE};
    c->mq = mq_new(loop, &options);
    mq_on_state(c->mq, on_state, c);
    c->name = user;
    char filter[64];
    snprintf(filter, sizeof(filter), "flush/%s", user);
    mq_subscribe(c->mq, filter, 1, on_flush, c);
}

bool wait_for(condition_fn *fn, void *user, int patience_ms)
{
    int64_t until_ms = ew_clock_up_ms() + patience_ms;
    while (!fn(user)) {
        if (ew_clock_up_ms() > until_ms)
            return false;
        ew_loop_turn(loop, 20);
    }
    return true;
}

bool is_up(void *user)
{
    const struct client *c = user;
    return mq_connected(c->mq);
}

bool is_down(void *user)
{
    return !is_up(user);
}

void connect_client(struct client *c, const char *user)
{
    client_init(c, user);
    assert_true(wait_for(is_up, c, PATIENCE_MS));
}

static bool has_messages(void *user)
{
    const struct client *c = ((void **)user)[0];
    const int *wanted = ((void **)user)[1];
    return c->messages >= *wanted;
}

static bool has_flushes(void *user)
{
    const struct client *c = ((void **)user)[0];
    const int *wanted = ((void **)user)[1];
    return c->flushes >= *wanted;
}

void wait_messages(struct client *c, int wanted)
{
    void *both[] = {c, &wanted};
    if (!wait_for(has_messages, both, PATIENCE_MS))
        fail_msg("%d messages came, not %d", c->messages, wanted);
}

void publish_text(struct client *c, const char *topic, const char *text, struct mq_publish_options options)
{
    assert_int_equal(mq_publish(c->mq, topic, text, strlen(text), options), EW_OK);
}

void flush(struct client *from, struct client *to)
{
    char topic[64];
    snprintf(topic, sizeof(topic), "flush/%s", to->name);
    int wanted = to->flushes + 1;
    int64_t until_ms = ew_clock_up_ms() + PATIENCE_MS;
    while (mq_publish(from->mq, topic, "x", 1, (struct mq_publish_options){.qos = 1}) == EW_E_FULL &&
           ew_clock_up_ms() < until_ms)
        ew_loop_turn(loop, 5);
    void *both[] = {to, &wanted};
    assert_true(wait_for(has_flushes, both, PATIENCE_MS));
}

static void on_reply(void *user, const cJSON *result, const struct ew_reason *reason)
{
    struct outcome *o = user;
    o->calls++;
    assert_true((result != NULL) != (reason != NULL));
    if (reason) {
        o->err = reason->err;
        ew_copy(o->code, sizeof(o->code), reason->code);
        ew_copy(o->path, sizeof(o->path), reason->path);
        ew_copy(o->text, sizeof(o->text), reason->text);
        o->param_count = reason->param_count;
        return;
    }
    o->err = EW_OK;
    o->number = cJSON_GetNumberValue(result);
}

bool is_answered(void *user)
{
    return ((struct outcome *)user)->calls > 0;
}

void call(struct client *c, const char *service, const char *method, const char *args, struct outcome *o)
{
    memset(o, 0, sizeof(*o));
    struct ew_buf b;
    ew_buf_init(&b, EW_MQTT_PAYLOAD_MAX);
    ew_buf_add_text(&b, args);
    mq_call(c->mq, service, method, &b, 3000, on_reply, o);
    assert_int_equal(o->calls, 0); // never from within
    ew_buf_done(&b);
}

void call_and_wait(struct client *c, const char *service, const char *method, const char *args,
                   struct outcome *o)
{
    call(c, service, method, args, o);
    assert_true(wait_for(is_answered, o, PATIENCE_MS));
    assert_int_equal(o->calls, 1);
}

void answer_number(struct mq_request *request, double number)
{
    struct ew_buf b;
    struct ew_jw w;
    ew_buf_init(&b, 64);
    ew_jw_init(&w, &b);
    ew_jw_number(&w, NULL, number);
    mq_answer(request, &b);
    ew_buf_done(&b);
}

static void serve_double(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct server *s = user;
    s->asked++;
    snprintf(s->account, sizeof(s->account), "%s", mq_request_account(request));
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(args, "n");
    answer_number(request, n ? n->valuedouble * 2 : 0);
}

static void serve_refuse(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)args;
    (void)now_ms;
    ((struct server *)user)->asked++;
    struct ew_reason reason;
    (void)ew_fail(&reason, EW_E_DENIED, "site.unit_range", "/devices/3/unit", "Unit %d is too large.", 300);
    ew_reason_param(&reason, "unit", "%d", 300);
    mq_answer_error(request, &reason);
}

static void serve_keep(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)args;
    (void)now_ms;
    struct server *s = user;
    s->asked++;
    assert_true(s->kept_count < (int)COUNT(s->kept));
    s->kept[s->kept_count++] = request;
}

static void serve_huge(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)args;
    (void)now_ms;
    ((struct server *)user)->asked++;
    struct ew_buf b;
    ew_buf_init(&b, (size_t)EW_MQTT_PAYLOAD_MAX * 2);
    ew_buf_add_text(&b, "\"");
    for (int i = 0; i < EW_MQTT_PAYLOAD_MAX / 16; i++)
        ew_buf_add_text(&b, "0123456789abcdef");
    ew_buf_add_text(&b, "\"");
    mq_answer(request, &b);
    ew_buf_done(&b);
}

void server_init(struct server *s)
{
    memset(s, 0, sizeof(*s));
    client_init(&s->client, "calc");
    mq_serve(s->client.mq, "calc", "double", serve_double, s);
    mq_serve(s->client.mq, "calc", "refuse", serve_refuse, s);
    mq_serve(s->client.mq, "calc", "keep", serve_keep, s);
    mq_serve(s->client.mq, "calc", "huge", serve_huge, s);
    assert_true(wait_for(is_up, &s->client, PATIENCE_MS));
    flush(&s->client, &s->client);
}

int group_setup(void **state)
{
    (void)state;
    broker_init(&broker, NULL);
    broker_start(&broker);
    loop = ew_loop_new();
    return 0;
}

int group_teardown(void **state)
{
    (void)state;
    ew_loop_free(loop);
    broker_done(&broker);
    return 0;
}
