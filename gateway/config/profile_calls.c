// The call `profile`: the user's own profiles, kept in DATA/profiles (DEV-12). Nothing is compiled, nothing
// is restarted; all that is wrong with a table is told with its row and column.
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

enum { ANSWER_MAX = 1 << 20, TABLE_FIRST_MAX = 400001 };

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

static enum ew_err from_table(const struct config *config, const cJSON *node, cJSON **ret,
                              struct table_faults *faults, struct ew_reason *reason)
{
    static const char *const kinds[] = {"meter", "breaker", "station", "pulse", "io", NULL};
    static const char *const orders[] = {"msw", "lsw", NULL};
    struct table_head head = {.kind = PROFILE_METER};
    int kind = PROFILE_METER, order = 0;
    int64_t first = 0, max = 0, gap = 0;
    struct ew_json o;
    ew_json_open(&o, node, "/table", reason);
    const char *csv = text_at(&o, "csv", EW_REQUIRED, TABLE_BYTES_MAX);
    head.id = text_at(&o, "id", EW_REQUIRED, EW_NAME_MAX - 1);
    head.family = text_at(&o, "family", EW_REQUIRED, EW_NAME_MAX - 1);
    head.model = text_at(&o, "model", EW_REQUIRED, EW_NAME_MAX - 1);
    head.document = text_at(&o, "document", EW_OPTIONAL, TABLE_LINE_MAX);
    ew_json_enum(&o, "kind", EW_OPTIONAL, kinds, &kind);
    ew_json_enum(&o, "order", EW_OPTIONAL, orders, &order);
    ew_json_int(&o, "first", EW_OPTIONAL, 0, TABLE_FIRST_MAX, &first);
    ew_json_int(&o, "max_registers", EW_OPTIONAL, 1, 125, &max);
    ew_json_int(&o, "gap_ms", EW_OPTIONAL, 0, 10000, &gap);
    ew_json_bool(&o, "holes", EW_OPTIONAL, &head.holes);
    enum ew_err err = ew_json_close(&o);
    if (err != EW_OK)
        return err;
    head.kind = (enum profile_kind)kind;
    head.lsw = order == 1;
    head.first = (int)first;
    head.max_registers = (int)max;
    head.gap_ms = (int)gap;
    err = table_make(&head, csv, strlen(csv), config->service->share_dir, config->service->data_dir, ret,
                     faults);
    if (err != EW_OK)
        *reason = faults->at[0];
    return err;
}

// Nobody has proven what a person brings: what it would write is accepted device by device.
static void grade(const struct config *config, cJSON *tree)
{
    struct ew_reason why;
    cJSON *whole = NULL;
    if (library_merge_tree(tree, config->service->share_dir, config->service->data_dir, &whole, &why) !=
        EW_OK)
        return;
    const cJSON *commands = cJSON_GetObjectItemCaseSensitive(whole, "commands");
    const cJSON *said = cJSON_GetObjectItemCaseSensitive(tree, "confidence");
    bool proven = cJSON_IsString(said) &&
                  (strcmp(said->valuestring, "document") == 0 || strcmp(said->valuestring, "driver") == 0);
    bool writes = (commands && commands->child) || cJSON_GetObjectItemCaseSensitive(whole, "watchdog");
    if (writes && proven &&
        !cJSON_ReplaceItemInObjectCaseSensitive(tree, "confidence", cJSON_CreateString("candidate")))
        abort();
    cJSON_Delete(whole);
}

// The profile that is meant, checked as if it were in its place. The tree is the caller's.
static enum ew_err take_profile(struct config *config, const cJSON *profile, const cJSON *table, cJSON **ret,
                                struct table_faults *faults, struct ew_reason *reason)
{
    *ret = NULL;
    if (table)
        return from_table(config, table, ret, faults, reason);
    if (!(*ret = cJSON_Duplicate(profile, true)))
        abort();
    grade(config, *ret);
    static const struct table_rows none = {.count = 0};
    enum ew_err err = table_check(*ret, &none, config->service->share_dir, config->service->data_dir, faults);
    if (err != EW_OK)
        *reason = faults->at[0];
    return err;
}

// ---- What is done ----------------------------------------------------------------------------------------

static enum ew_err path_of(const struct config *config, const char *id, const char *where,
                           char path[PATH_MAX], struct ew_reason *reason)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    if (!id[0] || id[strspn(id, letters)])
        return ew_fail(reason, EW_E_INVALID, "profile.name", where, "may only hold a-z, 0-9 and -");
    if (ew_format(path, PATH_MAX, "%s/profiles/%s.json", config->service->data_dir, id) != EW_OK)
        return ew_fail(reason, EW_E_TOO_LARGE, "file.path", "", "the path is too long");
    return EW_OK;
}

static enum ew_err write_profile(const struct config *config, const cJSON *tree, struct ew_reason *reason)
{
    char path[PATH_MAX], dir[PATH_MAX];
    struct ew_buf text;
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "id"));
    enum ew_err err = path_of(config, id ? id : "", "/id", path, reason);
    if (err == EW_OK && !ew_file_exists(path) && library_file_count(config->library) >= EW_PROFILES_MAX) {
        err =
            ew_fail(reason, EW_E_FULL, "profile.full", "",
                    "there can't be more than %d profiles; remove one that no device uses", EW_PROFILES_MAX);
        ew_reason_param(reason, "count", "%d", EW_PROFILES_MAX);
    }
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

// Names of the devices that use it, as many as fit; how many in all.
static int used_by(const struct config *config, const char *id, char names[EW_PARAM_VALUE_MAX])
{
    const cJSON *device;
    int count = 0;
    size_t at = 0;
    names[0] = 0;
    cJSON_ArrayForEach(device, cJSON_GetObjectItemCaseSensitive(config->store.tree, "devices"))
    {
        const char *profile = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(device, "profile"));
        const cJSON *number = cJSON_GetObjectItemCaseSensitive(device, "id");
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(device, "name"));
        char one[EW_NAME_MAX + 4];
        if (!profile || strcmp(profile, id) != 0)
            continue;
        (void)ew_format(one, sizeof(one), "%s%s", count ? ", " : "", name ? name : "");
        if (!name)
            (void)ew_format(one, sizeof(one), "%sID %d", count ? ", " : "", number ? number->valueint : 0);
        if (at + strlen(one) < EW_PARAM_VALUE_MAX) {
            ew_copy(names + at, EW_PARAM_VALUE_MAX - at, one);
            at += strlen(one);
        }
        count++;
    }
    return count;
}

// What would be read when the user's own is gone: is there a shipped one of that name, with registers?
static bool falls_back(const struct config *config, const char *id)
{
    char path[PATH_MAX];
    struct ew_reason why;
    struct ew_buf text;
    cJSON *tree = NULL;
    if (ew_format(path, sizeof(path), "%s/profiles/%s.json", config->service->share_dir, id) != EW_OK)
        return false;
    ew_buf_init(&text, EW_PROFILE_FILE_MAX);
    bool there = ew_file_read(path, EW_PROFILE_FILE_MAX, &text, &why) == EW_OK &&
                 ew_json_parse(ew_buf_text(&text), text.len, EW_PROFILE_FILE_MAX, &tree, &why) == EW_OK;
    const cJSON *registers = cJSON_GetObjectItemCaseSensitive(tree, "registers");
    bool useful =
        there && ((registers && registers->child) || cJSON_GetObjectItemCaseSensitive(tree, "extends"));
    cJSON_Delete(tree);
    ew_buf_done(&text);
    return useful;
}

static enum ew_err own_path(const struct config *config, const char *id, const char *where,
                            char path[PATH_MAX], struct ew_reason *reason)
{
    enum ew_err err = path_of(config, id, where, path, reason);
    if (err == EW_OK && !ew_file_exists(path))
        err =
            ew_fail(reason, EW_E_UNKNOWN, "profile.not_own", where, "\"%s\" is not one of your profiles", id);
    return err;
}

// Only what the user brought can go, and only while the devices that use it have a shipped one to fall back
// on.
static enum ew_err remove_profile(struct config *config, const char *id, struct ew_reason *reason)
{
    char path[PATH_MAX], names[EW_PARAM_VALUE_MAX];
    enum ew_err err = own_path(config, id, "/remove", path, reason);
    if (err != EW_OK)
        return err;
    int count = used_by(config, id, names);
    if (count > 0 && !falls_back(config, id)) {
        err = ew_fail(reason, EW_E_BUSY, "profile.in_use", "/remove", "\"%s\" is used by %s", id, names);
        ew_reason_param(reason, "devices", "%s", names);
        ew_reason_param(reason, "count", "%d", count);
        return err;
    }
    if (unlink(path) != 0)
        return ew_fail(reason, EW_E_IO, "file.remove", path, "can't be removed: %s", strerror(errno));
    return EW_OK;
}

static enum ew_err read_own(const struct config *config, const char *id, cJSON **ret,
                            struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct ew_buf text;
    enum ew_err err = own_path(config, id, "/read", path, reason);
    if (err != EW_OK)
        return err;
    ew_buf_init(&text, EW_PROFILE_FILE_MAX);
    err = ew_file_read(path, EW_PROFILE_FILE_MAX, &text, reason);
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(&text), text.len, EW_PROFILE_FILE_MAX, ret, reason);
    ew_buf_done(&text);
    return err;
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

// {profile, whole}: whole is what it comes to with what it extends.
static void answer(const struct config *config, struct mq_request *request, const cJSON *tree)
{
    struct ew_buf result;
    struct ew_jw w;
    struct ew_reason why;
    cJSON *whole = NULL;
    ew_buf_init(&result, ANSWER_MAX);
    ew_jw_init(&w, &result);
    ew_jw_open_object(&w, NULL);
    ew_jw_tree(&w, "profile", tree);
    if (cJSON_GetObjectItemCaseSensitive(tree, "extends") &&
        library_merge_tree(tree, config->service->share_dir, config->service->data_dir, &whole, &why) ==
            EW_OK)
        ew_jw_tree(&w, "whole", whole);
    ew_jw_close_object(&w);
    mq_answer(request, &result);
    cJSON_Delete(whole);
    ew_buf_done(&result);
}

// The first fault, and beside it all that were found.
static void answer_faults(struct mq_request *request, const struct ew_reason *reason,
                          const struct table_faults *faults)
{
    struct ew_buf list;
    struct ew_jw w;
    if (faults->count == 0) {
        mq_answer_error(request, reason);
        return;
    }
    ew_buf_init(&list, ANSWER_MAX / 2);
    ew_jw_init(&w, &list);
    ew_jw_open_array(&w, NULL);
    for (int i = 0; i < faults->count; i++)
        ew_jw_reason(&w, NULL, &faults->at[i]);
    ew_jw_close_array(&w);
    mq_answer_error_with(request, reason, "faults", &list);
    ew_buf_done(&list);
}

struct wish { // of one call: one of the first four
    const cJSON *profile, *table;
    const char *gone, *read;
    bool check;
};

static enum ew_err read_wish(const cJSON *args, struct wish *ret, struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, args, "", reason);
    *ret = (struct wish){.profile = ew_json_object(&o, "profile", EW_OPTIONAL),
                         .table = ew_json_object(&o, "table", EW_OPTIONAL)};
    ret->gone = text_at(&o, "remove", EW_OPTIONAL, EW_NAME_MAX - 1);
    ret->read = text_at(&o, "read", EW_OPTIONAL, EW_NAME_MAX - 1);
    ew_json_bool(&o, "check", EW_OPTIONAL, &ret->check);
    int count = (ret->profile != NULL) + (ret->table != NULL) + (ret->gone != NULL) + (ret->read != NULL);
    if (o.err == EW_OK && count != 1)
        ew_json_fail(&o, NULL, "profile.one_of", "wants one of profile, table, remove, read");
    return ew_json_close(&o);
}

static enum ew_err do_wish(struct config *config, const struct wish *wish, cJSON **ret,
                           struct table_faults *faults, struct ew_reason *reason)
{
    if (wish->read)
        return read_own(config, wish->read, ret, reason);
    if (wish->gone) {
        *ret = cJSON_CreateString(wish->gone);
        return remove_profile(config, wish->gone, reason);
    }
    enum ew_err err = take_profile(config, wish->profile, wish->table, ret, faults, reason);
    return err == EW_OK && !wish->check ? write_profile(config, *ret, reason) : err;
}

// {profile: {...}} or {table: {csv, id, family, model, ...}}, with check: true only looked at; {read: id};
// {remove: id}.
static void on_profile(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    struct config_caller caller;
    struct ew_reason reason;
    struct wish wish;
    cJSON *tree = NULL;
    if (!config_may(config, request, ACCESS_SYSTEM, &caller))
        return;
    struct table_faults *faults = calloc(1, sizeof(*faults));
    if (!faults)
        abort();
    ew_reason_clear(&reason);
    enum ew_err err = read_wish(args, &wish, &reason);
    if (err == EW_OK)
        err = do_wish(config, &wish, &tree, faults, &reason);
    if (err == EW_OK && !wish.check && !wish.read)
        tell(config, &caller, wish.gone ? "remove profile" : "profile", tree);
    if (err == EW_OK)
        answer(config, request, tree);
    else
        answer_faults(request, &reason, faults);
    cJSON_Delete(tree);
    free(faults);
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

// What the form of a device can ask: inputs and outputs to name; how many phases it measures.
static void write_points(const struct profile *profile, struct ew_jw *w)
{
    bool several = false;
    ew_jw_open_array(w, "points");
    for (int i = 0; i < profile->register_count + profile->offer_count; i++) {
        const char *name = i < profile->register_count ? profile->registers[i].quantity
                                                       : profile->offers[i - profile->register_count];
        if (strncmp(name, "input_", 6) == 0 || strncmp(name, "output_", 7) == 0)
            ew_jw_text(w, NULL, name);
        several |= strstr(name, "_l2") != NULL;
    }
    ew_jw_close_array(w);
    ew_jw_int(w, "phases", several ? 3 : 1);
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
    write_points(profile, w);
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
    char name[PROFILE_NAME_MAX];
    ew_jw_open_array(&w, "quantities");
    for (int i = 0; profile_quantity_at(i, name); i++) {
        const char *unit = "";
        (void)profile_quantity_known(name, &unit);
        ew_jw_open_object(&w, NULL);
        ew_jw_text(&w, "name", name);
        ew_jw_text(&w, "unit", unit);
        ew_jw_close_object(&w);
    }
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
