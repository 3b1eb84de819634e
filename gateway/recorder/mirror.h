// The configuration as it stands in the retained topics, for work that needs all of it at once: CSV files,
// reports.
#ifndef EDGEWATT_RECORDER_MIRROR_H
#define EDGEWATT_RECORDER_MIRROR_H

#include "service/service.h"

struct mirror;

struct mirror *mirror_new(struct ew_service *service); // subscribes to config/#
void mirror_free(struct mirror *mirror);               // takes NULL
// A copy: {"device": [..], "circuit": [..], ... , "settings": {"site": {..}, ..}}. The caller deletes it.
cJSON *mirror_copy(const struct mirror *mirror);
// Settings by name, on loan; NULL = none.
const cJSON *mirror_settings(const struct mirror *mirror, const char *name);
// Turns with every message.
unsigned mirror_turn(const struct mirror *mirror);

#endif
