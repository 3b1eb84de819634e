// Calls and answers of the MQTT adapter, through a real Mosquitto.
#include "mqtt_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_int64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

// 1 000 calls one after the other, QoS 1 both ways. Without TCP_NODELAY each takes 88 ms.
static void calls_are_not_slowed_by_delayed_acknowledgements(void **state)
{
    (void)state;
    enum { ROUNDS = 1000 };
    struct server s;
    struct client a;
    server_init(&s);
    connect_client(&a, "a");
    static int64_t us[ROUNDS];
    struct outcome o;
    for (int i = 0; i < ROUNDS; i++) {
        char args[32];
        snprintf(args, sizeof(args), "{\"n\":%d}", i);
        int64_t begin_us = ew_clock_up_us();
        call_and_wait(&a, "calc", "double", args, &o);
        us[i] = ew_clock_up_us() - begin_us;
        assert_int_equal(o.err, EW_OK);
        assert_true(o.number == 2.0 * i);
    }
    assert_int_equal(s.asked, ROUNDS);
    assert_string_equal(s.account, "a");
    qsort(us, ROUNDS, sizeof(us[0]), compare_int64);
    printf("call and answer, QoS 1, %d rounds: p50 %.2f ms, p99 %.2f ms, max %.2f ms\n", ROUNDS,
           (double)us[ROUNDS / 2] / 1000, (double)us[ROUNDS * 99 / 100] / 1000,
           (double)us[ROUNDS - 1] / 1000);
    assert_true(us[ROUNDS / 2] < 40000);
    mq_free(a.mq);
    mq_free(s.client.mq);
}

static void calls_are_answered_with_a_result_or_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *method, *args;
        enum ew_err err;
        const char *code;
        int asked; // did it reach the service's function
    } cases[] = {
        {"double", "{\"n\":21}", EW_OK, "", 1},
        {"refuse", "{}", EW_E_INVALID, "site.unit_range", 1},
        {"nothing", "{}", EW_E_INVALID, "call.unknown_method", 0},
        {"double", "[1]", EW_E_INVALID, "call.invalid_arguments", 0},
        {"double", "7", EW_E_INVALID, "call.invalid_arguments", 0},
        {"double", "{\"n\":", EW_E_INVALID, "json.syntax", 0},
        {"double", "", EW_E_INVALID, "json.syntax", 0},
        {"huge", "{}", EW_E_INVALID, "call.answer_too_large", 1},
    };
    struct server s;
    struct client a;
    struct outcome o;
    server_init(&s);
    connect_client(&a, "a");
    for (size_t i = 0; i < COUNT(cases); i++) {
        s.asked = 0;
        call_and_wait(&a, "calc", cases[i].method, cases[i].args, &o);
        if (o.err != cases[i].err || (cases[i].code[0] && strcmp(o.code, cases[i].code) != 0) ||
            s.asked != cases[i].asked)
            fail_msg("case %zu: %s %s asked=%d", i, ew_err_name(o.err), o.code, s.asked);
    }
    call_and_wait(&a, "calc", "refuse", "{}", &o);
    assert_string_equal(o.path, "/devices/3/unit");
    assert_string_equal(o.text, "Unit 300 is too large.");
    assert_int_equal(o.param_count, 1);
    mq_free(a.mq);
    mq_free(s.client.mq);
}

static void a_call_without_an_answer_ends_once(void **state)
{
    (void)state;
    struct server s;
    struct client a;
    struct outcome nobody, late, again;
    server_init(&s);
    connect_client(&a, "a");
    call(&a, "nobody", "x", "{}", &nobody);
    call(&a, "calc", "keep", "{}", &late);
    int64_t begin_ms = ew_clock_up_ms();
    assert_true(wait_for(is_answered, &nobody, PATIENCE_MS));
    assert_true(wait_for(is_answered, &late, PATIENCE_MS));
    assert_true(ew_clock_up_ms() - begin_ms >= 2900);
    assert_int_equal(nobody.err, EW_E_TIMEOUT);
    assert_int_equal(late.err, EW_E_TIMEOUT);
    assert_string_equal(late.text, "calc/keep: no answer in time");
    assert_int_equal(s.kept_count, 1);
    answer_number(s.kept[0], 1); // too late
    call_and_wait(&a, "calc", "double", "{\"n\":4}", &again);
    assert_int_equal(again.err, EW_OK);
    assert_int_equal(nobody.calls, 1);
    assert_int_equal(late.calls, 1);
    mq_free(a.mq);
    mq_free(s.client.mq);
}

static void only_256_calls_are_under_way(void **state)
{
    (void)state;
    struct client a;
    connect_client(&a, "a");
    static struct outcome o[MQ_CALLS_MAX + 4];
    for (size_t i = 0; i < COUNT(o); i++)
        call(&a, "nobody", "x", "{}", &o[i]);
    assert_true(wait_for(is_answered, &o[COUNT(o) - 1], PATIENCE_MS));
    for (size_t i = MQ_CALLS_MAX; i < COUNT(o); i++) {
        assert_true(wait_for(is_answered, &o[i], PATIENCE_MS));
        assert_int_equal(o[i].err, EW_E_BUSY);
    }
    mq_free(a.mq); // ends the others
    for (size_t i = 0; i < MQ_CALLS_MAX; i++) {
        assert_int_equal(o[i].calls, 1);
        assert_int_equal(o[i].err, EW_E_CLOSED);
    }
}

static void one_account_cannot_fill_a_service_with_open_calls(void **state)
{
    (void)state;
    struct server s;
    struct client a, b;
    server_init(&s);
    connect_client(&a, "a");
    connect_client(&b, "b");
    static struct outcome o[MQ_REQUESTS_PER_ACCOUNT_MAX + 1], other;
    for (size_t i = 0; i < COUNT(o); i++)
        call(&a, "calc", "keep", "{}", &o[i]);
    assert_true(wait_for(is_answered, &o[COUNT(o) - 1], PATIENCE_MS));
    assert_string_equal(o[COUNT(o) - 1].code, "call.busy");
    call_and_wait(&b, "calc", "double", "{\"n\":1}", &other);
    assert_int_equal(other.err, EW_OK);
    mq_free(s.client.mq);
    assert_int_equal(s.kept_count, MQ_REQUESTS_PER_ACCOUNT_MAX);
    for (int i = 0; i < s.kept_count; i++)
        answer_number(s.kept[i], 1); // into the void, but the requests are the service's to end
    mq_free(a.mq);
    mq_free(b.mq);
}

// Raw requests, as someone would send them who means harm.
static void answers_go_only_to_the_account_that_asked(void **state)
{
    (void)state;
    static const struct {
        const char *topic, *response_topic, *correlation;
        bool retain, answered;
    } cases[] = {
        {"call/a/calc/double", "reply/a/x", "c", false, true},
        {"call/a/calc/double", "reply/a/x/y", "c", false, true},
        {"call/a/calc/double", "reply/b/x", "c", false, false},
        {"call/a/calc/double", "reply/a", "c", false, false},
        {"call/a/calc/double", "reply/a/", "c", false, false},
        {"call/a/calc/double", "reply/ab/x", "c", false, false},
        {"call/a/calc/double", "device/1/setpoint", "c", false, false},
        {"call/a/calc/double", "reply/a/x", NULL, false, false},
        {"call/a/calc/double", NULL, "c", false, false},
        {"call/a/calc/double", "reply/a/x", "c", true, true}, // live it counts, as kept it would not
        {"call/a/calc", "reply/a/x", "c", false, false},
        {"call/a/calc/double/more", "reply/a/x", "c", false, false},
        {"call//calc/double", "reply//x", "c", false, false},
    };
    struct server s;
    struct client a, all;
    server_init(&s);
    connect_client(&a, "a");
    connect_client(&all, "all");
    mq_subscribe(all.mq, "#", 1, on_message, &all);
    flush(&all, &all);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char topic[MQ_WIRE_TOPIC_MAX], response[MQ_WIRE_TOPIC_MAX];
        snprintf(topic, sizeof(topic), BASE "/%s", cases[i].topic);
        snprintf(response, sizeof(response), BASE "/%s",
                 cases[i].response_topic ? cases[i].response_topic : "");
        s.asked = 0;
        all.messages = 0;
        struct mq_outgoing out = {.topic = topic,
                                  .payload = "{\"n\":1}",
                                  .len = 7,
                                  .options = {.qos = 1, .retain = cases[i].retain},
                                  .response_topic = cases[i].response_topic ? response : NULL,
                                  .correlation = cases[i].correlation,
                                  .correlation_len = cases[i].correlation ? 1 : 0};
        assert_int_equal(mq_session_send(a.mq->session, &out), EW_OK);
        flush(&a, &s.client);
        flush(&s.client, &all);
        bool answered = false;
        for (int m = 0; m < all.messages && m < LOG_MAX; m++)
            answered |= strstr(all.log[m].payload, "{\"result\":2}") != NULL;
        if (answered != cases[i].answered || s.asked != cases[i].answered)
            fail_msg("case %zu: asked=%d answered=%d", i, s.asked, answered);
    }
    assert_int_equal(mq_clear(a.mq, "call/a/calc/double"), EW_OK);
    flush(&a, &a);
    mq_free(a.mq);
    mq_free(all.mq);
    mq_free(s.client.mq);
}

int main(int argc, char **argv)
{
    setenv("CMOCKA_TEST_ABORT", "1", 0); // clients of a failed test would disturb the next ones
    ew_log_init("test", EW_LOG_NOTICE);
    if (argc == 2)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_not_slowed_by_delayed_acknowledgements),
        cmocka_unit_test(calls_are_answered_with_a_result_or_a_reason),
        cmocka_unit_test(a_call_without_an_answer_ends_once),
        cmocka_unit_test(only_256_calls_are_under_way),
        cmocka_unit_test(one_account_cannot_fill_a_service_with_open_calls),
        cmocka_unit_test(answers_go_only_to_the_account_that_asked),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
