// Reading proc(5), the mean of the last minute and how long it has been high.
#include "check.h"

#include "config/machine.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define REST "\ncpu0 1 2 3 4\nintr 5\n"

static void processor_time(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t busy, total;
    } cases[] = {
        {"cpu  100 20 30 1000 50 6 7 8 9 10" REST, true, 171, 1221}, // guest is part of user
        {"cpu  0 0 0 0 0 0 0 0 0 0" REST, true, 0, 0},
        {"cpu  1 2 3 4 5 6 7 8" REST, true, 27, 36},
        {"cpu  1 2 3 4 5 6 7" REST, false, 0, 0},
        {"cpu0 1 2 3 4 5 6 7 8\n", false, 0, 0},
        {"cpu  1 2 -3 4 5 6 7 8\n", false, 0, 0},
        {"cpu  1 2 x 4 5 6 7 8\n", false, 0, 0},
        {"cpu  99999999999999999999 2 3 4 5 6 7 8\n", false, 0, 0},
        {"", false, 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct machine_cpu cpu;
        assert_int_equal(machine_cpu_read(cases[i].text, &cpu), cases[i].good);
        if (cases[i].good) {
            assert_int_equal(cpu.busy, cases[i].busy);
            assert_int_equal(cpu.total, cases[i].total);
        }
    }
}

static void memory(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t total, available;
    } cases[] = {
        {"MemTotal:  1000 kB\nMemFree:  10 kB\nMemAvailable:   500 kB\n", true, 1024000, 512000},
        {"MemTotal:  1000 kB\nMemFree:  10 kB\n", false, 0, 0},
        {"MemTotal:  1000 MB\nMemAvailable:   500 kB\n", false, 0, 0},
        {"XMemTotal: 1 kB\nMemAvailable: 5 kB\n", false, 0, 0},
        {"MemTotal: 9223372036854775807 kB\nMemAvailable: 5 kB\n", false, 0, 0},
        {"", false, 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t total = 0, available = 0;
        assert_int_equal(machine_memory_read(cases[i].text, &total, &available), cases[i].good);
        if (cases[i].good) {
            assert_int_equal(total, cases[i].total);
            assert_int_equal(available, cases[i].available);
        }
    }
}

// Two processors at 100 ticks a second, `pct` busy, for `seconds`; time goes on in *now_ms.
static void run(struct machine *m, struct machine_cpu *cpu, int64_t *now_ms, int pct, int seconds)
{
    for (int s = 0; s < seconds; s += MACHINE_TICK_MS / 1000) {
        *now_ms += MACHINE_TICK_MS;
        cpu->total += MACHINE_TICK_MS / 1000 * 200;
        cpu->busy += MACHINE_TICK_MS / 1000 * 2 * pct;
        machine_add(m, cpu, *now_ms);
    }
}

static void the_mean_of_a_minute(void **state)
{
    (void)state;
    struct machine m = {0};
    struct machine_cpu cpu = {.busy = 5000, .total = 90000};
    int64_t now_ms = 1000;
    assert_true(isnan(machine_cpu_pct(&m)));
    machine_add(&m, &cpu, now_ms);
    assert_true(isnan(machine_cpu_pct(&m)));
    run(&m, &cpu, &now_ms, 50, 5);
    assert_float_equal(machine_cpu_pct(&m), 50, 1e-9);
    run(&m, &cpu, &now_ms, 20, 60); // the 50 % is forgotten
    assert_float_equal(machine_cpu_pct(&m), 20, 1e-9);
    run(&m, &cpu, &now_ms, 100, 30);
    assert_float_equal(machine_cpu_pct(&m), 60, 1e-9);
    run(&m, &cpu, &now_ms, 0, 600);
    assert_float_equal(machine_cpu_pct(&m), 0, 1e-9);
    cpu.busy -= 50; // the kernel's idle time went ahead
    run(&m, &cpu, &now_ms, 0, 5);
    assert_float_equal(machine_cpu_pct(&m), 0, 1e-9);
    machine_add(&m, NULL, now_ms);
    assert_true(isnan(machine_cpu_pct(&m)));
}

static void how_long_it_is_high(void **state)
{
    (void)state;
    struct machine m = {0};
    struct machine_cpu cpu = {0};
    int64_t now_ms = 1000;
    run(&m, &cpu, &now_ms, 80, 300); // 80 is not above 80
    assert_int_equal(machine_cpu_high_s(&m, now_ms), 0);
    run(&m, &cpu, &now_ms, 100, 5); // at once: the mean is 81.7
    assert_int_equal(machine_cpu_high_s(&m, now_ms), 0);
    run(&m, &cpu, &now_ms, 100, 600);
    assert_int_equal(machine_cpu_high_s(&m, now_ms), 600);
    run(&m, &cpu, &now_ms, 0, 5); // 11/12 of the minute are still busy
    assert_int_equal(machine_cpu_high_s(&m, now_ms), 605);
    run(&m, &cpu, &now_ms, 0, 15);
    assert_int_equal(machine_cpu_high_s(&m, now_ms), 0);
    run(&m, &cpu, &now_ms, 100, 60);
    assert_in_range(machine_cpu_high_s(&m, now_ms), 1, 60);
    machine_add(&m, NULL, now_ms);
    assert_int_equal(machine_cpu_high_s(&m, now_ms), 0);
}

static void this_machine(void **state)
{
    (void)state;
    struct machine m = {0};
    struct ew_buf text;
    struct ew_jw w;
    ew_buf_init(&text, 4096);
    ew_jw_init(&w, &text);
    machine_tick(&m, 5000);
    ew_jw_open_object(&w, NULL);
    machine_write(&m, "/", 5000, &w);
    ew_jw_close_object(&w);
    cJSON *tree = cJSON_Parse(ew_buf_text(&text));
    const cJSON *machine = cJSON_GetObjectItemCaseSensitive(tree, "machine");
    assert_non_null(machine);
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(machine, "up_s")->valuedouble, 5);
    assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(machine, "cpu_pct")));
    static const char *const sizes[] = {"memory_total_bytes", "memory_free_bytes", "disk_total_bytes"};
    for (size_t i = 0; i < COUNT(sizes); i++)
        assert_true(cJSON_GetObjectItemCaseSensitive(machine, sizes[i])->valuedouble > 1 << 20);
    assert_true(cJSON_GetObjectItemCaseSensitive(machine, "cpus")->valuedouble >= 1);
    assert_true(m.count == 1 && m.samples[0].busy > 0 && m.samples[0].busy < m.samples[0].total);
    cJSON_Delete(tree);
    ew_buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processor_time),       cmocka_unit_test(memory),
        cmocka_unit_test(the_mean_of_a_minute), cmocka_unit_test(how_long_it_is_high),
        cmocka_unit_test(this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
