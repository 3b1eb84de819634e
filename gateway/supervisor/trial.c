#include "core/supervise/trial.h"
#include "base/file.h"
#include "base/log.h"
#include "supervisor/supervisor_priv.h"

enum { KEEP_AGAIN_MS = 10000 };

void supervisor_trial_begin(struct supervisor *s, int64_t now_ms)
{
    char path[PATH_MAX];
    supervisor_path(s, "restore.old/trial", path);
    s->trial.on = ew_file_exists(path);
    s->trial.proven = s->trial.back = false;
    s->trial.begun_ms = s->trial.next_ms = now_ms;
    if (!s->trial.on || !s->trial.wanted)
        s->trial.wanted = (1U << supervisor_child_count()) - 1;
    if (s->trial.on)
        ew_notice("run", "what was restored is on trial: it is kept once the services run on it");
}

// A backup under way is waited for; so is a disk that does not take it.
static void keep(struct supervisor *s, int64_t now_ms)
{
    const char *const args[] = {"backup-job", "--keep", "--data", s->data_dir, NULL};
    s->trial.proven = true;
    if (now_ms < s->trial.next_ms)
        return;
    s->trial.on = supervisor_run_command(args) != 0;
    s->trial.wanted = 0;
    s->trial.next_ms = now_ms + KEEP_AGAIN_MS;
}

void supervisor_trial_fail(struct supervisor *s, int child, int64_t now_ms)
{
    const char *last_exit = s->children[child].last_exit;
    ew_copy(s->trial.why, sizeof(s->trial.why), last_exit[0] ? last_exit : "not ready in time");
    ew_error("run", "%s does not run on what was restored (%s), going back to what was before",
             supervisor_child_name(child), s->trial.why);
    s->trial.on = false;
    s->trial.back = true;
    s->trial.failed = child;
    s->replacing = true;
    s->changed = true;
    supervise_stop(&s->policy, now_ms);
}

void supervisor_trial_look(struct supervisor *s, int64_t now_ms)
{
    int child = 0;
    if (!s->trial.on || s->policy.stopping)
        return;
    enum supervise_verdict verdict =
        s->trial.proven ? SUPERVISE_PROVEN
                        : supervise_trial(&s->policy, s->trial.wanted, s->trial.begun_ms, now_ms, &child);
    switch (verdict) {
    case SUPERVISE_UNDECIDED:
        break;
    case SUPERVISE_PROVEN:
        keep(s, now_ms);
        break;
    case SUPERVISE_FAILED:
        supervisor_trial_fail(s, child, now_ms);
        break;
    }
}

bool supervisor_trial_back(struct supervisor *s)
{
    const char *const args[] = {"backup-job", "--back",     supervisor_child_name(s->trial.failed),
                                "--why",      s->trial.why, "--supervised",
                                "--data",     s->data_dir,  NULL};
    struct ew_reason reason;
    s->trial.back = false;
    s->trial.wanted = 0;
    if (supervisor_run_command(args) != 0)
        ew_error("run", "going back was cut off, trying once more");
    if (supervisor_recover(s, &reason) == EW_OK)
        return true;
    ew_error("run", "%s: %s, giving up", reason.path, reason.text);
    return false;
}
