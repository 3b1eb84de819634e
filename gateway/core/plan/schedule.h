// When which group of which device is read on one line. A task is due once a period; of those that are due
// the one goes first that presses most: what it is late, more slowly for slow groups, and a lead by class:
// what the charging controller decides from, then fast groups, then slow ones. On a line that is over-full
// all come to be late by what they press alike, so that nothing starves (load.h says by how much). Devices
// that do not answer are asked by themselves, seldom, so that the others do not feel them. Set-points go
// before all this, see the poller. Pure: the time comes in.
#ifndef EDGEWATT_CORE_PLAN_SCHEDULE_H
#define EDGEWATT_CORE_PLAN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum schedule_class {
    SCHEDULE_CONTROL, // the controller's meter, charge points
    SCHEDULE_FAST,
    SCHEDULE_SLOW, // energies, statistics, strings
    SCHEDULE_CLASSES
};

enum {
    SCHEDULE_CONTROL_LEAD_MS = 6000, // presses like something that is that late,
    SCHEDULE_FAST_LEAD_MS = 1000,    //
    SCHEDULE_SLOW_PART = 3,          // and a slow group as if it were a third as late as it is
    SCHEDULE_CATCH_UP = 4,           // a pass that was late is made up for by a fourth of its period
    SCHEDULE_FAILURES = 2,           // silent this often in a row = dead
    SCHEDULE_PROBE_SHARE = 14,       // of the line a dead device may cost, in 1/1000 (the promise is 15)
    SCHEDULE_PROBE_MAX_MS = 58000,   // longest pause between probes: back within 60 s of its return
    SCHEDULE_PROBE_URGENT_MS = 8500, // urgent devices: back within 10 s, with probes that are quick:
    SCHEDULE_PROBE_QUICK_MS = 60,    // patience with a device whose latency is not known,
    SCHEDULE_PROBE_QUICK_MIN_MS = 40,
    SCHEDULE_PROBE_IDLE_MS = 4000,   // when nobody else wants the line
    SCHEDULE_PROBE_TIMEOUT_MS = 700, // patience of a probe (700 ms is 1.4 % of 50 s); but for every fourth,
    SCHEDULE_PROBE_FULL_EVERY = 4,   // which waits as long as any request
    SCHEDULE_PROBE_FULL_MS = 1000    // a full probe that costs more may be rarer than once a minute
};

struct schedule_health { // of a device; zeroed = well
    int failures;        // in a row
    bool dead;
    bool urgent; // the caller's: a charge point or the controller's meter
    bool alone;  // nobody else on the line was alive when it was last silent
    int probes;  // since it is dead
    int64_t probe_due_ms;
    int64_t ready_ms; // before that it wants to be left alone; others may use the line meanwhile
    int latency_us;   // filtered: what it takes to answer beyond the bytes' time; 0 = not known
};

struct schedule_patience { // with a device; in ms
    int timeout_ms;        // as configured, the longest
    int minimum_ms;        // its profile's shortest useful time-out
    int floor_ms;          // of the line: scheduling, adapters and networks are that late
    int probe_wire_ms;     // what the bytes of a probe take
};

struct schedule_task { // a group of a device
    int device;        // index into the healths
    enum schedule_class class;
    int period_ms; // 0 = again at once (benches)
    int cost_us;   // line time of a pass, as predicted (load.h)
    int wire_us;   // what of it are bytes, which a faster line carries faster
    bool probe;    // the task that asks when its device is dead: one a device
    bool begun;    // has run since it was (re)started: lateness counts from then on
    bool first;    // goes before everything else that is due
    int64_t due_ms;
};

// How much a task of this class presses that is due since late_ms, and the lateness at which one presses so
// much (0 = presses more as soon as it is due).
int64_t schedule_press_ms(enum schedule_class class, int64_t late_ms);
double schedule_late_ms(enum schedule_class class, double press_ms);

// Due at once. `first`: before everything else that is due (the
// group info, which others need).
void schedule_start(struct schedule_task *task, int64_t now_ms, bool first);

// The task to run now, or -1 and in *ret_wake_ms when to ask again (INT64_MAX = never).
int schedule_pick(const struct schedule_task *tasks, int count, const struct schedule_health *healths,
                  int64_t now_ms, int64_t *ret_wake_ms);

// The task's pass began at started_ms and is over: sets when it is due again, in step with before; of what it
// was late, no more than a quarter of a period is made up for. The first pass sets the step, which spreads
// devices that were started together.
void schedule_done(struct schedule_task *task, int64_t started_ms, int64_t now_ms);

// A pass that must be tried again before its period is over (info that others need).
void schedule_retry(struct schedule_task *task, int64_t now_ms, int after_ms);

// The device answered (an exception is an answer). True when it was dead: its tasks are to be started again.
bool schedule_answered(struct schedule_health *health);

// It took the device that long to answer, beyond the time of the bytes: grows fast, shrinks slowly.
void schedule_latency(struct schedule_health *health, int sample_us);

// The device did not answer, which cost the line cost_ms. others: is there another device alive on the line?
// True when it is dead from now on.
bool schedule_silent(struct schedule_health *health, const struct schedule_patience *patience, int64_t now_ms,
                     int cost_ms, bool others);

// Patience for the next request to this device: four times its latency, with a floor, never above what is
// configured; all that is configured after a silence, so that nobody is taken for dead in haste. Probes of
// dead devices have their own.
int schedule_timeout_ms(const struct schedule_health *health, const struct schedule_patience *patience);

#endif
