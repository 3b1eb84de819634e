// Login by PIN, then PUK (USR-01), and the change of codes. Web forwards what was typed; nobody else may ask.
#include "base/clock.h"
#include "base/log.h"
#include "config/config_priv.h"
#include "config/session_calls.h"
#include "core/access/people.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

// ---- Answers ---------------------------------------------------------------------------------------------

static void refuse(struct mq_request *request, const char *code, const char *text)
{
    struct ew_reason reason;
    ew_reason_clear(&reason);
    (void)ew_fail(&reason, EW_E_DENIED, code, "", "%s", text);
    mq_answer_error(request, &reason);
}

static void refuse_slow(struct mq_request *request, int64_t wait_ms)
{
    struct ew_reason reason;
    int64_t seconds = (wait_ms + 999) / 1000;
    ew_reason_clear(&reason);
    (void)ew_fail(&reason, EW_E_BUSY, "login.slow_down", "", "Too many wrong tries: please wait %lld s.",
                  (long long)seconds);
    ew_reason_param(&reason, "seconds", "%lld", (long long)seconds);
    mq_answer_error(request, &reason);
}

static void refuse_wrong(struct mq_request *request)
{
    refuse(request, "login.wrong_code", "Wrong code.");
}

// browser "" = nothing new to remember there.
static void answer_token(struct mq_request *request, const char *token, const char *browser, bool must_change)
{
    struct ew_buf result;
    struct ew_jw w;
    ew_buf_init(&result, 1024);
    ew_jw_init(&w, &result);
    ew_jw_open_object(&w, NULL);
    ew_jw_text(&w, "token", token);
    if (browser[0])
        ew_jw_text(&w, "browser", browser);
    ew_jw_bool(&w, "must_change", must_change);
    ew_jw_int(&w, "idle_s", ACCESS_IDLE_MS / 1000);
    ew_jw_close_object(&w);
    mq_answer(request, &result);
    secret_wipe(result.data, result.cap);
    ew_buf_done(&result);
}

// ---- Tries -----------------------------------------------------------------------------------------------

static struct config_try *take_try(struct config *config, const char *address)
{
    struct config_try *free_one = NULL;
    for (int i = 0; i < CONFIG_TRIES_MAX; i++) {
        struct config_try *t = &config->tries[i];
        if (!t->used)
            free_one = t;
        else if (strcmp(t->address, address) == 0)
            return NULL; // one at a time from an address: many at once would not slow down
    }
    if (!free_one)
        return NULL;
    *free_one = (struct config_try){.used = true, .config = config};
    ew_copy(free_one->address, sizeof(free_one->address), address);
    return free_one;
}

static void drop_try(struct config_try *t)
{
    secret_wipe(t, sizeof(*t));
}

static int user_place(const struct config *config, const struct account_user *user)
{
    return (int)(user - config->accounts->users);
}

static int64_t wait_ms(const struct config *config, const char *address, const struct account_user *user,
                       int64_t now_ms)
{
    int64_t wait = slowdown_wait_ms(config->slowdown, address, now_ms);
    int64_t until = user ? config->user_until_ms[user_place(config, user)] : 0;
    return until - now_ms > wait ? until - now_ms : wait;
}

static void note_lock(struct config *config, const struct account_user *user)
{
    struct ew_reason reason;
    ew_reason_clear(&reason);
    (void)ew_fail(
        &reason, EW_E_DENIED, "login.locked_user", "",
        "The user \"%s\" was locked after %d wrong codes; \"edgewatt user unlock\" on the console opens it.",
        user->name, user->wrong);
    ew_reason_param(&reason, "user", "%s", user->name);
    ew_reason_param(&reason, "count", "%d", user->wrong);
    (void)ew_log_reason(EW_LOG_WARNING, "login", &reason);
    publish_alarm(config, &reason, true);
    publish_audit(config, "config", user->name, "lock", NULL);
}

static void note_wrong(struct config *config, const char *address, struct account_user *user, int64_t now_ms)
{
    slowdown_wrong(config->slowdown, address, now_ms);
    ew_notice("login", "wrong code from=%s", address[0] ? address : "?");
    if (!user)
        return;
    user->wrong++;
    config->user_until_ms[user_place(config, user)] = now_ms + slowdown_delay_ms(user->wrong);
    if (user->wrong >= ACCOUNTS_LOCK_AFTER && !user->locked) {
        user->locked = true;
        note_lock(config, user);
    }
    login_save(config);
}

static void note_right(struct config *config, const char *address, struct account_user *user)
{
    slowdown_right(config->slowdown, address);
    config->user_until_ms[user_place(config, user)] = 0;
    user->wrong = 0;
}

static bool right_puk(const struct account_user *user, const unsigned char *hash)
{
    return user && hash && sodium_memcmp(hash, user->puk_hash, ACCOUNTS_HASH_BYTES) == 0;
}

// ---- Login -----------------------------------------------------------------------------------------------

static void session_opened(void *user, const struct ew_reason *reason)
{
    struct config_try *t = user;
    if (reason) {
        session_end_by_id(t->config, t->opened);
        mq_answer_error(t->request, reason);
    } else {
        answer_token(t->request, t->token, t->browser, false);
    }
    drop_try(t);
}

static bool must_change_now(const struct config *config, const struct account_user *user)
{
    return user->must_change && !config->service->demo;
}

// PIN and PUK were right: the next time the PIN is enough here (USR-04).
static int remember_browser(struct config *config, struct config_try *t, const struct account_user *user)
{
    char token[SECRET_TEXT_MAX];
    struct account_browser *browser =
        accounts_browser_remember(config->accounts, t->browser, user->id, ew_clock_wall_ms(), token);
    ew_copy(t->browser, sizeof(t->browser), token);
    ew_copy(browser->address, sizeof(browser->address), t->address);
    ew_copy(browser->agent, sizeof(browser->agent), t->agent);
    secret_wipe(token, sizeof(token));
    return browser->id;
}

// known: the browser that makes the PUK needless, NULL = PIN and PUK were typed.
static void open_session(struct config *config, struct config_try *t, struct account_user *user,
                         struct account_browser *known, int64_t now_ms)
{
    char ended[ACCOUNTS_SESSION_MAX];
    bool must_change = must_change_now(config, user);
    struct account_session *session =
        accounts_session_open(config->accounts, user->id, ew_clock_wall_ms(), now_ms, t->token, ended);
    session->open = !must_change;
    if (known) {
        session->browser = known->id;
        known->misses = 0;
        known->seen_ms = ew_clock_wall_ms();
    } else if (!must_change) {
        session->browser = remember_browser(config, t, user);
    }
    if (ended[0])
        warden_close(config->warden, ended);
    ew_notice("login", "session opened user=%s from=%s%s", user->name, t->address, known ? " by PIN" : "");
    login_save(config);
    if (must_change) {
        answer_token(t->request, t->token, "", true);
        drop_try(t);
        return;
    }
    ew_copy(t->opened, sizeof(t->opened), session->id);
    session_open_in_broker(config, session, session_opened, t);
}

static void on_login_hash(void *user, const unsigned char *hash, int64_t now_ms)
{
    struct config_try *t = user;
    struct config *config = t->config;
    struct account_user *person = t->user ? accounts_user(config->accounts, t->user) : NULL;
    if (!hash) {
        refuse(t->request, "call.memory", "There is no memory to check the code; please try again.");
    } else if (!right_puk(person, hash) || person->disabled) {
        note_wrong(config, t->address, person, now_ms);
        refuse_wrong(t->request);
    } else if (person->locked) {
        refuse(t->request, "login.locked",
               "This user is locked; it can be unlocked at the gateway's console.");
    } else {
        note_right(config, t->address, person);
        open_session(config, t, person, NULL, now_ms);
        return;
    }
    drop_try(t);
}

// Somebody who does not exist is checked for as long as somebody who does.
static const unsigned char *salt_of(const struct account_user *user)
{
    static const unsigned char nobody[16] = "edgewatt-nobody";
    return user ? user->puk_salt : nobody;
}

static void begin_try(struct config *config, struct mq_request *request, const char *puk, const char *address,
                      struct account_user *user, hasher_done_fn *done, const struct config_try *more)
{
    int64_t now_ms = ew_loop_now_ms(config->service->loop);
    int64_t wait = wait_ms(config, address, user, now_ms);
    if (wait > 0) {
        refuse_slow(request, wait);
        return;
    }
    struct config_try *t = take_try(config, address);
    if (!t) {
        refuse_slow(request, 1000);
        return;
    }
    *t = *more;
    t->used = true;
    t->config = config;
    ew_copy(t->address, sizeof(t->address), address);
    t->request = request;
    t->user = user ? user->id : 0;
    if (hasher_hash(config->hasher, puk, salt_of(user), done, t) != EW_OK) {
        refuse_slow(request, 1000);
        drop_try(t);
    }
}

struct typed {
    char pin[8], puk[16], new_pin[8], new_puk[16], address[48], token[64], browser[64];
    char agent[ACCOUNTS_AGENT_MAX];
};

static enum ew_err read_typed(const cJSON *args, struct typed *ret, struct ew_reason *reason)
{
    struct ew_json o;
    *ret = (struct typed){.pin = ""};
    ew_json_open(&o, args, "", reason);
    ew_json_text(&o, "pin", EW_REQUIRED, 0, sizeof(ret->pin), ret->pin);
    ew_json_text(&o, "puk", EW_OPTIONAL, 0, sizeof(ret->puk), ret->puk);
    ew_json_text(&o, "new_pin", EW_OPTIONAL, 0, sizeof(ret->new_pin), ret->new_pin);
    ew_json_text(&o, "new_puk", EW_OPTIONAL, 0, sizeof(ret->new_puk), ret->new_puk);
    ew_json_text(&o, "address", EW_OPTIONAL, 0, sizeof(ret->address), ret->address);
    ew_json_text(&o, "token", EW_OPTIONAL, 0, sizeof(ret->token), ret->token);
    ew_json_text(&o, "browser", EW_OPTIONAL, 0, sizeof(ret->browser), ret->browser);
    ew_json_text(&o, "agent", EW_OPTIONAL, 0, sizeof(ret->agent), ret->agent);
    enum ew_err err = ew_json_close(&o);
    if (err == EW_OK && !access_pin_formed(ret->pin))
        err = ew_fail(reason, EW_E_INVALID, "login.form", "/pin", "A PIN has 5 digits.");
    if (err == EW_OK && ew_json_has(&o, "puk") && !access_puk_formed(ret->puk))
        err = ew_fail(reason, EW_E_INVALID, "login.form", "/puk", "A PUK has 14 digits.");
    return err;
}

static void answer_next(struct mq_request *request)
{
    struct ew_buf result;
    ew_buf_init(&result, 64);
    ew_buf_add_text(&result, "{\"next\":\"puk\"}");
    mq_answer(request, &result);
    ew_buf_done(&result);
}

// Only the PIN was typed: enough from a browser that this user made known. Whatever else the PIN is, it leads
// to the PUK.
static void on_pin(struct config *config, struct mq_request *request, const struct typed *typed)
{
    int64_t now_ms = ew_loop_now_ms(config->service->loop);
    struct account_user *user = accounts_user_by_pin(config->accounts, typed->pin);
    struct account_browser *known =
        user ? accounts_browser_find(config->accounts, typed->browser, user->id, ew_clock_wall_ms()) : NULL;
    if (!known || user->disabled || user->locked || must_change_now(config, user)) {
        if (accounts_browser_miss(config->accounts, typed->browser))
            login_save(config);
        answer_next(request);
        return;
    }
    int64_t wait = wait_ms(config, typed->address, user, now_ms);
    struct config_try *t = wait > 0 ? NULL : take_try(config, typed->address);
    if (!t) {
        refuse_slow(request, wait > 0 ? wait : 1000);
        return;
    }
    t->request = request;
    t->user = user->id;
    open_session(config, t, user, known, now_ms);
}

static void on_login(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    struct ew_reason reason;
    struct typed typed;
    ew_reason_clear(&reason);
    if (!session_caller_is_web(request))
        return;
    if (read_typed(args, &typed, &reason) != EW_OK)
        mq_answer_error(request, &reason);
    else if (!typed.puk[0])
        on_pin(config, request, &typed);
    else {
        struct config_try t = {.codes = false};
        ew_copy(t.browser, sizeof(t.browser), typed.browser);
        ew_copy(t.agent, sizeof(t.agent), typed.agent);
        begin_try(config, request, typed.puk, typed.address,
                  accounts_user_by_pin(config->accounts, typed.pin), on_login_hash, &t);
        secret_wipe(&t, sizeof(t));
    }
    secret_wipe(&typed, sizeof(typed));
}

// ---- Own codes -------------------------------------------------------------------------------------------

static void codes_opened(void *user, const struct ew_reason *reason)
{
    struct config_try *t = user;
    struct ew_buf result;
    ew_buf_init(&result, 64);
    ew_buf_add_text(&result, "{\"ok\":true}");
    if (reason) // the codes are changed all the same; the next login will find the broker again
        ew_warning("login", "the session is not opened: %s", reason->text);
    mq_answer(t->request, &result);
    ew_buf_done(&result);
    drop_try(t);
}

static struct account_session *session_of_try(const struct config_try *t)
{
    struct accounts *accounts = t->config->accounts;
    for (int i = 0; i < accounts->session_count; i++)
        if (sodium_memcmp(accounts->sessions[i].token_hash, t->session, sizeof(t->session)) == 0)
            return &accounts->sessions[i];
    return NULL;
}

static void store_codes(struct config_try *t, struct account_user *person, struct account_session *session,
                        const unsigned char *hash)
{
    struct config *config = t->config;
    accounts_hash_pin(config->accounts, t->new_pin, person->pin_hash);
    memcpy(person->puk_salt, t->new_salt, sizeof(person->puk_salt));
    memcpy(person->puk_hash, hash, sizeof(person->puk_hash));
    person->must_change = false;
    // Whoever came in with the old codes elsewhere goes, and no browser knows the new ones.
    accounts_browser_forget_user(config->accounts, person->id);
    char own[ACCOUNTS_SESSION_MAX];
    ew_copy(own, sizeof(own), session->id);
    session_end_others(config, person->id, own);
    session = session_of_try(t);
    bool open_now = session && !session->open;
    if (open_now)
        session->open = true;
    login_save(config);
    publish_audit(config, own, person->name, "codes", NULL);
    ew_notice("login", "codes changed user=%s", person->name);
    if (open_now)
        session_open_in_broker(config, session, codes_opened, t);
    else
        codes_opened(t, NULL);
}

static void on_new_hash(void *user, const unsigned char *hash, int64_t now_ms)
{
    (void)now_ms;
    struct config_try *t = user;
    struct account_user *person = accounts_user(t->config->accounts, t->user);
    struct account_session *session = session_of_try(t);
    const struct account_user *other = accounts_user_by_pin(t->config->accounts, t->new_pin);
    if (hash && person && session && (!other || other == person)) {
        store_codes(t, person, session, hash);
        return;
    }
    if (!hash)
        refuse(t->request, "call.memory", "There is no memory to check the code; please try again.");
    else if (!person || !session)
        refuse(t->request, "session.unknown", "You are not logged in.");
    else
        refuse(t->request, "codes.pin_taken", "This PIN cannot be used; please choose another.");
    drop_try(t);
}

static void on_codes_hash(void *user, const unsigned char *hash, int64_t now_ms)
{
    struct config_try *t = user;
    struct config *config = t->config;
    struct account_user *person = t->user ? accounts_user(config->accounts, t->user) : NULL;
    if (!right_puk(person, hash)) {
        note_wrong(config, t->address, person, now_ms);
        refuse_wrong(t->request);
        drop_try(t);
        return;
    }
    note_right(config, t->address, person);
    secret_random(t->new_salt, sizeof(t->new_salt));
    if (hasher_hash(config->hasher, t->new_puk, t->new_salt, on_new_hash, t) != EW_OK) {
        refuse_slow(t->request, 1000);
        drop_try(t);
    }
}

static enum ew_err check_new_codes(const struct config *config, const struct account_user *user,
                                   const struct typed *typed, struct ew_reason *reason)
{
    if (!access_pin_formed(typed->new_pin))
        return ew_fail(reason, EW_E_INVALID, "codes.form", "/new_pin", "A PIN has 5 digits.");
    if (!access_puk_formed(typed->new_puk))
        return ew_fail(reason, EW_E_INVALID, "codes.form", "/new_puk", "A PUK has 14 digits.");
    if (accounts_code_is_default(typed->new_pin, typed->new_puk))
        return ew_fail(reason, EW_E_INVALID, "codes.default", "/new_pin",
                       "These codes stand in the manual; please choose your own.");
    const struct account_user *other = accounts_user_by_pin(config->accounts, typed->new_pin);
    if (other && other != user)
        return ew_fail(reason, EW_E_EXISTS, "codes.pin_taken", "/new_pin",
                       "This PIN cannot be used; please choose another.");
    if (strcmp(typed->new_puk, typed->puk) == 0)
        return ew_fail(reason, EW_E_INVALID, "codes.same", "/new_puk",
                       "The new PUK must differ from the present one.");
    return EW_OK;
}

static void change_codes(struct config *config, struct mq_request *request, const struct typed *typed)
{
    struct ew_reason reason;
    struct account_session *session = session_alive(config, typed->token);
    struct account_user *user = session ? accounts_user(config->accounts, session->user) : NULL;
    ew_reason_clear(&reason);
    if (!user) {
        refuse(request, "session.unknown", "You are not logged in.");
        return;
    }
    if (check_new_codes(config, user, typed, &reason) != EW_OK) {
        mq_answer_error(request, &reason);
        return;
    }
    // The right PUK with another's PIN is as wrong as a wrong PUK.
    struct account_user *named = accounts_user_by_pin(config->accounts, typed->pin);
    struct config_try t = {.codes = true};
    memcpy(t.session, session->token_hash, sizeof(t.session));
    ew_copy(t.new_pin, sizeof(t.new_pin), typed->new_pin);
    ew_copy(t.new_puk, sizeof(t.new_puk), typed->new_puk);
    begin_try(config, request, typed->puk, typed->address, named == user ? user : NULL, on_codes_hash, &t);
    secret_wipe(&t, sizeof(t));
}

static void on_codes(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    struct ew_reason reason;
    struct typed typed;
    ew_reason_clear(&reason);
    if (!session_caller_is_web(request))
        return;
    if (read_typed(args, &typed, &reason) != EW_OK)
        mq_answer_error(request, &reason);
    else if (!typed.puk[0])
        refuse(request, "login.form", "A PUK has 14 digits.");
    else
        change_codes(config, request, &typed);
    secret_wipe(&typed, sizeof(typed));
}

void login_start(struct config *config)
{
    mq_serve(config->service->mq, "config", "login", on_login, config);
    mq_serve(config->service->mq, "config", "codes", on_codes, config);
    session_calls_start(config);
}
