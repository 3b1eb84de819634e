#include "core/profile/profile_priv.h"

#include <math.h>
#include <string.h>

static void put_raw(enum profile_order order, uint64_t raw, int words, uint16_t *ret_registers)
{
    for (int i = 0; i < words; i++) {
        int shift = 16 * (order == PROFILE_LSW ? i : words - 1 - i);
        ret_registers[i] = (uint16_t)(raw >> shift & 0xFFFF);
    }
}

static uint64_t raw_integer(const struct profile_register *r, double number, int words)
{
    int bits = 16 * words;
    bool is_signed = profile_types[r->type].arithmetic == PROFILE_SIGNED;
    // The largest doubles that convert without overflow; 2^64 and 2^63 themselves do not.
    double top = is_signed ? ldexp(1, bits - 1) : ldexp(1, bits);
    double low = is_signed ? -top : 0;
    uint64_t all = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
    double whole = round(number);
    if (r->type == PROFILE_BOOL)
        return whole != 0;
    if (whole >= top)
        return is_signed ? all >> 1 : all;
    if (whole <= low)
        return is_signed ? (all >> 1) + 1 : 0;
    return (whole < 0 ? (uint64_t)(int64_t)whole : (uint64_t)whole) & all;
}

static uint64_t raw_floating(enum profile_type type, double number)
{
    uint64_t raw = 0;
    if (type == PROFILE_F64) {
        memcpy(&raw, &number, sizeof(raw));
        return raw;
    }
    float narrow = (float)number;
    uint32_t low;
    memcpy(&low, &narrow, sizeof(low));
    return low;
}

static uint64_t raw_none(const struct profile_register *r)
{
    if (r->nan_count > 0)
        return r->nan[0];
    bool floating = profile_types[r->type].arithmetic == PROFILE_FLOATING;
    return floating ? raw_floating(r->type, (double)NAN) : 0;
}

static uint64_t raw_of(const struct profile_register *r, const struct profile_bound *bound, double value,
                       double scale_product)
{
    double step = r->scale_from[0] < 0 ? 1 : profile_step_scale(r, scale_product);
    double scale = bound->scale * step;
    if (!isfinite(value) || !isfinite(scale) || scale == 0)
        return raw_none(r);
    double number = (r->sign_from >= 0 ? fabs(value) : value) / scale;
    if (profile_types[r->type].arithmetic == PROFILE_FLOATING)
        return raw_floating(r->type, number);
    uint64_t raw = raw_integer(r, number, bound->words);
    return (r->mask ? raw & r->mask : raw) << r->shift;
}

void profile_put_number(enum profile_type type, enum profile_order order, int words, double number,
                        uint16_t *ret_words)
{
    const struct profile_register r = {.type = type, .sign_from = -1, .scale_from = {-1, -1}};
    const struct profile_bound bound = {.words = (uint8_t)words, .scale = 1};
    put_raw(order, raw_of(&r, &bound, number, 1), words, ret_words);
}

void profile_encode(const struct profile *profile, int index, const struct profile_bound *bound, double value,
                    double scale_product, uint16_t *ret_registers)
{
    const struct profile_register *r = &profile->registers[index];
    if (r->type == PROFILE_STRING)
        memset(ret_registers, 0, bound->words * sizeof(*ret_registers));
    else
        put_raw(r->order, raw_of(r, bound, value, scale_product), bound->words, ret_registers);
}

void profile_encode_text(const struct profile_bound *bound, const char *text, uint16_t *ret_registers)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < bound->words; i++) {
        unsigned high = 2 * i < len ? (unsigned char)text[2 * i] : 0;
        unsigned low = 2 * i + 1 < len ? (unsigned char)text[2 * i + 1] : 0;
        ret_registers[i] = (uint16_t)(high << 8 | low);
    }
}
