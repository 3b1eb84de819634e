// call/<account>/controller/...: switch, override, check.
#include "base/log.h"
#include "controller/controller_priv.h"
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX = 256 << 10, CONFIG_MS = 10000, TICKS_MAX = 2 * GREENUP_STATIONS_MAX };

bool controller_accepted(const struct controller *c, int64_t device, const char *code)
{
    struct site_accepted entry;
    for (int i = 0; site_greenup_accepted(c->settings, i, &entry); i++)
        if (entry.device == device && strcmp(entry.code, code) == 0)
            return true;
    return false;
}

void controller_facts(struct controller *c, int64_t now_ms, greenup_allow_fn *tell, void *user)
{
    struct greenup_facts_station stations[GREENUP_STATIONS_MAX];
    struct greenup_facts facts = {.configured = c->site.configured && !c->settings_wrong,
                                  .meter_fresh = status_meter_fresh(c, now_ms),
                                  .count = c->count,
                                  .stations = stations};
    for (int p = 0; p < GREENUP_PHASES; p++)
        facts.max_ma[p] = (int32_t)(c->site.max_a[p] * 1000);
    for (int i = 0; i < c->count; i++) {
        const struct station *st = &c->stations[i];
        stations[i] = (struct greenup_facts_station){
            .id = (int32_t)st->id,
            .phases = (uint8_t)st->phases,
            .read = st->reading.link == GREENUP_ONLINE,
            // An unproven profile is written to once somebody has accepted that.
            .writable = st->writable || !st->proven,
            .proven = st->proven,
            .watchdog = st->watchdog,
            .fallback_ma = st->fallback_ma,
            .not_writable = st->not_writable.text[0] ? &st->not_writable : NULL};
    }
    greenup_allow(&facts, tell, user);
}

// ---- The list --------------------------------------------------------------------------------------------

struct tick {
    int64_t device;
    char code[EW_CODE_MAX], text[EW_TEXT_MAX];
};

struct look {
    struct controller *c;
    struct ew_jw *w;
    bool ticks; // which of the two lists is written
    int against;
    struct ew_reason first;
    int tick_count;
    struct tick ticks_needed[TICKS_MAX]; // not accepted before
};

static void write_against(struct look *look, int32_t device, const struct ew_reason *reason)
{
    ew_jw_open_object(look->w, NULL);
    if (device)
        ew_jw_int(look->w, "device", device);
    else
        ew_jw_null(look->w, "device");
    ew_jw_reason(look->w, "reason", reason);
    ew_jw_close_object(look->w);
    if (look->against++ == 0)
        look->first = *reason;
}

static void write_tick(struct look *look, int32_t device, const struct ew_reason *reason)
{
    const bool accepted = controller_accepted(look->c, device, reason->code);
    ew_jw_open_object(look->w, NULL);
    ew_jw_int(look->w, "device", device);
    ew_jw_text(look->w, "code", reason->code);
    ew_jw_reason(look->w, "reason", reason);
    ew_jw_bool(look->w, "accepted", accepted);
    ew_jw_close_object(look->w);
    if (accepted || look->tick_count == TICKS_MAX)
        return;
    struct tick *tick = &look->ticks_needed[look->tick_count++];
    tick->device = device;
    ew_copy(tick->code, sizeof(tick->code), reason->code);
    ew_copy(tick->text, sizeof(tick->text), reason->text);
}

static void on_fact(void *user, int32_t device, bool tick, const struct ew_reason *reason)
{
    struct look *look = user;
    if (tick != look->ticks)
        return;
    if (tick)
        write_tick(look, device, reason);
    else
        write_against(look, device, reason);
}

// Writes {on, against, accept} and keeps what a switch needs.
static struct look *look_around(struct controller *c, int64_t now_ms, struct ew_buf *answer)
{
    struct ew_jw w;
    struct look *look = calloc(1, sizeof(*look));
    if (!look)
        abort();
    look->c = c;
    look->w = &w;
    ew_jw_init(&w, answer);
    ew_jw_open_object(&w, NULL);
    ew_jw_bool(&w, "on", c->site.on);
    ew_jw_open_array(&w, "against");
    controller_facts(c, now_ms, on_fact, look);
    ew_jw_close_array(&w);
    ew_jw_open_array(&w, "accept");
    look->ticks = true;
    controller_facts(c, now_ms, on_fact, look);
    ew_jw_close_array(&w);
    ew_jw_close_object(&w);
    look->w = NULL;
    return look;
}

static bool ready(const struct controller *c, struct mq_request *request)
{
    struct ew_reason reason;
    if (c->running)
        return true;
    (void)ew_fail(&reason, EW_E_BUSY, "greenup.starting", "", "The controller has just started; ask again.");
    mq_answer_error(request, &reason);
    return false;
}

static void on_check(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)args;
    struct controller *c = user;
    struct ew_buf answer;
    if (!ready(c, request))
        return;
    ew_buf_init(&answer, ANSWER_MAX);
    free(look_around(c, now_ms, &answer));
    mq_answer(request, &answer);
    ew_buf_done(&answer);
}

// ---- switch ----------------------------------------------------------------------------------------------

// config has written the site file, or says why not: its words are the answer.
static void on_config(void *user, const cJSON *result, const struct ew_reason *reason)
{
    struct mq_request *request = user;
    if (!result) {
        mq_answer_error(request, reason);
        return;
    }
    struct ew_buf answer;
    struct ew_jw w;
    ew_buf_init(&answer, 4096);
    ew_jw_init(&w, &answer);
    ew_jw_tree(&w, NULL, result);
    mq_answer(request, &answer);
    ew_buf_done(&answer);
}

// The switch is kept in the site file, whose one writer is config; it looks whether the person may.
static void ask_config(struct controller *c, struct mq_request *request, bool on, const struct look *look)
{
    struct ew_buf args;
    struct ew_jw w;
    ew_buf_init(&args, ANSWER_MAX);
    ew_jw_init(&w, &args);
    ew_jw_open_object(&w, NULL);
    ew_jw_bool(&w, "on", on);
    ew_jw_text(&w, "for", mq_request_account(request));
    ew_jw_open_array(&w, "accept");
    for (int i = 0; look && i < look->tick_count; i++) {
        ew_jw_open_object(&w, NULL);
        ew_jw_int(&w, "device", look->ticks_needed[i].device);
        ew_jw_text(&w, "code", look->ticks_needed[i].code);
        ew_jw_text(&w, "text", look->ticks_needed[i].text);
        ew_jw_close_object(&w);
    }
    ew_jw_close_array(&w);
    ew_jw_close_object(&w);
    mq_call(c->service->mq, "config", "greenup", &args, CONFIG_MS, on_config, request);
    ew_buf_done(&args);
}

static bool is_ticked(const cJSON *accept, const struct tick *tick)
{
    const cJSON *child;
    cJSON_ArrayForEach(child, accept)
    {
        const cJSON *device = cJSON_GetObjectItemCaseSensitive(child, "device");
        const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(child, "code"));
        if (cJSON_IsNumber(device) && (int64_t)device->valuedouble == tick->device && code &&
            strcmp(code, tick->code) == 0)
            return true;
    }
    return false;
}

static int missing_ticks(const struct look *look, const cJSON *accept)
{
    int missing = 0;
    for (int i = 0; i < look->tick_count; i++)
        missing += !is_ticked(accept, &look->ticks_needed[i]);
    return missing;
}

static void refuse(struct mq_request *request, const struct look *look, int missing,
                   const struct ew_buf *check)
{
    struct ew_reason reason;
    ew_reason_clear(&reason);
    if (look->against)
        (void)ew_fail(&reason, EW_E_INVALID, "greenup.not_ready", "",
                      "Green'Up can't be switched on, %d things must be changed first: %s", look->against,
                      look->first.text);
    else
        (void)ew_fail(&reason, EW_E_INVALID, "greenup.not_accepted", "",
                      "Green'Up can't be switched on: %d sentences must be accepted first.", missing);
    if (look->against)
        ew_reason_param(&reason, "problem", "%s", look->first.text);
    ew_reason_param(&reason, "count", "%d", look->against ? look->against : missing);
    mq_answer_error_with(request, &reason, "check", check);
}

static void on_switch(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    struct controller *c = user;
    struct ew_reason reason;
    struct ew_json o;
    bool on = false;
    if (!ready(c, request))
        return;
    ew_json_open(&o, args, "", &reason);
    ew_json_bool(&o, "on", EW_REQUIRED, &on);
    const cJSON *accept = ew_json_array(&o, "accept", EW_OPTIONAL, TICKS_MAX);
    if (ew_json_close(&o) != EW_OK) {
        mq_answer_error(request, &reason);
        return;
    }
    if (!on) {
        ask_config(c, request, false, NULL);
        return;
    }
    struct ew_buf check;
    ew_buf_init(&check, ANSWER_MAX);
    struct look *look = look_around(c, now_ms, &check);
    const int missing = missing_ticks(look, accept);
    if (look->against || missing)
        refuse(request, look, missing, &check);
    else
        ask_config(c, request, true, look);
    free(look);
    ew_buf_done(&check);
}

// ---- override --------------------------------------------------------------------------------------------

// true, false, or null for the station's default.
static void read_choice(struct ew_json *o, const char *key, enum greenup_choice *ret, bool *ret_given)
{
    const cJSON *node = ew_json_any(o, key, EW_OPTIONAL);
    *ret_given = node != NULL;
    if (!node)
        return;
    if (!cJSON_IsBool(node) && !cJSON_IsNull(node))
        ew_json_fail(o, key, "json.type", "must be true, false or null");
    *ret = cJSON_IsNull(node) ? GREENUP_DEFAULT : cJSON_IsTrue(node) ? GREENUP_YES : GREENUP_NO;
}

static void answer_override(struct controller *c, int station, struct mq_request *request)
{
    struct greenup_station_view view;
    struct ew_buf answer;
    struct ew_jw w;
    greenup_look_station(&c->core, station, &view);
    ew_buf_init(&answer, 1024);
    ew_jw_init(&w, &answer);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "device", c->stations[station].id);
    ew_jw_bool(&w, "priority", view.priority);
    ew_jw_bool(&w, "hold", view.hold);
    ew_jw_bool(&w, "forced", view.forced);
    ew_jw_close_object(&w);
    mq_answer(request, &answer);
    ew_buf_done(&answer);
}

static void on_override(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    struct controller *c = user;
    struct ew_reason reason;
    struct ew_json o;
    int64_t device = 0;
    enum greenup_choice priority = GREENUP_DEFAULT, hold = GREENUP_DEFAULT, forced = GREENUP_DEFAULT;
    bool has_priority, has_hold, has_forced;
    if (!ready(c, request))
        return;
    ew_json_open(&o, args, "", &reason);
    ew_json_int(&o, "device", EW_REQUIRED, 1, SITE_ID_MAX, &device);
    read_choice(&o, "priority", &priority, &has_priority);
    read_choice(&o, "hold", &hold, &has_hold);
    read_choice(&o, "forced", &forced, &has_forced);
    const struct station *st = controller_station(c, device);
    if (o.err == EW_OK && !st)
        ew_json_fail(&o, "device", "greenup.no_such", "%lld is no charge point that is switched on",
                     (long long)device);
    else if (o.err == EW_OK && !st->reading.plugged)
        ew_json_fail(&o, "device", "greenup.no_vehicle", "no vehicle is connected there");
    if (ew_json_close(&o) != EW_OK || !st) {
        mq_answer_error(request, &reason);
        return;
    }
    const int i = (int)(st - c->stations);
    if (has_priority)
        greenup_choose(&c->core, i, GREENUP_CHOOSE_PRIORITY, priority);
    if (has_hold)
        greenup_choose(&c->core, i, GREENUP_CHOOSE_HOLD, hold);
    if (has_forced)
        greenup_choose(&c->core, i, GREENUP_CHOOSE_FORCED, forced);
    c->dirty = true;
    status_publish(c, now_ms);
    answer_override(c, i, request);
}

void calls_start(struct controller *c)
{
    mq_serve(c->service->mq, "controller", "check", on_check, c);
    mq_serve(c->service->mq, "controller", "switch", on_switch, c);
    mq_serve(c->service->mq, "controller", "override", on_override, c);
}
