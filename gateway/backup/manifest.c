#include "backup/backup_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

void backup_manifest_write(const struct backup_manifest *m, struct ew_buf *out)
{
    struct ew_jw w;
    ew_jw_init(&w, out);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "format", BACKUP_FORMAT);
    ew_jw_text(&w, "version", m->version);
    ew_jw_text(&w, "made", m->made);
    ew_jw_text(&w, "site_id", m->site_id);
    ew_jw_text(&w, "site_name", m->site_name);
    ew_jw_int(&w, "buses", m->buses);
    ew_jw_int(&w, "devices", m->devices);
    ew_jw_int(&w, "users", m->users);
    ew_jw_bool(&w, "history", m->history);
    ew_jw_bool(&w, "secrets", m->secrets);
    ew_jw_open_array(&w, "files");
    for (int i = 0; i < m->count; i++) {
        ew_jw_open_object(&w, NULL);
        ew_jw_text(&w, "name", m->files[i].name);
        ew_jw_int(&w, "size", m->files[i].size);
        ew_jw_text(&w, "sha256", m->files[i].sha256);
        ew_jw_close_object(&w);
    }
    ew_jw_close_array(&w);
    ew_jw_close_object(&w);
    ew_buf_add_text(out, "\n");
}

// What an archive may put below a data folder, and how large it may be.
static int64_t allowed_size(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (strcmp(name, "site.json") == 0)
        return EW_SITE_FILE_MAX;
    if (strcmp(name, "history.db") == 0)
        return INT64_MAX;
    if (strcmp(name, BACKUP_MEMORY) == 0)
        return BACKUP_MEMORY_MAX;
    const char *file = strncmp(name, "profiles/", 9) == 0 ? name + 9 : "";
    size_t len = strlen(file);
    bool right =
        len > 5 && file[0] != '.' && file[strspn(file, letters)] == 0 && strcmp(file + len - 5, ".json") == 0;
    return right ? EW_PROFILE_FILE_MAX : -1;
}

static void read_file(struct ew_json *parent, const cJSON *node, struct backup_manifest *ret)
{
    struct backup_file *file = &ret->files[ret->count];
    struct ew_json o;
    ew_json_open(&o, node, "/files", parent->reason);
    ew_json_text(&o, "name", EW_REQUIRED, 1, sizeof(file->name), file->name);
    ew_json_int(&o, "size", EW_REQUIRED, 0, INT64_C(1) << 50, &file->size);
    ew_json_text(&o, "sha256", EW_REQUIRED, 2 * BACKUP_HASH_SIZE, sizeof(file->sha256), file->sha256);
    if (o.err == EW_OK && file->size > allowed_size(file->name))
        ew_json_fail(&o, "name", "backup.file", "\"%s\" has no place in a backup, or is too large",
                     file->name);
    for (int i = 0; i < ret->count && o.err == EW_OK; i++)
        if (strcmp(ret->files[i].name, file->name) == 0)
            ew_json_fail(&o, "name", "json.twice", "\"%s\" stands twice", file->name);
    parent->err = ew_json_close(&o);
    ret->count++;
}

enum ew_err backup_manifest_read(const struct ew_buf *text, struct backup_manifest *ret,
                                 struct ew_reason *reason)
{
    cJSON *tree = NULL;
    *ret = (struct backup_manifest){0};
    enum ew_err err = ew_json_parse(text->data, text->len, BACKUP_MANIFEST_MAX, &tree, reason);
    if (err != EW_OK)
        return err;
    struct ew_json o;
    int64_t format = 0;
    ew_json_open(&o, tree, "", reason);
    ew_json_int(&o, "format", EW_REQUIRED, 1, 1000000, &format);
    if (o.err == EW_OK && format > BACKUP_FORMAT)
        ew_json_fail(&o, "format", "backup.newer", "the backup was made by a newer version");
    ew_json_text(&o, "version", EW_REQUIRED, 1, sizeof(ret->version), ret->version);
    ew_json_text(&o, "made", EW_REQUIRED, 1, sizeof(ret->made), ret->made);
    ew_json_text(&o, "site_id", EW_REQUIRED, 1, sizeof(ret->site_id), ret->site_id);
    ew_json_text(&o, "site_name", EW_REQUIRED, 0, sizeof(ret->site_name), ret->site_name);
    ew_json_int(&o, "buses", EW_REQUIRED, 0, INT32_MAX, &ret->buses);
    ew_json_int(&o, "devices", EW_REQUIRED, 0, INT32_MAX, &ret->devices);
    ew_json_int(&o, "users", EW_REQUIRED, -1, INT32_MAX, &ret->users);
    ew_json_bool(&o, "history", EW_REQUIRED, &ret->history);
    ew_json_bool(&o, "secrets", EW_REQUIRED, &ret->secrets);
    const cJSON *files = ew_json_array(&o, "files", EW_REQUIRED, BACKUP_FILES_MAX), *node;
    for (node = files ? files->child : NULL; node && o.err == EW_OK; node = node->next)
        read_file(&o, node, ret);
    err = ew_json_close(&o);
    cJSON_Delete(tree);
    return err;
}

static void to_hex(const unsigned char hash[BACKUP_HASH_SIZE], char ret_hex[2 * BACKUP_HASH_SIZE + 1])
{
    sodium_bin2hex(ret_hex, 2 * BACKUP_HASH_SIZE + 1, hash, BACKUP_HASH_SIZE);
}

void backup_sum(const struct ew_buf *text, char ret_hex[2 * BACKUP_HASH_SIZE + 1])
{
    unsigned char hash[BACKUP_HASH_SIZE];
    crypto_hash_sha256(hash, (const unsigned char *)ew_buf_text(text), text->len);
    to_hex(hash, ret_hex);
}

enum ew_err backup_measure(const char *path, struct backup_file *ret, struct ew_reason *reason)
{
    unsigned char block[16384], hash[BACKUP_HASH_SIZE];
    crypto_hash_sha256_state state;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = fd < 0 ? -1 : 0;
    ret->size = 0;
    crypto_hash_sha256_init(&state);
    while (fd >= 0 && (got = read(fd, block, sizeof(block))) > 0) {
        crypto_hash_sha256_update(&state, block, (unsigned long long)got);
        ret->size += got;
    }
    int problem = errno;
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return ew_fail(reason, EW_E_IO, "file.io", path, "can't be read: %s", strerror(problem));
    crypto_hash_sha256_final(&state, hash);
    to_hex(hash, ret->sha256);
    return EW_OK;
}

int64_t backup_list_size(const cJSON *tree, const char *list)
{
    return cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(tree, list));
}
