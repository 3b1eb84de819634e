// A profile says how a model is read and commanded (DESIGN "Profiles", schemas/profile.schema.json). This
// header is the parsed form and the decoder of registers; reading plans are in core/plan. Pure.
#ifndef EDGEWATT_CORE_PROFILE_PROFILE_H
#define EDGEWATT_CORE_PROFILE_PROFILE_H

#include "base/arena.h"
#include "base/json.h"
#include "base/limits.h"
#include <stdint.h>

enum {
    PROFILE_REGISTERS_MAX = 512,
    PROFILE_NAME_MAX = 40, // quantity, parameter, state names
    PROFILE_STRING_WORDS_MAX = 32,
    PROFILE_SCALE_STEPS_MAX = 8,
    PROFILE_STATES_MAX = 32,
    PROFILE_PARAMS_MAX = 16,
    PROFILE_IDENTIFY_MAX = 8,
    PROFILE_CATALOGUE_MAX = 40,
    PROFILE_NUMBER_MAX = 16, // a maker's reference number, as people write it
    PROFILE_OFFERS_MAX = 64,
    PROFILE_COMMANDS_MAX = 80, // 63 outputs and what else there is
    PROFILE_ALSO_MAX = 2,
    PROFILE_SETUP_MAX = 3,
    PROFILE_ALIVE_MAX = 4,
    PROFILE_ERRORS_MAX = 60,
    PROFILE_ERROR_WORD_MAX = 64
};

enum profile_confidence { PROFILE_NONE, PROFILE_CANDIDATE, PROFILE_DRIVER, PROFILE_DOCUMENT };
enum profile_kind {
    PROFILE_METER,
    PROFILE_BREAKER,
    PROFILE_STATION,
    PROFILE_PULSE,
    PROFILE_IO,
    PROFILE_VIRTUAL
};
// What is consumed where the device measures; it tells gas from water, which are both a volume.
enum profile_service { PROFILE_ELECTRICITY, PROFILE_GAS, PROFILE_WATER };
enum profile_group {
    PROFILE_INSTANT,
    PROFILE_ENERGY,
    PROFILE_QUALITY,
    PROFILE_HARMONICS,
    PROFILE_STATISTICS,
    PROFILE_INFO,
    PROFILE_STATE,
    PROFILE_CHARGE,
    PROFILE_LINKS,
    PROFILE_GROUP_COUNT
}; // the last three feed device/<id>/state, /charge and /links
enum profile_type {
    PROFILE_BOOL,
    PROFILE_U16,
    PROFILE_S16,
    PROFILE_U32,
    PROFILE_S32,
    PROFILE_U64,
    PROFILE_S64,
    PROFILE_F32,
    PROFILE_F64,
    PROFILE_STRING
};
enum profile_order {
    PROFILE_MSW,
    PROFILE_LSW
}; // most or least significant register first; bytes are always big-endian

// A number in a profile that the device's parameters may give: `"address": "$register"` (DEV-07).
struct profile_number {
    double value; // used when param is empty
    char param[PROFILE_NAME_MAX];
};

struct profile_scale_step { // piecewise: the scale of the last step whose `from` is <= the product of the
                            // scale registers
    double from, scale;
};

struct profile_register {
    char quantity[PROFILE_NAME_MAX];
    enum profile_group group;
    struct profile_number fc;      // 1..4
    struct profile_number address; // 0-based
    int per_position;              // added to the address for each position above 1 (pulse inputs); 0 = none
    struct profile_number words;   // registers (bits for fc 1, 2: always 1)
    struct profile_number scale;   // raw * scale = the unit's value
    enum profile_type type;
    enum profile_order order;
    char unit[12]; // SI: V A W var VA Hz Wh varh VAh dm3 % degC s "" (factor)
    int nan_count;
    uint64_t nan[4]; // raw patterns that mean "no value"; float NaN and Inf always do
    // scale_from: the value is multiplied by the product of up to two other registers of the profile, or,
    // with steps, by the step chosen by that product. -1 = none. Registers named here are read first (group
    // info or the same).
    int scale_from[2];
    int step_count;
    struct profile_scale_step steps[PROFILE_SCALE_STEPS_MAX];
    int sign_from; // index of a register; the value is negative when that raw value is in sign_negative
    uint64_t sign_negative;
    uint64_t mask; // applied to the raw value after shift; 0 = none
    int shift;
    double divide_above; // quirk "frequency sometimes ten times too big": value/10 when above; 0 = off
    bool four_quadrant;  // a power factor written over -2..2 (Schneider): |x| > 1 means 2 - |x|, sign kept
    bool hidden;         // a helper named by scale_from or sign_from: read, never published
};

struct profile_limits {
    int max_registers; // per request, 1..125, default 125
    int max_bits;      // per request, 1..2000
    int gap_ms;        // silence before the next request, default 0
    int timeout_ms;    // shortest useful answer time-out, 0 = the bus's
    bool holes;        // reading undeclared registers between declared ones is allowed
    bool one_value;    // one quantity a request
};

struct profile_state { // raw value of a station's or breaker's state register -> our letter or word
    uint64_t raw;
    char state[16]; // "A".."F" for stations, "open" "closed" "tripped" for breakers
};

struct profile_identity { // what the register that names the model holds
    uint64_t raw;         // used when text is empty
    char text[24];        // a string register begins with it
};

enum profile_ask {         // what the form of a device asks beside its address
    PROFILE_ASK_SUPPLY,    // which way the current flows through the sensor (DEV-03, DEV-05)
    PROFILE_ASK_POSITION,  // input of a concentrator (DEV-04)
    PROFILE_ASK_SIDE,      // of a charge point with two (DEV-06)
    PROFILE_ASK_PHASE,     // of a single-phase charge point (DEV-06)
    PROFILE_ASK_INTERFACE, // remote addressing, as 2-1 (DEV-03)
    PROFILE_ASK_COUNT
};

struct profile_param {
    char name[PROFILE_NAME_MAX];
    double min, max, preset;
    bool required;
};

enum profile_limit_unit { PROFILE_LIMIT_A, PROFILE_LIMIT_W, PROFILE_LIMIT_PERCENT }; // core/profile/limit.h

// A place that is written: an entry of "commands", or of "watchdog".
struct profile_command {
    char name[PROFILE_NAME_MAX];   // limit, release, phases, plug, socket, output_<n>, reset_<what>
    struct profile_number fc;      // 5, 6, 15, 16
    struct profile_number address; // 0-based
    struct profile_number scale;   // raw * scale = the unit (limit, fallback); of everything else 1
    enum profile_limit_unit unit;  // of the limit and the fallback
    enum profile_type type;
    enum profile_order order;
    int words;
    bool readable;  // the same place can be read, by function 1 or 3
    bool input;     // of a place that is only read: by function 4 instead
    int read_back;  // index of the register that tells what is in force; -1 = the same place
    double on, off; // raw: of switches (phases: three, one); of a reset `on` is what is written
    // The limit alone.
    struct profile_number phases; // of a limit in W: on how many a vehicle draws that is not seen drawing yet
    double minimum_a;             // smallest current that can be set, but for 0
    double step_a;                // what is written is a multiple of this; 0 = as fine as the scale
    double off_a;                 // what is written for "no charging"
    bool wears;                   // kept in a memory that wears out: written on change only
    int min_interval_s;           // ... and not raised again sooner than this; lowering never waits
    int repeat_s;   // the station forgets a limit that is not written again: after this long; 0 = it keeps it
    int also_count; // places that take the same value (a limit for each phase), written one after the other
    uint16_t also[PROFILE_ALSO_MAX];
    // The phases alone: how long nothing must have flowed before, and how long after the last switch.
    int pause_s, rest_s;
};

enum profile_feed {
    PROFILE_FEED_LIMIT, // writing the limit
    PROFILE_FEED_ANY,   // any request
    PROFILE_FEED_ALIVE  // the sign of life (struct profile_alive)
};

// What a station does when nobody feeds it: after the time-out it falls to the fallback current.
struct profile_watchdog {
    bool there;
    struct profile_command timeout;
    double unit_s;                   // seconds of one count: 1, or 0.001
    double timeout_s;                // what is set
    struct profile_command fallback; // name "" = the station's own, not known
    // Where the two are read when it is not where they are written; name "" = the same place.
    struct profile_command timeout_read, fallback_read;
    enum profile_feed feed;
};

// A place that wants to be written again and again, or the station takes its master for dead.
struct profile_alive {
    bool there;
    struct profile_command place;
    int value_count; // written in turn: one, or 0 and 1 for a bit that has to toggle
    double values[PROFILE_ALIVE_MAX];
    double every_s;    // how often it is written
    double timeout_s;  // how long the station waits; 0 = what its watchdog is set to, or not known
    double fallback_a; // what it offers then by itself; -1 = not known, or what its watchdog is set to
};

struct profile_error { // what the maker calls a value, or a bit, of the register "error_code"
    uint64_t raw;
    char word[PROFILE_ERROR_WORD_MAX];
};

struct profile {
    char id[EW_NAME_MAX], family[EW_NAME_MAX], model[EW_NAME_MAX], version[16];
    enum profile_kind kind;
    enum profile_service service; // default electricity
    enum profile_confidence confidence;
    struct profile_limits limits;
    int register_count;
    struct profile_register *registers; // in the arena
    int state_register;                 // index, -1 = none
    int state_count;
    struct profile_state states[PROFILE_STATES_MAX];
    int param_count;
    struct profile_param params[PROFILE_PARAMS_MAX];
    int reference_count, evidence_count;
    int command_count;
    struct profile_command *commands; // in the arena
    struct profile_watchdog watchdog;
    struct profile_alive alive;
    int setup_count; // what has to stand in the station before it follows a limit: `on` is the value
    struct profile_command setup[PROFILE_SETUP_MAX];
    bool error_bits; // of the errors: each bit is one
    int error_count;
    struct profile_error *errors; // in the arena
    int identify_register;        // index of the register that names the model, -1 = none is known
    int identify_count;
    struct profile_identity identify[PROFILE_IDENTIFY_MAX];
    unsigned asks;                    // bits of enum profile_ask
    int catalogue_count, offer_count; // both lists in the arena
    char (*catalogue)[PROFILE_NUMBER_MAX];
    char (*offers)[PROFILE_NAME_MAX]; // what a model without a public table could tell
};

// Bytes of arena that profile_read needs for this tree.
size_t profile_memory(const cJSON *tree);

// Reads a profile tree (already merged with what it extends: library/library.h). Refused with path and
// sentence: unknown keys, two quantities of one name, registers that overlap with different meaning,
// addresses beyond 65535, types that do not fit words, scale_from/sign_from that name nothing, unknown
// quantities of the vocabulary.
enum ew_err profile_read(const cJSON *tree, struct ew_arena *arena, struct profile *ret,
                         struct ew_reason *reason) EW_MUST_CHECK;

// Modules that share an address, as one profile (DEV-03): registers and commands of all of them, limits that
// all bear. modules[0] gives the name and the kind. Refused when two do the same (device.duplicate_function)
// or can't stand beside each other (device.parts). The arena holds profile_compose_memory bytes; strings of
// the catalogue stay those of modules[0].
size_t profile_compose_memory(const struct profile *const *modules, int count);
enum ew_err profile_compose(const struct profile *const *modules, int count, struct ew_arena *arena,
                            struct profile *ret, struct ew_reason *reason) EW_MUST_CHECK;

// What the registers of one device come to after its parameters are put in: profile_register without
// profile_number.
struct profile_bound {
    uint8_t fc;
    uint16_t address;
    uint8_t words;
    double scale;
};
// EW_E_INVALID with the parameter's name when one is missing or out of range.
typedef double profile_param_fn(const void *user, const char *name, double fallback);
enum ew_err profile_bind(const struct profile *profile, int index, profile_param_fn *param, const void *user,
                         struct profile_bound *ret, struct ew_reason *reason) EW_MUST_CHECK;

enum ew_err profile_bind_command(const struct profile *profile, const struct profile_command *command,
                                 profile_param_fn *param, const void *user, struct profile_bound *ret,
                                 struct ew_reason *reason) EW_MUST_CHECK;

// On how many phases a vehicle draws that is not seen drawing yet (limits in W); 1 for all others.
enum ew_err profile_bind_phases(const struct profile *profile, profile_param_fn *param, const void *user,
                                int *ret, struct ew_reason *reason) EW_MUST_CHECK;

enum profile_quality { PROFILE_GOOD, PROFILE_NO_VALUE /* NaN sentinel */, PROFILE_NOT_READ };
struct profile_value {
    enum profile_quality quality;
    bool single; // came from an f32: print with float's shortest text
    double number;
    uint64_t raw;                                // after mask and shift
    char text[PROFILE_STRING_WORDS_MAX * 2 + 1]; // strings only; valid UTF-8, control characters dropped
};

// Index of a command, -1 when the profile has none of that name.
int profile_find_command(const struct profile *profile, const char *name);
// Registers (bits: 0 or 1) for a value of the command: its unit for limit and fallback, s for a time-out, raw
// for the others.
void profile_encode_command(const struct profile_command *command, const struct profile_bound *bound,
                            double value, uint16_t ret_words[4]);
// The inverse: what the registers written, or read back from the same place, say. NaN when it is no number.
double profile_decode_command(const struct profile_command *command, const struct profile_bound *bound,
                              const uint16_t *words);

// What a switch's register of its own says: what is written for on or off, else anything but 0 is on.
bool profile_switched_on(const struct profile_command *command, uint64_t raw);

// Index of a quantity's register, -1 when the profile has none.
int profile_find(const struct profile *profile, const char *quantity);

// The raw 64-bit pattern of `words` registers in the given order (bits for fc 1 and 2: registers[0] is 0 or
// 1).
uint64_t profile_raw(enum profile_type type, enum profile_order order, const uint16_t *registers, int words);
// Decodes register `index` without scale_from and sign_from.
void profile_decode(const struct profile *profile, int index, const struct profile_bound *bound,
                    const uint16_t *registers, struct profile_value *ret);
// Applies scale_from, sign_from and divide_above to values[index], from the other values (of this or an
// earlier pass). A value whose scale or sign register has no value has none either.
void profile_finish(const struct profile *profile, int index, struct profile_value *values);
// A device whose current flows the other way through its sensor (DEV-03, DEV-05) tells powers with the wrong
// sign and energies under the wrong name. Returns the index that the value of `index` belongs to; turns the
// sign of *number where it has a direction.
int profile_reversed(const struct profile *profile, int index, double *number);
// The letter or word of a raw state; NULL when the profile does not know it.
const char *profile_state_name(const struct profile *profile, uint64_t raw);
// What the maker calls this error: its word, or those of its bits with a comma between; "" = the profile does
// not know.
void profile_error_words(const struct profile *profile, uint64_t raw, char *dst, size_t size);
// The inverse of decode, for the simulator: registers for a value in SI units (NaN: the first sentinel, or
// 0).
void profile_encode(const struct profile *profile, int index, const struct profile_bound *bound, double value,
                    double scale_product, uint16_t *ret_registers);
// The same for a string: cut, or filled with 0 bytes.
void profile_encode_text(const struct profile_bound *bound, const char *text, uint16_t *ret_registers);

const char *profile_group_name(enum profile_group group); // "instant" ...
const char *profile_kind_name(enum profile_kind kind);
const char *profile_service_name(enum profile_service service);
bool profile_service_find(const char *name, enum profile_service *ret);
const char *profile_confidence_name(enum profile_confidence confidence);
const char *profile_type_name(enum profile_type type);

extern const char *const profile_asks[]; // "supply" ..., NULL-terminated

// The one vocabulary (quantity.c). *ret_unit (may be NULL) is its SI unit, "" for factors, states and counts.
// Besides DESIGN's quantities, stations have: "state" (raw; see states), "current_limit" (A, read back;
// of a limit in other units "power_limit" in W or "percent_limit" of the rated current), "rated_current" (A;
// where no register has it, a parameter of that name does), "session_energy" (Wh), "session_duration" (s),
// "error_code" (raw), "release" (raw: may it charge at all), "plug" and "socket" (raw: are the EV plug and
// the domestic socket switched on; see profile_switched_on). Breakers: "state". "ct_ratio", "vt_ratio" for
// scale_from, and "sign_<quantity>" for sign_from. Modules that are linked to each other (LNK-01) have, by
// number of the link, "link_action_<n>" (address of the module that acts on an event of this one; 0 = no
// link), "link_event_<n>" (address of the module on whose event this one acts), "link_interface_<n>"
// (interface of that module, remote addressing) and "link_error_<n>" (raw; 0 = none).
bool profile_quantity_known(const char *quantity, const char **ret_unit);
// The vocabulary one by one, without statistics and partial counters, of harmonics and numbered things the
// first: false behind the last.
bool profile_quantity_at(int index, char ret[PROFILE_NAME_MAX]);
// Quantities of this unit only count up: energies and volumes.
bool profile_unit_counts(const char *unit);

#endif
