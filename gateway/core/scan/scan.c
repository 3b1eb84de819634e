#include "core/scan/scan.h"

#include <string.h>

static bool over(const struct scan *s)
{
    return s->pass == SCAN_DONE || s->pass == SCAN_STOPPED;
}

// The next address of this pass from `unit` on; the full pass leaves out what was found.
static int from(const struct scan *s, int unit)
{
    while (unit <= s->last && s->pass == SCAN_FULL && s->is_found[unit])
        unit++;
    return unit;
}

void scan_begin(struct scan *s, int first, int last, int timeout_ms, bool full)
{
    memset(s, 0, sizeof(*s));
    s->first = first < SCAN_UNIT_FIRST ? SCAN_UNIT_FIRST : first;
    s->last = last > SCAN_UNIT_LAST ? SCAN_UNIT_LAST : last;
    s->timeout_ms = timeout_ms;
    s->full = full;
    s->unit = s->first;
    if (s->first > s->last)
        s->pass = SCAN_DONE;
}

void scan_next(const struct scan *s, struct scan_step *ret)
{
    *ret = (struct scan_step){.what = SCAN_END};
    if (over(s))
        return;
    if (s->unit <= s->last) {
        // The full pass asks in another shape than the quick one: a late answer to that is never taken for
        // the answer to this.
        bool full = s->pass == SCAN_FULL;
        *ret = (struct scan_step){.what = SCAN_ASK,
                                  .unit = s->unit,
                                  .fc = s->second ? 4 : 3,
                                  .count = full && !s->second ? 2 : 1,
                                  .timeout_ms = full ? s->timeout_ms : SCAN_QUICK_MS};
        if (!full && s->timeout_ms < SCAN_QUICK_MS)
            ret->timeout_ms = s->timeout_ms;
        return;
    }
    *ret = (struct scan_step){.what = SCAN_GUESS, .unit = s->finds[s->guessed]};
}

// All addresses of the pass are asked and all its finds have their guess.
static void end_pass(struct scan *s)
{
    if (s->unit <= s->last || s->guessed < s->found)
        return;
    if (s->pass == SCAN_QUICK && s->full && s->found < s->last - s->first + 1) {
        s->pass = SCAN_FULL;
        s->unit = from(s, s->first);
        return;
    }
    s->pass = SCAN_DONE;
}

bool scan_answered(struct scan *s, enum scan_answer answer)
{
    if (over(s) || s->unit > s->last)
        return false;
    int unit = s->unit;
    bool full = s->pass == SCAN_FULL;
    s->asked++;
    s->disturbed = s->disturbed || answer == SCAN_DISTURBED;
    bool alive = answer == SCAN_READ || answer == SCAN_EXCEPTION;
    if (full && !alive && !s->second) {
        s->second = true;
        return false;
    }
    // Damage in the quick pass may be the late answer of the address before: the full pass looks again.
    bool found = alive || (full && s->disturbed);
    if (found) {
        s->is_found[unit] = 1;
        s->finds[s->found++] = (uint8_t)unit;
    }
    s->second = s->disturbed = false;
    s->unit = from(s, unit + 1);
    end_pass(s);
    return found;
}

void scan_guessed(struct scan *s)
{
    if (over(s) || s->guessed >= s->found)
        return;
    s->guessed++;
    end_pass(s);
}

void scan_stop(struct scan *s)
{
    if (s->pass != SCAN_DONE)
        s->pass = SCAN_STOPPED;
}

void scan_progress(const struct scan *s, int *ret_done, int *ret_total)
{
    int left = 0;
    for (int unit = s->unit; unit <= s->last && !over(s); unit++)
        left += s->pass == SCAN_QUICK ? 1 : s->is_found[unit] ? 0 : 2;
    if (s->pass == SCAN_QUICK && s->full)
        left += 2 * (s->last - s->first + 1 - s->found);
    *ret_done = s->asked;
    *ret_total = s->asked + left - (s->second ? 1 : 0);
}

const char *scan_pass_name(enum scan_pass pass)
{
    static const char *const names[] = {"quick", "full", "done", "stopped"};
    return names[pass];
}

// What a step that ends at ended_us takes from polling.
static int64_t taken_us(const struct scan_polling *polling, int64_t began_us, int64_t ended_us)
{
    if (polling->due_us >= ended_us)
        return 0;
    if (polling->due_us > began_us && ended_us - polling->due_us <= polling->slack_us)
        return 0;
    return ended_us - (polling->due_us > began_us ? polling->due_us : began_us);
}

bool scan_share_may(const struct scan_share *share, const struct scan_polling *polling, int64_t now_us,
                    int64_t cost_us)
{
    return now_us >= share->rest_until_us || taken_us(polling, now_us, now_us + cost_us) == 0;
}

void scan_share_ran(struct scan_share *share, const struct scan_polling *polling, int64_t began_us,
                    int64_t ended_us)
{
    int64_t taken = taken_us(polling, began_us, ended_us);
    // A debt that is still open is added to: a step that was to be free may take longer than was thought.
    int64_t rest_from = share->rest_until_us > ended_us ? share->rest_until_us : ended_us;
    if (taken > 0)
        share->rest_until_us = rest_from + SCAN_REST_FACTOR * taken;
}
