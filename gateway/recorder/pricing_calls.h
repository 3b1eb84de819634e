// The recorder's side of pricing that talks: configuration in, recorder/tariffs out, rebuilding in the
// background.
#ifndef EDGEWATT_RECORDER_PRICING_CALLS_H
#define EDGEWATT_RECORDER_PRICING_CALLS_H

#include "recorder/pricing.h"
#include "service/service.h"

struct pricing_calls;

// Subscribes and serves; call before the service connects.
enum ew_err pricing_calls_start(struct ew_service *service, struct store *store,
                                const struct sampler *sampler, struct pricing_calls **ret,
                                struct ew_reason *reason) EW_MUST_CHECK;
void pricing_calls_stop(struct pricing_calls *calls); // takes NULL
void pricing_calls_site(struct pricing_calls *calls, const struct calendar_zone *zone, const char *currency);
void pricing_calls_health(const struct pricing_calls *calls, struct ew_jw *w);
struct pricing *pricing_calls_pricing(struct pricing_calls *calls);

#endif
