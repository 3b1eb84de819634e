// What the makers of charge points call their errors: {"codes": {"1": "..."}} or {"bits": {"0x0001": "..."}}.
#include "core/profile/profile_priv.h"

#include <string.h>

size_t profile_errors_memory(const cJSON *tree)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(tree, "errors");
    const cJSON *words = cJSON_IsObject(node) && node->child ? node->child : NULL;
    size_t count = cJSON_IsObject(words) ? (size_t)cJSON_GetArraySize(words) : 0;
    return count * sizeof(struct profile_error) + _Alignof(max_align_t);
}

static int digit_of(char letter)
{
    static const char digits[] = "0123456789abcdef", capitals[] = "0123456789ABCDEF";
    const char *at = letter ? strchr(digits, letter) : NULL;
    if (at)
        return (int)(at - digits);
    at = letter ? strchr(capitals, letter) : NULL;
    return at ? (int)(at - capitals) : -1;
}

// "12" or "0x0C", all of it.
static bool read_key(const char *text, uint64_t *ret)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *at = hex ? text + 2 : text;
    size_t len = strlen(at);
    *ret = 0;
    for (; *at; at++) {
        int digit = digit_of(*at);
        if (digit < 0 || digit >= (hex ? 16 : 10) || *ret > UINT32_MAX)
            return false;
        *ret = *ret * (hex ? 16 : 10) + (uint64_t)digit;
    }
    return len > 0 && len <= (hex ? 8u : 10u) && *ret <= UINT32_MAX;
}

static void read_word(struct ew_json *o, const cJSON *child, struct profile *profile)
{
    struct profile_error *error = &profile->errors[profile->error_count];
    bool known = read_key(child->string, &error->raw);
    ew_json_text(o, child->string, EW_REQUIRED, 1, sizeof(error->word), error->word);
    if (o->err == EW_OK && (!known || error->raw == 0))
        ew_json_fail(o, child->string, "profile.errors", "must be a number above 0, or hexadecimal");
    else if (o->err == EW_OK && profile->error_bits && (error->raw & (error->raw - 1)) != 0)
        ew_json_fail(o, child->string, "profile.errors", "must be one bit");
    profile->error_count++;
}

static void read_words(struct ew_json *parent, const char *key, const cJSON *node, struct ew_arena *arena,
                       struct profile *profile)
{
    int count = cJSON_GetArraySize(node);
    char path[EW_PATH_MAX];
    struct ew_json o;
    if (count < 1 || count > PROFILE_ERRORS_MAX) {
        ew_json_fail(parent, key, "json.count", "needs 1 to %d words", PROFILE_ERRORS_MAX);
        return;
    }
    profile->errors = ew_arena_take(arena, (size_t)count, sizeof(*profile->errors));
    if (!profile->errors) {
        ew_json_fail(parent, key, "profile.memory", "no room for %d words", count);
        return;
    }
    ew_json_path(parent, key, -1, path);
    ew_json_open(&o, node, path, parent->reason);
    for (const cJSON *child = node->child; child && o.err == EW_OK; child = child->next)
        read_word(&o, child, profile);
    parent->err = ew_json_close(&o);
}

void profile_errors_read(struct ew_json *parent, struct ew_arena *arena, struct profile *profile)
{
    const cJSON *node = ew_json_object(parent, "errors", EW_OPTIONAL);
    struct ew_json o;
    if (!node || parent->err != EW_OK)
        return;
    ew_json_open(&o, node, "/errors", parent->reason);
    const cJSON *codes = ew_json_object(&o, "codes", EW_OPTIONAL);
    const cJSON *bits = ew_json_object(&o, "bits", EW_OPTIONAL);
    if (o.err == EW_OK && !codes == !bits)
        ew_json_fail(&o, NULL, "profile.errors", "needs either \"codes\" or \"bits\"");
    else if (o.err == EW_OK && profile_find(profile, "error_code") < 0)
        ew_json_fail(&o, NULL, "profile.errors", "needs the register \"error_code\"");
    profile->error_bits = bits != NULL;
    const cJSON *words = bits ? bits : codes;
    if (o.err == EW_OK && words)
        read_words(&o, bits ? "bits" : "codes", words, arena, profile);
    parent->err = ew_json_close(&o);
}

void profile_error_words(const struct profile *profile, uint64_t raw, char *dst, size_t size)
{
    size_t len = 0;
    dst[0] = 0;
    for (int i = 0; i < profile->error_count; i++) {
        const struct profile_error *error = &profile->errors[i];
        size_t more = strlen(error->word) + (len ? 2 : 0);
        if (!(profile->error_bits ? (raw & error->raw) != 0 : raw == error->raw) || len + more >= size)
            continue; // what does not fit is left out: the number tells all of it
        if (len)
            memcpy(dst + len, ", ", 2);
        memcpy(dst + len + (len ? 2 : 0), error->word, strlen(error->word) + 1);
        len += more;
    }
}
