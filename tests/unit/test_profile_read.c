// What a profile may say, and how it is told that it may not.
#include "check.h"

#include "profile_text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static void the_vocabulary_is_closed(void **state)
{
    (void)state;
    static const struct {
        const char *quantity, *unit; // unit NULL: not known
    } cases[] = {
        {"voltage_l1_n", "V"},
        {"voltage_l3_l1", "V"},
        {"voltage_l1_n_mean", "V"},
        {"voltage", NULL},
        {"voltage_l1", NULL},
        {"voltage_l1_l3", NULL},
        {"voltage_l4_n", NULL},
        {"current", "A"},
        {"current_n", "A"},
        {"current_l2_max", "A"},
        {"current_l2_median", NULL},
        {"active_power", "W"},
        {"active_power_l3", "W"},
        {"active_power_min", "W"},
        {"active_powers", NULL},
        {"reactive_power_l1", "var"},
        {"apparent_power", "VA"},
        {"power_factor_l2", ""},
        {"frequency", "Hz"},
        {"frequency_l1", NULL},
        {"active_energy_import", "Wh"},
        {"active_energy_import_l1", "Wh"},
        {"active_energy_import_mean", NULL},
        {"partial_active_energy_import", "Wh"},
        {"partial_voltage_l1_n", NULL},
        {"reactive_energy_export", "varh"},
        {"apparent_energy", "VAh"},
        {"thd_voltage_l1", "%"},
        {"thd_current_n", "%"},
        {"harmonic_voltage_l1_5", "%"},
        {"harmonic_current_n_63", "%"},
        {"harmonic_voltage_l1_64", NULL},
        {"harmonic_voltage_l1_05", NULL},
        {"harmonic_voltage_l1", NULL},
        {"harmonic_voltage_l1_", NULL},
        {"volume", "dm3"},
        {"partial_volume", "dm3"},
        {"temperature", "degC"},
        {"sign_active_power", ""},
        {"sign_partial_volume", ""},
        {"sign_nonsense", NULL},
        {"input_1", ""},
        {"input_0", NULL},
        {"output_63", ""},
        {"state", ""},
        {"current_limit", "A"},
        {"power_limit", "W"},
        {"percent_limit", "%"},
        {"power_limit_l1", NULL},
        {"rated_current", "A"},
        {"session_energy", "Wh"},
        {"ct_ratio", ""},
        {"", NULL},
        {"partial_", NULL},
        {"sign_", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *unit = NULL;
        bool known = profile_quantity_known(cases[i].quantity, &unit);
        if (known != (cases[i].unit != NULL) || (known && strcmp(unit, cases[i].unit) != 0))
            fail_msg("%s: %s", cases[i].quantity, known ? unit : "not known");
        assert_int_equal(profile_quantity_known(cases[i].quantity, NULL), known);
    }
}

#define HEAD   "{'id':'x','version':'1','family':'f','model':'m','kind':'meter','confidence':'candidate',"
#define REG(r) HEAD "'registers':{" r "}}"
#define GOOD   "'fc':3,'address':1,'type':'u16','group':'instant'"

static const struct {
    const char *text, *path, *sentence; // sentence: a piece of it
} bad_profiles[] = {
    {"[]", "/", "must be an object"},
    {"{}", "/id", "is missing"},
    {"{'id':'X "
     "Y','version':'1','family':'f','model':'m','kind':'meter','confidence':'none','registers':{}}",
     "/id", "may only hold"},
    {HEAD "'registers':{},'colour':'red'}", "/colour", "unknown key"},
    {HEAD "'registers':[]}", "/registers", "must be an object"},
    {"{'id':'x','version':'1','family':'f','model':'m','kind':'toaster','confidence':'none','registers':{"
     "}}",
     "/kind", "must be one of: meter"},
    {"{'id':'x','version':'1','family':'f','model':'m','kind':'meter','confidence':'sure','registers':{}"
     "}",
     "/confidence", "must be one of: none, candidate, driver, document"},
    {"{'id':'x','version':'1','family':'f','model':'m','kind':'meter','confidence':'document','registers'"
     ":{}}",
     "/confidence", "needs \"evidence\""},
    {"{'id':'x','version':'1','family':'f','model':'m','kind':'meter','confidence':'driver','registers':{"
     "}}",
     "/confidence", "needs \"references\""},
    {HEAD "'references':[7],'registers':{}}", "/references", "must be text"},
    {REG("'current_l1':7"), "/registers/current_l1", "must be an object"},
    {REG("'curent_l1':{" GOOD "}"), "/registers/curent_l1", "not a quantity"},
    {REG("'current_l1':{" GOOD ",'colour':1}"), "/registers/current_l1/colour", "unknown key"},
    {REG("'current_l1':{'address':1,'type':'u16','group':'instant'}"), "/registers/current_l1/fc",
     "is missing"},
    {REG("'current_l1':{'fc':7,'address':1,'type':'u16','group':'instant'}"), "/registers/current_l1/fc",
     "must be a read function"},
    {REG("'current_l1':{'fc':1,'address':1,'type':'u16','group':'instant'}"), "/registers/current_l1/fc",
     "must be bool"},
    {REG("'current_l1':{'fc':3,'address':'0xZZ','type':'u16','group':'instant'}"),
     "/registers/current_l1/address", "hexadecimal"},
    {REG("'current_l1':{'fc':3,'address':'100h','type':'u16','group':'instant'}"),
     "/registers/current_l1/address", "hexadecimal"},
    {REG("'current_l1':{'fc':3,'address':-1,'type':'u16','group':'instant'}"),
     "/registers/current_l1/address", "hexadecimal"},
    {REG("'current_l1':{'fc':3,'address':65536,'type':'u16','group':'instant'}"),
     "/registers/current_l1/address", "65535"},
    {REG("'current_l1':{'fc':3,'address':65535,'type':'u32','group':'instant'}"),
     "/registers/current_l1/address", "65535"},
    {REG("'current_l1':{'fc':3,'address':1.5,'type':'u16','group':'instant'}"),
     "/registers/current_l1/address", "whole number"},
    {REG("'current_l1':{'fc':3,'address':'$where','type':'u16','group':'instant'}"),
     "/registers/current_l1/address", "\"$where\" is not in \"params\""},
    {REG("'current_l1':{'fc':3,'address':1,'type':'u24','group':'instant'}"), "/registers/current_l1/type",
     "must be one of: bool, u16"},
    {REG("'current_l1':{'fc':3,'address':1,'type':'u16','group':'sometimes'}"), "/registers/current_l1/group",
     "must be one of: instant"},
    {REG("'current_l1':{" GOOD ",'order':'middle'}"), "/registers/current_l1/order", "must be one of: msw"},
    {REG("'current_l1':{" GOOD ",'words':2}"), "/registers/current_l1/words", "does not fit the type"},
    {REG("'current_l1':{'fc':3,'address':1,'type':'f32','words':1,'group':'instant'}"),
     "/registers/current_l1/words", "does not fit"},
    {REG("'serial_number':{'fc':3,'address':1,'type':'string','group':'info'}"),
     "/registers/serial_number/words", "is missing"},
    {REG("'serial_number':{'fc':3,'address':1,'type':'string','words':33,'group':'info'}"),
     "/registers/serial_number/words", "does not fit"},
    {REG("'serial_number':{'fc':3,'address':1,'type':'string','words':3,'order':'lsw','group':'info'}"),
     "/registers/serial_number/order", "no word order"},
    {REG("'current_l1':{" GOOD ",'scale':0}"), "/registers/current_l1/scale", "other than 0"},
    {REG("'current_l1':{" GOOD ",'scale':'0.1'}"), "/registers/current_l1/scale", "must be a number"},
    {REG("'current_l1':{" GOOD ",'unit':'mA'}"), "/registers/current_l1/unit", "must be \"A\""},
    {REG("'current_l1':{" GOOD ",'nan':'0xFFFF'}"), "/registers/current_l1/nan", "must be a list"},
    {REG("'current_l1':{" GOOD ",'nan':['FFFF']}"), "/registers/current_l1/nan", "hexadecimal"},
    {REG("'current_l1':{" GOOD ",'nan':[1,2,3,4,5]}"), "/registers/current_l1/nan", "more than the 4"},
    {REG("'current_l1':{" GOOD ",'mask':'0x1FFFFFFFFFFFFFFFF'}"), "/registers/current_l1/mask",
     "hexadecimal"},
    {REG("'current_l1':{" GOOD ",'shift':64}"), "/registers/current_l1/shift", "outside 0..63"},
    {REG("'current_l1':{'fc':3,'address':1,'type':'f32','group':'instant','mask':'0xFF'}"),
     "/registers/current_l1/mask", "only whole numbers"},
    {REG("'current_l1':{" GOOD ",'scale_from':{'registers':['ct_ratio']}}"),
     "/registers/current_l1/scale_from/registers", "\"ct_ratio\" is not a register"},
    {REG("'current_l1':{" GOOD ",'scale_from':{'registers':['current_l1']}}"),
     "/registers/current_l1/scale_from/registers", "itself"},
    {REG("'current_l1':{" GOOD ",'scale_from':{'registers':[]}}"),
     "/registers/current_l1/scale_from/registers", "one or two"},
    {REG("'current_l1':{" GOOD ",'scale_from':{'registers':['a','b','c']}}"),
     "/registers/current_l1/scale_from/registers", "more than the 2"},
    {REG("'current_l1':{" GOOD ",'scale_from':{'registers':['ct_ratio'],'steps':[{'from':5,'scale':1},"
         "{'from':5,'scale':2}]}},'ct_ratio':{'fc':3,'address':9,'type':'u16','group':'info'}"),
     "/registers/current_l1/scale_from/steps/1/from", "must rise"},
    {REG("'current_l1':{" GOOD ",'sign_from':{'register':'input_1'}},"
         "'input_1':{'fc':3,'address':9,'type':'u16','group':'info'}"),
     "/registers/current_l1/sign_from/negative", "is missing"},
    {REG("'current_l1':{" GOOD ",'sign_from':{'register':'input_1','negative':1}},"
         "'input_1':{'fc':3,'address':9,'type':'u16','group':'state'}"),
     "/registers/current_l1/sign_from", "group info or in the same group"},
    {REG("'current_l1':{" GOOD ",'scale_from':{'registers':['ct_ratio']}},"
         "'ct_ratio':{'fc':3,'address':9,'type':'u16','group':'info','scale_from':{'registers':['vt_"
         "ratio']}},"
         "'vt_ratio':{'fc':3,'address':10,'type':'u16','group':'info'}"),
     "/registers/current_l1/scale_from", "must not itself depend"},
    {REG("'current_l1':{" GOOD ",'scale_from':{'registers':['serial_number']}},"
         "'serial_number':{'fc':3,'address':9,'type':'string','words':2,'group':'info'}"),
     "/registers/current_l1/scale_from", "text can't be"},
    {REG("'current_l1':{'fc':3,'address':100,'type':'u32','group':'instant'},"
         "'current_l2':{'fc':3,'address':101,'type':'u32','group':'instant'}"),
     "/registers/current_l2/address", "registers 101 to 102 overlap those of \"current_l1\" (100 to 101)"},
    {REG("'current_l1':{" GOOD "},'current_l2':{" GOOD "}"), "/registers/current_l2/address", "overlap"},
    {REG("'input_1':{" GOOD ",'mask':1},'input_2':{" GOOD "}"), "/registers/input_2/address", "overlap"},
    {HEAD "'limits':{'max_registers':126},'registers':{}}", "/limits/max_registers", "outside 1..125"},
    {HEAD "'limits':{'gap':5},'registers':{}}", "/limits/gap", "unknown key"},
    {HEAD "'limits':{'max_registers':2},'registers':{'active_energy_import':{'fc':3,'address':1,"
          "'type':'u64','group':'energy'}}}",
     "/registers/active_energy_import/words", "more than limits/max_registers"},
    {HEAD "'params':{'A':{'min':0,'max':1,'preset':0}},'registers':{}}", "/params/A", "may only hold"},
    {HEAD "'params':{'a':{'min':0,'max':1}},'registers':{}}", "/params/a/preset", "is missing"},
    {HEAD "'params':{'a':{'min':2,'max':1,'required':true}},'registers':{}}", "/params/a/min", "above max"},
    {HEAD "'params':{'a':{'min':0,'max':1,'preset':7}},'registers':{}}", "/params/a/preset", "outside"},
    {HEAD "'catalogue':['0 046 77',''],'registers':{}}", "/catalogue", "reference number of 1 to 15"},
    {HEAD "'offers':['current_l4'],'registers':{}}", "/offers", "of the vocabulary"},
    {HEAD "'offers':['current_l1'],'registers':{'current_l1':{" GOOD "}}}", "/offers", "no registers"},
    {HEAD "'asks':['colour'],'registers':{}}", "/asks", "one of supply, position"},
    {HEAD "'registers':{'current_l1':{" GOOD ",'per_position':2}}}", "/registers/current_l1/per_position",
     "needs \"position\""},
    {HEAD "'states':{'A':[1]},'registers':{}}", "/states", "only stations and breakers"},
    {"{'id':'x','version':'1','family':'f','model':'m','kind':'station','confidence':'candidate','registers':"
     "{}}",
     "/registers", "needs the register \"state\""},
    {"{'id':'x','version':'1','family':'f','model':'m','kind':'station','confidence':'none',"
     "'registers':{'state':{'fc':3,'address':1,'type':'u16','group':'charge'}}}",
     "/states", "go together"},
    {"{'id':'x','version':'1','family':'f','model':'m','kind':'station','confidence':'none',"
     "'states':{'A':[1],'B':[2,1]},"
     "'registers':{'state':{'fc':3,'address':1,'type':'u16','group':'charge'}}}",
     "/states/B", "1 already means \"A\""},
    {"{'id':'x','version':'1','family':'f','model':'m','kind':'station','confidence':'none',"
     "'states':{'G':[1]},'registers':{'state':{'fc':3,'address':1,'type':'u16','group':'charge'}}}",
     "/states/G", "unknown key"},
};

static void bad_profiles_are_refused_with_path_and_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_profiles); i++) {
        struct test_profile t;
        struct ew_reason why = {.err = EW_OK};
        enum ew_err err = test_profile_read(bad_profiles[i].text, &t, &why);
        if (err == EW_OK || strcmp(why.path, bad_profiles[i].path) != 0 ||
            !strstr(why.text, bad_profiles[i].sentence))
            fail_msg("%s:\n  %s: %s\n  expected %s: %s", bad_profiles[i].text, why.path, why.text,
                     bad_profiles[i].path, bad_profiles[i].sentence);
        assert_int_equal(t.profile.register_count, 0);
        test_profile_done(&t);
    }
}

static void good_profiles_are_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        HEAD "'registers':{}}",
        REG("'input_1':{" GOOD ",'mask':1},'input_2':{" GOOD ",'mask':2},'input_3':{" GOOD ",'shift':3}"),
        REG("'current_l1':{'fc':3,'address':1,'type':'u16','group':'instant'},"
            "'current_l2':{'fc':4,'address':1,'type':'u16','group':'instant'}"), // other table, other
                                                                                 // register
        REG("'active_energy_import':{'fc':3,'address':65532,'type':'u64','group':'energy'}"),
        REG("'input_1':{'fc':1,'address':65535,'type':'bool','group':'state'}"),
        HEAD "'aliases':['y'],'extends':'z','references':['r'],'evidence':['e'],'notes':['n'],"
             "'limits':{'max_registers':50,'max_bits':100,'gap_ms':100,'timeout_ms':500,'holes':true,"
             "'one_value':true},'registers':{}}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct test_profile t;
        struct ew_reason why = {.err = EW_OK};
        if (test_profile_read(texts[i], &t, &why) != EW_OK)
            fail_msg("%s: %s: %s", texts[i], why.path, why.text);
        test_profile_done(&t);
    }
    struct test_profile t;
    struct ew_reason why;
    assert_int_equal(test_profile_read(texts[COUNT(texts) - 1], &t, &why), EW_OK);
    assert_true(t.profile.limits.max_registers == 50 && t.profile.limits.gap_ms == 100);
    assert_true(t.profile.limits.holes && t.profile.limits.one_value && t.profile.evidence_count == 1);
    test_profile_done(&t);
}

struct given {
    const char *name;
    double value;
};

static double given_param(const void *user, const char *name, double fallback)
{
    for (const struct given *given = user; given->name; given++)
        if (strcmp(given->name, name) == 0)
            return given->value;
    return fallback;
}

// DEV-07: function, register, words and factor are the user's.
static void parameters_bind(void **state)
{
    (void)state;
    static const char text[] =
        HEAD "'params':{'fc':{'min':1,'max':4,'preset':3},'register':{'min':0,'max':65535,'required':true},"
             "'words':{'min':1,'max':9,'preset':2},'factor':{'min':0.001,'max':1000000,'preset':1}},"
             "'registers':{'active_energy_import':{'fc':'$fc','address':'$register','type':'u64',"
             "'words':'$words','scale':'$factor','group':'energy'}}}";
    static const struct {
        struct given given[5];
        const char *problem; // NULL: binds
        struct profile_bound expected;
    } cases[] = {
        {{{"register", 256}}, NULL, {3, 256, 2, 1}},
        {{{"register", 65532}, {"fc", 4}, {"words", 4}, {"factor", 1000}}, NULL, {4, 65532, 4, 1000}},
        {{{"fc", 4}}, "needs the parameter \"register\"", {0, 0, 0, 0}},
        {{{"register", -1}}, "\"register\" of profile x: -1 is outside 0..65535", {0, 0, 0, 0}},
        {{{"register", 1}, {"fc", 9}}, "outside 1..4", {0, 0, 0, 0}},
        {{{"register", 1}, {"fc", 2}}, "must be bool", {0, 0, 0, 0}},
        {{{"register", 1.5}}, "whole number", {0, 0, 0, 0}},
        {{{"register", 65533}, {"words", 4}}, "end at 65535", {0, 0, 0, 0}},
        {{{"register", 1}, {"words", 5}}, "does not fit", {0, 0, 0, 0}},
        {{{"register", 1}, {"factor", 0}}, "outside 0.001", {0, 0, 0, 0}},
    };
    struct test_profile t;
    struct ew_reason why;
    if (test_profile_read(text, &t, &why) != EW_OK)
        fail_msg("%s: %s", why.path, why.text);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct profile_bound bound = {0};
        enum ew_err err = profile_bind(&t.profile, 0, given_param, cases[i].given, &bound, &why);
        if ((err == EW_OK) != (cases[i].problem == NULL) ||
            (err != EW_OK && (!strstr(why.text, cases[i].problem) || why.param_count == 0)))
            fail_msg("case %zu: %s", i, err == EW_OK ? "binds" : why.text);
        if (err == EW_OK) {
            assert_int_equal(bound.fc, cases[i].expected.fc);
            assert_int_equal(bound.address, cases[i].expected.address);
            assert_int_equal(bound.words, cases[i].expected.words);
            assert_true(bound.scale == cases[i].expected.scale);
        }
    }
    test_profile_done(&t);
}

// DEV-04: input n of a concentrator.
static void inputs_of_a_concentrator_follow_each_other(void **state)
{
    (void)state;
    static const char text[] =
        HEAD "'params':{'position':{'min':1,'max':10,'required':true}},'registers':{'volume':{'fc':3,"
             "'address':50792,'per_position':2,'type':'u32','group':'energy'}}}";
    static const struct {
        double position;
        int address; // 0 = refused
    } cases[] = {{1, 50792}, {2, 50794}, {10, 50810}, {11, 0}, {0, 0}, {3, 50796}};
    struct test_profile t;
    struct ew_reason why;
    assert_int_equal(test_profile_read(text, &t, &why), EW_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct given given[] = {{"position", cases[i].position}, {NULL, 0}};
        struct profile_bound bound = {0};
        enum ew_err err = profile_bind(&t.profile, 0, given_param, given, &bound, &why);
        assert_int_equal(err == EW_OK ? bound.address : 0, cases[i].address);
    }
    test_profile_done(&t);
}

static void models_without_a_table_say_what_they_could_tell(void **state)
{
    (void)state;
    struct test_profile t;
    struct ew_reason why;
    enum ew_err err = test_profile_read(
        "{'id':'x','version':'1','family':'f','model':'m','kind':'station','confidence':'none',"
        "'catalogue':['0 590 00','0 590 01'],'asks':['phase','side'],'offers':['state','current_l1'],"
        "'registers':{}}",
        &t, &why);
    if (err != EW_OK)
        fail_msg("%s: %s", why.path, why.text);
    assert_true(t.profile.catalogue_count == 2 && t.profile.offer_count == 2);
    assert_string_equal(t.profile.catalogue[1], "0 590 01");
    assert_string_equal(t.profile.offers[0], "state");
    assert_int_equal(t.profile.asks, 1u << PROFILE_ASK_PHASE | 1u << PROFILE_ASK_SIDE);
    test_profile_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vocabulary_is_closed),
        cmocka_unit_test(bad_profiles_are_refused_with_path_and_sentence),
        cmocka_unit_test(good_profiles_are_read),
        cmocka_unit_test(parameters_bind),
        cmocka_unit_test(inputs_of_a_concentrator_follow_each_other),
        cmocka_unit_test(models_without_a_table_say_what_they_could_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
