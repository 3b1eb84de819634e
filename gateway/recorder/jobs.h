// Long work beside the recorder: one job at a time on a thread of its own, with progress and cancel. Waiting
// jobs are the caller's matter: a start while one runs is refused.
#ifndef EDGEWATT_RECORDER_JOBS_H
#define EDGEWATT_RECORDER_JOBS_H

#include "base/json.h"
#include "base/loop.h"
#include <stdatomic.h>

struct job_watch { // shared by the thread and the loop
    atomic_bool cancel;
    atomic_int per_mille;
};

struct job {
    const char *name; // "export"
    // On the thread; touches nothing of the recorder's. EW_E_CLOSED when it was cancelled.
    enum ew_err (*run)(void *user, struct job_watch *watch, struct ew_reason *reason);
    // On the loop, after it ended; frees user.
    void (*ended)(void *user, enum ew_err err, const struct ew_reason *reason);
    void *user;
};

struct jobs;
struct jobs *jobs_new(struct ew_loop *loop);
void jobs_free(struct jobs *jobs); // cancels and waits; takes NULL
// EW_E_BUSY with a sentence while another runs; user stays the caller's then.
enum ew_err jobs_start(struct jobs *jobs, const struct job *job, struct ew_reason *reason) EW_MUST_CHECK;
void jobs_cancel(struct jobs *jobs);
// Name of the one that runs, NULL = none; *ret_percent 0..99.
const char *jobs_running(const struct jobs *jobs, int *ret_percent);

#endif
