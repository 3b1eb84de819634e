// The call `profile`: the user's own profiles, kept in DATA/profiles (DEV-12). Nothing is compiled, nothing
// is restarted; what is wrong with a table is told with its row and column.
#include "base/file.h"
#include "base/log.h"
#include "config/config_priv.h"
#include "config/session_calls.h"
#include "library/table.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MAX = 1 << 20 };

// ---- What came in ----------------------------------------------------------------------------------------

static const char *text_at(struct ew_json *o, const char *key, enum ew_presence presence, size_t max)
{
    const cJSON *node = ew_json_any(o, key, presence);
    if (!node)
        return NULL;
    if (!cJSON_IsString(node) || !node->valuestring[0] || strlen(node->valuestring) > max) {
        ew_json_fail(o, key, "json.length", "must be text of 1 to %zu letters", max);
        return NULL;
    }
    return node->valuestring;
}

static enum ew_err from_table(const cJSON *node, cJSON **ret, struct table_rows *rows,
                              struct ew_reason *reason)
{
    static const char *const kinds[] = {"meter", "breaker", "station", "pulse", "io", NULL};
    struct table_head head = {.kind = PROFILE_METER};
    int kind = PROFILE_METER;
    int64_t first = 0, max = 0, gap = 0;
    struct ew_json o;
    ew_json_open(&o, node, "/table", reason);
    const char *csv = text_at(&o, "csv", EW_REQUIRED, TABLE_BYTES_MAX);
    head.id = text_at(&o, "id", EW_REQUIRED, EW_NAME_MAX - 1);
    head.family = text_at(&o, "family", EW_REQUIRED, EW_NAME_MAX - 1);
    head.model = text_at(&o, "model", EW_REQUIRED, EW_NAME_MAX - 1);
    head.document = text_at(&o, "document", EW_OPTIONAL, TABLE_LINE_MAX);
    ew_json_enum(&o, "kind", EW_OPTIONAL, kinds, &kind);
    ew_json_int(&o, "first", EW_OPTIONAL, 0, 65536, &first);
    ew_json_int(&o, "max_registers", EW_OPTIONAL, 1, 125, &max);
    ew_json_int(&o, "gap_ms", EW_OPTIONAL, 0, 10000, &gap);
    ew_json_bool(&o, "holes", EW_OPTIONAL, &head.holes);
    enum ew_err err = ew_json_close(&o);
    if (err != EW_OK)
        return err;
    head.kind = (enum profile_kind)kind;
    head.first = (int)first;
    head.max_registers = (int)max;
    head.gap_ms = (int)gap;
    return table_profile(&head, csv, strlen(csv), rows, ret, reason);
}

// The profile that is meant, checked as if it were in its place. The tree is the caller's.
static enum ew_err take_profile(struct config *config, const cJSON *profile, const cJSON *table, cJSON **ret,
                                struct ew_reason *reason)
{
    struct table_rows rows = {0};
    enum ew_err err = EW_OK;
    *ret = NULL;
    if (table)
        err = from_table(table, ret, &rows, reason);
    else if (!(*ret = cJSON_Duplicate(profile, true)))
        abort();
    if (err == EW_OK)
        err = library_check_tree(*ret, config->service->share_dir, config->service->data_dir, reason);
    if (err != EW_OK && *ret)
        table_locate(*ret, &rows, reason);
    return err;
}

// ---- What is done ----------------------------------------------------------------------------------------

static enum ew_err path_of(const struct config *config, const char *id, char path[PATH_MAX],
                           struct ew_reason *reason)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    if (!id[0] || id[strspn(id, letters)])
        return ew_fail(reason, EW_E_INVALID, "profile.name", "/remove", "may only hold a-z, 0-9 and -");
    if (ew_format(path, PATH_MAX, "%s/profiles/%s.json", config->service->data_dir, id) != EW_OK)
        return ew_fail(reason, EW_E_TOO_LARGE, "file.path", "", "the path is too long");
    return EW_OK;
}

static enum ew_err write_profile(const struct config *config, const cJSON *tree, struct ew_reason *reason)
{
    char path[PATH_MAX], dir[PATH_MAX];
    struct ew_buf text;
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "id"));
    enum ew_err err = path_of(config, id ? id : "", path, reason);
    if (err != EW_OK)
        return err;
    (void)ew_format(dir, sizeof(dir), "%s/profiles", config->service->data_dir);
    ew_buf_init(&text, EW_PROFILE_FILE_MAX);
    table_print(tree, &text);
    if (text.full)
        err = ew_fail(reason, EW_E_TOO_LARGE, "profile.size", "", "the profile is larger than %d bytes",
                      EW_PROFILE_FILE_MAX);
    if (err == EW_OK)
        err = ew_dir_make(dir, 0755, reason);
    if (err == EW_OK)
        err = ew_file_write(path, ew_buf_text(&text), text.len, 0644, reason);
    ew_buf_done(&text);
    return err;
}

static bool in_use(const struct config *config, const char *id)
{
    const cJSON *device;
    cJSON_ArrayForEach(device, cJSON_GetObjectItemCaseSensitive(config->store.tree, "devices"))
    {
        const char *profile = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(device, "profile"));
        if (profile && strcmp(profile, id) == 0)
            return true;
    }
    return false;
}

// Only what the user brought can go, and only while the devices that use it have a shipped one to fall back
// on.
static enum ew_err remove_profile(struct config *config, const char *id, struct ew_reason *reason)
{
    char path[PATH_MAX], shipped[PATH_MAX];
    enum ew_err err = path_of(config, id, path, reason);
    if (err != EW_OK)
        return err;
    if (!ew_file_exists(path))
        return ew_fail(reason, EW_E_UNKNOWN, "profile.not_own", "/remove",
                       "\"%s\" is not one of your profiles", id);
    if (ew_format(shipped, sizeof(shipped), "%s/profiles/%s.json", config->service->share_dir, id) != EW_OK)
        shipped[0] = 0;
    if (in_use(config, id) && !ew_file_exists(shipped))
        return ew_fail(reason, EW_E_BUSY, "profile.in_use", "/remove", "a device uses \"%s\"", id);
    if (unlink(path) != 0)
        return ew_fail(reason, EW_E_IO, "file.remove", path, "can't be removed: %s", strerror(errno));
    return EW_OK;
}

static void tell(struct config *config, const struct config_caller *caller, const char *what,
                 const cJSON *tree)
{
    struct ew_reason reason;
    ew_reason_clear(&reason);
    if (config_reload_library(config, &reason) != EW_OK)
        ew_error("profiles", "%s: %s, going on with the old ones", reason.path, reason.text);
    session_review_rights(config);
    publish_all(config);
    publish_audit_object(config, caller->account, caller->user, what, "profile", 0, NULL, tree);
}

static void answer(struct mq_request *request, const cJSON *tree)
{
    struct ew_buf result;
    ew_buf_init(&result, ANSWER_MAX);
    ew_buf_add_text(&result, "{\"profile\":");
    char *text = cJSON_PrintUnformatted(tree);
    if (!text)
        abort();
    ew_buf_add_text(&result, text);
    ew_buf_add_text(&result, "}");
    cJSON_free(text);
    mq_answer(request, &result);
    ew_buf_done(&result);
}

// {profile: {...}} or {table: {csv, id, family, model, ...}}, with check: true only looked at; or {remove:
// id}.
static void on_profile(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    struct config_caller caller;
    struct ew_reason reason;
    struct ew_json o;
    bool check = false;
    cJSON *tree = NULL;
    if (!config_may(config, request, ACCESS_SYSTEM, &caller))
        return;
    ew_reason_clear(&reason);
    ew_json_open(&o, args, "", &reason);
    const cJSON *profile = ew_json_object(&o, "profile", EW_OPTIONAL);
    const cJSON *table = ew_json_object(&o, "table", EW_OPTIONAL);
    const char *gone = text_at(&o, "remove", EW_OPTIONAL, EW_NAME_MAX - 1);
    ew_json_bool(&o, "check", EW_OPTIONAL, &check);
    if (o.err == EW_OK && (profile != NULL) + (table != NULL) + (gone != NULL) != 1)
        ew_json_fail(&o, NULL, "profile.one_of", "wants one of profile, table, remove");
    enum ew_err err = ew_json_close(&o);
    if (err == EW_OK && gone) {
        err = remove_profile(config, gone, &reason);
        tree = cJSON_CreateString(gone);
    } else if (err == EW_OK) {
        err = take_profile(config, profile, table, &tree, &reason);
        if (err == EW_OK && !check)
            err = write_profile(config, tree, &reason);
    }
    if (err == EW_OK && !check)
        tell(config, &caller, gone ? "remove profile" : "profile", tree);
    if (err == EW_OK)
        answer(request, tree);
    else
        mq_answer_error(request, &reason);
    cJSON_Delete(tree);
}

// ---- profiles: the whole library, for the choice of a model ----------------------------------------------

static void write_params(const struct profile *profile, struct ew_jw *w)
{
    ew_jw_open_array(w, "params");
    for (int i = 0; i < profile->param_count; i++) {
        const struct profile_param *param = &profile->params[i];
        ew_jw_open_object(w, NULL);
        ew_jw_text(w, "name", param->name);
        ew_jw_number(w, "min", param->min);
        ew_jw_number(w, "max", param->max);
        if (param->required)
            ew_jw_bool(w, "required", true);
        else
            ew_jw_number(w, "preset", param->preset);
        ew_jw_close_object(w);
    }
    ew_jw_close_array(w);
}

static void write_entry(const struct library_entry *entry, struct ew_jw *w)
{
    const struct profile *profile = &entry->profile;
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "id", profile->id);
    ew_jw_text(w, "family", profile->family);
    ew_jw_text(w, "model", profile->model);
    ew_jw_text(w, "kind", profile_kind_name(profile->kind));
    ew_jw_text(w, "confidence", profile_confidence_name(profile->confidence));
    ew_jw_bool(w, "table", profile->register_count > 0);
    ew_jw_bool(w, "own", entry->own);
    ew_jw_open_array(w, "catalogue");
    for (int i = 0; i < profile->catalogue_count; i++)
        ew_jw_text(w, NULL, profile->catalogue[i]);
    ew_jw_close_array(w);
    ew_jw_open_array(w, "asks");
    for (int i = 0; profile_asks[i]; i++)
        if (profile->asks & 1u << i)
            ew_jw_text(w, NULL, profile_asks[i]);
    ew_jw_close_array(w);
    write_params(profile, w);
    ew_jw_close_object(w);
}

static void on_profiles(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)args;
    (void)now_ms;
    struct config *config = user;
    struct config_caller caller;
    struct ew_buf result;
    struct ew_jw w;
    if (!config_may(config, request, ACCESS_SYSTEM, &caller))
        return;
    ew_buf_init(&result, ANSWER_MAX);
    ew_jw_init(&w, &result);
    ew_jw_open_object(&w, NULL);
    ew_jw_open_array(&w, "profiles");
    for (int i = 0; i < library_count(config->library); i++)
        write_entry(library_at(config->library, i), &w);
    ew_jw_close_array(&w);
    ew_jw_close_object(&w);
    mq_answer(request, &result);
    ew_buf_done(&result);
}

void profile_calls_start(struct config *config)
{
    mq_serve(config->service->mq, "config", "profiles", on_profiles, config);
    mq_serve(config->service->mq, "config", "profile", on_profile, config);
}
