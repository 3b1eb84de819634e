// The site file as text: reading with the whole check, writing so that people can read and compare it.
#include "base/log.h"
#include "config/site_store.h"

#include <stdlib.h>
#include <string.h>

struct first {
    const struct site_check *outer;
    struct ew_reason reason;
    int count;
};

static void note(void *user, const struct ew_reason *problem)
{
    struct first *first = user;
    if (first->count++ == 0)
        first->reason = *problem;
}

static bool known(void *user, const char *profile)
{
    const struct first *first = user;
    return !first->outer->profile_known || first->outer->profile_known(first->outer->user, profile);
}

static enum ew_err look(void *user, const struct site_device *device, const char *path,
                        struct ew_reason *reason)
{
    const struct first *first = user;
    return first->outer->device ? first->outer->device(first->outer->user, device, path, reason) : EW_OK;
}

enum ew_err site_check_tree(const cJSON *tree, const struct site_check *check, struct ew_reason *reason)
{
    struct first first = {.outer = check};
    struct site_check job = {.profile_known = known, .device = look, .problem = note, .user = &first};
    size_t size = site_check_memory(tree);
    void *memory = malloc(size);
    if (!memory)
        abort();
    enum ew_err err = site_check(tree, &job, memory, size);
    free(memory);
    if (err != EW_OK && reason)
        *reason = first.reason;
    return err;
}

enum ew_err site_parse(const char *text, size_t len, const struct site_check *check, cJSON **ret_tree,
                       struct ew_reason *reason)
{
    cJSON *tree = NULL;
    enum ew_err err = ew_json_parse(text, len, EW_SITE_FILE_MAX, &tree, reason);
    if (err == EW_OK)
        err = site_check_tree(tree, check, reason);
    if (err != EW_OK) {
        cJSON_Delete(tree);
        return err;
    }
    *ret_tree = tree;
    return EW_OK;
}

static void add_compact(struct ew_buf *text, const cJSON *node)
{
    char *compact = cJSON_PrintUnformatted(node);
    if (!compact)
        abort();
    ew_buf_add_text(text, compact);
    cJSON_free(compact);
}

void site_print(const cJSON *tree, struct ew_buf *text)
{
    ew_buf_add_text(text, "{");
    for (const cJSON *member = tree->child; member; member = member->next) {
        ew_buf_printf(text, "%s\n \"%s\": ", member == tree->child ? "" : ",", member->string);
        if (!cJSON_IsArray(member) || !member->child) {
            add_compact(text, member);
            continue;
        }
        ew_buf_add_text(text, "[");
        for (const cJSON *item = member->child; item; item = item->next) {
            ew_buf_add_text(text, item == member->child ? "\n  " : ",\n  ");
            add_compact(text, item);
        }
        ew_buf_add_text(text, "\n ]");
    }
    ew_buf_add_text(text, "\n}\n");
}

static bool counter(const cJSON *member)
{
    return strcmp(member->string, "rev") == 0 || strcmp(member->string, "next_id") == 0;
}

static bool covers(const cJSON *a, const cJSON *b)
{
    for (const cJSON *member = a->child; member; member = member->next)
        if (!counter(member) &&
            !cJSON_Compare(member, cJSON_GetObjectItemCaseSensitive(b, member->string), true))
            return false;
    return true;
}

bool site_same(const cJSON *a, const cJSON *b)
{
    int count_a = 0, count_b = 0;
    for (const cJSON *member = a->child; member; member = member->next)
        count_a += !counter(member);
    for (const cJSON *member = b->child; member; member = member->next)
        count_b += !counter(member);
    return count_a == count_b && covers(a, b);
}
