#include "simulator/station.h"

#include "simulator/random.h"
#include <math.h>

enum {
    MINIMUM_A = 6,    // IEC 61851-1: the smallest current that can be offered
    RAMP_A_S = 4,     // a vehicle follows the offer within some seconds
    THINK_S = 8,      // from plug to contactor
    FIRST_CAR_S = 20, // the first car comes soon: nobody watches an empty car park
    QUARTER_S = 900
};

void station_init(const struct plant *plant, struct plant_device *device, double rated_a)
{
    struct plant_station *station = &device->station;
    station->rated_a = station->limit_a = rated_a;
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

static double wanted_a(const struct plant_station *station, int64_t second)
{
    bool ready = station->plugged && second - station->plugged_s >= THINK_S;
    if (!ready || station->limit_a < MINIMUM_A || station->session_wh >= station->need_wh)
        return 0;
    return fmin(fmin(station->limit_a, station->rated_a), station->car_max_a);
}

void station_step(const struct plant *plant, struct plant_device *device)
{
    struct plant_station *station = &device->station;
    if (station->plugged && plant->second >= station->leaves_s)
        unplug(device, plant->second);
    else if (!station->plugged && plant->second >= station->arrives_s)
        plug_in(device, plant->second, 0);
    double wanted = wanted_a(station, plant->second);
    double change = wanted - station->drawn_a;
    station->drawn_a += fmin(fmax(change, -RAMP_A_S), RAMP_A_S);
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
