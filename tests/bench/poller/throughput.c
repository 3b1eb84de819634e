// How much of a bare libmodbus loop's speed is left when a bus thread reads, decodes and queues 40-register
// blocks at full speed while the process publishes that device's group once a second. Same server, same run,
// best of 5.
#include "base/clock.h"
#include "base/loop.h"
#include "broker.h"
#include "mqtt/mq.h"
#include "poller/intake.h"
#include "poller/worker.h"
#include <errno.h>
#include <modbus/modbus.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REGISTERS = 40, ROUND_MS = 3000, ROUNDS = 5 };

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, modbus_strerror(errno));
    exit(1);
}

// ---- The server: libmodbus's own, in a process of its own

static void serve(modbus_t *server, int listener)
{
    modbus_mapping_t *map = modbus_mapping_new(0, 0, REGISTERS, 0);
    for (int i = 0; i < REGISTERS; i++)
        map->tab_registers[i] = (uint16_t)(i % 2 ? 0x1000 + i : 0x4366);
    for (;;) {
        if (modbus_tcp_accept(server, &listener) < 0)
            die("accept");
        uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
        for (int n; (n = modbus_receive(server, query)) >= 0;)
            if (modbus_reply(server, query, n, map) < 0)
                break;
        modbus_close(server);
    }
}

static pid_t start_server(int port)
{
    modbus_t *server = modbus_new_tcp("127.0.0.1", port);
    int listener = modbus_tcp_listen(server, 4);
    if (listener < 0)
        die("listen");
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(server, listener);
    }
    close(listener);
    modbus_free(server);
    return pid;
}

// ---- The bare loop

static double bare(int port)
{
    modbus_t *client = modbus_new_tcp("127.0.0.1", port);
    uint16_t registers[REGISTERS];
    int64_t reads = 0, begin = ew_clock_up_us(), end = begin + ROUND_MS * INT64_C(1000);
    modbus_set_slave(client, 1);
    if (modbus_connect(client) != 0)
        die("connect");
    for (; ew_clock_up_us() < end; reads++)
        if (modbus_read_registers(client, 0, REGISTERS, registers) != REGISTERS)
            die("read");
    double rate = (double)reads * 1e6 / (double)(ew_clock_up_us() - begin);
    modbus_close(client);
    modbus_free(client);
    return rate;
}

// ---- Ours

struct ours {
    struct ew_loop *loop;
    struct intake intake;
    struct mq *mq;
    struct ew_timer publish, stop;
    struct result *latest;
    int64_t results_taken;
    int published;
    bool ended, over;
};

static void take(void *user, struct result *r)
{
    struct ours *o = user;
    o->ended |= r->kind == RESULT_ENDED;
    if (r->kind != RESULT_PASS) {
        result_free(r);
        return;
    }
    o->results_taken++;
    result_free(o->latest);
    o->latest = r;
}

static void on_publish(struct ew_timer *timer, int64_t now_ms)
{
    struct ours *o = timer->user;
    ew_loop_timer_set(o->loop, timer, now_ms + 1000);
    if (!o->latest)
        return;
    struct ew_buf buf;
    struct ew_jw w;
    ew_buf_init(&buf, 1 << 16);
    ew_jw_init(&w, &buf);
    ew_jw_open_object(&w, NULL);
    ew_jw_rfc3339(&w, "ts", o->latest->wall_ms);
    ew_jw_int(&w, "up_ms", o->latest->up_ms);
    ew_jw_open_object(&w, "values");
    for (int i = 0; i < o->latest->value_count; i++) {
        const struct poll_value *v = &o->latest->values[i];
        ew_jw_float(&w, o->latest->recipe->profile->registers[v->index].quantity, (float)v->number);
    }
    ew_jw_close_object(&w);
    ew_jw_close_object(&w);
    if (mq_retain(o->mq, "device/1/measures/instant", &buf) == EW_OK)
        o->published++;
    ew_buf_done(&buf);
}

static void on_stop(struct ew_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct ours *o = timer->user;
    o->over = true;
}

static struct recipe *recipe_of(int port, struct shelf *shelf, struct site_bus *bus)
{
    struct site_device device = {.id = 1, .bus = 1, .unit = 1, .on = true, .profile = "bench"};
    struct ew_reason reason;
    *bus =
        (struct site_bus){.id = 1, .type = SITE_BUS_TCP, .port = port, .address = "127.0.0.1", .poll_ms = 0};
    bus->serial.timeout_ms = 1000;
    struct recipe *recipe = recipe_new(&device, bus, shelf, &reason);
    if (!recipe) {
        fprintf(stderr, "%s\n", reason.text);
        exit(1);
    }
    return recipe;
}

static double ours(int port, struct shelf *shelf, struct ew_loop *loop, struct mq *mq, int *ret_published)
{
    struct ours o = {.loop = loop, .mq = mq};
    struct site_bus bus;
    struct recipe *recipe = recipe_of(port, shelf, &bus);
    intake_init(&o.intake, loop, 4096, take, &o);
    o.publish = (struct ew_timer){.fn = on_publish, .user = &o};
    o.stop = (struct ew_timer){.fn = on_stop, .user = &o};
    struct worker_options wo = {
        .bus = 1, .number = 1, .line = recipe_line_options(&bus), .results = o.intake.queue};
    struct worker *worker = worker_new(&wo);
    if (worker_give(worker, &recipe, 1) != EW_OK)
        exit(1);
    int64_t begin = ew_clock_up_us(), now = ew_clock_up_ms();
    ew_loop_timer_set(loop, &o.publish, now + 500);
    ew_loop_timer_set(loop, &o.stop, now + ROUND_MS);
    while (!o.over)
        ew_loop_turn(loop, -1);
    double rate = (double)o.results_taken * 1e6 / (double)(ew_clock_up_us() - begin);
    worker_stop(worker);
    while (!o.ended)
        ew_loop_turn(loop, 100);
    worker_free(worker);
    ew_loop_timer_clear(loop, &o.publish);
    result_free(o.latest);
    recipe_release(recipe);
    intake_done(&o.intake);
    *ret_published += o.published;
    return rate;
}

static struct shelf *bench_profile(void)
{
    struct library *library;
    struct ew_reason reason;
    if (library_load(EDGEWATT_SOURCE_DIR "/tests/bench/poller", NULL, NULL, NULL, &library, &reason) !=
        EW_OK) {
        fprintf(stderr, "%s\n", reason.text);
        exit(1);
    }
    return shelf_new(library);
}

int main(void)
{
    int port = broker_free_port();
    pid_t server = start_server(port);
    struct broker broker;
    broker_init(&broker, NULL);
    broker_start(&broker);
    struct ew_loop *loop = ew_loop_new();
    struct mq_options mo = {
        .host = "127.0.0.1", .port = broker.port, .user = "bench", .base = "edgewatt/bench"};
    struct mq *mq = mq_new(loop, &mo);
    while (!mq_connected(mq))
        ew_loop_turn(loop, 100);
    struct shelf *shelf = bench_profile();
    double best_bare = 0, best_ours = 0;
    int published = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double b = bare(port), o = ours(port, shelf, loop, mq, &published);
        printf("round %d: bare %.0f reads/s, bus thread %.0f reads/s\n", i + 1, b, o);
        best_bare = b > best_bare ? b : best_bare;
        best_ours = o > best_ours ? o : best_ours;
    }
    printf("best of %d: bare %.0f, bus thread %.0f reads/s of %d registers, %d messages published: %.1f %%\n",
           ROUNDS, best_bare, best_ours, REGISTERS, published, 100 * best_ours / best_bare);
    shelf_release(shelf);
    mq_free(mq);
    ew_loop_free(loop);
    broker_done(&broker);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return best_ours / best_bare >= 0.8 ? 0 : 1;
}
