// Which session ids `config` vouched for lately. A WebSocket is let in only for one of these; whatever the
// browser then does is decided by the broker, which checks the session's own password. Time is passed in.
//
// config keeps at most EW_SESSIONS_MAX sessions, and so does this list: every session that was seen since the
// service started fits. A session that is older than the service is let in after it was asked for once
// (GET /api/session, which the page does before each connection).
#ifndef EDGEWATT_WEB_SESSION_H
#define EDGEWATT_WEB_SESSION_H

#include "base/limits.h"
#include "web/request.h"
#include <stdint.h>

enum { WEB_SESSION_FRESH_MS = 60000 }; // older knowledge is asked for again in the background

struct web_sessions {
    struct web_session {
        char token[WEB_TOKEN_SIZE]; // "" = free
        int64_t checked_ms;         // when config said so last
    } items[EW_SESSIONS_MAX];
};

enum web_session_state { WEB_SESSION_UNKNOWN, WEB_SESSION_KNOWN, WEB_SESSION_AGED };

// config vouched for the token: the one checked longest ago makes room when the list is full.
void web_sessions_add(struct web_sessions *sessions, const char *token, int64_t now_ms);
void web_sessions_remove(struct web_sessions *sessions, const char *token);
enum web_session_state web_sessions_find(const struct web_sessions *sessions, const char *token,
                                         int64_t now_ms);

#endif
