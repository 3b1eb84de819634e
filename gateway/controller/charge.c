// The charge of each station: from plug to unplug, what flowed, what interrupted it (topic session/<id>).
#include "base/clock.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "controller/controller_priv.h"
#include <math.h>
#include <string.h>

enum { TELL_MS = 60000, PRESENT_MA = 1000, PAYLOAD_MAX = 128 << 10 };

void charge_done(struct charge *charge)
{
    cJSON_Delete(charge->interruptions);
    *charge = (struct charge){0};
}

void charge_plugged(struct controller *c, struct station *st)
{
    struct charge *charge = &st->charge;
    charge_done(charge);
    // With the station's id and the counter of this start it is unique: a run is random.
    (void)ew_format(charge->id, sizeof(charge->id), "%lld-%.8s-%u", (long long)st->id, c->run,
                    st->reading.plug_seq);
    charge->plugged_ms = ew_clock_wall_ms() - (ew_clock_up_ms() - st->reading.plug_ms);
    charge->interruptions = cJSON_CreateArray();
    charge->dirty = true;
    c->dirty = true;
}

static cJSON *running_interruption(const struct charge *charge)
{
    const int count = cJSON_GetArraySize(charge->interruptions);
    return charge->interrupted && count ? cJSON_GetArrayItem(charge->interruptions, count - 1) : NULL;
}

static void end_interruption(struct charge *charge)
{
    char at[EW_RFC3339_MAX];
    cJSON *entry = running_interruption(charge);
    charge->interrupted = false;
    if (!entry)
        return;
    ew_rfc3339_format(ew_clock_wall_ms(), at);
    (void)cJSON_ReplaceItemInObjectCaseSensitive(entry, "until", cJSON_CreateString(at));
    charge->dirty = true;
}

void charge_unplugged(struct station *st)
{
    struct charge *charge = &st->charge;
    if (!charge->id[0] || charge->ended_ms)
        return;
    end_interruption(charge);
    charge->ended_ms = ew_clock_wall_ms();
    charge->dirty = true;
}

static void begin_interruption(struct charge *charge, const struct ew_reason *reason)
{
    struct ew_buf text;
    struct ew_jw w;
    charge->interrupted = true;
    charge->dirty = true;
    if (cJSON_GetArraySize(charge->interruptions) >= CONTROLLER_INTERRUPTIONS_MAX)
        return;
    ew_buf_init(&text, 4096);
    ew_jw_init(&w, &text);
    ew_jw_open_object(&w, NULL);
    ew_jw_rfc3339(&w, "at", ew_clock_wall_ms());
    ew_jw_null(&w, "until");
    ew_jw_reason(&w, "reason", reason);
    ew_jw_close_object(&w);
    cJSON *entry = cJSON_Parse(ew_buf_text(&text));
    if (entry)
        cJSON_AddItemToArray(charge->interruptions, entry);
    ew_buf_done(&text);
}

// The station counts for itself; what it counts may begin anew with the first current of the charge.
static void count_energy(struct charge *charge, double session_wh)
{
    if (session_wh < 0)
        return;
    const double before = charge->wh_known ? charge->wh_last : session_wh;
    charge->wh += session_wh >= before ? session_wh - before : session_wh;
    charge->wh_last = session_wh;
    charge->wh_known = true;
}

static void count_current(struct charge *charge, const struct greenup_station_view *view)
{
    const double ah = (double)view->charge_ma_ms / 3.6e9;
    if (view->plugged && ah > charge->ah)
        charge->ah = ah;
    int32_t most_ma = 0;
    for (int p = 0; p < GREENUP_PHASES && view->current_known; p++)
        most_ma = view->current_ma[p] > most_ma ? view->current_ma[p] : most_ma;
    if (most_ma / 1000.0 > charge->peak_a)
        charge->peak_a = most_ma / 1000.0;
    if (!charge->started_ms && most_ma >= PRESENT_MA) {
        charge->started_ms = ew_clock_wall_ms();
        charge->dirty = true;
    }
}

void charge_follow(struct controller *c, int index, int64_t now_ms)
{
    struct station *st = &c->stations[index];
    struct charge *charge = &st->charge;
    struct greenup_station_view view;
    if (!charge->id[0] || charge->ended_ms)
        return;
    greenup_look_station(&c->core, index, &view);
    if (!view.lost)
        count_energy(charge, st->session_wh);
    count_current(charge, &view);
    const bool stopped = charge->started_ms && view.state == GREENUP_WAIT;
    if (stopped && !charge->interrupted) {
        struct ew_reason reason;
        greenup_explain(&c->core, index, &reason);
        begin_interruption(charge, &reason);
    } else if (!stopped && charge->interrupted) {
        end_interruption(charge);
    }
    c->dirty = c->dirty || charge->dirty;
    if (charge->started_ms && now_ms - charge->told_ms >= TELL_MS && view.state == GREENUP_CHARGE)
        charge->dirty = true;
}

static void write_time(struct ew_jw *w, const char *key, int64_t unix_ms)
{
    if (unix_ms)
        ew_jw_rfc3339(w, key, unix_ms);
    else
        ew_jw_null(w, key);
}

void charge_write(struct ew_jw *w, const struct station *st, const struct ew_reason *reason)
{
    const struct charge *charge = &st->charge;
    ew_jw_int(w, "station", st->id);
    ew_jw_text(w, "session", charge->id);
    write_time(w, "started", charge->started_ms);
    write_time(w, "plugged_at", charge->plugged_ms);
    write_time(w, "ended", charge->ended_ms);
    if (charge->wh_known)
        ew_jw_number(w, "wh", round(charge->wh));
    else
        ew_jw_null(w, "wh");
    ew_jw_number(w, "ah", round(charge->ah * 1000) / 1000);
    ew_jw_number(w, "peak_a", round(charge->peak_a * 1000) / 1000);
    ew_jw_tree(w, "interruptions", charge->interruptions);
    if (reason)
        ew_jw_reason(w, "reason", reason);
}

static void publish(struct controller *c, int i)
{
    struct station *st = &c->stations[i];
    struct ew_reason reason;
    struct ew_buf payload;
    struct ew_jw w;
    char topic[64];
    greenup_explain(&c->core, i, &reason);
    ew_buf_init(&payload, PAYLOAD_MAX);
    ew_jw_init(&w, &payload);
    ew_jw_open_object(&w, NULL);
    charge_write(&w, st, &reason);
    ew_jw_close_object(&w);
    (void)ew_format(topic, sizeof(topic), "session/%lld", (long long)st->id);
    if (mq_retain(c->service->mq, topic, &payload) == EW_OK) {
        st->charge.dirty = false;
        st->charge.told_ms = ew_clock_up_ms();
    }
    ew_buf_done(&payload);
}

void charge_publish(struct controller *c, bool all)
{
    if (!mq_connected(c->service->mq))
        return;
    for (int i = 0; i < c->count; i++)
        if (c->stations[i].charge.id[0] && (all || c->stations[i].charge.dirty))
            publish(c, i);
}

// ---- From memory -----------------------------------------------------------------------------------------

static int64_t read_time(struct ew_json *o, const char *key)
{
    char text[EW_RFC3339_MAX] = "";
    int64_t ms = 0;
    if (ew_json_has(o, key) && !cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(o->node, key)))
        ew_json_text(o, key, EW_OPTIONAL, 1, sizeof(text), text);
    return text[0] && ew_rfc3339_parse(text, &ms) == EW_OK ? ms : 0;
}

void charge_read(struct station *st, const cJSON *node)
{
    struct ew_reason reason;
    struct ew_json o;
    struct charge charge = {0};
    charge_done(&st->charge);
    if (!cJSON_IsObject(node))
        return;
    ew_json_open(&o, node, "", &reason);
    ew_json_text(&o, "session", EW_REQUIRED, 1, sizeof(charge.id), charge.id);
    charge.plugged_ms = read_time(&o, "plugged_at");
    charge.started_ms = read_time(&o, "started");
    charge.ended_ms = read_time(&o, "ended");
    if (cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(node, "wh"))) {
        ew_json_number(&o, "wh", EW_REQUIRED, 0, 1e9, &charge.wh);
        ew_json_number(&o, "wh_last", EW_REQUIRED, 0, 1e9, &charge.wh_last);
        charge.wh_known = true;
    }
    ew_json_number(&o, "ah", EW_REQUIRED, 0, 1e6, &charge.ah);
    ew_json_number(&o, "peak_a", EW_REQUIRED, 0, 1e5, &charge.peak_a);
    const cJSON *interruptions =
        ew_json_array(&o, "interruptions", EW_REQUIRED, CONTROLLER_INTERRUPTIONS_MAX);
    if (o.err != EW_OK || !charge.plugged_ms) {
        ew_warning("memory", "device=%lld: the charge under way can't be read, ignoring it",
                   (long long)st->id);
        return;
    }
    charge.interruptions = cJSON_Duplicate(interruptions, true);
    const int count = cJSON_GetArraySize(interruptions);
    const cJSON *last = count ? cJSON_GetArrayItem(interruptions, count - 1) : NULL;
    charge.interrupted = last && cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(last, "until"));
    st->charge = charge;
}
