#include "recorder/csv_text.h"

#include "core/history/history.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

void csv_begin(struct csv_line *line, struct ew_buf *out, const struct csv_options *options)
{
    *line = (struct csv_line){out, *options, false};
}

void csv_end(struct csv_line *line)
{
    ew_buf_add_text(line->out, "\n");
    line->begun = false;
}

static void next(struct csv_line *line)
{
    if (line->begun)
        ew_buf_add(line->out, &line->options.separator, 1);
    line->begun = true;
}

void csv_empty(struct csv_line *line)
{
    next(line);
}

void csv_text(struct csv_line *line, const char *text)
{
    next(line);
    char special[] = {'"', '\n', '\r', line->options.separator, 0};
    bool formula = text[0] && strchr("=+-@\t\r", text[0]), quoted = strpbrk(text, special) != NULL;
    if (quoted)
        ew_buf_add_text(line->out, "\"");
    if (formula)
        ew_buf_add_text(line->out, "'");
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            ew_buf_add_text(line->out, "\"");
        ew_buf_add(line->out, p, 1);
    }
    if (quoted)
        ew_buf_add_text(line->out, "\"");
}

static void add_digits(struct csv_line *line, char *digits)
{
    next(line);
    char *point = strchr(digits, '.');
    if (point)
        *point = line->options.decimal;
    ew_buf_add_text(line->out, digits);
}

void csv_number(struct csv_line *line, double value)
{
    char digits[64];
    if (!isfinite(value) || fabs(value) > 1e17) {
        csv_empty(line);
        return;
    }
    snprintf(digits, sizeof(digits), "%.15g", value);
    if (strchr(digits, 'e')) { // below 0.0001: nine decimals are beyond any meter
        snprintf(digits, sizeof(digits), "%.9f", value);
        for (size_t n = strlen(digits); n > 1 && (digits[n - 1] == '0' || digits[n - 1] == '.'); n--)
            digits[n - 1] = 0;
    }
    add_digits(line, digits);
}

void csv_decimal(struct csv_line *line, int64_t value, int decimals)
{
    char digits[64];
    for (; decimals > 0 && value % 10 == 0; decimals--)
        value /= 10;
    int64_t size = value < 0 ? -value : value;
    char rest[24] = "";
    for (int i = decimals; i > 0; i--, size /= 10)
        rest[i - 1] = (char)('0' + size % 10);
    (void)snprintf(digits, sizeof(digits), "%s%lld%s%s", value < 0 ? "-" : "", (long long)size,
                   decimals > 0 ? "." : "", rest);
    add_digits(line, digits);
}

void csv_integer(struct csv_line *line, int64_t value)
{
    csv_decimal(line, value, 0);
}

void csv_time(struct csv_line *line, const struct calendar_zone *zone, int64_t at_s)
{
    struct calendar_local l = calendar_local(zone, at_s);
    int offset_min = l.offset_s / 60, size = offset_min < 0 ? -offset_min : offset_min;
    next(line);
    ew_buf_printf(line->out, "%04d-%02d-%02d %02d:%02d:%02d%c%c%02d:%02d", l.date.year, l.date.month,
                  l.date.day, l.hour, l.minute, l.second, line->options.separator, offset_min < 0 ? '-' : '+',
                  size / 60, size % 60);
}

bool csv_time_read(const char *text, size_t len, char separator, int64_t *ret_at_s)
{
    static const char form[] = "0000-00-00 00:00:00;+00:00"; // 0 = a digit
    static const int begin[] = {0, 5, 8, 11, 14, 17, 21, 24}, digits[] = {4, 2, 2, 2, 2, 2, 2, 2};
    int f[8] = {0};
    if (len < sizeof(form) - 1 || (text[20] != '+' && text[20] != '-'))
        return false;
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        char wanted = form[i] == ';' ? separator : form[i] == '+' ? text[20] : form[i];
        if (form[i] == '0' ? !digit : text[i] != wanted)
            return false;
    }
    for (int field = 0; field < 8; field++)
        for (int i = 0; i < digits[field]; i++)
            f[field] = f[field] * 10 + text[begin[field] + i] - '0';
    int64_t local_s =
        calendar_days((struct calendar_date){f[0], f[1], f[2]}) * 86400 + f[3] * 3600 + f[4] * 60 + f[5];
    int64_t offset_s = f[6] * 3600 + f[7] * 60;
    *ret_at_s = text[20] == '+' ? local_s - offset_s : local_s + offset_s;
    return true;
}

void csv_flags(struct csv_line *line, unsigned flags)
{
    static const char *const words[] = {"recovered", "reset",    "estimated", "rollover",
                                        "swapped",   "replaced", "gap"};
    char text[96] = "";
    size_t len = 0;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (flags >> i & 1U)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "", words[i]);
    csv_text(line, text);
}
