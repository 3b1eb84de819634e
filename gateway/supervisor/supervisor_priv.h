// edgewatt run, inside: one struct, one file per question.
#ifndef EDGEWATT_SUPERVISOR_SUPERVISOR_PRIV_H
#define EDGEWATT_SUPERVISOR_SUPERVISOR_PRIV_H

#include "base/buf.h"
#include "base/loop.h"
#include "core/supervise/supervise.h"
#include "supervisor/options.h"
#include <limits.h>
#include <sys/types.h>

enum { SUPERVISOR_PROBE_PORTS = 8, SUPERVISOR_TEXT_MAX = 128, SUPERVISOR_ARGS_MAX = 16 };

struct supervisor_port {
    int port;
    bool free_choice; // asked for as 0: another one may be taken when it turns out to be in use
};

struct supervisor_child {
    const char *name;
    pid_t pid; // 0 = does not run
    int64_t started_wall_ms;
    char status[SUPERVISOR_TEXT_MAX];    // STATUS= of the service
    char last_exit[SUPERVISOR_TEXT_MAX]; // why its last life ended, in words; "" = it is the first
};

// The broker's sign of life: an anonymous CONNECT that it must answer (with "not authorised").
struct supervisor_probe {
    int fd; // -1 = none under way
    int64_t begun_ms;
    struct ew_timer timer;
    // What the broker has yet to note in its log about probes: connections by their port, refusals by number.
    int local_ports[SUPERVISOR_PROBE_PORTS];
    unsigned next_port;
    int lines_owed;
};

struct supervisor {
    struct supervisor_options options;
    char data_dir[PATH_MAX]; // absolute
    char base[128];
    int lock_fd; // inherited by the children: held until the last of them is gone
    struct ew_loop *loop;
    struct ew_timer timer; // the next decision
    struct ew_timer tick;  // notices that this process itself stood still
    int64_t last_tick_ms;
    struct supervise policy;
    struct supervisor_child children[SUPERVISE_CHILDREN_MAX];     // same index as in policy
    struct supervisor_port http, https, mqtt, mqtts, modbus, ftp; // but http and mqtt: port < 0 = off
    int notify_fd;
    char notify_address[SUPERVISOR_TEXT_MAX]; // as in NOTIFY_SOCKET
    struct supervisor_probe probe;
    int output_fd; // broker's log lines; -1 = closed
    struct ew_buf output;
    bool announced; // run.json is there, the address was said
    bool changed;   // run.json has to be written again
    bool on_terminal;
    int exit_code;
    pid_t job_pid;   // backup-job for the page; 0 = none
    bool job_wanted; // another one, when that has ended
    bool replacing;  // all services are being stopped for a restore
    struct {
        bool on;         // what was restored has to prove itself
        bool proven;     // it has; to be kept from next_ms on
        bool back;       // it has not: all are being stopped to go back
        int failed;      // with back: the child that does not run
        unsigned wanted; // bits of the children that have to run, 0 = all
        int64_t begun_ms, next_ms;
        char why[SUPERVISOR_TEXT_MAX];
    } trial;
};

// ---- run.c: the loop
void supervisor_decide(struct supervisor *s, int64_t now_ms);

// ---- table.c: who there is
int supervisor_child_count(void);
const char *supervisor_child_name(int child);
// The arguments of a service; they point into *s and into args itself.
struct supervisor_args {
    const char *argv[SUPERVISOR_ARGS_MAX + 1];
    char http[12], https[12]; // any int
};
void supervisor_service_args(const struct supervisor *s, int child, struct supervisor_args *args);

// ---- data.c: the folder, the lock, the site file
// data_dir + "/" + file. supervisor_open_data() has seen to it that everything below fits.
void supervisor_path(const struct supervisor *s, const char *file, char dst[PATH_MAX]);
enum ew_err supervisor_open_data(struct supervisor *s, struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err supervisor_lock(struct supervisor *s, struct ew_reason *reason) EW_MUST_CHECK;
// Undoes a restore that was cut off.
enum ew_err supervisor_recover(struct supervisor *s, struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err supervisor_import_site(struct supervisor *s, struct ew_reason *reason) EW_MUST_CHECK;
// "edgewatt/<site>" as the broker's files have it.
enum ew_err supervisor_read_base(struct supervisor *s, struct ew_reason *reason) EW_MUST_CHECK;

// ---- ports.c
// Checks the ports asked for and picks free ones for 0.
enum ew_err supervisor_ports_open(struct supervisor *s, struct ew_reason *reason) EW_MUST_CHECK;
// Another free port, when the first choice failed; nothing for a port that was asked for by number.
void supervisor_port_again(struct supervisor_port *port, bool loopback);

// ---- child.c: processes
void supervisor_child_start(struct supervisor *s, int child, int64_t now_ms);
void supervisor_child_signal(struct supervisor *s, int child, int signal_number);
// Reaps whoever has ended.
void supervisor_reap(struct supervisor *s, int64_t now_ms);
int supervisor_child_of_pid(const struct supervisor *s, pid_t pid); // -1 = none
// Starts `edgewatt <args>`, to be reaped; -1 = it could not be started.
pid_t supervisor_spawn(const char *const *args);
// Runs it and waits for it; returns its exit code, 126 when it died otherwise.
int supervisor_run_command(const char *const *args);

// ---- notify.c
enum ew_err supervisor_notify_open(struct supervisor *s, struct ew_reason *reason) EW_MUST_CHECK;
void supervisor_notify_read(struct supervisor *s, int64_t now_ms);

// ---- broker.c: the probe and the log lines of mosquitto
void supervisor_probe_start(struct supervisor *s, int64_t now_ms);
void supervisor_probe_stop(struct supervisor *s);
void supervisor_output_open(struct supervisor *s, int fd);
void supervisor_output_close(struct supervisor *s);
// In the broker's child process: makes its files, then becomes it. Does not return.
void supervisor_broker_become(const struct supervisor *s) __attribute__((noreturn));

// ---- job.c: a backup or restore that the page asked config for
void supervisor_job_start(struct supervisor *s);
// True when pid was the job: then it has been dealt with.
bool supervisor_job_ended(struct supervisor *s, pid_t pid, int status, int64_t now_ms);
// All services have ended for a restore: it is carried out. False: the folder can't be started on.
bool supervisor_job_replace(struct supervisor *s);

// ---- trial.c: a restored site proves itself by its services running
// Before the first child starts: looks whether there is one.
void supervisor_trial_begin(struct supervisor *s, int64_t now_ms);
// Now and then: judges it.
void supervisor_trial_look(struct supervisor *s, int64_t now_ms);
// `child` does not run: all are stopped to go back.
void supervisor_trial_fail(struct supervisor *s, int child, int64_t now_ms);
// All have ended for that. False: the folder can't be started on.
bool supervisor_trial_back(struct supervisor *s);

// ---- report.c
void supervisor_report(struct supervisor *s); // run.json, and the address once all is ready
void supervisor_report_remove(struct supervisor *s);

#endif
