// Loaded before a program (LD_PRELOAD): its wall clock is the machine's plus a number of seconds that may
// change at any time, in the file EDGEWATT_TEST_CLOCK (int64, native order). While it is another, no time
// server has set it. Other clocks are left alone.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&(name)))(uintptr_t)dlsym(RTLD_NEXT, #name))

static int64_t step_s(void)
{
    static const volatile int64_t *shared;
    if (!shared) {
        const char *path = getenv("EDGEWATT_TEST_CLOCK");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
        if (fd >= 0)
            close(fd);
        if (map == MAP_FAILED)
            return 0;
        shared = map;
    }
    return *shared;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    static __typeof__(&clock_gettime) real;
    if (!real)
        real = REAL(clock_gettime);
    int code = real(clock, ret);
    if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ret->tv_sec += step_s();
    return code;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    ret->tv_sec = now.tv_sec;
    ret->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *ret)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}

int adjtimex(struct timex *ret)
{
    static __typeof__(&adjtimex) real;
    if (!real)
        real = REAL(adjtimex);
    int state = real(ret);
    if (step_s() == 0)
        return state;
    ret->status |= STA_UNSYNC;
    return TIME_ERROR;
}
