#include "web/web_priv.h"

#include "base/log.h"
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    FIRST_REQUEST_MS = 10000, // from the connection to the end of the first header: slow senders end here
    YOUNG_MS = 250 // a connection younger than this is not closed to make room: it may be about to ask
};

// ---- Addresses --------------------------------------------------------------------------------------------

void web_address_read(const struct sockaddr_storage *from, char ret_text[48],
                      unsigned char ret_network[WEB_NETWORK_SIZE])
{
    memset(ret_network, 0, WEB_NETWORK_SIZE);
    ew_copy(ret_text, 48, "unknown");
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        memcpy(ret_network + 4, &in->sin_addr, 4);
        inet_ntop(AF_INET, &in->sin_addr, ret_text, 48);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
        const unsigned char *bytes = in6->sin6_addr.s6_addr;
        if (mapped)
            memcpy(ret_network + 4, bytes + 12, 4);
        else
            memcpy(ret_network, bytes, WEB_NETWORK_SIZE);
        inet_ntop(mapped ? AF_INET : AF_INET6, mapped ? (const void *)(bytes + 12) : (const void *)bytes,
                  ret_text, 48);
    }
}

// ---- Room for newcomers -----------------------------------------------------------------------------------

// What is there: how many, and who waited longest without a request.
struct crowd {
    int total, of_network;
    struct web_connection *oldest, *oldest_of_network;
};

static void count_one(struct crowd *crowd, struct web_connection *c, bool ours, bool may_go)
{
    crowd->total++;
    crowd->of_network += ours && c->phase != WEB_SOCKET;
    if (!may_go)
        return;
    if (!crowd->oldest || c->since_ms < crowd->oldest->since_ms)
        crowd->oldest = c;
    if (ours && (!crowd->oldest_of_network || c->since_ms < crowd->oldest_of_network->since_ms))
        crowd->oldest_of_network = c;
}

struct web_connection *web_connections_victim(struct web *web, const unsigned char network[WEB_NETWORK_SIZE],
                                              int64_t now_ms, bool *ret_admit)
{
    struct crowd crowd = {0};
    for (int i = 0; i < WEB_SLOTS; i++) {
        struct web_connection *c = &web->slots[i];
        if (c->phase != WEB_FREE && c->phase != WEB_DOOMED)
            count_one(&crowd, c, memcmp(c->network, network, WEB_NETWORK_SIZE) == 0,
                      c->phase == WEB_WAITING && now_ms - c->since_ms >= YOUNG_MS);
    }
    struct web_connection *victim = NULL;
    bool room = crowd.of_network < EW_WEB_PER_ADDRESS_MAX && crowd.total < EW_WEB_CONNECTIONS_MAX;
    if (crowd.of_network >= EW_WEB_PER_ADDRESS_MAX)
        victim = crowd.oldest_of_network;
    else if (!room)
        victim = crowd.oldest;
    *ret_admit = room || victim;
    return victim;
}

// Says why before the door closes. Behind TLS nothing can be said yet.
static void refuse(int fd, bool tls)
{
    static const char sentence[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; "
                                   "charset=utf-8\r\nContent-Length: 57\r\n"
                                   "Retry-After: 5\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
                                   "Too many connections are open. Please try again shortly.\n";
    if (!tls && send(fd, sentence, sizeof(sentence) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
        // What was already sent to us is read, or the close would be a reset that takes the sentence with it.
        char away[4096];
        shutdown(fd, SHUT_WR);
        while (recv(fd, away, sizeof(away), MSG_DONTWAIT) > 0)
            ;
    }
    close(fd);
}

static struct web_connection *free_slot(struct web *web)
{
    for (int i = 0; i < WEB_SLOTS; i++)
        if (web->slots[i].phase == WEB_FREE)
            return &web->slots[i];
    return NULL;
}

static struct web_connection *admit(struct web *web, int fd, bool tls, int64_t now_ms)
{
    struct sockaddr_storage from = {0};
    socklen_t len = sizeof(from);
    char address[48];
    unsigned char network[WEB_NETWORK_SIZE];
    if (getpeername(fd, (struct sockaddr *)&from, &len) != 0)
        return NULL;
    web_address_read(&from, address, network);
    bool room;
    struct web_connection *victim = web_connections_victim(web, network, now_ms, &room);
    struct web_connection *c = room ? free_slot(web) : NULL;
    if (!c) {
        ew_warning("connections", "too many connections, refusing newcomers"); // not whose: one line for all
        return NULL;
    }
    if (victim)
        web_connection_close(victim);
    *c = (struct web_connection){.web = web, .fd = fd, .tls = tls, .serial = ++web->serial};
    ew_copy(c->address, sizeof(c->address), address);
    memcpy(c->network, network, sizeof(network));
    return c;
}

void web_connection_accept(struct web *web, int fd, bool tls, int64_t now_ms)
{
    struct web_connection *c = admit(web, fd, tls, now_ms);
    if (!c) {
        refuse(fd, tls);
        return;
    }
    // Bounded, so that readers who stall hold little kernel memory.
    int size = WEB_SOCKET_BUFFER, on = 1;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    web_connection_phase(c, WEB_WAITING, FIRST_REQUEST_MS);
    lws_adopt_desc_t info = {.vh = tls ? web->tls : web->plain,
                             .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL,
                             .fd.sockfd = fd,
                             .opaque = c};
    uint32_t serial = c->serial;
    struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&info);
    // On failure libwebsockets closed the socket; the slot may have been given back already on the way.
    if (c->serial != serial || c->phase == WEB_FREE)
        return;
    if (wsi)
        c->wsi = wsi;
    else
        web_connection_gone(c);
}

// ---- Life -------------------------------------------------------------------------------------------------

void web_connection_phase(struct web_connection *c, enum web_phase phase, int64_t within_ms)
{
    c->phase = phase;
    c->since_ms = web_now_ms(c->web);
    c->deadline_ms = within_ms ? c->since_ms + within_ms : 0;
}

int web_connection_slot(const struct web_connection *c)
{
    return (int)(c - c->web->slots);
}

struct web_connection *web_connection_by(struct web *web, int slot, uint32_t serial)
{
    assert(slot >= 0 && slot < WEB_SLOTS);
    struct web_connection *c = &web->slots[slot];
    return c->phase != WEB_FREE && c->serial == serial ? c : NULL;
}

struct web_connection *web_connection_of(struct lws *wsi)
{
    struct web *web = lws_context_user(lws_get_context(wsi));
    struct web_connection *c = lws_get_opaque_user_data(wsi);
    return c >= web->slots && c < web->slots + WEB_SLOTS && c->phase != WEB_FREE ? c : NULL;
}

void web_connection_close(struct web_connection *c)
{
    if (c->phase == WEB_DOOMED || c->phase == WEB_FREE)
        return;
    web_connection_phase(c, WEB_DOOMED, 0);
    if (c->wsi)
        lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

static void free_exchange(struct web *web, struct web_exchange *exchange)
{
    if (!exchange)
        return;
    web_upload_free(web, exchange->upload);
    if (exchange->body.data)
        explicit_bzero(exchange->body.data, exchange->body.cap);
    ew_buf_done(&exchange->body);
    ew_buf_done(&exchange->answer);
    if (exchange->file >= 0)
        close(exchange->file);
    free(exchange);
}

void web_connection_finish(struct web_connection *c)
{
    free_exchange(c->web, c->exchange);
    c->exchange = NULL;
}

void web_connection_gone(struct web_connection *c)
{
    if (c->listening_room)
        ew_loop_remove_fd(c->web->service->loop, c->fd);
    web_tunnel_gone(c);
    web_connection_finish(c);
    uint32_t serial = c->serial;
    *c = (struct web_connection){.web = c->web, .serial = serial};
}

void web_connections_sweep(struct web *web, int64_t now_ms)
{
    for (int i = 0; i < WEB_SLOTS; i++) {
        struct web_connection *c = &web->slots[i];
        if (c->phase != WEB_FREE && c->deadline_ms && now_ms >= c->deadline_ms)
            web_connection_close(c);
    }
}
