// A register table under test: which values can't be true, and what would make them likely.
#include "check.h"

#include "core/profile/plausible.h"
#include "profile_text.h"
#include <stdio.h>
#include <string.h>

enum { NOMINAL_V = 230 };

static void put_fix(char *dst, size_t size, const struct profile_fix *fix)
{
    const char *what = profile_fix_name(fix->what);
    if (fix->what == PROFILE_FIX_ORDER)
        snprintf(dst, size, "%s %s %g", what, fix->order == PROFILE_LSW ? "lsw" : "msw", fix->value);
    else if (fix->what == PROFILE_FIX_TYPE)
        snprintf(dst, size, "%s %s %g", what, profile_type_name(fix->type), fix->value);
    else
        snprintf(dst, size, "%s %g %g", what, fix->scale, fix->value);
}

static void check(const char *quantity, const char *rest, const uint16_t *words, double nominal_v,
                  const char *looks, const char *fixes)
{
    char text[200], found[120] = "";
    struct test_profile t;
    struct ew_reason why;
    struct profile_bound bound;
    struct profile_value value;
    struct profile_verdict verdict;
    snprintf(text, sizeof(text), "'%s':{'fc':3,'address':0,'group':'instant',%s}", quantity, rest);
    if (test_profile_registers(text, &t, &why) != EW_OK)
        fail_msg("%s: %s: %s", text, why.path, why.text);
    assert_int_equal(profile_bind(&t.profile, 0, test_no_params, NULL, &bound, &why), EW_OK);
    profile_decode(&t.profile, 0, &bound, words, &value);
    profile_finish(&t.profile, 0, &value);
    profile_judge(&t.profile, 0, &bound, words, &value, nominal_v, &verdict);
    for (int i = 0; i < verdict.fix_count; i++) {
        put_fix(found + strlen(found), sizeof(found) - strlen(found), &verdict.fixes[i]);
        strncat(found, "; ", sizeof(found) - strlen(found) - 1);
    }
    if (strcmp(profile_looks_name(verdict.looks), looks) != 0 || strcmp(found, fixes) != 0)
        fail_msg("%s %s: %s, %s", quantity, rest, profile_looks_name(verdict.looks), found);
    test_profile_done(&t);
}

static void an_unlikely_value_is_told_with_what_would_make_it_likely(void **state)
{
    (void)state;
    static const struct {
        const char *quantity, *rest;
        uint16_t words[4];
        const char *looks, *fixes;
    } cases[] = {
        {"voltage_l1_n", "'type':'u16'", {2300}, "odd", "scale 0.1 230; "},
        {"voltage_l1_n", "'type':'u16','scale':0.1", {2300}, "good", ""},
        {"voltage_l1_l2", "'type':'u16','scale':0.1", {4000}, "good", ""},
        {"voltage_l1_l2", "'type':'u16','scale':0.1", {2300}, "odd", ""},
        {"voltage_l1_n_mean", "'type':'u16'", {230}, "good", ""},
        {"voltage_l1_n", "'type':'f32'", {0x4000, 0x4367}, "odd", "order lsw 231.25; "},
        {"voltage_l1_n", "'type':'f32','order':'lsw'", {0x4367, 0x4000}, "odd", "order msw 231.25; "},
        {"voltage_l1_n", "'type':'u32'", {0x4367, 0x4000}, "odd", "type f32 231.25; "},
        {"frequency", "'type':'u16','scale':0.1", {5000}, "odd", "scale 0.01 50; "},
        {"active_power", "'type':'u32'", {65535, 65000}, "odd", "type s32 -536; "},
        {"active_power", "'type':'s32'", {500, 0}, "odd", "order lsw 500; "},
        {"active_power", "'type':'s32'", {0, 0}, "zero", ""},
        {"power_factor", "'type':'s16'", {985}, "odd", "scale 0.001 0.985; scale 0.0001 0.0985; "},
        {"current_l1", "'type':'f32'", {0x4060, 0}, "good", ""},
        {"current_l1", "'type':'u16'", {12500}, "odd", "scale 0.001 12.5; "},
        {"current_l1", "'type':'u16','nan':['0xFFFF']", {65535}, "none", ""},
        {"active_energy_import", "'type':'u32'", {1, 1}, "good", ""},
        {"partial_active_energy_import", "'type':'s32'", {65535, 65530}, "odd", "type u32 4.29497e+09; "},
        {"error_code", "'type':'u16'", {7}, "unknown", ""},
        {"serial_number", "'type':'string','words':2", {0x4142, 0x4300}, "unknown", ""},
        {"temperature", "'type':'u16'", {900}, "odd", ""},
        {"active_power",
         "'type':'u32','mask':'0x7FFFFFFF'",
         {0x4A01, 0x4A01},
         "odd",
         "scale 0.001 1.2416e+06; "}, // bits are no fraction
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        check(cases[i].quantity, cases[i].rest, cases[i].words, NOMINAL_V, cases[i].looks, cases[i].fixes);
    static const uint16_t japan[] = {100, 0};
    check("voltage_l1_n", "'type':'u16'", japan, 100, "good", "");
    check("voltage_l1_n", "'type':'u16'", japan, NOMINAL_V, "odd", "");
}

// Its sign or scale is another register's: nothing of its own would mend it.
static void what_hangs_on_another_register_is_not_mended_here(void **state)
{
    (void)state;
    struct test_profile t;
    struct ew_reason why;
    struct profile_bound bound;
    struct profile_value values[2] = {{.number = 1e12}, {.number = 1}};
    struct profile_verdict verdict;
    static const uint16_t words[] = {65535, 65000};
    assert_int_equal(
        test_profile_registers("'active_power':{'fc':3,'address':0,'type':'u32','group':'instant',"
                               "'scale_from':{'registers':['ct_ratio']}},"
                               "'ct_ratio':{'fc':3,'address':9,'type':'u16','group':'info'}",
                               &t, &why),
        EW_OK);
    assert_int_equal(profile_bind(&t.profile, 0, test_no_params, NULL, &bound, &why), EW_OK);
    profile_judge(&t.profile, 0, &bound, words, &values[0], NOMINAL_V, &verdict);
    assert_int_equal(verdict.looks, PROFILE_LOOKS_ODD);
    assert_int_equal(verdict.fix_count, 0);
    test_profile_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unlikely_value_is_told_with_what_would_make_it_likely),
        cmocka_unit_test(what_hangs_on_another_register_is_not_mended_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
