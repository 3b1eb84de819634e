#include "base/json.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ew_json_path(const struct ew_json *o, const char *key, int index, char out[EW_PATH_MAX])
{
    if (index < 0)
        (void)ew_format(out, EW_PATH_MAX, "%s/%s", o->path, key);
    else
        (void)ew_format(out, EW_PATH_MAX, "%s/%s/%d", o->path, key, index);
}

static bool fail(struct ew_json *o, const char *key, const char *code, const char *text)
{
    ew_json_fail(o, key, code, "%s", text);
    return false;
}

void ew_json_fail(struct ew_json *o, const char *key, const char *code, const char *fmt, ...)
{
    if (o->err != EW_OK)
        return;
    char path[EW_PATH_MAX], text[EW_TEXT_MAX];
    if (key)
        ew_json_path(o, key, -1, path);
    else
        ew_copy(path, sizeof(path), o->path);
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(text, sizeof(text), fmt, args) < 0)
        text[0] = 0;
    va_end(args);
    o->err = ew_fail(o->reason, EW_E_INVALID, code, path[0] ? path : "/", "%s", text);
}

void ew_json_open(struct ew_json *o, const cJSON *node, const char *path, struct ew_reason *reason)
{
    *o = (struct ew_json){.node = node, .reason = reason};
    ew_copy(o->path, sizeof(o->path), path);
    if (!cJSON_IsObject(node))
        fail(o, NULL, "json.type", "must be an object");
}

void ew_json_skip(struct ew_json *o, const char *key)
{
    for (int i = 0; i < o->seen_count; i++)
        if (strcmp(o->seen[i], key) == 0)
            return;
    if (o->seen_count < EW_JSON_KEYS_MAX)
        o->seen[o->seen_count++] = key;
}

bool ew_json_has(const struct ew_json *o, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(o->node, key) != NULL;
}

enum ew_err ew_json_close(struct ew_json *o)
{
    if (o->err != EW_OK)
        return o->err;
    for (const cJSON *child = o->node->child; child; child = child->next) {
        bool known = false;
        for (int i = 0; i < o->seen_count && !known; i++)
            known = strcmp(o->seen[i], child->string) == 0;
        if (!known) {
            ew_json_fail(o, child->string, "json.unknown_key", "unknown key");
            break;
        }
    }
    return o->err;
}

// The item under key, noted as known; NULL when there is nothing (more) to read.
static const cJSON *item(struct ew_json *o, const char *key, enum ew_presence presence)
{
    if (o->err != EW_OK)
        return NULL;
    ew_json_skip(o, key);
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(o->node, key);
    if (!node && presence == EW_REQUIRED)
        fail(o, key, "json.missing", "is missing");
    return node;
}

void ew_json_int(struct ew_json *o, const char *key, enum ew_presence p, int64_t min, int64_t max,
                 int64_t *out)
{
    const cJSON *node = item(o, key, p);
    if (!node)
        return;
    double value = node->valuedouble;
    // Doubles hold whole numbers exactly up to 2^53 only.
    if (!cJSON_IsNumber(node) || !(fabs(value) <= 9007199254740992.0) || value != floor(value))
        fail(o, key, "json.type", "must be a whole number");
    else if ((int64_t)value < min || (int64_t)value > max)
        ew_json_fail(o, key, "json.range", "%lld is outside %lld..%lld", (long long)value, (long long)min,
                     (long long)max);
    else
        *out = (int64_t)value;
}

void ew_json_number(struct ew_json *o, const char *key, enum ew_presence p, double min, double max,
                    double *out)
{
    const cJSON *node = item(o, key, p);
    if (!node)
        return;
    if (!cJSON_IsNumber(node) || !isfinite(node->valuedouble))
        fail(o, key, "json.type", "must be a number");
    else if (node->valuedouble < min || node->valuedouble > max)
        ew_json_fail(o, key, "json.range", "%g is outside %g..%g", node->valuedouble, min, max);
    else
        *out = node->valuedouble;
}

void ew_json_bool(struct ew_json *o, const char *key, enum ew_presence p, bool *out)
{
    const cJSON *node = item(o, key, p);
    if (!node)
        return;
    if (!cJSON_IsBool(node))
        fail(o, key, "json.type", "must be true or false");
    else
        *out = cJSON_IsTrue(node);
}

void ew_json_text(struct ew_json *o, const char *key, enum ew_presence p, size_t min_len, size_t size,
                  char *out)
{
    const cJSON *node = item(o, key, p);
    if (!node)
        return;
    if (!cJSON_IsString(node)) {
        fail(o, key, "json.type", "must be text");
        return;
    }
    size_t len = strlen(node->valuestring);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)node->valuestring[i];
        if (c < 0x20 || c == 0x7F) {
            fail(o, key, "json.control", "must not hold control characters");
            return;
        }
    }
    if (len < min_len || len >= size) {
        ew_json_fail(o, key, "json.text_length", "must be %zu to %zu bytes long", min_len, size - 1);
        ew_reason_param(o->reason, "max", "%zu", size - 1);
    } else {
        memcpy(out, node->valuestring, len + 1);
    }
}

void ew_json_enum(struct ew_json *o, const char *key, enum ew_presence p, const char *const *names, int *out)
{
    const cJSON *node = item(o, key, p);
    if (!node)
        return;
    for (int i = 0; cJSON_IsString(node) && names[i]; i++)
        if (strcmp(names[i], node->valuestring) == 0) {
            *out = i;
            return;
        }
    char list[EW_TEXT_MAX / 2] = "";
    for (int i = 0; names[i]; i++) {
        char longer[sizeof(list)];
        if (ew_format(longer, sizeof(longer), "%s%s%s", list, i ? ", " : "", names[i]) != EW_OK)
            break;
        memcpy(list, longer, sizeof(list));
    }
    ew_json_fail(o, key, "json.choice", "must be one of: %s", list);
}

static bool hex_digits(const char *text, uint64_t *ret_value)
{
    if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X') || text[2] == 0)
        return false;
    uint64_t value = 0;
    for (const char *p = text + 2; *p; p++) {
        int digit = *p >= '0' && *p <= '9'   ? *p - '0'
                    : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10
                    : *p >= 'A' && *p <= 'F' ? *p - 'A' + 10
                                             : -1;
        if (digit < 0 || value >> 60)
            return false;
        value = value << 4 | (uint64_t)digit;
    }
    *ret_value = value;
    return true;
}

bool ew_json_hex_value(const cJSON *node, uint64_t *out)
{
    if (cJSON_IsString(node))
        return hex_digits(node->valuestring, out);
    if (!cJSON_IsNumber(node) || !(node->valuedouble >= 0 && node->valuedouble <= 9007199254740992.0) ||
        node->valuedouble != floor(node->valuedouble))
        return false;
    *out = (uint64_t)node->valuedouble;
    return true;
}

void ew_json_hex(struct ew_json *o, const char *key, enum ew_presence p, uint64_t max, uint64_t *out)
{
    const cJSON *node = item(o, key, p);
    if (!node)
        return;
    uint64_t value = 0;
    if (!ew_json_hex_value(node, &value))
        fail(o, key, "json.hex", "must be a whole number or hexadecimal text as \"0x1F\"");
    else if (value > max)
        ew_json_fail(o, key, "json.range", "0x%llX is above 0x%llX", (unsigned long long)value,
                     (unsigned long long)max);
    else
        *out = value;
}

const cJSON *ew_json_array(struct ew_json *o, const char *key, enum ew_presence p, int max_items)
{
    const cJSON *node = item(o, key, p);
    if (!node)
        return NULL;
    if (!cJSON_IsArray(node)) {
        fail(o, key, "json.type", "must be a list");
        return NULL;
    }
    int count = 0;
    for (const cJSON *child = node->child; child; child = child->next)
        count++;
    if (count > max_items) {
        ew_json_fail(o, key, "json.count", "%d items are more than the %d allowed", count, max_items);
        return NULL;
    }
    return node;
}

const cJSON *ew_json_object(struct ew_json *o, const char *key, enum ew_presence p)
{
    const cJSON *node = item(o, key, p);
    if (node && !cJSON_IsObject(node)) {
        fail(o, key, "json.type", "must be an object");
        return NULL;
    }
    return node;
}

const cJSON *ew_json_any(struct ew_json *o, const char *key, enum ew_presence p)
{
    return item(o, key, p);
}
