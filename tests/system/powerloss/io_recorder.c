// Linked into a program (its definitions come before the C library's), writes down what it does to files
// below EDGEWATT_IO_DIR: opens, writes, truncations, syncs, renames, removals, in order, to the file
// EDGEWATT_IO_LOG. The replayer makes of it what a power cut could have left.
//
// A record: type (1 byte), file descriptor (int32), offset (int64), length (uint32), then `length` bytes:
// data, or a path (two for a rename, parted by a 0). Numbers are little-endian. Type M is a mark: the program
// wrote to descriptor EDGEWATT_IO_MARK (a number).
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { FDS_MAX = 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -2;
static int mark_fd = -1;
static const char *folder;
static unsigned char watched[FDS_MAX];
static int64_t position[FDS_MAX];

#define REAL(name) ((__typeof__(&(name)))(uintptr_t)dlsym(RTLD_NEXT, #name))

static void record(char type, int fd, int64_t offset, const void *data, size_t len)
{
    char head[17];
    int32_t fd32 = fd;
    uint32_t len32 = (uint32_t)len;
    head[0] = type;
    memcpy(head + 1, &fd32, 4);
    memcpy(head + 5, &offset, 8);
    memcpy(head + 13, &len32, 4);
    pthread_mutex_lock(&lock);
    if (REAL(write)(log_fd, head, sizeof(head)) != (ssize_t)sizeof(head) ||
        REAL(write)(log_fd, data, len) != (ssize_t)len)
        abort();
    pthread_mutex_unlock(&lock);
}

static int is_inside(const char *path)
{
    if (log_fd == -2) {
        folder = getenv("EDGEWATT_IO_DIR");
        const char *log = getenv("EDGEWATT_IO_LOG");
        const char *mark = getenv("EDGEWATT_IO_MARK");
        mark_fd = mark ? (int)strtol(mark, NULL, 10) : -1;
        log_fd = log && folder ? REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    }
    return log_fd >= 0 && strncmp(path, folder, strlen(folder)) == 0;
}

static int opened(int fd, const char *path, int flags)
{
    if (fd >= 0 && fd < FDS_MAX && is_inside(path)) {
        watched[fd] = 1;
        position[fd] = 0;
        struct stat st;
        int is_folder = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
        record(is_folder ? 'D' : (flags & O_TRUNC) ? 'T' : 'O', fd, 0, path, strlen(path));
    }
    return fd;
}

static int do_open(const char *path, int flags, mode_t mode)
{
    return opened(REAL(open)(path, flags, mode), path, flags);
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return do_open(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return do_open(path, flags, mode);
}

static int is_watched(int fd)
{
    return fd >= 0 && fd < FDS_MAX && watched[fd];
}

int close(int fd)
{
    if (is_watched(fd)) {
        record('C', fd, 0, "", 0);
        watched[fd] = 0;
    }
    return REAL(close)(fd);
}

ssize_t write(int fd, const void *data, size_t len)
{
    ssize_t n = REAL(write)(fd, data, len);
    if (n > 0 && is_watched(fd)) {
        record('W', fd, position[fd], data, (size_t)n);
        position[fd] += n;
    } else if (n > 0 && fd == mark_fd && log_fd >= 0) {
        record('M', fd, 0, data, (size_t)n);
    }
    return n;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    ssize_t n = REAL(pwrite)(fd, data, len, offset);
    if (n > 0 && is_watched(fd))
        record('W', fd, offset, data, (size_t)n);
    return n;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t offset)
{
    return pwrite(fd, data, len, offset);
}

int ftruncate(int fd, off_t length)
{
    int r = REAL(ftruncate)(fd, length);
    if (r == 0 && is_watched(fd))
        record('L', fd, length, "", 0);
    return r;
}

int ftruncate64(int fd, off_t length)
{
    return ftruncate(fd, length);
}

int fsync(int fd)
{
    int r = REAL(fsync)(fd);
    if (r == 0 && is_watched(fd))
        record('S', fd, 0, "", 0);
    return r;
}

int fdatasync(int fd)
{
    int r = REAL(fdatasync)(fd);
    if (r == 0 && is_watched(fd))
        record('S', fd, 0, "", 0);
    return r;
}

int rename(const char *from, const char *to)
{
    int r = REAL(rename)(from, to);
    if (r == 0 && is_inside(from)) {
        char both[2048];
        size_t a = strlen(from) + 1, b = strlen(to);
        if (a + b > sizeof(both))
            abort();
        memcpy(both, from, a);
        memcpy(both + a, to, b);
        record('R', -1, 0, both, a + b);
    }
    return r;
}

int unlink(const char *path)
{
    int r = REAL(unlink)(path);
    if (r == 0 && is_inside(path))
        record('U', -1, 0, path, strlen(path));
    return r;
}
