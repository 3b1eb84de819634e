#include "base/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct ew_queue {
    pthread_mutex_t lock;
    pthread_cond_t room, items;
    size_t item_size, capacity, head, count;
    int fd;
    unsigned char data[];
};

struct ew_queue *ew_queue_new(size_t item_size, size_t capacity)
{
    struct ew_queue *q = calloc(1, sizeof(*q) + item_size * capacity);
    if (!q)
        abort();
    q->item_size = item_size;
    q->capacity = capacity;
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->room, &attr);
    pthread_cond_init(&q->items, &attr);
    pthread_condattr_destroy(&attr);
    q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (q->fd < 0)
        abort();
    return q;
}

void ew_queue_free(struct ew_queue *q)
{
    if (!q)
        return;
    close(q->fd);
    pthread_cond_destroy(&q->room);
    pthread_cond_destroy(&q->items);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

static struct timespec deadline_after(int timeout_ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += timeout_ms / 1000;
    t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static void put(struct ew_queue *q, const void *item)
{
    size_t tail = (q->head + q->count) % q->capacity;
    memcpy(q->data + tail * q->item_size, item, q->item_size);
    if (q->count++ == 0 && eventfd_write(q->fd, 1) != 0)
        abort(); // can only fail by overflow, which the count excludes
    pthread_cond_signal(&q->items);
}

enum ew_err ew_queue_push_wait(struct ew_queue *q, const void *item, int timeout_ms)
{
    struct timespec deadline = deadline_after(timeout_ms);
    pthread_mutex_lock(&q->lock);
    int r = 0;
    while (q->count == q->capacity && r != ETIMEDOUT && timeout_ms > 0)
        r = pthread_cond_timedwait(&q->room, &q->lock, &deadline);
    enum ew_err err = q->count == q->capacity ? EW_E_FULL : EW_OK;
    if (err == EW_OK)
        put(q, item);
    pthread_mutex_unlock(&q->lock);
    return err;
}

enum ew_err ew_queue_push(struct ew_queue *q, const void *item)
{
    return ew_queue_push_wait(q, item, 0);
}

static bool take(struct ew_queue *q, void *ret_item)
{
    if (q->count == 0)
        return false;
    memcpy(ret_item, q->data + q->head * q->item_size, q->item_size);
    q->head = (q->head + 1) % q->capacity;
    eventfd_t ignored;
    if (--q->count == 0 && eventfd_read(q->fd, &ignored) != 0)
        abort();
    pthread_cond_signal(&q->room);
    return true;
}

bool ew_queue_pop(struct ew_queue *q, void *ret_item)
{
    pthread_mutex_lock(&q->lock);
    bool got = take(q, ret_item);
    pthread_mutex_unlock(&q->lock);
    return got;
}

bool ew_queue_pop_wait(struct ew_queue *q, void *ret_item, int timeout_ms)
{
    struct timespec deadline = deadline_after(timeout_ms < 0 ? 0 : timeout_ms);
    pthread_mutex_lock(&q->lock);
    int r = 0;
    while (q->count == 0 && r != ETIMEDOUT && timeout_ms != 0)
        r = timeout_ms < 0 ? pthread_cond_wait(&q->items, &q->lock)
                           : pthread_cond_timedwait(&q->items, &q->lock, &deadline);
    bool got = take(q, ret_item);
    pthread_mutex_unlock(&q->lock);
    return got;
}

size_t ew_queue_count(struct ew_queue *q)
{
    pthread_mutex_lock(&q->lock);
    size_t count = q->count;
    pthread_mutex_unlock(&q->lock);
    return count;
}

int ew_queue_fd(const struct ew_queue *q)
{
    return q->fd;
}
