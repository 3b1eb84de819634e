#include "simulator/plant.h"

#include "simulator/random.h"
#include "simulator/station.h"
#include <complex.h>
#include <math.h>

enum { MEAN_S = 600, NOMINAL_OF_TRACES_V = 230 };

void plant_device_init(const struct plant *plant, struct plant_device *device, int64_t id,
                       enum plant_role role, unsigned phases, double rated_a)
{
    *device = (struct plant_device){.id = id, .role = role, .phases = phases ? phases : 7, .ordered_w = NAN};
    device->random = plant->random ^ (uint64_t)id * 0xD1B54A32D192ED03u;
    for (int p = 0; p < 3; p++) {
        device->load[p].column = (int)(random_next(&device->random) % 1024);
        device->load[p].shift_s = (int64_t)(random_next(&device->random) % 14400) - 7200;
        device->load[p].factor = random_between(&device->random, 0.6, 1.4);
    }
    // Counters of devices that have been there for a while.
    double start_wh = floor(random_between(&device->random, 1e5, 5e6));
    for (int p = 0; p < 3; p++)
        device->value[CH_ACTIVE_ENERGY_IMPORT_L1 + p] = device->phases >> p & 1 ? floor(start_wh / 3) : 0;
    for (int p = 0; p < 3; p++)
        device->value[CH_REACTIVE_ENERGY_IMPORT_L1 + p] = device->phases >> p & 1 ? floor(start_wh / 24) : 0;
    device->value[CH_REACTIVE_ENERGY_IMPORT] = floor(start_wh / 8);
    device->value[CH_APPARENT_ENERGY] = floor(start_wh * 1.02);
    device->value[CH_VOLUME] = floor(start_wh / 50);
    device->value[CH_OPERATING_TIME] = 3600.0 * floor(start_wh / 500);
    device->value[CH_CT_RATIO] = device->value[CH_VT_RATIO] = 1;
    for (int p = 0; p < 3; p++)
        device->value[CH_ACTIVE_ENERGY_IMPORT] += device->value[CH_ACTIVE_ENERGY_IMPORT_L1 + p];
    if (role == PLANT_STATION)
        station_init(plant, device, rated_a);
    for (int c = 0; c < CH_COUNT; c++)
        device->start[c] = device->value[c];
}

static void step_net(struct plant *plant)
{
    double recorded = trace_value(plant->trace, "voltage_v", plant->second, NOMINAL_OF_TRACES_V);
    for (int p = 0; p < 3; p++) {
        plant->drift_v[p] = 0.95 * plant->drift_v[p] + random_between(&plant->random, -0.2, 0.2);
        plant->voltage_v[p] = recorded * plant->nominal_v / NOMINAL_OF_TRACES_V + plant->drift_v[p];
    }
    plant->frequency_hz = trace_value(plant->trace, "frequency_hz", plant->second, 50) +
                          random_between(&plant->random, -0.01, 0.01);
}

static void step_load(const struct plant *plant, struct plant_device *device)
{
    int wired = 0;
    for (int p = 0; p < 3; p++)
        wired += (device->phases >> p & 1) != 0;
    double factor = trace_value(plant->trace, "power_factor", plant->second, 1);
    double q_per_p = tan(acos(fmin(fmax(factor, 0.5), 1)));
    for (int p = 0; p < 3; p++) {
        double watts = 0;
        double noise = random_between(&device->random, 0.995, 1.005);
        int64_t second = plant->second + device->load[p].shift_s;
        if (!(device->phases >> p & 1))
            watts = 0;
        else if (isnan(device->ordered_w))
            watts =
                trace_load_w(plant->trace, device->load[p].column, second) * device->load[p].factor * noise;
        else
            watts = device->ordered_w / wired;
        device->value[CH_ACTIVE_POWER_L1 + p] = watts;
        device->value[CH_REACTIVE_POWER_L1 + p] = watts * q_per_p;
    }
}

static void step_main(const struct plant *plant, struct plant_device *device)
{
    for (int p = 0; p < 3; p++) {
        double watts = 0, vars = 0;
        for (int i = 0; i < plant->count && plant->devices[i].role != PLANT_MAIN; i++) {
            watts += plant->devices[i].value[CH_ACTIVE_POWER_L1 + p];
            vars += plant->devices[i].value[CH_REACTIVE_POWER_L1 + p];
        }
        device->value[CH_ACTIVE_POWER_L1 + p] = watts;
        device->value[CH_REACTIVE_POWER_L1 + p] = vars;
    }
}

static double between_v(double a, double b)
{
    return sqrt(a * a + b * b + a * b); // 120 degrees apart
}

static void derive_voltages(const struct plant *plant, struct plant_device *device)
{
    double *value = device->value;
    for (int p = 0; p < 3; p++)
        value[CH_VOLTAGE_L1_N + p] = device->phases >> p & 1 ? plant->voltage_v[p] : (double)NAN;
    for (int p = 0; p < 3; p++)
        value[CH_VOLTAGE_L1_L2 + p] =
            between_v(value[CH_VOLTAGE_L1_N + p], value[CH_VOLTAGE_L1_N + (p + 1) % 3]);
    value[CH_FREQUENCY] = plant->frequency_hz;
}

// Currents, sums and factors out of the powers of the phases.
static void derive_powers(const struct plant *plant, struct plant_device *device)
{
    double *value = device->value;
    double complex neutral = 0;
    double amperes = 0, watts = 0, vars = 0;
    for (int p = 0; p < 3; p++) {
        double w = value[CH_ACTIVE_POWER_L1 + p], var = value[CH_REACTIVE_POWER_L1 + p];
        double va = hypot(w, var);
        value[CH_APPARENT_POWER_L1 + p] = va;
        value[CH_CURRENT_L1 + p] = va / plant->voltage_v[p];
        value[CH_POWER_FACTOR_L1 + p] = va > 0 ? w / va : 1;
        // I = conj(S / U), U at 0, -120 and +120 degrees.
        double complex u = plant->voltage_v[p] * cexp(-2 * M_PI / 3 * p * I);
        neutral += conj((w + var * I) / u);
        amperes += value[CH_CURRENT_L1 + p];
        watts += w;
        vars += var;
    }
    value[CH_CURRENT] = amperes / 3;
    value[CH_CURRENT_N] = cabs(neutral);
    value[CH_ACTIVE_POWER] = watts;
    value[CH_REACTIVE_POWER] = vars;
    value[CH_APPARENT_POWER] = hypot(watts, vars);
    value[CH_POWER_FACTOR] = value[CH_APPARENT_POWER] > 0 ? watts / value[CH_APPARENT_POWER] : 1;
}

static void derive_rest(struct plant_device *device)
{
    double *value = device->value;
    for (int p = 0; p < 3; p++) {
        bool wired = device->phases >> p & 1;
        double thd_u = random_between(&device->random, 1.8, 2.2),
               thd_i = random_between(&device->random, 7, 9);
        value[CH_THD_VOLTAGE_L1 + p] = wired ? thd_u : (double)NAN;
        value[CH_THD_CURRENT_L1 + p] = wired ? thd_i : (double)NAN;
    }
    value[CH_TEMPERATURE] = 28 + fmin(value[CH_CURRENT] / 4, 20);
}

// One second's share: W x 1 s = 1/3600 Wh.
static void integrate(const struct plant *plant, struct plant_device *device)
{
    double *value = device->value;
    for (int p = 0; p < 3; p++) {
        double wh = value[CH_ACTIVE_POWER_L1 + p] / 3600;
        value[(wh >= 0 ? CH_ACTIVE_ENERGY_IMPORT_L1 : CH_ACTIVE_ENERGY_EXPORT_L1) + p] += fabs(wh);
        double varh = value[CH_REACTIVE_POWER_L1 + p] / 3600;
        value[(varh >= 0 ? CH_REACTIVE_ENERGY_IMPORT_L1 : CH_REACTIVE_ENERGY_EXPORT_L1) + p] += fabs(varh);
    }
    double wh = value[CH_ACTIVE_POWER] / 3600, varh = value[CH_REACTIVE_POWER] / 3600;
    value[wh >= 0 ? CH_ACTIVE_ENERGY_IMPORT : CH_ACTIVE_ENERGY_EXPORT] += fabs(wh);
    value[varh >= 0 ? CH_REACTIVE_ENERGY_IMPORT : CH_REACTIVE_ENERGY_EXPORT] += fabs(varh);
    value[CH_APPARENT_ENERGY] += value[CH_APPARENT_POWER] / 3600;
    value[CH_VOLUME] += trace_value(plant->trace, "water_l_min", plant->second, 0) / 60;
    value[CH_OPERATING_TIME] += 1;
}

static void keep_statistics(struct plant_device *device)
{
    for (int c = 0; c < CH_ACTIVE_ENERGY_IMPORT; c++) {
        double value = device->value[c];
        bool first = !device->counted;
        device->mean[c] = first ? value : device->mean[c] + (value - device->mean[c]) / MEAN_S;
        device->minimum[c] = first ? value : fmin(device->minimum[c], value);
        device->maximum[c] = first ? value : fmax(device->maximum[c], value);
    }
    device->counted = true;
}

void plant_step(struct plant *plant)
{
    plant->second++;
    step_net(plant);
    for (int i = 0; i < plant->count; i++) {
        struct plant_device *device = &plant->devices[i];
        switch (device->role) {
        case PLANT_LOAD:
            step_load(plant, device);
            break;
        case PLANT_STATION:
            station_step(plant, device);
            break;
        case PLANT_MAIN:
            step_main(plant, device);
            break;
        }
        derive_voltages(plant, device);
        derive_powers(plant, device);
        derive_rest(device);
        integrate(plant, device);
        keep_statistics(device);
    }
}

double plant_value(const struct plant_device *device, enum channel channel, enum channel_form form)
{
    switch (form) {
    case CHANNEL_MEAN:
        return device->mean[channel];
    case CHANNEL_MIN:
        return device->minimum[channel];
    case CHANNEL_MAX:
        return device->maximum[channel];
    case CHANNEL_PARTIAL:
        return device->value[channel] - device->start[channel];
    case CHANNEL_SIGN:
    case CHANNEL_VALUE:
        break;
    }
    return device->value[channel];
}
