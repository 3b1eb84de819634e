// Months and years of amounts by tariff, who counts in them and since when, rebuilds that were given up,
// steps that are gone, and databases of before.
#include "pricing_bench.h"

#include "recorder/query.h"
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

// ---- Months and years ------------------------------------------------------------------------------------

static void place(struct bench *b, int64_t device, int64_t circuit, bool excluded, enum site_service service,
                  int64_t wall_s)
{
    struct history_place at = {.circuit = circuit, .excluded = excluded, .service = service};
    struct sampler_now now = {.wall_s = wall_s, .up_ms = 1000, .synchronised = true};
    sampler_member(b->sampler, device, &at, &now);
}

static int64_t count(struct bench *b, const char *sql)
{
    sqlite3_stmt *q = NULL;
    assert_int_equal(sqlite3_prepare_v2(store_db(b->store), sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return value;
}

enum { LONG_FROM_S = 1761170400 /* 2025-10-23 00:00 in Paris */, LONG_TO_S = 1775253600 /* 2026-04-04 */ };

// Hours of half a year of four devices, 2 excluded from totals, 3 water, over two changes of the clock.
static void fill_long(struct bench *b, bool placed)
{
    run_sql(b, "BEGIN; INSERT INTO series VALUES (1, 1, 'active_energy_import', 1), (2, 2, "
               "'active_energy_import', 1), (3, 3, 'volume', 1), (4, 4, 'active_energy_import', 1)");
    if (placed)
        run_sql(b, "INSERT INTO membership VALUES (1, 0, 1, 0, '', 0, 0), (2, 0, 1, 0, '', 1, 0), "
                   "(3, 0, 2, 0, '', 0, 2), (4, 0, 2, 0, '', 0, 0)");
    for (int64_t slot_s = LONG_FROM_S; slot_s < LONG_TO_S; slot_s += HOUR_S) {
        const struct written values[] = {{1, true, slot_wh(1, slot_s)},
                                         {2, true, slot_wh(2, slot_s)},
                                         {3, true, slot_wh(3, slot_s)},
                                         {4, true, slot_wh(4, slot_s)}};
        assert_true(written_slot(b->store, slot_s, HOUR_S, values, 4));
    }
    run_sql(b, "UPDATE progress SET rolled_until = 1761170400; COMMIT");
    b->zone = (struct calendar_zone){
        .count = 4,
        .transitions = {{INT64_MIN, 3600}, {1743296400, 7200}, {1761440400, 3600}, {1774746000, 7200}}};
}

// All answers about money as text: what must not change when they come from other tables.
static void write_answers(struct bench *b, char *dst, size_t size)
{
    static const char *const histories[] = {
        "{\"by\":\"month\",\"from\":\"2025-10-01\",\"spans\":7,\"cost\":true}",
        "{\"by\":\"year\",\"from\":\"2025-01-01\",\"spans\":2,\"cost\":true}",
        "{\"by\":\"year\",\"from\":\"2025-01-01\",\"spans\":2,\"cost\":true,\"group\":\"service\"}",
        ("{\"by\":\"month\",\"from\":\"2025-10-01\",\"spans\":7,\"cost\":true,"
         "\"group\":\"device\",\"device\":2}"),
        "{\"by\":\"year\",\"from\":\"2025-01-01\",\"spans\":2,\"cost\":true,\"service\":\"water\"}"};
    static const struct pricing_query tariffs[] = {{SITE_ELECTRICITY, CALENDAR_MONTH, {2025, 10, 1}, 7, 0},
                                                   {SITE_ELECTRICITY, CALENDAR_YEAR, {2025, 1, 1}, 2, 0},
                                                   {SITE_ELECTRICITY, CALENDAR_YEAR, {2025, 1, 1}, 2, 4},
                                                   {SITE_WATER, CALENDAR_YEAR, {2025, 1, 1}, 2, 0}};
    struct query_world world = {b->store, b->sampler, &b->zone, 10.5, b->pricing, 230};
    struct ew_buf all;
    struct ew_reason reason = {0};
    ew_buf_init(&all, size - 1);
    for (size_t i = 0; i < COUNT(histories); i++) {
        struct query_history query;
        cJSON *args = cJSON_Parse(histories[i]);
        assert_int_equal(query_history_read(args, &query, &reason), EW_OK);
        assert_int_equal(query_history(&world, &query, &all, &reason), EW_OK);
        ew_buf_add_text(&all, "\n");
        cJSON_Delete(args);
    }
    for (size_t i = 0; i < COUNT(tariffs); i++) {
        assert_int_equal(pricing_answer(b->pricing, &tariffs[i], &all, &reason), EW_OK);
        ew_buf_add_text(&all, "\n");
    }
    assert_false(all.full);
    ew_copy(dst, size, ew_buf_text(&all));
    ew_buf_done(&all);
}

enum { ANSWERS = 64 << 10 };

// The tables of months and years say what the days say, to the last thousandth and rounding: with prices that
// begin inside a month, devices that moved inside one, and one that was excluded inside a day.
static void months_and_years_are_the_sum_of_days(void **state)
{
    (void)state;
    static char by_sums[ANSWERS], by_days[ANSWERS];
    struct bench b;
    open_bench(&b);
    fill_long(&b, true);
    load(&b);
    roll(&b);
    give_tariffs(&b); // the price of 71 begins on 2026-01-01 and changes on 2026-03-28
    place(&b, 4, 1, false, SITE_ELECTRICITY, 1768300000); // 2026-01-13 11:26
    place(&b, 4, 1, true, SITE_ELECTRICITY, 1770900000);  // 2026-02-12 13:40
    work(&b);
    // October to March; the year 2025.
    assert_int_equal(count(&b, "SELECT summed FROM tariff_state WHERE role = 'shown'"), 202604);
    assert_int_equal(count(&b, "SELECT count(DISTINCT date) FROM tariff_sum WHERE date > 9999"), 6);
    assert_int_equal(count(&b, "SELECT count(DISTINCT date) FROM tariff_sum WHERE date <= 9999"), 1);
    assert_int_equal(count(&b, "SELECT sum(amount) FROM tariff_sum WHERE date > 9999"),
                     count(&b, "SELECT sum(amount) FROM tariff_day WHERE date < 20260401"));
    assert_int_equal(count(&b, "SELECT sum(amount) FROM tariff_sum WHERE date = 2025"),
                     count(&b, "SELECT sum(amount) FROM tariff_day WHERE date < 20260101"));
    write_answers(&b, by_sums, sizeof(by_sums));
    stop(&b);
    start(&b);
    run_sql(&b, "DELETE FROM tariff_sum; UPDATE tariff_state SET summed = 0");
    load(&b);
    give_tariffs(&b);
    b.now_ms += 3000;
    struct ew_reason reason;
    bool more;
    assert_int_equal(pricing_work(b.pricing, b.now_ms, 0, &more, &reason), EW_OK);
    write_answers(&b, by_days, sizeof(by_days));
    assert_string_equal(by_days, by_sums);
    assert_non_null(strstr(by_sums, "\"cost\":"));
    close_bench(&b);
}

// Money follows a device to the step: what it used before it moved or was excluded stays where it was, in
// every answer alike, and energy and money tell of the same time.
static void money_and_energy_move_at_the_same_step(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b);
    fill_long(&b, true);
    load(&b);
    roll(&b);
    struct site_tariff flat = {
        .id = 71, .service = SITE_ELECTRICITY, .price_count = 1, .prices = {{0, 1000000}}};
    pricing_tariff(b.pricing, 71, &flat, b.now_ms);
    rule(&b, 1, 71, 0, 1439, SITE_ELECTRICITY);
    place(&b, 4, 7, false, SITE_ELECTRICITY, LONG_FROM_S + 50 * DAY_S + 7 * HOUR_S);
    place(&b, 1, 1, true, SITE_ELECTRICITY, LONG_FROM_S + 60 * DAY_S + 9 * HOUR_S);
    work(&b);
    static const enum calendar_unit units[] = {CALENDAR_DAY, CALENDAR_MONTH, CALENDAR_YEAR};
    static const int spans[] = {163, 7, 2};
    for (int i = 0; i < 3; i++) {
        struct query_world world = {b.store, b.sampler, &b.zone, 10.5, b.pricing, 230};
        struct query_history query = {
            .by = units[i],
            .from = {2025, i == 2 ? 1 : 10, i ? 1 : 23},
            .spans = spans[i],
            .ask = {HISTORY_BY_CIRCUIT, HISTORY_ANY, HISTORY_ANY, HISTORY_ANY, HISTORY_ANY, HISTORY_ANY},
            .cost = true};
        query.ask.service = SITE_ELECTRICITY;
        struct ew_buf json;
        struct ew_reason reason = {0};
        ew_buf_init(&json, 1 << 20);
        assert_int_equal(query_history(&world, &query, &json, &reason), EW_OK);
        cJSON *tree = cJSON_Parse(ew_buf_text(&json));
        const cJSON *row;
        double total_wh = 0;
        int rows = 0;
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(tree, "rows"))
        {
            double wh = cJSON_GetObjectItem(row, "total")->valuedouble;
            // 1 a kWh: each row costs what it used, rounded once.
            assert_true(fabs(cJSON_GetObjectItem(row, "cost")->valuedouble - floor(wh / 10 + 0.5) / 100) <
                        1e-9);
            total_wh += wh;
            rows++;
        }
        assert_int_equal(rows, 3); // circuits 1, 2 and 7
        struct pricing_query tariffs = {SITE_ELECTRICITY, units[i], query.from, spans[i], 0};
        const struct pricing_answer *a;
        assert_int_equal(pricing_ask(b.pricing, &tariffs, &a, &reason), EW_OK);
        int64_t site_milli = 0;
        for (int r = 0; r < a->row_count; r++)
            for (int s = 0; s < spans[i]; s++)
                site_milli += a->rows[r].figures[s].amount_milli;
        assert_int_equal(site_milli, (int64_t)llround(total_wh * 1000));
        int64_t want = expected_hours(4, LONG_FROM_S, LONG_TO_S) +
                       expected_hours(1, LONG_FROM_S, LONG_FROM_S + 60 * DAY_S + 9 * HOUR_S);
        assert_int_equal(site_milli, want);
        cJSON_Delete(tree);
        ew_buf_done(&json);
    }
    close_bench(&b);
}

// History that was there before the recorder knew its devices: what their first place says holds for all of
// it, also for days that were priced before it was told.
static void a_place_told_late_holds_for_what_was_priced_before(void **state)
{
    (void)state;
    struct bench b;
    struct calendar_date year = {2025, 1, 1};
    open_bench(&b);
    fill_long(&b, false);
    load(&b);
    roll(&b);
    give_tariffs(&b);
    work(&b); // all devices count as electricity, nobody is excluded
    place(&b, 1, 1, false, SITE_ELECTRICITY, LONG_TO_S);
    place(&b, 2, 1, true, SITE_ELECTRICITY, LONG_TO_S);
    place(&b, 3, 1, false, SITE_WATER, LONG_TO_S);
    place(&b, 4, 1, true, SITE_ELECTRICITY, LONG_TO_S);
    work(&b); // notices that 3 counts water
    work(&b);
    int64_t used = 0;
    for (int i = 0; i < 2; i++) {
        used += ask(&b, CALENDAR_YEAR, year, 2, 0, SITE_ELECTRICITY, 71, i)->amount_milli;
        used += ask(&b, CALENDAR_YEAR, year, 2, 0, SITE_ELECTRICITY, 0, i)->amount_milli;
    }
    assert_int_equal(used, expected_hours(1, LONG_FROM_S, LONG_TO_S));
    int64_t water = ask(&b, CALENDAR_YEAR, year, 2, 0, SITE_WATER, 73, 0)->amount_milli +
                    ask(&b, CALENDAR_YEAR, year, 2, 0, SITE_WATER, 73, 1)->amount_milli;
    assert_int_equal(water, expected_hours(3, LONG_FROM_S, LONG_TO_S));
    assert_int_equal(ask(&b, CALENDAR_YEAR, year, 2, 0, SITE_WATER, 73, 0)->money.micro,
                     ask(&b, CALENDAR_YEAR, year, 2, 0, SITE_WATER, 73, 0)->amount_milli * 4);
    close_bench(&b);
}

// Rules that are changed, changed back and changed again: what was given up on the way counts nowhere.
static void a_rebuild_given_up_leaves_nothing_behind(void **state)
{
    (void)state;
    struct bench b;
    struct calendar_date date = {2025, 10, 25};
    struct ew_reason reason;
    bool more;
    open_bench(&b);
    fill_long(&b, true);
    load(&b);
    roll(&b);
    give_tariffs(&b);
    work(&b);
    for (int i = 0; i < 3; i++) {
        rule(&b, 1, 71, 0, 11 * 60 + 59, SITE_ELECTRICITY);
        b.now_ms += 3000;
        for (int k = 0; k < 4; k++) // some days of it
            assert_int_equal(pricing_work(b.pricing, b.now_ms, 0, &more, &reason), EW_OK);
        rule(&b, 1, 71, 0, 18 * 60 + 34, SITE_ELECTRICITY);
        b.now_ms += 3000;
        assert_int_equal(pricing_work(b.pricing, b.now_ms, 0, &more, &reason), EW_OK);
    }
    rule(&b, 1, 71, 0, 11 * 60 + 59, SITE_ELECTRICITY);
    work(&b);
    int64_t day_s = LONG_FROM_S + 2 * DAY_S;
    for (int device = 1; device <= 4; device += device) // 1, 2 and 4
        assert_int_equal(ask(&b, CALENDAR_DAY, date, 1, device, SITE_ELECTRICITY, 71, 0)->amount_milli,
                         expected_hours(device, day_s, day_s + 12 * HOUR_S));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(pricing_work(b.pricing, b.now_ms, 0, &more, &reason), EW_OK);
    assert_int_equal(count(&b, "SELECT count(DISTINCT generation) FROM tariff_day"), 1);
    assert_int_equal(count(&b, "SELECT count(DISTINCT generation) FROM tariff_sum"), 1);
    close_bench(&b);
}

// Steps are kept for ten years, days for ever: what has no steps any more stays as it was priced.
static void days_outlive_their_steps(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b);
    fill_long(&b, true);
    load(&b);
    roll(&b);
    give_tariffs(&b);
    work(&b);
    int64_t old = ask(&b, CALENDAR_MONTH, (struct calendar_date){2025, 11, 1}, 1, 1, SITE_ELECTRICITY, 71, 0)
                      ->amount_milli;
    int64_t young = ask(&b, CALENDAR_MONTH, (struct calendar_date){2026, 2, 1}, 1, 1, SITE_ELECTRICITY, 71, 0)
                        ->amount_milli;
    run_sql(&b, "DELETE FROM slot WHERE start < 1768518000"); // in the middle of 2026-01-16
    rule(&b, 1, 71, 0, 11 * 60 + 59, SITE_ELECTRICITY);
    b.now_ms += 3000;
    struct ew_reason reason;
    bool more = true;
    for (int i = 0; i < 20; i++) // killed on the way
        assert_int_equal(pricing_work(b.pricing, b.now_ms, 0, &more, &reason), EW_OK);
    stop(&b);
    start(&b);
    load(&b);
    give_tariffs(&b);
    rule(&b, 1, 71, 0, 11 * 60 + 59, SITE_ELECTRICITY);
    work(&b);
    assert_int_equal(
        ask(&b, CALENDAR_MONTH, (struct calendar_date){2025, 11, 1}, 1, 1, SITE_ELECTRICITY, 71, 0)
            ->amount_milli,
        old);
    assert_true(ask(&b, CALENDAR_MONTH, (struct calendar_date){2026, 2, 1}, 1, 1, SITE_ELECTRICITY, 71, 0)
                    ->amount_milli < young);
    assert_true(old > 0);
    close_bench(&b);
}

// ---- An older database -----------------------------------------------------------------------------------

// A folder with the migrations up to a number.
static void link_migrations(const char *folder, int last)
{
    char from[512], to[512];
    assert_int_equal(mkdir(folder, 0700), 0);
    DIR *all = opendir(MIGRATIONS);
    assert_non_null(all);
    for (struct dirent *entry = readdir(all); entry; entry = readdir(all)) {
        long number = strtol(entry->d_name, NULL, 10);
        if (number < 1 || number > last)
            continue;
        assert_int_equal(ew_format(from, sizeof(from), "%s/%s", MIGRATIONS, entry->d_name), EW_OK);
        assert_int_equal(ew_format(to, sizeof(to), "%s/%s", folder, entry->d_name), EW_OK);
        assert_int_equal(symlink(from, to), 0);
    }
    closedir(all);
}

static void remove_folder(const char *folder)
{
    char path[512];
    DIR *all = opendir(folder);
    assert_non_null(all);
    for (struct dirent *entry = readdir(all); entry; entry = readdir(all)) {
        assert_int_equal(ew_format(path, sizeof(path), "%s/%s", folder, entry->d_name), EW_OK);
        if (entry->d_name[0] != '.')
            assert_int_equal(unlink(path), 0);
    }
    closedir(all);
    assert_int_equal(rmdir(folder), 0);
}

// The history of a bench as version 4 wrote it, in its place.
static void write_as_version_4(struct bench *b)
{
    char folder[128], path[160], sql[256], *problem = NULL;
    struct store *store;
    struct ew_reason reason;
    assert_int_equal(ew_format(folder, sizeof(folder), "%s/old", b->folder), EW_OK);
    assert_int_equal(ew_format(path, sizeof(path), "%s/history.db", folder), EW_OK);
    link_migrations(folder, 4);
    assert_int_equal(store_open(path, folder, &store, &reason), EW_OK);
    assert_int_equal(ew_format(sql, sizeof(sql), "ATTACH '%s' AS new", b->path), EW_OK);
    assert_int_equal(sqlite3_exec(store_db(store), sql, NULL, NULL, NULL), SQLITE_OK);
    if (sqlite3_exec(
            store_db(store),
            "INSERT INTO series SELECT * FROM new.series; INSERT INTO membership SELECT * FROM "
            "new.membership; INSERT INTO slot SELECT * FROM new.slot; INSERT INTO tariff_day SELECT * FROM "
            "new.tariff_day; INSERT INTO day SELECT * FROM new.day; INSERT INTO month SELECT * FROM "
            "new.month; UPDATE progress SET rolled_until = (SELECT rolled_until FROM new.progress); UPDATE "
            "tariff_state SET (generation, until, rules) = (SELECT generation, until, 1 FROM "
            "new.tariff_state WHERE role = 'shown') WHERE role = 'shown'; INSERT INTO tariff_service VALUES "
            "(3, 2)",
            NULL, NULL, &problem) != SQLITE_OK)
        fail_msg("%s", problem);
    store_close(store);
    assert_int_equal(rename(path, b->path), 0);
    remove_folder(folder);
}

// What a rebuild changes about an answer while it goes on.
static void forget_rebuilding(char *answers)
{
    static const char building[] = "\"rebuilding\":true";
    for (char *at = strstr(answers, building); at; at = strstr(at, building)) {
        size_t rest = strlen(at + sizeof(building) - 1) + 1;
        memmove(at + sizeof(building), at + sizeof(building) - 1, rest); // "false" is a letter longer
        memcpy(at, "\"rebuilding\":false", sizeof(building));
    }
}

// A database of before there were months is answered from its days until all is made anew, with the same
// figures.
static void an_older_database_is_taken_over(void **state)
{
    (void)state;
    static char before[ANSWERS], after[ANSWERS];
    char copy[128];
    struct bench b;
    open_bench(&b);
    fill_long(&b, true);
    load(&b);
    roll(&b);
    give_tariffs(&b);
    work(&b);
    write_answers(&b, after, sizeof(after));
    stop(&b);
    write_as_version_4(&b);
    start(&b);
    load(&b);
    give_tariffs(&b);
    write_answers(&b, before, sizeof(before));
    assert_null(strstr(before, "\"rebuilding\":false"));
    forget_rebuilding(before);
    assert_string_equal(before, after);
    work(&b);
    assert_int_equal(count(&b, "SELECT summed FROM tariff_state WHERE role = 'shown'"), 202604);
    write_answers(&b, before, sizeof(before));
    assert_string_equal(before, after);
    assert_int_equal(ew_format(copy, sizeof(copy), "%s.v4", b.path), EW_OK);
    assert_int_equal(unlink(copy), 0); // made before the upgrade
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(months_and_years_are_the_sum_of_days),
        cmocka_unit_test(money_and_energy_move_at_the_same_step),
        cmocka_unit_test(a_place_told_late_holds_for_what_was_priced_before),
        cmocka_unit_test(a_rebuild_given_up_leaves_nothing_behind),
        cmocka_unit_test(days_outlive_their_steps),
        cmocka_unit_test(an_older_database_is_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
