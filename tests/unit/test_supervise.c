// The supervisor's decisions, as conversations: a line is an event at a time and what is done about it.
#include "check.h"

#include "core/supervise/supervise.h"
#include "core/supervise/trial.h"
#include <stdio.h>
#include <string.h>

// Events: '.' time passes, 'r' ready, 'b' beat, 'x' exited, 's' stop asked for, 'k' stop at once, 'z' the
// supervisor stood still. `done` lists the actions: "+1" started, "-1" told to end, "!1" killed, "give up",
// "finished".
struct line {
    int64_t at_ms;
    char event;
    int child;
    const char *done;
};

enum { LINES_MAX = 24 };

struct scenario {
    const char *name;
    int children;
    struct line lines[LINES_MAX];
};

static const struct scenario scenarios[] = {
    {"starts in order, each when the one before is ready",
     3,
     {{0, '.', 0, "+0"}, {9, 'r', 0, "+1"}, {12, 'b', 0, ""}, {20, 'r', 1, "+2"}, {30, 'r', 2, ""}}},
    {"a service that fails its first start does not hold up the next",
     3,
     {{0, '.', 0, "+0"},
      {9, 'r', 0, "+1"},
      {50, 'x', 1, "+2"},
      {60, 'r', 2, ""},
      {249, '.', 0, ""},
      {250, '.', 0, "+1"}}},
    {"a service that is not ready in time is killed and holds up nobody",
     3,
     {{0, '.', 0, "+0"},
      {10, 'r', 0, "+1"},
      {29000, 'b', 0, ""},
      {30009, 'b', 0, ""},
      {30010, '.', 0, "!1"},
      {30015, 'x', 1, "+2"},
      {30100, 'b', 0, ""},
      {30215, '.', 0, "+1"}}},
    {"nothing is started before the broker was ready, however often it fails",
     2,
     {{0, '.', 0, "+0"},
      {10, 'x', 0, ""},
      {210, '.', 0, "+0"},
      {220, 'x', 0, ""},
      {620, '.', 0, "+0"},
      {700, 'r', 0, "+1"}}},
    {"a broker that never starts is given up",
     2,
     {{0, '.', 0, "+0"},
      {10, 'x', 0, ""},
      {210, '.', 0, "+0"},
      {220, 'x', 0, ""},
      {620, '.', 0, "+0"},
      {700, 'x', 0, "give up"},
      {700, 's', 0, "finished"}}},
    {"a broker that was ready once is never given up",
     1,
     {{0, '.', 0, "+0"},
      {10, 'r', 0, ""},
      {20, 'x', 0, ""},
      {220, '.', 0, "+0"},
      {230, 'x', 0, ""},
      {630, '.', 0, "+0"},
      {640, 'x', 0, ""},
      {1440, '.', 0, "+0"},
      {1450, 'x', 0, ""},
      {3050, '.', 0, "+0"}}},
    {"no beat for 5 s: killed, then started again",
     1,
     {{0, '.', 0, "+0"},
      {10, 'r', 0, ""},
      {1000, 'b', 0, ""},
      {5999, '.', 0, ""},
      {6000, '.', 0, "!0"},
      {6100, '.', 0, ""},
      {6200, 'x', 0, ""},
      {6399, '.', 0, ""},
      {6400, '.', 0, "+0"}}},
    {"the broker gone: the services stay, they come back by themselves",
     2,
     {{0, '.', 0, "+0"},
      {1, 'r', 0, "+1"},
      {2, 'r', 1, ""},
      {100, 'x', 0, ""},
      {300, '.', 0, "+0"},
      {310, 'r', 0, ""},
      {400, 'b', 1, ""}}},
    {"a machine that slept: nobody is to blame",
     2,
     {{0, '.', 0, "+0"},
      {1, 'r', 0, "+1"},
      {2, 'r', 1, ""},
      {900000, 'z', 0, ""},
      {904999, '.', 0, ""},
      {905000, '.', 0, "!0 !1"}}},
    {"a start during the sleep gets its time anew",
     1,
     {{0, '.', 0, "+0"}, {900000, 'z', 0, ""}, {929999, '.', 0, ""}, {930000, '.', 0, "!0"}}},
    {"a child that ran for a minute begins a new row of failures",
     1,
     {{0, '.', 0, "+0"},
      {10, 'r', 0, ""},
      {20, 'x', 0, ""},
      {220, '.', 0, "+0"},
      {230, 'r', 0, ""},
      {240, 'x', 0, ""},
      {640, '.', 0, "+0"},
      {650, 'r', 0, ""},
      {60649, 'b', 0, ""},
      {60650, 'x', 0, ""},
      {60849, '.', 0, ""},
      {60850, '.', 0, "+0"}}},
    {"so does one that hung after a minute",
     1,
     {{0, '.', 0, "+0"},
      {10, 'r', 0, ""},
      {20, 'x', 0, ""},
      {220, '.', 0, "+0"},
      {230, 'r', 0, ""},
      {60000, 'b', 0, ""},
      {65000, '.', 0, "!0"},
      {65001, 'x', 0, ""},
      {65201, '.', 0, "+0"}}},
    {"a ready from one that is not starting changes nothing",
     1,
     {{0, '.', 0, "+0"},
      {10, 'r', 0, ""},
      {4000, 'r', 0, ""},
      {5010, '.', 0, "!0"},
      {5011, 'r', 0, ""},
      {5012, 'x', 0, ""},
      {5212, '.', 0, "+0"}}},
    {"ends in reverse order, one after the other",
     3,
     {{0, '.', 0, "+0"},
      {1, 'r', 0, "+1"},
      {2, 'r', 1, "+2"},
      {3, 'r', 2, ""},
      {100, 's', 0, "-2"},
      {150, 'x', 2, "-1"},
      {200, 'x', 1, "-0"},
      {260, 'x', 0, "finished"}}},
    {"whoever does not end in 2.5 s is killed; the next is told when it is gone",
     2,
     {{0, '.', 0, "+0"},
      {1, 'r', 0, "+1"},
      {2, 'r', 1, ""},
      {100, 's', 0, "-1"},
      {2599, '.', 0, ""},
      {2600, '.', 0, "!1"},
      {2610, 'x', 1, "-0"},
      {2700, 'x', 0, "finished"}}},
    {"after 9 s everybody left is killed",
     5,
     {{0, '.', 0, "+0"},
      {1, 'r', 0, "+1"},
      {2, 'r', 1, "+2"},
      {3, 'r', 2, "+3"},
      {4, 'r', 3, "+4"},
      {5, 'r', 4, ""},
      {1000, 's', 0, "-4"},
      {3500, '.', 0, "!4"},
      {3501, 'x', 4, "-3"},
      {6001, '.', 0, "!3"},
      {6002, 'x', 3, "-2"},
      {8502, '.', 0, "!2"},
      {8503, 'x', 2, "-1"},
      {10000, '.', 0, "!1 !0"},
      {10001, 'x', 0, ""},
      {10002, 'x', 1, "finished"}}},
    {"one that can't even be killed does not make the loop spin",
     1,
     {{0, '.', 0, "+0"},
      {1, 'r', 0, ""},
      {2, 's', 0, "-0"},
      {2502, '.', 0, "!0"},
      {60000, '.', 0, ""},
      {60001, 'x', 0, "finished"}}},
    {"a second wish to stop kills at once",
     3,
     {{0, '.', 0, "+0"},
      {1, 'r', 0, "+1"},
      {2, 'r', 1, "+2"},
      {50, 's', 0, "-2"},
      {60, 'k', 0, "!2 !1 !0"},
      {61, 'x', 0, ""},
      {62, 'x', 1, ""},
      {63, 'x', 2, "finished"}}},
    {"stopping while a service waits for its next try",
     2,
     {{0, '.', 0, "+0"}, {1, 'r', 0, "+1"}, {2, 'x', 1, ""}, {50, 's', 0, "-0"}, {60, 'x', 0, "finished"}}},
    {"stopping while a hung one dies",
     2,
     {{0, '.', 0, "+0"},
      {1, 'r', 0, "+1"},
      {2, 'r', 1, ""},
      {4000, 'b', 0, ""},
      {5002, '.', 0, "!1"},
      {5003, 's', 0, ""},
      {5004, 'x', 1, "-0"},
      {5005, 'x', 0, "finished"}}},
};

static void apply(struct supervise *s, const struct line *l)
{
    switch (l->event) {
    case 'r':
        supervise_ready(s, l->child, l->at_ms);
        break;
    case 'b':
        supervise_beat(s, l->child, l->at_ms);
        break;
    case 'x':
        supervise_exited(s, l->child, l->at_ms);
        break;
    case 's':
        supervise_stop(s, l->at_ms);
        break;
    case 'k':
        supervise_stop_at_once(s, l->at_ms);
        break;
    case 'z':
        supervise_stood_still(s, l->at_ms);
        break;
    default:
        assert_int_equal(l->event, '.');
    }
}

static void take_all(struct supervise *s, int64_t now_ms, char *out, size_t size)
{
    static const char *const words[] = {"", "+", "-", "!", "give up", "finished"};
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < 32; i++) {
        struct supervise_step step = supervise_next(s, now_ms);
        if (step.action == SUPERVISE_NOTHING)
            return;
        bool last = step.action == SUPERVISE_GIVE_UP || step.action == SUPERVISE_FINISHED;
        used += (size_t)snprintf(out + used, size - used, last ? "%s%s" : "%s%s%d", used ? " " : "",
                                 words[step.action], step.child);
        if (last)
            return;
    }
    fail_msg("the supervisor never comes to an end: %s", out);
}

static void conversations_go_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scenarios); i++) {
        const struct scenario *c = &scenarios[i];
        struct supervise s;
        supervise_init(&s, c->children);
        for (int n = 0; n < LINES_MAX && c->lines[n].done; n++) {
            const struct line *l = &c->lines[n];
            apply(&s, l);
            char done[128];
            take_all(&s, l->at_ms, done, sizeof(done));
            if (strcmp(done, l->done) != 0)
                fail_msg("%s, line %d: expected \"%s\", got \"%s\"", c->name, n + 1, l->done, done);
            // Sleeping until the due time must be right: never in the past, else the loop would spin.
            if (!strstr(done, "finished") && !strstr(done, "give up") && supervise_due_ms(&s) <= l->at_ms)
                fail_msg("%s, line %d: due in the past", c->name, n + 1);
        }
    }
}

// The lines above give times; this one shows that a shell which sleeps until the due time meets them.
static void the_due_time_is_when_something_happens(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t from_ms;
        char event;
        int64_t due_ms;
    } cases[] = {
        {"ready deadline", 0, '.', 30000},   {"next beat", 100, 'r', 5100},
        {"beat moves it", 3000, 'b', 8000},  {"back-off", 4000, 'x', 4200},
        {"started again", 4200, '.', 34200}, {"stop", 5000, 's', 7500},
        {"killed", 7500, '.', INT64_MAX},
    };
    struct supervise s;
    supervise_init(&s, 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct line l = {cases[i].from_ms, cases[i].event, 0, NULL};
        char done[128];
        apply(&s, &l);
        take_all(&s, l.at_ms, done, sizeof(done));
        if (supervise_due_ms(&s) != cases[i].due_ms)
            fail_msg("%s: due at %lld", cases[i].name, (long long)supervise_due_ms(&s));
    }
}

static void back_off_doubles_up_to_ten_seconds(void **state)
{
    (void)state;
    static const int64_t expected_ms[] = {200, 400, 800, 1600, 3200, 6400, 10000, 10000};
    for (size_t i = 0; i < COUNT(expected_ms); i++)
        assert_int_equal(supervise_back_off_ms((int)i + 1), expected_ms[i]);
    assert_int_equal(supervise_back_off_ms(1000000), 10000);
}

static void causes_and_restarts_are_counted(void **state)
{
    (void)state;
    struct supervise s;
    char done[128];
    supervise_init(&s, 1);
    take_all(&s, 0, done, sizeof(done));
    supervise_ready(&s, 0, 1);
    assert_true(supervise_all_running(&s));
    assert_int_equal(s.children[0].restarts, 0);
    supervise_exited(&s, 0, 10);
    assert_false(supervise_all_running(&s));
    assert_int_equal(s.children[0].cause, SUPERVISE_CAUSE_EXIT);
    take_all(&s, 210, done, sizeof(done));
    assert_int_equal(s.children[0].restarts, 1);
    supervise_ready(&s, 0, 211);
    take_all(&s, 6000, done, sizeof(done));
    supervise_exited(&s, 0, 6001);
    assert_int_equal(s.children[0].cause, SUPERVISE_CAUSE_HUNG);
    take_all(&s, 7000, done, sizeof(done));
    take_all(&s, 37000, done, sizeof(done));
    supervise_exited(&s, 0, 37001);
    assert_int_equal(s.children[0].cause, SUPERVISE_CAUSE_NOT_READY);
    assert_int_equal(s.children[0].restarts, 2);
    supervise_stop(&s, 37002);
    take_all(&s, 37002, done, sizeof(done));
    assert_string_equal(done, "finished");
}

// A restored site, three children: when is it kept, when does the one before come back, and because of whom.
static void a_restored_site_has_to_run(void **state)
{
    (void)state;
    enum { W = SUPERVISE_WAITING, S = SUPERVISE_STARTING, R = SUPERVISE_RUNNING };
    static const struct {
        const char *name;
        struct {
            int state, since_ms, failures;
        } children[3];
        int now_ms;
        unsigned wanted;
        enum supervise_verdict verdict;
        int child;
    } cases[] = {
        {"all run for 5 s", {{R, 100, 0}, {R, 200, 0}, {R, 300, 0}}, 5300, 7, SUPERVISE_PROVEN, -1},
        {"the last for less", {{R, 100, 0}, {R, 200, 0}, {R, 301, 0}}, 5300, 7, SUPERVISE_UNDECIDED, 2},
        {"one runs at its third try", {{R, 0, 0}, {R, 9000, 2}, {R, 0, 0}}, 14000, 7, SUPERVISE_PROVEN, -1},
        {"three failures", {{R, 0, 0}, {R, 0, 0}, {W, 3000, 3}}, 3000, 7, SUPERVISE_FAILED, 2},
        {"of one that was down before", {{R, 0, 0}, {W, 0, 9}, {R, 0, 0}}, 5000, 5, SUPERVISE_PROVEN, -1},
        {"one that fails after it was ready",
         {{R, 0, 0}, {R, 8000, 3}, {R, 0, 0}},
         8000,
         7,
         SUPERVISE_FAILED,
         1},
        {"never ready", {{R, 0, 0}, {S, 120000, 1}, {W, 0, 0}}, 149999, 7, SUPERVISE_UNDECIDED, 1},
        {"never ready, time is up", {{R, 0, 0}, {S, 120000, 1}, {W, 0, 0}}, 150000, 7, SUPERVISE_FAILED, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct supervise s;
        int child = -1;
        supervise_init(&s, 3);
        for (int c = 0; c < 3; c++) {
            s.children[c].state = (enum supervise_state)cases[i].children[c].state;
            s.children[c].since_ms = cases[i].children[c].since_ms;
            s.children[c].failures = cases[i].children[c].failures;
        }
        enum supervise_verdict verdict = supervise_trial(&s, cases[i].wanted, 0, cases[i].now_ms, &child);
        if (verdict != cases[i].verdict || child != cases[i].child)
            fail_msg("%s: verdict %d of child %d", cases[i].name, (int)verdict, child);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations_go_as_written),
        cmocka_unit_test(the_due_time_is_when_something_happens),
        cmocka_unit_test(back_off_doubles_up_to_ten_seconds),
        cmocka_unit_test(causes_and_restarts_are_counted),
        cmocka_unit_test(a_restored_site_has_to_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
