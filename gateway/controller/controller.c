#include "controller/controller.h"

#include "base/clock.h"
#include "base/log.h"
#include "controller/controller_priv.h"
#include <stdlib.h>
#include <sys/random.h>

enum { SAVE_MS = 300000 };

// Reserved for the core's next decision; a fresh sample may bring it forward.
static void set_timer(struct controller *c, int64_t now_ms)
{
    ew_loop_timer_set(c->service->loop, &c->due, greenup_next_due_ms(&c->core, now_ms + 1));
}

static void note_red(struct controller *c, int64_t now_ms)
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
        struct greenup_phase_view phase;
        greenup_look_phase(&c->core, p, &phase);
        const bool above = phase.known && phase.band == GREENUP_RED && phase.current_ma > phase.max_ma;
        if (!above)
            c->red_since_ms[p] = 0;
        else if (!c->red_since_ms[p])
            c->red_since_ms[p] = now_ms;
    }
}

static void judge_meter(struct controller *c, int64_t now_ms)
{
    int32_t draw_ma[GREENUP_STATIONS_MAX];
    for (int i = 0; i < c->count; i++) {
        draw_ma[i] = 0;
        for (int p = 0; p < GREENUP_PHASES && c->stations[i].reading.current_known; p++)
            draw_ma[i] += c->stations[i].reading.i_ma[p];
    }
    const bool frozen = greenup_frozen_judge(&c->meter.watch, draw_ma, c->count, now_ms);
    if (frozen && !c->meter.frozen)
        ew_warning("meter", "device=%lld answers, but what it says has not changed, ignoring it",
                   (long long)c->meter.device);
    c->meter.frozen = frozen;
    if (frozen)
        c->meter.sample.phases = 0;
}

void controller_step(struct controller *c, int64_t now_ms)
{
    struct greenup_reading readings[GREENUP_STATIONS_MAX];
    if (!c->running)
        return;
    for (int i = 0; i < c->count; i++) {
        readings[i] = c->stations[i].reading;
        if (readings[i].link == GREENUP_ONLINE && (c->stations[i].in_error || c->poller_offline))
            readings[i].link = GREENUP_LOST;
    }
    judge_meter(c, now_ms);
    const struct greenup_in in = {.meter = c->meter.sample, .stations = readings};
    const int64_t begun_us = ew_clock_up_us();
    greenup_step(&c->core, &in, now_ms, &c->out);
    c->step_us = ew_clock_up_us() - begun_us;
    for (int i = 0; i < c->out.command_count; i++) {
        const struct greenup_command *command = &c->out.commands[i];
        ew_info("station", "device=%lld %s limit_ma=%d why=%s", (long long)c->stations[command->station].id,
                greenup_do_name(command->what), command->limit_ma, greenup_why_name(command->why));
        c->dirty = true;
    }
    note_red(c, now_ms);
    lease_send(c, c->out.grid);
    for (int i = 0; i < c->count; i++)
        charge_follow(c, i, now_ms);
    if (c->out.grid || c->out.command_count) {
        alarm_review(c, now_ms);
        status_publish(c, now_ms);
        charge_publish(c, false);
    }
    if (c->dirty || now_ms - c->saved_ms >= SAVE_MS)
        memory_save(c, now_ms);
    set_timer(c, now_ms);
}

static void on_due(struct ew_timer *timer, int64_t now_ms)
{
    controller_step(timer->user, now_ms);
}

static void on_apply(struct ew_timer *timer, int64_t now_ms)
{
    controller_apply(timer->user, now_ms);
}

static enum ew_err start(struct ew_service *service, struct ew_reason *reason)
{
    struct controller *c = service->state;
    uint64_t run;
    (void)reason;
    c->service = service;
    if (getrandom(&run, sizeof(run), 0) != sizeof(run))
        abort();
    (void)ew_format(c->run, sizeof(c->run), "%016llx", (unsigned long long)run);
    c->due = (struct ew_timer){.fn = on_due, .user = c};
    c->apply = (struct ew_timer){.fn = on_apply, .user = c};
    memory_load(c, ew_loop_now_ms(service->loop));
    intake_start(c);
    sample_start(c);
    calls_start(c);
    return EW_OK;
}

static void connected(struct ew_service *service)
{
    struct controller *c = service->state;
    if (!c->running)
        return;
    lease_send(c, true);
    status_publish(c, ew_loop_now_ms(service->loop));
    charge_publish(c, true);
}

static void health(struct ew_service *service, struct ew_jw *w)
{
    const struct controller *c = service->state;
    ew_jw_text(w, "mode", c->running ? greenup_mode_name(greenup_mode_now(&c->core)) : "init");
    ew_jw_int(w, "stations", c->count);
    ew_jw_int(w, "step_us", c->step_us);
}

static void stop(struct ew_service *service)
{
    struct controller *c = service->state;
    if (c->running)
        memory_save(c, ew_clock_up_ms());
    for (int i = 0; i < c->count; i++)
        charge_done(&c->stations[i].charge);
    cJSON_Delete(c->memory_more);
    cJSON_Delete(c->settings);
    free(c->devices);
    free(c->profiles);
}

int controller_main(int argc, char **argv)
{
    static const struct ew_service_definition definition = {
        .name = "controller",
        .summary = "keeps charging under the current limit of the site (Green'Up)",
        .state_size = sizeof(struct controller),
        .start = start,
        .connected = connected,
        .health = health,
        .stop = stop,
    };
    return ew_service_main(argc, argv, &definition);
}
