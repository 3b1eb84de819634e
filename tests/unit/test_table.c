// DEV-12: a register table out of a vendor's paper becomes a profile, or every mistake in it is told with its
// row.
#include "check.h"
#include "library/library.h"
#include "library/table.h"

#include <stdio.h>
#include <string.h>

static const struct table_head head = {
    .id = "acme-m1", .family = "Acme", .model = "M1", .kind = PROFILE_METER, .first = 30001};

#define SHARE EDGEWATT_SOURCE_DIR "/gateway"
static struct table_faults faults;

static enum ew_err make(const struct table_head *h, const char *text, size_t len, cJSON **tree)
{
    return table_make(h, text, len, SHARE, NULL, tree, &faults);
}

static const cJSON *register_of(const cJSON *tree, const char *quantity)
{
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(tree, "registers"), quantity);
}

static double number_at(const cJSON *node, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(node, key);
    return item ? item->valuedouble : 1;
}

static void right_tables_become_profiles(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double address, scale;
        const char *type, *group;
    } cases[] = {
        {"quantity,fc,address,type,scale\nactive_power,4,30017,s32,0.1\n", 16, 0.1, "s32", "instant"},
        {"\xEF\xBB\xBFtype;quantity;address;fc;scale\r\ns32;active_power;30017;4;0,1\r\n", 16, 0.1, "s32",
         "instant"},
        {"# from page 4\n\nquantity\tfc\taddress\ttype\n\nactive_power\t3\t0x7541\tf32", 16, 1, "f32",
         "instant"},
        {"sep=;\nQuantity;FC;Address;Type;Note;\nActive_Power;4;30017;INT32;of phase 1, see the "
         "paper on page four where the sign of this value is told;\n",
         16, 1, "s32", "instant"},
        {"quantity,fc,hex,type\nactive_power,4,7541,s32\n", 16, 1, "s32", "instant"},
        {"quantity,fc,hex,type\nactive_power,4,0x7541,s32\nvoltage_l1_n,4,754Ah,u16\n", 16, 1, "s32",
         "instant"},
        {"quantity,fc,address,type,group\n\"active_power\",\"3\",30017,\"f32\",statistics\n", 16, 1, "f32",
         "statistics"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ew_reason why;
        cJSON *tree = NULL;
        if (make(&head, cases[i].text, strlen(cases[i].text), &tree) != EW_OK)
            fail_msg("case %zu: %s: %s", i, faults.at[0].path, faults.at[0].text);
        const cJSON *node = register_of(tree, "active_power");
        const cJSON *scale = cJSON_GetObjectItemCaseSensitive(node, "scale");
        assert_true(cJSON_GetObjectItemCaseSensitive(node, "address")->valuedouble == cases[i].address);
        assert_true((scale ? scale->valuedouble : 1) == cases[i].scale);
        assert_string_equal(cJSON_GetObjectItemCaseSensitive(node, "type")->valuestring, cases[i].type);
        assert_string_equal(cJSON_GetObjectItemCaseSensitive(node, "group")->valuestring, cases[i].group);
        // What is printed is the same profile again.
        struct ew_buf printed;
        cJSON *again = NULL;
        ew_buf_init(&printed, 1 << 20);
        table_print(tree, &printed);
        assert_int_equal(ew_json_parse(ew_buf_text(&printed), printed.len, 1 << 20, &again, &why), EW_OK);
        assert_true(cJSON_Compare(tree, again, true));
        cJSON_Delete(again);
        ew_buf_done(&printed);
        cJSON_Delete(tree);
    }
}

// What a count is worth in the unit of its quantity, as papers write it.
static void units_become_scales(void **state)
{
    (void)state;
    static const struct {
        const char *quantity, *scale, *unit;
        double worth;
    } cases[] = {
        {"active_energy_import", "0.01", "kWh", 10},
        {"active_energy_import", "", "MWh", 1e6},
        {"active_power", "", "0.001 kW", 1},
        {"active_power", "-1", "W", -1},
        {"current_l1", "", "mA", 0.001},
        {"current_l1", "0.1", "mA", 0.0001},
        {"voltage_l1_n", "", "0.1V", 0.1},
        {"current_l1", "",
         "\xC2\xB5"
         "A",
         1e-6},
        {"temperature", "0.1",
         "\xC2\xB0"
         "C",
         0.1},
        {"volume", "", "m\xC2\xB3", 1000},
        {"reactive_power", "", "kVAr", 1000},
        {"power_factor", "0.001", "", 0.001},
        {"power_factor", "", "-", 1},
        {"power_factor", "0.001", "\xE2\x80\x93", 0.001},
        {"frequency", "", "0.01", 0.01},
        {"operating_time", "", "h", 3600},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[200];
        cJSON *tree = NULL;
        (void)ew_format(text, sizeof(text), "quantity,fc,address,type,scale,unit\n%s,4,30001,u16,%s,%s\n",
                        cases[i].quantity, cases[i].scale, cases[i].unit);
        if (make(&head, text, strlen(text), &tree) != EW_OK)
            fail_msg("case %zu: %s: %s", i, faults.at[0].path, faults.at[0].text);
        double scale = number_at(register_of(tree, cases[i].quantity), "scale");
        if (scale != cases[i].worth)
            fail_msg("case %zu: %.17g", i, scale);
        cJSON_Delete(tree);
    }
}

static void types_are_taken_as_papers_write_them(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"UINT16", "u16"},        {"32-bit float", "f32"},   {"32b float", "f32"},      {"64b double", "f64"},
        {"double", "f64"},        {"Signed 16 bit", "s16"},  {"unsigned 32", "u32"},    {"uint_64", "u64"},
        {"IEEE754 float 32", ""}, {"16-bit integer", "s16"}, {"unsigned int 16", "u16"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[200];
        cJSON *tree = NULL;
        (void)ew_format(text, sizeof(text), "quantity,fc,address,type\nactive_power,4,30001,%s\n",
                        cases[i][0]);
        enum ew_err err = make(&head, text, strlen(text), &tree);
        const cJSON *type = cJSON_GetObjectItemCaseSensitive(register_of(tree, "active_power"), "type");
        if ((err == EW_OK) != (cases[i][1][0] != 0) ||
            (err == EW_OK && strcmp(type->valuestring, cases[i][1]) != 0))
            fail_msg("%s: %s", cases[i][0], err == EW_OK ? type->valuestring : faults.at[0].text);
        cJSON_Delete(tree);
    }
}

// A spreadsheet saves what its country and its age taught it.
static void letters_of_any_spreadsheet(void **state)
{
    (void)state;
    static const char plain[] =
        "quantity;fc;address;type;unit\ntemperature;4;30001;u16;0,1 @C\ncurrent_l1;4;30002;u16;#A\n";
    static const struct {
        const char *mark, *degree, *micro;
        size_t mark_len;
        int wide; // 0 one byte a letter, 1 UTF-16 little, 2 big
    } cases[] = {{"\xEF\xBB\xBF", "\xC2\xB0", "\xC2\xB5", 3, 0},
                 {"", "\xC2\xB0", "\xCE\xBC", 0, 0},
                 {"", "\xB0", "\xB5", 0, 0}, // Windows-1252
                 {"\xFF\xFE", "\xB0", "\xB5", 2, 1},
                 {"\xFE\xFF", "\xB0", "\xB5", 2, 2},
                 {"", "\xB0", "\xB5", 0, 1}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char bytes[400];
        size_t len = cases[i].mark_len;
        cJSON *tree = NULL;
        memcpy(bytes, cases[i].mark, len);
        for (const char *p = plain; *p; p++) {
            const char *letters = *p == '@' ? cases[i].degree : *p == '#' ? cases[i].micro : NULL;
            size_t count = letters ? strlen(letters) : 1;
            if (cases[i].wide == 2)
                bytes[len++] = 0;
            memcpy(bytes + len, letters ? letters : p, count);
            len += count;
            if (cases[i].wide == 1)
                bytes[len++] = 0;
        }
        if (make(&head, bytes, len, &tree) != EW_OK)
            fail_msg("case %zu: %s: %s", i, faults.at[0].path, faults.at[0].text);
        assert_true(number_at(register_of(tree, "temperature"), "scale") == 0.1);
        assert_true(number_at(register_of(tree, "current_l1"), "scale") == 1e-6);
        cJSON_Delete(tree);
    }
}

static void the_word_order_of_a_whole_table(void **state)
{
    (void)state;
    static const char text[] =
        "quantity,fc,address,type,order\nactive_power,4,30001,s32,\ncurrent_l1,4,30003,u16,\n"
        "current_l2,4,30005,f32,msw\nserial_number,4,30010,string,\n";
    struct table_head lsw = head;
    cJSON *tree = NULL;
    lsw.lsw = true;
    assert_int_equal(make(&lsw, text, strlen(text), &tree), EW_E_INVALID); // text has no length
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.at[0].path, "row 5, words");
    assert_string_equal(
        cJSON_GetObjectItemCaseSensitive(register_of(tree, "active_power"), "order")->valuestring, "lsw");
    assert_string_equal(
        cJSON_GetObjectItemCaseSensitive(register_of(tree, "current_l2"), "order")->valuestring, "msw");
    assert_null(cJSON_GetObjectItemCaseSensitive(register_of(tree, "current_l1"), "order"));
    cJSON_Delete(tree);
}

#define HEADER "quantity,fc,address,type,scale\n"

static void wrong_tables_are_told_with_their_row(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path, *sentence;
    } cases[] = {
        {"", "", "no rows"},
        {HEADER, "", "no rows"},
        {"quantity,fc,adress,type\n", "row 1", "no column \"adress\""},
        {"quantity,fc,type\n", "row 1", "\"address\" is missing"},
        {HEADER "flow,4,30001,u16,1\n", "row 2, quantity", "not a quantity"},
        {HEADER "voltage_l1,4,30001,u16,1\n", "row 2, quantity", "voltage_l1_n?"},
        {HEADER "U2,4,30001,u16,1\n", "row 2, quantity",
         "\"U2\" is not a quantity of the vocabulary: voltage_l2_n?"},
        {HEADER "UL1-L2,4,30001,u16,1\n", "row 2, quantity", "voltage_l1_l2?"},
        {HEADER "I_3,4,30001,u16,1\n", "row 2, quantity", "current_l3?"},
        {HEADER "3P,4,30001,u16,1\n", "row 2, quantity", "active_power?"},
        {HEADER "cos(Phi)1,4,30001,u16,1\n", "row 2, quantity", "power_factor_l1?"},
        {HEADER "U4,4,30001,u16,1\n", "row 2, quantity", "of the vocabulary"},
        {HEADER "current_l1,4,30001,16b,1\n", "row 2, type", "not a type"},
        {HEADER "current_l1,4,30001,uint 24,1\n", "row 2, type", "not a type"},
        {HEADER "current_l1,4,30001,16 bit float,1\n", "row 2, type", "not a type"},
        {HEADER "=cmd|' /C calc'!A0,4,30001,u16,1\n", "row 2, quantity", "not a quantity"},
        {HEADER "current_l1,=4,30001,u16,1\n", "row 2, fc", "not a whole number"},
        {HEADER "current_l1,4,30001,u16,=1+1\n", "row 2, scale", "not a number"},
        {HEADER "current_l1,4,30001,u16,1e999\n", "row 2, scale", "not a number"},
        {HEADER "current_l1,4,30001,u16,nan\n", "row 2, scale", "not a number"},
        {HEADER "current_l1,4,30001,u16,1\n\ncurrent_l1,4,30002,u16,1\n", "row 4, quantity", "there twice"},
        {HEADER "current_l1,5,30001,u16,1\n", "row 2, fc", "not a whole number in range"},
        {HEADER "current_l1,4,17,u16,1\n", "row 2, address", "first number of the table"},
        {"quantity,fc,hex,type\ncurrent_l1,4,75G1,u16\n", "row 2, address", "hexadecimal"},
        {HEADER "current_l1,4,30001.5,u16,1\n", "row 2, address", "not a whole number"},
        {HEADER "current_l1,4,30001,u16,zero\n", "row 2, scale", "not a number"},
        {HEADER "current_l1,4,30001,u16,0\n", "row 2, scale", "not a number other than 0"},
        {HEADER "#\ncurrent_l1,4,30001,u15,1\n", "row 3, type", "not a type"},
        {"quantity,fc,address,type,unit\ncurrent_l1,4,30001,u16,V\n", "row 2, unit", "turned into A"},
        {"quantity,fc,address,type,unit\nactive_power,4,30001,u16,kWh\n", "row 2, unit", "turned into W"},
        {"quantity,fc,address,type,group\nactive_power,4,30001,u16,fast\n", "row 2, group", "must be one of"},
        {"quantity,fc,address,type,order\nactive_power,4,30001,s32,big\n", "row 2, order", "no word order"},
        {HEADER "current_l1,4,30001,u32,1\ncurrent_l2,4,30002,u32,1\n", "row 3, address", "overlap"},
        {HEADER "current_l1,1,30001,u16,1\n", "row 2, fc", "must be bool"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *tree = NULL;
        enum ew_err err = make(&head, cases[i].text, strlen(cases[i].text), &tree);
        if (err == EW_OK || strcmp(faults.at[0].path, cases[i].path) != 0 ||
            !strstr(faults.at[0].text, cases[i].sentence))
            fail_msg("case %zu: \"%s\": %s", i, faults.at[0].path, faults.at[0].text);
        cJSON_Delete(tree);
    }
}

// Not the first alone: one who mends a table mends all of it at once.
static void all_that_is_wrong_is_told_at_once(void **state)
{
    (void)state;
    static const char text[] = HEADER "curent_l1,4,30001,u17,1\n"
                                      "current_l1,9,30001,u99,x\n"
                                      "current_l2,4,30002,u32,1\n"
                                      "current_l3,4,30003,u16,1\n"
                                      "current_n,4,30004,u16,1\n";
    static const char *const paths[] = {"row 2, quantity", "row 2, type",  "row 3, fc",
                                        "row 3, type",     "row 3, scale", "row 5, address"};
    cJSON *tree = NULL;
    assert_int_equal(make(&head, text, strlen(text), &tree), EW_E_INVALID);
    assert_int_equal(faults.count, COUNT(paths));
    for (size_t i = 0; i < COUNT(paths); i++)
        assert_string_equal(faults.at[i].path, paths[i]);
    assert_string_equal(faults.at[5].code, "profile.overlap");
    assert_string_equal(faults.at[0].code, "table.quantity_near");
    cJSON_Delete(tree);
}

static void tables_have_a_ceiling(void **state)
{
    (void)state;
    static char text[TABLE_BYTES_MAX + 2];
    cJSON *tree = NULL;
    memset(text, 'a', sizeof(text) - 1);
    assert_int_equal(make(&head, text, sizeof(text) - 1, &tree), EW_E_INVALID);
    assert_string_equal(faults.at[0].code, "table.size");
    assert_int_equal(make(&head, text, TABLE_BYTES_MAX, &tree), EW_E_INVALID); // one line
    assert_string_equal(faults.at[0].code, "table.long");
    assert_null(tree);
    size_t len = (size_t)snprintf(text, sizeof(text), HEADER);
    for (int row = 0; row < 10000; row++) // more rows than faults are told
        len += (size_t)snprintf(text + len, sizeof(text) - len, "flow_%d,4,%d,u16,1\n", row, 30001 + row);
    assert_int_equal(make(&head, text, len, &tree), EW_E_INVALID);
    assert_int_equal(faults.count, TABLE_FAULTS_MAX);
    assert_true(faults.more);
    len = (size_t)snprintf(text, sizeof(text), HEADER);
    for (int n = 0; n < 600; n++) // more registers than a profile holds, all of them right
        len += (size_t)snprintf(text + len, sizeof(text) - len, "harmonic_%s_l%d_%d,4,%d,u16,1\n",
                                n < 300 ? "voltage" : "current", n / 62 % 3 + 1, n % 62 + 2, 30001 + n);
    assert_int_equal(make(&head, text, len, &tree), EW_E_INVALID);
    cJSON_Delete(tree);
    for (size_t cut = 0; cut < 64; cut++) { // any bytes: no crash, no tree without a register
        for (size_t i = 0; i < 200; i++)
            text[i] = (char)(cut * 37 + i * i * 11);
        (void)make(&head, text, 200 - cut, &tree);
        cJSON_Delete(tree);
    }
}

static int listed(const char *name)
{
    char other[PROFILE_NAME_MAX];
    int count = 0;
    for (int i = 0; profile_quantity_at(i, other); i++)
        count += strcmp(other, name) == 0;
    return count;
}

static void the_vocabulary_can_be_listed(void **state)
{
    (void)state;
    char name[PROFILE_NAME_MAX];
    int count = 0;
    for (; profile_quantity_at(count, name); count++)
        if (!profile_quantity_known(name, NULL))
            fail_msg("%s", name);
    assert_in_range(count, 80, 200);
    assert_int_equal(listed("voltage_l1_n"), 1);
    assert_int_equal(listed("harmonic_current_n_3"), 1);
    assert_int_equal(listed("output_1"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_tables_become_profiles),
        cmocka_unit_test(units_become_scales),
        cmocka_unit_test(types_are_taken_as_papers_write_them),
        cmocka_unit_test(letters_of_any_spreadsheet),
        cmocka_unit_test(the_word_order_of_a_whole_table),
        cmocka_unit_test(wrong_tables_are_told_with_their_row),
        cmocka_unit_test(all_that_is_wrong_is_told_at_once),
        cmocka_unit_test(tables_have_a_ceiling),
        cmocka_unit_test(the_vocabulary_can_be_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
