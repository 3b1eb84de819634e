// The command line that read, write and scan share.
#include "field/field_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char line_help[] =
    "Where:\n"
    "  --tcp HOST[:PORT] | --rtu-tcp HOST[:PORT] | --rtu PORT   a line of its own\n"
    "  --speed N --parity N|E|O --stop N    of the serial line, default 19200 E 1\n"
    "  --data DIR --bus N   bus N of that gateway: through its poller while it runs, else on the bus itself\n"
    "  --timeout MS         patience for an answer, default 1000 or the bus's\n"
    "  --json               one JSON object instead of words\n"
    "\nExit codes: 0 done, 1 said no, 2 usage. Numbers may be hexadecimal (0x1000).\n";

static const char read_help[] =
    "Usage: edgewatt read WHERE --unit N --address A [options]\n\n"
    "Reads registers of one Modbus device and says what came of it.\n\n"
    "  --fc N          function: 1 coils, 2 discrete inputs, 3 holding registers (default), 4 input "
    "registers\n"
    "  --address A     0-based address of the first register\n"
    "  --count N       registers or bits, default 1\n"
    "  --type T        u16 (default) s16 u32 s32 u64 s64 f32 f64 string: what the registers hold\n"
    "  --order msw|lsw most (default) or least significant register first\n\n";

static const char write_help[] =
    "Usage: edgewatt write WHERE --unit N --address A --value V [--value V ...] [options]\n\n"
    "Writes registers of one Modbus device, after asking. A device whose profile is a candidate (inferred) "
    "is\n"
    "refused unless that was accepted for it, and so is a charge point in use.\n\n"
    "  --fc N          function: 5 coil, 6 register (default), 15 coils, 16 registers\n"
    "  --address A     0-based address of the first register\n"
    "  --type T        u16 (default) s16 u32 s32 u64 s64 f32 f64: how each value is written\n"
    "  --order msw|lsw most (default) or least significant register first\n"
    "  --yes           do not ask\n\n";

static const char scan_help[] =
    "Usage: edgewatt scan WHERE [options]\n\n"
    "Asks every unit address which answers: quickly first (150 ms each), then those that stayed silent with\n"
    "the line's patience; guesses the profile of each find. Ctrl-C stops. Finds go to standard output.\n\n"
    "  --from N --to N  the addresses, default 1 to 247\n"
    "  --quick          the quick pass only\n\n";

static const char *tool_name(enum field_tool tool)
{
    return tool == FIELD_READ ? "read" : tool == FIELD_WRITE ? "write" : "scan";
}

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

static bool set_line(struct field_options *o, enum mb_kind kind, const char *value)
{
    o->line.kind = kind;
    o->has_line = true;
    if (kind != MB_RTU)
        return host_and_port(value, &o->line);
    ew_copy(o->line.address, sizeof(o->line.address), value);
    return value[0] != 0;
}

static bool set_value(struct field_options *o, const char *value)
{
    char *end;
    bool hex = value[0] == '0' && (value[1] == 'x' || value[1] == 'X');
    double number = hex ? (double)strtoull(value, &end, 16) : strtod(value, &end);
    if (end == value || *end || o->value_count == MB_WRITE_MAX)
        return false;
    o->values[o->value_count++] = number;
    return true;
}

static bool set_text(struct field_options *o, const char *option, const char *value)
{
    if (strcmp(option, "--tcp") == 0)
        return set_line(o, MB_TCP, value);
    if (strcmp(option, "--rtu-tcp") == 0)
        return set_line(o, MB_RTU_TCP, value);
    if (strcmp(option, "--rtu") == 0)
        return set_line(o, MB_RTU, value);
    if (strcmp(option, "--parity") == 0) {
        o->line.parity = value[0];
        return value[0] && strchr("NEO", value[0]) && value[1] == 0;
    }
    if (strcmp(option, "--type") == 0)
        return (o->request.type = value_type_find(value)) != NULL;
    if (strcmp(option, "--order") == 0) {
        o->request.order = strcmp(value, "lsw") == 0 ? PROFILE_LSW : PROFILE_MSW;
        return strcmp(value, "lsw") == 0 || strcmp(value, "msw") == 0;
    }
    if (strcmp(option, "--data") == 0) {
        o->data = value;
        return true;
    }
    return set_value(o, value); // --value
}

static bool set_number(struct field_options *o, const char *option, const char *value)
{
    bool write = o->tool == FIELD_WRITE;
    struct mb_request *rq = &o->request.rq;
    const struct {
        const char *name;
        long min, max;
        int *out;
    } numbers[] = {
        {"--unit", 0, 255, &rq->unit},           {"--fc", write ? 5 : 1, write ? 16 : 4, &rq->fc},
        {"--address", 0, 65535, &rq->address},   {"--count", 1, 2000, &rq->count},
        {"--timeout", 1, 60000, &o->timeout_ms}, {"--speed", 300, 1000000, &o->line.speed_baud},
        {"--stop", 1, 2, &o->line.stop_bits},    {"--bus", 1, SITE_ID_MAX, &o->bus},
        {"--from", 1, 247, &o->first},           {"--to", 1, 247, &o->last},
    };
    o->has_unit |= strcmp(option, "--unit") == 0;
    o->has_address |= strcmp(option, "--address") == 0;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (strcmp(option, numbers[i].name) == 0)
            return whole(value, numbers[i].min, numbers[i].max, numbers[i].out);
    return false;
}

enum { FLAG, TEXT, NUMBER };
static const struct {
    const char *name;
    unsigned tools; // bits
    int kind;
} known[] = {
    {"--json", 7, FLAG},
    {"--yes", FIELD_WRITE, FLAG},
    {"--quick", FIELD_SCAN, FLAG},
    {"--tcp", 7, TEXT},
    {"--rtu-tcp", 7, TEXT},
    {"--rtu", 7, TEXT},
    {"--parity", 7, TEXT},
    {"--data", 7, TEXT},
    {"--type", FIELD_READ | FIELD_WRITE, TEXT},
    {"--order", 3, TEXT},
    {"--value", FIELD_WRITE, TEXT},
    {"--speed", 7, NUMBER},
    {"--stop", 7, NUMBER},
    {"--timeout", 7, NUMBER},
    {"--bus", 7, NUMBER},
    {"--unit", 3, NUMBER},
    {"--fc", 3, NUMBER},
    {"--address", 3, NUMBER},
    {"--count", FIELD_READ, NUMBER},
    {"--from", FIELD_SCAN, NUMBER},
    {"--to", FIELD_SCAN, NUMBER},
};

// How many arguments were used, 0 = not understood.
static int take(struct field_options *o, const char *option, const char *value)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(option, known[i].name) != 0 || !(known[i].tools & o->tool))
            continue;
        if (known[i].kind == FLAG) {
            o->json |= strcmp(option, "--json") == 0;
            o->yes |= strcmp(option, "--yes") == 0;
            o->quick |= strcmp(option, "--quick") == 0;
            return 1;
        }
        bool good =
            value && (known[i].kind == TEXT ? set_text(o, option, value) : set_number(o, option, value));
        return good ? 2 : 0;
    }
    return 0;
}

static int missing(const struct field_options *o)
{
    const char *what = NULL;
    bool registers = o->tool != FIELD_SCAN;
    if (!o->has_line && !(o->data && o->bus))
        what = o->data ? "--bus" : "the line (--tcp, --rtu-tcp or --rtu, or --data with --bus)";
    else if (registers && !o->has_unit)
        what = "--unit";
    else if (registers && !o->has_address)
        what = "--address";
    else if (o->tool == FIELD_WRITE && o->value_count == 0)
        what = "--value";
    if (!what)
        return -1;
    fprintf(stderr, "edgewatt %s: %s is missing; edgewatt %s --help says more\n", tool_name(o->tool), what,
            tool_name(o->tool));
    return FIELD_USAGE;
}

static int check_request(struct field_options *o)
{
    struct ew_reason reason;
    enum ew_err err = EW_OK;
    if (o->tool == FIELD_WRITE)
        err = mb_is_write(o->request.rq.fc)
                  ? value_request_fill(&o->request, o->values, o->value_count, &reason)
                  : ew_fail(&reason, EW_E_INVALID, "tool.fc", "", "the function must be 5, 6, 15 or 16");
    if (err == EW_OK && o->tool != FIELD_SCAN) {
        o->request.rq.words = o->tool == FIELD_WRITE ? o->request.words : NULL;
        err = mb_request_check(&o->request.rq, &reason);
    }
    if (err == EW_OK)
        return -1;
    fprintf(stderr, "edgewatt %s: %s\n", tool_name(o->tool), reason.text);
    return FIELD_USAGE;
}

int field_options_read(struct field_options *o, enum field_tool tool, int argc, char **argv)
{
    *o = (struct field_options){
        .tool = tool,
        .line = {.speed_baud = 19200, .parity = 'E', .stop_bits = 1, .connect_ms = 5000},
        .request = {.rq = {.fc = tool == FIELD_WRITE ? 6 : 3, .count = 1}, .type = value_type_find("u16")},
        .first = 1,
        .last = 247};
    for (int i = 1; i < argc;) {
        if (strcmp(argv[i], "--help") == 0) {
            printf("%s%s",
                   tool == FIELD_READ    ? read_help
                   : tool == FIELD_WRITE ? write_help
                                         : scan_help,
                   line_help);
            return FIELD_DONE;
        }
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        int used = take(o, argv[i], value);
        if (used == 0) {
            fprintf(stderr, "edgewatt %s: \"%s%s%s\" is not understood; edgewatt %s --help says what is\n",
                    tool_name(tool), argv[i], value ? " " : "", value ? value : "", tool_name(tool));
            return FIELD_USAGE;
        }
        i += used;
    }
    int code = missing(o);
    return code < 0 ? check_request(o) : code;
}
