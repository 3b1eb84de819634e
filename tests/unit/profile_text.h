// A profile out of text with ' for ", for tests that are tables.
#ifndef EDGEWATT_TESTS_PROFILE_TEXT_H
#define EDGEWATT_TESTS_PROFILE_TEXT_H

#include "core/profile/profile.h"

struct test_profile {
    struct profile profile;
    void *memory;
    cJSON *tree;
};

// EW_OK, or what profile_read (or the parser) says.
enum ew_err test_profile_read(const char *text, struct test_profile *ret, struct ew_reason *reason);
// A meter with these registers: the text between the braces of "registers".
enum ew_err test_profile_registers(const char *registers, struct test_profile *ret, struct ew_reason *reason);
void test_profile_done(struct test_profile *profile);

double test_no_params(const void *user, const char *name, double fallback); // a profile_param_fn

#endif
