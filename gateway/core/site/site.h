// The objects of the site file as types, and the rules they must keep. Pure: trees come parsed, results go to
// the caller's storage. schemas/site.schema.json says the same for editors and other programs.
#ifndef EDGEWATT_CORE_SITE_SITE_H
#define EDGEWATT_CORE_SITE_SITE_H

#include "base/json.h"
#include "base/limits.h"
#include <stdint.h>

enum { SITE_VERSION = 1, SITE_ID_MAX = 2147483647, SITE_PARAMS_MAX = 16, SITE_PARTS_MAX = 8 };

struct site_settings { // "site"
    char id[33];       // topic part: a-z 0-9 - _
    char name[EW_NAME_MAX];
    char tz[64]; // IANA name
    char language[8];
    double nominal_voltage_v; // phase to neutral, 100..400, default 230
    char currency[4];         // ISO 4217
};

enum site_bus_type {
    SITE_BUS_RTU,
    SITE_BUS_TCP,
    SITE_BUS_RTU_TCP,
    SITE_BUS_SERVER,
    SITE_BUS_MQTT,
    SITE_BUS_OCPP,
    SITE_BUS_TIC
};

struct site_serial { // SYS-04; defaults 19200, 'E', 1, 300
    int speed_baud;
    char parity; // 'N' 'E' 'O'
    int stop_bits;
    int timeout_ms; // also the answer time-out of TCP buses (default 1000 there), 20..10000
};

struct site_bus {
    int64_t id;
    enum site_bus_type type;
    char name[EW_NAME_MAX];
    char address[EW_HOST_MAX]; // host name or IP, or the serial port
    char location[EW_NAME_MAX];
    int port; // default 502
    struct site_serial serial;
    int poll_ms; // period of the fast groups, 100..3600000, default 1000
    bool on;
    int64_t panel;          // 0 = none
    int64_t quality_device; // 0 = none
};

enum site_phases { SITE_PHASE_L1 = 1, SITE_PHASE_L2 = 2, SITE_PHASE_L3 = 4 }; // bits

struct site_param {
    char name[24];
    double value; // numbers, and hex text as a number; booleans are 0 and 1
};

struct site_device {
    int64_t id, bus;
    char name[EW_NAME_MAX];
    char profile[EW_NAME_MAX]; // "" = unconfigured (DEV-01: missing model)
    int unit;                  // 0..255 (TCP devices behind no gateway answer to 255 or 0)
    int interface, position;   // 0 = none
    char side;                 // 0, 'L', 'R' (old two-sided charge points)
    unsigned phases;           // bits of enum site_phases, 0 = unset
    bool on, exclude_totals, exclude_alarms;
    bool accept_candidate; // the user accepted writes to a profile of confidence "candidate"
    int64_t circuit;       // 0 = other
    int zone_count;
    int64_t zones[EW_ZONES_PER_DEVICE_MAX];
    int param_count;
    struct site_param params[SITE_PARAMS_MAX];
};

// Each reads one object (as in the site file or in a retained config/<kind>/<id>, where "rev" may stand too),
// fills every field (defaults included) and checks what can be checked alone. path is where the node stands,
// for reasons.
enum ew_err site_settings_read(const cJSON *node, const char *path, struct site_settings *ret,
                               struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err site_bus_read(const cJSON *node, const char *path, struct site_bus *ret,
                          struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err site_device_read(const cJSON *node, const char *path, struct site_device *ret,
                             struct ew_reason *reason) EW_MUST_CHECK;

const char *site_bus_type_name(enum site_bus_type type);
// The value of a device's parameter, or fallback.
double site_param(const struct site_device *device, const char *name, double fallback);

// Whole validation of a site tree: version, unknown keys, ids unique and below next_id, references (bus,
// panel, circuit, zones, profile) exist, the key (unit, interface, position, side) unique on its bus
// (DEV-01), names unique, at most EW_CIRCUITS_MAX circuits, the local bus unremovable (BUS-02) ... Each
// problem is given to the callback, in order, at most 100. profile_known may be NULL (profiles are not
// checked then). `arena` needs site_check_memory() bytes.
typedef void site_problem_fn(void *user, const struct ew_reason *problem);
struct site_check {
    bool (*profile_known)(void *user, const char *profile_id);
    site_problem_fn *problem;
    void *user;
    int problems; // result
};
size_t site_check_memory(const cJSON *site);
enum ew_err site_check(const cJSON *site, struct site_check *check, void *memory,
                       size_t memory_size) EW_MUST_CHECK;

#endif
