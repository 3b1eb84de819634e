// Results from the bus threads to the main thread: at once while they come one by one, a batch every 2 ms
// when they come fast, so that a thread that reads at full speed does not wake the main thread for each.
#ifndef EDGEWATT_POLLER_INTAKE_H
#define EDGEWATT_POLLER_INTAKE_H

#include "base/loop.h"
#include "base/queue.h"
#include "poller/result.h"

// Takes the result over.
typedef void intake_fn(void *user, struct result *result);

struct intake { // the caller's storage
    struct ew_loop *loop;
    struct ew_queue *queue; // of struct result *
    intake_fn *fn;
    void *user;
    struct ew_timer timer;
    int64_t last_ms; // when results were last taken
};

void intake_init(struct intake *intake, struct ew_loop *loop, size_t capacity, intake_fn *fn, void *user);
// Results that still wait are freed.
void intake_done(struct intake *intake);

#endif
