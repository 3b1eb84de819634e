// The MQTT adapter while the broker is killed, paused, flooded, or says no.
#include "mqtt_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// ---- The broker misbehaves --------------------------------------------------------------------------------

static void everything_comes_back_after_the_broker_was_killed(void **state)
{
    (void)state;
    struct server s;
    struct client a, watcher;
    struct outcome lost, refused, again;
    server_init(&s);
    client_init(&a, "a");
    snprintf(a.retain_at_connect, sizeof(a.retain_at_connect), "device/1/status");
    assert_true(wait_for(is_up, &a, PATIENCE_MS));
    connect_client(&watcher, "watcher");
    mq_subscribe(watcher.mq, "device/+/status", 1, on_message, &watcher);
    wait_messages(&watcher, 1);
    call(&a, "calc", "keep", "{}", &lost);
    flush(&a, &s.client);
    broker_kill(&broker);
    assert_true(wait_for(is_down, &a, PATIENCE_MS));
    assert_true(wait_for(is_down, &s.client, PATIENCE_MS));
    assert_true(wait_for(is_down, &watcher, PATIENCE_MS));
    assert_int_equal(lost.calls, 1);
    assert_int_equal(lost.err, EW_E_CLOSED);
    assert_int_equal(mq_publish(a.mq, "x", "x", 1, (struct mq_publish_options){.qos = 1}), EW_E_CLOSED);
    call_and_wait(&a, "calc", "double", "{}", &refused);
    assert_int_equal(refused.err, EW_E_CLOSED);
    answer_number(s.kept[0], 1); // nobody there to hear it
    watcher.messages = 0;
    broker_start(&broker);
    assert_true(wait_for(is_up, &a, PATIENCE_MS));
    assert_true(wait_for(is_up, &s.client, PATIENCE_MS));
    assert_true(wait_for(is_up, &watcher, PATIENCE_MS));
    wait_messages(&watcher, 1); // published again by its owner, subscribed again by the adapter
    assert_string_equal(watcher.log[0].topic, "device/1/status");
    assert_string_equal(watcher.log[0].payload, "{\"n\":2}");
    flush(&s.client, &s.client); // its subscription is back
    call_and_wait(&a, "calc", "double", "{\"n\":4}", &again);
    assert_int_equal(again.err, EW_OK);
    assert_int_equal(lost.calls, 1);
    assert_int_equal(a.downs, 1);
    assert_int_equal(a.ups, 2);
    mq_free(a.mq);
    mq_free(watcher.mq);
    mq_free(s.client.mq);
}

static void nothing_queued_survives_the_loss_of_the_connection(void **state)
{
    (void)state;
    struct client a, watcher;
    connect_client(&a, "a");
    broker_pause(&broker, true);
    static char block[65536];
    for (int i = 0; i < 200; i++) // far more than the sockets take
        assert_int_equal(
            mq_publish(a.mq, "stale", block, sizeof(block), (struct mq_publish_options){.qos = 1}), EW_OK);
    broker_kill(&broker);
    broker_start(&broker);
    connect_client(&watcher, "watcher");
    mq_subscribe(watcher.mq, "stale", 1, on_message, &watcher);
    flush(&watcher, &watcher);
    assert_true(wait_for(is_up, &a, PATIENCE_MS));
    flush(&a, &watcher);
    assert_int_equal(a.downs, 1);
    assert_int_equal(watcher.messages, 0);
    mq_free(a.mq);
    mq_free(watcher.mq);
}

static void a_client_that_starts_first_waits_for_the_broker(void **state)
{
    (void)state;
    struct client a;
    broker_kill(&broker);
    client_init(&a, "a");
    (void)wait_for(is_up, &a, 1500);
    assert_false(mq_connected(a.mq));
    assert_true(a.mq->attempts >= 2);
    assert_int_equal(a.downs, 0); // it never had a connection to lose
    int old_port = broker.port;
    broker_done(&broker);
    broker_init(&broker, NULL);
    assert_int_not_equal(broker.port, old_port);
    broker_start(&broker);
    mq_set_broker(a.mq, "127.0.0.1", broker.port, "y");
    assert_true(wait_for(is_up, &a, PATIENCE_MS));
    mq_free(a.mq);
}

static void an_orderly_end_of_the_broker_is_a_loss_too(void **state)
{
    (void)state;
    struct client a;
    connect_client(&a, "a");
    broker_stop(&broker);
    assert_true(wait_for(is_down, &a, PATIENCE_MS));
    broker_start(&broker);
    assert_true(wait_for(is_up, &a, PATIENCE_MS));
    assert_int_equal(a.downs, 1);
    mq_free(a.mq);
}

// A broker of a few bytes: takes one client, and can say DISCONNECT without closing.
struct little_broker {
    int listener, client, port;
};

static void on_little_client(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    (void)now_ms;
    struct little_broker *b = user;
    unsigned char packet[512];
    ssize_t n = recv(fd, packet, sizeof(packet), 0);
    if (n <= 0) {
        ew_loop_remove_fd(loop, fd);
        close(fd);
        b->client = -1;
    } else if (packet[0] == 0x10) {
        static const unsigned char connack[] = {0x20, 3, 0, 0, 0}; // success, no properties
        assert_int_equal(send(fd, connack, sizeof(connack), 0), sizeof(connack));
    }
}

static void on_little_listener(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    (void)now_ms;
    struct little_broker *b = user;
    b->client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(b->client >= 0);
    ew_loop_add_fd(loop, b->client, EPOLLIN, on_little_client, b);
}

static void a_goodbye_of_the_broker_is_a_loss(void **state)
{
    (void)state;
    struct client a;
    struct little_broker b = {.client = -1, .port = broker_free_port()};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)b.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    b.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(b.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(b.listener, 4), 0);
    ew_loop_add_fd(loop, b.listener, EPOLLIN, on_little_listener, &b);
    client_init(&a, "a");
    mq_set_broker(a.mq, "127.0.0.1", b.port, "x");
    assert_true(wait_for(is_up, &a, PATIENCE_MS));
    static const unsigned char disconnect[] = {0xE0, 1, 0x98}; // administrative action
    assert_int_equal(send(b.client, disconnect, sizeof(disconnect), 0), sizeof(disconnect));
    assert_true(wait_for(is_down, &a, PATIENCE_MS));
    assert_string_equal(a.last_loss, "Administrative action");
    assert_true(wait_for(is_up, &a, PATIENCE_MS));
    mq_free(a.mq);
    if (b.client >= 0) {
        ew_loop_remove_fd(loop, b.client);
        close(b.client);
    }
    ew_loop_remove_fd(loop, b.listener);
    close(b.listener);
}

static void a_client_whose_name_is_taken_comes_back_later(void **state)
{
    (void)state;
    struct client a, other;
    connect_client(&a, "a");
    mq_subscribe(a.mq, "x", 1, on_message, &a);
    client_init(&other, "a");
    assert_true(wait_for(is_down, &a, PATIENCE_MS));
    mq_free(other.mq);
    assert_true(wait_for(is_up, &a, PATIENCE_MS));
    publish_text(&a, "x", "x", (struct mq_publish_options){.qos = 1});
    wait_messages(&a, 1);
    mq_free(a.mq);
}

static void the_outbox_has_a_ceiling(void **state)
{
    (void)state;
    struct client a;
    static char block[EW_MQTT_PAYLOAD_MAX];
    connect_client(&a, "a");
    broker_pause(&broker, true);
    int taken = 0;
    enum ew_err err = EW_OK;
    while (err == EW_OK && taken <= MQ_OUTBOX_MAX) {
        err = mq_publish(a.mq, "x", "x", 1, (struct mq_publish_options){.qos = 1});
        taken += err == EW_OK;
    }
    broker_pause(&broker, false);
    assert_int_equal(err, EW_E_FULL);
    assert_int_equal(taken, MQ_OUTBOX_MAX);
    flush(&a, &a); // works on: first everything, then this
    broker_pause(&broker, true);
    for (taken = 0, err = EW_OK; err == EW_OK && taken < 100; taken += err == EW_OK)
        err = mq_publish(a.mq, "x", block, sizeof(block), (struct mq_publish_options){.qos = 1});
    broker_pause(&broker, false);
    assert_int_equal(err, EW_E_FULL);
    int most = MQ_OUTBOX_BYTES_MAX / EW_MQTT_PAYLOAD_MAX; // one less while the flush is not acknowledged
    assert_in_range(taken, most - 1, most);
    flush(&a, &a);
    mq_free(a.mq);
}

static bool has_overflowed(struct client *c)
{
    pthread_mutex_lock(&c->mq->inbox.lock);
    bool overflowed = c->mq->inbox.overflowed;
    pthread_mutex_unlock(&c->mq->inbox.lock);
    return overflowed;
}

static void a_flooded_client_begins_anew_and_gets_the_kept_topics_again(void **state)
{
    (void)state;
    struct client flooder, b;
    connect_client(&flooder, "a");
    publish_text(&flooder, "device/1/status", "kept", (struct mq_publish_options){.qos = 1, .retain = true});
    connect_client(&b, "b");
    mq_subscribe(b.mq, "device/#", 0, on_message, &b);
    wait_messages(&b, 1);
    // The loop stands still while the messages come; Paho's threads go on.
    int64_t until_ms = ew_clock_up_ms() + PATIENCE_MS;
    struct timespec moment = {0, 1000000};
    for (int sent = 0; sent < MQ_INBOX_MAX + 8192 && ew_clock_up_ms() < until_ms;) {
        if (mq_publish(flooder.mq, "device/1/x", "x", 1, (struct mq_publish_options){0}) == EW_OK)
            sent++;
        else
            nanosleep(&moment, NULL);
    }
    while (!has_overflowed(&b) && ew_clock_up_ms() < until_ms)
        nanosleep(&moment, NULL);
    b.messages = 0;
    assert_true(wait_for(is_down, &b, PATIENCE_MS));
    assert_true(wait_for(is_up, &b, PATIENCE_MS));
    flush(&b, &b);
    bool kept_again = false;
    for (int m = 0; m < b.messages && m < LOG_MAX; m++)
        kept_again |= b.log[m].retained && strcmp(b.log[m].payload, "kept") == 0;
    assert_true(kept_again);
    assert_int_equal(b.downs, 1);
    assert_int_equal(mq_clear(flooder.mq, "device/1/status"), EW_OK);
    flush(&flooder, &flooder);
    mq_free(flooder.mq);
    mq_free(b.mq);
}

// ---- Rights and sizes: a broker with both -----------------------------------------------------------------

static const char limits[] = "message_size_limit 1048576\nmax_packet_size 1114112\nacl_file ";

static void start_limited_broker(void)
{
    char config[256], path[96];
    broker_done(&broker);
    broker_init(&broker, NULL);
    snprintf(path, sizeof(path), "%s/acl", broker.folder);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs("user a\ntopic readwrite #\nuser b\ntopic readwrite #\n"
          "user calc\ntopic readwrite #\n"
          "user poor\ntopic write " BASE "/call/poor/calc/double\ntopic read " BASE "/reply/poor/#\n",
          f);
    assert_int_equal(fclose(f), 0);
    snprintf(config, sizeof(config), "%s/mosquitto.conf", broker.folder);
    f = fopen(config, "ae");
    assert_non_null(f);
    fprintf(f, "%s%s\n", limits, path);
    assert_int_equal(fclose(f), 0);
    broker_start(&broker);
}

static void ten_megabytes_are_refused_and_the_others_feel_nothing(void **state)
{
    (void)state;
    start_limited_broker();
    struct client a, b;
    connect_client(&a, "a");
    connect_client(&b, "b");
    mq_subscribe(b.mq, "big", 1, on_message, &b);
    flush(&b, &b);
    enum { TEN_MB = 10 << 20 };
    char *payload = calloc(1, TEN_MB);
    assert_non_null(payload);
    assert_int_equal(mq_publish(a.mq, "big", payload, TEN_MB, (struct mq_publish_options){.qos = 1}),
                     EW_E_TOO_LARGE);
    struct mq_outgoing out = {.topic = BASE "/big", .payload = payload, .len = TEN_MB, .options = {.qos = 1}};
    assert_int_equal(mq_session_send(a.mq->session, &out), EW_OK); // past our own check
    assert_true(wait_for(is_down, &a, PATIENCE_MS));
    assert_true(wait_for(is_up, &a, PATIENCE_MS));
    assert_int_equal(
        mq_publish(a.mq, "big", payload, EW_MQTT_PAYLOAD_MAX, (struct mq_publish_options){.qos = 1}),
        EW_OK); // the largest that is allowed
    wait_messages(&b, 1);
    free(payload);
    flush(&a, &b);
    assert_int_equal(b.messages, 1);
    assert_int_equal(b.downs, 0);
    mq_free(a.mq);
    mq_free(b.mq);
}

static void what_the_broker_refuses_is_told_at_once(void **state)
{
    (void)state;
    start_limited_broker();
    struct server s;
    struct client poor;
    struct outcome o;
    server_init(&s);
    connect_client(&poor, "poor");
    call_and_wait(&poor, "calc", "double", "{\"n\":3}", &o);
    assert_int_equal(o.err, EW_OK);
    int64_t begin_ms = ew_clock_up_ms();
    call_and_wait(&poor, "calc", "refuse", "{}", &o);
    assert_int_equal(o.err, EW_E_DENIED);
    assert_string_equal(o.code, "call.denied");
    assert_string_equal(o.text, "calc/refuse: Not authorized");
    assert_true(ew_clock_up_ms() - begin_ms < 2500); // not the time-out
    publish_text(&poor, "device/1/setpoint", "x", (struct mq_publish_options){.qos = 1});
    mq_subscribe(poor.mq, "config/#", 1, on_message, &poor);
    call_and_wait(&poor, "calc", "double", "{\"n\":3}", &o); // refusals do not harm the connection
    assert_int_equal(o.err, EW_OK);
    assert_int_equal(poor.downs, 0);
    mq_free(poor.mq);
    mq_free(s.client.mq);
}

int main(int argc, char **argv)
{
    setenv("CMOCKA_TEST_ABORT", "1", 0); // clients of a failed test would disturb the next ones
    ew_log_init("test", EW_LOG_NOTICE);
    if (argc == 2)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back_after_the_broker_was_killed),
        cmocka_unit_test(nothing_queued_survives_the_loss_of_the_connection),
        cmocka_unit_test(a_client_that_starts_first_waits_for_the_broker),
        cmocka_unit_test(a_goodbye_of_the_broker_is_a_loss),
        cmocka_unit_test(an_orderly_end_of_the_broker_is_a_loss_too),
        cmocka_unit_test(a_client_whose_name_is_taken_comes_back_later),
        cmocka_unit_test(the_outbox_has_a_ceiling),
        cmocka_unit_test(a_flooded_client_begins_anew_and_gets_the_kept_topics_again),
        cmocka_unit_test(ten_megabytes_are_refused_and_the_others_feel_nothing),
        cmocka_unit_test(what_the_broker_refuses_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
