// Ten years of 255 devices as the recorder keeps them, and what each page asks of them.
//     history make FOLDER MIGRATIONS [YEARS]    builds FOLDER/history.db (fixed seed; about 2 GB)
//     history ask FOLDER MIGRATIONS [YEARS]     every question by name: p50 and p99 warm, and with the page
//     cache
//                                               dropped (as root) and the database opened anew
// Kept is what the recorder keeps: steps of counters at 10 minutes for all of it, measured quantities for 13
// months, days and months for all of it, the running day as slots. Calls the recorder's own code.
#include "base/buf.h"
#include "base/civil.h"
#include "base/clock.h"
#include "core/history/pack.h"
#include "recorder/query.h"
#include "service/zone.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    DEVICES = 255,
    GAS_FROM = 241,
    WATER_FROM = 251,
    CIRCUITS = 14,
    ZONES = 20,
    COUNTERS = 2, // of a meter of electricity
    GAUGES = 6,
    SERIES = DEVICES * (COUNTERS + GAUGES),
    SLOTS = 144,
    FIRST_YEAR = 2016,
    GAUGE_DAYS = 396,
    RUNNING_S = 51600, // the running day ends at 14:20
    WARM_RUNS = 300,
    COLD_RUNS = 12
};

static const char *const counters[COUNTERS] = {"active_energy_import", "reactive_energy_import"};
static const char *const gauges[GAUGES] = {"active_power", "voltage_l1_n", "current_l1",
                                           "power_factor", "frequency",    "thd_voltage_l1"};

static struct calendar_zone zone;
static uint64_t random_state = 0x9E3779B97F4A7C15u;

static uint32_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

static void must(bool ok, const char *what)
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
    struct calendar_date date = calendar_local(&zone, date_s).date;
    end_local_day(store, (int64_t)date.year * 10000 + date.month * 100LL + date.day);
    for (int i = 0; i < series_count; i++)
        series[i].day_th = rest_th[i];
    *local_end_s = calendar_date_start_s(&zone, calendar_add(date, CALENDAR_DAY, 2));
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

static int64_t end_of(int years)
{
    return calendar_date_start_s(&zone, (struct calendar_date){FIRST_YEAR + years, 1, 20});
}

static void make(struct store *store, int years)
{
    int64_t begun_us = ew_clock_up_us();
    int64_t today_s = end_of(years);
    int64_t first =
        ew_floor_div(calendar_date_start_s(&zone, (struct calendar_date){FIRST_YEAR, 1, 1}), 86400);
    int64_t last = ew_floor_div(today_s, 86400); // begins before the local day: its rest is slots
    int64_t local_end_s = calendar_date_start_s(&zone, (struct calendar_date){FIRST_YEAR, 1, 1});
    char sql[256];
    run(store, "PRAGMA synchronous = OFF; BEGIN");
    add_devices(store, today_s - 400 * 86400LL);
    for (int64_t day = first; day < last; day++) {
        make_day(store, day, day >= last - GAUGE_DAYS, &local_end_s);
        if (day % 64 == 0)
            run(store, "COMMIT; BEGIN");
    }
    make_running(store, last * 86400, today_s + RUNNING_S);
    // The last local day ends inside what is slots now.
    snprintf(sql, sizeof(sql), "DELETE FROM day WHERE date < %d0101 OR date > %d0119", FIRST_YEAR,
             FIRST_YEAR + years);
    run(store, sql);
    run(store, "INSERT INTO month SELECT date / 100, series, sum(value), 0 FROM day GROUP BY 1, 2");
    snprintf(sql, sizeof(sql),
             "DELETE FROM month WHERE date >= %d01; DELETE FROM day WHERE date >= %d0119; "
             "UPDATE progress SET rolled_until = %lld; COMMIT",
             FIRST_YEAR + years, FIRST_YEAR + years,
             (long long)calendar_date_start_s(&zone, (struct calendar_date){FIRST_YEAR + years, 1, 19}));
    run(store, sql);
    run(store, "PRAGMA wal_checkpoint(TRUNCATE)");
    printf("made in %.0f s: %.0f MB\n", (double)(ew_clock_up_us() - begun_us) / 1e6,
           (double)store_size_bytes(store) / 1e6);
}

// ---- Asking ----------------------------------------------------------------------------------------------

struct world {
    struct store *store;
    struct sampler *sampler;
    struct pricing *pricing;
    struct query_world query;
    const char *path, *migrations;
    int years;
};

static void ignore_event(void *user, const struct ew_reason *event)
{
    (void)user;
    (void)event;
}

static void configure(struct world *w)
{
    static const struct site_cost_rule rules[] = {
        {1, SITE_ELECTRICITY, 0, {71, 0, 0, false, 6 * 60, 22 * 60 - 1, 0x7F}},
        {2, SITE_ELECTRICITY, 1, {72, 0, 0, false, 0, 1439, 0x7F}},
        {3, SITE_GAS, 2, {73, 0, 0, false, 0, 1439, 0x7F}},
        {4, SITE_WATER, 3, {74, 0, 0, false, 0, 1439, 0x7F}}};
    for (int i = 0; i < 4; i++) {
        struct site_tariff tariff = {.id = 71 + i, .service = rules[i].service, .price_count = 1};
        tariff.prices[0].micro = 150000;
        pricing_tariff(w->pricing, tariff.id, &tariff, 1);
        pricing_rule(w->pricing, i + 1, &rules[i], 1);
    }
    pricing_site(w->pricing, &zone, "EUR", 1);
}

static void open_world(struct world *w)
{
    struct ew_reason reason;
    if (store_open(w->path, w->migrations, &w->store, &reason) != EW_OK) {
        fprintf(stderr, "%s: %s\n", reason.path, reason.text);
        exit(1);
    }
    w->sampler = sampler_new(w->store, "boot", 0, ignore_event, NULL);
    sampler_configure(w->sampler, &zone, 10);
    must(sampler_load(w->sampler, &reason) == EW_OK, "load");
    w->pricing = pricing_new(w->store, w->sampler);
    must(pricing_load(w->pricing, &reason) == EW_OK, "pricing");
    configure(w);
    bool more = true;
    while (more)
        must(pricing_work(w->pricing, 10000, 1000, &more, &reason) == EW_OK, "pricing");
    w->query = (struct query_world){w->store, w->sampler, &zone, 10.5, w->pricing};
}

static void close_world(struct world *w)
{
    pricing_free(w->pricing);
    sampler_free(w->sampler);
    store_close(w->store);
}

enum kind { HISTORY, SERIES_OF, COMPARE, TARIFFS };

// %D a day of the last year, %M the first of one of the last 12 months, %Y the first of the last whole year,
// %E the first of January of the first year, %N today, %d a device, %e another, %z a zone, %c a circuit.
static const struct question {
    const char *name;
    enum kind kind;
    const char *args;
} questions[] = {
    {"total: today by hour, with yesterday, by circuit", HISTORY,
     "{\"by\":\"hour\",\"from\":\"%N\",\"spans\":24,\"previous\":true}"},
    {"total: a day by hour, with the one before", HISTORY,
     "{\"by\":\"hour\",\"from\":\"%D\",\"spans\":24,\"previous\":true}"},
    {"total: a month by day, with the one before", HISTORY,
     "{\"by\":\"day\",\"from\":\"%M\",\"spans\":31,\"previous\":true}"},
    {"total: a year by month, with the one before", HISTORY,
     "{\"by\":\"month\",\"from\":\"%Y\",\"spans\":12,\"previous\":true}"},
    {"total: a month by day, in money, by circuit", HISTORY,
     "{\"by\":\"day\",\"from\":\"%M\",\"spans\":31,\"previous\":true,\"cost\":true}"},
    {"total: a year by month, in money, by circuit", HISTORY,
     "{\"by\":\"month\",\"from\":\"%Y\",\"spans\":12,\"cost\":true}"},
    {"total: ten years", HISTORY, "{\"by\":\"year\",\"from\":\"%E\",\"spans\":10}"},
    {"global: a day by hour, units and costs", HISTORY,
     "{\"by\":\"hour\",\"from\":\"%D\",\"spans\":24,\"group\":\"service\",\"cost\":true}"},
    {"global: a month by day, units and costs", HISTORY,
     "{\"by\":\"day\",\"from\":\"%M\",\"spans\":31,\"group\":\"service\",\"cost\":true,\"equivalent\":true}"},
    {"global: a year by month, units and costs", HISTORY,
     "{\"by\":\"month\",\"from\":\"%Y\",\"spans\":12,\"group\":\"service\",\"cost\":true}"},
    {"global: ten years, units and costs", HISTORY,
     "{\"by\":\"year\",\"from\":\"%E\",\"spans\":10,\"group\":\"service\",\"cost\":true}"},
    {"partial: all zones, a day by hour", HISTORY,
     "{\"by\":\"hour\",\"from\":\"%D\",\"spans\":24,\"group\":\"zone\",\"previous\":true}"},
    {"partial: a zone's devices, a month by day", HISTORY,
     "{\"by\":\"day\",\"from\":\"%M\",\"spans\":31,\"group\":\"device\",\"zone\":%z}"},
    {"partial: a circuit's devices, a year by month", HISTORY,
     "{\"by\":\"month\",\"from\":\"%Y\",\"spans\":12,\"group\":\"device\",\"circuit\":%c}"},
    {"all devices, a month by day", HISTORY,
     "{\"by\":\"day\",\"from\":\"%M\",\"spans\":31,\"group\":\"device\"}"},
    {"details: a device, a day by hour", HISTORY,
     "{\"by\":\"hour\",\"from\":\"%D\",\"spans\":24,\"group\":\"device\",\"device\":%d,\"previous\":true,"
     "\"cost\":true}"},
    {"details: a device, a month by day", HISTORY,
     "{\"by\":\"day\",\"from\":\"%M\",\"spans\":31,\"group\":\"device\",\"device\":%d,\"previous\":true,"
     "\"cost\":true}"},
    {"details: a device, a year by month", HISTORY,
     "{\"by\":\"month\",\"from\":\"%Y\",\"spans\":12,\"group\":\"device\",\"device\":%d,\"previous\":true,"
     "\"cost\":true}"},
    {"details: a device, ten years", HISTORY,
     "{\"by\":\"year\",\"from\":\"%E\",\"spans\":10,\"group\":\"device\",\"device\":%d,\"cost\":true}"},
    {"comparison: a day by hour", COMPARE,
     "{\"by\":\"hour\",\"from\":\"%D\",\"spans\":24,\"devices\":[%d,%e]}"},
    {"comparison: a year by month, only by cost", COMPARE,
     "{\"by\":\"month\",\"from\":\"%Y\",\"spans\":12,\"devices\":[%d,245]}"},
    {"series: a day of power, as recorded", SERIES_OF,
     "{\"device\":%d,\"quantity\":\"active_power\",\"from\":\"%DT00:00:00Z\",\"to\":\"%NT00:00:00Z\","
     "\"points\":2000}"},
    {"series: 13 months of power in 500 points", SERIES_OF,
     "{\"device\":%d,\"quantity\":\"active_power\",\"from\":\"2024-12-25T00:00:00Z\",\"to\":\"%NT00:00:"
     "00Z\"}"},
    {"series: ten years of energy in 500 points", SERIES_OF,
     "{\"device\":%d,\"quantity\":\"active_energy_import\",\"from\":\"%ET00:00:00Z\",\"to\":\"%NT00:00:"
     "00Z\"}"},
    {"tariffs: total of a year", TARIFFS,
     "{\"service\":\"electricity\",\"by\":\"year\",\"from\":\"%Y\",\"spans\":1}"},
    {"tariffs: a device, a month by day", TARIFFS,
     "{\"service\":\"electricity\",\"by\":\"day\",\"from\":\"%M\",\"spans\":31,\"device\":%d}"},
};
enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

static void add_hole(const struct world *w, char hole, struct ew_buf *out)
{
    int year = FIRST_YEAR + w->years - 1;
    switch (hole) {
    case 'D':
        ew_buf_printf(out, "%d-%02u-%02u", year, 1 + next_random() % 12, 1 + next_random() % 28);
        break;
    case 'M':
        ew_buf_printf(out, "%d-%02u-01", year, 1 + next_random() % 12);
        break;
    case 'Y':
        ew_buf_printf(out, "%d-01-01", year);
        break;
    case 'E':
        ew_buf_printf(out, "%d-01-01", FIRST_YEAR);
        break;
    case 'N':
        ew_buf_printf(out, "%d-01-20", year + 1);
        break;
    case 'd':
        ew_buf_printf(out, "%u", 2 + next_random() % 100);
        break;
    case 'e':
        ew_buf_printf(out, "%u", 110 + next_random() % 100);
        break;
    case 'z':
        ew_buf_printf(out, "%u", 1100 + next_random() % ZONES);
        break;
    default:
        ew_buf_printf(out, "%u", 1000 + next_random() % CIRCUITS);
    }
}

static enum ew_err ask(struct world *w, const struct question *question, const cJSON *args,
                       struct ew_buf *json, struct ew_reason *reason)
{
    union {
        struct query_history history;
        struct query_series series;
        struct query_compare compare;
        struct pricing_query pricing;
    } q;
    enum ew_err err = EW_OK;
    switch (question->kind) {
    case HISTORY:
        err = query_history_read(args, &q.history, reason);
        return err == EW_OK ? query_history(&w->query, &q.history, json, reason) : err;
    case SERIES_OF:
        err = query_series_read(args, &q.series, reason);
        return err == EW_OK ? query_series(&w->query, &q.series, json, reason) : err;
    case COMPARE:
        err = query_compare_read(args, &q.compare, reason);
        return err == EW_OK ? query_compare(&w->query, &q.compare, json, reason) : err;
    case TARIFFS:
        err = pricing_query_read(args, &q.pricing, reason);
        break;
    }
    return err == EW_OK ? pricing_answer(w->pricing, &q.pricing, json, reason) : err;
}

static int64_t time_us(bool processor)
{
    struct timespec now;
    if (!processor || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
        return ew_clock_up_us();
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static double ask_ms(struct world *w, const struct question *question, bool processor)
{
    struct ew_buf text, json;
    struct ew_reason reason = {0};
    ew_buf_init(&text, 4096);
    ew_buf_init(&json, 8 << 20);
    for (const char *p = question->args; *p; p++)
        if (*p == '%')
            add_hole(w, *++p, &text);
        else
            ew_buf_add(&text, p, 1);
    int64_t begun_us = time_us(processor);
    cJSON *args = cJSON_Parse(ew_buf_text(&text));
    enum ew_err err = ask(w, question, args, &json, &reason);
    double ms = (double)(time_us(processor) - begun_us) / 1000;
    if (err != EW_OK || json.len < 100) {
        fprintf(stderr, "%s: %s: %s\n", question->name, ew_buf_text(&text), reason.text);
        exit(1);
    }
    cJSON_Delete(args);
    ew_buf_done(&json);
    ew_buf_done(&text);
    return ms;
}

static int by_value(const void *a, const void *b)
{
    const double *one = a, *other = b;
    return (*one > *other) - (*one < *other);
}

static bool drop_page_cache(void)
{
    sync();
    int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
    bool dropped = fd >= 0 && write(fd, "3", 1) == 1;
    if (fd >= 0)
        close(fd);
    return dropped;
}

static void ask_all(struct world *w)
{
    static double ms[WARM_RUNS];
    open_world(w);
    printf("%-52s %9s %9s %10s %10s\n", "question (ms)", "warm p50", "warm p99", "cold p50", "cold max");
    for (int i = 0; i < QUESTIONS; i++) {
        for (int k = 0; k < 20; k++)
            (void)ask_ms(w, &questions[i], true);
        for (int k = 0; k < WARM_RUNS; k++)
            ms[k] = ask_ms(w, &questions[i], true);
        qsort(ms, WARM_RUNS, sizeof(*ms), by_value);
        double p50 = ms[WARM_RUNS / 2], p99 = ms[WARM_RUNS * 99 / 100];
        int cold = 0;
        for (; cold < COLD_RUNS; cold++) {
            sqlite3_db_release_memory(store_db(w->store));
            if (!drop_page_cache())
                break;
            ms[cold] = ask_ms(w, &questions[i], false);
        }
        qsort(ms, (size_t)cold, sizeof(*ms), by_value);
        if (cold)
            printf("%-52s %9.1f %9.1f %10.1f %10.1f\n", questions[i].name, p50, p99, ms[cold / 2],
                   ms[cold - 1]);
        else
            printf("%-52s %9.1f %9.1f %10s %10s\n", questions[i].name, p50, p99, "not root", "");
        fflush(stdout);
    }
    close_world(w);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    char path[512];
    struct ew_reason reason;
    struct world w = {
        .path = path, .migrations = argv[3], .years = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 10};
    snprintf(path, sizeof(path), "%s/history.db", argv[2]);
    must(ew_zone_load("Europe/Paris", &zone, &reason) == EW_OK, "zone");
    if (strcmp(argv[1], "ask") == 0) {
        ask_all(&w);
        return 0;
    }
    must(store_open(path, argv[3], &w.store, &reason) == EW_OK, "open");
    make(w.store, w.years);
    store_close(w.store);
    return 0;
}
