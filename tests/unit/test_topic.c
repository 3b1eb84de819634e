// The spelling of topics, both ways.
#include "check.h"

#include "core/topic/topic.h"
#include <limits.h>

static void topics_are_spelled_as_in_the_design(void **state)
{
    (void)state;
    topic_text t;
    topic_service_status(t, "poller");
    assert_string_equal(t, "service/poller/status");
    topic_config(t, "device", "12");
    assert_string_equal(t, "config/device/12");
    topic_config(t, "settings", "site");
    assert_string_equal(t, "config/settings/site");
    topic_bus_status(t, INT_MAX);
    assert_string_equal(t, "bus/2147483647/status");
    topic_device(t, 3, "setpoint");
    assert_string_equal(t, "device/3/setpoint");
    topic_device_measures(t, 3, "instant");
    assert_string_equal(t, "device/3/measures/instant");
}

static void topics_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *topic, *kind;
        int64_t id;       // 0 = refused
        const char *rest; // NULL = refused
    } cases[] = {
        {"device/12/measures/instant", "device", 12, "measures/instant"},
        {"device/2147483647/status", "device", 2147483647, "status"},
        {"bus/1/status", "bus", 1, "status"},
        {"device/1/", "device", 1, ""},
        {"device/2147483648/status", "device", 0, NULL},
        {"device/99999999999999999999/status", "device", 0, NULL},
        {"device/0/status", "device", 0, NULL},
        {"device/01/status", "device", 0, NULL},
        {"device/-1/status", "device", 0, NULL},
        {"device/+1/status", "device", 0, NULL},
        {"device/1a/status", "device", 0, NULL},
        {"device/ 1/status", "device", 0, NULL},
        {"device//status", "device", 0, NULL},
        {"device/12", "device", 0, NULL},
        {"device", "device", 0, NULL},
        {"devices/12/status", "device", 0, NULL},
        {"dev/12/status", "device", 0, NULL},
        {"bus/12/status", "device", 0, NULL},
        {"", "device", 0, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t id = 0;
        const char *rest = NULL;
        bool ok = topic_split(cases[i].topic, cases[i].kind, &id, &rest);
        if (ok != (cases[i].rest != NULL))
            fail_msg("\"%s\" %s", cases[i].topic, ok ? "was accepted" : "was refused");
        assert_int_equal(id, cases[i].id);
        if (ok)
            assert_string_equal(rest, cases[i].rest);
    }
}

static void ids_are_whole_numbers_from_one(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        int64_t id; // 0 = refused
    } cases[] = {
        {"1", 1, 1},    {"12", 1, 1}, {"12", 2, 12}, {"2147483647", 10, INT_MAX}, {"2147483648", 10, 0},
        {"1", 0, 0},    {"0", 1, 0},  {"1.", 2, 0},  {"00000000001", 11, 0},      {"12/34", 3, 0},
        {"\0011", 2, 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t id = 0;
        assert_int_equal(topic_parse_id(cases[i].text, cases[i].len, &id), cases[i].id != 0);
        assert_int_equal(id, cases[i].id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_spelled_as_in_the_design),
        cmocka_unit_test(topics_are_taken_apart),
        cmocka_unit_test(ids_are_whole_numbers_from_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
