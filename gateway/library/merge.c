#include "library/library_priv.h"

#include <stdlib.h>
#include <string.h>

const char *library_tree_text(const cJSON *tree, const char *key)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(tree, key);
    return cJSON_IsString(node) ? node->valuestring : "";
}

static cJSON *copy(const cJSON *node)
{
    cJSON *twin = cJSON_Duplicate(node, true);
    if (!twin)
        abort();
    return twin;
}

// RFC 7396 "JSON Merge Patch": objects merge key by key, null removes, anything else replaces.
static void merge_into(cJSON *target, const cJSON *patch)
{
    for (const cJSON *child = patch->child; child; child = child->next) {
        cJSON *there = cJSON_GetObjectItemCaseSensitive(target, child->string);
        if (cJSON_IsNull(child))
            cJSON_DeleteItemFromObjectCaseSensitive(target, child->string);
        else if (cJSON_IsObject(child) && cJSON_IsObject(there))
            merge_into(there, child);
        else if (there)
            cJSON_ReplaceItemInObjectCaseSensitive(target, child->string, copy(child));
        else
            cJSON_AddItemToObject(target, child->string, copy(child));
    }
}

// The user's file wins over a shipped one of the same id, but for a user's file that extends its own id.
static const struct library_source *find_base(const struct library_sources *sources,
                                              const struct library_source *child, const char *id)
{
    const struct library_source *found = NULL;
    bool overlay = child->own && strcmp(library_tree_text(child->tree, "id"), id) == 0;
    for (int i = 0; i < sources->count; i++) {
        const struct library_source *source = &sources->items[i];
        if (source == child || strcmp(library_tree_text(source->tree, "id"), id) != 0)
            continue;
        if (overlay && source->own)
            continue;
        if (!found || source->own)
            found = source;
    }
    return found;
}

enum ew_err library_merge(const struct library_sources *sources, const struct library_source *source,
                          cJSON **ret_tree, struct ew_reason *reason)
{
    static const char *const own_words[] = {"id", "aliases", "confidence", "evidence", "extends", "identify"};
    const struct library_source *chain[LIBRARY_EXTENDS_MAX + 1] = {source};
    int length = 1;
    for (const struct library_source *at = source;;) {
        const cJSON *extends = cJSON_GetObjectItemCaseSensitive(at->tree, "extends");
        if (!extends)
            break;
        const char *id = library_tree_text(at->tree, "extends");
        const struct library_source *base = find_base(sources, at, id);
        if (!base)
            return ew_fail(reason, EW_E_UNKNOWN, "library.extends", "/extends",
                           "there is no profile \"%.60s\"", id);
        if (length > LIBRARY_EXTENDS_MAX)
            return ew_fail(reason, EW_E_INVALID, "library.chain", "/extends",
                           "extends over more than %d profiles, or in a circle", LIBRARY_EXTENDS_MAX);
        chain[length++] = at = base;
    }
    cJSON *tree = copy(chain[length - 1]->tree);
    for (int i = length - 2; i >= 0; i--) {
        for (size_t k = 0; k < sizeof(own_words) / sizeof(own_words[0]); k++)
            cJSON_DeleteItemFromObjectCaseSensitive(tree, own_words[k]);
        merge_into(tree, chain[i]->tree);
    }
    *ret_tree = tree;
    return EW_OK;
}
