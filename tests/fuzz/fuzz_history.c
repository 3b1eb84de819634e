// Any bytes as the arguments of recorder/consumption, asked of a small history: refused with a reason, or
// answered with JSON that has as many values as spans. Run at the top of the source tree (for the
// migrations).
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
            sampler_member(sampler, device, (device + i / 20) % 3, device == 3, &now);
            sampler_reading(sampler, device, "active_energy_import", true, i * 100.0 * device, now.up_ms,
                            &now);
        }
        now.wall_s += 1800;
        now.up_ms += 1800000;
    }
    return 0;
}

static void check_answer(const struct ew_buf *json, int spans)
{
    cJSON *tree = NULL;
    if (ew_json_parse(json->data, json->len, json->len, &tree, NULL) != EW_OK)
        abort();
    if (cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(tree, "spans")) != spans)
        abort();
    const cJSON *circuit;
    cJSON_ArrayForEach(circuit, cJSON_GetObjectItemCaseSensitive(tree, "circuits"))
    {
        if (cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(circuit, "values")) != spans)
            abort();
    }
    cJSON_Delete(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cJSON *args = NULL;
    struct ew_reason reason = {.err = EW_OK};
    struct query_consumption query;
    if (ew_json_parse((const char *)data, size, EW_MQTT_PAYLOAD_MAX, &args, &reason) != EW_OK)
        return 0;
    enum ew_err err = query_consumption_read(args, &query, &reason);
    if (err != EW_OK && reason.text[0] == 0)
        abort(); // refused without a word
    if (err == EW_OK) {
        struct ew_buf answer;
        ew_buf_init(&answer, 1 << 20);
        if (query_consumption(store, sampler, &zone, &query, &answer, &reason) != EW_OK)
            abort();
        check_answer(&answer, query.spans);
        ew_buf_done(&answer);
    }
    cJSON_Delete(args);
    return 0;
}
