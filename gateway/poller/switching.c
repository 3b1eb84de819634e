// A charge point between one phase and three: never under load, and nothing flows until it is over.
#include "poller/fleet_priv.h"

#include "base/clock.h"
#include <math.h>

static struct phases_rule rule_of(const struct device *device)
{
    const struct profile *profile = device->recipe->profile;
    const struct profile_command *c = &profile->commands[profile_find_command(profile, "phases")];
    return (struct phases_rule){.pause_ms = (int64_t)c->pause_s * 1000, .rest_ms = (int64_t)c->rest_s * 1000};
}

// The highest current it tells, -1 = none.
static int32_t most_ma(const struct device *device)
{
    static const char *const quantities[] = {"current_l1", "current_l2", "current_l3", "current"};
    int32_t most = -1;
    for (size_t i = 0; i < sizeof(quantities) / sizeof(quantities[0]); i++) {
        int index = profile_find(device->recipe->profile, quantities[i]);
        const struct remembered *m = index >= 0 ? &device->memory[index] : NULL;
        int32_t ma = m && m->shown && m->good && !m->nulled ? limit_ma_of(fabs(m->number)) : -1;
        most = ma > most ? ma : most;
    }
    return most;
}

void switching_heard(struct device *device, int64_t read_ms)
{
    bool known, charges = limit_charges(device, &known);
    phases_heard(&device->station.phases, known, charges, most_ma(device), read_ms);
}

enum ew_err switching_may(const struct device *device, struct ew_reason *reason)
{
    const struct station *s = &device->station;
    struct phases_rule rule = rule_of(device);
    int64_t wait_ms = 0, stale_ms = (int64_t)memory_period_ms(device, PROFILE_CHARGE) * STALE_PERIODS;
    bool unknown = profile_find_command(device->recipe->profile, "limit") >= 0 && s->lease.read_ma < 0;
    enum phases_verdict verdict =
        unknown ? PHASES_UNKNOWN : phases_may(&s->phases, &rule, stale_ms, ew_clock_up_ms(), &wait_ms);
    int wait_s = (int)((wait_ms + 999) / 1000);
    enum ew_err err = EW_OK;
    switch (verdict) {
    case PHASES_MAY:
        break;
    case PHASES_LOADED:
        return ew_fail(reason, EW_E_BUSY, "station.phases_loaded", "",
                       "The phases are never switched under load: pause the charge first.");
    case PHASES_UNKNOWN:
        return ew_fail(reason, EW_E_BUSY, "station.phases_unknown", "",
                       "It is not known whether the charge point charges: its phases are not switched.");
    case PHASES_TOO_SOON:
    case PHASES_RESTS:
        err = verdict == PHASES_RESTS
                  ? ew_fail(reason, EW_E_BUSY, "station.phases_rest", "",
                            "The phases were switched a short while ago: again in %d s.", wait_s)
                  : ew_fail(reason, EW_E_BUSY, "station.phases_pause", "",
                            "The phases are switched only after a pause: in %d s.", wait_s);
        ew_reason_param(reason, "seconds", "%d", wait_s);
    }
    return err;
}

void switching_begin(struct device *device, struct inlet_job *job)
{
    struct station *s = &device->station;
    struct phases_rule rule = rule_of(device);
    int64_t now = ew_clock_up_ms();
    phases_begin(&s->phases, &rule, now);
    s->config.paused = true;
    lease_review(&s->lease, &s->config, now);
    if (profile_find_command(device->recipe->profile, "limit") >= 0)
        limit_add_writes(device, job, s->config.off_ma);
}

void switching_done(struct fleet *fleet, struct device *device, const struct inlet_job *job)
{
    struct phases_rule rule = rule_of(device);
    int32_t back_ma;
    if (profile_find_command(device->recipe->profile, "limit") >= 0)
        (void)limit_done(device, job, &back_ma);
    phases_switched(&device->station.phases, &rule, ew_clock_up_ms());
    station_review(fleet, device);
}
