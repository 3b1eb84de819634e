#include "core/greenup/allow.h"

#include <stddef.h>

struct teller {
    greenup_allow_fn *tell;
    void *user;
};

static void tell(const struct teller *t, int32_t device, bool tick, struct ew_reason *reason)
{
    reason->err = EW_OK;
    t->tell(t->user, device, tick, reason);
}

// While nobody speaks to them, stations with a watchdog of their own go on at their fallback current.
static void check_fallbacks(const struct greenup_facts *facts, const struct teller *t)
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
        int64_t sum_ma = 0;
        for (int i = 0; i < facts->count; i++) {
            const struct greenup_facts_station *st = &facts->stations[i];
            if ((st->phases >> p & 1) && st->watchdog == GREENUP_WATCHDOG_VERIFIED)
                sum_ma += st->fallback_ma;
        }
        if (sum_ma <= facts->max_ma[p])
            continue;
        struct ew_reason reason;
        const double sum_a = (double)sum_ma / 1000, max_a = facts->max_ma[p] / 1000.0;
        (void)ew_fail(&reason, EW_E_INVALID, "greenup.fallback_sum", "",
                      "On L%d the charge points fall back to %g A together when they hear nothing, above the "
                      "%g A available. Lower their fallback currents.",
                      p + 1, sum_a, max_a);
        ew_reason_param(&reason, "phase", "L%d", p + 1);
        ew_reason_param(&reason, "sum", "%g", sum_a);
        ew_reason_param(&reason, "max", "%g", max_a);
        tell(t, 0, false, &reason);
    }
}

static void check_station(const struct greenup_facts_station *st, const struct teller *t)
{
    struct ew_reason reason;
    if (!st->phases) {
        (void)ew_fail(&reason, EW_E_INVALID, "greenup.phase_unset", "",
                      "Say which phases this charge point is wired to.");
        tell(t, st->id, false, &reason);
    }
    if (st->read && !st->writable) {
        const char *problem = st->not_writable ? st->not_writable->text : "its profile only reads";
        (void)ew_fail(&reason, EW_E_INVALID, "greenup.not_writable", "",
                      "This charge point can't be told a limit: %s", problem);
        ew_reason_param(&reason, "problem", "%s", problem);
        tell(t, st->id, false, &reason);
    }
    if (st->watchdog != GREENUP_WATCHDOG_VERIFIED) {
        (void)ew_fail(&reason, EW_E_INVALID, GREENUP_TICK_WATCHDOG, "",
                      "This charge point does not fall back by itself, or that is not verified: while the "
                      "poller of the gateway is down it goes on with its last current, whatever the "
                      "installation draws.");
        tell(t, st->id, true, &reason);
    }
    if (!st->proven) {
        (void)ew_fail(
            &reason, EW_E_INVALID, GREENUP_TICK_PROFILE, "",
            "The profile of this charge point is not proven: a limit written to it may do something "
            "else. Watch the first charge.");
        tell(t, st->id, true, &reason);
    }
}

void greenup_allow(const struct greenup_facts *facts, greenup_allow_fn *fn, void *user)
{
    const struct teller t = {fn, user};
    struct ew_reason reason;
    if (!facts->configured) {
        (void)ew_fail(&reason, EW_E_INVALID, "greenup.not_configured", "",
                      "Choose the meter of the total consumption and set both currents first.");
        tell(&t, 0, false, &reason);
    } else if (!facts->meter_fresh) {
        (void)ew_fail(
            &reason, EW_E_INVALID, "greenup.meter_silent", "",
            "The meter of the total consumption gives no fresh current: mend it, or choose another.");
        tell(&t, 0, false, &reason);
    }
    if (facts->count == 0) {
        (void)ew_fail(&reason, EW_E_INVALID, "greenup.no_station", "",
                      "There is no charge point that is switched on.");
        tell(&t, 0, false, &reason);
    }
    if (facts->configured)
        check_fallbacks(facts, &t);
    for (int i = 0; i < facts->count; i++)
        check_station(&facts->stations[i], &t);
}
