#include "base/log.h"
#include "core/supervise/trial.h"
#include "supervisor/supervisor_priv.h"
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

enum { STAGED = 3 }; // exit code of backup-job: checked whole, to be carried out without the services

void supervisor_job_start(struct supervisor *s)
{
    const char *const args[] = {"backup-job", "--data", s->data_dir, NULL};
    if (s->policy.stopping)
        return; // config hears of it by itself: its request stays where it is
    s->job_wanted = s->job_pid > 0;
    if (s->job_wanted)
        return;
    s->job_pid = supervisor_spawn(args);
    if (s->job_pid > 0)
        ew_info("run", "backup-job started pid=%d", (int)s->job_pid);
    else
        ew_error("run", "backup-job can't be started: %s", strerror(errno));
}

bool supervisor_job_ended(struct supervisor *s, pid_t pid, int status, int64_t now_ms)
{
    if (pid != s->job_pid)
        return false;
    s->job_pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == STAGED && !s->policy.stopping) {
        ew_notice("run", "stopping the services for a restore");
        s->replacing = true;
        s->changed = true;
        s->trial.wanted = supervise_running(&s->policy); // who does not run now is not the restore's fault
        supervise_stop(&s->policy, now_ms);
    } else if (status != 0) {
        ew_warning("run", "backup-job ended, status=0x%x", (unsigned)status);
    }
    if (s->job_wanted)
        supervisor_job_start(s);
    return true;
}

bool supervisor_job_replace(struct supervisor *s)
{
    const char *const args[] = {"backup-job", "--swap", "--supervised", "--data", s->data_dir, NULL};
    struct ew_reason reason;
    int code = supervisor_run_command(args);
    if (code != 0)
        ew_error("run", "the restore was cut off, code=%d, undoing it", code);
    if (supervisor_recover(s, &reason) == EW_OK)
        return true;
    ew_error("run", "%s: %s, giving up", reason.path, reason.text);
    return false;
}
