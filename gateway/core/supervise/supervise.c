#include "core/supervise/supervise.h"

#include <assert.h>
#include <string.h>

int64_t supervise_back_off_ms(int failures)
{
    int64_t wait_ms = SUPERVISE_BACK_OFF_MIN_MS;
    for (int i = 1; i < failures && wait_ms < SUPERVISE_BACK_OFF_MAX_MS; i++)
        wait_ms *= 2;
    return wait_ms < SUPERVISE_BACK_OFF_MAX_MS ? wait_ms : SUPERVISE_BACK_OFF_MAX_MS;
}

const char *supervise_state_name(enum supervise_state state)
{
    switch (state) {
    case SUPERVISE_WAITING:
        return "waiting";
    case SUPERVISE_STARTING:
        return "starting";
    case SUPERVISE_RUNNING:
        return "running";
    case SUPERVISE_ENDING:
        return "ending";
    case SUPERVISE_ENDED:
        return "ended";
    }
    return "";
}

void supervise_init(struct supervise *s, int count)
{
    assert(count >= 1 && count <= SUPERVISE_CHILDREN_MAX);
    memset(s, 0, sizeof(*s));
    s->count = count;
}

static struct supervise_child *child_of(struct supervise *s, int child)
{
    assert(child >= 0 && child < s->count);
    return &s->children[child];
}

static void enter(struct supervise_child *c, enum supervise_state state, int64_t now_ms)
{
    c->state = state;
    c->since_ms = now_ms;
}

// A child that ran long enough begins a new row of failures.
static void note_steady(struct supervise_child *c, int64_t now_ms)
{
    if (c->state == SUPERVISE_RUNNING && now_ms - c->since_ms >= SUPERVISE_STEADY_MS)
        c->failures = 0;
}

static bool may_start(const struct supervise *s, int child, int64_t now_ms)
{
    const struct supervise_child *c = &s->children[child];
    if (c->state != SUPERVISE_WAITING || now_ms < c->due_ms)
        return false;
    if (child > 0 && !s->children[0].was_ready)
        return false;
    for (int i = 0; i < child; i++)
        if (!s->children[i].tried)
            return false;
    return true;
}

// When a child that is neither ready nor ending has to be killed; INT64_MAX = not by the clock.
static int64_t patience_ends_ms(const struct supervise_child *c)
{
    if (c->state == SUPERVISE_STARTING)
        return c->since_ms + SUPERVISE_READY_MS;
    if (c->state == SUPERVISE_RUNNING)
        return c->beat_ms + SUPERVISE_HANG_MS;
    return INT64_MAX;
}

static struct supervise_step kill_child(struct supervise *s, int child, enum supervise_cause cause,
                                        int64_t now_ms)
{
    struct supervise_child *c = &s->children[child];
    note_steady(c, now_ms);
    if (c->state != SUPERVISE_ENDING) {
        c->cause = cause;
        enter(c, SUPERVISE_ENDING, now_ms);
    }
    c->killed = true;
    return (struct supervise_step){SUPERVISE_KILL, child};
}

static struct supervise_step next_running(struct supervise *s, int64_t now_ms)
{
    const struct supervise_child *broker = &s->children[0];
    if (!broker->was_ready && broker->failures >= SUPERVISE_FIRST_TRIES && broker->state == SUPERVISE_WAITING)
        return (struct supervise_step){SUPERVISE_GIVE_UP, 0};
    for (int i = 0; i < s->count; i++) {
        struct supervise_child *c = &s->children[i];
        if (now_ms >= patience_ends_ms(c))
            return kill_child(
                s, i, c->state == SUPERVISE_RUNNING ? SUPERVISE_CAUSE_HUNG : SUPERVISE_CAUSE_NOT_READY,
                now_ms);
        if (may_start(s, i, now_ms)) {
            enter(c, SUPERVISE_STARTING, now_ms);
            c->restarts += c->tried ? 1 : 0;
            return (struct supervise_step){SUPERVISE_START, i};
        }
    }
    return (struct supervise_step){SUPERVISE_NOTHING, 0};
}

// The last started ends first; the next is told when it is gone.
static struct supervise_step next_stopping(struct supervise *s, int64_t now_ms)
{
    bool in_a_hurry = now_ms - s->stop_ms >= SUPERVISE_STOP_MS;
    bool left = false;
    for (int i = s->count - 1; i >= 0; i--) {
        struct supervise_child *c = &s->children[i];
        if (c->state == SUPERVISE_ENDED)
            continue;
        if (c->state == SUPERVISE_WAITING) {
            enter(c, SUPERVISE_ENDED, now_ms);
            continue;
        }
        bool patient = c->state != SUPERVISE_ENDING || now_ms - c->since_ms < SUPERVISE_TERM_MS;
        if (!c->killed && (in_a_hurry || !patient))
            return kill_child(s, i, SUPERVISE_CAUSE_STOP, now_ms);
        if (c->state != SUPERVISE_ENDING && !left) {
            c->cause = SUPERVISE_CAUSE_STOP;
            enter(c, SUPERVISE_ENDING, now_ms);
            return (struct supervise_step){SUPERVISE_TERMINATE, i};
        }
        left = true;
    }
    return (struct supervise_step){left ? SUPERVISE_NOTHING : SUPERVISE_FINISHED, 0};
}

struct supervise_step supervise_next(struct supervise *s, int64_t now_ms)
{
    return s->stopping ? next_stopping(s, now_ms) : next_running(s, now_ms);
}

static int64_t child_due_ms(const struct supervise *s, int child)
{
    const struct supervise_child *c = &s->children[child];
    if (s->stopping && (c->killed || c->state == SUPERVISE_ENDED))
        return INT64_MAX;
    if (s->stopping && c->state == SUPERVISE_ENDING &&
        c->since_ms + SUPERVISE_TERM_MS < s->stop_ms + SUPERVISE_STOP_MS)
        return c->since_ms + SUPERVISE_TERM_MS;
    if (s->stopping)
        return s->stop_ms + SUPERVISE_STOP_MS;
    if (c->state == SUPERVISE_WAITING)
        return may_start(s, child, INT64_MAX) ? c->due_ms : INT64_MAX;
    return patience_ends_ms(c);
}

int64_t supervise_due_ms(const struct supervise *s)
{
    int64_t due_ms = INT64_MAX;
    for (int i = 0; i < s->count; i++) {
        int64_t child_ms = child_due_ms(s, i);
        if (child_ms < due_ms)
            due_ms = child_ms;
    }
    return due_ms;
}

void supervise_ready(struct supervise *s, int child, int64_t now_ms)
{
    struct supervise_child *c = child_of(s, child);
    if (c->state != SUPERVISE_STARTING)
        return;
    enter(c, SUPERVISE_RUNNING, now_ms);
    c->beat_ms = now_ms;
    c->tried = true;
    c->was_ready = true;
}

void supervise_beat(struct supervise *s, int child, int64_t now_ms)
{
    child_of(s, child)->beat_ms = now_ms;
}

void supervise_exited(struct supervise *s, int child, int64_t now_ms)
{
    struct supervise_child *c = child_of(s, child);
    note_steady(c, now_ms);
    if (c->state != SUPERVISE_ENDING)
        c->cause = SUPERVISE_CAUSE_EXIT;
    c->tried = true;
    c->killed = false;
    if (s->stopping) {
        enter(c, SUPERVISE_ENDED, now_ms);
        return;
    }
    c->failures++;
    c->due_ms = now_ms + supervise_back_off_ms(c->failures);
    enter(c, SUPERVISE_WAITING, now_ms);
}

void supervise_stop(struct supervise *s, int64_t now_ms)
{
    if (s->stopping)
        return;
    s->stopping = true;
    s->stop_ms = now_ms;
}

void supervise_stop_at_once(struct supervise *s, int64_t now_ms)
{
    s->stopping = true;
    s->stop_ms = now_ms - SUPERVISE_STOP_MS;
}

void supervise_stood_still(struct supervise *s, int64_t now_ms)
{
    for (int i = 0; i < s->count; i++) {
        struct supervise_child *c = &s->children[i];
        c->beat_ms = now_ms;
        if (c->state == SUPERVISE_STARTING)
            c->since_ms = now_ms;
    }
}

bool supervise_all_running(const struct supervise *s)
{
    for (int i = 0; i < s->count; i++)
        if (s->children[i].state != SUPERVISE_RUNNING)
            return false;
    return true;
}
