#include "web/session.h"

#include "base/buf.h"
#include <assert.h>
#include <string.h>

static struct web_session *find(const struct web_sessions *sessions, const char *token)
{
    for (int i = 0; i < EW_SESSIONS_MAX; i++)
        if (strcmp(sessions->items[i].token, token) == 0)
            return (struct web_session *)&sessions->items[i];
    return NULL;
}

void web_sessions_add(struct web_sessions *sessions, const char *token, int64_t now_ms)
{
    assert(web_token_valid(token));
    struct web_session *session = find(sessions, token);
    if (!session)
        session = find(sessions, "");
    if (!session) {
        session = &sessions->items[0];
        for (int i = 1; i < EW_SESSIONS_MAX; i++)
            if (sessions->items[i].checked_ms < session->checked_ms)
                session = &sessions->items[i];
    }
    ew_copy(session->token, sizeof(session->token), token);
    session->checked_ms = now_ms;
}

void web_sessions_remove(struct web_sessions *sessions, const char *token)
{
    struct web_session *session = token[0] ? find(sessions, token) : NULL;
    if (session)
        explicit_bzero(session, sizeof(*session));
}

enum web_session_state web_sessions_find(const struct web_sessions *sessions, const char *token,
                                         int64_t now_ms)
{
    const struct web_session *session = token[0] ? find(sessions, token) : NULL;
    if (!session)
        return WEB_SESSION_UNKNOWN;
    return now_ms - session->checked_ms <= WEB_SESSION_FRESH_MS ? WEB_SESSION_KNOWN : WEB_SESSION_AGED;
}
