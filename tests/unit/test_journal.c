// The journal of alarms on a real database: begin, end, once, names, ceilings, and every way to ask.
#include "store_bench.h"

#include "base/buf.h"
#include "recorder/journal.h"

#include <string.h>

static struct journal_entry entry(const char *subject, const char *code, int64_t at_ms)
{
    return (struct journal_entry){.at_ms = at_ms,
                                  .subject = subject,
                                  .source = "poller",
                                  .device = 38,
                                  .bus = 4,
                                  .name = "Borne 1",
                                  .address = "Parking.2",
                                  .code = code,
                                  .params = "{\"unit\":\"2\"}",
                                  .text = "no answer"};
}

static bool begin(struct bench *b, const char *subject, const char *code, int64_t at_ms)
{
    struct journal_entry e = entry(subject, code, at_ms);
    struct ew_reason reason = {0};
    bool fresh = false;
    assert_int_equal(journal_begin(b->store, &e, &fresh, &reason), EW_OK);
    return fresh;
}

static void end(struct bench *b, const char *subject, int64_t at_ms)
{
    struct ew_reason reason = {0};
    assert_int_equal(journal_end(b->store, subject, at_ms, &reason), EW_OK);
}

// The answer to the arguments; free with cJSON_Delete.
static cJSON *ask(struct bench *b, const char *args)
{
    struct ew_reason reason = {0};
    struct journal_query query;
    struct ew_buf json;
    ew_buf_init(&json, 1 << 20);
    cJSON *tree = cJSON_Parse(args);
    assert_int_equal(journal_query_read(tree, &query, &reason), EW_OK);
    assert_int_equal(journal_query(b->store, &query, &json, &reason), EW_OK);
    assert_false(json.full);
    cJSON_Delete(tree);
    tree = cJSON_ParseWithLength(json.data, json.len);
    assert_non_null(tree);
    ew_buf_done(&json);
    return tree;
}

// "12 3" = total and rows, then the ids of the rows.
static void check(struct bench *b, const char *args, const char *expected)
{
    char text[256];
    cJSON *answer = ask(b, args);
    const cJSON *row, *rows = cJSON_GetObjectItem(answer, "rows");
    int n = snprintf(text, sizeof(text), "%d:", cJSON_GetObjectItem(answer, "total")->valueint);
    cJSON_ArrayForEach(row, rows) n +=
        snprintf(text + n, sizeof(text) - (size_t)n, " %d", cJSON_GetObjectItem(row, "id")->valueint);
    cJSON_Delete(answer);
    if (strcmp(text, expected) != 0)
        fail_msg("%s gives \"%s\", not \"%s\"", args, text, expected);
}

static void an_alarm_is_written_once_and_ends(void **state)
{
    struct bench *b = *state;
    assert_true(begin(b, "device/38/status", "device.timeout", 1000));
    assert_false(begin(b, "device/38/status", "device.timeout", 2000)); // said again, as after a restart
    check(b, "{\"active\":true}", "1: 1");
    end(b, "device/38/status", 5000);
    end(b, "device/38/status", 6000);
    check(b, "{\"active\":true}", "0:");
    cJSON *answer = ask(b, "{}");
    const cJSON *row = cJSON_GetArrayItem(cJSON_GetObjectItem(answer, "rows"), 0);
    assert_string_equal(cJSON_GetObjectItem(row, "until")->valuestring, "1970-01-01T00:00:05.000Z");
    assert_string_equal(
        cJSON_GetObjectItem(cJSON_GetObjectItem(cJSON_GetObjectItem(row, "reason"), "params"), "unit")
            ->valuestring,
        "2");
    cJSON_Delete(answer);
    assert_true(begin(b, "device/38/status", "device.timeout", 9000));
    check(b, "{}", "2: 2 1");
}

static void another_reason_is_another_alarm(void **state)
{
    struct bench *b = *state;
    begin(b, "device/38/status", "device.timeout", 1000);
    assert_true(begin(b, "device/38/status", "device.refused", 2000));
    check(b, "{\"active\":true}", "1: 2");
    check(b, "{\"code\":\"device.timeout\"}", "1: 1");
    end(b, "device/38/status", 500); // a clock that was set back
    cJSON *answer = ask(b, "{\"limit\":1}");
    const cJSON *row = cJSON_GetArrayItem(cJSON_GetObjectItem(answer, "rows"), 0);
    assert_string_equal(cJSON_GetObjectItem(row, "until")->valuestring,
                        cJSON_GetObjectItem(row, "at")->valuestring);
    cJSON_Delete(answer);
}

static void a_name_that_comes_late_is_filled_in(void **state)
{
    struct bench *b = *state;
    struct ew_reason reason = {0};
    struct journal_entry e = entry("device/38/status", "device.timeout", 1000);
    e.name = e.address = "";
    assert_int_equal(journal_begin(b->store, &e, NULL, &reason), EW_OK);
    assert_int_equal(journal_name(b->store, 38, "Borne 1", "Parking.2", &reason), EW_OK);
    assert_int_equal(journal_name(b->store, 38, "Renamed", "Parking.2", &reason), EW_OK);
    check(b, "{\"text\":\"BORNE\"}", "1: 1");
    check(b, "{\"text\":\"renamed\"}", "0:");
}

static void asked_in_every_order(void **state)
{
    struct bench *b = *state;
    struct ew_reason reason = {0};
    static const char *const names[] = {"b", "C", "a"};
    for (int i = 0; i < 3; i++) {
        char subject[16];
        (void)snprintf(subject, sizeof(subject), "device/%d", i);
        struct journal_entry e = entry(subject, i == 1 ? "x.one" : "y.two", 1000 * (i + 1));
        e.name = names[i];
        e.address = names[2 - i];
        if (i == 2)
            assert_int_equal(journal_note(b->store, &e, &reason), EW_OK);
        else
            assert_int_equal(journal_begin(b->store, &e, NULL, &reason), EW_OK);
    }
    end(b, "device/0", 9000);
    check(b, "{}", "3: 3 2 1");
    check(b, "{\"down\":false}", "3: 1 2 3");
    check(b, "{\"sort\":\"device\",\"down\":false}", "3: 3 1 2");
    check(b, "{\"sort\":\"address\",\"down\":false}", "3: 1 3 2");
    check(b, "{\"sort\":\"type\",\"down\":false}", "3: 2 1 3");
    check(b, "{\"sort\":\"until\"}", "3: 2 1 3"); // what goes on is before all ends
    check(b, "{\"offset\":1,\"limit\":1}", "3: 2");
    check(b, "{\"from\":\"1970-01-01T00:00:02Z\",\"to\":\"1970-01-01T00:00:03Z\"}", "1: 2");
}

static void twenty_thousand_are_kept(void **state)
{
    struct bench *b = *state;
    struct ew_reason reason = {0};
    char *failure = NULL;
    // Filled at once; what the ceiling does is the next journal_note's.
    (void)sqlite3_exec(
        store_db(b->store),
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20003) INSERT INTO alarm "
        "(at, until, subject, source, name, address, code, params, text) "
        "SELECT i, i, 's', 'p', 'n', 'a', 'c', '{}', 't' FROM n",
        NULL, NULL, &failure);
    assert_null(failure);
    struct journal_entry e = entry("s", "c.d", 99999);
    assert_int_equal(journal_note(b->store, &e, &reason), EW_OK);
    check(b, "{\"limit\":1}", "20000: 20004");
    check(b, "{\"limit\":1,\"down\":false}", "20000: 5");
    check(b, "{\"limit\":2,\"offset\":19998,\"sort\":\"type\"}", "20000: 6 5");
}

static void bad_questions(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"{\"limit\":201}", "/limit"},
        {"{\"offset\":-1}", "/offset"},
        {"{\"sort\":\"name\"}", "/sort"},
        {"{\"x\":1}", "/x"},
        {"{\"from\":\"today\"}", "/from"},
        {"{\"active\":1}", "/active"},
        {"{\"text\":\"0123456789012345678901234567890123456789012345678901234567890123\"}", "/text"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct ew_reason reason = {0};
        struct journal_query query;
        cJSON *args = cJSON_Parse(table[i][0]);
        assert_int_not_equal(journal_query_read(args, &query, &reason), EW_OK);
        assert_string_equal(reason.path, table[i][1]);
        cJSON_Delete(args);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_alarm_is_written_once_and_ends, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(another_reason_is_another_alarm, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_name_that_comes_late_is_filled_in, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(asked_in_every_order, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(twenty_thousand_are_kept, bench_setup, bench_teardown),
        cmocka_unit_test(bad_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
