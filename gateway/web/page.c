#include "web/web_priv.h"

#include "base/log.h"
#include <string.h>

static const char not_built[] = "The page of Edgewatt has not been built.\n"
                                "Build it with `npm ci && npm run build` in the folder web-spa, or run "
                                "./packaging/quickstart, which does.\n";

// Scripts, styles and pictures come from here only and stand in files of their own; the WebSocket is named
// too because Safari before 15.4 does not take 'self' for it.
static void page_policy(const struct web_exchange *e, char *dst, size_t size)
{
    char sockets[2 * WEB_HOST_SIZE + 16] = "";
    if (e->host[0] && e->host[0] != '[') // policies have no word for IPv6 addresses
        (void)ew_format(sockets, sizeof(sockets), " ws://%s wss://%s", e->host, e->host);
    (void)ew_format(dst, size,
                    "default-src 'self'; connect-src 'self'%s; object-src 'none'; base-uri 'none'; "
                    "form-action 'self'; frame-ancestors 'none'",
                    sockets);
}

static void say(struct web_connection *c, int status, const char *headers, const char *sentence)
{
    web_answer(c, &(struct web_answer){.status = status,
                                       .type = "text/plain; charset=utf-8",
                                       .headers = headers,
                                       .body = sentence,
                                       .body_len = strlen(sentence)});
}

static void answer_file(struct web_connection *c, const struct web_asset *asset)
{
    struct web_exchange *e = c->exchange;
    const struct web_assets *assets = &c->web->assets;
    bool gzip = asset->gzip && e->gzip;
    char policy[3 * WEB_HOST_SIZE], headers[256];
    page_policy(e, policy, sizeof(policy));
    (void)ew_format(headers, sizeof(headers), "%s%s%s%s%s", gzip ? "Content-Encoding: gzip\r\n" : "",
                    asset->gzip ? "Vary: Accept-Encoding\r\n" : "", asset == assets->index ? "ETag: " : "",
                    asset == assets->index ? assets->tag : "", asset == assets->index ? "\r\n" : "");
    struct web_answer answer = {.status = 200, .type = asset->type, .headers = headers, .policy = policy};
    answer.cache = asset->immutable ? "public, max-age=31536000, immutable" : "no-cache";
    if (asset == assets->index && strcmp(e->tag, assets->tag) == 0) {
        answer.status = 304;
        web_answer(c, &answer);
        return;
    }
    e->file = web_asset_open(assets, asset, gzip, &e->file_end);
    if (e->file >= 0)
        web_answer(c, &answer);
    else
        say(c, 404, NULL, "This file has gone; please load the page again.\n");
}

void web_page_answer(struct web_connection *c)
{
    const struct web_exchange *e = c->exchange;
    struct web_assets *assets = &c->web->assets;
    struct ew_reason reason;
    if (e->method != WEB_GET && e->method != WEB_HEAD) {
        say(c, 405, "Allow: GET, HEAD\r\n", "Only GET and HEAD are possible here.\n");
        return;
    }
    if (web_assets_refresh(assets, web_now_ms(c->web), &reason) != EW_OK)
        (void)ew_log_reason(EW_LOG_WARNING, "page", &reason);
    if (!assets->items) {
        say(c, 503, NULL, not_built);
        return;
    }
    const struct web_asset *asset = web_assets_find(assets, e->path, e->html);
    if (asset)
        answer_file(c, asset);
    else
        say(c, 404, NULL, "There is nothing at this address.\n");
}

void web_page_redirect(struct web_connection *c)
{
    const struct web_exchange *e = c->exchange;
    char name[WEB_HOST_SIZE], headers[WEB_HOST_SIZE + sizeof(e->path) + 64], port[8] = "";
    if ((e->method != WEB_GET && e->method != WEB_HEAD) || !e->host[0] ||
        strspn(e->path, "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
            strlen(e->path)) {
        say(c, 403, NULL, "Only HTTPS is spoken here.\n");
        return;
    }
    web_host_name(e->host, name);
    if (c->web->https.port != 443)
        (void)ew_format(port, sizeof(port), ":%d", c->web->https.port);
    (void)ew_format(headers, sizeof(headers), "Location: https://%s%s%s\r\n", name, port, e->path);
    say(c, 307, headers, "This site is reached by HTTPS.\n");
}
