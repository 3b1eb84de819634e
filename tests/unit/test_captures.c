// What real devices sent, through the shipped profiles and the real decoder. The expected values come from
// elsewhere: the log that was pasted with the frame, the test suite that the dump was taken from.
#include "check.h"

#include "capture.h"
#include "core/frame/frame.h"
#include "library/library.h"
#include "profile_text.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct library *library;

static int load_library(void **state)
{
    (void)state;
    struct ew_reason why;
    char share[512];
    (void)snprintf(share, sizeof(share), "%s/gateway", EDGEWATT_SOURCE_DIR);
    return library_load(share, NULL, NULL, NULL, &library, &why) == EW_OK ? 0 : -1;
}

static int free_library(void **state)
{
    (void)state;
    library_free(library);
    return 0;
}

// All values of a profile out of a dump; what the dump lacks is PROFILE_NOT_READ.
static void decode_dump(const struct profile *profile, const struct capture_dump *dump,
                        struct profile_value *values)
{
    for (int i = 0; i < profile->register_count; i++) {
        struct profile_bound bound;
        struct ew_reason why;
        values[i] = (struct profile_value){.quality = PROFILE_NOT_READ};
        assert_int_equal(profile_bind(profile, i, test_no_params, NULL, &bound, &why), EW_OK);
        bool there = true;
        for (int w = 0; w < bound.words; w++)
            there = there && dump->there[bound.address + w];
        if (there)
            profile_decode(profile, i, &bound, dump->words + bound.address, &values[i]);
    }
    for (int i = 0; i < profile->register_count; i++)
        profile_finish(profile, i, values);
}

struct expected {
    const char *quantity;
    double value, tolerance; // NaN = no value
};

static void check_values(const struct profile *profile, const struct profile_value *values,
                         const struct expected *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int index = profile_find(profile, expected[i].quantity);
        assert_true(index >= 0);
        const struct profile_value *value = &values[index];
        bool right = isnan(expected[i].value)
                         ? value->quality == PROFILE_NO_VALUE
                         : value->quality == PROFILE_GOOD &&
                               fabs(value->number - expected[i].value) <= expected[i].tolerance;
        if (!right)
            fail_msg("%s: quality %d, %.9g, expected %.9g", expected[i].quantity, value->quality,
                     value->number, expected[i].value);
    }
}

static double json_number(const cJSON *expected, const char *file, const char *group, const char *address)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(expected, file);
    if (group)
        node = cJSON_GetObjectItemCaseSensitive(node, group);
    node = cJSON_GetObjectItemCaseSensitive(node, address);
    assert_true(cJSON_IsNumber(node));
    return node->valuedouble;
}

static cJSON *read_expected(void)
{
    char *text = capture_text("expected.json");
    cJSON *tree = text ? cJSON_Parse(text) : NULL;
    free(text);
    assert_non_null(tree);
    return tree;
}

static void a_dump_of_a_pm3200_decodes(void **state)
{
    (void)state;
    static const char file[] = "schneider_pm3200_1phase_holding.txt";
    static struct capture_dump dump;
    char *text = capture_text(file);
    if (!text)
        skip();
    capture_read_dump(text, &dump);
    free(text);
    cJSON *expected = read_expected();
    const struct profile *profile = library_find(library, "schneider-pm3200");
    assert_non_null(profile);
    struct profile_value values[PROFILE_REGISTERS_MAX];
    decode_dump(profile, &dump, values);
    const struct expected rows[] = {
        {"current_l1", json_number(expected, file, "float32_be", "2999"), 1e-6},
        {"voltage_l1_n", json_number(expected, file, "float32_be", "3027"), 1e-4},
        {"active_power", 541, 1}, // upstream rounds up
        {"active_power_l1", 541, 1},
        {"apparent_power", 694, 1},
        {"reactive_power", -434.25, 0.01},
        {"power_factor", 0.77941227, 1e-6}, // 2 - 1.220588
        {"power_factor_l1", 2 - json_number(expected, file, "float32_be", "3077"), 1e-6},
        {"frequency", 50.046, 0.001},
        {"temperature", 24.48, 0.01},
        {"active_energy_import", 490245, 0},
        {"active_energy_export", 0, 0},
        {"reactive_energy_import", 6526, 0},
        {"reactive_energy_export", 262513, 0},
        {"apparent_energy", 579333, 0},
        {"current_l2", NAN, 0}, // one phase only: 0xFFC00000
        {"voltage_l1_l2", NAN, 0},
        {"voltage_l3_n", NAN, 0},
        {"power_factor_l3", NAN, 0},
    };
    check_values(profile, values, rows, COUNT(rows));
    // One identity that needs no oracle: P^2 + Q^2 = S^2.
    double p = values[profile_find(profile, "active_power")].number;
    double q = values[profile_find(profile, "reactive_power")].number;
    double s = values[profile_find(profile, "apparent_power")].number;
    assert_true(fabs(hypot(p, q) - s) < 1);
    cJSON_Delete(expected);
}

static void a_dump_of_an_elkor_decodes(void **state)
{
    (void)state;
    static const char file[] = "elkor_wattson_upt_holding.txt";
    static struct capture_dump dump;
    char *text = capture_text(file);
    if (!text)
        skip();
    capture_read_dump(text, &dump);
    free(text);
    cJSON *expected = read_expected();
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/tests/golden/profile/elkor-wattson.json", EDGEWATT_SOURCE_DIR);
    FILE *source = fopen(path, "rb");
    assert_non_null(source);
    static char json[8192];
    assert_true(fread(json, 1, sizeof(json) - 1, source) > 0);
    (void)fclose(source);
    struct test_profile t;
    struct ew_reason why;
    if (test_profile_read(json, &t, &why) != EW_OK)
        fail_msg("%s: %s", why.path, why.text);
    struct profile_value values[PROFILE_REGISTERS_MAX];
    decode_dump(&t.profile, &dump, values);
    const struct expected rows[] = {
        {"active_energy_import", 1000 * json_number(expected, file, NULL, "770"), 1},
        {"current", json_number(expected, file, NULL, "774"), 0.001},
        {"voltage_l1_n", json_number(expected, file, NULL, "776"), 0.01},
        {"voltage_l1_l2", json_number(expected, file, NULL, "778"), 0.01},
        {"power_factor", json_number(expected, file, NULL, "782"), 0.0001},
        {"frequency", json_number(expected, file, NULL, "784"), 0.001},
    };
    check_values(&t.profile, values, rows, COUNT(rows));
    test_profile_done(&t);
    cJSON_Delete(expected);
}

// A row of field_traces.csv by its id, how its registers read, and what the log beside the frame said.
static const struct field {
    const char *id, *reg;
    int skip; // registers before the value
    double expected;
} fields[] = {
    {"3", "'type':'u16'", 0, 0},
    {"5", "'type':'u16','scale':0.1", 2, 0},
    {"7", "'type':'u16'", 0, 2},
    {"9", "'type':'u32'", 0, 4251},
    {"11", "'type':'u32'", 0, 0},
    {"13", "'type':'u32'", 18, 0},
    {"17", "'type':'u64'", 0, 1927684},
    {"19", "'type':'u64'", 0, 0},
    {"21", "'type':'u32'", 0, 149040 /* 0x00024630 */},
    {"23", "'type':'f64'", 0, 6223090},
    {"25", "'type':'f32'", 0, NAN},
    {"29", "'type':'f32'", 0, 0},
    {"31", "'type':'f32'", 4, 0},
    {"33", "'type':'f32'", 0, 16},
    {"37", "'type':'u32','scale':100", 0, 2345300},
    {"39", "'type':'u16'", 0, 0},
    {"41", "'type':'u16'", 0, 3},
    {"43", "'type':'f32','order':'lsw','scale':1000", 0, 10937},
    {"47", "'type':'s32'", 0, -2},
    {"49", "'type':'u16','scale':0.1", 2, 7.3},
    {"51", "'type':'u32'", 0, 357728},
    {"57", "'type':'u16'", 0, 5},
    {"59", "'type':'u32'", 0, 0},
};
static const struct {
    const char *id, *text;
    int words;
} texts[] = {{"27", "C1", 5}, {"45", "3010002501150000", 16}};

static const struct field *find_field(const char *id)
{
    for (size_t i = 0; i < COUNT(fields); i++)
        if (strcmp(fields[i].id, id) == 0)
            return &fields[i];
    return NULL;
}

static void check_field(const struct field *field, const uint16_t *words)
{
    char reg[256];
    struct test_profile t;
    struct ew_reason why;
    struct profile_bound bound;
    struct profile_value value;
    (void)snprintf(reg, sizeof(reg), "'active_power':{'fc':3,'address':0,'group':'instant',%s}", field->reg);
    assert_int_equal(test_profile_registers(reg, &t, &why), EW_OK);
    assert_int_equal(profile_bind(&t.profile, 0, test_no_params, NULL, &bound, &why), EW_OK);
    profile_decode(&t.profile, 0, &bound, words + field->skip, &value);
    profile_finish(&t.profile, 0, &value);
    bool right = isnan(field->expected)
                     ? value.quality == PROFILE_NO_VALUE
                     : value.quality == PROFILE_GOOD && fabs(value.number - field->expected) < 1;
    if (fabs(field->expected) < 100)
        right = right && (isnan(field->expected) || fabs(value.number - field->expected) < 1e-9);
    if (!right)
        fail_msg("trace %s: %.9g (quality %d), the log says %.9g", field->id, value.number, value.quality,
                 field->expected);
    test_profile_done(&t);
}

static void check_text(const char *id, const uint16_t *words)
{
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (strcmp(texts[i].id, id) != 0)
            continue;
        char reg[160];
        struct test_profile t;
        struct ew_reason why;
        struct profile_bound bound;
        struct profile_value value;
        (void)snprintf(reg, sizeof(reg),
                       "'serial_number':{'fc':3,'address':0,'group':'info','type':'string','words':%d}",
                       texts[i].words);
        assert_int_equal(test_profile_registers(reg, &t, &why), EW_OK);
        assert_int_equal(profile_bind(&t.profile, 0, test_no_params, NULL, &bound, &why), EW_OK);
        profile_decode(&t.profile, 0, &bound, words, &value);
        assert_string_equal(value.text, texts[i].text);
        test_profile_done(&t);
    }
}

// The PDU of a captured frame, whichever way it was sent.
static struct frame unwrap(const char *framing, const uint8_t *data, size_t len, const char *id)
{
    struct frame frame = {0};
    if (strcmp(framing, "rtu") == 0) {
        if (frame_rtu_read(data, len, &frame) != EW_OK)
            fail_msg("trace %s: no RTU frame", id);
    } else {
        if (frame_tcp_length(data, len) != (int)len)
            fail_msg("trace %s: no TCP frame", id);
        frame_tcp_read(data, len, &frame);
    }
    return frame;
}

static void conversations_of_the_field_decode(void **state)
{
    (void)state;
    char *text = capture_text("field_traces.csv");
    if (!text)
        skip();
    int decoded = 0, conversations = 0;
    char *rest = text;
    (void)strsep(&rest, "\n"); // the header
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        char *column[8] = {NULL};
        uint8_t asked[FRAME_TCP_MAX], answered[FRAME_TCP_MAX];
        if (capture_csv(line, column, 8) < 7)
            continue;
        int asked_len = capture_hex(column[4], strlen(column[4]), asked, sizeof(asked));
        int answered_len = capture_hex(column[5], strlen(column[5]), answered, sizeof(answered));
        assert_true(asked_len > 0);
        struct frame question = unwrap(column[3], asked, (size_t)asked_len, column[0]);
        struct frame_request request;
        assert_int_equal(frame_request_read(question.pdu, question.pdu_len, &request), FRAME_NO_EXCEPTION);
        if (answered_len <= 0)
            continue; // a request alone
        struct frame answer = unwrap(column[3], answered, (size_t)answered_len, column[0]);
        uint16_t words[FRAME_BITS_MAX];
        enum frame_exception exception;
        assert_int_equal(answer.unit, question.unit);
        if (frame_answer_read(&request, answer.pdu, answer.pdu_len, words, &exception) != EW_OK)
            fail_msg("trace %s: the answer does not fit", column[0]);
        conversations++;
        if (request.function > 4)
            continue;
        const struct field *field = find_field(column[0]);
        if (field)
            check_field(field, words);
        check_text(column[0], words);
        decoded++;
    }
    free(text);
    printf("%d conversations, %d of them reads that were decoded\n", conversations, decoded);
    assert_int_equal(decoded, COUNT(fields) + COUNT(texts));
}

// The beginning of a real SDM630's answer (nmakel/solaredge_meterproxy issue 16) through our profile.
static void a_captured_answer_of_an_sdm630_decodes(void **state)
{
    (void)state;
    static const uint16_t words[] = {0x436F, 0x30E8, 0x436F, 0xC23A};
    static const char *const quantities[] = {"voltage_l1_n", "voltage_l2_n"};
    static const double expected[] = {239.19, 239.76};
    const struct profile *profile = library_find(library, "eastron-sdm630");
    assert_non_null(profile);
    for (int i = 0; i < 2; i++) {
        struct profile_bound bound;
        struct profile_value value;
        struct ew_reason why;
        int index = profile_find(profile, quantities[i]);
        assert_int_equal(profile_bind(profile, index, test_no_params, NULL, &bound, &why), EW_OK);
        assert_int_equal(bound.fc, 4);
        profile_decode(profile, index, &bound, words + bound.address, &value);
        assert_true(fabs(value.number - expected[i]) < 0.005);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dump_of_a_pm3200_decodes),
        cmocka_unit_test(a_dump_of_an_elkor_decodes),
        cmocka_unit_test(conversations_of_the_field_decode),
        cmocka_unit_test(a_captured_answer_of_an_sdm630_decodes),
    };
    return cmocka_run_group_tests(tests, load_library, free_library);
}
