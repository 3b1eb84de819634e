// State over a restart: ages instead of times, and nothing that a reading can tell better (A9, INIT).
#include "core/greenup/greenup_priv.h"

static int64_t age_of(int64_t at_ms, int64_t now_ms)
{
    if (at_ms == GREENUP_NEVER)
        return -1;
    return at_ms < now_ms ? now_ms - at_ms : 0;
}

static int64_t time_of(int64_t age_ms, int64_t now_ms)
{
    return age_ms < 0 ? GREENUP_NEVER : now_ms - age_ms;
}

void greenup_save(const struct greenup *g, int64_t now_ms, struct greenup_saved *ret)
{
    *ret = (struct greenup_saved){
        .on = g->on, .lost = g->mode == GREENUP_FAILSAFE ? g->lost : 0, .count = g->count};
    for (int i = 0; i < g->count; i++) {
        const struct greenup_point *st = &g->point[i];
        ret->point[i] = (struct greenup_saved_point){
            .id = st->cfg.id,
            .state = st->state,
            .level = st->level,
            .limit_ma = st->limit_ma,
            .plug_seq = st->plug_seq,
            .conn_age_ms = age_of(st->s.conn_ms, now_ms),
            .wait_age_ms = age_of(st->s.wait_ms, now_ms),
            .stop_age_ms = age_of(st->s.stop_ms, now_ms),
            .red_age_ms = age_of(st->s.red_ms, now_ms),
            .charge_ma_ms = st->s.charge_ma_ms,
            .made_room = st->s.made_room,
            .default_hold = st->default_hold,
            .default_forced = st->default_forced,
            .priority = st->s.priority,
            .hold = st->s.hold,
            .forced = st->s.forced,
        };
    }
}

static bool choice_ok(enum greenup_choice choice)
{
    return (int)choice >= GREENUP_DEFAULT && (int)choice <= GREENUP_YES;
}

static bool age_ok(int64_t age_ms)
{
    return age_ms >= -1 && age_ms <= INT64_C(1) << 48;
}

static bool point_ok(const struct greenup_saved_point *from)
{
    if ((int)from->state < GREENUP_FREE || (int)from->state > GREENUP_IDLE || from->level >= GREENUP_LEVELS)
        return false;
    if (from->limit_ma < 0 || from->charge_ma_ms < 0)
        return false;
    if (from->state != GREENUP_FREE && (from->conn_age_ms < 0 || from->wait_age_ms < 0))
        return false;
    return age_ok(from->conn_age_ms) && age_ok(from->wait_age_ms) && age_ok(from->stop_age_ms) &&
           age_ok(from->red_age_ms) && choice_ok(from->priority) && choice_ok(from->hold) &&
           choice_ok(from->forced);
}

bool greenup_saved_check(const struct greenup_saved *saved)
{
    if (saved->count < 0 || saved->count > GREENUP_STATIONS_MAX)
        return false;
    for (int i = 0; i < saved->count; i++)
        if (!point_ok(&saved->point[i]))
            return false;
    return true;
}

// The level that was commanded, or a lower one if levels have changed since; without one it waits.
static void take_level(struct greenup_point *st, const struct greenup_saved_point *from, int64_t now_ms)
{
    const int32_t own = st->level_ma[from->level];
    const int k = greenup_level_at(st, from->limit_ma < own ? from->limit_ma : own);
    if (k < 0) {
        st->state = GREENUP_WAIT;
        st->s.stop_ms = st->s.wait_ms = now_ms;
        return;
    }
    st->level = (uint8_t)greenup_level_first(st, k);
    st->limit_ma = st->level_ma[k];
    if (st->level == 0)
        st->s.red_ms = GREENUP_NEVER;
    else if (st->s.red_ms == GREENUP_NEVER)
        st->s.red_ms = now_ms;
}

static void take(struct greenup_point *st, const struct greenup_saved_point *from, int64_t elapsed_ms,
                 int64_t now_ms)
{
    const int64_t then = now_ms - elapsed_ms;
    st->remembered = true;
    st->state = from->state;
    st->plug_seq = from->plug_seq;
    st->default_hold = from->default_hold;
    st->default_forced = from->default_forced;
    st->s = (struct greenup_session){
        .conn_ms = time_of(from->conn_age_ms, then),
        .wait_ms = time_of(from->wait_age_ms, then),
        .stop_ms = time_of(from->stop_age_ms, then),
        .red_ms = time_of(from->red_age_ms, then),
        .charge_ma_ms = from->charge_ma_ms,
        .made_room = from->made_room,
        .priority = from->priority,
        .hold = from->hold,
        .forced = from->forced,
    };
    greenup_say(st, GREENUP_WHY_RESTART, -1, 0, 0);
    if (st->state == GREENUP_CHARGE || st->state == GREENUP_IDLE)
        take_level(st, from, now_ms);
    st->ack_ma = st->limit_ma;
}

void greenup_restore(struct greenup *g, const struct greenup_saved *saved, int64_t elapsed_ms, int64_t now_ms)
{
    for (int i = 0; i < saved->count; i++)
        for (int j = 0; j < g->count; j++)
            if (g->point[j].cfg.id == saved->point[i].id)
                take(&g->point[j], &saved->point[i], elapsed_ms, now_ms);
    g->on = saved->on;
    g->mode = saved->on ? GREENUP_INIT : GREENUP_OFF;
    if (saved->on && (saved->lost & g->used)) {
        // The meter was silent: it stays so until a sample comes.
        g->mode = GREENUP_FAILSAFE;
        g->lost = saved->lost & g->used;
    }
}

void greenup_put(struct greenup *g, int station, int level, const struct greenup_session *session,
                 uint32_t plug_seq)
{
    struct greenup_point *st = &g->point[station];
    st->s = *session;
    st->plug_seq = plug_seq;
    st->state = GREENUP_CHARGE;
    st->level = (uint8_t)greenup_level_first(st, level);
    st->limit_ma = st->ack_ma = st->level_ma[level];
    st->cmd_ms = st->up_ms = GREENUP_NEVER;
    st->low_ms = st->over_ms = GREENUP_NEVER;
    if (st->level == 0)
        st->s.red_ms = GREENUP_NEVER;
    st->adopted = true;
    greenup_say(st, st->level > 0 ? GREENUP_WHY_GREEN : GREENUP_WHY_FULL, -1, 0, 0);
}
