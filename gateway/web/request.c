#include "web/request.h"

#include "base/json.h"
#include "base/limits.h"
#include <string.h>
#include <strings.h>

static bool token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool digits_only(const char *text)
{
    while (digit(*text))
        text++;
    return *text == 0;
}

bool web_token_valid(const char *token)
{
    size_t len = 0;
    while (token_char(token[len]))
        len++;
    return token[len] == 0 && len >= WEB_TOKEN_MIN && len < WEB_TOKEN_SIZE;
}

// ---- Header values ----------------------------------------------------------------------------------------

static const char *skip_spaces(const char *p)
{
    return p + strspn(p, " \t");
}

// Copies [from, to) without trailing spaces; false when it does not fit.
static bool copy_span(char *dst, size_t size, const char *from, const char *to)
{
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    size_t len = (size_t)(to - from);
    if (len >= size)
        return false;
    memcpy(dst, from, len);
    dst[len] = 0;
    return true;
}

bool web_cookie_token(const char *header, const char *name, char ret_token[WEB_TOKEN_SIZE])
{
    char found[WEB_TOKEN_SIZE] = "", value[WEB_TOKEN_SIZE];
    size_t name_len = strlen(name);
    for (const char *p = skip_spaces(header); *p;) {
        const char *end = p + strcspn(p, ";");
        if ((size_t)(end - p) > name_len && strncmp(p, name, name_len) == 0 && p[name_len] == '=') {
            if (!copy_span(value, sizeof(value), p + name_len + 1, end) || !web_token_valid(value))
                return false;
            if (found[0] && strcmp(found, value) != 0)
                return false;
            ew_copy(found, sizeof(found), value);
        }
        p = skip_spaces(*end ? end + 1 : end);
    }
    if (!found[0])
        return false;
    ew_copy(ret_token, WEB_TOKEN_SIZE, found);
    return true;
}

static bool host_char(char c)
{
    return token_char(c) || c == '.';
}

static bool address_char(char c)
{
    return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

// The end of the name part, NULL when it is not one.
static const char *host_name_end(const char *host)
{
    const char *p = host;
    if (*p == '[') {
        for (p++; address_char(*p); p++)
            ;
        return *p == ']' && p > host + 2 ? p + 1 : NULL;
    }
    while (host_char(*p))
        p++;
    return p > host ? p : NULL;
}

bool web_host_valid(const char *host)
{
    if (strlen(host) >= WEB_HOST_SIZE)
        return false;
    const char *p = host_name_end(host);
    if (!p)
        return false;
    if (*p == 0)
        return true;
    size_t len = strlen(p);
    return *p == ':' && len >= 2 && len <= 6 && digits_only(p + 1);
}

void web_host_name(const char *host, char ret_name[WEB_HOST_SIZE])
{
    const char *end = host_name_end(host);
    ret_name[0] = 0;
    if (end && !copy_span(ret_name, WEB_HOST_SIZE, host, end))
        ret_name[0] = 0;
}

// The port of a valid host as text without leading zeros; `none` when it has none.
static const char *port_of(const char *host, const char *none)
{
    const char *p = host_name_end(host);
    if (!p || *p != ':')
        return none;
    for (p++; p[0] == '0' && p[1]; p++)
        ;
    return p;
}

bool web_origin_own(const char *origin, const char *host, bool tls)
{
    bool https = strncmp(origin, "https://", 8) == 0;
    if (!https && (tls || strncmp(origin, "http://", 7) != 0))
        return false;
    const char *authority = origin + (https ? 8 : 7);
    if (!web_host_valid(authority) || !web_host_valid(host))
        return false;
    char a[WEB_HOST_SIZE], b[WEB_HOST_SIZE];
    web_host_name(authority, a);
    web_host_name(host, b);
    const char *standard = https ? "443" : "80";
    return strcasecmp(a, b) == 0 && strcmp(port_of(authority, standard), port_of(host, standard)) == 0;
}

// True when the parameters of a list element hold q=0, q=0.0 ...
static bool weight_zero(const char *parameters, const char *end)
{
    for (const char *p = parameters; p < end; p++) {
        if (*p != ';')
            continue;
        p = skip_spaces(p + 1);
        if (p + 2 >= end || (p[0] != 'q' && p[0] != 'Q') || p[1] != '=' || p[2] != '0')
            continue;
        for (p += 3; p < end && (*p == '.' || *p == '0'); p++)
            ;
        return p >= end || *p == ' ' || *p == '\t' || *p == ';';
    }
    return false;
}

void web_agent(const char *header, char ret_agent[WEB_AGENT_SIZE])
{
    size_t len = 0;
    for (; *header && len + 1 < WEB_AGENT_SIZE; header++)
        if (*header >= ' ' && *header < 127)
            ret_agent[len++] = *header;
    ret_agent[len] = 0;
}

bool web_accepts_gzip(const char *accept_encoding)
{
    bool any = false;
    for (const char *p = skip_spaces(accept_encoding); *p;) {
        const char *end = p + strcspn(p, ","), *name_end = p + strcspn(p, ",; \t");
        size_t len = (size_t)(name_end - p);
        if (len == 4 && strncasecmp(p, "gzip", 4) == 0)
            return !weight_zero(name_end, end);
        if (len == 1 && *p == '*')
            any = !weight_zero(name_end, end);
        p = skip_spaces(*end ? end + 1 : end);
    }
    return any;
}

bool web_type_json(const char *content_type)
{
    static const char json[] = "application/json";
    size_t len = sizeof(json) - 1;
    if (strncasecmp(content_type, json, len) != 0)
        return false;
    const char *rest = skip_spaces(content_type + len);
    return *rest == 0 || *rest == ';';
}

enum ew_err web_length(const char *text, size_t max, size_t *ret_length)
{
    if (!*text || !digits_only(text))
        return EW_E_INVALID;
    size_t length = 0;
    for (const char *p = text; *p; p++) {
        length = length * 10 + (size_t)(*p - '0');
        if (length > max)
            return EW_E_TOO_LARGE;
    }
    *ret_length = length;
    return EW_OK;
}

// Digits only; -1 = none, or more than any file has.
static int64_t read_offset(const char **text)
{
    int64_t value = -1;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        if (value > INT64_C(1) << 50)
            return -1;
        value = (value < 0 ? 0 : value) * 10 + (**text - '0');
    }
    return value;
}

// "10-19", "10-", "-30": what is left out is -1. False: something else.
static bool read_bounds(const char *text, int64_t *ret_first, int64_t *ret_last)
{
    bool begins = *text != '-';
    *ret_first = read_offset(&text);
    if (*text++ != '-' || (begins && *ret_first < 0))
        return false;
    bool ends = *text != 0;
    *ret_last = read_offset(&text);
    return !*text && (begins || ends) && (!ends || *ret_last >= 0) &&
           !(begins && ends && *ret_last < *ret_first);
}

enum web_range web_range_read(const char *range, int64_t size, int64_t *ret_from, int64_t *ret_end)
{
    int64_t first, last;
    *ret_from = 0;
    *ret_end = size;
    if (strncasecmp(range, "bytes=", strlen("bytes=")) != 0 ||
        !read_bounds(range + strlen("bytes="), &first, &last))
        return WEB_RANGE_WHOLE;
    if (first >= size || (first < 0 && (last == 0 || size == 0)))
        return WEB_RANGE_OUTSIDE;
    if (first < 0) // the last so many
        *ret_from = last < size ? size - last : 0;
    else
        *ret_from = first;
    if (first >= 0 && last >= 0 && last < size - 1)
        *ret_end = last + 1;
    return WEB_RANGE_PART;
}

bool web_list_has(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = skip_spaces(list); *p;) {
        const char *end = p + strcspn(p, ","), *item_end = p + strcspn(p, ", \t");
        if ((size_t)(item_end - p) == len && strncasecmp(p, name, len) == 0)
            return true;
        p = skip_spaces(*end ? end + 1 : end);
    }
    return false;
}

// ---- Bodies -----------------------------------------------------------------------------------------------

static void read_code(struct ew_json *o, const char *key, enum ew_presence p, size_t size, char *out)
{
    ew_json_text(o, key, p, size - 1, size, out);
    if (o->err == EW_OK && out[0] && !digits_only(out))
        ew_json_fail(o, key, "login.digits", "only digits are allowed");
}

enum ew_err web_login_read(const char *body, size_t len, struct web_login *ret_login,
                           struct ew_reason *reason)
{
    cJSON *tree = NULL;
    enum ew_err err = ew_json_parse(body, len, EW_WEB_BODY_MAX, &tree, reason);
    if (err != EW_OK)
        return err;
    struct web_login login = {0};
    struct ew_json o;
    ew_json_open(&o, tree, "", reason);
    read_code(&o, "pin", EW_REQUIRED, sizeof(login.pin), login.pin);
    read_code(&o, "puk", EW_OPTIONAL, sizeof(login.puk), login.puk);
    err = ew_json_close(&o);
    if (err == EW_OK)
        *ret_login = login;
    explicit_bzero(&login, sizeof(login));
    cJSON_Delete(tree);
    return err;
}

enum ew_err web_codes_read(const char *body, size_t len, struct web_codes *ret_codes,
                           struct ew_reason *reason)
{
    cJSON *tree = NULL;
    enum ew_err err = ew_json_parse(body, len, EW_WEB_BODY_MAX, &tree, reason);
    if (err != EW_OK)
        return err;
    struct web_codes codes = {0};
    struct ew_json o;
    ew_json_open(&o, tree, "", reason);
    read_code(&o, "pin", EW_REQUIRED, sizeof(codes.pin), codes.pin);
    read_code(&o, "puk", EW_REQUIRED, sizeof(codes.puk), codes.puk);
    read_code(&o, "new_pin", EW_REQUIRED, sizeof(codes.new_pin), codes.new_pin);
    read_code(&o, "new_puk", EW_REQUIRED, sizeof(codes.new_puk), codes.new_puk);
    err = ew_json_close(&o);
    if (err == EW_OK)
        *ret_codes = codes;
    explicit_bzero(&codes, sizeof(codes));
    cJSON_Delete(tree);
    return err;
}

enum ew_err web_nothing_read(const char *body, size_t len, struct ew_reason *reason)
{
    if (len == 0)
        return EW_OK;
    cJSON *tree = NULL;
    enum ew_err err = ew_json_parse(body, len, EW_WEB_BODY_MAX, &tree, reason);
    if (err != EW_OK)
        return err;
    struct ew_json o;
    ew_json_open(&o, tree, "", reason);
    err = ew_json_close(&o);
    cJSON_Delete(tree);
    return err;
}
