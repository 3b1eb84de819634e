// Any bytes as a slot and as a day of history: read to the end or refused, never beyond it; what was read as
// a day packs and reads as the same again.
#include "core/history/pack.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES_MAX = 2000, DAY_S = 86400 * 10 };

static void check_again(const struct history_value *values, int count, bool counter)
{
    static uint8_t bytes[8 + VALUES_MAX * HISTORY_ENTRY_MAX];
    struct history_day_reader reader;
    struct history_value value;
    size_t len = history_day_pack(values, count, counter, DAY_S, bytes, sizeof(bytes));
    history_day_open(&reader, bytes, len, DAY_S);
    for (int i = 0; i < count; i++)
        if (!history_day_next(&reader, &value) || value.start_s != values[i].start_s ||
            value.length_s != values[i].length_s || value.value_th != values[i].value_th)
            abort();
    if (history_day_next(&reader, &value) || reader.bad)
        abort();
}

// Whether the recorder would store it. (No llabs: of INT64_MIN it is INT64_MIN, which is small.)
static bool is_sane_number(int64_t th)
{
    const int64_t most = 9007199254740992;
    return th > -most && th < most;
}

static bool is_sane(const struct history_value *v)
{
    return is_sane_number(v->value_th) && is_sane_number(v->low_th) && is_sane_number(v->high_th) &&
           v->length_s > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct history_value values[VALUES_MAX];
    struct history_slot_reader slot;
    struct history_day_reader day;
    struct history_value value;
    int count = 0;
    bool sane = true;
    history_slot_open(&slot, data, size, 1000, 600);
    for (int64_t last = 0, gauges = 0; history_slot_next(&slot, &value); last = slot.series) {
        if (gauges == slot.gauges && slot.series <= last)
            abort(); // ids rise
        gauges = slot.gauges;
    }
    history_day_open(&day, data, size, DAY_S);
    while (count < VALUES_MAX && history_day_next(&day, &values[count])) {
        sane = sane && is_sane(&values[count]);
        count++;
    }
    if (sane && count < VALUES_MAX)
        check_again(values, count, day.counter);
    return 0;
}
