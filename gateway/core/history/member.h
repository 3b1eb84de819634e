// Where a device belonged and when (VIEW-08): moving a meter leaves the past as it was. Pure.
#ifndef EDGEWATT_CORE_HISTORY_MEMBER_H
#define EDGEWATT_CORE_HISTORY_MEMBER_H

#include "base/err.h"
#include "base/limits.h"
#include "core/site/site.h"
#include <stdint.h>

const char *history_service_name(enum site_service service); // "electricity"
// What is summed for a service: "active_energy_import" in Wh, "volume" in dm3.
const char *history_service_quantity(enum site_service service);

// What an amount is one of.
enum history_measure { HISTORY_ENERGY, HISTORY_VOLUME, HISTORY_OTHER };
enum history_measure history_measure_of(const char *quantity);

struct history_place {
    int64_t circuit, panel; // 0 = none
    int zone_count;
    int64_t zones[EW_ZONES_PER_DEVICE_MAX];
    bool excluded; // from totals, circuits, zones and panels
    enum site_service service;
};
bool history_place_same(const struct history_place *a, const struct history_place *b);
// Whether a device's amounts are what its service is summed by: a meter of electricity may have a volume too,
// and is no water meter for that.
bool history_place_counts(const struct history_place *place, enum history_measure measure);

struct history_member {
    int64_t device, since_s;
    struct history_place place;
};

// Entries sorted by (device, since_s). Index of the one in force for a device at at_s, -1 = none.
int history_member_at(const struct history_member *members, int count, int64_t device, int64_t at_s);
// The place in force and, in *ret_until_s, until when. A device without an entry belongs nowhere and counts
// as electricity: every figure of every page goes by this.
const struct history_place *history_place_at(const struct history_member *members, int count, int64_t device,
                                             int64_t at_s, int64_t *ret_until_s);
// True when the device's place changes inside ]from_s, to_s[.
bool history_member_moves(const struct history_member *members, int count, int64_t device, int64_t from_s,
                          int64_t to_s);

#endif
