#include "web/web_priv.h"

#include <string.h>

static const struct {
    int status;
    const char *words;
} statuses[] = {
    {200, "OK"},
    {206, "Partial Content"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
    {507, "Insufficient Storage"},
};

static const char *words_of(int status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].status == status)
            return statuses[i].words;
    return "Error";
}

void web_answer_text(const struct web_exchange *e, const struct web_answer *a, struct ew_buf *out)
{
    // Nothing is read from outside, nothing is shown inside somebody else's page, no type is guessed, no
    // address is told to others, no sensor of the device is asked for.
    static const char always[] =
        "X-Content-Type-Options: nosniff\r\n"
        "X-Frame-Options: DENY\r\n"
        "Referrer-Policy: no-referrer\r\n"
        "Cross-Origin-Opener-Policy: same-origin\r\n"
        "Cross-Origin-Resource-Policy: same-origin\r\n"
        "Permissions-Policy: accelerometer=(), camera=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), payment=(), usb=()\r\n";
    ew_buf_printf(out, "HTTP/1.1 %d %s\r\n", a->status, words_of(a->status));
    if (a->type)
        ew_buf_printf(out, "Content-Type: %s\r\n", a->type);
    off_t length = (off_t)a->body_len + (e->file >= 0 ? e->file_end - e->file_at : 0);
    if (a->status != 304)
        ew_buf_printf(out, "Content-Length: %lld\r\n", (long long)length);
    ew_buf_printf(out, "Cache-Control: %s\r\n", a->cache ? a->cache : "no-store");
    ew_buf_printf(out, "Content-Security-Policy: %s\r\n",
                  a->policy ? a->policy : "default-src 'none'; frame-ancestors 'none'");
    ew_buf_add_text(out, always);
    if (a->headers)
        ew_buf_add_text(out, a->headers);
    ew_buf_add_text(out, e->close ? "Connection: close\r\n\r\n" : "\r\n");
    if (e->method != WEB_HEAD && a->body_len)
        ew_buf_add(out, a->body, a->body_len);
}

void web_answer(struct web_connection *c, const struct web_answer *answer)
{
    struct web_exchange *e = c->exchange;
    ew_buf_clear(&e->answer);
    web_answer_text(e, answer, &e->answer);
    if (e->answer.full) {
        // Larger than anything we ever say: a service answered with too much. Said instead of cut.
        ew_buf_clear(&e->answer);
        static const char sorry[] = "The answer was too large.\n";
        web_answer_text(e,
                        &(struct web_answer){.status = 500,
                                             .type = "text/plain; charset=utf-8",
                                             .body = sorry,
                                             .body_len = sizeof(sorry) - 1},
                        &e->answer);
    }
    if (e->method == WEB_HEAD)
        e->file_at = e->file_end;
    web_http_answer(c);
}

void web_answer_reason(struct web_connection *c, int status, const char *headers,
                       const struct ew_reason *reason)
{
    struct ew_buf body;
    struct ew_jw w;
    ew_buf_init(&body, EW_WEB_BODY_MAX);
    ew_jw_init(&w, &body);
    ew_jw_open_object(&w, NULL);
    ew_jw_reason(&w, "error", reason);
    // The page greets an unknown visitor in the language of the site.
    if (status == 401 && c->web->language[0])
        ew_jw_text(&w, "language", c->web->language);
    ew_jw_close_object(&w);
    ew_buf_add_text(&body, "\n");
    web_answer(c, &(struct web_answer){.status = status,
                                       .type = "application/json",
                                       .headers = headers,
                                       .body = ew_buf_text(&body),
                                       .body_len = body.len});
    ew_buf_done(&body);
}

void web_answer_fail(struct web_connection *c, int status, const char *code, const char *sentence)
{
    struct ew_reason reason;
    (void)ew_fail(&reason, EW_E_INVALID, code, NULL, "%s", sentence);
    web_answer_reason(c, status, NULL, &reason);
}

void web_answer_health(struct web_connection *c)
{
    bool broker = mq_connected(c->web->service->mq);
    web_answer(c, &(struct web_answer){.status = broker ? 200 : 503,
                                       .type = "application/json",
                                       .body = broker ? "{\"ok\":true,\"broker\":true}\n"
                                                      : "{\"ok\":false,\"broker\":false}\n",
                                       .body_len = broker ? 26 : 28});
}
