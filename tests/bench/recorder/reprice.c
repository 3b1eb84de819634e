// Ten years of 255 devices priced anew after a change of rules (promised: at most 60 s), and the questions of
// the cost pages after it, from steps of ten minutes. Usage: reprice FOLDER MIGRATIONS [YEARS].
#include "base/clock.h"
#include "core/history/pack.h"
#include "recorder/pricing.h"
#include "service/zone.h"
#include <stdio.h>
#include <stdlib.h>

enum { DEVICES = 255 };

static void ignore_event(void *user, const struct ew_reason *event)
{
    (void)user;
    (void)event;
}

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "%s failed\n", what);
        exit(1);
    }
}

// Steps of 10 minutes of a device, packed as the recorder packs a day that is over.
static void fill_day(struct store *store, int64_t day, int device)
{
    static struct history_value values[144];
    static uint8_t bytes[8 + 144 * HISTORY_ENTRY_MAX];
    struct ew_reason reason;
    for (int i = 0; i < 144; i++)
        values[i] = (struct history_value){.start_s = day * 86400 + i * 600LL,
                                           .length_s = 600,
                                           .has_value = true,
                                           .value_th = (device + i / 6) * 1000LL};
    size_t len = history_day_pack(values, 144, true, day * 86400, bytes, sizeof(bytes));
    sqlite3_stmt *q = store_statement(store, "INSERT INTO counter_day (key, data) VALUES (?, ?)");
    sqlite3_bind_int64(q, 1, (day << 20) + device);
    sqlite3_bind_blob64(q, 2, bytes, len, SQLITE_STATIC);
    must(store_execute(store, q, &reason) == EW_OK, "day");
}

static void fill(struct store *store, int64_t from_s, int64_t to_s)
{
    sqlite3 *db = store_db(store);
    must(!sqlite3_exec(db, "PRAGMA synchronous = OFF; BEGIN", NULL, NULL, NULL), "begin");
    for (int device = 1; device <= DEVICES; device++) {
        sqlite3_stmt *q =
            store_statement(store, "INSERT INTO series VALUES (?1, ?1, 'active_energy_import', 1)");
        struct ew_reason reason;
        sqlite3_bind_int(q, 1, device);
        must(store_execute(store, q, &reason) == EW_OK, "series");
    }
    for (int64_t day = from_s / 86400; day <= to_s / 86400; day++)
        for (int device = 1; device <= DEVICES; device++)
            fill_day(store, day, device);
    char sql[128];
    snprintf(sql, sizeof(sql), "UPDATE progress SET rolled_until = %lld; COMMIT; PRAGMA synchronous = FULL",
             (long long)to_s);
    must(!sqlite3_exec(db, sql, NULL, NULL, NULL), "commit");
}

static void ask(struct pricing *pricing, const char *what, struct pricing_query query)
{
    const struct pricing_answer *answer;
    struct ew_reason reason;
    int64_t begun_us = ew_clock_up_us();
    must(pricing_ask(pricing, &query, &answer, &reason) == EW_OK, what);
    printf("%s: %.1f ms\n", what, (double)(ew_clock_up_us() - begun_us) / 1000);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    int years = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 10;
    char path[512];
    struct store *store;
    struct ew_reason reason;
    static struct calendar_zone zone;
    snprintf(path, sizeof(path), "%s/history.db", argv[1]);
    must(ew_zone_load("Europe/Paris", &zone, &reason) == EW_OK, "zone");
    must(store_open(path, argv[2], &store, &reason) == EW_OK, "open");
    fill(store, calendar_date_start_s(&zone, (struct calendar_date){2016, 1, 1}),
         calendar_date_start_s(&zone, (struct calendar_date){2016 + years, 1, 1}));
    struct sampler *sampler = sampler_new(store, "boot", 0, ignore_event, NULL);
    sampler_configure(sampler, &zone, 10);
    must(sampler_load(sampler, &reason) == EW_OK, "load");
    struct pricing *pricing = pricing_new(store, sampler);
    must(pricing_load(pricing, &reason) == EW_OK, "load");
    pricing_site(pricing, &zone, "EUR", 1);
    static const struct site_cost_rule rules[] = {
        {1, SITE_ELECTRICITY, 0, {71, 0, 0, false, 0, 18 * 60 + 34, 0x1F}},
        {2, SITE_ELECTRICITY, 1, {72, 0, 0, false, 18 * 60 + 35, 1439, 0x1F}},
        {3, SITE_ELECTRICITY, 2, {73, 0, 0, false, 0, 1439, 0x7F}}};
    for (int i = 0; i < 3; i++)
        pricing_rule(pricing, i + 1, &rules[i], 1);
    int64_t begun_us = ew_clock_up_us();
    bool more = true;
    int slices = 0;
    for (; more; slices++)
        must(pricing_work(pricing, 10000, 100, &more, &reason) == EW_OK, "work");
    printf("%d years of %d devices priced in %.1f s, %d slices; database %.0f MB\n", years, DEVICES,
           (double)(ew_clock_up_us() - begun_us) / 1e6, slices, (double)store_size_bytes(store) / 1e6);
    struct calendar_date last = {2015 + years, 1, 1}, first = {2016, 1, 1};
    ask(pricing, "ten years by year, total",
        (struct pricing_query){SITE_ELECTRICITY, CALENDAR_YEAR, first, years, 0});
    ask(pricing, "ten years by year, a device",
        (struct pricing_query){SITE_ELECTRICITY, CALENDAR_YEAR, first, years, 7});
    ask(pricing, "year by month, total",
        (struct pricing_query){SITE_ELECTRICITY, CALENDAR_MONTH, last, 12, 0});
    ask(pricing, "month by day, a device",
        (struct pricing_query){SITE_ELECTRICITY, CALENDAR_DAY, last, 31, 7});
    ask(pricing, "day by hour, total", (struct pricing_query){SITE_ELECTRICITY, CALENDAR_HOUR, last, 24, 0});
    pricing_free(pricing);
    sampler_free(sampler);
    store_close(store);
    return 0;
}
