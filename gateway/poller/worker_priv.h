// Inside of a bus thread: worker.c lives and waits, pass.c reads.
#ifndef EDGEWATT_POLLER_WORKER_PRIV_H
#define EDGEWATT_POLLER_WORKER_PRIV_H

#include "core/plan/schedule.h"
#include "core/scan/scan.h"
#include "poller/worker.h"
#include <pthread.h>

enum outcome { OUTCOME_NONE, OUTCOME_READ, OUTCOME_PARTLY, OUTCOME_REFUSED };

enum lesson { LESSON_NONE, LESSON_DOUBT, LESSON_SPLIT }; // what a pass taught: asked again later, or at once

// One group of one device, beside its schedule_task of the same index.
struct job {
    int unit; // index
    enum profile_group group;
    int next_request; // 0 = no pass under way
    int64_t started_ms, oldest_up_ms, oldest_wall_ms;
    int read, refused;             // requests of this pass
    int64_t pass_us, last_pass_us; // line time
    enum outcome outcome;          // of the last whole pass
    struct ew_reason *refusal;     // of the first request refused in the last pass, NULL = none was
    bool *fresh;                   // [profile->register_count], by item of the plan: read in this pass
    enum lesson learning;          // of this pass
};

struct unit { // a device on this line
    struct recipe *recipe;
    struct profile_value *values; // [profile->register_count]
    int first_job, job_count;
    struct plan plans[PROFILE_GROUP_COUNT]; // the recipe's, with what the device taught
    void *plan_memory;                      // NULL = they are the recipe's
    uint8_t *learnt;                        // [profile->register_count]
    int refusals;                           // while nothing was read of it
    bool answered;                          // ever, since the line is open
    enum result_state reported;             // RESULT_UNCHANGED = nothing yet
    struct ew_reason reason;                // as reported
    bool has_reason;
};

struct order { // from the main thread: recipes, or a job; neither = end
    struct recipe **recipes;
    int count;
    struct inlet_job *job;
};

struct inlet_line { // jobs of one class: a ring
    struct inlet_job *jobs[INLET_WAITING_MAX];
    int first, count;
};

struct worker {
    struct worker_options options;
    struct mb_line *line;
    struct ew_queue *orders;
    pthread_t thread;
    atomic_bool stopped;
    int jobs_out; // the main thread's: given and not yet back

    // The thread's own.
    struct unit *units;
    struct schedule_health *healths; // by unit
    struct job *jobs;
    struct schedule_task *tasks; // by job
    int unit_count, job_count;
    struct inlet_line inlet[INLET_CLASS_COUNT];
    bool polling_next; // a tool had its turn
    struct scan_share share;

    bool ordered;   // the first list of devices has come
    bool was_open;  // ever
    bool said_down; // the bus was reported as being in error
    bool said_up;
    int open_failures; // in a row
    int64_t retry_ms;
    struct bus_figures figures;
    double told_demand; // when the figures were last told
    int64_t told_ms;
    int64_t figures_from_us, busy_us, figures_due_ms;
};

// Sends the next request of the job's pass; ends the pass with its last.
void worker_run(struct worker *w, int job);
// The line could not be opened, or broke.
void worker_line_down(struct worker *w, const struct ew_reason *reason);
// False = the queue was full, the result is gone.
bool worker_emit(struct worker *w, struct result *result);
// Reports how the unit is, with `result` when there is one (which is taken), else by itself when it has
// changed.
void worker_report(struct worker *w, struct unit *u, struct result *result, enum result_state state,
                   const struct ew_reason *reason);
// inlet.c, on the bus thread. One step of the job that goes first; false when it is the polling's turn.
bool inlet_run(struct worker *w);
void inlet_take(struct worker *w, struct inlet_job *job);
bool inlet_waits(const struct worker *w);
// How long the thread may sleep when polling lets it for wait_ms.
int64_t inlet_wait_ms(const struct worker *w, int64_t wait_ms);
// Takes the oldest job out; NULL when there is none.
struct inlet_job *inlet_drop(struct worker *w, enum inlet_class class);
// On the main thread, when the bus thread is gone: the job will not be run.
void inlet_close(struct worker *w, struct inlet_job *job);

bool worker_others_alive(const struct worker *w, int unit);

// ---- learn.c ---------------------------------------------------------------------------------------------
void unit_begin_learning(struct unit *u); // takes the recipe's plans and what was learnt before
void unit_end_learning(struct unit *u);
// The device refused the request.
void worker_learn(struct worker *w, int job, const struct plan_request *request,
                  const struct ew_reason *reason);
// After a pass in which something was learnt: other plans, and the main thread is told.
void worker_replan(struct worker *w, int job, int64_t now_ms);
// The plan of the group by which a dead device is probed: the first that has requests.
const struct plan *unit_probe_plan(const struct unit *u);

// ---- load.c ----------------------------------------------------------------------------------------------
// How many registers (bits) a probe reads: the first value of the plan's first request.
int worker_probe_count(const struct unit *u, const struct plan *plan);
struct schedule_patience worker_patience(const struct worker *w, const struct unit *u);
// The pause that the line has to keep for the unit.
int worker_gap_ms(const struct worker *w, const struct unit *u);
// The device at this unit was asked something: for a while it wants to be left alone.
void worker_note_asked(struct worker *w, int unit_number, int64_t now_ms);
// A request to the unit was answered.
void worker_note_latency(struct worker *w, int unit, const struct plan_request *request, int64_t elapsed_us);
// Predicts what the unit's passes cost.
void worker_predict(struct worker *w, int unit);
// Puts what is wanted of the line into the figures.
void worker_measure_load(struct worker *w, int64_t now_ms);
// Has that changed so much that the main thread should know?
bool worker_load_changed(const struct worker *w, int64_t now_ms);

#endif
