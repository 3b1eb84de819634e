#include "config/console_job.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct asked {
    char what[24], name[ACCOUNTS_NAME_MAX], role[16];
};

struct job {
    struct accounts *accounts;
    const struct access_rights *rights;
    struct asked asked;
    int64_t wall_ms;
    struct ew_jw *w;
    struct console_effect *effect;
    struct ew_reason *reason;
};

// ---- Integration accounts --------------------------------------------------------------------------------

static enum ew_err account_add(struct job *job)
{
    bool command = strcmp(job->asked.role, "command") == 0;
    if (!command && strcmp(job->asked.role, "read") != 0)
        return ew_fail(job->reason, EW_E_INVALID, "account.role", "", "the role must be read or command");
    enum ew_err err = access_account_check(job->rights, job->asked.name, job->reason);
    if (err == EW_OK)
        err = accounts_integration_add(job->accounts, job->asked.name, command, job->wall_ms,
                                       job->effect->password, job->reason);
    if (err != EW_OK)
        return err;
    job->effect->what = CONSOLE_OPENED;
    job->effect->command = command;
    ew_jw_text(job->w, "name", job->asked.name);
    ew_jw_text(job->w, "role", job->asked.role);
    ew_jw_text(job->w, "password", job->effect->password);
    return EW_OK;
}

static enum ew_err account_list(struct job *job)
{
    ew_jw_open_array(job->w, "accounts");
    for (int i = 0; i < job->accounts->integration_count; i++) {
        const struct account_integration *account = &job->accounts->integrations[i];
        ew_jw_open_object(job->w, NULL);
        ew_jw_text(job->w, "name", account->name);
        ew_jw_text(job->w, "role", account->command ? "command" : "read");
        ew_jw_rfc3339(job->w, "created", account->created_ms);
        ew_jw_close_object(job->w);
    }
    ew_jw_close_array(job->w);
    return EW_OK;
}

static enum ew_err account_remove(struct job *job)
{
    enum ew_err err = accounts_integration_remove(job->accounts, job->asked.name, job->reason);
    if (err == EW_OK) {
        job->effect->what = CONSOLE_CLOSED;
        ew_jw_text(job->w, "name", job->asked.name);
    }
    return err;
}

// ---- Users -----------------------------------------------------------------------------------------------

static enum ew_err user_list(struct job *job)
{
    ew_jw_open_array(job->w, "users");
    for (int i = 0; i < job->accounts->user_count; i++) {
        const struct account_user *user = &job->accounts->users[i];
        ew_jw_open_object(job->w, NULL);
        ew_jw_text(job->w, "name", user->name);
        ew_jw_bool(job->w, "locked", user->locked);
        ew_jw_bool(job->w, "disabled", user->disabled);
        ew_jw_bool(job->w, "must_change", user->must_change);
        ew_jw_open_array(job->w, "pages");
        for (int p = 0; p < ACCESS_PAGE_COUNT; p++)
            if (user->pages & 1u << p)
                ew_jw_text(job->w, NULL, access_page_name(p));
        ew_jw_close_array(job->w);
        ew_jw_close_object(job->w);
    }
    ew_jw_close_array(job->w);
    return EW_OK;
}

static struct account_user *find_user(struct job *job)
{
    struct account_user *user = accounts_user_by_name(job->accounts, job->asked.name);
    if (!user)
        (void)ew_fail(job->reason, EW_E_UNKNOWN, "user.unknown", "", "there is no user \"%s\"",
                      job->asked.name);
    else
        job->effect->user = user->id;
    return user;
}

static enum ew_err user_unlock(struct job *job)
{
    struct account_user *user = find_user(job);
    if (!user)
        return EW_E_UNKNOWN;
    user->locked = false;
    user->wrong = 0;
    job->effect->what = CONSOLE_USER_UNLOCKED;
    ew_jw_text(job->w, "name", user->name);
    return EW_OK;
}

static void random_digits(char *dst, int count)
{
    for (int i = 0; i < count; i++)
        dst[i] = (char)('0' + randombytes_uniform(10));
    dst[count] = 0;
}

static enum ew_err user_reset(struct job *job)
{
    struct account_user *user = find_user(job);
    char pin[6], puk[15];
    if (!user)
        return EW_E_UNKNOWN;
    do {
        random_digits(pin, 5);
        random_digits(puk, 14);
    } while (accounts_user_by_pin(job->accounts, pin) || accounts_code_is_default(pin, puk));
    accounts_set_codes(job->accounts, user, pin, puk);
    accounts_browser_forget_user(job->accounts, user->id);
    user->must_change = true;
    user->locked = false;
    user->wrong = 0;
    job->effect->what = CONSOLE_USER_RESET;
    ew_jw_text(job->w, "name", user->name);
    ew_jw_text(job->w, "pin", pin);
    ew_jw_text(job->w, "puk", puk);
    secret_wipe(puk, sizeof(puk));
    return EW_OK;
}

// ----
// ------------------------------------------------------------------------------------------------------------

enum ew_err console_job(struct accounts *accounts, const struct access_rights *rights, const cJSON *request,
                        int64_t wall_ms, struct ew_buf *result, struct console_effect *effect,
                        struct ew_reason *reason)
{
    static const struct {
        const char *name;
        enum ew_err (*run)(struct job *job);
    } jobs[] = {{"account_add", account_add},       {"account_list", account_list},
                {"account_remove", account_remove}, {"user_list", user_list},
                {"user_unlock", user_unlock},       {"user_reset", user_reset}};
    struct ew_jw w;
    struct job job = {accounts, rights, {.what = ""}, wall_ms, &w, effect, reason};
    struct ew_json o;
    *effect = (struct console_effect){.what = CONSOLE_NOTHING};
    ew_json_open(&o, request, "", reason);
    ew_json_text(&o, "do", EW_REQUIRED, 1, sizeof(job.asked.what), job.asked.what);
    ew_json_text(&o, "name", EW_OPTIONAL, 0, sizeof(job.asked.name), job.asked.name);
    ew_json_text(&o, "role", EW_OPTIONAL, 0, sizeof(job.asked.role), job.asked.role);
    enum ew_err err = ew_json_close(&o);
    if (err != EW_OK)
        return err;
    ew_copy(effect->name, sizeof(effect->name), job.asked.name);
    ew_jw_init(&w, result);
    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        if (strcmp(jobs[i].name, job.asked.what) != 0)
            continue;
        ew_jw_open_object(&w, NULL);
        err = jobs[i].run(&job);
        ew_jw_close_object(&w);
        return err;
    }
    return ew_fail(reason, EW_E_UNSUPPORTED, "console.job", "", "\"%s\" is not understood", job.asked.what);
}
