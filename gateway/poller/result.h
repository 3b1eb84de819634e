// What bus threads tell the main thread. A result owns itself: whoever takes it out of the queue frees it.
#ifndef EDGEWATT_POLLER_RESULT_H
#define EDGEWATT_POLLER_RESULT_H

#include "core/plan/load.h"
#include "poller/inlet.h"
#include "poller/recipe.h"

struct poll_value {
    uint16_t index; // of the profile's register
    bool good;      // false: the device says that it has no value
    bool single;    // print as float
    uint16_t text;  // strings: offset in result.text, 0 = none
    double number;
    uint64_t raw;
};

enum result_kind {
    RESULT_PASS,   // what a pass of a group read
    RESULT_STATE,  // how a device is, nothing read
    RESULT_LEARNT, // what a device taught
    RESULT_BUS,    // how the line is, and its figures
    RESULT_JOB,    // a job is back
    RESULT_ENDED   // the thread's last word
};
enum result_state { RESULT_UNCHANGED, RESULT_ON, RESULT_ERROR };

struct bus_figures {
    double load_pct;                // share of the time since the last figures in which the line was in use
    double cycle_ms;                // line time of one pass over the fast groups of all devices
    double late_ms;                 // the latest begin of a pass since the last figures
    int64_t polls, errors, dropped; // since the thread started
    struct load_demand demand;      // what is wanted of the line
    double press_ms;                // load_press_ms
    int alive;                      // devices that answer, or were not asked yet
};

struct result {
    enum result_kind kind;
    int64_t bus;
    unsigned worker; // which thread of this bus: results of an earlier one are not for the next
    enum result_state state;
    struct ew_reason *reason;   // of the state; NULL = none
    struct recipe *recipe;      // PASS, STATE, LEARNT: a reference
    uint8_t *learnt;            // LEARNT: [profile->register_count], in text
    enum profile_group group;   // PASS
    int64_t up_ms, wall_ms;     // PASS: of its oldest reply
    struct bus_figures figures; // BUS
    struct inlet_job *job;      // JOB: for worker_end_job, NULL once that was called
    char *text;
    int value_count;
    struct poll_value values[];
};

struct result *result_new(enum result_kind kind, int value_count, size_t text_size);
void result_set_reason(struct result *result, const struct ew_reason *reason); // NULL = none
void result_free(struct result *result);                                       // takes NULL

#endif
