// What the files of core/profile share.
#ifndef EDGEWATT_CORE_PROFILE_PROFILE_PRIV_H
#define EDGEWATT_CORE_PROFILE_PROFILE_PRIV_H

#include "core/profile/profile.h"

enum profile_arithmetic { PROFILE_UNSIGNED, PROFILE_SIGNED, PROFILE_FLOATING, PROFILE_TEXT };

struct profile_type_facts {
    int words_min, words_max; // integers may be narrower than their type (3-word counters)
    enum profile_arithmetic arithmetic;
};
extern const struct profile_type_facts profile_types[]; // by enum profile_type

// NULL-terminated, by the enum of the same name.
extern const char *const profile_type_names[],
    *const profile_orders[], *const profile_groups[], *const profile_kinds[],
                                                          *const profile_services[],
                                                              *const profile_confidences[];

// Every number of one register is a whole number in range and fits its type; *ret_problem is a sentence, and
// *ret_key the key it is about, when not.
struct profile_place {
    double fc, address, words;
};
bool profile_place_fits(enum profile_type type, const struct profile_place *place, const char **ret_key,
                        const char **ret_problem);

// The factor that scale_from and its steps make of the product of the scale registers; NaN when no step fits.
double profile_step_scale(const struct profile_register *r, double product);

// text.c: valid UTF-8, control characters and what follows a 0 byte dropped, spaces at the end cut.
void profile_text(const uint16_t *registers, int words, char ret[PROFILE_STRING_WORDS_MAX * 2 + 1]);

// read_register.c: reads one register whose quantity is set already; names of other registers resolve
// because all quantities of *profile are.
enum ew_err profile_register_read(const cJSON *node, struct profile *profile, int index,
                                  struct ew_reason *reason) EW_MUST_CHECK;
// Numbers of a file, shared by registers and commands: a whole number, hexadecimal text, or "$parameter".
void profile_read_place(struct ew_json *o, const char *key, enum ew_presence presence,
                        const struct profile *profile, struct profile_number *ret);
void profile_read_scale(struct ew_json *o, const struct profile *profile, struct profile_number *ret);
// read_command.c: "commands", and what other places that are written share with them.
void profile_read_commands(struct ew_json *o, struct ew_arena *arena, struct profile *profile);
void profile_read_write_place(struct ew_json *o, const struct profile *profile, struct profile_command *c);
void profile_read_raw(struct ew_json *o, const char *key, enum ew_presence presence, double *ret);
// "unit": A, W or % of a place that takes a limit.
void profile_read_limit_unit(struct ew_json *o, struct profile_command *c);
// read_watchdog.c: "watchdog", "keep_alive" and "setup".
void profile_read_watchdog(struct ew_json *o, struct profile *profile);
// error.c: "errors".
size_t profile_errors_memory(const cJSON *tree);
void profile_errors_read(struct ew_json *o, struct ew_arena *arena, struct profile *profile);
// Does the write fit a frame and its type? As profile_place_fits.
bool profile_write_fits(enum profile_type type, const struct profile_place *place, const char **ret_key,
                        const char **ret_problem);
enum ew_err profile_bind_number(const struct profile *profile, const struct profile_number *number,
                                profile_param_fn *param, const void *user, double *ret,
                                struct ew_reason *reason) EW_MUST_CHECK;
// encode.c: a number in registers of the type.
void profile_put_number(enum profile_type type, enum profile_order order, int words, double number,
                        uint16_t *ret_words);

// read_check.c: what can only be said about all registers together.
enum ew_err profile_registers_check(const struct profile *profile, struct ew_reason *reason) EW_MUST_CHECK;

// read_catalogue.c: reference numbers, what the form asks, what the model offers.
size_t profile_catalogue_memory(const cJSON *tree);
void profile_catalogue_read(struct ew_json *o, struct ew_arena *arena, struct profile *profile);

// The index of a parameter, -1 when the profile declares none of that name.
int profile_param_find(const struct profile *profile, const char *name);

#endif
