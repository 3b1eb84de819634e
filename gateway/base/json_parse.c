#include "base/json.h"

#include "base/utf8.h"
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

static enum ew_err check_keys(const cJSON *node, const char *path, struct ew_reason *reason)
{
    int index = 0;
    for (const cJSON *child = node->child; child; child = child->next, index++) {
        char child_path[EW_PATH_MAX];
        if (child->string)
            (void)ew_format(child_path, sizeof(child_path), "%s/%s", path, child->string);
        else
            (void)ew_format(child_path, sizeof(child_path), "%s/%d", path, index);
        for (const cJSON *other = child->next; child->string && other; other = other->next)
            if (strcmp(child->string, other->string) == 0)
                return ew_fail(reason, EW_E_INVALID, "json.twice", child_path, "the key stands twice");
        enum ew_err err = check_keys(child, child_path, reason);
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
        err = check_keys(tree, "", reason);
    if (err != EW_OK) {
        cJSON_Delete(tree);
        return err;
    }
    *ret_tree = tree;
    return EW_OK;
}
