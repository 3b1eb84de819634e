#include "simulator/station.h"

#include "simulator/random.h"
#include <math.h>

enum {
    MINIMUM_A = 6,    // IEC 61851-1: the smallest current that can be offered
    RAMP_A_S = 4,     // a vehicle follows a higher offer within some seconds,
    REACTION_S = 5,   // and a lower one in at most this (IEC 61851-1)
    THINK_S = 8,      // from plug to contactor
    FIRST_CAR_S = 20, // the first car comes soon: nobody watches an empty car park
    QUARTER_S = 900
};

void station_init(const struct plant *plant, struct plant_device *device, double rated_a)
{
    struct plant_station *station = &device->station;
    station->rated_a = station->limit_a = station->fallback_a = rated_a; // as some come from the factory
    station->arrives_s = plant->second + FIRST_CAR_S + (int64_t)random_between(&device->random, 0, 240);
    device->value[CH_RATED_CURRENT] = rated_a;
}

static void plug_in(struct plant_device *device, int64_t second, double need_wh)
{
    struct plant_station *station = &device->station;
    bool three_phases = device->phases == 7 && random_between(&device->random, 0, 1) < 0.6;
    unsigned one = device->phases == 7 ? 1u << (random_next(&device->random) % 3) : device->phases;
    station->plugged = true;
    station->plugged_s = second;
    station->car_phases = three_phases ? 7 : one;
    station->car_max_a = three_phases ? 16 : 32;
    station->session_wh = 0;
    station->drawn_a = 0;
    double usual_wh = floor(random_between(&device->random, 6000, 35000));
    station->need_wh = need_wh > 0 ? need_wh : usual_wh;
    station->leaves_s = second + (int64_t)random_between(&device->random, 4 * QUARTER_S, 24 * QUARTER_S);
}

static void unplug(struct plant_device *device, int64_t second)
{
    struct plant_station *station = &device->station;
    station->plugged = false;
    station->drawn_a = 0;
    station->arrives_s = second + (int64_t)random_between(&device->random, QUARTER_S, 8 * QUARTER_S);
}

void plant_car_arrives(struct plant *plant, struct plant_device *device, double need_wh)
{
    if (device->station.plugged)
        device->station.need_wh =
            need_wh > 0 ? device->station.session_wh + need_wh : device->station.need_wh;
    else
        plug_in(device, plant->second, need_wh);
}

void plant_car_leaves(struct plant *plant, struct plant_device *device)
{
    if (device->station.plugged)
        unplug(device, plant->second);
}

// ---- What is written to it -------------------------------------------------------------------------------

static void offer(struct plant_station *station, double limit_a, int64_t second)
{
    limit_a = limit_a > station->rated_a ? station->rated_a : limit_a;
    if (limit_a == station->limit_a)
        return;
    station->limit_a = limit_a;
    station->changed_s = second;
}

void station_limit(const struct plant *plant, struct plant_device *device, double limit_a)
{
    station_feed(plant, device);
    offer(&device->station, limit_a, plant->second);
    device->value[CH_CURRENT_LIMIT] = device->station.limit_a;
}

void station_feed(const struct plant *plant, struct plant_device *device)
{
    device->station.fed_s = plant->second;
}

void station_power_cycle(const struct plant *plant, struct plant_device *device, int seconds)
{
    struct plant_station *station = &device->station;
    station->off_until_s = plant->second + seconds;
    station->drawn_a = 0;
    station->watchdog_s = 0;
    station->fallback_a = station->rated_a;
    station->plugged_s = station->off_until_s; // the car begins anew
    station_limit(plant, device, station->rated_a);
}

bool station_has_power(const struct plant *plant, const struct plant_device *device)
{
    return plant->second >= device->station.off_until_s;
}

static void mind_watchdog(const struct plant *plant, struct plant_station *station)
{
    double speed = plant->speed > 0 ? plant->speed : 1;
    if (station->watchdog_s > 0 && (double)(plant->second - station->fed_s) >= station->watchdog_s * speed)
        offer(station, station->fallback_a, plant->second);
}

// ---- The vehicle -----------------------------------------------------------------------------------------

static double wanted_a(const struct plant_station *station, int64_t second)
{
    bool ready = station->plugged && second - station->plugged_s >= THINK_S;
    double limit_a = station->disobeys ? station->rated_a : station->limit_a;
    if (!ready || second < station->off_until_s || limit_a < MINIMUM_A ||
        station->session_wh >= station->need_wh)
        return 0;
    return fmin(fmin(limit_a, station->rated_a), station->car_max_a);
}

static void follow(struct plant_station *station, double wanted, int64_t second)
{
    double change = wanted - station->drawn_a;
    int64_t left_s = REACTION_S - (second - station->changed_s);
    double down = fmax(RAMP_A_S, -change / (double)(left_s > 1 ? left_s : 1));
    station->drawn_a += fmin(fmax(change, -down), RAMP_A_S);
}

void station_step(const struct plant *plant, struct plant_device *device)
{
    struct plant_station *station = &device->station;
    if (station->plugged && plant->second >= station->leaves_s)
        unplug(device, plant->second);
    else if (!station->plugged && plant->second >= station->arrives_s)
        plug_in(device, plant->second, 0);
    mind_watchdog(plant, station);
    double wanted = wanted_a(station, plant->second);
    follow(station, wanted, plant->second);
    double watts = 0;
    for (int p = 0; p < 3; p++) {
        double w = station->car_phases >> p & 1 ? station->drawn_a * plant->voltage_v[p] * 0.995 : 0;
        device->value[CH_ACTIVE_POWER_L1 + p] = w;
        device->value[CH_REACTIVE_POWER_L1 + p] = w * 0.1; // cos phi 0.995
        watts += w;
    }
    station->session_wh += watts / 3600;
    double state = station->drawn_a > 0 || wanted > 0 ? PLANT_STATE_C : PLANT_STATE_B;
    device->value[CH_STATE] = station->plugged ? state : PLANT_STATE_A;
    device->value[CH_CURRENT_LIMIT] = station->limit_a;
    device->value[CH_SESSION_ENERGY] = station->session_wh;
    if (station->plugged)
        device->value[CH_SESSION_DURATION] = (double)(plant->second - station->plugged_s);
}
