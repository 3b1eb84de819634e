#include "supervisor/run.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/options.h"
#include "supervisor/supervisor_priv.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TICK_MS = 500,
    // A tick that comes so late: this process did not run, so beats wait unread or were never due.
    STOOD_STILL_MS = 2000,
};

// ---- Decisions carried out --------------------------------------------------------------------------------

static void give_up(struct supervisor *s, int64_t now_ms)
{
    if (s->trial.on && !s->trial.proven) {
        supervisor_trial_fail(s, /* child= */ 0, now_ms);
        return;
    }
    ew_error("run", "the broker can't be started (%s), giving up", s->children[0].last_exit);
    s->exit_code = 1;
    supervise_stop(&s->policy, now_ms);
}

static void say_kill(const struct supervisor *s, int child)
{
    static const char *const reasons[] = {
        [SUPERVISE_CAUSE_NONE] = "",
        [SUPERVISE_CAUSE_EXIT] = "",
        [SUPERVISE_CAUSE_HUNG] = "no sign of life for 5 s",
        [SUPERVISE_CAUSE_NOT_READY] = "not ready in time",
        [SUPERVISE_CAUSE_STOP] = "does not end",
    };
    ew_warning("run", "%s: %s, killing it pid=%d", supervisor_child_name(child),
               reasons[s->policy.children[child].cause], (int)s->children[child].pid);
}

// After a suspend or a SIGSTOP of this process the beats it missed are nobody's fault.
static void notice_standstill(struct supervisor *s, int64_t now_ms)
{
    if (now_ms - s->last_tick_ms < STOOD_STILL_MS)
        return;
    ew_notice("run", "stood still for %lld ms, giving everybody new time",
              (long long)(now_ms - s->last_tick_ms));
    s->last_tick_ms = now_ms;
    supervise_stood_still(&s->policy, now_ms);
}

// After the services have ended for a restore all start anew, as at the first start.
static bool begin_again(struct supervisor *s)
{
    if (!s->replacing)
        return false;
    s->replacing = false;
    if (!(s->trial.back ? supervisor_trial_back(s) : supervisor_job_replace(s))) {
        s->exit_code = 1;
        return false;
    }
    supervise_init(&s->policy, supervisor_child_count());
    s->last_tick_ms = ew_clock_up_ms(); // nobody stood still
    supervisor_trial_begin(s, s->last_tick_ms);
    s->changed = true;
    return true;
}

void supervisor_decide(struct supervisor *s, int64_t now_ms)
{
    notice_standstill(s, now_ms);
    for (;;) {
        struct supervise_step step = supervise_next(&s->policy, now_ms);
        switch (step.action) {
        case SUPERVISE_START:
            supervisor_child_start(s, step.child, now_ms);
            break;
        case SUPERVISE_TERMINATE:
            supervisor_child_signal(s, step.child, SIGTERM);
            break;
        case SUPERVISE_KILL:
            say_kill(s, step.child);
            supervisor_child_signal(s, step.child, SIGKILL);
            break;
        case SUPERVISE_GIVE_UP:
            give_up(s, now_ms);
            break;
        case SUPERVISE_FINISHED:
            if (begin_again(s))
                break;
            ew_loop_stop(s->loop, s->exit_code);
            return;
        case SUPERVISE_NOTHING:
            supervisor_report(s);
            ew_loop_timer_set(s->loop, &s->timer, supervise_due_ms(&s->policy));
            return;
        }
    }
}

static void on_timer(struct ew_timer *timer, int64_t now_ms)
{
    struct supervisor *s = timer->user;
    supervisor_notify_read(s, now_ms); // a beat that waits in the socket counts
    supervisor_decide(s, now_ms);
}

static void on_tick(struct ew_timer *timer, int64_t now_ms)
{
    struct supervisor *s = timer->user;
    notice_standstill(s, now_ms);
    s->last_tick_ms = now_ms;
    supervisor_trial_look(s, now_ms);
    supervisor_decide(s, now_ms);
    ew_loop_timer_set(s->loop, &s->tick, now_ms + TICK_MS);
}

static void stop(struct supervisor *s, int number, int64_t now_ms)
{
    if (s->replacing) {
        s->replacing = false; // what is checked is not carried out any more
        ew_notice("run", "told to stop, %s signal=%d",
                  s->trial.back ? "what was restored is tried once more at the next start"
                                : "the restore is given up",
                  number);
        return;
    }
    if (s->policy.stopping) {
        ew_notice("run", "told to stop again, killing what is left");
        supervise_stop_at_once(&s->policy, now_ms);
        return;
    }
    ew_notice("run", "stopping signal=%d", number);
    supervise_stop(&s->policy, now_ms);
    s->changed = true;
}

static void reload(struct supervisor *s)
{
    ew_notice("run", "telling the services to read their files again");
    for (int i = 1; i < s->policy.count; i++)
        if (s->policy.children[i].state == SUPERVISE_RUNNING) // one that only starts has no handler yet
            supervisor_child_signal(s, i, SIGHUP);
}

static void on_signal(void *user, int number, int64_t now_ms)
{
    struct supervisor *s = user;
    if (number == SIGCHLD)
        supervisor_reap(s, now_ms);
    else if (number == SIGHUP && !s->on_terminal)
        reload(s);
    else
        stop(s, number, now_ms);
    supervisor_decide(s, now_ms);
}

// ---- Start and end ----------------------------------------------------------------------------------------

static void open_loop(struct supervisor *s)
{
    static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    s->loop = ew_loop_new();
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        ew_loop_add_signal(s->loop, signals[i], on_signal, s);
    s->timer = (struct ew_timer){.fn = on_timer, .user = s};
    s->tick = (struct ew_timer){.fn = on_tick, .user = s};
}

static enum ew_err prepare(struct supervisor *s, struct ew_reason *reason)
{
    static enum ew_err (*const steps[])(struct supervisor *, struct ew_reason *) = {
        supervisor_open_data,   supervisor_lock,       supervisor_recover,
        supervisor_import_site, supervisor_ports_open, supervisor_notify_open,
    };
    enum ew_err err = EW_OK;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && err == EW_OK; i++)
        err = steps[i](s, reason);
    return err;
}

static int supervise_all(struct supervisor *s)
{
    int64_t now_ms = ew_clock_up_ms();
    supervise_init(&s->policy, supervisor_child_count());
    s->last_tick_ms = now_ms;
    supervisor_trial_begin(s, now_ms);
    on_tick(&s->tick, now_ms);
    supervisor_report_remove(s); // of a run that was killed
    supervisor_decide(s, now_ms);
    int code = ew_loop_run(s->loop);
    supervisor_report_remove(s);
    ew_notice("run", "everything has ended");
    return code;
}

static void supervisor_done(struct supervisor *s)
{
    supervisor_probe_stop(s);
    supervisor_output_close(s);
    ew_buf_done(&s->output);
    if (s->notify_fd >= 0)
        close(s->notify_fd);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    ew_loop_free(s->loop);
}

int run_main(int argc, char **argv)
{
    static struct supervisor s; // large; a process supervises one data folder
    s.lock_fd = s.notify_fd = s.probe.fd = s.output_fd = -1;
    int code = supervisor_options_read(argc, argv, &s.options);
    if (code >= 0)
        return code;
    ew_log_init("run", EW_LOG_INFO);
    umask(077);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN},
              NULL); // nobody may read our output any more
    s.on_terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
    ew_buf_init(&s.output, 64 << 10);
    struct ew_reason reason;
    open_loop(&s);
    if (prepare(&s, &reason) == EW_OK) {
        code = supervise_all(&s);
    } else {
        fprintf(stderr, "edgewatt run: %s%s%s\n", reason.path, reason.path[0] ? ": " : "", reason.text);
        code = 1;
    }
    supervisor_done(&s);
    return code;
}
