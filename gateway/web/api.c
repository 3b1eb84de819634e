// /api/...: which request goes where, and what is refused before it is looked at.
#include "web/api_priv.h"

#include <assert.h>
#include <string.h>

struct web_route {
    const char *path;
    enum web_method method;
    void (*run)(struct web_connection *c);
};

static const struct web_route routes[] = {
    {"/api/login", WEB_POST, web_login_run},
    {"/api/logout", WEB_POST, web_logout_run},
    {"/api/codes", WEB_POST, web_codes_run},
    {"/api/lock", WEB_POST, web_lock_run},
    {"/api/session", WEB_GET, web_session_run},
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
