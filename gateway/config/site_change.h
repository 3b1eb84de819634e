// A list of changes applied to a copy of the site, all or none.
#ifndef EDGEWATT_CONFIG_SITE_CHANGE_H
#define EDGEWATT_CONFIG_SITE_CHANGE_H

#include "base/json.h"
#include "core/site/site.h"

enum { SITE_CHANGES_MAX = 1000 };

// changes: [{kind, id, value, index?}]. kind as "device", or "settings" with the singleton's name as id. id
// null: a new object, its id is given here; value null: deleted. index: the new place in the list, else a new
// object comes last and an old one stays where it is. "rev" and "order" of a published object may stand in
// the value. ret_ids[i] becomes the id of change i, 0 for settings. The copy is the caller's, also after an
// error (NULL then). Reasons have the path "/changes/<i>/..."; nothing is checked here that site_check says.
enum ew_err site_change_apply(const cJSON *site, const cJSON *changes, cJSON **ret_copy, int64_t *ret_ids,
                              int *ret_count, struct ew_reason *reason) EW_MUST_CHECK;

// Deleted objects that others still use (BUS-03): said about the change that deletes.
enum ew_err site_change_unused(const cJSON *copy, const cJSON *changes,
                               struct ew_reason *reason) EW_MUST_CHECK;

// A problem at "/devices/7/unit" becomes one at "/changes/0/value/unit" when change 0 made that object.
void site_change_place(const cJSON *copy, const cJSON *changes, const int64_t *ids, struct ew_reason *reason);

// What rights a change needs: kind or singleton name; NULL for a kind that does not exist.
const char *site_change_what(const cJSON *change);

#endif
