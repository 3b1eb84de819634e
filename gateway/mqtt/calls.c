// The client side of calls: each ends exactly once, by its answer, by its time or by the loss of the
// connection.
#include "mqtt/mq_priv.h"

#include "base/log.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { CORRELATION_LEN = 16 };

static void correlation_of(const struct mq *mq, uint64_t id, unsigned char dst[CORRELATION_LEN])
{
    memcpy(dst, mq->run, sizeof(mq->run));
    for (int i = 0; i < 8; i++)
        dst[8 + i] = (unsigned char)(id >> (8 * i));
}

// Takes a call out of the list: from here on it is the caller's to end.
static struct mq_call *detach(struct mq *mq, struct mq_call **at)
{
    struct mq_call *call = *at;
    *at = call->next;
    if (call->sent)
        mq->calls_under_way--;
    return call;
}

// A reason that names the call.
static void fail(const struct mq_call *call, struct ew_reason *reason, enum ew_err err, const char *code,
                 const char *what)
{
    (void)ew_fail(reason, err, code, NULL, "%s: %s", call->name, what);
    ew_reason_param(reason, "call", "%s", call->name);
}

static void end(struct mq_call *call, const cJSON *result, const struct ew_reason *reason)
{
    call->fn(call->user, result, reason);
    free(call);
}

static struct mq_call **find(struct mq *mq, uint64_t id)
{
    for (struct mq_call **at = &mq->calls; *at; at = &(*at)->next)
        if ((*at)->id == id)
            return at;
    return NULL;
}

// ---- Time -------------------------------------------------------------------------------------------------

static void arm(struct mq *mq)
{
    int64_t due_ms = INT64_MAX;
    for (const struct mq_call *call = mq->calls; call; call = call->next)
        if (call->due_ms < due_ms)
            due_ms = call->due_ms;
    if (due_ms == INT64_MAX)
        ew_loop_timer_clear(mq->loop, &mq->call_timer);
    else
        ew_loop_timer_set(mq->loop, &mq->call_timer, due_ms);
}

static void on_call_timer(struct ew_timer *timer, int64_t now_ms)
{
    struct mq *mq = timer->user;
    for (struct mq_call **at = &mq->calls; *at;) {
        if ((*at)->due_ms > now_ms) {
            at = &(*at)->next;
            continue;
        }
        struct mq_call *call = detach(mq, at);
        struct ew_reason reason = call->failure;
        end(call, NULL, &reason);
        at = &mq->calls; // the callback may have changed the list
    }
    arm(mq);
}

// ---- Answers ----------------------------------------------------------------------------------------------

// Reads {"error": {code, path?, params, text}} into a reason.
static void read_error(const cJSON *error, struct ew_reason *reason)
{
    const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "code"));
    const char *path = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "path"));
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "text"));
    (void)ew_fail(reason, EW_E_INVALID, code ? code : "call.failed", path, "%s",
                  text ? text : "The service refused without a reason.");
    const cJSON *param = NULL;
    cJSON_ArrayForEach(param, cJSON_GetObjectItemCaseSensitive(error, "params"))
    {
        if (cJSON_IsString(param) && param->string)
            ew_reason_param(reason, param->string, "%s", param->valuestring);
    }
}

static void answer(struct mq_call *call, const struct mq_message *message)
{
    struct ew_reason reason;
    cJSON *tree = NULL;
    const cJSON *result = NULL;
    if (ew_json_parse(message->payload, message->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, &reason) != EW_OK) {
        char why[EW_TEXT_MAX];
        ew_copy(why, sizeof(why), reason.text);
        fail(call, &reason, EW_E_PROTOCOL, "call.invalid_answer", why);
    } else {
        const cJSON *error = cJSON_GetObjectItemCaseSensitive(tree, "error");
        result = cJSON_GetObjectItemCaseSensitive(tree, "result");
        if (cJSON_IsObject(error)) {
            result = NULL;
            read_error(error, &reason);
        } else if (!result) {
            fail(call, &reason, EW_E_PROTOCOL, "call.invalid_answer",
                 "the answer holds neither a result nor an error");
        }
    }
    end(call, result, result ? NULL : &reason);
    cJSON_Delete(tree);
}

static void on_reply(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct mq *mq = user;
    const unsigned char *c = message->correlation;
    if (!c || message->correlation_len != CORRELATION_LEN || memcmp(c, mq->run, sizeof(mq->run)) != 0)
        return;
    uint64_t id = 0;
    for (int i = 0; i < 8; i++)
        id |= (uint64_t)c[8 + i] << (8 * i);
    struct mq_call **at = find(mq, id);
    if (!at)
        return; // too late, or a second answer
    answer(detach(mq, at), message);
    arm(mq);
}

// ---- Calling ----------------------------------------------------------------------------------------------

// Sends the request of a call; on failure the reason is in call->failure.
static bool send_request(struct mq *mq, struct mq_call *call, const struct ew_buf *args, int timeout_ms)
{
    char topic[MQ_WIRE_TOPIC_MAX], response_topic[MQ_WIRE_TOPIC_MAX], below[MQ_WIRE_TOPIC_MAX];
    if (mq->calls_under_way >= MQ_CALLS_MAX) {
        fail(call, &call->failure, EW_E_BUSY, "call.busy", "too many calls are under way already");
        return false;
    }
    bool fits = ew_format(below, sizeof(below), "call/%s/%s", mq->options.user, call->name) == EW_OK &&
                mq_wire_topic(mq, below, topic) &&
                ew_format(below, sizeof(below), "reply/%s/call", mq->options.user) == EW_OK &&
                mq_wire_topic(mq, below, response_topic);
    unsigned char correlation[CORRELATION_LEN];
    correlation_of(mq, call->id, correlation);
    enum ew_err err = EW_E_TOO_LARGE;
    if (fits && !(args && args->full) && !(args && args->len > EW_MQTT_PAYLOAD_MAX))
        err = mq->phase != MQ_CONNECTED
                  ? EW_E_CLOSED
                  : mq_session_send(
                        mq->session,
                        &(struct mq_outgoing){.topic = topic,
                                              .payload = args ? args->data : "{}",
                                              .len = args ? args->len : 2,
                                              .options = {.qos = 1, .expiry_s = (timeout_ms + 999) / 1000},
                                              .response_topic = response_topic,
                                              .correlation = correlation,
                                              .correlation_len = sizeof(correlation),
                                              .call = call->id});
    if (err != EW_OK)
        fail(call, &call->failure, err, err == EW_E_CLOSED ? "call.closed" : "call.not_sent",
             ew_err_sentence(err));
    return err == EW_OK;
}

void mq_call(struct mq *mq, const char *service, const char *method, const struct ew_buf *args,
             int timeout_ms, mq_reply_fn *fn, void *user)
{
    if (timeout_ms < MQ_CALL_TIMEOUT_MIN_MS)
        timeout_ms = MQ_CALL_TIMEOUT_MIN_MS;
    size_t name_size = strlen(service) + strlen(method) + 2;
    struct mq_call *call = calloc(1, sizeof(*call) + name_size);
    if (!call)
        abort();
    (void)ew_format(call->name, name_size, "%s/%s", service, method);
    call->id = ++mq->call_count;
    call->fn = fn;
    call->user = user;
    if (!mq->replies_subscribed) {
        char filter[EW_TOPIC_MAX];
        mq->replies_subscribed = true;
        if (ew_format(filter, sizeof(filter), "reply/%s/#", mq->options.user) == EW_OK)
            mq_subscribe(mq, filter, 1, on_reply, mq);
    }
    int64_t now_ms = ew_loop_now_ms(mq->loop);
    if (send_request(mq, call, args, timeout_ms)) {
        call->sent = true;
        mq->calls_under_way++;
        call->due_ms = now_ms + timeout_ms;
        fail(call, &call->failure, EW_E_TIMEOUT, "call.timeout", "no answer in time");
    } else {
        call->due_ms = now_ms + 1; // told from the loop, never from within mq_call
    }
    call->next = mq->calls;
    mq->calls = call;
    arm(mq);
}

// ---- Ends without an answer -------------------------------------------------------------------------------

void mq_calls_lost(struct mq *mq, const struct ew_reason *reason)
{
    struct mq_call *calls = NULL;
    for (struct mq_call **at = &mq->calls; *at;) {
        if ((*at)->sent) {
            struct mq_call *call = detach(mq, at);
            call->next = calls;
            calls = call;
        } else {
            at = &(*at)->next;
        }
    }
    while (calls) {
        struct mq_call *call = calls;
        calls = call->next;
        struct ew_reason why;
        fail(call, &why, EW_E_CLOSED, "call.closed", reason->text);
        end(call, NULL, &why);
    }
    arm(mq);
}

void mq_calls_refused(struct mq *mq, uint64_t id, int code)
{
    struct mq_call **at = id ? find(mq, id) : NULL;
    if (!at)
        return;
    struct mq_call *call = detach(mq, at);
    struct ew_reason why;
    fail(call, &why, EW_E_DENIED, "call.denied", mq_code_text(code));
    end(call, NULL, &why);
    arm(mq);
}

void mq_calls_init(struct mq *mq)
{
    mq->call_timer.fn = on_call_timer;
    mq->call_timer.user = mq;
    if (getrandom(mq->run, sizeof(mq->run), 0) != (ssize_t)sizeof(mq->run))
        abort();
}

void mq_calls_done(struct mq *mq)
{
    while (mq->calls) {
        struct mq_call *call = detach(mq, &mq->calls);
        struct ew_reason why;
        fail(call, &why, EW_E_CLOSED, "call.closed", "we are stopping");
        end(call, NULL, &why);
    }
    ew_loop_timer_clear(mq->loop, &mq->call_timer);
}
