#include "base/loop.h"

#include "base/clock.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct source {
    int fd; // -1 = free
    ew_fd_fn *fn;
    void *user;
    uint32_t serial; // changes with every add, so that events of a removed descriptor are not given to its
                     // successor
};

struct signal_handler {
    ew_signal_fn *fn;
    void *user;
};

struct ew_loop {
    int epoll_fd, timer_fd, signal_fd;
    int64_t now_ms;
    bool stopped;
    int exit_code;
    struct source *sources;
    int source_count;
    uint32_t serial;
    struct ew_timer **heap; // heap[1] is due first
    int heap_count, heap_cap;
    int64_t armed_ms; // what timer_fd is set to; INT64_MAX = off
    sigset_t signals;
    struct signal_handler handlers[64];
};

// ---- Timers: a binary heap ordered by due_ms, with one timerfd for the first -----------------------------

static void heap_place(struct ew_loop *l, int at, struct ew_timer *t)
{
    l->heap[at] = t;
    t->heap_index = at;
}

static void heap_up(struct ew_loop *l, int at, struct ew_timer *t)
{
    for (; at > 1 && l->heap[at / 2]->due_ms > t->due_ms; at /= 2)
        heap_place(l, at, l->heap[at / 2]);
    heap_place(l, at, t);
}

static void heap_down(struct ew_loop *l, int at, struct ew_timer *t)
{
    for (;;) {
        int child = at * 2;
        if (child > l->heap_count)
            break;
        if (child < l->heap_count && l->heap[child + 1]->due_ms < l->heap[child]->due_ms)
            child++;
        if (l->heap[child]->due_ms >= t->due_ms)
            break;
        heap_place(l, at, l->heap[child]);
        at = child;
    }
    heap_place(l, at, t);
}

static void arm(struct ew_loop *l)
{
    int64_t due_ms = l->heap_count ? l->heap[1]->due_ms : INT64_MAX;
    if (due_ms == l->armed_ms)
        return;
    l->armed_ms = due_ms;
    struct itimerspec spec = {0};
    if (due_ms != INT64_MAX) {
        int64_t at_ms = due_ms > 0 ? due_ms : 1;
        spec.it_value.tv_sec = at_ms / 1000;
        spec.it_value.tv_nsec = (long)(at_ms % 1000) * 1000000 + 1; // never all zero, which would disarm
    }
    if (timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) != 0)
        abort();
}

void ew_loop_timer_clear(struct ew_loop *l, struct ew_timer *t)
{
    if (t->heap_index == 0)
        return;
    int at = t->heap_index;
    t->heap_index = 0;
    struct ew_timer *last = l->heap[l->heap_count--];
    if (last != t) {
        if (at > 1 && l->heap[at / 2]->due_ms > last->due_ms)
            heap_up(l, at, last);
        else
            heap_down(l, at, last);
    }
    arm(l);
}

void ew_loop_timer_set(struct ew_loop *l, struct ew_timer *t, int64_t due_ms)
{
    assert(t->fn);
    ew_loop_timer_clear(l, t);
    if (l->heap_count + 1 >= l->heap_cap) {
        l->heap_cap = l->heap_cap ? l->heap_cap * 2 : 16;
        l->heap = realloc(l->heap, (size_t)l->heap_cap * sizeof(*l->heap));
        if (!l->heap)
            abort();
    }
    t->due_ms = due_ms;
    heap_up(l, ++l->heap_count, t);
    arm(l);
}

static void run_timers(struct ew_loop *l)
{
    uint64_t expirations;
    if (read(l->timer_fd, &expirations, sizeof(expirations)) == (ssize_t)sizeof(expirations))
        l->armed_ms = INT64_MAX; // it fired, so it is off now
    while (l->heap_count && l->heap[1]->due_ms <= l->now_ms && !l->stopped) {
        struct ew_timer *t = l->heap[1];
        ew_loop_timer_clear(l, t);
        t->fn(t, l->now_ms);
    }
    arm(l);
}

// ---- Descriptors -----------------------------------------------------------------------------------------

static int find(const struct ew_loop *l, int fd)
{
    for (int i = 0; i < l->source_count; i++)
        if (l->sources[i].fd == fd)
            return i;
    return -1;
}

static void control(struct ew_loop *l, int op, int at, uint32_t events)
{
    struct epoll_event event = {.events = events,
                                .data.u64 = (uint64_t)l->sources[at].serial << 32 | (uint32_t)at};
    if (epoll_ctl(l->epoll_fd, op, l->sources[at].fd, &event) != 0)
        abort(); // a bad descriptor here is a bug of the caller
}

void ew_loop_add_fd(struct ew_loop *l, int fd, uint32_t events, ew_fd_fn *fn, void *user)
{
    assert(fd >= 0 && find(l, fd) < 0);
    int at = find(l, -1);
    if (at < 0) {
        at = l->source_count++;
        l->sources = realloc(l->sources, (size_t)l->source_count * sizeof(*l->sources));
        if (!l->sources)
            abort();
    }
    l->sources[at] = (struct source){.fd = fd, .fn = fn, .user = user, .serial = ++l->serial};
    control(l, EPOLL_CTL_ADD, at, events);
}

void ew_loop_change_fd(struct ew_loop *l, int fd, uint32_t events)
{
    int at = find(l, fd);
    assert(at >= 0);
    control(l, EPOLL_CTL_MOD, at, events);
}

void ew_loop_remove_fd(struct ew_loop *l, int fd)
{
    int at = find(l, fd);
    if (at < 0)
        return;
    epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, NULL); // fails only when the kernel dropped it already (closed)
    l->sources[at].fd = -1;
}

// ---- Signals ---------------------------------------------------------------------------------------------

static void on_signal_fd(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)events;
    struct ew_loop *l = user;
    struct signalfd_siginfo info;
    while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        struct signal_handler *h = &l->handlers[info.ssi_signo];
        if (h->fn)
            h->fn(h->user, (int)info.ssi_signo, now_ms);
    }
}

void ew_loop_add_signal(struct ew_loop *l, int number, ew_signal_fn *fn, void *user)
{
    assert(number > 0 && number < 64);
    l->handlers[number] = (struct signal_handler){fn, user};
    sigaddset(&l->signals, number);
    if (pthread_sigmask(SIG_BLOCK, &l->signals, NULL) != 0)
        abort();
    int fd = signalfd(l->signal_fd, &l->signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        abort();
    if (l->signal_fd < 0) {
        l->signal_fd = fd;
        ew_loop_add_fd(l, fd, EPOLLIN, on_signal_fd, l);
    }
}

// ---- The loop --------------------------------------------------------------------------------------------

static void on_timer_fd(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)fd;
    (void)events;
    (void)now_ms;
    run_timers(user);
}

struct ew_loop *ew_loop_new(void)
{
    struct ew_loop *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    l->signal_fd = -1;
    l->armed_ms = INT64_MAX;
    sigemptyset(&l->signals);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (l->epoll_fd < 0 || l->timer_fd < 0)
        abort();
    ew_loop_add_fd(l, l->timer_fd, EPOLLIN, on_timer_fd, l);
    l->now_ms = ew_clock_up_ms();
    return l;
}

void ew_loop_free(struct ew_loop *l)
{
    if (!l)
        return;
    for (int i = 1; i <= l->heap_count; i++)
        l->heap[i]->heap_index = 0;
    if (l->signal_fd >= 0)
        close(l->signal_fd);
    close(l->timer_fd);
    close(l->epoll_fd);
    free(l->sources);
    free(l->heap);
    free(l);
}

void ew_loop_turn(struct ew_loop *l, int timeout_ms)
{
    struct epoll_event events[32];
    int n = epoll_wait(l->epoll_fd, events, 32, timeout_ms);
    if (n < 0 && errno != EINTR)
        abort();
    l->now_ms = ew_clock_up_ms();
    for (int i = 0; i < n && !l->stopped; i++) {
        uint32_t at = (uint32_t)events[i].data.u64;
        const struct source *s = &l->sources[at];
        if (s->fd >= 0 && s->serial == (uint32_t)(events[i].data.u64 >> 32))
            s->fn(s->user, s->fd, events[i].events, l->now_ms);
    }
}

int ew_loop_run(struct ew_loop *l)
{
    while (!l->stopped)
        ew_loop_turn(l, -1);
    return l->exit_code;
}

void ew_loop_stop(struct ew_loop *l, int exit_code)
{
    if (!l->stopped)
        l->exit_code = exit_code;
    l->stopped = true;
}

bool ew_loop_stopped(const struct ew_loop *l, int *ret_exit_code)
{
    if (l->stopped && ret_exit_code)
        *ret_exit_code = l->exit_code;
    return l->stopped;
}

int ew_loop_fd(const struct ew_loop *l)
{
    return l->epoll_fd;
}

int64_t ew_loop_now_ms(const struct ew_loop *l)
{
    return l->now_ms;
}
