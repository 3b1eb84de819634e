#include "recorder/csv_file.h"

#include "base/file.h"
#include "recorder/csv_text.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAIL = 64 << 10, COPY = 16 << 10, REPLACE_MAX = 8 << 20 };

static enum ew_err fail(const char *path, const char *what, struct ew_reason *reason)
{
    enum ew_err err = errno == ENOSPC || errno == EDQUOT ? EW_E_FULL : EW_E_IO;
    return ew_fail(reason, err, "file.io", path, "can't be %s: %s", what, strerror(errno));
}

// The last line's time, when the file begins with this header and ends with a whole line.
static bool read_end(int fd, off_t size, const char *header, char separator, int64_t *ret_last_s)
{
    size_t header_len = strlen(header), want = size < TAIL ? (size_t)size : TAIL;
    char *text = malloc((header_len > want ? header_len : want) + 1);
    if (!text)
        abort();
    bool good = (size_t)size >= header_len && pread(fd, text, header_len, 0) == (ssize_t)header_len &&
                memcmp(text, header, header_len) == 0;
    *ret_last_s = INT64_MIN;
    if (good && (size_t)size > header_len) {
        good = pread(fd, text, want, size - (off_t)want) == (ssize_t)want && text[want - 1] == '\n';
        size_t start = want - (good ? 1 : 0);
        while (good && start > 0 && text[start - 1] != '\n')
            start--;
        good = good && start > 0 && csv_time_read(text + start, want - start, separator, ret_last_s);
    }
    free(text);
    return good;
}

static enum ew_err make_parents(const char *path, struct ew_reason *reason)
{
    char folder[PATH_MAX];
    ew_copy(folder, sizeof(folder), path);
    char *slash = strrchr(folder, '/');
    *slash = 0;
    enum ew_err err = ew_dir_make(folder, 0755, reason);
    if (err == EW_OK)
        (void)chmod(folder, 0755);
    return err;
}

static enum ew_err name_paths(struct csv_file *file, const char *export_dir, const char *spare_dir,
                              const char *name, struct ew_reason *reason)
{
    char flat[NAME_MAX + 1];
    ew_copy(flat, sizeof(flat), name);
    for (char *p = flat; *p; p++)
        if (*p == '/')
            *p = '+';
    if (ew_format(file->path, sizeof(file->path), "%s/%s", export_dir, name) != EW_OK ||
        ew_format(file->spare, sizeof(file->spare), "%s/%s", spare_dir, flat) != EW_OK)
        return ew_fail(reason, EW_E_TOO_LARGE, "file.path", export_dir, "the path is too long");
    return EW_OK;
}

enum ew_err csv_file_open(struct csv_file *file, const char *export_dir, const char *spare_dir,
                          const char *name, const char *header, char separator, struct ew_reason *reason)
{
    *file = (struct csv_file){.next_s = INT64_MIN};
    ew_buf_init(&file->text, 64 << 20);
    enum ew_err err = name_paths(file, export_dir, spare_dir, name, reason);
    if (err != EW_OK)
        return err;
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    int64_t last_s;
    if (separator && fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        read_end(fd, st.st_size, header, separator, &last_s)) {
        file->known = true;
        file->next_s = last_s == INT64_MIN ? INT64_MIN : last_s + 1;
    } else
        ew_buf_add_text(&file->text, header);
    if (fd >= 0)
        close(fd);
    return EW_OK;
}

void csv_file_done(struct csv_file *file)
{
    ew_buf_done(&file->text);
}

// ---- Adding lines ----------------------------------------------------------------------------------------

static bool copy_all(int from, int to)
{
    char block[COPY];
    for (;;) {
        ssize_t got = read(from, block, sizeof(block));
        if (got <= 0)
            return got == 0;
        if (write(to, block, (size_t)got) != got)
            return false;
    }
}

// Adds the text in place. False when somebody has the file open: nothing was done then.
static bool add_in_place(struct csv_file *file, struct ew_reason *reason, enum ew_err *ret_err)
{
    int fd = open(file->path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    // Who opens it now is let wait; the signal that would tell us is one that nobody hears.
    if (fd < 0 || fcntl(fd, F_SETSIG, SIGURG) != 0 || fcntl(fd, F_SETLEASE, F_WRLCK) != 0) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    struct stat st;
    bool measured = fstat(fd, &st) == 0;
    if (write(fd, file->text.data, file->text.len) != (ssize_t)file->text.len) {
        *ret_err = fail(file->path, "written", reason);
        if (measured && ftruncate(fd, st.st_size) != 0) // the disk is full: no half line stays
            *ret_err = fail(file->path, "cut back", reason);
    }
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    if (close(fd) != 0 && *ret_err == EW_OK)
        *ret_err = fail(file->path, "written", reason);
    file->added = true;
    return true;
}

// A descriptor of a new file in the spare folder that holds what is seen.
static int make_spare(struct csv_file *file, struct ew_reason *reason, enum ew_err *ret_err)
{
    *ret_err = make_parents(file->spare, reason);
    if (*ret_err != EW_OK)
        return -1;
    (void)unlink(file->spare);
    int seen = file->known ? open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    int spare = open(file->spare, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (spare >= 0)
        (void)fchmod(spare, 0644); // what is exported is for others to read, whatever our umask
    if (spare < 0 || (file->known && (seen < 0 || !copy_all(seen, spare)))) {
        *ret_err = fail(file->spare, "written", reason);
        if (spare >= 0)
            close(spare);
        spare = -1;
    }
    if (seen >= 0)
        close(seen);
    return spare;
}

enum ew_err csv_file_flush(struct csv_file *file, bool all, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    bool in_place = file->known && !file->prepared && file->text.len < CSV_ADDED_MAX;
    if (file->text.len == 0 || (!all && (in_place || file->text.len < CSV_PENDING_MAX)))
        return EW_OK;
    if (in_place && add_in_place(file, reason, &err)) {
        ew_buf_clear(&file->text);
        return err;
    }
    int fd = file->prepared ? open(file->spare, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
                            : make_spare(file, reason, &err);
    if (fd < 0)
        return err == EW_OK ? fail(file->spare, "opened", reason) : err;
    if (write(fd, file->text.data, file->text.len) != (ssize_t)file->text.len)
        err = fail(file->spare, "written", reason);
    if (close(fd) != 0 && err == EW_OK)
        err = fail(file->spare, "written", reason);
    file->prepared = true;
    ew_buf_clear(&file->text);
    return err;
}

enum ew_err csv_file_show(struct csv_file *file, struct ew_reason *reason)
{
    if (!file->prepared)
        return EW_OK;
    enum ew_err err = make_parents(file->path, reason);
    if (err == EW_OK && rename(file->spare, file->path) != 0)
        err = fail(file->path, "replaced", reason);
    file->prepared = false;
    return err;
}

enum ew_err csv_file_replace(const char *export_dir, const char *spare_dir, const char *name,
                             const struct ew_buf *text, struct ew_reason *reason)
{
    struct csv_file file = {0};
    struct ew_buf old;
    enum ew_err err = name_paths(&file, export_dir, spare_dir, name, reason);
    if (err != EW_OK)
        return err;
    ew_buf_init(&old, REPLACE_MAX);
    bool same = ew_file_read(file.path, REPLACE_MAX, &old, NULL) == EW_OK && old.len == text->len &&
                (text->len == 0 || memcmp(old.data, text->data, text->len) == 0);
    ew_buf_done(&old);
    if (same)
        return EW_OK;
    err = make_parents(file.spare, reason);
    if (err == EW_OK)
        err = make_parents(file.path, reason);
    if (err == EW_OK)
        err = ew_file_write(file.spare, text->data ? text->data : "", text->len, 0644, reason);
    if (err == EW_OK && (chmod(file.spare, 0644) != 0 || rename(file.spare, file.path) != 0))
        err = fail(file.path, "replaced", reason);
    return err;
}
