// Known browsers in the store (USR-04).
#include "config/accounts.h"
#include "core/access/people.h"

#include <sodium.h>
#include <string.h>

static void hash_token(const char *token, unsigned char ret[ACCOUNTS_HASH_BYTES])
{
    static const unsigned char purpose[] = "edgewatt browser"; // no session's token, however it is presented
    crypto_generichash(ret, ACCOUNTS_HASH_BYTES, (const unsigned char *)token, strlen(token), purpose,
                       sizeof(purpose) - 1);
}

bool accounts_browser_is(const struct account_browser *browser, const char *token)
{
    unsigned char hash[ACCOUNTS_HASH_BYTES];
    hash_token(token, hash);
    return token[0] && sodium_memcmp(hash, browser->token_hash, sizeof(hash)) == 0;
}

static struct account_browser *place_of(struct accounts *accounts, const char *token, int user)
{
    struct account_browser *found = NULL;
    for (int i = 0; i < accounts->browser_count; i++)
        if (accounts->browsers[i].user == user && accounts_browser_is(&accounts->browsers[i], token))
            found = &accounts->browsers[i];
    return found;
}

struct account_browser *accounts_browser_find(struct accounts *accounts, const char *token, int user,
                                              int64_t wall_ms)
{
    struct account_browser *browser = place_of(accounts, token, user);
    return browser && access_browser_known(browser->known_ms, wall_ms) ? browser : NULL;
}

void accounts_browser_forget(struct accounts *accounts, struct account_browser *browser)
{
    *browser = accounts->browsers[--accounts->browser_count];
    secret_wipe(&accounts->browsers[accounts->browser_count], sizeof(*browser));
}

void accounts_browser_forget_user(struct accounts *accounts, int user)
{
    for (int i = accounts->browser_count - 1; i >= 0; i--)
        if (accounts->browsers[i].user == user)
            accounts_browser_forget(accounts, &accounts->browsers[i]);
}

// user 0 = of all.
static struct account_browser *oldest_of(struct accounts *accounts, int user)
{
    struct account_browser *oldest = NULL;
    for (int i = 0; i < accounts->browser_count; i++) {
        struct account_browser *one = &accounts->browsers[i];
        if ((user == 0 || one->user == user) && (!oldest || one->seen_ms < oldest->seen_ms))
            oldest = one;
    }
    return oldest;
}

static void make_room(struct accounts *accounts, int user)
{
    int own = 0;
    for (int i = 0; i < accounts->browser_count; i++)
        own += accounts->browsers[i].user == user;
    if (own >= EW_BROWSERS_PER_USER)
        accounts_browser_forget(accounts, oldest_of(accounts, user));
    else if (accounts->browser_count == EW_BROWSERS_MAX)
        accounts_browser_forget(accounts, oldest_of(accounts, 0));
}

struct account_browser *accounts_browser_remember(struct accounts *accounts, const char *token, int user,
                                                  int64_t wall_ms, char ret_token[SECRET_TEXT_MAX])
{
    bool known = false;
    for (int i = 0; i < accounts->browser_count; i++)
        if (accounts_browser_is(&accounts->browsers[i], token)) {
            known = true;
            accounts->browsers[i].misses = 0;
        }
    if (known && strlen(token) < SECRET_TEXT_MAX)
        ew_copy(ret_token, SECRET_TEXT_MAX, token);
    else
        secret_text(ret_token);
    struct account_browser *browser = place_of(accounts, ret_token, user);
    if (!browser) {
        make_room(accounts, user);
        browser = &accounts->browsers[accounts->browser_count++];
        *browser = (struct account_browser){.id = ++accounts->next_browser, .user = user};
        hash_token(ret_token, browser->token_hash);
    }
    browser->known_ms = browser->seen_ms = wall_ms;
    return browser;
}

bool accounts_browser_miss(struct accounts *accounts, const char *token)
{
    bool known = false;
    for (int i = accounts->browser_count - 1; i >= 0; i--) {
        struct account_browser *browser = &accounts->browsers[i];
        if (!accounts_browser_is(browser, token))
            continue;
        known = true;
        if (++browser->misses >= ACCESS_BROWSER_MISSES)
            accounts_browser_forget(accounts, browser);
    }
    return known;
}

struct account_browser *accounts_browser_by_id(struct accounts *accounts, int id)
{
    for (int i = 0; i < accounts->browser_count; i++)
        if (accounts->browsers[i].id == id)
            return &accounts->browsers[i];
    return NULL;
}
