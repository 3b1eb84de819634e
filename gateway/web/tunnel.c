// /mqtt: a WebSocket on one side, a plain connection to the broker on the other, bytes in between. A side
// that does not take its bytes stops the other from being read (64 KiB), so that nothing grows.
//
// Close codes towards the browser: 1000 the broker ended the connection (it has said why in MQTT), 1001 this
// service stops, 1003 text instead of binary, 1009 a message above 1 MiB, 1013 the broker cannot be reached,
// 4401 the session has ended.
#include "web/web_priv.h"

#include "base/file.h"
#include "base/log.h"
#include "service/paths.h"
#include <stdlib.h>
#include <string.h>

enum {
    CLOSE_BY_BROKER = 1000,
    CLOSE_GOING_AWAY = 1001,
    CLOSE_TEXT = 1003,
    CLOSE_TOO_LARGE = 1009,
    CLOSE_TRY_LATER = 1013,
    CLOSE_SESSION = 4401,
    CLOSE_S = 3,  // how long a browser may take to hear why
    LINGER_S = 2, // how long the broker may take for the last bytes of a browser that has gone
    QUEUE_MAX = EW_WEB_QUEUE_HIGH + 2 * WEB_CHUNK // what one read may add above the mark
};

struct web_tunnel {
    struct web *web;
    struct lws *browser, *broker; // NULL = not (any more)
    bool open;                    // the broker accepted the connection
    struct ew_buf to_broker, to_browser;
    size_t message_bytes; // of the WebSocket message under way
    bool browser_paused, broker_paused;
    int close_code; // not 0 = the browser is to be told
    const char *close_text;
    char token[WEB_TOKEN_SIZE];
};

// ---- Made and ended ---------------------------------------------------------------------------------------

static void queue_free_when_empty(struct ew_buf *queue)
{
    if (queue->len == 0 && queue->cap > WEB_CHUNK)
        ew_buf_done(queue); // hundreds of idle tabs must not keep their largest size
}

static void free_when_done(struct web_tunnel *t)
{
    if (t->browser || t->broker)
        return;
    ew_buf_done(&t->to_broker);
    ew_buf_done(&t->to_browser);
    explicit_bzero(t->token, sizeof(t->token));
    free(t);
}

static void cut_broker(struct web_tunnel *t)
{
    if (t->broker)
        lws_set_timeout(t->broker, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    t->open = false;
}

// Tells the browser; what is still queued for it goes first.
static void close_browser(struct web_tunnel *t, int code, const char *text)
{
    if (!t->browser || t->close_code)
        return;
    t->close_code = code;
    t->close_text = text;
    lws_set_timeout(t->browser, PENDING_TIMEOUT_USER_REASON_BASE, CLOSE_S);
    lws_callback_on_writable(t->browser);
}

static void end_at_once(struct web_tunnel *t, int code, const char *text)
{
    ew_buf_clear(&t->to_browser);
    ew_buf_clear(&t->to_broker);
    cut_broker(t);
    close_browser(t, code, text);
}

void web_tunnel_gone(struct web_connection *c)
{
    struct web_tunnel *t = c->tunnel;
    if (!t)
        return;
    c->tunnel = NULL;
    t->browser = NULL;
    if (t->broker && t->open && t->to_broker.len) {
        // The last thing a browser says is often DISCONNECT.
        lws_set_timeout(t->broker, PENDING_TIMEOUT_USER_REASON_BASE, LINGER_S);
        lws_callback_on_writable(t->broker);
    } else
        cut_broker(t);
    free_when_done(t);
}

static bool of_token(const struct web_connection *c, const char *token)
{
    return c->phase == WEB_SOCKET && c->tunnel && (!token || strcmp(c->tunnel->token, token) == 0);
}

int web_tunnels_count(const struct web *web, const char *token)
{
    int count = 0;
    for (int i = 0; i < WEB_SLOTS; i++)
        count += of_token(&web->slots[i], token);
    return count;
}

void web_tunnels_end(struct web *web, const char *token)
{
    for (int i = 0; i < WEB_SLOTS; i++)
        if (of_token(&web->slots[i], token))
            end_at_once(web->slots[i].tunnel, token ? CLOSE_SESSION : CLOSE_GOING_AWAY,
                        token ? "the session has ended" : "the gateway is stopping");
}

// ---- The way in -------------------------------------------------------------------------------------------

static int refuse(struct web_connection *c, int status, const char *code, const char *sentence)
{
    struct ew_reason reason;
    (void)ew_fail(&reason, EW_E_DENIED, code, NULL, "%s", sentence);
    web_answer_reason(c, status, status == 503 ? "Retry-After: 5\r\n" : NULL, &reason);
    return -1;
}

int web_tunnel_admit(struct web_connection *c)
{
    struct web *web = c->web;
    const struct web_exchange *e = c->exchange;
    if (!e->origin_named || e->origin_foreign)
        return refuse(c, 403, "web.origin", "This request comes from another site.");
    enum web_session_state state = web_sessions_find(&web->sessions, e->token, web_now_ms(web));
    if (e->token[0] && state != WEB_SESSION_KNOWN)
        web_api_check(web, e->token);
    if (state == WEB_SESSION_UNKNOWN)
        return refuse(c, 403, "session.unknown", "You are not logged in.");
    if (web_tunnels_count(web, NULL) >= EW_WEB_SOCKETS_MAX)
        return refuse(c, 503, "web.sockets",
                      "Too many pages are open on this gateway; please try again later.");
    if (web_tunnels_count(web, e->token) >= EW_WEB_SOCKETS_PER_SESSION)
        return refuse(c, 503, "web.tabs", "Too many pages are open with this login; please close some.");
    struct web_tunnel *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    t->web = web;
    t->browser = c->wsi;
    ew_buf_init(&t->to_broker, QUEUE_MAX);
    ew_buf_init(&t->to_browser, QUEUE_MAX);
    ew_copy(t->token, sizeof(t->token), e->token);
    c->tunnel = t;
    return 0;
}

// The broker may have been restarted on another port meanwhile.
static enum ew_err broker_place(const struct web *web, char host[EW_HOST_MAX], int *ret_port,
                                struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct ew_buf text;
    cJSON *tree = NULL;
    int64_t port = 0;
    ew_path(path, web->service->data_dir, "run/broker.json");
    ew_buf_init(&text, 4096);
    enum ew_err err = ew_file_read(path, 4096, &text, reason);
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(&text), text.len, 4096, &tree, reason);
    if (err == EW_OK) {
        struct ew_json o;
        ew_json_open(&o, tree, "", reason);
        ew_json_text(&o, "host", EW_REQUIRED, 1, EW_HOST_MAX, host);
        ew_json_int(&o, "port", EW_REQUIRED, 1, 65535, &port);
        err = o.err; // what else is in there is not our concern
        *ret_port = (int)port;
    }
    cJSON_Delete(tree);
    ew_buf_done(&text);
    return err;
}

static void connect_broker(struct web_tunnel *t)
{
    char host[EW_HOST_MAX];
    int port = 0;
    struct ew_reason reason;
    if (broker_place(t->web, host, &port, &reason) != EW_OK) {
        (void)ew_log_reason(EW_LOG_WARNING, "mqtt", &reason);
        close_browser(t, CLOSE_TRY_LATER, "the message broker is not known");
        return;
    }
    struct lws *made = NULL;
    struct lws_client_connect_info info = {.context = t->web->lws,
                                           .vhost = t->web->plain,
                                           .address = host,
                                           .host = host,
                                           .port = port,
                                           .method = "RAW",
                                           .local_protocol_name = "(broker)",
                                           .opaque_user_data = t,
                                           .pwsi = &made};
    struct lws *wsi = lws_client_connect_via_info(&info);
    if (wsi)
        t->broker = wsi;
    else
        close_browser(t, CLOSE_TRY_LATER, "the message broker cannot be reached");
}

// ---- Bytes ------------------------------------------------------------------------------------------------

// Writes the head of the queue; false when the connection broke.
static bool write_some(struct web *web, struct lws *wsi, struct ew_buf *queue, enum lws_write_protocol how)
{
    size_t len = queue->len < WEB_CHUNK ? queue->len : WEB_CHUNK;
    memcpy(web->stage + LWS_PRE, queue->data, len);
    if (lws_write(wsi, web->stage + LWS_PRE, len, how) < (int)len)
        return false;
    ew_buf_drop_front(queue, len);
    if (queue->len)
        lws_callback_on_writable(wsi);
    queue_free_when_empty(queue);
    return true;
}

static void pause_when_full(struct lws *source, const struct ew_buf *queue, bool *paused)
{
    if (!*paused && queue->len >= EW_WEB_QUEUE_HIGH) {
        *paused = true;
        lws_rx_flow_control(source, 0);
    }
}

static void resume_when_low(struct lws *source, const struct ew_buf *queue, bool *paused)
{
    if (*paused && source && queue->len <= EW_WEB_QUEUE_LOW) {
        *paused = false;
        lws_rx_flow_control(source, 1);
    }
}

static int on_browser_bytes(struct web_tunnel *t, const void *data, size_t len)
{
    if (t->close_code)
        return 0;
    if (!lws_frame_is_binary(t->browser)) {
        end_at_once(t, CLOSE_TEXT, "MQTT is sent in binary messages");
        return 0;
    }
    if (lws_is_first_fragment(t->browser))
        t->message_bytes = 0;
    t->message_bytes += len;
    if (t->message_bytes + lws_remaining_packet_payload(t->browser) > EW_WEB_FRAME_MAX) {
        ew_warning("mqtt", "a browser sent a message above 1 MiB, closing its connection");
        end_at_once(t, CLOSE_TOO_LARGE, "a message may have 1 MiB");
        return 0;
    }
    ew_buf_add(&t->to_broker, data, len);
    if (t->to_broker.full)
        return -1;
    pause_when_full(t->browser, &t->to_broker, &t->browser_paused);
    if (t->open)
        lws_callback_on_writable(t->broker);
    return 0;
}

static int on_browser_room(struct web_tunnel *t)
{
    if (t->to_browser.len) {
        if (!write_some(t->web, t->browser, &t->to_browser, LWS_WRITE_BINARY))
            return -1;
        resume_when_low(t->broker, &t->to_browser, &t->broker_paused);
        if (t->to_browser.len)
            return 0;
        if (t->close_code)
            lws_callback_on_writable(t->browser);
        return 0;
    }
    if (!t->close_code)
        return 0;
    unsigned char text[96];
    size_t len = strlen(t->close_text);
    memcpy(text, t->close_text, len);
    lws_close_reason(t->browser, (enum lws_close_status)t->close_code, text, len);
    return -1;
}

int web_tunnel_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)user;
    switch ((int)reason) {
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_SERVER_WRITEABLE:
        break;
    case LWS_CALLBACK_RAW_ADOPT:
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_HTTP:
        return -1;
    default:
        return 0;
    }
    struct web_connection *c = web_connection_of(wsi);
    struct web_tunnel *t = c ? c->tunnel : NULL;
    if (!t)
        return -1;
    if (reason == LWS_CALLBACK_RECEIVE)
        return on_browser_bytes(t, in, len);
    if (reason == LWS_CALLBACK_SERVER_WRITEABLE)
        return on_browser_room(t);
    connect_broker(t);
    return 0;
}

// ---- The broker's side ------------------------------------------------------------------------------------

static void on_broker_gone(struct web_tunnel *t, bool established)
{
    t->broker = NULL;
    t->open = false;
    ew_buf_clear(&t->to_broker);
    if (established || !t->browser || t->close_code)
        close_browser(t, CLOSE_BY_BROKER, "the message broker closed the connection");
    else {
        ew_warning("mqtt", "the broker cannot be reached, telling the browser to try again");
        close_browser(t, CLOSE_TRY_LATER, "the message broker cannot be reached");
    }
    free_when_done(t);
}

static int on_broker_bytes(struct web_tunnel *t, const void *data, size_t len)
{
    if (!t->browser || t->close_code)
        return 0;
    ew_buf_add(&t->to_browser, data, len);
    if (t->to_browser.full)
        return -1;
    pause_when_full(t->broker, &t->to_browser, &t->broker_paused);
    lws_callback_on_writable(t->browser);
    return 0;
}

static int on_broker_room(struct web_tunnel *t)
{
    if (t->to_broker.len && !write_some(t->web, t->broker, &t->to_broker, LWS_WRITE_RAW))
        return -1;
    resume_when_low(t->browser, &t->to_broker, &t->browser_paused);
    return !t->browser && t->to_broker.len == 0 ? -1 : 0;
}

int web_broker_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)user;
    switch ((int)reason) {
    case LWS_CALLBACK_RAW_CONNECTED:
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_RAW_WRITEABLE:
    case LWS_CALLBACK_RAW_CLOSE:
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        break;
    default:
        return 0;
    }
    struct web_tunnel *t = lws_get_opaque_user_data(wsi);
    if (!t)
        return -1;
    switch ((int)reason) {
    case LWS_CALLBACK_RAW_CONNECTED:
        t->broker = wsi;
        t->open = t->browser && !t->close_code;
        if (!t->open)
            return -1;
        lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_RAW_RX:
        return on_broker_bytes(t, in, len);
    case LWS_CALLBACK_RAW_WRITEABLE:
        return t->open || !t->browser ? on_broker_room(t) : -1;
    default:
        lws_set_opaque_user_data(wsi, NULL);
        on_broker_gone(t, reason == LWS_CALLBACK_RAW_CLOSE);
        return 0;
    }
}
