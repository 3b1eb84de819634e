// The topic tree of DESIGN as functions: one place that spells a topic. Topics are below "edgewatt/<site>".
// Pure.
#ifndef EDGEWATT_CORE_TOPIC_TOPIC_H
#define EDGEWATT_CORE_TOPIC_TOPIC_H

#include "base/err.h"
#include "base/limits.h"
#include <stdint.h>

typedef char topic_text[EW_TOPIC_MAX];

void topic_service_status(topic_text dst, const char *service);
void topic_config(topic_text dst, const char *kind, const char *id);
void topic_bus_status(topic_text dst, int64_t bus_id);
void topic_bus_scan(topic_text dst, int64_t bus_id);
void topic_device(topic_text dst, int64_t device_id,
                  const char *leaf); // leaf: "status", "state", "charge", "links", "setpoint", "command"
void topic_device_measures(topic_text dst, int64_t device_id, const char *group);

// Takes apart "device/12/measures/instant": returns true and the id and what follows ("measures/instant",
// inside topic) when topic begins with "<kind>/<number>/".
bool topic_split(const char *topic, const char *kind, int64_t *ret_id, const char **ret_rest);
// An id as in the site file: 1..2^31-1.
bool topic_parse_id(const char *text, size_t len, int64_t *ret_id);

#endif
