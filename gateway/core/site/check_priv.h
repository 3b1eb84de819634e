// The whole check's working memory, shared by check.c and relations.c.
#ifndef EDGEWATT_CORE_SITE_CHECK_PRIV_H
#define EDGEWATT_CORE_SITE_CHECK_PRIV_H

#include "core/site/site_priv.h"

struct checker_item {
    int64_t id; // 0 = unreadable
    const cJSON *node;
    bool good; // the object's own reader accepted it
};

struct checker_list {
    struct checker_item *items;
    uint32_t count;
    struct site_index by_id;
};

struct checker_key { // DEV-01
    int64_t bus;
    int unit, interface, position;
    char side;
};

struct checker {
    struct site_check *check;
    const cJSON *site;
    struct ew_arena arena;
    struct checker_list lists[SITE_KIND_COUNT];
    struct site_bus *buses;   // beside lists[SITE_BUS].items
    struct checker_key *keys; // beside lists[SITE_DEVICE].items
};

void checker_report(struct checker *c, const struct ew_reason *reason);
// One problem at <list>/<index>[/<key>].
void checker_fail(struct checker *c, enum site_kind kind, uint32_t index, const char *key, const char *code,
                  const char *fmt, ...) EW_PRINTF(6, 7);
// The place of an object in its list, -1 when there is none.
int64_t checker_find(const struct checker *c, enum site_kind kind, int64_t id);

// relations.c: what objects say about each other.
void checker_buses(struct checker *c);
void checker_devices(struct checker *c);
void checker_circuits(struct checker *c);
void checker_tariffs(struct checker *c);
void checker_singletons(struct checker *c);

#endif
