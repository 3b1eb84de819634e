// The Modbus line against a slave that misbehaves: each fault has its own reason, and the answer of an
// earlier request is never taken for the next.
#include "check.h"

#include "base/clock.h"
#include "modbus/line.h"
#include "slave.h"
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct mb_line *line_at(const struct slave *slave, enum mb_kind kind, int speed_baud)
{
    struct mb_options o = {
        .kind = kind, .speed_baud = speed_baud, .parity = 'E', .stop_bits = 1, .connect_ms = 2000};
    if (kind == MB_RTU) {
        snprintf(o.address, sizeof(o.address), "%s", slave_path(slave));
    } else {
        snprintf(o.address, sizeof(o.address), "127.0.0.1");
        o.port = slave_port(slave);
    }
    return mb_line_new(&o);
}

static struct mb_line *line_to(const struct slave *slave, enum mb_kind kind)
{
    return line_at(slave, kind, 921600);
}

static const enum slave_kind slave_kinds[] = {
    [MB_TCP] = SLAVE_TCP, [MB_RTU] = SLAVE_RTU, [MB_RTU_TCP] = SLAVE_RTU_TCP};

static void every_kind_of_line_reads(void **state)
{
    (void)state;
    for (enum mb_kind kind = MB_TCP; kind <= MB_RTU_TCP; kind++) {
        struct slave *slave = slave_new(slave_kinds[kind]);
        struct mb_line *line = line_to(slave, kind);
        static const struct {
            int fc, address, count;
        } cases[] = {{3, 0, 1}, {4, 1000, 125}, {3, 65535, 1}, {1, 7, 9}, {2, 1, 2000}, {3, 40000, 100}};
        for (size_t i = 0; i < COUNT(cases); i++) {
            uint16_t got[MB_READ_BITS_MAX];
            struct ew_reason reason = {0};
            struct mb_request rq = {5, cases[i].fc, cases[i].address, cases[i].count, 10000, 0, NULL};
            if (mb_line_ask(line, &rq, got, &reason) != EW_OK)
                fail_msg("kind %d case %zu: %s", kind, i, reason.text);
            for (int r = 0; r < cases[i].count; r++)
                assert_int_equal(got[r], (cases[i].address + r) & (cases[i].fc <= 2 ? 1 : 0xFFFF));
        }
        assert_int_equal(slave_connections(slave), kind == MB_RTU ? 0 : 1);
        mb_line_free(line);
        slave_free(slave);
    }
}

static void every_kind_of_line_writes(void **state)
{
    (void)state;
    for (enum mb_kind kind = MB_TCP; kind <= MB_RTU_TCP; kind++) {
        struct slave *slave = slave_new(slave_kinds[kind]);
        struct mb_line *line = line_to(slave, kind);
        static const struct {
            int fc, address, count;
        } cases[] = {{6, 40, 1},   {16, 50, 1}, {16, 1000, 123}, {5, 60, 1},
                     {15, 70, 19}, {5, 61, 1},  {6, 65535, 1},   {15, 0, 1968}};
        for (size_t i = 0; i < COUNT(cases); i++) {
            uint16_t words[MB_WRITE_BITS_MAX], got[MB_READ_BITS_MAX];
            bool bits = mb_is_bits(cases[i].fc);
            for (int w = 0; w < cases[i].count; w++)
                words[w] = (uint16_t)(bits ? (w + cases[i].address) % 3 == 0 : 50000 - w);
            struct ew_reason reason = {0};
            struct mb_request rq = {5, cases[i].fc, cases[i].address, cases[i].count, 10000, 0, words};
            if (mb_line_ask(line, &rq, NULL, &reason) != EW_OK)
                fail_msg("kind %d case %zu: %s", kind, i, reason.text);
            int at = 0; // read back in bites that fit
            for (int n; at < cases[i].count; at += n) {
                n = cases[i].count - at < 100 ? cases[i].count - at : 100;
                struct mb_request back = {5, bits ? 1 : 3, cases[i].address + at, n, 10000, 0, NULL};
                assert_int_equal(mb_line_ask(line, &back, got, &reason), EW_OK);
                assert_memory_equal(got, words + at, (size_t)n * sizeof(*got));
            }
        }
        mb_line_free(line);
        slave_free(slave);
    }
}

// A write that may have been carried out is not sent again by itself, and its late echo confirms nothing
// else.
static void a_write_is_never_repeated_by_itself(void **state)
{
    (void)state;
    for (enum mb_kind kind = MB_TCP; kind <= MB_RTU_TCP; kind++) {
        struct slave *slave = slave_new(slave_kinds[kind]);
        struct mb_line *line = line_to(slave, kind);
        struct ew_reason reason = {0};
        uint16_t words[1] = {1}, got[1];
        struct mb_request read = {5, 3, 40, 1, 10000, 0, NULL}, write = {5, 6, 40, 1, 10000, 0, words};
        assert_int_equal(mb_line_ask(line, &read, got, &reason), EW_OK);
        if (kind != MB_RTU) {
            slave_set_fault(slave, (struct slave_fault){.raw = "close"});
            int before = slave_requests(slave);
            assert_int_equal(mb_line_ask(line, &write, NULL, &reason), EW_E_CLOSED);
            assert_int_equal(slave_requests(slave), before + 1);
        }
        slave_set_fault(slave, (struct slave_fault){.delay_ms = 300});
        write.timeout_ms = 60;
        assert_int_equal(mb_line_ask(line, &write, NULL, &reason), EW_E_TIMEOUT);
        slave_set_fault(slave, (struct slave_fault){0});
        write.timeout_ms = 10000;
        words[0] = 2;
        if (mb_line_ask(line, &write, NULL, &reason) != EW_OK)
            fail_msg("kind %d: %s", kind, reason.text);
        assert_int_equal(mb_line_ask(line, &read, got, &reason), EW_OK);
        assert_int_equal(got[0], 2);
        slave_set_fault(slave, (struct slave_fault){.raw = kind == MB_TCP ? "TTTT 0000 0006 UU 06 0028 0009"
                                                                          : "UU 06 0028 0009 CC"});
        assert_int_equal(mb_line_ask(line, &write, NULL, &reason), EW_E_PROTOCOL);
        assert_string_equal(reason.code, "bus.wrong_echo");
        mb_line_free(line);
        slave_free(slave);
    }
}

static void each_fault_has_its_reason(void **state)
{
    (void)state;
    static const struct {
        enum mb_kind kind;
        const char *raw;
        enum ew_err err;
        const char *code, *text;
        int timeout_ms; // 0 = long: something comes, however busy the machine is
    } cases[] = {
        {MB_TCP, "", EW_E_TIMEOUT, "bus.timeout", "Unit 5 did not answer within 60 ms.", 60},
        {MB_TCP, "TTTT 0000 0005 UU 03 02 00", EW_E_TIMEOUT, "bus.cut_short",
         "Unit 5 began to answer but did not finish within 2000 ms.", 2000},
        {MB_TCP, "TTTT 0000 0003 UU 83 02", EW_E_EXCEPTION, "bus.exception",
         "Unit 5 refuses function 3 at address 16: exception 2, illegal data address.", 0},
        {MB_TCP, "TTTT 0000 0003 UU 83 63", EW_E_EXCEPTION, "bus.exception",
         "Unit 5 refuses function 3 at address 16: exception 99, unknown exception.", 0},
        {MB_TCP, "TTTT 0000 0003 UU 83 0B", EW_E_TIMEOUT, "bus.gateway_silent", NULL, 0},
        {MB_TCP, "TTTT 0000 0005 07 03 02 0010", EW_E_PROTOCOL, "bus.wrong_unit",
         "Unit 7 answered although unit 5 was asked. Do two devices have the same address?", 0},
        {MB_TCP, "FFFF 0000 0005 UU 03 02 0010", EW_E_PROTOCOL, "bus.wrong_transaction", NULL, 0},
        {MB_TCP, "TTTT 0001 0005 UU 03 02 0010", EW_E_PROTOCOL, "bus.garbage",
         "What came back from unit 5 is not Modbus.", 0},
        {MB_TCP, "48545450 2F31 2E31 20 343030", EW_E_PROTOCOL, "bus.garbage", NULL, 0},
        {MB_TCP, "TTTT 0000 0007 UU 03 04 0010 0011", EW_E_PROTOCOL, "bus.wrong_length",
         "Unit 5 answered with 4 bytes of data instead of 2.", 0},
        {MB_TCP, "TTTT 0000 0003 UU 03 00", EW_E_PROTOCOL, "bus.wrong_length", NULL, 0},
        {MB_TCP, "TTTT 0000 0009 UU 03 02 0010", EW_E_PROTOCOL, "bus.wrong_length",
         "Unit 5 announced 9 bytes and sent 5.", 0},
        {MB_TCP, "TTTT 0000 0005 UU 04 02 0010", EW_E_PROTOCOL, "bus.wrong_function", NULL, 0},
        {MB_TCP, "close", EW_E_CLOSED, "bus.closed", NULL, 0},
        {MB_RTU, "", EW_E_TIMEOUT, "bus.timeout", NULL, 60},
        {MB_RTU, "UU 03 02 00", EW_E_TIMEOUT, "bus.cut_short", NULL, 0},
        {MB_RTU, "UU 83 02 CC", EW_E_EXCEPTION, "bus.exception", NULL, 0},
        {MB_RTU, "UU 83 0A CC", EW_E_TIMEOUT, "bus.gateway_silent", NULL, 0},
        {MB_RTU, "UU 03 02 0010 0000", EW_E_PROTOCOL, "bus.bad_crc", NULL, 0},
        {MB_RTU, "07 03 02 0010 CC", EW_E_PROTOCOL, "bus.wrong_unit", NULL, 0},
        {MB_RTU, "07 03 02 0010 0000", EW_E_PROTOCOL, "bus.bad_crc", NULL, 0},
        {MB_RTU, "UU 03 04 0010 0011 CC", EW_E_PROTOCOL, "bus.wrong_length", NULL, 0},
        {MB_RTU, "UU 04 02 0010 CC", EW_E_PROTOCOL, "bus.wrong_function", NULL, 0},
        {MB_RTU_TCP, "close", EW_E_CLOSED, "bus.closed", NULL, 0},
        {MB_RTU_TCP, "UU 83 02 CC", EW_E_EXCEPTION, "bus.exception", NULL, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slave *slave = slave_new(slave_kinds[cases[i].kind]);
        struct mb_line *line = line_to(slave, cases[i].kind);
        struct mb_request rq = {5, 3, 16, 1, cases[i].timeout_ms ? cases[i].timeout_ms : 10000, 0, NULL};
        uint16_t got[1] = {0};
        struct ew_reason reason = {0};
        slave_set_fault(slave, (struct slave_fault){.raw = cases[i].raw});
        enum ew_err err = mb_line_ask(line, &rq, got, &reason);
        if (err != cases[i].err || strcmp(reason.code, cases[i].code) != 0)
            fail_msg("case %zu: %s %s: %s", i, ew_err_name(err), reason.code, reason.text);
        if (cases[i].text)
            assert_string_equal(reason.text, cases[i].text);
        slave_set_fault(slave, (struct slave_fault){0});
        rq.timeout_ms = 10000;
        if (mb_line_ask(line, &rq, got, &reason) != EW_OK || got[0] != 16)
            fail_msg("case %zu: not well again: %s", i, reason.text);
        mb_line_free(line);
        slave_free(slave);
    }
}

static enum ew_err read_checked(struct mb_line *line, const struct mb_request *rq, struct ew_reason *reason)
{
    uint16_t got[MB_READ_MAX];
    enum ew_err err = mb_line_ask(line, rq, got, reason);
    for (int r = 0; err == EW_OK && r < rq->count; r++)
        if (got[r] != rq->address + r)
            fail_msg("%d registers from %d: register %d of an earlier request", rq->count, rq->address,
                     got[r]);
    return err;
}

// The slave answers a request after the line has given up, for every length a request can have: what is read
// afterwards is always what was asked for.
static void late_answers_are_never_taken_for_the_next(void **state)
{
    (void)state;
    for (enum mb_kind kind = MB_TCP; kind <= MB_RTU_TCP; kind++) {
        struct slave *slave = slave_new(slave_kinds[kind]);
        struct mb_line *line = line_to(slave, kind);
        for (int count = 1; count <= MB_READ_MAX; count++) {
            struct ew_reason reason = {0};
            struct mb_request rq = {5, 3, 1000 + count, count, 3, 0, NULL};
            enum ew_err err = EW_OK;
            // A busy machine may look too late to see the answer missing: then the answer comes later still.
            for (int delay_ms = 15; err == EW_OK && delay_ms < 2000; delay_ms *= 2) {
                slave_set_fault(slave, (struct slave_fault){.delay_ms = delay_ms});
                err = read_checked(line, &rq, &reason);
            }
            if (err != EW_E_TIMEOUT)
                fail_msg("kind %d: %d registers were never late: %s", kind, count, reason.text);
            slave_set_fault(slave, (struct slave_fault){0});
            rq.timeout_ms = 10000;
            for (rq.address = 2000 + count; rq.address < 4000; rq.address += 1000)
                if (read_checked(line, &rq, &reason) != EW_OK)
                    fail_msg("kind %d: %d registers: %s", kind, count, reason.text);
        }
        mb_line_free(line);
        slave_free(slave);
    }
}

static void an_idle_connection_closed_by_the_device_is_no_error(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        enum mb_kind kind = i ? MB_RTU_TCP : MB_TCP;
        struct slave *slave = slave_new(slave_kinds[kind]);
        struct mb_line *line = line_to(slave, kind);
        struct mb_request rq = {1, 3, 77, 2, 10000, 0, NULL};
        uint16_t got[2];
        struct ew_reason reason = {0};
        for (int round = 0; round < 20; round++) {
            if (mb_line_ask(line, &rq, got, &reason) != EW_OK)
                fail_msg("round %d: %s", round, reason.text);
            slave_drop(slave);
        }
        mb_line_free(line);
        slave_free(slave);
    }
}

static void bytes_may_trickle_in(void **state)
{
    (void)state;
    for (enum mb_kind kind = MB_TCP; kind <= MB_RTU_TCP; kind++) {
        struct slave *slave = slave_new(slave_kinds[kind]);
        // A frame that has begun must end as its line is fast: 45 bytes in half a second here.
        struct mb_line *line = line_at(slave, kind, 1200);
        struct mb_request rq = {1, 3, 300, 20, 10000, 0, NULL};
        uint16_t got[20];
        struct ew_reason reason = {0};
        slave_set_fault(slave, (struct slave_fault){.bytewise = true});
        if (mb_line_ask(line, &rq, got, &reason) != EW_OK || got[19] != 319)
            fail_msg("kind %d: %s", kind, reason.text);
        mb_line_free(line);
        slave_free(slave);
    }
}

struct waiter {
    struct mb_line *line;
    struct mb_request rq;
    enum ew_err err;
    char code[EW_CODE_MAX];
};

static void *wait_in_read(void *user)
{
    struct waiter *w = user;
    uint16_t got[MB_READ_MAX];
    struct ew_reason reason = {0};
    w->err = mb_line_ask(w->line, &w->rq, got, &reason);
    snprintf(w->code, sizeof(w->code), "%s", reason.code);
    return NULL;
}

static void a_blocked_read_is_interrupted(void **state)
{
    (void)state;
    static const char *const faults[] = {"", "TTTT 0000"}; // before and in the middle of an answer
    for (enum mb_kind kind = MB_TCP; kind <= MB_RTU_TCP; kind++) {
        for (size_t i = 0; i < COUNT(faults); i++) {
            struct slave *slave = slave_new(slave_kinds[kind]);
            slave_set_fault(slave, (struct slave_fault){.raw = faults[i]});
            struct waiter w = {.line = line_to(slave, kind), .rq = {1, 3, 0, 10, 10000, 0}};
            pthread_t thread;
            assert_int_equal(pthread_create(&thread, NULL, wait_in_read, &w), 0);
            while (slave_requests(slave) == 0)
                usleep(1000);
            usleep(20000);
            int64_t start = ew_clock_up_ms();
            mb_line_interrupt(w.line);
            pthread_join(thread, NULL);
            assert_true(ew_clock_up_ms() - start < 5000); // half of the time-out
            struct ew_reason reason = {0};
            uint16_t got[MB_READ_MAX];
            assert_int_equal(mb_line_ask(w.line, &w.rq, got, &reason), EW_E_CLOSED);
            assert_string_equal(reason.code, "bus.interrupted");
            if (kind != MB_RTU || i == 0)
                assert_string_equal(w.code, "bus.interrupted");
            mb_line_free(w.line);
            slave_free(slave);
        }
    }
}

// A listener that takes no more connections: its queue of one is full. Returns the port.
static int deaf_port(int fds[3])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    for (int i = 0; i < 3; i++)
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fds[0], (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fds[0], 0), 0);
    assert_int_equal(getsockname(fds[0], (struct sockaddr *)&a, &len), 0);
    for (int i = 1; i < 3; i++)
        (void)connect(fds[i], (struct sockaddr *)&a, sizeof(a));
    return ntohs(a.sin_port);
}

static void the_way_to_the_device_has_its_reasons(void **state)
{
    (void)state;
    int deaf[3];
    struct slave *slave = slave_new(SLAVE_TCP);
    int dead_port = slave_port(slave);
    slave_free(slave);
    const struct {
        struct mb_options options;
        const char *code, *or_code;
    } cases[] = {
        {{.kind = MB_TCP, .address = "127.0.0.1", .port = dead_port, .connect_ms = 1000},
         "bus.refused",
         NULL},
        {{.kind = MB_TCP, .address = "nobody.invalid", .port = 502, .connect_ms = 200},
         "bus.host_unknown",
         "bus.name_timeout"},
        {{.kind = MB_TCP, .address = "0.0.0.0.0", .port = 502, .connect_ms = 200},
         "bus.host_unknown",
         "bus.name_timeout"},
        {{.kind = MB_TCP, .address = "127.0.0.1", .port = deaf_port(deaf), .connect_ms = 100},
         "bus.connect_timeout",
         NULL},
        {{.kind = MB_RTU, .address = "/dev/no-such-port", .speed_baud = 9600, .parity = 'N', .stop_bits = 1},
         "bus.port_missing",
         NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mb_line *line = mb_line_new(&cases[i].options);
        struct ew_reason reason = {0};
        int64_t start = ew_clock_up_ms();
        assert_int_not_equal(mb_line_open(line, &reason), EW_OK);
        if (strcmp(reason.code, cases[i].code) != 0 &&
            (!cases[i].or_code || strcmp(reason.code, cases[i].or_code) != 0))
            fail_msg("case %zu: %s: %s", i, reason.code, reason.text);
        assert_true(mb_line_is_down(line));
        assert_true(ew_clock_up_ms() - start < 10000); // the kernel's own patience is two minutes
        mb_line_free(line);
    }
    for (int i = 0; i < 3; i++)
        close(deaf[i]);
}

static void impossible_requests_are_refused(void **state)
{
    (void)state;
    static const uint16_t one[1] = {1};
    static const struct mb_request cases[] = {
        {-1, 3, 0, 1, 100, 0, NULL},    {256, 3, 0, 1, 100, 0, NULL}, {1, 0, 0, 1, 100, 0, NULL},
        {1, 7, 0, 1, 100, 0, NULL},     {1, 3, -1, 1, 100, 0, NULL},  {1, 3, 65536, 1, 100, 0, NULL},
        {1, 3, 0, 0, 100, 0, NULL},     {1, 3, 0, 126, 100, 0, NULL}, {1, 1, 0, 2001, 100, 0, NULL},
        {1, 3, 65535, 2, 100, 0, NULL}, {1, 6, 0, 1, 100, 0, NULL},   {1, 3, 0, 1, 100, 0, one},
        {1, 6, 0, 2, 100, 0, one},      {1, 16, 0, 124, 100, 0, one}, {1, 15, 0, 1969, 100, 0, one},
        {1, 16, 65535, 2, 100, 0, one}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ew_reason reason = {0};
        assert_int_equal(mb_request_check(&cases[i], &reason), EW_E_INVALID);
        assert_string_equal(reason.code, "bus.request");
    }
}

static void gaps_are_kept(void **state)
{
    (void)state;
    struct slave *slave = slave_new(SLAVE_TCP);
    struct mb_line *line = line_to(slave, MB_TCP);
    struct mb_request rq = {1, 3, 0, 1, 10000, 20, NULL};
    uint16_t got[1];
    assert_int_equal(mb_line_ask(line, &rq, got, NULL), EW_OK);
    int64_t start = ew_clock_up_us();
    for (int i = 0; i < 10; i++)
        assert_int_equal(mb_line_ask(line, &rq, got, NULL), EW_OK);
    assert_true(ew_clock_up_us() - start >= 200000);
    mb_line_free(line);
    slave_free(slave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_line_reads),
        cmocka_unit_test(every_kind_of_line_writes),
        cmocka_unit_test(a_write_is_never_repeated_by_itself),
        cmocka_unit_test(each_fault_has_its_reason),
        cmocka_unit_test(late_answers_are_never_taken_for_the_next),
        cmocka_unit_test(an_idle_connection_closed_by_the_device_is_no_error),
        cmocka_unit_test(bytes_may_trickle_in),
        cmocka_unit_test(a_blocked_read_is_interrupted),
        cmocka_unit_test(the_way_to_the_device_has_its_reasons),
        cmocka_unit_test(impossible_requests_are_refused),
        cmocka_unit_test(gaps_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
