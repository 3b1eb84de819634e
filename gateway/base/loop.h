// The event loop of a process: epoll, timers, signals. One thread. `now` is read once a turn and handed to
// callbacks. The loop's own descriptor can be polled by another loop (the web service lives in libwebsockets'
// loop): when it is readable, call ew_loop_turn(loop, 0).
#ifndef EDGEWATT_BASE_LOOP_H
#define EDGEWATT_BASE_LOOP_H

#include "base/err.h"
#include <signal.h>
#include <stdint.h>

struct ew_loop;

struct ew_loop *ew_loop_new(void); // aborts without memory or descriptors: the supervisor restarts us
void ew_loop_free(struct ew_loop *loop);

// events: EPOLLIN, EPOLLOUT. The callback may add and remove anything, itself included. fd stays the
// caller's.
typedef void ew_fd_fn(void *user, int fd, uint32_t events, int64_t now_ms);
void ew_loop_add_fd(struct ew_loop *loop, int fd, uint32_t events, ew_fd_fn *fn, void *user);
void ew_loop_change_fd(struct ew_loop *loop, int fd, uint32_t events);
void ew_loop_remove_fd(struct ew_loop *loop, int fd);

// Timers are the caller's storage, zeroed before first use; due_ms is on the ew_clock_up_ms() scale. One
// shot: set it again from the callback. Setting a set timer moves it.
struct ew_timer;
typedef void ew_timer_fn(struct ew_timer *timer, int64_t now_ms);
struct ew_timer {
    ew_timer_fn *fn;
    void *user;
    int64_t due_ms;
    int heap_index; // 0 = not set; else place in the heap, from 1
};
void ew_loop_timer_set(struct ew_loop *loop, struct ew_timer *timer, int64_t due_ms);
void ew_loop_timer_clear(struct ew_loop *loop, struct ew_timer *timer); // fine when not set

// Blocks the signal for the process and delivers it as a callback (signalfd). Call before threads start.
typedef void ew_signal_fn(void *user, int signal_number, int64_t now_ms);
void ew_loop_add_signal(struct ew_loop *loop, int signal_number, ew_signal_fn *fn, void *user);

// Runs until ew_loop_stop(); returns the code given to it.
int ew_loop_run(struct ew_loop *loop);
void ew_loop_stop(struct ew_loop *loop, int exit_code);
bool ew_loop_stopped(const struct ew_loop *loop, int *ret_exit_code);

// One turn: waits at most timeout_ms (-1 = until something happens), runs what is due.
void ew_loop_turn(struct ew_loop *loop, int timeout_ms);
int ew_loop_fd(const struct ew_loop *loop);
int64_t ew_loop_now_ms(const struct ew_loop *loop); // of this turn

#endif
