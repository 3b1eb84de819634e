// The configuration as far as history needs it: where each device belongs, what it counts, and whether its
// energy has to be integrated from its power.
#ifndef EDGEWATT_RECORDER_PLACES_H
#define EDGEWATT_RECORDER_PLACES_H

#include "recorder/sampler.h"
#include "service/service.h"

struct places;

// Reads the clock, for dated changes.
typedef void places_now_fn(struct sampler_now *ret);

// Subscribes to buses, profiles and devices. Everything stays the caller's.
struct places *places_new(struct ew_service *service, struct sampler *sampler, places_now_fn *now);
void places_free(struct places *places); // takes NULL
// The device has no counter of what it draws, but tells its power.
bool places_integrates(const struct places *places, int64_t device);

#endif
