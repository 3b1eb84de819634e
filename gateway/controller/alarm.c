// What is wrong with charging: told when it begins and when it is over, and kept in greenup/status.
#include "base/clock.h"
#include "base/log.h"
#include "controller/controller_priv.h"
#include <stdlib.h>
#include <string.h>

enum { RED_MS = 15000 };

struct list {
    struct alarm *items;
    int count;
};

static struct alarm *add(struct list *list, int64_t device)
{
    if (list->count == CONTROLLER_ALARMS_MAX)
        return NULL;
    struct alarm *alarm = &list->items[list->count++];
    *alarm = (struct alarm){.device = device};
    return alarm;
}

static void finish(struct alarm *alarm)
{
    alarm->reason.err = EW_OK;
    ew_copy(alarm->code, sizeof(alarm->code), alarm->reason.code);
}

// ---- What there is ---------------------------------------------------------------------------------------

static void find_settings(const struct controller *c, struct list *list)
{
    struct alarm *alarm = c->settings_wrong ? add(list, 0) : NULL;
    if (!alarm)
        return;
    (void)ew_fail(&alarm->reason, EW_E_INVALID, "greenup.alarm_settings", "",
                  "The settings can't be used, the ones before go on: %s", c->settings_reason.text);
    ew_reason_param(&alarm->reason, "problem", "%s", c->settings_reason.text);
    finish(alarm);
}

static void find_meter(const struct controller *c, struct list *list)
{
    if (!(c->out.alarms & GREENUP_ALARM_METER_LOST))
        return;
    struct alarm *alarm = add(list, 0);
    if (!alarm)
        return;
    const double safe_a = c->site.failsafe_a;
    if (c->meter.frozen)
        (void)ew_fail(
            &alarm->reason, EW_E_TIMEOUT, "greenup.alarm_frozen", "",
            "The meter of the total consumption answers, but no longer measures: charging is held at "
            "the safe current of %g A.",
            safe_a);
    else
        (void)ew_fail(&alarm->reason, EW_E_TIMEOUT, "greenup.alarm_meter", "",
                      "The meter of the total consumption is silent: charging is held at the safe current of "
                      "%g A.",
                      safe_a);
    ew_reason_param(&alarm->reason, "limit", "%g", safe_a);
    finish(alarm);
}

static void find_overload(const struct controller *c, struct list *list, int64_t now_ms)
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
        struct greenup_phase_view phase;
        greenup_look_phase(&c->core, p, &phase);
        struct alarm *alarm = NULL;
        if (c->red_since_ms[p] && now_ms - c->red_since_ms[p] >= RED_MS)
            alarm = add(list, p + 1);
        if (!alarm)
            continue;
        const bool others = phase.base_ma > phase.max_ma;
        const char *const code = others ? "greenup.alarm_others" : "greenup.alarm_red";
        (void)ew_fail(&alarm->reason, EW_E_INVALID, code, "",
                      others ? "The other loads alone take more than the %g A available on L%d."
                             : "The current stays above the %g A available on L%d.",
                      phase.max_ma / 1000.0, p + 1);
        ew_reason_param(&alarm->reason, "max", "%g", phase.max_ma / 1000.0);
        ew_reason_param(&alarm->reason, "phase", "L%d", p + 1);
        finish(alarm);
    }
}

static void tell_station(struct list *list, const struct station *st, const char *code, const char *sentence)
{
    struct alarm *alarm = add(list, st->id);
    if (!alarm)
        return;
    char text[EW_TEXT_MAX];
    (void)ew_format(text, sizeof(text), "%s: %s", st->name, sentence);
    (void)ew_fail(&alarm->reason, EW_E_INVALID, code, "", "%s", text);
    ew_reason_param(&alarm->reason, "station", "%s", st->name);
    finish(alarm);
}

static void find_stations(const struct controller *c, struct list *list)
{
    for (int i = 0; i < c->count; i++) {
        const struct station *st = &c->stations[i];
        struct greenup_station_view view;
        greenup_look_station(&c->core, i, &view);
        if (view.disobeys)
            tell_station(list, st, "greenup.alarm_disobeys", "draws more than it was told.");
        else if (view.lost && greenup_mode_now(&c->core) != GREENUP_INIT)
            tell_station(list, st, "greenup.alarm_lost",
                         "does not answer; what it may draw is set aside for it.");
        const bool watched = st->watchdog == GREENUP_WATCHDOG_VERIFIED ||
                             controller_accepted(c, st->id, GREENUP_TICK_WATCHDOG);
        const bool proven = st->proven || controller_accepted(c, st->id, GREENUP_TICK_PROFILE);
        if (st->reading.link != GREENUP_UNREAD && (!watched || !proven))
            tell_station(list, st, "greenup.alarm_accept",
                         "its risk was not accepted by anybody: switch Green'Up off and on again.");
    }
}

// ---- What is new -----------------------------------------------------------------------------------------

static bool has(const struct alarm *list, int count, const struct alarm *alarm)
{
    for (int i = 0; i < count; i++)
        if (list[i].device == alarm->device && strcmp(list[i].code, alarm->code) == 0)
            return true;
    return false;
}

static void tell(struct controller *c, const struct alarm *alarm, bool active)
{
    struct ew_buf payload;
    struct ew_jw w;
    ew_notice("alarm", "%s: %s", active ? "begins" : "is over", alarm->reason.text);
    ew_buf_init(&payload, 4096);
    ew_jw_init(&w, &payload);
    ew_jw_open_object(&w, NULL);
    ew_jw_rfc3339(&w, "ts", ew_clock_wall_ms());
    ew_jw_int(&w, "up_ms", ew_clock_up_ms());
    ew_jw_text(&w, "source", "controller");
    ew_jw_bool(&w, "active", active);
    ew_jw_reason(&w, "reason", &alarm->reason);
    ew_jw_close_object(&w);
    (void)mq_publish(c->service->mq, "alarm/event", payload.data, payload.len,
                     (struct mq_publish_options){.qos = 1});
    ew_buf_done(&payload);
}

void alarm_review(struct controller *c, int64_t now_ms)
{
    if (!mq_connected(c->service->mq))
        return; // told when somebody can hear it
    struct list now = {.items = calloc(CONTROLLER_ALARMS_MAX, sizeof(struct alarm))};
    if (!now.items)
        abort();
    find_settings(c, &now);
    if (c->site.on) {
        find_meter(c, &now);
        find_overload(c, &now, now_ms);
        find_stations(c, &now);
    }
    for (int i = 0; i < now.count; i++)
        if (!has(c->alarms, c->alarm_count, &now.items[i]))
            tell(c, &now.items[i], true);
    for (int i = 0; i < c->alarm_count; i++)
        if (!has(now.items, now.count, &c->alarms[i]))
            tell(c, &c->alarms[i], false);
    memcpy(c->alarms, now.items, sizeof(*now.items) * (size_t)now.count);
    c->alarm_count = now.count;
    free(now.items);
}
