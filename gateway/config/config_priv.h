// What the parts of the service share.
#ifndef EDGEWATT_CONFIG_CONFIG_PRIV_H
#define EDGEWATT_CONFIG_CONFIG_PRIV_H

#include "config/accounts.h"
#include "config/broker_watch.h"
#include "config/hasher.h"
#include "config/machine.h"
#include "config/site_diff.h"
#include "config/site_store.h"
#include "config/warden.h"
#include "core/access/slowdown.h"
#include "library/library.h"
#include "service/service.h"

enum { CONFIG_TRIES_MAX = HASHER_JOBS_MAX };

struct config_rev { // an object that changed since the start
    char topic[64];
    int64_t rev;
};

struct config_try {    // codes that are being looked at (login.c)
    bool used, second; // second: the hash of the new PUK is under way
    struct config *config;
    struct mq_request *request;
    bool codes; // change of codes, else login
    int user;   // 0 = no user has this PIN
    char address[48];
    unsigned char session[ACCOUNTS_HASH_BYTES]; // token hash, of a change
    char new_pin[6], new_puk[15];
    unsigned char new_salt[16];
    char opened[ACCOUNTS_SESSION_MAX]; // the session that the broker is making an account for
    char token[SECRET_TEXT_MAX];
    char browser[64]; // token of the browser that asks, "" = it is not known; later that of its new place
    char agent[ACCOUNTS_AGENT_MAX];
};

enum { CONFIG_USER_JOBS_MAX = 4 };
struct user_job; // user_calls.c

struct config {
    struct ew_service *service;
    struct site_store store;
    struct library *library;
    struct rights_files files;
    struct accounts *accounts;
    bool accounts_dirty; // use of sessions, saved now and then
    int64_t saved_ms;
    struct access_list *list; // working memory
    struct warden *warden;
    struct hasher *hasher;
    struct console *console;
    struct slowdown *slowdown;
    struct backup_call *backup; // backup_call.c
    struct machine machine;
    struct broker_watch broker_watch;
    int64_t user_until_ms[EW_USERS_MAX]; // beside accounts->users: no try before
    struct config_try tries[CONFIG_TRIES_MAX];
    struct user_job *user_jobs;
    char ftp_demo_hash[FTP_HASH_MAX]; // of the manual's password; "" = this is no demo
    struct ew_timer tick;
    int64_t first_rev; // of the start
    struct config_rev *revs;
    int rev_count;
};

// ---- publish.c: the retained objects ----
void publish_start(struct config *config); // before the connection: looks for leftovers
void publish_all(struct config *config);   // after each connect
void publish_diff(struct config *config, const struct site_diff *diff); // after a change
// An entry for the journal: who did what. account as in the topic, user "" when it is no person.
void publish_audit(struct config *config, const char *account, const char *user, const char *what,
                   const struct site_diff *diff);
// The same about one object that does not stand in the site file. old NULL = new, now NULL = gone; both stay
// the caller's.
void publish_audit_object(struct config *config, const char *account, const char *user, const char *what,
                          const char *kind, int id, const cJSON *old, const cJSON *now);
void publish_alarm(struct config *config, const struct ew_reason *reason, bool active);

// ---- site_calls.c ----
struct config_caller {
    const char *account;
    const char *user; // "" = no person
    int user_id;      // 0 = no person
    unsigned pages;
};
// Who asks. Answers false for an account that is neither the console nor a living session.
bool config_known_caller(struct config *config, struct mq_request *request, struct config_caller *ret);
// The same, and that this person may open that page (a bit of enum access_page); answers a refusal itself.
bool config_may(struct config *config, struct mq_request *request, unsigned page, struct config_caller *ret);
bool config_find_caller(struct config *config, const char *account, struct config_caller *ret);
enum ew_err config_check_right(const struct config *config, const struct config_caller *caller,
                               const char *what, const char *path, struct ew_reason *reason) EW_MUST_CHECK;
// Writes a checked tree as the next revision and tells everybody; the tree is the store's when EW_OK.
enum ew_err config_take(struct config *config, cJSON *tree, const struct config_caller *caller,
                        const char *what, struct ew_reason *reason) EW_MUST_CHECK;
void site_calls_start(struct config *config);
// Makes the new content known after the store has taken it: everything that differs from `before`.
void config_changed(struct config *config, const cJSON *before, const char *account, const char *user,
                    const char *what);
// The whole check with profiles and zone, for changes that come in while we run.
enum ew_err config_check(struct config *config, const cJSON *site, struct ew_reason *reason) EW_MUST_CHECK;

// Reads the profiles anew; the old ones stay when that fails.
enum ew_err config_reload_library(struct config *config, struct ew_reason *reason) EW_MUST_CHECK;

// ---- profile_calls.c: the user's own profiles ----
void profile_calls_start(struct config *config);

// ---- ftp_call.c: the account of the FTP server (REC-05) ----
void ftp_call_start(struct config *config);
void ftp_call_publish(struct config *config);

// ---- greenup_call.c: Green'Up's switch, asked for by the controller ----
void greenup_call_start(struct config *config);
// What may not be taken away by any other change is carried over into the new tree: what was accepted for the
// stations; and an undo does not switch on.
void greenup_keep(const cJSON *old_site, cJSON *new_site);
void greenup_keep_off(const cJSON *old_site, cJSON *new_site);

// ---- login.c ----
void login_start(struct config *config);
void login_stop(struct config *config); // requests under way are left to the adapter
// Sessions that were idle too long end; the store is saved when it is time.
void login_tick(struct config *config, int64_t now_ms);
void login_save(struct config *config); // logs a failure
// After a connect: accounts in the broker and sessions here are made the same.
void login_connected(struct config *config);
// Ends every session of a user.
void login_end_sessions(struct config *config, int user);

// ---- user_calls.c: users and known browsers (USR-03, USR-04) ----
void user_calls_start(struct config *config);
void user_calls_stop(struct config *config);

// ---- user_list.c ----
// The call `users`; `user` is the config.
void user_list(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms);
// The journal: a user as he was (NULL: new) and as he is (NULL: removed), without any code. what: the call's
// name.
void user_audit(struct config *config, const struct config_caller *caller, const char *what,
                const struct account_user *old, const struct account_user *now, bool new_codes);

// ---- backup_call.c: backup and restore from the page (SYS-08) ----
void backup_call_start(struct config *config);
void backup_call_connected(struct config *config);
void backup_call_stop(struct config *config);

// ---- console.c: the commands of the console, over DATA/run/config.sock ----
struct console *console_new(struct config *config);
void console_free(struct console *console);

#endif
