// The calls that change users and known browsers: user_add, user_change, user_remove, browser_revoke
// (USR-03, USR-04). They need the page "server" (the broker sees to it; so do we).
#include "config/config_priv.h"
#include "config/session_calls.h"
#include "core/access/people.h"

#include <stdlib.h>
#include <string.h>

// What is asked for; what stays as it is was not named.
struct wanted {
    int64_t id; // 0 = a new user
    char name[ACCOUNTS_NAME_MAX], pin[8], puk[16];
    bool has_name, has_pages, has_display, has_disabled, has_must_change, unlock;
    unsigned pages;
    bool display, disabled, must_change;
};

struct user_job { // a change whose PUK is being hashed
    bool used;
    struct config *config;
    struct mq_request *request;
    struct wanted wanted;
    unsigned char salt[16];
};

static void fail(struct mq_request *request, enum ew_err err, const char *code, const char *path,
                 const char *text)
{
    struct ew_reason reason;
    ew_reason_clear(&reason);
    (void)ew_fail(&reason, err, code, path, "%s", text);
    mq_answer_error(request, &reason);
}

// ---- Changes ---------------------------------------------------------------------------------------------

static struct access_person person_of(const struct account_user *user)
{
    return (struct access_person){.id = user->id,
                                  .name = user->name,
                                  .pages = user->pages,
                                  .disabled = user->disabled,
                                  .display = user->display};
}

// The users as they would be: `after` in the place of its id, behind the others when it is new; NULL: without
// the user `removed`.
static enum ew_err check_people(const struct config *config, const struct account_user *after, int removed,
                                struct ew_reason *reason)
{
    struct access_person people[EW_USERS_MAX + 1];
    int count = 0, changed = -1;
    for (int i = 0; i < config->accounts->user_count; i++) {
        const struct account_user *user = &config->accounts->users[i];
        if (!after && user->id == removed)
            continue;
        if (after && user->id == after->id)
            changed = count;
        people[count++] = person_of(after && user->id == after->id ? after : user);
    }
    if (after && changed < 0) {
        changed = count;
        people[count++] = person_of(after);
    }
    return access_people_check(people, count, changed, reason);
}

static enum ew_err check_codes(const struct config *config, const struct wanted *wanted,
                               struct ew_reason *reason)
{
    if (wanted->pin[0] && !access_pin_formed(wanted->pin))
        return ew_fail(reason, EW_E_INVALID, "codes.form", "/pin", "A PIN has 5 digits.");
    if (wanted->puk[0] && !access_puk_formed(wanted->puk))
        return ew_fail(reason, EW_E_INVALID, "codes.form", "/puk", "A PUK has 14 digits.");
    if (accounts_code_is_default(wanted->pin, wanted->puk))
        return ew_fail(reason, EW_E_INVALID, "codes.default", wanted->pin[0] ? "/pin" : "/puk",
                       "These codes stand in the manual; please choose your own.");
    const struct account_user *other =
        wanted->pin[0] ? accounts_user_by_pin(config->accounts, wanted->pin) : NULL;
    if (other && other->id != wanted->id)
        return ew_fail(reason, EW_E_EXISTS, "codes.pin_taken", "/pin",
                       "This PIN cannot be used; please choose another.");
    return EW_OK;
}

static enum ew_err fail_full(struct ew_reason *reason)
{
    (void)ew_fail(reason, EW_E_FULL, "user.full", "", "There can't be more than %d users.", EW_USERS_MAX);
    ew_reason_param(reason, "count", "%d", EW_USERS_MAX);
    return EW_E_FULL;
}

// The user as wanted; the PUK is put in when it has been hashed.
static enum ew_err make_after(const struct config *config, const struct wanted *wanted,
                              struct account_user *ret, struct ew_reason *reason)
{
    const struct account_user *old = wanted->id ? accounts_user(config->accounts, (int)wanted->id) : NULL;
    if (wanted->id && !old)
        return ew_fail(reason, EW_E_UNKNOWN, "user.gone", "/id", "This user does not exist any more.");
    if (!old && config->accounts->user_count == EW_USERS_MAX)
        return fail_full(reason);
    *ret = old ? *old : (struct account_user){.id = config->accounts->next_user};
    if (wanted->has_name)
        ew_copy(ret->name, sizeof(ret->name), wanted->name);
    if (wanted->has_pages)
        ret->pages = wanted->pages;
    if (wanted->has_display)
        ret->display = wanted->display;
    if (wanted->has_disabled)
        ret->disabled = wanted->disabled;
    if (wanted->has_must_change)
        ret->must_change = wanted->must_change;
    if (wanted->unlock) {
        ret->locked = false;
        ret->wrong = 0;
    }
    if (wanted->pin[0])
        accounts_hash_pin(config->accounts, wanted->pin, ret->pin_hash);
    return check_people(config, ret, 0, reason);
}

static enum ew_err check_self(const struct config_caller *caller, const struct account_user *after,
                              struct ew_reason *reason)
{
    struct access_person person = person_of(after);
    return after->id == caller->user_id ? access_self_check(&person, reason) : EW_OK;
}

static void answer_id(struct mq_request *request, int id)
{
    struct ew_buf result;
    ew_buf_init(&result, 64);
    ew_buf_printf(&result, "{\"id\":%d}", id);
    mq_answer(request, &result);
    ew_buf_done(&result);
}

// Who is logged in with other rights or codes than now goes at once; the caller's own session stays for as
// long as its rights do.
static void end_what_changed(struct config *config, const struct config_caller *caller,
                             const struct account_user *old, const struct account_user *now, bool new_codes)
{
    bool rights = old->pages != now->pages || old->display != now->display || now->disabled;
    char own[ACCOUNTS_SESSION_MAX];
    ew_copy(own, sizeof(own), now->id == caller->user_id && !rights ? caller->account : "");
    if (rights || new_codes || (now->must_change && !old->must_change))
        session_end_others(config, now->id, own);
    if (new_codes || now->disabled)
        accounts_browser_forget_user(config->accounts, now->id);
}

static void store(struct config *config, struct mq_request *request, const struct config_caller *caller,
                  const struct wanted *wanted, const struct account_user *after)
{
    struct accounts *accounts = config->accounts;
    struct account_user *place = wanted->id ? accounts_user(accounts, after->id) : NULL;
    bool new_codes = wanted->pin[0] || wanted->puk[0];
    struct account_user old = place ? *place : *after;
    bool added = !place;
    if (added) {
        place = &accounts->users[accounts->user_count++];
        accounts->next_user++;
    }
    *place = *after;
    config->user_until_ms[place - accounts->users] = 0;
    user_audit(config, caller, added ? "user_add" : "user_change", added ? NULL : &old, after, new_codes);
    // The answer goes before the connection that it goes to may end, and takes the request's memory with it.
    char account[ACCOUNTS_SESSION_MAX + ACCOUNTS_NAME_MAX];
    struct config_caller asked = *caller;
    ew_copy(account, sizeof(account), caller->account);
    asked.account = account;
    answer_id(request, after->id);
    if (!added)
        end_what_changed(config, &asked, &old, after, new_codes);
    login_save(config);
    secret_wipe(&old, sizeof(old));
}

// hash NULL: there is no new PUK.
static void apply(struct config *config, struct mq_request *request, const struct wanted *wanted,
                  const unsigned char *salt, const unsigned char *hash)
{
    struct config_caller caller;
    struct account_user after = {.id = 0};
    struct ew_reason reason;
    ew_reason_clear(&reason);
    if (!config_may(config, request, ACCESS_SERVER, &caller))
        return;
    enum ew_err err = check_codes(config, wanted, &reason); // again: others may have been here meanwhile
    if (err == EW_OK)
        err = make_after(config, wanted, &after, &reason);
    if (err == EW_OK)
        err = check_self(&caller, &after, &reason);
    if (err != EW_OK) {
        mq_answer_error(request, &reason);
        return;
    }
    if (hash) {
        memcpy(after.puk_salt, salt, sizeof(after.puk_salt));
        memcpy(after.puk_hash, hash, sizeof(after.puk_hash));
    }
    store(config, request, &caller, wanted, &after);
    secret_wipe(&after, sizeof(after));
}

static void on_hash(void *user, const unsigned char *hash, int64_t now_ms)
{
    (void)now_ms;
    struct user_job *job = user;
    if (hash)
        apply(job->config, job->request, &job->wanted, job->salt, hash);
    else
        fail(job->request, EW_E_BUSY, "call.memory", "",
             "There is no memory to check the code; please try again.");
    secret_wipe(job, sizeof(*job));
}

static void begin(struct config *config, struct mq_request *request, const struct wanted *wanted)
{
    struct ew_reason reason;
    struct account_user after = {.id = 0};
    ew_reason_clear(&reason);
    enum ew_err err = check_codes(config, wanted, &reason);
    if (err == EW_OK)
        err = make_after(config, wanted, &after, &reason);
    if (err != EW_OK) {
        mq_answer_error(request, &reason);
        return;
    }
    secret_wipe(&after, sizeof(after));
    if (!wanted->puk[0]) {
        apply(config, request, wanted, NULL, NULL);
        return;
    }
    struct user_job *job = NULL;
    for (int i = 0; i < CONFIG_USER_JOBS_MAX && !job; i++)
        if (!config->user_jobs[i].used)
            job = &config->user_jobs[i];
    if (job) {
        *job = (struct user_job){.used = true, .config = config, .request = request, .wanted = *wanted};
        secret_random(job->salt, sizeof(job->salt));
    }
    if (!job || hasher_hash(config->hasher, wanted->puk, job->salt, on_hash, job) != EW_OK) {
        if (job)
            secret_wipe(job, sizeof(*job));
        fail(request, EW_E_BUSY, "user.busy", "", "Too many changes at once; please try again in a moment.");
    }
}

static void read_flag(struct ew_json *o, const char *key, bool *ret_has, bool *ret)
{
    *ret_has = ew_json_has(o, key);
    ew_json_bool(o, key, EW_OPTIONAL, ret);
}

static enum ew_err read_wanted(const cJSON *args, bool add, struct wanted *ret, struct ew_reason *reason)
{
    enum ew_presence need = add ? EW_REQUIRED : EW_OPTIONAL;
    struct ew_json o;
    bool locked = true, has_locked;
    *ret = (struct wanted){.id = 0};
    ew_json_open(&o, args, "", reason);
    if (!add)
        ew_json_int(&o, "id", EW_REQUIRED, 1, INT_MAX, &ret->id);
    ret->has_name = ew_json_has(&o, "name");
    ew_json_text(&o, "name", need, 1, sizeof(ret->name), ret->name);
    ew_json_text(&o, "pin", need, 1, sizeof(ret->pin), ret->pin);
    ew_json_text(&o, "puk", need, 1, sizeof(ret->puk), ret->puk);
    read_flag(&o, "display", &ret->has_display, &ret->display);
    read_flag(&o, "disabled", &ret->has_disabled, &ret->disabled);
    read_flag(&o, "must_change", &ret->has_must_change, &ret->must_change);
    read_flag(&o, "locked", &has_locked, &locked);
    ret->unlock = has_locked && !locked;
    ret->has_pages = ew_json_has(&o, "pages");
    const cJSON *pages = ew_json_array(&o, "pages", need, ACCESS_PAGE_COUNT);
    if (pages && o.err == EW_OK)
        o.err = access_pages_read(pages, "/pages", &ret->pages, reason);
    return ew_json_close(&o);
}

static void on_user(struct config *config, struct mq_request *request, const cJSON *args, bool add)
{
    struct config_caller caller;
    struct ew_reason reason;
    struct wanted wanted;
    ew_reason_clear(&reason);
    if (!config_may(config, request, ACCESS_SERVER, &caller))
        return;
    if (read_wanted(args, add, &wanted, &reason) != EW_OK)
        mq_answer_error(request, &reason);
    else
        begin(config, request, &wanted);
    secret_wipe(&wanted, sizeof(wanted));
}

static void on_user_add(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    on_user(user, request, args, true);
}

static void on_user_change(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    on_user(user, request, args, false);
}

// ---- Ends ------------------------------------------------------------------------------------------------

// False: refused and answered.
static bool take_id(struct config *config, struct mq_request *request, const cJSON *args,
                    struct config_caller *ret_caller, int *ret_id)
{
    struct ew_reason reason;
    struct ew_json o;
    int64_t id = 0;
    if (!config_may(config, request, ACCESS_SERVER, ret_caller))
        return false;
    ew_reason_clear(&reason);
    ew_json_open(&o, args, "", &reason);
    ew_json_int(&o, "id", EW_REQUIRED, 1, INT_MAX, &id);
    *ret_id = (int)id;
    if (ew_json_close(&o) == EW_OK)
        return true;
    mq_answer_error(request, &reason);
    return false;
}

// The places behind it move up, and what stands beside them does too.
static void drop_user(struct config *config, struct account_user *user)
{
    struct accounts *accounts = config->accounts;
    size_t at = (size_t)(user - accounts->users), behind = (size_t)accounts->user_count - at - 1;
    memmove(user, user + 1, behind * sizeof(*user));
    memmove(&config->user_until_ms[at], &config->user_until_ms[at + 1],
            behind * sizeof(config->user_until_ms[0]));
    accounts->user_count--;
    secret_wipe(&accounts->users[accounts->user_count], sizeof(*user));
    config->user_until_ms[accounts->user_count] = 0;
}

static void on_user_remove(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    struct config_caller caller;
    struct ew_reason reason;
    int id = 0;
    if (!take_id(config, request, args, &caller, &id))
        return;
    struct account_user *gone = accounts_user(config->accounts, id);
    if (!gone) {
        fail(request, EW_E_UNKNOWN, "user.gone", "/id", "This user does not exist any more.");
        return;
    }
    ew_reason_clear(&reason);
    enum ew_err err = id == caller.user_id ? access_self_check(NULL, &reason) : EW_OK;
    if (err == EW_OK)
        err = check_people(config, NULL, id, &reason);
    if (err != EW_OK) {
        mq_answer_error(request, &reason);
        return;
    }
    user_audit(config, &caller, "user_remove", gone, NULL, false);
    login_end_sessions(config, id);
    accounts_browser_forget_user(config->accounts, id);
    drop_user(config, gone);
    login_save(config);
    answer_id(request, id);
}

static void on_browser_revoke(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    struct config_caller caller;
    int id = 0;
    if (!take_id(config, request, args, &caller, &id))
        return;
    struct account_browser *browser = accounts_browser_by_id(config->accounts, id);
    if (!browser) {
        fail(request, EW_E_UNKNOWN, "browser.gone", "/id", "This browser is not known any more.");
        return;
    }
    publish_audit_object(config, caller.account, caller.user, "browser_revoke", "browser", id, NULL, NULL);
    answer_id(request, id); // before the connection that it goes to may end
    session_forget_browser(config, browser);
    login_save(config);
}

void user_calls_start(struct config *config)
{
    struct mq *mq = config->service->mq;
    config->user_jobs = calloc(CONFIG_USER_JOBS_MAX, sizeof(*config->user_jobs));
    if (!config->user_jobs)
        abort();
    mq_serve(mq, "config", "users", user_list, config);
    mq_serve(mq, "config", "user_add", on_user_add, config);
    mq_serve(mq, "config", "user_change", on_user_change, config);
    mq_serve(mq, "config", "user_remove", on_user_remove, config);
    mq_serve(mq, "config", "browser_revoke", on_browser_revoke, config);
}

void user_calls_stop(struct config *config)
{
    if (config->user_jobs)
        secret_wipe(config->user_jobs, CONFIG_USER_JOBS_MAX * sizeof(*config->user_jobs));
    free(config->user_jobs);
}
