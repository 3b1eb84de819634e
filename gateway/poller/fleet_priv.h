// Inside of the fleet: fleet.c keeps the registry, apply.c applies the configuration, report.c takes results
// in, memory.c remembers values and forgets stale ones, payload.c writes JSON.
#ifndef EDGEWATT_POLLER_FLEET_PRIV_H
#define EDGEWATT_POLLER_FLEET_PRIV_H

#include "core/command/command.h"
#include "core/topic/topic.h"
#include "poller/fleet.h"
#include "poller/intake.h"
#include "poller/station.h"
#include "poller/worker.h"

enum { TOLD_COUNT = 2 };    // EV plug, domestic socket
enum { STALE_PERIODS = 3 }; // a value not read for that long is published once as null

enum bus_state { BUS_UNKNOWN, BUS_ON, BUS_OFF, BUS_ERROR };
enum device_state { DEVICE_UNKNOWN, DEVICE_ON, DEVICE_OFF, DEVICE_ERROR, DEVICE_FAULT, DEVICE_UNCONFIGURED };

struct bus {
    int64_t id;
    bool configured; // false: its config object is gone, it waits for the end of its thread
    bool confirmed;  // its object came since fleet_begin_config
    struct site_bus config;
    bool bad; // the object could not be read: reason says why
    struct ew_reason bad_reason;

    struct worker *worker;
    struct mb_options line; // of the worker
    unsigned number;        // of the worker
    bool ending;            // worker_stop was called
    bool give;              // the worker does not have the present recipes yet

    enum bus_state state;
    bool has_reason;
    struct ew_reason reason;
    int64_t since_ms; // wall clock
    struct bus_figures figures;
    bool over_full;
    int64_t polls_before, errors_before; // of earlier workers
    bool down;                           // as the worker says
    struct ew_reason down_reason;
};

struct remembered {  // of one register
    int64_t read_ms; // when it was last read, or when waiting for it began
    double number;
    uint64_t raw;
    char *text; // strings
    bool known; // was ever read
    bool good, single;
    bool nulled; // the null for a stale value is out
    bool shown;  // in the message that is retained
};

struct group_memory {
    struct ew_timer timer; // for the first value that goes stale
    struct device *device;
    enum profile_group group;
    int64_t up_ms, wall_ms; // of the retained message, 0 = none
};

struct device {
    struct fleet *fleet;
    int64_t id;
    bool configured; // false: to be forgotten by the next apply
    bool confirmed;  // its object came since fleet_begin_config
    struct site_device config;
    bool bad;
    struct ew_reason bad_reason;
    int64_t seen_ms; // when its config object came

    uint8_t *learnt;           // [recipe->profile->register_count] what it taught (plan.h), NULL = nothing
    struct recipe *recipe;     // NULL = not polled
    struct remembered *memory; // [recipe->profile->register_count]
    struct group_memory groups[PROFILE_GROUP_COUNT];
    unsigned published; // bits of groups with a retained topic

    enum result_state said; // by the worker, for this recipe
    bool said_has_reason;
    struct ew_reason said_reason;
    struct station station;                  // charge points
    struct station_shown shown;              // as published
    int64_t station_number;                  // of this recipe's: jobs of an earlier one are not for this one
    struct output outputs[SITE_OUTPUTS_MAX]; // beside config.outputs, the impulses and blinkers
    struct ew_timer outputs_timer;
    bool outputs_checked;        // what a restart cut short was ended
    struct command_shown {       // the last one's outcome
        char id[COMMAND_ID_MAX]; // "" = there was none
        bool ok;
        struct ew_reason reason;
        int64_t up_ms;
    } command;
    struct switch_told { // of the EV plug and the domestic socket: the last order carried out
        int64_t wall_ms; // 0 = none since the device is read
        bool on;
    } told[TOLD_COUNT];
    bool fault; // a charge point says so itself
    struct ew_reason fault_reason;

    enum device_state state; // as published
    bool has_reason;
    struct ew_reason reason;
    int64_t since_ms;
    bool down_with_bus; // its bus is why it is in error
};

struct known_profile {
    char id[EW_NAME_MAX];
    uint64_t hash; // of the payload last seen
};

struct underway; // command.c

struct fleet {
    struct fleet_options options;
    struct shelf *shelf;
    struct intake intake;
    struct ew_timer apply_timer, again_timer, lessons_timer;
    cJSON *lessons; // lessons.c
    struct ew_buf buf;
    bool stopping;
    unsigned workers_started;
    struct greenup_stations greenup;
    double nominal_v; // phase to neutral, of the site
    struct command_book book;
    struct underway *underway; // commands whose answer is still to come, and who waits for it
    int underway_count;
    int64_t commands_taken;
    int64_t meter; // device from which the charging controller decides, 0 = none
    int bus_count, device_count, profile_count;
    struct bus *buses[EW_BUSES_MAX];        // by id
    struct device *devices[EW_DEVICES_MAX]; // by id
    struct known_profile profiles[EW_PROFILES_MAX];
    char share_dir[4096], data_dir[4096];
};

// ---- fleet.c ---------------------------------------------------------------------------------------------
struct bus *fleet_bus(const struct fleet *fleet, int64_t id);
struct device *fleet_device(const struct fleet *fleet, int64_t id);
// Gives a job to a bus. EW_E_UNKNOWN (inlet.no_bus) without such a bus or while it is off, EW_E_FULL
// (inlet.full): the job is freed, and nobody else is told.
enum ew_err fleet_ask(struct fleet *fleet, int64_t bus, struct inlet_job *job,
                      struct ew_reason *reason) EW_MUST_CHECK;
void fleet_apply_soon(struct fleet *fleet, int delay_ms);
// apply.c
void fleet_apply(struct ew_timer *timer, int64_t now_ms);
void fleet_stop_worker(struct bus *bus);

// ---- lessons.c -------------------------------------------------------------------------------------------
// What devices taught, kept in run/lessons.json over restarts of the poller.
void lessons_load(struct fleet *fleet);
void lessons_free(struct fleet *fleet); // writes what is not yet written
// Puts what the device taught before into the recipe; forgets it when it was another device or profile.
void lessons_recall(struct fleet *fleet, struct recipe *recipe);
// Takes the worker's word. True when the list of refused registers is another one now.
bool lessons_take(struct fleet *fleet, struct device *device, const uint8_t *learnt);
bool lessons_any_refused(const struct device *device);
void lessons_forget(struct fleet *fleet, int64_t device);

// ---- report.c --------------------------------------------------------------------------------------------
void fleet_take_result(void *user, struct result *result);
// Works out how the device or the bus is and publishes that when it has changed.
void fleet_review_device(struct fleet *fleet, struct device *device);
void fleet_review_bus(struct fleet *fleet, struct bus *bus);
void fleet_set_device_state(struct fleet *fleet, struct device *device, enum device_state state,
                            const struct ew_reason *reason);
void fleet_set_bus_state(struct fleet *fleet, struct bus *bus, enum bus_state state,
                         const struct ew_reason *reason);
// over_full.c: is more wanted of the line than it can carry? Then what to change.
bool fleet_over_full(struct bus *bus, struct ew_reason *ret);
// What the device's bus keeps from working, NULL = nothing.
const struct ew_reason *fleet_bus_trouble(const struct fleet *fleet, const struct device *device);

// ---- station.c -------------------------------------------------------------------------------------------
// What is due for a charge point: called whenever something about it may have changed.
void station_review(struct fleet *fleet, struct device *device);
// A pass over its group `charge` is in the memory.
void station_heard(struct fleet *fleet, struct device *device, int64_t read_ms);
// It answers again: a power cut may have cost it what it was told.
void station_back(struct device *device);
void station_end(struct device *device);
// watchdog.c: does it have to be set up before a limit is written?
bool station_minds_setup(const struct device *device);
// Returns when to come again.
int64_t station_mind_watchdog(struct fleet *fleet, struct device *device, int64_t now_ms);
// limit.c: a limit as requests on the bus.
int32_t limit_ma_of(double a); // -1 = no current
// What was last read of a quantity; NULL = it is not known, or stale.
const struct remembered *limit_heard(const struct device *device, const char *quantity);
// unit.c: how the command `limit` and the fallback of the watchdog tell currents, as the station draws just
// now.
void limit_units(const struct fleet *fleet, struct device *device);
// The register that tells what is in force, -1 = none.
int limit_register(const struct profile *profile);
// What the station offers, as last read: its limit, or nothing while it is not released. -1 = not known.
int32_t limit_in_force_ma(const struct device *device);
// Is its contactor closed (states C and D)?
bool limit_charges(const struct device *device, bool *ret_known);
void limit_add(const struct device *device, struct inlet_job *job, int32_t limit_ma); // and reads it back
void limit_add_writes(const struct device *device, struct inlet_job *job, int32_t limit_ma); // alone
void limit_add_alive(const struct device *device, struct inlet_job *job);
void limit_alive_wrote(struct device *device, bool alone, bool done);
// Whether all of it was written, and what is in force then (-1 = not read back).
bool limit_done(struct device *device, const struct inlet_job *job, int32_t *ret_back_ma);
// Writes the sign of life when it is due; returns when to come again.
int64_t station_mind_alive(struct fleet *fleet, struct device *device, int64_t now_ms);
// switching.c: one phase or three.
void switching_heard(struct device *device, int64_t read_ms);
enum ew_err switching_may(const struct device *device, struct ew_reason *reason) EW_MUST_CHECK;
// Keeps the limit at nothing and puts that in front of the switch.
void switching_begin(struct device *device, struct inlet_job *job);
void switching_done(struct fleet *fleet, struct device *device, const struct inlet_job *job);
// governed.c: config/settings/greenup, NULL = there is none.
void governed_read(struct greenup_stations *greenup, const cJSON *tree);

// ---- command.c -------------------------------------------------------------------------------------------
// A pass over the group `state` is in the memory.
void command_heard(struct fleet *fleet, struct device *device);
void command_end(struct device *device);
void command_drop_all(struct fleet *fleet);
// May the device be written to at all?
bool fleet_may_write(const struct device *device, struct ew_reason *why);

// ---- memory.c --------------------------------------------------------------------------------------------
// Takes over the reference of the recipe (NULL: the device is not polled). Topics that go with the old recipe
// alone are cleared.
void memory_begin(struct device *device, struct recipe *recipe);
// True when there is something to publish.
bool memory_pass(struct device *device, const struct result *result);
bool memory_is_stale(const struct device *device, int index, int64_t now_ms);
// The period that the line can really keep for this group.
int memory_period_ms(const struct device *device, enum profile_group group);

// ---- payload.c -------------------------------------------------------------------------------------------
void payload_bus(struct ew_buf *buf, const struct bus *bus);
void payload_device(struct ew_buf *buf, const struct device *device);
void payload_group(struct ew_buf *buf, const struct device *device, enum profile_group group);
// charge.c: EV plug, domestic socket and leave to charge are told in a word, not as a raw value.
bool payload_is_switch(const char *quantity);
void payload_switches(struct ew_jw *w, const struct device *device);
void told_note(struct device *device, const struct command *command, bool ok); // device may be NULL
void payload_command(struct ew_jw *w, const struct device *device);
// charge.c: whether and what is written to a charge point.
void payload_station(struct ew_jw *w, const struct device *device);
void payload_group_topic(topic_text topic, int64_t device, enum profile_group group);

void fleet_retain(struct fleet *fleet, const char *topic, const struct ew_buf *payload);
void fleet_publish_bus(struct fleet *fleet, const struct bus *bus);
void fleet_publish_device(struct fleet *fleet, const struct device *device);
void fleet_publish_group(struct fleet *fleet, struct device *device, enum profile_group group);
void fleet_clear_group(struct fleet *fleet, struct device *device, enum profile_group group);

#endif
