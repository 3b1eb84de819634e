// What a session may: GET /api/session, the look at a cookie in the background, and files for who has their
// page.
#include "web/api_priv.h"

#include "base/clock.h"
#include <string.h>

enum { CHECKS_PER_SECOND = 10 }; // background questions about unknown cookies

// ---- GET /api/session -------------------------------------------------------------------------------------

void web_session_ended(struct web *web, const char *token)
{
    web_sessions_remove(&web->sessions, token);
    web_tunnels_end(web, token);
}

static void answer_session(struct web_connection *c, const cJSON *result)
{
    struct ew_buf body;
    struct ew_jw w;
    ew_buf_init(&body, EW_WEB_BODY_MAX);
    ew_jw_init(&w, &body);
    ew_jw_open_object(&w, NULL);
    for (const cJSON *item = result->child; item; item = item->next)
        ew_jw_tree(&w, item->string, item);
    // Lets the page tell ages without trusting any wall clock.
    ew_jw_int(&w, "up_ms", ew_clock_up_ms());
    ew_jw_close_object(&w);
    ew_buf_add_text(&body, "\n");
    if (body.full)
        web_answer_odd(c);
    else
        web_answer_ok(c, NULL, ew_buf_text(&body));
    ew_buf_done(&body);
}

// True when somebody waits for what the session allows; else the refusal was answered.
static bool session_holds(struct web *web, struct web_connection *c, const struct web_ask *ask,
                          const cJSON *result, const struct ew_reason *reason)
{
    if (cJSON_IsObject(result))
        web_sessions_add(&web->sessions, ask->token, web_now_ms(web));
    else if (reason && !web_ask_unreachable(reason))
        web_session_ended(web, ask->token);
    if (!c)
        return false;
    if (cJSON_IsObject(result))
        return true;
    if (reason)
        web_answer_refusal(c, 401, reason);
    else
        web_answer_odd(c);
    return false;
}

static void session_answered(struct web *web, struct web_connection *c, const struct web_ask *ask,
                             const cJSON *result, const struct ew_reason *reason)
{
    if (session_holds(web, c, ask, result, reason))
        answer_session(c, result);
}

// The answer comes later.
static void ask_session(struct web *web, struct web_connection *c, const char *token)
{
    struct web_ask *ask = web_ask_new(web, c, token);
    ask->answered = session_answered;
    web_ask_send_token(ask, "session");
}

void web_session_run(struct web_connection *c)
{
    if (c->exchange->token[0])
        ask_session(c->web, c, c->exchange->token);
    else
        web_answer_fail(c, 401, "session.unknown", "You are not logged in.");
}

void web_api_check(struct web *web, const char *token)
{
    int64_t now_ms = web_now_ms(web);
    if (now_ms - web->checks_ms >= 1000) {
        web->checks_ms = now_ms;
        web->checks = 0;
    }
    if (web->checks++ < CHECKS_PER_SECOND)
        ask_session(web, NULL, token);
}

// ---- Files, for who has the page -------------------------------------------------------------------------

static bool has_page(const cJSON *session, const char *page)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(session, "pages"))
    {
        if (cJSON_IsString(item) && strcmp(item->valuestring, page) == 0)
            return true;
    }
    return false;
}

static void allow_answered(struct web *web, struct web_connection *c, const struct web_ask *ask,
                           const cJSON *result, const struct ew_reason *reason)
{
    bool allowed = cJSON_IsObject(result) && has_page(result, ask->page);
    if (c && !allowed && c->exchange->method == WEB_POST)
        c->exchange->close = true; // the body is not read
    if (!session_holds(web, c, ask, result, reason))
        return;
    const cJSON *mqtt = cJSON_GetObjectItemCaseSensitive(result, "mqtt");
    const char *account = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(mqtt, "username"));
    if (allowed)
        ask->allowed(c, account ? account : "");
    else
        web_answer_fail(c, 403, "access.denied", "This account has no right to do that.");
}

void web_api_allow(struct web_connection *c, const char *page, web_allowed_fn *allowed)
{
    if (!c->exchange->token[0]) {
        c->exchange->close = c->exchange->close || c->exchange->method == WEB_POST;
        web_answer_fail(c, 401, "session.unknown", "You are not logged in.");
        return;
    }
    struct web_ask *ask = web_ask_new(c->web, c, c->exchange->token);
    ask->answered = allow_answered;
    ask->page = page;
    ask->allowed = allowed;
    web_ask_send_token(ask, "session");
}
