// The calls about the site: site, change, undo, check, versions. Who may call is the broker's matter
// (topics); who may change what is decided here, from the caller's pages.
#include "base/file.h"
#include "base/log.h"
#include "config/config_priv.h"
#include "config/params.h"
#include "config/site_change.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DIFFERENCE_ITEMS_MAX = 100, DIFFERENCE_MAX = 256 << 10 };

// ---- Who asks --------------------------------------------------------------------------------------------

bool config_find_caller(struct config *config, const char *account, struct config_caller *ret)
{
    *ret = (struct config_caller){.account = account, .user = ""};
    if (strcmp(account, "console") == 0) {
        ret->pages = ACCESS_ALL_PAGES;
        return true;
    }
    for (int i = 0; i < config->accounts->session_count; i++) {
        const struct account_session *session = &config->accounts->sessions[i];
        const struct account_user *user = accounts_user(config->accounts, session->user);
        if (session->open && user && !user->disabled && strcmp(session->id, account) == 0) {
            ret->user = user->name;
            ret->user_id = user->id;
            ret->pages = user->pages;
            return true;
        }
    }
    return false;
}

static void refuse(struct mq_request *request, enum ew_err err, const char *code, const char *text)
{
    struct ew_reason reason;
    ew_reason_clear(&reason);
    (void)ew_fail(&reason, err, code, "", "%s", text);
    mq_answer_error(request, &reason);
}

bool config_known_caller(struct config *config, struct mq_request *request, struct config_caller *ret)
{
    if (config_find_caller(config, mq_request_account(request), ret))
        return true;
    refuse(request, EW_E_DENIED, "access.denied", "This account has no right to do that.");
    return false;
}

bool config_may(struct config *config, struct mq_request *request, unsigned page, struct config_caller *ret)
{
    if (!config_known_caller(config, request, ret))
        return false;
    if (ret->pages & page)
        return true;
    refuse(request, EW_E_DENIED, "access.denied", "This account has no right to do that.");
    return false;
}

enum ew_err config_check_right(const struct config *config, const struct config_caller *caller,
                               const char *what, const char *path, struct ew_reason *reason)
{
    if (access_may_change(&config->files.rights, caller->pages, what))
        return EW_OK;
    (void)ew_fail(reason, EW_E_DENIED, "access.change", path, "%s may not be changed by this account", what);
    ew_reason_param(reason, "what", "%s", what);
    return EW_E_DENIED;
}

// ---- The whole check -------------------------------------------------------------------------------------

static bool profile_known(void *user, const char *id)
{
    return library_knows(((struct config *)user)->library, id);
}

static enum ew_err check_params(void *user, const struct site_device *device, const char *path,
                                struct ew_reason *reason)
{
    return params_check(((const struct config *)user)->library, device, path, reason);
}

static enum ew_err check_zone(const cJSON *site, struct ew_reason *reason)
{
    struct site_settings settings;
    char path[PATH_MAX];
    struct stat st;
    enum ew_err err =
        site_settings_read(cJSON_GetObjectItemCaseSensitive(site, "site"), "/site", &settings, reason);
    if (err != EW_OK || !ew_file_exists("/usr/share/zoneinfo"))
        return err;
    (void)ew_format(path, sizeof(path), "/usr/share/zoneinfo/%s", settings.tz);
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return ew_fail(reason, EW_E_INVALID, "site.tz_unknown", "/site/tz",
                       "is no time zone of this machine");
    return EW_OK;
}

// A profile that went away since it was chosen must not forbid all other changes.
static bool profile_known_or_used(void *user, const char *id)
{
    const struct config *config = user;
    const cJSON *device;
    if (profile_known(user, id))
        return true;
    cJSON_ArrayForEach(device, cJSON_GetObjectItemCaseSensitive(config->store.tree, "devices"))
    {
        const char *its = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(device, "profile"));
        if (its && strcmp(its, id) == 0)
            return true;
    }
    return false;
}

enum ew_err config_check(struct config *config, const cJSON *site, struct ew_reason *reason)
{
    struct site_check check = {
        .profile_known = profile_known_or_used, .device = check_params, .user = config};
    enum ew_err err = site_check_tree(site, &check, reason);
    return err == EW_OK ? check_zone(site, reason) : err;
}

// ---- site, versions, check -------------------------------------------------------------------------------

static void on_site(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)args;
    (void)now_ms;
    struct config *config = user;
    struct config_caller caller;
    struct ew_buf result;
    struct ew_jw w;
    if (!config_known_caller(config, request, &caller))
        return;
    ew_buf_init(&result, EW_MQTT_PAYLOAD_MAX);
    ew_jw_init(&w, &result);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "rev", config->store.rev);
    ew_jw_tree(&w, "site", config->store.tree);
    ew_jw_close_object(&w);
    mq_answer(request, &result);
    ew_buf_done(&result);
}

static void on_versions(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)args;
    (void)now_ms;
    struct config *config = user;
    struct config_caller caller;
    int64_t revs[SITE_STORE_VERSIONS + 1];
    struct ew_buf result;
    struct ew_jw w;
    if (!config_known_caller(config, request, &caller))
        return;
    int count = site_store_versions(&config->store, revs, SITE_STORE_VERSIONS + 1);
    ew_buf_init(&result, 4096);
    ew_jw_init(&w, &result);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "rev", config->store.rev);
    ew_jw_open_array(&w, "versions");
    for (int i = 0; i < count; i++)
        ew_jw_int(&w, NULL, revs[i]);
    ew_jw_close_array(&w);
    ew_jw_close_object(&w);
    mq_answer(request, &result);
    ew_buf_done(&result);
}

static void write_problem(void *user, const struct ew_reason *problem)
{
    ew_jw_reason(user, NULL, problem);
}

static void on_check(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    struct config_caller caller;
    struct ew_buf result;
    struct ew_jw w;
    const cJSON *site = cJSON_GetObjectItemCaseSensitive(args, "site");
    if (!config_known_caller(config, request, &caller))
        return;
    if (!site) {
        refuse(request, EW_E_INVALID, "json.missing", "\"site\" is missing");
        return;
    }
    ew_buf_init(&result, EW_MQTT_PAYLOAD_MAX);
    ew_jw_init(&w, &result);
    ew_jw_open_object(&w, NULL);
    ew_jw_open_array(&w, "problems");
    struct ew_reason reason;
    ew_reason_clear(&reason);
    // The callback's user is the writer; profiles are looked at in a second pass, which tells the first
    // problem.
    struct site_check check = {.problem = write_problem, .user = &w};
    size_t size = site_check_memory(site);
    void *memory = malloc(size);
    if (!memory)
        abort();
    enum ew_err err = site_check(site, &check, memory, size);
    free(memory);
    if (err == EW_OK && config_check(config, site, &reason) != EW_OK)
        ew_jw_reason(&w, NULL, &reason);
    ew_jw_close_array(&w);
    ew_jw_close_object(&w);
    mq_answer(request, &result);
    ew_buf_done(&result);
}

// ---- change ----------------------------------------------------------------------------------------------

// The caller saw another revision than ours: refused, with what is different since.
static void answer_stale(struct config *config, struct mq_request *request, int64_t rev)
{
    struct ew_reason reason;
    struct ew_buf difference;
    struct ew_jw w;
    char sentence[EW_TEXT_MAX / 2] = "that revision is no longer kept";
    cJSON *old = NULL;
    ew_buf_init(&difference, DIFFERENCE_MAX);
    ew_jw_init(&w, &difference);
    if (site_store_version(&config->store, rev, &old, NULL) == EW_OK) {
        struct site_diff diff;
        site_diff_make(old, config->store.tree, &diff);
        site_diff_sentence(&diff, sentence, sizeof(sentence));
        site_diff_write(&diff, DIFFERENCE_ITEMS_MAX, &w, NULL);
        site_diff_done(&diff);
    } else {
        ew_buf_add_text(&difference, "null");
    }
    ew_reason_clear(&reason);
    (void)ew_fail(&reason, EW_E_STALE, "config.stale", "/rev",
                  "Somebody else changed the configuration meanwhile (revision %lld, you saw %lld): %s",
                  (long long)config->store.rev, (long long)rev, sentence);
    ew_reason_param(&reason, "rev", "%lld", (long long)config->store.rev);
    ew_reason_param(&reason, "seen", "%lld", (long long)rev);
    ew_reason_param(&reason, "difference", "%s", sentence);
    mq_answer_error_with(request, &reason, "difference", &difference);
    ew_buf_done(&difference);
    cJSON_Delete(old);
}

static enum ew_err check_rights(const struct config *config, const struct config_caller *caller,
                                const cJSON *changes, struct ew_reason *reason)
{
    const cJSON *change;
    int number = 0;
    enum ew_err err = EW_OK;
    cJSON_ArrayForEach(change, changes)
    {
        char path[EW_PATH_MAX];
        const char *what = site_change_what(change);
        (void)ew_format(path, sizeof(path), "/changes/%d", number++);
        if (what && err == EW_OK) // what does not exist is said when it is applied
            err = config_check_right(config, caller, what, path, reason);
    }
    return err;
}

static void answer_changed(struct config *config, struct mq_request *request, const int64_t *ids, int count)
{
    struct ew_buf result;
    struct ew_jw w;
    ew_buf_init(&result, 64 << 10);
    ew_jw_init(&w, &result);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "rev", config->store.rev);
    ew_jw_open_array(&w, "ids");
    for (int i = 0; i < count; i++) {
        if (ids[i])
            ew_jw_int(&w, NULL, ids[i]);
        else
            ew_jw_null(&w, NULL);
    }
    ew_jw_close_array(&w);
    ew_jw_close_object(&w);
    mq_answer(request, &result);
    ew_buf_done(&result);
}

// The tree is the store's when EW_OK.
enum ew_err config_take(struct config *config, cJSON *tree, const struct config_caller *caller,
                        const char *what, struct ew_reason *reason)
{
    if (site_same(config->store.tree, tree)) {
        cJSON_Delete(tree);
        return EW_OK;
    }
    cJSON *before = cJSON_Duplicate(config->store.tree, true);
    if (!before)
        abort();
    enum ew_err err = site_store_write(&config->store, tree, reason);
    if (err == EW_OK)
        config_changed(config, before, caller->account, caller->user, what);
    cJSON_Delete(before);
    return err;
}

static enum ew_err apply(struct config *config, const struct config_caller *caller, const cJSON *changes,
                         int64_t *ids, int *count, struct ew_reason *reason)
{
    cJSON *copy = NULL;
    enum ew_err err = check_rights(config, caller, changes, reason);
    if (err == EW_OK)
        err = site_change_apply(config->store.tree, changes, &copy, ids, count, reason);
    if (err == EW_OK)
        err = site_change_check(config->store.tree, copy, reason);
    if (err == EW_OK)
        err = site_change_unused(copy, changes, reason);
    if (err == EW_OK) {
        greenup_keep(config->store.tree, copy);
        err = site_greenup_change_check(config->store.tree, copy, reason);
        if (err == EW_OK)
            err = config_check(config, copy, reason);
        if (err != EW_OK)
            site_change_place(copy, changes, ids, reason);
    }
    if (err == EW_OK) {
        err = config_take(config, copy, caller, "change", reason);
        if (err == EW_OK)
            copy = NULL;
    }
    cJSON_Delete(copy);
    return err;
}

static void on_change(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    struct config_caller caller;
    struct ew_reason reason;
    struct ew_json o;
    int64_t rev = 0;
    if (!config_known_caller(config, request, &caller))
        return;
    ew_reason_clear(&reason);
    ew_json_open(&o, args, "", &reason);
    ew_json_int(&o, "rev", EW_REQUIRED, 0, INT64_C(9007199254740991), &rev);
    const cJSON *changes = ew_json_array(&o, "changes", EW_REQUIRED, SITE_CHANGES_MAX);
    enum ew_err err = ew_json_close(&o);
    if (err == EW_OK && rev != config->store.rev) {
        answer_stale(config, request, rev);
        return;
    }
    int64_t *ids = calloc(SITE_CHANGES_MAX, sizeof(*ids));
    int count = 0;
    if (!ids)
        abort();
    if (err == EW_OK)
        err = apply(config, &caller, changes, ids, &count, &reason);
    if (err == EW_OK)
        answer_changed(config, request, ids, count);
    else
        mq_answer_error(request, &reason);
    free(ids);
}

// ---- undo ------------------------------------------------------------------------------------------------

// The revision to go back to: what was asked for, else the newest before the last change that was not undone.
static enum ew_err undo_target(const struct config *config, int64_t wanted, int64_t *ret,
                               struct ew_reason *reason)
{
    int64_t revs[SITE_STORE_VERSIONS + 1], best = 0;
    int count = site_store_versions(&config->store, revs, SITE_STORE_VERSIONS + 1);
    int64_t below = config->store.undone_to ? config->store.undone_to : config->store.rev;
    for (int i = 0; i < count; i++)
        if (wanted ? revs[i] == wanted : revs[i] < below)
            best = revs[i];
    *ret = best;
    if (best && best != config->store.rev)
        return EW_OK;
    return ew_fail(reason, EW_E_UNKNOWN, "config.no_version", "/to",
                   wanted ? "there is no such older revision" : "there is nothing left to undo");
}

static enum ew_err check_undo_rights(const struct config *config, const struct config_caller *caller,
                                     const cJSON *old, struct ew_reason *reason)
{
    struct site_diff diff;
    enum ew_err err = EW_OK;
    site_diff_make(config->store.tree, old, &diff);
    for (int i = 0; i < diff.count && err == EW_OK; i++)
        err = config_check_right(config, caller, diff.items[i].what, "", reason);
    site_diff_done(&diff);
    return err;
}

static enum ew_err undo(struct config *config, const struct config_caller *caller, int64_t wanted,
                        struct ew_reason *reason)
{
    int64_t target = 0;
    cJSON *old = NULL;
    enum ew_err err = undo_target(config, wanted, &target, reason);
    if (err == EW_OK)
        err = site_store_version(&config->store, target, &old, reason);
    if (err == EW_OK)
        err = check_undo_rights(config, caller, old, reason);
    if (err == EW_OK) {
        greenup_keep(config->store.tree, old);
        greenup_keep_off(config->store.tree, old);
        err = site_change_check(config->store.tree, old, reason);
    }
    if (err == EW_OK)
        err = config_check(config, old, reason);
    if (err == EW_OK) {
        err = config_take(config, old, caller, "undo", reason);
        if (err == EW_OK) {
            old = NULL;
            config->store.undone_to = target;
        }
    }
    cJSON_Delete(old);
    return err;
}

static void on_undo(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    struct config_caller caller;
    struct ew_reason reason;
    struct ew_json o;
    int64_t rev = 0, to = 0;
    if (!config_known_caller(config, request, &caller))
        return;
    ew_reason_clear(&reason);
    ew_json_open(&o, args, "", &reason);
    ew_json_int(&o, "rev", EW_REQUIRED, 0, INT64_C(9007199254740991), &rev);
    ew_json_int(&o, "to", EW_OPTIONAL, 1, INT64_C(9007199254740991), &to);
    enum ew_err err = ew_json_close(&o);
    if (err == EW_OK && rev != config->store.rev) {
        answer_stale(config, request, rev);
        return;
    }
    if (err == EW_OK)
        err = undo(config, &caller, to, &reason);
    if (err == EW_OK)
        answer_changed(config, request, NULL, 0);
    else
        mq_answer_error(request, &reason);
}

void site_calls_start(struct config *config)
{
    struct mq *mq = config->service->mq;
    mq_serve(mq, "config", "site", on_site, config);
    mq_serve(mq, "config", "versions", on_versions, config);
    mq_serve(mq, "config", "check", on_check, config);
    mq_serve(mq, "config", "change", on_change, config);
    mq_serve(mq, "config", "undo", on_undo, config);
    greenup_call_start(config);
}
