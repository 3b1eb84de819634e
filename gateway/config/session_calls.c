#include "config/session_calls.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/access/people.h"
#include <stdlib.h>
#include <string.h>

enum { SAVE_USE_MS = 10 * 60000 }; // a crash may cost a session that much of its idle time

void login_save(struct config *config)
{
    struct ew_reason reason;
    ew_reason_clear(&reason);
    if (accounts_save(config->accounts, &reason) != EW_OK)
        ew_error("login", "%s: %s, going on without saving", reason.path, reason.text);
    config->accounts_dirty = false;
    config->saved_ms = ew_loop_now_ms(config->service->loop);
}

bool session_caller_is_web(struct mq_request *request)
{
    if (strcmp(mq_request_account(request), "web") == 0)
        return true;
    struct ew_reason reason;
    ew_reason_clear(&reason);
    (void)ew_fail(&reason, EW_E_DENIED, "access.denied", "", "This account has no right to do that.");
    mq_answer_error(request, &reason);
    return false;
}

// ---- In the broker ---------------------------------------------------------------------------------------

void session_open_in_broker(struct config *config, const struct account_session *session,
                            warden_done_fn *done, void *user)
{
    struct ew_reason reason;
    char password[SECRET_TEXT_MAX];
    const struct account_user *person = accounts_user(config->accounts, session->user);
    ew_reason_clear(&reason);
    if (access_session(&config->files.rights, session->id, person ? person->pages : 0,
                       person && person->display, config->list, &reason) != EW_OK) {
        (void)ew_log_reason(EW_LOG_ERROR, "login", &reason);
        config->list->count = 0; // an account without rights is better than none: the page can say so
    }
    accounts_session_password(config->accounts, session->id, password);
    warden_open(config->warden, session->id, password, config->list, done, user);
    secret_wipe(password, sizeof(password));
}

void session_review_rights(struct config *config)
{
    struct ew_reason reason;
    if (!rights_set_devices(&config->files, config->store.tree, config->library))
        return;
    for (int i = 0; i < config->accounts->session_count; i++) {
        const struct account_session *session = &config->accounts->sessions[i];
        const struct account_user *person = accounts_user(config->accounts, session->user);
        if (session->open && access_session(&config->files.rights, session->id, person ? person->pages : 0,
                                            person && person->display, config->list, &reason) == EW_OK)
            warden_change(config->warden, session->id, config->list);
    }
    for (int i = 0; i < config->accounts->integration_count; i++) {
        const struct account_integration *account = &config->accounts->integrations[i];
        if (account->command && access_integration(&config->files.rights, account->name, "command",
                                                   config->list, &reason) == EW_OK)
            warden_change(config->warden, account->name, config->list);
    }
}

static void end(struct config *config, struct account_session *session)
{
    if (session->open)
        warden_close(config->warden, session->id);
    accounts_session_end(config->accounts, session);
    config->accounts_dirty = true;
}

void session_end_by_id(struct config *config, const char *id)
{
    for (int i = config->accounts->session_count - 1; i >= 0; i--)
        if (strcmp(config->accounts->sessions[i].id, id) == 0)
            end(config, &config->accounts->sessions[i]);
    login_save(config);
}

void session_end_others(struct config *config, int user, const char *kept)
{
    for (int i = config->accounts->session_count - 1; i >= 0; i--) {
        struct account_session *session = &config->accounts->sessions[i];
        if (session->user == user && strcmp(session->id, kept) != 0)
            end(config, session);
    }
}

void login_end_sessions(struct config *config, int user)
{
    session_end_others(config, user, "");
}

// The broker may have been started from older files, or we may have been away: both are made the same.
static void on_listed(void *user, const cJSON *names)
{
    struct config *config = user;
    const cJSON *name;
    cJSON_ArrayForEach(name, names)
    {
        const char *text = cJSON_GetStringValue(name);
        bool wanted = !text || cJSON_GetObjectItemCaseSensitive(config->files.services, text) ||
                      accounts_integration(config->accounts, text);
        for (int i = 0; i < config->accounts->session_count && !wanted; i++)
            wanted =
                config->accounts->sessions[i].open && strcmp(config->accounts->sessions[i].id, text) == 0;
        if (!wanted)
            warden_close(config->warden, text);
    }
    for (int i = 0; i < config->accounts->session_count; i++) {
        const struct account_session *session = &config->accounts->sessions[i];
        bool there = !session->open;
        cJSON_ArrayForEach(name, names)
        {
            there = there || (cJSON_IsString(name) && strcmp(name->valuestring, session->id) == 0);
        }
        if (!there)
            session_open_in_broker(config, session, NULL, NULL);
    }
}

void login_connected(struct config *config)
{
    warden_list(config->warden, on_listed, config);
}

// ---- Idle ------------------------------------------------------------------------------------------------

static bool dead(struct config *config, const struct account_session *session, int64_t now_ms)
{
    const struct account_user *user = accounts_user(config->accounts, session->user);
    return !user || user->disabled || access_idle_over(user->display, now_ms - session->seen_up_ms);
}

struct account_session *session_alive(struct config *config, const char *token)
{
    struct account_session *session = accounts_session_find(config->accounts, token);
    if (!session || dead(config, session, ew_loop_now_ms(config->service->loop)))
        return NULL;
    return session;
}

void login_tick(struct config *config, int64_t now_ms)
{
    bool ended = false;
    for (int i = config->accounts->session_count - 1; i >= 0; i--) {
        struct account_session *session = &config->accounts->sessions[i];
        if (dead(config, session, now_ms)) {
            ew_info("login", "session ended: idle id=%s", session->id);
            end(config, session);
            ended = true;
        }
    }
    if (ended || (config->accounts_dirty && now_ms - config->saved_ms >= SAVE_USE_MS))
        login_save(config);
}

void login_stop(struct config *config)
{
    if (config->accounts && config->accounts_dirty)
        login_save(config);
}

// ---- Calls -----------------------------------------------------------------------------------------------

static bool read_token(struct mq_request *request, const cJSON *args, char token[64])
{
    struct ew_reason reason;
    struct ew_json o;
    token[0] = 0;
    ew_reason_clear(&reason);
    ew_json_open(&o, args, "", &reason);
    ew_json_text(&o, "token", EW_REQUIRED, 1, 64, token);
    if (ew_json_close(&o) == EW_OK)
        return true;
    mq_answer_error(request, &reason);
    return false;
}

static void answer_unknown(struct mq_request *request)
{
    struct ew_reason reason;
    ew_reason_clear(&reason);
    (void)ew_fail(&reason, EW_E_UNKNOWN, "session.unknown", "", "You are not logged in.");
    mq_answer_error(request, &reason);
}

static void write_session(struct config *config, const struct account_session *session, struct ew_jw *w)
{
    const struct account_user *user = accounts_user(config->accounts, session->user);
    const cJSON *site = cJSON_GetObjectItemCaseSensitive(config->store.tree, "site");
    struct site_settings settings;
    char password[SECRET_TEXT_MAX] = "";
    if (site_settings_read(site, "", &settings, NULL) != EW_OK)
        abort(); // what runs has been checked
    if (session->open)
        accounts_session_password(config->accounts, session->id, password);
    ew_jw_open_object(w, NULL);
    ew_jw_open_object(w, "user");
    ew_jw_int(w, "id", user->id);
    ew_jw_text(w, "name", user->name);
    ew_jw_close_object(w);
    ew_jw_open_array(w, "pages");
    for (int i = 0; i < ACCESS_PAGE_COUNT; i++)
        if (session->open && (user->pages & 1u << i))
            ew_jw_text(w, NULL, access_page_name(i));
    ew_jw_close_array(w);
    ew_jw_text(w, "site", settings.id);
    ew_jw_text(w, "base", config->service->base);
    ew_jw_text(w, "language", settings.language);
    ew_jw_open_object(w, "mqtt");
    ew_jw_text(w, "username", session->open ? session->id : "");
    ew_jw_text(w, "password", password);
    ew_jw_close_object(w);
    ew_jw_bool(w, "must_change", !session->open);
    ew_jw_bool(w, "display", user->display);
    ew_jw_int(w, "idle_s", user->display ? 0 : ACCESS_IDLE_MS / 1000);
    ew_jw_close_object(w);
    secret_wipe(password, sizeof(password));
}

static void on_session(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    struct config *config = user;
    char token[64];
    if (!session_caller_is_web(request) || !read_token(request, args, token))
        return;
    struct account_session *session = session_alive(config, token);
    secret_wipe(token, sizeof(token));
    if (!session) {
        answer_unknown(request);
        return;
    }
    session->seen_up_ms = now_ms;
    config->accounts_dirty = true;
    struct ew_buf result;
    struct ew_jw w;
    ew_buf_init(&result, 8192);
    ew_jw_init(&w, &result);
    write_session(config, session, &w);
    mq_answer(request, &result);
    secret_wipe(result.data, result.cap);
    ew_buf_done(&result);
}

static void answer_nothing(struct mq_request *request)
{
    struct ew_buf result;
    ew_buf_init(&result, 16);
    ew_buf_add_text(&result, "{}");
    mq_answer(request, &result);
    ew_buf_done(&result);
}

static void on_logout(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    char token[64];
    if (!session_caller_is_web(request) || !read_token(request, args, token))
        return;
    struct account_session *session = accounts_session_find(config->accounts, token);
    secret_wipe(token, sizeof(token));
    if (!session) {
        answer_unknown(request);
        return;
    }
    ew_info("login", "session ended: logout id=%s", session->id);
    end(config, session);
    login_save(config);
    answer_nothing(request);
}

// ---- Known browsers --------------------------------------------------------------------------------------

void session_forget_browser(struct config *config, struct account_browser *browser)
{
    for (int i = config->accounts->session_count - 1; i >= 0; i--)
        if (config->accounts->sessions[i].browser == browser->id)
            end(config, &config->accounts->sessions[i]);
    accounts_browser_forget(config->accounts, browser);
}

// "Lock": this browser asks for PIN and PUK again, of whomever, and who is logged in from it goes.
static void on_lock(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    struct ew_reason reason;
    struct ew_json o;
    char token[64] = "", browser[64] = "";
    ew_reason_clear(&reason);
    if (!session_caller_is_web(request))
        return;
    ew_json_open(&o, args, "", &reason);
    ew_json_text(&o, "token", EW_OPTIONAL, 0, sizeof(token), token);
    ew_json_text(&o, "browser", EW_OPTIONAL, 0, sizeof(browser), browser);
    if (ew_json_close(&o) != EW_OK) {
        mq_answer_error(request, &reason);
        return;
    }
    struct account_session *session = accounts_session_find(config->accounts, token);
    if (session) {
        ew_info("login", "session ended: lock id=%s", session->id);
        end(config, session);
    }
    for (int i = config->accounts->browser_count - 1; i >= 0; i--)
        if (accounts_browser_is(&config->accounts->browsers[i], browser))
            session_forget_browser(config, &config->accounts->browsers[i]);
    secret_wipe(token, sizeof(token));
    secret_wipe(browser, sizeof(browser));
    login_save(config);
    answer_nothing(request);
}

void session_calls_start(struct config *config)
{
    mq_serve(config->service->mq, "config", "session", on_session, config);
    mq_serve(config->service->mq, "config", "logout", on_logout, config);
    mq_serve(config->service->mq, "config", "lock", on_lock, config);
}
