// edgewatt read, edgewatt write: one request to one device, the result in words.
#include "field/field.h"
#include "field/field_priv.h"

#include "base/clock.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MAX = 1 << 20 };

// ---- Words -----------------------------------------------------------------------------------------------

static void print_words(const struct field_options *o, const uint16_t *registers, double ms)
{
    const struct value_request *r = &o->request;
    if (o->tool == FIELD_WRITE) {
        printf("Unit %d took it in %.1f ms.\n", r->rq.unit, ms);
        return;
    }
    printf("Unit %d answered in %.1f ms.\n", r->rq.unit, ms);
    for (int at = 0; at < r->rq.count;) {
        struct profile_value v;
        int words = value_at(r, registers, at, &v);
        printf("0x%04X ", r->rq.address + at);
        for (int i = 0; i < words && r->rq.fc > 2; i++)
            printf(" %04X", registers[at + i]);
        if (v.quality != PROFILE_GOOD)
            printf("  no value (NaN)\n");
        else if (r->type->type == PROFILE_STRING && r->rq.fc > 2)
            printf("  \"%s\"\n", v.text);
        else
            printf("  %.*g\n", v.single ? 9 : 17, v.number);
        at += words;
    }
}

static int show(const struct field_options *o, const uint16_t *registers, double ms,
                const struct ew_reason *failure)
{
    if (o->json) {
        struct ew_buf text;
        struct ew_jw w;
        ew_buf_init(&text, ANSWER_MAX);
        ew_jw_init(&w, &text);
        value_answer_write(&o->request, o->tool == FIELD_READ ? registers : NULL, ms, failure, &w);
        printf("%s\n", ew_buf_text(&text));
        ew_buf_done(&text);
    } else if (failure) {
        fprintf(stderr, "%s\n", failure->text);
    } else {
        print_words(o, registers, ms);
    }
    return failure ? FIELD_NO : FIELD_DONE;
}

// ---- On the line itself ----------------------------------------------------------------------------------

static int run_alone(struct field_options *o)
{
    struct field_site site;
    struct ew_reason reason;
    uint16_t registers[MB_READ_BITS_MAX] = {0};
    double ms = 0;
    enum ew_err err = field_site_open(o, &site, &reason);
    if (err == EW_OK && o->tool == FIELD_WRITE)
        err = field_site_may_write(&site, o->request.rq.unit, &reason);
    if (err == EW_OK) {
        struct mb_request *rq = &o->request.rq;
        struct mb_line *line = mb_line_new(&o->line);
        rq->timeout_ms = o->timeout_ms ? o->timeout_ms : 1000;
        err = mb_line_open(line, &reason);
        int64_t start = ew_clock_up_us();
        if (err == EW_OK)
            err = mb_line_ask(line, rq, o->tool == FIELD_READ ? registers : NULL, &reason);
        ms = (double)(ew_clock_up_us() - start) / 1000;
        mb_line_free(line);
    }
    field_site_close(&site);
    return show(o, registers, ms, err == EW_OK ? NULL : &reason);
}

// ---- Through the gateway ---------------------------------------------------------------------------------

static void write_args(const struct field_options *o, struct ew_buf *args)
{
    const struct mb_request *rq = &o->request.rq;
    struct ew_jw w;
    ew_jw_init(&w, args);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "bus", o->bus);
    ew_jw_int(&w, "unit", rq->unit);
    ew_jw_int(&w, "fc", rq->fc);
    ew_jw_int(&w, "address", rq->address);
    ew_jw_text(&w, "type", o->request.type->name);
    ew_jw_text(&w, "order", o->request.order == PROFILE_LSW ? "lsw" : "msw");
    if (o->tool == FIELD_READ) {
        ew_jw_int(&w, "count", rq->count);
    } else {
        ew_jw_open_array(&w, "values");
        for (int i = 0; i < o->value_count; i++)
            ew_jw_number(&w, NULL, o->values[i]);
        ew_jw_close_array(&w);
    }
    ew_jw_close_object(&w);
}

static void read_reason(const cJSON *node, struct ew_reason *ret)
{
    const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, "code"));
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, "text"));
    ew_reason_clear(ret);
    (void)ew_fail(ret, EW_E_REFUSED, code ? code : "tool.refused", "", "%s", text ? text : "It was refused.");
}

// {"ok", "ms", "registers"} of the poller, shown as if it came from a line of our own.
static int show_reply(const struct field_options *o, const cJSON *result)
{
    uint16_t registers[MB_READ_BITS_MAX] = {0};
    const cJSON *item, *ms = cJSON_GetObjectItemCaseSensitive(result, "ms");
    int count = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(result, "registers"))
    {
        if (count < o->request.rq.count && cJSON_IsNumber(item))
            registers[count++] = (uint16_t)item->valuedouble;
    }
    bool ok = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(result, "ok")) &&
              (o->tool == FIELD_WRITE || count == o->request.rq.count);
    struct ew_reason reason;
    read_reason(cJSON_GetObjectItemCaseSensitive(result, "reason"), &reason);
    return show(o, registers, cJSON_IsNumber(ms) ? ms->valuedouble : 0, ok ? NULL : &reason);
}

static int run_through(struct field_options *o, struct field_gateway *gateway)
{
    struct ew_buf args;
    struct ew_reason reason;
    cJSON *result = NULL;
    ew_buf_init(&args, 8192);
    write_args(o, &args);
    enum ew_err err = field_gateway_call(gateway, "poller", o->tool == FIELD_READ ? "read" : "write", &args,
                                         &result, &reason);
    int code = err == EW_OK ? show_reply(o, result) : show(o, NULL, 0, &reason);
    cJSON_Delete(result);
    ew_buf_done(&args);
    return code;
}

static int run(struct field_options *o)
{
    struct field_gateway *gateway = NULL;
    struct ew_reason reason;
    if (!o->has_line && o->data) {
        enum ew_err err = field_gateway_open(o->data, &gateway, &reason);
        if (err != EW_OK && err != EW_E_UNKNOWN) {
            field_say(o, &reason);
            return FIELD_NO;
        }
    }
    int code = gateway ? run_through(o, gateway) : run_alone(o);
    field_gateway_close(gateway);
    return code;
}

int read_main(int argc, char **argv)
{
    struct field_options o;
    int code = field_options_read(&o, FIELD_READ, argc, argv);
    return code < 0 ? run(&o) : code;
}

// ---- Asking first ----------------------------------------------------------------------------------------

static bool asked(const struct field_options *o)
{
    const struct mb_request *rq = &o->request.rq;
    if (o->yes)
        return true;
    fprintf(stderr, "Write");
    for (int i = 0; i < o->value_count; i++)
        fprintf(stderr, " %.15g", o->values[i]);
    fprintf(stderr, " to unit %d, address 0x%04X (function %d)? [y/N] ", rq->unit, rq->address, rq->fc);
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "\nedgewatt write: nobody is there to answer: --yes writes without asking\n");
        return false;
    }
    char line[16];
    return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

int write_main(int argc, char **argv)
{
    struct field_options o;
    int code = field_options_read(&o, FIELD_WRITE, argc, argv);
    if (code >= 0)
        return code;
    if (!asked(&o))
        return FIELD_NO;
    return run(&o);
}
