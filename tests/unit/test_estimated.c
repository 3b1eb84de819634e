// REC-02, REC-03: a device without a counter. Its energy comes of its power, and whoever reads it, in the
// store or in the CSV files, sees that.
#include "store_bench.h"

#include "base/buf.h"
#include "core/history/counter.h"
#include "recorder/csv_tree.h"
#include "recorder/estimate.h"
#include "recorder/past.h"
#include "recorder/sampler.h"
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP_S = 10, POWER_W = 3600, GAP_MAX_MS = 60000 };
static const int64_t begin_s = 1772359200; // 2026-03-01T10:00:00Z
static const struct calendar_zone zone = {.count = 1, .transitions = {{INT64_MIN, 3600}}};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static int teardown(void **state)
{
    static const char *const folders[] = {"export", "export.spare"};
    const struct bench *b = *state;
    for (size_t i = 0; i < COUNT(folders); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", b->folder, folders[i]);
        (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    return bench_teardown(state);
}

static void on_event(void *user, const struct ew_reason *event)
{
    (void)user;
    fail_msg("%s: %s", event->code, event->text);
}

static struct sampler *start(const struct bench *b)
{
    struct ew_reason reason;
    struct sampler *sampler = sampler_new(b->store, "boot-1", begin_s - 86400, on_event, NULL);
    sampler_configure(sampler, &zone, 10);
    assert_int_equal(sampler_load(sampler, &reason), EW_OK);
    return sampler;
}

// 40 minutes of 1 Wh a second; the recorder is killed after 20, the device is silent for 10 after 21.
static struct sampler *pass(const struct bench *b)
{
    struct ew_reason reason;
    struct sampler *sampler = start(b);
    const struct history_place place = {.circuit = 0};
    struct sampler_now now = {.wall_s = begin_s, .up_ms = 100000, .synchronised = true};
    sampler_member(sampler, 7, &place, &now);
    for (int s = 0; s <= 2400; s += STEP_S) {
        if (s == 1210) {
            sampler_free(sampler);
            sampler = start(b);
        }
        assert_int_equal(sampler_tick(sampler, &now, &reason), EW_OK);
        if (s <= 1260 || s >= 1860)
            sampler_power(sampler, 7, POWER_W, GAP_MAX_MS, now.up_ms, &now);
        now.wall_s += STEP_S;
        now.up_ms += STEP_S * 1000;
    }
    return sampler;
}

static void add_value(void *user, int64_t series, const struct history_value *value)
{
    (void)series;
    assert_true(value->has_value);
    ew_buf_printf(user, "%lld %lld %u\n", (long long)(value->start_s - begin_s) / 60,
                  (long long)value->value_th / 1000, value->flags);
}

static void expect_file(const struct bench *b, const char *name, const char *expected)
{
    char path[160], text[1000];
    (void)snprintf(path, sizeof(path), "%s/export/%s", b->folder, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = 0;
    (void)fclose(f);
    assert_string_equal(text, expected);
}

static void write_files(const struct bench *b)
{
    struct ew_reason reason;
    atomic_bool cancel;
    atomic_int per_mille;
    atomic_init(&cancel, false);
    atomic_init(&per_mille, 0);
    cJSON *site =
        cJSON_Parse("{\"device\":[{\"id\":7,\"bus\":1,\"unit\":1,\"name\":\"Oven\",\"profile\":\"x\"}]}");
    assert_non_null(site);
    const struct csv_tree tree = {.data_dir = b->folder,
                                  .site = site,
                                  .zone = &zone,
                                  .options = {',', ';'},
                                  .from_s = begin_s,
                                  .until_s = begin_s + 2400,
                                  .cancel = &cancel,
                                  .per_mille = &per_mille};
    if (csv_tree_write(&tree, &reason) != EW_OK)
        fail_msg("%s: %s", reason.path, reason.text);
    cJSON_Delete(site);
}

// A slot that a recorder began and another, after it was killed, ends. The file lies in run/.
static int64_t killed_in_between(const struct bench *b, const char *boot, int dead_s)
{
    struct ew_reason reason;
    struct sampler *sampler = start(b);
    const struct history_place place = {.circuit = 0};
    struct sampler_now now = {.wall_s = begin_s + 86400, .up_ms = 100000000, .synchronised = true};
    sampler_member(sampler, 7, &place, &now);
    for (int s = 0; s <= 1200; s += STEP_S) {
        if (s == 900) { // in the middle of the second slot
            estimate_save(sampler, b->folder);
            sampler_free(sampler);
            sampler = sampler_new(b->store, boot, begin_s - 86400, on_event, NULL);
            sampler_configure(sampler, &zone, 10);
            assert_int_equal(sampler_load(sampler, &reason), EW_OK);
            estimate_load(sampler, b->folder);
        }
        assert_int_equal(sampler_tick(sampler, &now, &reason), EW_OK);
        if (s < 900 || s >= 900 + dead_s)
            sampler_power(sampler, 7, POWER_W, GAP_MAX_MS, now.up_ms, &now);
        now.wall_s += STEP_S;
        now.up_ms += STEP_S * 1000;
    }
    struct ew_buf rows;
    struct sampler_series series;
    ew_buf_init(&rows, 1000);
    assert_true(sampler_series_find(sampler, 7, "active_energy_import", &series));
    assert_int_equal(past_read(sampler, &series.id, 1, true, begin_s + 86400 + 600, begin_s + 86400 + 1200,
                               add_value, &rows, &reason),
                     EW_OK);
    char *value, *end; // of "minute value"
    (void)strtoll(ew_buf_text(&rows), &value, 10);
    const int64_t wh = strtoll(value, &end, 10);
    assert_true(end > value);
    ew_buf_done(&rows);
    sampler_free(sampler);
    return wh;
}

static void expect_slot(const struct bench *b, const char *boot, int dead_s, int64_t wh)
{
    char run[128], path[160];
    (void)snprintf(run, sizeof(run), "%s/run", b->folder);
    (void)snprintf(path, sizeof(path), "%s/estimates.json", run);
    assert_int_equal(mkdir(run, 0700), 0);
    assert_int_equal(killed_in_between(b, boot, dead_s), wh);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(run), 0);
}

// As with a counter, nothing is missing of the slot that a killed recorder had begun.
static void what_was_integrated_outlives_a_recorder(void **state)
{
    expect_slot(*state, "boot-1", 0, 600);
}

// Of a gap that is too long to be drawn a line through, only that is missing.
static void a_long_gap_costs_the_gap(void **state)
{
    expect_slot(*state, "boot-1", 100, 490);
}

static void another_boot_has_another_clock(void **state)
{
    expect_slot(*state, "boot-2", 0, 590);
}

static void energy_of_power_alone_is_marked(void **state)
{
    const struct bench *b = *state;
    struct ew_buf rows;
    struct ew_reason reason;
    struct sampler_series series;
    struct sampler *sampler = pass(b);
    ew_buf_init(&rows, 1000);
    assert_true(sampler_series_find(sampler, 7, "active_energy_import", &series));
    assert_int_equal(
        past_read(sampler, &series.id, 1, true, begin_s, begin_s + 3600, add_value, &rows, &reason), EW_OK);
    // The first reading counts nothing; the running slot of the life before is lost where no file of it
    // (estimate.h) is there. Nor is there anything where the device was silent.
    assert_int_equal(HISTORY_ESTIMATED, 4);
    assert_string_equal(ew_buf_text(&rows), "0 590 4\n10 600 4\n20 50 4\n30 530 4\n");
    ew_buf_done(&rows);
    write_files(b);
    static const char lines[] = "2026-03-01 11:00:00;+01:00;590;estimated\n"
                                "2026-03-01 11:10:00;+01:00;600;estimated\n"
                                "2026-03-01 11:20:00;+01:00;50;estimated\n"
                                "2026-03-01 11:30:00;+01:00;530;estimated\n";
    char text[400];
    (void)snprintf(text, sizeof(text), "time;utc_offset;active_energy_import [Wh];flags\n%s", lines);
    expect_file(b, "devices/7/7_energies_2026-03.csv", text);
    (void)snprintf(text, sizeof(text), "time;utc_offset;7 Oven [Wh];flags\n%s", lines);
    expect_file(b, "energy/devices_2026-03_1.csv", text);
    sampler_free(sampler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(energy_of_power_alone_is_marked, bench_setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_integrated_outlives_a_recorder, bench_setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_gap_costs_the_gap, bench_setup, teardown),
        cmocka_unit_test_setup_teardown(another_boot_has_another_clock, bench_setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
