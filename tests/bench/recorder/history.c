// Ten years of 255 devices as the recorder keeps them, and what each page asks of them.
//     history make FOLDER MIGRATIONS [YEARS]    builds FOLDER/history.db (fixed seed; about 2 GB)
//     history price FOLDER MIGRATIONS [YEARS]   puts it in money, then anew by other rules, and says how long
//     history ask FOLDER MIGRATIONS [YEARS] [PART]
//                                               every question of the pages by name (or those with PART in
//                                               it), as a table: p50 and p99 warm (processor time), and the
//                                               page cache dropped (as root; time that passed)
// Kept is what the recorder keeps: steps of counters at 10 minutes for all of it, measured quantities for 13
// months, days and months for all of it, the running day as slots. Calls the recorder's own code.
#include "history.h"

#include "base/buf.h"
#include "base/clock.h"
#include "recorder/charges.h"
#include "recorder/journal.h"
#include "recorder/query.h"
#include "service/zone.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WARM_RUNS = 150, COLD_RUNS = 3 };

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

// Prices that changed four times, twice of them inside a month.
static const struct tariff_price prices[] = {
    {0, 150000}, {20170101, 160000}, {20190315, 171000}, {20230201, 240000}, {20250512, 220000}};

static void configure(struct world *w, int day_from_min)
{
    const struct site_cost_rule rules[] = {
        {1, SITE_ELECTRICITY, 0, {71, 0, 0, false, day_from_min, 22 * 60 - 1, 0x7F}},
        {2, SITE_ELECTRICITY, 1, {72, 0, 0, false, 0, 1439, 0x7F}},
        {3, SITE_GAS, 2, {73, 0, 0, false, 0, 1439, 0x7F}},
        {4, SITE_WATER, 3, {74, 0, 0, false, 0, 1439, 0x7F}}};
    for (int i = 0; i < 4; i++) {
        struct site_tariff tariff = {
            .id = 71 + i, .service = rules[i].service, .price_count = TARIFF_PRICES_MAX};
        memcpy(tariff.prices, prices, sizeof(prices));
        pricing_tariff(w->pricing, tariff.id, &tariff, 1);
        pricing_rule(w->pricing, i + 1, &rules[i], 1);
    }
    pricing_site(w->pricing, &history_zone, "EUR", 1);
}

enum { DAY_FROM_MIN = 6 * 60, OTHER_FROM_MIN = 7 * 60 };

// Until all is priced and nothing else is left; in slices as the recorder's.
static void price_all(struct world *w)
{
    struct ew_reason reason;
    bool more = true;
    while (more)
        must(pricing_work(w->pricing, 10000, 100, &more, &reason) == EW_OK, "pricing");
}

static void open_world(struct world *w)
{
    struct ew_reason reason;
    if (store_open(w->path, w->migrations, &w->store, &reason) != EW_OK) {
        fprintf(stderr, "%s: %s\n", reason.path, reason.text);
        exit(1);
    }
    w->sampler = sampler_new(w->store, "boot", 0, ignore_event, NULL);
    sampler_configure(w->sampler, &history_zone, 10);
    must(sampler_load(w->sampler, &reason) == EW_OK, "load");
    w->pricing = pricing_new(w->store, w->sampler);
    must(pricing_load(w->pricing, &reason) == EW_OK, "pricing");
    w->query = (struct query_world){w->store, w->sampler, &history_zone, 10.5, w->pricing, 230};
}

static void close_world(struct world *w)
{
    pricing_free(w->pricing);
    sampler_free(w->sampler);
    store_close(w->store);
}

// What the pages ask (web-spa/src/pages): each view in each of its periods. %p is the period, as the page
// asks it; %D a day of the last year, %M the first of one of its months, %Y the first of it, %E of the first
// year, %N today, %A a moment of the last 13 months, %d a device, %e another, %z a zone, %c a circuit.
enum kind { HISTORY, SERIES_OF, COMPARE, TARIFFS, CALENDAR, ALARMS_OF, CHARGES_OF, CONSUMPTION };

static const struct period {
    const char *name, *args;
} periods[] = {{"a day", "\"by\":\"hour\",\"from\":\"%D\",\"spans\":24"},
               {"today", "\"by\":\"hour\",\"from\":\"%N\",\"spans\":24"},
               {"a month", "\"by\":\"day\",\"from\":\"%M\",\"spans\":31"},
               {"a year", "\"by\":\"month\",\"from\":\"%Y\",\"spans\":12"},
               {"ten years", "\"by\":\"year\",\"from\":\"%E\",\"spans\":10"}};
enum { PERIODS = sizeof(periods) / sizeof(periods[0]) };

static const struct question {
    const char *name;
    enum kind kind;
    const char *args;
} questions[] = {
    {"total", HISTORY,
     "{%p,\"group\":\"circuit\",\"service\":\"electricity\",\"previous\":true,\"cost\":false}"},
    {"total, money", HISTORY,
     "{%p,\"group\":\"circuit\",\"service\":\"electricity\",\"previous\":true,\"cost\":true}"},
    {"global", HISTORY, "{%p,\"group\":\"service\",\"previous\":true,\"cost\":false}"},
    {"global, money", HISTORY, "{%p,\"group\":\"service\",\"previous\":true,\"cost\":true}"},
    {"all zones", HISTORY,
     "{%p,\"group\":\"zone\",\"service\":\"electricity\",\"previous\":true,\"cost\":false}"},
    {"all zones, money", HISTORY,
     "{%p,\"group\":\"zone\",\"service\":\"electricity\",\"previous\":true,\"cost\":true}"},
    {"a zone's circuits, money", HISTORY,
     "{%p,\"group\":\"circuit\",\"service\":\"electricity\",\"previous\":true,\"cost\":true,\"zone\":%z}"},
    {"a circuit's devices, money", HISTORY,
     "{%p,\"group\":\"device\",\"service\":\"electricity\",\"previous\":true,\"cost\":true,\"zone\":%z,"
     "\"circuit\":%c}"},
    {"gas meters, money", HISTORY,
     "{%p,\"group\":\"device\",\"service\":\"gas\",\"previous\":true,\"cost\":true,\"zone\":%z}"},
    {"a device", HISTORY, "{%p,\"group\":\"device\",\"device\":%d,\"previous\":true,\"cost\":false}"},
    {"a device, money", HISTORY, "{%p,\"group\":\"device\",\"device\":%d,\"previous\":true,\"cost\":true}"},
    {"two devices", COMPARE, "{%p,\"devices\":[%d,%e]}"},
    {"two services, by cost", COMPARE, "{%p,\"devices\":[%d,245]}"},
    {"tariffs", TARIFFS, "{%p,\"service\":\"electricity\"}"},
    {"tariffs of a device", TARIFFS, "{%p,\"service\":\"electricity\",\"device\":%d}"},
    {"tariff calendar of a year", CALENDAR, "{\"service\":\"electricity\",\"year\":2025}"},
    {"consumption of today, by circuit", CONSUMPTION, "{\"by\":\"hour\",\"from\":\"%N\",\"spans\":24}"},
    {"Green'Up: a phase's current, 24 hours", SERIES_OF,
     "{\"device\":%d,\"quantity\":\"current_l1\",\"from\":\"%DT00:00:00Z\",\"to\":\"%DT23:59:00Z\","
     "\"points\":288}"},
    {"Green'Up: charges of 24 hours", CHARGES_OF,
     "{\"from\":\"%DT00:00:00Z\",\"to\":\"%DT23:59:00Z\",\"limit\":100}"},
    {"alarms", ALARMS_OF, "{\"offset\":0,\"limit\":50,\"sort\":\"at\",\"down\":true}"},
    {"alarms that go on", ALARMS_OF, "{\"active\":true}"},
    {"alarms with a word, by device", ALARMS_OF, "{\"text\":\"meter 3\",\"sort\":\"device\",\"down\":false}"},
    {"series: a day of power, as recorded", SERIES_OF,
     "{\"device\":%d,\"quantity\":\"active_power\",\"from\":\"%DT00:00:00Z\",\"to\":\"%DT23:59:00Z\","
     "\"points\":2000}"},
    {"series: 13 months of power in 500 points", SERIES_OF,
     "{\"device\":%d,\"quantity\":\"active_power\",\"from\":\"2024-12-25T00:00:00Z\",\"to\":\"%NT00:00:"
     "00Z\"}"},
    {"series: ten years of energy in 500 points", SERIES_OF,
     "{\"device\":%d,\"quantity\":\"active_energy_import\",\"from\":\"%ET00:00:00Z\",\"to\":\"%NT00:00:"
     "00Z\"}"},
};
enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

static uint32_t asked_day; // the same for all %D of one question

static void add_hole(const struct world *w, char hole, struct ew_buf *out)
{
    int year = FIRST_YEAR + w->years - 1;
    switch (hole) {
    case 'D':
        ew_buf_printf(out, "%d-%02u-%02u", year, 1 + asked_day % 12, 1 + asked_day / 12 % 28);
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

static void fill_holes(const struct world *w, const char *args, const struct period *period,
                       struct ew_buf *out)
{
    for (const char *p = args; *p; p++)
        if (*p == '%' && p[1] == 'p' && period)
            fill_holes(w, period->args, NULL, out), p++;
        else if (*p == '%')
            add_hole(w, *++p, out);
        else
            ew_buf_add(out, p, 1);
}

static enum ew_err ask(struct world *w, const struct question *question, const cJSON *args,
                       struct ew_buf *json, struct ew_reason *reason)
{
    union {
        struct query_history history;
        struct query_series series;
        struct query_compare compare;
        struct pricing_query pricing;
        struct query_consumption consumption;
        struct journal_query alarms;
        struct charges_query charges;
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
        return err == EW_OK ? pricing_answer(w->pricing, &q.pricing, json, reason) : err;
    case CALENDAR:
        return pricing_calendar(w->pricing, args, history_end_s(w->years), json, reason);
    case ALARMS_OF:
        err = journal_query_read(args, &q.alarms, reason);
        return err == EW_OK ? journal_query(w->store, &q.alarms, json, reason) : err;
    case CHARGES_OF:
        err = charges_query_read(args, &q.charges, reason);
        return err == EW_OK ? charges_query(w->store, &q.charges, json, reason) : err;
    case CONSUMPTION:
        err = query_consumption_read(args, &q.consumption, reason);
        return err == EW_OK ? query_consumption(&w->query, &q.consumption, json, reason) : err;
    }
    return err;
}

static int64_t time_us(bool processor)
{
    struct timespec now;
    if (!processor || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
        return ew_clock_up_us();
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static double ask_ms(struct world *w, const struct question *question, const struct period *period,
                     bool processor)
{
    struct ew_buf text, json;
    struct ew_reason reason = {0};
    ew_buf_init(&text, 4096);
    ew_buf_init(&json, 8 << 20);
    asked_day = next_random();
    fill_holes(w, question->args, period, &text);
    int64_t begun_us = time_us(processor);
    cJSON *args = cJSON_Parse(ew_buf_text(&text));
    enum ew_err err = ask(w, question, args, &json, &reason);
    double ms = (double)(time_us(processor) - begun_us) / 1000;
    if (err != EW_OK || json.len < 30) {
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

enum { ASKED_MAX = QUESTIONS * PERIODS };

static struct asked {
    const struct question *question;
    const struct period *period; // NULL: it has none
    double p50_ms, p99_ms;
} asked[ASKED_MAX];

static int find_asked(const char *part)
{
    int count = 0;
    for (int i = 0; i < QUESTIONS; i++) {
        bool by_period = strstr(questions[i].args, "%p");
        for (int k = 0; k < (by_period ? PERIODS : 1); k++) {
            const struct period *period = by_period ? &periods[k] : NULL;
            char name[128];
            snprintf(name, sizeof(name), "%s, %s", questions[i].name, period ? period->name : "");
            if (!part || strstr(name, part))
                asked[count++] = (struct asked){&questions[i], period, 0, 0};
        }
    }
    return count;
}

static void read_whole(const char *path)
{
    static char block[1 << 20];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && read(fd, block, sizeof(block)) > 0)
        ;
    if (fd >= 0)
        close(fd);
}

static void ask_warm(struct world *w, struct asked *a)
{
    static double ms[WARM_RUNS];
    for (int k = 0; k < 5; k++)
        (void)ask_ms(w, a->question, a->period, true);
    for (int k = 0; k < WARM_RUNS; k++)
        ms[k] = ask_ms(w, a->question, a->period, true);
    qsort(ms, WARM_RUNS, sizeof(*ms), by_value);
    a->p50_ms = ms[WARM_RUNS / 2];
    a->p99_ms = ms[WARM_RUNS * 99 / 100];
}

static void ask_cold(struct world *w, const struct asked *a)
{
    double ms[COLD_RUNS];
    int cold = 0;
    for (; cold < COLD_RUNS; cold++) {
        sqlite3_db_release_memory(store_db(w->store));
        if (!drop_page_cache())
            break;
        ms[cold] = ask_ms(w, a->question, a->period, false);
    }
    qsort(ms, (size_t)cold, sizeof(*ms), by_value);
    printf("| %s%s%s | %.1f | %.1f | ", a->question->name, a->period ? ", " : "",
           a->period ? a->period->name : "", a->p50_ms, a->p99_ms);
    if (cold)
        printf("%.0f | %.0f |\n", ms[cold / 2], ms[cold - 1]);
    else
        printf("not root | |\n");
    fflush(stdout);
}

static void ask_all(struct world *w, const char *part)
{
    double worst_ms = 0;
    int count = find_asked(part);
    open_world(w);
    configure(w, DAY_FROM_MIN);
    price_all(w);
    read_whole(w->path); // all of it warm, before any is cold
    for (int i = 0; i < count; i++) {
        ask_warm(w, &asked[i]);
        worst_ms = asked[i].p99_ms > worst_ms ? asked[i].p99_ms : worst_ms;
    }
    printf("| question (ms) | warm p50 | p99 | cold p50 | slowest |\n|---|---|---|---|---|\n");
    for (int i = 0; i < count; i++)
        ask_cold(w, &asked[i]);
    printf("\n%d questions, slowest warm p99 %.1f ms\n", count, worst_ms);
    close_world(w);
}

// How long it takes to put all of history in money, and to do it anew while the old figures are shown.
static void price(struct world *w)
{
    static const int from_min[] = {OTHER_FROM_MIN, DAY_FROM_MIN};
    open_world(w);
    for (int i = 0; i < 2; i++) {
        int64_t begun_us = ew_clock_up_us(), processor_us = time_us(true);
        configure(w, from_min[i]);
        price_all(w);
        printf("%d years of %d devices in money, %s: %.1f s (%.1f s of processor time)\n", w->years, DEVICES,
               i ? "anew by other rules, the old ones dropped" : "for the first time",
               (double)(ew_clock_up_us() - begun_us) / 1e6, (double)(time_us(true) - processor_us) / 1e6);
        fflush(stdout);
    }
    printf("%.0f MB\n", (double)store_size_bytes(w->store) / 1e6);
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
    must(ew_zone_load("Europe/Paris", &history_zone, &reason) == EW_OK, "zone");
    if (strcmp(argv[1], "ask") == 0) {
        ask_all(&w, argc > 5 ? argv[5] : NULL);
        return 0;
    }
    if (strcmp(argv[1], "price") == 0) {
        price(&w);
        return 0;
    }
    must(store_open(path, argv[3], &w.store, &reason) == EW_OK, "open");
    history_make(w.store, w.years);
    store_close(w.store);
    return 0;
}
