#include "core/history/pack.h"

enum {
    FORMAT_SLOT = 1,
    FORMAT_COUNTER_DAY = 2,
    FORMAT_GAUGE_DAY = 3,
    VARINT_MAX = 10,
    QUANTUM_EXPONENT_MAX = 9
};

// ---- Numbers ---------------------------------------------------------------------------------------------

static size_t put(uint8_t *dst, uint64_t value)
{
    size_t n = 0;
    for (; value >= 128; value >>= 7)
        dst[n++] = (uint8_t)(value | 128);
    dst[n++] = (uint8_t)value;
    return n;
}

static uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

// 0 and *bad when the data ends, or the number has too many bytes.
static uint64_t take(const uint8_t **at, const uint8_t *end, bool *bad)
{
    uint64_t value = 0;
    for (int shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return value;
    }
    *bad = true;
    return 0;
}

// Sums of what data says: they wrap rather than overflow, since the data may be damaged.
static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t times(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

// ---- Slots -----------------------------------------------------------------------------------------------

enum slot_bits { HAS_VALUE = 1, HAS_FLAGS = 2, HAS_AT = 4 };

size_t history_slot_head(uint8_t dst[HISTORY_SLOT_HEAD_MAX])
{
    dst[0] = FORMAT_SLOT;
    return 1;
}

size_t history_slot_put(struct history_slot_writer *w, int64_t series, bool counter,
                        const struct history_value *v, uint8_t dst[HISTORY_ENTRY_MAX])
{
    size_t n = 0;
    if (!counter && !w->gauges) {
        dst[n++] = 0; // ends the counters
        *w = (struct history_slot_writer){.gauges = true};
    }
    n += put(dst + n, (uint64_t)(series - w->last_series));
    w->last_series = series;
    unsigned bits = (v->has_value ? HAS_VALUE : 0) | (v->flags ? HAS_FLAGS : 0) | (v->has_at ? HAS_AT : 0);
    dst[n++] = (uint8_t)bits;
    if (bits & HAS_VALUE)
        n += put(dst + n, zigzag(v->value_th));
    if (counter)
        n += put(dst + n, zigzag(v->high_th));
    else if (bits & HAS_VALUE) {
        n += put(dst + n, zigzag(v->value_th - v->low_th));
        n += put(dst + n, zigzag(v->high_th - v->value_th));
    }
    if (bits & HAS_FLAGS)
        n += put(dst + n, v->flags);
    if (bits & HAS_AT)
        n += put(dst + n, zigzag(v->at_s - v->start_s));
    return n;
}

void history_slot_open(struct history_slot_reader *r, const void *data, size_t len, int64_t start_s,
                       int length_s)
{
    *r = (struct history_slot_reader){.start_s = start_s, .length_s = length_s};
    r->at = data;
    r->end = len ? r->at + len : r->at;
    if (len == 0 || *r->at++ != FORMAT_SLOT) {
        r->bad = true;
        r->at = r->end;
    }
}

static void take_entry(struct history_slot_reader *r, unsigned bits, struct history_value *ret)
{
    ret->has_value = bits & HAS_VALUE;
    if (bits & HAS_VALUE)
        ret->value_th = unzigzag(take(&r->at, r->end, &r->bad));
    if (r->counter)
        ret->high_th = unzigzag(take(&r->at, r->end, &r->bad));
    else if (bits & HAS_VALUE) {
        ret->low_th = minus(ret->value_th, unzigzag(take(&r->at, r->end, &r->bad)));
        ret->high_th = plus(ret->value_th, unzigzag(take(&r->at, r->end, &r->bad)));
    }
    if (bits & HAS_FLAGS)
        ret->flags = (unsigned)take(&r->at, r->end, &r->bad);
    ret->has_at = bits & HAS_AT;
    ret->at_s = ret->start_s + ret->length_s - 1;
    if (bits & HAS_AT)
        ret->at_s = plus(ret->start_s, unzigzag(take(&r->at, r->end, &r->bad)));
}

bool history_slot_next(struct history_slot_reader *r, struct history_value *ret)
{
    if (r->at == r->end || r->bad)
        return false;
    uint64_t step = take(&r->at, r->end, &r->bad);
    if (step == 0 && !r->gauges && !r->bad) {
        r->gauges = true;
        r->series = 0;
        if (r->at == r->end)
            return false;
        step = take(&r->at, r->end, &r->bad);
    }
    unsigned bits = (unsigned)take(&r->at, r->end, &r->bad);
    if (step == 0 || step > INT32_MAX || r->series + (int64_t)step > INT32_MAX)
        r->bad = true;
    r->series += r->bad ? 0 : (int64_t)step;
    r->counter = !r->gauges;
    *ret = (struct history_value){.start_s = r->start_s, .length_s = r->length_s};
    take_entry(r, bits, ret);
    return !r->bad;
}

// ---- Days ------------------------------------------------------------------------------------------------
// A day is runs of slots that follow each other and are equally long: how long after the end of the run
// before it begins, length of its slots, how many, and (counters) the power of ten that divides every step.

enum day_bits { DAY_FLAGS = 1, DAY_NO_VALUE = 2 };

static int run_length(const struct history_value *values, int count)
{
    int n = 1;
    while (n < count && values[n].length_s == values[0].length_s &&
           values[n].start_s == values[n - 1].start_s + values[n - 1].length_s)
        n++;
    return n;
}

static int64_t power_of_ten(int exponent)
{
    int64_t power = 1;
    for (int i = 0; i < exponent; i++)
        power *= 10;
    return power;
}

static int common_exponent(const struct history_value *values, int count)
{
    int exponent = QUANTUM_EXPONENT_MAX;
    for (int i = 0; i < count && exponent > 0; i++)
        while (exponent > 0 && values[i].has_value && values[i].value_th % power_of_ten(exponent) != 0)
            exponent--;
    return exponent;
}

static size_t put_value(const struct history_value *v, bool counter, int64_t quantum, int64_t *last_th,
                        uint8_t *dst)
{
    unsigned bits = (v->flags ? DAY_FLAGS : 0) | (v->has_value ? 0 : DAY_NO_VALUE);
    int64_t number = counter ? v->value_th / quantum : minus(v->value_th, *last_th);
    size_t n = put(dst, (v->has_value ? zigzag(number) << 2 : 0) | bits);
    if (!counter && v->has_value) {
        n += put(dst + n, zigzag(minus(v->value_th, v->low_th)));
        n += put(dst + n, zigzag(minus(v->high_th, v->value_th)));
        *last_th = v->value_th;
    }
    if (v->flags)
        n += put(dst + n, v->flags);
    return n;
}

size_t history_day_pack(const struct history_value *values, int count, bool counter, int64_t day_s,
                        uint8_t *dst, size_t size)
{
    size_t n = 0;
    int64_t end_s = day_s, last_th = 0;
    if (size < 1)
        return 0;
    dst[n++] = counter ? FORMAT_COUNTER_DAY : FORMAT_GAUGE_DAY;
    for (int i = 0; i < count;) {
        int run = run_length(values + i, count - i);
        int exponent = counter ? common_exponent(values + i, run) : 0;
        int64_t quantum = power_of_ten(exponent);
        if (n + 4UL * VARINT_MAX > size)
            return 0;
        n += put(dst + n, (uint64_t)(values[i].start_s - end_s));
        n += put(dst + n, (uint64_t)values[i].length_s);
        n += put(dst + n, (uint64_t)run);
        if (counter)
            dst[n++] = (uint8_t)exponent;
        for (int end = i + run; i < end; i++) {
            if (n + 4UL * VARINT_MAX > size)
                return 0;
            n += put_value(&values[i], counter, quantum, &last_th, dst + n);
            end_s = values[i].start_s + values[i].length_s;
        }
    }
    return n;
}

void history_day_open(struct history_day_reader *r, const void *data, size_t len, int64_t day_s)
{
    *r = (struct history_day_reader){.next_s = day_s, .quantum = 1};
    r->at = data;
    r->end = len ? r->at + len : r->at;
    int format = len ? *r->at++ : 0;
    r->counter = format == FORMAT_COUNTER_DAY;
    if (format != FORMAT_COUNTER_DAY && format != FORMAT_GAUGE_DAY) {
        r->bad = true;
        r->at = r->end;
    }
}

static void open_run(struct history_day_reader *r)
{
    uint64_t gap = take(&r->at, r->end, &r->bad), length = take(&r->at, r->end, &r->bad);
    r->left = take(&r->at, r->end, &r->bad);
    uint64_t exponent = r->counter ? take(&r->at, r->end, &r->bad) : 0;
    if (gap > 86400 || length == 0 || length > 86400 || r->left == 0 || exponent > QUANTUM_EXPONENT_MAX)
        r->bad = true;
    if (r->bad)
        return;
    r->next_s += (int64_t)gap;
    r->length_s = (int)length;
    r->quantum = power_of_ten((int)exponent);
}

bool history_day_next(struct history_day_reader *r, struct history_value *ret)
{
    if (r->at == r->end && r->left == 0)
        return false;
    if (r->left == 0 && !r->bad)
        open_run(r);
    if (r->bad)
        return false;
    uint64_t number = take(&r->at, r->end, &r->bad);
    *ret = (struct history_value){.start_s = r->next_s, .length_s = r->length_s};
    ret->has_value = !(number & DAY_NO_VALUE);
    int64_t signed_number = unzigzag(number >> 2);
    if (ret->has_value && r->counter)
        ret->value_th = times(signed_number, r->quantum);
    if (ret->has_value && !r->counter) {
        r->last_th = ret->value_th = plus(r->last_th, signed_number);
        ret->low_th = minus(ret->value_th, unzigzag(take(&r->at, r->end, &r->bad)));
        ret->high_th = plus(ret->value_th, unzigzag(take(&r->at, r->end, &r->bad)));
    }
    if (number & DAY_FLAGS)
        ret->flags = (unsigned)take(&r->at, r->end, &r->bad);
    r->next_s += r->length_s;
    r->left--;
    return !r->bad;
}

static struct history_value one_of(const struct history_value *a, const struct history_value *b, bool counter)
{
    struct history_value v = a->has_value || counter ? *a : *b;
    if (counter) {
        v.value_th = plus(a->value_th, b->value_th);
        v.has_value = a->has_value || b->has_value;
        v.high_th = b->high_th;
    }
    v.flags = a->flags | b->flags;
    return v;
}

int history_values_merge(const struct history_value *a, int a_count, const struct history_value *b,
                         int b_count, bool counter, struct history_value *dst)
{
    int n = 0, i = 0, k = 0;
    while (i < a_count || k < b_count) {
        if (k == b_count || (i < a_count && a[i].start_s < b[k].start_s))
            dst[n++] = a[i++];
        else if (i == a_count || b[k].start_s < a[i].start_s)
            dst[n++] = b[k++];
        else
            dst[n++] = one_of(&a[i++], &b[k++], counter);
        // Slots never overlap: one that begins inside the one before it is cut to what is left of it.
        if (n > 1 && dst[n - 1].start_s < dst[n - 2].start_s + dst[n - 2].length_s)
            dst[n - 2].length_s = (int)(dst[n - 1].start_s - dst[n - 2].start_s);
    }
    return n;
}
