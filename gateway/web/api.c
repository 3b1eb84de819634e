// /api/...: a thin waiter. What was typed goes to `config` in a call; its answer, or its reason for a
// refusal, goes back. Nothing typed is kept.
#include "web/web_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    CALL_MS = 9000,                // the page waits 10 s; hashing a PUK takes up to a second, one at a time
    ASKING_MS = 12000,             // never reached: calls end by themselves
    CHECKS_PER_SECOND = 10,        // background questions about unknown cookies
    BROWSER_AGE_S = 90 * 24 * 3600 // USR-04: a known browser is remembered for 90 days
};

struct web_route {
    const char *path;
    enum web_method method;
    void (*run)(struct web_connection *c);
};

// ---- Asking config ----------------------------------------------------------------------------------------

struct ask;
typedef void answered_fn(struct web *web, struct web_connection *c, const struct ask *ask,
                         const cJSON *result, const struct ew_reason *reason);

// What is remembered while config thinks. The connection may be gone when the answer comes.
struct ask {
    struct web *web;
    int slot; // -1 = nobody waits
    uint32_t serial;
    char token[WEB_TOKEN_SIZE];
    bool login;
    answered_fn *answered;
    const char *page; // of web_api_allow
    web_allowed_fn *allowed;
};

static void on_reply(void *user, const cJSON *result, const struct ew_reason *reason)
{
    struct ask *ask = user;
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

static struct ask *ask_new(struct web *web, struct web_connection *c, const char *token)
{
    struct ask *ask = calloc(1, sizeof(*ask));
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

static void ask_send(struct ask *ask, const char *method, struct ew_buf *args)
{
    ew_buf_add_text(args, "}");
    mq_call(ask->web->service->mq, "config", method, args, CALL_MS, on_reply, ask);
    if (args->data)
        explicit_bzero(args->data, args->cap);
    ew_buf_done(args);
}

static void args_begin(struct ew_buf *args, struct ew_jw *w)
{
    ew_buf_init(args, 2048);
    ew_jw_init(w, args);
    ew_buf_add_text(args, "{");
}

// True when this is no refusal of config's, but says that config could not be asked.
static bool unreachable(const struct ew_reason *reason)
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

static void answer_refusal(struct web_connection *c, int status, const struct ew_reason *reason)
{
    char headers[64];
    const struct ew_param *seconds = param_of(reason, "seconds");
    size_t digits = seconds ? strspn(seconds->value, "0123456789") : 0;
    if (unreachable(reason)) {
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

static void answer_ok(struct web_connection *c, const char *headers, const char *body)
{
    web_answer(c, &(struct web_answer){.status = 200,
                                       .type = "application/json",
                                       .headers = headers,
                                       .body = body,
                                       .body_len = strlen(body)});
}

static void answer_odd(struct web_connection *c)
{
    ew_error("api", "config answered with something that is not understood");
    web_answer_fail(c, 500, "web.config_odd",
                    "The configuration service gave an answer that is not understood.");
}

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
    answer_ok(c, ew_buf_text(&headers),
              must_change ? "{\"ok\":true,\"must_change\":true}\n" : "{\"ok\":true,\"must_change\":false}\n");
    if (headers.data)
        explicit_bzero(headers.data, headers.cap);
    ew_buf_done(&headers);
}

static void login_answered(struct web *web, struct web_connection *c, const struct ask *ask,
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
        answer_ok(c, NULL, "{\"next\":\"puk\"}\n");
    else if (reason)
        answer_refusal(c, 401, reason);
    else
        answer_odd(c);
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

static void run_login(struct web_connection *c)
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
        args_begin(&args, &w);
        ew_jw_text(&w, "pin", login.pin);
        if (login.puk[0])
            ew_jw_text(&w, "puk", login.puk);
        if (e->browser[0])
            ew_jw_text(&w, "browser", e->browser);
        ew_jw_text(&w, "address", c->address);
        ew_jw_text(&w, "agent", e->agent);
        struct ask *ask = ask_new(c->web, c, "");
        ask->login = true;
        ask->answered = login_answered;
        c->web->logins++;
        ask_send(ask, "login", &args);
    }
    explicit_bzero(&login, sizeof(login));
}

// ---- POST /api/codes --------------------------------------------------------------------------------------

static void codes_answered(struct web *web, struct web_connection *c, const struct ask *ask,
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
        answer_ok(c, NULL, "{\"ok\":true,\"must_change\":false}\n");
    else
        // Wrong old codes and an ended session are a matter of who one is; all else of what was chosen.
        answer_refusal(
            c,
            strncmp(reason->code, "login.", 6) == 0 || strncmp(reason->code, "session.", 8) == 0 ? 401 : 400,
            reason);
}

static void run_codes(struct web_connection *c)
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
    args_begin(&args, &w);
    ew_jw_text(&w, "token", e->token);
    ew_jw_text(&w, "pin", codes.pin);
    ew_jw_text(&w, "puk", codes.puk);
    ew_jw_text(&w, "new_pin", codes.new_pin);
    ew_jw_text(&w, "new_puk", codes.new_puk);
    ew_jw_text(&w, "address", c->address);
    explicit_bzero(&codes, sizeof(codes));
    struct ask *ask = ask_new(c->web, c, e->token);
    ask->answered = codes_answered;
    ask_send(ask, "codes", &args);
}

// ---- GET /api/session -------------------------------------------------------------------------------------

static void session_ended(struct web *web, const char *token)
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
        answer_odd(c);
    else
        answer_ok(c, NULL, ew_buf_text(&body));
    ew_buf_done(&body);
}

// True when somebody waits for what the session allows; else the refusal was answered.
static bool session_holds(struct web *web, struct web_connection *c, const struct ask *ask,
                          const cJSON *result, const struct ew_reason *reason)
{
    if (cJSON_IsObject(result))
        web_sessions_add(&web->sessions, ask->token, web_now_ms(web));
    else if (reason && !unreachable(reason))
        session_ended(web, ask->token);
    if (!c)
        return false;
    if (cJSON_IsObject(result))
        return true;
    if (reason)
        answer_refusal(c, 401, reason);
    else
        answer_odd(c);
    return false;
}

static void session_answered(struct web *web, struct web_connection *c, const struct ask *ask,
                             const cJSON *result, const struct ew_reason *reason)
{
    if (session_holds(web, c, ask, result, reason))
        answer_session(c, result);
}

// The answer comes later.
static struct ask *ask_session(struct web *web, struct web_connection *c, const char *token,
                               answered_fn *answered)
{
    struct ew_buf args;
    struct ew_jw w;
    args_begin(&args, &w);
    ew_jw_text(&w, "token", token);
    struct ask *ask = ask_new(web, c, token);
    ask->answered = answered;
    ask_send(ask, "session", &args);
    return ask;
}

static void run_session(struct web_connection *c)
{
    if (c->exchange->token[0])
        ask_session(c->web, c, c->exchange->token, session_answered);
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
        ask_session(web, NULL, token, session_answered);
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

static void allow_answered(struct web *web, struct web_connection *c, const struct ask *ask,
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
    struct ask *ask = ask_session(c->web, c, c->exchange->token, allow_answered);
    ask->page = page;
    ask->allowed = allowed;
}

// ---- POST /api/logout -------------------------------------------------------------------------------------

static void logout_answered(struct web *web, struct web_connection *c, const struct ask *ask,
                            const cJSON *result, const struct ew_reason *reason)
{
    session_ended(web, ask->token); // whoever came in meanwhile
    if (!c)
        return;
    if (!result && unreachable(reason)) {
        answer_refusal(c, 503, reason);
        return;
    }
    // A session that config no longer knew is as much at its end.
    struct ew_buf headers;
    ew_buf_init(&headers, 512);
    add_cookie(&headers, c, "edgewatt", "", 0);
    answer_ok(c, ew_buf_text(&headers), "{\"ok\":true}\n");
    ew_buf_done(&headers);
}

static void ask_logout(struct web *web, struct web_connection *c, const char *token)
{
    struct ew_buf args;
    struct ew_jw w;
    args_begin(&args, &w);
    ew_jw_text(&w, "token", token);
    struct ask *ask = ask_new(web, c, token);
    ask->answered = logout_answered;
    ask_send(ask, "logout", &args);
}

static void drop_session(struct web *web, const char *token)
{
    ask_logout(web, NULL, token);
}

static void run_logout(struct web_connection *c)
{
    const struct web_exchange *e = c->exchange;
    struct ew_reason reason;
    if (web_nothing_read(ew_buf_text(&e->body), e->body.len, &reason) != EW_OK)
        web_answer_reason(c, 400, NULL, &reason);
    else if (e->token[0]) {
        session_ended(c->web, e->token); // at once: nothing more is shown, however long config takes
        ask_logout(c->web, c, e->token);
    } else
        answer_ok(c, NULL, "{\"ok\":true}\n");
}

// ---- POST /api/lock ---------------------------------------------------------------------------------------

// As logout, and the browser is forgotten. With or without a session: to forget is never wrong.
static void lock_answered(struct web *web, struct web_connection *c, const struct ask *ask,
                          const cJSON *result, const struct ew_reason *reason)
{
    session_ended(web, ask->token);
    if (!c)
        return;
    if (!result) {
        answer_refusal(c, unreachable(reason) ? 503 : 400, reason);
        return;
    }
    struct ew_buf headers;
    ew_buf_init(&headers, 512);
    add_cookie(&headers, c, "edgewatt", "", 0);
    add_cookie(&headers, c, "edgewatt_browser", "", 0);
    answer_ok(c, ew_buf_text(&headers), "{\"ok\":true}\n");
    ew_buf_done(&headers);
}

static void run_lock(struct web_connection *c)
{
    const struct web_exchange *e = c->exchange;
    struct ew_reason reason;
    struct ew_buf args;
    struct ew_jw w;
    if (web_nothing_read(ew_buf_text(&e->body), e->body.len, &reason) != EW_OK) {
        web_answer_reason(c, 400, NULL, &reason);
        return;
    }
    session_ended(c->web, e->token);
    args_begin(&args, &w);
    ew_jw_text(&w, "token", e->token);
    ew_jw_text(&w, "browser", e->browser);
    struct ask *ask = ask_new(c->web, c, e->token);
    ask->answered = lock_answered;
    ask_send(ask, "lock", &args);
}

// ---- The way in -------------------------------------------------------------------------------------------

static const struct web_route routes[] = {
    {"/api/login", WEB_POST, run_login},
    {"/api/logout", WEB_POST, run_logout},
    {"/api/codes", WEB_POST, run_codes},
    {"/api/lock", WEB_POST, run_lock},
    {"/api/session", WEB_GET, run_session},
    {"/api/health", WEB_GET, web_answer_health},
    {"/api/backup", WEB_GET, web_download_backup},
    {"/api/report", WEB_GET, web_download_report},
    {"/api/upload", WEB_POST, NULL}, // a body that is too large for memory
};

static const struct web_route *route_of(const char *path)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (strcmp(routes[i].path, path) == 0)
            return &routes[i];
    return NULL;
}

// True when the request was refused and answered.
static bool refused(struct web_connection *c, const struct web_route *route)
{
    const struct web_exchange *e = c->exchange;
    if (!route) {
        web_answer_fail(c, 404, "web.not_found", "There is nothing at this address.");
        return true;
    }
    if (e->method != route->method && !(e->method == WEB_HEAD && route->method == WEB_GET)) {
        struct ew_reason reason;
        (void)ew_fail(&reason, EW_E_UNSUPPORTED, "web.method", NULL, "This method is not possible here.");
        web_answer_reason(c, 405, route->method == WEB_POST ? "Allow: POST\r\n" : "Allow: GET, HEAD\r\n",
                          &reason);
        return true;
    }
    // A browser names the page a POST comes from; without a name it is no browser, and JSON is asked for,
    // which a form of another site cannot send.
    if (e->method == WEB_POST && e->origin_foreign) {
        web_answer_fail(c, 403, "web.origin", "This request comes from another site.");
        return true;
    }
    if (e->method == WEB_POST && !route->run && !e->zip) {
        web_answer_fail(c, 415, "web.type_zip", "The body must be application/zip.");
        return true;
    }
    if (e->method == WEB_POST && route->run && !e->json) {
        web_answer_fail(c, 415, "web.type", "The body must be application/json.");
        return true;
    }
    return false;
}

void web_api_begin(struct web_connection *c, const char *length_text)
{
    struct web_exchange *e = c->exchange;
    const struct web_route *route = route_of(e->path);
    if (refused(c, route))
        return;
    e->route = route;
    if (!route->run) {
        web_upload_begin(c, length_text);
        return;
    }
    if (e->method != WEB_POST) {
        route->run(c);
        return;
    }
    size_t length = 0;
    enum ew_err err = web_length(length_text, EW_WEB_BODY_MAX, &length);
    if (err == EW_E_TOO_LARGE)
        web_answer_fail(c, 413, "web.too_large", "The body is larger than 16 KiB.");
    else if (err != EW_OK) {
        e->close = true;
        web_answer_fail(c, 411, "web.length", "A body must come with POST and Content-Length.");
    }
    // Else libwebsockets calls with the body, also with an empty one.
}

void web_api_run(struct web_connection *c)
{
    assert(c->exchange->route);
    c->exchange->route->run(c);
}
