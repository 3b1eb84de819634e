// What papers write into the cells of a register table.
#include "library/table_priv.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *table_type(const char *name)
{
    static const char *const names[][2] = {
        {"uint16", "u16"}, {"unsigned16", "u16"}, {"word", "u16"},   {"int16", "s16"},
        {"sint16", "s16"}, {"i16", "s16"},        {"uint32", "u32"}, {"unsigned32", "u32"},
        {"dword", "u32"},  {"int32", "s32"},      {"sint32", "s32"}, {"i32", "s32"},
        {"uint64", "u64"}, {"int64", "s64"},      {"sint64", "s64"}, {"i64", "s64"},
        {"float", "f32"},  {"float32", "f32"},    {"real", "f32"},   {"single", "f32"},
        {"double", "f64"}, {"float64", "f64"},    {"bit", "bool"},   {"boolean", "bool"}};
    static const char *const own[] = {"bool", "u16", "s16", "u32", "s32",
                                      "u64",  "s64", "f32", "f64", "string"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcasecmp(name, names[i][0]) == 0)
            return names[i][1];
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcasecmp(name, own[i]) == 0)
            return own[i];
    return NULL;
}

static const char *number_end(const char *text, char separator, double *ret)
{
    char copy[64], *end;
    ew_copy(copy, sizeof(copy), text);
    for (char *p = copy; separator != ',' && *p; p++)
        if (*p == ',')
            *p = '.';
    bool hex = copy[0] == '0' && (copy[1] == 'x' || copy[1] == 'X');
    bool plain = isdigit((unsigned char)copy[0]) || (copy[0] && strchr("+-.", copy[0]));
    if (hex) {
        *ret = (double)strtoull(copy, &end, 16);
    } else if (plain) { // no "inf", no "nan", no hexadecimal fractions
        copy[strspn(copy, "+-.0123456789eE")] = 0;
        *ret = strtod(copy, &end);
    } else {
        return text;
    }
    return isfinite(*ret) ? text + (end - copy) : text;
}

bool table_number(const char *text, char separator, double *ret)
{
    const char *end = number_end(text, separator, ret);
    return end != text && *end == 0;
}

static bool prefixed(const char *text, const char *si, double *ret)
{
    static const struct {
        const char *text;
        double factor;
    } prefixes[] = {{"", 1},    {"k", 1e3},  {"K", 1e3},         {"M", 1e6},
                    {"G", 1e9}, {"m", 1e-3}, {"\xC2\xB5", 1e-6}, {"\xCE\xBC", 1e-6}};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t len = strlen(prefixes[i].text);
        if (strncmp(text, prefixes[i].text, len) == 0 && si[0] && strcasecmp(text + len, si) == 0) {
            *ret = prefixes[i].factor;
            return true;
        }
    }
    return false;
}

static bool named(const char *text, const char *si, double *ret)
{
    static const struct {
        const char *text, *si;
        double factor;
    } names[] = {{"m3", "dm3", 1000},
                 {"m\xC2\xB3", "dm3", 1000},
                 {"l", "dm3", 1},
                 {"L", "dm3", 1},
                 {"dm\xC2\xB3", "dm3", 1},
                 {"\xC2\xB0\x43", "degC", 1},
                 {"\xE2\x84\x83", "degC", 1},
                 {"C", "degC", 1},
                 {"min", "s", 60},
                 {"h", "s", 3600}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(text, names[i].text) == 0 && strcmp(si, names[i].si) == 0) {
            *ret = names[i].factor;
            return true;
        }
    return false;
}

bool table_unit(const char *text, const char *si, char separator, double *ret)
{
    double number = 1, factor = 1;
    const char *unit = number_end(text, separator, &number);
    if (unit == text)
        number = 1;
    while (*unit == ' ')
        unit++;
    bool known =
        *unit == 0 || strcmp(unit, si) == 0 || named(unit, si, &factor) || prefixed(unit, si, &factor);
    *ret = number * factor;
    return known && text[0] && *ret != 0;
}
