// Any definition of a register over any registers. Good values are finite; text is UTF-8 without control
// characters; a whole number that was decoded encodes to the bits it came from.
#include "base/utf8.h"
#include "core/profile/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
    const uint8_t *data;
    size_t left;
};

static unsigned take(struct source *source)
{
    if (source->left == 0)
        return 0;
    source->left--;
    return *source->data++;
}

static uint64_t take_wide(struct source *source)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | take(source);
    return value;
}

static void make_register(struct source *source, struct profile_register *r, struct profile_bound *bound)
{
    static const uint8_t most[] = {1, 1, 1, 2, 2, 4, 4, 2, 4, PROFILE_STRING_WORDS_MAX};
    static const double scales[] = {1, 0.1, 0.001, 1000, -1, 1e15, 1e-12, 0.01};
    *r = (struct profile_register){.type = (enum profile_type)(take(source) % 10), .sign_from = -1};
    r->order = (enum profile_order)(take(source) % 2);
    bool floating = r->type == PROFILE_F32 || r->type == PROFILE_F64;
    bool fixed = floating || most[r->type] == 1;
    unsigned flags = take(source);
    *bound = (struct profile_bound){.fc = 3, .scale = scales[take(source) % 8]};
    bound->words = fixed ? most[r->type] : (uint8_t)(1 + take(source) % most[r->type]);
    if (flags & 1 && !floating && r->type != PROFILE_STRING) {
        r->shift = (int)(take(source) % 64);
        r->mask = take_wide(source);
    }
    if (flags & 2)
        r->nan[r->nan_count++] = take_wide(source);
    r->four_quadrant = flags & 4;
    r->divide_above = flags & 8 ? 100 : 0;
    r->scale_from[0] = flags & 16 ? 1 : -1;
    r->scale_from[1] = -1;
    if (flags & 32) {
        r->sign_from = 1;
        r->sign_negative = take(source);
    }
    for (; flags & 64 && r->step_count < 3; r->step_count++)
        r->steps[r->step_count] = (struct profile_scale_step){r->step_count * 100.0, take(source) + 1.0};
}

static void check_text(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    for (size_t left = strlen(text); left > 0;) {
        size_t len = ew_utf8_length(p, left);
        if (len == 0 || *p < 0x20 || *p == 0x7F)
            abort();
        p += len;
        left -= len;
    }
}

static void check_inverse(const struct profile *profile, const struct profile_bound *bound,
                          const struct profile_value *value, const uint16_t *words)
{
    const struct profile_register *r = &profile->registers[0];
    bool whole =
        r->type == PROFILE_U16 || r->type == PROFILE_S16 || r->type == PROFILE_U32 || r->type == PROFILE_S32;
    if (!whole || value->quality != PROFILE_GOOD || r->mask || r->shift || r->scale_from[0] >= 0 ||
        r->sign_from >= 0)
        return;
    uint16_t again[PROFILE_STRING_WORDS_MAX];
    profile_encode(profile, 0, bound, value->number, 1, again);
    if (memcmp(again, words, 2 * (size_t)bound->words) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source source = {data, size};
    struct profile_register registers[2] = {0};
    struct profile_bound bound;
    struct profile_value values[2] = {0};
    uint16_t words[PROFILE_STRING_WORDS_MAX];
    make_register(&source, &registers[0], &bound);
    values[1].quality = (enum profile_quality)(take(&source) % 3);
    values[1].raw = take(&source);
    values[1].number = (double)values[1].raw * 10;
    for (int i = 0; i < PROFILE_STRING_WORDS_MAX; i++)
        words[i] = (uint16_t)(take(&source) << 8 | take(&source));
    const struct profile profile = {.register_count = 2, .registers = registers, .state_register = -1};
    profile_decode(&profile, 0, &bound, words, &values[0]);
    check_text(values[0].text);
    check_inverse(&profile, &bound, &values[0], words);
    profile_finish(&profile, 0, values);
    if (values[0].quality == PROFILE_GOOD && !isfinite(values[0].number))
        abort();
    profile_encode(&profile, 0, &bound, values[0].number, values[1].number, words);
    return 0;
}
