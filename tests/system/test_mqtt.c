// Messages of the MQTT adapter, through a real Mosquitto. Times are waited for, never asserted below 1.5 s on
// a maximum.
#include "mqtt_client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// ---- Messages ---------------------------------------------------------------------------------------------

static void retained_topics_come_with_the_subscription(void **state)
{
    (void)state;
    struct client a, b;
    connect_client(&a, "a");
    publish_text(&a, "device/1/status", "on", (struct mq_publish_options){.qos = 1, .retain = true});
    publish_text(&a, "/outside/x", "o", (struct mq_publish_options){.qos = 1, .retain = true});
    flush(&a, &a);
    connect_client(&b, "b");
    mq_subscribe(b.mq, "device/+/status", 1, on_message, &b);
    mq_subscribe(b.mq, "/outside/#", 1, on_message, &b);
    wait_messages(&b, 2);
    int first = strcmp(b.log[0].topic, "device/1/status") == 0 ? 0 : 1;
    assert_string_equal(b.log[first].topic, "device/1/status");
    assert_string_equal(b.log[first].payload, "on");
    assert_true(b.log[first].retained);
    assert_int_equal(b.log[first].expiry_s, -1);
    assert_string_equal(b.log[1 - first].topic, "/outside/x");
    publish_text(&a, "device/1/status", "off",
                 (struct mq_publish_options){.qos = 1, .retain = true, .expiry_s = 60});
    wait_messages(&b, 3);
    assert_string_equal(b.log[2].payload, "off");
    assert_false(b.log[2].retained); // live, not kept
    assert_in_range(b.log[2].expiry_s, 50, 60);
    assert_int_equal(mq_clear(a.mq, "device/1/status"), EW_OK);
    assert_int_equal(mq_clear(a.mq, "/outside/x"), EW_OK);
    wait_messages(&b, 5);
    assert_string_equal(b.log[3].payload, "");
    mq_unsubscribe(b.mq, "device/+/status");
    publish_text(&a, "device/1/status", "again", (struct mq_publish_options){.qos = 1});
    flush(&a, &b);
    assert_int_equal(b.messages, 5);
    mq_free(a.mq);
    mq_free(b.mq);
}

static void each_handler_sees_each_match_of_its_filter_once(void **state)
{
    (void)state;
    struct client a, all, one, twice, other;
    connect_client(&a, "a");
    memset(&all, 0, sizeof(all));
    memset(&one, 0, sizeof(one));
    memset(&twice, 0, sizeof(twice));
    memset(&other, 0, sizeof(other));
    publish_text(&a, "device/1/x", "kept", (struct mq_publish_options){.qos = 1, .retain = true});
    mq_subscribe(a.mq, "device/#", 1, on_message, &all);
    mq_subscribe(a.mq, "device/1/+", 0, on_message, &one);
    mq_subscribe(a.mq, "device/+/x", 1, on_message, &twice);
    mq_subscribe(a.mq, "device/+/x", 1, on_message, &twice);
    mq_subscribe(a.mq, "bus/#", 1, on_message, &other);
    flush(&a, &a);
    int before[] = {all.messages, one.messages, twice.messages};
    assert_int_equal(before[0], 1);
    assert_int_equal(before[1], 1);
    publish_text(&a, "device/1/x", "v", (struct mq_publish_options){.qos = 1});
    publish_text(&a, "device/2/y", "v", (struct mq_publish_options){.qos = 0});
    flush(&a, &a);
    assert_int_equal(all.messages - before[0], 2);
    assert_int_equal(one.messages - before[1], 1);
    assert_int_equal(twice.messages - before[2], 2); // two handlers, one message each
    assert_int_equal(other.messages, 0);
    assert_int_equal(mq_clear(a.mq, "device/1/x"), EW_OK);
    mq_free(a.mq);
}

static void stopping_hands_over_what_is_queued(void **state)
{
    (void)state;
    enum { COUNT_SENT = 500 };
    struct client a, b;
    connect_client(&b, "b");
    mq_subscribe(b.mq, "many", 1, on_message, &b);
    connect_client(&a, "a");
    flush(&b, &b);
    for (int i = 0; i < COUNT_SENT; i++)
        publish_text(&a, "many", "x", (struct mq_publish_options){.qos = 1});
    mq_free(a.mq);
    wait_messages(&b, COUNT_SENT);
    mq_free(b.mq);
}

static void what_waited_longer_than_it_is_valid_is_not_delivered(void **state)
{
    (void)state;
    struct client a, b;
    connect_client(&a, "a");
    connect_client(&b, "b");
    mq_subscribe(b.mq, "command", 1, on_message, &b);
    flush(&b, &b);
    publish_text(&a, "command", "old", (struct mq_publish_options){.qos = 1, .expiry_s = 1});
    publish_text(&a, "command", "long", (struct mq_publish_options){.qos = 1, .expiry_s = 60});
    struct timespec busy = {1, 500000000}; // the loop is busy for 1.5 s
    nanosleep(&busy, NULL);
    wait_messages(&b, 1);
    flush(&a, &b);
    assert_int_equal(b.messages, 1);
    assert_string_equal(b.log[0].payload, "long");
    mq_free(a.mq);
    mq_free(b.mq);
}

static void wrong_publishes_are_refused_here(void **state)
{
    (void)state;
    struct client a;
    connect_client(&a, "a");
    static const struct {
        const char *topic;
        size_t len;
        int qos;
        enum ew_err err;
    } cases[] = {
        {"ok", 2, 0, EW_OK},
        {"ok", EW_MQTT_PAYLOAD_MAX, 1, EW_OK},
        {"ok", EW_MQTT_PAYLOAD_MAX + 1, 1, EW_E_TOO_LARGE},
        {"a/+/b", 2, 1, EW_E_INVALID},
        {"a/#", 2, 1, EW_E_INVALID},
        {"", 2, 1, EW_E_INVALID},
        {"/", 2, 1, EW_E_INVALID},
        {"\xff", 2, 1, EW_E_INVALID},
        {"ok", 2, 2, EW_E_INVALID},
    };
    char *payload = calloc(1, EW_MQTT_PAYLOAD_MAX + 1);
    assert_non_null(payload);
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum ew_err err = mq_publish(a.mq, cases[i].topic, payload, cases[i].len,
                                     (struct mq_publish_options){.qos = cases[i].qos});
        if (err != cases[i].err)
            fail_msg("case %zu: %s", i, ew_err_name(err));
    }
    free(payload);
    char topic[600];
    memset(topic, 'x', sizeof(topic));
    topic[sizeof(topic) - 1] = 0;
    assert_int_equal(mq_publish(a.mq, topic, "x", 1, (struct mq_publish_options){0}), EW_E_INVALID);
    flush(&a, &a);
    mq_free(a.mq);
}

// ---- Will -------------------------------------------------------------------------------------------------

// The child: connects with a will, says so on standard output, and waits to be killed.
static int run_with_will(int port)
{
    struct ew_loop *own = ew_loop_new();
    struct mq_options options = {.host = "127.0.0.1",
                                 .port = port,
                                 .user = "mortal",
                                 .password = "x",
                                 .base = BASE,
                                 .will_topic = "service/mortal/status",
                                 .will_payload = "{\"online\":false}"};
    struct mq *mq = mq_new(own, &options);
    while (!mq_connected(mq))
        ew_loop_turn(own, 100);
    if (write(STDOUT_FILENO, "c", 1) != 1)
        return 1;
    return ew_loop_run(own);
}

static void the_will_is_published_when_a_process_is_killed(void **state)
{
    (void)state;
    struct client b;
    connect_client(&b, "b");
    mq_subscribe(b.mq, "service/+/status", 1, on_message, &b);
    flush(&b, &b);
    int out[2];
    assert_int_equal(pipe(out), 0);
    char port[16];
    snprintf(port, sizeof(port), "%d", broker.port);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        execl("/proc/self/exe", "test_mqtt", "--with-will", port, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    char c;
    assert_int_equal(read(out[0], &c, 1), 1); // it is connected
    close(out[0]);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    wait_messages(&b, 1);
    assert_string_equal(b.log[0].topic, "service/mortal/status");
    assert_string_equal(b.log[0].payload, "{\"online\":false}");
    struct client late;
    connect_client(&late, "late");
    mq_subscribe(late.mq, "service/mortal/status", 1, on_message, &late);
    wait_messages(&late, 1);
    assert_true(late.log[0].retained); // for those who come later too
    assert_int_equal(mq_clear(late.mq, "service/mortal/status"), EW_OK);
    mq_free(b.mq);
    mq_free(late.mq);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--with-will") == 0)
        return run_with_will((int)strtol(argv[2], NULL, 10));
    setenv("CMOCKA_TEST_ABORT", "1", 0); // clients of a failed test would disturb the next ones
    ew_log_init("test", EW_LOG_NOTICE);
    if (argc == 2)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retained_topics_come_with_the_subscription),
        cmocka_unit_test(each_handler_sees_each_match_of_its_filter_once),
        cmocka_unit_test(stopping_hands_over_what_is_queued),
        cmocka_unit_test(what_waited_longer_than_it_is_valid_is_not_delivered),
        cmocka_unit_test(wrong_publishes_are_refused_here),
        cmocka_unit_test(the_will_is_published_when_a_process_is_killed),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
