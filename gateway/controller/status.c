// greenup/status: what Green'Up sees, what it allows, and why (schemas/topics/greenup_status).
#include "base/clock.h"
#include "base/log.h"
#include "controller/controller_priv.h"
#include <math.h>
#include <string.h>

static double amperes(int32_t ma)
{
    return ma / 1000.0;
}

bool status_meter_fresh(const struct controller *c, int64_t now_ms)
{
    return c->meter.device && c->meter.sample.phases && !c->meter.frozen &&
           now_ms - c->meter.sample.at_ms < (int64_t)c->site.meter_s * 1000;
}

static void meter_reason(const struct controller *c, struct ew_reason *ret)
{
    ew_reason_clear(ret);
    if (!c->meter.device)
        (void)ew_fail(ret, EW_E_UNKNOWN, "greenup.meter_none", "", "No meter is chosen.");
    else if (c->meter.frozen)
        (void)ew_fail(ret, EW_E_UNKNOWN, "greenup.meter_frozen", "",
                      "The meter answers, but what it says has not changed for a minute while the charge "
                      "points did.");
    else
        (void)ew_fail(ret, EW_E_TIMEOUT, "greenup.meter_lost", "", "The meter gives no fresh current.");
}

static void write_meter(const struct controller *c, struct ew_jw *w, int64_t now_ms)
{
    const bool ok = status_meter_fresh(c, now_ms);
    ew_jw_open_object(w, "meter");
    if (c->meter.device)
        ew_jw_int(w, "device", c->meter.device);
    else
        ew_jw_null(w, "device");
    ew_jw_bool(w, "ok", ok);
    if (c->meter.seen && now_ms >= c->meter.sample.at_ms)
        ew_jw_int(w, "age_ms", now_ms - c->meter.sample.at_ms);
    else
        ew_jw_null(w, "age_ms");
    if (ok) {
        ew_jw_null(w, "reason");
    } else {
        struct ew_reason reason;
        meter_reason(c, &reason);
        ew_jw_reason(w, "reason", &reason);
    }
    ew_jw_close_object(w);
}

static void write_phases(const struct controller *c, struct ew_jw *w, int64_t now_ms)
{
    const bool set = c->site.configured;
    const bool fresh = status_meter_fresh(c, now_ms);
    ew_jw_open_array(w, "phases");
    for (int p = 0; p < GREENUP_PHASES; p++) {
        struct greenup_phase_view phase;
        greenup_look_phase(&c->core, p, &phase);
        const bool known = fresh && (c->meter.sample.phases >> p & 1);
        ew_jw_open_object(w, NULL);
        ew_jw_int(w, "phase", p + 1);
        ew_jw_text(w, "band", greenup_band_name(phase.band));
        if (known)
            ew_jw_number(w, "current_a", amperes(c->meter.sample.i_ma[p]));
        else
            ew_jw_null(w, "current_a");
        ew_jw_number(w, "maximum_a", set ? amperes(phase.max_ma) : 0);
        ew_jw_number(w, "hold_a", set ? amperes(phase.hold_ma) : 0);
        ew_jw_number(w, "charging_max_a", set ? amperes(phase.charge_max_ma) : 0);
        if (known && phase.known) {
            ew_jw_number(w, "base_a", amperes(phase.base_ma));
            ew_jw_number(w, "booked_a", amperes(phase.booked_ma));
        } else {
            ew_jw_null(w, "base_a");
            ew_jw_null(w, "booked_a");
        }
        ew_jw_close_object(w);
    }
    ew_jw_close_array(w);
}

static void write_accepted(const struct controller *c, struct ew_jw *w, int64_t device)
{
    struct site_accepted entry;
    ew_jw_open_array(w, "accepted");
    for (int i = 0; site_greenup_accepted(c->settings, i, &entry); i++) {
        if (entry.device != device)
            continue;
        ew_jw_open_object(w, NULL);
        ew_jw_text(w, "code", entry.code);
        ew_jw_text(w, "account", entry.account);
        ew_jw_text(w, "at", entry.at);
        ew_jw_text(w, "text", entry.text);
        ew_jw_close_object(w);
    }
    ew_jw_close_array(w);
}

static void write_current(const struct station *st, const struct greenup_station_view *view, struct ew_jw *w)
{
    ew_jw_open_array(w, "current_a");
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const bool wired = st->map[0] == p || st->map[1] == p || st->map[2] == p;
        if (view->current_known && wired)
            ew_jw_number(w, NULL, amperes(view->current_ma[p]));
        else
            ew_jw_null(w, NULL);
    }
    ew_jw_close_array(w);
}

static void write_station(const struct controller *c, struct ew_jw *w, int i, int queue)
{
    static const char *const states[] = {"free", "wait", "charge", "idle"};
    static const char *const watchdogs[] = {"none", "unverified", "verified"};
    const struct station *st = &c->stations[i];
    struct greenup_station_view view;
    struct ew_reason reason;
    greenup_look_station(&c->core, i, &view);
    greenup_explain(&c->core, i, &reason);
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "id", st->id);
    ew_jw_text(w, "state", states[view.state]);
    ew_jw_int(w, "level", view.level);
    ew_jw_number(w, "limit_a", amperes(view.limit_ma));
    ew_jw_number(w, "rated_a", amperes(view.rated_ma));
    if (view.cap_ma >= 0)
        ew_jw_number(w, "cap_a", amperes(view.cap_ma));
    else
        ew_jw_null(w, "cap_a");
    write_current(st, &view, w);
    ew_jw_bool(w, "priority", view.priority);
    ew_jw_bool(w, "priority_default", view.priority_default);
    ew_jw_bool(w, "hold", view.hold);
    ew_jw_bool(w, "forced", view.forced);
    if (queue)
        ew_jw_int(w, "queue", queue);
    else
        ew_jw_null(w, "queue");
    if (view.plugged && st->charge.plugged_ms)
        ew_jw_rfc3339(w, "plugged_at", st->charge.plugged_ms);
    else
        ew_jw_null(w, "plugged_at");
    ew_jw_number(w, "session_ah", round((double)view.charge_ma_ms / 3.6e6) / 1000);
    ew_jw_number(w, "guaranteed_ah", c->site.guaranteed_ah);
    ew_jw_reason(w, "reason", &reason);
    ew_jw_bool(w, "lost", view.lost);
    ew_jw_bool(w, "disobeys", view.disobeys);
    ew_jw_text(w, "watchdog", watchdogs[st->watchdog]);
    write_accepted(c, w, st->id);
    ew_jw_close_object(w);
}

void status_publish(struct controller *c, int64_t now_ms)
{
    uint16_t queue[GREENUP_STATIONS_MAX];
    struct ew_buf payload;
    struct ew_jw w;
    if (!c->running || !mq_connected(c->service->mq))
        return;
    ew_buf_init(&payload, CONTROLLER_STATUS_MAX);
    ew_jw_init(&w, &payload);
    ew_jw_open_object(&w, NULL);
    ew_jw_rfc3339(&w, "ts", ew_clock_wall_ms());
    ew_jw_int(&w, "up_ms", now_ms);
    ew_jw_text(&w, "mode", greenup_mode_name(greenup_mode_now(&c->core)));
    ew_jw_bool(&w, "on", c->site.on);
    ew_jw_open_array(&w, "alarms");
    for (int i = 0; i < c->alarm_count; i++)
        ew_jw_reason(&w, NULL, &c->alarms[i].reason);
    ew_jw_close_array(&w);
    write_meter(c, &w, now_ms);
    write_phases(c, &w, now_ms);
    greenup_queue(&c->core, queue);
    ew_jw_open_array(&w, "stations");
    for (int i = 0; i < c->count; i++)
        write_station(c, &w, i, queue[i]);
    ew_jw_close_array(&w);
    ew_jw_close_object(&w);
    if (payload.full)
        ew_warning("status", "greenup/status is too large, ignoring");
    else if (mq_retain(c->service->mq, "greenup/status", &payload) != EW_OK)
        ew_warning("status", "greenup/status was not published, retrying");
    ew_buf_done(&payload);
}
