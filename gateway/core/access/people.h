// The rules about users, their sessions and their browsers (USR-02, USR-03, USR-04). Pure; times are passed
// in.
#ifndef EDGEWATT_CORE_ACCESS_PEOPLE_H
#define EDGEWATT_CORE_ACCESS_PEOPLE_H

#include "core/access/access.h"

enum {
    ACCESS_IDLE_MS = 30 * 60000, // USR-04
    ACCESS_BROWSER_DAYS = 90,    // USR-04
    // PINs in a row that are not its user's, then a known browser is forgotten: whoever sits down at it may
    // guess 5 of 100 000.
    ACCESS_BROWSER_MISSES = 5,
    // The clock may be put right by so much after a browser became known.
    ACCESS_CLOCK_SLACK_MS = 3600000,
    // What a wall screen may show.
    ACCESS_DISPLAY_PAGES = ACCESS_INSTALLATION | ACCESS_CONSUMPTION | ACCESS_ALARMS
};

struct access_person {
    int id;
    const char *name;
    unsigned pages;
    bool disabled, display;
};

// Whether these can be the users of a gateway, `changed` being the index of the one that was just added or
// changed (-1 = one was removed): its name has 1 to 32 bytes without control characters and is nobody else's
// (EW_E_EXISTS), a display only looks (ACCESS_DISPLAY_PAGES), and somebody who is not disabled still has the
// page "server", so that there is an administrator left.
enum ew_err access_people_check(const struct access_person *people, int count, int changed,
                                struct ew_reason *reason) EW_MUST_CHECK;
// Nobody disables, removes or demotes himself by mistake: EW_E_DENIED. after NULL = removed.
enum ew_err access_self_check(const struct access_person *after, struct ew_reason *reason) EW_MUST_CHECK;

// USR-04. A session that was not used for so long is over; a display's is not.
bool access_idle_over(bool display, int64_t idle_ms);
// A browser that became known at known_ms asks for the PIN only. False also when known_ms lies in the future:
// then the clock says nothing. Both wall clock.
bool access_browser_known(int64_t known_ms, int64_t wall_ms);

#endif
