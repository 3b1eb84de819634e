// config: the one writer of the site file, of accounts and rights, and the only one that may speak to the
// broker's $CONTROL.
#include "base/clock.h"
#include "base/log.h"
#include "config/commands.h"
#include "config/config_priv.h"
#include "config/console_ask.h"
#include "config/session_calls.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct state {
    struct config config; // first
    int lock;             // console_lock
};

static void *zeroed(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        abort();
    return memory;
}

static void on_profile_problem(void *user, const char *path, const struct ew_reason *reason)
{
    (void)user;
    ew_warning("profiles", "%s%s: %s, ignoring this profile", path, reason->path, reason->text);
}

enum ew_err config_reload_library(struct config *config, struct ew_reason *reason)
{
    struct library *library = NULL;
    enum ew_err err = library_load(config->service->share_dir, config->service->data_dir, on_profile_problem,
                                   NULL, &library, reason);
    if (err == EW_OK) {
        library_free(config->library);
        config->library = library;
    }
    return err;
}

static enum ew_err load_accounts(struct config *config, struct ew_reason *reason)
{
    secret_start();
    config->accounts = zeroed(sizeof(*config->accounts));
    enum ew_err err = accounts_load(config->service->data_dir, ew_clock_up_ms(), config->accounts, reason);
    if (err == EW_OK && config->accounts->fresh) {
        accounts_add_defaults(config->accounts);
        err = accounts_save(config->accounts, reason);
        ew_notice("login", "the four users of the manual were made");
    }
    // Sessions with the manual's codes, from a time when they were allowed (--demo), end here.
    for (int i = config->accounts->session_count - 1; err == EW_OK && i >= 0; i--) {
        struct account_session *session = &config->accounts->sessions[i];
        const struct account_user *user = accounts_user(config->accounts, session->user);
        if (session->open && user && user->must_change && !config->service->demo)
            accounts_session_end(config->accounts, session);
    }
    return err;
}

// What is wrong with the file does not stop us: the newest right version runs.
static void tell_foreign(struct config *config)
{
    struct ew_reason reason = config->store.foreign_reason;
    struct ew_reason alarm;
    ew_reason_clear(&alarm);
    (void)ew_fail(&alarm, EW_E_INVALID, "config.file_wrong", reason.path,
                  "site.json was changed by hand and can't be used: %s; revision %lld goes on", reason.text,
                  (long long)config->store.rev);
    ew_reason_param(&alarm, "problem", "%s", reason.text);
    ew_reason_param(&alarm, "rev", "%lld", (long long)config->store.rev);
    (void)ew_log_reason(EW_LOG_ERROR, "site", &alarm);
    publish_alarm(config, &alarm, true);
}

static void tell_right(struct config *config)
{
    struct ew_reason alarm;
    ew_reason_clear(&alarm);
    (void)ew_fail(&alarm, EW_E_INVALID, "config.file_wrong", "", "site.json can be used again");
    ew_reason_param(&alarm, "problem", "%s", config->store.foreign_reason.text);
    ew_reason_param(&alarm, "rev", "%lld", (long long)config->store.rev);
    ew_notice("site", "%s", alarm.text);
    publish_alarm(config, &alarm, false);
}

static enum ew_err load_site(struct config *config, struct ew_reason *reason)
{
    struct site_check check = {.problem = NULL};
    const char *id = strrchr(config->service->base, '/'); // "edgewatt/<site>"
    enum ew_err err = site_store_open(&config->store, config->service->data_dir, id ? id + 1 : "", &check,
                                      config->accounts->next_id, reason);
    if (err != EW_OK)
        return err;
    if (config_check(config, config->store.tree, reason) != EW_OK)
        ew_warning("site", "%s: %s, going on", reason->path, reason->text);
    ew_info("site", "revision %lld", (long long)config->store.rev);
    return EW_OK;
}

static void on_tick(struct ew_timer *timer, int64_t now_ms)
{
    struct config *config = timer->user;
    login_tick(config, now_ms);
    machine_tick(&config->machine, now_ms);
    ew_loop_timer_set(config->service->loop, timer, now_ms + MACHINE_TICK_MS);
}

static enum ew_err start(struct ew_service *service, struct ew_reason *reason)
{
    struct state *state = service->state;
    struct config *config = &state->config;
    config->service = service;
    state->lock = console_lock(service->data_dir);
    if (state->lock < 0)
        return ew_fail(reason, EW_E_BUSY, "config.second", service->data_dir,
                       "another config, or a command, works with this data folder");
    enum ew_err err = load_accounts(config, reason);
    if (err == EW_OK)
        err = rights_load(service->share_dir, service->base, &config->files, reason);
    if (err == EW_OK)
        err = config_reload_library(config, reason);
    if (err == EW_OK)
        err = load_site(config, reason);
    if (err != EW_OK)
        return err;
    (void)rights_set_devices(&config->files, config->store.tree, config->library);
    config->list = zeroed(sizeof(*config->list));
    config->slowdown = zeroed(sizeof(*config->slowdown));
    config->hasher = hasher_new(service->loop);
    config->warden = warden_new(service->loop, service->mq);
    publish_start(config);
    site_calls_start(config);
    login_start(config);
    user_calls_start(config);
    ftp_call_start(config);
    broker_watch_start(&config->broker_watch, service->mq);
    profile_calls_start(config);
    backup_call_start(config);
    config->console = console_new(config);
    machine_tick(&config->machine, ew_loop_now_ms(service->loop));
    config->tick.fn = on_tick;
    config->tick.user = config;
    ew_loop_timer_set(service->loop, &config->tick, ew_loop_now_ms(service->loop) + MACHINE_TICK_MS);
    return EW_OK;
}

static void connected(struct ew_service *service)
{
    struct config *config = service->state;
    publish_all(config);
    ftp_call_publish(config);
    login_connected(config);
    backup_call_connected(config);
    if (config->store.foreign)
        tell_foreign(config);
}

// A hand edit: taken over when it is right, told when it is not. The file itself is left as it is.
static void reload_site(struct config *config)
{
    struct ew_reason reason;
    cJSON *tree = NULL;
    ew_reason_clear(&reason);
    enum ew_err err = site_store_reread(&config->store, &tree, &reason);
    if (err == EW_OK && tree)
        err = config_check(config, tree, &reason);
    if (err != EW_OK) {
        cJSON_Delete(tree);
        config->store.foreign = true;
        config->store.foreign_reason = reason;
        tell_foreign(config);
        return;
    }
    if (!tree) {
        ew_info("site", "site.json is as it was");
        return;
    }
    if (config->store.foreign)
        tell_right(config);
    cJSON *before = cJSON_Duplicate(config->store.tree, true);
    if (!before)
        abort();
    site_store_adopt(&config->store, tree);
    config_changed(config, before, "file", "", "hand edit");
    cJSON_Delete(before);
}

static void reload(struct ew_service *service)
{
    struct config *config = service->state;
    struct ew_reason reason;
    ew_reason_clear(&reason);
    if (config_reload_library(config, &reason) != EW_OK) {
        ew_error("profiles", "%s: %s, going on with the old ones", reason.path, reason.text);
    } else {
        session_review_rights(config);
        publish_all(config);
    }
    reload_site(config);
}

static void health(struct ew_service *service, struct ew_jw *w)
{
    const struct config *config = service->state;
    ew_jw_int(w, "rev", config->store.rev);
    ew_jw_bool(w, "file_ok", !config->store.foreign);
    ew_jw_int(w, "sessions", config->accounts->session_count);
    machine_write(&config->machine, service->data_dir, ew_loop_now_ms(service->loop), w);
    broker_watch_write(&config->broker_watch, w);
}

static void stop(struct ew_service *service)
{
    struct state *state = service->state;
    struct config *config = &state->config;
    ew_loop_timer_clear(service->loop, &config->tick);
    console_free(config->console);
    hasher_free(config->hasher);
    if (config->hasher)
        login_stop(config);
    user_calls_stop(config);
    backup_call_stop(config);
    warden_free(config->warden);
    site_store_done(&config->store);
    library_free(config->library);
    rights_done(&config->files);
    if (config->accounts)
        accounts_wipe(config->accounts);
    free(config->accounts);
    free(config->list);
    free(config->slowdown);
    free(config->revs);
    if (state->lock > 0)
        close(state->lock);
}

int config_main(int argc, char **argv)
{
    static const struct ew_service_definition definition = {
        .name = "config",
        .summary = "the one writer of the site file, of accounts and rights",
        .state_size = sizeof(struct state),
        .start = start,
        .connected = connected,
        .reload = reload,
        .health = health,
        .stop = stop};
    return ew_service_main(argc, argv, &definition);
}
