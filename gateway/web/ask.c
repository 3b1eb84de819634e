// A question to `config`, and what is said when its answer is a refusal, odd, or does not come.
#include "web/api_priv.h"

#include "base/log.h"
#include <stdlib.h>
#include <string.h>

enum {
    CALL_MS = 9000,   // the page waits 10 s; hashing a PUK takes up to a second, one at a time
    ASKING_MS = 12000 // never reached: calls end by themselves
};

static void on_reply(void *user, const cJSON *result, const struct ew_reason *reason)
{
    struct web_ask *ask = user;
    struct web *web = ask->web;
    if (ask->login)
        web->logins--;
    struct web_connection *c = ask->slot >= 0 ? web_connection_by(web, ask->slot, ask->serial) : NULL;
    if (c && (c->phase != WEB_ASKING || web->stopping))
        c = NULL;
    ask->answered(web, c, ask, result, reason);
    explicit_bzero(ask, sizeof(*ask));
    free(ask);
}

struct web_ask *web_ask_new(struct web *web, struct web_connection *c, const char *token)
{
    struct web_ask *ask = calloc(1, sizeof(*ask));
    if (!ask)
        abort();
    ask->web = web;
    ask->slot = c ? web_connection_slot(c) : -1;
    ask->serial = c ? c->serial : 0;
    ew_copy(ask->token, sizeof(ask->token), token);
    if (c) {
        web_connection_phase(c, WEB_ASKING, ASKING_MS);
        lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
        lws_rx_flow_control(c->wsi, 0);
    }
    return ask;
}

void web_ask_send(struct web_ask *ask, const char *method, struct ew_buf *args)
{
    ew_buf_add_text(args, "}");
    mq_call(ask->web->service->mq, "config", method, args, CALL_MS, on_reply, ask);
    if (args->data)
        explicit_bzero(args->data, args->cap);
    ew_buf_done(args);
}

void web_ask_begin(struct ew_buf *args, struct ew_jw *w)
{
    ew_buf_init(args, 2048);
    ew_jw_init(w, args);
    ew_buf_add_text(args, "{");
}

void web_ask_send_token(struct web_ask *ask, const char *method)
{
    struct ew_buf args;
    struct ew_jw w;
    web_ask_begin(&args, &w);
    ew_jw_text(&w, "token", ask->token);
    web_ask_send(ask, method, &args);
}

// True when this is no refusal of config's, but says that config could not be asked.
bool web_ask_unreachable(const struct ew_reason *reason)
{
    return strncmp(reason->code, "call.", 5) == 0;
}

static const struct ew_param *param_of(const struct ew_reason *reason, const char *name)
{
    for (int i = 0; i < reason->param_count; i++)
        if (strcmp(reason->params[i].name, name) == 0)
            return &reason->params[i];
    return NULL;
}

void web_answer_refusal(struct web_connection *c, int status, const struct ew_reason *reason)
{
    char headers[64];
    const struct ew_param *seconds = param_of(reason, "seconds");
    size_t digits = seconds ? strspn(seconds->value, "0123456789") : 0;
    if (web_ask_unreachable(reason)) {
        struct ew_reason silent;
        (void)ew_fail(&silent, reason->err, "web.config_silent", NULL,
                      "The configuration service does not answer; please try again in a moment.");
        ew_warning("api", "config does not answer, telling the browser code=%s", reason->code);
        web_answer_reason(c, 503, "Retry-After: 2\r\n", &silent);
    } else if (seconds && digits && digits < 7 && !seconds->value[digits]) {
        (void)ew_format(headers, sizeof(headers), "Retry-After: %s\r\n", seconds->value);
        web_answer_reason(c, 429, headers, reason);
    } else
        web_answer_reason(c, status, NULL, reason);
}

void web_answer_ok(struct web_connection *c, const char *headers, const char *body)
{
    web_answer(c, &(struct web_answer){.status = 200,
                                       .type = "application/json",
                                       .headers = headers,
                                       .body = body,
                                       .body_len = strlen(body)});
}

void web_answer_odd(struct web_connection *c)
{
    ew_error("api", "config answered with something that is not understood");
    web_answer_fail(c, 500, "web.config_odd",
                    "The configuration service gave an answer that is not understood.");
}
