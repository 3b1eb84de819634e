// The life of a session: asked for, used, ended; and its account in the broker.
#ifndef EDGEWATT_CONFIG_SESSION_CALLS_H
#define EDGEWATT_CONFIG_SESSION_CALLS_H

#include "config/config_priv.h"

void session_calls_start(struct config *config);

// login, session, logout, lock, codes are for the account `web` alone (the broker sees to it; so do we).
// Answers false.
bool session_caller_is_web(struct mq_request *request);

// The session of a token that is neither idle too long nor its user's that is gone or disabled; NULL
// otherwise.
struct account_session *session_alive(struct config *config, const char *token);
void session_open_in_broker(struct config *config, const struct account_session *session,
                            warden_done_fn *done, void *user);
void session_end_by_id(struct config *config, const char *id);
// All of a user's sessions but one ("" = all).
void session_end_others(struct config *config, int user, const char *kept);
// With the sessions that were opened from it.
void session_forget_browser(struct config *config, struct account_browser *browser);

// After a change of the site or of the profiles: which devices take commands is part of the rights. Before
// the devices themselves are published, so that nobody commands what he may not.
void session_review_rights(struct config *config);

#endif
