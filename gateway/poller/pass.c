// A pass: the requests of one group of one device, one after the other; between them other tasks of the line
// may come in.
#include "poller/worker_priv.h"

#include "base/clock.h"
#include <stdlib.h>
#include <string.h>

enum { INFO_RETRY_MS = 10000 };

static void begin_pass(const struct plan *plan, struct job *job, int64_t now_ms)
{
    job->started_ms = now_ms;
    job->learning = LESSON_NONE;
    job->read = job->refused = 0;
    job->pass_us = job->oldest_up_ms = job->oldest_wall_ms = 0;
    memset(job->fresh, 0, (size_t)plan->item_count * sizeof(*job->fresh));
}

static void decode(const struct recipe *recipe, const struct plan *plan, const struct plan_request *request,
                   const uint16_t *answer, struct unit *u, struct job *job)
{
    for (int k = request->first_item; k < request->first_item + request->item_count; k++) {
        int index = plan->items[k].index;
        profile_decode(recipe->profile, index, &recipe->bound[index], answer + plan->items[k].offset,
                       &u->values[index]);
        job->fresh[k] = true;
    }
}

// A scale or a sign from this plan that was not read in this pass: the value can't be told.
static bool source_missing(const struct plan *plan, const struct job *job, int index)
{
    for (int k = 0; k < plan->item_count && index >= 0; k++)
        if (plan->items[k].index == index)
            return !job->fresh[k];
    return false;
}

static bool finish(const struct recipe *recipe, const struct plan *plan, const struct job *job, int k,
                   struct unit *u)
{
    int index = plan->items[k].index;
    const struct profile_register *r = &recipe->profile->registers[index];
    if (!job->fresh[k] || r->group != job->group || source_missing(plan, job, r->scale_from[0]) ||
        source_missing(plan, job, r->scale_from[1]) || source_missing(plan, job, r->sign_from))
        return false;
    // A source from the group info that was never read: not yet known rather than "the device has none".
    for (int i = 0; i < 2; i++)
        if (r->scale_from[i] >= 0 && u->values[r->scale_from[i]].quality == PROFILE_NOT_READ)
            return false;
    if (r->sign_from >= 0 && u->values[r->sign_from].quality == PROFILE_NOT_READ)
        return false;
    profile_finish(recipe->profile, index, u->values);
    return !r->hidden;
}

static size_t text_size(const struct recipe *recipe, const struct plan *plan, const struct unit *u)
{
    size_t size = 1;
    for (int k = 0; k < plan->item_count; k++)
        if (recipe->profile->registers[plan->items[k].index].type == PROFILE_STRING)
            size += strlen(u->values[plan->items[k].index].text) + 1;
    return size;
}

static struct result *collect(const struct worker *w, struct unit *u, const struct job *job)
{
    const struct recipe *recipe = u->recipe;
    const struct plan *plan = &u->plans[job->group];
    struct result *result = result_new(RESULT_PASS, plan->item_count, text_size(recipe, plan, u));
    size_t text = 1;
    int count = 0;
    result->text[0] = 0;
    for (int k = 0; k < plan->item_count; k++) {
        int index = plan->items[k].index;
        if (!finish(recipe, plan, job, k, u))
            continue;
        const struct profile_value *v = &u->values[index];
        struct poll_value *out = &result->values[count++];
        double number = v->number;
        int told = recipe->reversed ? profile_reversed(recipe->profile, index, &number) : index;
        *out = (struct poll_value){.index = (uint16_t)told,
                                   .good = v->quality == PROFILE_GOOD,
                                   .single = v->single,
                                   .number = number,
                                   .raw = v->raw};
        if (recipe->profile->registers[index].type == PROFILE_STRING) {
            size_t len = strlen(v->text) + 1;
            memcpy(result->text + text, v->text, len);
            out->text = (uint16_t)text;
            text += len;
        }
    }
    result->value_count = count;
    result->group = job->group;
    result->up_ms = job->oldest_up_ms;
    result->wall_ms = job->oldest_wall_ms;
    result->bus = w->options.bus;
    return result;
}

// A device is in error when it refuses everything; what it refuses in part stands beside "on". The reason is
// that of its fastest group, so that it does not change from pass to pass. RESULT_UNCHANGED: too early to
// say.
static enum result_state state_of(const struct worker *w, const struct unit *u,
                                  const struct ew_reason **ret_refusal)
{
    bool good = false, unknown = false;
    *ret_refusal = NULL;
    for (int j = u->first_job; j < u->first_job + u->job_count; j++) {
        const struct job *job = &w->jobs[j];
        good |= job->outcome == OUTCOME_READ || job->outcome == OUTCOME_PARTLY;
        unknown |= job->outcome == OUTCOME_NONE;
        if (!*ret_refusal)
            *ret_refusal = job->refusal;
    }
    if (good || !*ret_refusal)
        return RESULT_ON;
    return unknown ? RESULT_UNCHANGED : RESULT_ERROR;
}

static void refuse(struct job *job, const struct ew_reason *reason)
{
    if (job->refused++ > 0)
        return;
    if (!job->refusal)
        job->refusal = malloc(sizeof(*job->refusal));
    if (!job->refusal)
        abort();
    *job->refusal = *reason;
}

static void note_outcome(struct job *job)
{
    bool learning = job->learning != LESSON_NONE; // it is not known yet what it will come to
    if (learning)
        job->outcome = job->read > 0 ? OUTCOME_READ : job->outcome;
    else
        job->outcome = job->refused == 0 ? OUTCOME_READ : job->read == 0 ? OUTCOME_REFUSED : OUTCOME_PARTLY;
    if (learning || job->refused == 0) {
        free(job->refusal);
        job->refusal = NULL;
    }
}

static void end_pass(struct worker *w, int index, int64_t now_ms, bool whole)
{
    struct job *job = &w->jobs[index];
    struct unit *u = &w->units[job->unit];
    job->next_request = 0;
    job->last_pass_us = job->pass_us;
    struct schedule_task *task = &w->tasks[index];
    double late = task->begun && whole ? (double)(job->started_ms - task->due_ms) : 0;
    if (late > w->figures.late_ms)
        w->figures.late_ms = late;
    schedule_done(task, job->started_ms, now_ms);
    if (job->group == PROFILE_INFO && (!whole || job->read == 0))
        schedule_retry(task, now_ms, INFO_RETRY_MS);
    struct result *result = job->read > 0 ? collect(w, u, job) : NULL;
    if (!whole) { // the device fell silent: that is reported by itself
        if (result)
            worker_report(w, u, result, u->reported, u->has_reason ? &u->reason : NULL);
        return;
    }
    note_outcome(job);
    const struct ew_reason *refusal;
    enum result_state state = state_of(w, u, &refusal);
    if (state == RESULT_UNCHANGED)
        worker_report(w, u, result, u->reported, u->has_reason ? &u->reason : NULL);
    else
        worker_report(w, u, result, state, refusal);
}

static void revive(struct worker *w, int unit, int64_t now_ms)
{
    struct unit *u = &w->units[unit];
    for (int j = u->first_job; j < u->first_job + u->job_count; j++)
        schedule_start(&w->tasks[j], now_ms, w->jobs[j].group == PROFILE_INFO);
}

static void fell_silent(struct worker *w, int index, int64_t now_ms, int cost_ms,
                        const struct ew_reason *reason)
{
    struct job *job = &w->jobs[index];
    struct unit *u = &w->units[job->unit];
    struct schedule_health *health = &w->healths[job->unit];
    struct schedule_patience patience = worker_patience(w, u);
    schedule_silent(health, &patience, now_ms, cost_ms, worker_others_alive(w, job->unit));
    end_pass(w, index, now_ms, false);
    // One lost answer of a device that is known to be there is no news.
    bool known = u->answered && !health->dead;
    bool told = u->reported == RESULT_ERROR && u->has_reason && strcmp(u->reason.code, reason->code) == 0;
    if (!known && !told)
        worker_report(w, u, NULL, RESULT_ERROR, reason);
}

// One read of the job's device. False when it gave no answer; what follows from that is done.
static bool ask(struct worker *w, int index, const struct plan_request *request, uint16_t *answer,
                enum ew_err *ret_err, struct ew_reason *reason)
{
    struct job *job = &w->jobs[index];
    const struct unit *u = &w->units[job->unit];
    struct schedule_patience patience = worker_patience(w, u);
    struct mb_request rq = {.unit = u->recipe->unit,
                            .fc = request->fc,
                            .address = request->address,
                            .count = request->count,
                            .timeout_ms = schedule_timeout_ms(&w->healths[job->unit], &patience),
                            .gap_ms = worker_gap_ms(w, u)};
    int64_t before_us = ew_clock_up_us();
    enum ew_err err = *ret_err = mb_line_ask(w->line, &rq, answer, reason);
    int64_t after_us = ew_clock_up_us(), elapsed_us = after_us - before_us;
    w->busy_us += elapsed_us;
    worker_note_asked(w, rq.unit, after_us / 1000);
    job->pass_us += elapsed_us;
    w->figures.polls++;
    w->figures.errors += err != EW_OK;
    if (err == EW_OK || err == EW_E_EXCEPTION) {
        worker_note_latency(w, job->unit, request, elapsed_us);
        w->open_failures = 0;
        return true;
    }
    if (!mb_line_is_down(w->line) && !atomic_load(&w->stopped)) {
        fell_silent(w, index, after_us / 1000, (int)(elapsed_us / 1000), reason);
        return false;
    }
    job->next_request = 0;
    if (!atomic_load(&w->stopped))
        worker_line_down(w, reason);
    return false;
}

// Is a dead device back? One short question; what it reads is read again by the passes that follow.
static void probe(struct worker *w, int index)
{
    struct unit *u = &w->units[w->jobs[index].unit];
    const struct plan *plan = unit_probe_plan(u);
    struct plan_request request = plan->requests[0];
    uint16_t answer[MB_READ_BITS_MAX];
    struct ew_reason reason;
    enum ew_err err;
    begin_pass(plan, &w->jobs[index], ew_clock_up_ms());
    request.count = (uint16_t)worker_probe_count(u, plan);
    if (!ask(w, index, &request, answer, &err, &reason))
        return;
    w->jobs[index].next_request = 0;
    schedule_answered(&w->healths[w->jobs[index].unit]);
    u->answered = true;
    revive(w, w->jobs[index].unit, ew_clock_up_ms());
}

void worker_run(struct worker *w, int index)
{
    struct job *job = &w->jobs[index];
    struct unit *u = &w->units[job->unit];
    const struct recipe *recipe = u->recipe;
    const struct plan *plan = &u->plans[job->group];
    if (plan->request_count == 0) { // the device refused all of it
        w->tasks[index].due_ms = INT64_MAX / 4;
        return;
    }
    const struct plan_request *request = &plan->requests[job->next_request];
    if (w->healths[job->unit].dead) {
        probe(w, index);
        return;
    }
    if (job->next_request == 0)
        begin_pass(plan, job, ew_clock_up_ms());
    uint16_t answer[MB_READ_BITS_MAX];
    struct ew_reason reason;
    enum ew_err err;
    if (!ask(w, index, request, answer, &err, &reason))
        return;
    int64_t now_ms = ew_clock_up_ms();
    schedule_answered(&w->healths[job->unit]);
    u->answered = true;
    if (err == EW_OK) {
        decode(recipe, plan, request, answer, u, job);
        if (job->read++ == 0) {
            job->oldest_up_ms = now_ms;
            job->oldest_wall_ms = ew_clock_wall_ms();
        }
    } else {
        refuse(job, &reason);
        worker_learn(w, index, request, &reason);
    }
    if (++job->next_request < plan->request_count)
        return;
    end_pass(w, index, now_ms, true);
    if (job->learning != LESSON_NONE)
        worker_replan(w, index, now_ms);
    worker_predict(w, job->unit);
}
