// Everything the web service reads of a request: bodies of login, codes and logout, cookies, Origin and Host,
// lists. The first byte chooses the reader; what a reader accepts must be what its header promises.
#include "web/request.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool digits(const char *text, size_t count)
{
    return strlen(text) == count && strspn(text, "0123456789") == count;
}

static void bodies(const char *text, size_t size)
{
    struct web_login login;
    struct web_codes codes;
    struct ew_reason reason;
    if (web_login_read(text, size, &login, &reason) == EW_OK)
        assert(digits(login.pin, 5) && (!login.puk[0] || digits(login.puk, 14)));
    else
        assert(reason.err != EW_OK && reason.code[0] && reason.text[0]);
    if (web_codes_read(text, size, &codes, &reason) == EW_OK)
        assert(digits(codes.pin, 5) && digits(codes.puk, 14) && digits(codes.new_pin, 5) &&
               digits(codes.new_puk, 14));
    (void)!web_nothing_read(text, size, &reason);
}

static void cookies(const char *text)
{
    char token[WEB_TOKEN_SIZE];
    if (web_cookie_token(text, "edgewatt", token))
        assert(web_token_valid(token) && strstr(text, token));
}

// "origin\nhost"
static void origins(char *text, bool tls)
{
    char *host = strchr(text, '\n'), name[WEB_HOST_SIZE];
    if (!host)
        return;
    *host++ = 0;
    if (web_host_valid(host)) {
        web_host_name(host, name);
        assert(name[0] && strncmp(name, host, strlen(name)) == 0 && !strpbrk(host, "\r\n\" ;<>/@\\"));
    }
    if (web_origin_own(text, host, tls))
        assert(web_host_valid(host) && strncmp(text, "http", 4) == 0 && (!tls || text[4] == 's'));
}

static void ranges(const char *text)
{
    static const int64_t sizes[] = {0, 1, 100, INT64_C(5) << 30};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int64_t from, end;
        enum web_range is = web_range_read(text, sizes[i], &from, &end);
        assert(0 <= from && from <= end && end <= sizes[i]);
        assert(is != WEB_RANGE_PART || from < end);
        assert(is == WEB_RANGE_PART || (from == 0 && end == sizes[i]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    char *text = malloc(size);
    if (!text)
        abort();
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    size_t length = 0;
    switch (data[0] % 6) {
    case 0:
        bodies(text, size - 1);
        break;
    case 1:
        cookies(text);
        break;
    case 2:
    case 3:
        origins(text, data[0] % 6 == 3);
        break;
    case 4:
        (void)web_accepts_gzip(text);
        (void)web_list_has(text, "mqtt");
        (void)web_type_json(text);
        ranges(text);
        break;
    default:
        if (web_length(text, 16384, &length) == EW_OK)
            assert(length <= 16384);
    }
    free(text);
    return 0;
}
