// RPT-01: where a report ends: tables of 2 GB, a disk that fills. It says so, and nothing is left of it.
#include "store_bench.h"
#include "written.h"

#include "base/file.h"
#include "recorder/report.h"
#include <dirent.h>
#include <string.h>

enum { DAYS = 3, SLOT_S = 600, PATHS = 128 };
static const int64_t from_s = 1772323200; // 2026-03-01T00:00:00Z

// A device, each 10 minutes of three days.
static void write_history(struct bench *b)
{
    assert_int_equal(
        sqlite3_exec(store_db(b->store),
                     "INSERT INTO series VALUES (1, 7, 'active_energy_import', 1);"
                     "INSERT INTO membership (device, since, circuit, panel, excluded, service, zones) "
                     "VALUES (7, 0, 0, 0, 0, 0, '')",
                     NULL, NULL, NULL),
        SQLITE_OK);
    const struct written one = {.series = 1, .counter = true, .value = 100};
    for (int64_t at_s = from_s; at_s < from_s + (int64_t)DAYS * 86400; at_s += SLOT_S)
        assert_true(written_slot(b->store, at_s, SLOT_S, &one, 1));
}

static int files_in(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

// What came of it; *ret_left: files in the folder where it is made.
static enum ew_err make(const struct bench *b, const struct report_limits *limits, int *ret_left,
                        struct ew_reason *reason)
{
    static struct report report;
    static const struct calendar_zone zone = {.count = 1, .transitions = {{INT64_MIN, 0}}};
    atomic_bool cancel;
    atomic_int per_mille;
    char spare[PATHS], path[PATHS + 16];
    atomic_init(&cancel, false);
    atomic_init(&per_mille, 0);
    cJSON *site = cJSON_Parse("{\"device\":[{\"id\":7,\"name\":\"Oven\",\"profile\":\"x\"}]}");
    assert_non_null(site);
    report = (struct report){.from_s = from_s, .to_s = from_s + (int64_t)DAYS * 86400};
    const struct csv_tree tree = {.data_dir = b->folder,
                                  .site = site,
                                  .zone = &zone,
                                  .options = {',', ';'},
                                  .from_s = INT64_MIN,
                                  .until_s = report.to_s,
                                  .cancel = &cancel,
                                  .per_mille = &per_mille};
    assert_int_equal(ew_format(spare, sizeof(spare), "%s/export.spare", b->folder), EW_OK);
    assert_int_equal(ew_format(path, sizeof(path), "%s/report.zip", spare), EW_OK);
    ew_reason_clear(reason);
    enum ew_err err = report_write(&report, limits, &tree, path, reason);
    *ret_left = files_in(spare);
    (void)unlink(path);
    assert_int_equal(rmdir(spare), 0);
    cJSON_Delete(site);
    return err;
}

static void it_ends_where_tables_do(void **state)
{
    struct bench *b = *state;
    struct ew_reason reason;
    int left;
    write_history(b);
    const struct report_limits usual = {.tables_bytes_max = report_limits.tables_bytes_max};
    assert_int_equal(make(b, &usual, &left, &reason), EW_OK);
    assert_int_equal(left, 1); // the archive
    // A line is 33 bytes: the second day is too much.
    const struct report_limits small = {.tables_bytes_max = 8000};
    assert_int_equal(make(b, &small, &left, &reason), EW_E_TOO_LARGE);
    assert_string_equal(reason.code, "report.too_large");
    assert_non_null(strstr(reason.text, "choose a shorter time"));
    assert_int_equal(left, 0);
}

static void it_leaves_room_on_the_disk(void **state)
{
    struct bench *b = *state;
    struct ew_reason reason;
    int left;
    write_history(b);
    const struct report_limits never = {.tables_bytes_max = report_limits.tables_bytes_max,
                                        .free_bytes_min = INT64_MAX / 2};
    assert_int_equal(make(b, &never, &left, &reason), EW_E_FULL);
    assert_string_equal(reason.code, "report.disk");
    assert_non_null(strstr(reason.text, "too little room on the disk"));
    assert_int_equal(left, 0);
}

static void the_ceilings_are_exact(void **state)
{
    (void)state;
    static const int64_t gb = 1000000000, mib = 1 << 20;
    static const struct {
        int64_t tables, room;
        const char *code;
    } cases[] = {{0, 256 * mib, ""},
                 {0, 256 * mib - 1, "report.disk"},
                 {400 * mib, 356 * mib, ""}, // a quarter of the tables: the archive
                 {400 * mib, 356 * mib - 1, "report.disk"},
                 {2 * gb, INT64_MAX, ""},
                 {2 * gb + 1, INT64_MAX, "report.too_large"},
                 {2 * gb + 1, 0, "report.too_large"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ew_reason reason;
        ew_reason_clear(&reason);
        enum ew_err err = report_room(&report_limits, cases[i].tables, cases[i].room, &reason);
        assert_int_equal(err == EW_OK, cases[i].code[0] == 0);
        assert_string_equal(reason.code, cases[i].code);
        if (err == EW_E_TOO_LARGE)
            assert_non_null(strstr(reason.text, "larger than 2 GB"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_ends_where_tables_do, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(it_leaves_room_on_the_disk, bench_setup, bench_teardown),
        cmocka_unit_test(the_ceilings_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
