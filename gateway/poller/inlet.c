#include "poller/worker_priv.h"

#include "base/clock.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    FRAMES_BYTES = 28
}; // a question and its answer with the silences around them, without what they carry

struct inlet_job *inlet_job_new(enum inlet_class class, int unit, int timeout_ms, int gap_ms,
                                inlet_done_fn *done, void *user)
{
    struct inlet_job *job = calloc(1, sizeof(*job));
    if (!job)
        abort();
    job->class = class;
    job->unit = unit;
    job->timeout_ms = timeout_ms;
    job->gap_ms = gap_ms;
    job->done = done;
    job->user = user;
    return job;
}

static struct inlet_step *add(struct inlet_job *job, int fc, int address, int count)
{
    assert(job->step_count < INLET_STEPS_MAX && count <= INLET_WORDS_MAX);
    struct inlet_step *step = &job->steps[job->step_count++];
    step->fc = fc;
    step->address = address;
    step->count = count;
    return step;
}

void inlet_add_read(struct inlet_job *job, int fc, int address, int count)
{
    (void)add(job, fc, address, count);
}

void inlet_add_write(struct inlet_job *job, int fc, int address, int count, const uint16_t *words)
{
    struct inlet_step *step = add(job, fc, address, count);
    memcpy(step->words, words, sizeof(*words) * (size_t)count);
}

void inlet_job_free(struct inlet_job *job)
{
    free(job);
}

// ---- The main thread's end -------------------------------------------------------------------------------

enum ew_err worker_ask(struct worker *w, struct inlet_job *job)
{
    struct order order = {.job = job};
    if (w->jobs_out >= INLET_WAITING_MAX || atomic_load(&w->stopped))
        return EW_E_FULL;
    enum ew_err err = ew_queue_push(w->orders, &order);
    w->jobs_out += err == EW_OK;
    return err;
}

void worker_end_job(struct worker *w, struct inlet_job *job)
{
    w->jobs_out--;
    job->done(job->user, job);
    inlet_job_free(job);
}

void inlet_close(struct worker *w, struct inlet_job *job)
{
    job->err = ew_fail(&job->reason, EW_E_CLOSED, "inlet.closed", "",
                       "The bus was switched off or changed before its turn came.");
    worker_end_job(w, job);
}

// ---- The bus thread's end --------------------------------------------------------------------------------

void inlet_take(struct worker *w, struct inlet_job *job)
{
    struct inlet_line *line = &w->inlet[job->class];
    line->jobs[(line->first + line->count++) % INLET_WAITING_MAX] = job;
}

struct inlet_job *inlet_drop(struct worker *w, enum inlet_class class)
{
    struct inlet_line *line = &w->inlet[class];
    if (line->count == 0)
        return NULL;
    struct inlet_job *job = line->jobs[line->first];
    line->first = (line->first + 1) % INLET_WAITING_MAX;
    line->count--;
    return job;
}

static void finish(struct worker *w, enum inlet_class class)
{
    struct result *result = result_new(RESULT_JOB, 0, 0);
    result->bus = w->options.bus;
    result->worker = w->options.number;
    result->job = inlet_drop(w, class);
    // A job is never lost: the main thread empties the queue, until it has seen our last word at least.
    while (ew_queue_push_wait(w->options.results, &result, 1000) != EW_OK)
        ;
}

static bool too_late(struct inlet_job *job)
{
    int64_t late_ms = ew_clock_up_ms() - job->latest_ms;
    if (job->latest_ms == 0 || late_ms <= 0)
        return false;
    job->err = ew_fail(&job->reason, EW_E_TIMEOUT, "inlet.late", "",
                       "The line was busy until it was too late by %lld ms.", (long long)late_ms);
    ew_reason_param(&job->reason, "ms", "%lld", (long long)late_ms);
    return true;
}

static void run_step(struct worker *w, struct inlet_job *job)
{
    struct inlet_step *step = &job->steps[job->next_step];
    bool write = mb_is_write(step->fc);
    struct mb_request rq = {.unit = job->unit,
                            .fc = step->fc,
                            .address = step->address,
                            .count = step->count,
                            .timeout_ms = job->timeout_ms,
                            .gap_ms = job->gap_ms,
                            .words = write ? step->words : NULL};
    int64_t before_us = ew_clock_up_us();
    step->asked = true;
    step->err = mb_line_ask(w->line, &rq, write ? NULL : step->words, &job->reason);
    int64_t after_us = ew_clock_up_us();
    step->up_ms = after_us / 1000;
    step->took_us = after_us - before_us;
    w->busy_us += step->took_us;
    worker_note_asked(w, job->unit, step->up_ms);
    if (step->err == EW_OK)
        job->next_step++;
    else
        job->err = step->err;
    if (step->err != EW_OK && mb_line_is_down(w->line) && !atomic_load(&w->stopped))
        worker_line_down(w, &job->reason);
}

static struct scan_polling polling_of(const struct worker *w, int64_t now_us)
{
    int64_t wake_ms = INT64_MAX, period_ms = INT64_MAX;
    if (w->unit_count == 0)
        return (struct scan_polling){.due_us = INT64_MAX};
    int task = schedule_pick(w->tasks, w->job_count, w->healths, now_us / 1000, &wake_ms);
    for (int j = 0; j < w->job_count; j++)
        period_ms = w->tasks[j].period_ms < period_ms ? w->tasks[j].period_ms : period_ms;
    bool never = wake_ms > INT64_MAX / 1000;
    return (struct scan_polling){.due_us = task >= 0 ? now_us
                                           : never   ? INT64_MAX
                                                     : wake_ms * 1000,
                                 .slack_us = period_ms * 1000 / 4};
}

// What the job's next step may take at most.
static int64_t cost_us(const struct worker *w, const struct inlet_job *job)
{
    const struct inlet_step *step = &job->steps[job->next_step];
    bool bits = step->fc == 1 || step->fc == 2 || step->fc == 5 || step->fc == 15;
    int bytes = FRAMES_BYTES + (bits ? step->count / 8 + 1 : 2 * step->count);
    return (int64_t)job->timeout_ms * 1000 + mb_line_wire_us(&w->options.line, bytes);
}

// A step of a scan or of another master, when its share of the line allows one.
static bool run_scan(struct worker *w)
{
    struct inlet_line *line = &w->inlet[INLET_SCAN];
    if (line->count == 0)
        return false;
    struct inlet_job *job = line->jobs[line->first];
    int64_t now_us = ew_clock_up_us();
    struct scan_polling polling = polling_of(w, now_us);
    bool late = too_late(job);
    if (!late && !scan_share_may(&w->share, &polling, now_us, cost_us(w, job)))
        return false;
    if (!late && job->next_step < job->step_count) {
        run_step(w, job);
        scan_share_ran(&w->share, &polling, now_us, ew_clock_up_us());
    }
    if (job->err != EW_OK || job->next_step >= job->step_count)
        finish(w, INLET_SCAN);
    return true;
}

bool inlet_run(struct worker *w)
{
    for (int class = 0; class < INLET_SCAN; class ++) {
        struct inlet_line *line = &w->inlet[class];
        if (line->count == 0)
            continue;
        if (class == INLET_TOOL && w->polling_next) {
            w->polling_next = false;
            return false;
        }
        w->polling_next = class == INLET_TOOL;
        struct inlet_job *job = line->jobs[line->first];
        if (job->next_step < job->step_count && !too_late(job))
            run_step(w, job);
        if (job->err != EW_OK || job->next_step >= job->step_count)
            finish(w, (enum inlet_class) class);
        return true;
    }
    return run_scan(w);
}

int64_t inlet_wait_ms(const struct worker *w, int64_t wait_ms)
{
    for (int class = 0; class < INLET_SCAN; class ++)
        if (w->inlet[class].count > 0)
            return 0;
    if (w->inlet[INLET_SCAN].count > 0) {
        int64_t rest_ms = (w->share.rest_until_us - ew_clock_up_us()) / 1000 + 1;
        wait_ms = rest_ms < wait_ms ? rest_ms : wait_ms;
    }
    return wait_ms > 0 ? wait_ms : 0;
}

bool inlet_waits(const struct worker *w)
{
    for (int class = 0; class < INLET_CLASS_COUNT; class ++)
        if (w->inlet[class].count > 0)
            return true;
    return false;
}
