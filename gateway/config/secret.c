#include "config/secret.h"

#include "base/file.h"
#include "base/log.h"
#include <assert.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { ACCOUNT_FILE_MAX = 4 << 20 }; // config's own file holds users, sessions and integration accounts too

void secret_start(void)
{
    if (sodium_init() < 0) {
        ew_error("secret", "the machine gives no random numbers");
        abort();
    }
}

void secret_random(void *dst, size_t len)
{
    randombytes_buf(dst, len);
}

void secret_base64(const void *data, size_t len, char *dst, size_t size)
{
    sodium_bin2base64(dst, size, data, len, sodium_base64_VARIANT_ORIGINAL);
}

void secret_base64url(const void *data, size_t len, char *dst, size_t size)
{
    sodium_bin2base64(dst, size, data, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

enum ew_err secret_from_base64(const char *text, void *dst, size_t len)
{
    size_t got = 0;
    if (sodium_base642bin(dst, len, text, strlen(text), NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) !=
            0 ||
        got != len)
        return EW_E_INVALID;
    return EW_OK;
}

void secret_text(char dst[SECRET_TEXT_MAX])
{
    unsigned char bytes[SECRET_BYTES];
    secret_random(bytes, sizeof(bytes));
    secret_base64url(bytes, sizeof(bytes), dst, SECRET_TEXT_MAX);
    secret_wipe(bytes, sizeof(bytes));
}

void secret_wipe(void *data, size_t len)
{
    OPENSSL_cleanse(data, len);
}

void secret_hash_make(const char *password, struct secret_hash *ret)
{
    secret_random(ret->salt, sizeof(ret->salt));
    ret->iterations = SECRET_ITERATIONS;
    if (PKCS5_PBKDF2_HMAC(password, (int)strlen(password), ret->salt, sizeof(ret->salt), ret->iterations,
                          EVP_sha512(), sizeof(ret->hash), ret->hash) != 1) {
        ew_error("secret", "PBKDF2 with SHA-512 is not available in libcrypto");
        abort();
    }
}

enum ew_err secret_read_json(const char *path, size_t max, cJSON **ret_tree, struct ew_reason *reason)
{
    struct ew_buf text;
    ew_buf_init(&text, max);
    enum ew_err err = ew_file_read(path, max, &text, reason);
    if (err == EW_OK) {
        err = ew_json_parse(ew_buf_text(&text), text.len, max, ret_tree, reason);
        if (err != EW_OK && reason)
            ew_copy(reason->path, sizeof(reason->path), path);
    }
    if (text.data)
        secret_wipe(text.data, text.cap);
    ew_buf_done(&text);
    return err;
}

static enum ew_err read_account(const char *path, struct secret_account *ret, struct ew_reason *reason)
{
    cJSON *tree = NULL;
    enum ew_err err = secret_read_json(path, ACCOUNT_FILE_MAX, &tree, reason);
    if (err != EW_OK)
        return err;
    const char *user = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "user"));
    const char *password = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "password"));
    if (user && password && strlen(user) < sizeof(ret->user) && strlen(password) < sizeof(ret->password)) {
        ew_copy(ret->user, sizeof(ret->user), user);
        ew_copy(ret->password, sizeof(ret->password), password);
    } else {
        err = ew_fail(reason, EW_E_INVALID, "secret.file", path,
                      "holds no account (\"user\" and \"password\")");
    }
    cJSON_Delete(tree);
    return err;
}

enum ew_err secret_account_ensure(const char *data_dir, const char *name, struct secret_account *ret,
                                  struct ew_reason *reason)
{
    char path[PATH_MAX];
    if (ew_format(path, sizeof(path), "%s/secrets/%s.json", data_dir, name) != EW_OK)
        return ew_fail(reason, EW_E_TOO_LARGE, "file.path", data_dir, "the path is too long");
    enum ew_err err = read_account(path, ret, reason);
    if (err != EW_E_UNKNOWN)
        return err;
    ew_copy(ret->user, sizeof(ret->user), name);
    secret_text(ret->password);
    struct ew_buf text;
    struct ew_jw w;
    ew_buf_init(&text, 512);
    ew_jw_init(&w, &text);
    ew_jw_open_object(&w, NULL);
    ew_jw_text(&w, "user", ret->user);
    ew_jw_text(&w, "password", ret->password);
    ew_jw_close_object(&w);
    ew_buf_add_text(&text, "\n");
    assert(!text.full);
    err = ew_file_write(path, text.data, text.len, 0600, reason);
    secret_wipe(text.data, text.cap);
    ew_buf_done(&text);
    return err;
}
