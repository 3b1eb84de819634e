// Rights as data: what comes out of broker-config/*.json for an account, and what is refused. Which topic is
// allowed to whom on the real broker is tests/system/test_access.py.
#include "check.h"

#include "base/file.h"
#include "core/access/access.h"
#include "core/access/people.h"
#include "core/access/slowdown.h"
#include <stdlib.h>
#include <string.h>

static struct access_list list;

static cJSON *load(const char *name)
{
    char path[512];
    struct ew_buf buf;
    struct ew_reason reason;
    cJSON *tree = NULL;
    ew_buf_init(&buf, 1 << 20);
    assert_int_equal(ew_format(path, sizeof(path), "%s/broker-config/%s.json", EDGEWATT_SOURCE_DIR, name),
                     EW_OK);
    assert_int_equal(ew_file_read(path, 1 << 20, &buf, &reason), EW_OK);
    assert_int_equal(ew_json_parse(ew_buf_text(&buf), buf.len, 1 << 20, &tree, &reason), EW_OK);
    ew_buf_done(&buf);
    return tree;
}

static struct access_rights rights;
static struct access_devices devices = {.count = 3, .items = {{12, false}, {38, true}, {39, true}}};

static int setup(void **state)
{
    (void)state;
    rights =
        (struct access_rights){load("services"), load("pages"), load("integrations"), "edgewatt/x", &devices};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cJSON_Delete((cJSON *)(uintptr_t)rights.services);
    cJSON_Delete((cJSON *)(uintptr_t)rights.pages);
    cJSON_Delete((cJSON *)(uintptr_t)rights.integrations);
    return 0;
}

static int count(enum access_right right, const char *filter)
{
    int found = 0;
    for (int i = 0; i < list.count; i++)
        found += list.topics[i].right == right && strcmp(list.topics[i].filter, filter) == 0;
    return found;
}

static void topics_are_spelled_out_and_stand_once(void **state)
{
    (void)state;
    struct ew_reason reason;
    assert_int_equal(access_session(&rights, "s-1", ACCESS_ALL_PAGES, false, &list, &reason), EW_OK);
    assert_int_equal(count(ACCESS_SUBSCRIBE, "edgewatt/x/reply/s-1/#"), 1);
    assert_int_equal(count(ACCESS_RECEIVE, "edgewatt/x/reply/s-1/#"), 1);
    assert_int_equal(count(ACCESS_SUBSCRIBE, "edgewatt/x/device/+/status"), 1);
    assert_int_equal(count(ACCESS_PUBLISH, "edgewatt/x/device/12/command"), 1);
    assert_int_equal(count(ACCESS_PUBLISH, "edgewatt/x/call/s-1/config/change"), 1);
    for (int i = 0; i < list.count; i++)
        assert_null(strpbrk(list.topics[i].filter, "{}%"));
    assert_int_equal(access_service(&rights, "config", &list, &reason), EW_OK);
    assert_int_equal(count(ACCESS_PUBLISH, "$CONTROL/dynamic-security/v1"), 1);
    assert_int_equal(access_integration(&rights, "ha", "command", &list, &reason), EW_OK);
    assert_int_equal(count(ACCESS_PUBLISH, "edgewatt/x/device/38/command"), 1);
    assert_int_equal(count(ACCESS_SUBSCRIBE, "edgewatt/x/device/+/measures/+"), 1);
    assert_int_equal(access_integration(&rights, "ha", "read", &list, &reason), EW_OK);
    assert_int_equal(count(ACCESS_PUBLISH, "edgewatt/x/device/38/command"), 0);
}

// USR-02: commands to charge points come with the Green'Up page, those to other devices with "my
// installation".
static void commands_are_rights_device_by_device(void **state)
{
    (void)state;
    static const struct {
        unsigned pages;
        int relay, station;
    } cases[] = {{ACCESS_INSTALLATION, 1, 0},
                 {ACCESS_GREENUP, 0, 1},
                 {ACCESS_ALL_PAGES, 1, 1},
                 {ACCESS_ALL_PAGES & ~(unsigned)ACCESS_GREENUP, 1, 0},
                 {ACCESS_CONSUMPTION, 0, 0}};
    struct ew_reason reason;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(access_session(&rights, "s-1", cases[i].pages, false, &list, &reason), EW_OK);
        assert_int_equal(count(ACCESS_PUBLISH, "edgewatt/x/device/12/command"), cases[i].relay);
        assert_int_equal(count(ACCESS_PUBLISH, "edgewatt/x/device/38/command"), cases[i].station);
        assert_int_equal(count(ACCESS_PUBLISH, "edgewatt/x/device/39/command"), cases[i].station);
        assert_int_equal(count(ACCESS_PUBLISH, "edgewatt/x/device/+/command"), 0);
    }
    for (const cJSON *one = rights.services->child; one; one = one->next) {
        assert_int_equal(access_service(&rights, one->string, &list, &reason), EW_OK);
        assert_int_equal(count(ACCESS_PUBLISH, "edgewatt/x/device/38/command"), 0);
    }
}

static void displays_only_ask_the_recorder(void **state)
{
    (void)state;
    struct ew_reason reason;
    int subscribed[2] = {0, 0}, asked = 0;
    for (int display = 0; display < 2; display++) {
        assert_int_equal(access_session(&rights, "s-1", ACCESS_DISPLAY_PAGES, display, &list, &reason),
                         EW_OK);
        for (int i = 0; i < list.count; i++) {
            subscribed[display] += list.topics[i].right == ACCESS_SUBSCRIBE;
            if (!display || list.topics[i].right != ACCESS_PUBLISH)
                continue;
            asked++;
            assert_ptr_equal(strstr(list.topics[i].filter, "edgewatt/x/call/s-1/recorder/"),
                             list.topics[i].filter);
        }
    }
    assert_true(asked > 0);
    assert_int_equal(subscribed[0], subscribed[1]);
}

static void only_the_controller_publishes_set_points_and_only_config_controls(void **state)
{
    (void)state;
    struct ew_reason reason;
    for (const cJSON *one = rights.services->child; one; one = one->next) {
        assert_int_equal(access_service(&rights, one->string, &list, &reason), EW_OK);
        assert_int_equal(count(ACCESS_PUBLISH, "edgewatt/x/device/+/setpoint"),
                         strcmp(one->string, "controller") == 0);
        for (int i = 0; i < list.count; i++)
            assert_true(strncmp(list.topics[i].filter, "$CONTROL", 8) != 0 ||
                        strcmp(one->string, "config") == 0);
    }
}

static void mistakes_in_the_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *grant, *text;
    } cases[] = {
        {"5", "there are no rights \"poller\""},
        {"{}", "needs a list \"publish\""},
        {"{\"publish\":[5],\"subscribe\":[]}", "\"publish\" must hold topics"},
        {"{\"publish\":[],\"subscribe\":{}}", "needs a list \"subscribe\""},
        {"{\"publish\":[\"a/#/b\"],\"subscribe\":[]}", "\"a/#/b\" is not a topic"},
        {"{\"publish\":[\"a/b+\"],\"subscribe\":[]}", "\"a/b+\" is not a topic"},
        {"{\"publish\":[\"a//b\"],\"subscribe\":[]}", "\"a//b\" is not a topic"},
        {"{\"publish\":[\"\"],\"subscribe\":[]}", "\"\" is not a topic"},
        {"{\"publish\":[\"a/%u\"],\"subscribe\":[]}", "\"a/%u\" is not a topic"},
        {"{\"publish\":[\"a/{user}\"],\"subscribe\":[]}", "\"a/{user}\" is not a topic"},
        {"{\"publish\":[\"call/{account}/{account}\"],\"subscribe\":[]}",
         "\"call/{account}/{account}\" is not a topic"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ew_reason reason;
        cJSON *services = cJSON_CreateObject();
        struct access_rights broken = {.services = services, .base = "edgewatt/x"};
        cJSON_AddItemToObject(services, "poller", cJSON_Parse(cases[i].grant));
        assert_int_not_equal(access_service(&broken, "poller", &list, &reason), EW_OK);
        assert_string_equal(reason.text, cases[i].text);
        cJSON_Delete(services);
    }
    struct ew_reason reason;
    assert_int_equal(access_service(&rights, "nobody", &list, &reason), EW_E_UNKNOWN);
    assert_int_equal(access_integration(&rights, "ha", "admin", &list, &reason), EW_E_UNKNOWN);
}

static void who_may_change_what(void **state)
{
    (void)state;
    static const struct {
        unsigned pages;
        const char *what;
        bool may;
    } cases[] = {
        {ACCESS_SYSTEM, "device", true},        {ACCESS_SYSTEM, "bus", true},
        {ACCESS_SYSTEM, "cost_rule", true},     {ACCESS_SYSTEM, "site", false},
        {ACCESS_SYSTEM, "greenup", false},      {ACCESS_SERVER, "site", true},
        {ACCESS_SERVER, "device", false},       {ACCESS_SERVER, "notifications", true},
        {ACCESS_GREENUP, "greenup", true},      {ACCESS_GREENUP, "device", false},
        {ACCESS_INSTALLATION, "device", false}, {ACCESS_CONSUMPTION | ACCESS_ALARMS, "tariff", false},
        {ACCESS_ALL_PAGES, "everything", false}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(access_may_change(&rights, cases[i].pages, cases[i].what), cases[i].may);
}

static void names_of_accounts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool good;
    } cases[] = {{"ha", true},
                 {"node-red_2", true},
                 {"", false},
                 {"HA", false},
                 {"2ha", false},
                 {"-ha", false},
                 {"s-ha", false},
                 {"sha", true},
                 {"poller", false},
                 {"console", false},
                 {"a/b", false},
                 {"a+", false},
                 {"a#", false},
                 {"$x", false},
                 {"h\xC3\xA9", false},
                 {"abcdefghijklmnopqrstuvwxyz012345", true},
                 {"abcdefghijklmnopqrstuvwxyz0123456", false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ew_reason reason;
        if ((access_account_check(&rights, cases[i].name, &reason) == EW_OK) != cases[i].good)
            fail_msg("%s", cases[i].name);
    }
    assert_true(access_pin_formed("00000") && !access_pin_formed("1234") && !access_pin_formed("123456"));
    assert_true(!access_pin_formed("1234a") && access_puk_formed("00000999900000"));
    assert_true(!access_puk_formed("0000099990000") && !access_puk_formed("00000 999900000"));
}

static void predefined_users_are_the_manuals(void **state)
{
    (void)state;
    static const char *const pages[] = {"server system installation consumption reports alarms",
                                        "server system installation consumption reports alarms greenup",
                                        "system installation consumption alarms", "consumption alarms"};
    for (int i = 0; i < ACCESS_DEFAULT_USERS; i++) {
        char text[128] = "";
        for (int p = 0; p < ACCESS_PAGE_COUNT; p++)
            if (access_default_users[i].pages & 1u << p) {
                char longer[128];
                assert_int_equal(ew_format(longer, sizeof(longer), "%s%s%s", text, text[0] ? " " : "",
                                           access_page_name(p)),
                                 EW_OK);
                ew_copy(text, sizeof(text), longer);
            }
        assert_string_equal(text, pages[i]);
        assert_true(access_pin_formed(access_default_users[i].pin));
        assert_true(access_puk_formed(access_default_users[i].puk));
    }
}

static void wrong_tries_wait_1_2_4_to_60_s(void **state)
{
    (void)state;
    static const int64_t delays_s[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    struct slowdown *s = calloc(1, sizeof(*s));
    int64_t now_ms = 5000;
    for (size_t i = 0; i < COUNT(delays_s); i++) {
        slowdown_wrong(s, "10.0.0.1", now_ms);
        assert_int_equal(slowdown_wait_ms(s, "10.0.0.1", now_ms), delays_s[i] * 1000);
        assert_int_equal(slowdown_wait_ms(s, "10.0.0.1", now_ms + delays_s[i] * 1000 - 1), 1);
        assert_int_equal(slowdown_wait_ms(s, "10.0.0.1", now_ms + delays_s[i] * 1000), 0);
        assert_int_equal(slowdown_wait_ms(s, "10.0.0.2", now_ms), 0);
        now_ms += delays_s[i] * 1000;
    }
    slowdown_right(s, "10.0.0.1");
    slowdown_wrong(s, "10.0.0.1", now_ms);
    assert_int_equal(slowdown_wait_ms(s, "10.0.0.1", now_ms), 1000);
    slowdown_wrong(s, "10.0.0.1", now_ms + SLOWDOWN_FORGET_MS);
    assert_int_equal(slowdown_wait_ms(s, "10.0.0.1", now_ms + SLOWDOWN_FORGET_MS), 1000);
    free(s);
}

static void many_addresses_slow_everybody_down(void **state)
{
    (void)state;
    struct slowdown *s = calloc(1, sizeof(*s));
    int64_t now_ms = 1000;
    for (int i = 0; i < 2000; i++) {
        char address[32];
        assert_int_equal(ew_format(address, sizeof(address), "10.0.%d.%d", i / 250, i % 250), EW_OK);
        int64_t wait_ms = slowdown_wait_ms(s, address, now_ms);
        if (i < SLOWDOWN_FREE_OVER_ALL)
            assert_int_equal(wait_ms, 0);
        now_ms += wait_ms;
        slowdown_wrong(s, address, now_ms);
    }
    assert_int_equal(slowdown_wait_ms(s, "192.168.1.9", now_ms), SLOWDOWN_MAX_MS);
    // 2000 tries take a day: 100 000 PINs with 10^14 PUKs are out of reach.
    assert_true(now_ms > 86400000);
    now_ms += INT64_C(2) * SLOWDOWN_FORGET_MS;
    assert_int_equal(slowdown_wait_ms(s, "192.168.1.9", now_ms), 0);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_spelled_out_and_stand_once),
        cmocka_unit_test(commands_are_rights_device_by_device),
        cmocka_unit_test(displays_only_ask_the_recorder),
        cmocka_unit_test(only_the_controller_publishes_set_points_and_only_config_controls),
        cmocka_unit_test(mistakes_in_the_files_are_refused),
        cmocka_unit_test(who_may_change_what),
        cmocka_unit_test(names_of_accounts),
        cmocka_unit_test(predefined_users_are_the_manuals),
        cmocka_unit_test(wrong_tries_wait_1_2_4_to_60_s),
        cmocka_unit_test(many_addresses_slow_everybody_down),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
