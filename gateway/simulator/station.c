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
    // As some come from the factory.
    station->rated_a = station->limit_a = station->told_a = station->fallback_a = station->lost_a = rated_a;
    station->sign = NAN;
    station->arrives_s = plant->second + FIRST_CAR_S + (int64_t)random_between(&device->random, 0, 240);
    device->value[CH_RATED_CURRENT] = rated_a;
    station->told_w = station->fallback_w = rated_a * plant->nominal_v * 3;
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

static void offer(struct plant_station *station, int64_t second)
{
    double limit_a = station->held ? 0 : station->told_a;
    if (limit_a == station->limit_a)
        return;
    station->limit_a = limit_a;
    station->changed_s = second;
}

static void tell(const struct plant *plant, struct plant_device *device, double limit_a)
{
    struct plant_station *station = &device->station;
    station->told_a = fmin(limit_a, station->rated_a);
    offer(station, plant->second);
    device->value[CH_CURRENT_LIMIT] = station->told_a;
    device->value[CH_PERCENT_LIMIT] = station->told_a / station->rated_a * 100;
}

// The voltages of the phases that the vehicle draws on, or may: all that is offered goes over these.
static double drawn_v(const struct plant *plant, const struct plant_device *device)
{
    const struct plant_station *station = &device->station;
    unsigned phases = station->plugged ? station->car_phases : device->phases;
    double sum = 0;
    for (int p = 0; p < 3; p++)
        if (phases >> p & 1 && !(station->single && sum > 0))
            sum += plant->voltage_v[p];
    return sum > 0 ? sum : plant->nominal_v;
}

static void tell_watts(const struct plant *plant, struct plant_device *device, double limit_w)
{
    device->station.told_w = device->value[CH_POWER_LIMIT] = limit_w;
    tell(plant, device, limit_w / drawn_v(plant, device));
}

// Its whole power, as after its power was cut.
static void tell_all(const struct plant *plant, struct plant_device *device)
{
    struct plant_station *station = &device->station;
    if (station->in_watts)
        tell_watts(plant, device, station->rated_a * plant->nominal_v * 3);
    else
        tell(plant, device, station->rated_a);
}

// A sign of life for stations that have no other; is there a master to follow?
static bool follows(const struct plant *plant, struct plant_device *device)
{
    struct plant_station *station = &device->station;
    if (!station->wants_life)
        station_feed(plant, device);
    return !(station->wants_life && isnan(station->sign)) && !station->unprepared;
}

void station_limit(const struct plant *plant, struct plant_device *device, double limit_a)
{
    if (follows(plant, device))
        tell(plant, device, limit_a);
}

void station_power(const struct plant *plant, struct plant_device *device, double limit_w)
{
    if (follows(plant, device))
        tell_watts(plant, device, limit_w);
}

void station_release(const struct plant *plant, struct plant_device *device, bool on)
{
    if (device->station.wants_life && isnan(device->station.sign))
        return;
    if (!device->station.wants_life)
        station_feed(plant, device);
    device->station.held = !on;
    offer(&device->station, plant->second);
}

void station_lives(const struct plant *plant, struct plant_device *device, double sign, bool toggles)
{
    if (toggles && sign == device->station.sign)
        return;
    device->station.sign = sign;
    station_feed(plant, device);
}

void station_phases(struct plant_device *device, bool three)
{
    struct plant_station *station = &device->station;
    station->loaded_switches += station->drawn_a > 0 || station->limit_a >= MINIMUM_A;
    station->single = !three;
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
    station->fallback_w = station->rated_a * plant->nominal_v * 3;
    station->plugged_s = station->off_until_s; // the car begins anew
    station->held = false;
    station->sign = NAN;
    tell_all(plant, device);
    station_feed(plant, device);
}

bool station_has_power(const struct plant *plant, const struct plant_device *device)
{
    return plant->second >= device->station.off_until_s;
}

// Nobody speaks to it any more: its fallback is in force, and its release with it.
static void fall(const struct plant *plant, struct plant_device *device, double fallback_a)
{
    struct plant_station *station = &device->station;
    station->sign = NAN;
    station->held = station->held && fallback_a <= 0;
    if (station->in_watts)
        tell_watts(plant, device, station->fallback_w);
    else
        tell(plant, device, fallback_a);
}

static void mind_watchdog(const struct plant *plant, struct plant_device *device)
{
    struct plant_station *station = &device->station;
    double speed = plant->speed > 0 ? plant->speed : 1;
    double silent_s = (double)(plant->second - station->fed_s) / speed;
    if (station->watchdog_s > 0 && silent_s >= station->watchdog_s)
        fall(plant, device, station->fallback_a);
    else if (station->life_s > 0 && !isnan(station->sign) && silent_s >= station->life_s)
        fall(plant, device, station->lost_a);
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

// Is there a phase before this one? On one phase a car draws from its first.
static bool phases_before(unsigned phases, int phase)
{
    return (phases & ((1u << phase) - 1)) != 0;
}

void station_step(const struct plant *plant, struct plant_device *device)
{
    struct plant_station *station = &device->station;
    if (station->plugged && plant->second >= station->leaves_s)
        unplug(device, plant->second);
    else if (!station->plugged && plant->second >= station->arrives_s)
        plug_in(device, plant->second, 0);
    mind_watchdog(plant, device);
    if (station->in_watts)
        tell_watts(plant, device, station->told_w);
    double wanted = wanted_a(station, plant->second);
    follow(station, wanted, plant->second);
    double watts = 0;
    for (int p = 0; p < 3; p++) {
        bool wired =
            station->car_phases >> p & 1 && !(station->single && phases_before(station->car_phases, p));
        double w = wired ? station->drawn_a * plant->voltage_v[p] * 0.995 : 0;
        device->value[CH_ACTIVE_POWER_L1 + p] = w;
        device->value[CH_REACTIVE_POWER_L1 + p] = w * 0.1; // cos phi 0.995
        watts += w;
    }
    station->session_wh += watts / 3600;
    double state = station->drawn_a > 0 || wanted > 0 ? PLANT_STATE_C : PLANT_STATE_B;
    device->value[CH_STATE] = station->plugged ? state : PLANT_STATE_A;
    device->value[CH_CURRENT_LIMIT] = station->told_a;
    device->value[CH_SESSION_ENERGY] = station->session_wh;
    if (station->plugged)
        device->value[CH_SESSION_DURATION] = (double)(plant->second - station->plugged_s);
}
