// Users and their codes.
#include "base/log.h"
#include "config/accounts.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

// USR-01.
enum { PUK_PASSES = 2, PUK_MEMORY = 19 << 20 };

// Keys for one purpose each, derived from the store's.
enum { KEY_PIN = 1 };

void accounts_hash_pin(const struct accounts *accounts, const char *pin,
                       unsigned char ret[ACCOUNTS_HASH_BYTES])
{
    unsigned char key[crypto_generichash_KEYBYTES];
    crypto_kdf_derive_from_key(key, sizeof(key), KEY_PIN, "ew-codes", accounts->key);
    crypto_generichash(ret, ACCOUNTS_HASH_BYTES, (const unsigned char *)pin, strlen(pin), key, sizeof(key));
    secret_wipe(key, sizeof(key));
}

bool accounts_hash_puk(const char *puk, const unsigned char salt[16], unsigned char ret[ACCOUNTS_HASH_BYTES])
{
    static_assert(crypto_pwhash_SALTBYTES == 16, "the salt of Argon2id");
    return crypto_pwhash(ret, ACCOUNTS_HASH_BYTES, puk, strlen(puk), salt, PUK_PASSES, PUK_MEMORY,
                         crypto_pwhash_ALG_ARGON2ID13) == 0;
}

void accounts_set_codes(const struct accounts *accounts, struct account_user *user, const char *pin,
                        const char *puk)
{
    accounts_hash_pin(accounts, pin, user->pin_hash);
    secret_random(user->puk_salt, sizeof(user->puk_salt));
    if (!accounts_hash_puk(puk, user->puk_salt, user->puk_hash)) {
        ew_error("accounts", "no memory to hash a code");
        abort();
    }
}

void accounts_add_defaults(struct accounts *accounts)
{
    for (int i = 0; i < ACCESS_DEFAULT_USERS && accounts->user_count < EW_USERS_MAX; i++) {
        const struct access_default_user *preset = &access_default_users[i];
        struct account_user *user = &accounts->users[accounts->user_count++];
        *user =
            (struct account_user){.id = accounts->next_user++, .pages = preset->pages, .must_change = true};
        ew_copy(user->name, sizeof(user->name), preset->name);
        accounts_set_codes(accounts, user, preset->pin, preset->puk);
    }
    accounts->fresh = false;
}

struct account_user *accounts_user(struct accounts *accounts, int id)
{
    for (int i = 0; i < accounts->user_count; i++)
        if (accounts->users[i].id == id)
            return &accounts->users[i];
    return NULL;
}

struct account_user *accounts_user_by_pin(struct accounts *accounts, const char *pin)
{
    unsigned char hash[ACCOUNTS_HASH_BYTES];
    struct account_user *found = NULL;
    accounts_hash_pin(accounts, pin, hash);
    // All of them, so that the time tells nothing.
    for (int i = 0; i < accounts->user_count; i++)
        if (sodium_memcmp(hash, accounts->users[i].pin_hash, sizeof(hash)) == 0)
            found = &accounts->users[i];
    return found;
}

struct account_user *accounts_user_by_name(struct accounts *accounts, const char *name)
{
    for (int i = 0; i < accounts->user_count; i++)
        if (strcmp(accounts->users[i].name, name) == 0)
            return &accounts->users[i];
    return NULL;
}

bool accounts_code_is_default(const char *pin, const char *puk)
{
    for (int i = 0; i < ACCESS_DEFAULT_USERS; i++)
        if (strcmp(access_default_users[i].pin, pin) == 0 || strcmp(access_default_users[i].puk, puk) == 0)
            return true;
    return false;
}
