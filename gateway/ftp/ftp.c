#include "ftp/ftp.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "core/ftp/ftp.h"
#include "ftp/files.h"
#include "ftp/guests.h"
#include "ftp/notes.h"
#include "service/service.h"

#include <stdlib.h>
#include <string.h>

enum { PORT = 2121, PORT_OFF = -1, RETRY_MS = 10000, SWEEP_MS = 30000 };

struct account { // of config, over ftp/account
    bool known, on, plain, changed;
    char hash[FTP_HASH_MAX]; // "" = nobody may log in
};

struct ftp {
    int port; // of the command line, 0 = PORT
    const char *listen;
    struct account account;
    struct ftp_files files;
    struct ftp_jail jail;
    char program[PATH_MAX];
    struct ftp_notes *notes;
    struct ftp_guests *guests;
    struct ew_reason why; // it is not served; code "" = it is
    char said[EW_CODE_MAX];
    int64_t logins, wrong, uploads;
    struct ew_timer retry, sweep;
};

static int port_of(const struct ftp *ftp)
{
    return ftp->port ? ftp->port : PORT;
}

// ---- What ProFTPD says -----------------------------------------------------------------------------------

static void on_note(void *user, enum ftp_event event, long pid, const char *words, int64_t now_ms)
{
    struct ew_service *service = user;
    struct ftp *ftp = service->state;
    const char *address = "";
    if (event == FTP_EVENT_LOGIN || event == FTP_EVENT_WRONG)
        address = ftp_guests_tell(ftp->guests, pid, event == FTP_EVENT_LOGIN, now_ms);
    ftp->logins += event == FTP_EVENT_LOGIN;
    ftp->wrong += event == FTP_EVENT_WRONG;
    ftp->uploads += event == FTP_EVENT_UPLOAD;
    switch (event) {
    case FTP_EVENT_LOGIN:
        ew_notice("ftp", "login from=%s", address);
        break;
    case FTP_EVENT_WRONG:
        ew_warning("ftp", "wrong user or password from=%s", address);
        break;
    case FTP_EVENT_UPLOAD:
        ew_notice("ftp", "database.zip was put in place pid=%ld", pid);
        break;
    case FTP_EVENT_OTHER:
        ew_debug("ftp", "%s pid=%ld", words, pid);
        return;
    }
    ew_service_publish_status(service);
}

// ---- Open or closed --------------------------------------------------------------------------------------

static enum ew_err check_wanted(const struct ftp *ftp, struct ew_reason *reason)
{
    if (!ftp->account.known)
        return ew_fail(reason, EW_E_BUSY, "ftp.waiting", "", "FTP waits for its account.");
    if (ftp->port == PORT_OFF)
        return ew_fail(reason, EW_E_CLOSED, "ftp.closed", "",
                       "FTP was switched off where the gateway is started.");
    if (!ftp->account.on)
        return ew_fail(reason, EW_E_CLOSED, "ftp.off", "", "FTP is switched off.");
    if (!ftp->account.hash[0])
        return ew_fail(reason, EW_E_DENIED, "ftp.default_password", "",
                       "FTP stays off until its password is changed: the manual's is known to everybody.");
    return EW_OK;
}

static enum ew_err open_door(struct ftp *ftp, struct ew_reason *reason)
{
    enum ew_err err = check_wanted(ftp, reason);
    if (err != EW_OK || ftp_guests_listening(ftp->guests))
        return err;
    err = ftp_files_find_program(ftp->program, reason);
    if (err == EW_OK)
        err = ftp_jail_find(&ftp->jail, reason);
    if (err == EW_OK)
        err = ftp_files_write(&ftp->files, &ftp->jail, ftp->program, ftp->account.hash, ftp->account.plain,
                              reason);
    if (err == EW_OK)
        ftp_files_sweep(&ftp->files);
    return err == EW_OK ? ftp_guests_open(ftp->guests, ftp->listen, port_of(ftp), reason) : err;
}

static bool is_decision(const struct ew_reason *why)
{
    return why->err == EW_E_BUSY || why->err == EW_E_CLOSED || strcmp(why->code, "ftp.default_password") == 0;
}

static void say(struct ftp *ftp)
{
    if (strcmp(ftp->said, ftp->why.code[0] ? ftp->why.code : "on") == 0)
        return;
    if (!ftp->why.code[0])
        ew_notice("ftp", "serves the export folder port=%d user=%s", port_of(ftp), FTP_USER);
    else if (is_decision(&ftp->why))
        ew_info("ftp", "%s", ftp->why.text);
    else
        ew_error("ftp", "%s Trying again.", ftp->why.text);
    ew_copy(ftp->said, sizeof(ftp->said), ftp->why.code[0] ? ftp->why.code : "on");
}

static void decide(struct ew_service *service)
{
    struct ftp *ftp = service->state;
    ew_loop_timer_clear(service->loop, &ftp->retry);
    ew_reason_clear(&ftp->why);
    if (open_door(ftp, &ftp->why) != EW_OK) {
        ftp_guests_close(ftp->guests);
        if (!is_decision(&ftp->why))
            ew_loop_timer_set(service->loop, &ftp->retry, ew_loop_now_ms(service->loop) + RETRY_MS);
    }
    say(ftp);
    ew_service_publish_status(service);
}

static void on_retry(struct ew_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    decide(timer->user);
}

static void on_sweep(struct ew_timer *timer, int64_t now_ms)
{
    struct ew_service *service = timer->user;
    struct ftp *ftp = service->state;
    if (ftp_guests_listening(ftp->guests) && ftp_guests_count(ftp->guests) == 0)
        ftp_files_sweep(&ftp->files);
    ew_loop_timer_set(service->loop, timer, now_ms + SWEEP_MS);
}

// ---- The account -----------------------------------------------------------------------------------------

static enum ew_err read_account(const struct mq_message *m, struct account *ret, struct ew_reason *reason)
{
    struct ew_json o;
    cJSON *tree = NULL;
    *ret = (struct account){.known = true};
    enum ew_err err = ew_json_parse(m->payload, m->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, reason);
    if (err == EW_OK) {
        ew_json_open(&o, tree, "", reason);
        ew_json_bool(&o, "on", EW_REQUIRED, &ret->on);
        ew_json_bool(&o, "plain", EW_REQUIRED, &ret->plain);
        ew_json_bool(&o, "changed", EW_REQUIRED, &ret->changed);
        ew_json_text(&o, "hash", EW_OPTIONAL, 1, sizeof(ret->hash), ret->hash);
        err = ew_json_close(&o);
    }
    cJSON_Delete(tree);
    if (err == EW_OK && ret->hash[0] && !ftp_hash_formed(ret->hash))
        err = ew_fail(reason, EW_E_INVALID, "ftp.hash", "/hash", "is no hash of a password");
    return err;
}

static void on_account(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct ew_service *service = user;
    struct ftp *ftp = service->state;
    struct account account = {.known = false};
    struct ew_reason reason;
    ew_reason_clear(&reason);
    if (m->payload_len && read_account(m, &account, &reason) != EW_OK) {
        ew_warning("ftp", "%s%s: %s, ignoring", m->topic, reason.path, reason.text);
        return;
    }
    // The old password ends with its connections; what each of them reads at its start is written anew.
    if (account.plain != ftp->account.plain || strcmp(account.hash, ftp->account.hash) != 0)
        ftp_guests_close(ftp->guests);
    ftp->account = account;
    decide(service);
}

// ---- The service -----------------------------------------------------------------------------------------

static int option(struct ew_service *service, int argc, char **argv)
{
    struct ftp *ftp = service->state;
    if (argc >= 2 && strcmp(argv[0], "--listen") == 0) {
        ftp->listen = argv[1];
        return 2;
    }
    if (argc < 2 || strcmp(argv[0], "--port") != 0)
        return 0;
    char *end;
    long port = strcmp(argv[1], "off") == 0 ? PORT_OFF : strtol(argv[1], &end, 10);
    if (port != PORT_OFF && (*end || port < 1 || port > 65535))
        return 0;
    ftp->port = (int)port;
    return 2;
}

static enum ew_err start(struct ew_service *service, struct ew_reason *reason)
{
    struct ftp *ftp = service->state;
    ftp_files_name(&ftp->files, service->data_dir);
    enum ew_err err = ew_dir_make(ftp->files.run, 0700, reason);
    if (err == EW_OK)
        err = ftp_notes_open(service->loop, ftp->files.log, on_note, service, &ftp->notes, reason);
    if (err != EW_OK)
        return err;
    const struct ftp_guests_options options = {
        .program = ftp->program, .config = ftp->files.config, .jail = &ftp->jail};
    ftp->guests = ftp_guests_new(service->loop, &options);
    ftp->retry = (struct ew_timer){.fn = on_retry, .user = service};
    ftp->sweep = (struct ew_timer){.fn = on_sweep, .user = service};
    ew_loop_timer_set(service->loop, &ftp->sweep, ew_loop_now_ms(service->loop) + SWEEP_MS);
    mq_subscribe(service->mq, "ftp/account", 1, on_account, service);
    return EW_OK;
}

static void connected(struct ew_service *service)
{
    decide(service);
}

static void health(struct ew_service *service, struct ew_jw *w)
{
    const struct ftp *ftp = service->state;
    bool open = ftp_guests_listening(ftp->guests);
    ew_jw_open_object(w, "ftp");
    ew_jw_text(w, "state", open ? "on" : "off");
    ew_jw_int(w, "port", ftp->port == PORT_OFF ? 0 : port_of(ftp));
    ew_jw_bool(w, "wanted", ftp->account.on);
    ew_jw_bool(w, "changed", ftp->account.changed);
    ew_jw_bool(w, "plain", ftp->account.plain);
    ew_jw_int(w, "connections", ftp_guests_count(ftp->guests));
    ew_jw_int(w, "logins", ftp->logins);
    ew_jw_int(w, "wrong", ftp->wrong);
    ew_jw_int(w, "uploads", ftp->uploads);
    ew_jw_int(w, "refused", ftp_guests_refused(ftp->guests));
    if (!open && ftp->why.code[0])
        ew_jw_reason(w, "reason", &ftp->why);
    ew_jw_close_object(w);
}

static void stop(struct ew_service *service)
{
    struct ftp *ftp = service->state;
    ew_loop_timer_clear(service->loop, &ftp->retry);
    ew_loop_timer_clear(service->loop, &ftp->sweep);
    ftp_guests_free(ftp->guests);
    ftp_notes_free(ftp->notes);
}

int ftp_main(int argc, char **argv)
{
    static const struct ew_service_definition definition = {
        .name = "ftp",
        .summary = "serves the export folder over FTP and FTPS, with ProFTPD",
        .state_size = sizeof(struct ftp),
        .option = option,
        .option_help = "  --port N|off      listen there (2121)\n"
                       "  --listen ADDRESS  on this address only (every address)\n",
        .start = start,
        .connected = connected,
        .health = health,
        .stop = stop};
    return ew_service_main(argc, argv, &definition);
}
