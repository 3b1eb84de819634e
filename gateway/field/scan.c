// edgewatt scan: which addresses of a line answer, each find as it comes.
#include "field/field.h"
#include "field/field_priv.h"
#include "field/progress.h"

#include "base/clock.h"
#include "tools/survey.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD_MAX = 256 << 10, AGAIN_MAX = 3, AGAIN_MS = 500 };

// ---- Progress: a bar on a terminal, a line each quarter otherwise ----------------------------------------

struct progress {
    bool quiet, bar, drawn;
    int told_pct;
    char pass[8];
};

static void progress_clear(struct progress *p)
{
    if (p->drawn)
        fprintf(stderr, "\r\033[K");
    p->drawn = false;
}

static void progress_show(struct progress *p, const char *pass, int done, int total, int found)
{
    int pct = total > 0 ? done * 100 / total : 100;
    if (p->quiet)
        return;
    if (p->bar) {
        char bar[FIELD_BAR_SIZE];
        field_bar(bar, pct);
        fprintf(stderr, "\r[%s] %3d %%  %s pass, %d of %d questions, %d found\033[K", bar, pct, pass, done,
                total, found);
        p->drawn = true;
        return;
    }
    if (pct / FIELD_LINE_EVERY_PCT == p->told_pct / FIELD_LINE_EVERY_PCT && strcmp(p->pass, pass) == 0)
        return;
    p->told_pct = pct;
    ew_copy(p->pass, sizeof(p->pass), pass);
    fprintf(stderr, "%s pass: %d %%, %d found\n", pass, pct, found);
}

// ---- A find in words, from the JSON that poller and command line share -----------------------------------

static const char *text_of(const cJSON *node, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, key));
    return text ? text : "";
}

static int number_of(const cJSON *node, const char *key)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(node, key);
    return cJSON_IsNumber(number) ? number->valueint : 0;
}

static void print_find(const cJSON *find)
{
    const char *answer = text_of(find, "answer");
    int device = number_of(find, "device");
    printf("Unit %d %s", number_of(find, "unit"),
           strcmp(answer, "disturbed") == 0 ? "answers, but damaged: two devices of this address?"
                                            : "answers");
    if (number_of(find, "exception"))
        printf(" with exception %d (%s)", number_of(find, "exception"),
               mb_exception_name(number_of(find, "exception")));
    if (device)
        printf(", device %d", device);
    printf(".\n");
}

static void print_guess(const cJSON *find)
{
    const cJSON *guess, *guesses = cJSON_GetObjectItemCaseSensitive(find, "guesses");
    printf("Unit %d: ", number_of(find, "unit"));
    if (cJSON_GetArraySize(guesses) == 0)
        printf("no profile fits");
    cJSON_ArrayForEach(guess, guesses)
    {
        printf("%s%s %s (%s, %s)", guess == guesses->child ? "" : ", or ", text_of(guess, "family"),
               text_of(guess, "model"), text_of(guess, "profile"), text_of(guess, "sure"));
    }
    printf("\n");
}

struct shown {
    struct progress progress;
    bool json;
    int finds, guesses;
};

// Says what is new in this payload.
static void show(struct shown *s, const cJSON *payload)
{
    const cJSON *find, *finds = cJSON_GetObjectItemCaseSensitive(payload, "finds");
    int index = 0;
    cJSON_ArrayForEach(find, finds)
    {
        bool guessed = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(find, "guessed"));
        if (!s->json && (index >= s->finds || (guessed && index >= s->guesses)))
            progress_clear(&s->progress);
        if (index >= s->finds) {
            s->finds = index + 1;
            if (!s->json)
                print_find(find);
        }
        if (guessed && index >= s->guesses) {
            s->guesses = index + 1;
            if (!s->json)
                print_guess(find);
        }
        index++;
    }
    fflush(stdout);
    progress_show(&s->progress, text_of(payload, "pass"), number_of(payload, "done"),
                  number_of(payload, "total"), index);
}

static int finish(struct shown *s, const cJSON *payload)
{
    const char *state = text_of(payload, "state");
    int count = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(payload, "finds"));
    progress_clear(&s->progress);
    if (s->json) {
        struct ew_buf text;
        struct ew_jw w;
        ew_buf_init(&text, PAYLOAD_MAX);
        ew_jw_init(&w, &text);
        ew_jw_tree(&w, NULL, payload);
        printf("%s\n", ew_buf_text(&text));
        ew_buf_done(&text);
    } else if (strcmp(state, "failed") == 0) {
        fprintf(stderr, "%s\n", text_of(cJSON_GetObjectItemCaseSensitive(payload, "reason"), "text"));
    } else {
        printf("%d found%s.\n", count, strcmp(state, "stopped") == 0 ? "; stopped before the end" : "");
    }
    return strcmp(state, "done") == 0 ? FIELD_DONE : FIELD_NO;
}

// ---- On the line itself ----------------------------------------------------------------------------------

static cJSON *payload_of(const struct survey *survey, const struct field_options *o,
                         const struct field_site *site)
{
    struct ew_buf text;
    struct ew_jw w;
    struct ew_reason reason;
    cJSON *tree = NULL;
    ew_buf_init(&text, PAYLOAD_MAX);
    ew_jw_init(&w, &text);
    survey_write(survey, o->bus, site->tree ? field_site_known : NULL, site, &w);
    if (ew_json_parse(ew_buf_text(&text), text.len, PAYLOAD_MAX, &tree, &reason) != EW_OK)
        fprintf(stderr, "edgewatt scan: %s\n", reason.text);
    ew_buf_done(&text);
    return tree;
}

static void ask(struct survey *survey, struct mb_line *line, const struct mb_request *rq)
{
    uint16_t words[MB_READ_MAX];
    struct ew_reason reason;
    int64_t start = ew_clock_up_us();
    ew_reason_clear(&reason);
    enum ew_err err = mb_line_ask(line, rq, words, &reason);
    double ms = (double)(ew_clock_up_us() - start) / 1000;
    for (int again = 0; survey_way_closed(err, &reason) && again < AGAIN_MAX && !field_stop_wanted();
         again++) {
        // Converters with one connection need a moment to forget the last one.
        nanosleep(&(struct timespec){.tv_nsec = AGAIN_MS * 1000000L}, NULL);
        err = mb_line_ask(line, rq, words, &reason);
    }
    if (survey_way_closed(err, &reason))
        survey_fail(survey, &reason);
    else
        survey_answered(survey, err, &reason, words, ms);
}

static int run_alone(struct field_options *o)
{
    struct field_site site;
    struct ew_reason reason;
    enum ew_err err = field_site_open(o, &site, &reason);
    struct mb_line *line = err == EW_OK ? mb_line_new(&o->line) : NULL;
    if (err == EW_OK)
        err = mb_line_open(line, &reason);
    if (err != EW_OK) {
        field_say(o, &reason);
        mb_line_free(line);
        field_site_close(&site);
        return FIELD_NO;
    }
    int patience = o->timeout_ms ? o->timeout_ms : o->line.kind == MB_RTU ? 300 : 1000;
    struct survey *survey = survey_new(site.library, o->first, o->last, patience, !o->quick);
    struct shown shown = {.json = o->json, .progress = {.quiet = o->json, .bar = isatty(STDERR_FILENO)}};
    struct mb_request rq;
    while (survey_next(survey, &rq)) {
        ask(survey, line, &rq);
        if (field_stop_wanted())
            survey_stop(survey);
        cJSON *payload = payload_of(survey, o, &site);
        show(&shown, payload);
        cJSON_Delete(payload);
    }
    cJSON *last = payload_of(survey, o, &site);
    int code = finish(&shown, last);
    cJSON_Delete(last);
    survey_free(survey);
    mb_line_free(line);
    field_site_close(&site);
    return code;
}

// ---- Through the gateway ---------------------------------------------------------------------------------

struct watch {
    const struct field_options *o;
    struct field_gateway *gateway;
    struct shown shown;
    cJSON *last;
    bool stopping, interrupted;
};

static bool on_payload(void *user, const cJSON *payload)
{
    struct watch *watch = user;
    if (!payload)
        return watch->interrupted = field_stop_wanted() && !watch->stopping;
    show(&watch->shown, payload);
    cJSON_Delete(watch->last);
    watch->last = cJSON_Duplicate(payload, true);
    return strcmp(text_of(payload, "state"), "running") != 0;
}

static enum ew_err call(const struct watch *watch, const char *action, struct ew_reason *reason)
{
    const struct field_options *o = watch->o;
    struct ew_buf args;
    struct ew_jw w;
    cJSON *result = NULL;
    ew_buf_init(&args, 1024);
    ew_jw_init(&w, &args);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "bus", o->bus);
    ew_jw_text(&w, "action", action);
    if (strcmp(action, "start") == 0) {
        ew_jw_int(&w, "from", o->first);
        ew_jw_int(&w, "to", o->last);
        ew_jw_bool(&w, "quick", o->quick);
    }
    ew_jw_close_object(&w);
    enum ew_err err = field_gateway_call(watch->gateway, "poller", "scan", &args, &result, reason);
    cJSON_Delete(result);
    ew_buf_done(&args);
    return err;
}

static int run_through(struct field_options *o, struct field_gateway *gateway)
{
    struct watch watch = {
        .o = o,
        .gateway = gateway,
        .shown = {.json = o->json, .progress = {.quiet = o->json, .bar = isatty(STDERR_FILENO)}}};
    struct ew_reason reason;
    char topic[48];
    (void)ew_format(topic, sizeof(topic), "bus/%d/scan", o->bus);
    enum ew_err err = call(&watch, "start", &reason);
    while (err == EW_OK) {
        watch.interrupted = false;
        err = field_gateway_watch(gateway, topic, on_payload, &watch, &reason);
        if (err != EW_OK || !watch.interrupted)
            break;
        watch.stopping = true;
        err = call(&watch, "stop", &reason);
    }
    progress_clear(&watch.shown.progress);
    int code = FIELD_NO;
    if (err == EW_OK)
        code = finish(&watch.shown, watch.last);
    else
        field_say(o, &reason);
    cJSON_Delete(watch.last);
    return code;
}

int scan_main(int argc, char **argv)
{
    struct field_options o;
    struct field_gateway *gateway = NULL;
    struct ew_reason reason;
    int code = field_options_read(&o, FIELD_SCAN, argc, argv);
    if (code >= 0)
        return code;
    field_stop_catch();
    if (!o.has_line) {
        enum ew_err err = field_gateway_open(o.data, &gateway, &reason);
        if (err != EW_OK && err != EW_E_UNKNOWN) {
            field_say(&o, &reason);
            return FIELD_NO;
        }
    }
    code = gateway ? run_through(&o, gateway) : run_alone(&o);
    field_gateway_close(gateway);
    return code;
}
