// The account of the FTP server: config/ftp_change, and ftp/account, which only that service may read.
#include "base/log.h"
#include "config/config_priv.h"
#include "core/ftp/ftp.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

enum { PAYLOAD_MAX = 1024 };

struct wanted {
    bool has_on, on, has_plain, plain;
    char password[FTP_PASSWORD_MAX + 2]; // "" = the old one stays
};

// yescrypt, which costs some 20 ms and 16 MB: for a person who saves now and then, done here.
static enum ew_err make_hash(const char *password, char ret[FTP_HASH_MAX], struct ew_reason *reason)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data *data = calloc(1, sizeof(*data));
    const char *hash = NULL;
    if (data && crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)))
        hash = crypt_r(password, setting, data);
    ret[0] = 0;
    if (hash && hash[0] == '$')
        ew_copy(ret, FTP_HASH_MAX, hash);
    if (data)
        secret_wipe(data, sizeof(*data));
    free(data);
    return ftp_hash_formed(ret) ? EW_OK
                                : ew_fail(reason, EW_E_BUSY, "call.memory", "",
                                          "There is no memory to check the code; please try again.");
}

// ---- What the service is told ----------------------------------------------------------------------------

void ftp_call_publish(struct config *config)
{
    const struct account_ftp *account = &config->accounts->ftp;
    const char *hash = account->hash[0] ? account->hash : config->ftp_demo_hash;
    struct ew_buf payload;
    struct ew_jw w;
    ew_buf_init(&payload, PAYLOAD_MAX);
    ew_jw_init(&w, &payload);
    ew_jw_open_object(&w, NULL);
    ew_jw_bool(&w, "on", account->on);
    ew_jw_bool(&w, "plain", account->plain);
    ew_jw_bool(&w, "changed", account->hash[0] != 0);
    if (hash[0])
        ew_jw_text(&w, "hash", hash);
    ew_jw_close_object(&w);
    enum ew_err err = mq_retain(config->service->mq, "ftp/account", &payload);
    if (err != EW_OK && err != EW_E_CLOSED) // closed: it is published at the next connect
        ew_error("ftp", "the account was not published: %s", ew_err_sentence(err));
    ew_buf_done(&payload);
}

// ---- The call --------------------------------------------------------------------------------------------

static enum ew_err read_wanted(const cJSON *args, struct wanted *ret, struct ew_reason *reason)
{
    struct ew_json o;
    char password[256] = "";
    *ret = (struct wanted){.has_on = false};
    ew_json_open(&o, args, "", reason);
    ret->has_on = ew_json_has(&o, "on");
    ew_json_bool(&o, "on", EW_OPTIONAL, &ret->on);
    ret->has_plain = ew_json_has(&o, "plain");
    ew_json_bool(&o, "plain", EW_OPTIONAL, &ret->plain);
    bool has_password = ew_json_has(&o, "password");
    ew_json_text(&o, "password", EW_OPTIONAL, 0, sizeof(password), password);
    enum ew_err err = ew_json_close(&o);
    if (err == EW_OK && has_password)
        err = ftp_password_check(password, reason);
    if (err == EW_OK)
        ew_copy(ret->password, sizeof(ret->password), password);
    secret_wipe(password, sizeof(password));
    return err;
}

static enum ew_err make_after(const struct config *config, const struct wanted *wanted,
                              struct account_ftp *ret, struct ew_reason *reason)
{
    *ret = config->accounts->ftp;
    if (wanted->has_on)
        ret->on = wanted->on;
    if (wanted->has_plain)
        ret->plain = wanted->plain;
    return wanted->password[0] ? make_hash(wanted->password, ret->hash, reason) : EW_OK;
}

// What the journal says: no hash.
static cJSON *picture(const struct account_ftp *account, bool new_password)
{
    cJSON *tree = cJSON_CreateObject();
    bool ok = cJSON_AddBoolToObject(tree, "on", account->on) &&
              cJSON_AddBoolToObject(tree, "plain", account->plain);
    if (new_password)
        ok = ok && cJSON_AddBoolToObject(tree, "password_changed", true);
    if (!ok)
        abort();
    return tree;
}

static void store(struct config *config, const struct config_caller *caller, const struct account_ftp *after,
                  bool new_password)
{
    cJSON *before = picture(&config->accounts->ftp, false), *now = picture(after, new_password);
    config->accounts->ftp = *after;
    publish_audit_object(config, caller->account, caller->user, "ftp_change", "ftp", 1, before, now);
    ew_notice("ftp", "changed on=%d plain=%d password=%s by=%s", after->on, after->plain,
              new_password ? "new" : "same", caller->user[0] ? caller->user : caller->account);
    cJSON_Delete(before);
    cJSON_Delete(now);
    login_save(config);
    ftp_call_publish(config);
}

static void on_change(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    struct config_caller caller;
    struct wanted wanted;
    struct account_ftp after = {.on = false};
    struct ew_reason reason;
    ew_reason_clear(&reason);
    if (!config_may(config, request, ACCESS_SERVER, &caller))
        return;
    enum ew_err err = read_wanted(args, &wanted, &reason);
    if (err == EW_OK)
        err = make_after(config, &wanted, &after, &reason);
    if (err == EW_OK) {
        struct ew_buf result;
        ew_buf_init(&result, 128);
        store(config, &caller, &after, wanted.password[0] != 0);
        ew_buf_printf(&result, "{\"on\":%s,\"plain\":%s,\"changed\":%s}", after.on ? "true" : "false",
                      after.plain ? "true" : "false", after.hash[0] ? "true" : "false");
        mq_answer(request, &result);
        ew_buf_done(&result);
    } else {
        mq_answer_error(request, &reason);
    }
    secret_wipe(&wanted, sizeof(wanted));
}

void ftp_call_start(struct config *config)
{
    struct ew_reason reason;
    // The demo's password is the manual's, and its server is reached from this machine only.
    if (config->service->demo && make_hash(FTP_DEFAULT_PASSWORD, config->ftp_demo_hash, &reason) != EW_OK)
        ew_log_reason(EW_LOG_WARNING, "ftp", &reason);
    mq_serve(config->service->mq, "config", "ftp_change", on_change, config);
}
