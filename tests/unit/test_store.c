// The database when its disk fails while it is open: read-only, full and noisy pages, said in words, and what
// comes back when the disk does. The calls of SQLite to the kernel fail as the kernel's would.
#include "store_bench.h"

#include "recorder/charges.h"
#include "recorder/sampler.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int failure; // errno of every write; 0 = none fails
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off_t);

static ssize_t fail_pwrite(int fd, const void *data, size_t len, off_t at)
{
    if (failure == 0)
        return (real_pwrite64 ? real_pwrite64 : real_pwrite)(fd, data, len, at);
    errno = failure;
    return -1;
}

static void take_writes(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    real_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))vfs->xGetSystemCall(vfs, "pwrite");
    real_pwrite64 = (ssize_t(*)(int, const void *, size_t, off_t))vfs->xGetSystemCall(vfs, "pwrite64");
    if (real_pwrite)
        assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)fail_pwrite), SQLITE_OK);
    if (real_pwrite64)
        assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)fail_pwrite), SQLITE_OK);
}

static void give_back_writes(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    failure = 0;
    (void)vfs->xSetSystemCall(vfs, "pwrite", NULL);
    (void)vfs->xSetSystemCall(vfs, "pwrite64", NULL);
}

static void ignore_event(void *user, const struct ew_reason *event)
{
    (void)user;
    (void)event;
}

static const struct calendar_zone utc = {.count = 1, .transitions = {{INT64_MIN, 0}}};

static int64_t number(struct bench *b, const char *sql)
{
    sqlite3_stmt *q = store_statement(b->store, sql);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    return value;
}

// An hour of which half an hour cannot be written; *ret_code: what was said.
static void record_over(struct bench *b, int errnum, const char *code)
{
    struct sampler *s = sampler_new(b->store, "boot", 0, ignore_event, NULL);
    struct sampler_now now = {.wall_s = 1792886400, .up_ms = 1000, .synchronised = true};
    struct ew_reason reason = {0};
    struct sampler_total total;
    bool said = false;
    assert_int_equal(sampler_load(s, &reason), EW_OK);
    sampler_configure(s, &utc, 10);
    for (int minute = 0; minute <= 70; minute++) {
        failure = minute >= 15 && minute < 45 ? errnum : 0;
        enum ew_err err = sampler_tick(s, &now, &reason);
        if (err != EW_OK) {
            assert_string_equal(reason.code, code);
            assert_true(minute >= 15 && minute < 45);
            assert_true(strlen(reason.text) > 10);
            said = true;
        }
        sampler_reading(s, 7, "active_energy_import", true, 1000.0 + minute * 10, now.up_ms, &now);
        now.wall_s += 60;
        now.up_ms += 60000;
    }
    failure = 0;
    assert_true(said);
    // Nothing is lost: all that was counted until the last slot ended.
    assert_true(sampler_total_at(s, 0, &total));
    assert_int_equal(total.value_th, 69 * 10 * 1000);
    assert_int_equal(number(b, "SELECT value FROM total WHERE kind = 'site'"), 69 * 10 * 1000);
    assert_null(store_damage(b->store));
    sampler_free(s);
}

static void a_disk_that_becomes_read_only_costs_no_energy(void **state)
{
    take_writes();
    record_over(*state, EROFS, "store.read_only");
    give_back_writes();
}

static void a_disk_that_becomes_full_costs_no_energy(void **state)
{
    take_writes();
    record_over(*state, ENOSPC, "store.full");
    give_back_writes();
}

static void a_share_of_a_disk_that_is_used_up_costs_no_energy(void **state)
{
    take_writes();
    record_over(*state, EDQUOT, "store.full");
    give_back_writes();
}

static void a_disk_that_fails_costs_no_energy(void **state)
{
    take_writes();
    record_over(*state, EIO, "store.io");
    give_back_writes();
}

// Noise in every second page behind the first: met by a question, remembered for whoever owns the database.
static void damage_that_a_question_meets_is_remembered(void **state)
{
    struct bench *b = *state;
    struct ew_reason reason = {0};
    struct ew_buf json;
    struct stat st;
    uint8_t noise[4096];
    struct charges_query query = {.from_ms = INT64_MIN, .to_ms = INT64_MAX, .offset = 4000, .limit = 100};
    assert_int_equal(
        sqlite3_exec(
            store_db(b->store),
            "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO charge "
            "(session, station, plugged, ah, peak_a, interruptions) SELECT 's' || i, 1, i, 1, 1, "
            "'[]' FROM n; PRAGMA wal_checkpoint(TRUNCATE)",
            NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_db_release_memory(store_db(b->store));
    memset(noise, 0xA5, sizeof(noise));
    int fd = open(b->path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    for (off_t at = 8192; at < st.st_size; at += 8192)
        assert_int_equal(pwrite(fd, noise, sizeof(noise), at), sizeof(noise));
    close(fd);
    assert_null(store_damage(b->store));
    ew_buf_init(&json, 1 << 20);
    assert_int_equal(charges_query(b->store, &query, &json, &reason), EW_E_IO);
    assert_string_equal(reason.code, "store.damaged");
    assert_non_null(store_damage(b->store));
    ew_buf_done(&json);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_disk_that_becomes_read_only_costs_no_energy),
        CASE(a_disk_that_becomes_full_costs_no_energy),
        CASE(a_share_of_a_disk_that_is_used_up_costs_no_energy),
        CASE(a_disk_that_fails_costs_no_energy),
        CASE(damage_that_a_question_meets_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
