#include "service/place.h"

#include "base/file.h"
#include "base/json.h"
#include "service/paths.h"
#include <string.h>

enum { PLACE_FILE_MAX = 4 << 20 }; // config's own file holds users and sessions too

static void wipe(struct ew_buf *text)
{
    if (text->data)
        explicit_bzero(text->data, text->cap);
    ew_buf_done(text);
}

// Opens the object in a file; *ret_tree is the caller's to delete, also after an error.
static enum ew_err open_file(const char *path, struct ew_json *o, cJSON **ret_tree, struct ew_reason *reason)
{
    struct ew_buf text;
    *ret_tree = NULL;
    ew_buf_init(&text, PLACE_FILE_MAX);
    enum ew_err err = ew_file_read(path, PLACE_FILE_MAX, &text, reason);
    if (err == EW_OK) {
        err = ew_json_parse(ew_buf_text(&text), text.len, PLACE_FILE_MAX, ret_tree, reason);
        if (err != EW_OK)
            ew_copy(reason->path, sizeof(reason->path), path);
    }
    if (err == EW_OK)
        ew_json_open(o, *ret_tree, path, reason);
    wipe(&text);
    return err;
}

static void delete_secret(cJSON *tree)
{
    const cJSON *password = cJSON_GetObjectItemCaseSensitive(tree, "password");
    if (cJSON_IsString(password))
        explicit_bzero(password->valuestring, strlen(password->valuestring));
    cJSON_Delete(tree);
}

// Other keys in these files are other people's.
enum ew_err place_read(const char *data_dir, const char *service, struct place *ret, struct ew_reason *reason)
{
    char path[PATH_MAX], name[EW_NAME_MAX + 16];
    struct ew_json o;
    cJSON *tree = NULL;
    int64_t port = 0;
    ew_path(path, data_dir, "run/broker.json");
    enum ew_err err = open_file(path, &o, &tree, reason);
    if (err == EW_OK) {
        ew_json_text(&o, "host", EW_REQUIRED, 1, sizeof(ret->host), ret->host);
        ew_json_int(&o, "port", EW_REQUIRED, 1, 65535, &port);
        ew_json_text(&o, "base", EW_REQUIRED, 1, sizeof(ret->base), ret->base);
        ret->port = (int)port;
        err = o.err;
    }
    cJSON_Delete(tree);
    if (err != EW_OK)
        return err;
    if (ew_format(name, sizeof(name), "secrets/%s.json", service) != EW_OK)
        return ew_fail(reason, EW_E_TOO_LARGE, "service.name", service, "the name is too long");
    ew_path(path, data_dir, name);
    err = open_file(path, &o, &tree, reason);
    if (err == EW_OK) {
        ew_json_text(&o, "user", EW_REQUIRED, 1, sizeof(ret->user), ret->user);
        ew_json_text(&o, "password", EW_REQUIRED, 1, sizeof(ret->password), ret->password);
        err = o.err;
    }
    delete_secret(tree);
    return err;
}

void place_wipe(struct place *place)
{
    explicit_bzero(place, sizeof(*place));
}
