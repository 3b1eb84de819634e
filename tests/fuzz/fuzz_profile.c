// Any bytes as a profile: parsed and read; an accepted one decodes any registers, and what it encodes it
// decodes.
#include "core/profile/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static double preset(const void *user, const char *name, double fallback)
{
    (void)user;
    (void)name;
    return fallback;
}

static void use(const struct profile *profile, const uint8_t *noise, size_t noise_len)
{
    struct profile_value *values = calloc((size_t)profile->register_count + 1, sizeof(*values));
    struct ew_reason reason;
    if (!values)
        abort();
    for (int i = 0; i < profile->register_count; i++) {
        struct profile_bound bound;
        uint16_t words[PROFILE_STRING_WORDS_MAX];
        for (size_t w = 0; w < PROFILE_STRING_WORDS_MAX; w++)
            words[w] =
                (uint16_t)(noise[(2 * w) % noise_len] << 8 | noise[(2 * w + 1 + (size_t)i) % noise_len]);
        if (profile_bind(profile, i, preset, NULL, &bound, &reason) != EW_OK) {
            values[i].quality = PROFILE_NOT_READ;
            continue;
        }
        if (bound.fc < 1 || bound.fc > 4 || bound.words < 1 || bound.words > PROFILE_STRING_WORDS_MAX ||
            bound.address + bound.words > 65536)
            abort();
        profile_decode(profile, i, &bound, words, &values[i]);
        profile_encode(profile, i, &bound, values[i].number, 1, words);
    }
    for (int i = 0; i < profile->register_count; i++) {
        profile_finish(profile, i, values);
        if (values[i].quality == PROFILE_GOOD && !isfinite(values[i].number))
            abort();
    }
    free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ew_reason reason;
    struct ew_arena arena;
    struct profile profile;
    cJSON *tree = NULL;
    ew_reason_clear(&reason);
    if (ew_json_parse((const char *)data, size, EW_PROFILE_FILE_MAX, &tree, &reason) != EW_OK)
        return 0;
    size_t memory_size = profile_memory(tree);
    void *memory = malloc(memory_size);
    if (!memory)
        abort();
    ew_arena_init(&arena, memory, memory_size);
    if (profile_read(tree, &arena, &profile, &reason) == EW_OK)
        use(&profile, data, size);
    else if (!reason.path[0] || !reason.text[0] || profile.register_count != 0)
        abort();
    free(memory);
    cJSON_Delete(tree);
    return 0;
}
