// The history of charges on a real database: once each, never opened again, ends that nobody heard,
// questions.
#include "store_bench.h"

#include "base/buf.h"
#include "recorder/charges.h"

#include <string.h>

static enum ew_err take(struct bench *b, const char *text, struct ew_reason *reason)
{
    cJSON *tree = cJSON_Parse(text);
    assert_non_null(tree);
    enum ew_err err = charges_take(b->store, tree, reason);
    cJSON_Delete(tree);
    return err;
}

static void session(struct bench *b, int station, const char *id, int minute, const char *started,
                    const char *ended, double wh, int interruptions)
{
    char text[1024];
    struct ew_reason reason = {0};
    (void)snprintf(
        text, sizeof(text),
        "{\"station\":%d,\"session\":\"%s\",\"plugged_at\":\"2026-03-01T12:%02d:00Z\",\"started\":%s,"
        "\"ended\":%s,\"wh\":%g,\"ah\":1.5,\"peak_a\":16,\"interruptions\":[%s],\"reason\":{}}",
        station, id, minute, started, ended, wh,
        interruptions ? "{\"at\":\"2026-03-01T12:10:00Z\",\"until\":null,\"reason\":{}}" : "");
    assert_int_equal(take(b, text, &reason), EW_OK);
}

static cJSON *ask(struct bench *b, const char *args)
{
    struct charges_query query;
    struct ew_reason reason = {0};
    struct ew_buf answer;
    cJSON *tree = cJSON_Parse(args);
    assert_int_equal(charges_query_read(tree, &query, &reason), EW_OK);
    cJSON_Delete(tree);
    ew_buf_init(&answer, 1 << 20);
    assert_int_equal(charges_query(b->store, &query, &answer, &reason), EW_OK);
    cJSON *result = cJSON_Parse(ew_buf_text(&answer));
    assert_non_null(result);
    ew_buf_done(&answer);
    return result;
}

static int total(struct bench *b, const char *args)
{
    cJSON *answer = ask(b, args);
    int count = cJSON_GetObjectItemCaseSensitive(answer, "total")->valueint;
    cJSON_Delete(answer);
    return count;
}

static const cJSON *row(const cJSON *answer, int index, const char *key)
{
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(answer, "rows");
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(rows, index), key);
}

static void a_charge_is_recorded_once(void **state)
{
    struct bench *b = *state;
    session(b, 38, "38-a-1", 0, "null", "null", 0, 0);
    session(b, 38, "38-a-1", 0, "\"2026-03-01T12:01:00Z\"", "null", 100, 0);
    session(b, 38, "38-a-1", 0, "\"2026-03-01T12:01:00Z\"", "null", 900, 1);
    session(b, 38, "38-a-1", 0, "\"2026-03-01T12:01:00Z\"", "\"2026-03-01T13:00:00Z\"", 4000, 1);
    session(b, 38, "38-a-1", 0, "\"2026-03-01T12:01:00Z\"", "null", 5000, 0); // an old message comes late
    cJSON *answer = ask(b, "{}");
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(answer, "total")->valueint, 1);
    assert_int_equal(row(answer, 0, "wh")->valueint, 4000);
    assert_string_equal(row(answer, 0, "ended")->valuestring, "2026-03-01T13:00:00.000Z");
    assert_true(cJSON_IsFalse(row(answer, 0, "under_way")));
    assert_int_equal(cJSON_GetArraySize(row(answer, 0, "interruptions")), 1);
    cJSON_Delete(answer);
}

static void what_flows_meanwhile_is_not_written(void **state)
{
    struct bench *b = *state;
    session(b, 38, "s", 0, "\"2026-03-01T12:01:00Z\"", "null", 100, 0);
    const int before = sqlite3_total_changes(store_db(b->store));
    session(b, 38, "s", 0, "\"2026-03-01T12:01:00Z\"", "null", 200, 0);
    assert_int_equal(sqlite3_total_changes(store_db(b->store)), before);
}

static void an_end_that_nobody_heard_is_not_made_up(void **state)
{
    struct bench *b = *state;
    session(b, 38, "one", 0, "null", "null", 0, 0);
    session(b, 39, "other", 1, "null", "null", 0, 0);
    session(b, 38, "two", 2, "null", "null", 0, 0);
    cJSON *answer = ask(b, "{}");
    static const struct {
        const char *session;
        bool under_way;
    } expected[] = {{"two", true}, {"other", true}, {"one", false}};
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_string_equal(row(answer, (int)i, "session")->valuestring, expected[i].session);
        assert_int_equal(cJSON_IsTrue(row(answer, (int)i, "under_way")), expected[i].under_way);
        assert_true(cJSON_IsNull(row(answer, (int)i, "ended")));
    }
    cJSON_Delete(answer);
}

static void questions_choose(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < 10; i++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "s%d", i);
        session(b, i % 2 ? 38 : 39, id, i, "null", "null", 0, 0);
    }
    static const struct {
        const char *args;
        int expected;
    } cases[] = {{"{}", 10},
                 {"{\"station\":38}", 5},
                 {"{\"from\":\"2026-03-01T12:03:00Z\"}", 7},
                 {"{\"to\":\"2026-03-01T12:03:00Z\"}", 3},
                 {"{\"from\":\"2026-03-01T12:03:00Z\",\"to\":\"2026-03-01T12:05:00Z\",\"station\":38}", 1}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(total(b, cases[i].args), cases[i].expected);
    cJSON *answer = ask(b, "{\"limit\":2,\"offset\":3}");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(answer, "rows")), 2);
    assert_string_equal(row(answer, 0, "session")->valuestring, "s6");
    cJSON_Delete(answer);
}

static void what_is_wrong_is_named(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *text, *path;
    } cases[] = {{"{}", "/session"},
                 {"{\"session\":\"x\",\"station\":0}", "/station"},
                 {"{\"session\":\"x\",\"station\":1,\"plugged_at\":\"today\"}", "/plugged_at"},
                 {"{\"session\":\"x\",\"station\":1,\"plugged_at\":\"2026-03-01T12:00:00Z\",\"started\":null,"
                  "\"ended\":null,\"ah\":-1}",
                  "/ah"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ew_reason reason = {0};
        assert_int_not_equal(take(b, cases[i].text, &reason), EW_OK);
        assert_string_equal(reason.path, cases[i].path);
    }
    assert_int_equal(total(b, "{}"), 0);
    static const char *const questions[] = {"{\"limit\":0}", "{\"limit\":201}",  "{\"station\":-1}",
                                            "{\"from\":5}",  "{\"from\":\"x\"}", "{\"more\":1}"};
    for (size_t i = 0; i < COUNT(questions); i++) {
        struct charges_query query;
        struct ew_reason reason = {0};
        cJSON *tree = cJSON_Parse(questions[i]);
        assert_int_not_equal(charges_query_read(tree, &query, &reason), EW_OK);
        cJSON_Delete(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_charge_is_recorded_once, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(what_flows_meanwhile_is_not_written, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(an_end_that_nobody_heard_is_not_made_up, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(questions_choose, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_named, bench_setup, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
