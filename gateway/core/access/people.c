#include "core/access/people.h"

#include <string.h>

enum { NAME_MAX_BYTES = 32 };

static enum ew_err check_name(const struct access_person *people, int count, int changed,
                              struct ew_reason *reason)
{
    const char *name = people[changed].name;
    size_t len = strlen(name);
    bool formed = len >= 1 && len <= NAME_MAX_BYTES && name[0] != ' ' && name[len - 1] != ' ';
    for (size_t i = 0; i < len; i++)
        formed = formed && (unsigned char)name[i] >= ' ' && name[i] != 127;
    if (!formed)
        return ew_fail(
            reason, EW_E_INVALID, "user.name", "/name",
            "A name has 1 to 32 characters, none of them a control character or a space at its ends.");
    for (int i = 0; i < count; i++)
        if (i != changed && strcmp(people[i].name, name) == 0) {
            (void)ew_fail(reason, EW_E_EXISTS, "user.exists", "/name", "There is a user \"%s\" already.",
                          name);
            ew_reason_param(reason, "user", "%s", name);
            return EW_E_EXISTS;
        }
    return EW_OK;
}

enum ew_err access_people_check(const struct access_person *people, int count, int changed,
                                struct ew_reason *reason)
{
    if (changed >= 0) {
        enum ew_err err = check_name(people, count, changed, reason);
        if (err != EW_OK)
            return err;
        if (people[changed].display && (people[changed].pages & ~(unsigned)ACCESS_DISPLAY_PAGES))
            return ew_fail(reason, EW_E_INVALID, "user.display_pages", "/pages",
                           "A display only looks: it may have My installation, Consumption and Alarms.");
    }
    for (int i = 0; i < count; i++)
        if (!people[i].disabled && (people[i].pages & ACCESS_SERVER))
            return EW_OK;
    return ew_fail(reason, EW_E_DENIED, "user.last_administrator", "",
                   "Somebody must keep the page Server configuration: this is the last user who has it.");
}

enum ew_err access_self_check(const struct access_person *after, struct ew_reason *reason)
{
    if (after && !after->disabled && (after->pages & ACCESS_SERVER))
        return EW_OK;
    return ew_fail(
        reason, EW_E_DENIED, "user.self", "",
        "Nobody can disable or delete himself, or take the page Server configuration from himself.");
}

bool access_idle_over(bool display, int64_t idle_ms)
{
    return !display && idle_ms >= ACCESS_IDLE_MS;
}

bool access_browser_known(int64_t known_ms, int64_t wall_ms)
{
    return wall_ms >= known_ms - ACCESS_CLOCK_SLACK_MS &&
           wall_ms < known_ms + ACCESS_BROWSER_DAYS * INT64_C(86400000);
}
