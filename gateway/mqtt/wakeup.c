// Paho 1.3.12 loses wake-ups of its sending thread: it looks at the queue, and only then begins to wait on a
// bare condition variable, so a message queued in between lies there for a second (paho.mqtt.c issue 1039,
// mended upstream later). The linker sends its two calls here (-Wl,--wrap=Thread_signal_cond and
// Thread_wait_cond); a flag remembers the signal. Paho has one such condition and one thread that waits.
// Nor does it wake that thread when an acknowledgement makes room below the broker's receive maximum:
// mq_wake_sender does, else a burst leaves at 20 messages a second.
#include "mqtt/mq_priv.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

int __wrap_Thread_signal_cond(void *condition);
int __wrap_Thread_wait_cond(void *condition, int timeout_ms);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t signalled = PTHREAD_COND_INITIALIZER;
static bool pending;

int __wrap_Thread_signal_cond(void *condition)
{
    (void)condition;
    pthread_mutex_lock(&lock);
    pending = true;
    pthread_cond_signal(&signalled);
    pthread_mutex_unlock(&lock);
    return 0;
}

void mq_wake_sender(void)
{
    (void)__wrap_Thread_signal_cond(NULL);
}

// 0 when signalled, ETIMEDOUT otherwise: what Paho's own function returns.
int __wrap_Thread_wait_cond(void *condition, int timeout_ms)
{
    (void)condition;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&lock);
    int rc = 0;
    while (!pending && rc == 0)
        rc = pthread_cond_clockwait(&signalled, &lock, CLOCK_MONOTONIC, &until);
    if (pending)
        rc = 0;
    pending = false;
    pthread_mutex_unlock(&lock);
    return rc;
}
