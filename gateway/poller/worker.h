// The thread of one bus. It owns the line and everything on it; plans come in over a bounded queue, results
// go out over another.
#ifndef EDGEWATT_POLLER_WORKER_H
#define EDGEWATT_POLLER_WORKER_H

#include "base/queue.h"
#include "poller/inlet.h"
#include "poller/result.h"

struct worker;

struct worker_options {
    int64_t bus;
    unsigned number; // goes into every result
    struct mb_options line;
    struct ew_queue *results; // of struct result *; outlives the worker
};

// Starts the thread. Aborts without memory or threads.
struct worker *worker_new(const struct worker_options *options);

// The devices to poll from now on; the worker takes a reference of each. Those whose recipe stays the same
// keep their step. EW_E_FULL: the thread is busy, try again soon.
enum ew_err worker_give(struct worker *worker, struct recipe *const *recipes, int count) EW_MUST_CHECK;

// Takes the job over; it comes back as RESULT_JOB, for worker_end_job. EW_E_FULL: too many wait (the job
// stays the caller's).
enum ew_err worker_ask(struct worker *worker, struct inlet_job *job) EW_MUST_CHECK;
// Tells whoever asked, and frees the job.
void worker_end_job(struct worker *worker, struct inlet_job *job);

// Asks the thread to end, what it waits for is broken off. RESULT_ENDED is its last word.
void worker_stop(struct worker *worker);
// Waits for the end of the thread: at once after RESULT_ENDED. Jobs that were not run are told so
// (inlet.closed). Takes NULL.
void worker_free(struct worker *worker);

#endif
