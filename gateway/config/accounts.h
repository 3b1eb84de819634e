// The store of accounts: secrets/config.json (0600). Users of the pages with their codes as hashes, their
// live sessions, and the integration accounts. Loaded whole, saved whole; config is its writer, the console
// commands are while config is stopped.
#ifndef EDGEWATT_CONFIG_ACCOUNTS_H
#define EDGEWATT_CONFIG_ACCOUNTS_H

#include "base/limits.h"
#include "config/secret.h"
#include "core/access/access.h"
#include "core/ftp/ftp.h"
#include <limits.h>

enum {
    ACCOUNTS_VERSION = 3, // 2: known browsers, users of displays; 3: FTP
    ACCOUNTS_NAME_MAX = 33,
    ACCOUNTS_SESSION_MAX = 19, // "s-" and 16 hexadecimal digits, with the final 0
    ACCOUNTS_HASH_BYTES = 32,
    ACCOUNTS_AGENT_MAX = 161,
    ACCOUNTS_ADDRESS_MAX = 48,
    ACCOUNTS_LOCK_AFTER = 12 // wrong PUKs for a right PIN, in a row
};

struct account_user {
    int id;
    char name[ACCOUNTS_NAME_MAX];
    unsigned pages; // bits of enum access_page
    bool disabled;
    bool display;     // a wall screen: its sessions do not end by themselves, and only look
    bool must_change; // still has codes that others know
    bool locked;      // until the console unlocks it
    int wrong;        // PUKs in a row for the right PIN
    unsigned char
        pin_hash[ACCOUNTS_HASH_BYTES]; // BLAKE2b, keyed: unique, and found without trying every user
    unsigned char puk_salt[16];
    unsigned char puk_hash[ACCOUNTS_HASH_BYTES]; // Argon2id
};

struct account_session {
    char id[ACCOUNTS_SESSION_MAX]; // the broker account
    unsigned char token_hash[ACCOUNTS_HASH_BYTES];
    int user;
    int browser;        // known browser that it was opened from, 0 = none
    bool open;          // has an account in the broker (not while codes must be changed)
    int64_t created_ms; // wall clock
    int64_t seen_up_ms; // CLOCK_BOOTTIME of the last use
};

// A browser that asks for the PIN only (USR-04), for one user: who shares a browser has a place each, with
// the same token.
struct account_browser {
    int id;
    unsigned char token_hash[ACCOUNTS_HASH_BYTES];
    int user;
    int misses;                // PINs in a row that were not its user's
    int64_t known_ms, seen_ms; // wall clock: PIN and PUK were right, last login
    char address[ACCOUNTS_ADDRESS_MAX];
    char agent[ACCOUNTS_AGENT_MAX]; // how it names itself, for the list only
};

struct account_integration {
    char name[ACCESS_ACCOUNT_MAX];
    bool command; // role "command", else "read"
    struct secret_hash hash;
    int64_t created_ms;
};

// The one user of the FTP server (REC-05).
struct account_ftp {
    bool on;                 // what is wanted; without a password of its own it stays off all the same
    bool plain;              // without TLS too
    char hash[FTP_HASH_MAX]; // crypt(5); "" = still the manual's password
};

struct accounts { // large: not for the stack
    char path[PATH_MAX];
    bool fresh;                   // the file had no users yet
    int file_version;             // of the file that was read
    struct secret_account broker; // config's own broker account, kept in the same file
    unsigned char key[32];        // everything keyed is derived from it
    int64_t next_id;              // high-water mark of the site's ids: an id is never used twice
    int next_user, user_count, session_count, integration_count, next_browser, browser_count;
    struct account_ftp ftp;
    struct account_user users[EW_USERS_MAX];
    struct account_session sessions[EW_SESSIONS_MAX];
    struct account_integration integrations[EW_ACCOUNTS_MAX];
    struct account_browser browsers[EW_BROWSERS_MAX];
};

// Reads DATA/secrets/config.json. A file with nothing but the broker account gives an empty, fresh store with
// a new key. EW_E_UNKNOWN when there is no file, EW_E_INVALID for a damaged one: nothing is reset by itself.
enum ew_err accounts_load(const char *data_dir, int64_t up_ms, struct accounts *ret,
                          struct ew_reason *reason) EW_MUST_CHECK;
// A file of an older version is copied to <file>.v<old> before it is written over.
enum ew_err accounts_save(struct accounts *accounts, struct ew_reason *reason) EW_MUST_CHECK;
void accounts_wipe(struct accounts *accounts);

// ---- Users and codes (users.c) ----
// Puts in the four predefined users with the manual's codes. Takes about 0.2 s (four Argon2id).
void accounts_add_defaults(struct accounts *accounts);
struct account_user *accounts_user(struct accounts *accounts, int id);
struct account_user *accounts_user_by_pin(struct accounts *accounts, const char *pin);
struct account_user *accounts_user_by_name(struct accounts *accounts, const char *name);
void accounts_set_codes(const struct accounts *accounts, struct account_user *user, const char *pin,
                        const char *puk);
void accounts_hash_pin(const struct accounts *accounts, const char *pin,
                       unsigned char ret[ACCOUNTS_HASH_BYTES]);
// Argon2id, 19 MiB, t = 2: some 50 ms, not on a loop's thread. False without memory.
bool accounts_hash_puk(const char *puk, const unsigned char salt[16],
                       unsigned char ret[ACCOUNTS_HASH_BYTES]) EW_MUST_CHECK;
// True when the PIN or the PUK is one of the manual's.
bool accounts_code_is_default(const char *pin, const char *puk);

// ---- Sessions (sessions.c) ----
// Opens one; when all places are taken the one unused longest ends: its id is put into ret_ended ("" = none).
struct account_session *accounts_session_open(struct accounts *accounts, int user, int64_t wall_ms,
                                              int64_t up_ms, char ret_token[SECRET_TEXT_MAX],
                                              char ret_ended[ACCOUNTS_SESSION_MAX]);
struct account_session *accounts_session_find(struct accounts *accounts, const char *token);
void accounts_session_end(struct accounts *accounts, struct account_session *session);
// HMAC of the session id: the same for every tab, and nothing to keep.
void accounts_session_password(const struct accounts *accounts, const char *session_id,
                               char ret[SECRET_TEXT_MAX]);

// ---- Known browsers (browsers.c) ----
// The place of this browser for this user; NULL when there is none, or when it is too old (USR-04: 90 days).
struct account_browser *accounts_browser_find(struct accounts *accounts, const char *token, int user,
                                              int64_t wall_ms);
// PIN and PUK were right. A token that is known already stays; else a new one is made. The place unused
// longest makes room, of this user when it has EW_BROWSERS_PER_USER, else of all.
struct account_browser *accounts_browser_remember(struct accounts *accounts, const char *token, int user,
                                                  int64_t wall_ms, char ret_token[SECRET_TEXT_MAX]);
// A PIN that was not its user's: after ACCESS_BROWSER_MISSES in a row the browser is forgotten. False when
// the browser is not known anyway.
bool accounts_browser_miss(struct accounts *accounts, const char *token);
struct account_browser *accounts_browser_by_id(struct accounts *accounts, int id);
bool accounts_browser_is(const struct account_browser *browser, const char *token);
void accounts_browser_forget(struct accounts *accounts, struct account_browser *browser);
void accounts_browser_forget_user(struct accounts *accounts, int user);

// ---- Integration accounts (sessions.c) ----
struct account_integration *accounts_integration(struct accounts *accounts, const char *name);
// EW_E_EXISTS, EW_E_FULL. ret_password is shown once.
enum ew_err accounts_integration_add(struct accounts *accounts, const char *name, bool command,
                                     int64_t wall_ms, char ret_password[SECRET_TEXT_MAX],
                                     struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err accounts_integration_remove(struct accounts *accounts, const char *name,
                                        struct ew_reason *reason) EW_MUST_CHECK;

#endif
