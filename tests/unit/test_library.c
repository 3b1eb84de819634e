// The library: the shipped profiles, the user's, what they extend, and files that are none.
#include "check.h"

#include "base/file.h"
#include "library/library.h"
#include "profile_text.h"
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char share[512], scratch[512]; // gateway/ has profiles/; a folder of our own, with share/ and data/

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(share, sizeof(share), "%s/gateway", EDGEWATT_SOURCE_DIR);
    (void)snprintf(scratch, sizeof(scratch), "%s/library_test_XXXXXX", P_tmpdir);
    return mkdtemp(scratch) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

struct problems {
    int count;
    char first[1024];
};

static void on_problem(void *user, const char *path, const struct ew_reason *reason)
{
    struct problems *problems = user;
    const char *name = strrchr(path, '/');
    if (problems->count++ == 0)
        (void)snprintf(problems->first, sizeof(problems->first), "%s:%s: %s", name ? name + 1 : path,
                       reason->path, reason->text);
}

// Writes scratch/<folder>/profiles/<name>, ' for ".
static void put(const char *folder, const char *name, const char *text)
{
    char dir[600], path[700];
    struct ew_reason why;
    char *json = strdup(text);
    for (char *p = json; *p; p++)
        if (*p == '\'')
            *p = '"';
    (void)snprintf(dir, sizeof(dir), "%s/%s/profiles", scratch, folder);
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(ew_dir_make(dir, 0755, &why), EW_OK);
    assert_int_equal(ew_file_write(path, json, strlen(json), 0644, &why), EW_OK);
    free(json);
}

static struct library *load(const char *share_folder, const char *data_folder, struct problems *problems)
{
    char share_dir[600], data_dir[600];
    struct library *library = NULL;
    struct ew_reason why;
    (void)snprintf(share_dir, sizeof(share_dir), "%s/%s", scratch, share_folder);
    (void)snprintf(data_dir, sizeof(data_dir), "%s/%s", scratch, data_folder ? data_folder : "");
    *problems = (struct problems){0};
    if (library_load(share_dir, data_folder ? data_dir : NULL, on_problem, problems, &library, &why) != EW_OK)
        fail_msg("%s: %s", why.path, why.text);
    return library;
}

#define BODY(more)                                                                                           \
    "'version':'1','family':'f','model':'m','kind':'meter','confidence':'candidate'," more                   \
    "'registers':{'current_l1':{'fc':3,'address':1,'type':'u16','group':'instant'},"                         \
    "'frequency':{'fc':3,'address':2,'type':'u16','group':'instant'}}}"

static void check_shipped(const struct profile *profile)
{
    assert_true(profile->confidence != PROFILE_DOCUMENT || profile->evidence_count > 0);
    assert_true(profile->confidence < PROFILE_DRIVER || profile->reference_count > 0);
    for (int r = 0; r < profile->register_count; r++)
        if ((strncmp(profile->registers[r].quantity, "sign_", 5) == 0) != profile->registers[r].hidden)
            fail_msg("%s: %s: signs, and only signs, are hidden", profile->id,
                     profile->registers[r].quantity);
    // A model that nobody published a table for says what it could tell; nothing else has no registers.
    bool blank = profile->register_count == 0;
    assert_true(!blank ||
                (profile->confidence == PROFILE_NONE && profile->catalogue_count && profile->offer_count));
    if (profile->kind == PROFILE_STATION && !blank) {
        assert_int_equal(profile->registers[profile->state_register].group, PROFILE_CHARGE);
        int limit = profile_find_command(profile, "limit"); // what is in force is read with the rest
        assert_true(limit < 0 ||
                    profile->registers[profile->commands[limit].read_back].group == PROFILE_CHARGE);
    }
}

static void shipped_profiles_are_whole_and_honest(void **state)
{
    (void)state;
    static const char *const ids[] = {"abb-terra-ac",         "bender-cc612",      "bticino-f4n200",
                                      "carlo-gavazzi-em340",  "eastron-sdm630",    "generic-meter",
                                      "legrand-emdx3-412045", "schneider-iem3155", "schneider-iem3255",
                                      "schneider-pm3200"};
    struct library *library;
    struct ew_reason why;
    struct problems problems = {0};
    assert_int_equal(library_load(share, NULL, on_problem, &problems, &library, &why), EW_OK);
    if (problems.count)
        fail_msg("%s", problems.first);
    for (size_t i = 0; i < COUNT(ids); i++)
        if (!library_find(library, ids[i]))
            fail_msg("%s is not there", ids[i]);
    for (int i = 0; i < library_count(library); i++) {
        const struct library_entry *entry = library_at(library, i);
        const struct profile *profile = &entry->profile;
        char name[128];
        (void)snprintf(name, sizeof(name), "/%s.json", profile->id);
        if (!strstr(entry->file, name)) // a file is called by its id
            fail_msg("%s is in %s", profile->id, entry->file);
        check_shipped(profile);
        assert_true(i == 0 || strcmp(library_at(library, i - 1)->profile.id, profile->id) < 0);
    }
    assert_ptr_equal(library_find(library, "bender-cc613"), library_find(library, "bender-cc612"));
    assert_true(library_knows(library, "bender-cc613") && !library_knows(library, "nonesuch"));
    library_free(library);
}

// A raw 42 (or what its mask leaves of that; a bit: 1) in SI units, with ratios of 1.
static double sample_value(const struct profile_register *r)
{
    double raw = r->type == PROFILE_BOOL ? 1 : r->mask ? (double)(42 & r->mask) : 42;
    return r->four_quadrant
               ? 0.5
               : raw * (r->scale.param[0] ? 1 : r->scale.value) * (r->step_count ? r->steps[0].scale : 1);
}

static double ones(const void *user, const char *name, double fallback)
{
    (void)user, (void)name, (void)fallback;
    return 1; // position 1, a weight of 1
}

static void check_round_trip(const struct profile *profile, int index)
{
    struct profile_value values[PROFILE_REGISTERS_MAX] = {0};
    struct profile_bound bound;
    struct ew_reason why;
    uint16_t words[PROFILE_STRING_WORDS_MAX];
    double expected = sample_value(&profile->registers[index]);
    for (int k = 0; k < profile->register_count; k++)
        values[k].number = 1; // ratios of 1; signs have raw 0: +
    assert_int_equal(profile_bind(profile, index, ones, NULL, &bound, &why), EW_OK);
    profile_encode(profile, index, &bound, expected, 1, words);
    profile_decode(profile, index, &bound, words, &values[index]);
    profile_finish(profile, index, values);
    if (values[index].quality != PROFILE_GOOD ||
        fabs(values[index].number - expected) > fabs(expected) * 1e-6)
        fail_msg("%s: %s: %g, expected %g", profile->id, profile->registers[index].quantity,
                 values[index].number, expected);
}

static void shipped_profiles_encode_and_decode(void **state)
{
    (void)state;
    struct library *library;
    struct ew_reason why;
    assert_int_equal(library_load(share, NULL, NULL, NULL, &library, &why), EW_OK);
    int checked = 0;
    for (int i = 0; i < library_count(library); i++) {
        const struct profile *profile = &library_at(library, i)->profile;
        for (int r = 0; r < profile->register_count; r++) {
            if (profile->registers[r].type == PROFILE_STRING || profile->registers[r].address.param[0])
                continue;
            check_round_trip(profile, r);
            checked++;
        }
    }
    assert_true(checked > 900);
    library_free(library);
}

static void profiles_extend_each_other(void **state)
{
    (void)state;
    struct problems problems;
    put("ext", "base.json",
        "{'id':'base','aliases':['old-base']," BODY("'limits':{'gap_ms':20,'holes':true},"));
    put("ext", "child.json",
        "{'id':'child','extends':'base','model':'child','confidence':'none','limits':{'gap_ms':50},"
        "'registers':{'frequency':null,'current_l1':{'scale':0.1},"
        "'current_l2':{'fc':3,'address':9,'type':'u16','group':'instant'}}}");
    put("ext", "grandchild.json", "{'id':'grandchild','extends':'child','confidence':'candidate'}");
    struct library *library = load("ext", NULL, &problems);
    if (problems.count)
        fail_msg("%s", problems.first);
    const struct profile *child = library_find(library, "grandchild");
    assert_non_null(child);
    assert_string_equal(child->model, "child");
    assert_string_equal(child->family, "f");
    assert_int_equal(child->limits.gap_ms, 50);
    assert_true(child->limits.holes);
    assert_int_equal(child->register_count, 2);
    assert_int_equal(profile_find(child, "frequency"), -1);
    assert_true(child->registers[profile_find(child, "current_l1")].scale.value == 0.1);
    assert_true(child->registers[profile_find(child, "current_l1")].address.value == 1);
    assert_string_equal(library_find(library, "old-base")->id, "base"); // aliases are not inherited
    library_free(library);
}

static void bad_extensions_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *said;
    } cases[] = {
        {"lonely.json", "{'id':'lonely','extends':'nobody','confidence':'none'}",
         "lonely.json:/extends: there is no profile \"nobody\""},
        {"self.json", "{'id':'self','extends':'self','confidence':'none'}",
         "self.json:/extends: there is no profile \"self\""},
        {"number.json", "{'id':'number','extends':7,'confidence':'none'}",
         "number.json:/extends: there is no profile \"\""},
        // What a profile says of itself is not inherited.
        {"modest.json", "{'id':'modest','extends':'base'}", "modest.json:/confidence: is missing"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char folder[32];
        struct problems problems;
        (void)snprintf(folder, sizeof(folder), "bad%zu", i);
        put(folder, "base.json", "{'id':'base'," BODY(""));
        put(folder, cases[i].name, cases[i].text);
        struct library *library = load(folder, NULL, &problems);
        assert_string_equal(problems.first, cases[i].said);
        assert_int_equal(problems.count, 1);
        assert_non_null(library_find(library, "base")); // the others stay
        library_free(library);
    }
    struct problems problems;
    put("circle", "a.json", "{'id':'a','extends':'b','confidence':'none'}");
    put("circle", "b.json", "{'id':'b','extends':'a','confidence':'none'}");
    struct library *library = load("circle", NULL, &problems);
    assert_int_equal(problems.count, 2);
    assert_non_null(strstr(problems.first, "in a circle"));
    library_free(library);
}

static void the_users_files_win(void **state)
{
    (void)state;
    struct problems problems;
    put("shipped", "a.json", "{'id':'a'," BODY("'limits':{'gap_ms':20},"));
    put("shipped", "b.json", "{'id':'b','aliases':['own']," BODY(""));
    put("mine", "overlay.json", "{'id':'a','extends':'a','confidence':'none','limits':{'gap_ms':70}}");
    put("mine", "own.json", "{'id':'own','extends':'a','confidence':'none'}");
    struct library *library = load("shipped", "mine", &problems);
    if (problems.count)
        fail_msg("%s", problems.first);
    assert_int_equal(library_count(library), 3);
    assert_int_equal(library_find(library, "a")->limits.gap_ms, 70);
    assert_true(library_at(library, 0)->own);
    assert_int_equal(library_find(library, "own")->limits.gap_ms, 70); // extends the user's "a"
    assert_string_equal(library_find(library, "own")->id, "own");      // an id wins over an alias
    library_free(library);
    library = load("shipped", "nowhere", &problems); // no folder of the user's: fine
    assert_int_equal(library_count(library), 2);
    library_free(library);
    put("twice", "one.json", "{'id':'a'," BODY(""));
    put("twice", "two.json", "{'id':'a'," BODY(""));
    library = load("twice", NULL, &problems);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.first, "two.json:/id: \"a\" is the id of"));
    library_free(library);
}

// A library that is refused whole would leave poller and config without any: nothing would be read.
static void files_above_the_ceiling_are_left_out(void **state)
{
    (void)state;
    struct problems problems;
    char name[40], text[600];
    put("few", "a.json", "{'id':'a'," BODY(""));
    for (int i = 0; i < EW_PROFILES_MAX + 2; i++) {
        (void)snprintf(name, sizeof(name), "own-%03d.json", i);
        (void)snprintf(text, sizeof(text), "{'id':'own-%03d'," BODY(""), i);
        put("many", name, text);
    }
    struct library *library = load("few", "many", &problems);
    assert_int_equal(library_file_count(library), EW_PROFILES_MAX);
    assert_non_null(library_find(library, "a"));
    assert_non_null(library_find(library, "own-000"));
    assert_null(library_find(library, "own-511"));
    assert_int_equal(problems.count, 3);
    assert_non_null(strstr(problems.first, "own-511.json:: more than 512 profiles"));
    library_free(library);
}

static void hostile_files_are_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *said; // said: a piece of it
    } cases[] = {
        {"two.json", "xx", "two.json:: line 1, column 1:"},
        {"empty.json", "", "empty.json:: line 1"},
        {"brace.json", "{'registers':", "brace.json:: line 1"},
        {"list.json", "[]", "list.json:/: must be an object"},
        {"nothing.json", "{}", "nothing.json:/id: is missing"},
        {"twice.json", "{'id':'x','id':'y'}", "twice.json:/id: the key stands twice"},
        {"key.json", "{'id':'x','colour':1," BODY(""), "key.json:/colour: unknown key"},
        {"hex.json",
         "{'id':'x','version':'1','family':'f','model':'m','kind':'meter','confidence':'none',"
         "'registers':{'current':{'fc':3,'address':'0x12G','type':'u16','group':'instant'}}}",
         "hex.json:/registers/current/address: must be"},
    };
    char path[700];
    struct problems problems;
    for (size_t i = 0; i < COUNT(cases); i++) {
        put("hostile", cases[i].name, cases[i].text);
        (void)snprintf(path, sizeof(path), "%s/hostile/profiles/%s", scratch, cases[i].name);
        problems = (struct problems){0};
        assert_int_equal(library_check_file(path, NULL, NULL, on_problem, &problems), 1);
        if (!strstr(problems.first, cases[i].said))
            fail_msg("%s, expected %s", problems.first, cases[i].said);
    }
    // Larger than a profile may be; deeper than JSON may be.
    char *huge = calloc(1, EW_PROFILE_FILE_MAX + 2);
    memset(huge, ' ', EW_PROFILE_FILE_MAX + 1);
    put("hostile", "huge.json", huge);
    memset(huge, '[', 1000);
    huge[1000] = 0;
    put("hostile", "deep.json", huge);
    free(huge);
    (void)snprintf(path, sizeof(path), "%s/hostile/profiles/huge.json", scratch);
    problems = (struct problems){0};
    assert_int_equal(library_check_file(path, NULL, NULL, on_problem, &problems), 1);
    assert_non_null(strstr(problems.first, "larger than 262144 bytes"));
    (void)snprintf(path, sizeof(path), "%s/hostile/profiles/deep.json", scratch);
    problems = (struct problems){0};
    assert_int_equal(library_check_file(path, NULL, NULL, on_problem, &problems), 1);
    assert_non_null(strstr(problems.first, "nested deeper"));
    (void)snprintf(path, sizeof(path), "%s/hostile/profiles/absent.json", scratch);
    assert_int_equal(library_check_file(path, NULL, NULL, on_problem, &problems), 1);
    // A good file, one that extends its neighbour, one that extends a shipped profile.
    put("fine", "good.json", "{'id':'good'," BODY(""));
    put("fine", "next.json", "{'id':'next','extends':'good','confidence':'none'}");
    put("fine", "far.json", "{'id':'far','extends':'schneider-iem3155','confidence':'none'}");
    static const char *const good[] = {"good.json", "next.json", "far.json"};
    for (size_t i = 0; i < COUNT(good); i++) {
        (void)snprintf(path, sizeof(path), "%s/fine/profiles/%s", scratch, good[i]);
        problems = (struct problems){0};
        if (library_check_file(path, share, NULL, on_problem, &problems) != 0)
            fail_msg("%s", problems.first);
    }
}

static void list_problem(void *user, const char *path, const struct ew_reason *reason)
{
    struct ew_buf *list = user;
    (void)path;
    ew_buf_printf(list, "%s ", reason->path);
}

// One who mends a profile mends all of it at once; what only follows from another fault is not told.
static void every_fault_of_a_profile_is_told(void **state)
{
    (void)state;
    static const char text[] =
        "{'id':'x','version':'1','family':'f','model':'m','kind':'meter','confidence':'none','colour':1,"
        "'limits':{'gap_ms':'soon'},'asks':['moon'],'registers':{"
        "'ct_ratio':{'fc':3,'address':1,'type':'u17','group':'info'},"
        "'current_l1':{'fc':3,'address':2,'type':'u16','group':'instant','scale_from':{'registers':['ct_"
        "ratio']}},"
        "'current_l2':{'fc':3,'address':3,'type':'u16','group':'instant','scale_from':{'registers':['vt_"
        "ratio']}},"
        "'flow':{'fc':3,'address':4,'type':'u16','group':'instant'},"
        "'active_power':{'fc':3,'address':5,'type':'u16','unit':'kW','group':'instant'},"
        "'frequency':{'fc':3,'address':6,'type':'u16','group':'instant'}}}";
    static const char *const told[] = {"/colour ",
                                       "/limits/gap_ms ",
                                       "/asks",
                                       "/registers/ct_ratio/type ",
                                       "/registers/current_l2/scale_from/registers ",
                                       "/registers/flow ",
                                       "/registers/active_power/unit "};
    char path[700];
    struct ew_buf list;
    put("faults", "x.json", text);
    (void)snprintf(path, sizeof(path), "%s/faults/profiles/x.json", scratch);
    ew_buf_init(&list, 4096);
    int count = library_check_file(path, NULL, NULL, list_problem, &list);
    for (size_t i = 0; i < COUNT(told); i++)
        if (!strstr(ew_buf_text(&list), told[i]))
            fail_msg("%s is missing in %s", told[i], ew_buf_text(&list));
    if (count != COUNT(told))
        fail_msg("%s", ew_buf_text(&list));
    ew_buf_done(&list);
}

static double generic_param(const void *user, const char *name, double fallback)
{
    (void)user;
    static const struct {
        const char *name;
        double value;
    } given[] = {{"fc", 4}, {"register", 0x1F}, {"words", 4}, {"factor", 1000}};
    for (size_t i = 0; i < COUNT(given); i++)
        if (strcmp(given[i].name, name) == 0)
            return given[i].value;
    return fallback;
}

// DEV-07: function, register, words and factor are the user's; the register counts kWh here.
static void the_generic_meter_is_the_users(void **state)
{
    (void)state;
    static const uint16_t words[] = {0, 0, 1, 2};
    struct library *library;
    struct ew_reason why;
    struct profile_bound bound;
    struct profile_value value;
    assert_int_equal(library_load(share, NULL, NULL, NULL, &library, &why), EW_OK);
    const struct profile *profile = library_find(library, "generic-meter");
    assert_int_equal(profile->register_count, 1);
    assert_string_equal(profile->registers[0].quantity, "active_energy_import");
    assert_int_equal(profile_bind(profile, 0, test_no_params, NULL, &bound, &why), EW_E_INVALID);
    assert_non_null(strstr(why.text, "\"register\""));
    assert_int_equal(profile_bind(profile, 0, generic_param, NULL, &bound, &why), EW_OK);
    assert_true(bound.fc == 4 && bound.address == 0x1F && bound.words == 4);
    profile_decode(profile, 0, &bound, words, &value);
    assert_true(value.number == 65538000);
    library_free(library);
}

static void a_profile_is_told_from_a_site_file(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool expected;
    } cases[] = {{"{\"registers\":{}}", true},
                 {"{\"extends\":\"a\"}", true},
                 {"{\"version\":1,\"buses\":[]}", false},
                 {"{}", false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *tree = cJSON_Parse(cases[i].text);
        assert_int_equal(library_is_profile(tree), cases[i].expected);
        cJSON_Delete(tree);
    }
    struct library *library;
    struct ew_reason why;
    assert_int_equal(library_load("/nonexistent", NULL, NULL, NULL, &library, &why), EW_E_UNKNOWN);
    assert_non_null(strstr(why.text, "can't be read"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_profiles_are_whole_and_honest),
        cmocka_unit_test(shipped_profiles_encode_and_decode),
        cmocka_unit_test(profiles_extend_each_other),
        cmocka_unit_test(bad_extensions_are_told),
        cmocka_unit_test(the_users_files_win),
        cmocka_unit_test(files_above_the_ceiling_are_left_out),
        cmocka_unit_test(hostile_files_are_refused_in_words),
        cmocka_unit_test(every_fault_of_a_profile_is_told),
        cmocka_unit_test(the_generic_meter_is_the_users),
        cmocka_unit_test(a_profile_is_told_from_a_site_file),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
