// Topic filters of MQTT 5, section 4.7: the standard's own examples and the edges around them.
#include "check.h"

#include "mqtt/mq.h"

static void filters_match_as_the_standard_says(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *topic;
        bool matches;
    } cases[] = {
        {"sport/tennis/player1/#", "sport/tennis/player1", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
        {"sport/tennis/player1/#", "sport/tennis/player10", false},
        {"sport/#", "sport", true},
        {"#", "sport/tennis", true},
        {"#", "/", true},
        {"sport/tennis#", "sport/tennis", false},
        {"sport/tennis#", "sport/tennis#", false},
        {"sport/tennis/#/ranking", "sport/tennis/a/ranking", false},
        {"sport/tennis/+", "sport/tennis/player1", true},
        {"sport/tennis/+", "sport/tennis/player1/ranking", false},
        {"sport/tennis/+", "sport/tennis/", true},
        {"sport/tennis/+", "sport/tennis", false},
        {"sport/+", "sport", false},
        {"sport/+", "sport/", true},
        {"+", "sport", true},
        {"+", "/finance", false},
        {"+/tennis/#", "sport/tennis", true},
        {"+/tennis/#", "sport/tennis/a/b", true},
        {"sport+", "sport", false},
        {"+sport", "sport", false},
        {"sport/+/player1", "sport/tennis/player1", true},
        {"sport/+/player1", "sport//player1", true},
        {"sport/+/player1", "sport/a/b/player1", false},
        {"+/+", "/finance", true},
        {"/+", "/finance", true},
        {"#", "$SYS/broker", false},
        {"+/monitor/Clients", "$SYS/monitor/Clients", false},
        {"$SYS/#", "$SYS/broker", true},
        {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
        {"$SYS/#", "SYS/broker", false},
        {"a/b", "a/b", true},
        {"a/b", "a/B", false},
        {"a/b", "a/b/", false},
        {"a/b/", "a/b", false},
        {"a/b/", "a/b/", true},
        {"a", "ab", false},
        {"ab", "a", false},
        {"a/+/+/d", "a/b/c/d", true},
        {"a/+/+/d", "a/b/d", false},
        {"+/#", "a", true},
        {"", "a", false},
        {"a", "", false},
        {"#", "", false},
        {"é/+", "é/ü", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (mq_filter_matches(cases[i].filter, cases[i].topic) != cases[i].matches)
            fail_msg("\"%s\" should %smatch \"%s\"", cases[i].filter, cases[i].matches ? "" : "not ",
                     cases[i].topic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_match_as_the_standard_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
