// Calls that change files, cut short: linked into a gateway of its own, in place of the C library's.
// EDGEWATT_CUT:
//     kill:7    the process is killed (SIGKILL) in place of the 7th such call
//     28:7      from the 7th on every such call fails with errno 28: the disk stays full, or read-only
//     28:7:one  only the 7th does
// With EDGEWATT_CUT_ONLY=--swap only in processes that have this argument.
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static bool concerns_us(void)
{
    const char *only = getenv("EDGEWATT_CUT_ONLY");
    char words[4096];
    FILE *file = only ? fopen("/proc/self/cmdline", "re") : NULL;
    size_t len = file ? fread(words, 1, sizeof(words) - 1, file) : 0;
    if (file)
        fclose(file);
    words[len] = 0;
    bool found = !only;
    for (size_t at = 0; at < len && !found; at += strlen(words + at) + 1)
        found = strcmp(words + at, only) == 0;
    return found;
}

// True: fail now, errno is set.
static bool cut(void)
{
    static long calls;
    const char *order = getenv("EDGEWATT_CUT");
    const char *colon = order ? strchr(order, ':') : NULL;
    if (!colon || !concerns_us())
        return false;
    char *end;
    long at = strtol(colon + 1, &end, 10);
    calls++;
    if (calls < at || (calls > at && *end == ':'))
        return false;
    if (strncmp(order, "kill", 4) == 0)
        raise(SIGKILL);
    errno = (int)strtol(order, NULL, 10);
    return true;
}

// The C library's own; *ret_real is a pointer to a function.
static void find(const char *name, void *ret_real)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    memcpy(ret_real, &found, sizeof(found));
}

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *);
    find("rename", &real);
    return cut() ? -1 : real(from, to);
}

int remove(const char *path)
{
    int (*real)(const char *);
    find("remove", &real);
    return cut() ? -1 : real(path);
}

int unlink(const char *path)
{
    int (*real)(const char *);
    find("unlink", &real);
    return cut() ? -1 : real(path);
}

int mkdir(const char *path, mode_t mode)
{
    int (*real)(const char *, mode_t);
    find("mkdir", &real);
    return cut() ? -1 : real(path, mode);
}

int chmod(const char *path, mode_t mode)
{
    int (*real)(const char *, mode_t);
    find("chmod", &real);
    return cut() ? -1 : real(path, mode);
}

int fsync(int fd)
{
    int (*real)(int);
    find("fsync", &real);
    return cut() ? -1 : real(fd);
}

int syncfs(int fd)
{
    int (*real)(int);
    find("syncfs", &real);
    return cut() ? -1 : real(fd);
}
