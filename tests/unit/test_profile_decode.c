// Registers to values and back.
#include "check.h"

#include "profile_text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

// Prints a value as the tables below write it: %.9g, "-" for no value, text as it is.
static void say(const struct profile *profile, int index, const struct profile_value *value, char out[128])
{
    if (value->quality != PROFILE_GOOD)
        (void)snprintf(out, 128, "-");
    else if (profile->registers[index].type == PROFILE_STRING)
        (void)snprintf(out, 128, "%s", value->text);
    else
        (void)snprintf(out, 128, "%.9g", value->number);
}

static void decode_one(const char *reg, const uint16_t *words, char out[128])
{
    char text[512];
    struct test_profile t;
    struct ew_reason why;
    struct profile_bound bound;
    struct profile_value value;
    (void)snprintf(text, sizeof(text), "'active_power':{'fc':3,'address':0,'group':'instant',%s}", reg);
    if (test_profile_registers(text, &t, &why) != EW_OK)
        fail_msg("%s: %s: %s", reg, why.path, why.text);
    assert_int_equal(profile_bind(&t.profile, 0, test_no_params, NULL, &bound, &why), EW_OK);
    profile_decode(&t.profile, 0, &bound, words, &value);
    profile_finish(&t.profile, 0, &value);
    say(&t.profile, 0, &value, out);
    test_profile_done(&t);
}

static void every_type_order_and_quirk_decodes(void **state)
{
    (void)state;
    static const struct {
        const char *reg;
        uint16_t words[8];
        const char *expected;
    } cases[] = {
        {"'type':'u16'", {0xFFFE}, "65534"},
        {"'type':'s16'", {0xFFFE}, "-2"},
        {"'type':'s16'", {0x7FFF}, "32767"},
        {"'type':'u32'", {0x0001, 0x0000}, "65536"},
        {"'type':'u32','order':'msw'", {0x1234, 0x5678}, "305419896"},
        {"'type':'u32','order':'lsw'", {0x5678, 0x1234}, "305419896"},
        {"'type':'s32'", {0xFFFF, 0xFFFE}, "-2"},
        {"'type':'s32','order':'lsw'", {0xFFFE, 0xFFFF}, "-2"},
        {"'type':'u64'", {0, 0, 0x001D, 0x6A04}, "1927684"},
        {"'type':'u64','order':'lsw'", {0x6A04, 0x001D, 0, 0}, "1927684"},
        {"'type':'s64'", {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}, "-1"},
        {"'type':'u64','words':3", {0, 1, 2}, "65538"}, // Algodue: three words a power
        {"'type':'s64','words':3", {0xFFFF, 0xFFFF, 0xFFFE}, "-2"},
        {"'type':'u64','words':1", {0xFFFF}, "65535"},
        {"'type':'f32'", {0x436C, 0x7998}, "236.474976"},
        {"'type':'f32','order':'lsw'", {0xFEC6, 0x412E}, "10.9372005"},
        {"'type':'f64'", {0x4157, 0xBD3C, 0x8000, 0x0000}, "6223090"},
        {"'type':'bool'", {1}, "1"},
        {"'type':'string','words':3", {0x4331, 0x2020, 0x0041}, "C1"},
        {"'type':'string','words':2", {0xC3A9, 0x0A41}, "éA"}, // UTF-8; a control character dropped
        {"'type':'string','words':2", {0xFF41, 0xC3C3}, "A"},  // bytes that are no UTF-8 dropped
        {"'type':'string','words':2", {0xC285, 0x4142}, "AB"}, // U+0085, a control character too
        {"'type':'u16','scale':0.1", {2301}, "230.1"},
        {"'type':'f32','scale':1000", {0x3F0A, 0x4C64}, "540.228128"},
        {"'type':'s16','scale':-1", {5}, "-5"},
        {"'type':'u16','nan':['0xFFFF']", {0xFFFF}, "-"},
        {"'type':'u16','nan':['0x8000','0xFFFF',65534]", {0xFFFE}, "-"},
        {"'type':'s32','order':'lsw','nan':['0x7FFFFFFF']", {0xFFFF, 0x7FFF}, "-"},
        {"'type':'s64','nan':['0x8000000000000000']", {0x8000, 0, 0, 0}, "-"},
        {"'type':'f32'", {0xFFC0, 0x0000}, "-"}, // NaN of a PM3200
        {"'type':'f32'", {0x7F80, 0x0000}, "-"}, // infinity
        {"'type':'f64'", {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}, "-"},
        {"'type':'f64','scale':1e15", {0x7FEF, 0xFFFF, 0xFFFF, 0xFFFF}, "-"}, // runs over
        {"'type':'u32','mask':'0x7F','shift':8", {0x0000, 0x8400}, "4"},
        {"'type':'u16','mask':'0x0F00'", {0xABCD}, "2816"},
        {"'type':'u16','shift':15", {0x8000}, "1"},
        {"'type':'u16','scale':0.1,'divide_above':100", {5000}, "50"}, // 500 Hz of an SDM72
        {"'type':'u16','scale':0.1,'divide_above':100", {500}, "50"},
        {"'type':'f32','four_quadrant':true", {0x3F9C, 0x3C3A}, "0.779412031"}, // a real PM3200: 1.220588
        {"'type':'f32','four_quadrant':true", {0x3F47, 0x0000}, "0.77734375"},
        {"'type':'f32','four_quadrant':true", {0xBF47, 0x0000}, "-0.77734375"},
        {"'type':'f32','four_quadrant':true", {0xBF9C, 0x3C3A}, "-0.779412031"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char said[128];
        decode_one(cases[i].reg, cases[i].words, said);
        if (strcmp(said, cases[i].expected) != 0)
            fail_msg("{%s}: %s, expected %s", cases[i].reg, said, cases[i].expected);
    }
}

// Four registers as the EMDX3 has them: power in steps of the ratio, its sign, the ratio of CT and of VT.
static const char ratio_registers[] =
    "'active_power':{'fc':3,'address':0,'type':'u32','group':'instant',"
    "  'scale_from':{'registers':['ct_ratio','vt_ratio'],"
    "     'steps':[{'from':0,'scale':0.01},{'from':5000,'scale':1}]},"
    "  'sign_from':{'register':'sign_active_power','negative':1}},"
    "'sign_active_power':{'fc':3,'address':2,'type':'u16','group':'instant','hidden':true},"
    "'ct_ratio':{'fc':3,'address':3,'type':'u16','nan':['0xFFFF'],'group':'info'},"
    "'vt_ratio':{'fc':3,'address':4,'type':'u16','scale':0.01,'group':'info'},"
    "'frequency':{'fc':3,'address':5,'type':'u16','group':'instant',"
    "  'scale_from':{'registers':['ct_ratio']}}";

static void scale_and_sign_come_from_other_registers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t words[6];
        const char *power, *frequency;
    } cases[] = {
        {"small ratio: 0.01 W", {0, 12345, 0, 1, 100, 5}, "123.45", "5"},
        {"negative", {0, 12345, 1, 1, 100, 5}, "-123.45", "5"},
        {"neither 0 nor 1 is positive", {0, 12345, 2, 1, 100, 5}, "123.45", "5"},
        {"last step below 5000", {0, 100, 0, 4999, 100, 1}, "1", "4999"},
        {"5000: 1 W", {0, 100, 0, 5000, 100, 1}, "100", "5000"},
        {"ratio by VT", {0, 100, 1, 100, 5000, 1}, "-100", "100"},
        {"no ratio, no value", {0, 100, 0, 0xFFFF, 100, 1}, "-", "-"},
    };
    struct test_profile t;
    struct ew_reason why;
    if (test_profile_registers(ratio_registers, &t, &why) != EW_OK)
        fail_msg("%s: %s", why.path, why.text);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct profile_value values[5];
        for (int k = 0; k < t.profile.register_count; k++) {
            struct profile_bound bound;
            assert_int_equal(profile_bind(&t.profile, k, test_no_params, NULL, &bound, &why), EW_OK);
            profile_decode(&t.profile, k, &bound, cases[i].words + bound.address, &values[k]);
        }
        char power[128], frequency[128];
        profile_finish(&t.profile, 0, values);
        profile_finish(&t.profile, 4, values);
        say(&t.profile, 0, &values[0], power);
        say(&t.profile, 4, &values[4], frequency);
        if (strcmp(power, cases[i].power) != 0 || strcmp(frequency, cases[i].frequency) != 0)
            fail_msg("%s: %s and %s", cases[i].name, power, frequency);
    }
    // A helper that was never read leaves no value either.
    struct profile_value values[5] = {
        {.number = 1}, {.quality = PROFILE_NOT_READ}, {.number = 1}, {.number = 1}, {.number = 1}};
    profile_finish(&t.profile, 0, values);
    assert_int_equal(values[0].quality, PROFILE_NO_VALUE);
    test_profile_done(&t);
}

static void single_floats_are_marked(void **state)
{
    (void)state;
    struct test_profile t;
    struct ew_reason why;
    struct profile_value value;
    const struct profile_bound bound = {.fc = 3, .words = 4, .scale = 1};
    const uint16_t words[4] = {0x3F80, 0, 0, 0};
    assert_int_equal(
        test_profile_registers("'current_l1':{'fc':3,'address':0,'type':'f32','group':'instant'},"
                               "'current_l2':{'fc':3,'address':2,'type':'f64','group':'instant'}",
                               &t, &why),
        EW_OK);
    profile_decode(&t.profile, 0, &(struct profile_bound){.fc = 3, .words = 2, .scale = 1}, words, &value);
    assert_true(value.single && value.number == 1);
    profile_decode(&t.profile, 1, &bound, words, &value);
    assert_false(value.single);
    test_profile_done(&t);
}

static void encoding_is_the_inverse(void **state)
{
    (void)state;
    static const struct {
        const char *reg;
        double value;
        const char *expected; // after decoding again
    } cases[] = {
        {"'type':'u16','scale':0.1", 230.14, "230.1"},
        {"'type':'u16'", -3, "0"},
        {"'type':'u16'", 1e9, "65535"},
        {"'type':'s16'", -40000, "-32768"},
        {"'type':'s16'", 40000, "32767"},
        {"'type':'u32','order':'lsw'", 305419896, "305419896"},
        {"'type':'s32','order':'lsw','scale':0.1", -12.34, "-12.3"},
        {"'type':'s32'", -3e9, "-2.14748365e+09"},
        {"'type':'u64'", 1e30, "1.84467441e+19"},
        {"'type':'s64'", -5, "-5"},
        {"'type':'s64','words':3", -5, "-5"},
        {"'type':'f32','scale':1000", 540.228128, "540.228128"},
        {"'type':'f32','order':'lsw'", 10.5, "10.5"},
        {"'type':'f64'", -0.1, "-0.1"},
        {"'type':'bool'", 1, "1"},
        {"'type':'u32','mask':'0x7F','shift':8", 4, "4"},
        {"'type':'u16','nan':['0xFFFF']", NAN, "-"},
        {"'type':'u16'", NAN, "0"},
        {"'type':'f32'", NAN, "-"},
        {"'type':'f64'", INFINITY, "-"},
        {"'type':'f32','four_quadrant':true", -0.5, "-0.5"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[512], said[128];
        uint16_t words[4] = {0};
        struct test_profile t;
        struct ew_reason why;
        struct profile_bound bound;
        struct profile_value value;
        (void)snprintf(text, sizeof(text), "'active_power':{'fc':3,'address':0,'group':'instant',%s}",
                       cases[i].reg);
        assert_int_equal(test_profile_registers(text, &t, &why), EW_OK);
        assert_int_equal(profile_bind(&t.profile, 0, test_no_params, NULL, &bound, &why), EW_OK);
        profile_encode(&t.profile, 0, &bound, cases[i].value, 1, words);
        profile_decode(&t.profile, 0, &bound, words, &value);
        profile_finish(&t.profile, 0, &value);
        say(&t.profile, 0, &value, said);
        test_profile_done(&t);
        if (strcmp(said, cases[i].expected) != 0)
            fail_msg("{%s}: %g became %s, expected %s", cases[i].reg, cases[i].value, said,
                     cases[i].expected);
    }
}

static void encoding_obeys_scale_registers(void **state)
{
    (void)state;
    static const struct {
        double value, product;
        uint16_t high, low;
    } cases[] = {{123.45, 1, 0, 12345}, {-123.45, 1, 0, 12345}, {100, 5000, 0, 100}, {65536, 6000, 1, 0}};
    struct test_profile t;
    struct ew_reason why;
    assert_int_equal(test_profile_registers(ratio_registers, &t, &why), EW_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct profile_bound bound;
        uint16_t words[2];
        assert_int_equal(profile_bind(&t.profile, 0, test_no_params, NULL, &bound, &why), EW_OK);
        profile_encode(&t.profile, 0, &bound, cases[i].value, cases[i].product, words);
        assert_int_equal(words[0], cases[i].high);
        assert_int_equal(words[1], cases[i].low);
    }
    test_profile_done(&t);
    struct profile_bound text = {.words = 3};
    uint16_t words[3];
    profile_encode_text(&text, "SIM-7", words);
    assert_int_equal(words[0], 0x5349);
    assert_int_equal(words[2], 0x3700);
}

// Decimal scales give the decimal number, to the last digit that JSON shows.
static void decimals_stay_short(void **state)
{
    (void)state;
    static const struct {
        uint16_t raw;
        double scale, expected;
    } cases[] = {{2362, 0.1, 236.2}, {5003, 0.01, 50.03}, {3, 0.001, 0.003}, {7, 1000, 7000},
                 {19, 0.1, 1.9},     {3, 0.3, 3 * 0.3},   {5, -0.1, -0.5},   {1, 1e-12, 1e-12}};
    struct test_profile t;
    struct ew_reason why;
    assert_int_equal(
        test_profile_registers("'current_l1':{'fc':3,'address':0,'type':'u16','group':'instant'}", &t, &why),
        EW_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct profile_bound bound = {.fc = 3, .words = 1, .scale = cases[i].scale};
        struct profile_value value;
        profile_decode(&t.profile, 0, &bound, &cases[i].raw, &value);
        if (value.number != cases[i].expected)
            fail_msg("%u x %g: %.17g", cases[i].raw, cases[i].scale, value.number);
    }
    test_profile_done(&t);
}

static void states_are_named(void **state)
{
    (void)state;
    struct test_profile t;
    struct ew_reason why;
    enum ew_err err = test_profile_read(
        "{'id':'s','version':'1','family':'f','model':'m','kind':'station','confidence':'candidate',"
        "'states':{'A':[0],'B':[1,2,'0x4231'],'C':[4],'F':[9]},"
        "'registers':{'state':{'fc':3,'address':1,'type':'u16','group':'charge'}}}",
        &t, &why);
    if (err != EW_OK)
        fail_msg("%s: %s", why.path, why.text);
    assert_int_equal(t.profile.state_register, 0);
    assert_string_equal(profile_state_name(&t.profile, 0), "A");
    assert_string_equal(profile_state_name(&t.profile, 2), "B");
    assert_string_equal(profile_state_name(&t.profile, 0x4231), "B");
    assert_string_equal(profile_state_name(&t.profile, 9), "F");
    assert_null(profile_state_name(&t.profile, 3));
    test_profile_done(&t);
}

// DEV-03, DEV-05: fed from below, a sensor tells powers with the wrong sign and energies under the wrong
// name.
static void current_the_other_way_is_put_right(void **state)
{
    (void)state;
    static const struct {
        const char *quantity, *belongs_to;
        double turned;
    } cases[] = {{"active_power", "active_power", -7},
                 {"reactive_power_l1", "reactive_power_l1", -7},
                 {"power_factor", "power_factor", -7},
                 {"apparent_power", "apparent_power", 7},
                 {"current_l1", "current_l1", 7},
                 {"active_energy_import", "active_energy_export", 7},
                 {"active_energy_export", "active_energy_import", 7},
                 {"partial_reactive_energy_import", "partial_reactive_energy_import", 7}}; // has no twin here
    struct test_profile t;
    struct ew_reason why;
    char registers[2000] = "";
    for (size_t i = 0; i < COUNT(cases); i++)
        (void)snprintf(registers + strlen(registers), sizeof(registers) - strlen(registers),
                       "%s'%s':{'fc':3,'address':%zu,'type':'u16','group':'instant'}", i ? "," : "",
                       cases[i].quantity, i);
    if (test_profile_registers(registers, &t, &why) != EW_OK)
        fail_msg("%s: %s", why.path, why.text);
    for (size_t i = 0; i < COUNT(cases); i++) {
        double number = 7;
        int told = profile_reversed(&t.profile, (int)i, &number);
        assert_string_equal(t.profile.registers[told].quantity, cases[i].belongs_to);
        assert_true(number == cases[i].turned);
    }
    test_profile_done(&t);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    static const struct {
        enum profile_type type;
        enum profile_order order;
        int fc, words;
        double scale, value;
        uint16_t registers[4];
    } cases[] = {
        {PROFILE_U16, PROFILE_MSW, 6, 1, 1, 16, {16}},
        {PROFILE_U16, PROFILE_MSW, 16, 1, 0.1, 16, {160}},
        {PROFILE_U32, PROFILE_MSW, 16, 2, 0.001, 32, {0, 32000}},
        {PROFILE_U32, PROFILE_LSW, 16, 2, 0.001, 80, {80000 & 0xFFFF, 80000 >> 16}},
        {PROFILE_F32, PROFILE_MSW, 16, 2, 1, 10.5, {0x4128, 0}},
        {PROFILE_S16, PROFILE_MSW, 6, 1, 1, -2, {0xFFFE}},
        {PROFILE_BOOL, PROFILE_MSW, 5, 1, 1, 1, {1}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct profile_command c = {
            .type = cases[i].type, .order = cases[i].order, .words = cases[i].words};
        const struct profile_bound bound = {
            .fc = (uint8_t)cases[i].fc, .words = (uint8_t)cases[i].words, .scale = cases[i].scale};
        uint16_t words[4] = {0};
        profile_encode_command(&c, &bound, cases[i].value, words);
        for (int w = 0; w < 4; w++)
            if (words[w] != cases[i].registers[w])
                fail_msg("case %zu: register %d is %04x", i, w, words[w]);
        assert_true(fabs(profile_decode_command(&c, &bound, words) - cases[i].value) < 1e-6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_order_and_quirk_decodes),
        cmocka_unit_test(scale_and_sign_come_from_other_registers),
        cmocka_unit_test(single_floats_are_marked),
        cmocka_unit_test(encoding_is_the_inverse),
        cmocka_unit_test(encoding_obeys_scale_registers),
        cmocka_unit_test(decimals_stay_short),
        cmocka_unit_test(states_are_named),
        cmocka_unit_test(current_the_other_way_is_put_right),
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
