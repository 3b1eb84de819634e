// Browser sessions and integration accounts in the store.
#include "config/accounts.h"

#include <sodium.h>
#include <string.h>

enum { KEY_SESSION = 2 };

static void hash_token(const char *token, unsigned char ret[ACCOUNTS_HASH_BYTES])
{
    crypto_generichash(ret, ACCOUNTS_HASH_BYTES, (const unsigned char *)token, strlen(token), NULL, 0);
}

void accounts_session_password(const struct accounts *accounts, const char *session_id,
                               char ret[SECRET_TEXT_MAX])
{
    unsigned char key[crypto_auth_KEYBYTES], mac[crypto_auth_BYTES];
    crypto_kdf_derive_from_key(key, sizeof(key), KEY_SESSION, "ew-sessn", accounts->key);
    crypto_auth(mac, (const unsigned char *)session_id, strlen(session_id), key);
    secret_base64url(mac, sizeof(mac), ret, SECRET_TEXT_MAX);
    secret_wipe(key, sizeof(key));
}

static struct account_session *free_place(struct accounts *accounts, char ret_ended[ACCOUNTS_SESSION_MAX])
{
    ret_ended[0] = 0;
    if (accounts->session_count < EW_SESSIONS_MAX)
        return &accounts->sessions[accounts->session_count++];
    struct account_session *oldest = &accounts->sessions[0];
    for (int i = 1; i < accounts->session_count; i++)
        if (accounts->sessions[i].seen_up_ms < oldest->seen_up_ms)
            oldest = &accounts->sessions[i];
    ew_copy(ret_ended, ACCOUNTS_SESSION_MAX, oldest->id);
    return oldest;
}

struct account_session *accounts_session_open(struct accounts *accounts, int user, int64_t wall_ms,
                                              int64_t up_ms, char ret_token[SECRET_TEXT_MAX],
                                              char ret_ended[ACCOUNTS_SESSION_MAX])
{
    struct account_session *session = free_place(accounts, ret_ended);
    unsigned char id[8];
    secret_random(id, sizeof(id));
    *session = (struct account_session){.id = "s-", .user = user, .created_ms = wall_ms, .seen_up_ms = up_ms};
    sodium_bin2hex(session->id + 2, sizeof(session->id) - 2, id, sizeof(id));
    secret_text(ret_token);
    hash_token(ret_token, session->token_hash);
    return session;
}

struct account_session *accounts_session_find(struct accounts *accounts, const char *token)
{
    unsigned char hash[ACCOUNTS_HASH_BYTES];
    struct account_session *found = NULL;
    hash_token(token, hash);
    for (int i = 0; i < accounts->session_count; i++)
        if (sodium_memcmp(hash, accounts->sessions[i].token_hash, sizeof(hash)) == 0)
            found = &accounts->sessions[i];
    return found;
}

void accounts_session_end(struct accounts *accounts, struct account_session *session)
{
    *session = accounts->sessions[--accounts->session_count];
    secret_wipe(&accounts->sessions[accounts->session_count], sizeof(*session));
}

struct account_integration *accounts_integration(struct accounts *accounts, const char *name)
{
    for (int i = 0; i < accounts->integration_count; i++)
        if (strcmp(accounts->integrations[i].name, name) == 0)
            return &accounts->integrations[i];
    return NULL;
}

enum ew_err accounts_integration_add(struct accounts *accounts, const char *name, bool command,
                                     int64_t wall_ms, char ret_password[SECRET_TEXT_MAX],
                                     struct ew_reason *reason)
{
    if (accounts_integration(accounts, name))
        return ew_fail(reason, EW_E_EXISTS, "account.exists", "",
                       "there is an account \"%s\" already; remove it first to give it another password",
                       name);
    if (accounts->integration_count == EW_ACCOUNTS_MAX)
        return ew_fail(reason, EW_E_FULL, "account.full", "", "%d accounts are the most there can be",
                       EW_ACCOUNTS_MAX);
    struct account_integration *account = &accounts->integrations[accounts->integration_count++];
    *account = (struct account_integration){.command = command, .created_ms = wall_ms};
    ew_copy(account->name, sizeof(account->name), name);
    secret_text(ret_password);
    secret_hash_make(ret_password, &account->hash);
    return EW_OK;
}

enum ew_err accounts_integration_remove(struct accounts *accounts, const char *name, struct ew_reason *reason)
{
    struct account_integration *account = accounts_integration(accounts, name);
    if (!account)
        return ew_fail(reason, EW_E_UNKNOWN, "account.unknown", "", "there is no account \"%s\"", name);
    *account = accounts->integrations[--accounts->integration_count];
    return EW_OK;
}
