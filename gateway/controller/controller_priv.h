// What the parts of the service share.
#ifndef EDGEWATT_CONTROLLER_CONTROLLER_PRIV_H
#define EDGEWATT_CONTROLLER_CONTROLLER_PRIV_H

#include "core/greenup/allow.h"
#include "core/greenup/frozen.h"
#include "core/greenup/greenup.h"
#include "core/site/site.h"
#include "service/service.h"

enum {
    CONTROLLER_ALARMS_MAX = 64,
    CONTROLLER_RATED_MA = 32000, // of a station that has never told: the usual one
    CONTROLLER_STATUS_MAX = 512 << 10,
    CONTROLLER_INTERRUPTIONS_MAX = 64
};

// The charge under way at a station, or the last one (topic session/<id>). Times are Unix ms.
struct charge {
    char id[40];                              // "" = none yet
    int64_t plugged_ms, started_ms, ended_ms; // 0 = not yet
    bool wh_known;
    double wh, wh_last;
    double ah, peak_a;
    cJSON *interruptions; // [{at, until, reason}], owned
    bool interrupted;
    int64_t told_ms; // last publication, CLOCK_BOOTTIME
    bool dirty;
};

struct station {
    int64_t id;
    char name[EW_NAME_MAX], profile[EW_NAME_MAX];
    unsigned phases; // 0 = unset: counted as all three until somebody says
    int map[3];      // its L1, L2, L3 are these phases of the site, 0..2; -1 = it has none
    bool priority, proven;
    int32_t rated_ma, cap_ma; // cap_ma < 0: none
    // What it said last.
    struct greenup_reading reading;
    bool in_error; // the poller says that it can't be read
    bool plugged_known;
    bool writable;
    struct ew_reason not_writable; // code "" = not said
    enum greenup_watchdog watchdog;
    int32_t fallback_ma;
    double session_wh; // below 0: not told
    // What we said last.
    bool spoken;
    int32_t said_ma;
    char said_code[EW_CODE_MAX];
    struct charge charge;
};

struct known_device { // what matters of config/device/<id>
    int64_t id;
    bool on;
    char name[EW_NAME_MAX], profile[EW_NAME_MAX];
    unsigned phases;
    int phase_count, phase_order[3];
    double rated_a;
};

struct known_profile { // of config/profile/<id>
    char id[EW_NAME_MAX];
    bool station, proven, one_current;
};

struct alarm {
    char code[EW_CODE_MAX];
    int64_t device; // 0 = the site
    struct ew_reason reason;
};

struct meter {
    int64_t device; // 0 = none
    int map[3];
    bool one_current;
    bool seen;
    struct greenup_meter sample; // the last; phases 0 = none
    bool frozen;
    struct greenup_frozen watch;
};

struct controller {
    struct ew_service *service;
    char run[20]; // random, of this start
    int64_t seq;
    // Configuration as it came in; applied a moment later, all together.
    struct known_device *devices;
    int device_count;
    struct known_profile *profiles;
    int profile_count;
    cJSON *settings; // config/settings/greenup, NULL = none
    struct ew_timer apply;
    // What runs.
    struct site_greenup site;
    bool settings_wrong;
    struct ew_reason settings_reason;
    struct meter meter;
    int count;
    struct station stations[GREENUP_STATIONS_MAX]; // same index as in core
    struct greenup core;
    struct greenup_out out;
    bool running; // the core was made
    bool ever_on; // stations that were never under control are left alone
    bool poller_offline;
    struct ew_timer due;
    int64_t step_us; // of the last decision
    int64_t red_since_ms[GREENUP_PHASES];
    // Memory over restarts and changes of the site: what was known of each id, as of memory_ms.
    struct greenup_saved memory;
    cJSON *memory_more; // beside it: rated, cap, charge by id
    int64_t memory_ms, saved_ms;
    bool memory_foreign; // the file is of a newer version: it is left alone
    bool dirty;
    struct alarm alarms[CONTROLLER_ALARMS_MAX];
    int alarm_count;
};

// ---- intake.c: topics about the configuration ----
void intake_start(struct controller *c);

// ---- apply.c: how a new configuration takes effect ----
void controller_apply_soon(struct controller *c);
void controller_apply(struct controller *c, int64_t now_ms);
struct known_profile *controller_profile(const struct controller *c, const char *id);
struct station *controller_station(struct controller *c, int64_t id); // NULL = none

// ---- sample.c: meter and stations ----
void sample_start(struct controller *c);
void sample_meter_chosen(struct controller *c, int64_t device); // subscribes to it

// ---- controller.c ----
void controller_step(struct controller *c, int64_t now_ms);

// ---- lease.c ----
// Sends each station its limit: all of them on the grid, else those whose limit or reason changed.
void lease_send(struct controller *c, bool all);

// ---- status.c ----
void status_publish(struct controller *c, int64_t now_ms);
bool status_meter_fresh(const struct controller *c, int64_t now_ms);

// ---- alarm.c ----
void alarm_review(struct controller *c, int64_t now_ms);

// ---- charge.c: the charge of each station ----
void charge_plugged(struct controller *c, struct station *st);
void charge_unplugged(struct station *st);
// After each step: what flowed, what was interrupted.
void charge_follow(struct controller *c, int index, int64_t now_ms);
void charge_publish(struct controller *c, bool all);
void charge_write(struct ew_jw *w, const struct station *st, const struct ew_reason *reason);
void charge_read(struct station *st, const cJSON *node);
void charge_done(struct charge *charge);

// ---- memory.c: DATA/controller.json ----
void memory_load(struct controller *c, int64_t now_ms);
// Brings memory up to now from what runs.
void memory_take(struct controller *c, int64_t now_ms);
void memory_save(struct controller *c, int64_t now_ms);
const cJSON *memory_of(const struct controller *c, int64_t id);

// ---- calls.c ----
void calls_start(struct controller *c);
bool controller_accepted(const struct controller *c, int64_t device, const char *code);
void controller_facts(struct controller *c, int64_t now_ms, greenup_allow_fn *tell, void *user);

#endif
