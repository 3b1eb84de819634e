// How the machine is: since when it runs, how busy its processors are, memory, the disk of the data folder.
// Published as "machine" in service/config/status (SYS-07). Figures are from proc(5), sysinfo and statvfs(3).
#ifndef EDGEWATT_CONFIG_MACHINE_H
#define EDGEWATT_CONFIG_MACHINE_H

#include "base/json.h"

enum {
    MACHINE_TICK_MS = 5000,
    MACHINE_WINDOW_MS = 60000, // what cpu_pct is the mean of
    MACHINE_CPU_HIGH_PCT = 80, // SYS-07: a warning when it lasts
    MACHINE_SAMPLES = MACHINE_WINDOW_MS / MACHINE_TICK_MS + 1,
};

struct machine_cpu { // time since the start of the machine in ticks of the kernel, all processors together
    int64_t busy, total;
};

struct machine { // zeroed = nothing known yet
    struct machine_cpu samples[MACHINE_SAMPLES];
    int count, next;
    int64_t high_since_ms; // CLOCK_BOOTTIME, 0 = it is not high
};

// The first lines of /proc/stat; false when they are not as proc(5) says.
bool machine_cpu_read(const char *text, struct machine_cpu *ret);
// The first lines of /proc/meminfo. Available is what programs can still get, caches included.
bool machine_memory_read(const char *text, int64_t *ret_total_bytes, int64_t *ret_available_bytes);

// A sample of every MACHINE_TICK_MS; NULL = it could not be had, and what was known is forgotten.
void machine_add(struct machine *machine, const struct machine_cpu *cpu, int64_t now_ms);
// Mean of the last minute, 0 to 100; NaN while fewer than two samples are there.
double machine_cpu_pct(const struct machine *machine);
// For how long that mean has been above MACHINE_CPU_HIGH_PCT without a break, in s; 0 = it is not.
int64_t machine_cpu_high_s(const struct machine *machine, int64_t now_ms);

// Takes a sample of this machine.
void machine_tick(struct machine *machine, int64_t now_ms);
// "machine":{"since","up_s","cpu_pct","cpu_high_s","cpus","memory_total_bytes","memory_free_bytes","disk_total_bytes",
// "disk_free_bytes"}; null for what cannot be known.
void machine_write(const struct machine *machine, const char *data_dir, int64_t now_ms, struct ew_jw *w);

#endif
