// Modules at one address (DEV-03): what they come to together, and which can't be.
#include "check.h"

#include "profile_text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULE(model, kind, rest)                                                                            \
    "{'id':'" model "','version':'1','family':'f','model':'" model "','kind':'" kind                         \
    "','confidence':'candidate','references':['r']," rest "}"
#define MEASURE                                                                                              \
    MODULE("measure", "meter",                                                                               \
           "'limits':{'max_registers':50,'gap_ms':20,'holes':true},'params':{'ratio':{'min':1,'max':9,"      \
           "'preset':1}},'registers':{'sign_active_power':{'fc':4,'address':9,'type':'u16','group':"         \
           "'instant'},'active_power':{'fc':4,'address':0,'type':'u16','scale':'$ratio','group':'instant',"  \
           "'sign_from':{'register':'sign_active_power','negative':1}}}")
#define AUXILIARY                                                                                            \
    MODULE("auxiliary", "breaker",                                                                           \
           "'limits':{'max_registers':10,'gap_ms':5},'states':{'open':[0],'closed':[1],'tripped':[2]},"      \
           "'registers':{'state':{'fc':3,'address':0,'type':'u16','group':'state'}}")
#define COMMAND(address)                                                                                     \
    MODULE("command", "io",                                                                                  \
           "'registers':{'output_1':{'fc':1,'address':" address ",'type':'bool','group':'state'}},"          \
           "'commands':{'output_1':{'fc':5,'address':" address ",'type':'bool'}}")
#define SIGNALLING                                                                                           \
    "{'id':'signalling','version':'1','family':'f','model':'signalling','kind':'io','confidence':'none',"    \
    "'offers':['input_1','input_2'],'registers':{}}"
#define RELAY                                                                                                \
    "{'id':'relay','version':'1','family':'f','model':'relay','kind':'io','confidence':'none',"              \
    "'offers':['input_1','output_1'],'registers':{}}"

enum { MODULES_MAX = 4 };

struct group {
    struct test_profile read[MODULES_MAX];
    const struct profile *modules[MODULES_MAX];
    int count;
    void *memory;
    struct profile all;
};

static enum ew_err compose(struct group *g, const char *const *texts, struct ew_reason *why)
{
    *g = (struct group){.count = 0};
    for (; g->count < MODULES_MAX && texts[g->count]; g->count++) {
        if (test_profile_read(texts[g->count], &g->read[g->count], why) != EW_OK)
            fail_msg("%s: %s", why->path, why->text);
        g->modules[g->count] = &g->read[g->count].profile;
    }
    size_t size = profile_compose_memory(g->modules, g->count);
    struct ew_arena arena;
    g->memory = malloc(size);
    ew_arena_init(&arena, g->memory, size);
    return profile_compose(g->modules, g->count, &arena, &g->all, why);
}

static void done(struct group *g)
{
    for (int i = 0; i < g->count; i++)
        test_profile_done(&g->read[i]);
    free(g->memory);
}

static void a_group_reads_and_is_told_what_its_modules_are(void **state)
{
    (void)state;
    static const char *const texts[MODULES_MAX + 1] = {MEASURE, AUXILIARY, COMMAND("3"), NULL};
    struct group g;
    struct ew_reason why;
    if (compose(&g, texts, &why) != EW_OK)
        fail_msg("%s", why.text);
    const struct profile *p = &g.all;
    assert_string_equal(p->model, "measure");
    assert_int_equal(p->kind, PROFILE_METER);
    assert_int_equal(p->register_count, 4);
    int power = profile_find(p, "active_power"), output = profile_find(p, "output_1");
    assert_int_equal(p->registers[power].sign_from, profile_find(p, "sign_active_power"));
    assert_int_equal(p->state_register, profile_find(p, "state"));
    assert_string_equal(profile_state_name(p, 2), "tripped");
    assert_int_equal(p->commands[profile_find_command(p, "output_1")].read_back, output);
    assert_int_equal(p->param_count, 1);
    // What all of them bear.
    assert_int_equal(p->limits.max_registers, 10);
    assert_int_equal(p->limits.gap_ms, 20);
    assert_false(p->limits.holes);
    done(&g);
}

static void a_module_without_a_table_leaves_the_others_as_they_are(void **state)
{
    (void)state;
    static const char *const texts[MODULES_MAX + 1] = {SIGNALLING, MEASURE, NULL};
    struct group g;
    struct ew_reason why;
    assert_int_equal(compose(&g, texts, &why), EW_OK);
    assert_int_equal(g.all.confidence, PROFILE_CANDIDATE);
    assert_int_equal(g.all.register_count, 2);
    done(&g);
}

static void links_of_the_modules_stand_beside_each_other(void **state)
{
    (void)state;
    static const char *const texts[MODULES_MAX + 1] = {
        MODULE("a", "io",
               "'registers':{'link_action_1':{'fc':3,'address':100,'type':'u16','group':'links'},"
               "'link_action_12':{'fc':3,'address':112,'type':'u16','group':'links'}}"),
        MODULE(
            "b", "io",
            "'registers':{'link_event_1':{'fc':3,'address':200,'type':'u16','group':'links'},'link_error_1':{"
            "'fc':3,'address':201,'type':'u16','group':'links'},'output_1':{'fc':1,'address':0,'type':'bool',"
            "'group':'state'}}"),
        NULL};
    struct group g;
    struct ew_reason why;
    if (compose(&g, texts, &why) != EW_OK)
        fail_msg("%s", why.text);
    static const char *const wanted[] = {"link_action_1", "link_action_12", "link_event_13", "link_error_13",
                                         "output_1"};
    for (size_t i = 0; i < COUNT(wanted); i++)
        assert_string_equal(g.all.registers[i].quantity, wanted[i]);
    done(&g);
}

static void what_can_not_share_an_address_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *texts[MODULES_MAX + 1];
        const char *code, *words;
    } cases[] = {
        {{MEASURE, MEASURE, NULL}, "device.duplicate_function", "measure and measure do the same"},
        {{MEASURE, AUXILIARY, SIGNALLING, NULL}, "device.duplicate_function", "auxiliary and signalling"},
        {{COMMAND("1"), RELAY, NULL}, "device.duplicate_function", "command and relay"},
        {{SIGNALLING, RELAY, NULL}, "device.duplicate_function", "signalling and relay"},
        {{MODULE("a", "io", "'registers':{'input_1':{'fc':1,'address':3,'type':'bool','group':'state'}}"),
          COMMAND("3"), NULL},
         "device.parts",
         "overlap"},
        {{MEASURE,
          MODULE("b", "io",
                 "'params':{'ratio':{'min':1,'max':2,'preset':1}},'registers':{'input_1':{'fc':1,"
                 "'address':3,'type':'bool','group':'state'}}"),
          NULL},
         "device.parts",
         "parameter ratio"},
        {{COMMAND("1"),
          MODULE("station", "station",
                 "'states':{'A':[0]},'registers':{'state':{'fc':3,'address':0,'type':'u16',"
                 "'group':'charge'}}"),
          NULL},
         "device.parts",
         "a charge point has an address of its own"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct group g;
        struct ew_reason why;
        ew_reason_clear(&why);
        assert_int_equal(compose(&g, cases[i].texts, &why), EW_E_INVALID);
        assert_string_equal(why.code, cases[i].code);
        if (!strstr(why.text, cases[i].words))
            fail_msg("case %zu: \"%s\" lacks \"%s\"", i, why.text, cases[i].words);
        done(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_reads_and_is_told_what_its_modules_are),
        cmocka_unit_test(a_module_without_a_table_leaves_the_others_as_they_are),
        cmocka_unit_test(links_of_the_modules_stand_beside_each_other),
        cmocka_unit_test(what_can_not_share_an_address_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
