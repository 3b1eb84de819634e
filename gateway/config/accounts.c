// secrets/config.json to memory and back.
#include "config/accounts.h"

#include "base/file.h"
#include "base/log.h"
#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { STORE_MAX = 1 << 20 };

// up_ms of a session means nothing in another run of the machine.
static void boot_id(char dst[40])
{
    struct ew_buf text;
    ew_buf_init(&text, 64);
    dst[0] = 0;
    if (ew_file_read("/proc/sys/kernel/random/boot_id", 64, &text, NULL) == EW_OK)
        ew_copy(dst, 37, ew_buf_text(&text));
    ew_buf_done(&text);
}

// ---- Reading ---------------------------------------------------------------------------------------------

static void read_bytes(struct ew_json *o, const char *key, void *dst, size_t len)
{
    char text[128] = "";
    ew_json_text(o, key, EW_REQUIRED, 1, sizeof(text), text);
    if (o->err == EW_OK && secret_from_base64(text, dst, len) != EW_OK)
        ew_json_fail(o, key, "secret.bytes", "must be %zu bytes in base64", len);
    secret_wipe(text, sizeof(text));
}

static void read_int(struct ew_json *o, const char *key, int max, int *ret)
{
    int64_t value = *ret;
    ew_json_int(o, key, EW_REQUIRED, 0, max, &value);
    *ret = (int)value;
}

static enum ew_err read_user(const cJSON *node, const char *path, struct accounts *accounts,
                             struct ew_reason *reason)
{
    struct account_user user = {.id = 0};
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    read_int(&o, "id", INT_MAX, &user.id);
    ew_json_text(&o, "name", EW_REQUIRED, 1, sizeof(user.name), user.name);
    ew_json_bool(&o, "disabled", EW_REQUIRED, &user.disabled);
    ew_json_bool(&o, "display", EW_OPTIONAL, &user.display);
    ew_json_bool(&o, "must_change", EW_REQUIRED, &user.must_change);
    ew_json_bool(&o, "locked", EW_REQUIRED, &user.locked);
    read_int(&o, "wrong", INT_MAX, &user.wrong);
    read_bytes(&o, "pin", user.pin_hash, sizeof(user.pin_hash));
    read_bytes(&o, "salt", user.puk_salt, sizeof(user.puk_salt));
    read_bytes(&o, "puk", user.puk_hash, sizeof(user.puk_hash));
    const cJSON *pages = ew_json_array(&o, "pages", EW_REQUIRED, ACCESS_PAGE_COUNT);
    if (pages)
        o.err = access_pages_read(pages, path, &user.pages, reason);
    accounts->users[accounts->user_count++] = user;
    return ew_json_close(&o);
}

static enum ew_err read_session(const cJSON *node, const char *path, struct accounts *accounts,
                                struct ew_reason *reason)
{
    struct account_session session = {.user = 0};
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    ew_json_text(&o, "id", EW_REQUIRED, ACCOUNTS_SESSION_MAX - 1, sizeof(session.id), session.id);
    read_bytes(&o, "token", session.token_hash, sizeof(session.token_hash));
    read_int(&o, "user", INT_MAX, &session.user);
    if (ew_json_has(&o, "browser"))
        read_int(&o, "browser", INT_MAX, &session.browser);
    ew_json_bool(&o, "open", EW_REQUIRED, &session.open);
    ew_json_int(&o, "created_ms", EW_REQUIRED, INT64_MIN, INT64_MAX, &session.created_ms);
    ew_json_int(&o, "seen_up_ms", EW_REQUIRED, INT64_MIN, INT64_MAX, &session.seen_up_ms);
    enum ew_err err = ew_json_close(&o);
    if (err == EW_OK && strncmp(session.id, "s-", 2) != 0)
        err = ew_fail(reason, EW_E_INVALID, "secret.session", path, "is not a session");
    accounts->sessions[accounts->session_count++] = session;
    return err;
}

static enum ew_err read_browser(const cJSON *node, const char *path, struct accounts *accounts,
                                struct ew_reason *reason)
{
    struct account_browser browser = {.user = 0};
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    read_int(&o, "id", INT_MAX, &browser.id);
    read_bytes(&o, "token", browser.token_hash, sizeof(browser.token_hash));
    read_int(&o, "user", INT_MAX, &browser.user);
    read_int(&o, "misses", INT_MAX, &browser.misses);
    ew_json_int(&o, "known_ms", EW_REQUIRED, INT64_MIN, INT64_MAX, &browser.known_ms);
    ew_json_int(&o, "seen_ms", EW_REQUIRED, INT64_MIN, INT64_MAX, &browser.seen_ms);
    ew_json_text(&o, "address", EW_REQUIRED, 0, sizeof(browser.address), browser.address);
    ew_json_text(&o, "agent", EW_REQUIRED, 0, sizeof(browser.agent), browser.agent);
    accounts->browsers[accounts->browser_count++] = browser;
    return ew_json_close(&o);
}

static enum ew_err read_integration(const cJSON *node, const char *path, struct accounts *accounts,
                                    struct ew_reason *reason)
{
    static const char *const roles[] = {"read", "command", NULL};
    struct account_integration account = {.command = false};
    struct ew_json o;
    int role = 0;
    ew_json_open(&o, node, path, reason);
    ew_json_text(&o, "name", EW_REQUIRED, 1, sizeof(account.name), account.name);
    ew_json_enum(&o, "role", EW_REQUIRED, roles, &role);
    read_bytes(&o, "salt", account.hash.salt, sizeof(account.hash.salt));
    read_bytes(&o, "hash", account.hash.hash, sizeof(account.hash.hash));
    read_int(&o, "iterations", 1000000, &account.hash.iterations);
    ew_json_int(&o, "created_ms", EW_REQUIRED, INT64_MIN, INT64_MAX, &account.created_ms);
    account.command = role == 1;
    accounts->integrations[accounts->integration_count++] = account;
    return ew_json_close(&o);
}

static void read_ftp(struct ew_json *parent, struct account_ftp *ret)
{
    struct ew_json o;
    char path[EW_PATH_MAX];
    const cJSON *node = ew_json_object(parent, "ftp", EW_REQUIRED);
    if (!node)
        return;
    ew_json_path(parent, "ftp", -1, path);
    ew_json_open(&o, node, path, parent->reason);
    ew_json_bool(&o, "on", EW_REQUIRED, &ret->on);
    ew_json_bool(&o, "plain", EW_REQUIRED, &ret->plain);
    ew_json_text(&o, "hash", EW_REQUIRED, 0, sizeof(ret->hash), ret->hash);
    if (o.err == EW_OK && ret->hash[0] && !ftp_hash_formed(ret->hash))
        ew_json_fail(&o, "hash", "ftp.hash", "is no hash of a password");
    parent->err = ew_json_close(&o);
}

typedef enum ew_err read_fn(const cJSON *node, const char *path, struct accounts *accounts,
                            struct ew_reason *reason);

static void read_list(struct ew_json *o, const char *key, int max, read_fn *read, struct accounts *accounts)
{
    const cJSON *list = ew_json_array(o, key, EW_REQUIRED, max);
    int index = 0;
    for (const cJSON *child = list ? list->child : NULL; child && o->err == EW_OK; child = child->next) {
        char path[EW_PATH_MAX];
        ew_json_path(o, key, index++, path);
        o->err = read(child, path, accounts, o->reason);
    }
}

static enum ew_err read_store(const cJSON *tree, struct accounts *ret, char boot[40],
                              struct ew_reason *reason)
{
    struct ew_json o;
    int64_t version = 0;
    ew_json_open(&o, tree, "", reason);
    ew_json_text(&o, "user", EW_REQUIRED, 1, sizeof(ret->broker.user), ret->broker.user);
    ew_json_text(&o, "password", EW_REQUIRED, 1, sizeof(ret->broker.password), ret->broker.password);
    if (o.err == EW_OK && !ew_json_has(&o, "version")) {
        ret->fresh = true;
        ret->file_version = ACCOUNTS_VERSION;
        ret->next_user = 1;
        secret_random(ret->key, sizeof(ret->key));
        return ew_json_close(&o);
    }
    ew_json_int(&o, "version", EW_REQUIRED, 1, INT_MAX, &version);
    if (o.err == EW_OK && version > ACCOUNTS_VERSION)
        ew_json_fail(&o, "version", "secret.newer", "version %lld was written by a newer Edgewatt",
                     (long long)version);
    read_bytes(&o, "key", ret->key, sizeof(ret->key));
    ew_json_text(&o, "boot", EW_REQUIRED, 0, 40, boot);
    ew_json_int(&o, "next_id", EW_REQUIRED, 0, (int64_t)INT_MAX + 1, &ret->next_id);
    read_int(&o, "next_user", INT_MAX, &ret->next_user);
    read_list(&o, "users", EW_USERS_MAX, read_user, ret);
    read_list(&o, "sessions", EW_SESSIONS_MAX, read_session, ret);
    read_list(&o, "integrations", EW_ACCOUNTS_MAX, read_integration, ret);
    if (version >= 2) {
        read_int(&o, "next_browser", INT_MAX, &ret->next_browser);
        read_list(&o, "browsers", EW_BROWSERS_MAX, read_browser, ret);
    }
    if (version >= 3)
        read_ftp(&o, &ret->ftp);
    ret->file_version = (int)version;
    return ew_json_close(&o);
}

enum ew_err accounts_load(const char *data_dir, int64_t up_ms, struct accounts *ret, struct ew_reason *reason)
{
    *ret = (struct accounts){.ftp = {.on = true, .plain = true}};
    secret_start();
    if (ew_format(ret->path, sizeof(ret->path), "%s/secrets/config.json", data_dir) != EW_OK)
        return ew_fail(reason, EW_E_TOO_LARGE, "file.path", data_dir, "the path is too long");
    cJSON *tree = NULL;
    char boot[40] = "", now[40];
    enum ew_err err = secret_read_json(ret->path, STORE_MAX, &tree, reason);
    if (err == EW_OK) {
        err = read_store(tree, ret, boot, reason);
        if (err != EW_OK)
            (void)ew_fail(reason, err, "secret.damaged", ret->path, "%s: %s", reason->path, reason->text);
    }
    cJSON_Delete(tree);
    boot_id(now);
    // After a restart of the machine idle time begins anew; a use in the future can't be.
    for (int i = 0; i < ret->session_count; i++)
        if (strcmp(boot, now) != 0 || ret->sessions[i].seen_up_ms > up_ms)
            ret->sessions[i].seen_up_ms = up_ms;
    return err;
}

// ---- Writing ---------------------------------------------------------------------------------------------

static void write_bytes(struct ew_jw *w, const char *key, const void *data, size_t len)
{
    char text[128];
    secret_base64(data, len, text, sizeof(text));
    ew_jw_text(w, key, text);
    secret_wipe(text, sizeof(text));
}

static void write_user(struct ew_jw *w, const struct account_user *user)
{
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "id", user->id);
    ew_jw_text(w, "name", user->name);
    ew_jw_open_array(w, "pages");
    for (int i = 0; i < ACCESS_PAGE_COUNT; i++)
        if (user->pages & 1u << i)
            ew_jw_text(w, NULL, access_page_name(i));
    ew_jw_close_array(w);
    ew_jw_bool(w, "disabled", user->disabled);
    ew_jw_bool(w, "display", user->display);
    ew_jw_bool(w, "must_change", user->must_change);
    ew_jw_bool(w, "locked", user->locked);
    ew_jw_int(w, "wrong", user->wrong);
    write_bytes(w, "pin", user->pin_hash, sizeof(user->pin_hash));
    write_bytes(w, "salt", user->puk_salt, sizeof(user->puk_salt));
    write_bytes(w, "puk", user->puk_hash, sizeof(user->puk_hash));
    ew_jw_close_object(w);
}

static void write_session(struct ew_jw *w, const struct account_session *session)
{
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "id", session->id);
    write_bytes(w, "token", session->token_hash, sizeof(session->token_hash));
    ew_jw_int(w, "user", session->user);
    ew_jw_int(w, "browser", session->browser);
    ew_jw_bool(w, "open", session->open);
    ew_jw_int(w, "created_ms", session->created_ms);
    ew_jw_int(w, "seen_up_ms", session->seen_up_ms);
    ew_jw_close_object(w);
}

static void write_browser(struct ew_jw *w, const struct account_browser *browser)
{
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "id", browser->id);
    write_bytes(w, "token", browser->token_hash, sizeof(browser->token_hash));
    ew_jw_int(w, "user", browser->user);
    ew_jw_int(w, "misses", browser->misses);
    ew_jw_int(w, "known_ms", browser->known_ms);
    ew_jw_int(w, "seen_ms", browser->seen_ms);
    ew_jw_text(w, "address", browser->address);
    ew_jw_text(w, "agent", browser->agent);
    ew_jw_close_object(w);
}

static void write_integration(struct ew_jw *w, const struct account_integration *account)
{
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "name", account->name);
    ew_jw_text(w, "role", account->command ? "command" : "read");
    write_bytes(w, "salt", account->hash.salt, sizeof(account->hash.salt));
    write_bytes(w, "hash", account->hash.hash, sizeof(account->hash.hash));
    ew_jw_int(w, "iterations", account->hash.iterations);
    ew_jw_int(w, "created_ms", account->created_ms);
    ew_jw_close_object(w);
}

static enum ew_err copy_old(const struct accounts *accounts, struct ew_reason *reason)
{
    struct ew_buf text;
    char copy[PATH_MAX];
    if (accounts->file_version >= ACCOUNTS_VERSION)
        return EW_OK;
    if (ew_format(copy, sizeof(copy), "%s.v%d", accounts->path, accounts->file_version) != EW_OK)
        return ew_fail(reason, EW_E_TOO_LARGE, "file.path", accounts->path, "the path is too long");
    ew_buf_init(&text, STORE_MAX);
    enum ew_err err = ew_file_read(accounts->path, STORE_MAX, &text, reason);
    if (err == EW_OK)
        err = ew_file_write(copy, text.data, text.len, 0600, reason);
    if (text.data)
        secret_wipe(text.data, text.cap);
    ew_buf_done(&text);
    return err;
}

static void write_store(const struct accounts *accounts, struct ew_buf *text)
{
    struct ew_jw w;
    char boot[40];
    boot_id(boot);
    ew_jw_init(&w, text);
    ew_jw_open_object(&w, NULL);
    ew_jw_text(&w, "user", accounts->broker.user);
    ew_jw_text(&w, "password", accounts->broker.password);
    ew_jw_int(&w, "version", ACCOUNTS_VERSION);
    write_bytes(&w, "key", accounts->key, sizeof(accounts->key));
    ew_jw_text(&w, "boot", boot);
    ew_jw_int(&w, "next_id", accounts->next_id);
    ew_jw_int(&w, "next_user", accounts->next_user);
    ew_jw_open_array(&w, "users");
    for (int i = 0; i < accounts->user_count; i++)
        write_user(&w, &accounts->users[i]);
    ew_jw_close_array(&w);
    ew_jw_open_array(&w, "sessions");
    for (int i = 0; i < accounts->session_count; i++)
        write_session(&w, &accounts->sessions[i]);
    ew_jw_close_array(&w);
    ew_jw_open_array(&w, "integrations");
    for (int i = 0; i < accounts->integration_count; i++)
        write_integration(&w, &accounts->integrations[i]);
    ew_jw_close_array(&w);
    ew_jw_int(&w, "next_browser", accounts->next_browser);
    ew_jw_open_array(&w, "browsers");
    for (int i = 0; i < accounts->browser_count; i++)
        write_browser(&w, &accounts->browsers[i]);
    ew_jw_close_array(&w);
    ew_jw_open_object(&w, "ftp");
    ew_jw_bool(&w, "on", accounts->ftp.on);
    ew_jw_bool(&w, "plain", accounts->ftp.plain);
    ew_jw_text(&w, "hash", accounts->ftp.hash);
    ew_jw_close_object(&w);
    ew_jw_close_object(&w);
    ew_buf_add_text(text, "\n");
}

enum ew_err accounts_save(struct accounts *accounts, struct ew_reason *reason)
{
    struct ew_buf text;
    enum ew_err err = copy_old(accounts, reason);
    if (err != EW_OK)
        return err;
    ew_buf_init(&text, STORE_MAX);
    write_store(accounts, &text);
    assert(!text.full);
    err = ew_file_write(accounts->path, text.data, text.len, 0600, reason);
    secret_wipe(text.data, text.cap);
    ew_buf_done(&text);
    if (err == EW_OK)
        accounts->file_version = ACCOUNTS_VERSION;
    return err;
}

void accounts_wipe(struct accounts *accounts)
{
    secret_wipe(accounts, sizeof(*accounts));
}
