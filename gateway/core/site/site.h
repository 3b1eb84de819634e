// The objects of the site file as types, and the rules they must keep. Pure: trees come parsed, results go to
// the caller's storage. schemas/site.schema.json says the same for editors and other programs.
#ifndef EDGEWATT_CORE_SITE_SITE_H
#define EDGEWATT_CORE_SITE_SITE_H

#include "base/json.h"
#include "base/limits.h"
#include "base/rfc3339.h"
#include "core/tariff/tariff.h"
#include <stdint.h>

enum { SITE_VERSION = 1, SITE_ID_MAX = 2147483647, SITE_PARAMS_MAX = 16, SITE_PARTS_MAX = 8 };

struct site_settings {        // "site"
    char id[33];              // topic part: a-z 0-9 - _ (required)
    char name[EW_NAME_MAX];   // default: the id
    char tz[64];              // IANA name (required: money depends on it)
    char language[8];         // one of SYS-02, default "en"
    double nominal_voltage_v; // phase to neutral, 100..400, default 230
    char currency[4];         // ISO 4217, default "EUR"
};

enum site_bus_type {
    SITE_BUS_RTU,
    SITE_BUS_TCP,
    SITE_BUS_RTU_TCP,
    SITE_BUS_SERVER,
    SITE_BUS_MQTT, // these three are reserved names: the readers know them, site_check refuses them
    SITE_BUS_OCPP,
    SITE_BUS_TIC
};

struct site_serial { // SYS-04; defaults 19200, 'E', 1, 300
    int speed_baud;
    char parity; // 'N' 'E' 'O'; in the file "none" "even" "odd", or the letter
    int stop_bits;
    int timeout_ms; // also the answer time-out of TCP buses (default 1000 there), 20..10000
};

struct site_bus {
    int64_t id;
    enum site_bus_type type;
    char name[EW_NAME_MAX];    // default: the address (BUS-03)
    char address[EW_HOST_MAX]; // host name or IP, or the serial port
    char location[EW_NAME_MAX];
    int port; // default 502
    struct site_serial serial;
    int poll_ms; // period of the fast groups, 100..3600000, default 1000
    bool on;
    bool local;             // the local bus of BUS-02: can't be deleted or re-addressed
    int64_t panel;          // 0 = none
    int64_t quality_device; // 0 = none
};

enum site_phases { SITE_PHASE_L1 = 1, SITE_PHASE_L2 = 2, SITE_PHASE_L3 = 4 }; // bits

struct site_param {
    char name[24];
    double value; // numbers, and hex text as a number; booleans are 0 and 1
};

enum { SITE_OUTPUTS_MAX = 16 };

struct site_output { // of a device; those that are not named are normally open and maintained
    int number;
    bool normally_closed; // switched on, the contact opens
    bool blinking;        // on_s on, off_s off, until it is switched off
    double on_s;          // not blinking: an impulse of this length; 0 = maintained
    double off_s;
};

struct site_device {
    int64_t id, bus;
    char name[EW_NAME_MAX];    // default: the address as site_device_address() writes it
    char profile[EW_NAME_MAX]; // "" = unconfigured (DEV-01: missing model)
    int unit;                  // 0..255 (TCP devices behind no gateway answer to 255 or 0)
    int interface, position;   // 0 = none
    char side;                 // 0, 'L', 'R' (old two-sided charge points)
    unsigned phases;           // bits of enum site_phases, 0 = unset
    int phase_count;           // "phases": [2, 3, 1] is a rotated wiring: the device's L1 is the site's L2
    int phase_order[3];        // 1..3 each, in the file's order
    bool on, exclude_totals, exclude_alarms;
    bool downstream;       // "supply": "downstream": the current flows the other way (DEV-03, DEV-05)
    bool accept_candidate; // the user accepted writes to a profile of confidence "candidate"
    int64_t circuit;       // 0 = other
    int zone_count;
    int64_t zones[EW_ZONES_PER_DEVICE_MAX];
    int param_count;
    struct site_param params[SITE_PARAMS_MAX];
    int part_count;                          // DEV-03; see site_part_read
    char parts[SITE_PARTS_MAX][EW_NAME_MAX]; // their profiles, "" = unconfigured
    int output_count;
    struct site_output outputs[SITE_OUTPUTS_MAX];
};

struct site_part { // one module of a group that shares an address
    char name[EW_NAME_MAX];
    char profile[EW_NAME_MAX];
};

enum site_service { SITE_ELECTRICITY, SITE_GAS, SITE_WATER, SITE_SERVICE_COUNT };

struct site_tariff { // CST-01
    int64_t id;
    enum site_service service;
    char name[EW_NAME_MAX];
    int price_count; // >= 1
    struct tariff_price prices[TARIFF_PRICES_MAX];
};

struct site_cost_rule { // CST-02
    int64_t id;
    enum site_service service;
    int64_t order; // the place in the list, in the published object; else 0
    struct tariff_rule rule;
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
enum ew_err site_tariff_read(const cJSON *node, const char *path, struct site_tariff *ret,
                             struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err site_cost_rule_read(const cJSON *node, const char *path, struct site_cost_rule *ret,
                                struct ew_reason *reason) EW_MUST_CHECK;
// Part `index` (0..part_count-1) of a device that site_device_read accepted.
void site_part_read(const cJSON *device_node, int index, struct site_part *ret);

// ---- Green'Up -------------------------------------------------------------------------------------------
enum { SITE_ACCEPTED_MAX = 1024 };

struct site_greenup { // "greenup"; currents in A, shares in %; what is absent has the control notes' default
    bool on, emergency, dedicated;
    bool configured;              // meter, i_max_a and i_chg_a are there
    int64_t meter;                // 0 = none
    double max_a[3], charge_a[3]; // L1, L2, L3; 0 when absent
    double hysteresis_pct, level1_pct, level2_pct, guaranteed_ah, failsafe_a, min_a, hard, step_a;
    double off_limit_a; // 0 = the rated current
    int tick_s, settle_s, up_s, min_off_s, meter_s, station_s, idle_s, starve_s, sample_s;
};
enum ew_err site_greenup_read(const cJSON *node, const char *path, struct site_greenup *ret,
                              struct ew_reason *reason) EW_MUST_CHECK;
// Default priority of a station, of settings that site_greenup_read accepted.
bool site_greenup_priority(const cJSON *node, int64_t device);

// What a person ticked for a station before Green'Up was switched on; kept for ever.
struct site_accepted {
    int64_t device;
    char code[EW_CODE_MAX]; // "greenup.no_watchdog", "greenup.unproven_profile"
    char account[EW_NAME_MAX];
    char at[EW_RFC3339_MAX];
    char text[EW_TEXT_MAX];
};
// Entry number `index` of "accepted"; false behind the last.
bool site_greenup_accepted(const cJSON *node, int index, struct site_accepted *ret);
// What may not be done by a change of the settings alone: switching on (the controller looks first), and
// taking away or making up what was accepted.
enum ew_err site_greenup_change_check(const cJSON *old_site, const cJSON *new_site,
                                      struct ew_reason *reason) EW_MUST_CHECK;

const char *site_bus_type_name(enum site_bus_type type);
// The address as people write it (DEV-03, DEV-04, DEV-06): "5", "2-1" with an interface, then "-3" for the
// position and "-L" or "-R" for the side.
void site_device_address(const struct site_device *device, char dst[32]);
// The value of a device's parameter by the name profiles use: its own, or its place on the bus (unit,
// interface, position), or fallback.
double site_param(const struct site_device *device, const char *name, double fallback);

// ---- Kinds of object --------------------------------------------------------------------------------------
// The kinds that have ids: "bus" stands in the list "buses" and is published as config/bus/<id>.
enum site_kind {
    SITE_BUS,
    SITE_DEVICE,
    SITE_PANEL,
    SITE_CIRCUIT,
    SITE_ZONE,
    SITE_TARIFF,
    SITE_COST_RULE,
    SITE_KIND_COUNT
};
const char *site_kind_name(enum site_kind kind);            // "cost_rule"
const char *site_kind_list(enum site_kind kind);            // "cost_rules"
bool site_kind_find(const char *name, enum site_kind *ret); // by name
// The singletons: "site", "sampling", "csv", "gas", "greenup", "reports", "notifications", "web",
// "modbus_server". NULL-terminated.
extern const char *const site_singletons[];
bool site_singleton_known(const char *name);

// ---- Whole validation -------------------------------------------------------------------------------------
// version, unknown keys, every object, ids unique within their kind, references (bus, panel, circuit, zones,
// tariff, profile) exist, the key (unit, interface, position, side) unique on its bus (DEV-01), names unique,
// at most EW_CIRCUITS_MAX circuits, one local bus at most (BUS-02), no two buses on one line ... Each problem
// is given to the callback, in order, at most 100. next_id may be missing or too low: whoever loads the site
// raises it (site_next_id). `memory` needs site_check_memory() bytes.
typedef void site_problem_fn(void *user, const struct ew_reason *problem);
struct site_check {
    bool (*profile_known)(void *user, const char *profile_id); // may be NULL: profiles are not checked then
    // A closer look at a device that is fine by itself, as at its parameters; may be NULL.
    enum ew_err (*device)(void *user, const struct site_device *device, const char *path,
                          struct ew_reason *reason);
    site_problem_fn *problem; // may be NULL
    void *user;
    int problems; // result: all of them, also those after the hundredth
};
size_t site_check_memory(const cJSON *site);
// EW_E_INVALID when there was a problem.
enum ew_err site_check(const cJSON *site, struct site_check *check, void *memory,
                       size_t memory_size) EW_MUST_CHECK;

// The smallest id that no object of the tree has and that is not below its "next_id".
int64_t site_next_id(const cJSON *site);

// What may not be done from a page though both sites are right: the local bus deleted, re-addressed or made
// another type (BUS-02), a built-in circuit deleted or turned into another (ORG-02), the site's id (it is
// part of every topic), an id moved to another kind of line. The first problem is told.
enum ew_err site_change_check(const cJSON *old_site, const cJSON *new_site,
                              struct ew_reason *reason) EW_MUST_CHECK;

#endif
