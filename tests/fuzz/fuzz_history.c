// Any bytes as the arguments of each question of the consumption pages, asked of a small history: refused
// with a reason, or answered with JSON that has as many values as spans. Run at the top of the source tree
// (for the migrations).
#include "base/limits.h"
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
    struct sampler_now now = {.wall_s = START_S, .up_ms = 1000, .synchronised = true};
    for (int i = 0; i < 80; i++) {
        if (sampler_tick(sampler, &now, &reason) != EW_OK)
            abort();
        for (int device = 1; device <= 3; device++) {
            struct history_place place = {.circuit = (device + i / 20) % 3, .excluded = device == 3};
            sampler_member(sampler, device, &place, &now);
            sampler_reading(sampler, device, "active_energy_import", true, i * 100.0 * device, now.up_ms,
                            &now);
        }
        now.wall_s += 1800;
        now.up_ms += 1800000;
    }
    pricing = pricing_new(store, sampler);
    pricing_site(pricing, &zone, "EUR", 1);
    world = (struct query_world){store, sampler, &zone, 10.5, pricing};
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

// Asks one kind of question: refused with a sentence, or answered with JSON.
#define ASK(kind)                                                                                            \
    do {                                                                                                     \
        struct ew_reason problem = {.err = EW_OK};                                                           \
        struct query_##kind query;                                                                           \
        struct ew_buf answer;                                                                                \
        ew_buf_init(&answer, 1 << 20);                                                                       \
        enum ew_err err = query_##kind##_read(args, &query, &problem);                                       \
        if (err == EW_OK)                                                                                    \
            err = query_##kind(&world, &query, &answer, &problem);                                           \
        if (err == EW_OK)                                                                                    \
            check_answer(&answer);                                                                           \
        else if (problem.text[0] == 0)                                                                       \
            abort();                                                                                         \
        ew_buf_done(&answer);                                                                                \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cJSON *args = NULL;
    if (ew_json_parse((const char *)data, size, EW_MQTT_PAYLOAD_MAX, &args, NULL) != EW_OK)
        return 0;
    ASK(consumption);
    ASK(history);
    ASK(series);
    ASK(compare);
    cJSON_Delete(args);
    return 0;
}
