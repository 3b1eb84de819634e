// The MQTT adapter against a real Mosquitto: one loop, several clients in it, the broker killed and paused
// where it hurts. Times are waited for, never asserted below 1.5 s on a maximum.
#include "broker.h"
#include "check.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "mqtt/mq_priv.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BASE "edgewatt/test"

enum { PATIENCE_MS = 30000, LOG_MAX = 64 };

static struct broker broker;
static struct ew_loop *loop;
static const char *self;

// ---- A client and what it saw -----------------------------------------------------------------------------

struct client {
    struct mq *mq;
    const char *name;
    int ups, downs, flushes;
    int messages; // all, also beyond the log
    struct {
        char topic[128], payload[128];
        bool retained;
        int64_t expiry_s;
    } log[LOG_MAX];
    char retain_at_connect[64]; // published again at every connect
};

static void on_state(void *user, bool connected, const struct ew_reason *reason)
{
    struct client *c = user;
    if (!connected) {
        assert_non_null(reason);
        assert_true(reason->text[0] != 0);
        c->downs++;
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

static void on_message(void *user, const struct mq_message *m, int64_t now_ms)
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

static void client_init(struct client *c, const char *user)
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

typedef bool condition_fn(void *user);

static bool wait_for(condition_fn *fn, void *user, int patience_ms)
{
    int64_t until_ms = ew_clock_up_ms() + patience_ms;
    while (!fn(user)) {
        if (ew_clock_up_ms() > until_ms)
            return false;
        ew_loop_turn(loop, 20);
    }
    return true;
}

static bool is_up(void *user)
{
    const struct client *c = user;
    return mq_connected(c->mq);
}

static bool is_down(void *user)
{
    return !is_up(user);
}

static void connect_client(struct client *c, const char *user)
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

static void wait_messages(struct client *c, int wanted)
{
    void *both[] = {c, &wanted};
    if (!wait_for(has_messages, both, PATIENCE_MS))
        fail_msg("%d messages came, not %d", c->messages, wanted);
}

static void publish_text(struct client *c, const char *topic, const char *text,
                         struct mq_publish_options options)
{
    assert_int_equal(mq_publish(c->mq, topic, text, strlen(text), options), EW_OK);
}

// Everything `from` sent before now has reached `to` (and its handlers) when this came round through the
// broker.
static void flush(struct client *from, struct client *to)
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

// ---- Messages ---------------------------------------------------------------------------------------------

static void retained_topics_come_with_the_subscription(void **state)
{
    (void)state;
    struct client a, b;
    connect_client(&a, "a");
    publish_text(&a, "device/1/status", "on", (struct mq_publish_options){.qos = 1, .retain = true});
    publish_text(&a, "/outside/x", "o", (struct mq_publish_options){.qos = 1, .retain = true});
    flush(&a, &a);
    connect_client(&b, "b");
    mq_subscribe(b.mq, "device/+/status", 1, on_message, &b);
    mq_subscribe(b.mq, "/outside/#", 1, on_message, &b);
    wait_messages(&b, 2);
    int first = strcmp(b.log[0].topic, "device/1/status") == 0 ? 0 : 1;
    assert_string_equal(b.log[first].topic, "device/1/status");
    assert_string_equal(b.log[first].payload, "on");
    assert_true(b.log[first].retained);
    assert_int_equal(b.log[first].expiry_s, -1);
    assert_string_equal(b.log[1 - first].topic, "/outside/x");
    publish_text(&a, "device/1/status", "off",
                 (struct mq_publish_options){.qos = 1, .retain = true, .expiry_s = 60});
    wait_messages(&b, 3);
    assert_string_equal(b.log[2].payload, "off");
    assert_false(b.log[2].retained); // live, not kept
    assert_in_range(b.log[2].expiry_s, 50, 60);
    assert_int_equal(mq_clear(a.mq, "device/1/status"), EW_OK);
    assert_int_equal(mq_clear(a.mq, "/outside/x"), EW_OK);
    wait_messages(&b, 5);
    assert_string_equal(b.log[3].payload, "");
    mq_unsubscribe(b.mq, "device/+/status");
    publish_text(&a, "device/1/status", "again", (struct mq_publish_options){.qos = 1});
    flush(&a, &b);
    assert_int_equal(b.messages, 5);
    mq_free(a.mq);
    mq_free(b.mq);
}

static void each_handler_sees_each_match_of_its_filter_once(void **state)
{
    (void)state;
    struct client a, all, one, twice, other;
    connect_client(&a, "a");
    memset(&all, 0, sizeof(all));
    memset(&one, 0, sizeof(one));
    memset(&twice, 0, sizeof(twice));
    memset(&other, 0, sizeof(other));
    publish_text(&a, "device/1/x", "kept", (struct mq_publish_options){.qos = 1, .retain = true});
    mq_subscribe(a.mq, "device/#", 1, on_message, &all);
    mq_subscribe(a.mq, "device/1/+", 0, on_message, &one);
    mq_subscribe(a.mq, "device/+/x", 1, on_message, &twice);
    mq_subscribe(a.mq, "device/+/x", 1, on_message, &twice);
    mq_subscribe(a.mq, "bus/#", 1, on_message, &other);
    flush(&a, &a);
    int before[] = {all.messages, one.messages, twice.messages};
    assert_int_equal(before[0], 1);
    assert_int_equal(before[1], 1);
    publish_text(&a, "device/1/x", "v", (struct mq_publish_options){.qos = 1});
    publish_text(&a, "device/2/y", "v", (struct mq_publish_options){.qos = 0});
    flush(&a, &a);
    assert_int_equal(all.messages - before[0], 2);
    assert_int_equal(one.messages - before[1], 1);
    assert_int_equal(twice.messages - before[2], 2); // two handlers, one message each
    assert_int_equal(other.messages, 0);
    assert_int_equal(mq_clear(a.mq, "device/1/x"), EW_OK);
    mq_free(a.mq);
}

static void stopping_hands_over_what_is_queued(void **state)
{
    (void)state;
    enum { COUNT_SENT = 500 };
    struct client a, b;
    connect_client(&b, "b");
    mq_subscribe(b.mq, "many", 1, on_message, &b);
    connect_client(&a, "a");
    flush(&b, &b);
    for (int i = 0; i < COUNT_SENT; i++)
        publish_text(&a, "many", "x", (struct mq_publish_options){.qos = 1});
    mq_free(a.mq);
    wait_messages(&b, COUNT_SENT);
    mq_free(b.mq);
}

static void what_waited_longer_than_it_is_valid_is_not_delivered(void **state)
{
    (void)state;
    struct client a, b;
    connect_client(&a, "a");
    connect_client(&b, "b");
    mq_subscribe(b.mq, "command", 1, on_message, &b);
    flush(&b, &b);
    publish_text(&a, "command", "old", (struct mq_publish_options){.qos = 1, .expiry_s = 1});
    publish_text(&a, "command", "long", (struct mq_publish_options){.qos = 1, .expiry_s = 60});
    struct timespec busy = {1, 500000000}; // the loop is busy for 1.5 s
    nanosleep(&busy, NULL);
    wait_messages(&b, 1);
    flush(&a, &b);
    assert_int_equal(b.messages, 1);
    assert_string_equal(b.log[0].payload, "long");
    mq_free(a.mq);
    mq_free(b.mq);
}

static void wrong_publishes_are_refused_here(void **state)
{
    (void)state;
    struct client a;
    connect_client(&a, "a");
    static const struct {
        const char *topic;
        size_t len;
        int qos;
        enum ew_err err;
    } cases[] = {
        {"ok", 2, 0, EW_OK},
        {"ok", EW_MQTT_PAYLOAD_MAX, 1, EW_OK},
        {"ok", EW_MQTT_PAYLOAD_MAX + 1, 1, EW_E_TOO_LARGE},
        {"a/+/b", 2, 1, EW_E_INVALID},
        {"a/#", 2, 1, EW_E_INVALID},
        {"", 2, 1, EW_E_INVALID},
        {"/", 2, 1, EW_E_INVALID},
        {"\xff", 2, 1, EW_E_INVALID},
        {"ok", 2, 2, EW_E_INVALID},
    };
    char *payload = calloc(1, EW_MQTT_PAYLOAD_MAX + 1);
    assert_non_null(payload);
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum ew_err err = mq_publish(a.mq, cases[i].topic, payload, cases[i].len,
                                     (struct mq_publish_options){.qos = cases[i].qos});
        if (err != cases[i].err)
            fail_msg("case %zu: %s", i, ew_err_name(err));
    }
    free(payload);
    char topic[600];
    memset(topic, 'x', sizeof(topic));
    topic[sizeof(topic) - 1] = 0;
    assert_int_equal(mq_publish(a.mq, topic, "x", 1, (struct mq_publish_options){0}), EW_E_INVALID);
    flush(&a, &a);
    mq_free(a.mq);
}

// ---- Will -------------------------------------------------------------------------------------------------

// The child: connects with a will, says so on standard output, and waits to be killed.
static int run_with_will(int port)
{
    struct ew_loop *own = ew_loop_new();
    struct mq_options options = {.host = "127.0.0.1",
                                 .port = port,
                                 .user = "mortal",
                                 .password = "x",
                                 .base = BASE,
                                 .will_topic = "service/mortal/status",
                                 .will_payload = "{\"online\":false}"};
    struct mq *mq = mq_new(own, &options);
    while (!mq_connected(mq))
        ew_loop_turn(own, 100);
    if (write(STDOUT_FILENO, "c", 1) != 1)
        return 1;
    return ew_loop_run(own);
}

static void the_will_is_published_when_a_process_is_killed(void **state)
{
    (void)state;
    struct client b;
    connect_client(&b, "b");
    mq_subscribe(b.mq, "service/+/status", 1, on_message, &b);
    flush(&b, &b);
    int out[2];
    assert_int_equal(pipe(out), 0);
    char port[16];
    snprintf(port, sizeof(port), "%d", broker.port);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        execl(self, self, "--with-will", port, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    char c;
    assert_int_equal(read(out[0], &c, 1), 1); // it is connected
    close(out[0]);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    wait_messages(&b, 1);
    assert_string_equal(b.log[0].topic, "service/mortal/status");
    assert_string_equal(b.log[0].payload, "{\"online\":false}");
    struct client late;
    connect_client(&late, "late");
    mq_subscribe(late.mq, "service/mortal/status", 1, on_message, &late);
    wait_messages(&late, 1);
    assert_true(late.log[0].retained); // for those who come later too
    assert_int_equal(mq_clear(late.mq, "service/mortal/status"), EW_OK);
    mq_free(b.mq);
    mq_free(late.mq);
}

// ---- Calls ------------------------------------------------------------------------------------------------

struct outcome {
    int calls;
    enum ew_err err; // EW_OK with a result
    char code[EW_CODE_MAX], path[EW_PATH_MAX], text[EW_TEXT_MAX];
    int param_count;
    double number;
};

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
    o->number = cJSON_IsNumber(result) ? result->valuedouble : -1;
}

static bool is_answered(void *user)
{
    return ((struct outcome *)user)->calls > 0;
}

static void call(struct client *c, const char *service, const char *method, const char *args,
                 struct outcome *o)
{
    memset(o, 0, sizeof(*o));
    struct ew_buf b;
    ew_buf_init(&b, EW_MQTT_PAYLOAD_MAX);
    ew_buf_add_text(&b, args);
    mq_call(c->mq, service, method, &b, 3000, on_reply, o);
    assert_int_equal(o->calls, 0); // never from within
    ew_buf_done(&b);
}

static void call_and_wait(struct client *c, const char *service, const char *method, const char *args,
                          struct outcome *o)
{
    call(c, service, method, args, o);
    assert_true(wait_for(is_answered, o, PATIENCE_MS));
    assert_int_equal(o->calls, 1);
}

struct server {
    struct client client;
    int asked;
    struct mq_request *kept[MQ_REQUESTS_PER_ACCOUNT_MAX + 1]; // requests of "keep"
    int kept_count;
    char account[EW_NAME_MAX];
};

static void answer_number(struct mq_request *request, double number)
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
    ew_buf_init(&b, 2 * EW_MQTT_PAYLOAD_MAX);
    ew_buf_add_text(&b, "\"");
    for (int i = 0; i < EW_MQTT_PAYLOAD_MAX / 16; i++)
        ew_buf_add_text(&b, "0123456789abcdef");
    ew_buf_add_text(&b, "\"");
    mq_answer(request, &b);
    ew_buf_done(&b);
}

static void server_init(struct server *s)
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

static int compare_int64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

// 1 000 calls one after the other, QoS 1 both ways. Without TCP_NODELAY each takes 88 ms.
static void calls_are_not_slowed_by_delayed_acknowledgements(void **state)
{
    (void)state;
    enum { ROUNDS = 1000 };
    struct server s;
    struct client a;
    server_init(&s);
    connect_client(&a, "a");
    static int64_t us[ROUNDS];
    struct outcome o;
    for (int i = 0; i < ROUNDS; i++) {
        char args[32];
        snprintf(args, sizeof(args), "{\"n\":%d}", i);
        int64_t begin_us = ew_clock_up_us();
        call_and_wait(&a, "calc", "double", args, &o);
        us[i] = ew_clock_up_us() - begin_us;
        assert_int_equal(o.err, EW_OK);
        assert_true(o.number == 2.0 * i);
    }
    assert_int_equal(s.asked, ROUNDS);
    assert_string_equal(s.account, "a");
    qsort(us, ROUNDS, sizeof(us[0]), compare_int64);
    printf("call and answer, QoS 1, %d rounds: p50 %.2f ms, p99 %.2f ms, max %.2f ms\n", ROUNDS,
           (double)us[ROUNDS / 2] / 1000, (double)us[ROUNDS * 99 / 100] / 1000,
           (double)us[ROUNDS - 1] / 1000);
    assert_true(us[ROUNDS / 2] < 40000);
    mq_free(a.mq);
    mq_free(s.client.mq);
}

static void calls_are_answered_with_a_result_or_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *method, *args;
        enum ew_err err;
        const char *code;
        int asked; // did it reach the service's function
    } cases[] = {
        {"double", "{\"n\":21}", EW_OK, "", 1},
        {"refuse", "{}", EW_E_INVALID, "site.unit_range", 1},
        {"nothing", "{}", EW_E_INVALID, "call.unknown_method", 0},
        {"double", "[1]", EW_E_INVALID, "call.invalid_arguments", 0},
        {"double", "7", EW_E_INVALID, "call.invalid_arguments", 0},
        {"double", "{\"n\":", EW_E_INVALID, "json.syntax", 0},
        {"double", "", EW_E_INVALID, "json.syntax", 0},
        {"huge", "{}", EW_E_INVALID, "call.answer_too_large", 1},
    };
    struct server s;
    struct client a;
    struct outcome o;
    server_init(&s);
    connect_client(&a, "a");
    for (size_t i = 0; i < COUNT(cases); i++) {
        s.asked = 0;
        call_and_wait(&a, "calc", cases[i].method, cases[i].args, &o);
        if (o.err != cases[i].err || (cases[i].code[0] && strcmp(o.code, cases[i].code) != 0) ||
            s.asked != cases[i].asked)
            fail_msg("case %zu: %s %s asked=%d", i, ew_err_name(o.err), o.code, s.asked);
    }
    call_and_wait(&a, "calc", "refuse", "{}", &o);
    assert_string_equal(o.path, "/devices/3/unit");
    assert_string_equal(o.text, "Unit 300 is too large.");
    assert_int_equal(o.param_count, 1);
    mq_free(a.mq);
    mq_free(s.client.mq);
}

static void a_call_without_an_answer_ends_once(void **state)
{
    (void)state;
    struct server s;
    struct client a;
    struct outcome nobody, late, again;
    server_init(&s);
    connect_client(&a, "a");
    call(&a, "nobody", "x", "{}", &nobody);
    call(&a, "calc", "keep", "{}", &late);
    int64_t begin_ms = ew_clock_up_ms();
    assert_true(wait_for(is_answered, &nobody, PATIENCE_MS));
    assert_true(wait_for(is_answered, &late, PATIENCE_MS));
    assert_true(ew_clock_up_ms() - begin_ms >= 2900);
    assert_int_equal(nobody.err, EW_E_TIMEOUT);
    assert_int_equal(late.err, EW_E_TIMEOUT);
    assert_string_equal(late.text, "calc/keep did not answer within 3 s");
    assert_int_equal(s.kept_count, 1);
    answer_number(s.kept[0], 1); // too late
    call_and_wait(&a, "calc", "double", "{\"n\":4}", &again);
    assert_int_equal(again.err, EW_OK);
    assert_int_equal(nobody.calls, 1);
    assert_int_equal(late.calls, 1);
    mq_free(a.mq);
    mq_free(s.client.mq);
}

static void only_256_calls_are_under_way(void **state)
{
    (void)state;
    struct client a;
    connect_client(&a, "a");
    static struct outcome o[MQ_CALLS_MAX + 4];
    for (size_t i = 0; i < COUNT(o); i++)
        call(&a, "nobody", "x", "{}", &o[i]);
    assert_true(wait_for(is_answered, &o[COUNT(o) - 1], PATIENCE_MS));
    for (size_t i = MQ_CALLS_MAX; i < COUNT(o); i++) {
        assert_true(wait_for(is_answered, &o[i], PATIENCE_MS));
        assert_int_equal(o[i].err, EW_E_BUSY);
    }
    mq_free(a.mq); // ends the others
    for (size_t i = 0; i < MQ_CALLS_MAX; i++) {
        assert_int_equal(o[i].calls, 1);
        assert_int_equal(o[i].err, EW_E_CLOSED);
    }
}

static void one_account_cannot_fill_a_service_with_open_calls(void **state)
{
    (void)state;
    struct server s;
    struct client a, b;
    server_init(&s);
    connect_client(&a, "a");
    connect_client(&b, "b");
    static struct outcome o[MQ_REQUESTS_PER_ACCOUNT_MAX + 1], other;
    for (size_t i = 0; i < COUNT(o); i++)
        call(&a, "calc", "keep", "{}", &o[i]);
    assert_true(wait_for(is_answered, &o[COUNT(o) - 1], PATIENCE_MS));
    assert_string_equal(o[COUNT(o) - 1].code, "call.busy");
    call_and_wait(&b, "calc", "double", "{\"n\":1}", &other);
    assert_int_equal(other.err, EW_OK);
    mq_free(s.client.mq);
    assert_int_equal(s.kept_count, MQ_REQUESTS_PER_ACCOUNT_MAX);
    for (int i = 0; i < s.kept_count; i++)
        answer_number(s.kept[i], 1); // into the void, but the requests are the service's to end
    mq_free(a.mq);
    mq_free(b.mq);
}

// Raw requests, as someone would send them who means harm.
static void answers_go_only_to_the_account_that_asked(void **state)
{
    (void)state;
    static const struct {
        const char *topic, *response_topic, *correlation;
        bool retain, answered;
    } cases[] = {
        {"call/a/calc/double", "reply/a/x", "c", false, true},
        {"call/a/calc/double", "reply/a/x/y", "c", false, true},
        {"call/a/calc/double", "reply/b/x", "c", false, false},
        {"call/a/calc/double", "reply/a", "c", false, false},
        {"call/a/calc/double", "reply/a/", "c", false, false},
        {"call/a/calc/double", "reply/ab/x", "c", false, false},
        {"call/a/calc/double", "device/1/setpoint", "c", false, false},
        {"call/a/calc/double", "reply/a/x", NULL, false, false},
        {"call/a/calc/double", NULL, "c", false, false},
        {"call/a/calc/double", "reply/a/x", "c", true, true}, // live it counts, as kept it would not
        {"call/a/calc", "reply/a/x", "c", false, false},
        {"call/a/calc/double/more", "reply/a/x", "c", false, false},
        {"call//calc/double", "reply//x", "c", false, false},
    };
    struct server s;
    struct client a, all;
    server_init(&s);
    connect_client(&a, "a");
    connect_client(&all, "all");
    mq_subscribe(all.mq, "#", 1, on_message, &all);
    flush(&all, &all);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char topic[MQ_WIRE_TOPIC_MAX], response[MQ_WIRE_TOPIC_MAX];
        snprintf(topic, sizeof(topic), BASE "/%s", cases[i].topic);
        snprintf(response, sizeof(response), BASE "/%s",
                 cases[i].response_topic ? cases[i].response_topic : "");
        s.asked = 0;
        all.messages = 0;
        struct mq_outgoing out = {.topic = topic,
                                  .payload = "{\"n\":1}",
                                  .len = 7,
                                  .options = {.qos = 1, .retain = cases[i].retain},
                                  .response_topic = cases[i].response_topic ? response : NULL,
                                  .correlation = cases[i].correlation,
                                  .correlation_len = cases[i].correlation ? 1 : 0};
        assert_int_equal(mq_session_send(a.mq->session, &out), EW_OK);
        flush(&a, &s.client);
        flush(&s.client, &all);
        bool answered = false;
        for (int m = 0; m < all.messages && m < LOG_MAX; m++)
            answered |= strstr(all.log[m].payload, "{\"result\":2}") != NULL;
        if (answered != cases[i].answered || s.asked != cases[i].answered)
            fail_msg("case %zu: asked=%d answered=%d", i, s.asked, answered);
    }
    assert_int_equal(mq_clear(a.mq, "call/a/calc/double"), EW_OK);
    flush(&a, &a);
    mq_free(a.mq);
    mq_free(all.mq);
    mq_free(s.client.mq);
}

// ---- The broker misbehaves --------------------------------------------------------------------------------

static void everything_comes_back_after_the_broker_was_killed(void **state)
{
    (void)state;
    struct server s;
    struct client a, watcher;
    struct outcome lost, refused, again;
    server_init(&s);
    client_init(&a, "a");
    snprintf(a.retain_at_connect, sizeof(a.retain_at_connect), "device/1/status");
    assert_true(wait_for(is_up, &a, PATIENCE_MS));
    connect_client(&watcher, "watcher");
    mq_subscribe(watcher.mq, "device/+/status", 1, on_message, &watcher);
    wait_messages(&watcher, 1);
    call(&a, "calc", "keep", "{}", &lost);
    flush(&a, &s.client);
    broker_kill(&broker);
    assert_true(wait_for(is_down, &a, PATIENCE_MS));
    assert_true(wait_for(is_down, &s.client, PATIENCE_MS));
    assert_true(wait_for(is_down, &watcher, PATIENCE_MS));
    assert_int_equal(lost.calls, 1);
    assert_int_equal(lost.err, EW_E_CLOSED);
    assert_int_equal(mq_publish(a.mq, "x", "x", 1, (struct mq_publish_options){.qos = 1}), EW_E_CLOSED);
    call_and_wait(&a, "calc", "double", "{}", &refused);
    assert_int_equal(refused.err, EW_E_CLOSED);
    answer_number(s.kept[0], 1); // nobody there to hear it
    watcher.messages = 0;
    broker_start(&broker);
    assert_true(wait_for(is_up, &a, PATIENCE_MS));
    assert_true(wait_for(is_up, &s.client, PATIENCE_MS));
    assert_true(wait_for(is_up, &watcher, PATIENCE_MS));
    wait_messages(&watcher, 1); // published again by its owner, subscribed again by the adapter
    assert_string_equal(watcher.log[0].topic, "device/1/status");
    assert_string_equal(watcher.log[0].payload, "{\"n\":2}");
    flush(&s.client, &s.client); // its subscription is back
    call_and_wait(&a, "calc", "double", "{\"n\":4}", &again);
    assert_int_equal(again.err, EW_OK);
    assert_int_equal(lost.calls, 1);
    assert_int_equal(a.downs, 1);
    assert_int_equal(a.ups, 2);
    mq_free(a.mq);
    mq_free(watcher.mq);
    mq_free(s.client.mq);
}

static void nothing_queued_survives_the_loss_of_the_connection(void **state)
{
    (void)state;
    struct client a, watcher;
    connect_client(&a, "a");
    broker_pause(&broker, true);
    static char block[65536];
    for (int i = 0; i < 200; i++) // far more than the sockets take
        assert_int_equal(
            mq_publish(a.mq, "stale", block, sizeof(block), (struct mq_publish_options){.qos = 1}), EW_OK);
    broker_kill(&broker);
    broker_start(&broker);
    connect_client(&watcher, "watcher");
    mq_subscribe(watcher.mq, "stale", 1, on_message, &watcher);
    flush(&watcher, &watcher);
    assert_true(wait_for(is_up, &a, PATIENCE_MS));
    flush(&a, &watcher);
    assert_int_equal(a.downs, 1);
    assert_int_equal(watcher.messages, 0);
    mq_free(a.mq);
    mq_free(watcher.mq);
}

static void a_client_that_starts_first_waits_for_the_broker(void **state)
{
    (void)state;
    struct client a;
    broker_kill(&broker);
    client_init(&a, "a");
    (void)wait_for(is_up, &a, 1500);
    assert_false(mq_connected(a.mq));
    assert_true(a.mq->attempts >= 2);
    assert_int_equal(a.downs, 0); // it never had a connection to lose
    int old_port = broker.port;
    broker_done(&broker);
    broker_init(&broker, NULL);
    assert_int_not_equal(broker.port, old_port);
    broker_start(&broker);
    mq_set_broker(a.mq, "127.0.0.1", broker.port, "y");
    assert_true(wait_for(is_up, &a, PATIENCE_MS));
    mq_free(a.mq);
}

static void the_outbox_has_a_ceiling(void **state)
{
    (void)state;
    struct client a;
    static char block[EW_MQTT_PAYLOAD_MAX];
    connect_client(&a, "a");
    broker_pause(&broker, true);
    int taken = 0;
    enum ew_err err = EW_OK;
    while (err == EW_OK && taken <= MQ_OUTBOX_MAX) {
        err = mq_publish(a.mq, "x", "x", 1, (struct mq_publish_options){.qos = 1});
        taken += err == EW_OK;
    }
    broker_pause(&broker, false);
    assert_int_equal(err, EW_E_FULL);
    assert_int_equal(taken, MQ_OUTBOX_MAX);
    flush(&a, &a); // works on: first everything, then this
    broker_pause(&broker, true);
    for (taken = 0, err = EW_OK; err == EW_OK && taken < 100; taken += err == EW_OK)
        err = mq_publish(a.mq, "x", block, sizeof(block), (struct mq_publish_options){.qos = 1});
    broker_pause(&broker, false);
    assert_int_equal(err, EW_E_FULL);
    assert_int_equal(taken, MQ_OUTBOX_BYTES_MAX / EW_MQTT_PAYLOAD_MAX);
    flush(&a, &a);
    mq_free(a.mq);
}

static bool has_overflowed(struct client *c)
{
    pthread_mutex_lock(&c->mq->inbox.lock);
    bool overflowed = c->mq->inbox.overflowed;
    pthread_mutex_unlock(&c->mq->inbox.lock);
    return overflowed;
}

static void a_flooded_client_begins_anew_and_gets_the_kept_topics_again(void **state)
{
    (void)state;
    struct client flooder, b;
    connect_client(&flooder, "a");
    publish_text(&flooder, "device/1/status", "kept", (struct mq_publish_options){.qos = 1, .retain = true});
    connect_client(&b, "b");
    mq_subscribe(b.mq, "device/#", 0, on_message, &b);
    wait_messages(&b, 1);
    // The loop stands still while the messages come; Paho's threads go on.
    int64_t until_ms = ew_clock_up_ms() + PATIENCE_MS;
    struct timespec moment = {0, 1000000};
    for (int sent = 0; sent < MQ_INBOX_MAX + 8192 && ew_clock_up_ms() < until_ms;) {
        if (mq_publish(flooder.mq, "device/1/x", "x", 1, (struct mq_publish_options){0}) == EW_OK)
            sent++;
        else
            nanosleep(&moment, NULL);
    }
    while (!has_overflowed(&b) && ew_clock_up_ms() < until_ms)
        nanosleep(&moment, NULL);
    b.messages = 0;
    assert_true(wait_for(is_down, &b, PATIENCE_MS));
    assert_true(wait_for(is_up, &b, PATIENCE_MS));
    flush(&b, &b);
    bool kept_again = false;
    for (int m = 0; m < b.messages && m < LOG_MAX; m++)
        kept_again |= b.log[m].retained && strcmp(b.log[m].payload, "kept") == 0;
    assert_true(kept_again);
    assert_int_equal(b.downs, 1);
    assert_int_equal(mq_clear(flooder.mq, "device/1/status"), EW_OK);
    flush(&flooder, &flooder);
    mq_free(flooder.mq);
    mq_free(b.mq);
}

// ---- Rights and sizes: a broker with both -----------------------------------------------------------------

static const char limits[] = "message_size_limit 1048576\nmax_packet_size 1114112\nacl_file ";

static void start_limited_broker(void)
{
    char config[256], path[96];
    broker_done(&broker);
    broker_init(&broker, NULL);
    snprintf(path, sizeof(path), "%s/acl", broker.folder);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs("user a\ntopic readwrite #\nuser b\ntopic readwrite #\n"
          "user calc\ntopic readwrite #\n"
          "user poor\ntopic write " BASE "/call/poor/calc/double\ntopic read " BASE "/reply/poor/#\n",
          f);
    assert_int_equal(fclose(f), 0);
    snprintf(config, sizeof(config), "%s/mosquitto.conf", broker.folder);
    f = fopen(config, "ae");
    assert_non_null(f);
    fprintf(f, "%s%s\n", limits, path);
    assert_int_equal(fclose(f), 0);
    broker_start(&broker);
}

static void ten_megabytes_are_refused_and_the_others_feel_nothing(void **state)
{
    (void)state;
    start_limited_broker();
    struct client a, b;
    connect_client(&a, "a");
    connect_client(&b, "b");
    mq_subscribe(b.mq, "big", 1, on_message, &b);
    flush(&b, &b);
    enum { TEN_MB = 10 << 20 };
    char *payload = calloc(1, TEN_MB);
    assert_non_null(payload);
    assert_int_equal(mq_publish(a.mq, "big", payload, TEN_MB, (struct mq_publish_options){.qos = 1}),
                     EW_E_TOO_LARGE);
    struct mq_outgoing out = {.topic = BASE "/big", .payload = payload, .len = TEN_MB, .options = {.qos = 1}};
    assert_int_equal(mq_session_send(a.mq->session, &out), EW_OK); // past our own check
    assert_true(wait_for(is_down, &a, PATIENCE_MS));
    assert_true(wait_for(is_up, &a, PATIENCE_MS));
    assert_int_equal(
        mq_publish(a.mq, "big", payload, EW_MQTT_PAYLOAD_MAX, (struct mq_publish_options){.qos = 1}),
        EW_OK); // the largest that is allowed
    wait_messages(&b, 1);
    free(payload);
    flush(&a, &b);
    assert_int_equal(b.messages, 1);
    assert_int_equal(b.downs, 0);
    mq_free(a.mq);
    mq_free(b.mq);
}

static void what_the_broker_refuses_is_told_at_once(void **state)
{
    (void)state;
    start_limited_broker();
    struct server s;
    struct client poor;
    struct outcome o;
    server_init(&s);
    connect_client(&poor, "poor");
    call_and_wait(&poor, "calc", "double", "{\"n\":3}", &o);
    assert_int_equal(o.err, EW_OK);
    int64_t begin_ms = ew_clock_up_ms();
    call_and_wait(&poor, "calc", "refuse", "{}", &o);
    assert_int_equal(o.err, EW_E_DENIED);
    assert_string_equal(o.code, "call.denied");
    assert_string_equal(o.text, "calc/refuse: Not authorized");
    assert_true(ew_clock_up_ms() - begin_ms < 2500); // not the time-out
    publish_text(&poor, "device/1/setpoint", "x", (struct mq_publish_options){.qos = 1});
    mq_subscribe(poor.mq, "config/#", 1, on_message, &poor);
    call_and_wait(&poor, "calc", "double", "{\"n\":3}", &o); // refusals do not harm the connection
    assert_int_equal(o.err, EW_OK);
    assert_int_equal(poor.downs, 0);
    mq_free(poor.mq);
    mq_free(s.client.mq);
}

// ---- Main -------------------------------------------------------------------------------------------------

static int group_setup(void **state)
{
    (void)state;
    broker_init(&broker, NULL);
    broker_start(&broker);
    loop = ew_loop_new();
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    ew_loop_free(loop);
    broker_done(&broker);
    return 0;
}

int main(int argc, char **argv)
{
    self = argv[0];
    setenv("CMOCKA_TEST_ABORT", "1", 0); // clients of a failed test would disturb the next ones
    ew_log_init("test", EW_LOG_NOTICE);
    if (argc == 3 && strcmp(argv[1], "--with-will") == 0)
        return run_with_will((int)strtol(argv[2], NULL, 10));
    if (argc == 2)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retained_topics_come_with_the_subscription),
        cmocka_unit_test(each_handler_sees_each_match_of_its_filter_once),
        cmocka_unit_test(stopping_hands_over_what_is_queued),
        cmocka_unit_test(what_waited_longer_than_it_is_valid_is_not_delivered),
        cmocka_unit_test(wrong_publishes_are_refused_here),
        cmocka_unit_test(the_will_is_published_when_a_process_is_killed),
        cmocka_unit_test(calls_are_not_slowed_by_delayed_acknowledgements),
        cmocka_unit_test(calls_are_answered_with_a_result_or_a_reason),
        cmocka_unit_test(a_call_without_an_answer_ends_once),
        cmocka_unit_test(only_256_calls_are_under_way),
        cmocka_unit_test(one_account_cannot_fill_a_service_with_open_calls),
        cmocka_unit_test(answers_go_only_to_the_account_that_asked),
        cmocka_unit_test(everything_comes_back_after_the_broker_was_killed),
        cmocka_unit_test(nothing_queued_survives_the_loss_of_the_connection),
        cmocka_unit_test(a_client_that_starts_first_waits_for_the_broker),
        cmocka_unit_test(the_outbox_has_a_ceiling),
        cmocka_unit_test(a_flooded_client_begins_anew_and_gets_the_kept_topics_again),
        cmocka_unit_test(ten_megabytes_are_refused_and_the_others_feel_nothing),
        cmocka_unit_test(what_the_broker_refuses_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
