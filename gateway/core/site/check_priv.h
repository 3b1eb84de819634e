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
    bool unreadable; // references into it are not judged then
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
void checker_path(enum site_kind kind, uint32_t index, const char *key, char path[EW_PATH_MAX]);
// One problem at /<list>/<index>[/<key>]. A macro: the pure core has no va_list of its own.
#define checker_fail(c, kind, index, key, code, ...)                                                         \
    do {                                                                                                     \
        struct ew_reason checker_reason;                                                                     \
        char checker_place[EW_PATH_MAX];                                                                     \
        ew_reason_clear(&checker_reason);                                                                    \
        checker_path(kind, index, key, checker_place);                                                       \
        (void)ew_fail(&checker_reason, EW_E_INVALID, code, checker_place, __VA_ARGS__);                      \
        checker_report(c, &checker_reason);                                                                  \
    } while (0)
// The place of an object in its list, -1 when there is none.
int64_t checker_find(const struct checker *c, enum site_kind kind, int64_t id);

// False when the list can be judged and does not hold the id.
bool checker_exists(const struct checker *c, enum site_kind kind, int64_t id);

// relations.c: what objects say about each other.
void checker_buses(struct checker *c);
void checker_devices(struct checker *c);
void checker_circuits(struct checker *c);
void checker_tariffs(struct checker *c);
void checker_singletons(struct checker *c);

#endif
