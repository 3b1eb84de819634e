// What the files of core/site share.
#ifndef EDGEWATT_CORE_SITE_SITE_PRIV_H
#define EDGEWATT_CORE_SITE_SITE_PRIV_H

#include "base/arena.h"
#include "core/site/site.h"

enum {
    SITE_LABELS_MAX = 64,
    SITE_TARIFFS_PER_SERVICE_MAX = 5, // CST-01
    SITE_USER_CIRCUITS_MAX = 8,       // ORG-02: 8 of the user's, 6 built in
    SITE_COST_RULES_MAX = 256,
    SITE_REPORTS_MAX = 64,
    SITE_NOTIFICATIONS_MAX = 256,
    SITE_TELEGRAM_USERS_MAX = 64,
    SITE_ZONES_MAX = 4096,
    SITE_PANELS_MAX = 1024
};

typedef enum ew_err site_object_fn(const cJSON *node, const char *path, struct ew_reason *reason);

// The objects that have no struct (yet): validation only.
site_object_fn site_panel_check, site_circuit_check, site_zone_check;
site_object_fn site_tariff_check, site_cost_rule_check;
site_object_fn site_sampling_check, site_csv_check, site_gas_check, site_web_check, site_modbus_server_check;
site_object_fn site_greenup_check, site_reports_check, site_notifications_check;

extern const char *const site_services[]; // electricity, gas, water; NULL-terminated
extern const char *const site_uses[];     // of the built-in circuits

// "id": 1..SITE_ID_MAX, and the keys that a published object has beside it.
void site_read_id(struct ew_json *o, int64_t *ret_id);
// A reference to another object: 1..SITE_ID_MAX, or 0 or null for none.
void site_read_reference(struct ew_json *o, const char *key, enum ew_presence presence, int64_t *ret_id);
void site_read_flag(struct ew_json *o, const char *key, bool preset, bool *ret);
void site_read_count(struct ew_json *o, const char *key, int min, int max, int preset, int *ret);
// True when every character of text is in the set.
bool site_text_only(const char *text, const char *set);
// "2026-02-28" as year*10000 + month*100 + day, 0 when it is no day of the calendar.
int site_date(const char *text);
void site_read_date(struct ew_json *o, const char *key, enum ew_presence presence, int *ret_date);
void site_read_email(struct ew_json *o, const char *key, enum ew_presence presence);
bool site_email(const char *text);

// ---- index.c: hash tables in an arena --------------------------------------------------------------------
struct site_index {
    uint32_t *slots; // 1 + item number, 0 = empty
    uint32_t size;   // a power of two, at least twice the items
};
size_t site_index_memory(size_t items);
void site_index_init(struct site_index *index, struct ew_arena *arena, size_t items);
// Asks same(user, item) for every item put under this hash. Returns the item that is the same, or puts `item`
// in and returns -1.
typedef bool site_same_fn(const void *user, uint32_t item);
int64_t site_index_put(struct site_index *index, uint32_t hash, uint32_t item, site_same_fn *same,
                       const void *user);
int64_t site_index_find(const struct site_index *index, uint32_t hash, site_same_fn *same, const void *user);
uint32_t site_hash(const void *data, size_t len);

// output.c
void site_read_outputs(struct ew_json *device, struct site_device *ret);

#endif
