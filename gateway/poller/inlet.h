// The way in for single jobs on a bus beside its polling: set-points, commands, tools. The main thread gives
// a job to the bus thread; the thread runs its steps between the requests of the polling and hands the job
// back over the results queue with every answer filled in.
//
// What goes first: set-points, then commands, then polling and tools by turns; scans take what polling leaves
// and at most a fifth of a busy line (core/scan: struct scan_share); so does what other masters ask through
// the Modbus TCP server. The order is looked at before every single request, so that a set-point waits for
// one running request at most.
#ifndef EDGEWATT_POLLER_INLET_H
#define EDGEWATT_POLLER_INLET_H

#include "modbus/line.h"

enum inlet_class { INLET_SETPOINT, INLET_COMMAND, INLET_TOOL, INLET_SCAN, INLET_CLASS_COUNT };

enum {
    INLET_STEPS_MAX = 12,
    INLET_WORDS_MAX = MB_READ_MAX, // of one step: registers, or bits
    INLET_WAITING_MAX = 64         // jobs given to one bus and not yet back; all devices of a full line
};

struct inlet_step { // one request
    int fc, address, count;
    uint16_t words[INLET_WORDS_MAX]; // of a write: what to write; of a read: the answer
    // The answer.
    bool asked; // false: an earlier step failed, or the job was late
    enum ew_err err;
    int64_t up_ms;   // when the answer was there, CLOCK_BOOTTIME
    int64_t took_us; // request and answer
};

struct inlet_job;
// Runs once for every job that was taken, on the main thread; the job is freed after it.
typedef void inlet_done_fn(void *user, const struct inlet_job *job);

struct inlet_job {
    enum inlet_class class;
    int unit, timeout_ms, gap_ms;
    int64_t device;    // 0 = none; for whoever asked
    int64_t latest_ms; // CLOCK_BOOTTIME: no step begins later (EW_E_TIMEOUT inlet.late); 0 = any time
    inlet_done_fn *done;
    void *user;
    int64_t tag; // the asker's own

    int step_count, next_step;
    // The first error, and its reason: the line's, inlet.late, or inlet.closed when the bus was taken away.
    // The steps after it are not asked.
    enum ew_err err;
    struct ew_reason reason;
    struct inlet_step steps[INLET_STEPS_MAX];
};

// A job without steps. Aborts without memory.
struct inlet_job *inlet_job_new(enum inlet_class class, int unit, int timeout_ms, int gap_ms,
                                inlet_done_fn *done, void *user);
// Add a step; at most INLET_STEPS_MAX, and `count` at most INLET_WORDS_MAX.
void inlet_add_read(struct inlet_job *job, int fc, int address, int count);
void inlet_add_write(struct inlet_job *job, int fc, int address, int count, const uint16_t *words);
// For a job that was not taken.
void inlet_job_free(struct inlet_job *job); // takes NULL

#endif
