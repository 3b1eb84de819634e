// What differs between two site trees, object by object. Trees are on loan: the diff points into them.
#ifndef EDGEWATT_CONFIG_SITE_DIFF_H
#define EDGEWATT_CONFIG_SITE_DIFF_H

#include "base/json.h"
#include "core/site/site.h"

struct site_diff_item {
    const char *what;            // kind ("device") or singleton ("greenup")
    int64_t id;                  // 0 for singletons
    int order;                   // place of a cost rule in the new list, from 0
    const cJSON *before, *after; // NULL: was not there, is gone
};

struct site_diff {
    struct site_diff_item *items;
    int count, room;
};

// before may be NULL: everything of `after` is new. A cost rule that only moved differs too.
void site_diff_make(const cJSON *before, const cJSON *after, struct site_diff *ret);
void site_diff_done(struct site_diff *diff);

// One sentence for people: `device 12 "General" (unit, name), bus 3 added, and 4 more`.
void site_diff_sentence(const struct site_diff *diff, char *dst, size_t size);
// An array of {kind, id, old, new}; at most `max` items, whole objects.
void site_diff_write(const struct site_diff *diff, int max, struct ew_jw *w, const char *key);

#endif
