// A database of steps with pricing over it, for the tests of what consumption costs.
#ifndef EDGEWATT_TESTS_PRICING_BENCH_H
#define EDGEWATT_TESTS_PRICING_BENCH_H

#include "check.h"

#include "base/buf.h"
#include "recorder/pricing.h"
#include "written.h"
#include <stdlib.h>
#include <unistd.h>

#define MIGRATIONS EDGEWATT_SOURCE_DIR "/gateway/recorder/migrations"

enum { HOUR_S = 3600, DAY_S = 86400, FIRST_S = 1774306800 /* 2026-03-24 00:00 in Paris */, DAYS = 8 };

struct bench {
    char folder[64], path[96];
    struct store *store;
    struct sampler *sampler;
    struct pricing *pricing;
    struct calendar_zone zone;
    int64_t now_ms;
};

static inline struct calendar_zone paris(void)
{
    return (struct calendar_zone){.count = 3,
                                  .transitions = {{INT64_MIN, 3600}, {1774746000, 7200}, {1792890000, 3600}}};
}

static inline void ignore_event(void *user, const struct ew_reason *event)
{
    (void)user;
    (void)event;
}

static inline void run_sql(struct bench *b, const char *sql)
{
    char *problem = NULL;
    if (sqlite3_exec(store_db(b->store), sql, NULL, NULL, &problem) != SQLITE_OK)
        fail_msg("%s: %s", problem, sql);
}

static inline void start(struct bench *b)
{
    struct ew_reason reason;
    if (store_open(b->path, MIGRATIONS, &b->store, &reason) != EW_OK)
        fail_msg("%s: %s", reason.path, reason.text);
    run_sql(b, "PRAGMA synchronous = OFF"); // a kill is not tried here
    b->sampler = sampler_new(b->store, "boot", 0, ignore_event, NULL);
    b->pricing = NULL;
}

// The sampler reads up to where history is; then pricing starts over it.
static inline void load(struct bench *b)
{
    struct ew_reason reason;
    sampler_configure(b->sampler, &b->zone, 10);
    assert_int_equal(sampler_load(b->sampler, &reason), EW_OK);
    b->pricing = pricing_new(b->store, b->sampler);
    assert_int_equal(pricing_load(b->pricing, &reason), EW_OK);
    pricing_site(b->pricing, &b->zone, "EUR", b->now_ms);
}

static inline void stop(struct bench *b)
{
    pricing_free(b->pricing);
    sampler_free(b->sampler);
    store_close(b->store);
}

static inline void open_bench(struct bench *b)
{
    *b = (struct bench){.folder = "/tmp/edgewatt-pricing-XXXXXX", .zone = paris(), .now_ms = 1000};
    assert_non_null(mkdtemp(b->folder));
    assert_int_equal(ew_format(b->path, sizeof(b->path), "%s/history.db", b->folder), EW_OK);
    start(b);
}

static inline void close_bench(struct bench *b)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    stop(b);
    for (size_t i = 0; i < COUNT(suffixes); i++) {
        char path[128];
        assert_int_equal(ew_format(path, sizeof(path), "%s%s", b->path, suffixes[i]), EW_OK);
        unlink(path);
    }
    assert_int_equal(rmdir(b->folder), 0);
}

// What a device used in a slot of 10 minutes: uneven, so that a wrong share shows.
static inline double slot_wh(int device, int64_t slot_s)
{
    return device * 10 + (double)(slot_s / 600 % 144) + 0.25;
}

// Days of slots of 10 minutes, device 1 and 2 (2 excluded from totals), ending in a running
// hour.
static inline void fill(struct bench *b, int64_t until_s)
{
    run_sql(b, "BEGIN; INSERT INTO series VALUES (1, 1, 'active_energy_import', 1), (2, 2, "
               "'active_energy_import', 1), "
               "(3, 1, 'active_power', 0), (4, 3, 'volume', 1); INSERT INTO membership VALUES "
               "(1, 0, 0, 0, '', 0, 0), (2, 0, 0, 0, '', 1, 0), (3, 0, 0, 0, '', 0, 2)");
    char sql[256];
    for (int64_t slot_s = FIRST_S; slot_s < until_s; slot_s += 600) {
        const struct written values[] = {{1, true, slot_wh(1, slot_s)},
                                         {2, true, slot_wh(2, slot_s)},
                                         {3, false, slot_wh(1, slot_s)},
                                         {4, true, slot_wh(3, slot_s)}};
        assert_true(written_slot(b->store, slot_s, 600, values, 4));
    }
    struct calendar_date today = calendar_local(&b->zone, until_s).date;
    (void)ew_format(sql, sizeof(sql), "UPDATE progress SET rolled_until = %lld; COMMIT",
                    (long long)calendar_date_start_s(&b->zone, today));
    run_sql(b, sql);
}

static inline void rule(struct bench *b, int64_t id, int64_t tariff, int from_min, int to_min,
                        enum site_service service)
{
    struct site_cost_rule r = {
        .id = id, .service = service, .order = id, .rule = {tariff, 0, 0, false, from_min, to_min, 0x7F}};
    pricing_rule(b->pricing, id, &r, b->now_ms);
}

// Days and months of energy as the recorder makes them.
static inline void roll(struct bench *b)
{
    struct ew_reason reason;
    for (int i = 0; i < 40; i++)
        assert_int_equal(sampler_catch_up(b->sampler, &reason), EW_OK);
}

static inline int work(struct bench *b)
{
    struct ew_reason reason;
    bool more = true;
    int slices = 0;
    for (b->now_ms += 3000; more; slices++)
        if (pricing_work(b->pricing, b->now_ms, 5, &more, &reason) != EW_OK)
            fail_msg("%s", reason.text);
    return slices;
}

static inline int64_t expected_milli(int device, int64_t from_s, int64_t to_s, bool (*counts)(int minute))
{
    int64_t sum = 0;
    struct calendar_zone zone = paris();
    for (int64_t slot_s = from_s; slot_s < to_s; slot_s += 600) {
        struct calendar_local l = calendar_local(&zone, slot_s);
        int part = 0; // minutes of the slot in which it counts
        for (int i = 0; i < 10; i++)
            part += counts((l.hour * 60 + l.minute + i) % 1440);
        sum += (int64_t)(slot_wh(device, slot_s) * 1000) * part / 10;
    }
    return sum;
}

// What is written by the hour.
static inline int64_t expected_hours(int device, int64_t from_s, int64_t to_s)
{
    int64_t sum = 0;
    for (int64_t slot_s = from_s; slot_s < to_s; slot_s += HOUR_S)
        sum += (int64_t)(slot_wh(device, slot_s) * 1000);
    return sum;
}

static inline bool before_1835(int minute)
{
    return minute <= 18 * 60 + 34;
}

static inline bool always(int minute)
{
    return minute >= 0;
}

static const struct pricing_figure *ask(struct bench *b, enum calendar_unit by, struct calendar_date from,
                                        int spans, int64_t device, enum site_service service, int64_t tariff,
                                        int span)
{
    static const struct pricing_figure none;
    struct pricing_query query = {service, by, from, spans, device};
    const struct pricing_answer *a;
    struct ew_reason reason;
    if (pricing_ask(b->pricing, &query, &a, &reason) != EW_OK)
        fail_msg("%s", reason.text);
    for (int i = 0; i < a->row_count; i++)
        if (a->rows[i].tariff == tariff)
            return &a->rows[i].figures[span];
    return &none;
}

static inline void give_tariffs(struct bench *b)
{
    struct site_tariff day = {.id = 71,
                              .service = SITE_ELECTRICITY,
                              .price_count = 2,
                              .prices = {{20260101, 200000}, {20260328, 300000}}};
    struct site_tariff water = {.id = 73, .service = SITE_WATER, .price_count = 1, .prices = {{0, 4000000}}};
    pricing_tariff(b->pricing, 71, &day, b->now_ms);
    pricing_tariff(b->pricing, 73, &water, b->now_ms);
    rule(b, 1, 71, 0, 18 * 60 + 34, SITE_ELECTRICITY); // cuts the hour 18, and a slot of 10 minutes
    rule(b, 2, 73, 0, 1439, SITE_WATER);
}

#endif
