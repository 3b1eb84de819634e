#include "web/web.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "certificate/certificate.h"
#include "service/paths.h"
#include "web/web_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    HTTP_PORT = 8080,
    KEEPALIVE_S = 15,
    HEADER_S = 10,
    HEADER_BYTES = 8 << 10,
    DESCRIPTORS = EW_WEB_CONNECTIONS_MAX * 2 + EW_WEB_SOCKETS_MAX + 128, // a file or the broker beside each
    SWEEP_MS = 1000,
    FAREWELL_MS = 300 // for close frames when we stop
};

// ---- libwebsockets ----------------------------------------------------------------------------------------

// Our own loop is a descriptor of libwebsockets'.
static int inside_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                           size_t len)
{
    (void)user;
    (void)in;
    (void)len;
    if (reason == LWS_CALLBACK_RAW_RX_FILE) {
        const struct web *web = lws_context_user(lws_get_context(wsi));
        ew_loop_turn(web->service->loop, 0);
    }
    return 0;
}

// Names in brackets can't be asked for as a subprotocol: brackets are no token characters. The first protocol
// of a virtual host hears of the end of every connection.
#define HTTP_PROTOCOLS                                                                                       \
    {.name = "(http)", .callback = web_http_callback},                                                       \
    {                                                                                                        \
        .name = "mqtt", .callback = web_tunnel_callback, .rx_buffer_size = WEB_CHUNK / 2,                    \
        .tx_packet_size = WEB_CHUNK                                                                          \
    }
static const struct lws_protocols tls_protocols[] = {HTTP_PROTOCOLS, {0}};
static const struct lws_protocols plain_protocols[] = {
    HTTP_PROTOCOLS,
    {.name = "(inside)", .callback = inside_callback},
    {.name = "(broker)",
     .callback = web_broker_callback,
     .rx_buffer_size = WEB_CHUNK,
     .tx_packet_size = WEB_CHUNK},
    {0},
};

// A browser that does not answer a ping has gone.
static const lws_retry_bo_t ping_policy = {.secs_since_valid_ping = 30, .secs_since_valid_hangup = 45};

static void on_lws_log(int level, const char *line)
{
    // What clients do wrong ends up here as well: nothing an operator has to act on.
    int len = (int)strcspn(line, "\n");
    ew_log(EW_LOG_DEBUG, "libwebsockets", "%.*s level=%d", len, line, level);
}

// A request goes to the virtual host of its "port" that its Host header names, or else to the first one of
// that port: so each has a port value of its own, and nobody can ask for another.
static struct lws_vhost *make_vhost(struct web *web, const char *certificate)
{
    struct lws_context_creation_info info = {
        .port = certificate ? CONTEXT_PORT_NO_LISTEN_SERVER : CONTEXT_PORT_NO_LISTEN,
        .vhost_name = certificate ? "(tls)" : "(plain)",
        .protocols = certificate ? tls_protocols : plain_protocols,
        .alpn = "http/1.1",
        .keepalive_timeout = KEEPALIVE_S,
        .timeout_secs_ah_idle = HEADER_S,
        .retry_and_idle_policy = &ping_policy,
        .user = web,
    };
    if (certificate) {
        info.ssl_cert_filepath = certificate;
        info.ssl_private_key_filepath = certificate;
        info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_options_set = SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 |
                               SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE;
    }
    return lws_create_vhost(web->lws, &info);
}

static enum ew_err adopt_own_loop(struct web *web, struct ew_reason *reason)
{
    // A copy: libwebsockets closes what it was given.
    lws_sock_file_fd_type fd = {.filefd = dup(ew_loop_fd(web->service->loop))};
    if (fd.filefd < 0 ||
        !lws_adopt_descriptor_vhost(web->plain, LWS_ADOPT_RAW_FILE_DESC, fd, "(inside)", NULL))
        return ew_fail(reason, EW_E_IO, "web.start", NULL, "the event loop can't be adopted: %s",
                       strerror(errno));
    return EW_OK;
}

static enum ew_err make_context(struct web *web, struct ew_reason *reason)
{
    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .gid = -1,
        .uid = -1,
        .timeout_secs = HEADER_S,
        .max_http_header_data = HEADER_BYTES,
        .max_http_header_pool2 = EW_WEB_CONNECTIONS_MAX + 1,
        .pt_serv_buf_size = WEB_CHUNK + LWS_PRE,
        .user = web,
    };
    web->lws = lws_create_context(&info);
    if (web->lws)
        web->plain = make_vhost(web, NULL);
    if (!web->plain)
        return ew_fail(reason, EW_E_IO, "web.start", NULL, "libwebsockets can't be started");
    if (web->https_port < 0)
        return adopt_own_loop(web, reason);
    char certificate[PATH_MAX];
    ew_path(certificate, web->service->data_dir, CERTIFICATE_FILE);
    enum ew_err err = certificate_ensure(certificate, reason);
    if (err != EW_OK)
        return err;
    web->tls = make_vhost(web, certificate);
    if (!web->tls)
        return ew_fail(reason, EW_E_INVALID, "web.certificate", certificate, "can't be used for HTTPS");
    return adopt_own_loop(web, reason);
}

// ---- Options ----------------------------------------------------------------------------------------------

static bool read_port(const char *text, int *ret_port)
{
    char *end;
    errno = 0;
    long port = strtol(text, &end, 10);
    if (errno || end == text || *end || port < 0 || port > 65535)
        return false;
    *ret_port = (int)port;
    return true;
}

// Ports are kept as given + 1, so that the zeroed state means "not asked".
static int on_option(struct ew_service *service, int argc, char **argv)
{
    struct web *web = service->state;
    if (strcmp(argv[0], "--http-plain") == 0) {
        web->http_plain = true;
        return 1;
    }
    bool http = strcmp(argv[0], "--http") == 0, https = strcmp(argv[0], "--https") == 0;
    if (argc >= 2 && (http || https)) {
        int port = 0;
        if (https && strcmp(argv[1], "off") == 0)
            return 2;
        if (!read_port(argv[1], &port))
            return 0;
        *(http ? &web->http_port : &web->https_port) = port + 1;
        return 2;
    }
    if (argc >= 2 && strcmp(argv[0], "--listen") == 0) {
        web->listen = argv[1];
        return 2;
    }
    return 0;
}

static const char option_help[] =
    "  --http PORT      port of the page (8080); 0 = a free one\n"
    "  --https PORT     port of the page over TLS; 0 = a free one, off = none. HTTP then only leads there\n"
    "  --http-plain     serve the page over HTTP too: codes can be read on the way\n"
    "  --listen ADDRESS listen at this address only (every address; with --demo 127.0.0.1)\n"
    "The ports in use are written to DIR/run/web.json.\n";

// ---- Start and stop ---------------------------------------------------------------------------------------

int64_t web_now_ms(const struct web *web)
{
    return ew_loop_now_ms(web->service->loop);
}

static void on_sweep(struct ew_timer *timer, int64_t now_ms)
{
    struct web *web = timer->user;
    web_connections_sweep(web, now_ms);
    ew_loop_timer_set(web->service->loop, timer, now_ms + SWEEP_MS);
}

// config/settings/site: the language to greet unknown visitors in.
static void on_site(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct web *web = user;
    cJSON *tree = NULL;
    struct ew_reason reason;
    char language[sizeof(web->language)] = "";
    struct ew_json o;
    if (message->payload_len == 0 ||
        ew_json_parse(message->payload, message->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, &reason) != EW_OK)
        return;
    ew_json_open(&o, tree, "", &reason);
    ew_json_text(&o, "language", EW_OPTIONAL, 2, sizeof(language), language);
    if (o.err == EW_OK)
        ew_copy(web->language, sizeof(web->language), language);
    else
        (void)ew_log_reason(EW_LOG_WARNING, "site", &reason);
    cJSON_Delete(tree);
}

// libwebsockets keeps tables as long as the limit: a small one saves memory, and the ceilings above fit in
// it.
static enum ew_err limit_descriptors(struct ew_reason *reason)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return ew_fail(reason, EW_E_IO, "web.start", NULL, "the limit of open files can't be read: %s",
                       strerror(errno));
    limit.rlim_cur = DESCRIPTORS;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < DESCRIPTORS)
        return ew_fail(reason, EW_E_FULL, "web.start", NULL,
                       "%d open files must be allowed to this process, the system allows %llu",
                       (int)DESCRIPTORS, (unsigned long long)limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return ew_fail(reason, EW_E_IO, "web.start", NULL, "the limit of open files can't be set: %s",
                       strerror(errno));
    return EW_OK;
}

static enum ew_err write_ports(const struct web *web, struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct ew_buf text;
    struct ew_jw w;
    ew_path(path, web->service->data_dir, "run/web.json");
    ew_buf_init(&text, 512);
    ew_jw_init(&w, &text);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "pid", getpid());
    ew_jw_open_object(&w, "http");
    ew_jw_int(&w, "port", web->http.port);
    ew_jw_bool(&w, "plain", web->http_plain);
    ew_jw_close_object(&w);
    if (web->tls) {
        ew_jw_open_object(&w, "https");
        ew_jw_int(&w, "port", web->https.port);
        ew_jw_close_object(&w);
    } else
        ew_jw_null(&w, "https");
    ew_jw_close_object(&w);
    ew_buf_add_text(&text, "\n");
    enum ew_err err = ew_file_write(path, text.data, text.len, 0600, reason);
    ew_buf_done(&text);
    return err;
}

static enum ew_err open_listeners(struct web *web, struct ew_reason *reason)
{
    const char *address = web->listen ? web->listen : web->service->demo ? "127.0.0.1" : NULL;
    enum ew_err err = web_listener_open(&web->http, address, web->http_port, reason);
    if (err == EW_OK && web->tls)
        err = web_listener_open(&web->https, address, web->https_port, reason);
    return err;
}

static enum ew_err start(struct ew_service *service, struct ew_reason *reason)
{
    struct web *web = service->state;
    char folder[PATH_MAX];
    web->service = service;
    web->http_port = web->http_port ? web->http_port - 1 : HTTP_PORT;
    web->https_port--; // -1 = none
    web->http_plain = web->http_plain || service->demo || web->https_port < 0;
    web->http = (struct web_listener){.web = web, .fd = -1};
    web->https = (struct web_listener){.web = web, .fd = -1, .tls = true};
    for (int i = 0; i < WEB_SLOTS; i++)
        web->slots[i].web = web;
    ew_path(folder, service->share_dir, "web-spa");
    web_upload_tidy(web);
    web_assets_init(&web->assets, folder);
    if (web_assets_refresh(&web->assets, ew_loop_now_ms(service->loop), reason) != EW_OK)
        (void)ew_log_reason(EW_LOG_WARNING, "page", reason);
    enum ew_err err = limit_descriptors(reason);
    if (err == EW_OK)
        err = make_context(web, reason);
    if (err == EW_OK)
        err = open_listeners(web, reason);
    if (err == EW_OK)
        err = write_ports(web, reason);
    if (err != EW_OK)
        return err;
    mq_subscribe(service->mq, "config/settings/site", 1, on_site, web);
    web->sweep = (struct ew_timer){.fn = on_sweep, .user = web};
    ew_loop_timer_set(service->loop, &web->sweep, ew_loop_now_ms(service->loop) + SWEEP_MS);
    if (web->http_plain && !service->demo)
        ew_warning("http", "the page is served without TLS: codes can be read on the way");
    if (web->tls)
        ew_notice("http", "listening http=%d https=%d", web->http.port, web->https.port);
    else
        ew_notice("http", "listening http=%d", web->http.port);
    return EW_OK;
}

static int run(struct ew_service *service)
{
    struct web *web = service->state;
    int code = 0;
    while (!ew_loop_stopped(service->loop, &code))
        if (lws_service(web->lws, 0) < 0)
            return 1;
    return code;
}

// Browsers are told before the sockets go; who does not listen is not waited for.
static void say_goodbye(struct web *web)
{
    web_tunnels_end(web, NULL);
    int64_t until_ms = ew_clock_up_ms() + FAREWELL_MS;
    while (web_tunnels_count(web, NULL) > 0 && ew_clock_up_ms() < until_ms) {
        lws_cancel_service(web->lws); // the next pass does not wait
        if (lws_service(web->lws, 0) < 0)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

static void stop(struct ew_service *service)
{
    struct web *web = service->state;
    char path[PATH_MAX];
    web->stopping = true;
    if (!web->service)
        return;
    ew_loop_timer_clear(service->loop, &web->sweep);
    web_listener_close(&web->http);
    web_listener_close(&web->https);
    if (web->lws) {
        say_goodbye(web);
        lws_context_destroy(web->lws);
        web->lws = NULL;
    }
    web_assets_done(&web->assets);
    ew_path(path, service->data_dir, "run/web.json");
    unlink(path);
}

static void reload(struct ew_service *service)
{
    struct web *web = service->state;
    struct ew_reason reason;
    web->assets.looked_ms = INT64_MIN / 2;
    if (web_assets_refresh(&web->assets, ew_loop_now_ms(service->loop), &reason) != EW_OK)
        (void)ew_log_reason(EW_LOG_WARNING, "page", &reason);
}

static void health(struct ew_service *service, struct ew_jw *w)
{
    const struct web *web = service->state;
    int connections = 0;
    for (int i = 0; i < WEB_SLOTS; i++)
        connections += web->slots[i].phase != WEB_FREE;
    ew_jw_int(w, "connections", connections);
    ew_jw_int(w, "sockets", web_tunnels_count(web, NULL));
    ew_jw_bool(w, "http_plain", web->http_plain);
    ew_jw_bool(w, "page_built", web->assets.items != NULL);
}

static const struct ew_service_definition definition = {
    .name = "web",
    .summary = "serves the web page, takes logins, passes MQTT over WebSocket to the broker",
    .state_size = sizeof(struct web),
    .option = on_option,
    .option_help = option_help,
    .start = start,
    .reload = reload,
    .health = health,
    .stop = stop,
    .run = run,
};

int web_main(int argc, char **argv)
{
    return ew_service_main(argc, argv, &definition);
}
