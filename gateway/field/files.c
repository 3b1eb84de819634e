// edgewatt report, edgewatt export: files out of the history of a gateway that runs.
#include "field/field.h"
#include "field/gateway.h"
#include "field/progress.h"

#include "base/json.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DONE, NO, USAGE };
enum { ARGS_MAX = 64 << 10, IDS_MAX = 4096, LOOK_MS = 200, BLOCK = 192 << 10 };

static const char report_help[] =
    "Usage: edgewatt report --data DIR --from DATE --to DATE [options]\n\n"
    "Makes reportdata.zip: what devices, charge points, zones or circuits consumed, as CSV files. The "
    "gateway\n"
    "of DIR must run. Ctrl-C cancels.\n\n"
    "  --from DATE --to DATE    the days, both inclusive, as 2026-03-01\n"
    "  --scope S                devices (default), stations, zones or circuits\n"
    "  --id N                   only this one; may be given again. Default: all\n"
    "  --by G                   minutes (default: each sampling interval), hours or days\n"
    "  --cost                   beside each file a second one with the costs\n"
    "  --output FILE            default reportdata.zip\n"
    "\nExit codes: 0 done, 1 said no or cancelled, 2 usage.\n";

static const char export_help[] = "Usage: edgewatt export --data DIR [--from DATE]\n\n"
                                  "Writes the CSV files of DIR/export up to now; with --from those of all "
                                  "months since that day. The gateway\n"
                                  "of DIR must run. Ctrl-C cancels.\n"
                                  "\nExit codes: 0 done, 1 said no or cancelled, 2 usage.\n";

struct options {
    const char *tool;
    const char *data, *from, *to, *scope, *by, *output;
    bool cost, quiet;
    int id_count;
    long ids[IDS_MAX];
};

// ---- The command line -------------------------------------------------------------------------------------

static bool take_id(struct options *o, const char *text)
{
    char *end;
    long id = strtol(text, &end, 10);
    if (end == text || *end || id < 0 || o->id_count == IDS_MAX)
        return false;
    o->ids[o->id_count++] = id;
    return true;
}

// How many arguments were used, 0 = not understood.
static int take(struct options *o, bool report, const char *option, const char *value)
{
    const struct {
        const char *name;
        bool of_export;
        const char **text;
    } texts[] = {{"--data", true, &o->data},    {"--from", true, &o->from}, {"--to", false, &o->to},
                 {"--scope", false, &o->scope}, {"--by", false, &o->by},    {"--output", false, &o->output}};
    if (report && strcmp(option, "--cost") == 0) {
        o->cost = true;
        return 1;
    }
    if (report && value && strcmp(option, "--id") == 0)
        return take_id(o, value) ? 2 : 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (value && (report || texts[i].of_export) && strcmp(option, texts[i].name) == 0) {
            *texts[i].text = value;
            return 2;
        }
    return 0;
}

// -1 = go on, else the exit code.
static int read_options(struct options *o, bool report, int argc, char **argv)
{
    for (int i = 1; i < argc;) {
        if (strcmp(argv[i], "--help") == 0) {
            printf("%s", report ? report_help : export_help);
            return DONE;
        }
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        int used = take(o, report, argv[i], value);
        if (used == 0) {
            fprintf(stderr, "edgewatt %s: \"%s\" is not understood; edgewatt %s --help says what is\n",
                    o->tool, argv[i], o->tool);
            return USAGE;
        }
        i += used;
    }
    const char *missing = !o->data             ? "--data"
                          : report && !o->from ? "--from"
                          : report && !o->to   ? "--to"
                                               : NULL;
    if (!missing)
        return -1;
    fprintf(stderr, "edgewatt %s: %s is missing; edgewatt %s --help says more\n", o->tool, missing, o->tool);
    return USAGE;
}

// ---- Asking ----------------------------------------------------------------------------------------------

static const char *text_of(const cJSON *node, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, key));
    return text ? text : "";
}

static int64_t number_of(const cJSON *node, const char *key)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(node, key);
    return cJSON_IsNumber(number) ? (int64_t)number->valuedouble : 0;
}

static void write_question(const struct options *o, struct ew_jw *w)
{
    ew_jw_text(w, "scope", o->scope ? o->scope : "devices");
    ew_jw_text(w, "by", o->by ? o->by : "minutes");
    ew_jw_bool(w, "cost", o->cost);
    ew_jw_text(w, "to", o->to);
    if (o->id_count == 0)
        return;
    ew_jw_open_array(w, "ids");
    for (int i = 0; i < o->id_count; i++)
        ew_jw_int(w, NULL, o->ids[i]);
    ew_jw_close_array(w);
}

// *ret is the caller's.
static enum ew_err ask(struct field_gateway *gateway, const struct options *o, const char *action,
                       int64_t offset, cJSON **ret, struct ew_reason *reason)
{
    bool report = strcmp(o->tool, "report") == 0;
    struct ew_buf args;
    struct ew_jw w;
    ew_buf_init(&args, ARGS_MAX);
    ew_jw_init(&w, &args);
    ew_jw_open_object(&w, NULL);
    ew_jw_text(&w, "action", action);
    bool begins = strcmp(action, "start") == 0 || strcmp(action, "write") == 0;
    if (begins && o->from)
        ew_jw_text(&w, "from", o->from);
    if (begins && report)
        write_question(o, &w);
    if (offset >= 0)
        ew_jw_int(&w, "offset", offset);
    ew_jw_close_object(&w);
    enum ew_err err = field_gateway_call(gateway, "recorder", o->tool, &args, ret, reason);
    ew_buf_done(&args);
    return err;
}

static void say(const struct options *o, const struct ew_reason *reason)
{
    fprintf(stderr, "edgewatt %s: %s%s%s\n", o->tool, reason->path, reason->path[0] ? ": " : "",
            reason->text);
}

static void rest(void)
{
    nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
}

// ---- Waiting: a bar on a terminal, a line each quarter otherwise ------------------------------------------

static void show(bool bar, const char *state, int percent, int *told)
{
    char text[FIELD_BAR_SIZE];
    if (!bar) {
        if (percent / FIELD_LINE_EVERY_PCT != *told / FIELD_LINE_EVERY_PCT)
            fprintf(stderr, "%s: %d %%\n", state, percent);
        *told = percent;
        return;
    }
    field_bar(text, percent);
    fprintf(stderr, "\r[%s] %3d %%  %s\033[K", text, percent, state);
}

// Until it is neither waiting nor running; *ret is then its state. Cancels when it is interrupted.
static enum ew_err wait_over(struct field_gateway *gateway, const struct options *o, cJSON **ret,
                             struct ew_reason *reason)
{
    bool bar = isatty(STDERR_FILENO) && !o->quiet, cancelled = false;
    int told = 0;
    enum ew_err err;
    for (;; rest()) {
        err = ask(gateway, o, field_stop_wanted() && !cancelled ? "cancel" : "status", -1, ret, reason);
        cancelled = cancelled || field_stop_wanted();
        const char *state = text_of(*ret, "state");
        if (err != EW_OK || (strcmp(state, "waiting") != 0 && strcmp(state, "running") != 0))
            break;
        if (!o->quiet)
            show(bar, state, (int)number_of(*ret, "percent"), &told);
        cJSON_Delete(*ret);
        *ret = NULL;
    }
    if (bar)
        fprintf(stderr, "\r\033[K");
    if (err == EW_OK && strcmp(text_of(*ret, "state"), "failed") == 0)
        err = ew_fail(reason, EW_E_IO, "file.failed", "", "%s",
                      text_of(cJSON_GetObjectItemCaseSensitive(*ret, "reason"), "text"));
    else if (err == EW_OK && cancelled)
        err = ew_fail(reason, EW_E_CLOSED, "export.cancelled", "", "was cancelled");
    return err;
}

// ---- edgewatt report -------------------------------------------------------------------------------------

static enum ew_err fail(const char *path, struct ew_reason *reason)
{
    return ew_fail(reason, EW_E_IO, "file.io", path, "can't be written: %s", strerror(errno));
}

static enum ew_err fetch_all(struct field_gateway *gateway, const struct options *o, int fd, const char *path,
                             int64_t size, struct ew_reason *reason)
{
    static unsigned char block[BLOCK];
    enum ew_err err = EW_OK;
    for (int64_t at = 0; at < size && err == EW_OK;) {
        cJSON *piece = NULL;
        size_t got = 0;
        err = ask(gateway, o, "read", at, &piece, reason);
        const char *coded = text_of(piece, "data");
        if (err == EW_OK && field_stop_wanted())
            err = ew_fail(reason, EW_E_CLOSED, "export.cancelled", "", "was cancelled");
        else if (err == EW_OK && (sodium_base642bin(block, sizeof(block), coded, strlen(coded), NULL, &got,
                                                    NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
                                  got == 0))
            err = ew_fail(reason, EW_E_IO, "file.odd", "", "the gateway's answer is not understood");
        if (err == EW_OK && write(fd, block, got) != (ssize_t)got)
            err = fail(path, reason);
        at += (int64_t)got;
        cJSON_Delete(piece);
    }
    return err;
}

// Under its name only when it is whole.
static enum ew_err fetch(struct field_gateway *gateway, const struct options *o, int64_t size,
                         struct ew_reason *reason)
{
    const char *name = o->output ? o->output : "reportdata.zip";
    char part[PATH_MAX];
    if (ew_format(part, sizeof(part), "%s.part", name) != EW_OK)
        return ew_fail(reason, EW_E_TOO_LARGE, "file.path", name, "the path is too long");
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return fail(part, reason);
    enum ew_err err = fetch_all(gateway, o, fd, part, size, reason);
    if ((fsync(fd) != 0 || close(fd) != 0) && err == EW_OK)
        err = fail(part, reason);
    if (err == EW_OK && rename(part, name) != 0)
        err = fail(name, reason);
    if (err != EW_OK)
        (void)unlink(part);
    else
        printf("%s, %lld bytes.\n", name, (long long)size);
    return err;
}

static enum ew_err make_report(struct field_gateway *gateway, const struct options *o,
                               struct ew_reason *reason)
{
    cJSON *state = NULL, *dropped = NULL;
    struct ew_reason ignored;
    enum ew_err err = ask(gateway, o, "start", -1, &state, reason);
    cJSON_Delete(state);
    state = NULL;
    if (err != EW_OK)
        return err;
    err = wait_over(gateway, o, &state, reason);
    if (err == EW_OK)
        err = fetch(gateway, o, number_of(state, "size"), reason);
    cJSON_Delete(state);
    (void)!ask(gateway, o, "cancel", -1, &dropped, &ignored); // the gateway need not keep it
    cJSON_Delete(dropped);
    return err;
}

// ---- edgewatt export -------------------------------------------------------------------------------------

static enum ew_err write_tree(struct field_gateway *gateway, const struct options *o,
                              struct ew_reason *reason)
{
    cJSON *state = NULL;
    bool told = false;
    enum ew_err err;
    // Other files that are being made come first.
    while ((err = ask(gateway, o, "write", -1, &state, reason)) == EW_E_BUSY &&
           strcmp(reason->code, "export.busy") == 0 && !field_stop_wanted()) {
        if (!told && !o->quiet)
            fprintf(stderr, "waiting: other files are being made\n");
        told = true;
        rest();
    }
    cJSON_Delete(state);
    state = NULL;
    if (err != EW_OK)
        return err;
    err = wait_over(gateway, o, &state, reason);
    if (err == EW_OK && !o->quiet)
        printf("%s/export holds everything until %s.\n", o->data, text_of(state, "until"));
    cJSON_Delete(state);
    return err;
}

enum ew_err field_export(const char *data_dir, struct ew_reason *reason)
{
    static struct options o = {.tool = "export", .quiet = true};
    struct field_gateway *gateway = NULL;
    o.data = data_dir;
    enum ew_err err = field_gateway_open(data_dir, &gateway, reason);
    if (err == EW_OK)
        err = write_tree(gateway, &o, reason);
    field_gateway_close(gateway);
    return err;
}

static int through(const struct options *o,
                   enum ew_err (*work)(struct field_gateway *, const struct options *, struct ew_reason *))
{
    struct field_gateway *gateway = NULL;
    struct ew_reason reason;
    field_stop_catch();
    enum ew_err err = field_gateway_open(o->data, &gateway, &reason);
    if (err == EW_OK)
        err = work(gateway, o, &reason);
    field_gateway_close(gateway);
    if (err != EW_OK)
        say(o, &reason);
    return err == EW_OK ? DONE : NO;
}

int report_main(int argc, char **argv)
{
    static struct options o = {.tool = "report"};
    int code = read_options(&o, true, argc, argv);
    return code >= 0 ? code : through(&o, make_report);
}

int export_main(int argc, char **argv)
{
    static struct options o = {.tool = "export"};
    int code = read_options(&o, false, argc, argv);
    return code >= 0 ? code : through(&o, write_tree);
}
