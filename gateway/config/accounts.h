// The store of accounts: secrets/config.json (0600). Users of the pages with their codes as hashes, their
// live sessions, and the integration accounts. Loaded whole, saved whole; config is its writer, the console
// commands are while config is stopped.
#ifndef EDGEWATT_CONFIG_ACCOUNTS_H
#define EDGEWATT_CONFIG_ACCOUNTS_H

#include "base/limits.h"
#include "config/secret.h"
#include "core/access/access.h"
#include <limits.h>

enum {
    ACCOUNTS_VERSION = 1,
    ACCOUNTS_NAME_MAX = 33,
    ACCOUNTS_SESSION_MAX = 19, // "s-" and 16 hexadecimal digits, with the final 0
    ACCOUNTS_HASH_BYTES = 32,
    ACCOUNTS_IDLE_MS = 30 * 60000, // USR-04
    ACCOUNTS_LOCK_AFTER = 12       // wrong PUKs for a right PIN, in a row
};

struct account_user {
    int id;
    char name[ACCOUNTS_NAME_MAX];
    unsigned pages; // bits of enum access_page
    bool disabled;
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
    bool open;          // has an account in the broker (not while codes must be changed)
    int64_t created_ms; // wall clock
    int64_t seen_up_ms; // CLOCK_BOOTTIME of the last use
};

struct account_integration {
    char name[ACCESS_ACCOUNT_MAX];
    bool command; // role "command", else "read"
    struct secret_hash hash;
    int64_t created_ms;
};

struct accounts { // large: not for the stack
    char path[PATH_MAX];
    bool fresh;                   // the file had no users yet
    struct secret_account broker; // config's own broker account, kept in the same file
    unsigned char key[32];        // everything keyed is derived from it
    int64_t next_id;              // high-water mark of the site's ids: an id is never used twice
    int next_user, user_count, session_count, integration_count;
    struct account_user users[EW_USERS_MAX];
    struct account_session sessions[EW_SESSIONS_MAX];
    struct account_integration integrations[EW_ACCOUNTS_MAX];
};

// Reads DATA/secrets/config.json. A file with nothing but the broker account gives an empty, fresh store with
// a new key. EW_E_UNKNOWN when there is no file, EW_E_INVALID for a damaged one: nothing is reset by itself.
enum ew_err accounts_load(const char *data_dir, int64_t up_ms, struct accounts *ret,
                          struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err accounts_save(const struct accounts *accounts, struct ew_reason *reason) EW_MUST_CHECK;
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

// ---- Integration accounts (sessions.c) ----
struct account_integration *accounts_integration(struct accounts *accounts, const char *name);
// EW_E_EXISTS, EW_E_FULL. ret_password is shown once.
enum ew_err accounts_integration_add(struct accounts *accounts, const char *name, bool command,
                                     int64_t wall_ms, char ret_password[SECRET_TEXT_MAX],
                                     struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err accounts_integration_remove(struct accounts *accounts, const char *name,
                                        struct ew_reason *reason) EW_MUST_CHECK;

#endif
