#include "web/asset.h"

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 1000, MANIFEST_VERSION = 1 };

void web_assets_init(struct web_assets *assets, const char *folder)
{
    *assets = (struct web_assets){.looked_ms = INT64_MIN / 2};
    ew_copy(assets->folder, sizeof(assets->folder), folder);
}

void web_assets_done(struct web_assets *assets)
{
    free(assets->items);
    *assets = (struct web_assets){0};
}

// "/", then parts of letters, digits, ".", "-", "_" that do not begin with a dot.
static bool path_valid(const char *path)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (*path != '/')
        return false;
    while (*path == '/') {
        size_t len = strspn(path + 1, allowed);
        if (len == 0 || path[1] == '.')
            return false;
        path += 1 + len;
    }
    return *path == 0;
}

static enum ew_err read_file(const cJSON *node, const char *place, struct web_asset *ret_asset,
                             struct ew_reason *reason)
{
    struct ew_json o;
    int64_t size = 0, gzip_size = -1;
    ew_json_open(&o, node, place, reason);
    ew_json_text(&o, "path", EW_REQUIRED, 2, sizeof(ret_asset->path), ret_asset->path);
    ew_json_text(&o, "type", EW_REQUIRED, 3, sizeof(ret_asset->type), ret_asset->type);
    ew_json_int(&o, "size", EW_REQUIRED, 0, INT64_C(1) << 30, &size);
    ew_json_int(&o, "gzip_size", EW_OPTIONAL, 0, INT64_C(1) << 30, &gzip_size);
    ew_json_bool(&o, "immutable", EW_OPTIONAL, &ret_asset->immutable);
    if (o.err == EW_OK && !path_valid(ret_asset->path))
        ew_json_fail(&o, "path", "web.manifest_path", "is not a plain path below the folder");
    // What small files save by packing is less than what the header costs.
    ret_asset->gzip = gzip_size >= 0 && gzip_size < size;
    return ew_json_close(&o);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct web_asset *)a)->path, ((const struct web_asset *)b)->path);
}

static const struct web_asset *find_exactly(const struct web_assets *assets, const char *path)
{
    struct web_asset key = {0};
    if (!assets->items || strlen(path) >= sizeof(key.path))
        return NULL;
    ew_copy(key.path, sizeof(key.path), path);
    return bsearch(&key, assets->items, (size_t)assets->count, sizeof(key), by_path);
}

static enum ew_err read_files(struct web_assets *next, const cJSON *files, struct ew_reason *reason)
{
    for (const cJSON *node = files->child; node; node = node->next) {
        char place[EW_PATH_MAX];
        (void)ew_format(place, sizeof(place), "/files/%d", next->count);
        enum ew_err err = read_file(node, place, &next->items[next->count], reason);
        if (err != EW_OK)
            return err;
        next->count++;
    }
    qsort(next->items, (size_t)next->count, sizeof(*next->items), by_path);
    return EW_OK;
}

static enum ew_err read_manifest(struct web_assets *next, const cJSON *tree, struct ew_reason *reason)
{
    struct ew_json o;
    int64_t version = 0;
    char index[sizeof(next->items->path)] = "";
    ew_json_open(&o, tree, "", reason);
    ew_json_int(&o, "version", EW_REQUIRED, MANIFEST_VERSION, MANIFEST_VERSION, &version);
    ew_json_text(&o, "index", EW_REQUIRED, 2, sizeof(index), index);
    const cJSON *files = ew_json_array(&o, "files", EW_REQUIRED, EW_WEB_FILES_MAX);
    enum ew_err err = ew_json_close(&o);
    if (err != EW_OK)
        return err;
    next->items = calloc((size_t)cJSON_GetArraySize(files) + 1, sizeof(*next->items));
    if (!next->items)
        abort();
    err = read_files(next, files, reason);
    if (err != EW_OK)
        return err;
    next->index = find_exactly(next, index);
    if (!next->index)
        return ew_fail(reason, EW_E_INVALID, "web.manifest_index", "/index", "is not among the files");
    return EW_OK;
}

// Tells builds apart (the manifest names every file by its hash); nobody gains by a collision.
static uint64_t fnv1a(const char *data, size_t len)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static enum ew_err load(struct web_assets *assets, const char *manifest, struct ew_reason *reason)
{
    struct ew_buf text;
    ew_buf_init(&text, EW_WEB_MANIFEST_MAX);
    struct web_assets next = {0};
    cJSON *tree = NULL;
    enum ew_err err = ew_file_read(manifest, EW_WEB_MANIFEST_MAX, &text, reason);
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(&text), text.len, EW_WEB_MANIFEST_MAX, &tree, reason);
    if (err == EW_OK)
        err = read_manifest(&next, tree, reason);
    uint64_t tag = fnv1a(ew_buf_text(&text), text.len);
    cJSON_Delete(tree);
    ew_buf_done(&text);
    if (err != EW_OK) {
        free(next.items);
        return err;
    }
    free(assets->items);
    assets->items = next.items;
    assets->count = next.count;
    assets->index = next.index;
    (void)ew_format(assets->tag, sizeof(assets->tag), "\"%016llx\"", (unsigned long long)tag);
    return EW_OK;
}

enum ew_err web_assets_refresh(struct web_assets *assets, int64_t now_ms, struct ew_reason *reason)
{
    if (now_ms - assets->looked_ms < LOOK_EVERY_MS)
        return EW_OK;
    assets->looked_ms = now_ms;
    char manifest[PATH_MAX];
    struct stat st;
    if (ew_format(manifest, sizeof(manifest), "%s/manifest.json", assets->folder) != EW_OK ||
        stat(manifest, &st) != 0)
        return ew_fail(reason, EW_E_UNKNOWN, "web.not_built", assets->folder,
                       "the page was not built: there is no manifest.json");
    int64_t stamp_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (stamp_ns == assets->stamp_ns)
        return EW_OK;
    assets->stamp_ns = stamp_ns;
    return load(assets, manifest, reason);
}

static bool place_inside_page(const char *path)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (strncmp(path, "/api", 4) == 0 || strncmp(path, "/assets", 7) == 0 || strcmp(path, "/mqtt") == 0)
        return false;
    size_t len = 1;
    while (*path == '/' && len) {
        len = strspn(path + 1, letters);
        path += 1 + len;
    }
    return *path == 0 && len;
}

const struct web_asset *web_assets_find(const struct web_assets *assets, const char *path, bool html)
{
    if (strcmp(path, "/") == 0)
        return assets->index;
    const struct web_asset *asset = find_exactly(assets, path);
    return asset || !html || path[0] != '/' || !place_inside_page(path) ? asset : assets->index;
}

int web_asset_open(const struct web_assets *assets, const struct web_asset *asset, bool gzip, off_t *ret_size)
{
    char file[PATH_MAX];
    if (ew_format(file, sizeof(file), "%s%s%s", assets->folder, asset->path, gzip ? ".gz" : "") != EW_OK)
        return -1;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -1;
    }
    *ret_size = st.st_size;
    return fd;
}
