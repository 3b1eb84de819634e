#include "core/greenup/settings.h"

#include <stddef.h>

void greenup_settings_init(struct greenup_settings *s)
{
    *s = (struct greenup_settings){
        .hysteresis_bp = 500,
        .level1_bp = 7500,
        .level2_bp = 5000,
        .guaranteed_mah = 32000,
        .wiring = GREENUP_INSTALLATION,
        .emergency = true,
        .min_ma = 6000,
        .step_ma = 1000,
        .hard_pct = 125,
        .tick_ms = 5000,
        .sample_ms = 5000,
        .settle_ms = 10000,
        .up_ms = 30000,
        .min_off_ms = 60000,
        .meter_ms = 15000,
        .station_ms = 15000,
        .idle_ms = 300000,
        .starve_ms = 1800000,
    };
}

enum { CURRENT_MAX_MA = 100000000 };

static enum ew_err out_of_range(struct ew_reason *reason, const char *path, const char *range)
{
    enum ew_err err = ew_fail(reason, EW_E_INVALID, "greenup.settings_range", path, "must be %s", range);
    ew_reason_param(reason, "range", "%s", range);
    return err;
}

static enum ew_err check_currents(const struct greenup_settings *s, struct ew_reason *reason)
{
    if (s->min_ma < 6000 || s->min_ma > 16000)
        return out_of_range(reason, "/i_min_a", "6..16 A");
    if (s->step_ma < 100 || s->step_ma > 6000)
        return out_of_range(reason, "/step_a", "0.1..6 A");
    for (int p = 0; p < GREENUP_PHASES; p++) {
        if (s->max_ma[p] < s->min_ma || s->max_ma[p] > CURRENT_MAX_MA)
            return out_of_range(reason, "/i_max_a",
                                "at least the smallest charging current, at most 100000 A");
        if (s->charge_ma[p] < s->min_ma || s->charge_ma[p] > s->max_ma[p])
            return out_of_range(reason, "/i_chg_a",
                                "at least the smallest charging current, at most i_max_a");
    }
    return EW_OK;
}

static enum ew_err check_other_currents(const struct greenup_settings *s, struct ew_reason *reason)
{
    if (s->failsafe_ma < 0 || s->failsafe_ma > CURRENT_MAX_MA)
        return out_of_range(reason, "/failsafe_a", "0..100000 A");
    if (s->off_ma < 0 || s->off_ma > CURRENT_MAX_MA || (s->off_ma > 0 && s->off_ma < s->min_ma))
        return out_of_range(reason, "/off_limit_a", "0, or at least the smallest charging current");
    return EW_OK;
}

static enum ew_err check_shares(const struct greenup_settings *s, struct ew_reason *reason)
{
    if (s->hysteresis_bp < 0 || s->hysteresis_bp > 2000)
        return out_of_range(reason, "/hysteresis_pct", "0..20 %");
    if (s->level1_bp < 1 || s->level1_bp > 10000)
        return out_of_range(reason, "/level1_pct", "above 0, at most 100 %");
    if (s->level2_bp < 1 || s->level2_bp > s->level1_bp)
        return out_of_range(reason, "/level2_pct", "above 0, at most level1_pct");
    if (s->guaranteed_mah < 0 || s->guaranteed_mah > 100000000)
        return out_of_range(reason, "/guaranteed_ah", "0..100000 Ah");
    if (s->hard_pct < 100 || s->hard_pct > 1000)
        return out_of_range(reason, "/hard", "1..10");
    return EW_OK;
}

static enum ew_err check_times(const struct greenup_settings *s, struct ew_reason *reason)
{
    const struct {
        const char *path;
        int32_t ms, least;
    } times[] = {
        {"/tick_s", s->tick_ms, 100}, {"/sample_s", s->sample_ms, 1},   {"/settle_s", s->settle_ms, 0},
        {"/up_s", s->up_ms, 0},       {"/min_off_s", s->min_off_ms, 0}, {"/meter_s", s->meter_ms, 1},
        {"/stn_s", s->station_ms, 1}, {"/idle_s", s->idle_ms, 0},       {"/starve_s", s->starve_ms, 0},
    };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        if (times[i].ms < times[i].least || times[i].ms > 1000000000)
            return out_of_range(reason, times[i].path,
                                "0..1000000 s (a period at least 0.1 s, a time-out above 0)");
    return EW_OK;
}

enum ew_err greenup_settings_check(const struct greenup_settings *s, struct ew_reason *reason)
{
    enum ew_err err = check_currents(s, reason);
    if (err == EW_OK)
        err = check_other_currents(s, reason);
    if (err == EW_OK)
        err = check_shares(s, reason);
    if (err == EW_OK)
        err = check_times(s, reason);
    return err;
}

int32_t greenup_hysteresis_ma(const struct greenup_settings *s, int phase)
{
    return (int32_t)((int64_t)s->max_ma[phase] * s->hysteresis_bp / 10000);
}

// A share of the rated current, down to a whole step, but never below the smallest charging current.
static int32_t level(const struct greenup_settings *s, int32_t rated_ma, int32_t bp)
{
    const int32_t exact = (int32_t)((int64_t)rated_ma * bp / 10000);
    const int32_t whole = exact - exact % s->step_ma;
    return whole > s->min_ma ? whole : s->min_ma;
}

void greenup_levels(const struct greenup_settings *s, int32_t rated_ma, int32_t ret_ma[GREENUP_LEVELS])
{
    ret_ma[0] = rated_ma;
    ret_ma[1] = level(s, rated_ma, s->level1_bp);
    ret_ma[2] = level(s, rated_ma, s->level2_bp);
    ret_ma[3] = s->min_ma;
    // A rated current below the configured minimum (7 A minimum, 6 A station) is caught by whoever
    // configures; the order must hold even so.
    for (int k = 1; k < GREENUP_LEVELS; k++)
        if (ret_ma[k] > ret_ma[k - 1])
            ret_ma[k] = ret_ma[k - 1];
}
