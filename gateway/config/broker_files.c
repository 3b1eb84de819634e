// edgewatt broker-files: everything the broker needs, made anew before each of its starts.
#include "base/file.h"
#include "base/log.h"
#include "certificate/certificate.h"
#include "config/commands.h"
#include "config/dynsec.h"
#include "config/options.h"
#include "config/site_store.h"
#include "service/paths.h"

#include <arpa/inet.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SERVICES_MAX = 16, TEMPLATE_MAX = 64 << 10 };

static const char help[] =
    "Usage: edgewatt broker-files --data DIR --mqtt PORT [--mqtts PORT|off] [--listen ADDRESS]\n"
    "\n"
    "Makes what the broker needs from the site file, the rights and the accounts:\n"
    "  DIR/run/broker/mosquitto.conf   its configuration\n"
    "  DIR/run/broker/dynsec.json      accounts and rights, live browser sessions included\n"
    "  DIR/run/broker.json             where it listens, for the services\n"
    "  DIR/secrets/<service>.json      a broker account for each service, made once\n"
    "  DIR/run/broker/tls.pem          a copy of DIR/secrets/web.pem, which is made when it is not there\n"
    "  DIR/run/ftp/tls.pem             another, for the FTP server\n"
    "  DIR/run/certificate.pem         its public part, for programs that connect\n"
    "A data folder without a site file gets a new one.\n"
    "\n"
    "  --data DIR    the data folder\n"
    "  --mqtt PORT   the port on 127.0.0.1\n"
    "  --mqtts PORT  a port over TLS for accounts of other programs, or off (off)\n"
    "  --listen ADDRESS   where that one is: every address\n";

struct job {
    const char *data, *port;
    const char *tls_port; // NULL = off
    const char *listen;   // NULL = every address
    char share[PATH_MAX];
    char base[64];
    struct rights_files files;
    struct dynsec_service services[SERVICES_MAX];
    int service_count;
    struct accounts *accounts;
};

static void below(const struct job *job, const char *file, char dst[PATH_MAX])
{
    ew_path(dst, job->data, file);
}

static enum ew_err make_folders(const struct job *job, struct ew_reason *reason)
{
    static const char *const folders[] = {"run", "run/broker", "run/ftp", "secrets"};
    enum ew_err err = EW_OK;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && err == EW_OK; i++) {
        char path[PATH_MAX];
        below(job, folders[i], path);
        err = ew_dir_make(path, 0700, reason);
    }
    return err;
}

// When the broker alone is started again, the services go on with the id that they were started with, though
// a hand edit may have changed it meanwhile. "" = any.
static void running_id(const struct job *job, char dst[33])
{
    const char *restarts = getenv("EDGEWATT_RESTARTS"); // set by the supervisor
    char path[PATH_MAX];
    cJSON *tree = NULL;
    dst[0] = 0;
    below(job, "run/broker.json", path);
    if (!restarts || strcmp(restarts, "0") == 0 || secret_read_json(path, 4096, &tree, NULL) != EW_OK)
        return;
    const char *base = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "base"));
    const char *id = base ? strrchr(base, '/') : NULL;
    ew_copy(dst, 33, id ? id + 1 : "");
    cJSON_Delete(tree);
}

// The site's id is part of every topic.
static enum ew_err read_base(struct job *job, struct ew_reason *reason)
{
    struct site_store store;
    struct site_check check = {.problem = NULL};
    char id[33];
    running_id(job, id);
    enum ew_err err = site_store_peek(&store, job->data, id, &check, reason);
    if (err == EW_OK && store.foreign)
        ew_warning("site", "site.json%s: %s; going on with version %lld", store.foreign_reason.path,
                   store.foreign_reason.text, (long long)store.rev);
    struct site_settings settings;
    if (err == EW_OK)
        err = site_settings_read(cJSON_GetObjectItemCaseSensitive(store.tree, "site"), "/site", &settings,
                                 reason);
    if (err == EW_OK)
        (void)ew_format(job->base, sizeof(job->base), "edgewatt/%s", settings.id);
    site_store_done(&store);
    return err;
}

// Which devices take commands is told by their profiles. Without the library nobody may command: no reason to
// go without a broker.
static enum ew_err name_devices(struct job *job, struct ew_reason *reason)
{
    struct site_store store;
    struct site_check check = {.problem = NULL};
    struct library *library = NULL;
    struct ew_reason why;
    char id[33];
    running_id(job, id);
    enum ew_err err = site_store_peek(&store, job->data, id, &check, reason);
    if (err == EW_OK && library_load(job->share, job->data, NULL, NULL, &library, &why) != EW_OK)
        ew_warning("profiles", "%s: %s; nobody may send commands", why.path, why.text);
    if (err == EW_OK)
        (void)rights_set_devices(&job->files, store.tree, library);
    library_free(library);
    site_store_done(&store);
    return err;
}

static enum ew_err make_services(struct job *job, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    for (const cJSON *one = job->files.services->child; one && err == EW_OK; one = one->next) {
        if (job->service_count == SERVICES_MAX)
            return ew_fail(reason, EW_E_FULL, "broker.services", "services.json", "more than %d services",
                           SERVICES_MAX);
        struct dynsec_service *service = &job->services[job->service_count++];
        struct secret_account account;
        service->name = one->string;
        err = secret_account_ensure(job->data, service->name, &account, reason);
        if (err == EW_OK)
            secret_hash_make(account.password, &service->hash);
        secret_wipe(&account, sizeof(account));
    }
    return err;
}

static enum ew_err write_dynsec(struct job *job, struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct ew_buf text;
    ew_buf_init(&text, DYNSEC_FILE_MAX);
    below(job, "run/broker/dynsec.json", path);
    enum ew_err err =
        dynsec_file(&text, &job->files.rights, job->services, job->service_count, job->accounts, reason);
    if (err == EW_OK)
        err = ew_file_write(path, text.data, text.len, 0600, reason);
    ew_buf_done(&text);
    return err;
}

// Debian has a folder a machine type: /usr/lib/x86_64-linux-gnu.
static enum ew_err find_plugin(char dst[PATH_MAX], struct ew_reason *reason)
{
    static const char *const patterns[] = {
        "/usr/lib/*/mosquitto_dynamic_security.so", "/usr/lib/mosquitto_dynamic_security.so",
        "/usr/lib64/mosquitto_dynamic_security.so", "/usr/local/lib/mosquitto_dynamic_security.so"};
    dst[0] = 0;
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]) && !dst[0]; i++) {
        glob_t found;
        if (glob(patterns[i], 0, NULL, &found) == 0 && found.gl_pathc)
            ew_copy(dst, PATH_MAX, found.gl_pathv[0]);
        globfree(&found);
    }
    return dst[0]
               ? EW_OK
               : ew_fail(reason, EW_E_UNKNOWN, "broker.plugin", "",
                         "mosquitto_dynamic_security.so is not found; is the package mosquitto installed?");
}

// Started as root, mosquitto would become the user "mosquitto", which can't reach a data folder that is
// root's alone, and the kernel would forget that the broker must die with its supervisor (prctl(2),
// PR_SET_PDEATHSIG). So it stays who started it; with systemd that is a user of its own.
static const char *user_line(void)
{
    return geteuid() == 0 ? "user root" : "";
}

static enum ew_err fill(const char *template, const char *const names[], const char *const values[],
                        int count, struct ew_buf *text)
{
    for (const char *at = template; *at;) {
        int found = -1;
        for (int i = 0; *at == '@' && i < count; i++)
            if (strncmp(at, names[i], strlen(names[i])) == 0)
                found = i;
        if (found < 0) {
            ew_buf_add(text, at++, 1);
            continue;
        }
        ew_buf_add_text(text, values[found]);
        at += strlen(names[found]);
    }
    return text->full ? EW_E_TOO_LARGE : EW_OK;
}

// ---- TLS -------------------------------------------------------------------------------------------------

// The broker and the FTP server may be other users than the web service: they have copies.
static enum ew_err write_certificate(const struct job *job, struct ew_reason *reason)
{
    char own[PATH_MAX], copy[PATH_MAX], ftp[PATH_MAX], shown[PATH_MAX];
    struct ew_buf pem, open;
    below(job, CERTIFICATE_FILE, own);
    below(job, "run/broker/tls.pem", copy);
    below(job, "run/ftp/tls.pem", ftp);
    below(job, "run/certificate.pem", shown);
    ew_buf_init(&pem, CERTIFICATE_PEM_MAX);
    ew_buf_init(&open, CERTIFICATE_PEM_MAX);
    enum ew_err err = certificate_ensure(own, reason);
    if (err == EW_OK)
        err = ew_file_read(own, CERTIFICATE_PEM_MAX, &pem, reason);
    if (err == EW_OK)
        err = ew_file_write(ftp, pem.data, pem.len, 0600, reason);
    if (err == EW_OK && job->tls_port)
        err = ew_file_write(copy, pem.data, pem.len, 0600, reason);
    if (err == EW_OK) {
        certificate_public(ew_buf_text(&pem), &open);
        err = ew_file_write(shown, open.data, open.len, 0644, reason);
    }
    if (pem.data)
        secret_wipe(pem.data, pem.cap);
    ew_buf_done(&pem);
    ew_buf_done(&open);
    return err;
}

static void tls_lines(const struct job *job, struct ew_buf *lines)
{
    char pem[PATH_MAX];
    if (!job->tls_port)
        return;
    below(job, "run/broker/tls.pem", pem);
    ew_buf_printf(lines,
                  "\n# For accounts of other programs. Few places, so that nobody out there takes those of "
                  "the services.\n"
                  "listener %s%s%s\n"
                  "protocol mqtt\n"
                  "certfile %s\n"
                  "keyfile %s\n"
                  "tls_version tlsv1.2\n"
                  "max_connections 200\n"
                  "max_topic_alias 10\n",
                  job->tls_port, job->listen ? " " : "", job->listen ? job->listen : "", pem, pem);
}

static enum ew_err write_conf(struct job *job, struct ew_reason *reason)
{
    char from[PATH_MAX], to[PATH_MAX], dynsec[PATH_MAX], plugin[PATH_MAX];
    ew_path(from, job->share, "broker-config/mosquitto.conf.in");
    below(job, "run/broker/mosquitto.conf", to);
    below(job, "run/broker/dynsec.json", dynsec);
    struct ew_buf template, text, tls;
    ew_buf_init(&tls, TEMPLATE_MAX);
    tls_lines(job, &tls);
    const char *const names[] = {"@PORT@", "@PLUGIN@", "@DYNSEC@", "@USER@", "@TLS@"};
    const char *const values[] = {job->port, plugin, dynsec, user_line(), ew_buf_text(&tls)};
    ew_buf_init(&template, TEMPLATE_MAX);
    ew_buf_init(&text, TEMPLATE_MAX);
    enum ew_err err = find_plugin(plugin, reason);
    if (err == EW_OK && strpbrk(dynsec, "\r\n"))
        err = ew_fail(reason, EW_E_INVALID, "file.path", job->data, "the path holds a line break");
    if (err == EW_OK)
        err = ew_file_read(from, TEMPLATE_MAX, &template, reason);
    if (err == EW_OK && fill(ew_buf_text(&template), names, values, 5, &text) != EW_OK)
        err = ew_fail(reason, EW_E_TOO_LARGE, "broker.file", to, "would be too large");
    if (err == EW_OK)
        err = ew_file_write(to, text.data, text.len, 0600, reason);
    ew_buf_done(&template);
    ew_buf_done(&text);
    ew_buf_done(&tls);
    return err;
}

static enum ew_err write_address(struct job *job, struct ew_reason *reason)
{
    char path[PATH_MAX], text[256];
    below(job, "run/broker.json", path);
    (void)ew_format(text, sizeof(text), "{\"host\":\"127.0.0.1\",\"port\":%s,\"base\":\"%s\"%s%s}\n",
                    job->port, job->base, job->tls_port ? ",\"tls_port\":" : "",
                    job->tls_port ? job->tls_port : "");
    return ew_file_write(path, text, strlen(text), 0600, reason);
}

static enum ew_err make_all(struct job *job, struct ew_reason *reason)
{
    enum ew_err err = ew_share_dir(job->share, reason);
    if (err == EW_OK)
        err = make_folders(job, reason);
    if (err == EW_OK)
        err = read_base(job, reason);
    if (err == EW_OK)
        err = rights_load(job->share, job->base, &job->files, reason);
    if (err == EW_OK)
        err = name_devices(job, reason);
    if (err == EW_OK)
        err = make_services(job, reason);
    if (err == EW_OK)
        err = accounts_load(job->data, 0, job->accounts, reason);
    if (err == EW_OK)
        err = write_dynsec(job, reason);
    if (err == EW_OK)
        err = write_certificate(job, reason);
    // A certificate that only the FTP server would show is no reason to go without a broker.
    if (err == EW_E_INVALID && !job->tls_port) {
        ew_log_reason(EW_LOG_WARNING, "tls", reason);
        err = EW_OK;
    }
    if (err == EW_OK)
        err = write_conf(job, reason);
    return err == EW_OK ? write_address(job, reason) : err;
}

static bool port_formed(const char *port)
{
    size_t len = port ? strlen(port) : 0;
    return len >= 1 && len <= 5 && strspn(port, "0123456789") == len && port[0] != '0' &&
           strtol(port, NULL, 10) <= 65535;
}

int broker_files_main(int argc, char **argv)
{
    const char *data = NULL, *port = NULL, *tls_port = NULL, *listen = NULL, *word;
    const struct command_option options[] = {{"--data", &data, NULL},
                                             {"--mqtt", &port, NULL},
                                             {"--mqtts", &tls_port, NULL},
                                             {"--listen", &listen, NULL}};
    int words;
    int code = command_parse(argc, argv, help, options, 4, &word, 0, &words);
    if (code >= 0)
        return code;
    char folder[PATH_MAX];
    if (!command_folder(argv[0], data, folder))
        return 2;
    if (!port_formed(port)) {
        fprintf(stderr, "edgewatt broker-files: --mqtt PORT must be a port, 1 to 65535\n");
        return 2;
    }
    if (tls_port && strcmp(tls_port, "off") == 0)
        tls_port = NULL;
    if (tls_port && !port_formed(tls_port)) {
        fprintf(stderr, "edgewatt broker-files: --mqtts PORT must be a port, 1 to 65535, or off\n");
        return 2;
    }
    unsigned char address[16];
    if (listen && inet_pton(AF_INET, listen, address) != 1 && inet_pton(AF_INET6, listen, address) != 1) {
        fprintf(stderr, "edgewatt broker-files: --listen: \"%s\" is not an IP address\n", listen);
        return 2;
    }
    umask(077);
    ew_log_init("broker-files", EW_LOG_INFO);
    secret_start();
    struct job job = {.data = folder,
                      .port = port,
                      .tls_port = tls_port,
                      .listen = listen,
                      .accounts = calloc(1, sizeof(*job.accounts))};
    struct ew_reason reason;
    ew_reason_clear(&reason);
    if (!job.accounts)
        abort();
    enum ew_err err = make_all(&job, &reason);
    rights_done(&job.files);
    accounts_wipe(job.accounts);
    free(job.accounts);
    if (err != EW_OK)
        fprintf(stderr, "edgewatt broker-files: %s%s%s\n", reason.path, reason.path[0] ? ": " : "",
                reason.text);
    return err == EW_OK ? 0 : 1;
}
