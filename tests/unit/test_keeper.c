// What the keeper of the history does on a real database: what is too old goes a day at a time, a budget
// takes only what was measured, and the backup is whole.
#include "check.h"

#include "base/buf.h"
#include "recorder/checker.h"
#include "recorder/keeper.h"
#include "recorder/rescue.h"
#include "store/samefile.h"
#include "written.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIGRATIONS EDGEWATT_SOURCE_DIR "/gateway/recorder/migrations"

enum { TODAY = 22000, NOW_S = TODAY * 86400 + 3 * 3600 };

static const struct calendar_zone utc = {.count = 1, .transitions = {{INT64_MIN, 0}}};

struct bench {
    char folder[64];
    struct store *store;
    struct sampler *sampler;
    struct keeper *keeper;
};

static void ignore_event(void *user, const struct ew_reason *event)
{
    (void)user;
    (void)event;
}

static void name(const struct bench *b, const char *file, char path[128])
{
    assert_int_equal(ew_format(path, 128, "%s/%s", b->folder, file), EW_OK);
}

static void open_bench(struct bench *b)
{
    char path[128];
    struct ew_reason reason = {0};
    const struct written slot[] = {{1, true, 5}};
    *b = (struct bench){.folder = "/tmp/edgewatt-keeper-XXXXXX"};
    assert_non_null(mkdtemp(b->folder));
    name(b, "history.db", path);
    assert_int_equal(store_open(path, MIGRATIONS, &b->store, &reason), EW_OK);
    assert_int_equal(sqlite3_exec(store_db(b->store),
                                  "INSERT INTO series VALUES (1, 7, 'active_energy_import', 1)", NULL, NULL,
                                  NULL),
                     SQLITE_OK);
    assert_true(written_slot(b->store, NOW_S - 600, 600, slot, 1));
    b->sampler = sampler_new(b->store, "boot", 0, ignore_event, NULL);
    assert_int_equal(sampler_load(b->sampler, &reason), EW_OK);
    b->keeper = keeper_new(b->store, b->sampler, b->folder);
}

static void close_bench(struct bench *b)
{
    static const char *const files[] = {"history.db",
                                        "history.db-wal",
                                        "history.db-shm",
                                        "history.db.damaged",
                                        "backup/history.db",
                                        "backup/history.db.new",
                                        "backup/history.db-wal",
                                        "backup/history.db-shm",
                                        "backup",
                                        "history.db.damaged-wal",
                                        "history.db.damaged-shm"};
    char path[128];
    keeper_free(b->keeper);
    sampler_free(b->sampler);
    store_close(b->store);
    for (size_t i = 0; i < COUNT(files); i++) {
        name(b, files[i], path);
        if (unlink(path) != 0)
            (void)rmdir(path);
    }
    assert_int_equal(rmdir(b->folder), 0);
}

static void add_days(struct bench *b, const char *table, int oldest, int newest, int bytes)
{
    char sql[256];
    assert_int_equal(
        ew_format(sql, sizeof(sql),
                  "WITH RECURSIVE d(n) AS (SELECT %d UNION ALL SELECT n - 1 FROM d WHERE n > %d) "
                  "INSERT INTO %s SELECT ((%d - n) << 20) + s, randomblob(%d) FROM d, (SELECT 1 AS s "
                  "UNION SELECT 2)",
                  oldest, newest, table, TODAY, bytes),
        EW_OK);
    assert_int_equal(sqlite3_exec(store_db(b->store), sql, NULL, NULL, NULL), SQLITE_OK);
}

// Age in days of the oldest row.
static int oldest(struct bench *b, const char *table)
{
    char sql[128];
    sqlite3_stmt *q = NULL;
    assert_int_equal(ew_format(sql, sizeof(sql), "SELECT %d - (min(key) >> 20) FROM %s", TODAY, table),
                     EW_OK);
    assert_int_equal(sqlite3_prepare_v2(store_db(b->store), sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    int age = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return age;
}

static void tick(struct bench *b, int times)
{
    struct ew_reason reason = {0};
    for (int i = 0; i < times; i++)
        if (keeper_tick(b->keeper, &utc, NOW_S, &reason) != EW_OK)
            fail_msg("%s", reason.text);
}

static void what_is_too_old_goes_a_day_at_a_time(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b);
    add_days(&b, "counter_day", 3660, 3640, 10);
    add_days(&b, "gauge_day", 400, 390, 10);
    tick(&b, 1);
    assert_int_equal(oldest(&b, "gauge_day"), 399);
    tick(&b, 30);
    assert_int_equal(oldest(&b, "gauge_day"), 396);    // 13 months
    assert_int_equal(oldest(&b, "counter_day"), 3653); // ten years
    close_bench(&b);
}

static void a_budget_takes_only_what_was_measured_and_not_the_last_month(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b);
    add_days(&b, "counter_day", 1000, 1, 400);
    add_days(&b, "gauge_day", 300, 1, 1500); // 1.2 MB
    keeper_budget(b.keeper, 1700000);
    tick(&b, 400);
    int kept = oldest(&b, "gauge_day");
    assert_true(kept < 300 && kept > 31);
    assert_int_equal(oldest(&b, "counter_day"), 1000);
    keeper_free(b.keeper);
    b.keeper = keeper_new(b.store, b.sampler, b.folder);
    keeper_budget(b.keeper, 1000);
    tick(&b, 400);
    assert_int_equal(oldest(&b, "gauge_day"), 31);
    assert_int_equal(oldest(&b, "counter_day"), 1000);
    close_bench(&b);
}

static void expect_state(const struct bench *b, const char *expected)
{
    struct ew_buf json;
    struct ew_jw w;
    ew_buf_init(&json, 2000);
    ew_jw_init(&w, &json);
    ew_jw_open_object(&w, NULL);
    keeper_health(b->keeper, &w);
    ew_jw_close_object(&w);
    cJSON *tree = cJSON_Parse(ew_buf_text(&json));
    const cJSON *backup = cJSON_GetObjectItem(tree, "backup");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(backup, "state")), expected);
    cJSON_Delete(tree);
    ew_buf_done(&json);
}

static void the_backup_is_whole_and_takes_the_place_of_a_damaged_history(void **state)
{
    (void)state;
    struct bench b;
    char path[128], backup[128];
    open_bench(&b);
    name(&b, "history.db", path);
    name(&b, "backup/history.db", backup);
    add_days(&b, "counter_day", 1000, 1, 3000); // several ticks' worth of pages
    expect_state(&b, "none");
    tick(&b, 3);
    expect_state(&b, "running");
    assert_int_not_equal(access(backup, F_OK), 0); // not there before it is whole
    assert_int_equal(
        sqlite3_exec(store_db(b.store), "INSERT INTO series VALUES (2, 8, 'volume', 1)", NULL, NULL, NULL),
        SQLITE_OK); // written meanwhile: it is in the copy too
    tick(&b, 30);
    expect_state(&b, "done");
    keeper_free(b.keeper);
    sampler_free(b.sampler);
    store_close(b.store);
    assert_int_equal(truncate(path, 20000), 0);
    struct ew_reason event = {0}, reason = {0};
    assert_int_equal(rescue_open(b.folder, MIGRATIONS, &b.store, &event, &reason), EW_OK);
    assert_string_equal(event.code, "history.restored");
    b.sampler = sampler_new(b.store, "boot", 0, ignore_event, NULL);
    assert_int_equal(sampler_load(b.sampler, &reason), EW_OK);
    struct sampler_series series;
    assert_true(sampler_series_find(b.sampler, 8, "volume", &series));
    b.keeper = keeper_new(b.store, b.sampler, b.folder);
    assert_int_equal(oldest(&b, "counter_day"), 1000);
    close_bench(&b);
}

// A night's backup to its end; what it wrote.
static int64_t night(struct bench *b, int days)
{
    struct ew_reason reason = {0};
    int64_t before = samefile_written();
    for (int i = 0; i < 40; i++)
        if (keeper_tick(b->keeper, &utc, NOW_S + days * 86400, &reason) != EW_OK)
            fail_msg("%s", reason.text);
    expect_state(b, "done");
    return samefile_written() - before;
}

static void expect_same(struct bench *b, int rows)
{
    char path[128];
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    name(b, "backup/history.db", path);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(q, 0), "ok");
    sqlite3_finalize(q);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM counter_day", -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(q, 0), rows);
    sqlite3_finalize(q);
    sqlite3_close(db);
}

static void a_night_costs_the_disk_what_has_changed(void **state)
{
    (void)state;
    struct bench b;
    char part[128];
    open_bench(&b);
    name(&b, "backup/history.db.new", part);
    add_days(&b, "counter_day", 1000, 1, 3000); // 8 MB
    int64_t whole = night(&b, 0);
    assert_true(whole > 6000000);
    add_days(&b, "counter_day", -1, -1, 3000);
    assert_true(night(&b, 1) > 6000000); // the second copy
    for (int days = 2; days < 6; days++) {
        add_days(&b, "counter_day", -days, -days, 3000);
        assert_in_range(night(&b, days), 1, whole / 50);
        expect_same(&b, 2 * (1000 + days));
    }
    // It shrinks, too.
    assert_int_equal(
        sqlite3_exec(store_db(b.store), "DELETE FROM counter_day WHERE rowid % 2; VACUUM", NULL, NULL, NULL),
        SQLITE_OK);
    (void)night(&b, 6);
    expect_same(&b, 1005);
    // The older copy was cut off in the middle, is no database, is gone: it is made anew.
    assert_int_equal(truncate(part, 100000), 0);
    (void)night(&b, 7);
    expect_same(&b, 1005);
    assert_int_equal(truncate(part, 0), 0);
    FILE *file = fopen(part, "we");
    assert_non_null(file);
    for (int i = 0; i < 10000; i++)
        assert_int_not_equal(fputs("no database ", file), EOF);
    assert_int_equal(fclose(file), 0);
    (void)night(&b, 8);
    expect_same(&b, 1005);
    assert_int_equal(unlink(part), 0);
    (void)night(&b, 9);
    expect_same(&b, 1005);
    close_bench(&b);
}

static void damage_found_while_it_runs_is_put_beside_at_the_next_start(void **state)
{
    (void)state;
    struct bench b;
    char path[128];
    open_bench(&b);
    name(&b, "history.db", path);
    add_days(&b, "counter_day", 1000, 1, 3000);
    assert_int_equal(sqlite3_exec(store_db(b.store), "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
                     SQLITE_OK);
    for (int round = 0; round < 2; round++) {
        struct checker *checker = checker_start(path);
        while (checker_verdict(checker) == CHECKER_RUNNING)
            (void)usleep(1000);
        assert_int_equal(checker_verdict(checker), round ? CHECKER_DAMAGED : CHECKER_WHOLE);
        assert_int_equal(checker_finding(checker)[0] != 0, round);
        checker_free(checker);
        FILE *file = fopen(path, "r+be");
        assert_non_null(file);
        for (long at = 8192; at < 2000000; at += 8192) {
            assert_int_equal(fseek(file, at, SEEK_SET), 0);
            assert_int_equal(fwrite("damage damage damage", 20, 1, file), 1);
        }
        assert_int_equal(fclose(file), 0);
    }
    checker_free(checker_start(path)); // broken off at once
    rescue_mark(b.folder);
    keeper_free(b.keeper);
    sampler_free(b.sampler);
    store_close(b.store);
    struct ew_reason event = {0}, reason = {0};
    assert_int_equal(rescue_open(b.folder, MIGRATIONS, &b.store, &event, &reason), EW_OK);
    assert_string_equal(event.code, "history.begun_anew");
    b.sampler = sampler_new(b.store, "boot", 0, ignore_event, NULL);
    b.keeper = keeper_new(b.store, b.sampler, b.folder);
    close_bench(&b);
}

static void a_backup_that_cant_be_made_says_why(void **state)
{
    (void)state;
    struct bench b;
    char path[128];
    open_bench(&b);
    name(&b, "backup", path);
    assert_int_equal(symlink("/proc/self/nowhere", path), 0);
    struct ew_reason reason = {0};
    tick(&b, 1);
    assert_int_equal(keeper_tick(b.keeper, &utc, NOW_S, &reason), EW_E_IO);
    assert_string_equal(reason.code, "backup.failed");
    expect_state(&b, "failed");
    assert_int_equal(keeper_tick(b.keeper, &utc, NOW_S + 60, &reason), EW_OK); // not again at once
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_too_old_goes_a_day_at_a_time),
        cmocka_unit_test(a_budget_takes_only_what_was_measured_and_not_the_last_month),
        cmocka_unit_test(the_backup_is_whole_and_takes_the_place_of_a_damaged_history),
        cmocka_unit_test(a_night_costs_the_disk_what_has_changed),
        cmocka_unit_test(damage_found_while_it_runs_is_put_beside_at_the_next_start),
        cmocka_unit_test(a_backup_that_cant_be_made_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
