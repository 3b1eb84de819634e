// What the raw tools take and refuse: requests as JSON, values by type, devices that nobody may write to.
#include "check.h"

#include "tools/guard.h"
#include "tools/values.h"
#include <string.h>

static enum ew_err read_text(const char *text, bool write, struct value_request *ret,
                             struct ew_reason *reason)
{
    char json[256];
    size_t len = strlen(text);
    for (size_t i = 0; i <= len; i++)
        json[i] = text[i] == '\'' ? '"' : text[i];
    cJSON *tree = cJSON_Parse(json);
    assert_non_null(tree);
    ew_reason_clear(reason);
    enum ew_err err = value_request_read(tree, write, ret, reason);
    cJSON_Delete(tree);
    return err;
}

static void requests_are_read_or_refused_at_their_field(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool write;
        const char *path; // NULL = taken
    } cases[] = {
        {"{'unit':5,'address':0}", false, NULL},
        {"{'bus':1,'unit':5,'fc':4,'address':'0xFFFF','count':2,'type':'f32','order':'lsw'}", false, NULL},
        {"{'address':0}", false, "/unit"},
        {"{'unit':5}", false, "/address"},
        {"{'unit':256,'address':0}", false, "/unit"},
        {"{'unit':5,'address':65536}", false, "/address"},
        {"{'unit':5,'address':0,'fc':6}", false, "/fc"},
        {"{'unit':5,'address':0,'type':'u17'}", false, "/type"},
        {"{'unit':5,'address':0,'order':'big'}", false, "/order"},
        {"{'unit':5,'address':0,'value':1}", false, "/value"}, // a read has none
        {"{'unit':5,'address':0,'value':1}", true, NULL},
        {"{'unit':5,'address':0,'fc':16,'values':[1,2]}", true, NULL},
        {"{'unit':5,'address':0,'fc':5,'value':true}", true, NULL},
        {"{'unit':5,'address':0,'fc':15,'values':[1,0,1]}", true, NULL},
        {"{'unit':5,'address':0}", true, "/values"},
        {"{'unit':5,'address':0,'fc':3,'value':1}", true, "/fc"},
        {"{'unit':5,'address':0,'fc':7,'value':1}", true, "/fc"},
        {"{'unit':5,'address':0,'value':'x'}", true, "/value"},
        {"{'unit':5,'address':0,'values':[1,2]}", true, "/values"}, // function 6 takes one
        {"{'unit':5,'address':0,'values':[]}", true, "/values"},
        {"{'unit':5,'address':0,'fc':5,'value':2}", true, "/value"},
        {"{'unit':5,'address':0,'fc':6,'type':'f32','value':1}", true, "/values"},
        {"{'unit':5,'address':0,'fc':16,'type':'string','value':1}", true, "/values"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct value_request request;
        struct ew_reason reason;
        enum ew_err err = read_text(cases[i].text, cases[i].write, &request, &reason);
        if ((err == EW_OK) != (cases[i].path == NULL) ||
            (err != EW_OK && strcmp(reason.path, cases[i].path) != 0))
            fail_msg("case %zu: %s at \"%s\": %s", i, ew_err_name(err), reason.path, reason.text);
    }
}

static void a_register_holds_what_was_asked_for_or_nothing_is_written(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        int fc;
        double value;
        int words; // 0 = refused
        uint16_t registers[4];
    } cases[] = {
        {"u16", 6, 65535, 1, {0xFFFF}}, {"u16", 6, 65536, 0, {0}},
        {"u16", 6, -1, 0, {0}},         {"u16", 6, 1.5, 0, {0}},
        {"s16", 6, -2, 1, {0xFFFE}},    {"s16", 6, -32769, 0, {0}},
        {"u32", 16, 65536, 2, {1, 0}},  {"f32", 16, 230.5, 2, {0x4366, 0x8000}},
        {"f32", 16, 1e300, 0, {0}},     {"f64", 16, 1, 4, {0x3FF0, 0, 0, 0}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct value_request request = {.rq = {.fc = cases[i].fc}, .type = value_type_find(cases[i].type)};
        struct ew_reason reason;
        enum ew_err err = value_request_fill(&request, &cases[i].value, 1, &reason);
        size_t size = (size_t)cases[i].words * sizeof(uint16_t);
        if ((err == EW_OK) != (cases[i].words > 0) ||
            (err == EW_OK &&
             (request.rq.count != cases[i].words || memcmp(request.words, cases[i].registers, size) != 0)))
            fail_msg("case %zu: %s, %d words", i, ew_err_name(err), request.rq.count);
    }
}

static void inferred_models_and_stations_in_use_are_not_written_to(void **state)
{
    (void)state;
    static const struct {
        enum profile_confidence confidence;
        enum profile_kind kind;
        bool accepted, on;
        const char *code; // NULL = allowed
    } cases[] = {
        {PROFILE_DRIVER, PROFILE_METER, false, true, NULL},
        {PROFILE_CANDIDATE, PROFILE_METER, false, true, "tool.candidate"},
        {PROFILE_CANDIDATE, PROFILE_METER, true, true, NULL},
        {PROFILE_DRIVER, PROFILE_STATION, false, true, "tool.station"},
        {PROFILE_DRIVER, PROFILE_STATION, false, false, NULL},
        {PROFILE_CANDIDATE, PROFILE_STATION, true, true, "tool.station"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct site_device device = {.accept_candidate = cases[i].accepted, .on = cases[i].on};
        struct profile profile = {.confidence = cases[i].confidence, .kind = cases[i].kind};
        struct ew_reason reason;
        ew_reason_clear(&reason);
        enum ew_err err = guard_write(&device, &profile, &reason);
        if ((err == EW_OK) != (cases[i].code == NULL) ||
            (cases[i].code && strcmp(reason.code, cases[i].code) != 0))
            fail_msg("case %zu: %s", i, reason.code);
    }
    struct site_device unknown = {.on = true};
    assert_int_equal(guard_write(&unknown, NULL, NULL), EW_OK); // no model is known of it
}

static void a_write_to_everybody_gets_to_everybody(void **state)
{
    (void)state;
    static const struct {
        enum site_bus_type type;
        int asked, unit;
        bool reaches;
    } cases[] = {
        {SITE_BUS_RTU, 5, 5, true},     {SITE_BUS_RTU, 5, 6, false},   {SITE_BUS_RTU, 0, 6, true},
        {SITE_BUS_RTU_TCP, 0, 6, true}, {SITE_BUS_RTU, 255, 6, false}, {SITE_BUS_TCP, 0, 6, true},
        {SITE_BUS_TCP, 255, 6, true},   {SITE_BUS_TCP, 7, 6, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (guard_reaches(cases[i].type, cases[i].asked, cases[i].unit) != cases[i].reaches)
            fail_msg("case %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_to_everybody_gets_to_everybody),
        cmocka_unit_test(requests_are_read_or_refused_at_their_field),
        cmocka_unit_test(a_register_holds_what_was_asked_for_or_nothing_is_written),
        cmocka_unit_test(inferred_models_and_stations_in_use_are_not_written_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
