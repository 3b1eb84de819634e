// A bounded queue of fixed-size items between threads, with a descriptor that is readable while items wait.
#ifndef EDGEWATT_BASE_QUEUE_H
#define EDGEWATT_BASE_QUEUE_H

#include "base/err.h"

struct ew_queue;

struct ew_queue *ew_queue_new(size_t item_size, size_t capacity); // aborts without memory
void ew_queue_free(struct ew_queue *queue); // items left are dropped: pop them first if they own memory

// Copies the item in. EW_E_FULL when `capacity` items wait; nothing is dropped silently.
enum ew_err ew_queue_push(struct ew_queue *queue, const void *item) EW_MUST_CHECK;
// Like push, but waits up to timeout_ms for room.
enum ew_err ew_queue_push_wait(struct ew_queue *queue, const void *item, int timeout_ms) EW_MUST_CHECK;
// Copies the oldest item out; false when empty.
bool ew_queue_pop(struct ew_queue *queue, void *ret_item);
// Like pop, but waits up to timeout_ms (-1 = for ever).
bool ew_queue_pop_wait(struct ew_queue *queue, void *ret_item, int timeout_ms);
size_t ew_queue_count(struct ew_queue *queue);
// An eventfd for epoll; readable while the queue is not empty (ew_queue_pop clears it with the last item).
int ew_queue_fd(const struct ew_queue *queue);

#endif
