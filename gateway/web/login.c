// POST /api/login, /api/codes, /api/logout, /api/lock: what was typed goes to `config`; a session comes back
// as a cookie. Nothing typed is kept.
#include "web/api_priv.h"

#include <string.h>

enum { BROWSER_AGE_S = 90 * 24 * 3600 }; // USR-04: a known browser is remembered for 90 days

// ---- Cookies ----------------------------------------------------------------------------------------------

static void add_cookie(struct ew_buf *headers, const struct web_connection *c, const char *name,
                       const char *value, int age_s)
{
    ew_buf_printf(headers, "Set-Cookie: %s=%s; HttpOnly; SameSite=Strict; Path=/%s", name, value,
                  c->tls ? "; Secure" : "");
    if (age_s >= 0)
        ew_buf_printf(headers, "; Max-Age=%d", age_s);
    ew_buf_add_text(headers, "\r\n");
}

static const char *token_in(const cJSON *result, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(result, key);
    return cJSON_IsString(item) && web_token_valid(item->valuestring) ? item->valuestring : NULL;
}

// ---- POST /api/login --------------------------------------------------------------------------------------

static void drop_session(struct web *web, const char *token);

static void answer_session_made(struct web_connection *c, const cJSON *result, const char *token)
{
    struct ew_buf headers;
    ew_buf_init(&headers, 1024);
    add_cookie(&headers, c, "edgewatt", token, -1);
    const char *browser = token_in(result, "browser");
    if (browser)
        add_cookie(&headers, c, "edgewatt_browser", browser, BROWSER_AGE_S);
    bool must_change = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(result, "must_change"));
    web_answer_ok(c, ew_buf_text(&headers),
                  must_change ? "{\"ok\":true,\"must_change\":true}\n"
                              : "{\"ok\":true,\"must_change\":false}\n");
    if (headers.data)
        explicit_bzero(headers.data, headers.cap);
    ew_buf_done(&headers);
}

static void login_answered(struct web *web, struct web_connection *c, const struct web_ask *ask,
                           const cJSON *result, const struct ew_reason *reason)
{
    (void)ask;
    const char *token = result ? token_in(result, "token") : NULL;
    const char *next = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, "next"));
    if (token && !c) {
        drop_session(web, token); // whoever logged in has gone: nobody will ever use this session
        return;
    }
    if (!c)
        return;
    if (token) {
        web_sessions_add(&web->sessions, token, web_now_ms(web));
        answer_session_made(c, result, token);
    } else if (next && strcmp(next, "puk") == 0)
        web_answer_ok(c, NULL, "{\"next\":\"puk\"}\n");
    else if (reason)
        web_answer_refusal(c, 401, reason);
    else
        web_answer_odd(c);
}

static bool too_many_logins(const struct web_connection *c)
{
    const struct web *web = c->web;
    int of_network = 0;
    for (int i = 0; i < WEB_SLOTS; i++) {
        const struct web_connection *other = &web->slots[i];
        of_network += other->phase == WEB_ASKING && other->exchange &&
                      other->exchange->route == c->exchange->route &&
                      memcmp(other->network, c->network, WEB_NETWORK_SIZE) == 0;
    }
    return web->logins >= EW_WEB_LOGINS_MAX || of_network >= EW_WEB_LOGINS_PER_ADDRESS;
}

void web_login_run(struct web_connection *c)
{
    struct web_exchange *e = c->exchange;
    struct web_login login;
    struct ew_reason reason;
    if (web_login_read(ew_buf_text(&e->body), e->body.len, &login, &reason) != EW_OK) {
        web_answer_reason(c, 400, NULL, &reason);
        return;
    }
    if (too_many_logins(c)) {
        (void)ew_fail(&reason, EW_E_BUSY, "web.logins", NULL,
                      "Too many logins at once; please try again shortly.");
        ew_reason_param(&reason, "seconds", "2");
        web_answer_reason(c, 429, "Retry-After: 2\r\n", &reason);
    } else {
        struct ew_buf args;
        struct ew_jw w;
        web_ask_begin(&args, &w);
        ew_jw_text(&w, "pin", login.pin);
        if (login.puk[0])
            ew_jw_text(&w, "puk", login.puk);
        if (e->browser[0])
            ew_jw_text(&w, "browser", e->browser);
        ew_jw_text(&w, "address", c->address);
        ew_jw_text(&w, "agent", e->agent);
        struct web_ask *ask = web_ask_new(c->web, c, "");
        ask->login = true;
        ask->answered = login_answered;
        c->web->logins++;
        web_ask_send(ask, "login", &args);
    }
    explicit_bzero(&login, sizeof(login));
}

// ---- POST /api/codes --------------------------------------------------------------------------------------

static void codes_answered(struct web *web, struct web_connection *c, const struct web_ask *ask,
                           const cJSON *result, const struct ew_reason *reason)
{
    (void)ask;
    const char *token = result ? token_in(result, "token") : NULL;
    if (token)
        web_sessions_add(&web->sessions, token, web_now_ms(web));
    if (!c)
        return;
    if (token)
        answer_session_made(c, result, token);
    else if (result)
        web_answer_ok(c, NULL, "{\"ok\":true,\"must_change\":false}\n");
    else
        // Wrong old codes and an ended session are a matter of who one is; all else of what was chosen.
        web_answer_refusal(
            c,
            strncmp(reason->code, "login.", 6) == 0 || strncmp(reason->code, "session.", 8) == 0 ? 401 : 400,
            reason);
}

void web_codes_run(struct web_connection *c)
{
    struct web_exchange *e = c->exchange;
    struct web_codes codes;
    struct ew_reason reason;
    if (!e->token[0]) {
        web_answer_fail(c, 401, "session.unknown", "You are not logged in.");
        return;
    }
    if (web_codes_read(ew_buf_text(&e->body), e->body.len, &codes, &reason) != EW_OK) {
        web_answer_reason(c, 400, NULL, &reason);
        return;
    }
    struct ew_buf args;
    struct ew_jw w;
    web_ask_begin(&args, &w);
    ew_jw_text(&w, "token", e->token);
    ew_jw_text(&w, "pin", codes.pin);
    ew_jw_text(&w, "puk", codes.puk);
    ew_jw_text(&w, "new_pin", codes.new_pin);
    ew_jw_text(&w, "new_puk", codes.new_puk);
    ew_jw_text(&w, "address", c->address);
    explicit_bzero(&codes, sizeof(codes));
    struct web_ask *ask = web_ask_new(c->web, c, e->token);
    ask->answered = codes_answered;
    web_ask_send(ask, "codes", &args);
}

// ---- POST /api/logout -------------------------------------------------------------------------------------

static void logout_answered(struct web *web, struct web_connection *c, const struct web_ask *ask,
                            const cJSON *result, const struct ew_reason *reason)
{
    web_session_ended(web, ask->token); // whoever came in meanwhile
    if (!c)
        return;
    if (!result && web_ask_unreachable(reason)) {
        web_answer_refusal(c, 503, reason);
        return;
    }
    // A session that config no longer knew is as much at its end.
    struct ew_buf headers;
    ew_buf_init(&headers, 512);
    add_cookie(&headers, c, "edgewatt", "", 0);
    web_answer_ok(c, ew_buf_text(&headers), "{\"ok\":true}\n");
    ew_buf_done(&headers);
}

static void ask_logout(struct web *web, struct web_connection *c, const char *token)
{
    struct web_ask *ask = web_ask_new(web, c, token);
    ask->answered = logout_answered;
    web_ask_send_token(ask, "logout");
}

static void drop_session(struct web *web, const char *token)
{
    ask_logout(web, NULL, token);
}

void web_logout_run(struct web_connection *c)
{
    const struct web_exchange *e = c->exchange;
    struct ew_reason reason;
    if (web_nothing_read(ew_buf_text(&e->body), e->body.len, &reason) != EW_OK)
        web_answer_reason(c, 400, NULL, &reason);
    else if (e->token[0]) {
        web_session_ended(c->web, e->token); // at once: nothing more is shown, however long config takes
        ask_logout(c->web, c, e->token);
    } else
        web_answer_ok(c, NULL, "{\"ok\":true}\n");
}

// ---- POST /api/lock ---------------------------------------------------------------------------------------

// As logout, and the browser is forgotten. With or without a session: to forget is never wrong.
static void lock_answered(struct web *web, struct web_connection *c, const struct web_ask *ask,
                          const cJSON *result, const struct ew_reason *reason)
{
    web_session_ended(web, ask->token);
    if (!c)
        return;
    if (!result) {
        web_answer_refusal(c, web_ask_unreachable(reason) ? 503 : 400, reason);
        return;
    }
    struct ew_buf headers;
    ew_buf_init(&headers, 512);
    add_cookie(&headers, c, "edgewatt", "", 0);
    add_cookie(&headers, c, "edgewatt_browser", "", 0);
    web_answer_ok(c, ew_buf_text(&headers), "{\"ok\":true}\n");
    ew_buf_done(&headers);
}

void web_lock_run(struct web_connection *c)
{
    const struct web_exchange *e = c->exchange;
    struct ew_reason reason;
    struct ew_buf args;
    struct ew_jw w;
    if (web_nothing_read(ew_buf_text(&e->body), e->body.len, &reason) != EW_OK) {
        web_answer_reason(c, 400, NULL, &reason);
        return;
    }
    web_session_ended(c->web, e->token);
    web_ask_begin(&args, &w);
    ew_jw_text(&w, "token", e->token);
    ew_jw_text(&w, "browser", e->browser);
    struct web_ask *ask = web_ask_new(c->web, c, e->token);
    ask->answered = lock_answered;
    web_ask_send(ask, "lock", &args);
}
