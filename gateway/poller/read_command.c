// edgewatt read: one request to one device, the result in words. Alone: no gateway needs to run.
#include "poller/poller.h"

#include "base/clock.h"
#include "base/json.h"
#include "core/profile/profile.h"
#include "modbus/line.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_DONE, EXIT_NO, EXIT_USAGE };

static const char help[] =
    "Usage: edgewatt read (--tcp HOST[:PORT] | --rtu-tcp HOST[:PORT] | --rtu PORT) --unit N --address A "
    "[options]\n"
    "\n"
    "Reads registers of one Modbus device and says what came of it. Numbers may be hexadecimal (0x1000).\n"
    "\n"
    "  --fc N          function: 1 coils, 2 discrete inputs, 3 holding registers (default), 4 input "
    "registers\n"
    "  --address A     0-based address of the first register\n"
    "  --count N       registers or bits, default 1\n"
    "  --type T        u16 (default) s16 u32 s32 u64 s64 f32 f64 string: what the registers hold\n"
    "  --order msw|lsw most (default) or least significant register first\n"
    "  --timeout MS    patience for the answer, default 1000\n"
    "  --speed N --parity N|E|O --stop N   of the serial line, default 19200 E 1\n"
    "  --json          one JSON object instead of words\n"
    "\n"
    "Exit codes: 0 read, 1 not read, 2 usage.\n";

static const struct {
    const char *name;
    enum profile_type type;
    int words; // 0 = all there are
} types[] = {{"u16", PROFILE_U16, 1}, {"s16", PROFILE_S16, 1}, {"u32", PROFILE_U32, 2},
             {"s32", PROFILE_S32, 2}, {"u64", PROFILE_U64, 4}, {"s64", PROFILE_S64, 4},
             {"f32", PROFILE_F32, 2}, {"f64", PROFILE_F64, 4}, {"string", PROFILE_STRING, 0}};

struct command {
    struct mb_options line;
    struct mb_request rq;
    int type; // index
    enum profile_order order;
    bool json, has_line, has_unit, has_address;
};

static bool whole(const char *text, long min, long max, int *ret)
{
    char *end;
    long value = strtol(text, &end, 0);
    if (end == text || *end || value < min || value > max)
        return false;
    *ret = (int)value;
    return true;
}

// "host", "host:port", "[v6]:port"
static bool host_and_port(const char *text, struct mb_options *line)
{
    const char *port = NULL, *begin = text;
    size_t len = strlen(text);
    line->port = 502;
    if (text[0] == '[') {
        const char *close = strchr(text, ']');
        if (!close)
            return false;
        begin = text + 1;
        len = (size_t)(close - begin);
        port = close[1] == ':' ? close + 2 : NULL;
    } else if (strchr(text, ':') && strchr(text, ':') == strrchr(text, ':')) {
        port = strchr(text, ':') + 1;
        len = (size_t)(port - 1 - text);
    }
    if (len == 0 || len >= sizeof(line->address))
        return false;
    memcpy(line->address, begin, len);
    line->address[len] = 0;
    return !port || whole(port, 1, 65535, &line->port);
}

static bool set_line(struct command *c, enum mb_kind kind, const char *value)
{
    c->line.kind = kind;
    c->has_line = true;
    if (kind != MB_RTU)
        return host_and_port(value, &c->line);
    ew_copy(c->line.address, sizeof(c->line.address), value);
    return value[0] != 0;
}

static bool set_type(struct command *c, const char *value)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, value) == 0) {
            c->type = (int)i;
            return true;
        }
    }
    return false;
}

static bool set_order(struct command *c, const char *value)
{
    c->order = strcmp(value, "lsw") == 0 ? PROFILE_LSW : PROFILE_MSW;
    return strcmp(value, "lsw") == 0 || strcmp(value, "msw") == 0;
}

static bool set_number(struct command *c, const char *option, const char *value)
{
    const struct {
        const char *name;
        long min, max;
        int *out;
    } numbers[] = {
        {"--unit", 0, 255, &c->rq.unit},
        {"--fc", 1, 4, &c->rq.fc},
        {"--address", 0, 65535, &c->rq.address},
        {"--count", 1, 2000, &c->rq.count},
        {"--timeout", 1, 60000, &c->rq.timeout_ms},
        {"--speed", 300, 1000000, &c->line.speed_baud},
        {"--stop", 1, 2, &c->line.stop_bits},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (strcmp(option, numbers[i].name) == 0)
            return whole(value, numbers[i].min, numbers[i].max, numbers[i].out);
    return false;
}

static bool set_option(struct command *c, const char *option, const char *value)
{
    c->has_unit |= strcmp(option, "--unit") == 0;
    c->has_address |= strcmp(option, "--address") == 0;
    if (strcmp(option, "--tcp") == 0)
        return set_line(c, MB_TCP, value);
    if (strcmp(option, "--rtu-tcp") == 0)
        return set_line(c, MB_RTU_TCP, value);
    if (strcmp(option, "--rtu") == 0)
        return set_line(c, MB_RTU, value);
    if (strcmp(option, "--type") == 0)
        return set_type(c, value);
    if (strcmp(option, "--order") == 0)
        return set_order(c, value);
    if (strcmp(option, "--parity") == 0) {
        c->line.parity = value[0];
        return value[0] && strchr("NEO", value[0]) && value[1] == 0;
    }
    return set_number(c, option, value);
}

// 0 = go on, else the exit code + 1.
static int parse(struct command *c, int argc, char **argv)
{
    *c = (struct command){.line = {.speed_baud = 19200, .parity = 'E', .stop_bits = 1, .connect_ms = 5000},
                          .rq = {.fc = 3, .count = 1, .timeout_ms = 1000}};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return EXIT_DONE + 1;
        }
        if (strcmp(argv[i], "--json") == 0) {
            c->json = true;
            continue;
        }
        if (i + 1 >= argc || !set_option(c, argv[i], argv[i + 1])) {
            fprintf(stderr,
                    "edgewatt read: \"%s%s%s\" is not understood; edgewatt read --help says what is\n",
                    argv[i], i + 1 < argc ? " " : "", i + 1 < argc ? argv[i + 1] : "");
            return EXIT_USAGE + 1;
        }
        i++;
    }
    if (c->has_line && c->has_unit && c->has_address)
        return 0;
    fprintf(stderr, "edgewatt read: %s is missing; edgewatt read --help says more\n",
            !c->has_line   ? "the line (--tcp, --rtu-tcp or --rtu)"
            : !c->has_unit ? "--unit"
                           : "--address");
    return EXIT_USAGE + 1;
}

// What the registers from `at` on mean; returns how many they are.
static int value_at(const struct command *c, const uint16_t *registers, int at, struct profile_value *ret)
{
    int words = types[c->type].words ? types[c->type].words : c->rq.count;
    if (words > c->rq.count - at || words > PROFILE_STRING_WORDS_MAX)
        words = c->rq.count - at < PROFILE_STRING_WORDS_MAX ? c->rq.count - at : PROFILE_STRING_WORDS_MAX;
    struct profile_register r = {
        .type = types[c->type].type, .order = c->order, .scale_from = {-1, -1}, .sign_from = -1};
    struct profile profile = {.register_count = 1, .registers = &r};
    struct profile_bound bound = {.fc = (uint8_t)c->rq.fc, .words = (uint8_t)words, .scale = 1};
    if (c->rq.fc <= 2 || (types[c->type].words && words < types[c->type].words)) {
        r.type = PROFILE_U16; // a bit, or what is left over
        bound.words = 1;
        words = 1;
    }
    profile_decode(&profile, 0, &bound, registers + at, ret);
    return words;
}

static void print_words(const struct command *c, const uint16_t *registers, double ms)
{
    printf("Unit %d answered in %.1f ms.\n", c->rq.unit, ms);
    for (int at = 0; at < c->rq.count;) {
        struct profile_value v;
        int words = value_at(c, registers, at, &v);
        printf("0x%04X ", c->rq.address + at);
        for (int i = 0; i < words && c->rq.fc > 2; i++)
            printf(" %04X", registers[at + i]);
        if (v.quality != PROFILE_GOOD)
            printf("  no value (NaN)\n");
        else if (types[c->type].type == PROFILE_STRING && c->rq.fc > 2)
            printf("  \"%s\"\n", v.text);
        else
            printf("  %.*g\n", v.single ? 9 : 17, v.number);
        at += words;
    }
}

static void print_json(const struct command *c, const uint16_t *registers, double ms,
                       const struct ew_reason *reason)
{
    struct ew_buf buf;
    struct ew_jw w;
    ew_buf_init(&buf, 1 << 20);
    ew_jw_init(&w, &buf);
    ew_jw_open_object(&w, NULL);
    ew_jw_bool(&w, "ok", reason == NULL);
    ew_jw_number(&w, "ms", (double)(int64_t)(ms * 10) / 10);
    if (reason) {
        ew_jw_reason(&w, "reason", reason);
    } else {
        ew_jw_open_array(&w, "registers");
        for (int i = 0; i < c->rq.count; i++)
            ew_jw_int(&w, NULL, registers[i]);
        ew_jw_close_array(&w);
        ew_jw_open_array(&w, "values");
        for (int at = 0; at < c->rq.count;) {
            struct profile_value v;
            at += value_at(c, registers, at, &v);
            if (v.quality != PROFILE_GOOD)
                ew_jw_null(&w, NULL);
            else if (types[c->type].type == PROFILE_STRING && c->rq.fc > 2)
                ew_jw_text(&w, NULL, v.text);
            else if (v.single)
                ew_jw_float(&w, NULL, (float)v.number);
            else
                ew_jw_number(&w, NULL, v.number);
        }
        ew_jw_close_array(&w);
    }
    ew_jw_close_object(&w);
    printf("%s\n", ew_buf_text(&buf));
    ew_buf_done(&buf);
}

int read_main(int argc, char **argv)
{
    struct command c;
    int code = parse(&c, argc, argv);
    if (code != 0)
        return code - 1;
    struct ew_reason reason;
    uint16_t registers[MB_READ_BITS_MAX];
    if (mb_request_check(&c.rq, &reason) != EW_OK) {
        fprintf(stderr, "edgewatt read: %s\n", reason.text);
        return EXIT_USAGE;
    }
    struct mb_line *line = mb_line_new(&c.line);
    int64_t start = ew_clock_up_us();
    enum ew_err err = mb_line_open(line, &reason);
    if (err == EW_OK) {
        start = ew_clock_up_us();
        err = mb_line_ask(line, &c.rq, registers, &reason);
    }
    double ms = (double)(ew_clock_up_us() - start) / 1000;
    mb_line_free(line);
    if (c.json)
        print_json(&c, registers, ms, err == EW_OK ? NULL : &reason);
    else if (err == EW_OK)
        print_words(&c, registers, ms);
    else
        fprintf(stderr, "%s\n", reason.text);
    return err == EW_OK ? EXIT_DONE : EXIT_NO;
}
