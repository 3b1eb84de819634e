// What the files of the web service share. Everything runs on the one thread of libwebsockets' loop; the
// service's own loop (MQTT, timers, signals, listeners) is one of its descriptors.
#ifndef EDGEWATT_WEB_WEB_PRIV_H
#define EDGEWATT_WEB_WEB_PRIV_H

#include "base/limits.h"
#include "service/service.h"
#include "web/asset.h"
#include "web/request.h"
#include "web/session.h"
#include <libwebsockets.h>
#include <sys/types.h>

enum {
    WEB_CHUNK = 16 << 10, // what is given to a socket at once; less than the room a writable socket has
    WEB_NETWORK_SIZE = 8, // an IPv4 address, or the first 64 bits of an IPv6 address
    WEB_SOCKET_BUFFER = 64 << 10,
    // Closed connections wait for libwebsockets to let go of them; they do not count.
    WEB_SLOTS = EW_WEB_CONNECTIONS_MAX + 128
};

// ---- Connections ------------------------------------------------------------------------------------------

enum web_phase {
    WEB_FREE,
    WEB_WAITING,   // for a request: the only ones that are closed to make room
    WEB_RECEIVING, // the body
    WEB_ASKING,    // config was called
    WEB_ANSWERING,
    WEB_SOCKET, // became a WebSocket
    WEB_DOOMED  // is being closed
};

enum web_method { WEB_GET, WEB_HEAD, WEB_POST, WEB_OTHER };

// A request and its answer; lives from the end of the header to the end of the answer.
struct web_exchange {
    enum web_method method;
    char path[256];
    char host[WEB_HOST_SIZE];     // valid, or ""
    bool origin_foreign;          // an Origin header was sent and is not ours
    bool origin_named;            // one was sent
    bool gzip, json, html, close; // html: the browser opens a page, it does not fetch a part of one
    char token[WEB_TOKEN_SIZE];   // "" = no session cookie
    char browser[WEB_TOKEN_SIZE]; // "" = no cookie of a known browser
    char tag[40];                 // If-None-Match
    char range[64], if_range[48]; // "" = the whole is wanted
    char agent[WEB_AGENT_SIZE];   // User-Agent, as far as it is plain text
    bool zip;                     // Content-Type
    const struct web_route *route;
    struct web_upload *upload; // NULL = none
    struct ew_buf body;
    struct ew_buf answer; // header and body, without the contents of a file
    int file;             // -1 = none
    off_t file_at, file_end;
};

struct web_connection {
    struct web *web;
    struct lws *wsi;
    uint32_t serial; // tells the uses of a slot apart
    int fd;          // owned by libwebsockets
    bool tls;
    bool listening_room; // fd is in our loop, waiting for room to write
    enum web_phase phase;
    int64_t since_ms, deadline_ms; // of the phase; 0 = none
    char address[48];
    unsigned char network[WEB_NETWORK_SIZE];
    struct web_exchange *exchange;
    struct web_tunnel *tunnel;
};

// connection.c
// A socket just accepted; takes it over.
void web_connection_accept(struct web *web, int fd, bool tls, int64_t now_ms);
void web_connection_phase(struct web_connection *c, enum web_phase phase, int64_t within_ms);
void web_connection_close(struct web_connection *c);  // soon, without a word
void web_connection_gone(struct web_connection *c);   // libwebsockets let go of it
void web_connection_finish(struct web_connection *c); // forgets the request and its answer
struct web_connection *web_connection_by(struct web *web, int slot, uint32_t serial); // NULL when it has gone
struct web_connection *web_connection_of(struct lws *wsi); // NULL when the wsi is none
int web_connection_slot(const struct web_connection *c);
void web_connections_sweep(struct web *web, int64_t now_ms);
// "192.0.2.1" for ::ffff:192.0.2.1, else as it is; and the key that addresses are counted by.
void web_address_read(const struct sockaddr_storage *from, char ret_text[48],
                      unsigned char ret_network[WEB_NETWORK_SIZE]);
// Who has to go so that a newcomer of this network can stay: nobody (NULL, true), that one, or nobody can
// (NULL, false: the newcomer is refused).
struct web_connection *web_connections_victim(struct web *web, const unsigned char network[WEB_NETWORK_SIZE],
                                              int64_t now_ms, bool *ret_admit);

// ---- HTTP -------------------------------------------------------------------------------------------------

// http.c
int web_http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
void web_http_answer(struct web_connection *c); // the answer was put together: write it

// answer.c: what an answer is made of. The connection then writes it as room comes.
struct web_answer {
    int status;
    const char *type;    // NULL = no body
    const char *headers; // complete further lines, may be NULL
    const char *policy;  // Content-Security-Policy, NULL = nothing at all is allowed
    const char *cache;   // NULL = no-store
    const void *body;
    size_t body_len;
};
void web_answer(struct web_connection *c, const struct web_answer *answer);
void web_answer_reason(struct web_connection *c, int status, const char *headers,
                       const struct ew_reason *reason);
void web_answer_fail(struct web_connection *c, int status, const char *code, const char *sentence);
// The whole text of the answer, for the one place that must write it at once.
void web_answer_text(const struct web_exchange *exchange, const struct web_answer *answer,
                     struct ew_buf *out);

void web_answer_health(struct web_connection *c); // GET /api/health

// page.c: the files of the page.
void web_page_answer(struct web_connection *c);
void web_page_redirect(struct web_connection *c); // to HTTPS

// api.c: /api/...
struct web_route;
void web_api_begin(struct web_connection *c, const char *length_text); // header read; may wait for a body
void web_api_run(struct web_connection *c);                            // body read
// Asks config whether it (still) knows the token, in the background: at most a few a second.
void web_api_check(struct web *web, const char *token);

// Asks config for the session; `allowed` runs when it has the page, with the session's broker account, else
// the refusal is answered.
typedef void web_allowed_fn(struct web_connection *c, const char *account);
void web_api_allow(struct web_connection *c, const char *page, web_allowed_fn *allowed);

// download.c: files of the data folder, to somebody who may have them.
void web_download_backup(struct web_connection *c); // GET /api/backup
void web_download_report(struct web_connection *c); // GET /api/report: the session's own

// upload.c: POST /api/upload, a file that is too large for memory.
void web_upload_begin(struct web_connection *c, const char *length_text);
int web_upload_body(struct web_connection *c, const void *data, size_t len);
void web_upload_end(struct web_connection *c);
void web_upload_free(struct web *web, struct web_upload *upload); // takes NULL
void web_upload_tidy(const struct web *web); // what nobody asks for any more after a start

// ---- /mqtt ------------------------------------------------------------------------------------------------

// tunnel.c
// 0 = let it in (c->tunnel is set); else the answer was written and the connection ends.
int web_tunnel_admit(struct web_connection *c);
int web_tunnel_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
int web_broker_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
void web_tunnel_gone(struct web_connection *c);                  // the browser's side is no more
void web_tunnels_end(struct web *web, const char *token);        // NULL = all: we are stopping
int web_tunnels_count(const struct web *web, const char *token); // NULL = all

// ---- Listening --------------------------------------------------------------------------------------------

// listener.c
struct web_listener {
    struct web *web;
    int fd; // -1 = none
    int port;
    bool tls;
};
enum ew_err web_listener_open(struct web_listener *listener, const char *address, int port,
                              struct ew_reason *reason);
void web_listener_close(struct web_listener *listener);

// ---- The service ------------------------------------------------------------------------------------------

struct web {
    struct ew_service *service;
    struct lws_context *lws;
    struct lws_vhost *plain, *tls;
    struct web_listener http, https;
    int http_port, https_port; // asked for; -1 = not asked
    const char *listen;        // address, NULL = any
    bool http_plain;           // the page is served without TLS
    bool stopping;
    char language[16]; // of the site, "" = not known yet
    struct web_connection slots[WEB_SLOTS];
    uint32_t serial;
    struct web_sessions sessions;
    struct web_assets assets;
    struct ew_timer sweep;
    int logins;                               // being checked now
    bool uploading;                           // the part file is being written
    int64_t checks_ms;                        // when background checks were counted from
    int checks;                               // in this second
    unsigned char stage[LWS_PRE + WEB_CHUNK]; // what is being written now
};

int64_t web_now_ms(const struct web *web);

#endif
