// The lease of a charge point's limit, event by event. Stations here: 32 A, fallback 6 A, whole amperes
// unless said otherwise.
#include "check.h"

#include "core/lease/lease.h"
#include <stdio.h>
#include <string.h>

enum op {
    TIME,   // nothing but time
    HEAR,   // the station says a_ma
    SET,    // a set-point of a_ma for b s, sent now; run and seq
    ORPHAN, // the controller's will
    WROTE,  // the write under way is done, a_ma read back
    FAILED, // it is not
    GOVERN, // Green'Up on (a_ma 1) or off
    REACH,  // the station answers (1) or not
    FEED,   // its watchdog wants to be fed every b s
    REPEAT, // it forgets a limit that is not repeated every b s
    PAUSE   // nothing may flow (a_ma 1), or again
};

enum { NOTHING = -1, EVENTS_MAX = 14 };

struct event {
    double at_s;
    enum op op;
    int a_ma, b_s;
    const char *run;
    int seq;
    // After it:
    enum lease_state state;
    int limit_ma, written_ma; // written_ma: what lease_next says, NOTHING
};

struct story {
    const char *what;
    struct event events[EVENTS_MAX];
};

#define S(a, b, run, seq) SET, a, b, run, seq
#define O(op)             op, 0, 0, NULL, 0
#define A(op, a)          op, a, 0, NULL, 0

static const struct story stories[] = {
    {"a station that forgets is told again while a limit counts, and not in the grace",
     {{0, A(HEAR, 16000), LEASE_GRACE, 16000, NOTHING},
      {1, REPEAT, 0, 5, NULL, 0, LEASE_GRACE, 16000, NOTHING},
      {9, O(TIME), LEASE_GRACE, 16000, NOTHING},
      {10, S(10000, 30, "a", 1), LEASE_HELD, 10000, 10000},
      {10.1, A(WROTE, 10000), LEASE_HELD, 10000, NOTHING},
      {15, O(TIME), LEASE_HELD, 10000, NOTHING},
      {15.1, O(TIME), LEASE_HELD, 10000, 10000},
      {15.2, A(WROTE, 10000), LEASE_HELD, 10000, NOTHING},
      {40, O(TIME), LEASE_FALLBACK, 6000, 6000},
      {40.1, A(WROTE, 6000), LEASE_FALLBACK, 6000, NOTHING},
      {45.1, O(TIME), LEASE_FALLBACK, 6000, 6000}}},
    {"while its phases are switched nothing is raised, and then it gets its limit back",
     {{1, S(16000, 100, "a", 1), LEASE_HELD, 16000, 16000},
      {1.1, A(WROTE, 16000), LEASE_HELD, 16000, NOTHING},
      {5, A(PAUSE, 1), LEASE_HELD, 16000, NOTHING},
      {6, A(HEAR, 0), LEASE_HELD, 16000, NOTHING},
      {7, S(20000, 100, "a", 2), LEASE_HELD, 20000, NOTHING},
      {15, A(PAUSE, 0), LEASE_HELD, 20000, 20000},
      {15.1, A(WROTE, 20000), LEASE_HELD, 20000, NOTHING}}},
    {"... also fed with nothing, and a station that nobody governs what it had before",
     {{0.5, A(GOVERN, 0), LEASE_NONE, -1, NOTHING},
      {1, A(HEAR, 13000), LEASE_NONE, -1, NOTHING},
      {2, FEED, 0, 4, NULL, 0, LEASE_NONE, -1, 13000},
      {2.1, A(WROTE, 13000), LEASE_NONE, -1, NOTHING},
      {5, A(PAUSE, 1), LEASE_NONE, -1, NOTHING},
      {5.5, A(HEAR, 0), LEASE_NONE, -1, NOTHING},
      {7, O(TIME), LEASE_NONE, -1, 0},
      {7.1, A(WROTE, 0), LEASE_NONE, -1, NOTHING},
      {10, A(PAUSE, 0), LEASE_NONE, -1, 13000},
      {10.1, A(WROTE, 13000), LEASE_NONE, -1, NOTHING},
      {11, O(TIME), LEASE_NONE, -1, NOTHING}}},
    {"a set-point is written, read back, and refreshed without another write",
     {{0, A(HEAR, 32000), LEASE_GRACE, 32000, NOTHING},
      {1, S(16000, 30, "a", 1), LEASE_HELD, 16000, 16000},
      {1.1, A(WROTE, 16000), LEASE_HELD, 16000, NOTHING},
      {6, S(16000, 30, "a", 2), LEASE_HELD, 16000, NOTHING},
      {31, O(TIME), LEASE_HELD, 16000, NOTHING},
      {35.9, O(TIME), LEASE_HELD, 16000, NOTHING},
      {36, O(TIME), LEASE_FALLBACK, 6000, 6000}}},
    {"the grace ends in the fallback and never raises",
     {{0, O(TIME), LEASE_GRACE, -1, NOTHING},
      {1, A(HEAR, 20000), LEASE_GRACE, 20000, NOTHING},
      {2, A(HEAR, 10000), LEASE_GRACE, 10000, NOTHING},
      {3, A(HEAR, 32000), LEASE_GRACE, 10000, 10000}, // it had its power cut: back to what counted
      {3.1, A(WROTE, 10000), LEASE_GRACE, 10000, NOTHING},
      {29.9, O(TIME), LEASE_GRACE, 10000, NOTHING},
      {30, O(TIME), LEASE_FALLBACK, 6000, 6000}}},
    {"a fallback above what is in force raises nothing",
     {{0, A(HEAR, 0), LEASE_GRACE, 0, NOTHING}, {30, O(TIME), LEASE_FALLBACK, 0, NOTHING}}},
    {"a grace in which nothing was ever read ends in the fallback",
     {{30, O(TIME), LEASE_FALLBACK, 6000, 6000}}},
    {"a set-point ends the grace, also upwards",
     {{0, A(HEAR, 6000), LEASE_GRACE, 6000, NOTHING}, {2, S(32000, 30, "a", 1), LEASE_HELD, 32000, 32000}}},
    {"old numbers are ignored, a new run begins anew, an old run does not come back",
     {{1, S(16000, 30, "a", 5), LEASE_HELD, 16000, 16000},
      {1.1, A(WROTE, 16000), LEASE_HELD, 16000, NOTHING},
      {2, S(20000, 30, "a", 5), LEASE_HELD, 16000, NOTHING},
      {2, S(20000, 30, "a", 4), LEASE_HELD, 16000, NOTHING},
      {3, S(10000, 30, "b", 1), LEASE_HELD, 10000, 10000},
      {3.1, A(WROTE, 10000), LEASE_HELD, 10000, NOTHING},
      {2.5, S(25000, 30, "a", 9), LEASE_HELD, 10000, NOTHING}}},
    {"the controller's will ends it at once; a new set-point brings it back",
     {{1, S(16000, 30, "a", 1), LEASE_HELD, 16000, 16000},
      {1.1, A(WROTE, 16000), LEASE_HELD, 16000, NOTHING},
      {4, O(ORPHAN), LEASE_FALLBACK, 6000, 6000},
      {4.1, A(WROTE, 6000), LEASE_FALLBACK, 6000, NOTHING},
      {9, S(14000, 30, "b", 1), LEASE_HELD, 14000, 14000}}},
    {"the will of a controller that never spoke leaves the grace",
     {{0, A(HEAR, 20000), LEASE_GRACE, 20000, NOTHING}, {1, O(ORPHAN), LEASE_GRACE, 20000, NOTHING}}},
    {"a write that fails is tried again, further and further apart",
     {{1, S(16000, 30, "a", 1), LEASE_HELD, 16000, 16000},
      {2, O(FAILED), LEASE_HELD, 16000, NOTHING},
      {2.9, O(TIME), LEASE_HELD, 16000, NOTHING},
      {3, O(TIME), LEASE_HELD, 16000, 16000},
      {3, O(FAILED), LEASE_HELD, 16000, NOTHING},
      {4.9, O(TIME), LEASE_HELD, 16000, NOTHING},
      {5, O(TIME), LEASE_HELD, 16000, 16000},
      {5, A(WROTE, 20000), LEASE_HELD, 16000, NOTHING}, // not taken is a failure too
      {9, O(TIME), LEASE_HELD, 16000, 16000},
      {9.1, A(WROTE, 16000), LEASE_HELD, 16000, NOTHING}}},
    {"another limit does not wait for the retry of the last",
     {{1, S(16000, 30, "a", 1), LEASE_HELD, 16000, 16000},
      {1, O(FAILED), LEASE_HELD, 16000, NOTHING},
      {1.2, S(8000, 30, "a", 2), LEASE_HELD, 8000, 8000}}},
    {"a limit that changes during a write is written after it",
     {{1, S(16000, 30, "a", 1), LEASE_HELD, 16000, 16000},
      {1.1, S(8000, 30, "a", 2), LEASE_HELD, 8000, NOTHING},
      {1.2, A(WROTE, 16000), LEASE_HELD, 8000, 8000}}},
    {"nothing is written to a station that does not answer; when it is back, at once",
     {{1, S(16000, 30, "a", 1), LEASE_HELD, 16000, 16000},
      {2, O(FAILED), LEASE_HELD, 16000, NOTHING},
      {2.1, A(REACH, 0), LEASE_HELD, 16000, NOTHING},
      {20, O(TIME), LEASE_HELD, 16000, NOTHING},
      {21, A(REACH, 1), LEASE_HELD, 16000, 16000}}},
    {"a station at its rated current after a power cut is put right",
     {{1, S(10000, 30, "a", 1), LEASE_HELD, 10000, 10000},
      {1.1, A(WROTE, 10000), LEASE_HELD, 10000, NOTHING},
      {9, A(HEAR, 32000), LEASE_HELD, 10000, 10000}}},
    {"an answer from before the write says nothing",
     {{1, S(10000, 30, "a", 1), LEASE_HELD, 10000, 10000},
      {1.5, A(WROTE, 10000), LEASE_HELD, 10000, NOTHING},
      {1.2, A(HEAR, 32000), LEASE_HELD, 10000, NOTHING}}},
    {"what its cable limits is not written for ever; what it lost by itself is",
     {{1, S(32000, 30, "a", 1), LEASE_HELD, 32000, 32000},
      {1.1, A(WROTE, 20000), LEASE_HELD, 32000, NOTHING},
      {2, A(HEAR, 20000), LEASE_HELD, 32000, NOTHING},
      {3, A(HEAR, 6000), LEASE_HELD, 32000, 32000}}},
    {"its watchdog is fed at half its time, and in the fallback too",
     {{0, FEED, 0, 10, NULL, 0, LEASE_GRACE, -1, NOTHING},
      {1, S(16000, 30, "a", 1), LEASE_HELD, 16000, 16000},
      {2, A(WROTE, 16000), LEASE_HELD, 16000, NOTHING},
      {11.9, O(TIME), LEASE_HELD, 16000, NOTHING},
      {12, O(TIME), LEASE_HELD, 16000, 16000},
      {12, A(WROTE, 16000), LEASE_HELD, 16000, NOTHING},
      {31, O(TIME), LEASE_FALLBACK, 6000, 6000},
      {31, A(WROTE, 6000), LEASE_FALLBACK, 6000, NOTHING},
      {41, O(TIME), LEASE_FALLBACK, 6000, 6000}}},
    {"without Green'Up nothing ends in the fallback, and a set-point counts while it lasts",
     {{0, A(GOVERN, 0), LEASE_NONE, -1, NOTHING},
      {1, S(16000, 10, "a", 1), LEASE_HELD, 16000, 16000},
      {1, A(WROTE, 16000), LEASE_HELD, 16000, NOTHING},
      {11, O(TIME), LEASE_NONE, -1, NOTHING},
      {12, A(HEAR, 32000), LEASE_NONE, -1, NOTHING},
      {20, A(GOVERN, 1), LEASE_GRACE, 32000, NOTHING},
      {50, O(TIME), LEASE_FALLBACK, 6000, 6000}}},
    {"without Green'Up an armed watchdog is fed with what is in force",
     {{0, A(GOVERN, 0), LEASE_NONE, -1, NOTHING},
      {1, A(HEAR, 20000), LEASE_NONE, -1, NOTHING},
      {100, FEED, 0, 10, NULL, 0, LEASE_NONE, -1, 20000},
      {101, A(WROTE, 20000), LEASE_NONE, -1, NOTHING},
      {111, O(TIME), LEASE_NONE, -1, 20000}}},
    {"a limit is what the station can be told, never more",
     {{1, S(13700, 30, "a", 1), LEASE_HELD, 13000, 13000},
      {1, A(WROTE, 13000), LEASE_HELD, 13000, NOTHING},
      {2, S(5999, 30, "a", 2), LEASE_HELD, 0, 0},
      {2, A(WROTE, 0), LEASE_HELD, 0, NOTHING},
      {3, S(100000, 30, "a", 3), LEASE_HELD, 32000, 32000}}},
    {"what was sent too long ago is too late, and does not stop the one before",
     {{31, S(16000, 30, "a", 1), LEASE_HELD, 16000, 16000},
      {31, A(WROTE, 16000), LEASE_HELD, 16000, NOTHING},
      {40, S(20000, 0, "a", 2), LEASE_HELD, 16000, NOTHING}}},
};

static struct lease_station station_of(void)
{
    return (struct lease_station){.governed = true,
                                  .writable = true,
                                  .reachable = true,
                                  .fallback_ma = 6000,
                                  .rated_ma = 32000,
                                  .minimum_ma = 6000,
                                  .step_ma = 1000};
}

static void happen(struct lease *lease, struct lease_station *station, const struct event *e, int last_ma)
{
    int64_t now = (int64_t)(e->at_s * 1000) + 1000000;
    struct lease_setpoint setpoint = {
        .limit_ma = e->a_ma, .valid_ms = e->b_s * 1000, .seq = e->seq, .up_ms = now};
    switch (e->op) {
    case TIME:
        break;
    case HEAR:
        lease_heard(lease, station, e->a_ma, now);
        break;
    case SET:
        ew_copy(setpoint.run, sizeof(setpoint.run), e->run);
        (void)lease_offer(lease, station, &setpoint, now);
        break;
    case ORPHAN:
        lease_orphan(lease, station, now);
        break;
    case WROTE:
        (void)lease_wrote(lease, station, last_ma, true, e->a_ma, now);
        break;
    case FAILED:
        (void)lease_wrote(lease, station, last_ma, false, -1, now);
        break;
    case GOVERN:
        station->governed = e->a_ma != 0;
        lease_review(lease, station, now);
        break;
    case REACH:
        station->reachable = e->a_ma != 0;
        break;
    case FEED:
        station->feed_ms = e->b_s * 1000;
        break;
    case REPEAT:
        station->repeat_ms = e->b_s * 1000;
        break;
    case PAUSE:
        station->paused = e->a_ma != 0;
        lease_review(lease, station, now);
        break;
    }
}

static void leases_live_as_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct lease_station station = station_of();
        struct lease lease;
        lease_begin(&lease, &station, 1000000);
        int last_ma = NOTHING;
        for (int k = 0; k < EVENTS_MAX && (k == 0 || stories[i].events[k].at_s > 0); k++) {
            const struct event *e = &stories[i].events[k];
            int64_t now = (int64_t)(e->at_s * 1000) + 1000000, wake;
            happen(&lease, &station, e, last_ma);
            int32_t written = lease_next(&lease, &station, now, &wake);
            if (lease.state != e->state || lease.limit_ma != e->limit_ma || written != e->written_ma)
                fail_msg("%s, %g s: %s at %d mA, writes %d", stories[i].what, e->at_s,
                         lease_state_name(lease.state), lease.limit_ma, written);
            if (written < 0 && wake <= now)
                fail_msg("%s, %g s: wakes at once for nothing", stories[i].what, e->at_s);
            last_ma = written >= 0 ? written : last_ma;
        }
    }
}

static void it_wakes_when_something_is_due(void **state)
{
    (void)state;
    struct lease_station station = station_of();
    struct lease lease;
    int64_t wake;
    lease_begin(&lease, &station, 1000);
    assert_int_equal(lease_next(&lease, &station, 1000, &wake), -1);
    assert_int_equal(wake, 31000); // the end of the grace
    struct lease_setpoint s = {.limit_ma = 16000, .valid_ms = 30000, .seq = 1, .up_ms = 2000, .run = "a"};
    assert_int_equal(lease_offer(&lease, &station, &s, 2000), LEASE_TAKEN);
    assert_int_equal(lease_next(&lease, &station, 2000, &wake), 16000);
    assert_true(lease_wrote(&lease, &station, 16000, true, 16000, 2100));
    assert_int_equal(lease_next(&lease, &station, 2100, &wake), -1);
    assert_int_equal(wake, 32000);
    station.feed_ms = 10000;
    assert_int_equal(lease_next(&lease, &station, 2100, &wake), -1);
    assert_int_equal(wake, 12100);
}

static void what_is_refused_says_why(void **state)
{
    (void)state;
    struct lease_station station = station_of();
    struct lease lease;
    lease_begin(&lease, &station, 100000);
    struct lease_setpoint s = {.limit_ma = 16000, .valid_ms = 30000, .seq = 1, .up_ms = 69999, .run = "a"};
    assert_int_equal(lease_offer(&lease, &station, &s, 100000), LEASE_LATE);
    s.up_ms = 102001;
    assert_int_equal(lease_offer(&lease, &station, &s, 100000), LEASE_AHEAD);
    s.up_ms = 100000;
    station.writable = false;
    assert_int_equal(lease_offer(&lease, &station, &s, 100000), LEASE_NOT_WRITABLE);
    lease_review(&lease, &station, 100000);
    assert_int_equal(lease.state, LEASE_NONE);
    int64_t wake;
    assert_int_equal(lease_next(&lease, &station, 200000, &wake), -1);
    assert_true(wake == INT64_MAX);
}

static void a_memory_that_wears_out_is_spared(void **state)
{
    (void)state;
    struct lease_station station = station_of();
    station.wears = true;
    station.interval_ms = 60000;
    struct lease lease;
    int64_t wake;
    lease_begin(&lease, &station, 0);
    lease_heard(&lease, &station, 6000, 0);
    struct lease_setpoint s = {.limit_ma = 10000, .valid_ms = 120000, .seq = 1, .up_ms = 1000, .run = "a"};
    (void)lease_offer(&lease, &station, &s, 1000);
    assert_int_equal(lease_next(&lease, &station, 1000, &wake), 10000);
    assert_true(lease_wrote(&lease, &station, 10000, true, 10000, 1000));
    s.limit_ma = 16000, s.seq = 2;
    (void)lease_offer(&lease, &station, &s, 2000);
    assert_int_equal(lease_next(&lease, &station, 2000, &wake), -1);
    assert_int_equal(wake, 61000);
    s.limit_ma = 8000, s.seq = 3; // lowering never waits
    (void)lease_offer(&lease, &station, &s, 3000);
    assert_int_equal(lease_next(&lease, &station, 3000, &wake), 8000);
    assert_true(lease_wrote(&lease, &station, 8000, true, 8000, 3000));
    s.limit_ma = 16000, s.seq = 4;
    (void)lease_offer(&lease, &station, &s, 4000);
    assert_int_equal(lease_next(&lease, &station, 61000, &wake), 16000);
}

static void set_points_are_read_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path; // path NULL = fine
    } cases[] = {
        {"{\"limit_a\":13.5,\"valid_s\":30,\"run\":\"k3\",\"seq\":7,\"up_ms\":99,\"reason\":{\"code\":\"x\"}"
         "}",
         NULL},
        {"{\"limit_a\":-1,\"valid_s\":30,\"run\":\"k3\",\"seq\":7,\"up_ms\":99}", "/limit_a"},
        {"{\"limit_a\":\"16\",\"valid_s\":30,\"run\":\"k3\",\"seq\":7,\"up_ms\":99}", "/limit_a"},
        {"{\"limit_a\":16,\"valid_s\":0,\"run\":\"k3\",\"seq\":7,\"up_ms\":99}", "/valid_s"},
        {"{\"limit_a\":16,\"valid_s\":3600,\"run\":\"k3\",\"seq\":7,\"up_ms\":99}", "/valid_s"},
        {"{\"limit_a\":16,\"valid_s\":30,\"run\":\"\",\"seq\":7,\"up_ms\":99}", "/run"},
        {"{\"limit_a\":16,\"valid_s\":30,\"run\":\"a b\",\"seq\":7,\"up_ms\":99}", "/run"},
        {"{\"limit_a\":16,\"valid_s\":30,\"run\":\"k\",\"seq\":1.5,\"up_ms\":99}", "/seq"},
        {"{\"limit_a\":16,\"valid_s\":30,\"run\":\"k\",\"seq\":1}", "/up_ms"},
        {"{\"limit_a\":16,\"valid_s\":30,\"run\":\"k\",\"seq\":1,\"up_ms\":9,\"force\":true}", "/force"},
        {"[]", "/"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *tree = cJSON_Parse(cases[i].text);
        struct lease_setpoint s;
        struct ew_reason reason = {0};
        enum ew_err err = lease_read_setpoint(tree, &s, &reason);
        if ((err == EW_OK) != (cases[i].path == NULL) ||
            (cases[i].path && strcmp(reason.path, cases[i].path) != 0))
            fail_msg("%s: %s: %s", cases[i].text, reason.path, reason.text);
        if (i == 0)
            assert_true(s.limit_ma == 13500 && s.valid_ms == 30000 && s.seq == 7 && s.up_ms == 99);
        cJSON_Delete(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leases_live_as_told),
        cmocka_unit_test(it_wakes_when_something_is_due),
        cmocka_unit_test(what_is_refused_says_why),
        cmocka_unit_test(a_memory_that_wears_out_is_spared),
        cmocka_unit_test(set_points_are_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
