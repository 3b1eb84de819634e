// A scan of a bus beside its polling: one question at a time through the inlet.
#include "poller/tools_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>

enum { PROGRESS_MS = 1000, AGAIN_MAX = 3, AGAIN_MS = 1000, PAYLOAD_MAX = 256 << 10 };

static void ask_next(struct scan_run *run);

static int64_t device_at(const void *user, int unit)
{
    const struct scan_run *run = user;
    const struct fleet *fleet = run->tools->fleet;
    for (int i = 0; i < fleet->device_count; i++) {
        const struct device *device = fleet->devices[i];
        if (device->configured && !device->bad && device->config.bus == run->bus &&
            device->config.unit == unit)
            return device->id;
    }
    return 0;
}

static void write_payload(const struct scan_run *run, struct ew_buf *text)
{
    struct ew_jw w;
    ew_jw_init(&w, text);
    survey_write(run->survey, run->bus, device_at, run, &w);
}

static void publish(struct scan_run *run)
{
    struct ew_buf text;
    topic_text topic;
    ew_buf_init(&text, PAYLOAD_MAX);
    write_payload(run, &text);
    topic_bus_scan(topic, run->bus);
    (void)mq_retain(run->tools->service->mq, topic, &text); // without a connection: tools_publish_all
    run->published_ms = ew_clock_up_ms();
    ew_buf_done(&text);
}

void tools_publish_all(struct tools *tools)
{
    for (int i = 0; i < tools->scan_count; i++)
        publish(tools->scans[i]);
}

// ---- The end ---------------------------------------------------------------------------------------------

static void forget(struct scan_run *run)
{
    struct tools *tools = run->tools;
    for (int i = 0; i < tools->scan_count; i++)
        if (tools->scans[i] == run)
            tools->scans[i] = tools->scans[--tools->scan_count];
    ew_loop_timer_clear(tools->service->loop, &run->timer);
    survey_free(run->survey);
    shelf_release(run->shelf);
    free(run);
}

static void on_old(struct ew_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct scan_run *run = timer->user;
    topic_text topic;
    topic_bus_scan(topic, run->bus);
    (void)mq_clear(run->tools->service->mq, topic);
    forget(run);
}

static void end(struct scan_run *run)
{
    publish(run);
    ew_info("poller", "scan of a bus has ended bus=%lld found=%d", (long long)run->bus,
            survey_count(run->survey));
    run->timer.fn = on_old;
    ew_loop_timer_set(run->tools->service->loop, &run->timer, ew_clock_up_ms() + SCAN_KEPT_MS);
}

// ---- One question ----------------------------------------------------------------------------------------

static void on_again(struct ew_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    ask_next(timer->user);
}

static void on_answer(void *user, const struct inlet_job *job)
{
    struct scan_run *run = user;
    run->asking = false;
    if (survey_state(run->survey) != SURVEY_RUNNING) { // stopped meanwhile
        end(run);
        return;
    }
    const struct inlet_step *step = &job->steps[0];
    if (survey_way_closed(job->err, &job->reason)) {
        bool bus_gone = strcmp(job->reason.code, "inlet.closed") == 0 || run->tools->fleet->stopping;
        if (!bus_gone && ++run->again <= AGAIN_MAX) {
            run->timer.fn = on_again;
            ew_loop_timer_set(run->tools->service->loop, &run->timer, ew_clock_up_ms() + AGAIN_MS);
            return;
        }
        survey_fail(run->survey, &job->reason);
    } else {
        run->again = 0;
        enum survey_event event =
            survey_answered(run->survey, job->err, &job->reason, step->words, (double)step->took_us / 1000);
        if (event != SURVEY_NOTHING || ew_clock_up_ms() - run->published_ms >= PROGRESS_MS)
            publish(run);
    }
    ask_next(run);
}

static void ask_next(struct scan_run *run)
{
    struct mb_request rq;
    struct ew_reason reason;
    if (!survey_next(run->survey, &rq)) {
        end(run);
        return;
    }
    struct inlet_job *job = inlet_job_new(INLET_SCAN, rq.unit, rq.timeout_ms, 0, on_answer, run);
    inlet_add_read(job, rq.fc, rq.address, rq.count);
    run->asking = true;
    if (fleet_ask(run->tools->fleet, run->bus, job, &reason) == EW_OK)
        return;
    run->asking = false;
    survey_fail(run->survey, &reason);
    end(run);
}

// ---- The call --------------------------------------------------------------------------------------------

static struct scan_run *find(const struct tools *tools, int64_t bus)
{
    for (int i = 0; i < tools->scan_count; i++)
        if (tools->scans[i]->bus == bus)
            return tools->scans[i];
    return NULL;
}

static bool runs(const struct scan_run *run)
{
    return run->asking || survey_state(run->survey) == SURVEY_RUNNING;
}

// Room for one more: those of buses that are gone are kept for a while too, the one that ended first goes.
static bool make_room(struct tools *tools)
{
    struct scan_run *oldest = NULL;
    if (tools->scan_count < SCANS_MAX)
        return true;
    for (int i = 0; i < tools->scan_count; i++)
        if (!runs(tools->scans[i]) && (!oldest || tools->scans[i]->published_ms < oldest->published_ms))
            oldest = tools->scans[i];
    if (oldest)
        on_old(&oldest->timer, 0);
    return oldest != NULL;
}

struct wish {
    int64_t bus, from, to;
    bool quick;
};

static enum ew_err start(struct tools *tools, const struct wish *wish, struct ew_reason *reason)
{
    struct scan_run *run = find(tools, wish->bus);
    const struct bus *bus = tools_bus(tools, wish->bus, reason);
    if (!bus)
        return EW_E_UNKNOWN;
    if (run && runs(run))
        return ew_fail(reason, EW_E_BUSY, "tool.scan_runs", "", "This bus is being scanned already.");
    if (run)
        forget(run);
    if (!make_room(tools))
        return ew_fail(reason, EW_E_BUSY, "tool.busy", "", "Other tools are at work on this bus: try again.");
    run = calloc(1, sizeof(*run));
    if (!run)
        abort();
    run->tools = tools;
    run->bus = wish->bus;
    run->timer.user = run;
    run->shelf = shelf_hold(tools->fleet->shelf);
    run->survey = survey_new(run->shelf->library, (int)wish->from, (int)wish->to,
                             bus->config.serial.timeout_ms, !wish->quick);
    tools->scans[tools->scan_count++] = run;
    ew_info("poller", "scan of a bus begins bus=%lld", (long long)wish->bus);
    publish(run); // whoever subscribes after the answer sees this scan and not the last
    ask_next(run);
    return EW_OK;
}

static enum ew_err stop(const struct tools *tools, int64_t bus, struct ew_reason *reason)
{
    struct scan_run *run = find(tools, bus);
    if (!run)
        return ew_fail(reason, EW_E_UNKNOWN, "tool.no_scan", "", "This bus is not being scanned.");
    if (!runs(run))
        return EW_OK;
    survey_stop(run->survey);
    if (!run->asking) // waits for its next try
        end(run);
    else
        publish(run);
    return EW_OK;
}

static void answer(const struct tools *tools, struct mq_request *request, int64_t bus)
{
    const struct scan_run *run = find(tools, bus);
    struct ew_buf text;
    ew_buf_init(&text, PAYLOAD_MAX);
    if (run)
        write_payload(run, &text);
    else
        ew_buf_add_text(&text, "null");
    mq_answer(request, &text);
    ew_buf_done(&text);
}

void scans_serve(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    static const char *const actions[] = {"start", "stop", "status", NULL};
    struct tools *tools = user;
    struct wish wish = {.from = SCAN_UNIT_FIRST, .to = SCAN_UNIT_LAST};
    struct ew_reason reason;
    struct ew_json o;
    int action = 0;
    ew_reason_clear(&reason);
    ew_json_open(&o, args, "", &reason);
    ew_json_int(&o, "bus", EW_REQUIRED, 1, SITE_ID_MAX, &wish.bus);
    ew_json_enum(&o, "action", EW_REQUIRED, actions, &action);
    ew_json_int(&o, "from", EW_OPTIONAL, SCAN_UNIT_FIRST, SCAN_UNIT_LAST, &wish.from);
    ew_json_int(&o, "to", EW_OPTIONAL, wish.from, SCAN_UNIT_LAST, &wish.to);
    ew_json_bool(&o, "quick", EW_OPTIONAL, &wish.quick);
    enum ew_err err = ew_json_close(&o);
    if (err == EW_OK && action == 0)
        err = start(tools, &wish, &reason);
    else if (err == EW_OK && action == 1)
        err = stop(tools, wish.bus, &reason);
    if (err == EW_OK)
        answer(tools, request, wish.bus);
    else
        mq_answer_error(request, &reason);
}

void scans_free(struct tools *tools)
{
    for (int i = tools->scan_count - 1; i >= 0; i--)
        forget(tools->scans[i]);
}
