#include "poller/intake.h"

#include <sys/epoll.h>

enum {
    BATCH_MS = 2,
    PER_TURN = 512 // the loop's other business gets its turn in between
};

static void take(struct intake *in, int64_t now_ms)
{
    struct result *result;
    int count = 0;
    for (; count < PER_TURN && ew_queue_pop(in->queue, &result); count++)
        in->fn(in->user, result);
    bool busy = count == PER_TURN || now_ms - in->last_ms <= BATCH_MS;
    in->last_ms = count > 0 ? now_ms : in->last_ms;
    if (count > 0 && busy) {
        ew_loop_change_fd(in->loop, ew_queue_fd(in->queue), 0);
        // A timer that is due at once would run again within this turn.
        ew_loop_timer_set(in->loop, &in->timer, now_ms + (count == PER_TURN ? 1 : BATCH_MS));
    } else {
        ew_loop_change_fd(in->loop, ew_queue_fd(in->queue), EPOLLIN);
    }
}

static void on_queue(void *user, int fd, uint32_t events, int64_t now_ms)
{
    (void)fd;
    (void)events;
    take(user, now_ms);
}

static void on_timer(struct ew_timer *timer, int64_t now_ms)
{
    take(timer->user, now_ms);
}

void intake_init(struct intake *in, struct ew_loop *loop, size_t capacity, intake_fn *fn, void *user)
{
    *in = (struct intake){.loop = loop, .fn = fn, .user = user};
    in->queue = ew_queue_new(sizeof(struct result *), capacity);
    in->timer = (struct ew_timer){.fn = on_timer, .user = in};
    ew_loop_add_fd(loop, ew_queue_fd(in->queue), EPOLLIN, on_queue, in);
}

void intake_done(struct intake *in)
{
    struct result *result;
    ew_loop_timer_clear(in->loop, &in->timer);
    ew_loop_remove_fd(in->loop, ew_queue_fd(in->queue));
    while (ew_queue_pop(in->queue, &result))
        result_free(result);
    ew_queue_free(in->queue);
}
