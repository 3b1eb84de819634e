#include "ftp/jail.h"

#include "base/buf.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CAPS_MAX = 64 };

// ---- The only right kept ---------------------------------------------------------------------------------

static bool have_cap(int cap)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return syscall(SYS_capget, &head, data) == 0 && data[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap);
}

static bool keep_only_chroot(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    struct __user_cap_data_struct *word = &data[CAP_TO_INDEX(CAP_SYS_CHROOT)];
    word->effective = word->permitted = word->inheritable = CAP_TO_MASK(CAP_SYS_CHROOT);
    return syscall(SYS_capset, &head, data) == 0 &&
           prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_CHROOT, 0, 0) == 0;
}

// Root is a user like any other from here on, and nothing that it starts is more. Without CAP_SETPCAP
// (systemd's unit) there is nothing more to lose.
static bool give_up_root(void)
{
    if (!have_cap(CAP_SETPCAP))
        return geteuid() != 0;
    for (int cap = 0; cap < CAPS_MAX; cap++)
        if (cap != CAP_SYS_CHROOT && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EINVAL)
            return false;
    return prctl(PR_SET_SECUREBITS,
                 SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                     SECBIT_NO_SETUID_FIXUP_LOCKED,
                 0, 0, 0) == 0;
}

// ---- Borrowing it ----------------------------------------------------------------------------------------

static bool write_proc(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    size_t len = strlen(text);
    bool ok = fd >= 0 && write(fd, text, len) == (ssize_t)len;
    if (fd >= 0)
        close(fd);
    return ok;
}

// A user namespace whose one user is we, under the name of nobody.
static bool borrow(const struct ftp_jail *jail)
{
    char users[48], groups[48];
    (void)ew_format(users, sizeof(users), "%ld %ld 1", jail->uid, (long)geteuid());
    (void)ew_format(groups, sizeof(groups), "%ld %ld 1", jail->gid, (long)getegid());
    return unshare(CLONE_NEWUSER) == 0 && write_proc("/proc/self/setgroups", "deny") &&
           write_proc("/proc/self/uid_map", users) && write_proc("/proc/self/gid_map", groups);
}

bool ftp_jail_enter(const struct ftp_jail *jail)
{
    if (jail->borrowed && !borrow(jail))
        return false;
    return give_up_root() && keep_only_chroot() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

// ---- Which it is -----------------------------------------------------------------------------------------

static bool name_them(const struct passwd *user, struct ftp_jail *ret)
{
    if (!user)
        return false;
    ret->uid = (long)user->pw_uid;
    ew_copy(ret->user, sizeof(ret->user), user->pw_name);
    const struct group *group = getgrgid(ret->borrowed ? user->pw_gid : getegid());
    if (!group)
        return false;
    ret->gid = (long)group->gr_gid;
    ew_copy(ret->group, sizeof(ret->group), group->gr_name);
    return true;
}

static bool works(const struct ftp_jail *jail)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(ftp_jail_enter(jail) ? 0 : 1);
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

enum ew_err ftp_jail_find(struct ftp_jail *ret, struct ew_reason *reason)
{
    *ret = (struct ftp_jail){.borrowed = false};
    if (have_cap(CAP_SYS_CHROOT) && name_them(getpwuid(geteuid()), ret) && works(ret))
        return EW_OK;
    *ret = (struct ftp_jail){.borrowed = true};
    if (name_them(getpwnam("nobody"), ret) && works(ret))
        return EW_OK;
    return ew_fail(reason, EW_E_DENIED, "ftp.no_jail", "",
                   "This system does not let the FTP server be locked into the export folder.");
}
