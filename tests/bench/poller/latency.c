// From a register's change to the MQTT message that tells it: real poller, real broker, ten devices. The
// promise is the poll interval + 10 ms for 99 of 100 changes.
//
//     bench_poller_latency EDGEWATT [SAMPLES]
#include "base/clock.h"
#include "base/file.h"
#include "base/loop.h"
#include "broker.h"
#include "mqtt/mq.h"
#include "slave.h"
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEVICES = 10, POLL_MS = 100, PROMISE_MS = POLL_MS + 10, SAMPLES_MAX = 100000 };

extern char **environ;

struct device {
    struct bench *bench;
    struct slave *slave;
    struct ew_timer timer;
    int value; // last given to the register
    int64_t changed_us;
    bool seen;
};

struct bench {
    struct ew_loop *loop;
    struct mq *mq;
    struct device devices[DEVICES];
    int64_t taken_us[SAMPLES_MAX];
    int count, wanted;
    unsigned random;
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

static void put(struct device *d, float value)
{
    uint32_t raw;
    memcpy(&raw, &value, sizeof(raw));
    // One register says it all: whole numbers up to 100 have a low word of 0.
    slave_set_register(d->slave, 3027, (uint16_t)(raw >> 16));
}

static int random_below(struct bench *b, int limit)
{
    b->random = b->random * 1103515245u + 12345u;
    return (int)(b->random >> 16) % limit;
}

static void on_change(struct ew_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct device *d = timer->user;
    d->value = d->value % 100 + 1;
    d->seen = false;
    d->changed_us = ew_clock_up_us();
    put(d, (float)d->value);
}

static void on_message(void *user, const struct mq_message *message, int64_t now_ms)
{
    struct bench *b = user;
    int64_t at = ew_clock_up_us();
    int id = (int)strtol(strchr(message->topic, '/') + 1, NULL, 10);
    const char *value = message->payload_len ? strstr(message->payload, "\"voltage_l1_n\":") : NULL;
    if (!value || id < 1 || id > DEVICES)
        return;
    struct device *d = &b->devices[id - 1];
    if (d->seen || d->changed_us == 0 || strtol(strchr(value, ':') + 1, NULL, 10) != d->value ||
        b->count >= b->wanted)
        return;
    d->seen = true;
    b->taken_us[b->count++] = at - d->changed_us;
    // The next change comes at any moment of the poller's period.
    ew_loop_timer_set(b->loop, &d->timer, now_ms + 20 + random_below(b, POLL_MS));
}

static pid_t start_poller(const char *program, const char *folder, int port)
{
    char path[256], text[256];
    snprintf(path, sizeof(path), "%s/run", folder);
    must(mkdir(path, 0700) == 0, "mkdir");
    snprintf(path, sizeof(path), "%s/secrets", folder);
    must(mkdir(path, 0700) == 0, "mkdir");
    snprintf(path, sizeof(path), "%s/run/broker.json", folder);
    snprintf(text, sizeof(text), "{\"host\":\"127.0.0.1\",\"port\":%d,\"base\":\"edgewatt/bench\"}", port);
    must(ew_file_write(path, text, strlen(text), 0600, NULL) == EW_OK, path);
    snprintf(path, sizeof(path), "%s/secrets/poller.json", folder);
    snprintf(text, sizeof(text), "{\"user\":\"poller\",\"password\":\"p\"}");
    must(ew_file_write(path, text, strlen(text), 0600, NULL) == EW_OK, path);
    char name[256], data[256];
    snprintf(name, sizeof(name), "%s", program);
    snprintf(data, sizeof(data), "%s", folder);
    char *args[] = {name, (char[]){"poller"}, (char[]){"--data"}, data, NULL};
    pid_t pid;
    must(posix_spawn(&pid, name, NULL, NULL, args, environ) == 0, "starting the poller");
    return pid;
}

static void configure(struct bench *b)
{
    struct ew_buf text;
    ew_buf_init(&text, 1024);
    for (int i = 0; i < DEVICES; i++) {
        struct device *d = &b->devices[i];
        char topic[64];
        d->bench = b;
        d->slave = slave_new(SLAVE_TCP);
        d->timer = (struct ew_timer){.fn = on_change, .user = d};
        for (int a = 2999; a < 3300; a++)
            slave_set_register(d->slave, a, 0);
        ew_buf_clear(&text);
        ew_buf_printf(&text,
                      "{\"id\":%d,\"name\":\"b%d\",\"type\":\"tcp\",\"address\":\"127.0.0.1\",\"port\":%d,"
                      "\"poll_ms\":%d}",
                      i + 1, i + 1, slave_port(d->slave), POLL_MS);
        snprintf(topic, sizeof(topic), "config/bus/%d", i + 1);
        must(mq_retain(b->mq, topic, &text) == EW_OK, topic);
        ew_buf_clear(&text);
        ew_buf_printf(&text,
                      "{\"id\":%d,\"bus\":%d,\"name\":\"d%d\",\"unit\":1,\"profile\":\"schneider-iem3155\"}",
                      i + 1, i + 1, i + 1);
        snprintf(topic, sizeof(topic), "config/device/%d", i + 1);
        must(mq_retain(b->mq, topic, &text) == EW_OK, topic);
    }
    ew_buf_done(&text);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static double at_share(const struct bench *b, double share)
{
    return (double)b->taken_us[(int)((double)(b->count - 1) * share)] / 1000;
}

int main(int argc, char **argv)
{
    static struct bench b;
    must(argc >= 2, "usage: bench_poller_latency EDGEWATT [SAMPLES]; that");
    b.wanted = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 2000;
    must(b.wanted >= 1000 && b.wanted <= SAMPLES_MAX, "1000 to 100000 samples; that");
    struct broker broker;
    broker_init(&broker, NULL);
    broker_start(&broker);
    char folder[] = "/tmp/edgewatt-bench.XXXXXX";
    must(mkdtemp(folder) != NULL, "mkdtemp");
    b.loop = ew_loop_new();
    struct mq_options mo = {
        .host = "127.0.0.1", .port = broker.port, .user = "bench", .base = "edgewatt/bench"};
    b.mq = mq_new(b.loop, &mo);
    mq_subscribe(b.mq, "device/+/measures/instant", 0, on_message, &b);
    while (!mq_connected(b.mq))
        ew_loop_turn(b.loop, 100);
    configure(&b);
    pid_t poller = start_poller(argv[1], folder, broker.port);
    int64_t begin = ew_clock_up_ms();
    for (int i = 0; i < DEVICES; i++)
        ew_loop_timer_set(b.loop, &b.devices[i].timer, begin + 1500 + 13 * i);
    while (b.count < b.wanted && ew_clock_up_ms() < begin + 600000)
        ew_loop_turn(b.loop, 1000);
    kill(poller, SIGTERM);
    waitpid(poller, NULL, 0);
    must(b.count == b.wanted, "getting all samples in 10 minutes");
    qsort(b.taken_us, (size_t)b.count, sizeof(b.taken_us[0]), by_size);
    printf("ms at 50, 90, 95, 98, 99, 99.9 %%: %.1f %.1f %.1f %.1f %.1f %.1f\n", at_share(&b, 0.5),
           at_share(&b, 0.9), at_share(&b, 0.95), at_share(&b, 0.98), at_share(&b, 0.99),
           at_share(&b, 0.999));
    printf("%d changes, poll interval %d ms: median %.1f ms, p99 %.1f ms, longest %.1f ms (promised: p99 <= "
           "%d ms)\n",
           b.count, POLL_MS, at_share(&b, 0.5), at_share(&b, 0.99), at_share(&b, 1), PROMISE_MS);
    mq_free(b.mq);
    ew_loop_free(b.loop);
    for (int i = 0; i < DEVICES; i++)
        slave_free(b.devices[i].slave);
    broker_done(&broker);
    return at_share(&b, 0.99) <= PROMISE_MS ? 0 : 1;
}
