#include "core/history/counter.h"

#include <math.h>

bool history_thousandths(double value, int64_t *ret_th)
{
    double scaled = round(value * 1000);
    if (!(fabs(scaled) < 9007199254740992.0))
        return false;
    *ret_th = (int64_t)scaled;
    return true;
}

// A minute's rise is always granted, so that two readings in one second can't look too fast.
static int64_t most_th(int64_t elapsed_s, int64_t per_hour)
{
    double most = (double)per_hour * 1000 * ((double)elapsed_s / 3600 + 1.0 / 60);
    return most < 9e15 ? (int64_t)most : (int64_t)9e15;
}

// How far the counter went when it passed `end` on the way; false when it can't have.
static bool rolled_at(int64_t end_th, int64_t before_th, int64_t after_th, int64_t most, int64_t *ret_step_th)
{
    int64_t near = end_th / 100;
    if (before_th >= end_th || before_th < end_th - near)
        return false;
    *ret_step_th = end_th - before_th + after_th;
    return *ret_step_th <= near && *ret_step_th <= most;
}

static bool rolled(int64_t before_th, int64_t after_th, int64_t most, int64_t *ret_step_th)
{
    if (after_th < 0)
        return false;
    // Displays of 2 to 12 figures before the point, in thousandths.
    for (int64_t end = 100000; end <= 1000000000000000; end *= 10)
        if (rolled_at(end, before_th, after_th, most, ret_step_th))
            return true;
    // Registers of 16 and 32 bits that count 0.001 to 1000 of the unit.
    for (int64_t scale = 1; scale <= 1000000; scale *= 10)
        if (rolled_at(65536 * scale, before_th, after_th, most, ret_step_th) ||
            rolled_at(4294967296 * scale, before_th, after_th, most, ret_step_th))
            return true;
    return false;
}

enum history_step history_step(int64_t before_th, int64_t after_th, int64_t elapsed_s, int64_t *ret_step_th)
{
    int64_t most = most_th(elapsed_s, HISTORY_RISE_MAX_PER_HOUR), step = 0;
    *ret_step_th = 0;
    if (after_th >= before_th) {
        if (after_th - before_th > most)
            return HISTORY_STEP_REPLACED;
        *ret_step_th = after_th - before_th;
        return HISTORY_STEP_RISE;
    }
    if (rolled(before_th, after_th, most, &step)) {
        *ret_step_th = step;
        return HISTORY_STEP_ROLLED;
    }
    if (after_th >= 0 && after_th <= most_th(elapsed_s, HISTORY_FRESH_MAX_PER_HOUR))
        return HISTORY_STEP_RESET;
    return HISTORY_STEP_REPLACED;
}

static int64_t width(const struct history_jump *jump)
{
    int64_t step = jump->after_th - jump->before_th;
    return step < 0 ? -step : step;
}

static void note_jump(struct history_counter *c, const struct history_jump *jump)
{
    bool more = jump->fell != c->jump.fell ? jump->fell : width(jump) > width(&c->jump);
    if (c->jumped && !more)
        return;
    c->jumped = true;
    c->jump = *jump;
}

static void count(struct history_counter *c, int64_t reading_th, int64_t at_s, bool recovered)
{
    struct history_jump jump = {
        .before_th = c->reading_th, .after_th = reading_th, .elapsed_s = at_s - c->at_s};
    enum history_step what = history_step(jump.before_th, jump.after_th, jump.elapsed_s, &jump.step_th);
    switch (what) {
    case HISTORY_STEP_ROLLED:
        c->flags |= HISTORY_ROLLED;
        break;
    case HISTORY_STEP_RISE:
        break;
    case HISTORY_STEP_RESET:
        c->flags |= HISTORY_RESET;
        break;
    case HISTORY_STEP_REPLACED:
        c->flags |= HISTORY_REPLACED;
        break;
    }
    if (what == HISTORY_STEP_RISE || what == HISTORY_STEP_ROLLED) {
        c->flags |= recovered ? HISTORY_RECOVERED : 0;
        c->step_th += jump.step_th;
        c->has_step = true;
    } else {
        jump.fell = reading_th < c->reading_th;
    }
    note_jump(c, &jump);
}

void history_counter_add(struct history_counter *c, int64_t reading_th, int64_t at_s, int64_t slot_start_s,
                         int slot_s)
{
    if (c->known && at_s < c->at_s)
        return;
    if (c->known && c->replaced)
        c->flags |= HISTORY_REPLACED;
    else if (c->known)
        count(c, reading_th, at_s, c->at_s < slot_start_s - slot_s);
    c->replaced = false;
    c->known = true;
    c->taken = true;
    c->reading_th = reading_th;
    c->at_s = at_s;
}

void history_counter_next(struct history_counter *c)
{
    *c = (struct history_counter){
        .known = c->known, .reading_th = c->reading_th, .at_s = c->at_s, .replaced = c->replaced};
}

void history_replaced(struct history_counter *c)
{
    c->replaced = !c->taken;
    if (!c->jumped)
        return;
    c->flags |= HISTORY_REPLACED;
    c->step_th -= c->jump.step_th;
    c->jumped = false;
}

// `after` goes on from `before`, as far as a counter can have counted meanwhile.
static bool goes_on(int64_t before_th, int64_t after_th, int64_t elapsed_s)
{
    return after_th >= before_th && after_th - before_th <= most_th(elapsed_s, HISTORY_RISE_MAX_PER_HOUR);
}

static void take_back(struct history_counter *c)
{
    c->flags = (c->flags & ~(unsigned)(HISTORY_RESET | HISTORY_REPLACED)) | HISTORY_SWAPPED;
    c->step_th -= c->jump.step_th;
    c->jumped = false;
}

bool history_swapped(struct history_counter *fell, struct history_counter *other)
{
    if (!fell->jumped || !other->jumped || !fell->jump.fell || other->jump.after_th <= other->jump.before_th)
        return false;
    int64_t elapsed_s =
        fell->jump.elapsed_s > other->jump.elapsed_s ? fell->jump.elapsed_s : other->jump.elapsed_s;
    if (!goes_on(other->jump.before_th, fell->jump.after_th, elapsed_s) ||
        !goes_on(fell->jump.before_th, other->jump.after_th, elapsed_s))
        return false;
    take_back(fell);
    take_back(other);
    return true;
}

int64_t history_integrate(struct history_integral *integral, double power_w, int64_t at_ms,
                          int64_t gap_max_ms)
{
    double drawn_w = isfinite(power_w) && power_w > 0 ? power_w : 0;
    int64_t passed_ms = at_ms - integral->at_ms;
    double amount_th = 0;
    if (integral->known && passed_ms >= 0 && passed_ms <= gap_max_ms)
        amount_th = (integral->power_w + drawn_w) / 2 * (double)passed_ms / 3600 + integral->rest_th;
    if (integral->known && passed_ms < 0)
        return 0;
    double whole = floor(amount_th);
    *integral = (struct history_integral){true, drawn_w, at_ms, amount_th - whole};
    return (int64_t)whole;
}
