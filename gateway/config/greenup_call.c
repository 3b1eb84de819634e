// call/controller/config/greenup: Green'Up's switch. The controller has looked whether it may be switched on;
// whether the person may is looked at here.
#include "base/clock.h"
#include "base/rfc3339.h"
#include "config/config_priv.h"

#include <stdlib.h>
#include <string.h>

static void add(cJSON *object, const char *key, cJSON *value)
{
    if (!value || !cJSON_AddItemToObject(object, key, value))
        abort();
}

static void set(cJSON *object, const char *key, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    add(object, key, value);
}

static cJSON *member(cJSON *object, const char *key, cJSON *(*make)(void))
{
    cJSON *found = cJSON_GetObjectItemCaseSensitive(object, key);
    if (found)
        return found;
    found = make();
    add(object, key, found);
    return found;
}

// ---- What other changes may not do -----------------------------------------------------------------------

void greenup_keep(const cJSON *old_site, cJSON *new_site)
{
    const cJSON *was = cJSON_GetObjectItemCaseSensitive(old_site, "greenup");
    const cJSON *kept = cJSON_GetObjectItemCaseSensitive(was, "accepted");
    if (!kept)
        return;
    cJSON *is = member(new_site, "greenup", cJSON_CreateObject);
    if (!cJSON_GetObjectItemCaseSensitive(is, "accepted"))
        add(is, "accepted", cJSON_Duplicate(kept, true));
}

void greenup_keep_off(const cJSON *old_site, cJSON *new_site)
{
    const cJSON *was = cJSON_GetObjectItemCaseSensitive(old_site, "greenup");
    cJSON *is = cJSON_GetObjectItemCaseSensitive(new_site, "greenup");
    const cJSON *kept = cJSON_GetObjectItemCaseSensitive(was, "accepted");
    if (is && kept)
        set(is, "accepted", cJSON_Duplicate(kept, true));
    if (is && !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(was, "on")) &&
        cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(is, "on")))
        set(is, "on", cJSON_CreateFalse());
}

// ---- The switch ------------------------------------------------------------------------------------------

// A person who accepts a profile that is not proven accepts that it is written to.
static void accept_candidate(cJSON *site, int64_t device)
{
    cJSON *child;
    cJSON_ArrayForEach(child, cJSON_GetObjectItemCaseSensitive(site, "devices"))
    {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(child, "id");
        if (cJSON_IsNumber(id) && (int64_t)id->valuedouble == device)
            set(child, "accept_candidate", cJSON_CreateTrue());
    }
}

static enum ew_err add_accepted(cJSON *site, cJSON *greenup, const cJSON *accept,
                                const struct config_caller *caller, struct ew_reason *reason)
{
    const cJSON *child;
    char at[EW_RFC3339_MAX];
    int number = 0;
    ew_rfc3339_format(ew_clock_wall_ms(), at);
    cJSON_ArrayForEach(child, accept)
    {
        char path[EW_PATH_MAX];
        struct ew_json o;
        int64_t device = 0;
        char code[EW_CODE_MAX] = "", text[EW_TEXT_MAX] = "";
        (void)ew_format(path, sizeof(path), "/accept/%d", number++);
        ew_json_open(&o, child, path, reason);
        ew_json_int(&o, "device", EW_REQUIRED, 1, SITE_ID_MAX, &device);
        ew_json_text(&o, "code", EW_REQUIRED, 1, sizeof(code), code);
        ew_json_text(&o, "text", EW_REQUIRED, 1, sizeof(text), text);
        if (ew_json_close(&o) != EW_OK)
            return EW_E_INVALID;
        cJSON *entry = cJSON_CreateObject();
        if (!entry || !cJSON_AddItemToArray(member(greenup, "accepted", cJSON_CreateArray), entry))
            abort();
        add(entry, "device", cJSON_CreateNumber((double)device));
        add(entry, "code", cJSON_CreateString(code));
        add(entry, "account", cJSON_CreateString(caller->user[0] ? caller->user : caller->account));
        add(entry, "at", cJSON_CreateString(at));
        add(entry, "text", cJSON_CreateString(text));
        if (strcmp(code, "greenup.unproven_profile") == 0)
            accept_candidate(site, device);
    }
    return EW_OK;
}

static enum ew_err turn(struct config *config, bool on, const cJSON *accept,
                        const struct config_caller *caller, struct ew_reason *reason)
{
    cJSON *copy = cJSON_Duplicate(config->store.tree, true);
    if (!copy)
        abort();
    cJSON *greenup = member(copy, "greenup", cJSON_CreateObject);
    set(greenup, "on", cJSON_CreateBool(on));
    enum ew_err err = add_accepted(copy, greenup, accept, caller, reason);
    if (err == EW_OK)
        err = config_check(config, copy, reason);
    if (err == EW_OK)
        err = config_take(config, copy, caller, on ? "greenup on" : "greenup off", reason);
    if (err != EW_OK)
        cJSON_Delete(copy);
    return err;
}

static enum ew_err read_and_turn(struct config *config, const char *account, const cJSON *args, bool *on,
                                 struct ew_reason *reason)
{
    struct ew_json o;
    struct config_caller caller = {.account = "", .user = ""};
    char person[EW_NAME_MAX] = "";
    ew_json_open(&o, args, "", reason);
    ew_json_bool(&o, "on", EW_REQUIRED, on);
    ew_json_text(&o, "for", EW_REQUIRED, 1, sizeof(person), person);
    const cJSON *accept = ew_json_array(&o, "accept", EW_REQUIRED, SITE_ACCEPTED_MAX);
    enum ew_err err = ew_json_close(&o);
    // The broker lets nobody else call; looked at all the same.
    if (err == EW_OK && (strcmp(account, "controller") != 0 || !config_find_caller(config, person, &caller)))
        err = ew_fail(reason, EW_E_DENIED, "access.denied", "", "This account has no right to do that.");
    if (err == EW_OK)
        err = config_check_right(config, &caller, "greenup", "", reason);
    return err == EW_OK ? turn(config, *on, accept, &caller, reason) : err;
}

static void on_greenup(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    struct ew_reason reason;
    bool on = false;
    ew_reason_clear(&reason);
    if (read_and_turn(config, mq_request_account(request), args, &on, &reason) != EW_OK) {
        mq_answer_error(request, &reason);
        return;
    }
    struct ew_buf answer;
    struct ew_jw w;
    ew_buf_init(&answer, 256);
    ew_jw_init(&w, &answer);
    ew_jw_open_object(&w, NULL);
    ew_jw_bool(&w, "on", on);
    ew_jw_int(&w, "rev", config->store.rev);
    ew_jw_close_object(&w);
    mq_answer(request, &answer);
    ew_buf_done(&answer);
}

void greenup_call_start(struct config *config)
{
    mq_serve(config->service->mq, "config", "greenup", on_greenup, config);
}
