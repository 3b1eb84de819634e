// Any bytes as the arguments of each question of the pages (consumption, costs, alarms, charges), asked of a
// small history with money and a journal: refused with a reason, or answered with JSON that has as many
// values as spans. Run at the top of the source tree (for the migrations).
#include "base/limits.h"
#include "recorder/charges.h"
#include "recorder/journal.h"
#include "recorder/query.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { START_S = 1792886400 }; // 2026-10-25T00:00:00Z: the hour 02 comes twice

static struct store *store;
static struct sampler *sampler;
static const struct calendar_zone zone = {.count = 2, .transitions = {{INT64_MIN, 7200}, {1792890000, 3600}}};

static struct pricing *pricing;
static struct query_world world;

static void ignore_event(void *user, const struct ew_reason *event)
{
    (void)user;
    (void)event;
}

// Four days of three devices, one of them water and excluded, one that moves; made by the sampler.
static void make_history(void)
{
    struct ew_reason reason;
    struct sampler_now now = {.wall_s = START_S, .up_ms = 1000, .synchronised = true};
    for (int i = 0; i < 200; i++) {
        if (sampler_tick(sampler, &now, &reason) != EW_OK)
            abort();
        for (int device = 1; device <= 3; device++) {
            struct history_place place = {.circuit = (device + i / 20) % 3,
                                          .excluded = device == 3,
                                          .service = device == 3 ? SITE_WATER : SITE_ELECTRICITY};
            sampler_member(sampler, device, &place, &now);
            sampler_reading(sampler, device, device == 3 ? "volume" : "active_energy_import", true,
                            i * 100.0 * device, now.up_ms, &now);
        }
        now.wall_s += 1800;
        now.up_ms += 1800000;
    }
}

// Rules that cut the day, prices that begin inside the history; all its days priced.
static void make_prices(void)
{
    static const struct site_cost_rule rules[] = {
        {1, SITE_ELECTRICITY, 0, {71, 0, 0, false, 22 * 60, 6 * 60 - 1, 0x7F}},
        {2, SITE_ELECTRICITY, 1, {72, 0, 0, true, 0, 1439, 0x1F}},
        {3, SITE_WATER, 2, {73, 0, 0, false, 0, 1439, 0x7F}}};
    struct ew_reason reason;
    bool more = true;
    if (pricing_load(pricing, &reason) != EW_OK)
        abort();
    for (int i = 0; i < 3; i++) {
        struct site_tariff tariff = {.id = 71 + i,
                                     .service = rules[i].service,
                                     .price_count = 2,
                                     .prices = {{0, 150000}, {20261027, 1234567}}};
        pricing_tariff(pricing, tariff.id, &tariff, 1);
        pricing_rule(pricing, rules[i].id, &rules[i], 1);
    }
    pricing_site(pricing, &zone, "EUR", 1);
    while (more)
        if (pricing_work(pricing, 10000, 1000, &more, &reason) != EW_OK)
            abort();
}

static void make_journal(void)
{
    struct ew_reason reason;
    for (int i = 0; i < 20; i++) {
        struct journal_entry entry = {.at_ms = (START_S + i * 600LL) * 1000,
                                      .subject = i % 2 ? "device/1/status" : "bus/1/status",
                                      .source = "poller",
                                      .device = i % 3,
                                      .name = "Meter",
                                      .address = "1.2",
                                      .code = i % 4 ? "a.b" : "c.d",
                                      .params = "{}",
                                      .text = "no answer"};
        if ((i % 5 ? journal_begin(store, &entry, NULL, &reason) : journal_note(store, &entry, &reason)) !=
            EW_OK)
            abort();
    }
    for (int i = 0; i < 9; i++) {
        char text[256];
        cJSON *tree;
        (void)ew_format(text, sizeof(text),
                        "{\"session\":\"s%d\",\"station\":%d,\"plugged_at\":\"2026-10-25T0%d:00:00Z\","
                        "\"started\":null,\"ended\":null,\"ah\":1,\"peak_a\":16,\"interruptions\":[]}",
                        i, 1 + i % 2, i);
        if (ew_json_parse(text, strlen(text), sizeof(text), &tree, &reason) != EW_OK ||
            charges_take(store, tree, &reason) != EW_OK)
            abort();
        cJSON_Delete(tree);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct ew_reason reason;
    if (store_open(":memory:", "gateway/recorder/migrations", &store, &reason) != EW_OK)
        abort();
    sampler = sampler_new(store, "boot", 0, ignore_event, NULL);
    sampler_configure(sampler, &zone, 60);
    if (sampler_load(sampler, &reason) != EW_OK)
        abort();
    make_history();
    pricing = pricing_new(store, sampler);
    make_prices();
    make_journal();
    world = (struct query_world){store, sampler, &zone, 10.5, pricing, 230};
    return 0;
}

static void check_answer(const struct ew_buf *json)
{
    cJSON *tree = NULL;
    if (json->full)
        return;
    if (ew_json_parse(json->data, json->len, json->len, &tree, NULL) != EW_OK)
        abort();
    const cJSON *row, *spans = cJSON_GetObjectItemCaseSensitive(tree, "spans");
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(tree, "rows"))
    {
        const cJSON *values = cJSON_GetObjectItemCaseSensitive(row, "values");
        if (!cJSON_IsNull(values) && cJSON_GetArraySize(values) != cJSON_GetArraySize(spans))
            abort();
    }
    cJSON_Delete(tree);
}

// What came of a question: refused with a sentence, or answered with JSON.
static void check(enum ew_err err, struct ew_buf *answer, const struct ew_reason *problem)
{
    if (err == EW_OK)
        check_answer(answer);
    else if (problem->text[0] == 0)
        abort();
    ew_buf_done(answer);
}

// Asks one kind of question by its arguments.
#define ASK(kind, type, read, write)                                                                         \
    do {                                                                                                     \
        struct ew_reason problem = {.err = EW_OK};                                                           \
        struct type query;                                                                                   \
        struct ew_buf answer;                                                                                \
        ew_buf_init(&answer, 1 << 20);                                                                       \
        enum ew_err err = read(args, &query, &problem);                                                      \
        if (err == EW_OK)                                                                                    \
            err = write(kind, &query, &answer, &problem);                                                    \
        check(err, &answer, &problem);                                                                       \
    } while (0)

// To its end at once.
static enum ew_err ask_quality(const struct query_world *of, const struct query_quality *query,
                               struct ew_buf *ret_json, struct ew_reason *reason)
{
    struct query_quality_run *run = NULL;
    bool done = false;
    enum ew_err err = query_quality_begin(of, query, ret_json, &run, reason);
    while (err == EW_OK && !done)
        err = query_quality_step(run, &done, reason);
    query_quality_free(run);
    return err;
}

static void ask_calendar(const cJSON *args)
{
    struct ew_reason problem = {.err = EW_OK};
    struct ew_buf answer;
    ew_buf_init(&answer, 1 << 20);
    check(pricing_calendar(pricing, args, START_S + 86400, &answer, &problem), &answer, &problem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cJSON *args = NULL;
    if (ew_json_parse((const char *)data, size, EW_MQTT_PAYLOAD_MAX, &args, NULL) != EW_OK)
        return 0;
    ASK(&world, query_consumption, query_consumption_read, query_consumption);
    ASK(&world, query_history, query_history_read, query_history);
    ASK(&world, query_series, query_series_read, query_series);
    ASK(&world, query_compare, query_compare_read, query_compare);
    ASK(&world, query_quality, query_quality_read, ask_quality);
    ASK(pricing, pricing_query, pricing_query_read, pricing_answer);
    ASK(store, journal_query, journal_query_read, journal_query);
    ASK(store, charges_query, charges_query_read, charges_query);
    ask_calendar(args);
    cJSON_Delete(args);
    return 0;
}
