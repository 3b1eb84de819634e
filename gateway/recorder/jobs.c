#include "recorder/jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct jobs {
    struct ew_loop *loop;
    int wake_fd;
    bool running;
    pthread_t thread;
    struct job job;
    struct job_watch watch;
    enum ew_err err;
    struct ew_reason reason;
};

static void *work(void *user)
{
    struct jobs *jobs = user;
    uint64_t one = 1;
    jobs->err = jobs->job.run(jobs->job.user, &jobs->watch, &jobs->reason);
    if (write(jobs->wake_fd, &one, sizeof(one)) != sizeof(one))
        abort();
    return NULL;
}

static void finish(struct jobs *jobs)
{
    pthread_join(jobs->thread, NULL);
    jobs->running = false;
    jobs->job.ended(jobs->job.user, jobs->err, &jobs->reason);
}

static void on_wake(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    (void)now_ms;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) == sizeof(count))
        finish(user);
}

struct jobs *jobs_new(struct ew_loop *loop)
{
    struct jobs *jobs = calloc(1, sizeof(*jobs));
    if (!jobs || (jobs->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
        abort();
    jobs->loop = loop;
    ew_loop_add_fd(loop, jobs->wake_fd, EPOLLIN, on_wake, jobs);
    return jobs;
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    if (jobs->running) {
        jobs_cancel(jobs);
        finish(jobs);
    }
    ew_loop_remove_fd(jobs->loop, jobs->wake_fd);
    close(jobs->wake_fd);
    free(jobs);
}

enum ew_err jobs_start(struct jobs *jobs, const struct job *job, struct ew_reason *reason)
{
    if (jobs->running) {
        enum ew_err err = ew_fail(reason, EW_E_BUSY, "export.busy", NULL,
                                  "the gateway is already making files; try again when it has finished");
        ew_reason_param(reason, "job", "%s", jobs->job.name);
        return err;
    }
    jobs->job = *job;
    jobs->err = EW_OK;
    ew_reason_clear(&jobs->reason);
    atomic_store(&jobs->watch.cancel, false);
    atomic_store(&jobs->watch.per_mille, 0);
    if (pthread_create(&jobs->thread, NULL, work, jobs) != 0)
        return ew_fail(reason, EW_E_IO, "export.busy", NULL, "no thread can be started");
    jobs->running = true;
    return EW_OK;
}

void jobs_cancel(struct jobs *jobs)
{
    atomic_store(&jobs->watch.cancel, true);
}

const char *jobs_running(const struct jobs *jobs, int *ret_percent)
{
    int percent = atomic_load(&jobs->watch.per_mille) / 10;
    *ret_percent = percent > 99 ? 99 : percent;
    return jobs->running ? jobs->job.name : NULL;
}
