// The database tidied up in the background: smaller, sound, nothing lost; broken off without harm.
#include "check.h"

#include "base/file.h"
#include "recorder/optimise.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROWS = 40000, PATIENCE_STEPS = 6000 };

static const char schema[] =
    "CREATE TABLE sample (slot INTEGER PRIMARY KEY, value INTEGER CHECK (value >= 0));"
    "CREATE INDEX by_value ON sample (value);";
static char folder[64], path[128], migrations[128], table[160];
static struct store *store;

static int setup(void **state)
{
    (void)state;
    struct ew_reason reason;
    ew_copy(folder, sizeof(folder), "/tmp/edgewatt-test-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    (void)ew_format(path, sizeof(path), "%s/history.db", folder);
    // A table of its own: what the recorder keeps is not what matters here.
    (void)ew_format(migrations, sizeof(migrations), "%s/m", folder);
    (void)ew_format(table, sizeof(table), "%s/0001_sample.sql", migrations);
    if (ew_dir_make(migrations, 0700, &reason) != EW_OK ||
        ew_file_write(table, schema, sizeof(schema) - 1, 0600, &reason) != EW_OK)
        return -1;
    return store_open(path, migrations, &store, &reason) == EW_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"history.db", "history.db-wal", "history.db-shm"};
    store_close(store);
    for (size_t i = 0; i < COUNT(names); i++) {
        char file[256];
        (void)ew_format(file, sizeof(file), "%s/%s", folder, names[i]);
        unlink(file);
    }
    unlink(table);
    rmdir(migrations);
    return rmdir(folder);
}

static void run(const char *sql)
{
    assert_int_equal(sqlite3_exec(store_db(store), sql, NULL, NULL, NULL), SQLITE_OK);
}

static int64_t ask(const char *sql)
{
    sqlite3_stmt *q = NULL;
    assert_int_equal(sqlite3_prepare_v2(store_db(store), sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return value;
}

static void fill(void)
{
    char sql[400];
    (void)ew_format(
        sql, sizeof(sql),
        "DELETE FROM sample; WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
        "INSERT INTO sample SELECT i * 600, i FROM n; DELETE FROM sample WHERE slot %% 6000 <> 0",
        ROWS - 1);
    run(sql);
}

static void wait_for(struct optimise *o)
{
    for (int i = 0; i < PATIENCE_STEPS && optimise_running(o); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_false(optimise_running(o));
}

static cJSON *said(const struct optimise *o)
{
    struct ew_buf text;
    struct ew_jw w;
    cJSON *tree = NULL;
    ew_buf_init(&text, 4096);
    ew_jw_init(&w, &text);
    ew_jw_open_object(&w, NULL);
    optimise_write(o, &w);
    ew_jw_close_object(&w);
    assert_int_equal(ew_json_parse(text.data, text.len, 4096, &tree, NULL), EW_OK);
    ew_buf_done(&text);
    return tree;
}

static double number(const cJSON *tree, const char *key)
{
    const cJSON *about = cJSON_GetObjectItemCaseSensitive(tree, "optimise");
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(about, key));
}

static void it_becomes_smaller_and_nothing_is_lost(void **state)
{
    (void)state;
    struct ew_reason reason;
    fill();
    int64_t rows = ask("SELECT count(*) FROM sample"), sum = ask("SELECT sum(value) FROM sample");
    assert_int_equal(rows, ROWS / 10);
    struct optimise *o = optimise_new(store, path);
    cJSON *before = said(o);
    assert_null(before->child); // never asked for
    cJSON_Delete(before);
    assert_int_equal(optimise_start(o, &reason), EW_OK);
    // It is only over when the loop has looked: a second call comes too early.
    assert_int_equal(optimise_start(o, &reason) == EW_E_BUSY || !optimise_running(o), 1);
    wait_for(o);
    cJSON *after = said(o);
    const cJSON *about = cJSON_GetObjectItemCaseSensitive(after, "optimise");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(about, "state")), "done");
    assert_true(number(after, "after_bytes") < number(after, "before_bytes") / 2);
    assert_int_equal(number(after, "percent"), 100);
    cJSON_Delete(after);
    assert_int_equal(ask("SELECT count(*) FROM sample"), rows);
    assert_int_equal(ask("SELECT sum(value) FROM sample"), sum);
    assert_true(ask("SELECT count(*) FROM sqlite_stat1") > 0);
    optimise_free(o);
}

static void broken_off_it_does_no_harm(void **state)
{
    (void)state;
    struct ew_reason reason;
    for (int i = 0; i < 5; i++) {
        fill();
        struct optimise *o = optimise_new(store, path);
        assert_int_equal(optimise_start(o, &reason), EW_OK);
        nanosleep(&(struct timespec){.tv_nsec = i * 3000000}, NULL);
        optimise_free(o);
        assert_int_equal(ask("SELECT count(*) FROM sample"), ROWS / 10);
        assert_int_equal(ask("SELECT count(*) FROM pragma_quick_check WHERE quick_check = 'ok'"), 1);
    }
}

static void a_damaged_database_is_named_and_left_alone(void **state)
{
    (void)state;
    struct ew_reason reason;
    fill();
    // A row that contradicts its table's own rule is what quick_check finds.
    run("PRAGMA ignore_check_constraints = ON; INSERT INTO sample VALUES (1, -7); "
        "PRAGMA ignore_check_constraints = OFF");
    struct optimise *o = optimise_new(store, path);
    assert_int_equal(optimise_start(o, &reason), EW_OK);
    wait_for(o);
    cJSON *after = said(o);
    const cJSON *about = cJSON_GetObjectItemCaseSensitive(after, "optimise");
    const cJSON *why = cJSON_GetObjectItemCaseSensitive(about, "reason");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(about, "state")), "failed");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(why, "code")),
                        "optimise.damaged");
    cJSON_Delete(after);
    optimise_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_becomes_smaller_and_nothing_is_lost),
        cmocka_unit_test(broken_off_it_does_no_harm),
        cmocka_unit_test(a_damaged_database_is_named_and_left_alone),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
