#include "backup/backup_priv.h"

#include "base/file.h"
#include "service/paths.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Argon2id with 64 MiB and three passes takes about half a second on a small box. What an archive asks for is
// bounded, so that a hostile one can't exhaust the machine.
enum {
    OPERATIONS = 3,
    MEMORY_KIB = 64 << 10,
    OPERATIONS_MAX = 10,
    MEMORY_KIB_MAX = 256 << 10,
    MAGIC_SIZE = 6
};
enum {
    KEY_SIZE = 32,
    SALT_SIZE = 16,
    NONCE_SIZE = 24,
    TAG_SIZE = 16,
    HEAD_SIZE = MAGIC_SIZE + 8 + SALT_SIZE + NONCE_SIZE
};
static const char magic[MAGIC_SIZE + 1] = "EWSEC1";

static void put_u32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t get_u32(const unsigned char *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static enum ew_err wrong(struct ew_reason *reason)
{
    return ew_fail(reason, EW_E_DENIED, "backup.passphrase", "secrets.bin",
                   "the passphrase is wrong, or the backup was changed");
}

static enum ew_err make_key(const char *passphrase, const unsigned char *head,
                            unsigned char ret_key[KEY_SIZE], struct ew_reason *reason)
{
    uint32_t operations = get_u32(head + MAGIC_SIZE), memory_kib = get_u32(head + MAGIC_SIZE + 4);
    if (operations < 1 || operations > OPERATIONS_MAX || memory_kib < 8 || memory_kib > MEMORY_KIB_MAX)
        return wrong(reason);
    if (crypto_pwhash(ret_key, KEY_SIZE, passphrase, strlen(passphrase), head + MAGIC_SIZE + 8, operations,
                      (size_t)memory_kib << 10, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return ew_fail(reason, EW_E_FULL, "backup.memory", "",
                       "there is not enough memory to use the passphrase");
    return EW_OK;
}

static void add_associated(const unsigned char *head, const struct ew_buf *manifest, struct ew_buf *out)
{
    ew_buf_init(out, HEAD_SIZE + BACKUP_MANIFEST_MAX);
    ew_buf_add(out, head, HEAD_SIZE);
    ew_buf_add(out, ew_buf_text(manifest), manifest->len);
}

enum ew_err backup_seal(const char *passphrase, const struct ew_buf *manifest, const struct ew_buf *secrets,
                        struct ew_buf *ret_sealed, struct ew_reason *reason)
{
    unsigned char head[HEAD_SIZE], key[KEY_SIZE];
    memcpy(head, magic, MAGIC_SIZE);
    put_u32(head + MAGIC_SIZE, OPERATIONS);
    put_u32(head + MAGIC_SIZE + 4, MEMORY_KIB);
    randombytes_buf(head + MAGIC_SIZE + 8, SALT_SIZE + NONCE_SIZE);
    enum ew_err err = make_key(passphrase, head, key, reason);
    if (err != EW_OK)
        return err;
    struct ew_buf associated;
    unsigned char *box = malloc(secrets->len + TAG_SIZE);
    unsigned long long len = 0;
    if (!box)
        abort();
    add_associated(head, manifest, &associated);
    crypto_aead_xchacha20poly1305_ietf_encrypt(box, &len, (const unsigned char *)ew_buf_text(secrets),
                                               secrets->len, (const unsigned char *)associated.data,
                                               associated.len, NULL, head + HEAD_SIZE - NONCE_SIZE, key);
    sodium_memzero(key, sizeof(key));
    ew_buf_add(ret_sealed, head, HEAD_SIZE);
    ew_buf_add(ret_sealed, box, (size_t)len);
    free(box);
    ew_buf_done(&associated);
    return EW_OK;
}

enum ew_err backup_unseal(const char *passphrase, const struct ew_buf *manifest, const struct ew_buf *sealed,
                          struct ew_buf *ret_secrets, struct ew_reason *reason)
{
    const unsigned char *head = (const unsigned char *)ew_buf_text(sealed);
    unsigned char key[KEY_SIZE];
    if (sealed->len < HEAD_SIZE + TAG_SIZE || memcmp(head, magic, MAGIC_SIZE) != 0)
        return wrong(reason);
    enum ew_err err = make_key(passphrase, head, key, reason);
    if (err != EW_OK)
        return err;
    struct ew_buf associated;
    size_t size = sealed->len - HEAD_SIZE;
    unsigned char *text = malloc(size);
    unsigned long long len = 0;
    if (!text)
        abort();
    add_associated(head, manifest, &associated);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(text, &len, NULL, head + HEAD_SIZE, size,
                                                   (const unsigned char *)associated.data, associated.len,
                                                   head + HEAD_SIZE - NONCE_SIZE, key) != 0)
        err = wrong(reason);
    else
        ew_buf_add(ret_secrets, text, (size_t)len);
    sodium_memzero(key, sizeof(key));
    sodium_memzero(text, size);
    free(text);
    ew_buf_done(&associated);
    return err;
}

// ---- Files -----------------------------------------------------------------------------------------------

static enum ew_err gather_file(const char *folder, const char *name, cJSON *all, struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct ew_buf text;
    struct stat st;
    ew_path(path, folder, name);
    if (name[0] == '.' || lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return EW_OK;
    ew_buf_init(&text, BACKUP_SECRETS_MAX / 4);
    enum ew_err err = ew_file_read(path, BACKUP_SECRETS_MAX / 4, &text, reason);
    if (err == EW_OK) {
        size_t size = sodium_base64_encoded_len(text.len, sodium_base64_VARIANT_ORIGINAL);
        char *coded = malloc(size);
        if (!coded)
            abort();
        sodium_bin2base64(coded, size, (const unsigned char *)ew_buf_text(&text), text.len,
                          sodium_base64_VARIANT_ORIGINAL);
        if (!cJSON_AddStringToObject(all, name, coded))
            abort();
        sodium_memzero(coded, size);
        free(coded);
    }
    if (text.data)
        sodium_memzero(text.data, text.cap);
    ew_buf_done(&text);
    return err;
}

enum ew_err backup_secrets_gather(const char *data_dir, struct ew_buf *ret_secrets, struct ew_reason *reason)
{
    char folder[PATH_MAX];
    ew_path(folder, data_dir, "secrets");
    DIR *dir = opendir(folder);
    if (!dir)
        return ew_fail(reason, EW_E_IO, "file.io", folder, "can't be read: %s", strerror(errno));
    cJSON *all = cJSON_CreateObject();
    enum ew_err err = EW_OK;
    for (struct dirent *entry = readdir(dir); entry && err == EW_OK; entry = readdir(dir))
        err = gather_file(folder, entry->d_name, all, reason);
    closedir(dir);
    struct ew_jw w;
    ew_jw_init(&w, ret_secrets);
    ew_jw_tree(&w, NULL, all);
    cJSON_Delete(all);
    if (err == EW_OK && ret_secrets->full)
        err = ew_fail(reason, EW_E_TOO_LARGE, "backup.file", folder, "the secrets are too large");
    return err;
}

static enum ew_err spread_file(const char *folder, const cJSON *item, struct ew_reason *reason)
{
    char path[PATH_MAX];
    const char *coded = cJSON_GetStringValue(item);
    bool named = item->string && item->string[0] && item->string[0] != '.' && !strchr(item->string, '/');
    if (!coded || !named || strlen(item->string) >= BACKUP_NAME_MAX)
        return ew_fail(reason, EW_E_INVALID, "backup.file", "secrets.bin", "holds a name that can't be");
    size_t size = strlen(coded), len = 0;
    unsigned char *bytes = malloc(size + 1);
    if (!bytes)
        abort();
    ew_path(path, folder, item->string);
    enum ew_err err = EW_OK;
    if (sodium_base642bin(bytes, size + 1, coded, size, NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) !=
        0)
        err = ew_fail(reason, EW_E_INVALID, "backup.file", "secrets.bin", "holds a file that can't be read");
    else
        err = ew_file_write(path, bytes, len, 0600, reason);
    sodium_memzero(bytes, size + 1);
    free(bytes);
    return err;
}

enum ew_err backup_secrets_spread(const struct ew_buf *secrets, const char *folder, struct ew_reason *reason)
{
    char path[PATH_MAX];
    cJSON *all = NULL;
    ew_path(path, folder, "secrets");
    enum ew_err err = ew_json_parse(ew_buf_text(secrets), secrets->len, BACKUP_SECRETS_MAX, &all, reason);
    if (err == EW_OK)
        err = ew_dir_make(path, 0700, reason);
    for (const cJSON *item = all ? all->child : NULL; item && err == EW_OK; item = item->next)
        err = spread_file(path, item, reason);
    cJSON_Delete(all);
    return err;
}

int64_t backup_count_users(const char *path)
{
    struct ew_buf text;
    cJSON *tree = NULL;
    int64_t users = -1;
    ew_buf_init(&text, BACKUP_SECRETS_MAX / 4);
    if (ew_file_read(path, BACKUP_SECRETS_MAX / 4, &text, NULL) == EW_OK &&
        ew_json_parse(ew_buf_text(&text), text.len, BACKUP_SECRETS_MAX / 4, &tree, NULL) == EW_OK)
        users = backup_list_size(tree, "users");
    cJSON_Delete(tree);
    if (text.data)
        sodium_memzero(text.data, text.cap);
    ew_buf_done(&text);
    return users;
}
