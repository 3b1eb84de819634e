// Amounts by device, day and tariff on a real database: shares of cut hours, rebuilds, prices by date, the
// running day.
#include "pricing_bench.h"

static void days_are_shared_and_priced(void **state)
{
    (void)state;
    struct bench b;
    int64_t until_s = FIRST_S + DAYS * DAY_S + 5 * HOUR_S + 1800; // the summer time began in between
    open_bench(&b);
    fill(&b, until_s);
    load(&b);
    give_tariffs(&b);
    work(&b);
    struct calendar_zone zone = paris();
    struct tariff_money whole = {0};
    for (int day = 0; day < DAYS; day++) {
        struct calendar_date date = calendar_add((struct calendar_date){2026, 3, 24}, CALENDAR_DAY, day);
        int64_t from_s = calendar_date_start_s(&zone, date);
        int64_t to_s = calendar_date_start_s(&zone, calendar_add(date, CALENDAR_DAY, 1));
        const struct pricing_figure *f = ask(&b, CALENDAR_DAY, date, 1, 2, SITE_ELECTRICITY, 71, 0);
        int64_t want = expected_milli(2, from_s, to_s, before_1835);
        assert_true(llabs(f->amount_milli - want) <= 1); // a slot that is cut is shared to thousandths
        struct tariff_money money = {0};
        tariff_cost(&money, f->amount_milli, date.day >= 28 ? 300000 : 200000);
        assert_int_equal(f->money.micro, money.micro);
        tariff_money_add(&whole, &money);
        int64_t all = f->amount_milli;
        all += ask(&b, CALENDAR_DAY, date, 1, 2, SITE_ELECTRICITY, 0, 0)->amount_milli;
        assert_int_equal(all, expected_milli(2, from_s, to_s, always)); // energy is never touched
    }
    // The month is the sum of its days and of the running one; totals leave device 2 out.
    const struct pricing_figure *month =
        ask(&b, CALENDAR_MONTH, (struct calendar_date){2026, 3, 5}, 1, 2, SITE_ELECTRICITY, 71, 0);
    assert_int_equal(month->money.micro, whole.micro);
    assert_int_equal(month->money.pico, whole.pico);
    int64_t april_s = calendar_date_start_s(&zone, (struct calendar_date){2026, 4, 1});
    assert_int_equal(
        ask(&b, CALENDAR_YEAR, (struct calendar_date){2026, 1, 1}, 1, 0, SITE_WATER, 73, 0)->amount_milli,
        expected_milli(3, FIRST_S, until_s, always));
    int64_t both = ask(&b, CALENDAR_YEAR, (struct calendar_date){2026, 1, 1}, 1, 0, SITE_ELECTRICITY, 71, 0)
                       ->amount_milli;
    both += ask(&b, CALENDAR_YEAR, (struct calendar_date){2026, 1, 1}, 1, 0, SITE_ELECTRICITY, 0, 0)
                ->amount_milli;
    assert_int_equal(both, expected_milli(1, FIRST_S, until_s, always));
    // The running day, by hour: its fifth hour is samples only.
    assert_int_equal(
        ask(&b, CALENDAR_HOUR, (struct calendar_date){2026, 4, 1}, 24, 1, SITE_ELECTRICITY, 71, 6)
            ->amount_milli,
        expected_milli(1, april_s + 6 * HOUR_S, until_s, always));
    close_bench(&b);
}

// A change of rules makes the days anew, beside the old ones; a kill in the middle loses nothing but time.
static void a_rebuild_shows_old_figures_until_it_is_whole(void **state)
{
    (void)state;
    struct bench b;
    struct calendar_date date = {2026, 3, 25};
    open_bench(&b);
    fill(&b, FIRST_S + DAYS * DAY_S);
    load(&b);
    give_tariffs(&b);
    work(&b);
    int64_t before = ask(&b, CALENDAR_DAY, date, 1, 1, SITE_ELECTRICITY, 71, 0)->amount_milli;
    rule(&b, 1, 71, 0, 11 * 60 + 59, SITE_ELECTRICITY);
    struct ew_reason reason;
    bool more = true;
    assert_int_equal(pricing_work(b.pricing, b.now_ms + 1000, 0, &more, &reason), EW_OK);
    assert_false(more); // another rule may follow
    b.now_ms += 3000;
    for (int i = 0; i < 3; i++) { // one day a slice at most
        assert_int_equal(pricing_work(b.pricing, b.now_ms, 0, &more, &reason), EW_OK);
        assert_int_equal(ask(&b, CALENDAR_DAY, date, 1, 1, SITE_ELECTRICITY, 71, 0)->amount_milli, before);
    }
    stop(&b);
    start(&b);
    load(&b);
    give_tariffs(&b);
    rule(&b, 1, 71, 0, 11 * 60 + 59, SITE_ELECTRICITY);
    assert_int_equal(ask(&b, CALENDAR_DAY, date, 1, 1, SITE_ELECTRICITY, 71, 0)->amount_milli, before);
    work(&b);
    int64_t after = ask(&b, CALENDAR_DAY, date, 1, 1, SITE_ELECTRICITY, 71, 0)->amount_milli;
    assert_int_equal(after, expected_milli(1, FIRST_S + DAY_S, FIRST_S + DAY_S + 12 * HOUR_S, always));
    assert_true(after < before);
    // Nothing of the old generation is left.
    sqlite3_stmt *q = store_statement(b.store, "SELECT count(DISTINCT generation) FROM tariff_day");
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(q, 0), 1);
    sqlite3_reset(q);
    close_bench(&b);
}

static void history_taken_back_takes_prices_back(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b);
    fill(&b, FIRST_S + 4 * DAY_S);
    load(&b);
    give_tariffs(&b);
    work(&b);
    stop(&b);
    start(&b);
    run_sql(&b, "DELETE FROM slot WHERE start >= 1774306800 + 2 * 86400; "
                "UPDATE progress SET rolled_until = 1774306800 + 2 * 86400");
    load(&b);
    give_tariffs(&b);
    work(&b);
    assert_false(
        ask(&b, CALENDAR_DAY, (struct calendar_date){2026, 3, 26}, 1, 1, SITE_ELECTRICITY, 71, 0)->any);
    assert_true(
        ask(&b, CALENDAR_DAY, (struct calendar_date){2026, 3, 25}, 1, 1, SITE_ELECTRICITY, 71, 0)->any);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_shared_and_priced),
        cmocka_unit_test(a_rebuild_shows_old_figures_until_it_is_whole),
        cmocka_unit_test(history_taken_back_takes_prices_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
