// The service side of calls. Who calls is said by the topic, which the broker's rights vouch for; where the
// answer goes is said by the caller, and is therefore held against it.
#include "mqtt/mq_priv.h"

#include "base/log.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_EXPIRY_S = 60 };

static void forget(struct mq_request *r)
{
    struct mq *mq = r->mq;
    if (mq) {
        if (r->previous)
            r->previous->next = r->next;
        else
            mq->requests = r->next;
        if (r->next)
            r->next->previous = r->previous;
    }
    free(r);
}

enum ew_err mq_respond(struct mq *mq, const char *wire_topic, const struct ew_buf *payload,
                       const void *correlation, size_t correlation_len)
{
    if (mq->phase != MQ_CONNECTED)
        return EW_E_CLOSED;
    return mq_session_send(mq->session,
                           &(struct mq_outgoing){.topic = wire_topic,
                                                 .payload = payload->data,
                                                 .len = payload->len,
                                                 .options = {.qos = 1, .expiry_s = ANSWER_EXPIRY_S},
                                                 .correlation = correlation,
                                                 .correlation_len = correlation_len});
}

static void send_answer(const struct mq_request *r, const struct ew_buf *payload)
{
    struct mq *mq = r->mq;
    if (!mq || mq->phase != MQ_CONNECTED)
        return; // who asked hears of the loss from the broker
    enum ew_err err =
        mq_session_send(mq->session, &(struct mq_outgoing){.topic = r->response_topic,
                                                           .payload = payload->data,
                                                           .len = payload->len,
                                                           .options = {.qos = 1, .expiry_s = ANSWER_EXPIRY_S},
                                                           .correlation = r->correlation,
                                                           .correlation_len = r->correlation_len});
    if (err != EW_OK)
        ew_warning("mqtt", "an answer to %s was not sent: %s, ignoring", r->account, ew_err_sentence(err));
}

static void send_error(const struct mq_request *r, const struct ew_reason *reason, const char *key,
                       const struct ew_buf *value)
{
    struct ew_buf payload;
    struct ew_jw w;
    ew_buf_init(&payload, EW_MQTT_PAYLOAD_MAX);
    ew_jw_init(&w, &payload);
    ew_jw_open_object(&w, NULL);
    ew_jw_reason(&w, "error", reason);
    ew_jw_close_object(&w);
    if (key && !value->full && payload.len + value->len + strlen(key) + 4 <= payload.max) {
        payload.len -= 2; // the member goes in before the two closing braces
        ew_buf_printf(&payload, ",\"%s\":", key);
        ew_buf_add(&payload, value->data, value->len);
        ew_buf_add_text(&payload, "}}");
    }
    send_answer(r, &payload);
    ew_buf_done(&payload);
}

void mq_answer(struct mq_request *r, const struct ew_buf *result)
{
    struct ew_buf payload;
    ew_buf_init(&payload, EW_MQTT_PAYLOAD_MAX);
    ew_buf_add_text(&payload, "{\"result\":");
    ew_buf_add_text(&payload, result->len ? ew_buf_text(result) : "null");
    ew_buf_add_text(&payload, "}");
    if (payload.full || result->full) {
        struct ew_reason reason;
        (void)ew_fail(&reason, EW_E_TOO_LARGE, "call.answer_too_large", NULL,
                      "The answer is larger than %d bytes.", EW_MQTT_PAYLOAD_MAX);
        send_error(r, &reason, NULL, NULL);
    } else {
        send_answer(r, &payload);
    }
    ew_buf_done(&payload);
    forget(r);
}

void mq_answer_error(struct mq_request *r, const struct ew_reason *reason)
{
    send_error(r, reason, NULL, NULL);
    forget(r);
}

void mq_answer_error_with(struct mq_request *r, const struct ew_reason *reason, const char *key,
                          const struct ew_buf *value)
{
    send_error(r, reason, key, value);
    forget(r);
}

const char *mq_request_account(const struct mq_request *r)
{
    return r->account;
}

// ---- Requests arrive --------------------------------------------------------------------------------------

// "call/<account>/<service>/<method>" in pieces; false when it is anything else.
struct call_topic {
    char account[EW_NAME_MAX], service[EW_NAME_MAX], method[EW_NAME_MAX];
};

static bool take_level(const char **at, char dst[EW_NAME_MAX], char end)
{
    size_t len = strcspn(*at, "/");
    if (len == 0 || len >= EW_NAME_MAX || (*at)[len] != end)
        return false;
    memcpy(dst, *at, len);
    dst[len] = 0;
    *at += len + (end != 0);
    return true;
}

static bool read_call_topic(const char *topic, struct call_topic *t)
{
    const char *at = topic;
    if (strncmp(at, "call/", 5) != 0)
        return false;
    at += 5;
    return take_level(&at, t->account, '/') && take_level(&at, t->service, '/') &&
           take_level(&at, t->method, 0);
}

// The answer may only go to the account that asked, to a topic without wildcards.
static bool answer_is_allowed(const struct mq *mq, const char *account, const struct mq_message *message)
{
    char prefix[MQ_WIRE_TOPIC_MAX];
    if (!message->response_topic ||
        ew_format(prefix, sizeof(prefix), "%s/reply/%s/", mq->options.base, account) != EW_OK)
        return false;
    size_t len = strlen(prefix);
    return strncmp(message->response_topic, prefix, len) == 0 && message->response_topic[len] &&
           !strpbrk(message->response_topic, "+#") && message->correlation_len > 0 &&
           message->correlation_len <= MQ_CORRELATION_MAX;
}

static struct mq_request *remember(struct mq *mq, const char *account, const struct mq_message *message)
{
    struct mq_request *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    r->mq = mq;
    ew_copy(r->account, sizeof(r->account), account);
    ew_copy(r->response_topic, sizeof(r->response_topic), message->response_topic);
    memcpy(r->correlation, message->correlation, message->correlation_len);
    r->correlation_len = message->correlation_len;
    r->next = mq->requests;
    if (mq->requests)
        mq->requests->previous = r;
    mq->requests = r;
    return r;
}

static bool has_room(const struct mq *mq, const char *account)
{
    int all = 0, own = 0;
    for (const struct mq_request *r = mq->requests; r; r = r->next) {
        all++;
        own += strcmp(r->account, account) == 0;
    }
    return all < MQ_REQUESTS_MAX && own < MQ_REQUESTS_PER_ACCOUNT_MAX;
}

static const struct mq_method *find_method(const struct mq *mq, const char *service, const char *method)
{
    for (int i = 0; i < mq->method_count; i++)
        if (strcmp(mq->methods[i].service, service) == 0 && strcmp(mq->methods[i].method, method) == 0)
            return &mq->methods[i];
    return NULL;
}

static void on_call(void *user, const struct mq_message *message, int64_t now_ms)
{
    struct mq *mq = user;
    struct call_topic t;
    if (message->retained || !read_call_topic(message->topic, &t)) {
        ew_warning("mqtt", "not a call: %s, ignoring", message->topic);
        return;
    }
    if (!answer_is_allowed(mq, t.account, message)) {
        ew_warning("mqtt",
                   "%s called %s/%s without a response topic below reply/%s/ or without correlation "
                   "data, ignoring",
                   t.account, t.service, t.method, t.account);
        return;
    }
    bool room = has_room(mq, t.account);
    struct mq_request *r = remember(mq, t.account, message);
    struct ew_reason reason;
    const struct mq_method *method = find_method(mq, t.service, t.method);
    cJSON *args = NULL;
    if (!room) {
        (void)ew_fail(&reason, EW_E_BUSY, "call.busy", NULL, "Too many calls of %s wait for an answer.",
                      t.account);
        ew_reason_param(&reason, "account", "%s", t.account);
        mq_answer_error(r, &reason);
    } else if (!method) {
        (void)ew_fail(&reason, EW_E_UNKNOWN, "call.unknown_method", NULL, "%s has no method \"%s\".",
                      t.service, t.method);
        ew_reason_param(&reason, "service", "%s", t.service);
        ew_reason_param(&reason, "method", "%s", t.method);
        mq_answer_error(r, &reason);
    } else if (ew_json_parse(message->payload, message->payload_len, EW_MQTT_PAYLOAD_MAX, &args, &reason) !=
               EW_OK) {
        mq_answer_error(r, &reason);
    } else if (!cJSON_IsObject(args)) {
        (void)ew_fail(&reason, EW_E_INVALID, "call.invalid_arguments", NULL,
                      "The arguments of a call are a JSON object.");
        mq_answer_error(r, &reason);
    } else {
        method->fn(method->user, r, args, now_ms);
    }
    cJSON_Delete(args);
}

void mq_serve(struct mq *mq, const char *service, const char *method, mq_serve_fn *fn, void *user)
{
    assert(mq->method_count < MQ_METHODS_MAX);
    if (mq->method_count >= MQ_METHODS_MAX)
        abort();
    bool known = false;
    for (int i = 0; i < mq->method_count; i++)
        known |= strcmp(mq->methods[i].service, service) == 0;
    mq->methods[mq->method_count++] = (struct mq_method){
        .service = mq_copy_text(service), .method = mq_copy_text(method), .fn = fn, .user = user};
    if (known)
        return;
    char filter[EW_TOPIC_MAX]; // one subscription for all methods, so that unknown ones are answered too
    if (ew_format(filter, sizeof(filter), "call/+/%s/+", service) != EW_OK)
        abort();
    mq_subscribe(mq, filter, 1, on_call, mq);
}

void mq_requests_done(struct mq *mq)
{
    while (mq->requests) { // whoever holds one may still answer it: into the void
        struct mq_request *r = mq->requests;
        mq->requests = r->next;
        r->mq = NULL;
        r->next = r->previous = NULL;
    }
    for (int i = 0; i < mq->method_count; i++) {
        free((char *)(uintptr_t)mq->methods[i].service);
        free((char *)(uintptr_t)mq->methods[i].method);
    }
}
