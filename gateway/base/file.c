#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum ew_err fail_errno(struct ew_reason *reason, const char *path, const char *doing)
{
    int code = errno;
    enum ew_err err = code == ENOENT ? EW_E_UNKNOWN : code == EACCES || code == EPERM ? EW_E_DENIED : EW_E_IO;
    return ew_fail(reason, err, "file.io", path, "%s: %s", doing, strerror(code));
}

static enum ew_err read_all(int fd, const char *path, size_t max, struct ew_buf *buf,
                            struct ew_reason *reason)
{
    char block[16384];
    for (;;) {
        ssize_t n = read(fd, block, sizeof(block));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(reason, path, "can't be read");
        if (n == 0)
            return EW_OK;
        if ((size_t)n > max - buf->len)
            return ew_fail(reason, EW_E_TOO_LARGE, "file.too_large", path, "larger than %zu bytes", max);
        ew_buf_add(buf, block, (size_t)n);
        if (buf->full)
            return ew_fail(reason, EW_E_TOO_LARGE, "file.too_large", path, "larger than %zu bytes", buf->max);
    }
}

enum ew_err ew_file_read(const char *path, size_t max, struct ew_buf *buf, struct ew_reason *reason)
{
    ew_buf_clear(buf);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(reason, path, "can't be opened");
    struct stat st;
    enum ew_err err = EW_OK;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size > max)
        err = ew_fail(reason, EW_E_TOO_LARGE, "file.too_large", path, "larger than %zu bytes", max);
    if (err == EW_OK)
        err = read_all(fd, path, max, buf, reason);
    close(fd);
    return err;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    ew_copy(folder, sizeof(folder), path);
    char *slash = strrchr(folder, '/');
    if (slash == folder)
        slash[1] = 0;
    else if (slash)
        *slash = 0;
    else
        ew_copy(folder, sizeof(folder), ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int r = fsync(fd);
    close(fd);
    return r;
}

enum ew_err ew_file_write(const char *path, const void *data, size_t len, mode_t mode,
                          struct ew_reason *reason)
{
    char tmp[PATH_MAX];
    if (ew_format(tmp, sizeof(tmp), "%s.tmp", path) != EW_OK)
        return ew_fail(reason, EW_E_TOO_LARGE, "file.path", path, "the path is too long");
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return fail_errno(reason, tmp, "can't be created");
    // fchmod: an old .tmp of a crash may have other rights, and the umask does not decide about secrets.
    bool ok = fchmod(fd, mode) == 0 && write_all(fd, data, len) == 0 && fsync(fd) == 0;
    enum ew_err err = ok ? EW_OK : fail_errno(reason, tmp, "can't be written");
    if (close(fd) != 0 && err == EW_OK)
        err = fail_errno(reason, tmp, "can't be closed");
    if (err == EW_OK && rename(tmp, path) != 0)
        err = fail_errno(reason, path, "can't be replaced");
    if (err == EW_OK && sync_folder_of(path) != 0)
        err = fail_errno(reason, path, "folder can't be synchronised");
    if (err != EW_OK)
        unlink(tmp);
    return err;
}

enum ew_err ew_dir_make(const char *path, mode_t mode, struct ew_reason *reason)
{
    char part[PATH_MAX];
    if (strlen(path) >= sizeof(part))
        return ew_fail(reason, EW_E_TOO_LARGE, "file.path", path, "the path is too long");
    ew_copy(part, sizeof(part), path);
    for (char *p = part + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return fail_errno(reason, part, "folder can't be made");
        *p = '/';
    }
    if (mkdir(part, mode) != 0 && errno != EEXIST)
        return fail_errno(reason, part, "folder can't be made");
    struct stat st;
    if (stat(part, &st) != 0 || !S_ISDIR(st.st_mode))
        return ew_fail(reason, EW_E_IO, "file.io", path, "is not a folder");
    return EW_OK;
}

bool ew_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}
