#include "base/json.h"

#include "base/utf8.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

static enum ew_err fail_at(struct ew_reason *reason, const char *text, size_t at, const char *what)
{
    int line = 1, column = 1;
    for (size_t i = 0; i < at; i++) {
        column++;
        if (text[i] == '\n') {
            line++;
            column = 1;
        }
    }
    return ew_fail(reason, EW_E_INVALID, "json.syntax", "", "line %d, column %d: %s", line, column, what);
}

static int depth_change(char c)
{
    return c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
}

// What cJSON does not look at: encoding, 0 bytes, nesting (outside strings).
static enum ew_err check_text(const char *text, size_t len, struct ew_reason *reason)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len;) {
        size_t n = ew_utf8_length((const unsigned char *)text + i, len - i);
        if (n == 0)
            return fail_at(reason, text, i, "the text is not valid UTF-8");
        char c = text[i];
        if (c == 0)
            return fail_at(reason, text, i, "a 0 byte is not allowed");
        if (in_string && c == '\\')
            n = i + 1 < len && (unsigned char)text[i + 1] < 0x80 ? 2 : 1;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string)
            depth += depth_change(c);
        if (depth > DEPTH_MAX)
            return fail_at(reason, text, i, "nested deeper than 32 levels");
        i += n;
    }
    return EW_OK;
}

static int by_key(const void *a, const void *b)
{
    const cJSON *const *x = a, *const *y = b;
    return strcmp((*x)->string, (*y)->string);
}

// A key that stands twice among the members of an object, NULL when there is none. Sorted, since a hostile
// text can hold a hundred thousand keys.
static const char *find_twin(const cJSON *object)
{
    size_t count = 0, i = 0;
    const char *twin = NULL;
    for (const cJSON *child = object->child; child; child = child->next)
        count++;
    if (count < 2)
        return NULL;
    const cJSON **sorted = calloc(count, sizeof(const cJSON *));
    if (!sorted)
        abort();
    for (const cJSON *child = object->child; child; child = child->next)
        sorted[i++] = child;
    qsort(sorted, count, sizeof(*sorted), by_key);
    for (i = 1; i < count && !twin; i++)
        if (strcmp(sorted[i - 1]->string, sorted[i]->string) == 0)
            twin = sorted[i]->string;
    free(sorted);
    return twin;
}

// What cJSON lets pass: a key twice, and numbers beyond a double (it makes them infinite).
static enum ew_err check_tree(const cJSON *node, const char *path, struct ew_reason *reason)
{
    int index = 0;
    char child_path[EW_PATH_MAX];
    const char *twin = cJSON_IsObject(node) ? find_twin(node) : NULL;
    if (twin) {
        (void)ew_format(child_path, sizeof(child_path), "%s/%s", path, twin);
        return ew_fail(reason, EW_E_INVALID, "json.twice", child_path, "the key stands twice");
    }
    if (cJSON_IsNumber(node) && !isfinite(node->valuedouble))
        return ew_fail(reason, EW_E_INVALID, "json.range", path[0] ? path : "/", "the number is too large");
    for (const cJSON *child = node->child; child; child = child->next, index++) {
        if (!child->child && !cJSON_IsNumber(child))
            continue;
        if (child->string)
            (void)ew_format(child_path, sizeof(child_path), "%s/%s", path, child->string);
        else
            (void)ew_format(child_path, sizeof(child_path), "%s/%d", path, index);
        enum ew_err err = check_tree(child, child_path, reason);
        if (err != EW_OK)
            return err;
    }
    return EW_OK;
}

enum ew_err ew_json_parse(const char *text, size_t len, size_t max, cJSON **ret_tree,
                          struct ew_reason *reason)
{
    if (len > max)
        return ew_fail(reason, EW_E_TOO_LARGE, "json.too_large", "",
                       "%zu bytes are more than the %zu allowed", len, max);
    enum ew_err err = check_text(text, len, reason);
    if (err != EW_OK)
        return err;
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(text, len, &end, false);
    if (!tree) {
        size_t at = end ? (size_t)(end - text) : 0;
        return fail_at(reason, text, at < len ? at : len,
                       len == 0 ? "the text is empty" : "JSON syntax error here");
    }
    for (size_t i = (size_t)(end - text); i < len && err == EW_OK; i++)
        if (!strchr(" \t\r\n", text[i]))
            err = fail_at(reason, text, i, "text after the end of the JSON value");
    if (err == EW_OK)
        err = check_tree(tree, "", reason);
    if (err != EW_OK) {
        cJSON_Delete(tree);
        return err;
    }
    *ret_tree = tree;
    return EW_OK;
}
