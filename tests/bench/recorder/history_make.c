// Ten years of 255 devices as the recorder keeps them: steps of counters at 10 minutes for all of it,
// measured quantities for 13 months, days and months for all of it, the running day as slots, a full journal.
#include "history.h"

#include "base/buf.h"
#include "base/civil.h"
#include "base/clock.h"
#include "core/history/pack.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COUNTERS = 2, // of a meter of electricity
    GAUGES = 6,
    SERIES = DEVICES * (COUNTERS + GAUGES),
    SLOTS = 144,
    GAUGE_DAYS = 396,
    RUNNING_S = 51600, // the running day ends at 14:20
    ALARMS = 20000,
    CHARGES = 20000,
};

static const char *const counters[COUNTERS] = {"active_energy_import", "reactive_energy_import"};
static const char *const gauges[GAUGES] = {"active_power", "voltage_l1_n", "current_l1",
                                           "power_factor", "frequency",    "thd_voltage_l1"};

struct calendar_zone history_zone;
static uint64_t random_state = 0x9E3779B97F4A7C15u;

uint32_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

static void run(struct store *store, const char *sql)
{
    char *problem = NULL;
    if (sqlite3_exec(store_db(store), sql, NULL, NULL, &problem) == SQLITE_OK)
        return;
    fprintf(stderr, "%s: %s\n", problem, sql);
    exit(1);
}

// ---- Making ----------------------------------------------------------------------------------------------

struct made {
    int64_t id;
    bool counter;
    int level;      // how much it uses
    int64_t day_th; // of the running local day
};

static struct made series[SERIES];
static int series_count;

static void add_series(struct store *store, int device, const char *quantity, bool counter)
{
    char sql[160];
    struct made *m = &series[series_count++];
    *m = (struct made){.id = series_count, .counter = counter, .level = 20 + (int)(next_random() % 400)};
    snprintf(sql, sizeof(sql), "INSERT INTO series VALUES (%lld, %d, '%s', %d)", (long long)m->id, device,
             quantity, counter);
    run(store, sql);
}

static void add_devices(struct store *store, int64_t moved_s)
{
    char sql[256];
    for (int d = 1; d <= DEVICES; d++) {
        int service = d >= WATER_FROM ? 2 : d >= GAS_FROM ? 1 : 0;
        for (int c = 0; c < COUNTERS && !service; c++)
            add_series(store, d, counters[c], true);
        for (int g = 0; g < GAUGES && !service; g++)
            add_series(store, d, gauges[g], false);
        if (service)
            add_series(store, d, "volume", true);
        snprintf(sql, sizeof(sql), "INSERT INTO membership VALUES (%d, 0, %d, %d, '%d,%d', %d, %d)", d,
                 1000 + d % CIRCUITS, 1200 + d % 4, 1100 + d % ZONES, 1100 + (d + 7) % ZONES, d == 1,
                 service);
        run(store, sql);
        if (d % 25 == 0) { // some were moved
            snprintf(sql, sizeof(sql), "INSERT INTO membership VALUES (%d, %lld, %d, %d, '%d', 0, %d)", d,
                     (long long)moved_s + d * 86400LL * 3, 1000 + (d + 1) % CIRCUITS, 1200, 1100, service);
            run(store, sql);
        }
    }
}

static int64_t slot_value(const struct made *m, int slot)
{
    // More by day, some noise, whole Wh; gauges in thousandths.
    int shape = slot > 36 && slot < 132 ? 3 : 1;
    int64_t value = (int64_t)m->level * shape + next_random() % 60;
    return m->counter ? value * 1000 : 200000 + value * 37;
}

static void insert_day(struct store *store, const char *sql, int64_t key, const struct history_value *values,
                       int count, bool counter)
{
    static uint8_t bytes[8 + SLOTS * HISTORY_ENTRY_MAX];
    struct ew_reason reason;
    size_t len = history_day_pack(values, count, counter, (key >> 20) * 86400, bytes, sizeof(bytes));
    sqlite3_stmt *q = store_statement(store, sql);
    sqlite3_bind_int64(q, 1, key);
    sqlite3_bind_blob64(q, 2, bytes, len, SQLITE_STATIC);
    must(store_execute(store, q, &reason) == EW_OK, sql);
}

static void end_local_day(struct store *store, int64_t date)
{
    struct ew_reason reason;
    for (int i = 0; i < series_count; i++) {
        if (!series[i].counter)
            continue;
        sqlite3_stmt *q = store_statement(store, "INSERT INTO day VALUES (?, ?, ?, 0)");
        sqlite3_bind_int64(q, 1, date);
        sqlite3_bind_int64(q, 2, series[i].id);
        sqlite3_bind_int64(q, 3, series[i].day_th);
        must(store_execute(store, q, &reason) == EW_OK, "day");
        series[i].day_th = 0;
    }
}

// A day (UTC) of every series; sums of the local day that ends in it are written with it.
static void make_day(struct store *store, int64_t day, bool with_gauges, int64_t *local_end_s)
{
    static struct history_value values[SLOTS];
    int64_t end_s = *local_end_s, date_s = end_s - 43200;
    static int64_t rest_th[SERIES]; // of the local day that begins
    memset(rest_th, 0, sizeof(rest_th));
    for (int i = 0; i < series_count; i++) {
        struct made *m = &series[i];
        if (!m->counter && !with_gauges)
            continue;
        for (int s = 0; s < SLOTS; s++) {
            int64_t value = slot_value(m, s), start_s = day * 86400 + s * 600LL;
            values[s] = (struct history_value){.start_s = start_s,
                                               .length_s = 600,
                                               .has_value = true,
                                               .value_th = value,
                                               .low_th = m->counter ? 0 : value - 900,
                                               .high_th = m->counter ? 0 : value + 1700};
            if (m->counter && start_s < end_s)
                m->day_th += value;
            else if (m->counter)
                rest_th[i] += value;
        }
        insert_day(store,
                   m->counter ? "INSERT INTO counter_day VALUES (?, ?)"
                              : "INSERT INTO gauge_day VALUES (?, ?)",
                   (day << 20) + m->id, values, SLOTS, m->counter);
    }
    struct calendar_date date = calendar_local(&history_zone, date_s).date;
    end_local_day(store, (int64_t)date.year * 10000 + date.month * 100LL + date.day);
    for (int i = 0; i < series_count; i++)
        series[i].day_th = rest_th[i];
    *local_end_s = calendar_date_start_s(&history_zone, calendar_add(date, CALENDAR_DAY, 2));
}

// The running day is not packed yet.
static void make_running(struct store *store, int64_t from_s, int64_t to_s)
{
    uint8_t bytes[HISTORY_ENTRY_MAX];
    struct ew_reason reason;
    struct ew_buf data;
    ew_buf_init(&data, 1 << 20);
    for (int64_t start_s = from_s; start_s < to_s; start_s += 600) {
        struct history_slot_writer writer = {0};
        ew_buf_clear(&data);
        ew_buf_add(&data, bytes, history_slot_head(bytes));
        for (int pass = 0; pass < 2; pass++)
            for (int i = 0; i < series_count; i++) {
                int64_t value = slot_value(&series[i], (int)(start_s % 86400 / 600));
                struct history_value v = {.start_s = start_s,
                                          .length_s = 600,
                                          .has_value = true,
                                          .value_th = value,
                                          .low_th = value - 900,
                                          .high_th = value + 1700};
                if (series[i].counter == !pass)
                    ew_buf_add(&data, bytes,
                               history_slot_put(&writer, series[i].id, series[i].counter, &v, bytes));
            }
        sqlite3_stmt *q = store_statement(store, "INSERT INTO slot VALUES (?, 600, ?)");
        sqlite3_bind_int64(q, 1, start_s);
        sqlite3_bind_blob64(q, 2, data.data, data.len, SQLITE_TRANSIENT);
        must(store_execute(store, q, &reason) == EW_OK, "slot");
    }
    ew_buf_done(&data);
}

// As many alarms as are kept, and five charges a day.
static void make_rows(struct store *store, int64_t from_s, int64_t to_s)
{
    char sql[512];
    for (int i = 0; i < ALARMS; i++) {
        int64_t at_s = from_s + (to_s - from_s) / ALARMS * i;
        snprintf(sql, sizeof(sql),
                 "INSERT INTO alarm (at, until, subject, source, device, name, address, code, params, text) "
                 "VALUES (%lld, %s%lld, 'device/%d/status', 'poller', %d, 'Meter %d', '1.%d', "
                 "'device.no_answer', '{}', 'The device does not answer')",
                 (long long)at_s * 1000, i < ALARMS - 5 ? "" : "NULL AND ", (long long)at_s * 1000 + 60000,
                 i % DEVICES + 1, i % DEVICES + 1, i % DEVICES + 1, i % DEVICES + 1);
        run(store, sql);
    }
    for (int i = 0; i < CHARGES; i++) {
        int64_t at_ms = (from_s + (to_s - from_s) / CHARGES * i) * 1000;
        snprintf(sql, sizeof(sql),
                 "INSERT INTO charge (session, station, plugged, started, ended, over, wh, ah, peak_a, "
                 "interruptions) VALUES ('s%d', %d, %lld, %lld, %lld, 1, %d, 60, 31.5, '[]')",
                 i, 200 + i % 8, (long long)at_ms, (long long)at_ms + 5000, (long long)at_ms + 7200000,
                 10000 + i % 977);
        run(store, sql);
    }
}

int64_t history_end_s(int years)
{
    return calendar_date_start_s(&history_zone, (struct calendar_date){FIRST_YEAR + years, 1, 20});
}

void history_make(struct store *store, int years)
{
    int64_t begun_us = ew_clock_up_us();
    int64_t today_s = history_end_s(years);
    int64_t first =
        ew_floor_div(calendar_date_start_s(&history_zone, (struct calendar_date){FIRST_YEAR, 1, 1}), 86400);
    int64_t last = ew_floor_div(today_s, 86400); // begins before the local day: its rest is slots
    int64_t local_end_s = calendar_date_start_s(&history_zone, (struct calendar_date){FIRST_YEAR, 1, 1});
    char sql[256];
    run(store, "PRAGMA synchronous = OFF; BEGIN");
    add_devices(store, today_s - 400 * 86400LL);
    for (int64_t day = first; day < last; day++) {
        make_day(store, day, day >= last - GAUGE_DAYS, &local_end_s);
        if (day % 64 == 0)
            run(store, "COMMIT; BEGIN");
    }
    make_running(store, last * 86400, today_s + RUNNING_S);
    make_rows(store, first * 86400, today_s);
    // The last local day ends inside what is slots now.
    snprintf(sql, sizeof(sql), "DELETE FROM day WHERE date < %d0101 OR date > %d0119", FIRST_YEAR,
             FIRST_YEAR + years);
    run(store, sql);
    run(store, "INSERT INTO month SELECT date / 100, series, sum(value), 0 FROM day GROUP BY 1, 2");
    snprintf(
        sql, sizeof(sql),
        "DELETE FROM month WHERE date >= %d01; DELETE FROM day WHERE date >= %d0119; "
        "UPDATE progress SET rolled_until = %lld; COMMIT",
        FIRST_YEAR + years, FIRST_YEAR + years,
        (long long)calendar_date_start_s(&history_zone, (struct calendar_date){FIRST_YEAR + years, 1, 19}));
    run(store, sql);
    run(store, "PRAGMA wal_checkpoint(TRUNCATE)");
    printf("made in %.0f s: %.0f MB\n", (double)(ew_clock_up_us() - begun_us) / 1e6,
           (double)store_size_bytes(store) / 1e6);
}
