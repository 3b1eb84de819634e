// When which group of which device is read on one line. A task is due once a period; of those that are due
// the one goes first that is latest in proportion to its period: fast groups before slow ones while there is
// room, and all stretched alike when the line is over-full, so that nothing starves. Devices that do not
// answer are asked by themselves, seldom, so that the others do not feel them. Pure: the time comes in.
#ifndef EDGEWATT_CORE_PLAN_SCHEDULE_H
#define EDGEWATT_CORE_PLAN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SCHEDULE_FIRST_MS = 1000,        // until its first pass a task counts as one of at most this period
    SCHEDULE_FAILURES = 2,           // silent this often in a row = dead
    SCHEDULE_PROBE_SHARE = 14,       // of the line a dead device may cost, in 1/1000 (the promise is 15)
    SCHEDULE_PROBE_MAX_MS = 58000,   // longest pause between probes: back within 60 s of its return
    SCHEDULE_PROBE_URGENT_MS = 8000, // charge points: back within 10 s
    SCHEDULE_PROBE_IDLE_MS = 4000,   // when nobody else wants the line
    SCHEDULE_PROBE_TIMEOUT_MS = 700, // patience of a probe (700 ms is 1.4 % of 50 s); but for every fourth,
    SCHEDULE_PROBE_FULL_EVERY = 4,   // which waits as long as any request
    SCHEDULE_PROBE_FULL_MS = 1000    // a full probe that costs more may be rarer than once a minute
};

struct schedule_health { // of a device; zeroed = well
    int failures;        // in a row
    bool dead;
    bool urgent; // the caller's: a charge point
    int probes;  // since it is dead
    int64_t probe_due_ms;
};

struct schedule_task { // a group of a device
    int device;        // index into the healths
    int period_ms;     // 0 = again at once (benches)
    bool probe;        // the task that asks when its device is dead: one a device
    bool begun;        // has run since it was (re)started: lateness counts from then on
    bool first;        // goes before everything else that is due
    int64_t due_ms;
};

// Due at once. `first`: before everything else that is due (the group info, which others need).
void schedule_start(struct schedule_task *task, int64_t now_ms, bool first);

// The task to run now, or -1 and in *ret_wake_ms when to ask again (INT64_MAX = never).
int schedule_pick(const struct schedule_task *tasks, int count, const struct schedule_health *healths,
                  int64_t now_ms, int64_t *ret_wake_ms);

// The task's pass began at started_ms and is over: sets when it is due again, in step with before; periods
// that went by are left out. The first pass sets the step, which spreads devices that were started together.
void schedule_done(struct schedule_task *task, int64_t started_ms, int64_t now_ms);

// A pass that must be tried again before its period is over (info that others need).
void schedule_retry(struct schedule_task *task, int64_t now_ms, int after_ms);

// The device answered (an exception is an answer). True when it was dead: its tasks are to be started again.
bool schedule_answered(struct schedule_health *health);

// The device did not answer, which cost the line cost_ms. others: is there another device alive on the line?
// True when it is dead from now on.
bool schedule_silent(struct schedule_health *health, int64_t now_ms, int cost_ms, bool others);

// Patience for the next request to this device.
int schedule_timeout_ms(const struct schedule_health *health, int timeout_ms);

#endif
