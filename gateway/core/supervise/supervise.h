// What a supervisor decides: who is started when, who counts as hung, when it is tried again, in which order
// all end. Times are on the ew_clock_up_ms() scale and passed in; the shell starts and kills. Pure.
//
// Child 0 is the one that all others need (the broker). At first the children are started one after the
// other, each when the one before it is ready or its first try has failed: a poller that refuses to start
// must not take away the web page with which it can be put right.
#ifndef EDGEWATT_CORE_SUPERVISE_SUPERVISE_H
#define EDGEWATT_CORE_SUPERVISE_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SUPERVISE_CHILDREN_MAX = 12,
    SUPERVISE_READY_MS = 30000,      // start to READY=1; a first start may have a history to migrate
    SUPERVISE_HANG_MS = 5000,        // DESIGN: a loop that has not beaten for 5 s is killed
    SUPERVISE_BACK_OFF_MIN_MS = 200, // doubled with every failure in a row
    SUPERVISE_BACK_OFF_MAX_MS = 10000,
    SUPERVISE_STEADY_MS = 60000, // ran so long: the next failure is the first of a new row
    SUPERVISE_FIRST_TRIES = 3,   // so many failures of child 0 before it was ever ready: give up
    SUPERVISE_TERM_MS = 2500,    // from "end, please" to the kill, for each
    SUPERVISE_STOP_MS = 9000,    // all of it: then whoever is left is killed (10 s are promised)
};

enum supervise_state {
    SUPERVISE_WAITING,  // to be started at due_ms
    SUPERVISE_STARTING, // runs, not ready
    SUPERVISE_RUNNING,
    SUPERVISE_ENDING, // told to end or killed, still there
    SUPERVISE_ENDED,  // for good
};

// Why a child's last life ended.
enum supervise_cause {
    SUPERVISE_CAUSE_NONE,
    SUPERVISE_CAUSE_EXIT,      // by itself, or killed by someone else
    SUPERVISE_CAUSE_HUNG,      // no beat for SUPERVISE_HANG_MS
    SUPERVISE_CAUSE_NOT_READY, // not ready within SUPERVISE_READY_MS
    SUPERVISE_CAUSE_STOP,
};

struct supervise_child {
    enum supervise_state state;
    enum supervise_cause cause;
    int64_t since_ms; // when the state began
    int64_t beat_ms;  // last sign of life while RUNNING
    int64_t due_ms;   // WAITING: when to start
    int failures;     // in a row
    int restarts;     // starts beyond the first
    bool tried;       // was ready once, or its first try failed
    bool was_ready;   // ever
    bool killed;      // ENDING: the kill is out
};

struct supervise {
    struct supervise_child children[SUPERVISE_CHILDREN_MAX];
    int count;
    bool stopping;
    int64_t stop_ms; // when it began
};

enum supervise_action {
    SUPERVISE_NOTHING,
    SUPERVISE_START,
    SUPERVISE_TERMINATE,
    SUPERVISE_KILL,
    SUPERVISE_GIVE_UP,  // child 0 can't be started: say why, then supervise_stop()
    SUPERVISE_FINISHED, // after supervise_stop(): nothing is left
};

struct supervise_step {
    enum supervise_action action;
    int child;
};

// 1 <= count <= SUPERVISE_CHILDREN_MAX.
void supervise_init(struct supervise *s, int count);

// The next thing to do, noted as done: call until SUPERVISE_NOTHING (or the end), then sleep until
// supervise_due_ms(). After SUPERVISE_START the child is STARTING; a start that fails is an exit.
struct supervise_step supervise_next(struct supervise *s, int64_t now_ms);
// INT64_MAX = only an event can change anything.
int64_t supervise_due_ms(const struct supervise *s);

// Events.
void supervise_ready(struct supervise *s, int child, int64_t now_ms); // ignored unless STARTING
void supervise_beat(struct supervise *s, int child, int64_t now_ms);
void supervise_exited(struct supervise *s, int child, int64_t now_ms);
void supervise_stop(struct supervise *s, int64_t now_ms);
// The person is in a hurry: whoever is left is killed at once.
void supervise_stop_at_once(struct supervise *s, int64_t now_ms);
// The supervisor itself did not run for a while (suspended machine, stopped process): no beat could arrive,
// so nobody is to blame. All clocks of running children begin anew.
void supervise_stood_still(struct supervise *s, int64_t now_ms);

bool supervise_all_running(const struct supervise *s);
// 200, 400 ... 10 000 ms for failures 1, 2 ...
int64_t supervise_back_off_ms(int failures);
const char *supervise_state_name(enum supervise_state state); // "waiting", "starting" ...

#endif
