#include "server/forward.h"

#include "base/log.h"
#include "core/remote/forward.h"
#include <stdlib.h>
#include <string.h>

enum { CALL_MS = 6000, ARGS_MAX = 8 << 10 };

struct passage { // a request under way
    struct forward *forward;
    bool busy;
    struct door_ticket ticket;
    uint8_t pdu[FRAME_PDU_MAX]; // the request's
    size_t pdu_len;
};

struct forward {
    struct mq *mq;
    struct door *door;
    int64_t bus; // the local one, 0 = none is known
    struct forward_rules rules;
    int64_t passed, refused;
    struct passage passages[FORWARD_MAX];
};

struct forward *forward_new(struct mq *mq, struct door *door)
{
    struct forward *f = calloc(1, sizeof(*f));
    if (!f)
        abort();
    f->mq = mq;
    f->door = door;
    for (int i = 0; i < FORWARD_MAX; i++)
        f->passages[i].forward = f;
    return f;
}

void forward_free(struct forward *f)
{
    free(f);
}

void forward_take_bus(struct forward *f, int64_t id, const cJSON *tree)
{
    bool local = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "local"));
    if (!local && f->bus != id)
        return;
    f->bus = local ? id : 0;
    f->rules.path = local && !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(tree, "on"));
}

void forward_allow_writes(struct forward *f, bool allowed)
{
    f->rules.writes = allowed;
}

// ---- The way back ----------------------------------------------------------------------------------------

static size_t answer_values(const struct frame_request *request, const cJSON *registers,
                            uint8_t ret_pdu[FRAME_PDU_MAX])
{
    uint16_t words[FRAME_BITS_MAX];
    uint8_t bits[FRAME_BITS_MAX];
    int count = 0;
    for (const cJSON *item = cJSON_IsArray(registers) ? registers->child : NULL;
         item && count < request->count; item = item->next, count++) {
        double value = cJSON_IsNumber(item) ? item->valuedouble : 0;
        words[count] = (uint16_t)value;
        bits[count] = (uint8_t)(value > 0 ? 1 : 0);
    }
    if (count != request->count)
        return frame_answer_exception(request->function, FRAME_DEVICE_FAILURE, ret_pdu);
    return request->function <= 2 ? frame_answer_bits(request->function, bits, count, ret_pdu)
                                  : frame_answer_registers(request->function, words, count, ret_pdu);
}

static int exception_in(const cJSON *reason)
{
    const cJSON *params = cJSON_GetObjectItemCaseSensitive(reason, "params");
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "exception"));
    return text ? (int)strtol(text, NULL, 10) : 0;
}

static size_t answer_of(const struct frame_request *request, const cJSON *result,
                        const struct ew_reason *reason, uint8_t ret_pdu[FRAME_PDU_MAX])
{
    const cJSON *failure = cJSON_GetObjectItemCaseSensitive(result, "reason");
    const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(failure, "code"));
    if (!result || !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(result, "ok")))
        return frame_answer_exception(request->function,
                                      forward_exception(code     ? code
                                                        : reason ? reason->code
                                                                 : "",
                                                        exception_in(failure)),
                                      ret_pdu);
    if (request->function > 4)
        return frame_answer_write(request, ret_pdu);
    return answer_values(request, cJSON_GetObjectItemCaseSensitive(result, "registers"), ret_pdu);
}

static void on_reply(void *user, const cJSON *result, const struct ew_reason *reason)
{
    struct passage *p = user;
    struct frame_request request;
    uint8_t pdu[FRAME_PDU_MAX];
    p->busy = false;
    if (frame_request_read(p->pdu, p->pdu_len, &request) != FRAME_NO_EXCEPTION)
        return; // was read once already
    door_reply(p->forward->door, &p->ticket, pdu, answer_of(&request, result, reason, pdu));
}

// ---- The way there ---------------------------------------------------------------------------------------

static void put_values(struct ew_jw *w, const struct frame_request *request)
{
    bool bits = request->function == 5 || request->function == 15;
    ew_jw_open_array(w, "values");
    for (int i = 0; i < request->count; i++)
        ew_jw_int(w, NULL,
                  bits ? (frame_request_bit(request, i) ? 1 : 0) : frame_request_register(request, i));
    ew_jw_close_array(w);
}

static void call_poller(struct forward *f, struct passage *p, const struct frame_request *request)
{
    struct ew_buf args;
    struct ew_jw w;
    bool write = request->function > 4;
    ew_buf_init(&args, ARGS_MAX);
    ew_jw_init(&w, &args);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "bus", f->bus);
    ew_jw_int(&w, "unit", p->ticket.unit);
    ew_jw_int(&w, "fc", request->function);
    ew_jw_int(&w, "address", request->address);
    if (write)
        put_values(&w, request);
    else
        ew_jw_int(&w, "count", request->count);
    ew_jw_close_object(&w);
    mq_call(f->mq, "poller", write ? "write" : "read", &args, CALL_MS, on_reply, p);
    ew_buf_done(&args);
}

enum frame_exception forward_ask(struct forward *f, const struct door_ticket *ticket,
                                 const struct frame_request *request)
{
    enum frame_exception exception = forward_may(&f->rules, ticket->unit, request);
    struct passage *p = NULL;
    for (int i = 0; i < FORWARD_MAX && exception == FRAME_NO_EXCEPTION && !p; i++)
        p = f->passages[i].busy ? NULL : &f->passages[i];
    if (exception == FRAME_NO_EXCEPTION && !p)
        exception = FRAME_BUSY;
    if (exception != FRAME_NO_EXCEPTION) {
        f->refused++;
        return exception;
    }
    p->busy = true;
    p->ticket = *ticket;
    p->pdu_len = frame_request_write(request, p->pdu);
    f->passed++;
    call_poller(f, p, request);
    return FRAME_NO_EXCEPTION;
}

int64_t forward_passed(const struct forward *f)
{
    return f->passed;
}

int64_t forward_refused(const struct forward *f)
{
    return f->refused;
}
