// Processes: start, signal, reap. A child dies with this process, even when it is killed with SIGKILL.
#include "base/clock.h"
#include "base/log.h"
#include "supervisor/supervisor_priv.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// ---- In the child -----------------------------------------------------------------------------------------

// The parent may have died between fork and prctl: then nobody would send the signal any more.
static void die_with_parent(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(1);
}

static void plain_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigaction(SIGPIPE, &plain, NULL);
}

// Becomes this very binary. By its name where the name still leads to it, so that ps and the journal show it;
// a file that was replaced meanwhile reads "... (deleted)" there and can only be reached through /proc.
static void exec_self(const char *const *args)
{
    static const char self[] = "/proc/self/exe", gone[] = " (deleted)";
    char path[PATH_MAX];
    ssize_t len = readlink(self, path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = 0;
    size_t tail = sizeof(gone) - 1;
    bool named = len > 0 && !((size_t)len > tail && strcmp(path + len - tail, gone) == 0);
    // execv takes char *const[] for history's sake; it changes nothing (POSIX, exec, rationale).
    if (named)
        execv(path, (char *const *)(uintptr_t)args);
    execv(self, (char *const *)(uintptr_t)args);
}

static void put_env(const char *name, const char *value)
{
    if (setenv(name, value, 1) != 0)
        _exit(1);
}

static void make_environment(const struct supervisor *s, int child)
{
    char number[24];
    put_env("NOTIFY_SOCKET", s->notify_address);
    put_env("EDGEWATT_SUPERVISED", "1");
    (void)ew_format(number, sizeof(number), "%d", s->policy.children[child].restarts);
    put_env("EDGEWATT_RESTARTS", number);
    put_env("EDGEWATT_LAST_EXIT", s->children[child].last_exit);
    (void)ew_format(number, sizeof(number), "%d", SUPERVISE_HANG_MS * 1000);
    put_env("WATCHDOG_USEC", number);
    (void)ew_format(number, sizeof(number), "%d", (int)getpid());
    put_env("WATCHDOG_PID", number);
}

static void become(const struct supervisor *s, int child, pid_t parent, int output)
{
    die_with_parent(parent);
    plain_signals();
    // Ctrl-C reaches a whole process group; who ends when is the supervisor's decision.
    setpgid(0, 0);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
        _exit(1);
    if (output >= 0 && (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0))
        _exit(1);
    make_environment(s, child);
    if (child == 0)
        supervisor_broker_become(s);
    struct supervisor_args args;
    supervisor_service_args(s, child, &args);
    exec_self(args.argv);
    fprintf(stderr, "edgewatt: %s can't be started: %s\n", args.argv[1], strerror(errno));
    _exit(1);
}

// ---- In the parent ----------------------------------------------------------------------------------------

// A port that was free when it was chosen may be taken when it is used: that of the broker, or of the page.
static void choose_again(struct supervisor *s, int child)
{
    const struct supervise_child *c = &s->policy.children[child];
    if (c->was_ready || c->failures == 0)
        return;
    if (child == 0) {
        supervisor_port_again(&s->mqtt, /* loopback= */ true);
        supervisor_port_again(&s->mqtts, /* loopback= */ false);
        return;
    }
    if (strcmp(supervisor_child_name(child), "web") != 0)
        return;
    supervisor_port_again(&s->http, /* loopback= */ false);
    supervisor_port_again(&s->https, /* loopback= */ false);
}

static void note_failed_start(struct supervisor *s, int child, int code, int64_t now_ms)
{
    ew_copy(s->children[child].last_exit, SUPERVISOR_TEXT_MAX, "it could not be started");
    ew_error("run", "%s can't be started, trying again: %s", supervisor_child_name(child), strerror(code));
    supervise_exited(&s->policy, child, now_ms);
    s->changed = true;
}

void supervisor_child_start(struct supervisor *s, int child, int64_t now_ms)
{
    int output[2] = {-1, -1};
    choose_again(s, child);
    if (child == 0 && pipe2(output, O_CLOEXEC) != 0) {
        note_failed_start(s, child, errno, now_ms);
        return;
    }
    if (child == 0)
        fcntl(output[0], F_SETFL, O_NONBLOCK);
    pid_t parent = getpid();
    pid_t pid = fork();
    int code = errno;
    if (pid == 0)
        become(s, child, parent, output[1]);
    if (output[1] >= 0)
        close(output[1]);
    if (pid < 0) {
        if (output[0] >= 0)
            close(output[0]);
        note_failed_start(s, child, code, now_ms);
        return;
    }
    struct supervisor_child *c = &s->children[child];
    c->pid = pid;
    c->started_wall_ms = ew_clock_wall_ms();
    c->status[0] = 0;
    s->changed = true;
    if (child == 0) {
        supervisor_output_open(s, output[0]);
        supervisor_probe_start(s, now_ms);
    }
    ew_info("run", "%s started pid=%d", supervisor_child_name(child), (int)pid);
}

void supervisor_child_signal(struct supervisor *s, int child, int signal_number)
{
    pid_t pid = s->children[child].pid;
    if (pid > 0)
        kill(pid, signal_number); // it is our unreaped child, so the number can't be another's
}

int supervisor_child_of_pid(const struct supervisor *s, pid_t pid)
{
    for (int i = 0; pid > 0 && i < s->policy.count; i++)
        if (s->children[i].pid == pid)
            return i;
    return -1;
}

static void describe_exit(const struct supervisor *s, int child, int status, char out[SUPERVISOR_TEXT_MAX])
{
    switch (s->policy.children[child].cause) {
    case SUPERVISE_CAUSE_HUNG:
        (void)ew_format(out, SUPERVISOR_TEXT_MAX, "no sign of life for %d s, killed",
                        SUPERVISE_HANG_MS / 1000);
        return;
    case SUPERVISE_CAUSE_NOT_READY:
        (void)ew_format(out, SUPERVISOR_TEXT_MAX, "not ready within %d s, killed", SUPERVISE_READY_MS / 1000);
        return;
    case SUPERVISE_CAUSE_STOP:
        (void)ew_format(out, SUPERVISOR_TEXT_MAX, "stopped");
        return;
    case SUPERVISE_CAUSE_NONE:
    case SUPERVISE_CAUSE_EXIT:
        break;
    }
    if (WIFSIGNALED(status))
        (void)ew_format(out, SUPERVISOR_TEXT_MAX, "ended by signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
    else
        (void)ew_format(out, SUPERVISOR_TEXT_MAX, "ended with exit code %d", WEXITSTATUS(status));
}

static void note_exit(struct supervisor *s, int child, int status, int64_t now_ms)
{
    struct supervisor_child *c = &s->children[child];
    pid_t pid = c->pid;
    c->pid = 0;
    if (child == 0) {
        supervisor_probe_stop(s);
        supervisor_output_close(s);
    }
    supervise_exited(&s->policy, child, now_ms);
    describe_exit(s, child, status, c->last_exit);
    s->changed = true;
    const struct supervise_child *p = &s->policy.children[child];
    if (p->state == SUPERVISE_WAITING)
        ew_error("run", "%s: %s pid=%d, starting it again in %lld ms", supervisor_child_name(child),
                 c->last_exit, (int)pid, (long long)(p->due_ms - now_ms));
    else if (status != 0)
        ew_warning("run", "%s: ended while stopping, status=0x%x pid=%d", supervisor_child_name(child),
                   (unsigned)status, (int)pid);
    else
        ew_info("run", "%s stopped pid=%d", supervisor_child_name(child), (int)pid);
}

void supervisor_reap(struct supervisor *s, int64_t now_ms)
{
    // What it said last is read before it is taken for gone.
    supervisor_notify_read(s, now_ms);
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid <= 0)
            return;
        int child = supervisor_child_of_pid(s, pid);
        if (!supervisor_job_ended(s, pid, status, now_ms) && child >= 0)
            note_exit(s, child, status, now_ms);
    }
}

pid_t supervisor_spawn(const char *const *args)
{
    const char *argv[SUPERVISOR_ARGS_MAX + 2] = {"edgewatt"};
    for (int i = 0; args[i]; i++) {
        assert(i < SUPERVISOR_ARGS_MAX);
        argv[i + 1] = args[i];
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        die_with_parent(parent);
        plain_signals();
        exec_self(argv);
        _exit(126);
    }
    return pid;
}

int supervisor_run_command(const char *const *args)
{
    pid_t pid = supervisor_spawn(args);
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 126;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
