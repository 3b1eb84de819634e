// Which profile fits a device that answers. Each profile gives some clues: its signature (a register that
// names the model, the profile's `identify`) and measured values that are plausible at few places only, as
// 45..66 Hz. A clue weighs as many bits as it would surprise in a random register. Who refuses a register of
// a profile is not that model. Pure.
#ifndef EDGEWATT_CORE_SCAN_GUESS_H
#define EDGEWATT_CORE_SCAN_GUESS_H

#include "base/arena.h"
#include "core/profile/profile.h"

enum {
    GUESS_CLUES_MAX = 5,  // of one profile
    GUESS_ASK_MAX = 128,  // questions to one device
    GUESS_SILENT_MAX = 2, // questions that it leaves unanswered before it is left in peace
    GUESS_BEST = 3,
    GUESS_WORDS_MAX = PROFILE_STRING_WORDS_MAX
};

struct guess_question {
    uint8_t fc, count;
    uint16_t address;
};

struct guess_clue {
    uint16_t profile, question, index; // index: of the profile's register
    bool signature;
    double bits;     // of a value that fits
    double min, max; // of a plausible value
};

struct guess_book { // arrays in the arena; profiles are on loan
    int profile_count, question_count, clue_count;
    const struct profile *const *profiles;
    struct guess_question *questions;
    struct guess_clue *clues; // by profile, the best first
};

enum guess_heard { GUESS_NOT_ASKED, GUESS_READ, GUESS_REFUSED, GUESS_SILENT };
struct guess_answer { // to the question of the same index; zeroed = not asked
    enum guess_heard heard;
    uint16_t registers[GUESS_WORDS_MAX];
};

enum guess_sure { GUESS_POSSIBLE, GUESS_LIKELY, GUESS_SURE /* by its signature */ };
struct guess {
    int profile;
    enum guess_sure sure;
    double bits;
};

// Bytes of arena for that many profiles.
size_t guess_memory(int profile_count);
// Profiles without a clue (the generic meter) are never guessed. EW_E_FULL when the arena is too small.
enum ew_err guess_book_build(const struct profile *const *profiles, int profile_count, struct ew_arena *arena,
                             struct guess_book *ret) EW_MUST_CHECK;
// The question to ask now, -1 when enough is known: profiles that are ruled out ask nothing any more.
int guess_next(const struct guess_book *book, const struct guess_answer *answers);
// The best first; returns how many (0: nothing fits).
int guess_rank(const struct guess_book *book, const struct guess_answer *answers,
               struct guess ret[GUESS_BEST]);
const char *guess_sure_name(enum guess_sure sure); // "possible" "likely" "sure"

#endif
