// A scan as a conversation, its share of a polled line, the guess of profiles, the words of a test.
#include "check.h"

#include "core/plan/schedule.h"
#include "core/scan/guess.h"
#include "core/scan/outcome.h"
#include "core/scan/scan.h"
#include "profile_text.h"
#include <stdlib.h>
#include <string.h>

// ---- The scan ---------------------------------------------------------------------------------------------

enum { FRAME_MS = 12 }; // 15 characters at 19200 8E1 and the silences between

struct unit {
    int unit, latency_ms;
    enum scan_answer to_fc3, to_fc4;
};

struct site {
    const struct unit *units;
    int count;
};

// What an address answers within the patience of the question, and how long that takes.
static enum scan_answer ask(const struct site *site, const struct scan_step *step, int *ret_ms)
{
    for (int i = 0; i < site->count; i++) {
        const struct unit *u = &site->units[i];
        enum scan_answer answer = step->fc == 3 ? u->to_fc3 : u->to_fc4;
        if (u->unit != step->unit || answer == SCAN_SILENT || u->latency_ms > step->timeout_ms)
            continue;
        *ret_ms = u->latency_ms + FRAME_MS;
        return answer;
    }
    *ret_ms = step->timeout_ms + FRAME_MS;
    return SCAN_SILENT;
}

struct trace {
    int finds[256], at_ms[256], count, guesses, ms, quick_ms, asked;
};

static void run(struct scan *s, const struct site *site, struct trace *t)
{
    struct scan_step step;
    memset(t, 0, sizeof(*t));
    for (scan_next(s, &step); step.what != SCAN_END; scan_next(s, &step)) {
        int ms = 0;
        if (step.what == SCAN_GUESS) {
            assert_int_equal(step.unit, t->finds[t->guesses]);
            t->guesses++;
            scan_guessed(s);
            continue;
        }
        assert_int_equal(step.address, 0);
        enum scan_answer answer = ask(site, &step, &ms);
        t->ms += ms;
        t->asked++;
        if (s->pass == SCAN_QUICK)
            t->quick_ms = t->ms;
        if (scan_answered(s, answer)) {
            t->finds[t->count] = step.unit;
            t->at_ms[t->count++] = t->ms;
        }
    }
}

static const struct unit devices[] = {
    {5, 20, SCAN_READ, SCAN_READ},         // a meter
    {9, 30, SCAN_EXCEPTION, SCAN_READ},    // refuses function 3: alive
    {40, 250, SCAN_READ, SCAN_READ},       // slow: the full pass finds it
    {77, 20, SCAN_SILENT, SCAN_READ},      // answers function 4 only
    {90, 20, SCAN_DISTURBED, SCAN_SILENT}, // two devices of one address
    {247, 10, SCAN_READ, SCAN_READ},
};

static void finds_all_in_order(void **state)
{
    (void)state;
    struct site site = {devices, COUNT(devices)};
    struct scan s;
    struct trace t;
    int done, total;
    scan_begin(&s, 1, 247, 300, true);
    scan_progress(&s, &done, &total);
    assert_int_equal(done, 0);
    run(&s, &site, &t);
    const int expected[] = {5, 9, 247, 40, 77, 90};
    assert_int_equal(t.count, 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(t.finds[i], expected[i]);
    assert_int_equal(t.guesses, 6);
    assert_int_equal(s.pass, SCAN_DONE);
    scan_progress(&s, &done, &total);
    assert_int_equal(done, total);
    assert_int_equal(done, t.asked);
}

static void quick_pass_is_quick(void **state)
{
    (void)state;
    struct site empty = {NULL, 0}, site = {devices, COUNT(devices)};
    struct scan s;
    struct trace t;
    scan_begin(&s, 1, 247, 300, true);
    run(&s, &empty, &t);
    assert_true(t.quick_ms < 45000);
    assert_int_equal(t.asked, 3 * 247);
    scan_begin(&s, 1, 247, 300, true);
    run(&s, &site, &t);
    assert_true(t.at_ms[0] < 1000); // unit 5 shows within a second
    assert_true(t.at_ms[2] < 45000);
}

static void stops_at_any_time(void **state)
{
    (void)state;
    struct site site = {devices, COUNT(devices)};
    for (int after = 0; after < 600; after += 7) {
        struct scan s;
        struct scan_step step;
        scan_begin(&s, 1, 247, 300, true);
        for (int i = 0; i < after; i++) {
            int ms;
            scan_next(&s, &step);
            if (step.what == SCAN_GUESS)
                scan_guessed(&s);
            else
                scan_answered(&s, ask(&site, &step, &ms));
        }
        scan_stop(&s);
        assert_int_equal(s.pass, SCAN_STOPPED);
        scan_next(&s, &step);
        assert_int_equal(step.what, SCAN_END);
        assert_false(scan_answered(&s, SCAN_READ)); // the answer that was under way changes nothing
        assert_int_equal(s.pass, SCAN_STOPPED);
    }
}

static void ranges(void **state)
{
    (void)state;
    struct site site = {devices, COUNT(devices)};
    struct scan s;
    struct trace t;
    scan_begin(&s, 5, 9, 300, false);
    run(&s, &site, &t);
    assert_int_equal(t.asked, 5); // no full pass was wanted
    assert_int_equal(t.count, 2);
    scan_begin(&s, 5, 5, 300, true);
    run(&s, &site, &t);
    assert_int_equal(t.asked, 1); // everybody was found
    scan_begin(&s, 9, 5, 300, true);
    run(&s, &site, &t);
    assert_int_equal(t.asked, 0);
    scan_begin(&s, 1, 3, 60, true); // the line is faster than the quick pass
    struct scan_step step;
    scan_next(&s, &step);
    assert_int_equal(step.timeout_ms, 60);
}

// ---- The share --------------------------------------------------------------------------------------------

enum { TASKS = 24 };

struct polled { // a line with the poller's own schedule
    int devices, period_ms, pass_ms;
    int scan_ms;   // what a step takes, 0 = nobody scans
    int steps_min; // in 100 s: the scan gets on
};

static int polls_done(const struct polled *line, int scan_ms, int *ret_steps)
{
    struct schedule_health healths[TASKS] = {0};
    struct schedule_task tasks[TASKS];
    struct scan_share share = {0};
    int64_t now = 1000, wake;
    int polls = 0;
    *ret_steps = 0;
    for (int i = 0; i < line->devices; i++) {
        tasks[i] = (struct schedule_task){.device = i, .period_ms = line->period_ms, .probe = true};
        schedule_start(&tasks[i], now, false);
    }
    while (now < 101000) {
        int task = schedule_pick(tasks, line->devices, healths, now, &wake);
        struct scan_polling polling = {.due_us = (task >= 0 ? now : wake) * 1000,
                                       .slack_us = (int64_t)line->period_ms * 1000 / 4};
        if (scan_ms > 0 && scan_share_may(&share, &polling, now * 1000, scan_ms * 1000)) {
            scan_share_ran(&share, &polling, now * 1000, (now + scan_ms) * 1000);
            now += scan_ms;
            (*ret_steps)++;
        } else if (task >= 0) {
            int64_t began = now;
            now += line->pass_ms;
            schedule_done(&tasks[task], began, now);
            polls++;
        } else {
            int64_t rest = share.rest_until_us / 1000 + 1;
            now = scan_ms > 0 && rest > now && rest < wake ? rest : wake;
        }
    }
    return polls;
}

static void polling_slows_by_a_quarter_at_most(void **state)
{
    (void)state;
    static const struct polled cases[] = {
        {10, 100, 30, 162, 90},   // a full line, quick pass
        {10, 100, 30, 1012, 15},  // full pass of a TCP bus
        {10, 330, 30, 162, 90},   // nearly full
        {10, 500, 30, 162, 90},   // 60 %
        {3, 500, 30, 162, 250},   // 18 %
        {3, 500, 30, 312, 90},    // and its full pass
        {10, 1000, 30, 162, 250}, // 30 %
        {1, 1000, 30, 162, 450},  // nearly idle: the scan has it nearly alone
        {1, 1000, 600, 162, 150}, {1, 1000, 600, 1012, 15},
        {1, 1000, 30, 1012, 15},  {24, 10000, 30, 1012, 60}, // seldom
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int steps, none;
        int with = polls_done(&cases[i], cases[i].scan_ms, &steps);
        int without = polls_done(&cases[i], 0, &none);
        if (without > 1.25 * (with + 1) || steps < cases[i].steps_min)
            fail_msg("case %zu: %d polls beside the scan, %d without, %d steps", i, with, without, steps);
    }
}

// ---- The guess --------------------------------------------------------------------------------------------

#define HEAD(id)                                                                                             \
    "{'id':'" id "','version':'1','family':'F','model':'M','kind':'meter','confidence':'candidate',"
#define FLOATS                                                                                               \
    "'voltage_l1_n':{'fc':4,'address':0,'type':'f32','unit':'V','group':'instant'},"                         \
    "'frequency':{'fc':4,'address':70,'type':'f32','unit':'Hz','group':'instant'}}}"

static const char *const profile_texts[] = {
    HEAD("a") "'registers':{" FLOATS,
    HEAD("b") "'registers':{"
              "'voltage_l1_n':{'fc':4,'address':0,'type':'u32','scale':0.1,'unit':'V','group':'instant'},"
              "'frequency':{'fc':4,'address':51,'type':'u16','scale':0.1,'unit':'Hz','group':'instant'}}}",
    HEAD("c") "'identify':{'device_code':['0x0070',113]},'registers':{"
              "'device_code':{'fc':3,'address':'0xFC02','type':'u16','group':'info'}," FLOATS,
    HEAD("g") "'params':{'register':{'min':0,'max':65535,'required':true}},'registers':{"
              "'active_energy_import':{'fc':3,'address':'$register','type':'u32','unit':'Wh','group':'energy'"
              "}}}",
};
enum { PROFILES = COUNT(profile_texts) };

struct memory { // what a device holds; everything else it refuses
    int fc, address, count;
    uint16_t words[2];
};

static struct guess_answer reply(const struct memory *memory, int count, const struct guess_question *q)
{
    struct guess_answer answer = {.heard = GUESS_REFUSED};
    for (int i = 0; i < count; i++)
        if (memory[i].fc == q->fc && memory[i].address == q->address && memory[i].count >= q->count) {
            answer.heard = GUESS_READ;
            memcpy(answer.registers, memory[i].words, sizeof(memory[i].words));
        }
    return answer;
}

static int guess_device(const struct memory *memory, int count, struct guess ret[GUESS_BEST], int *ret_asked)
{
    struct test_profile read[PROFILES];
    const struct profile *list[PROFILES];
    for (int i = 0; i < PROFILES; i++) {
        struct ew_reason reason;
        if (test_profile_read(profile_texts[i], &read[i], &reason) != EW_OK)
            fail_msg("profile %d: %s %s", i, reason.path, reason.text);
        list[i] = &read[i].profile;
    }
    size_t size = guess_memory(PROFILES);
    void *block = malloc(size);
    struct ew_arena arena;
    struct guess_book book;
    ew_arena_init(&arena, block, size);
    assert_int_equal(guess_book_build(list, PROFILES, &arena, &book), EW_OK);
    struct guess_answer *answers = calloc((size_t)book.question_count, sizeof(*answers));
    *ret_asked = 0;
    for (int q = guess_next(&book, answers); q >= 0; q = guess_next(&book, answers)) {
        answers[q] = reply(memory, count, &book.questions[q]);
        (*ret_asked)++;
    }
    int told = guess_rank(&book, answers, ret);
    free(answers);
    free(block);
    for (int i = 0; i < PROFILES; i++)
        test_profile_done(&read[i]);
    return told;
}

// 230.5 V and 50.0 Hz as f32.
#define VOLTS                                                                                                \
    {                                                                                                        \
        0x4366, 0x8000                                                                                       \
    }
#define HERTZ                                                                                                \
    {                                                                                                        \
        0x4248, 0x0000                                                                                       \
    }

static void guesses(void **state)
{
    (void)state;
    struct guess best[GUESS_BEST];
    int asked;
    const struct memory twins[] = {{4, 0, 2, VOLTS}, {4, 70, 2, HERTZ}};
    // Without the signature both readers of this table are possible, none is more.
    assert_int_equal(guess_device(twins, 2, best, &asked), 2);
    assert_int_equal(best[0].sure, GUESS_POSSIBLE);
    assert_int_equal(best[0].profile, 0);
    assert_int_equal(best[1].profile, 2);

    const struct memory named[] = {{4, 0, 2, VOLTS}, {4, 70, 2, HERTZ}, {3, 0xFC02, 1, {113, 0}}};
    assert_true(guess_device(named, 3, best, &asked) >= 1);
    assert_int_equal(best[0].profile, 2);
    assert_int_equal(best[0].sure, GUESS_SURE);

    // Another signature: not that model, though the values would fit.
    const struct memory foreign[] = {{4, 0, 2, VOLTS}, {4, 70, 2, HERTZ}, {3, 0xFC02, 1, {5, 0}}};
    assert_int_equal(guess_device(foreign, 3, best, &asked), 1);
    assert_int_equal(best[0].profile, 0);
    assert_int_equal(best[0].sure, GUESS_LIKELY);

    // 2305 x 0.1 V as u32, 500 x 0.1 Hz: the other table.
    const struct memory other[] = {{4, 0, 2, {0, 2305}}, {4, 51, 1, {500, 0}}};
    assert_int_equal(guess_device(other, 2, best, &asked), 1);
    assert_int_equal(best[0].profile, 1);
    assert_int_equal(best[0].sure, GUESS_LIKELY);

    // A station, a toaster: nothing fits. It refuses the first question of each and is asked no more.
    assert_int_equal(guess_device(NULL, 0, best, &asked), 0);
    assert_true(asked <= 4);
    // Not connected: zeros speak neither for nor against.
    const struct memory zeros[] = {{4, 0, 2, {0, 0}}, {4, 70, 2, {0, 0}}};
    assert_int_equal(guess_device(zeros, 2, best, &asked), 0);
}

static void identify_is_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{'serial_number':[1]}",               // no such register
        "{}",                                  // none at all
        "{'device_code':['abc']}",             // a number register holds no text
        "{'device_code':[1],'frequency':[2]}", // one register names the model
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        char text[1024];
        struct test_profile read;
        struct ew_reason reason;
        (void)ew_format(text, sizeof(text),
                        HEAD("c") "'identify':%s,'registers':{"
                                  "'device_code':{'fc':3,'address':1,'type':'u16','group':'info'}," FLOATS,
                        bad[i]);
        assert_int_equal(test_profile_read(text, &read, &reason), EW_E_INVALID);
        assert_string_equal(reason.code, "profile.identify");
        test_profile_done(&read);
    }
}

// ---- The words --------------------------------------------------------------------------------------------

static void words(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        int exception;
        enum outcome_line line;
        const char *advice; // NULL = none
    } cases[] = {
        {"bus.timeout", 0, OUTCOME_RTU, "test.advice.silent_serial"},
        {"bus.timeout", 0, OUTCOME_RTU_TCP, "test.advice.silent_serial"},
        {"bus.timeout", 0, OUTCOME_TCP, "test.advice.silent_tcp"},
        {"bus.gateway_silent", 11, OUTCOME_TCP, "test.advice.behind"},
        {"bus.refused", 0, OUTCOME_TCP, "test.advice.refused"},
        {"bus.connect_timeout", 0, OUTCOME_TCP, "test.advice.unreachable"},
        {"bus.wrong_unit", 0, OUTCOME_RTU, "test.advice.twice"},
        {"bus.bad_crc", 0, OUTCOME_RTU, "test.advice.damaged"},
        {"bus.garbage", 0, OUTCOME_TCP, "test.advice.framing"},
        {"bus.exception", 2, OUTCOME_RTU, "test.advice.model"},
        {"bus.exception", 4, OUTCOME_RTU, "test.advice.failure"},
        {"bus.exception", 6, OUTCOME_RTU, "test.advice.busy"},
        {"bus.exception", 8, OUTCOME_RTU, NULL},
        {"bus.wrong_length", 0, OUTCOME_TCP, "test.advice.model"},
        {"bus.wrong_function", 0, OUTCOME_RTU, "test.advice.mixed"},
        {"bus.wrong_transaction", 0, OUTCOME_TCP, "test.advice.mixed"},
        {"bus.unasked", 0, OUTCOME_RTU_TCP, "test.advice.mixed"},
        {"bus.host_unknown", 0, OUTCOME_TCP, NULL}, // says it all itself
    };
    struct ew_reason reason;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool there = outcome_advice(cases[i].code, cases[i].exception, cases[i].line, &reason);
        if (there != (cases[i].advice != NULL) || (there && strcmp(reason.code, cases[i].advice) != 0))
            fail_msg("case %zu: %s", i, there ? reason.code : "no advice");
    }
    struct profile_value v = {.quality = PROFILE_GOOD, .number = 230.53};
    outcome_value(5, 12.4, "voltage_l1_n", &v, "V", &reason);
    assert_string_equal(reason.text, "Unit 5 answered in 12 ms: voltage_l1_n = 230.53 V.");
    v.quality = PROFILE_NO_VALUE;
    outcome_value(5, 12.4, "voltage_l1_n", &v, "V", &reason);
    assert_string_equal(reason.code, "test.no_value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_all_in_order),
        cmocka_unit_test(quick_pass_is_quick),
        cmocka_unit_test(stops_at_any_time),
        cmocka_unit_test(ranges),
        cmocka_unit_test(polling_slows_by_a_quarter_at_most),
        cmocka_unit_test(guesses),
        cmocka_unit_test(identify_is_checked),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
