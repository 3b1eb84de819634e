#include "tools/values.h"

#include <math.h>
#include <string.h>

static const struct value_type types[] = {
    {"u16", PROFILE_U16, 1}, {"s16", PROFILE_S16, 1}, {"u32", PROFILE_U32, 2},
    {"s32", PROFILE_S32, 2}, {"u64", PROFILE_U64, 4}, {"s64", PROFILE_S64, 4},
    {"f32", PROFILE_F32, 2}, {"f64", PROFILE_F64, 4}, {"string", PROFILE_STRING, 0},
};

const struct value_type *value_type_find(const char *name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

// ---- A request -------------------------------------------------------------------------------------------

static enum ew_err fill_bits(struct value_request *r, const double *numbers, int count,
                             struct ew_reason *reason)
{
    for (int i = 0; i < count; i++) {
        if (fabs(numbers[i]) > 0 && fabs(numbers[i] - 1) > 0)
            return ew_fail(reason, EW_E_INVALID, "tool.bit", "/value", "a bit is 0 or 1, not %g", numbers[i]);
        r->words[i] = numbers[i] > 0;
    }
    r->rq.count = count;
    return EW_OK;
}

// Does the number come back as it was? A register must not hold something else than was asked for.
static bool holds(const struct value_request *r, const uint16_t *words, double number)
{
    struct value_request copy = *r;
    struct profile_value back;
    copy.rq.fc = 3;
    copy.rq.count = r->type->words;
    value_at(&copy, words, 0, &back);
    if (back.quality != PROFILE_GOOD)
        return false;
    double tolerance = r->type->type == PROFILE_F32 ? fabs(number) * 1e-6 : 0;
    return fabs(back.number - number) <= tolerance;
}

enum ew_err value_request_fill(struct value_request *r, const double *numbers, int count,
                               struct ew_reason *reason)
{
    bool one = r->rq.fc == 5 || r->rq.fc == 6;
    if (count < 1 || (one && count > 1))
        return ew_fail(reason, EW_E_INVALID, "tool.values", "/values", "function %d takes %s", r->rq.fc,
                       one ? "one value" : "one value or more");
    if (mb_is_bits(r->rq.fc))
        return count > MB_WRITE_MAX ? ew_fail(reason, EW_E_INVALID, "tool.values", "/values",
                                              "at most %d values at once", MB_WRITE_MAX)
                                    : fill_bits(r, numbers, count, reason);
    int words = r->type->words;
    if (words == 0 || count * words > MB_WRITE_MAX || (r->rq.fc == 6 && words != 1))
        return ew_fail(reason, EW_E_INVALID, "tool.values", "/values",
                       "function %d can't write %d values of type %s", r->rq.fc, count, r->type->name);
    struct profile_register pr = {
        .type = r->type->type, .order = r->order, .scale_from = {-1, -1}, .sign_from = -1};
    struct profile profile = {.register_count = 1, .registers = &pr};
    struct profile_bound bound = {.fc = 3, .words = (uint8_t)words, .scale = 1};
    for (int i = 0; i < count; i++) {
        profile_encode(&profile, 0, &bound, numbers[i], 1, r->words + i * words);
        if (!holds(r, r->words + i * words, numbers[i]))
            return ew_fail(reason, EW_E_INVALID, "tool.value_range", "/value", "%.15g does not fit %s",
                           numbers[i], r->type->name);
    }
    r->rq.count = count * words;
    return EW_OK;
}

static enum ew_err read_values(struct ew_json *o, struct value_request *r, struct ew_reason *reason)
{
    double numbers[MB_WRITE_MAX];
    int count = 0;
    const cJSON *one = ew_json_any(o, "value", EW_OPTIONAL);
    const cJSON *list = ew_json_array(o, "values", one ? EW_OPTIONAL : EW_REQUIRED, MB_WRITE_MAX);
    if (one)
        numbers[count++] = cJSON_IsBool(one)     ? cJSON_IsTrue(one)
                           : cJSON_IsNumber(one) ? one->valuedouble
                                                 : NAN;
    for (const cJSON *item = list ? list->child : NULL; item && count < MB_WRITE_MAX; item = item->next)
        numbers[count++] = cJSON_IsBool(item)     ? cJSON_IsTrue(item)
                           : cJSON_IsNumber(item) ? item->valuedouble
                                                  : NAN;
    enum ew_err err = ew_json_close(o);
    for (int i = 0; i < count && err == EW_OK; i++)
        if (isnan(numbers[i]))
            err = ew_fail(reason, EW_E_INVALID, "json.type", "/value", "must be a number");
    return err == EW_OK ? value_request_fill(r, numbers, count, reason) : err;
}

enum ew_err value_request_read(const cJSON *args, bool write, struct value_request *ret,
                               struct ew_reason *reason)
{
    int64_t unit = 0, fc = write ? 6 : 3, count = 1, bus;
    uint64_t address = 0;
    char type[12] = "u16";
    static const char *const orders[] = {"msw", "lsw", NULL};
    int order = 0;
    struct ew_json o;
    ew_json_open(&o, args, "", reason);
    ew_json_int(&o, "bus", EW_OPTIONAL, 1, INT32_MAX, &bus);
    ew_json_int(&o, "unit", EW_REQUIRED, 0, 255, &unit);
    ew_json_int(&o, "fc", EW_OPTIONAL, 1, 16, &fc);
    ew_json_hex(&o, "address", EW_REQUIRED, 65535, &address);
    ew_json_int(&o, "count", EW_OPTIONAL, 1, MB_READ_BITS_MAX, &count);
    ew_json_text(&o, "type", EW_OPTIONAL, 1, sizeof(type), type);
    ew_json_enum(&o, "order", EW_OPTIONAL, orders, &order);
    *ret = (struct value_request){
        .rq = {.unit = (int)unit, .fc = (int)fc, .address = (int)address, .count = (int)count},
        .type = value_type_find(type),
        .order = order == 1 ? PROFILE_LSW : PROFILE_MSW};
    if (o.err == EW_OK && !ret->type)
        ew_json_fail(&o, "type", "tool.type", "is not one of u16 s16 u32 s32 u64 s64 f32 f64 string");
    if (o.err == EW_OK && write != mb_is_write((int)fc))
        ew_json_fail(&o, "fc", "tool.fc", "%s", write ? "must be 5, 6, 15 or 16" : "must be 1, 2, 3 or 4");
    if (o.err != EW_OK)
        return o.err;
    return write ? read_values(&o, ret, reason) : ew_json_close(&o);
}

// ---- An answer -------------------------------------------------------------------------------------------

int value_at(const struct value_request *r, const uint16_t *registers, int at, struct profile_value *ret)
{
    int left = r->rq.count - at;
    int words = r->type->words ? r->type->words : r->rq.count;
    if (words > left || words > PROFILE_STRING_WORDS_MAX)
        words = left < PROFILE_STRING_WORDS_MAX ? left : PROFILE_STRING_WORDS_MAX;
    struct profile_register pr = {
        .type = r->type->type, .order = r->order, .scale_from = {-1, -1}, .sign_from = -1};
    struct profile profile = {.register_count = 1, .registers = &pr};
    struct profile_bound bound = {.fc = (uint8_t)r->rq.fc, .words = (uint8_t)words, .scale = 1};
    if (r->rq.fc <= 2 || (r->type->words && words < r->type->words)) {
        pr.type = PROFILE_U16; // a bit, or what is left over
        bound.words = 1;
        words = 1;
    }
    profile_decode(&profile, 0, &bound, registers + at, ret);
    return words;
}

static void write_value(const struct value_request *r, const struct profile_value *v, struct ew_jw *w)
{
    if (v->quality != PROFILE_GOOD)
        ew_jw_null(w, NULL);
    else if (r->type->type == PROFILE_STRING && r->rq.fc > 2)
        ew_jw_text(w, NULL, v->text);
    else if (v->single)
        ew_jw_float(w, NULL, (float)v->number);
    else
        ew_jw_number(w, NULL, v->number);
}

void value_answer_write(const struct value_request *r, const uint16_t *registers, double ms,
                        const struct ew_reason *failure, struct ew_jw *w)
{
    ew_jw_open_object(w, NULL);
    ew_jw_bool(w, "ok", failure == NULL);
    ew_jw_number(w, "ms", (double)(int64_t)(ms * 10) / 10);
    if (failure)
        ew_jw_reason(w, "reason", failure);
    if (!failure && registers) {
        ew_jw_open_array(w, "registers");
        for (int i = 0; i < r->rq.count; i++)
            ew_jw_int(w, NULL, registers[i]);
        ew_jw_close_array(w);
        ew_jw_open_array(w, "values");
        for (int at = 0; at < r->rq.count;) {
            struct profile_value v;
            at += value_at(r, registers, at, &v);
            write_value(r, &v, w);
        }
        ew_jw_close_array(w);
    }
    ew_jw_close_object(w);
}
