#include "service/paths.h"

#include "base/buf.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum ew_err ew_share_dir(char dst[PATH_MAX], struct ew_reason *reason)
{
    const char *given = getenv("EDGEWATT_SHARE");
    char exe[PATH_MAX], joined[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    exe[len > 0 ? len : 0] = 0;
    char *slash = strrchr(exe, '/');
    if (slash)
        *slash = 0;
    enum ew_err err = given && given[0] ? ew_format(joined, sizeof(joined), "%s", given)
                                        : ew_format(joined, sizeof(joined), "%s/../share/edgewatt", exe);
    struct stat st;
    if (err != EW_OK || !realpath(joined, dst) || stat(dst, &st) != 0 || !S_ISDIR(st.st_mode))
        return ew_fail(reason, EW_E_UNKNOWN, "share.missing", joined,
                       "the folder of Edgewatt's data files is not there; is the installation complete?");
    return EW_OK;
}

void ew_path(char dst[PATH_MAX], const char *dir, const char *file)
{
    if (ew_format(dst, PATH_MAX, "%s/%s", dir, file) != EW_OK)
        abort();
}
