// The quantities that the plant can work out, as numbers; their names are the vocabulary's.
#ifndef EDGEWATT_SIMULATOR_CHANNEL_H
#define EDGEWATT_SIMULATOR_CHANNEL_H

#include <stdbool.h>

// Phases follow their sum, so CH_ACTIVE_POWER + 1 is L1. X(constant, name)
#define CHANNELS(X)                                                                                          \
    X(CH_VOLTAGE_L1_N, "voltage_l1_n")                                                                       \
    X(CH_VOLTAGE_L2_N, "voltage_l2_n")                                                                       \
    X(CH_VOLTAGE_L3_N, "voltage_l3_n")                                                                       \
    X(CH_VOLTAGE_L1_L2, "voltage_l1_l2")                                                                     \
    X(CH_VOLTAGE_L2_L3, "voltage_l2_l3")                                                                     \
    X(CH_VOLTAGE_L3_L1, "voltage_l3_l1")                                                                     \
    X(CH_CURRENT, "current")                                                                                 \
    X(CH_CURRENT_L1, "current_l1")                                                                           \
    X(CH_CURRENT_L2, "current_l2")                                                                           \
    X(CH_CURRENT_L3, "current_l3")                                                                           \
    X(CH_CURRENT_N, "current_n")                                                                             \
    X(CH_ACTIVE_POWER, "active_power")                                                                       \
    X(CH_ACTIVE_POWER_L1, "active_power_l1")                                                                 \
    X(CH_ACTIVE_POWER_L2, "active_power_l2")                                                                 \
    X(CH_ACTIVE_POWER_L3, "active_power_l3")                                                                 \
    X(CH_REACTIVE_POWER, "reactive_power")                                                                   \
    X(CH_REACTIVE_POWER_L1, "reactive_power_l1")                                                             \
    X(CH_REACTIVE_POWER_L2, "reactive_power_l2")                                                             \
    X(CH_REACTIVE_POWER_L3, "reactive_power_l3")                                                             \
    X(CH_APPARENT_POWER, "apparent_power")                                                                   \
    X(CH_APPARENT_POWER_L1, "apparent_power_l1")                                                             \
    X(CH_APPARENT_POWER_L2, "apparent_power_l2")                                                             \
    X(CH_APPARENT_POWER_L3, "apparent_power_l3")                                                             \
    X(CH_POWER_FACTOR, "power_factor")                                                                       \
    X(CH_POWER_FACTOR_L1, "power_factor_l1")                                                                 \
    X(CH_POWER_FACTOR_L2, "power_factor_l2")                                                                 \
    X(CH_POWER_FACTOR_L3, "power_factor_l3")                                                                 \
    X(CH_FREQUENCY, "frequency")                                                                             \
    X(CH_TEMPERATURE, "temperature")                                                                         \
    X(CH_THD_VOLTAGE_L1, "thd_voltage_l1")                                                                   \
    X(CH_THD_VOLTAGE_L2, "thd_voltage_l2")                                                                   \
    X(CH_THD_VOLTAGE_L3, "thd_voltage_l3")                                                                   \
    X(CH_THD_CURRENT_L1, "thd_current_l1")                                                                   \
    X(CH_THD_CURRENT_L2, "thd_current_l2")                                                                   \
    X(CH_THD_CURRENT_L3, "thd_current_l3")                                                                   \
    X(CH_ACTIVE_ENERGY_IMPORT, "active_energy_import")                                                       \
    X(CH_ACTIVE_ENERGY_IMPORT_L1, "active_energy_import_l1")                                                 \
    X(CH_ACTIVE_ENERGY_IMPORT_L2, "active_energy_import_l2")                                                 \
    X(CH_ACTIVE_ENERGY_IMPORT_L3, "active_energy_import_l3")                                                 \
    X(CH_ACTIVE_ENERGY_EXPORT, "active_energy_export")                                                       \
    X(CH_ACTIVE_ENERGY_EXPORT_L1, "active_energy_export_l1")                                                 \
    X(CH_ACTIVE_ENERGY_EXPORT_L2, "active_energy_export_l2")                                                 \
    X(CH_ACTIVE_ENERGY_EXPORT_L3, "active_energy_export_l3")                                                 \
    X(CH_REACTIVE_ENERGY_IMPORT, "reactive_energy_import")                                                   \
    X(CH_REACTIVE_ENERGY_IMPORT_L1, "reactive_energy_import_l1")                                             \
    X(CH_REACTIVE_ENERGY_IMPORT_L2, "reactive_energy_import_l2")                                             \
    X(CH_REACTIVE_ENERGY_IMPORT_L3, "reactive_energy_import_l3")                                             \
    X(CH_REACTIVE_ENERGY_EXPORT, "reactive_energy_export")                                                   \
    X(CH_REACTIVE_ENERGY_EXPORT_L1, "reactive_energy_export_l1")                                             \
    X(CH_REACTIVE_ENERGY_EXPORT_L2, "reactive_energy_export_l2")                                             \
    X(CH_REACTIVE_ENERGY_EXPORT_L3, "reactive_energy_export_l3")                                             \
    X(CH_APPARENT_ENERGY, "apparent_energy")                                                                 \
    X(CH_VOLUME, "volume")                                                                                   \
    X(CH_OPERATING_TIME, "operating_time")                                                                   \
    X(CH_CT_RATIO, "ct_ratio")                                                                               \
    X(CH_VT_RATIO, "vt_ratio")                                                                               \
    X(CH_STATE, "state") /* letter: 0 = A ... 5 = F; breakers: 0 = open, 1 = closed, 2 = tripped */          \
    X(CH_ERROR_CODE, "error_code")                                                                           \
    X(CH_CURRENT_LIMIT, "current_limit")                                                                     \
    X(CH_POWER_LIMIT, "power_limit")                                                                         \
    X(CH_PERCENT_LIMIT, "percent_limit")                                                                     \
    X(CH_RATED_CURRENT, "rated_current")                                                                     \
    X(CH_SESSION_ENERGY, "session_energy")                                                                   \
    X(CH_SESSION_DURATION, "session_duration")

enum channel {
#define CHANNEL_ENUM(constant, name) constant,
    CHANNELS(CHANNEL_ENUM)
#undef CHANNEL_ENUM
        CH_COUNT
};

enum channel_form { CHANNEL_VALUE, CHANNEL_MEAN, CHANNEL_MIN, CHANNEL_MAX, CHANNEL_PARTIAL, CHANNEL_SIGN };

const char *channel_name(enum channel channel);
// Takes a quantity apart: "partial_volume", "current_l1_max", "sign_active_power". False when the plant has
// no such channel.
bool channel_find(const char *quantity, enum channel *ret_channel, enum channel_form *ret_form);

#endif
