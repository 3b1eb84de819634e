// What devices teach by refusing: plans of a unit are its own from then on.
#include "poller/worker_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    DOUBT_MS = 10000,         // a register that was refused by itself is asked for again so soon
    REFUSALS_PER_REGISTER = 4 // a device that refuses so much and gave nothing is not learnt from
};

static void *take(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        abort();
    return memory;
}

static void replan(struct unit *u)
{
    const struct profile *profile = u->recipe->profile;
    size_t size = plan_memory(profile) * PROFILE_GROUP_COUNT;
    void *memory = take(size);
    struct ew_arena arena;
    ew_arena_init(&arena, memory, size);
    for (int g = 0; g < PROFILE_GROUP_COUNT; g++) {
        enum ew_err err = plan_build(profile, u->recipe->bound, u->learnt, (enum profile_group)g,
                                     &u->recipe->cost, &arena, &u->plans[g], NULL);
        assert(err == EW_OK); // the recipe's were, and these have less in them
        (void)err;
    }
    free(u->plan_memory);
    u->plan_memory = memory;
}

void unit_begin_learning(struct unit *u)
{
    size_t count = (size_t)u->recipe->profile->register_count;
    u->learnt = take(count + 1);
    memcpy(u->learnt, u->recipe->learnt, count);
    memcpy(u->plans, u->recipe->plans, sizeof(u->plans));
    for (size_t i = 0; i < count; i++)
        if (u->learnt[i] != 0) {
            replan(u);
            break;
        }
    for (int g = 0; g < PROFILE_GROUP_COUNT; g++)
        if (u->plans[g].request_count > 0)
            return;
    memset(u->learnt, 0, count); // it can't have refused all: the file was not ours
    replan(u);
}

void unit_end_learning(struct unit *u)
{
    free(u->plan_memory);
    free(u->learnt);
}

const struct plan *unit_probe_plan(const struct unit *u)
{
    static const enum profile_group by_speed[] = {PROFILE_CHARGE, PROFILE_STATE, PROFILE_INSTANT,
                                                  PROFILE_ENERGY};
    for (size_t i = 0; i < sizeof(by_speed) / sizeof(by_speed[0]); i++)
        if (u->plans[by_speed[i]].request_count > 0)
            return &u->plans[by_speed[i]];
    const struct plan *plan = u->plans;
    while (plan->request_count == 0) // something is always left: what was read once is never given up
        plan++;
    return plan;
}

static bool is_illegal_address(const struct ew_reason *reason)
{
    for (int i = 0; i < EW_PARAM_MAX; i++)
        if (strcmp(reason->params[i].name, "exception") == 0)
            return strcmp(reason->params[i].value, "2") == 0;
    return false;
}

static bool find_known(const struct unit *u, bool known[PROFILE_REGISTERS_MAX])
{
    bool any = false;
    for (int i = 0; i < u->recipe->profile->register_count; i++)
        any |= known[i] = u->values[i].quality != PROFILE_NOT_READ;
    return any;
}

void worker_learn(struct worker *w, int index, const struct plan_request *request,
                  const struct ew_reason *reason)
{
    struct job *job = &w->jobs[index];
    struct unit *u = &w->units[job->unit];
    int count = u->recipe->profile->register_count;
    bool known[PROFILE_REGISTERS_MAX];
    if (!is_illegal_address(reason))
        return;
    bool proven = find_known(u, known);
    if (!proven && u->refusals > REFUSALS_PER_REGISTER * count)
        return;
    u->refusals++;
    if (!proven && u->refusals > REFUSALS_PER_REGISTER * count) { // the whole device refuses: as it was
        memset(u->learnt, 0, (size_t)count);
        job->learning = LESSON_DOUBT;
        return;
    }
    switch (plan_learn(&u->plans[job->group], request, known, count, u->learnt)) {
    case PLAN_LEARNT_NOTHING:
        break;
    case PLAN_LEARNT_SPLIT:
        job->learning = LESSON_SPLIT;
        break;
    case PLAN_LEARNT_DOUBT:
    case PLAN_LEARNT_REFUSED:
        if (job->learning == LESSON_NONE)
            job->learning = LESSON_DOUBT;
        break;
    }
}

static void tell(struct worker *w, const struct unit *u)
{
    size_t count = (size_t)u->recipe->profile->register_count;
    struct result *result = result_new(RESULT_LEARNT, 0, count);
    result->recipe = recipe_hold(u->recipe);
    result->learnt = (uint8_t *)result->text;
    memcpy(result->learnt, u->learnt, count);
    (void)worker_emit(w, result); // one that is lost is learnt again after the next start
}

void worker_replan(struct worker *w, int index, int64_t now_ms)
{
    const struct job *job = &w->jobs[index];
    struct unit *u = &w->units[job->unit];
    replan(u);
    for (int j = u->first_job; j < u->first_job + u->job_count;
         j++) // plans under way are not the same any more
        w->jobs[j].next_request = 0;
    schedule_retry(&w->tasks[index], now_ms, job->learning == LESSON_SPLIT ? 0 : DOUBT_MS);
    w->tasks[index].first |= job->group == PROFILE_INFO; // others need it
    tell(w, u);
}
