#include "core/lease/lease.h"

#include <math.h>
#include <string.h>

static const char run_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

const char *lease_state_name(enum lease_state state)
{
    static const char *const names[] = {"none", "grace", "held", "fallback"};
    return names[state];
}

enum ew_err lease_read_setpoint(const cJSON *tree, struct lease_setpoint *ret, struct ew_reason *reason)
{
    double limit_a = 0, valid_s = 0;
    *ret = (struct lease_setpoint){0};
    struct ew_json o;
    ew_json_open(&o, tree, "", reason);
    ew_json_number(&o, "limit_a", EW_REQUIRED, 0, 1000, &limit_a);
    ew_json_number(&o, "valid_s", EW_REQUIRED, 0.001, LEASE_VALID_MAX_S, &valid_s);
    ew_json_text(&o, "run", EW_REQUIRED, 1, sizeof(ret->run), ret->run);
    ew_json_int(&o, "seq", EW_REQUIRED, 0, INT64_C(9007199254740991), &ret->seq);
    ew_json_int(&o, "up_ms", EW_REQUIRED, 0, INT64_C(9007199254740991), &ret->up_ms);
    ew_json_skip(&o, "reason");
    if (o.err == EW_OK && ret->run[strspn(ret->run, run_letters)])
        ew_json_fail(&o, "run", "setpoint.run", "may hold only letters, digits, _ and -");
    ret->limit_ma = (int32_t)floor(limit_a * 1000 + 1e-6);
    ret->valid_ms = (int64_t)(valid_s * 1000);
    return ew_json_close(&o);
}

int32_t lease_writable_ma(const struct lease_station *station, int32_t limit_ma)
{
    if (station->rated_ma > 0 && limit_ma > station->rated_ma)
        limit_ma = station->rated_ma;
    if (limit_ma < station->minimum_ma || limit_ma <= 0)
        return station->off_ma;
    return station->step_ma > 0 ? limit_ma - limit_ma % station->step_ma : limit_ma;
}

static int32_t tolerance_ma(const struct lease_station *station)
{
    return station->step_ma / 2 > LEASE_TOLERANCE_MA ? station->step_ma / 2 : LEASE_TOLERANCE_MA;
}

static void set_limit(struct lease *lease, int32_t limit_ma)
{
    if (lease->limit_ma == limit_ma)
        return;
    lease->limit_ma = limit_ma;
    lease->confirmed = false;
    lease->failures = 0;
    lease->tried_ms = 0;
}

static void begin_grace(struct lease *lease, int64_t now_ms)
{
    lease->state = LEASE_GRACE;
    lease->restore_ma = -1;
    lease->until_ms = now_ms + LEASE_GRACE_MS;
    lease->limit_ma = lease->read_ma;
    lease->confirmed = true;
}

static void end_lease(struct lease *lease)
{
    lease->state = LEASE_NONE;
    lease->limit_ma = -1;
    lease->until_ms = 0;
}

static void fall_back(struct lease *lease, const struct lease_station *station)
{
    int32_t fallback_ma = lease_writable_ma(station, station->fallback_ma);
    bool lower = lease->limit_ma >= 0 && lease->limit_ma < fallback_ma;
    lease->state = LEASE_FALLBACK;
    lease->until_ms = 0;
    set_limit(lease, lower ? lease->limit_ma : fallback_ma);
}

void lease_begin(struct lease *lease, const struct lease_station *station, int64_t now_ms)
{
    *lease = (struct lease){.limit_ma = -1, .read_ma = -1, .restore_ma = -1};
    lease_review(lease, station, now_ms);
}

void lease_review(struct lease *lease, const struct lease_station *station, int64_t now_ms)
{
    bool governed = station->governed && station->writable;
    if (lease->paused && !station->paused)
        lease->confirmed = false; // back to the limit
    if (!lease->paused && station->paused)
        lease->restore_ma = lease->state == LEASE_NONE ? lease->read_ma : -1;
    lease->paused = station->paused;
    if (governed && lease->state == LEASE_NONE)
        begin_grace(lease, now_ms);
    else if (!governed && (lease->state == LEASE_GRACE || lease->state == LEASE_FALLBACK))
        end_lease(lease);
}

enum lease_verdict lease_offer(struct lease *lease, const struct lease_station *station,
                               const struct lease_setpoint *setpoint, int64_t now_ms)
{
    bool same_run = lease->up_ms > 0 && strcmp(lease->run, setpoint->run) == 0;
    if (same_run ? setpoint->seq <= lease->seq : setpoint->up_ms < lease->up_ms)
        return LEASE_OLD;
    if (setpoint->up_ms > now_ms + LEASE_AHEAD_MAX_MS)
        return LEASE_AHEAD;
    if (setpoint->up_ms + setpoint->valid_ms <= now_ms)
        return LEASE_LATE;
    if (!station->writable)
        return LEASE_NOT_WRITABLE;
    ew_copy(lease->run, sizeof(lease->run), setpoint->run);
    lease->seq = setpoint->seq;
    lease->up_ms = setpoint->up_ms;
    lease->state = LEASE_HELD;
    lease->restore_ma = -1;
    lease->until_ms = setpoint->up_ms + setpoint->valid_ms;
    set_limit(lease, lease_writable_ma(station, setpoint->limit_ma));
    return LEASE_TAKEN;
}

static void run_out(struct lease *lease, const struct lease_station *station)
{
    if (station->governed && station->writable)
        fall_back(lease, station);
    else
        end_lease(lease);
}

void lease_orphan(struct lease *lease, const struct lease_station *station, int64_t now_ms)
{
    (void)now_ms;
    if (lease->state == LEASE_HELD)
        run_out(lease, station);
}

void lease_heard(struct lease *lease, const struct lease_station *station, int32_t limit_ma, int64_t read_ms)
{
    if (lease->busy || read_ms < lease->written_ms)
        return;
    bool changed = lease->read_ma != limit_ma;
    lease->read_ma = limit_ma;
    if (lease->state == LEASE_NONE)
        return;
    if (lease->state == LEASE_GRACE && (lease->limit_ma < 0 || limit_ma < lease->limit_ma)) {
        lease->limit_ma = limit_ma; // counts as leased, and is never raised
        lease->confirmed = true;
        return;
    }
    // A station that had its power cut, or was set by hand: too high is put right, and too low as well when
    // it came so by itself (what it can't take, as a cable's limit, it told when it was written).
    bool low = limit_ma < lease->limit_ma - tolerance_ma(station);
    if (limit_ma > lease->limit_ma + tolerance_ma(station) || (low && changed))
        lease->confirmed = false;
}

static int64_t retry_ms(const struct lease *lease)
{
    int64_t pause = (int64_t)LEASE_RETRY_MS << (lease->failures < 8 ? lease->failures : 8);
    return pause / 2 < LEASE_RETRY_MAX_MS ? pause / 2 : LEASE_RETRY_MAX_MS;
}

// When a limit that the station has not taken is to be written.
static int64_t change_due(const struct lease *lease, const struct lease_station *station, int32_t target_ma)
{
    int64_t due = lease->failures > 0 ? lease->tried_ms + retry_ms(lease) : 0;
    bool raises = lease->read_ma >= 0 && target_ma > lease->read_ma;
    int64_t spared = lease->raised_ms + station->interval_ms;
    return station->wears && raises && lease->raised_ms > 0 && due < spared ? spared : due;
}

// How often the limit is to be written although it did not change, 0 = never.
static int64_t feed_ms(const struct lease *lease, const struct lease_station *station)
{
    bool leased = lease->state == LEASE_HELD || lease->state == LEASE_FALLBACK; // in grace nothing is raised
    bool repeat = station->repeat_ms > 0 && leased;
    if (!repeat || (station->feed_ms > 0 && station->feed_ms < station->repeat_ms))
        return station->feed_ms;
    return station->repeat_ms;
}

// When the limit is to be written, INT64_MAX = not.
static int64_t write_due(const struct lease *lease, const struct lease_station *station, int32_t target_ma)
{
    if (target_ma < 0 || lease->busy || !station->writable || !station->reachable)
        return INT64_MAX;
    bool meant = lease->state != LEASE_NONE || lease->restore_ma >= 0;
    bool open = meant && !lease->confirmed && !station->paused;
    int64_t due = open ? change_due(lease, station, target_ma) : INT64_MAX;
    int64_t last_ms = lease->tried_ms > lease->written_ms ? lease->tried_ms : lease->written_ms;
    int64_t every_ms = feed_ms(lease, station);
    int64_t feed = every_ms > 0 ? last_ms + every_ms : INT64_MAX;
    return feed < due ? feed : due;
}

int32_t lease_next(struct lease *lease, const struct lease_station *station, int64_t now_ms,
                   int64_t *ret_wake_ms)
{
    bool timed = lease->state == LEASE_GRACE || lease->state == LEASE_HELD;
    if (timed && now_ms >= lease->until_ms)
        run_out(lease, station);
    timed = lease->state == LEASE_GRACE || lease->state == LEASE_HELD;
    int32_t target_ma = lease->limit_ma;
    if (lease->state == LEASE_NONE)
        target_ma = lease->restore_ma >= 0 ? lease->restore_ma : lease->read_ma;
    if (station->paused && target_ma > station->off_ma)
        target_ma = station->off_ma;
    int64_t due = write_due(lease, station, target_ma);
    *ret_wake_ms = timed ? lease->until_ms : INT64_MAX;
    if (due > now_ms) {
        *ret_wake_ms = due < *ret_wake_ms ? due : *ret_wake_ms;
        return -1;
    }
    lease->busy = true;
    return target_ma;
}

bool lease_wrote(struct lease *lease, const struct lease_station *station, int32_t limit_ma, bool done,
                 int32_t read_ma, int64_t now_ms)
{
    lease->busy = false;
    lease->tried_ms = now_ms;
    bool taken = done && read_ma >= 0 && read_ma <= limit_ma + tolerance_ma(station);
    if (done && (lease->read_ma < 0 || limit_ma > lease->read_ma))
        lease->raised_ms = now_ms;
    if (read_ma >= 0)
        lease->read_ma = read_ma;
    if (done)
        lease->written_ms = now_ms;
    if (taken && limit_ma == lease->restore_ma && !station->paused)
        lease->restore_ma = -1;
    bool meant = lease->limit_ma == limit_ma; // else another was set while this one was under way
    lease->failures = taken || !meant ? 0 : lease->failures + 1;
    if (meant)
        lease->confirmed = taken;
    return taken;
}
