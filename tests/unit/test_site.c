// The rules of the site file: tests/golden/site/cases.json (a case is a line: what is set in full.json, and
// the one problem that it makes), and what is not said by a table of files.
#include "check.h"

#include "base/file.h"
#include "core/site/site.h"
#include <stdlib.h>
#include <string.h>

static cJSON *load(const char *name)
{
    char path[512];
    struct ew_buf buf;
    struct ew_reason reason;
    cJSON *tree = NULL;
    ew_buf_init(&buf, EW_SITE_FILE_MAX);
    assert_int_equal(ew_format(path, sizeof(path), "%s/tests/golden/site/%s", EDGEWATT_SOURCE_DIR, name),
                     EW_OK);
    assert_int_equal(ew_file_read(path, EW_SITE_FILE_MAX, &buf, &reason), EW_OK);
    if (ew_json_parse(ew_buf_text(&buf), buf.len, EW_SITE_FILE_MAX, &tree, &reason) != EW_OK)
        fail_msg("%s: %s", path, reason.text);
    ew_buf_done(&buf);
    return tree;
}

// Sets the value at a JSON pointer, or removes what is there (value NULL).
static void set_at(cJSON *tree, const char *pointer, const cJSON *value)
{
    char part[128];
    for (const char *at = pointer + 1;; at = strchr(at, '/') + 1) {
        size_t len = strcspn(at, "/");
        bool last = at[len] == 0;
        assert_true(len < sizeof(part));
        memcpy(part, at, len);
        part[len] = 0;
        int index = (int)strtol(part, NULL, 10);
        if (!last)
            tree = cJSON_IsArray(tree) ? cJSON_GetArrayItem(tree, index)
                                       : cJSON_GetObjectItemCaseSensitive(tree, part);
        else if (cJSON_IsArray(tree) && value)
            cJSON_ReplaceItemInArray(tree, index, cJSON_Duplicate(value, true));
        else if (cJSON_IsArray(tree))
            cJSON_DeleteItemFromArray(tree, index);
        else
            cJSON_DeleteItemFromObjectCaseSensitive(tree, part);
        if (last && value && cJSON_IsObject(tree))
            cJSON_AddItemToObject(tree, part, cJSON_Duplicate(value, true));
        if (last)
            return;
        assert_non_null(tree);
    }
}

struct seen {
    int count;
    struct ew_reason first;
};

static void note(void *user, const struct ew_reason *problem)
{
    struct seen *seen = user;
    if (seen->count++ == 0)
        seen->first = *problem;
}

static bool known(void *user, const char *profile)
{
    (void)user;
    return strcmp(profile, "nonesuch") != 0;
}

static enum ew_err check(const cJSON *site, struct seen *seen, int *ret_problems)
{
    *seen = (struct seen){.count = 0};
    struct site_check job = {.profile_known = known, .problem = note, .user = seen};
    size_t size = site_check_memory(site);
    void *memory = malloc(size);
    enum ew_err err = site_check(site, &job, memory, size);
    free(memory);
    if (ret_problems)
        *ret_problems = job.problems;
    assert_int_equal(err, job.problems ? EW_E_INVALID : EW_OK);
    return err;
}

static void every_case_has_its_one_problem(void **state)
{
    (void)state;
    cJSON *cases = load("cases.json"), *full = load("full.json");
    int bad = 0, count = 0;
    const cJSON *line, *set;
    cJSON_ArrayForEach(line, cases)
    {
        const char *name = cJSON_GetObjectItemCaseSensitive(line, "name")->valuestring;
        const cJSON *path = cJSON_GetObjectItemCaseSensitive(line, "path");
        const cJSON *text = cJSON_GetObjectItemCaseSensitive(line, "text");
        cJSON *site = cJSON_Duplicate(full, true);
        cJSON_ArrayForEach(set, cJSON_GetObjectItemCaseSensitive(line, "set"))
        {
            set_at(site, cJSON_GetArrayItem(set, 0)->valuestring, cJSON_GetArrayItem(set, 1));
        }
        struct seen seen;
        (void)check(site, &seen, NULL);
        bool right = path ? seen.count == 1 && strcmp(seen.first.path, path->valuestring) == 0 &&
                                strcmp(seen.first.text, text->valuestring) == 0
                          : seen.count == 0;
        if (!right)
            print_error("%s: %d problems, the first is %s: %s\n", name, seen.count, seen.first.path,
                        seen.first.text);
        bad += !right;
        count++;
        cJSON_Delete(site);
    }
    assert_int_equal(bad, 0);
    assert_true(count >= 150);
    cJSON_Delete(cases);
    cJSON_Delete(full);
}

static void minimal_site_is_right(void **state)
{
    (void)state;
    cJSON *site = load("minimal.json");
    struct seen seen;
    assert_int_equal(check(site, &seen, NULL), EW_OK);
    cJSON_Delete(site);
}

static void not_an_object(void **state)
{
    (void)state;
    static const char *const texts[] = {"[]", "5", "null", "\"x\"", "{}"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        cJSON *site = cJSON_Parse(texts[i]);
        struct seen seen;
        assert_int_equal(check(site, &seen, NULL), EW_E_INVALID);
        assert_int_equal(seen.count, 1);
        cJSON_Delete(site);
    }
}

static void a_hundred_problems_are_told_all_are_counted(void **state)
{
    (void)state;
    cJSON *site = load("minimal.json"), *devices = cJSON_AddArrayToObject(site, "devices");
    for (int i = 0; i < 150; i++)
        cJSON_AddItemToArray(devices, cJSON_CreateNumber(i));
    struct seen seen;
    int problems = 0;
    assert_int_equal(check(site, &seen, &problems), EW_E_INVALID);
    assert_int_equal(seen.count, 100);
    assert_int_equal(problems, 150);
    cJSON_Delete(site);
}

static void four_thousand_devices_are_right_and_one_more_is_not(void **state)
{
    (void)state;
    cJSON *site = load("minimal.json"), *buses = cJSON_AddArrayToObject(site, "buses");
    cJSON *devices = cJSON_AddArrayToObject(site, "devices");
    for (int i = 0; i < EW_DEVICES_MAX + 1; i++) {
        if (i % 240 == 0) {
            cJSON *bus = cJSON_CreateObject();
            char address[32];
            assert_int_equal(ew_format(address, sizeof(address), "10.0.0.%d", i / 240), EW_OK);
            cJSON_AddNumberToObject(bus, "id", i / 240 + 1);
            cJSON_AddStringToObject(bus, "type", "tcp");
            cJSON_AddStringToObject(bus, "address", address);
            cJSON_AddItemToArray(buses, bus);
        }
        struct seen seen;
        if (i == EW_DEVICES_MAX)
            assert_int_equal(check(site, &seen, NULL), EW_OK);
        cJSON *device = cJSON_CreateObject();
        cJSON_AddNumberToObject(device, "id", i + 1);
        cJSON_AddNumberToObject(device, "bus", i / 240 + 1);
        cJSON_AddNumberToObject(device, "unit", i % 240 + 1);
        cJSON_AddItemToArray(devices, device);
    }
    struct seen seen;
    assert_int_equal(check(site, &seen, NULL), EW_E_INVALID);
    assert_string_equal(seen.first.text, "4097 items are more than the 4096 allowed");
    assert_int_equal(site_next_id(site), EW_DEVICES_MAX + 2);
    cJSON_Delete(site);
}

static void defaults_are_filled_in(void **state)
{
    (void)state;
    struct site_bus bus;
    struct site_device device;
    struct site_settings settings;
    char address[32];
    cJSON *node = cJSON_Parse("{\"id\":3,\"type\":\"tcp\",\"address\":\"10.0.0.9\",\"rev\":4}");
    assert_int_equal(site_bus_read(node, "", &bus, NULL), EW_OK);
    assert_string_equal(bus.name, "10.0.0.9");
    assert_int_equal(bus.port, 502);
    assert_int_equal(bus.serial.timeout_ms, 1000);
    assert_int_equal(bus.poll_ms, 1000);
    assert_true(bus.on && !bus.local);
    cJSON_Delete(node);
    node =
        cJSON_Parse("{\"id\":3,\"type\":\"rtu\",\"address\":\"/dev/ttyS0\",\"serial\":{\"parity\":\"O\"}}");
    assert_int_equal(site_bus_read(node, "", &bus, NULL), EW_OK);
    assert_int_equal(bus.serial.timeout_ms, 300);
    assert_int_equal(bus.serial.speed_baud, 19200);
    assert_int_equal(bus.serial.parity, 'O');
    cJSON_Delete(node);
    node = cJSON_Parse("{\"id\":3,\"bus\":1,\"unit\":2,\"interface\":1,\"position\":7,\"side\":\"R\","
                       "\"phases\":[2,3,1],\"params\":{\"register\":\"0xFF\",\"signed\":true}}");
    assert_int_equal(site_device_read(node, "", &device, NULL), EW_OK);
    assert_string_equal(device.name, "2-1-7-R");
    site_device_address(&device, address);
    assert_string_equal(address, "2-1-7-R");
    assert_int_equal(device.phases, 7);
    assert_int_equal(device.phase_order[0], 2);
    assert_true(site_param(&device, "register", 0) == 255 && site_param(&device, "signed", 0) == 1);
    assert_true(site_param(&device, "factor", 0.5) == 0.5);
    assert_true(device.on && device.circuit == 0 && device.profile[0] == 0);
    cJSON_Delete(node);
    node = cJSON_Parse("{\"id\":\"x\",\"tz\":\"UTC\"}");
    assert_int_equal(site_settings_read(node, "", &settings, NULL), EW_OK);
    assert_string_equal(settings.name, "x");
    assert_string_equal(settings.currency, "EUR");
    assert_true(settings.nominal_voltage_v == 230);
    cJSON_Delete(node);
}

static void what_a_page_may_not_change(void **state)
{
    (void)state;
    static const struct {
        const char *pointer, *value; // value NULL: removed
        const char *code;            // NULL: allowed
    } cases[] = {
        {"/buses/0/on", "true", NULL},
        {"/buses/0/name", "\"Bus\"", NULL},
        {"/buses/0/serial/speed", "9600", NULL},
        {"/buses/0", NULL, "site.local_kept"},
        {"/buses/0/local", NULL, "site.local_kept"},
        {"/buses/0/id", "9", "site.local_kept"},
        {"/buses/0/address", "\"/dev/ttyUSB1\"", "site.local_address"},
        {"/buses/0/type", "\"tcp\"", "site.local_kept"}, // the address is no host name then
        {"/buses/3", NULL, NULL},
        {"/circuits/0/disabled", "true", NULL},
        {"/circuits/0", NULL, "site.circuit_kept"},
        {"/circuits/0/use", "\"cooling\"", "site.circuit_kept"},
        {"/circuits/2", NULL, NULL},
        {"/site/name", "\"Autre\"", NULL},
        {"/site/id", "\"autre\"", "site.id_kept"},
    };
    cJSON *full = load("full.json");
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *site = cJSON_Duplicate(full, true),
              *value = cases[i].value ? cJSON_Parse(cases[i].value) : NULL;
        struct ew_reason reason;
        ew_reason_clear(&reason);
        set_at(site, cases[i].pointer, value);
        enum ew_err err = site_change_check(full, site, &reason);
        if (cases[i].code ? strcmp(reason.code, cases[i].code) != 0 || err == EW_OK : err != EW_OK)
            fail_msg("case %zu %s: %s %s", i, cases[i].pointer, reason.code, reason.text);
        cJSON_Delete(value);
        cJSON_Delete(site);
    }
    cJSON_Delete(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_has_its_one_problem),
        cmocka_unit_test(minimal_site_is_right),
        cmocka_unit_test(not_an_object),
        cmocka_unit_test(a_hundred_problems_are_told_all_are_counted),
        cmocka_unit_test(four_thousand_devices_are_right_and_one_more_is_not),
        cmocka_unit_test(defaults_are_filled_in),
        cmocka_unit_test(what_a_page_may_not_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
