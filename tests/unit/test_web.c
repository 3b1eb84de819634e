// The web service's readers of what browsers send, its list of sessions, its files, its rule for newcomers.
#include "check.h"

#include "web/web_priv.h"
#include <arpa/inet.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN "abcdefghijklmnopqrstuvwxyzABCDEF0123456789-"

static void cookies_are_found_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header, *token; // NULL = none
    } cases[] = {
        {"edgewatt=" TOKEN, TOKEN},
        {"a=b; edgewatt=" TOKEN "; c=d", TOKEN},
        {"a=b;edgewatt=" TOKEN " ;c", TOKEN},
        {"  edgewatt=" TOKEN, TOKEN},
        {"edgewatt=" TOKEN "; edgewatt=" TOKEN, TOKEN},
        {"edgewatt=" TOKEN "; edgewatt=0123456789abcdefXXXX", NULL}, // which one?
        {"", NULL},
        {";;;", NULL},
        {"edgewatt", NULL},
        {"edgewatt=", NULL},
        {"edgewatt=short", NULL},
        {"Edgewatt=" TOKEN, NULL},
        {"xedgewatt=" TOKEN, NULL},
        {"edgewatt_browser=" TOKEN, NULL},
        {"edgewatt=\"" TOKEN "\"", NULL},
        {"edgewatt=abcdefghijklmnop/qrstuv", NULL},
        {"edgewatt=" TOKEN TOKEN, NULL}, // too long
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char token[WEB_TOKEN_SIZE] = "untouched";
        bool found = web_cookie_token(cases[i].header, "edgewatt", token);
        if (found != (cases[i].token != NULL) || strcmp(token, found ? cases[i].token : "untouched") != 0)
            fail_msg("%s: %d %s", cases[i].header, found, token);
    }
}

static void origins_are_ours_or_foreign(void **state)
{
    (void)state;
    static const struct {
        const char *origin, *host;
        bool tls, own;
    } cases[] = {
        {"http://box:8080", "box:8080", false, true},
        {"http://BOX:8080", "box:8080", false, true},
        {"http://box", "box", false, true},
        {"http://box", "box:80", false, true},
        {"http://box:80", "box", false, true},
        {"http://box:080", "box", false, true},
        {"https://box", "box:443", true, true},
        {"https://box", "box", false, true}, // a proxy took the TLS off
        {"http://[::1]:8080", "[::1]:8080", false, true},
        {"http://192.168.1.100", "192.168.1.100", false, true},
        {"http://box:8080", "box:8081", false, false},
        {"http://box", "box:8080", false, false},
        {"http://box", "box", true, false}, // plain page, TLS here
        {"http://box:443", "box", true, false},
        {"http://evil", "box", false, false},
        {"http://box.evil", "box", false, false},
        {"http://evil@box", "box", false, false},
        {"http://box/", "box", false, false},
        {"http://box evil", "box", false, false},
        {"null", "box", false, false},
        {"", "box", false, false},
        {"ws://box", "box", false, false},
        {"file://", "box", false, false},
        {"http://", "", false, false},
        {"http://box", "", false, false},
        {"chrome-extension://abcdefghijklmnop", "box", false, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (web_origin_own(cases[i].origin, cases[i].host, cases[i].tls) != cases[i].own)
            fail_msg("%s at %s%s", cases[i].origin, cases[i].host, cases[i].tls ? " with TLS" : "");
}

static void hosts_may_be_repeated_or_not(void **state)
{
    (void)state;
    static const struct {
        const char *host, *name; // NULL = not valid
    } cases[] = {
        {"box", "box"},
        {"box.lan:8443", "box.lan"},
        {"a_b-c.d", "a_b-c.d"},
        {"[fe80::1]", "[fe80::1]"},
        {"[::ffff:1.2.3.4]:65535", "[::ffff:1.2.3.4]"},
        {"", NULL},
        {":80", NULL},
        {"box:", NULL},
        {"box:x", NULL},
        {"box:123456", NULL},
        {"box/", NULL},
        {"box\r\nSet-Cookie: a=b", NULL},
        {"box\"", NULL},
        {"a b", NULL},
        {"[::1", NULL},
        {"[]", NULL},
        {"[::g]", NULL},
        {"[::1]x", NULL},
        {"(plain)", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char name[WEB_HOST_SIZE];
        bool valid = web_host_valid(cases[i].host);
        if (valid != (cases[i].name != NULL))
            fail_msg("%s", cases[i].host);
        if (valid) {
            web_host_name(cases[i].host, name);
            assert_string_equal(name, cases[i].name);
        }
    }
    char longest[300];
    memset(longest, 'a', sizeof(longest));
    longest[WEB_HOST_SIZE - 1] = 0;
    assert_true(web_host_valid(longest));
    longest[WEB_HOST_SIZE - 1] = 'a';
    longest[WEB_HOST_SIZE] = 0;
    assert_false(web_host_valid(longest));
}

static void small_headers_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool gzip;
    } encodings[] = {
        {"gzip", true},
        {"gzip, deflate, br", true},
        {"deflate, GZIP;q=0.5", true},
        {"*", true},
        {"br, *;q=0.1", true},
        {"gzip;q=0.001", true},
        {"", false},
        {"identity", false},
        {"gzip;q=0", false},
        {"gzip; q=0.000, *", false},
        {"*;q=0", false},
        {"xgzip", false},
        {"deflate,br", false},
    };
    for (size_t i = 0; i < COUNT(encodings); i++)
        if (web_accepts_gzip(encodings[i].text) != encodings[i].gzip)
            fail_msg("%s", encodings[i].text);
    assert_true(web_type_json("application/json"));
    assert_true(web_type_json("Application/JSON ; charset=utf-8"));
    assert_false(web_type_json("application/jsonx"));
    assert_false(web_type_json("text/plain"));
    assert_false(web_type_json(""));
    assert_true(web_list_has("chat, mqtt", "mqtt"));
    assert_true(web_list_has("MQTT ,x", "mqtt"));
    assert_false(web_list_has("mqttv3.1", "mqtt"));
    assert_false(web_list_has("", "mqtt"));
    static const struct {
        const char *text;
        enum ew_err err;
        size_t length;
    } lengths[] = {
        {"0", EW_OK, 0},
        {"16384", EW_OK, 16384},
        {"0016384", EW_OK, 16384},
        {"16385", EW_E_TOO_LARGE, 7},
        {"99999999999999999999999", EW_E_TOO_LARGE, 7},
        {"", EW_E_INVALID, 7},
        {"-5", EW_E_INVALID, 7},
        {"+5", EW_E_INVALID, 7},
        {"5 ", EW_E_INVALID, 7},
        {"0x10", EW_E_INVALID, 7},
        {"1,1", EW_E_INVALID, 7},
    };
    for (size_t i = 0; i < COUNT(lengths); i++) {
        size_t length = 7;
        assert_int_equal(web_length(lengths[i].text, 16384, &length), lengths[i].err);
        assert_int_equal(length, lengths[i].length);
    }
}

static void ranges_are_parts_or_the_whole(void **state)
{
    (void)state;
    static const struct {
        const char *range;
        int64_t size;
        enum web_range is;
        int64_t from, end;
    } cases[] = {
        {"", 100, WEB_RANGE_WHOLE, 0, 100},
        {"bytes=0-", 100, WEB_RANGE_PART, 0, 100},
        {"bytes=10-19", 100, WEB_RANGE_PART, 10, 20},
        {"Bytes=99-500", 100, WEB_RANGE_PART, 99, 100},
        {"bytes=-30", 100, WEB_RANGE_PART, 70, 100},
        {"bytes=-300", 100, WEB_RANGE_PART, 0, 100},
        {"bytes=100-", 100, WEB_RANGE_OUTSIDE, 0, 100},
        {"bytes=-0", 100, WEB_RANGE_OUTSIDE, 0, 100},
        {"bytes=0-", 0, WEB_RANGE_OUTSIDE, 0, 0},
        // Not understood: as if it was not sent.
        {"bytes=19-10", 100, WEB_RANGE_WHOLE, 0, 100},
        {"bytes=0-1,5-6", 100, WEB_RANGE_WHOLE, 0, 100},
        {"bytes=-", 100, WEB_RANGE_WHOLE, 0, 100},
        {"bytes=", 100, WEB_RANGE_WHOLE, 0, 100},
        {"bytes=a-b", 100, WEB_RANGE_WHOLE, 0, 100},
        {"bytes= 1-2", 100, WEB_RANGE_WHOLE, 0, 100},
        {"bytes=0-99999999999999999999999999", 100, WEB_RANGE_WHOLE, 0, 100},
        {"bytes=99999999999999999999999999-", 100, WEB_RANGE_WHOLE, 0, 100},
        {"lines=1-2", 100, WEB_RANGE_WHOLE, 0, 100},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t from = 7, end = 7;
        assert_int_equal(web_range_read(cases[i].range, cases[i].size, &from, &end), cases[i].is);
        assert_int_equal(from, cases[i].from);
        assert_int_equal(end, cases[i].end);
    }
}

static void logins_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *body, *pin, *puk, *path; // path: of what is wrong
    } cases[] = {
        {"{\"pin\":\"12345\"}", "12345", "", NULL},
        {"{\"puk\":\"12345678901234\",\"pin\":\"00000\"}", "00000", "12345678901234", NULL},
        {"{}", NULL, NULL, "/pin"},
        {"{\"pin\":\"1234\"}", NULL, NULL, "/pin"},
        {"{\"pin\":\"123456\"}", NULL, NULL, "/pin"},
        {"{\"pin\":\"1234a\"}", NULL, NULL, "/pin"},
        {"{\"pin\":\"1234\\u0660\"}", NULL, NULL, "/pin"},
        {"{\"pin\":12345}", NULL, NULL, "/pin"},
        {"{\"pin\":null}", NULL, NULL, "/pin"},
        {"{\"pin\":\"12345\",\"puk\":\"1234567890123\"}", NULL, NULL, "/puk"},
        {"{\"pin\":\"12345\",\"puk\":\"00000 9999 0000\"}", NULL, NULL, "/puk"},
        {"{\"pin\":\"12345\",\"puk\":\"\"}", NULL, NULL, "/puk"},
        {"{\"pin\":\"12345\",\"user\":\"x\"}", NULL, NULL, "/user"},
        {"{\"pin\":\"12345\",\"pin\":\"54321\"}", NULL, NULL, "/pin"},
        {"[\"12345\"]", NULL, NULL, "/"},
        {"\"12345\"", NULL, NULL, "/"},
        {"{\"pin\":\"12345\"} x", NULL, NULL, ""},
        {"{\"pin\":\"12345\"", NULL, NULL, ""},
        {"", NULL, NULL, ""},
        {"\xff\xfe", NULL, NULL, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct web_login login = {"xxxxx", "x"};
        struct ew_reason reason;
        enum ew_err err = web_login_read(cases[i].body, strlen(cases[i].body), &login, &reason);
        if ((err == EW_OK) != (cases[i].pin != NULL))
            fail_msg("%s", cases[i].body);
        assert_string_equal(login.pin, cases[i].pin ? cases[i].pin : "xxxxx");
        assert_string_equal(login.puk, cases[i].pin ? cases[i].puk : "x");
        if (err == EW_OK)
            continue;
        assert_string_equal(reason.path, cases[i].path);
        assert_null(strstr(reason.text, "12345")); // what was typed is not repeated
    }
    struct web_codes codes;
    struct ew_reason reason;
    static const char good[] = "{\"pin\":\"11111\",\"puk\":\"00000111100000\",\"new_pin\":\"22222\","
                               "\"new_puk\":\"11111222223333\"}";
    assert_int_equal(web_codes_read(good, strlen(good), &codes, &reason), EW_OK);
    assert_string_equal(codes.new_puk, "11111222223333");
    static const char half[] = "{\"pin\":\"11111\",\"puk\":\"00000111100000\",\"new_pin\":\"22222\"}";
    assert_int_equal(web_codes_read(half, strlen(half), &codes, &reason), EW_E_INVALID);
    assert_string_equal(reason.path, "/new_puk");
    assert_int_equal(web_nothing_read("", 0, &reason), EW_OK);
    assert_int_equal(web_nothing_read("{}", 2, &reason), EW_OK);
    assert_int_equal(web_nothing_read("{\"a\":1}", 7, &reason), EW_E_INVALID);
}

static void sessions_make_room_for_the_newest(void **state)
{
    (void)state;
    struct web_sessions *s = calloc(1, sizeof(*s));
    char token[WEB_TOKEN_SIZE];
    for (int i = 0; i < EW_SESSIONS_MAX + 1; i++) {
        snprintf(token, sizeof(token), "token-%032d", i);
        web_sessions_add(s, token, 1000 + i);
    }
    assert_int_equal(web_sessions_find(s, "token-00000000000000000000000000000000", 1300),
                     WEB_SESSION_UNKNOWN);
    assert_int_equal(web_sessions_find(s, "token-00000000000000000000000000000001", 1300), WEB_SESSION_KNOWN);
    assert_int_equal(
        web_sessions_find(s, "token-00000000000000000000000000000001", 1001 + WEB_SESSION_FRESH_MS),
        WEB_SESSION_KNOWN);
    assert_int_equal(
        web_sessions_find(s, "token-00000000000000000000000000000001", 1002 + WEB_SESSION_FRESH_MS),
        WEB_SESSION_AGED);
    web_sessions_add(s, "token-00000000000000000000000000000001", 70000);
    assert_int_equal(web_sessions_find(s, "token-00000000000000000000000000000001", 70000),
                     WEB_SESSION_KNOWN);
    web_sessions_remove(s, "token-00000000000000000000000000000001");
    assert_int_equal(web_sessions_find(s, "token-00000000000000000000000000000001", 70000),
                     WEB_SESSION_UNKNOWN);
    assert_int_equal(web_sessions_find(s, "", 70000), WEB_SESSION_UNKNOWN); // a free place is no session
    web_sessions_remove(s, "");
    free(s);
}

// ---- Files ------------------------------------------------------------------------------------------------

static void put(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static const char manifest[] =
    "{\"version\":1,\"index\":\"/index.html\",\"files\":["
    "{\"path\":\"/index.html\",\"type\":\"text/html\",\"size\":5,\"gzip_size\":3,\"immutable\":false},"
    "{\"path\":\"/assets/a-1.js\",\"type\":\"text/"
    "javascript\",\"size\":3,\"gzip_size\":9,\"immutable\":true}]}";

static void only_named_files_are_served(void **state)
{
    (void)state;
    char folder[] = "/tmp/edgewatt-web-XXXXXX", path[PATH_MAX];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/assets", folder);
    mkdir(path, 0700);
    struct web_assets assets;
    struct ew_reason reason;
    web_assets_init(&assets, folder);
    assert_int_equal(web_assets_refresh(&assets, 0, &reason), EW_E_UNKNOWN);
    assert_string_equal(reason.code, "web.not_built");
    put(folder, "manifest.json", manifest);
    put(folder, "index.html", "hello");
    put(folder, "index.html.gz", "GZ!");
    put(folder, "secret.txt", "secret");
    assert_int_equal(web_assets_refresh(&assets, 5000, &reason), EW_OK);
    static const struct {
        const char *path;
        bool html;
        const char *file;
    } cases[] = {
        {"/", false, "/index.html"},
        {"/index.html", false, "/index.html"},
        {"/assets/a-1.js", false, "/assets/a-1.js"},
        {"/installation/5", true, "/index.html"},
        {"/installation/5", false, NULL},
        {"/installation/", true, NULL},
        {"/manifest.json", true, NULL},
        {"/secret.txt", true, NULL},
        {"/index.html.gz", true, NULL},
        {"/assets", true, NULL},
        {"/assets/none", true, NULL},
        {"/api/x", true, NULL},
        {"/mqtt", true, NULL},
        {"//index.html", true, NULL},
        {"/../secret.txt", true, NULL},
        {"/assets/../index.html", true, NULL},
        {"/.git/config", true, NULL},
        {"/a b", true, NULL},
        {"index.html", true, NULL},
        {"", true, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct web_asset *asset = web_assets_find(&assets, cases[i].path, cases[i].html);
        if ((asset != NULL) != (cases[i].file != NULL) || (asset && strcmp(asset->path, cases[i].file) != 0))
            fail_msg("%s -> %s", cases[i].path, asset ? asset->path : "nothing");
    }
    off_t size = 0;
    assert_true(assets.index->gzip);
    assert_false(web_assets_find(&assets, "/assets/a-1.js", false)->gzip); // packing made it larger
    int fd = web_asset_open(&assets, assets.index, true, &size);
    assert_true(fd >= 0);
    assert_int_equal(size, 3);
    close(fd);
    assert_int_equal(web_asset_open(&assets, web_assets_find(&assets, "/assets/a-1.js", false), false, &size),
                     -1);
    web_assets_done(&assets);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void manifests_are_read_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{}",
        "{\"version\":2,\"index\":\"/i.html\",\"files\":[]}",
        "{\"version\":1,\"index\":\"/i.html\",\"files\":[]}",
        "{\"version\":1,\"index\":\"/i.html\",\"files\":[{\"path\":\"/i.html\"}]}",
        "{\"version\":1,\"index\":\"/../i\",\"files\":[{\"path\":\"/../i\",\"type\":\"text/"
        "html\",\"size\":1}]}",
        "{\"version\":1,\"index\":\"/.i\",\"files\":[{\"path\":\"/.i\",\"type\":\"text/html\",\"size\":1}]}",
        "{\"version\":1,\"index\":\"i.html\",\"files\":[{\"path\":\"i.html\",\"type\":\"text/"
        "html\",\"size\":1}]}",
        "{\"version\":1,\"index\":\"/i\",\"files\":[{\"path\":\"/i\",\"type\":\"a\\r\\nb: c\",\"size\":1}]}",
        "{\"version\":1,\"index\":\"/i\",\"files\":[{\"path\":\"/i\",\"type\":\"text/"
        "html\",\"size\":1,\"x\":1}]}",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        char folder[] = "/tmp/edgewatt-web-XXXXXX";
        assert_non_null(mkdtemp(folder));
        put(folder, "manifest.json", bad[i]);
        struct web_assets assets;
        struct ew_reason reason;
        web_assets_init(&assets, folder);
        if (web_assets_refresh(&assets, 0, &reason) == EW_OK)
            fail_msg("%s", bad[i]);
        assert_null(assets.items);
        web_assets_done(&assets);
        nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
}

// ---- Newcomers --------------------------------------------------------------------------------------------

static void read_address(const char *text, char ret_text[48], unsigned char network[WEB_NETWORK_SIZE])
{
    struct sockaddr_storage from = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&from;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&from;
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1)
        from.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
        from.ss_family = AF_INET6;
    web_address_read(&from, ret_text, network);
}

static void addresses_are_one_network_or_two(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *text;
        bool same;
    } cases[] = {
        {"192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", "192.0.2.1", false},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:2::1", true},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", "2001:db8:1:2::1", false},
        {"::1", "127.0.0.1", "::1", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char a[48], b[48];
        unsigned char of_a[WEB_NETWORK_SIZE], of_b[WEB_NETWORK_SIZE];
        read_address(cases[i].a, a, of_a);
        read_address(cases[i].b, b, of_b);
        assert_string_equal(a, cases[i].text);
        assert_int_equal(memcmp(of_a, of_b, sizeof(of_a)) == 0, cases[i].same);
    }
}

static void fill(struct web *web, int from, int count, enum web_phase phase, unsigned char network,
                 int64_t since)
{
    for (int i = from; i < from + count; i++) {
        web->slots[i].phase = phase;
        web->slots[i].since_ms = since + i;
        web->slots[i].network[7] = network;
    }
}

// Rows: what is there (two groups), who comes at 100 000 ms, who goes (-1 = nobody), whether the newcomer
// stays.
static void newcomers_find_room(void **state)
{
    (void)state;
    enum { PER = EW_WEB_PER_ADDRESS_MAX, ALL = EW_WEB_CONNECTIONS_MAX };
    static const struct {
        int count_a;
        enum web_phase phase_a;
        int network_a;
        int64_t since_a;
        int count_b;
        enum web_phase phase_b;
        int network_b;
        int64_t since_b;
        unsigned char newcomer;
        int victim;
        bool admit;
    } cases[] = {
        {0, WEB_FREE, 0, 0, 0, WEB_FREE, 0, 0, 1, -1, true},
        {PER - 1, WEB_WAITING, 1, 0, 0, WEB_FREE, 0, 0, 1, -1, true},
        {PER, WEB_WAITING, 1, 0, 0, WEB_FREE, 0, 0, 1, 0, true},       // the oldest of its own goes
        {PER, WEB_WAITING, 1, 0, 0, WEB_FREE, 0, 0, 2, -1, true},      // others are not concerned
        {PER, WEB_ANSWERING, 1, 0, 0, WEB_FREE, 0, 0, 1, -1, false},   // who is served stays
        {PER, WEB_WAITING, 1, 99800, 0, WEB_FREE, 0, 0, 1, -1, false}, // who just came stays
        {PER, WEB_SOCKET, 1, 0, 0, WEB_FREE, 0, 0, 1, -1, true},       // WebSockets have their own ceilings
        {PER, WEB_DOOMED, 1, 0, 0, WEB_FREE, 0, 0, 1, -1, true},
        {1, WEB_WAITING, 2, 0, PER, WEB_ANSWERING, 1, 0, 1, -1, false}, // not at the cost of others
        {ALL - 1, WEB_SOCKET, 1, 0, 0, WEB_FREE, 0, 0, 3, -1, true},
        {ALL, WEB_SOCKET, 1, 0, 0, WEB_FREE, 0, 0, 3, -1, false},
        {ALL - 1, WEB_SOCKET, 1, 0, 1, WEB_WAITING, 2, 0, 3, ALL - 1, true},
    };
    struct web *web = calloc(1, sizeof(*web));
    for (size_t i = 0; i < COUNT(cases); i++) {
        memset(web->slots, 0, sizeof(web->slots));
        fill(web, 0, cases[i].count_a, cases[i].phase_a, (unsigned char)cases[i].network_a, cases[i].since_a);
        fill(web, cases[i].count_a, cases[i].count_b, cases[i].phase_b, (unsigned char)cases[i].network_b,
             cases[i].since_b);
        unsigned char network[WEB_NETWORK_SIZE] = {[7] = cases[i].newcomer};
        bool admit = !cases[i].admit;
        const struct web_connection *victim = web_connections_victim(web, network, 100000, &admit);
        if (admit != cases[i].admit || (victim ? (int)(victim - web->slots) : -1) != cases[i].victim)
            fail_msg("case %zu: admit %d victim %d", i, admit, victim ? (int)(victim - web->slots) : -1);
    }
    free(web);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookies_are_found_or_refused),
        cmocka_unit_test(origins_are_ours_or_foreign),
        cmocka_unit_test(hosts_may_be_repeated_or_not),
        cmocka_unit_test(small_headers_are_understood),
        cmocka_unit_test(ranges_are_parts_or_the_whole),
        cmocka_unit_test(logins_are_read_strictly),
        cmocka_unit_test(sessions_make_room_for_the_newest),
        cmocka_unit_test(only_named_files_are_served),
        cmocka_unit_test(manifests_are_read_strictly),
        cmocka_unit_test(addresses_are_one_network_or_two),
        cmocka_unit_test(newcomers_find_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
