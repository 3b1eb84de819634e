// The electrical side of a simulated site, a second at a time. Knows nothing of registers and sockets; time
// and seed are given, so the same second of the same seed is the same in every run.
#ifndef EDGEWATT_SIMULATOR_PLANT_H
#define EDGEWATT_SIMULATOR_PLANT_H

#include "simulator/channel.h"
#include "simulator/trace.h"

enum plant_role { PLANT_LOAD, PLANT_MAIN, PLANT_STATION };
enum { PLANT_STATE_A, PLANT_STATE_B, PLANT_STATE_C, PLANT_STATE_D, PLANT_STATE_E, PLANT_STATE_F };

struct plant_station { // IEC 61851-1: a car is plugged in (B), draws (C), is full or held back (B), leaves
                       // (A)
    double rated_a;
    double limit_a; // in force; below 6 A nothing may be drawn
    double told_a;  // what its limit's register says: in force while it is released
    bool in_watts;  // it is told a power instead, that its vehicle draws on as few phases as it likes
    double told_w, fallback_w;
    bool held;         // its release was withdrawn
    double watchdog_s; // 0 = off: without a sign of life for this long the fallback is in force
    double fallback_a;
    // Stations with a sign of life of its own take a limit only while they get it.
    bool wants_life;
    double life_s, lost_a; // without one for life_s lost_a is in force; life_s 0 = its watchdog minds
    double sign;           // the last one, NaN = there was none yet, or it died since
    bool unprepared;       // what it wants set up does not stand there: it follows no limit
    bool single;           // switched to one phase
    int loaded_switches;   // its phases were switched under load: never to happen
    int64_t fed_s;         // the last sign of life
    int64_t changed_s;     // when the limit last changed: a vehicle follows it within 5 s
    int64_t off_until_s;   // without power until then
    bool disobeys;         // what the limit says is not what is drawn
    bool plugged;
    unsigned car_phases; // bits as in enum site_phases
    double car_max_a, drawn_a;
    double need_wh, session_wh;
    int64_t arrives_s, plugged_s, leaves_s; // seconds of the plant
};

struct plant_device {
    int64_t id;
    enum plant_role role;
    unsigned phases; // bits: what is wired
    uint64_t random;
    struct { // of a load
        int column;
        int64_t shift_s;
        double factor;
    } load[3];
    double ordered_w; // load set by hand; NaN = the recording's
    struct plant_station station;
    double value[CH_COUNT], start[CH_COUNT];                     // start: for partial counters
    bool counted;                                                // the next line has begun
    double mean[CH_COUNT], minimum[CH_COUNT], maximum[CH_COUNT]; // of the last 10 minutes; since start
};

struct plant {
    const struct trace *trace;
    double nominal_v; // phase to neutral
    double speed;     // simulated seconds a second; 0 counts as 1. A station's watchdog runs on real time
    int64_t second;   // simulated; 0 = the recording's first row
    uint64_t random;
    double voltage_v[3], drift_v[3], frequency_hz;
    struct plant_device *devices; // main meters last: they add up the others
    int count;
};

// Prepares one device: role, phases (0 = all three), rated current (stations) and what follows from the
// plant's seed (its `random` before the first step) and the id.
void plant_device_init(const struct plant *plant, struct plant_device *device, int64_t id,
                       enum plant_role role, unsigned phases, double rated_a);
// Lets one second pass. Devices that are PLANT_MAIN must stand behind all others.
void plant_step(struct plant *plant);
// Cars on order: comes now (need_wh <= 0: a usual need), leaves now.
void plant_car_arrives(struct plant *plant, struct plant_device *device, double need_wh);
void plant_car_leaves(struct plant *plant, struct plant_device *device);
// A channel's number in one of its forms (signs excepted).
double plant_value(const struct plant_device *device, enum channel channel, enum channel_form form);

#endif
