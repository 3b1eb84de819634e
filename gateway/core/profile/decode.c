#include "core/profile/profile_priv.h"

#include <math.h>
#include <string.h>

enum { WORDS_IN_RAW = 4 };

uint64_t profile_raw(enum profile_type type, enum profile_order order, const uint16_t *registers, int words)
{
    // The state of a station may be a string of a letter or two: its first eight bytes are its raw value.
    int count = words < WORDS_IN_RAW ? words : WORDS_IN_RAW;
    uint64_t raw = 0;
    for (int i = 0; i < count; i++)
        raw = raw << 16 | registers[order == PROFILE_LSW && type != PROFILE_STRING ? count - 1 - i : i];
    return raw;
}

static double from_signed(uint64_t raw, int words)
{
    if (words >= WORDS_IN_RAW)
        return (double)(int64_t)raw;
    int64_t span = (int64_t)1 << (16 * words);
    return (double)((int64_t)raw >= span / 2 ? (int64_t)raw - span : (int64_t)raw);
}

static double from_floating(enum profile_type type, uint64_t raw)
{
    if (type == PROFILE_F64) {
        double wide;
        memcpy(&wide, &raw, sizeof(wide));
        return wide;
    }
    uint32_t low = (uint32_t)raw;
    float narrow;
    memcpy(&narrow, &low, sizeof(narrow));
    return (double)narrow;
}

static bool is_sentinel(const struct profile_register *r, uint64_t raw)
{
    for (int i = 0; i < r->nan_count; i++)
        if (r->nan[i] == raw)
            return true;
    return false;
}

// number x scale. A scale of 0.1 is a division by 10: 2362 comes to 236.2 and not to 236.20000000000002.
static double scaled(double number, double scale)
{
    double inverse = 1 / scale;
    bool divides = fabs(scale) < 1 && inverse == round(inverse);
    return divides ? number / inverse : number * scale;
}

static void decode_number(const struct profile_register *r, const struct profile_bound *bound,
                          struct profile_value *ret)
{
    double number = 0;
    bool masked = r->mask || r->shift;
    ret->raw >>= r->shift;
    if (r->mask)
        ret->raw &= r->mask;
    switch (profile_types[r->type].arithmetic) {
    case PROFILE_UNSIGNED:
        number = (double)ret->raw;
        break;
    case PROFILE_SIGNED:
        number = masked ? (double)ret->raw : from_signed(ret->raw, bound->words);
        break;
    case PROFILE_FLOATING:
        number = from_floating(r->type, ret->raw);
        ret->single = r->type == PROFILE_F32;
        break;
    case PROFILE_TEXT:
        break;
    }
    ret->number = scaled(number, bound->scale);
    if (!isfinite(ret->number))
        *ret = (struct profile_value){.quality = PROFILE_NO_VALUE, .raw = ret->raw};
}

void profile_decode(const struct profile *profile, int index, const struct profile_bound *bound,
                    const uint16_t *registers, struct profile_value *ret)
{
    const struct profile_register *r = &profile->registers[index];
    *ret = (struct profile_value){.quality = PROFILE_GOOD,
                                  .raw = profile_raw(r->type, r->order, registers, bound->words)};
    if (is_sentinel(r, ret->raw))
        ret->quality = PROFILE_NO_VALUE;
    else if (r->type == PROFILE_STRING)
        profile_text(registers, bound->words, ret->text);
    else
        decode_number(r, bound, ret);
}

double profile_step_scale(const struct profile_register *r, double product)
{
    if (r->step_count == 0)
        return product;
    double scale = NAN;
    for (int i = 0; i < r->step_count && product >= r->steps[i].from; i++)
        scale = r->steps[i].scale;
    return scale;
}

static bool scale_of(const struct profile_register *r, const struct profile_value *values, double *ret)
{
    double product = 1;
    *ret = 1;
    if (r->scale_from[0] < 0)
        return true;
    for (int i = 0; i < 2 && r->scale_from[i] >= 0; i++) {
        if (values[r->scale_from[i]].quality != PROFILE_GOOD)
            return false;
        product *= values[r->scale_from[i]].number;
    }
    *ret = profile_step_scale(r, product);
    return isfinite(*ret);
}

void profile_finish(const struct profile *profile, int index, struct profile_value *values)
{
    const struct profile_register *r = &profile->registers[index];
    struct profile_value *value = &values[index];
    if (value->quality != PROFILE_GOOD || r->type == PROFILE_STRING)
        return;
    double scale;
    if (!scale_of(r, values, &scale) || (r->sign_from >= 0 && values[r->sign_from].quality != PROFILE_GOOD)) {
        value->quality = PROFILE_NO_VALUE;
        return;
    }
    double number = scaled(value->number, scale);
    if (r->sign_from >= 0 && values[r->sign_from].raw == r->sign_negative)
        number = -number;
    if (r->four_quadrant && fabs(number) > 1)
        number = copysign(2 - fabs(number), number);
    if (r->divide_above > 0 && fabs(number) > r->divide_above)
        number /= 10;
    value->number = number;
    if (!isfinite(number))
        value->quality = PROFILE_NO_VALUE;
}
