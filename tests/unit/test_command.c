// What a command says, until when it may run, what is remembered, and the course of an output.
#include "check.h"

#include "core/command/command.h"
#include <string.h>

static void commands_are_read_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *path; // path NULL: fine
        bool on;
    } cases[] = {
        {"{\"id\":\"a\",\"output\":3,\"on\":true}", "output_3", NULL, true},
        {"{\"id\":\"a\",\"output\":63,\"on\":false}", "output_63", NULL, false},
        {"{\"id\":\"a\",\"plug\":true}", "plug", NULL, true},
        {"{\"id\":\"a\",\"socket\":false}", "socket", NULL, false},
        {"{\"id\":\"a\",\"phases\":3}", "phases", NULL, true},
        {"{\"id\":\"a\",\"phases\":1}", "phases", NULL, false},
        {"{\"id\":\"a\",\"reset\":\"partial_energy\",\"up_ms\":5}", "reset_partial_energy", NULL, false},
        {"{\"id\":\"a\",\"cap_a\":16}", "", NULL, false},
        {"{\"output\":3,\"on\":true}", "", "/id", false},
        {"{\"id\":\"\",\"plug\":true}", "", "/id", false},
        {"{\"id\":\"a\"}", "", "/", false},
        {"{\"id\":\"a\",\"output\":3}", "", "/on", false},
        {"{\"id\":\"a\",\"output\":0,\"on\":true}", "", "/output", false},
        {"{\"id\":\"a\",\"output\":64,\"on\":true}", "", "/output", false},
        {"{\"id\":\"a\",\"phases\":2}", "", "/phases", false},
        {"{\"id\":\"a\",\"plug\":1}", "", "/plug", false},
        {"{\"id\":\"a\",\"reset\":\"a b\"}", "", "/reset", false},
        {"{\"id\":\"a\",\"plug\":true,\"socket\":true}", "", "/socket", false},
        {"{\"id\":\"a\",\"limit_a\":16}", "", "/", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *tree = cJSON_Parse(cases[i].text);
        struct command command;
        struct ew_reason reason = {0};
        enum ew_err err = command_read(tree, &command, &reason);
        if ((err == EW_OK) != (cases[i].path == NULL))
            fail_msg("%s: %s %s", cases[i].text, reason.path, reason.text);
        if (err != EW_OK)
            assert_string_equal(reason.path, cases[i].path);
        else
            assert_string_equal(command.name, cases[i].name);
        if (err == EW_OK)
            assert_int_equal(command.on, cases[i].on);
        cJSON_Delete(tree);
    }
}

static void nothing_runs_later_than_5_s_after_it_was_sent(void **state)
{
    (void)state;
    enum { NOW = 100000, LATE = -1, REFUSED = -2 };
    static const struct {
        int64_t expiry_s, sent_ms, stalled_ms, latest_ms;
    } cases[] = {
        {-1, 0, 0, NOW + 5000},           // MQTT 3.1.1: sent when it came
        {5, 0, 0, NOW + 5000},            // as fresh as can be
        {2, 0, 0, NOW + 2000},            // 3 s old, or meant to live for 2
        {0, 0, 0, NOW},                   // now or never
        {6, 0, 0, REFUSED},               // nobody knows how old it is
        {5, NOW - 4000, 0, NOW + 1000},   // it says that it is 4 s old
        {-1, NOW - 4000, 0, NOW + 1000},  //
        {5, NOW - 5001, 0, LATE},         //
        {5, NOW + 60000, 0, NOW + 5000},  // a clock that is ahead gives no longer life
        {5, 0, 3000, NOW + 2000},         // found after 3 s in which nobody looked
        {5, NOW - 100, 6000, NOW + 4900}, // ... but it says that it came just now
        {5, 0, 6000, LATE},               //
        {-1, 0, 6000, LATE},              //
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct command command = {.up_ms = cases[i].sent_ms};
        struct ew_reason reason = {0};
        int64_t latest = 0;
        enum ew_err err =
            command_latest(&command, cases[i].expiry_s, NOW, cases[i].stalled_ms, &latest, &reason);
        int64_t got = err == EW_E_TIMEOUT ? LATE : err == EW_E_INVALID ? REFUSED : latest;
        if (got != cases[i].latest_ms)
            fail_msg("case %zu: %lld", i, (long long)got);
    }
}

static void an_id_is_remembered_for_a_minute(void **state)
{
    (void)state;
    static struct command_book book;
    assert_null(command_find(&book, 1, "a", 0));
    assert_non_null(command_note(&book, 1, "a", 0));
    assert_non_null(command_find(&book, 1, "a", 60000));
    assert_null(command_find(&book, 2, "a", 60000));
    assert_null(command_find(&book, 1, "a", 60002));
    for (int i = 0; i < COMMAND_BOOK_MAX; i++) {
        char id[8];
        (void)ew_format(id, sizeof(id), "%d", i);
        assert_non_null(command_note(&book, 1, id, 100000));
    }
    assert_null(command_note(&book, 1, "more", 160000)); // a flood ends somewhere
    assert_non_null(command_note(&book, 1, "more", 160001));
}

static void answers_go_where_commands_are_answered(void **state)
{
    (void)state;
    static const struct {
        const char *topic;
        bool fits;
    } cases[] = {
        {"edgewatt/x/reply/s-1/command", true},  {"edgewatt/x/reply/ha/command/7", true},
        {"edgewatt/x/reply/ha/call", false},     {"edgewatt/x/reply/ha/commands", false},
        {"edgewatt/x/reply//command", false},    {"edgewatt/y/reply/ha/command", false},
        {"edgewatt/x/device/3/status", false},   {"edgewatt/x/reply/ha/command/#", false},
        {"edgewatt/xx/reply/ha/command", false}, {"", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (command_reply_fits("edgewatt/x", cases[i].topic) != cases[i].fits)
            fail_msg("%s", cases[i].topic);
}

static void outputs_run_their_course(void **state)
{
    (void)state;
    static const struct {
        enum output_form form;
        int on_ms, off_ms;
        int at_ms[6]; // when the level changes, from the order to switch on; 0 = the end
        bool ends_by_itself;
    } cases[] = {
        {OUTPUT_MAINTAINED, 0, 0, {0}, false},
        {OUTPUT_IMPULSE, 2000, 0, {2000, 0}, true},
        {OUTPUT_BLINKING, 1000, 3000, {1000, 4000, 5000, 8000, 9000, 0}, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct output o = {.form = cases[i].form, .on_ms = cases[i].on_ms, .off_ms = cases[i].off_ms};
        output_order(&o, true, 0);
        assert_true(o.level && output_contact(&o));
        int next = 0;
        for (int t = 0; t <= 9500; t += 500) {
            bool changed = output_pass(&o, t);
            if (changed != (t > 0 && cases[i].at_ms[next] == t))
                fail_msg("case %zu, %d ms", i, t);
            next += changed;
        }
        assert_int_equal(o.next_ms == 0, cases[i].form != OUTPUT_BLINKING);
        assert_int_equal(o.on, !cases[i].ends_by_itself);
        output_order(&o, false, 10000);
        assert_true(!o.level && o.next_ms == 0);
        o.normally_closed = true;
        assert_true(output_contact(&o));
    }
    struct output o = {.form = OUTPUT_IMPULSE, .on_ms = 1000};
    output_order(&o, true, 0);
    assert_true(output_pass(&o, 1000));
    o.retry = true, o.next_ms = 2000; // its end did not get through: the same again
    assert_true(output_pass(&o, 2000) && !o.level && o.next_ms == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_read_or_refused),
        cmocka_unit_test(nothing_runs_later_than_5_s_after_it_was_sent),
        cmocka_unit_test(an_id_is_remembered_for_a_minute),
        cmocka_unit_test(answers_go_where_commands_are_answered),
        cmocka_unit_test(outputs_run_their_course),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
