// Any bytes as JSON: parsed, read with every getter, printed and read again. What was printed says the same.
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX = 64 << 10, KEYS_MAX = 40 };

// Every getter on every key: whatever they say, they must not read outside, and an error has a path.
static void read_key(const cJSON *node, const char *key, int kind)
{
    static const char *const names[] = {"on", "off", NULL};
    struct ew_reason reason;
    struct ew_json o;
    int64_t whole = 0;
    uint64_t bits = 0;
    double number = 0;
    bool flag = false;
    int choice = 0;
    char text[16] = "";
    ew_reason_clear(&reason);
    ew_json_open(&o, node, "/here", &reason);
    switch (kind) {
    case 0:
        ew_json_int(&o, key, EW_REQUIRED, -1000, 1000, &whole);
        break;
    case 1:
        ew_json_number(&o, key, EW_REQUIRED, -1e9, 1e9, &number);
        break;
    case 2:
        ew_json_bool(&o, key, EW_REQUIRED, &flag);
        break;
    case 3:
        ew_json_text(&o, key, EW_REQUIRED, 1, sizeof(text), text);
        break;
    case 4:
        ew_json_enum(&o, key, EW_OPTIONAL, names, &choice);
        break;
    case 5:
        ew_json_hex(&o, key, EW_OPTIONAL, 65535, &bits);
        break;
    case 6:
        (void)ew_json_array(&o, key, EW_REQUIRED, 3);
        break;
    default:
        (void)ew_json_object(&o, key, EW_REQUIRED);
        break;
    }
    if (whole < -1000 || whole > 1000 || bits > 65535 || strlen(text) >= sizeof(text))
        abort();
    if (ew_json_close(&o) != EW_OK && (!reason.path[0] || !reason.text[0] || !reason.code[0]))
        abort();
}

static void read_all(const cJSON *node, int depth)
{
    int keys = 0;
    for (const cJSON *child = node->child; child && keys < KEYS_MAX; child = child->next, keys++) {
        for (int kind = 0; kind < 8 && cJSON_IsObject(node); kind++)
            read_key(node, child->string, kind);
        if (depth < 4)
            read_all(child, depth + 1);
    }
}

static void print_and_read_again(const cJSON *tree)
{
    struct ew_buf text;
    struct ew_jw w;
    cJSON *again = NULL;
    struct ew_reason reason;
    ew_buf_init(&text, 8 * MAX);
    ew_jw_init(&w, &text);
    ew_jw_tree(&w, NULL, tree);
    if (text.full || ew_json_parse(ew_buf_text(&text), text.len, 8 * MAX, &again, &reason) != EW_OK)
        abort();
    if (!cJSON_Compare(tree, again, true))
        abort();
    cJSON_Delete(again);
    ew_buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ew_reason reason;
    cJSON *tree = NULL;
    ew_reason_clear(&reason);
    if (ew_json_parse((const char *)data, size, MAX, &tree, &reason) != EW_OK) {
        if (tree || !reason.code[0] || !reason.text[0])
            abort();
        return 0;
    }
    read_all(tree, 0);
    print_and_read_again(tree);
    cJSON_Delete(tree);
    return 0;
}
