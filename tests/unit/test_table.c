// DEV-12: a register table out of a vendor's paper becomes a profile, or every mistake is told with its row.
#include "check.h"
#include "library/library.h"
#include "library/table.h"

#include <string.h>

static const struct table_head head = {
    .id = "acme-m1", .family = "Acme", .model = "M1", .kind = PROFILE_METER, .first = 30001};

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
        {"quantity,fc,address,type,group\n\"active_power\",\"3\",30017,\"f32\",statistics\n", 16, 1, "f32",
         "statistics"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ew_reason why;
        struct table_rows rows;
        cJSON *tree = NULL;
        if (table_profile(&head, cases[i].text, strlen(cases[i].text), &rows, &tree, &why) != EW_OK)
            fail_msg("case %zu: %s: %s", i, why.path, why.text);
        const cJSON *node = cJSON_GetObjectItemCaseSensitive(
            cJSON_GetObjectItemCaseSensitive(tree, "registers"), "active_power");
        const cJSON *scale = cJSON_GetObjectItemCaseSensitive(node, "scale");
        assert_true(cJSON_GetObjectItemCaseSensitive(node, "address")->valuedouble == cases[i].address);
        assert_true((scale ? scale->valuedouble : 1) == cases[i].scale);
        assert_string_equal(cJSON_GetObjectItemCaseSensitive(node, "type")->valuestring, cases[i].type);
        assert_string_equal(cJSON_GetObjectItemCaseSensitive(node, "group")->valuestring, cases[i].group);
        assert_int_equal(library_check_tree(tree, EDGEWATT_SOURCE_DIR "/gateway", NULL, &why), EW_OK);
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
        {HEADER "current_l9,4,30001,u16,1\n", "row 2, quantity", "not a quantity"},
        {HEADER "current_l1,4,30001,u16,1\n\ncurrent_l1,4,30002,u16,1\n", "row 4, quantity", "there twice"},
        {HEADER "current_l1,5,30001,u16,1\n", "row 2, fc", "not a whole number in range"},
        {HEADER "current_l1,4,17,u16,1\n", "row 2, address", "first number of the table"},
        {HEADER "current_l1,4,30001.5,u16,1\n", "row 2, address", "not a whole number"},
        {HEADER "current_l1,4,30001,u16,zero\n", "row 2, scale", "not a number"},
        {HEADER "current_l1,4,30001,u16,0\n", "row 2, scale", "not a number other than 0"},
        {HEADER "#\ncurrent_l1,4,30001,u15,1\n", "row 3, type", "must be one of"},
        {HEADER "current_l1,4,30001,u32,1\ncurrent_l2,4,30002,u32,1\n", "row 3, address", "overlap"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ew_reason why = {.err = EW_OK};
        struct table_rows rows;
        cJSON *tree = NULL;
        enum ew_err err = table_profile(&head, cases[i].text, strlen(cases[i].text), &rows, &tree, &why);
        if (err == EW_OK) {
            err = library_check_tree(tree, EDGEWATT_SOURCE_DIR "/gateway", NULL, &why);
            table_locate(tree, &rows, &why);
        }
        if (err == EW_OK || strcmp(why.path, cases[i].path) != 0 || !strstr(why.text, cases[i].sentence))
            fail_msg("case %zu: \"%s\": %s", i, why.path, why.text);
        cJSON_Delete(tree);
    }
}

static void tables_have_a_ceiling(void **state)
{
    (void)state;
    static char text[TABLE_BYTES_MAX + 2];
    struct ew_reason why;
    struct table_rows rows;
    cJSON *tree = NULL;
    memset(text, 'a', sizeof(text) - 1);
    assert_int_equal(table_profile(&head, text, sizeof(text) - 1, &rows, &tree, &why), EW_E_TOO_LARGE);
    assert_int_equal(table_profile(&head, text, 1000, &rows, &tree, &why), EW_E_INVALID);
    assert_null(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_tables_become_profiles),
        cmocka_unit_test(wrong_tables_are_told_with_their_row),
        cmocka_unit_test(tables_have_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
