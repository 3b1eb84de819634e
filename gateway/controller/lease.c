// Limits as leases: device/<id>/setpoint. Sent every control period, that is six times before one runs out.
#include "base/clock.h"
#include "base/log.h"
#include "controller/controller_priv.h"
#include "core/topic/topic.h"
#include <string.h>

enum { PERIODS = 6, PAYLOAD_MAX = 4096 };

static int valid_s(const struct controller *c)
{
    return c->site.tick_s * PERIODS;
}

// A station that was never under control is left alone while the selector is off; one that has not been read
// yet and of which nothing is remembered is looked at first.
static bool speaks_to(const struct controller *c, int i)
{
    const struct station *st = &c->stations[i];
    if (greenup_mode_now(&c->core) == GREENUP_OFF && !c->ever_on && st->cap_ma < 0)
        return false;
    return st->reading.link != GREENUP_UNREAD || c->core.point[i].remembered;
}

static void send(struct controller *c, int i, const struct ew_reason *reason)
{
    struct station *st = &c->stations[i];
    struct ew_buf payload;
    struct ew_jw w;
    topic_text topic;
    const int32_t limit_ma = greenup_limit_ma(&c->core, i);
    ew_buf_init(&payload, PAYLOAD_MAX);
    ew_jw_init(&w, &payload);
    ew_jw_open_object(&w, NULL);
    ew_jw_number(&w, "limit_a", limit_ma / 1000.0);
    ew_jw_int(&w, "valid_s", valid_s(c));
    ew_jw_text(&w, "run", c->run);
    ew_jw_int(&w, "seq", ++c->seq);
    ew_jw_reason(&w, "reason", reason);
    ew_jw_int(&w, "up_ms", ew_clock_up_ms());
    ew_jw_close_object(&w);
    topic_device(topic, st->id, "setpoint");
    const enum ew_err err = mq_publish(c->service->mq, topic, payload.data, payload.len,
                                       (struct mq_publish_options){.qos = 1, .expiry_s = valid_s(c)});
    if (err == EW_OK) {
        st->spoken = true;
        st->said_ma = limit_ma;
        ew_copy(st->said_code, sizeof(st->said_code), reason->code);
    } else {
        ew_warning("lease", "device=%lld: the set-point was not sent: %s, retrying", (long long)st->id,
                   ew_err_sentence(err));
    }
    ew_buf_done(&payload);
}

void lease_send(struct controller *c, bool all)
{
    if (!mq_connected(c->service->mq))
        return;
    for (int i = 0; i < c->count; i++) {
        struct ew_reason reason;
        const struct station *st = &c->stations[i];
        if (!speaks_to(c, i))
            continue;
        greenup_explain(&c->core, i, &reason);
        if (all || !st->spoken || st->said_ma != greenup_limit_ma(&c->core, i) ||
            strcmp(st->said_code, reason.code) != 0)
            send(c, i, &reason);
    }
}
