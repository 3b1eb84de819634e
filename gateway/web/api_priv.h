// What the files behind /api/... share: a question to `config` and its answer. Only web/ includes it.
#ifndef EDGEWATT_WEB_API_PRIV_H
#define EDGEWATT_WEB_API_PRIV_H

#include "web/web_priv.h"

// ---- ask.c ------------------------------------------------------------------------------------------------

struct web_ask;
// c: who waits, NULL when he has gone or nobody ever did. Exactly one of result (a loan) and reason is not
// NULL.
typedef void web_answered_fn(struct web *web, struct web_connection *c, const struct web_ask *ask,
                             const cJSON *result, const struct ew_reason *reason);

// What is remembered while config thinks. The connection may be gone when the answer comes.
struct web_ask {
    struct web *web;
    int slot; // -1 = nobody waits
    uint32_t serial;
    char token[WEB_TOKEN_SIZE];
    bool login; // counts in web->logins
    web_answered_fn *answered;
    const char *page; // of web_api_allow
    web_allowed_fn *allowed;
};

// c NULL: nobody waits. Set `answered`, then send; from there on the question ends by itself, by calling it.
struct web_ask *web_ask_new(struct web *web, struct web_connection *c, const char *token);
// The arguments of the call: begin, put the members in, send (which closes and wipes them).
void web_ask_begin(struct ew_buf *args, struct ew_jw *w);
void web_ask_send(struct web_ask *ask, const char *method, struct ew_buf *args);
// Sends what is asked of the session alone that the question was made for.
void web_ask_send_token(struct web_ask *ask, const char *method);

// True when this is no refusal of config's, but says that config could not be asked.
bool web_ask_unreachable(const struct ew_reason *reason);
// status: of a refusal of config's; 503 when it could not be asked, 429 when it says how long to wait.
void web_answer_refusal(struct web_connection *c, int status, const struct ew_reason *reason);
void web_answer_ok(struct web_connection *c, const char *headers, const char *body); // JSON
void web_answer_odd(struct web_connection *c); // config's answer is not understood

// ---- login.c ----------------------------------------------------------------------------------------------

void web_login_run(struct web_connection *c);
void web_codes_run(struct web_connection *c);
void web_logout_run(struct web_connection *c);
void web_lock_run(struct web_connection *c);

// ---- allow.c ----------------------------------------------------------------------------------------------

void web_session_run(struct web_connection *c);
void web_session_ended(struct web *web, const char *token); // forgets it here and cuts its sockets

#endif
