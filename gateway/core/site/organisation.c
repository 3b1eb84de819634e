// Panels, circuits, zones: ORG-01 to ORG-04.
#include "core/site/site_priv.h"

// ORG-04: what is disabled carries a mark.
static void read_place(struct ew_json *o)
{
    char name[EW_NAME_MAX], place[EW_NAME_MAX];
    int64_t id = 0;
    bool disabled;
    site_read_id(o, &id);
    ew_json_text(o, "name", EW_REQUIRED, 1, sizeof(name), name);
    ew_json_text(o, "place", EW_OPTIONAL, 0, sizeof(place), place);
    site_read_flag(o, "disabled", false, &disabled);
}

enum ew_err site_panel_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    read_place(&o);
    return ew_json_close(&o);
}

enum ew_err site_zone_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    return site_panel_check(node, path, reason);
}

enum ew_err site_circuit_check(const cJSON *node, const char *path, struct ew_reason *reason)
{
    struct ew_json o;
    ew_json_open(&o, node, path, reason);
    char name[EW_NAME_MAX];
    int64_t id = 0;
    bool disabled;
    int use = 0;
    site_read_id(&o, &id);
    ew_json_enum(&o, "use", EW_OPTIONAL, site_uses, &use);
    // The pages name a built-in circuit in the user's language when the file does not.
    ew_json_text(&o, "name", ew_json_has(&o, "use") ? EW_OPTIONAL : EW_REQUIRED, 1, sizeof(name), name);
    site_read_flag(&o, "disabled", false, &disabled);
    return ew_json_close(&o);
}
