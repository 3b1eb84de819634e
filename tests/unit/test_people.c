// Users, sessions and known browsers: the rules as tables (USR-02, USR-03, USR-04).
#include "check.h"

#include "core/access/people.h"
#include <string.h>

enum { DAY_MS = 86400000, HOUR_MS = 3600000 };

static const struct access_person admin = {.id = 1, .name = "administrator", .pages = ACCESS_SERVER};
static const struct access_person off = {.id = 2, .name = "off", .pages = ACCESS_SERVER, .disabled = true};

static void who_may_be_added_or_changed(void **state)
{
    (void)state;
    static const struct {
        struct access_person person;
        const char *code; // NULL = fine
    } cases[] = {
        {{.name = "Zoé", .pages = ACCESS_CONSUMPTION}, NULL},
        {{.name = "no page yet"}, NULL},
        {{.name = "abcdefghijklmnopqrstuvwxyz012345"}, NULL},
        {{.name = "abcdefghijklmnopqrstuvwxyz0123456"}, "user.name"},
        {{.name = ""}, "user.name"},
        {{.name = " x"}, "user.name"},
        {{.name = "x "}, "user.name"},
        {{.name = "a\nb"}, "user.name"},
        {{.name = "a\x7f"}, "user.name"},
        {{.name = "administrator"}, "user.exists"},
        {{.name = "off"}, "user.exists"},
        {{.name = "wall", .display = true, .pages = ACCESS_DISPLAY_PAGES}, NULL},
        {{.name = "wall", .display = true, .pages = ACCESS_CONSUMPTION | ACCESS_SYSTEM},
         "user.display_pages"},
        {{.name = "wall", .display = true, .pages = ACCESS_GREENUP}, "user.display_pages"},
        {{.name = "wall", .display = true, .pages = ACCESS_SERVER}, "user.display_pages"},
        {{.name = "wall", .display = true, .pages = ACCESS_REPORTS}, "user.display_pages"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct access_person people[] = {admin, off, cases[i].person};
        struct ew_reason reason;
        ew_reason_clear(&reason);
        enum ew_err err = access_people_check(people, 3, 2, &reason);
        if ((err == EW_OK) != !cases[i].code || (cases[i].code && strcmp(reason.code, cases[i].code) != 0))
            fail_msg("%zu: %s", i, reason.code);
    }
}

static void the_last_administrator_stays(void **state)
{
    (void)state;
    struct access_person only_disabled[] = {off, {.id = 3, .name = "x", .pages = ACCESS_SYSTEM}};
    struct access_person other[] = {off, {.id = 3, .name = "x", .pages = ACCESS_SERVER | ACCESS_GREENUP}};
    struct ew_reason reason;
    assert_int_equal(access_people_check(only_disabled, 2, -1, &reason), EW_E_DENIED);
    assert_string_equal(reason.code, "user.last_administrator");
    assert_int_equal(access_people_check(only_disabled, 2, 1, &reason), EW_E_DENIED);
    assert_int_equal(access_people_check(only_disabled, 0, -1, &reason), EW_E_DENIED);
    assert_int_equal(access_people_check(other, 2, -1, &reason), EW_OK);
    struct access_person demoted = admin, disabled = admin;
    demoted.pages = ACCESS_SYSTEM;
    disabled.disabled = true;
    assert_int_equal(access_self_check(&admin, &reason), EW_OK);
    assert_int_equal(access_self_check(&demoted, &reason), EW_E_DENIED);
    assert_int_equal(access_self_check(&disabled, &reason), EW_E_DENIED);
    assert_int_equal(access_self_check(NULL, &reason), EW_E_DENIED);
}

static void sessions_end_after_30_minutes_but_for_displays(void **state)
{
    (void)state;
    assert_false(access_idle_over(false, 0));
    assert_false(access_idle_over(false, 30 * 60000 - 1));
    assert_true(access_idle_over(false, 30 * 60000));
    assert_false(access_idle_over(true, 30 * 60000));
    assert_false(access_idle_over(true, INT64_C(365) * DAY_MS));
}

static void browsers_are_known_for_90_days(void **state)
{
    (void)state;
    const int64_t at_ms = INT64_C(1772000000000);
    static const struct {
        int64_t later_ms;
        bool known;
    } cases[] = {{0, true},
                 {INT64_C(90) * DAY_MS - 1, true},
                 {INT64_C(90) * DAY_MS, false},
                 {-HOUR_MS, true},
                 {-HOUR_MS - 1, false}, // a clock that lost its time
                 {-INT64_C(1772000000000), false}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(access_browser_known(at_ms, at_ms + cases[i].later_ms), cases[i].known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may_be_added_or_changed),
        cmocka_unit_test(the_last_administrator_stays),
        cmocka_unit_test(sessions_end_after_30_minutes_but_for_displays),
        cmocka_unit_test(browsers_are_known_for_90_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
