// The true currents of the site and its charge points, second by second, for whoever judges a controller:
// what flows, not what a meter or a station says.
#ifndef EDGEWATT_SIMULATOR_COURSE_H
#define EDGEWATT_SIMULATOR_COURSE_H

#include "base/json.h"
#include "simulator/device.h"

enum { COURSE_SECONDS = 3600 }; // kept

struct course {
    int stations;
    int64_t first, last; // seconds of the plant, first > last = nothing yet
    float *rows; // [COURSE_SECONDS][3 + 4 * stations]: site L1-L3; per station L1-L3 and the limit in force
};

void course_init(struct course *course, const struct plant *plant);
void course_done(struct course *course);
// Takes the present second down.
void course_note(struct course *course, const struct plant *plant);

// {"second","up_ms","site":[A,A,A],"stations":[{"id","current":[A,A,A],"limit_a","state","plugged","power",
// "disobeys","watchdog_s","fallback_a","fed_s" (seconds ago),"told_a","released",
// "lives","prepared","phases","loaded_switches","writes","written_ms"}]}
void course_write_now(struct ew_jw *w, const struct plant *plant, const struct device *devices, int count,
                      int64_t up_ms);
// {"from","site":[[A,A,A],...],"stations":{"<id>":[[A,A,A,limit],...]}}: from the given second on.
void course_write_since(const struct course *course, struct ew_jw *w, const struct plant *plant,
                        int64_t from);

#endif
