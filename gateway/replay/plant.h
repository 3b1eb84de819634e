// Stations and vehicles that do what they are told, a little later: the plain plant of a replay.
#ifndef EDGEWATT_REPLAY_PLANT_H
#define EDGEWATT_REPLAY_PLANT_H

#include "core/greenup/greenup.h"

enum { PLANT_QUEUE_MAX = 64 };

// What came to a station. Below 6 A nothing is charged (IEC 61851-1); some vehicles want more.
struct plant_vehicle {
    int32_t wants_ma;
    int64_t energy_wh; // wants no more than this; < 0: no end
    int64_t taper_wh;  // from this much left on, the current falls with what is left; 0: never
    int32_t least_ma;  // draws nothing at a lower limit
    int phases;        // uses the first so many of the station's phases
};

struct plant_station {
    struct greenup_station cfg;
    uint8_t order[GREENUP_PHASES]; // 0..2 of the site, for each phase of the station; as many as it has
    bool online, disobeys;
    bool plugged;
    uint32_t plug_seq;
    int64_t plug_ms;
    int32_t wants_ma;
    int32_t least_ma;
    int64_t left_ma_ms; // charge still wanted, summed over phases; < 0: no end
    int64_t taper_ma_ms;
    uint8_t car_phases; // phases that the vehicle uses
    int32_t latched_ma; // last limit that reached the station
    int32_t told_ma;    // the same, as far as the controller can know while the station is lost
    int32_t acting_ma;  // what the vehicle follows now
    int32_t draw_ma;    // of each of its phases
    struct {
        int64_t at_ms;
        int32_t ma;
    } queue[PLANT_QUEUE_MAX]; // limits on their way to the vehicle
    int queued;
};

struct plant {
    int64_t lag_ms;
    int count;
    int32_t base_ma[GREENUP_PHASES];
    struct plant_station station[GREENUP_STATIONS_MAX];
};

void plant_init(struct plant *plant, const struct greenup_station *stations, int count, int64_t lag_ms);
void plant_plug(struct plant *plant, int station, int64_t now_ms, const struct plant_vehicle *vehicle);
// A vehicle with nothing remarkable.
struct plant_vehicle plant_vehicle(int32_t wants_ma);
// Phases in another order than L1 L2 L3 (rotated wiring): order[0] is the one a single-phase vehicle uses.
void plant_rotate(struct plant *plant, int station, const uint8_t order[GREENUP_PHASES]);
void plant_unplug(struct plant *plant, int station);
// The station has and follows this limit, as if told long ago.
void plant_put(struct plant *plant, int station, int32_t limit_ma);
void plant_power_cycle(struct plant *plant, int station);
// Currents now, the sum per phase out; limits whose time has come act first.
void plant_measure(struct plant *plant, int64_t now_ms, int32_t ret_ma[GREENUP_PHASES]);
// Time passes with the currents as measured.
void plant_pass(struct plant *plant, int64_t ms);
// A limit reaches the station, unless it is lost; the vehicle follows lag_ms later.
void plant_latch(struct plant *plant, int station, int32_t limit_ma, int64_t now_ms);
// What the controller can read of a station.
void plant_read(const struct plant *plant, int station, int64_t now_ms, struct greenup_reading *ret);

#endif
