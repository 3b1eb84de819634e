#include "config/hasher.h"

#include "base/queue.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

struct job {
    bool last; // the thread ends
    bool good;
    char puk[16];
    unsigned char salt[16];
    unsigned char hash[ACCOUNTS_HASH_BYTES];
    hasher_done_fn *done;
    void *user;
};

struct hasher {
    struct ew_loop *loop;
    struct ew_queue *jobs, *results;
    int open; // jobs given and not answered
    pthread_t thread;
};

static void *work(void *user)
{
    struct hasher *hasher = user;
    struct job job = {.last = false};
    while (ew_queue_pop_wait(hasher->jobs, &job, -1) && !job.last) {
        job.good = accounts_hash_puk(job.puk, job.salt, job.hash);
        secret_wipe(job.puk, sizeof(job.puk));
        // There is room: no more jobs are let in than results fit.
        if (ew_queue_push(hasher->results, &job) != EW_OK)
            abort();
    }
    secret_wipe(&job, sizeof(job));
    return NULL;
}

static void on_results(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)fd;
    (void)events;
    struct hasher *hasher = user;
    struct job job;
    while (ew_queue_pop(hasher->results, &job)) {
        hasher->open--;
        job.done(job.user, job.good ? job.hash : NULL, now_ms);
    }
    secret_wipe(&job, sizeof(job));
}

struct hasher *hasher_new(struct ew_loop *loop)
{
    struct hasher *hasher = calloc(1, sizeof(*hasher));
    if (!hasher)
        abort();
    hasher->loop = loop;
    hasher->jobs = ew_queue_new(sizeof(struct job), HASHER_JOBS_MAX + 1);
    hasher->results = ew_queue_new(sizeof(struct job), HASHER_JOBS_MAX + 1);
    ew_loop_add_fd(loop, ew_queue_fd(hasher->results), EPOLLIN, on_results, hasher);
    // Signals are the loop's.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&hasher->thread, NULL, work, hasher);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        abort();
    return hasher;
}

void hasher_free(struct hasher *hasher)
{
    if (!hasher)
        return;
    struct job job = {.last = true};
    if (ew_queue_push_wait(hasher->jobs, &job, 10000) != EW_OK)
        abort();
    pthread_join(hasher->thread, NULL);
    ew_loop_remove_fd(hasher->loop, ew_queue_fd(hasher->results));
    ew_queue_free(hasher->jobs);
    ew_queue_free(hasher->results);
    free(hasher);
}

enum ew_err hasher_hash(struct hasher *hasher, const char *puk, const unsigned char salt[16],
                        hasher_done_fn *done, void *user)
{
    struct job job = {.done = done, .user = user};
    if (hasher->open >= HASHER_JOBS_MAX)
        return EW_E_BUSY;
    ew_copy(job.puk, sizeof(job.puk), puk);
    memcpy(job.salt, salt, sizeof(job.salt));
    enum ew_err err = ew_queue_push(hasher->jobs, &job);
    secret_wipe(&job, sizeof(job));
    if (err == EW_OK)
        hasher->open++;
    return err;
}
