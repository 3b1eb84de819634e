// What is wanted of a line, against what it can carry: periods as it really keeps them, and what to change
// when it is over-full. Pure.
#ifndef EDGEWATT_CORE_PLAN_LOAD_H
#define EDGEWATT_CORE_PLAN_LOAD_H

#include "core/plan/schedule.h"

// Shares of the line's time, 1 = all of it.
struct load_demand {
    double share[SCHEDULE_CLASSES]; // of what is read, by class
    double wire[SCHEDULE_CLASSES];  // what of it are bytes
    double probes;                  // what asking dead devices may take
};

// cost_us and wire_us of the tasks are predictions (plan_request_us with the device's latency); tasks of
// period 0 and those of dead devices want nothing.
struct load_demand load_of(const struct schedule_task *tasks, int task_count,
                           const struct schedule_health *healths, int device_count);
double load_total(const struct load_demand *demand);

// How much the tasks of a line press (schedule_press_ms) when all of it is used: 0 where there is room.
double load_press_ms(const struct schedule_task *tasks, int task_count, const struct schedule_health *healths,
                     int device_count);

// The period that a line keeps on which tasks press so much, in ms: period_ms where there is room, else
// rounded up to two digits, so that it does not change with every breath.
int load_kept_ms(int period_ms, enum schedule_class class, double press_ms);

struct load_advice { // each by itself would do; 0 = would not
    int need_pct;    // what is wanted, in tens of % of the line's time
    int poll_ms;     // longer period of the fast groups
    int speed_baud;  // faster line
    int move;        // so many devices on another bus
};

// Is the line over-full? `was`: has been so far; it has to have some room before it no longer is. poll_ms,
// speed_baud (0 = has none) and devices (alive) as they are now.
bool load_over_full(const struct load_demand *demand, bool was);
struct load_advice load_advise(const struct load_demand *demand, int poll_ms, int speed_baud, int devices);

#endif
