// The recorder's sampler on a real database: which rows come of which readings, clocks and crashes.
#include "check.h"

#include "base/buf.h"
#include "base/rfc3339.h"
#include "recorder/past.h"
#include "recorder/query.h"
#include "recorder/sampler.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIGRATIONS EDGEWATT_SOURCE_DIR "/gateway/recorder/migrations"

struct bench {
    char folder[64], path[96];
    struct store *store;
    struct sampler *sampler;
    struct sampler_now now;
    char told[256];
};

static struct calendar_zone paris(void)
{
    // +1 h; summer time of 2026 from 29 March 01:00Z to 25 October 01:00Z
    return (struct calendar_zone){.count = 3,
                                  .transitions = {{INT64_MIN, 3600}, {1774746000, 7200}, {1792890000, 3600}}};
}

static void on_event(void *user, const struct ew_reason *event)
{
    struct bench *b = user;
    ew_copy(b->told, sizeof(b->told), event->code);
}

static int64_t utc_s(const char *text)
{
    int64_t ms;
    assert_int_equal(ew_rfc3339_parse(text, &ms), EW_OK);
    return ms / 1000;
}

static void start(struct bench *b, const char *boot)
{
    struct ew_reason reason = {0};
    if (store_open(b->path, MIGRATIONS, &b->store, &reason) != EW_OK)
        fail_msg("%s: %s", reason.path, reason.text);
    b->sampler = sampler_new(b->store, boot, utc_s("2026-01-01T00:00:00Z"), on_event, b);
    struct calendar_zone zone = paris();
    sampler_configure(b->sampler, &zone, 10);
    assert_int_equal(sampler_load(b->sampler, &reason), EW_OK);
}

static void stop(struct bench *b) // as kill -9 does: what was not committed is gone
{
    sampler_free(b->sampler);
    store_close(b->store);
    b->sampler = NULL;
    b->store = NULL;
}

static void open_bench(struct bench *b, const char *wall, bool synchronised)
{
    *b = (struct bench){.folder = "/tmp/edgewatt-sampler-XXXXXX"};
    assert_non_null(mkdtemp(b->folder));
    assert_int_equal(ew_format(b->path, sizeof(b->path), "%s/history.db", b->folder), EW_OK);
    b->now = (struct sampler_now){.wall_s = utc_s(wall), .up_ms = 100000, .synchronised = synchronised};
    start(b, "boot-1");
}

static void close_bench(struct bench *b)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    if (b->store)
        stop(b);
    for (size_t i = 0; i < COUNT(suffixes); i++) {
        char path[128];
        assert_int_equal(ew_format(path, sizeof(path), "%s%s", b->path, suffixes[i]), EW_OK);
        unlink(path);
    }
    assert_int_equal(rmdir(b->folder), 0);
}

static void place(struct bench *b, int64_t device, int64_t circuit, bool excluded)
{
    struct history_place p = {.circuit = circuit, .excluded = excluded};
    sampler_member(b->sampler, device, &p, &b->now);
}

// Lets time pass in steps of 10 s: the meter runs at `watts` and is read each step.
static double meter_wh;
static void pass(struct bench *b, int seconds, double watts)
{
    for (int s = 0; s < seconds; s += 10) {
        struct ew_reason reason;
        assert_int_equal(sampler_tick(b->sampler, &b->now, &reason), EW_OK);
        if (!isnan(watts)) {
            sampler_reading(b->sampler, 7, "active_power", false, watts, b->now.up_ms, &b->now);
            sampler_reading(b->sampler, 7, "active_energy_import", true, meter_wh, b->now.up_ms, &b->now);
            meter_wh += watts * 10 / 3600;
        }
        b->now.wall_s += 10;
        b->now.up_ms += 10000;
    }
}

struct rows {
    struct ew_buf text;
    const char *table;
};

static void add_row(struct rows *rows, const char *table, const char *stamp, bool known, int64_t value_th,
                    unsigned flags)
{
    if (known)
        ew_buf_printf(&rows->text, "%s %s %.1f %u\n", table, stamp, (double)value_th / 1000, flags);
    else
        ew_buf_printf(&rows->text, "%s %s - %u\n", table, stamp, flags);
}

static void add_value(void *user, int64_t series, const struct history_value *value)
{
    (void)series;
    char stamp[EW_RFC3339_MAX];
    ew_rfc3339_format(value->start_s * 1000, stamp);
    stamp[16] = 0;
    add_row(user, "sample", stamp, value->has_value, value->value_th, value->flags);
}

static void add_query(struct bench *b, struct rows *rows, const char *table, const char *query)
{
    sqlite3_stmt *q = NULL;
    assert_int_equal(sqlite3_prepare_v2(store_db(b->store), query, -1, &q, NULL), SQLITE_OK);
    while (sqlite3_step(q) == SQLITE_ROW) {
        char stamp[24];
        assert_int_equal(ew_format(stamp, sizeof(stamp), "%lld", (long long)sqlite3_column_int64(q, 0)),
                         EW_OK);
        add_row(rows, table, stamp, true, sqlite3_column_int64(q, 1), (unsigned)sqlite3_column_int(q, 2));
    }
    sqlite3_finalize(q);
}

static void add_aside(struct bench *b, struct rows *rows)
{
    sqlite3_stmt *q = NULL;
    assert_int_equal(sqlite3_prepare_v2(store_db(b->store),
                                        "SELECT start, length, data FROM set_aside "
                                        "WHERE key IS NULL ORDER BY start",
                                        -1, &q, NULL),
                     SQLITE_OK);
    while (sqlite3_step(q) == SQLITE_ROW) {
        struct history_slot_reader reader;
        struct history_value value;
        char stamp[EW_RFC3339_MAX];
        ew_rfc3339_format(sqlite3_column_int64(q, 0) * 1000, stamp);
        stamp[16] = 0;
        history_slot_open(&reader, sqlite3_column_blob(q, 2), (size_t)sqlite3_column_bytes(q, 2),
                          sqlite3_column_int64(q, 0), sqlite3_column_int(q, 1));
        while (history_slot_next(&reader, &value) && reader.counter)
            add_row(rows, "aside", stamp, value.has_value, value.value_th, value.flags);
    }
    sqlite3_finalize(q);
}

// Energy rows of all tables, as "table time value flags".
static void expect_rows(struct bench *b, const char *expected)
{
    struct rows rows;
    struct ew_reason reason;
    struct sampler_series series;
    ew_buf_init(&rows.text, 8000);
    if (sampler_series_find(b->sampler, 7, "active_energy_import", &series))
        assert_int_equal(past_read(b->sampler, &series.id, 1, true, 0, 4000000000, add_value, &rows, &reason),
                         EW_OK);
    add_query(b, &rows, "day", "SELECT date, value, flags FROM day ORDER BY date");
    add_query(b, &rows, "month", "SELECT date, value, flags FROM month ORDER BY date");
    add_aside(b, &rows);
    assert_string_equal(ew_buf_text(&rows.text), expected);
    ew_buf_done(&rows.text);
}

static void keep_value(void *user, int64_t series, const struct history_value *value)
{
    (void)series;
    *(struct history_value *)user = *value;
}

static void a_plain_half_hour(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "2026-03-01T22:50:00Z", true); // 23:50 local: midnight lies between
    meter_wh = 5000;
    pass(&b, 1810, 3600); // 1 Wh a second
    // The first slot's first reading forms no step, so it holds 59 of 60.
    expect_rows(&b, "sample 2026-03-01T22:50 590.0 0\n"
                    "sample 2026-03-01T23:00 600.0 0\n"
                    "sample 2026-03-01T23:10 600.0 0\n"
                    "day 20260301 590.0 64\n");
    struct sampler_series series;
    struct history_value power = {0};
    struct ew_reason reason;
    assert_true(sampler_series_find(b.sampler, 7, "active_power", &series));
    assert_int_equal(past_read(b.sampler, &series.id, 1, false, 0, 4000000000, keep_value, &power, &reason),
                     EW_OK);
    assert_true(power.value_th == 3600e3 && power.low_th == 3600e3 && power.high_th == 3600e3);
    close_bench(&b);
}

static void hours_days_and_months_are_summed_when_over(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "2026-03-31T20:30:00Z", true); // 22:30 of the month's last day, summer time
    meter_wh = 0;
    pass(&b, 3600, 3600);
    stop(&b); // a restart, and hours without samples over midnight
    b.now.wall_s += 7200;
    b.now.up_ms += 7200000;
    start(&b, "boot-1");
    pass(&b, 7200, 3600);
    expect_rows(&b, "sample 2026-03-31T20:30 590.0 0\n"
                    "sample 2026-03-31T20:40 600.0 0\n"
                    "sample 2026-03-31T20:50 600.0 0\n"
                    "sample 2026-03-31T21:00 600.0 0\n"
                    "sample 2026-03-31T21:10 600.0 0\n"
                    "sample 2026-03-31T23:30 1200.0 1\n"
                    "sample 2026-03-31T23:40 600.0 0\n"
                    "sample 2026-03-31T23:50 600.0 0\n"
                    "sample 2026-04-01T00:00 600.0 0\n"
                    "sample 2026-04-01T00:10 600.0 0\n"
                    "sample 2026-04-01T00:20 600.0 0\n"
                    "sample 2026-04-01T00:30 600.0 0\n"
                    "sample 2026-04-01T00:40 600.0 0\n"
                    "sample 2026-04-01T00:50 600.0 0\n"
                    "sample 2026-04-01T01:00 600.0 0\n"
                    "sample 2026-04-01T01:10 600.0 0\n"
                    "day 20260331 2990.0 64\n"
                    "month 202603 2990.0 64\n");
    close_bench(&b);
}

// The histogram of every unit, whatever of it is rolled already, agrees with the samples.
static void histograms_agree_with_samples(void **state)
{
    (void)state;
    static const struct {
        const char *args, *expected;
    } cases[] = {
        {"{\"by\":\"hour\",\"from\":\"2026-03-31\",\"spans\":27}", "[null*22,1790,3600,3600,2400,null*1]"},
        {"{\"by\":\"day\",\"from\":\"2026-03-30\",\"spans\":4}", "[null*1,5390,6000,null*1]"},
        {"{\"by\":\"month\",\"from\":\"2026-03-15\",\"spans\":2}", "[5390,6000]"},
    };
    struct bench b;
    struct calendar_zone zone = paris();
    open_bench(&b, "2026-03-31T20:30:00Z", true);
    place(&b, 7, 3, false);
    struct query_world world = {.store = b.store, .sampler = b.sampler, .zone = &zone};
    meter_wh = 0;
    pass(&b, 12000, 3600); // to 01:50 of April
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ew_reason reason = {0};
        struct query_consumption query;
        struct ew_buf json, got;
        cJSON *args = cJSON_Parse(cases[i].args);
        ew_buf_init(&json, 100000);
        ew_buf_init(&got, 1000);
        assert_int_equal(query_consumption_read(args, &query, &reason), EW_OK);
        assert_int_equal(query_consumption(&world, &query, &json, &reason), EW_OK);
        cJSON *tree = cJSON_Parse(ew_buf_text(&json));
        const cJSON *circuits = cJSON_GetObjectItem(tree, "circuits");
        assert_int_equal(cJSON_GetArraySize(circuits), 1);
        assert_int_equal(cJSON_GetObjectItem(circuits->child, "circuit")->valueint, 3);
        int nulls = 0;
        for (const cJSON *v = cJSON_GetObjectItem(circuits->child, "values")->child; v; v = v->next) {
            nulls = cJSON_IsNull(v) ? nulls + 1 : 0;
            if (nulls && (!v->next || !cJSON_IsNull(v->next)))
                ew_buf_printf(&got, "%snull*%d", got.len ? "," : "", nulls);
            else if (!nulls)
                ew_buf_printf(&got, "%s%.0f", got.len ? "," : "", v->valuedouble);
        }
        struct ew_buf whole;
        ew_buf_init(&whole, 1000);
        ew_buf_printf(&whole, "[%s]", ew_buf_text(&got));
        assert_string_equal(ew_buf_text(&whole), cases[i].expected);
        ew_buf_done(&whole);
        ew_buf_done(&got);
        ew_buf_done(&json);
        cJSON_Delete(tree);
        cJSON_Delete(args);
    }
    close_bench(&b);
}

static void bad_questions_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *args, *path;
    } cases[] = {
        {"{}", "/by"},
        {"{\"by\":\"week\",\"from\":\"2026-03-31\",\"spans\":1}", "/by"},
        {"{\"by\":\"day\",\"from\":\"2026-02-30\",\"spans\":1}", "/from"},
        {"{\"by\":\"day\",\"from\":\"2026-2-30x\",\"spans\":1}", "/from"},
        {"{\"by\":\"day\",\"from\":\"2026-03-31\",\"spans\":801}", "/spans"},
        {"{\"by\":\"day\",\"from\":\"2026-03-31\",\"spans\":1,\"x\":0}", "/x"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ew_reason reason = {0};
        struct query_consumption query;
        cJSON *args = cJSON_Parse(cases[i].args);
        assert_int_equal(query_consumption_read(args, &query, &reason), EW_E_INVALID);
        assert_string_equal(reason.path, cases[i].path);
        cJSON_Delete(args);
    }
}

static void a_downtime_comes_back_in_one_flagged_slot(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "2026-03-01T10:00:00Z", true);
    meter_wh = 0;
    pass(&b, 610, 3600);
    stop(&b); // kill -9 ten seconds into the second slot
    b.now.wall_s += 3000;
    b.now.up_ms += 3000000;
    meter_wh += 3000;
    start(&b, "boot-1");
    pass(&b, 610, 3600);
    // 10:51:40 on: 590 s before the kill are in the row of 10:00; what came after is in the slot of the
    // return, flagged.
    expect_rows(&b, "sample 2026-03-01T10:00 590.0 0\n"
                    "sample 2026-03-01T11:00 3600.0 1\n");
    close_bench(&b);
}

static void a_replaced_meter_gives_no_absurd_step(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "2026-03-01T10:00:00Z", true);
    meter_wh = 9000000;
    pass(&b, 600, 3600);
    meter_wh = 100; // a new meter
    pass(&b, 600, 3600);
    meter_wh = 4000000000; // and one with a long life behind it
    pass(&b, 610, 3600);
    expect_rows(&b, "sample 2026-03-01T10:00 590.0 0\n"
                    "sample 2026-03-01T10:10 590.0 2\n"
                    "sample 2026-03-01T10:20 590.0 32\n");
    close_bench(&b);
}

static void a_boot_without_time_is_stamped_afterwards(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "1970-01-01T00:05:00Z", false); // no battery clock
    meter_wh = 0;
    pass(&b, 1200, 3600);
    expect_rows(&b, ""); // nothing is shown under a wrong time
    assert_string_equal(sampler_clock_name(b.sampler), "untrusted");
    b.now.wall_s = utc_s("2026-03-01T10:25:00Z"); // the time server answered
    b.now.synchronised = true;
    pass(&b, 310, 3600);
    assert_string_equal(sampler_clock_name(b.sampler), "trusted");
    expect_rows(
        &b, "sample 2026-03-01T10:05 590.0 0\n" // slots of 10 minutes from the boot on, at their true time
            "sample 2026-03-01T10:15 600.0 0\n"
            "sample 2026-03-01T10:25 300.0 0\n");
    close_bench(&b);
}

static void a_boot_that_never_knew_the_time_loses_no_energy(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "2026-03-01T10:00:00Z", true);
    meter_wh = 0;
    pass(&b, 610, 3600);
    stop(&b);
    start(&b, "boot-2");
    b.now = (struct sampler_now){.wall_s = utc_s("1970-01-01T00:00:10Z"), .up_ms = 10000};
    pass(&b, 700, 3600); // recorded without time, then the power fails
    stop(&b);
    start(&b, "boot-3");
    b.now =
        (struct sampler_now){.wall_s = utc_s("2026-03-01T12:00:00Z"), .up_ms = 10000, .synchronised = true};
    pass(&b, 610, 3600);
    // Everything since 10:09:50 comes back in one flagged slot: 20 s + 700 s + the slot itself.
    expect_rows(&b, "sample 2026-03-01T10:00 590.0 0\n"
                    "sample 2026-03-01T12:00 1310.0 1\n");
    close_bench(&b);
}

static void a_small_step_back_lets_history_wait(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "2026-03-01T10:00:00Z", true);
    meter_wh = 0;
    pass(&b, 1200, 3600);
    b.now.wall_s -= 1800; // 10:20 becomes 09:50
    pass(&b, 1200, 3600);
    assert_string_equal(sampler_clock_name(b.sampler), "waiting");
    pass(&b, 1210, 3600);
    assert_string_equal(sampler_clock_name(b.sampler), "trusted");
    // The slot of 10:10 was running; it waits 30 minutes and keeps every Wh.
    expect_rows(&b, "sample 2026-03-01T10:00 590.0 0\n"
                    "sample 2026-03-01T10:10 2400.0 0\n"
                    "sample 2026-03-01T10:20 600.0 0\n");
    assert_string_equal(b.told, "");
    close_bench(&b);
}

static void a_clock_that_ran_ahead_has_its_rows_set_aside(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "2026-03-01T10:00:00Z", true);
    meter_wh = 0;
    pass(&b, 600, 3600);
    b.now.wall_s += 7 * 86400LL; // someone typed a wrong date
    pass(&b, 1200, 3600);
    b.now.wall_s -= 7 * 86400LL; // and mends it
    pass(&b, 610, 3600);
    assert_string_equal(b.told, "history.set_aside");
    expect_rows(&b, "sample 2026-03-01T10:00 590.0 0\n"
                    "sample 2026-03-01T10:30 1200.0 0\n"
                    "aside 2026-03-08T10:10 600.0 1\n");
    close_bench(&b);
}

static void a_change_of_zone_leaves_what_is_recorded(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "2026-03-01T21:40:00Z", true);
    meter_wh = 0;
    pass(&b, 1200, 3600);
    struct calendar_zone athens = {.count = 1, .transitions = {{INT64_MIN, 7200}}};
    sampler_configure(b.sampler, &athens, 10);
    pass(&b, 610, 3600);
    expect_rows(&b, "sample 2026-03-01T21:40 590.0 0\n"
                    "sample 2026-03-01T21:50 600.0 0\n"
                    "sample 2026-03-01T22:00 600.0 0\n"
                    "day 20260301 1190.0 64\n");
    close_bench(&b);
}

static void days_of(struct bench *b, const char *expected)
{
    struct rows rows;
    ew_buf_init(&rows.text, 8000);
    add_query(b, &rows, "day", "SELECT date, value, flags FROM day ORDER BY date");
    add_query(b, &rows, "month", "SELECT date, value, flags FROM month ORDER BY date");
    assert_string_equal(ew_buf_text(&rows.text), expected);
    ew_buf_done(&rows.text);
}

// 6 h of 1 Wh a second each evening from 19 h to 1 h in Paris, over a change of month; then the site says
// that it always was in Tokyo (3 h to 9 h there), from 28 February on.
static void a_change_of_zone_rebuilds_days_and_months_from_a_date(void **state)
{
    (void)state;
    struct bench b;
    struct ew_reason reason;
    open_bench(&b, "2026-02-26T18:00:00Z", true);
    meter_wh = 0;
    for (int day = 0; day < 5; day++) {
        pass(&b, 6 * 3600, 3600 * (day + 1));
        pass(&b, 18 * 3600, 0);
    }
    // The step that is read at midnight is the next day's: 10 s of the smaller power against 10 s of the
    // larger.
    static const char paris_days[] = "day 20260226 17990.0 64\n"
                                     "day 20260227 39590.0 0\n"
                                     "day 20260228 61190.0 0\n"
                                     "day 20260301 82790.0 0\n"
                                     "day 20260302 104390.0 0\n"
                                     "month 202602 118770.0 64\n";
    days_of(&b, paris_days);
    struct calendar_zone tokyo = {.count = 1, .transitions = {{INT64_MIN, 9 * 3600}}};
    sampler_configure(b.sampler, &tokyo, 10);
    assert_int_equal(sampler_catch_up(b.sampler, &reason), EW_OK);
    days_of(&b, paris_days); // the change alone rebuilds nothing
    const struct calendar_date from = {2026, 2, 28};
    assert_int_equal(sampler_rebuild(b.sampler, from, &reason), EW_OK);
    days_of(&b, "day 20260226 17990.0 64\nday 20260227 39590.0 0\n");
    stop(&b); // a power cut in between
    start(&b, "boot-1");
    sampler_configure(b.sampler, &tokyo, 10);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sampler_catch_up(b.sampler, &reason), EW_OK);
    days_of(&b, "day 20260226 17990.0 64\n"
                "day 20260227 39590.0 0\n"
                "day 20260228 43200.0 0\n"
                "day 20260301 64800.0 0\n"
                "day 20260302 86400.0 0\n"
                "day 20260303 108000.0 0\n"
                "month 202602 100780.0 64\n");
    close_bench(&b);
}

static void memberships_are_dated(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "2026-03-01T10:00:00Z", true);
    int64_t until_s;
    assert_int_equal(sampler_place_at(b.sampler, 7, b.now.wall_s, &until_s)->circuit, 0);
    assert_int_equal(until_s, INT64_MAX);
    place(&b, 7, 1, false);
    place(&b, 5, 3, true);
    b.now.wall_s += 3600;
    place(&b, 7, 2, false);
    place(&b, 7, 2, false);
    stop(&b);
    start(&b, "boot-1");
    static const struct {
        int64_t device, after_s, circuit;
        bool excluded, ends;
    } cases[] = {{7, -86400, 1, false, true},
                 {7, 3599, 1, false, true},
                 {7, 3600, 2, false, false},
                 {5, 99999, 3, true, false},
                 {6, 0, 0, false, false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct history_place *p =
            sampler_place_at(b.sampler, cases[i].device, b.now.wall_s - 3600 + cases[i].after_s, &until_s);
        assert_int_equal(p->circuit, cases[i].circuit);
        assert_int_equal(p->excluded, cases[i].excluded);
        assert_int_equal(until_s, cases[i].ends ? b.now.wall_s : INT64_MAX);
    }
    close_bench(&b);
}

static void a_database_of_a_newer_version_is_left_alone(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "2026-03-01T10:00:00Z", true);
    assert_int_equal(sqlite3_exec(store_db(b.store), "PRAGMA user_version = 99", NULL, NULL, NULL),
                     SQLITE_OK);
    stop(&b);
    struct ew_reason reason;
    assert_int_equal(store_open(b.path, MIGRATIONS, &b.store, &reason), EW_E_UNSUPPORTED);
    assert_string_equal(reason.code, "store.newer");
    FILE *f = fopen(b.path, "w");
    assert_non_null(f);
    fputs("this is not a database, but long enough to be looked at as one by its header ..................",
          f);
    fclose(f);
    assert_int_equal(store_open(b.path, MIGRATIONS, &b.store, &reason), EW_E_IO);
    assert_string_equal(reason.code, "store.damaged");
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_half_hour),
        cmocka_unit_test(hours_days_and_months_are_summed_when_over),
        cmocka_unit_test(histograms_agree_with_samples),
        cmocka_unit_test(bad_questions_are_named),
        cmocka_unit_test(a_downtime_comes_back_in_one_flagged_slot),
        cmocka_unit_test(a_replaced_meter_gives_no_absurd_step),
        cmocka_unit_test(a_boot_without_time_is_stamped_afterwards),
        cmocka_unit_test(a_boot_that_never_knew_the_time_loses_no_energy),
        cmocka_unit_test(a_small_step_back_lets_history_wait),
        cmocka_unit_test(a_clock_that_ran_ahead_has_its_rows_set_aside),
        cmocka_unit_test(a_change_of_zone_leaves_what_is_recorded),
        cmocka_unit_test(a_change_of_zone_rebuilds_days_and_months_from_a_date),
        cmocka_unit_test(memberships_are_dated),
        cmocka_unit_test(a_database_of_a_newer_version_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
