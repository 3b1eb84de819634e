// HTTP/1.1 on top of libwebsockets: what it calls back, from the header of a request to the end of its
// answer.
//
// Reading stops while an answer is under way (libwebsockets would keep every byte of a client that sends on
// and on), and libwebsockets handles no writing while reading is stopped. So the room to write is waited for
// in our own loop; reading and writing are opened together for the moment of one write.
#include "web/web_priv.h"

#include "base/log.h"
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    ANSWER_MAX = 2 * EW_WEB_BODY_MAX, // header and body; files are not kept in memory
    BODY_MS = 10000,
    ANSWER_MS = 15000,
    ANSWER_BYTES_PER_MS = 8,    // the slowest reader that is waited for: 8 kB/s
    BETWEEN_REQUESTS_MS = 27000 // libwebsockets ends idle connections after 15 s and slow headers after 10 s
};

// ---- Reading a request ------------------------------------------------------------------------------------

// A header as text; "" when it was not sent or is longer than the room.
static void header(struct lws *wsi, enum lws_token_indexes token, char *dst, int size)
{
    if (lws_hdr_copy(wsi, dst, size, token) <= 0)
        dst[0] = 0;
}

static void read_cookies(struct lws *wsi, struct web_exchange *e)
{
    int len = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_COOKIE);
    char *text = len > 0 ? malloc((size_t)len + 1) : NULL;
    if (!text)
        return;
    header(wsi, WSI_TOKEN_HTTP_COOKIE, text, len + 1);
    if (!web_cookie_token(text, "edgewatt", e->token))
        e->token[0] = 0;
    if (!web_cookie_token(text, "edgewatt_browser", e->browser))
        e->browser[0] = 0;
    explicit_bzero(text, (size_t)len + 1);
    free(text);
}

static void read_headers(struct web_connection *c, struct web_exchange *e)
{
    char text[512];
    header(c->wsi, WSI_TOKEN_HOST, e->host, sizeof(e->host));
    if (!web_host_valid(e->host))
        e->host[0] = 0;
    e->origin_named = lws_hdr_total_length(c->wsi, WSI_TOKEN_ORIGIN) > 0;
    header(c->wsi, WSI_TOKEN_ORIGIN, text, sizeof(text));
    e->origin_foreign = e->origin_named && !web_origin_own(text, e->host, c->tls);
    header(c->wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING, text, sizeof(text));
    e->gzip = web_accepts_gzip(text);
    header(c->wsi, WSI_TOKEN_HTTP_ACCEPT, text, sizeof(text));
    e->html = strstr(text, "text/html") != NULL;
    header(c->wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, text, sizeof(text));
    e->json = web_type_json(text);
    e->zip = strcmp(text, "application/zip") == 0;
    header(c->wsi, WSI_TOKEN_CONNECTION, text, sizeof(text));
    e->close = web_list_has(text, "close");
    header(c->wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, e->tag, sizeof(e->tag));
    header(c->wsi, WSI_TOKEN_HTTP_RANGE, e->range, sizeof(e->range));
    header(c->wsi, WSI_TOKEN_HTTP_IF_RANGE, e->if_range, sizeof(e->if_range));
    if (lws_hdr_total_length(c->wsi, WSI_TOKEN_HTTP_IF_RANGE) > 0 && !e->if_range[0])
        e->range[0] = 0; // longer than any tag of ours: it is of another file
    header(c->wsi, WSI_TOKEN_HTTP_USER_AGENT, text, sizeof(text));
    web_agent(text, e->agent);
    read_cookies(c->wsi, e);
}

// False: the path can't be one of ours.
static bool read_path(struct lws *wsi, struct web_exchange *e)
{
    char *path = NULL;
    int len = 0, method = lws_http_get_uri_and_method(wsi, &path, &len);
    e->method = method == LWSHUMETH_GET    ? WEB_GET
                : method == LWSHUMETH_HEAD ? WEB_HEAD
                : method == LWSHUMETH_POST ? WEB_POST
                                           : WEB_OTHER;
    if (!path || len <= 0 || (size_t)len >= sizeof(e->path) || path[0] != '/' || memchr(path, 0, (size_t)len))
        return false;
    memcpy(e->path, path, (size_t)len);
    e->path[len] = 0;
    return true;
}

static bool begin(struct web_connection *c, struct lws *wsi)
{
    web_connection_finish(c);
    struct web_exchange *e = calloc(1, sizeof(*e));
    if (!e)
        abort();
    e->file = -1;
    ew_buf_init(&e->body, EW_WEB_BODY_MAX);
    ew_buf_init(&e->answer, ANSWER_MAX);
    c->exchange = e;
    c->wsi = wsi;
    bool ok = read_path(wsi, e);
    read_headers(c, e);
    return ok;
}

static bool redirects(const struct web_connection *c)
{
    return !c->tls && !c->web->http_plain;
}

static int on_request(struct web_connection *c, struct lws *wsi)
{
    bool path_ok = begin(c, wsi);
    const struct web_exchange *e = c->exchange;
    char length[32] = "";
    header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, length, sizeof(length));
    bool odd_body = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 ||
                    (e->method != WEB_POST && length[0] && strcmp(length, "0") != 0);
    web_connection_phase(c, WEB_RECEIVING, BODY_MS);
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
    if (odd_body) {
        c->exchange->close = true;
        web_answer_fail(c, 411, "web.length", "A body must come with POST and Content-Length.");
    } else if (!path_ok)
        web_answer_fail(c, 400, "web.path", "This address is not one of ours.");
    else if (redirects(c))
        web_page_redirect(c);
    else if (strncmp(e->path, "/api/", 5) == 0)
        web_api_begin(c, length);
    else
        web_page_answer(c);
    ew_debug("http", "request method=%d path=%s address=%s", (int)e->method, e->path, c->address);
    return 0;
}

static int on_body(struct web_connection *c, const void *data, size_t len)
{
    if (c->exchange && c->exchange->upload)
        return web_upload_body(c, data, len);
    if (c->phase != WEB_RECEIVING || !c->exchange)
        return 0; // already answered: libwebsockets reads the rest away
    ew_buf_add(&c->exchange->body, data, len);
    return c->exchange->body.full ? -1 : 0; // the length was checked before: this cannot be an honest client
}

static int on_body_end(struct web_connection *c)
{
    if (c->exchange && c->exchange->upload)
        web_upload_end(c);
    else if (c->phase == WEB_RECEIVING && c->exchange)
        web_api_run(c);
    return 0;
}

// ---- Writing an answer ------------------------------------------------------------------------------------

static void on_room(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    (void)now_ms;
    struct web_connection *c = user;
    ew_loop_remove_fd(c->web->service->loop, fd);
    c->listening_room = false;
    lws_rx_flow_control(c->wsi, 1);
    lws_callback_on_writable(c->wsi);
}

static void wait_room(struct web_connection *c)
{
    lws_rx_flow_control(c->wsi, 0);
    if (c->listening_room)
        return;
    c->listening_room = true;
    ew_loop_add_fd(c->web->service->loop, c->fd, EPOLLOUT, on_room, c);
}

void web_http_answer(struct web_connection *c)
{
    const struct web_exchange *e = c->exchange;
    int64_t bytes = (int64_t)e->answer.len + (e->file_end - e->file_at);
    web_connection_phase(c, WEB_ANSWERING, ANSWER_MS + bytes / ANSWER_BYTES_PER_MS);
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
    wait_room(c);
}

static int write_stage(struct web_connection *c, size_t len)
{
    unsigned char *data = c->web->stage + LWS_PRE;
    if (lws_write(c->wsi, data, len, LWS_WRITE_HTTP) < 0)
        return -1;
    wait_room(c);
    return 0;
}

static int end_answer(struct web_connection *c)
{
    bool close = c->exchange->close;
    web_connection_finish(c);
    web_connection_phase(c, WEB_WAITING, BETWEEN_REQUESTS_MS);
    return close || lws_http_transaction_completed(c->wsi) ? -1 : 0;
}

static int on_writeable(struct web_connection *c)
{
    if (c->phase != WEB_ANSWERING || !c->exchange || lws_partial_buffered(c->wsi))
        return 0;
    struct web_exchange *e = c->exchange;
    unsigned char *data = c->web->stage + LWS_PRE;
    if (e->answer.len) {
        size_t len = e->answer.len < WEB_CHUNK ? e->answer.len : WEB_CHUNK;
        memcpy(data, e->answer.data, len);
        ew_buf_drop_front(&e->answer, len);
        return write_stage(c, len);
    }
    if (e->file_at < e->file_end) {
        off_t left = e->file_end - e->file_at;
        ssize_t n = pread(e->file, data, left < WEB_CHUNK ? (size_t)left : WEB_CHUNK, e->file_at);
        if (n <= 0)
            return -1; // the file shrank: the reader must not take what it has for the whole
        e->file_at += n;
        return write_stage(c, (size_t)n);
    }
    return end_answer(c);
}

// ---- Becoming a WebSocket ---------------------------------------------------------------------------------

// libwebsockets decides at once about an upgrade, so a refusal is written here and now; it is small.
static int refuse_upgrade(struct web_connection *c)
{
    struct web_exchange *e = c->exchange;
    size_t len = e->answer.len < WEB_CHUNK ? e->answer.len : WEB_CHUNK;
    if (c->listening_room) {
        ew_loop_remove_fd(c->web->service->loop, c->fd);
        c->listening_room = false;
    }
    memcpy(c->web->stage + LWS_PRE, ew_buf_text(&e->answer), len);
    lws_write(c->wsi, c->web->stage + LWS_PRE, len, LWS_WRITE_HTTP_HEADERS);
    return -1;
}

static int on_upgrade(struct web_connection *c, struct lws *wsi, const char *to)
{
    bool path_ok = begin(c, wsi);
    struct web_exchange *e = c->exchange;
    e->close = true;
    char version[8], protocols[128];
    header(wsi, WSI_TOKEN_VERSION, version, sizeof(version));
    header(wsi, WSI_TOKEN_PROTOCOL, protocols, sizeof(protocols));
    if (!path_ok || strcmp(e->path, "/mqtt") != 0 || e->method != WEB_GET || redirects(c))
        web_answer_fail(c, 404, "web.not_found", "There is no WebSocket at this address.");
    else if (!to || web_list_has(to, "websocket") == false || strcmp(version, "13") != 0)
        web_answer_fail(c, 426, "web.upgrade", "Only WebSocket version 13 is spoken here.");
    else if (!web_list_has(protocols, "mqtt"))
        web_answer_fail(c, 400, "web.subprotocol", "The WebSocket subprotocol must be \"mqtt\".");
    else if (web_tunnel_admit(c) == 0) {
        web_connection_finish(c);
        web_connection_phase(c, WEB_SOCKET, 0);
        return 0;
    }
    return refuse_upgrade(c);
}

// ---- What libwebsockets calls -----------------------------------------------------------------------------

int web_http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)user;
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP:
    case LWS_CALLBACK_HTTP_BODY:
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
    case LWS_CALLBACK_HTTP_WRITEABLE:
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    case LWS_CALLBACK_WSI_DESTROY:
        break;
    case LWS_CALLBACK_RAW_ADOPT: // the method CONNECT would make a raw socket of it
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: // a WebSocket without our subprotocol
        return -1;
    default:
        return 0;
    }
    struct web_connection *c = web_connection_of(wsi);
    if (!c)
        return 0;
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP:
        return on_request(c, wsi);
    case LWS_CALLBACK_HTTP_BODY:
        return on_body(c, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return on_body_end(c);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return on_writeable(c);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return on_upgrade(c, wsi, in);
    default:
        lws_set_opaque_user_data(wsi, NULL);
        web_connection_gone(c);
        return 0;
    }
}
