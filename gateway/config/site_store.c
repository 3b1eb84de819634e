#include "config/site_store.h"

#include "base/file.h"
#include "base/log.h"
#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void path_of(const struct site_store *store, const char *file, char dst[PATH_MAX])
{
    if (ew_format(dst, PATH_MAX, "%s/%s", store->dir, file) != EW_OK)
        abort();
}

static void version_path(const struct site_store *store, int64_t rev, char dst[PATH_MAX])
{
    char file[40];
    (void)ew_format(file, sizeof(file), "site.d/%010lld.json", (long long)rev);
    path_of(store, file, dst);
}

// ---- Versions --------------------------------------------------------------------------------------------

static int compare_revs(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int site_store_versions(const struct site_store *store, int64_t *ret_revs, int max)
{
    char folder[PATH_MAX];
    path_of(store, "site.d", folder);
    DIR *dir = opendir(folder);
    if (!dir)
        return 0;
    int count = 0;
    const struct dirent *entry;
    while (count < max && (entry = readdir(dir))) {
        char *end = NULL;
        long long rev = strtoll(entry->d_name, &end, 10);
        if (end != entry->d_name && strcmp(end, ".json") == 0 && rev > 0)
            ret_revs[count++] = rev;
    }
    closedir(dir);
    qsort(ret_revs, (size_t)count, sizeof(*ret_revs), compare_revs);
    return count;
}

enum ew_err site_store_version(const struct site_store *store, int64_t rev, cJSON **ret_tree,
                               struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct ew_buf text;
    version_path(store, rev, path);
    ew_buf_init(&text, EW_SITE_FILE_MAX);
    enum ew_err err = ew_file_read(path, EW_SITE_FILE_MAX, &text, reason);
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(&text), text.len, EW_SITE_FILE_MAX, ret_tree, reason);
    ew_buf_done(&text);
    return err;
}

enum { VERSIONS_SEEN_MAX = 1000 };

static void prune(const struct site_store *store)
{
    int64_t revs[VERSIONS_SEEN_MAX];
    int count = site_store_versions(store, revs, VERSIONS_SEEN_MAX);
    for (int i = 0; i < count - SITE_STORE_VERSIONS; i++) {
        char path[PATH_MAX];
        version_path(store, revs[i], path);
        unlink(path);
    }
}

// The id is part of every topic: all who talk were started with it.
static enum ew_err check_id(const struct site_store *store, const cJSON *tree, struct ew_reason *reason)
{
    struct site_settings settings;
    enum ew_err err =
        site_settings_read(cJSON_GetObjectItemCaseSensitive(tree, "site"), "/site", &settings, reason);
    if (err == EW_OK && store->site_id[0] && strcmp(settings.id, store->site_id) != 0)
        err = ew_fail(reason, EW_E_DENIED, "site.id_kept", "/site/id",
                      "is part of every topic; start the gateway anew for this change");
    return err;
}

// The newest version that still passes the check.
static cJSON *newest_version(const struct site_store *store, int64_t *ret_rev)
{
    int64_t revs[VERSIONS_SEEN_MAX];
    for (int i = site_store_versions(store, revs, VERSIONS_SEEN_MAX) - 1; i >= 0; i--) {
        cJSON *tree = NULL;
        if (site_store_version(store, revs[i], &tree, NULL) == EW_OK &&
            site_check_tree(tree, &store->check, NULL) == EW_OK && check_id(store, tree, NULL) == EW_OK) {
            *ret_rev = revs[i];
            return tree;
        }
        cJSON_Delete(tree);
    }
    return NULL;
}

// ---- What runs -------------------------------------------------------------------------------------------

static void set_number(cJSON *tree, const char *key, int64_t value)
{
    cJSON *node = cJSON_GetObjectItemCaseSensitive(tree, key);
    if (node)
        cJSON_SetNumberValue(node, (double)value);
    else
        cJSON_AddNumberToObject(tree, key, (double)value);
}

// Ids that any kept version had are never given again.
static int64_t next_id_in_versions(const struct site_store *store)
{
    int64_t revs[VERSIONS_SEEN_MAX], next = 1;
    int count = site_store_versions(store, revs, VERSIONS_SEEN_MAX);
    for (int i = 0; i < count; i++) {
        cJSON *tree = NULL;
        if (site_store_version(store, revs[i], &tree, NULL) == EW_OK && site_next_id(tree) > next)
            next = site_next_id(tree);
        cJSON_Delete(tree);
    }
    return next;
}

static void raise_next_id(cJSON *tree, int64_t floor)
{
    int64_t next = site_next_id(tree);
    set_number(tree, "next_id", next > floor ? next : floor);
}

void site_store_raise_next_id(struct site_store *store, int64_t next_id)
{
    raise_next_id(store->tree, next_id);
}

static void become(struct site_store *store, cJSON *tree, int64_t rev)
{
    int64_t floor = store->tree ? site_next_id(store->tree) : 1;
    cJSON_Delete(store->tree);
    store->tree = tree;
    store->rev = rev;
    set_number(tree, "rev", rev);
    raise_next_id(tree, floor);
}

static enum ew_err write_version(const struct site_store *store, struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct ew_buf text;
    path_of(store, "site.d", path);
    enum ew_err err = ew_dir_make(path, 0700, reason);
    if (err != EW_OK)
        return err;
    version_path(store, store->rev, path);
    ew_buf_init(&text, EW_SITE_FILE_MAX);
    site_print(store->tree, &text);
    err = ew_file_write(path, text.data, text.len, 0600, reason);
    ew_buf_done(&text);
    if (err == EW_OK)
        prune(store);
    return err;
}

// A version that can't be kept is a loss of undo, not of the site.
static void keep_version(const struct site_store *store)
{
    struct ew_reason reason;
    if (write_version(store, &reason) != EW_OK)
        ew_warning("site", "%s: %s, going on without this version", reason.path, reason.text);
}

static void adopt(struct site_store *store, cJSON *tree)
{
    int64_t revs[VERSIONS_SEEN_MAX];
    int count = site_store_versions(store, revs, VERSIONS_SEEN_MAX);
    int64_t newest = count ? revs[count - 1] : 0;
    cJSON *last = NULL;
    bool same = newest && site_store_version(store, newest, &last, NULL) == EW_OK && site_same(last, tree);
    cJSON_Delete(last);
    const cJSON *own = cJSON_GetObjectItemCaseSensitive(tree, "rev");
    int64_t rev = cJSON_IsNumber(own) ? (int64_t)own->valuedouble : 0;
    if (same || rev <= newest)
        rev = same ? newest : newest + 1;
    if (rev < 1)
        rev = 1;
    become(store, tree, rev);
    if (!same)
        keep_version(store);
}

void site_store_adopt(struct site_store *store, cJSON *tree)
{
    store->foreign = false;
    store->undone_to = 0;
    adopt(store, tree);
}

// ---- The file --------------------------------------------------------------------------------------------

static enum ew_err read_file(const struct site_store *store, struct ew_buf *text, unsigned char hash[32],
                             struct ew_reason *reason)
{
    char path[PATH_MAX];
    path_of(store, "site.json", path);
    enum ew_err err = ew_file_read(path, EW_SITE_FILE_MAX, text, reason);
    memset(hash, 0, 32);
    if (err == EW_OK)
        crypto_generichash(hash, 32, (const unsigned char *)ew_buf_text(text), text->len, NULL, 0);
    return err;
}

bool site_store_touched(const struct site_store *store)
{
    struct ew_buf text;
    unsigned char hash[32];
    ew_buf_init(&text, EW_SITE_FILE_MAX);
    enum ew_err err = read_file(store, &text, hash, NULL);
    ew_buf_done(&text);
    return err != EW_OK || memcmp(hash, store->seen, sizeof(hash)) != 0;
}

static enum ew_err write_file(struct site_store *store, const cJSON *tree, struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct ew_buf text;
    struct stat st;
    path_of(store, "site.json", path);
    // A hand-edited file keeps the rights its owner gave it; a new one is for our eyes.
    mode_t mode = stat(path, &st) == 0 ? st.st_mode & 0777 : 0600;
    ew_buf_init(&text, EW_SITE_FILE_MAX);
    site_print(tree, &text);
    enum ew_err err = EW_OK;
    if (text.full)
        err = ew_fail(reason, EW_E_TOO_LARGE, "site.too_large", path,
                      "the site file would be larger than %d bytes", EW_SITE_FILE_MAX);
    if (err == EW_OK)
        err = ew_file_write(path, text.data, text.len, mode, reason);
    if (err == EW_OK)
        crypto_generichash(store->seen, 32, (const unsigned char *)text.data, text.len, NULL, 0);
    ew_buf_done(&text);
    return err;
}

enum ew_err site_store_write(struct site_store *store, cJSON *tree, struct ew_reason *reason)
{
    if (store->foreign)
        return ew_fail(
            reason, EW_E_STALE, "site.file_wrong", store->foreign_reason.path,
            "site.json was changed by hand and can't be used (%s); nothing is saved until it is right",
            store->foreign_reason.text);
    if (site_store_touched(store))
        return ew_fail(reason, EW_E_STALE, "site.file_changed", "",
                       "site.json was changed by hand meanwhile; reload it first (SIGHUP)");
    set_number(tree, "rev", store->rev + 1);
    raise_next_id(tree, site_next_id(store->tree));
    enum ew_err err = write_file(store, tree, reason);
    if (err != EW_OK)
        return err;
    become(store, tree, store->rev + 1);
    store->undone_to = 0;
    keep_version(store);
    return EW_OK;
}

enum ew_err site_store_reread(struct site_store *store, cJSON **ret_tree, struct ew_reason *reason)
{
    struct ew_buf text;
    unsigned char hash[32];
    *ret_tree = NULL;
    ew_buf_init(&text, EW_SITE_FILE_MAX);
    enum ew_err err = read_file(store, &text, hash, reason);
    if (err == EW_OK && !store->foreign && memcmp(hash, store->seen, sizeof(hash)) == 0) {
        ew_buf_done(&text);
        return EW_OK;
    }
    cJSON *tree = NULL;
    if (err == EW_OK)
        err = site_parse(ew_buf_text(&text), text.len, &store->check, &tree, reason);
    ew_buf_done(&text);
    if (err == EW_OK)
        err = check_id(store, tree, reason);
    if (err != EW_OK) {
        cJSON_Delete(tree);
        store->foreign = true;
        if (reason)
            store->foreign_reason = *reason;
        return err;
    }
    memcpy(store->seen, hash, sizeof(hash));
    *ret_tree = tree;
    return EW_OK;
}

// ---- First start -----------------------------------------------------------------------------------------

// BUS-02 and ORG-02: what is there from the start.
static cJSON *new_site(void)
{
    static const char text[] =
        "{\"version\":1,\"rev\":1,\"next_id\":8,"
        "\"site\":{\"id\":\"site\",\"name\":\"Edgewatt\",\"tz\":\"Europe/Paris\",\"language\":\"fr\","
        "\"nominal_voltage\":230,\"currency\":\"EUR\"},"
        "\"buses\":[{\"id\":1,\"name\":\"Local\",\"type\":\"rtu\",\"address\":\"/dev/edgewatt-rs485\","
        "\"local\":true,\"on\":true,\"serial\":{\"speed\":19200,\"parity\":\"even\",\"stop_bits\":1,"
        "\"timeout_ms\":300}}],"
        "\"devices\":[],"
        "\"circuits\":[{\"id\":2,\"use\":\"heating\"},{\"id\":3,\"use\":\"cooling\"},{\"id\":4,\"use\":\"hot_"
        "water\"},"
        "{\"id\":5,\"use\":\"ventilation\"},{\"id\":6,\"use\":\"lighting\"},{\"id\":7,\"use\":\"sockets\"}]}";
    cJSON *tree = cJSON_Parse(text);
    if (!tree)
        abort();
    return tree;
}

static enum ew_err first_file(struct site_store *store, cJSON **ret_tree, struct ew_reason *reason)
{
    int64_t rev = 0;
    cJSON *tree = newest_version(store, &rev);
    if (tree)
        ew_warning("site", "there is no site.json, going on with version %lld of site.d", (long long)rev);
    else
        tree = new_site();
    enum ew_err err = write_file(store, tree, reason);
    if (err != EW_OK) {
        cJSON_Delete(tree);
        tree = NULL;
    }
    *ret_tree = tree;
    return err;
}

// The tree of a file that can be used, or of a new one; NULL and EW_OK: the newest version runs.
static enum ew_err open_tree(struct site_store *store, const char *data_dir, const char *site_id,
                             const struct site_check *check, cJSON **ret_tree, struct ew_reason *reason)
{
    *store = (struct site_store){.check = *check};
    ew_copy(store->site_id, sizeof(store->site_id), site_id);
    ew_copy(store->dir, sizeof(store->dir), data_dir);
    enum ew_err err = site_store_reread(store, ret_tree, reason);
    if (err == EW_OK)
        return EW_OK;
    if (err == EW_E_UNKNOWN) {
        store->foreign = false;
        return first_file(store, ret_tree, reason);
    }
    int64_t rev = 0;
    cJSON *tree = newest_version(store, &rev);
    if (!tree)
        return err;
    become(store, tree, rev);
    return EW_OK;
}

enum ew_err site_store_open(struct site_store *store, const char *data_dir, const char *site_id,
                            const struct site_check *check, int64_t next_id_floor, struct ew_reason *reason)
{
    cJSON *tree = NULL;
    enum ew_err err = open_tree(store, data_dir, site_id, check, &tree, reason);
    if (err != EW_OK)
        return err;
    if (tree)
        adopt(store, tree);
    int64_t floor = next_id_in_versions(store);
    raise_next_id(store->tree, floor > next_id_floor ? floor : next_id_floor);
    return EW_OK;
}

enum ew_err site_store_peek(struct site_store *store, const char *data_dir, const char *site_id,
                            const struct site_check *check, struct ew_reason *reason)
{
    cJSON *tree = NULL;
    enum ew_err err = open_tree(store, data_dir, site_id, check, &tree, reason);
    if (err == EW_OK && tree)
        become(store, tree, 1);
    return err;
}

void site_store_done(struct site_store *store)
{
    cJSON_Delete(store->tree);
    store->tree = NULL;
}
