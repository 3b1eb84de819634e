// A scan of one line with its guesses: what to ask next, what was found, and all of that as JSON
// (schemas/topics/bus_scan.schema.json). The one who asks is the caller: the command line on its own line, or
// the poller between its polls.
#ifndef EDGEWATT_TOOLS_SURVEY_H
#define EDGEWATT_TOOLS_SURVEY_H

#include "core/scan/guess.h"
#include "core/scan/scan.h"
#include "library/library.h"
#include "modbus/answer.h"

struct survey_find {
    int unit, fc, exception; // exception 0: it answered with registers
    double ms;               // until its answer
    bool disturbed, guessed;
    int guess_count;
    struct guess guesses[GUESS_BEST]; // profile: index for survey_profile
};

enum survey_state { SURVEY_RUNNING, SURVEY_DONE, SURVEY_STOPPED, SURVEY_FAILED };
struct survey;

// The library must outlive the survey. Aborts without memory.
struct survey *survey_new(const struct library *library, int first, int last, int timeout_ms, bool full);
void survey_free(struct survey *survey); // takes NULL
// What to ask now; false: it is over. gap_ms of the request is 0.
bool survey_next(struct survey *survey, struct mb_request *ret);

enum survey_event { SURVEY_NOTHING, SURVEY_FOUND, SURVEY_GUESSED };
// What came of it: err and reason as mb_line_ask gives them, words when it was EW_OK.
enum survey_event survey_answered(struct survey *survey, enum ew_err err, const struct ew_reason *reason,
                                  const uint16_t *words, double ms);
// The exception code of a bus.exception, 0 = none.
int survey_exception(const struct ew_reason *reason);
// Did the exchange fail because the way to the devices is closed? That is no answer of the unit.
bool survey_way_closed(enum ew_err err, const struct ew_reason *reason);
void survey_stop(struct survey *survey);
// The way to the devices is gone: it ends with this reason.
void survey_fail(struct survey *survey, const struct ew_reason *reason);

enum survey_state survey_state(const struct survey *survey);
const struct scan *survey_scan(const struct survey *survey);
int survey_count(const struct survey *survey);
const struct survey_find *survey_find(const struct survey *survey, int index); // in the order of finding
const struct profile *survey_profile(const struct survey *survey, int index);

// What a find is called where it is set up already: the device's id, 0 = it is new.
typedef int64_t survey_known_fn(const void *user, int unit);
// The payload of bus/<id>/scan. known may be NULL.
void survey_write(const struct survey *survey, int64_t bus, survey_known_fn *known, const void *user,
                  struct ew_jw *w);

#endif
