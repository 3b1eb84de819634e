// Which unit addresses of a line answer. A quick pass with a short patience over all of them, so that a find
// shows within seconds; then a full pass with the line's own patience over those that stayed silent, with
// function 3 and then 4. The same question goes to every address: a refusal (exception) is a sign of life
// too. Pure: the caller asks on the wire and tells what came of it; scan_stop may come at any time.
#ifndef EDGEWATT_CORE_SCAN_SCAN_H
#define EDGEWATT_CORE_SCAN_SCAN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SCAN_UNIT_FIRST = 1,
    SCAN_UNIT_LAST = 247, // MODBUS over Serial Line V1.02, 2.2
    SCAN_QUICK_MS = 150,  // patience of the quick pass: 247 of them < 45 s on a line of 19200 bit/s
    SCAN_REST_FACTOR = 5  // on a polled line: rest so many times what a step took from polling
};

enum scan_pass { SCAN_QUICK, SCAN_FULL, SCAN_DONE, SCAN_STOPPED };
enum scan_answer {
    SCAN_SILENT,
    SCAN_READ,
    SCAN_EXCEPTION, // it refuses: alive
    SCAN_DISTURBED  // something came that is no answer: damaged, cut short, of another unit
};
enum scan_what { SCAN_ASK, SCAN_GUESS, SCAN_END };

struct scan_step {
    enum scan_what what;
    int unit;               // ASK, GUESS: whose profile is to be guessed now (scan_guessed tells the end)
    int fc, address, count; // ASK
    int timeout_ms;         // ASK
};

struct scan {
    enum scan_pass pass;
    int first, last, timeout_ms;
    bool full;                         // the full pass is wanted
    int unit;                          // to be asked now
    bool second;                       // of the full pass: function 4
    bool disturbed;                    // function 3 of this unit met something that is no answer
    int asked;                         // questions so far
    int found, guessed;                // so many finds, so many of them with a guess; in order
    uint8_t finds[SCAN_UNIT_LAST + 1]; // units in the order in which they were found
    uint8_t is_found[SCAN_UNIT_LAST + 1];
};

// first..last within SCAN_UNIT_FIRST..SCAN_UNIT_LAST; timeout_ms: the line's own patience.
void scan_begin(struct scan *scan, int first, int last, int timeout_ms, bool full);
// What to do now. Guesses come when a pass is over, so that they hold up no find.
void scan_next(const struct scan *scan, struct scan_step *ret);
// What came of the ASK that scan_next named. True: this unit is found, tell it now.
bool scan_answered(struct scan *scan, enum scan_answer answer);
void scan_guessed(struct scan *scan);
void scan_stop(struct scan *scan);
// Questions asked and questions in all, as known now; the full pass counts two for each silent address.
void scan_progress(const struct scan *scan, int *ret_done, int *ret_total);
const char *scan_pass_name(enum scan_pass pass); // "quick" "full" "done" "stopped"

// The share of a polled line that a scan may take. A line on which no poll waits is free for a step that
// keeps the next poll waiting for less than its slack: polls keep their step and none is lost. Anything else
// is paid back by a rest of SCAN_REST_FACTOR times what it took from polling, which so is slowed by 20 % at
// most (25 % are promised; the rest is for what a line loses around a step). Zeroed = nothing taken yet.
// Times in µs of one scale.
struct scan_share {
    int64_t rest_until_us;
};
struct scan_polling {
    int64_t due_us;   // when a poll wants the line next; <= now: one waits. INT64_MAX: nobody polls
    int64_t slack_us; // how late a poll may begin without loss: a quarter of the shortest period
};
// May a step that takes at most cost_us begin now?
bool scan_share_may(const struct scan_share *share, const struct scan_polling *polling, int64_t now_us,
                    int64_t cost_us);
// A step ran from began_us to ended_us.
void scan_share_ran(struct scan_share *share, const struct scan_polling *polling, int64_t began_us,
                    int64_t ended_us);

#endif
