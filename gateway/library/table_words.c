// What papers write into the cells of a register table.
#include "library/table_priv.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void lower(const char *text, char *dst, size_t size)
{
    size_t len = 0;
    for (; text[len] && len + 1 < size; len++)
        dst[len] = (char)tolower((unsigned char)text[len]);
    dst[len] = 0;
}

enum kind { POSITIVE, WHOLE, FRACTION, NO_KIND };

static enum kind kind_of(const char *text)
{
    static const struct {
        const char *word;
        enum kind kind;
    } words[] = {{"double", FRACTION}, {"float", FRACTION}, {"real", FRACTION}, {"unsigned", POSITIVE},
                 {"uint", POSITIVE},   {"int", WHOLE},      {"signed", WHOLE}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strstr(text, words[i].word))
            return words[i].kind;
    return NO_KIND; // "16b" alone tells nothing
}

// "32-bit, float", "signed 16 bit", "64b double": how wide, and of which kind.
static const char *described(const char *name)
{
    static const char *const types[NO_KIND][3] = {
        {"u16", "u32", "u64"}, {"s16", "s32", "s64"}, {NULL, "f32", "f64"}};
    char text[64];
    lower(name, text, sizeof(text));
    enum kind kind = kind_of(text);
    const char *digits = strpbrk(text, "0123456789");
    long bits = digits ? strtol(digits, NULL, 10) : 0;
    for (int i = 0; i < 3 && kind != NO_KIND; i++)
        if (bits == 16L << i)
            return types[kind][i];
    return NULL;
}

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
    return described(name);
}

// Lower case, without what papers put between letters.
static void bare(const char *text, char *dst, size_t size)
{
    size_t len = 0;
    for (; *text && len + 1 < size; text++)
        if (!strchr(" _.()", *text))
            dst[len++] = (char)tolower((unsigned char)*text);
    dst[len] = 0;
}

// `#` of the pattern is a phase's digit, or there is none in it.
static bool fits(const char *pattern, const char *text, char *ret_digit)
{
    for (; *pattern && *text; pattern++, text++) {
        if (*pattern == '#' && *text >= '1' && *text <= '3')
            *ret_digit = *text;
        else if (*pattern != *text)
            return false;
    }
    return *pattern == *text;
}

bool table_symbol(const char *text, char ret[PROFILE_NAME_MAX])
{
    static const char *const symbols[][2] = {{"u#", "voltage_l#_n"},
                                             {"v#", "voltage_l#_n"},
                                             {"ul#", "voltage_l#_n"},
                                             {"vl#", "voltage_l#_n"},
                                             {"uln#", "voltage_l#_n"},
                                             {"vln#", "voltage_l#_n"},
                                             {"u#n", "voltage_l#_n"},
                                             {"v#n", "voltage_l#_n"},
                                             {"ul#-n", "voltage_l#_n"},
                                             {"u12", "voltage_l1_l2"},
                                             {"v12", "voltage_l1_l2"},
                                             {"ul1-l2", "voltage_l1_l2"},
                                             {"u23", "voltage_l2_l3"},
                                             {"v23", "voltage_l2_l3"},
                                             {"ul2-l3", "voltage_l2_l3"},
                                             {"u31", "voltage_l3_l1"},
                                             {"v31", "voltage_l3_l1"},
                                             {"ul3-l1", "voltage_l3_l1"},
                                             {"i#", "current_l#"},
                                             {"il#", "current_l#"},
                                             {"in", "current_n"},
                                             {"p", "active_power"},
                                             {"3p", "active_power"},
                                             {"ptot", "active_power"},
                                             {"p#", "active_power_l#"},
                                             {"pl#", "active_power_l#"},
                                             {"psum", "active_power"},
                                             {"q", "reactive_power"},
                                             {"3q", "reactive_power"},
                                             {"qtot", "reactive_power"},
                                             {"q#", "reactive_power_l#"},
                                             {"ql#", "reactive_power_l#"},
                                             {"qsum", "reactive_power"},
                                             {"s", "apparent_power"},
                                             {"3s", "apparent_power"},
                                             {"stot", "apparent_power"},
                                             {"s#", "apparent_power_l#"},
                                             {"sl#", "apparent_power_l#"},
                                             {"ssum", "apparent_power"},
                                             {"pf", "power_factor"},
                                             {"3pf", "power_factor"},
                                             {"cosphi", "power_factor"},
                                             {"pf#", "power_factor_l#"},
                                             {"pfl#", "power_factor_l#"},
                                             {"cosphi#", "power_factor_l#"},
                                             {"f", "frequency"},
                                             {"hz", "frequency"},
                                             {"ep+", "active_energy_import"},
                                             {"3ep+", "active_energy_import"},
                                             {"ea+", "active_energy_import"},
                                             {"kwh+", "active_energy_import"},
                                             {"ep-", "active_energy_export"},
                                             {"3ep-", "active_energy_export"},
                                             {"ea-", "active_energy_export"},
                                             {"kwh-", "active_energy_export"},
                                             {"thdu#", "thd_voltage_l#"},
                                             {"thdi#", "thd_current_l#"}};
    char symbol[PROFILE_NAME_MAX], digit = 0;
    bare(text, symbol, sizeof(symbol));
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
        if (fits(symbols[i][0], symbol, &digit)) {
            ew_copy(ret, PROFILE_NAME_MAX, symbols[i][1]);
            if (strchr(ret, '#'))
                *strchr(ret, '#') = digit;
            return true;
        }
    return false;
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
    bool dash = strcmp(text, "-") == 0 || strcmp(text, "\xE2\x80\x93") == 0; // of what has no unit
    if (dash && si[0] == 0) {
        *ret = 1;
        return true;
    }
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
