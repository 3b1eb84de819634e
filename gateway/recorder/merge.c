#include "recorder/merge.h"

#include "core/history/pack.h"

struct side {
    struct history_slot_reader reader;
    struct history_value value;
    bool more;
};

static void step(struct side *side)
{
    side->more = history_slot_next(&side->reader, &side->value);
}

static bool first_is(const struct side *a, const struct side *b)
{
    if (!b->more)
        return true;
    if (a->reader.counter != b->reader.counter)
        return a->reader.counter; // counters stand before gauges
    return a->reader.series < b->reader.series;
}

static void add(struct ew_buf *out, struct history_slot_writer *writer, const struct side *side)
{
    uint8_t bytes[HISTORY_ENTRY_MAX];
    ew_buf_add(out, bytes,
               history_slot_put(writer, side->reader.series, side->reader.counter, &side->value, bytes));
}

void merge_slots(const void *a_data, size_t a_len, const void *b_data, size_t b_len, int64_t start_s,
                 struct ew_buf *out)
{
    uint8_t head[HISTORY_SLOT_HEAD_MAX];
    struct history_slot_writer writer = {0};
    struct side a, b;
    history_slot_open(&a.reader, a_data, a_len, start_s, 1);
    history_slot_open(&b.reader, b_data, b_len, start_s, 1);
    ew_buf_add(out, head, history_slot_head(head));
    step(&a);
    step(&b);
    while (a.more || b.more) {
        bool same =
            a.more && b.more && a.reader.counter == b.reader.counter && a.reader.series == b.reader.series;
        if (same) {
            bool counter = a.reader.counter;
            (void)history_values_merge(&a.value, 1, &b.value, 1, counter, &a.value);
            add(out, &writer, &a);
            step(&a);
            step(&b);
        } else if (a.more && first_is(&a, &b)) {
            add(out, &writer, &a);
            step(&a);
        } else {
            add(out, &writer, &b);
            step(&b);
        }
    }
}
