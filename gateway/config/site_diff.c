#include "config/site_diff.h"

#include <stdlib.h>
#include <string.h>

struct place {
    int64_t id;
    int order;
    const cJSON *node;
};

struct places {
    struct place *items;
    int count;
};

static int compare_places(const void *a, const void *b)
{
    int64_t x = ((const struct place *)a)->id, y = ((const struct place *)b)->id;
    return x < y ? -1 : x > y;
}

static void list_places(const cJSON *site, enum site_kind kind, struct places *ret)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(site, site_kind_list(kind)), *child;
    ret->items = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*ret->items));
    ret->count = 0;
    if (!ret->items)
        abort();
    cJSON_ArrayForEach(child, list)
    {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(child, "id");
        if (cJSON_IsNumber(id)) {
            ret->items[ret->count] = (struct place){(int64_t)id->valuedouble, ret->count, child};
            ret->count++;
        }
    }
    qsort(ret->items, (size_t)ret->count, sizeof(*ret->items), compare_places);
}

static void add(struct site_diff *diff, struct site_diff_item item)
{
    if (diff->count == diff->room) {
        diff->room = diff->room ? diff->room * 2 : 16;
        diff->items = reallocarray(diff->items, (size_t)diff->room, sizeof(*diff->items));
        if (!diff->items)
            abort();
    }
    diff->items[diff->count++] = item;
}

static void compare_kind(const cJSON *before, const cJSON *after, enum site_kind kind, struct site_diff *diff)
{
    struct places a, b;
    list_places(before, kind, &a);
    list_places(after, kind, &b);
    const char *what = site_kind_name(kind);
    int i = 0, k = 0;
    while (i < a.count || k < b.count) {
        const struct place *old = &a.items[i], *new = &b.items[k]; // one past the end is there, and zeroed
        if (k == b.count || (i < a.count && old->id < new->id)) {
            add(diff, (struct site_diff_item){what, old->id, 0, old->node, NULL});
            i++;
        } else if (i == a.count || new->id < old->id) {
            add(diff, (struct site_diff_item){what, new->id, new->order, NULL, new->node});
            k++;
        } else {
            bool moved = kind == SITE_COST_RULE && old->order != new->order;
            if (moved || !cJSON_Compare(old->node, new->node, true))
                add(diff, (struct site_diff_item){what, new->id, new->order, old->node, new->node});
            i++;
            k++;
        }
    }
    free(a.items);
    free(b.items);
}

void site_diff_make(const cJSON *before, const cJSON *after, struct site_diff *ret)
{
    *ret = (struct site_diff){.items = NULL};
    for (int i = 0; site_singletons[i]; i++) {
        const cJSON *old = cJSON_GetObjectItemCaseSensitive(before, site_singletons[i]);
        const cJSON *new = cJSON_GetObjectItemCaseSensitive(after, site_singletons[i]);
        if ((old || new) && !(old && new &&cJSON_Compare(old, new, true)))
            add(ret, (struct site_diff_item){site_singletons[i], 0, 0, old, new});
    }
    for (int kind = 0; kind < SITE_KIND_COUNT; kind++)
        compare_kind(before, after, (enum site_kind)kind, ret);
}

void site_diff_done(struct site_diff *diff)
{
    free(diff->items);
    *diff = (struct site_diff){.items = NULL};
}

// ---- In words --------------------------------------------------------------------------------------------

static void add_key(struct ew_buf *text, const char *key, bool *first)
{
    ew_buf_printf(text, "%s%s", *first ? " (" : ", ", key);
    *first = false;
}

static void add_keys(struct ew_buf *text, const cJSON *before, const cJSON *after)
{
    bool first = true;
    const cJSON *member;
    cJSON_ArrayForEach(member, after)
    {
        const cJSON *old = cJSON_GetObjectItemCaseSensitive(before, member->string);
        if (!old || !cJSON_Compare(old, member, true))
            add_key(text, member->string, &first);
    }
    cJSON_ArrayForEach(member, before)
    {
        if (!cJSON_GetObjectItemCaseSensitive(after, member->string))
            add_key(text, member->string, &first);
    }
    ew_buf_add_text(text, first ? " (place)" : ")");
}

static void add_item(struct ew_buf *text, const struct site_diff_item *item)
{
    const cJSON *node = item->after ? item->after : item->before;
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, "name"));
    ew_buf_add_text(text, item->what);
    if (item->id)
        ew_buf_printf(text, " %lld", (long long)item->id);
    if (item->id && name)
        ew_buf_printf(text, " \"%s\"", name);
    if (!item->before)
        ew_buf_add_text(text, " added");
    else if (!item->after)
        ew_buf_add_text(text, " deleted");
    else
        add_keys(text, item->before, item->after);
}

void site_diff_sentence(const struct site_diff *diff, char *dst, size_t size)
{
    enum { ITEMS_SAID = 4 };
    struct ew_buf text;
    ew_buf_init(&text, 4096);
    for (int i = 0; i < diff->count && i < ITEMS_SAID; i++) {
        ew_buf_add_text(&text, i ? ", " : "");
        add_item(&text, &diff->items[i]);
    }
    if (diff->count > ITEMS_SAID)
        ew_buf_printf(&text, ", and %d more", diff->count - ITEMS_SAID);
    ew_copy(dst, size, diff->count ? ew_buf_text(&text) : "nothing");
    ew_buf_done(&text);
}

void site_diff_write(const struct site_diff *diff, int max, struct ew_jw *w, const char *key)
{
    ew_jw_open_array(w, key);
    for (int i = 0; i < diff->count && i < max; i++) {
        const struct site_diff_item *item = &diff->items[i];
        ew_jw_open_object(w, NULL);
        ew_jw_text(w, "kind", item->id ? item->what : "settings");
        if (item->id)
            ew_jw_int(w, "id", item->id);
        else
            ew_jw_text(w, "id", item->what);
        if (item->before)
            ew_jw_tree(w, "old", item->before);
        else
            ew_jw_null(w, "old");
        if (item->after)
            ew_jw_tree(w, "new", item->after);
        else
            ew_jw_null(w, "new");
        ew_jw_close_object(w);
    }
    ew_jw_close_array(w);
}
