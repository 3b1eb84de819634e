#include "config/machine.h"

#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { HEAD_MAX = 1024, CPU_FIELDS = 8, CPU_IDLE = 3, CPU_IOWAIT = 4 };

// ---- Reading ----------------------------------------------------------------------------------------------

bool machine_cpu_read(const char *text, struct machine_cpu *ret)
{
    if (strncmp(text, "cpu ", 4) != 0)
        return false;
    const char *at = text + 4;
    *ret = (struct machine_cpu){0};
    // user nice system idle iowait irq softirq steal; guest time is in user already.
    for (int i = 0; i < CPU_FIELDS; i++) {
        char *end;
        errno = 0;
        long long ticks = strtoll(at, &end, 10);
        if (end == at || errno != 0 || ticks < 0 || ticks > INT64_MAX / (2 * CPU_FIELDS))
            return false;
        ret->total += ticks;
        ret->busy += i == CPU_IDLE || i == CPU_IOWAIT ? 0 : ticks;
        at = end;
    }
    return true;
}

static bool read_kib(const char *text, const char *name, int64_t *ret_bytes)
{
    const char *line = strstr(text, name);
    if (!line || (line != text && line[-1] != '\n'))
        return false;
    const char *at = line + strlen(name);
    char *end;
    errno = 0;
    long long kib = strtoll(at, &end, 10);
    if (end == at || errno != 0 || kib < 0 || kib > INT64_MAX / 1024 || strncmp(end, " kB", 3) != 0)
        return false;
    *ret_bytes = kib * 1024;
    return true;
}

bool machine_memory_read(const char *text, int64_t *ret_total_bytes, int64_t *ret_available_bytes)
{
    return read_kib(text, "MemTotal:", ret_total_bytes) &&
           read_kib(text, "MemAvailable:", ret_available_bytes);
}

// Only the head: /proc/stat has a line with a number for every interrupt.
static bool read_head(const char *path, char dst[HEAD_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, dst, HEAD_MAX - 1);
    close(fd);
    dst[got > 0 ? got : 0] = 0;
    return got > 0;
}

// ---- Processors -------------------------------------------------------------------------------------------

void machine_add(struct machine *machine, const struct machine_cpu *cpu, int64_t now_ms)
{
    if (!cpu) {
        *machine = (struct machine){0};
        return;
    }
    machine->samples[machine->next] = *cpu;
    machine->next = (machine->next + 1) % MACHINE_SAMPLES;
    if (machine->count < MACHINE_SAMPLES)
        machine->count++;
    double pct = machine_cpu_pct(machine);
    if (!(pct > MACHINE_CPU_HIGH_PCT))
        machine->high_since_ms = 0;
    else if (machine->high_since_ms == 0)
        machine->high_since_ms = now_ms;
}

double machine_cpu_pct(const struct machine *machine)
{
    if (machine->count < 2)
        return NAN;
    int newest = (machine->next + MACHINE_SAMPLES - 1) % MACHINE_SAMPLES;
    int oldest = (machine->next + MACHINE_SAMPLES - machine->count) % MACHINE_SAMPLES;
    const struct machine_cpu *from = &machine->samples[oldest], *to = &machine->samples[newest];
    int64_t total = to->total - from->total, busy = to->busy - from->busy;
    if (total <= 0)
        return NAN;
    // Idle time may go back a little (proc(5)), so that busy seems larger than all.
    return fmin(100, fmax(0, 100.0 * (double)busy / (double)total));
}

int64_t machine_cpu_high_s(const struct machine *machine, int64_t now_ms)
{
    return machine->high_since_ms > 0 ? (now_ms - machine->high_since_ms) / 1000 : 0;
}

void machine_tick(struct machine *machine, int64_t now_ms)
{
    char head[HEAD_MAX];
    struct machine_cpu cpu;
    bool known = read_head("/proc/stat", head) && machine_cpu_read(head, &cpu);
    machine_add(machine, known ? &cpu : NULL, now_ms);
}

// ---- Writing ----------------------------------------------------------------------------------------------

static void write_pair(struct ew_jw *w, const char *const names[2], bool known, int64_t total, int64_t left)
{
    if (known) {
        ew_jw_int(w, names[0], total);
        ew_jw_int(w, names[1], left);
    } else {
        ew_jw_null(w, names[0]);
        ew_jw_null(w, names[1]);
    }
}

void machine_write(const struct machine *machine, const char *data_dir, int64_t now_ms, struct ew_jw *w)
{
    static const char *const memory[] = {"memory_total_bytes", "memory_free_bytes"};
    static const char *const disk[] = {"disk_total_bytes", "disk_free_bytes"};
    char head[HEAD_MAX];
    int64_t total = 0, left = 0;
    double cpu_pct = machine_cpu_pct(machine);
    ew_jw_open_object(w, "machine");
    ew_jw_rfc3339(w, "since", ew_clock_wall_ms() - ew_clock_up_ms());
    ew_jw_int(w, "up_s", now_ms / 1000);
    ew_jw_number(w, "cpu_pct", isnan(cpu_pct) ? NAN : round(cpu_pct * 10) / 10);
    ew_jw_int(w, "cpu_high_s", machine_cpu_high_s(machine, now_ms));
    ew_jw_int(w, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
    bool known = read_head("/proc/meminfo", head) && machine_memory_read(head, &total, &left);
    write_pair(w, memory, known, total, left);
    struct statvfs st;
    known = statvfs(data_dir, &st) == 0;
    write_pair(w, disk, known, known ? (int64_t)st.f_blocks * (int64_t)st.f_frsize : 0,
               known ? (int64_t)st.f_bavail * (int64_t)st.f_frsize : 0);
    ew_jw_close_object(w);
}
